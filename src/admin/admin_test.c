/* SPDX-License-Identifier: Apache-2.0 */
/* The socket of the command line: it ends also where there are no descriptors. */
#include "store/store_test.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "admin/admin.h"

static void
stops_without_descriptors(void **state)
{
	char path[] = "/tmp/mansio-admin-XXXXXX", socket_path[64];
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct rlimit was, none;
	struct store *s = test_store();
	struct admin *a;
	int fd, last;

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(socket_path, sizeof(socket_path), "%s/s", path);
	assert_int_equal(admin_listen(s, NULL, socket_path, &a), OK);
	/* accept() takes a descriptor before it waits: the one that waits has its own, the next finds none. */
	usleep(50000);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	last = dup(0);
	assert_true(fd >= 0 && last > fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = (rlim_t)last;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	strcpy(to.sun_path, socket_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	usleep(50000);
	alarm(30); /* a server with that fault never ends */
	admin_stop(a);
	alarm(0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	close(fd);
	close(last);
	rmdir(path);
	test_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(stops_without_descriptors)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
