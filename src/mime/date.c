/* SPDX-License-Identifier: Apache-2.0 */
/* Dates of headers (RFC 5322 3.3 and the obsolete forms), and what mailers write instead. */
#include "mime/date.h"
#include "mime/comment.h"

struct parts {
	int64_t year;
	int month, day, hour, minute, second, zone;
	bool has_year, has_day, has_time, has_zone;
};

static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
static const char weekdays[] = "sunmontuewedthufrisat";

int64_t
mime_days(int64_t year, int month, int day)
{
	/* Days before the first of each month in a year that begins in March. */
	static const int before[12] = {0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337};
	int64_t y = month <= 2 ? year - 1 : year, days;

	days = 365 * y + y / 4 - y / 100 + y / 400 + before[(month + 9) % 12] + day - 1;
	return days - 719468;
}

/* 0 to n-1 for a word whose first three letters are one of the names in the table, or -1. */
static int
name_index(const char *table, int n, struct str word)
{
	if (word.n < 3)
		return -1;
	for (int i = 0; i < n; i++)
		if (ascii_lower(word.p[0]) == table[3 * i] && ascii_lower(word.p[1]) == table[3 * i + 1] &&
		    ascii_lower(word.p[2]) == table[3 * i + 2])
			return i;
	return -1;
}

/* Digits from *i on; at most nine count. */
static int64_t
number(struct str s, size_t *i, size_t *len_r)
{
	int64_t n = 0;
	size_t len = 0;

	for (; *i < s.n && ascii_digit(s.p[*i]); ++*i, ++len)
		if (len < 9)
			n = n * 10 + (s.p[*i] - '0');
	*len_r = len;
	return n;
}

static bool
digit_at(struct str s, size_t i)
{
	return i < s.n && ascii_digit(s.p[i]);
}

/* Blanks and comments may stand anywhere, in old mail also inside a time (RFC 5322 4.3). */
static size_t
skip_cfws(struct str s, size_t i)
{
	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t' || s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '('))
		i = s.p[i] == '(' ? comment_end(s, i) : i + 1;
	return i;
}

/* Obsolete zones, RFC 5322 4.3. Military letters count as -0000, since RFC 822 had their signs wrong. */
static void
zone_word(struct parts *p, struct str word)
{
	static const struct {
		struct str name;
		int hours;
	} zones[] = {
		{{"ut", 2}, 0}, {{"utc", 3}, 0}, {{"gmt", 3}, 0}, {{"z", 1}, 0}, {{"est", 3}, -5}, {{"edt", 3}, -4},
		{{"cst", 3}, -6}, {{"cdt", 3}, -5}, {{"mst", 3}, -7}, {{"mdt", 3}, -6}, {{"pst", 3}, -8},
		{{"pdt", 3}, -7}, {{"cet", 3}, 1}, {{"cest", 4}, 2}, {{"met", 3}, 1}, {{"mest", 4}, 2},
		{{"mez", 3}, 1}, {{"mesz", 4}, 2}, {{"bst", 3}, 1}, {{"wet", 3}, 0}, {{"west", 4}, 1},
		{{"eet", 3}, 2}, {{"eest", 4}, 3}, {{"msk", 3}, 3}, {{"jst", 3}, 9}, {{"kst", 3}, 9},
	};

	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]) && !p->has_zone; i++) {
		if (str_caseeq(word, zones[i].name)) {
			p->zone = zones[i].hours * 60;
			p->has_zone = true;
		}
	}
}

static void
read_word(struct parts *p, struct str word)
{
	int m = name_index(months, 12, word);

	if (m >= 0 && p->month == 0)
		p->month = m + 1;
	else if (p->has_time && str_caseeq(word, STR("pm")) && p->hour < 12)
		p->hour += 12;
	else if (p->has_time && str_caseeq(word, STR("am")) && p->hour == 12)
		p->hour = 0;
	else if (m < 0 && name_index(weekdays, 7, word) < 0)
		zone_word(p, word);
}

/* "+0100", "-05:00", "+1". A zone that no place on earth has counts as UTC. */
static void
read_zone(struct parts *p, struct str s, size_t *i)
{
	bool minus = s.p[(*i)++] == '-';
	size_t len;
	int64_t n = number(s, i, &len), hours = n, minutes = 0;

	if (len <= 2 && *i < s.n && s.p[*i] == ':' && digit_at(s, *i + 1)) {
		++*i;
		minutes = number(s, i, &len);
	} else if (len > 2) {
		hours = n / 100;
		minutes = n % 100;
	}
	p->zone = hours <= 24 && minutes < 60 ? (int)(hours * 60 + minutes) : 0;
	if (minus)
		p->zone = -p->zone;
	p->has_zone = true;
}

