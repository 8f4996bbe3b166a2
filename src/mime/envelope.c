/* SPDX-License-Identifier: Apache-2.0 */
/* ENVELOPE (RFC 9051 7.5.2) of a header. */
#include "mime/envelope.h"

#include "mime/address.h"
#include "mime/header.h"

#define TEXT_MAX 16384
/* What is written of the addresses of one kind; those behind are left out, and one that is longer by itself. */
#define ADDRESSES_BYTES (256u << 10)
/* Fields of one kind whose addresses are put together; RFC 5322 3.6 allows one. */
#define FIELDS_MAX 8

enum slot { DATE, SUBJECT, FROM, SENDER, REPLY_TO, TO, CC, BCC, IN_REPLY_TO, MESSAGE_ID, SLOTS };

static const struct str slot_names[SLOTS] = {
	{"date", 4}, {"subject", 7}, {"from", 4}, {"sender", 6}, {"reply-to", 8}, {"to", 2}, {"cc", 2},
	{"bcc", 3}, {"in-reply-to", 11}, {"message-id", 10},
};

struct fields {
	struct str value[SLOTS][FIELDS_MAX];
	uint8_t n[SLOTS];
};

static void
fields_find(struct fields *f, struct str header)
{
	struct mime_names names;
	struct mime_field field;

	memset(f->n, 0, sizeof(f->n));
	mime_names_init(&names, slot_names, SLOTS);
	while (mime_field_next(&header, &field)) {
		if (!mime_names_has(&names, field.name))
			continue;
		for (int i = 0; i < SLOTS; i++) {
			unsigned max = i == TO || i == CC || i == BCC ? FIELDS_MAX : 1;

			if (f->n[i] < max && str_caseeq(field.name, slot_names[i]))
				f->value[i][f->n[i]++] = field.value;
		}
	}
}

static void
id_add(struct buf *out, const struct fields *f, enum slot slot, enum mime_text mode)
{
	struct buf line = {0};

	if (f->n[slot] == 0) {
		buf_add(out, STR("NIL"));
		return;
	}
	mime_unfold(&line, str_head(f->value[slot][0], TEXT_MAX));
	mime_string_add(out, line.n ? buf_str(&line) : STR(""), mode);
	buf_free(&line);
}

static void
address_add(struct buf *out, const struct mime_address *a, struct str charset, enum mime_text mode)
{
	switch (a->kind) {
	case MIME_GROUP_END: buf_add(out, STR("(NIL NIL NIL NIL)")); return;
	case MIME_GROUP_START:
		/* A group is told by its host being NIL, its name stands in the mailbox (RFC 9051 7.5.2). */
		buf_add(out, STR("(NIL NIL "));
		mime_ntext_add(out, a->name, charset, mode);
		buf_add(out, STR(" NIL)"));
		return;
	case MIME_ADDRESS: break;
	}
	buf_addc(out, '(');
	mime_ntext_add(out, a->name, charset, mode);
	buf_addc(out, ' ');
	mime_nstring_add(out, a->route, mode);
	buf_addc(out, ' ');
	/* NIL would make it a group, so what is missing is an empty string. */
	mime_string_add(out, a->local, mode);
	buf_addc(out, ' ');
	mime_string_add(out, a->domain.p ? a->domain : STR(""), mode);
	buf_addc(out, ')');
}

/* True if there were any; otherwise nothing is added. An empty list is NIL, never () (T60). */
static bool
addresses_add(struct buf *out, struct arena *arena, const struct fields *f, enum slot slot, struct str charset,
    enum mime_text mode)
{
	uint32_t left = MIME_ADDRESSES_MAX;
	size_t start = out->n, before;
	bool any = false;

	for (unsigned i = 0; i < f->n[slot]; i++) {
		struct mime_addresses list;
		struct mime_address a;

		mime_addresses_init(&list, arena, f->value[slot][i]);
		list.left = left;
		while (mime_address_next(&list, &a)) {
			before = out->n;
			if (!any)
				buf_addc(out, '(');
			address_add(out, &a, charset, mode);
			/* A group is closed all the same. */
			if (out->n - start > ADDRESSES_BYTES && a.kind != MIME_GROUP_END)
				out->n = before;
			else
				any = true;
		}
		left = list.left;
	}
	if (any)
		buf_addc(out, ')');
	return any;
}

/* The four kinds of sender and receiver; Sender and Reply-To take the place of From's copy. */
static void
lists_add(struct buf *out, const struct fields *f, struct str charset, enum mime_text mode)
{
	struct arena arena = {0};
	size_t from = out->n + 1, n = 0;

	for (enum slot slot = FROM; slot <= BCC; slot++) {
		buf_addc(out, ' ');
		if (!addresses_add(out, &arena, f, slot, charset, mode)) {
			if ((slot == SENDER || slot == REPLY_TO) && n > 0 && buf_room(out, n) != NULL)
				buf_add(out, str_of(out->p + from, n));
			else
				buf_add(out, STR("NIL"));
		}
		if (slot == FROM)
			n = out->n > from ? out->n - from : 0;
	}
	arena_free(&arena);
}

void
mime_envelope_of_header(struct buf *out, struct str header, struct str charset, enum mime_text mode)
{
	struct fields f;

	fields_find(&f, header);
	buf_addc(out, '(');
	id_add(out, &f, DATE, mode);
	buf_addc(out, ' ');
	mime_ntext_add(out, f.n[SUBJECT] ? str_head(f.value[SUBJECT][0], TEXT_MAX) : STR_NONE, charset, mode);
	lists_add(out, &f, charset, mode);
	buf_addc(out, ' ');
	id_add(out, &f, IN_REPLY_TO, mode);
	buf_addc(out, ' ');
	id_add(out, &f, MESSAGE_ID, mode);
	buf_addc(out, ')');
}

void
mime_envelope_add(struct buf *out, const struct mime_message *m, uint32_t part, enum mime_text mode)
{
	mime_envelope_of_header(out, m->parts[part].header, m->charset, mode);
}
