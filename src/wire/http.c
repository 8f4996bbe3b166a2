/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request. */
#include "wire/http.h"

/* tchar (RFC 9110 5.6.2). */
static bool
is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alpha(s.p[i]) && !ascii_digit(s.p[i]) && (s.p[i] == '\0' || strchr("!#$%&'*+-.^_`|~", s.p[i]) == NULL))
			return false;
	return s.n > 0;
}

/* ---- the request line (RFC 9112 3) ---- */

static enum http_method
method_of(struct str s)
{
	static const struct {
		const char *name;
		enum http_method method;
	} methods[] = {{"GET", HTTP_GET}, {"HEAD", HTTP_HEAD}, {"POST", HTTP_POST}, {"OPTIONS", HTTP_OPTIONS}};

	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (str_eq(s, str_c(methods[i].name)))
			return methods[i].method;
	return HTTP_METHOD_OTHER;
}

/* VCHAR, and none that RFC 3986 has no place for. */
static bool
is_target(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || strchr("\"<>\\^`{|}#", s.p[i]) != NULL)
			return false;
	return s.n > 0;
}

/* A name or an address, perhaps with a port: nothing that could end a line, a field or a word where it is written again. */
static bool
is_host(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alpha(s.p[i]) && !ascii_digit(s.p[i]) && (s.p[i] == '\0' || strchr(".-_:[]%", s.p[i]) == NULL))
			return false;
	return s.n <= 300;
}

/* The absolute form (RFC 9112 3.2.2): who is meant stands in it, whatever Host says. */
static bool
absolute(struct http_request *req, struct str target, bool *found_r)
{
	struct str rest = target;
	size_t slash;

	*found_r = false;
	if (str_case_starts(target, STR("http://")))
		rest = str_from(target, 7);
	else if (str_case_starts(target, STR("https://")))
		rest = str_from(target, 8);
	else
		return false;
	for (slash = 0; slash < rest.n && rest.p[slash] != '/' && rest.p[slash] != '?'; slash++)
		;
	req->host = str_head(rest, slash);
	req->path = str_from(rest, slash);
	*found_r = true;
	return req->host.n > 0 && is_host(req->host);
}

static bool
target_of(struct http_request *req, struct str target, bool *absolute_r)
{
	size_t mark;

	*absolute_r = false;
	if (!is_target(target))
		return false;
	req->path = target;
	if (str_eq(target, STR("*")))
		return req->method == HTTP_OPTIONS;
	if (target.p[0] != '/' && !absolute(req, target, absolute_r))
		return false;
	mark = str_chr(req->path, '?');
	if (mark < req->path.n)
		req->query = str_from(req->path, mark + 1);
	req->path = str_head(req->path, mark);
	if (req->path.n == 0)
		req->path = STR("/");
	return true;
}

static unsigned
version_of(struct http_request *req, struct str version)
{
	if (str_eq(version, STR("HTTP/1.1")))
		return 0;
	if (str_eq(version, STR("HTTP/1.0"))) {
		req->old = true;
		return 0;
	}
	/* A later minor version is one that this server understands (RFC 9110 2.5). */
	if (version.n == 8 && str_starts(version, STR("HTTP/1.")) && ascii_digit(version.p[7]))
		return 0;
	return version.n == 8 && str_starts(version, STR("HTTP/")) && ascii_digit(version.p[5]) && version.p[6] == '.' && ascii_digit(version.p[7]) ? 505 : 400;
}

/* 0, or the status of what is wrong. */
static unsigned
request_line(struct http_request *req, struct str line, bool *absolute_r)
{
	struct str method, target;
	unsigned status;

	if (!str_split(&line, ' ', &method) || !str_split(&line, ' ', &target) || !is_token(method))
		return 400;
	if ((status = version_of(req, line)) != 0)
		return status;
	req->method = method_of(method);
	return target_of(req, target, absolute_r) ? 0 : 400;
}

/* ---- fields (RFC 9112 5) ---- */

static bool
is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' && s.p[i] != '\t')
			return false;
		else if (s.p[i] == 0x7f)
			return false;
	return true;
}

