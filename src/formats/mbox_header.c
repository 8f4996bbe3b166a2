/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs note in the header of a message in an mbox.
 *
 *   Mansio       at the top: X-Mansio-Export, Status, X-Status, X-Keywords (the first is newer than the others)
 *   Thunderbird  at the top: X-Account-Key, X-UIDL, X-Mozilla-Status, X-Mozilla-Status2, X-Mozilla-Keys
 *   others       at the end: Status, X-Status, X-Keywords, X-UID, Content-Length, Lines; X-IMAPbase or X-IMAP in the first message
 */
#include <string.h>
#include "formats/mbox_priv.h"
#include "wire/flag.h"

#define LINES_MAX 32 /* of a block of notes */

/* Thunderbird's, of X-Mozilla-Status. */
#define MOZILLA_READ 0x0001
#define MOZILLA_REPLIED 0x0002
#define MOZILLA_MARKED 0x0004
#define MOZILLA_EXPUNGED 0x0008
#define MOZILLA_FORWARDED 0x1000

static struct str
field_of(struct str line, const char *name)
{
	if (!str_case_starts(line, str_c(name)) || line.n <= strlen(name) || line.p[strlen(name)] != ':')
		return STR_NONE;
	line = str_trim(str_from(line, strlen(name) + 1));
	return line.n > 0 ? line : STR("");
}

/* The first line with its end. */
static struct str
line_at(struct str s)
{
	size_t n = str_chr(s, '\n');

	return str_head(s, n < s.n ? n + 1 : s.n);
}

static void
flags_of(struct mbox_notes *n, struct str value, const char *letters, const uint8_t *flags)
{
	for (size_t i = 0; i < value.n; i++) {
		const char *at = value.p[i] != '\0' ? strchr(letters, value.p[i]) : NULL;

		if (at != NULL)
			n->flags |= flags[at - letters];
	}
}

static void
add_keyword(struct mbox_notes *n, struct str word)
{
	if (n->keywords_n < MBOX_KEYWORDS_MAX)
		n->keywords[n->keywords_n++] = word;
	else
		n->keywords_more++;
}

static void
keywords_of(struct mbox_notes *n, struct str value)
{
	struct str word;

	while (value.n > 0 && str_split(&value, ' ', &word))
		if (word.n > 0)
			add_keyword(n, word);
}

static const char all_letters[] = "RAFDT";
static const uint8_t all_flags[] = {FLAG_SEEN, FLAG_ANSWERED, FLAG_FLAGGED, FLAG_DELETED, FLAG_DRAFT};

/* ---- at the top ---- */

/* "mboxrd SECONDS ZONE" */
static void
export_mark(struct mbox_notes *n, struct str value)
{
	struct str word;
	int64_t date, zone;

	(void)str_split(&value, ' ', &word);
	n->quoted = str_eq(word, STR("mboxrd"));
	if (value.n == 0 || !str_split(&value, ' ', &word) || !str_i64(word, INT64_C(1) << 40, &date))
		return;
	n->dated = true;
	n->date = date;
	n->zone = str_i64(value, 1439, &zone) ? (int16_t)zone : 0;
}

/*
 * What Mansio's export writes: its mark and Status, X-Status, X-Keywords; an older one has no mark. Any other program's Status in the first line is that
 * program's too. Bytes taken.
 */
static size_t
take_export(struct str header, struct mbox_notes *n)
{
	static const char *const names[] = {"Status", "X-Status", "X-Keywords"};
	struct str rest = header, line = line_at(rest), value, mark = field_of(line, "X-Mansio-Export");

	if (mark.p != NULL) {
		export_mark(n, mark);
		rest = str_from(rest, line.n);
	}
	for (size_t i = 0; i < 3; i++) {
		line = line_at(rest);
		if ((value = field_of(line, names[i])).p == NULL) {
			if (i == 0)
				break; /* another program has been at it since, and keeps its notes elsewhere */
			continue;
		}
		if (i == 2)
			keywords_of(n, value);
		else
			flags_of(n, value, all_letters, all_flags);
		rest = str_from(rest, line.n);
	}
	return header.n - rest.n;
}

static unsigned
hex_of(struct str s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.n && i < 8 && ascii_hex(s.p[i]) >= 0; i++)
		n = n * 16 + (unsigned)ascii_hex(s.p[i]);
	return n;
}

static void
mozilla_status(struct mbox_notes *n, unsigned bits)
{
	n->flags |= (bits & MOZILLA_READ ? FLAG_SEEN : 0) | (bits & MOZILLA_REPLIED ? FLAG_ANSWERED : 0) |
	    (bits & MOZILLA_MARKED ? FLAG_FLAGGED : 0);
	n->deleted = (bits & MOZILLA_EXPUNGED) != 0;
	if (bits & MOZILLA_FORWARDED)
		add_keyword(n, STR("$Forwarded"));
}

/* Thunderbird's lines: those about the account stay, they tell the same wherever the mail lies. Bytes taken. */
static size_t
take_mozilla(struct str header, struct mbox_notes *n)
{
	struct str rest = header, line, value;
	bool any = false;

	for (size_t i = 0; i < LINES_MAX && rest.n > 0; i++, rest = str_from(rest, line.n)) {
		line = line_at(rest);
		if ((value = field_of(line, "X-Mozilla-Status")).p != NULL) {
			mozilla_status(n, hex_of(value));
			any = true;
		} else if (any && (value = field_of(line, "X-Mozilla-Keys")).p != NULL) {
			keywords_of(n, value);
		} else if (field_of(line, "X-Account-Key").p != NULL || field_of(line, "X-UIDL").p != NULL) {
			buf_add(&n->header, line);
		} else if (!any || field_of(line, "X-Mozilla-Status2").p == NULL) {
			break;
		}
	}
	/* It quotes as mboxrd does. */
	n->quoted |= any;
	if (!any)
		buf_clear(&n->header);
	return any ? header.n - rest.n : 0;
}

