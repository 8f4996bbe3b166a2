/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities that are kept back: reading the words of the settings, looking a session up in them. */
#include "imap/core/hide.h"
#include "store/account.h"

#include <stdlib.h>
#include "base/arena.h"
#include "imap/core/capability.h"

/* One word: a row, and from whom it is kept back. */
struct item {
	unsigned row;
	char kind;   /* 0: all, '@': those of a listener, '/': an account */
	char *whom;
};

struct hide {
	size_t n;
	struct item item[];
};

/* Without these a session cannot be understood (RFC 3501 7.2.1, 6.2.3). */
static bool
needed(struct str name)
{
	return str_caseeq(name, STR("IMAP4rev1")) || str_caseeq(name, STR("LOGINDISABLED"));
}

static bool
find_row(struct str name, unsigned *row_r)
{
	const struct capability_row *r;

	name = str_trim_suffix(name, '=');
	for (unsigned i = 0; (r = capability_row(i)) != NULL; i++)
		if (str_caseeq(str_trim_suffix(str_c(r->name), '='), name)) {
			*row_r = i;
			return true;
		}
	return false;
}

static bool
parse(struct item *it, struct str word, struct buf *why)
{
	size_t n = 0;
	struct buf account = {0};
	struct str name, whom;

	while (n < word.n && word.p[n] != '@' && word.p[n] != '/')
		n++;
	name = str_head(word, n);
	it->kind = n < word.n ? word.p[n] : '\0';
	whom = n < word.n ? str_from(word, n + 1) : STR("");
	if (!find_row(name, &it->row) || (it->kind != '\0' && whom.n == 0)) {
		buf_addf(why, "imap.hide: there is no capability \"%.*s\"", STR_FMT(word));
		return false;
	}
	if (needed(name)) {
		buf_addf(why, "imap.hide: %.*s cannot be hidden", STR_FMT(name));
		return false;
	}
	if (it->kind == '/') {
		if (account_fold(&account, whom) != OK) {
			buf_addf(why, "imap.hide: \"%.*s\" cannot be an account", STR_FMT(whom));
			return false;
		}
		it->whom = x_strndup(buf_str(&account));
		buf_free(&account);
	} else {
		it->whom = x_strndup(whom);
	}
	return true;
}

enum status
hide_new(char *const *words, size_t n, struct buf *why, struct hide **hide_r)
{
	struct hide *h = x_calloc(1, sizeof(*h) + n * sizeof(h->item[0]));

	for (; h->n < n; h->n++)
		if (!parse(&h->item[h->n], str_c(words[h->n]), why)) {
			hide_free(h);
			return ERR_BAD_INPUT;
		}
	*hide_r = h;
	return OK;
}

void
hide_free(struct hide *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->n; i++)
		free(h->item[i].whom);
	free(h);
}

/* By the addresses that the names mean. */
static bool
is_user(const struct session *s, const char *account)
{
	struct buf name = {0}, other = {0};
	bool same = s->login.user != NULL && account_address(s->imap->store, str_c(s->login.user), &name) == OK &&
	    account_address(s->imap->store, str_c(account), &other) == OK && str_eq(buf_str(&name), buf_str(&other));

	buf_free(&name);
	buf_free(&other);
	return same;
}

static bool
concerns(const struct item *it, const struct session *s)
{
	const char *local, *where;

	switch (it->kind) {
	case '@':
		local = conn_local(s->conn);
		where = conn_where(s->conn);
		return str_eq(str_c(it->whom), str_c(local)) || str_eq(str_c(it->whom), str_c(where));
	case '/':
		return is_user(s, it->whom);
	default:
		return true;
	}
}

bool
hide_from(const struct session *s, unsigned row)
{
	const struct hide *h = atomic_load_explicit(&s->imap->hide, memory_order_acquire);

	for (size_t i = 0; h != NULL && i < h->n; i++)
		if (h->item[i].row == row && concerns(&h->item[i], s))
			return true;
	return false;
}
