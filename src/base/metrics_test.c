/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms and the text of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/log.h"
#include "base/metrics.h"

static void
test_histogram(void **state)
{
	struct histogram h = {0};
	struct buf b = {0};

	histogram_add(&h, -5);
	histogram_add(&h, 100);
	histogram_add(&h, 101);
	histogram_add(&h, 2000000);
	histogram_add(&h, 3600000000);
	assert_int_equal(histogram_count(&h), 5);
	metric_histogram(&b, "x_seconds", "a=\"b\"", &h);
	assert_true(str_find(buf_str(&b), STR("x_seconds_bucket{a=\"b\",le=\"0.0001\"} 2\nx_seconds_bucket{a=\"b\",le=\"0.00025\"} 3\n"), 0) == 0);
	assert_true(str_find(buf_str(&b), STR("le=\"1\"} 3\nx_seconds_bucket{a=\"b\",le=\"5\"} 4\n"), 0) != SIZE_MAX);
	assert_true(str_ends(buf_str(&b), STR("le=\"+Inf\"} 5\nx_seconds_sum{a=\"b\"} 3602.000201\nx_seconds_count{a=\"b\"} 5\n")));
	buf_free(&b);
}

static void
told(struct buf *out)
{
	metric_family(out, "mansio_test_total", "counter", "A number");
	metric_value(out, "mansio_test_total", "", 7);
	metric_seconds(out, "mansio_test_seconds", "", 1000001);
}

/* Each log event has a counter, whether its line is written or not. */
static void
test_print(void **state)
{
	struct buf b = {0};

	metrics_tell_of(told);
	metrics_tell_of(told);
	log_set_level(LOG_LEVEL_ERROR);
	log_event(EV_login, "x");
	log_event(EV_login, "x");
	metrics_print(&b);
	assert_true(str_starts(buf_str(&b), STR("# HELP mansio_test_total A number\n# TYPE mansio_test_total counter\nmansio_test_total 7\nmansio_test_seconds 1.000001\n"
					       "# HELP mansio_log_events_total")));
	assert_true(str_find(buf_str(&b), STR("mansio_log_events_total{event=\"login\",level=\"info\"} 2\n"), 0) != SIZE_MAX);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_histogram), cmocka_unit_test(test_print)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
