/* SPDX-License-Identifier: Apache-2.0 */
/* Days and seconds, each way, in the Gregorian calendar. */
#include "wire/date.h"

#include "base/assert.h"

#define DAY 86400

static const char months[12][4] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static bool
leap_year(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days before the month in a year that begins with March: leap days then stand at its end. */
static int
days_before(int march_month)
{
	return (153 * march_month + 2) / 5;
}

int32_t
date_days(int year, int month, int day)
{
	int y = month <= 2 ? year - 1 : year, m = (month + 9) % 12;
	int era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;

	ensure(month >= 1 && month <= 12 && of_era >= 0 && of_era < 400);
	/* 719468 days lie between 0000-03-01 and 1970-01-01. */
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + days_before(m) + day - 1 -
	       719468;
}

void
date_civil(int32_t days, int *year_r, int *month_r, int *day_r)
{
	int64_t z = (int64_t)days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int doe = (int)(z - era * 146097); /* day of the era of 400 years */
	int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int m = (5 * doy + 2) / 153;

	ensure(doe >= 0 && doe < 146097 && doy >= 0 && doy < 366 && m >= 0 && m < 12);
	*day_r = doy - days_before(m) + 1;
	*month_r = m < 10 ? m + 3 : m - 9;
	*year_r = (int)(yoe + era * 400) + (*month_r <= 2);
}

bool
date_valid(int year, int month, int day)
{
	static const int length[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
		return false;
	return day <= length[month - 1] + (month == 2 && leap_year(year));
}

int
date_month(struct str s)
{
	for (int i = 0; i < 12; i++)
		if (str_caseeq(s, str_of(months[i], 3)))
			return i + 1;
	return 0;
}

const char *
date_month_name(int month)
{
	return months[(month - 1) % 12];
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int32_t
date_of(struct date_time d)
{
	/* Far beyond what can be written: nothing overflows. */
	if (d.seconds < -(INT64_C(1) << 46) || d.seconds > INT64_C(1) << 46)
		return d.seconds < 0 ? -(1 << 29) : 1 << 29;
	return (int32_t)floor_div(d.seconds + (int64_t)d.zone * 60, DAY);
}

/* n digits at *s, moved past them; -1 if they are not there. */
static int
digits(struct str *s, size_t n)
{
	int v = 0;

	if (s->n < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!ascii_digit(s->p[i]))
			return -1;
		v = v * 10 + (s->p[i] - '0');
	}
	*s = str_from(*s, n);
	return v;
}

static bool
skip(struct str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = str_from(*s, 1);
	return true;
}

/* d-mon-yyyy or dd-mon-yyyy at *s, moved past it. */
static enum status
parse_day(struct str *s, int32_t *days_r)
{
	int day, month, year;

	day = s->n > 1 && ascii_digit(s->p[1]) ? digits(s, 2) : digits(s, 1);
	if (day < 0 || !skip(s, '-') || s->n < 3)
		return ERR_BAD_INPUT;
	month = date_month(str_head(*s, 3));
	*s = str_from(*s, 3);
	if (!skip(s, '-') || (year = digits(s, 4)) < 0 || !date_valid(year, month, day))
		return ERR_BAD_INPUT;
	*days_r = date_days(year, month, day);
	return OK;
}

enum status
date_parse(struct str s, int32_t *days_r)
{
	int32_t days;

	if (parse_day(&s, &days) != OK || s.n != 0)
		return ERR_BAD_INPUT;
	*days_r = days;
	return OK;
}

/* " hh:mm:ss" at *s; seconds of the day, or -1. A leap second is the next minute's first. */
static int
parse_clock(struct str *s)
{
	int h, m, sec;

	if (!skip(s, ' ') || (h = digits(s, 2)) < 0 || !skip(s, ':') || (m = digits(s, 2)) < 0 ||
	    !skip(s, ':') || (sec = digits(s, 2)) < 0)
		return -1;
	return h > 23 || m > 59 || sec > 60 ? -1 : h * 3600 + m * 60 + sec;
}

enum status
date_time_parse(struct str s, struct date_time *d_r)
{
	int clock, zone, zm;
	int32_t days;
	bool west;

	/* One space pads a one-digit day (date-day-fixed). */
	if (s.n > 2 && s.p[0] == ' ' && !ascii_digit(s.p[2]))
		s = str_from(s, 1);
	if (parse_day(&s, &days) != OK || (clock = parse_clock(&s)) < 0 || !skip(&s, ' ') ||
	    s.n != 5)
		return ERR_BAD_INPUT;
	west = s.p[0] == '-';
	if (!west && s.p[0] != '+')
		return ERR_BAD_INPUT;
	s = str_from(s, 1);
	if ((zone = digits(&s, 2)) < 0 || (zm = digits(&s, 2)) < 0 || zone > 23 || zm > 59)
		return ERR_BAD_INPUT;
	zone = zone * 60 + zm;
	d_r->zone = (int16_t)(west ? -zone : zone);
	d_r->seconds = (int64_t)days * DAY + clock - (int64_t)d_r->zone * 60;
	return OK;
}

void
date_print(struct buf *out, int32_t days)
{
	int y, m, d;

	date_civil(days, &y, &m, &d);
	buf_addf(out, "%d-%s-%04d", d, months[m - 1], y);
}

static void
two(char *p, int n, char pad)
{
	p[0] = n < 10 ? pad : (char)('0' + n / 10);
	p[1] = (char)('0' + n % 10);
}

void
date_time_print(struct buf *out, struct date_time d)
{
	static const int64_t lowest = (int64_t)-719162 * DAY, highest = (int64_t)2932897 * DAY - 1;
	int zone = d.zone < -1439 || d.zone > 1439 ? 0 : d.zone;
	int64_t local = d.seconds < lowest    ? lowest
			: d.seconds > highest ? highest
					      : d.seconds + zone * 60;
	int y, m, day, clock, z = zone < 0 ? -zone : zone;
	char t[28] = "\"dd-mmm-yyyy hh:mm:ss +zzzz\"";

	local = local < lowest ? lowest : local > highest ? highest : local;
	date_civil((int32_t)floor_div(local, DAY), &y, &m, &day);
	clock = (int)(local - floor_div(local, DAY) * DAY);
	two(t + 1, day, ' ');
	memcpy(t + 4, months[m - 1], 3);
	two(t + 8, y / 100, '0');
	two(t + 10, y % 100, '0');
	two(t + 13, clock / 3600, '0');
	two(t + 16, clock / 60 % 60, '0');
	two(t + 19, clock % 60, '0');
	t[22] = zone < 0 ? '-' : '+';
	two(t + 23, z / 60, '0');
	two(t + 25, z % 60, '0');
	buf_add(out, str_of(t, sizeof(t)));
}

void
date_header_print(struct buf *out, int64_t seconds)
{
	static const char *const names[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"}; /* 1970 began with the first */
	int32_t days = (int32_t)(seconds / 86400), second = (int32_t)(seconds % 86400);
	int year, month, day;

	date_civil(days, &year, &month, &day);
	buf_addf(out, "%s, %d %s %d %02d:%02d:%02d +0000", names[days % 7], day, date_month_name(month), year, second / 3600, second / 60 % 60, second % 60);
}
