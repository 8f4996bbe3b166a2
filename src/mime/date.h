/* SPDX-License-Identifier: Apache-2.0 */
/*
 * date: the date-time of a header (RFC 5322 3.3, obsolete forms 4.3) and what real mail writes instead:
 * missing seconds, two-digit years, names spelt out, "GMT+0100", ISO 8601, ctime order. Pure, any thread.
 */
#ifndef MIME_DATE_H
#define MIME_DATE_H

#include "base/str.h"

/* UTC seconds since 1970 and the zone it was written in, in minutes east. Unknown zones count as
 * UTC. False where no date can be made out; nothing is written then. */
bool mime_date_parse(struct str raw, int64_t *utc_r, int *zone_minutes_r);
/* Days since 1970-01-01 of a day of the Gregorian calendar; month 1 to 12. */
int64_t mime_days(int64_t year, int month, int day);

#endif
