/* SPDX-License-Identifier: Apache-2.0 */
/* What values of the settings make sense, and the data folder that they mean. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/config_priv.h"
#include "base/near.h"

#define DAY 86400
#define CONNECTIONS_MAX 1000000

/* Numbers outside of which a setting makes no sense, or more harm than its owner can have meant. */
static const struct range {
	size_t offset;
	int64_t least, most;
	const char *words;
} ranges[] = {
#define R(name, least, most, words) {offsetof(struct config, name), least, most, words}
	R(auth_cache, 0, 7 * DAY, "0 to 7d"),
	R(auth_delay, 0, 60, "0 to 60s"),
	R(auth_scram_iterations, 4096, 1000000, "4096 to 1000000"),
	R(imap_idle, 1800, 7 * DAY, "30m to 7d"),
	R(imap_keepalive, 0, 1800, "0 to 30m"),
	R(imap_login, 1, 600, "1s to 10m"),
	R(imap_line, 8 << 10, 16 << 20, "8K to 16M"),
	R(imap_literals, 4 << 10, 64 << 20, "4K to 64M"),
	R(imap_progress, 0, 3600000, "0 to 3600000"),
	R(limits_connections, 0, CONNECTIONS_MAX, "0 to 1000000"),
	R(limits_connections_per_address, 0, CONNECTIONS_MAX, "0 to 1000000"),
	R(limits_strangers_per_address, 0, CONNECTIONS_MAX, "0 to 1000000"),
	R(limits_connections_per_account, 0, CONNECTIONS_MAX, "0 to 1000000"),
	R(limits_message, 1 << 10, INT64_C(2) << 30, "1K to 2G"),
	R(limits_mailboxes, 10, 1000000, "10 to 1000000"),
	R(lmtp_recipients, 100, 100000, "100 to 100000"), /* RFC 5321 4.5.3.1.8 */
	R(server_threads, 0, 1024, "0 to 1024"),
	R(store_grace, 1, 30 * DAY, "1s to 30d"),
#undef R
};

static const struct range *
range_of(size_t offset)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (ranges[i].offset == offset)
			return &ranges[i];
	return NULL;
}

const char *
config_range_words(size_t offset)
{
	const struct range *range = range_of(offset);

	return range != NULL ? range->words : NULL;
}

/* Adds to why, after where the value came from; false. */
static bool wrong(const struct config *c, const void *value, struct buf *why, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static bool
wrong(const struct config *c, const void *value, struct buf *why, const char *fmt, ...)
{
	va_list ap;

	config_blame(c, value, why);
	va_start(ap, fmt);
	buf_vaddf(why, fmt, ap);
	va_end(ap);
	return false;
}

static bool
check_ranges(const struct config *c, struct buf *why)
{
#define C(section, key, type, preset, text) {#section "." #key, offsetof(struct config, section##_##key)},
	static const struct { const char *name; size_t offset; } names[] = {
#include "base/config.tbl"
	};
#undef C

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct range *range = range_of(names[i].offset);
		const int64_t *n = (const void *)((const char *)c + names[i].offset);

		if (range != NULL && (*n < range->least || *n > range->most))
			return wrong(c, n, why, "%s is %s", names[i].name, range->words);
	}
	return true;
}

static bool
one_of(const struct config *c, const char *name, char *const *value, const char *const *choices, struct buf *why)
{
	struct near near = {.word = str_c(*value)};

	for (size_t i = 0; choices[i] != NULL; i++) {
		if (strcmp(*value, choices[i]) == 0)
			return true;
		near_try(&near, choices[i]);
	}
	(void)wrong(c, value, why, "%s is one of", name);
	for (size_t i = 0; choices[i] != NULL; i++)
		buf_addf(why, "%s %s", i > 0 ? "," : "", choices[i]);
	buf_addf(why, ", not \"%s\"", *value);
	if (near.best != NULL)
		buf_addf(why, "; did you mean %s?", near.best);
	return false;
}