static struct str
trim(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = str_from(s, 1);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static unsigned
add_field(struct http_request *req, struct str line)
{
	size_t colon = str_chr(line, ':');
	struct http_field f = {str_head(line, colon), trim(str_from(line, colon + 1))};

	if (colon == line.n || !is_token(f.name) || !is_value(f.value))
		return 400;
	if (req->fields == HTTP_FIELDS_MAX)
		return 431;
	req->field[req->fields++] = f;
	return 0;
}

struct str
http_field_value(const struct http_request *req, struct str name)
{
	for (size_t i = 0; i < req->fields; i++)
		if (str_caseeq(req->field[i].name, name))
			return req->field[i].value;
	return STR_NONE;
}

static unsigned
count_fields(const struct http_request *req, struct str name)
{
	unsigned n = 0;

	for (size_t i = 0; i < req->fields; i++)
		n += str_caseeq(req->field[i].name, name);
	return n;
}

/* Is the word one of a list (RFC 9110 5.6.1) in one of these fields? */
static bool
field_has(const struct http_request *req, struct str name, struct str word)
{
	for (size_t i = 0; i < req->fields; i++) {
		struct str rest = req->field[i].value, piece;

		if (!str_caseeq(req->field[i].name, name))
			continue;
		while (rest.n > 0) {
			(void)str_split(&rest, ',', &piece);
			if (str_caseeq(trim(piece), word))
				return true;
		}
	}
	return false;
}

static unsigned
host_of(struct http_request *req, bool known)
{
	unsigned n = count_fields(req, STR("Host"));
	struct str host = http_field_value(req, STR("Host"));

	/* RFC 9112 3.2 */
	if (n > 1 || (n == 0 && !req->old) || !is_host(host))
		return 400;
	if (!known)
		req->host = host;
	return 0;
}

/* How long the body is: said once, in one way (RFC 9112 6.1, 6.3). */
static unsigned
framing_of(struct http_request *req)
{
	unsigned lengths = count_fields(req, STR("Content-Length")), codings = count_fields(req, STR("Transfer-Encoding"));

	if (codings > 0) {
		if (codings > 1 || lengths > 0 || req->old)
			return 400;
		if (!str_caseeq(http_field_value(req, STR("Transfer-Encoding")), STR("chunked")))
			return 501;
		req->framing = HTTP_CHUNKED;
	} else if (lengths > 0) {
		if (lengths > 1 || !str_u64(http_field_value(req, STR("Content-Length")), INT64_MAX, &req->length))
			return 400;
		req->framing = req->length > 0 ? HTTP_LENGTH : HTTP_NO_BODY;
	}
	return 0;
}

static unsigned
fields_mean(struct http_request *req, bool absolute)
{
	struct str expect = http_field_value(req, STR("Expect"));
	unsigned status;

	if ((status = host_of(req, absolute)) != 0 || (status = framing_of(req)) != 0)
		return status;
	req->keep = req->old ? field_has(req, STR("Connection"), STR("keep-alive")) : !field_has(req, STR("Connection"), STR("close"));
	if (expect.p != NULL && !str_caseeq(expect, STR("100-continue")))
		return 417;
	req->waits = expect.p != NULL && !req->old && req->framing != HTTP_NO_BODY;
	return 0;
}

/* ---- the head ---- */

/* A line without its CRLF. False: there is a CR or an LF by itself, or no line. */
static bool
take_line(struct str *rest, struct str *line_r)
{
	size_t cr = str_chr(*rest, '\r');

	if (cr + 1 >= rest->n || rest->p[cr + 1] != '\n')
		return false;
	*line_r = str_head(*rest, cr);
	*rest = str_from(*rest, cr + 2);
	return str_chr(*line_r, '\n') == line_r->n;
}

static unsigned
parse(struct http_request *req, struct str head)
{
	struct str line;
	bool absolute = false;
	unsigned status;

	*req = (struct http_request){0};
	if (!take_line(&head, &line))
		return 400;
	if ((status = request_line(req, line, &absolute)) != 0)
		return status;
	while (status == 0) {
		if (!take_line(&head, &line))
			return 400;
		if (line.n == 0)
			return fields_mean(req, absolute);
		status = add_field(req, line);
	}
	return status;
}

enum http_read
http_head(struct http_reader *r, struct str in, struct http_request *req_r, size_t *used_r, unsigned *status_r)
{
	/* One empty line before a request is passed over (RFC 9112 2.2). */
	size_t skip = str_starts(in, STR("\r\n")) ? 2 : 0, end;

	end = str_find(in, STR("\r\n\r\n"), r->looked > skip ? r->looked : skip);
	if (end == SIZE_MAX || end > HTTP_HEAD_MAX) {
		r->looked = in.n > 3 ? in.n - 3 : 0;
		if (end == SIZE_MAX && in.n <= HTTP_HEAD_MAX)
			return HTTP_READ_MORE;
		*status_r = str_find(str_from(in, skip), STR("\r\n"), 0) == SIZE_MAX ? 414 : 431;
		return HTTP_READ_BAD;
	}
	r->looked = 0;
	*used_r = end + 4;
	*status_r = parse(req_r, str_from(str_head(in, end + 4), skip));
	return *status_r == 0 ? HTTP_READ_HEAD : HTTP_READ_BAD;
}
