/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes every typed reader: the first byte chooses which; what was accepted is written and must
 * read the same again. */
#include "base/assert.h"
#include "base/utf8.h"
#include "wire/imap_args.h"
#include "wire/imap_out.h"
#include "wire/mailbox_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Checks that a reader that failed left the cursor alone. */
static void
still(const struct args *a, enum status st)
{
	ensure(st == OK || a->at == 0);
	ensure(a->at <= a->all.n);
	ensure(st == OK || st == ERR_BAD_INPUT || st == ERR_LIMIT || st == ERR_AGAIN);
	ensure(args_before_fault(a).n <= a->all.n);
}

static void
string_again(struct args *a, struct str s)
{
	struct buf out = {0};
	struct args b;
	struct str again;

	if (str_chr(s, '\0') < s.n)
		return;
	out_astring(&out, s, a->utf8);
	args_init(&b, buf_str(&out), a->arena, a->utf8);
	ensure(arg_astring(&b, &again) == OK && b.at == out.n && str_eq(s, again));
	buf_free(&out);
}

static void
mailbox_again(struct args *a, struct str name)
{
	struct buf out = {0};
	struct args b;
	struct str again;

	ensure(utf8_valid(name));
	/* A trailing '/' would be cut off again; so would what is too long once it is encoded. */
	if (name.n == 0 || name.p[name.n - 1] == '/' || mailbox_name_check(name) != OK)
		return;
	out_mailbox(&out, name, a->utf8);
	args_init(&b, buf_str(&out), a->arena, a->utf8);
	ensure(arg_mailbox(&b, &again) == OK && b.at == out.n && str_eq(name, again));
	buf_free(&out);
}

static void
section_again(struct args *a, const struct section *sec)
{
	struct buf out = {0}, second = {0};
	struct args b;
	struct section copy = *sec, again;

	copy.partial = false;
	out_section(&out, &copy);
	if (str_chr(buf_str(&out), '\0') == out.n) {
		args_init(&b, buf_str(&out), a->arena, a->utf8);
		ensure(arg_section(&b, false, &again) == OK && b.at == out.n);
		out_section(&second, &again);
		ensure(str_eq(buf_str(&out), buf_str(&second)));
	}
	buf_free(&out);
	buf_free(&second);
}

/* The sum over members must agree with the runs made of them. */
static void
read_set(struct args *a)
{
	struct arg_set set, again;
	struct buf out = {0};
	enum status st = arg_set(a, &set);

	still(a, st);
	if (st != OK)
		return;
	arg_set_resolve(&set, 77);
	for (size_t i = 0; i < set.runs.n; i++) {
		ensure(set.runs.run[i].first > 0 && set.runs.run[i].first <= set.runs.run[i].last);
		ensure(i == 0 || set.runs.run[i].first > set.runs.run[i - 1].last + (uint64_t)1);
	}
	runs_print(&out, &set.runs);
	if (set.runs.n > 0) {
		ensure(arg_set_parse(buf_str(&out), &again) == OK && again.runs.n == set.runs.n);
		arg_set_free(&again);
	}
	buf_free(&out);
	arg_set_free(&set);
}

static void
read_values(struct args *a, unsigned which)
{
	struct arg_flags flags;
	struct section sec;
	struct date_time d;
	int32_t days;
	enum status st;

	switch (which) {
	case 0:
		still(a, st = arg_flags(a, &flags));
		for (size_t i = 0; st == OK && i < flags.n; i++)
			ensure(flag_keyword_valid(flags.keywords[i]));
		break;
	case 1:
		still(a, st = arg_section(a, false, &sec));
		if (st == OK)
			section_again(a, &sec);
		break;
	case 2: still(a, arg_section(a, true, &sec)); break;
	case 3: still(a, arg_date(a, &days)); break;
	case 4: still(a, arg_date_time(a, &d)); break;
	case 5: still(a, arg_skip_value(a)); break;
	default: read_set(a); break;
	}
}

static void
read_strings(struct args *a, unsigned which)
{
	static enum status (*const readers[])(struct args *, struct str *) = {arg_tag, arg_command,
	    arg_atom, arg_atom_upper, arg_item, arg_astring, arg_string, arg_nstring, arg_mailbox,
	    arg_reference, arg_list_pattern, arg_flag_keyword};
	struct str s;
	enum status st = readers[which](a, &s);

	still(a, st);
	if (st == OK && (readers[which] == arg_astring || readers[which] == arg_string))
		string_again(a, s);
	if (st == OK && readers[which] == arg_mailbox)
		mailbox_again(a, s);
}

static void
read_numbers(struct args *a)
{
	uint32_t n;
	uint64_t n64;
	bool binary;
	struct str s;

	still(a, arg_number(a, &n)), a->at = 0;
	still(a, arg_nz_number(a, &n)), a->at = 0;
	still(a, arg_number64(a, &n64)), a->at = 0;
	still(a, arg_literal_streamed(a, &n64, &binary)), a->at = 0;
	still(a, arg_nstring8(a, &s, &binary));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	struct args a;
	unsigned which;

	if (size == 0)
		return 0;
	which = data[0] & 31;
	args_init(&a, str_of(data + 1, size - 1), &arena, data[0] & 128);
	if (which < 12)
		read_strings(&a, which);
	else if (which < 20)
		read_values(&a, which - 12);
	else
		read_numbers(&a);
	arena_free(&arena);
	return 0;
}