/* Whether a separator and digits come next; then *i is moved to the digits. */
static bool
next_field(struct str s, size_t *i, char sep)
{
	size_t at = skip_cfws(s, *i);

	if (at >= s.n || s.p[at] != sep)
		return false;
	at = skip_cfws(s, at + 1);
	if (!digit_at(s, at))
		return false;
	*i = at;
	return true;
}

/* The rest of a time whose hour is read: minutes, where *i is, perhaps ":ss", perhaps a fraction. */
static void
read_time(struct parts *p, struct str s, size_t *i, int64_t hour, char sep)
{
	size_t len;

	p->has_time = true;
	p->hour = hour > 99 ? 99 : (int)hour;
	p->minute = (int)number(s, i, &len);
	if (next_field(s, i, sep))
		p->second = (int)number(s, i, &len);
	if (*i < s.n && (s.p[*i] == '.' || s.p[*i] == ',') && digit_at(s, *i + 1)) {
		++*i;
		(void)number(s, i, &len);
	}
}

/* "2004-01-12", as ISO 8601 has it, behind the year. */
static void
read_iso(struct parts *p, struct str s, size_t *i)
{
	char sep = *i < s.n ? s.p[*i] : ' ';
	size_t len;

	if ((sep != '-' && sep != '/') || !digit_at(s, *i + 1) || p->month != 0 || p->has_day)
		return;
	++*i;
	p->month = (int)number(s, i, &len);
	if (*i < s.n && s.p[*i] == sep && digit_at(s, *i + 1)) {
		++*i;
		p->day = (int)number(s, i, &len);
		p->has_day = true;
	}
	if (*i < s.n && ascii_lower(s.p[*i]) == 't' && digit_at(s, *i + 1))
		++*i;
}

static void
read_number(struct parts *p, struct str s, size_t *i)
{
	size_t len;
	int64_t n = number(s, i, &len);
	bool dots = *i + 3 < s.n && s.p[*i] == '.' && digit_at(s, *i + 1) && digit_at(s, *i + 2) &&
	    s.p[*i + 3] == '.';

	if (!p->has_time && len <= 2 && next_field(s, i, ':')) {
		read_time(p, s, i, n, ':');
	} else if (!p->has_time && len <= 2 && dots && p->has_year && next_field(s, i, '.')) {
		read_time(p, s, i, n, '.');
	} else if (!p->has_year && (len >= 3 || p->has_day)) {
		/* RFC 5322 4.3: two digits below 50 are of this century, else three add to 1900. */
		p->year = len == 2 && n < 50 ? n + 2000 : len <= 3 ? n + 1900 : n;
		p->has_year = true;
		read_iso(p, s, i);
	} else if (!p->has_day && len <= 2) {
		p->day = (int)n;
		p->has_day = true;
	}
}

static bool
valid(const struct parts *p)
{
	/* No mail is older than 1900 (RFC 5322 3.3): what says so is a fault of the year 2000, and no date. */
	return p->has_year && p->has_day && p->year >= 1900 && p->year <= 9999 && p->month >= 1 && p->month <= 12 &&
	    p->day >= 1 && p->day <= 31 && p->hour <= 24 && p->minute <= 59 && p->second <= 60;
}

bool
mime_date_parse(struct str raw, int64_t *utc_r, int *zone_minutes_r)
{
	struct parts p = {0};
	struct str s = str_head(str_trim(raw), 256);
	size_t i = 0;

	while (i < s.n) {
		char c = s.p[i];

		if (c == '(') {
			i = comment_end(s, i);
		} else if (ascii_digit(c)) {
			read_number(&p, s, &i);
		} else if ((c == '+' || c == '-') && p.has_time && digit_at(s, i + 1) &&
		    (p.has_year || c == '+' || i + 5 == s.n)) {
			read_zone(&p, s, &i);
		} else if (ascii_alpha(c)) {
			size_t start = i;

			while (i < s.n && ascii_alpha(s.p[i]))
				i++;
			read_word(&p, str_of(s.p + start, i - start));
		} else {
			i++;
		}
	}
	if (!valid(&p))
		return false;
	*utc_r = mime_days(p.year, p.month, p.day) * 86400 + p.hour * 3600 + p.minute * 60 + p.second -
	    p.zone * 60;
	*zone_minutes_r = p.zone;
	return true;
}
