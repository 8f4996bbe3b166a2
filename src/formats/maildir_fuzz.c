/* SPDX-License-Identifier: Apache-2.0 */
/* Names of files and folders, lists of keywords and of mailboxes: whatever they hold, what comes out lies inside. */
#include <stdlib.h>
#include "base/assert.h"
#include "formats/listing.h"
#include "formats/maildir.h"
#include "wire/flag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_of(data, size), text = s;
	struct arena a = {0};
	struct maildir_name name;
	struct maildir_letters letters;
	struct maildir_list list = {0};
	struct maildir_uidls uidls = {0};
	struct listing_row row;
	struct buf file = {0};
	bool changed;

	maildir_name_parse(s, &name);
	ensure(name.base.n <= s.n && (name.flags & ~FLAG_ALL) == 0 && name.letters < UINT32_C(1) << MAILDIR_LETTERS);
	maildir_letters_parse(&a, s, &letters);
	maildir_list_parse(&a, s, &list);
	maildir_dovecot_uidls(&a, s, &uidls);
	maildir_courier_uidls(&a, s, &uidls);
	ensure(str_chr(maildir_folder_name(&a, s, false, &changed), '/') >= (changed ? 0 : 0));
	(void)maildir_folder_name(&a, s, true, &changed);
	while (listing_next(&text, &row))
		ensure(row.file.n > 0 && row.mailbox.n > 0);
	if (s.n > 0) {
		(void)listing_file_name(&file, s, true);
		ensure(file.n <= LISTING_NAME_MAX && str_chr(buf_str(&file), '/') == file.n);
	}
	buf_free(&file);
	map_free(&list.messages);
	map_free(&uidls.messages);
	arena_free(&a);
	return 0;
}