/* ---- at the end ---- */

struct block {
	struct str status, x_status, keywords, uid, length;
	size_t at; /* where it begins; the size of the header where there is none */
};

static bool
take_end_line(struct block *b, struct str line)
{
	static const char *const others[] = {"Lines", "X-IMAP", "X-IMAPbase"};
	const struct {
		const char *name;
		struct str *value;
	} known[] = {{"Status", &b->status}, {"X-Status", &b->x_status}, {"X-Keywords", &b->keywords}, {"X-UID", &b->uid},
	    {"Content-Length", &b->length}};
	struct str value;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if ((value = field_of(line, known[i].name)).p != NULL) {
			*known[i].value = value;
			return true;
		}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (field_of(line, others[i]).p != NULL)
			return true;
	return false;
}

/* fields: the header's lines without the empty one. */
static struct block
block_of(struct str fields)
{
	struct block b = {.at = fields.n};

	for (size_t i = 0; i < LINES_MAX && b.at > 0; i++) {
		size_t begin = b.at - 1;

		while (begin > 0 && fields.p[begin - 1] != '\n')
			begin--;
		if (!take_end_line(&b, line_at(str_from(fields, begin))))
			break;
		b.at = begin;
	}
	return b;
}

/* X-IMAPbase: UIDVALIDITY, the last UID given, keywords. */
static void
read_base(struct mbox_file *file, struct str fields, struct mbox_notes *n)
{
	struct str line, value, word;
	uint64_t last;

	for (size_t i = 0; i < 1000 && fields.n > 0; i++, fields = str_from(fields, line.n)) {
		line = line_at(fields);
		if ((value = field_of(line, "X-IMAPbase")).p == NULL && (value = field_of(line, "X-IMAP")).p == NULL) {
			value = field_of(line, "Subject");
			n->internal |= str_starts(value, STR("DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA"));
			continue;
		}
		if (str_split(&value, ' ', &word) && str_split(&value, ' ', &word) && str_u64(word, UINT32_MAX, &last))
			file->last_uid = last;
	}
	n->internal = n->internal && file->last_uid > 0;
}

static bool
status_form(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != 'R' && s.p[i] != 'O' && s.p[i] != 'U' && s.p[i] != 'N')
			return false;
	return s.p != NULL && s.n > 0 && s.n <= 3;
}

/* True: the program wrote the block. */
static bool
believe(struct mbox_file *file, const struct block *b, struct mbox_notes *n)
{
	static const uint8_t weak_flags[] = {FLAG_SEEN, FLAG_ANSWERED, FLAG_FLAGGED, FLAG_DRAFT};
	uint64_t uid;

	if (b->uid.p != NULL && str_u64(b->uid, UINT32_MAX, &uid) && uid > file->first_uid && uid <= file->last_uid) {
		file->first_uid = uid;
		flags_of(n, b->status, all_letters, all_flags);
		flags_of(n, b->x_status, all_letters, all_flags);
		keywords_of(n, b->keywords);
		return true;
	}
	if (!status_form(b->status))
		return false;
	flags_of(n, b->status, "R", weak_flags);
	flags_of(n, b->x_status, "RAFT", weak_flags);
	return true;
}

/* Which fields go with the block that is believed; those of c-client too, where it is the first message. */
static bool
goes(const struct block *b, bool believed, struct str line)
{
	struct block other = {0};

	if (believed)
		return true;
	(void)take_end_line(&other, line);
	return b->length.p != NULL && (other.length.p != NULL || field_of(line, "Lines").p != NULL);
}

/* Whoever wrote it: it counts only where it is right. */
static uint64_t
length_of(struct str fields)
{
	struct str line, value;
	uint64_t n;

	for (; fields.n > 0; fields = str_from(fields, line.n)) {
		line = line_at(fields);
		if ((value = field_of(line, "Content-Length")).p != NULL)
			return str_u64(value, INT64_MAX, &n) ? n : UINT64_MAX;
	}
	return UINT64_MAX;
}

void
mbox_header_read(struct mbox_file *file, struct str header, struct mbox_notes *n)
{
	struct str fields, rest, line;
	struct block b;
	bool believed = false, first = file->first;
	size_t at;

	n->keywords_n = n->keywords_more = 0;
	n->flags = 0;
	n->deleted = n->internal = n->quoted = n->dated = false;
	n->length = UINT64_MAX;
	if ((at = take_export(header, n)) == 0)
		at = take_mozilla(header, n);
	/* The empty line that ends the header, if it has come. */
	fields = header;
	if (str_ends(fields, STR("\r\n")) && (fields.n == 2 || fields.p[fields.n - 3] == '\n'))
		fields.n -= 2;
	else if (str_ends(fields, STR("\n")) && (fields.n == 1 || fields.p[fields.n - 2] == '\n'))
		fields.n -= 1;
	file->first = false;
	if (first)
		read_base(file, fields, n);
	rest = str_head(str_from(header, at), fields.n > at ? fields.n - at : 0);
	b = block_of(rest);
	believed = b.at < rest.n && believe(file, &b, n);
	n->length = length_of(rest);
	buf_add(&n->header, str_head(rest, b.at));
	for (rest = str_from(rest, b.at); rest.n > 0; rest = str_from(rest, line.n)) {
		line = line_at(rest);
		if (!goes(&b, believed, line))
			buf_add(&n->header, line);
	}
	buf_add(&n->header, str_from(header, fields.n > at ? fields.n : at));
}
