/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_args: typed readers over one command as imap_reader collected it (RFC 9051 section 9; RFC
 * 3501, 4466, 3516, 4315). Each reader consumes its token and returns OK, or leaves cursor and
 * out-parameters alone and returns
 *	ERR_BAD_INPUT  not this token here: answer BAD; what was expected and where is noted. With no_mailbox
 *	               or not_utf8 set it is well formed and cannot be: answer NO
 *	ERR_LIMIT      well formed but too much (nesting, lengths): answer NO [LIMIT]
 *	ERR_AGAIN      a literal whose bytes are not collected yet: only while a command is still being read
 * Strings are borrowed from the command, or from the arena where they had to be unescaped or
 * converted: they live as long as both. While a command is still being read (streamed literals),
 * its bytes may move with every further read: only what lies in the arena stays (names, flags);
 * copy the rest. Lenient where clients are known to be (T10): several spaces for one, spaces
 * behind "(", before ")" and at the end. Nothing recurses. One thread at a time.
 */
#ifndef WIRE_IMAP_ARGS_H
#define WIRE_IMAP_ARGS_H

#include "base/arena.h"
#include "base/runs.h"
#include "base/status.h"
#include "wire/date.h"
#include "wire/flag.h"

/* What may stand somewhere (imap_expect.tbl). */
#define X(name, text) EXPECT_##name,
enum arg_expected {
	EXPECT_NOTHING,
#include "wire/imap_expect.tbl"
	EXPECTATIONS
};
#undef X

struct args {
	struct str all;      /* the command */
	size_t at;           /* offset of the next byte */
	struct arena *arena; /* the command's */
	bool utf8;           /* UTF-8 mode: RFC 6855, or rev2 enabled */
	bool trailing_sep;   /* the last mailbox name ended in '/', which was cut off (T29) */
	unsigned depth;      /* open parentheses */
	size_t opened;       /* where the first element of the list opened last may stand */
	unsigned depth_max;  /* ARGS_DEPTH until changed */
	/* The syntax error: the farthest place where something else was expected. */
	size_t fault_at;
	enum arg_expected expected;
	bool not_utf8;       /* it is a quoted string that should be UTF-8 and is not */
	bool no_mailbox;     /* it is the name of no mailbox: no modified UTF-7 (T105) */
};

#define ARGS_DEPTH 64
#define ARGS_FLAGS_MAX 500 /* keywords in one list */

void args_init(struct args *a, struct str command, struct arena *arena, bool utf8);
/* The command has grown (a further part of APPEND...): reading goes on where it stood. */
void args_extend(struct args *a, struct str command);

/*
 * Notes what would have been right at that place, for the answer; the farthest place counts, and there what was tried last. The
 * cursor goes back to it. Returns
 * ERR_BAD_INPUT: `return arg_expect(a, EXPECT_DATE)`. The readers here do so themselves.
 */
must_check enum status arg_expect_at(struct args *a, size_t at, enum arg_expected what);
static inline must_check enum status
arg_expect(struct args *a, enum arg_expected what)
{
	return arg_expect_at(a, a->at, what);
}
/* Takes over what another reader of the same command has noted; the cursor stays. */
void args_take_fault(struct args *a, const struct args *from);
/* The text of what is expected where the error is; NULL: nothing was noted, or what was read since was right. */
const char *args_expected(const struct args *a);
/* What the client wrote before that place: an atom, a set, a parenthesis; empty where it is something else. */
struct str args_before_fault(const struct args *a);

/* What comes next, or 0 at the end. */
char arg_peek(const struct args *a);
/* Consumes one c; false if something else is there. */
bool arg_char(struct args *a, char c);
/* Consumes the keyword, any case, if it stands here as a whole word (followed by no atom
 * character but '['). */
bool arg_keyword(struct args *a, const char *word);
/* One or more spaces. At the end of the command or of a list OK, too, so that the next reader notes what is missing. */
must_check enum status arg_space(struct args *a);
/* Spaces, then the end. */
must_check enum status arg_end(struct args *a);

/* The tag: ASTRING-CHAR but "+". */
must_check enum status arg_tag(struct args *a, struct str *tag_r);
/* The command's name in upper case; for "UID x" both words with one space. Leaves the cursor
 * behind it. */
must_check enum status arg_command(struct args *a, struct str *name_r);

must_check enum status arg_atom(struct args *a, struct str *s_r);
/* The same, in upper case in the arena: keys. */
must_check enum status arg_atom_upper(struct args *a, struct str *s_r);
/* The name of a FETCH item, upper case in the arena: letters, digits, '.', '-' and '_'; stops at
 * '[' and '<'. */
must_check enum status arg_item(struct args *a, struct str *s_r);
/* atom with ']' or string (RFC 9051: astring). */
must_check enum status arg_astring(struct args *a, struct str *s_r);
/* quoted or literal. In UTF-8 mode 8-bit quoted strings must be UTF-8; outside it 8-bit bytes are
 * taken as they are. */
