/* SPDX-License-Identifier: Apache-2.0 */
#include "imap/capability.h"

enum when { BOTH, PRE, POST, TLS, NOLOGIN, AUTH, SASL, LIMIT, LITPLUS, LITMINUS, COMPRESS, SAVE, WORK };

#define K(name, when, risky, rfc, doc) {{name, rfc, doc, risky}, when},
static const struct {
	struct capability_row row;
	enum when when;
} rows[] = {
#include "imap/capabilities.tbl"
};
#undef K
#define ROWS (sizeof(rows) / sizeof(rows[0]))

const struct capability_row *
imap_capability(unsigned i)
{
	return i < ROWS ? &rows[i].row : NULL;
}

static bool
hidden(const struct session *s, struct str name)
{
	struct str rest = str_c(s->imap->hidden), word;

	if (rest.n == 0)
		return false;
	while (str_split(&rest, ' ', &word))
		if (str_caseeq(word, name))
			return true;
	return false;
}

static bool
holds(struct session *s, enum when when)
{
	bool before = s->state == STATE_NOT_AUTH;
	struct auth_client client;

	switch (when) {
	case BOTH:
		return true;
	case PRE:
		return before;
	case POST:
	case LIMIT:
		return !before;
	case SAVE:
		return !before && s->imap->settings.save_max > 0 &&
		    (s->imap->settings.work_max == 0 || s->imap->settings.save_max < s->imap->settings.work_max);
	case WORK:
		return !before && s->imap->settings.work_max > 0;
	case TLS:
		return before && conn_tls_offer(s->conn);
	case NOLOGIN:
		client = session_auth_client(s);
		return before && !auth_plaintext_allowed(s->imap->auth, &client);
	case AUTH:
	case SASL:
		return before;
	case LITPLUS:
		return !s->imap->settings.literal_minus;
	case LITMINUS:
		return s->imap->settings.literal_minus;
	case COMPRESS:
		return !before && !conn_compressed(s->conn);
	}
	return false;
}

bool
capability_on(struct session *s, const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (str_caseeq(str_c(rows[i].row.name), str_c(name)))
			return !hidden(s, str_c(name)) && holds(s, rows[i].when);
	return false;
}

void
capability_add(struct buf *out, struct session *s)
{
	struct auth_client client;

	buf_add(out, STR("CAPABILITY"));
	for (size_t i = 0; i < ROWS; i++) {
		struct str name = str_c(rows[i].row.name);

		if (!holds(s, rows[i].when) || hidden(s, name))
			continue;
		if (rows[i].when == AUTH) {
			client = session_auth_client(s);
			auth_mechanisms(s->imap->auth, &client, out, " AUTH=");
			continue;
		}
		buf_addc(out, ' ');
		buf_add(out, name);
		if (rows[i].when == LIMIT)
			buf_addu(out, s->imap->settings.message_max);
		if (rows[i].when == WORK)
			buf_addu(out, s->imap->settings.work_max);
		if (rows[i].when == SAVE)
			buf_addu(out, s->imap->settings.save_max);
	}
}
