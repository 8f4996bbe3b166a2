/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BINARY (RFC 3516, RFC 9051 6.4.5): sections without their transfer encoding. A literal announces its size, so an encoded section is read
 * twice: first to count its bytes, then to send them; both in steps, with nothing kept but the decoder. Only an encoding that nobody knows
 * is [UNKNOWN-CTE]; faults inside of one are passed over (mime/decode.h).
 */
#include "imap/core/reply.h"
#include "imap/fetch/fetch.h"

#define READ_STEP 65536

enum phase { IDLE, COUNTING, SENDING };

struct fetch_decoding {
	enum phase phase;
	enum mime_cte cte;
	struct mime_range range; /* of the encoded bytes, in the message */
	struct mime_decoder decoder;
	uint64_t at;             /* encoded bytes read */
	uint64_t size;           /* decoded bytes in all */
	bool nul;                /* NUL is among them: literal8 */
	uint64_t skip, want;     /* decoded bytes still to be left out, to be sent */
};

void
fetch_binary_reset(struct fetch *f)
{
	if (f->decoding)
		f->decoding->phase = IDLE;
}

/* Where the section lies and what it is encoded in; what has parts inside is sent as it is. */
static enum status
locate(struct fetch *f, const struct section *sec, struct fetch_decoding *d)
{
	const struct mime_spart *part;
	enum status st;
	uint32_t i;

	if ((st = fetch_structure(f)) != OK)
		return st == ERR_NOT_FOUND ? ERR_CORRUPT : st;
	if ((st = mime_find_section(&f->structure, sec->part, sec->parts, MIME_SECTION_ALL, &d->range, &i)) != OK)
		return st;
	part = &f->structure.parts[i];
	d->cte = part->cte;
	d->nul = part->flags & MIME_HAS_NUL;
	if (sec->parts == 0) {
		d->cte = MIME_CTE_BINARY;
		d->nul |= (part->flags & MIME_HEADER_NUL) != 0;
	} else if (part->kind == MIME_MULTIPART || part->kind == MIME_MESSAGE) {
		d->cte = MIME_CTE_BINARY;
	}
	return OK;
}

/* The next encoded bytes of the section, decoded, in f->tmp. */
static enum status
decode(struct fetch *f, struct fetch_decoding *d)
{
	uint64_t left = d->range.size - d->at;
	size_t n = left < READ_STEP ? (size_t)left : READ_STEP;
	struct buf raw = {0};
	enum status st;

	buf_clear(&f->tmp);
	st = email_cursor_read(f->cursor, &f->email, d->range.offset + d->at, n, &raw);
	if (st == OK && raw.n != n)
		st = ERR_CORRUPT;
	if (st == OK)
		st = mime_decoder_add(&d->decoder, buf_str(&raw), &f->tmp);
	buf_free(&raw);
	d->at += n;
	if (st == OK && d->at == d->range.size)
		st = mime_decoder_finish(&d->decoder, &f->tmp);
	return st;
}

static void
rewind_to(struct fetch_decoding *d, enum phase phase)
{
	d->phase = phase;
	d->at = 0;
	mime_decoder_init(&d->decoder, d->cte);
}

static enum cmd_next
count(struct fetch *f, struct fetch_decoding *d, enum status *st_r)
{
	enum cmd_next next;

	while (d->at < d->range.size) {
		if ((*st_r = decode(f, d)) != OK)
			return CMD_DONE;
		d->size += f->tmp.n;
		if (f->tmp.n && memchr(f->tmp.p, 0, f->tmp.n))
			d->nul = true;
		if (d->at < d->range.size && (next = cmd_pause(f->cmd)) != CMD_DONE)
			return next;
	}
	return CMD_DONE;
}