/* The name goes into greetings and Received lines as it is: a domain name, or an address in brackets (RFC 5321 4.1.3). */
static bool
check_name(const struct config *c, struct buf *why)
{
	struct str name = str_c(c->server_name);
	static const char extra[] = "-._[]:";

	if (name.n > 255)
		return wrong(c, &c->server_name, why, "server.name is longer than 255 bytes");
	for (size_t i = 0; i < name.n; i++)
		if (!ascii_alpha(name.p[i]) && !ascii_digit(name.p[i]) && strchr(extra, name.p[i]) == NULL)
			return wrong(c, &c->server_name, why, "server.name is the name of a machine, such as mail.example.org, not \"%s\"", c->server_name);
	return true;
}

/* A path in a file that is read wherever the server was started. */
static bool
check_paths(const struct config *c, struct buf *why)
{
	char *const *const paths[] = {&c->admin_socket, &c->log_file, &c->server_data, &c->tls_certificate, &c->tls_key};
	static const char *const names[] = {"admin.socket", "log.file", "server.data", "tls.certificate", "tls.key"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (**paths[i] != '\0' && **paths[i] != '/' && config_in_file(c, paths[i]))
			return wrong(c, paths[i], why, "%s wants a whole path, which begins with /, not \"%s\"", names[i], *paths[i]);
	if (strlen(c->admin_socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return wrong(c, &c->admin_socket, why, "admin.socket is longer than the path of a socket can be");
	return true;
}

static bool
check_texts(const struct config *c, struct buf *why)
{
	static const char *const plaintext[] = {"no", "loopback", "yes", NULL};
	static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
	const char *separator = c->deliver_separator;

	if (!one_of(c, "auth.plaintext", &c->auth_plaintext, plaintext, why) || !one_of(c, "log.level", &c->log_level, levels, why))
		return false;
	if (*c->tls_certificate == '\0' && *c->tls_key != '\0')
		return wrong(c, &c->tls_key, why, "tls.key is set and tls.certificate is not: they go together");
	if (*c->tls_certificate != '\0' && *c->tls_key == '\0')
		return wrong(c, &c->tls_certificate, why, "tls.certificate is set and tls.key is not: they go together");
	if (strlen(separator) > 1 || ascii_alpha(*separator) || ascii_digit(*separator) || *separator == '@' || *separator == '.' || *separator < 0)
		return wrong(c, &c->deliver_separator, why, "deliver.separator is one character such as + or -, or empty, not \"%s\"", separator);
	if (*c->server_admin != '\0' && strchr(c->server_admin, ':') == NULL)
		return wrong(c, &c->server_admin, why, "server.admin is a URI, such as mailto:postmaster@example.org, not \"%s\"", c->server_admin);
	return true;
}

enum status
config_check_values(const struct config *c, struct buf *why)
{
	return check_texts(c, why) && check_name(c, why) && check_paths(c, why) && check_ranges(c, why) ? OK : ERR_BAD_INPUT;
}

/* The folder of the whole machine: root's, and that of the user whom it belongs to, for whom the service runs. */
static bool
machines_own(void)
{
	struct stat sb;

	return geteuid() == 0 || (stat(CONFIG_DATA_MACHINE, &sb) == 0 && S_ISDIR(sb.st_mode) && sb.st_uid == geteuid());
}

enum status
config_data_dir(char *out, size_t n)
{
	const char *home = getenv("HOME"), *share = getenv("XDG_DATA_HOME");
	int len;

	if (*config()->server_data != '\0')
		len = snprintf(out, n, "%s", config()->server_data);
	else if (machines_own())
		len = snprintf(out, n, CONFIG_DATA_MACHINE);
	else if (share != NULL && *share == '/')
		len = snprintf(out, n, "%s/mansio", share);
	else if (home != NULL && *home == '/')
		len = snprintf(out, n, "%s/.local/share/mansio", home);
	else
		return ERR_NOT_FOUND;
	return len >= 0 && (size_t)len < n ? OK : ERR_LIMIT;
}
