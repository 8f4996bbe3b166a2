/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maildir and Maildir++: what the names of files and folders tell, and the lists of keywords that Dovecot and Courier keep beside
 * them. Pure, any thread.
 */
#ifndef FORMATS_MAILDIR_H
#define FORMATS_MAILDIR_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"

#define MAILDIR_LETTERS 26

/* A message's file: "base:2,FLAGS", with ';' or '!' for the ':' where a file system has none. */
struct maildir_name {
	struct str base;        /* what stays when flags change */
	uint8_t flags;          /* FLAG_ bits */
	bool forwarded;         /* P */
	uint32_t letters;       /* bits: a is 1 */
};
void maildir_name_parse(struct str file, struct maildir_name *r);

/* Dovecot's dovecot-keywords: lines "0 $Label1", the letter's number and the keyword. */
struct maildir_letters {
	struct str keyword[MAILDIR_LETTERS]; /* in the arena; n 0: none */
};
void maildir_letters_parse(struct arena *arena, struct str text, struct maildir_letters *r);

/* Courier's courierimapkeywords/:list: keywords, one a line; an empty line; "base:n n n" for each message. */
struct maildir_list {
	struct map messages; /* base to struct maildir_keywords, in the arena */
};
struct maildir_keywords {
	struct str *name;
	size_t n;
};
void maildir_list_parse(struct arena *arena, struct str text, struct maildir_list *r);
/* A file of one message in courierimapkeywords, newer than the list: keywords, one a line. */
void maildir_keywords_parse(struct arena *arena, struct str text, struct maildir_keywords *r);

/*
 * What messages were called over POP3 (RFC 1939 7), by the bases of their names. Dovecot's dovecot-uidlist: the P field of a message, else
 * UID and UIDVALIDITY in hexadecimal, eight digits each, as Dovecot says without a pop3_uidl_format. Courier's courierpop3dsizelist (versions 2
 * and 3): "UID" UID "-" UIDVALIDITY, without the second where that is 0, or the name where the UID is. What is of another version gives nothing.
 */
struct maildir_uidls {
	struct map messages; /* base to struct str, in the arena */
};
void maildir_dovecot_uidls(struct arena *arena, struct str text, struct maildir_uidls *r);
void maildir_courier_uidls(struct arena *arena, struct str text, struct maildir_uidls *r);

/*
 * The mailbox that a folder is: ".Sent.2020" of a Maildir++ (dotted) or one level of a tree of Maildirs. Modified UTF-7 or UTF-8, Dovecot's
 * escapes ("\2e") undone; a '/' inside a level becomes '_', which it cannot hold here: *changed_r.
 */
struct str maildir_folder_name(struct arena *arena, struct str folder, bool dotted, bool *changed_r);

#endif
