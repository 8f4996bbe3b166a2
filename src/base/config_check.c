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
	const char *section, *key;
	int64_t least, most;
	const char *words;
} ranges[] = {
#define R(section, key, least, most, words) {#section, #key, least, most, words}
	R(auth, delay, 0, 60, "0 to 60s"),
	R(deliver, expansion, 1, 10000, "1 to 10000"),
	R(directory, cache_timeout, 0, 7 * DAY, "0 to 7d"),
	R(directory, scram_iterations, 4096, 1000000, "4096 to 1000000"),
	R(imap, idle_timeout, 1800, 7 * DAY, "30m to 7d"),
	R(imap, keepalive, 0, 1800, "0 to 30m"),
	R(imap, login_timeout, 1, 600, "1s to 10m"),
	R(imap, line, 8 << 10, 16 << 20, "8K to 16M"),
	R(imap, literals, 4 << 10, 64 << 20, "4K to 64M"),
	R(imap, progress_interval, 0, 3600000, "0 to 1h"),
	R(limits, connections, 0, CONNECTIONS_MAX, "0 to 1000000"),
	R(limits, connections_per_address, 0, CONNECTIONS_MAX, "0 to 1000000"),
	R(limits, connections_per_account, 0, CONNECTIONS_MAX, "0 to 1000000"),
	R(limits, message_bytes, 1 << 10, INT64_C(2) << 30, "1K to 2G"),
	R(limits, mailboxes, 10, 1000000, "10 to 1000000"),
	R(listener, login_timeout, 0, 600, "0 to 10m"),
	R(listener, message_bytes, 0, INT64_C(2) << 30, "0 to 2G"),
	R(lmtp, recipients, 100, 100000, "100 to 100000"), /* RFC 5321 4.5.3.1.8 */
	R(quota, bytes, 0, INT64_C(1) << 50, "0 to 1048576G"),
	R(quota, grace, 0, INT64_C(2) << 30, "0 to 2G"),
	R(quota, mailboxes, 0, 1000000, "0 to 1000000"),
	R(quota, messages, 0, INT64_C(1) << 40, "0 to 1099511627776"),
	R(server, threads, 0, 1024, "0 to 1024"),
	R(store, grace, 1, 30 * DAY, "1s to 30d"),
#undef R
};

static const struct range *
range_of(const char *section, const char *key)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (strcmp(ranges[i].section, section) == 0 && strcmp(ranges[i].key, key) == 0)
			return &ranges[i];
	return NULL;
}

const char *
config_range_words(const struct config_def *def)
{
	const struct range *range = range_of(def->section, def->key);

	return range != NULL ? range->words : NULL;
}

/* Adds to why: where the value came from, its name, and what is wrong with it; false. */
static bool wrong(const struct config *c, const void *value, struct buf *why, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static bool
wrong(const struct config *c, const void *value, struct buf *why, const char *fmt, ...)
{
	va_list ap;

	config_blame(c, value, why);
	buf_adds(why, config_name(c, value));
	va_start(ap, fmt);
	buf_vaddf(why, fmt, ap);
	va_end(ap);
	return false;
}

static bool
check_ranges(const struct config *c, struct buf *why)
{
	struct config_item item;

	for (size_t i = 0; config_item(c, i, &item); i++) {
		const struct range *range = range_of(item.section, item.key);
		const int64_t *n = item.value;

		if (range != NULL && (*n < range->least || *n > range->most))
			return wrong(c, n, why, " is %s", range->words);
	}
	return true;
}

/* at: the setting that has the word, or that word among others. */
static bool
word_of(const struct config *c, const void *at, const char *word, const char *const *choices, struct buf *why)
{
	struct near near = {.word = str_c(word)};

	for (size_t i = 0; choices[i] != NULL; i++) {
		if (strcmp(word, choices[i]) == 0)
			return true;
		near_try(&near, choices[i]);
	}
	(void)wrong(c, at, why, " is one of");
	for (size_t i = 0; choices[i] != NULL; i++)
		buf_addf(why, "%s %s", i > 0 ? "," : "", choices[i]);
	buf_addf(why, ", not \"%s\"", word);
	if (near.best != NULL)
		buf_addf(why, "; did you mean %s?", near.best);
	return false;
}

static bool
one_of(const struct config *c, char *const *value, const char *const *choices, struct buf *why)
{
	return word_of(c, value, *value, choices, why);
}

/* The name goes into greetings and Received lines as it is: a domain name, or an address in brackets (RFC 5321 4.1.3). */
static bool
check_name(const struct config *c, struct buf *why)
{
	struct str name = str_c(c->server_name);
	static const char extra[] = "-._[]:";

	if (name.n > 255)
		return wrong(c, &c->server_name, why, " is longer than 255 bytes");
	for (size_t i = 0; i < name.n; i++)
		if (!ascii_alpha(name.p[i]) && !ascii_digit(name.p[i]) && strchr(extra, name.p[i]) == NULL)
			return wrong(c, &c->server_name, why, " is the name of a machine, such as mail.example.org, not \"%s\"", c->server_name);
	return true;
}

/* Labels between dots: letters, digits, hyphens, or those of another script (RFC 5890). */
static bool
is_domain(struct str s)
{
	struct str label;
	size_t labels = 0;

	if (s.n == 0 || s.n > 253)
		return false;
	for (; str_split(&s, '.', &label); labels++) {
		if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!ascii_alpha(label.p[i]) && !ascii_digit(label.p[i]) && label.p[i] != '-' && !(label.p[i] & 0x80))
				return false;
	}
	return labels > 1;
}

