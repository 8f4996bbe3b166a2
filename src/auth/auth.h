/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth: who is it? Checks user names and passwords against the accounts of the store, and runs
 * SASL exchanges (RFC 4422): PLAIN (RFC 4616), LOGIN, and SCRAM with SHA-1, SHA-256 and SHA-512, each
 * with and without -PLUS (RFC 5802, 7677, 9266, 5929), and EXTERNAL where the client showed a certificate. One struct auth a process, any thread. A SASL
 * session belongs to one thread at a time. Calls may block: on the store and, for plain
 * passwords, tens of milliseconds on the hash. Base64 is the protocol floors' matter.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "base/buf.h"
#include "base/status.h"

struct store;
struct auth;
struct auth_sasl;

#define AUTH_USER_MAX 255 /* bytes of a user name */

struct auth_settings {
	bool plaintext; /* passwords may cross connections without TLS */
	bool login_alias; /* an alias that leads to one account is a name to log in with (store/address.h) */
	bool scram;     /* offer SCRAM, with each hash for which keys are kept, while everybody has them */
	unsigned scram_hashes;     /* SCRAM_BIT()s: for which hashes keys are kept */
	uint32_t scram_iterations; /* of new keys; accounts with another number get new ones when their password is there */
	/* how long a verified password is remembered (keyed hash only); 0: never */
	unsigned cache_seconds;
	unsigned delay_ms; /* when failures are answered, see auth_result */
	/* The mechanisms on offer over TLS, as they are named there, comma between; p NULL: all, strongest first. auth_new() copies it. */
	struct str tls_mechanisms;
};
extern const struct auth_settings auth_settings_default;

/* What a client showed when TLS began. */
struct auth_certificate {
	char fingerprint[65]; /* SHA-256 of the whole certificate, in lower-case hex */
	bool trusted;         /* somebody vouches for it whom this server trusts: its addresses count */
	struct buf addresses; /* of mail, with a line feed between them; freed by who asked */
};

/* The connection, as far as it matters here. Outlives the SASL session. */
struct auth_client {
	/* its IP address as text: failures are counted by it; empty: not counted (a Unix socket) */
	struct str address;
	bool tls;
	/* a trusted transport (Unix socket): as good as TLS, but without channel binding */
	bool local;
	/* of passwords without either: as the settings say, no, yes */
	enum auth_plaintext { AUTH_PLAINTEXT_DEFAULT, AUTH_PLAINTEXT_NO, AUTH_PLAINTEXT_YES } plaintext;
	/* Channel binding; NULL: none. Writes the tls-exporter value (RFC 9266: label
	 * EXPORTER-Channel-Binding, no context, 32 bytes; under TLS 1.2 only with the extended
	 * master secret) or gives false. */
	bool (*exporter)(void *arg, uint8_t key_r[32]);
	/* tls-unique (RFC 5929), TLS 1.2 only with the extended master secret; NULL: none. */
	bool (*unique)(void *arg, struct buf *out);
	/* tls-server-end-point (RFC 5929 section 4), the hash of the certificate that was shown; NULL: none. */
	bool (*end_point)(void *arg, struct buf *out);
	/* The client showed a certificate: gives what is in it, or false. NULL: it did not. */
	bool (*certificate)(void *arg, struct auth_certificate *c_r);
	void *arg;
	/* Asked before a password is hashed, which takes some hundredths of a second; false: not now, the answer is ERR_AGAIN
	 * or AUTH_AGAIN, and the same is to be asked again. NULL: at once. */
	bool (*turn)(void *turn_arg);
	void *turn_arg;
};

struct auth_result {
	int64_t account; /* id of the account, after OK */
	/* its canonical name, after OK; after failures what was tried, cleaned up, if an account has that name, else "(unknown)": it may be a
	 * password that was written in the wrong place */
	char user[AUTH_USER_MAX + 1];
	uint64_t generation; /* of its credentials, as they were looked at; for auth_confirm() */
	/* What is said is held back until the first multiple of so many milliseconds after the client's bytes arrived that has not
	 * passed: how long it took shows in nothing (S7). 0: at once. */
	unsigned delay_ms;
	/* auth's own: this attempt stands in the limits; as one from where the account has been before */
	bool counted, known;
};

