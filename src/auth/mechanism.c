/* SPDX-License-Identifier: Apache-2.0 */
/* The mechanisms by name, and which are on offer to whom, in which order. */
#include "auth/auth_priv.h"

/* As named to a client without TLS; strongest first. */
#define ALL "EXTERNAL,SCRAM-SHA-512-PLUS,SCRAM-SHA-256-PLUS,SCRAM-SHA-1-PLUS,SCRAM-SHA-512,SCRAM-SHA-256,SCRAM-SHA-1,PLAIN,LOGIN"

static bool
read_scram(struct str word, struct mechanism *m_r)
{
	for (enum scram_hash h = 0; h < SCRAM_HASHES; h++) {
		struct str name = scram_mechanism(h), rest = str_from(word, name.n);

		if (!str_case_starts(word, name) || (rest.n > 0 && !str_caseeq(rest, STR("-PLUS"))))
			continue;
		*m_r = (struct mechanism){MECHANISM_SCRAM, h, rest.n > 0};
		return true;
	}
	return false;
}

static const struct str simple[] = {[MECHANISM_EXTERNAL] = STR("EXTERNAL"), [MECHANISM_PLAIN] = STR("PLAIN"), [MECHANISM_LOGIN] = STR("LOGIN")};

static bool
read(struct str word, struct mechanism *m_r)
{
	for (enum mechanism_kind k = 0; k < sizeof(simple) / sizeof(simple[0]); k++) {
		if (!str_caseeq(word, simple[k]))
			continue;
		*m_r = (struct mechanism){.kind = k};
		return true;
	}
	return read_scram(word, m_r);
}

static void
print(struct buf *out, const struct mechanism *m)
{
	if (m->kind != MECHANISM_SCRAM) {
		buf_add(out, simple[m->kind]);
		return;
	}
	buf_add(out, scram_mechanism(m->hash));
	if (m->plus)
		buf_adds(out, "-PLUS");
}

/* The mechanisms that may be on offer, in the order in which they are named. */
static struct str
order(const struct auth *a, const struct auth_client *client)
{
	return client->tls && a->settings.tls_mechanisms.p != NULL ? a->settings.tls_mechanisms : STR(ALL);
}

/* What it takes of the connection is there, and, for SCRAM, everybody's keys. */
static bool
works(struct auth *a, const struct auth_client *client, const struct mechanism *m)
{
	if (m->kind == MECHANISM_EXTERNAL)
		return client->certificate != NULL;
	if (m->kind != MECHANISM_SCRAM)
		return auth_plaintext_allowed(a, client);
	if (!a->settings.scram || a->survey[m->hash] == NULL || (m->plus && !auth_has_binding(client)))
		return false;
	return survey_complete(a->survey[m->hash]);
}

bool
auth_offered(struct auth *a, const struct auth_client *client, struct str mech, struct mechanism *m_r)
{
	struct str rest = order(a, client), word;

	while (str_split(&rest, ',', &word))
		if (str_caseeq(word, mech))
			return read(word, m_r) && works(a, client, m_r);
	return false;
}

void
auth_mechanisms(struct auth *a, const struct auth_client *client, struct buf *out, const char *prefix)
{
	struct str rest = order(a, client), word;
	struct mechanism m;

	while (str_split(&rest, ',', &word)) {
		if (!read(word, &m) || !works(a, client, &m))
			continue;
		buf_adds(out, prefix);
		print(out, &m);
	}
}

bool
auth_offers_binding(struct auth *a, const struct auth_client *client, enum scram_hash hash)
{
	struct mechanism m = {MECHANISM_SCRAM, hash, true};
	struct buf name = {0};
	bool offers;

	print(&name, &m);
	offers = auth_offered(a, client, buf_str(&name), &m);
	buf_free(&name);
	return offers;
}