/* Label and announcer; BINARY.SIZE is then done. */
static void
announce(struct fetch *f, const struct fetch_item *item, struct fetch_decoding *d)
{
	struct buf *out = cmd_out(f->cmd);
	const struct section *sec = &item->section;

	buf_add(out, item->label);
	d->skip = 0;
	d->want = d->size;
	if (item->size) {
		buf_addu(out, d->size);
		d->want = 0;
		return;
	}
	if (sec->partial) {
		d->skip = sec->first < d->size ? sec->first : d->size;
		d->want = d->size - d->skip < sec->count ? d->size - d->skip : sec->count;
	}
	if (d->want == 0)
		buf_add(out, STR("\"\""));
	else if (d->nul)
		out_literal8_header(out, d->want);
	else
		out_literal_header(out, d->want);
}

static enum cmd_next
send(struct fetch *f, struct fetch_decoding *d, enum status *st_r)
{
	struct buf *out = cmd_out(f->cmd);
	enum cmd_next next;

	while (d->want > 0) {
		struct str s;

		if (d->at == d->range.size)
			*st_r = ERR_CORRUPT;
		else
			*st_r = decode(f, d);
		if (*st_r != OK)
			return CMD_DONE;
		s = buf_str(&f->tmp);
		if (d->skip >= s.n) {
			d->skip -= s.n;
			if ((next = cmd_pause(f->cmd)) != CMD_DONE)
				return next;
			continue;
		}
		s = str_from(s, (size_t)d->skip);
		d->skip = 0;
		s = str_head(s, d->want < s.n ? (size_t)d->want : s.n);
		buf_add(out, s);
		if (!d->nul)
			fetch_hide_nul(out->p + out->n - s.n, s.n);
		d->want -= s.n;
		if (d->want > 0 && (next = cmd_pause(f->cmd)) != CMD_DONE)
			return next;
	}
	return CMD_DONE;
}

/* No such part: NIL, and no bytes. What nobody can decode looks the same, but the command will fail (T55). */
static void
nothing(struct fetch *f, const struct fetch_item *item)
{
	buf_add(cmd_out(f->cmd), item->label);
	buf_add(cmd_out(f->cmd), item->size ? STR("0") : STR("NIL"));
	f->decoding->phase = IDLE;
}

/* Finds the section; IDLE afterwards: it is done with. */
static enum status
begin(struct fetch *f, const struct fetch_item *item)
{
	struct fetch_decoding *d;
	enum status st;

	if (f->decoding == NULL)
		f->decoding = arena_new(&f->cmd->arena, struct fetch_decoding);
	d = f->decoding;
	*d = (struct fetch_decoding){0};
	/* Now, while the buffer still holds what came before; the label follows perhaps steps later. */
	out_sep(cmd_out(f->cmd), &f->first);
	if ((st = locate(f, &item->section, d)) == ERR_NOT_FOUND) {
		nothing(f, item);
		return OK;
	}
	if (st != OK)
		return st;
	if (d->cte == MIME_CTE_UNKNOWN && d->range.size > 0) {
		f->unknown_cte = true;
		nothing(f, item);
		return OK;
	}
	rewind_to(d, COUNTING);
	/* Nothing to undo: the size is known. */
	if (d->cte != MIME_CTE_QP && d->cte != MIME_CTE_BASE64) {
		d->size = d->range.size;
		d->at = d->range.size;
	}
	return OK;
}

enum cmd_next
fetch_binary(struct fetch *f, const struct fetch_item *item, enum status *st_r)
{
	struct fetch_decoding *d = f->decoding;
	enum cmd_next next;

	*st_r = OK;
	if (d == NULL || d->phase == IDLE) {
		if ((*st_r = begin(f, item)) != OK)
			return CMD_DONE;
		d = f->decoding;
	}
	if (d->phase == COUNTING) {
		if ((next = count(f, d, st_r)) != CMD_DONE)
			return next;
		if (*st_r != OK)
			return CMD_DONE;
		announce(f, item, d);
		rewind_to(d, SENDING);
		if (d->range.size == d->size && d->cte != MIME_CTE_QP) {
			/* Not encoded: no need to read what is left out. */
			d->at = d->skip;
			d->skip = 0;
		}
	}
	if (d->phase == SENDING) {
		if ((next = send(f, d, st_r)) != CMD_DONE)
			return next;
		d->phase = IDLE;
	}
	return CMD_DONE;
}
