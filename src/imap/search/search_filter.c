/* SPDX-License-Identifier: Apache-2.0 */
/* Searches kept by name: found, checked, refused. */
#include "imap/search/search_filter.h"

#include "imap/core/reply.h"

static const struct str private_values = {"/private/filters/values/", 24};
static const struct str shared_values = {"/shared/filters/values/", 23};

enum status
search_filter_text(struct session *s, struct arena *arena, struct str name, struct str *text_r)
{
	struct str entry = arena_printf(arena, "%.*s%.*s", STR_FMT(private_values), STR_FMT(name));
	struct metadata *list;
	struct grant grant;
	struct db_txn *txn;
	size_t n;
	enum status st = db_read_begin(s->imap->db, &txn);

	if (st != OK)
		return st;
	if ((st = grant_self(&s->actor, &grant)) == OK)
		st = metadata_get(&grant, txn, arena, entry, 0, &list, &n);
	db_read_end(txn);
	if (st != OK)
		return st;
	if (n == 0 || list[0].value.p == NULL)
		return ERR_NOT_FOUND;
	*text_r = list[0].value;
	return OK;
}

/* filter-name (4) */
static bool
name_ok(struct str name)
{
	struct arena arena = {0};
	struct args a;
	struct str atom;
	bool ok;

	args_init(&a, name, &arena, false);
	ok = arg_atom(&a, &atom) == OK && atom.n == name.n && str_chr(name, '/') == name.n;
	arena_free(&arena);
	return ok;
}

enum status
search_filter_check(const struct metadata *entry)
{
	struct arena arena = {0};
	struct search s = {.query.arena = &arena, .of_filter = true};
	struct args a;
	struct str name;
	enum status st;

	if (str_case_starts(entry->name, private_values))
		name = str_from(entry->name, private_values.n);
	else if (str_case_starts(entry->name, shared_values))
		name = str_from(entry->name, shared_values.n);
	else
		return OK;
	if (!name_ok(name))
		return ERR_BAD_INPUT;
	if (entry->value.p == NULL)
		return OK;
	args_init(&a, entry->value, &arena, true);
	st = search_parse(&s, &a, false);
	query_free(&s.query);
	arena_free(&arena);
	return st == OK ? OK : ERR_CONFLICT;
}

enum cmd_next
search_filter_refuse(struct cmd *cmd, const struct search *s)
{
	switch (s->filter_fault) {
	case FILTER_CHARSET:
		return reply_bad_code(cmd, "BADCHARSET (US-ASCII UTF-8)", "With FILTER the charset is UTF-8");
	case FILTER_BROKEN:
		return reply_no(cmd, "CANNOT", "A filter does not hold a search");
	default:
		return reply_no(cmd, arena_printf(&cmd->arena, "UNDEFINED-FILTER %.*s", STR_FMT(s->filter)).p,
		    "There is no such filter");
	}
}