static bool
check_path(const struct config *c, char *const *path, struct buf *why)
{
	if (**path == '\0' || **path == '/' || !config_in_file(c, path))
		return true;
	return wrong(c, path, why, " wants a whole path, which begins with /, not \"%s\"", *path);
}

/* A path in a file that is read wherever the server was started. */
static bool
check_paths(const struct config *c, struct buf *why)
{
	char *const *const paths[] = {&c->admin_socket, &c->log_file, &c->server_data};
	const struct config_certificate *cert;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (!check_path(c, paths[i], why))
			return false;
	for (size_t i = 0; (cert = config_certificate(c, i)) != NULL; i++)
		if (!check_path(c, &cert->file, why) || !check_path(c, &cert->key, why))
			return false;
	if (strlen(c->admin_socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return wrong(c, &c->admin_socket, why, " is longer than the path of a socket can be");
	return true;
}

/* The name of the other one of the two as it is spelt where this one stands. */
static bool
lonely(const struct config *c, const struct config_certificate *cert, bool key, struct buf *why)
{
	const void *there = key ? &cert->key : &cert->file;
	bool former = strncmp(config_name(c, there), "tls.", 4) == 0;

	if (former)
		return wrong(c, there, why, " is set and tls.%s is not: they go together", key ? "certificate" : "key");
	return wrong(c, there, why, " is set and certificate %s.%s is not: they go together", cert->name, key ? "file" : "key");
}

static bool
check_certificates(const struct config *c, struct buf *why)
{
	const struct config_certificate *cert;

	for (size_t i = 0; (cert = config_certificate(c, i)) != NULL; i++)
		if ((*cert->file == '\0') != (*cert->key == '\0'))
			return lonely(c, cert, *cert->key != '\0', why);
	return true;
}

static bool
separator_ok(const char *s)
{
	return *s == '\0' || (s[1] == '\0' && !ascii_alpha(*s) && !ascii_digit(*s) && *s != '@' && *s != '.' && *s > 0);
}

static bool
check_separators(const struct config *c, struct buf *why)
{
	const struct config_domain *d;

	if (!separator_ok(c->deliver_separator))
		return wrong(c, &c->deliver_separator, why, " is one character such as + or -, or empty, not \"%s\"", c->deliver_separator);
	for (size_t i = 0; (d = config_domain(c, i)) != NULL; i++)
		if (strcmp(d->separator, "default") != 0 && !separator_ok(d->separator))
			return wrong(c, &d->separator, why, " is default, one character such as + or -, or empty, not \"%s\"", d->separator);
	return true;
}

static bool
check_domains(const struct config *c, struct buf *why)
{
	const struct config_domain *d;

	if (*c->server_default_domain != '\0' && !is_domain(str_c(c->server_default_domain)))
		return wrong(c, &c->server_default_domain, why, " is a domain such as example.org, not \"%s\"", c->server_default_domain);
	for (size_t i = 0; (d = config_domain(c, i)) != NULL; i++)
		if (!is_domain(str_c(d->name)))
			return wrong(c, &d->separator, why, ": a section domain is called as a domain, such as example.org, not \"%s\"", d->name);
	return check_separators(c, why);
}

/* Where all accounts come from: the store; what it keeps of a password. */
static bool
check_directories(const struct config *c, struct buf *why)
{
	static const char *const types[] = {"store", NULL}, *const hashes[] = {"sha-1", "sha-256", "sha-512", NULL};
	const struct config_directory *d;

	for (size_t i = 0; (d = config_directory(c, i)) != NULL; i++) {
		if (!one_of(c, &d->type, types, why))
			return false;
		for (size_t k = 0; k < d->scram_hashes.n; k++)
			if (!word_of(c, &d->scram_hashes, d->scram_hashes.word[k], hashes, why))
				return false;
		if (i > 0)
			return wrong(c, &d->type, why, ": the store is one, and has its directory already: %s", config_directory(c, 0)->name);
	}
	return true;
}

static bool
check_choices(const struct config *c, struct buf *why)
{
	static const char *const plaintext[] = {"no", "loopback", "yes", NULL}, *const of_listener[] = {"no", "loopback", "yes", "default", NULL};
	static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
	static const char *const sandbox[] = {"auto", "require", "off", NULL}, *const ask[] = {"no", "ask", NULL};
	const struct config_listener *l;

	if (!one_of(c, &c->server_sandbox, sandbox, why) || !one_of(c, &c->auth_plaintext, plaintext, why) || !one_of(c, &c->log_level, levels, why))
		return false;
	for (size_t i = 0; (l = config_listener(c, i)) != NULL; i++)
		if (!one_of(c, &l->plaintext, of_listener, why) || !one_of(c, &l->client_certificates, ask, why) || !check_path(c, &l->client_authorities, why))
			return false;
	return check_directories(c, why);
}

static bool
check_mechanisms(const struct config *c, struct buf *why)
{
	static const char *const known[] = {"EXTERNAL", "SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1",
	    "PLAIN", "LOGIN", NULL};
	char *const *word = c->auth_tls_mechanisms.word;
	size_t k;

	for (size_t i = 0; i < c->auth_tls_mechanisms.n; i++) {
		for (k = 0; known[k] != NULL && strcasecmp(known[k], word[i]) != 0; k++)
			;
		if (known[k] == NULL)
			return wrong(c, &c->auth_tls_mechanisms, why, " has words of EXTERNAL, PLAIN, LOGIN, SCRAM-SHA-1, SCRAM-SHA-256, SCRAM-SHA-512, these with -PLUS, not \"%s\"", word[i]);
		for (k = 0; k < i; k++)
			if (strcasecmp(word[k], word[i]) == 0)
				return wrong(c, &c->auth_tls_mechanisms, why, " has %s twice", word[i]);
	}
	return true;
}

/* Percentages. */
static bool
check_warnings(const struct config *c, struct buf *why)
{
	const struct config_list *l = &c->quota_warn;
	uint64_t n;

	if (l->n > 8)
		return wrong(c, l, why, " has more than 8 numbers");
	for (size_t i = 0; i < l->n; i++)
		if (!str_u64(str_c(l->word[i]), 100, &n) || n == 0)
			return wrong(c, l, why, " has numbers from 1 to 100, not \"%s\"", l->word[i]);
	return true;
}

static bool
check_texts(const struct config *c, struct buf *why)
{
	static const char *const refusals[] = {"temporary", "permanent", NULL};

	if (!one_of(c, &c->quota_refuse, refusals, why) || !check_warnings(c, why))
		return false;
	if (!check_choices(c, why) || !check_mechanisms(c, why) || !check_certificates(c, why) || !check_domains(c, why))
		return false;
	if (*c->server_admin != '\0' && strchr(c->server_admin, ':') == NULL)
		return wrong(c, &c->server_admin, why, " is a URI, such as mailto:postmaster@example.org, not \"%s\"", c->server_admin);
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
