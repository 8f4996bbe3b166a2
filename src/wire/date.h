/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates of IMAP (RFC 9051 section 9: date, date-time) both ways, and the proleptic Gregorian
 * calendar without the C library's time zone. Years 1 to 9999. Pure, any thread.
 */
#ifndef WIRE_DATE_H
#define WIRE_DATE_H

#include "base/buf.h"
#include "base/status.h"

/* An instant, and the zone in which it was written. */
struct date_time {
	int64_t seconds; /* since 1970-01-01 00:00 UTC */
	int16_t zone;    /* minutes east of UTC, within -1439..1439 */
};

/* Days since 1970-01-01; month 1..12. The day may be any number: days past the month's end count
 * on. */
int32_t date_days(int year, int month, int day);
void date_civil(int32_t days, int *year_r, int *month_r, int *day_r);
bool date_valid(int year, int month, int day);
/* 1..12 for an English month name of three letters, any case; else 0. */
int date_month(struct str s);
/* "Jan".. for 1..12. */
const char *date_month_name(int month);
/* The day (since 1970-01-01) on which d falls in its own zone: what SINCE, ON and BEFORE compare. */
int32_t date_of(struct date_time d);

/* "1-Feb-1994" without quotes, one or two digits of day. ERR_BAD_INPUT. */
must_check enum status date_parse(struct str s, int32_t *days_r);
/* " 4-Aug-2018 09:51:03 +0200" without quotes; "4-Aug-..." and "04-Aug-..." too (T59).
 * ERR_BAD_INPUT. */
must_check enum status date_time_parse(struct str s, struct date_time *d_r);
void date_print(struct buf *out, int32_t days);
/* "Sun, 6 Nov 1994 08:49:37 +0000", as header fields have it (RFC 5322 3.3), of seconds since 1970. */
void date_header_print(struct buf *out, int64_t seconds);
/* Quoted, the day padded with a space to two characters (T59). Years outside 1..9999 are clamped. */
void date_time_print(struct buf *out, struct date_time d);

#endif
