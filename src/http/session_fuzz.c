/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole HTTP connections: 0xfe in the input is where a segment ends. Each answer must be one that a strict client takes apart again, with the length
 * that it says, and the server must end when the input does.
 */
#include <stdlib.h>
#include "base/assert.h"
#include "base/log.h"
#include "http/http.h"
#include "session/play_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_service service;

static void *
open_http(const struct door *door)
{
	service.door = door;
	return &service;
}

static const struct test_service kind = {.handler = &http_handler, .open = open_http};

static void
fill(struct test_door *t)
{
	t->door.hostname = "mail.example.org";
}

/* The number behind a field's name. */
static bool
number_of(struct str head, struct str name, uint64_t *n_r)
{
	size_t at = str_find(head, name, 0);
	struct str rest;

	if (at == SIZE_MAX)
		return false;
	rest = str_from(head, at + name.n);
	return str_u64(str_head(rest, str_find(rest, STR("\r\n"), 0)), UINT32_MAX, n_r);
}

/* Answers to HEAD have no body, whatever length they tell: then what follows is the next answer, or nothing. */
static bool
is_answer(struct str *rest)
{
	size_t end = str_find(*rest, STR("\r\n\r\n"), 0);
	struct str head = str_head(*rest, end == SIZE_MAX ? 0 : end + 4);
	uint64_t length;

	if (!str_starts(*rest, STR("HTTP/1.1 ")) || end == SIZE_MAX)
		return false;
	*rest = str_from(*rest, head.n);
	if (str_starts(head, STR("HTTP/1.1 100 ")))
		return true;
	if (!number_of(head, STR("Content-Length: "), &length))
		return false;
	if (length <= rest->n && !str_starts(*rest, STR("HTTP/1.1 ")))
		*rest = str_from(*rest, (size_t)length);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_of(data, size), rest;
	struct test_client c;
	struct test_door t;

	if (size > 65536)
		return 0;
	test_door_cheap();
	test_door_open_image(&t, &kind, fill, false);
	t.door.hostname = "mail.example.org";
	test_client_open(&t, &c);
	while (in.n > 0) {
		size_t n = 0;

		while (n < in.n && (unsigned char)in.p[n] != 0xfe)
			n++;
		test_client_send(&t, &c, str_head(in, n));
		test_client_run(&t, &c);
		in = str_from(in, n + 1);
	}
	ensure(test_client_end(&t, &c));
	for (rest = buf_str(&c.got); rest.n > 0;)
		if (!is_answer(&rest)) {
			log_set_level(LOG_LEVEL_INFO);
			log_event(EV_tool, "not an answer: %.*s", STR_FMT(rest));
			abort();
		}
	buf_free(&c.got);
	test_door_close(&t);
	return 0;
}