must_check enum status arg_string(struct args *a, struct str *s_r);
/* string or NIL: s_r->p is NULL for NIL. */
must_check enum status arg_nstring(struct args *a, struct str *s_r);
/* literal8, literal, quoted or NIL (METADATA values, APPEND of BINARY). *binary_r tells a
 * literal8; may be NULL. */
must_check enum status arg_nstring8(struct args *a, struct str *s_r, bool *binary_r);
/* The announcer of a literal that was streamed past the command: {n}, {n+}, ~{n}, ~{n+}. */
must_check enum status arg_literal_streamed(struct args *a, uint64_t *size_r, bool *binary_r);

/* Canonical name (mailbox_name.h) in the arena, without one trailing '/'; see trailing_sep. */
must_check enum status arg_mailbox(struct args *a, struct str *name_r);
/* The reference of LIST: the same, but a trailing '/' stays. */
must_check enum status arg_reference(struct args *a, struct str *name_r);
/* A LIST pattern with '%' and '*', canonical like a name; where it has neither, one trailing '/' is cut off (T29). */
must_check enum status arg_list_pattern(struct args *a, struct str *pattern_r);

must_check enum status arg_number(struct args *a, uint32_t *n_r);    /* 0..2^32-1 */
must_check enum status arg_nz_number(struct args *a, uint32_t *n_r); /* 1..2^32-1 */
/* 0..2^63-1; also mod-sequences. */
must_check enum status arg_number64(struct args *a, uint64_t *n_r);

/*
 * A sequence set or UID set; the caller frees it with arg_set_free (also safe on zeroes). "*"
 * needs the largest number and so is resolved later: n:* and *:n stand for everything from n to the
 * largest; where n is larger than that, for the largest alone, as other servers have it (T107).
 */
struct arg_set {
	struct runs runs;
	uint32_t star_low; /* the smallest n of all n:*; 0 when only "*" itself */
	bool star;  /* a "*" occurs */
	bool saved; /* "$" (RFC 5182), alone */
};
must_check enum status arg_set(struct args *a, struct arg_set *set_r);
/* The same from bare bytes, which must be the set entirely; no "$". For QRESYNC, COPYUID checks,
 * the oracle. */
must_check enum status arg_set_parse(struct str s, struct arg_set *set_r);
/* Puts "*" into runs, the largest number being last (0: there is none and "*" adds nothing; n:*
 * adds nothing either). */
void arg_set_resolve(struct arg_set *set, uint32_t last);
void arg_set_free(struct arg_set *set);

struct arg_flags {
	unsigned system; /* enum flag_bit */
	/* copies in the arena, as the client wrote them, no two equal but for case */
	struct str *keywords;
	size_t n;
	bool recent; /* \Recent was among them, which no client can set */
};
/* "(...)", also "()" (T11), or bare flags to the end of the command (STORE). Unknown \Flags:
 * ERR_BAD_INPUT. \Recent is the caller's to refuse or to pass over (T104). */
must_check enum status arg_flags(struct args *a, struct arg_flags *flags_r);
/* The keyword of SEARCH KEYWORD, in quotes too (T104). */
must_check enum status arg_flag_keyword(struct args *a, struct str *s_r);

/* date of SEARCH, quoted or not; days since 1970-01-01. */
must_check enum status arg_date(struct args *a, int32_t *days_r);
/* date-time of APPEND, in quotes. */
must_check enum status arg_date_time(struct args *a, struct date_time *d_r);

/* "(" and spaces: counts nesting; ERR_LIMIT past depth_max. */
must_check enum status arg_open(struct args *a);
/* Spaces and ")". */
must_check enum status arg_close(struct args *a);
/* Inside a list: between elements. True when another element follows (its spaces are consumed);
 * false at ")" (not consumed) or at anything else, which arg_close then refuses. */
bool arg_more(struct args *a);
/* Passes over one value of any kind (atom, string, parenthesised list): unknown parameters of RFC
 * 4466. */
must_check enum status arg_skip_value(struct args *a);

/* What stands between the brackets of BODY[...] and BINARY[...], and the partial after them. */
enum section_kind {
	SECTION_ALL,        /* BODY[], BODY[1.2] */
	SECTION_HEADER,     /* HEADER */
	SECTION_FIELDS,     /* HEADER.FIELDS (...) */
	SECTION_FIELDS_NOT, /* HEADER.FIELDS.NOT (...) */
	SECTION_TEXT,       /* TEXT */
	SECTION_MIME,       /* 1.MIME */
};
struct section {
	enum section_kind kind;
	uint32_t *part; /* part numbers, outermost first; in the arena */
	size_t parts;
	struct str *field; /* names as the client wrote them */
	size_t fields;
	bool partial;
	uint64_t first, count; /* <first.count> */
};
#define SECTION_PARTS_MAX 100
#define SECTION_FIELDS_MAX 1000
/* "[...]" with an optional "<o.l>" behind it. binary: part numbers only (RFC 3516). */
must_check enum status arg_section(struct args *a, bool binary, struct section *sec_r);

#endif
