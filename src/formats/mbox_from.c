/* SPDX-License-Identifier: Apache-2.0 */
/* Is a line that begins with From the begin of a message? It is by its date, or its sender. */
#include "formats/mbox_priv.h"

#include "wire/date.h"

/* The words of a date, each at most once. */
struct words {
	int day, month, year, seconds;
	bool weekday, time, zoned, dated;
	int zone, zones;
};

static bool
weekday(struct str w)
{
	static const char names[] = "SunMonTueWedThuFriSat";

	for (size_t i = 0; w.n == 3 && i < 21; i += 3)
		if (str_caseeq(w, str_of(names + i, 3)))
			return true;
	return false;
}

static int
two(const char *p)
{
	return ascii_digit(p[0]) && ascii_digit(p[1]) ? (p[0] - '0') * 10 + p[1] - '0' : -1;
}

/* hh:mm or hh:mm:ss, one digit of the hour too. */
static bool
time_word(struct str w, struct words *d)
{
	int hour, minute, second = 0;
	size_t h = str_chr(w, ':');

	if (h == 1 && ascii_digit(w.p[0]))
		hour = w.p[0] - '0';
	else if (h == 2)
		hour = two(w.p);
	else
		return false;
	w = str_from(w, h + 1);
	if (w.n != 2 && (w.n != 5 || w.p[2] != ':'))
		return false;
	minute = two(w.p);
	if (w.n == 5)
		second = two(w.p + 3);
	if (hour < 0 || hour > 24 || minute < 0 || minute > 59 || second < 0 || second > 61)
		return false;
	d->seconds = hour * 3600 + minute * 60 + second;
	return d->time = true;
}

