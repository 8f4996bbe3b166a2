/* SPDX-License-Identifier: Apache-2.0 */
/* Which capabilities are offered now: each row has its condition. */
#include "imap/core/capability.h"
#include "imap/core/hide.h"

enum when { BOTH, PRE, POST, TLS, NOLOGIN, AUTH, SASL, LIMIT, LITPLUS, LITMINUS, COMPRESS, SAVE, WORK };

#define K(name, when, risky, rfc, doc) {{name, rfc, doc, risky}, when},
static const struct {
	struct capability_row row;
	enum when when;
} rows[] = {
#include "imap/core/capabilities.tbl"
};
#undef K
#define ROWS (sizeof(rows) / sizeof(rows[0]))

const struct capability_row *
capability_row(unsigned i)
{
	return i < ROWS ? &rows[i].row : NULL;
}

static bool
holds(struct session *s, enum when when)
{
	bool before = s->state == STATE_NOT_AUTH;

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
		return before && !login_plaintext_allowed(&s->login);
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

static unsigned
row_of(const char *name)
{
	unsigned i = 0;

	while (i < ROWS && !str_caseeq(str_c(rows[i].row.name), str_c(name)))
		i++;
	return i;
}

/* QRESYNC cannot be without CONDSTORE (RFC 7162 3.2.3). */
static bool
hidden(const struct session *s, unsigned row)
{
	if (hide_from(s, row))
		return true;
	return str_eq(str_c(rows[row].row.name), STR("QRESYNC")) && hide_from(s, row_of("CONDSTORE"));
}

static bool
offered(struct session *s, unsigned row)
{
	return holds(s, rows[row].when) && !hidden(s, row);
}

bool
capability_shown(struct session *s, const char *name)
{
	unsigned row = row_of(name);

	return row < ROWS && !hidden(s, row);
}

bool
capability_on(struct session *s, const char *name)
{
	unsigned row = row_of(name);

	return row < ROWS && offered(s, row);
}

void
capability_add(struct buf *out, struct session *s)
{
	buf_add(out, STR("CAPABILITY"));
	for (unsigned i = 0; i < ROWS; i++) {
		struct str name = str_c(rows[i].row.name);

		if (!offered(s, i))
			continue;
		if (rows[i].when == AUTH) {
			login_mechanisms(&s->login, out, " AUTH=");
			continue;
		}
		buf_addc(out, ' ');
		buf_add(out, name);
		if (rows[i].when == LIMIT)
			buf_addu(out, session_message_max(s));
		if (rows[i].when == WORK)
			buf_addu(out, s->imap->settings.work_max);
		if (rows[i].when == SAVE)
			buf_addu(out, s->imap->settings.save_max);
	}
}
