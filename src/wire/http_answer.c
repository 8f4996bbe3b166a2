/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an answer. */
#include <time.h>
#include "wire/http.h"

const char *
http_reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *reason;
	} reasons[] = {{200, "OK"}, {204, "No Content"}, {301, "Moved Permanently"}, {304, "Not Modified"}, {400, "Bad Request"}, {403, "Forbidden"},
	    {404, "Not Found"}, {405, "Method Not Allowed"}, {408, "Request Timeout"}, {413, "Content Too Large"}, {414, "URI Too Long"},
	    {415, "Unsupported Media Type"}, {417, "Expectation Failed"}, {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
	    {501, "Not Implemented"}, {503, "Service Unavailable"}, {505, "HTTP Version Not Supported"}};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "";
}

/* IMF-fixdate (RFC 9110 5.6.7), whatever the locale. */
static void
add_date(struct buf *out, int64_t now)
{
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t t = (time_t)now;
	struct tm tm;

	if (gmtime_r(&t, &tm) != NULL)
		buf_addf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
		    tm.tm_min, tm.tm_sec);
}

void
http_answer_begin(struct buf *out, unsigned status, int64_t now, const char *type, size_t length, bool keep)
{
	buf_addf(out, "HTTP/1.1 %u %s\r\n", status, http_reason(status));
	add_date(out, now);
	if (type != NULL)
		buf_addf(out, "Content-Type: %s\r\n", type);
	buf_addf(out, "Content-Length: %zu\r\n", length);
	if (!keep)
		buf_adds(out, "Connection: close\r\n");
}