/* store must outlive it. */
struct auth *auth_new(struct store *store, const struct auth_settings *settings);
void auth_free(struct auth *a);

/* May a password be sent on this connection? If not: LOGINDISABLED, no PLAIN, no LOGIN. */
bool auth_plaintext_allowed(const struct auth *a, const struct auth_client *client);
/* Adds the mechanisms for this connection, each with a prefix such as " AUTH=", strongest first, over TLS in the order of the settings. SCRAM with a
 * hash is among them only while every account that can log in has keys for it: clients prefer it, and could not log in to the others. */
void auth_mechanisms(
    struct auth *a, const struct auth_client *client, struct buf *out, const char *prefix);

/*
 * LOGIN, USER/PASS: checks a password. OK; ERR_NO_PERM: wrong user or password (no telling
 * which); ERR_LIMIT: too many failures lately, nothing was checked; ERR_UNAVAILABLE/ERR_IO: the
 * store failed; ERR_CONFLICT: plaintext is not allowed here (answer PRIVACYREQUIRED); ERR_AGAIN:
 * client->turn said so. *result_r is zeroes before the first call, and as it was left where the same is asked again.
 */
must_check enum status auth_login(struct auth *a, const struct auth_client *client, struct str user,
    struct str password, struct auth_result *result_r);

/* ERR_NOT_FOUND: no such mechanism, or not on this connection. mech in any case. */
must_check enum status auth_sasl_new(
    struct auth *a, const struct auth_client *client, struct str mech, struct auth_sasl **s_r);

enum auth_step {
	AUTH_CONTINUE, /* send the output as a challenge (maybe empty) and wait for the answer */
	/* authenticated; output is empty: a last SCRAM message was sent as a challenge before */
	AUTH_DONE,
	AUTH_FAILED, /* auth_sasl_status() tells why */
	AUTH_AGAIN,  /* client->turn said so: step again, whatever the input */
};
/*
 * One step. input: the client's decoded bytes, with p == NULL for "nothing came yet"
 * (AUTHENTICATE without initial response; an initial response "=" is the empty string with p !=
 * NULL, RFC 4959). At most 64 KiB. output is set, not added to.
 */
enum auth_step auth_sasl_step(struct auth_sasl *s, struct str input, struct buf *output);
enum status auth_sasl_status(const struct auth_sasl *s);
/* After AUTH_DONE and AUTH_FAILED. */
const struct auth_result *auth_sasl_result(const struct auth_sasl *s);
/* After AUTH_CONTINUE: as delay_ms of a result, for a challenge that names with their answers could be told apart by. */
unsigned auth_sasl_delay(const struct auth_sasl *s);
/* After AUTH_CONTINUE: the output is the mechanism's last word, after which only the empty answer leads to AUTH_DONE. */
bool auth_sasl_last(const struct auth_sasl *s);
/* Any time; NULL too. */
void auth_sasl_free(struct auth_sasl *s);

/* The canonical form of a user name: NFC, trimmed of nothing, no control characters, NUL, or
 * invalid UTF-8, 1..AUTH_USER_MAX bytes. ERR_BAD_INPUT. "user add" uses it too. */
must_check enum status auth_user_prepare(struct buf *out, struct str user);

/*
 * Between a password that was right and the OK to it: the account is still open and its credentials are those that were looked at. The
 * caller watches the account's changes first, so that what changes after this ends the session. ERR_NO_PERM: not any more, result
 * has a delay then; others: the store failed, and nobody is let in.
 */
must_check enum status auth_confirm(struct auth *a, const struct auth_client *client, struct auth_result *result);

/* The way to log in to an account has changed (EVENT_ACCOUNT): what was remembered of it is forgotten. Does not block. */
void auth_changed(struct auth *a, int64_t account);

#endif