/* +hhmm, GMT+hh:mm and names of zones, of which the usual ones are known. */
static bool
zone_word(struct str w, struct words *d)
{
	static const struct {
		char name[5];
		int hours;
	} known[] = {{"UT", 0}, {"UTC", 0}, {"GMT", 0}, {"Z", 0}, {"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5}, {"MST", -7},
	    {"MDT", -6}, {"PST", -8}, {"PDT", -7}, {"CET", 1}, {"MET", 1}, {"CEST", 2}, {"MEST", 2}, {"BST", 1}, {"EET", 2}, {"EEST", 3},
	    {"JST", 9}};
	bool alpha = w.n >= 1 && w.n <= 5;

	if (w.n == 5 && (w.p[0] == '+' || w.p[0] == '-') && two(w.p + 1) >= 0 && two(w.p + 3) >= 0 && two(w.p + 1) < 24) {
		d->zone = (two(w.p + 1) * 60 + two(w.p + 3)) * (w.p[0] == '-' ? -1 : 1);
		return d->zoned = true;
	}
	for (size_t i = 0; i < w.n && alpha; i++)
		alpha = w.p[i] >= 'A' && w.p[i] <= 'Z';
	for (size_t i = 0; i < sizeof(known) / sizeof(*known) && alpha && !d->zoned; i++)
		if (str_eq(w, str_c(known[i].name))) {
			d->zone = known[i].hours * 60;
			d->zoned = true;
		}
	return alpha;
}

/* yyyy-mm-dd, also with Thh:mm:ss behind it. */
static bool
iso_word(struct str w, struct words *d)
{
	if (w.n < 10 || w.p[4] != '-' || w.p[7] != '-' || two(w.p) < 0 || two(w.p + 2) < 0 || two(w.p + 5) < 0 || two(w.p + 8) < 0 ||
	    (w.n > 10 && w.p[10] != 'T'))
		return false;
	d->year = two(w.p) * 100 + two(w.p + 2);
	d->month = two(w.p + 5);
	d->day = two(w.p + 8);
	if (w.n == 10)
		return true;
	w = str_trim_suffix(str_from(w, 11), 'Z');
	return time_word(w, d);
}

static bool
number_word(struct str w, struct words *d)
{
	uint64_t n;

	if (!str_u64(w, 9999, &n))
		return false;
	if (w.n <= 2 && d->day == 0 && n >= 1 && n <= 31) {
		d->day = (int)n;
		return true;
	}
	if (d->year >= 0 || (w.n != 4 && w.n != 2) || (w.n == 4 && n < 1900))
		return false;
	d->year = w.n == 4 ? (int)n : (int)n + (n < 70 ? 2000 : 1900);
	return true;
}

static bool
take_word(struct str w, struct words *d)
{
	if (weekday(w) && !d->weekday)
		return d->weekday = true;
	if (date_month(w) != 0 && d->month == 0) {
		d->month = date_month(w);
		return true;
	}
	if (!d->time && time_word(w, d))
		return true;
	if (ascii_digit(w.p[0]))
		return number_word(w, d) || (d->day == 0 && d->year < 0 && iso_word(w, d));
	/* "MET DST" */
	return d->time && d->zones++ < 2 && zone_word(w, d);
}

/* All of the text is a date, or a date and "remote from host". */
static bool
date_all(struct str text, struct words *d)
{
	size_t remote = str_find(text, STR(" remote from "), 0);
	struct str word;

	*d = (struct words){.year = -1};
	if (remote != SIZE_MAX)
		text = str_head(text, remote);
	while (text.n > 0 && str_split(&text, ' ', &word)) {
		word = str_trim_suffix(word, ',');
		if (word.n > 0 && !take_word(word, d))
			return false;
	}
	return d->time && date_valid(d->year, d->month, d->day);
}

/* "From name", "From - whatever", "From name@host whatever", "From ". */
static bool
weak(struct str rest)
{
	struct str sender = str_head(rest, str_chr(rest, ' '));

	if (rest.n == sender.n)
		return true;
	return str_eq(sender, STR("-")) || str_chr(sender, '@') < sender.n || str_eq(sender, STR("MAILER-DAEMON"));
}

enum mbox_form
mbox_from_parse(struct str line, struct mbox_from *r)
{
	struct words d;
	struct str rest;

	if (!str_starts(line, STR("From ")) || line.n > MBOX_FROM_MAX)
		return FROM_NONE;
	rest = str_trim(str_from(line, 5));
	for (size_t i = str_chr(rest, ' '); i < rest.n; i += 1 + str_chr(str_from(rest, i + 1), ' ')) {
		/* A date has 4 to 9 words: what stands far before the end is the sender's name. */
		if (rest.n - i > 80 || !date_all(str_from(rest, i + 1), &d))
			continue;
		*r = (struct mbox_from){.zone = (int16_t)d.zone, .zoned = d.zoned,
		    .date = date_days(d.year, d.month, d.day) * INT64_C(86400) + d.seconds - d.zone * INT64_C(60)};
		return FROM_DATED;
	}
	return weak(rest) ? FROM_WEAK : FROM_NONE;
}

bool
mbox_is_field(struct str line)
{
	size_t colon = str_chr(line, ':');

	if (colon == 0 || colon == line.n || colon > 100)
		return false;
	for (size_t i = 0; i < colon; i++)
		if (line.p[i] <= ' ' || line.p[i] >= 0x7f)
			return false;
	return true;
}

static bool
usual_field(struct str line)
{
	static const char *const names[] = {"Return-Path:", "Received:", "Delivered-To:", "Date:", "From:", "To:", "Subject:", "Message-ID:",
	    "MIME-Version:", "Content-Type:", "X-Mozilla-Status:", "X-Account-Key:", "Status:", "Reply-To:", "Sender:", "X-Original-To:",
	    "DKIM-Signature:", "X-UIDL:"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_case_starts(line, str_c(names[i])))
			return true;
	return false;
}

bool
mbox_is_header(struct str s, bool whole)
{
	bool usual = false, any = false;
	struct str line;

	while (s.n > 0) {
		bool complete = str_chr(s, '\n') < s.n;

		(void)str_split(&s, '\n', &line);
		line = str_trim_suffix(line, '\r');
		if (!complete && !whole)
			return usual;
		if (line.n == 0)
			return usual;
		if (!(any && (line.p[0] == ' ' || line.p[0] == '\t')) && !mbox_is_field(line))
			return false;
		any = true;
		usual |= usual_field(line);
	}
	return usual;
}
