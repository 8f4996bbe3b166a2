/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema, table by table. Keys are integers that order what is read together:
 *
 *   mailbox and account ids     below 2^31, never used again
 *   page and dir ids            mailbox << 32 | first UID
 *   email ids                   account << 32 | the account's own counter
 *   body ids, chunk ids         see blob/
 *
 * Blobs are versioned (first byte) and end in a CRC-32C of what stands before; their formats are
 * described where they are encoded (page.c, dir.c, runs.h, mime/summary.h, mime/structure.h).
 */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#define SCHEMA_VERSION 12

#define SCHEMA_DIGEST "CREATE TABLE IF NOT EXISTS digest (id INTEGER PRIMARY KEY, data BLOB NOT NULL);"

/* The last sweep of an account's thread_ref (thread_sweep.c): when (seconds since 1970), the counter of its emails then, how many were
 * there, how many names it left idle. */
#define THREAD_SWEEP_SQL                                                                                               \
	"CREATE TABLE thread_sweep (account INTEGER PRIMARY KEY, at INTEGER NOT NULL, emails INTEGER NOT NULL,"         \
	" live INTEGER NOT NULL, idle INTEGER NOT NULL);"

/* What is derived from messages was made by code that read some of them otherwise: digests are made anew as walks ask for them, summaries and
 * structures by a sweep, which meta's "reparse" (the email after which it goes on) asks for; see reparse.c. */
#define REPARSE_SQL "DELETE FROM digest; INSERT OR REPLACE INTO meta (key, value) VALUES ('reparse', 0);"
/* What an account has set, or is remembered of it: see account.h. */
#define ACCOUNT_SETTING_SQL                                                                                            \
	"CREATE TABLE account_setting (account INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,"              \
	" PRIMARY KEY (account, name)) WITHOUT ROWID;"

/* UIDLs that an import brought: see uidl.h. */
#define UIDL_SQL                                                                                                       \
	"CREATE TABLE uidl (email INTEGER PRIMARY KEY, mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, value TEXT NOT NULL);" \
	"CREATE UNIQUE INDEX uidl_value ON uidl (mailbox, value);"
/* Rights (RFC 4314; rights.h): subject: an account; 0: anyone; below 0: -(a group). negative: 1: the rights are taken away. A mailbox without
 * rows belongs to its owner alone, who has all rights; the owner's own row, where there is one, takes the place of those. */
#define ACL_SQL                                                                                                        \
	"CREATE TABLE acl (mailbox INTEGER NOT NULL, subject INTEGER NOT NULL, negative INTEGER NOT NULL,"              \
	" rights INTEGER NOT NULL, PRIMARY KEY (mailbox, subject, negative)) WITHOUT ROWID;"                            \
	"CREATE INDEX acl_subject ON acl (subject, mailbox);"
/*
 * Addresses beside those of accounts (address.h). kind: 1 alias, 2 group; name: "@example.org" is a catch-all; fold: what is compared, as an account's,
 * and no account has the same. A target: kind 0 an account, 1 an address. domain: account.domain of its accounts; accounts_max, bytes_max, detail:
 * NULL: not set; bytes: the mail of all its accounts at summed (seconds since 1970), where there is a limit.
 */
#define ADDRESS_SQL                                                                                                    \
	"CREATE INDEX account_domain ON account (domain);"                                                              \
	"CREATE TABLE address (id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, name TEXT NOT NULL,"        \
	" fold TEXT NOT NULL UNIQUE, created INTEGER NOT NULL);"                                                        \
	"CREATE INDEX address_kind ON address (kind, fold);"                                                            \
	"CREATE TABLE address_target (address INTEGER NOT NULL, kind INTEGER NOT NULL, target INTEGER NOT NULL,"        \
	" PRIMARY KEY (address, kind, target)) WITHOUT ROWID;"                                                          \
	"CREATE INDEX address_leading ON address_target (kind, target);"                                                \
	"CREATE TABLE domain (fold TEXT PRIMARY KEY, name TEXT NOT NULL, accounts_max INTEGER, bytes_max INTEGER,"      \
	" detail INTEGER, bytes INTEGER NOT NULL, summed INTEGER NOT NULL) WITHOUT ROWID;"

/*
 * Quota (quota.h). account: used_messages, used_bytes: the sums over its mailboxes, kept with each change; quota_...: limits of its own (NULL: as the domain
 * says, -1: none); quota_told: percent of the warning that was written last. domain: what its accounts may have. quota_due: accounts to which a warning is
 * to be written.
 */
#define QUOTA_COLUMNS "quota_bytes INTEGER, quota_messages INTEGER, quota_mailboxes INTEGER"
#define QUOTA_SQL                                                                                                      \
	"ALTER TABLE domain ADD COLUMN quota_bytes INTEGER; ALTER TABLE domain ADD COLUMN quota_messages INTEGER;"      \
	"ALTER TABLE domain ADD COLUMN quota_mailboxes INTEGER;"                                                        \
	"CREATE TABLE quota_due (account INTEGER PRIMARY KEY);"
#define QUOTA_ADD_SQL                                                                                                  \
	"ALTER TABLE account ADD COLUMN used_messages INTEGER NOT NULL DEFAULT 0;"                                      \
	"ALTER TABLE account ADD COLUMN used_bytes INTEGER NOT NULL DEFAULT 0;"                                         \
	"ALTER TABLE account ADD COLUMN quota_told INTEGER NOT NULL DEFAULT 0;"                                         \
	"ALTER TABLE account ADD COLUMN quota_bytes INTEGER; ALTER TABLE account ADD COLUMN quota_messages INTEGER;"    \
	"ALTER TABLE account ADD COLUMN quota_mailboxes INTEGER;"                                                       \
	"DROP TABLE IF EXISTS quota;" QUOTA_SQL
/* Emails that were made by COPY from another account (across_priv.h): the object id that they have (RFC 8474), an email's key; all others have their own. */
#define EMAIL_OBJECT_SQL                                                                                               \
	"CREATE TABLE email_object (email INTEGER PRIMARY KEY, object INTEGER NOT NULL);"

/* Made at each start where it is missing, whatever the version; without it the number of an account's newest change is a walk through all its entries. */
#define METADATA_INDEX_SQL "CREATE INDEX IF NOT EXISTS metadata_changed ON metadata (account, changed);"

/* The same: whose a client's certificate is (certificate.h), and that it is nobody else's. */
#define CERTIFICATE_INDEX_SQL                                                                                          \
	"CREATE UNIQUE INDEX IF NOT EXISTS credential_certificate ON credential (kind)"                                 \
	" WHERE kind >= 'certificate ' AND kind < 'certificate!';"

static const char schema_sql[] =
    /* "meta (key, value)", facts about the store (version, secret, when it was made), is there before: see schema.c. */
    /* name: as created; fold: account_fold() of it, what is compared (account_fold_ascii() where another
     * account had that when version 6 came); NULL once deleted. generation: rises with each change of
     * credentials. next_email: counter of email ids. last_uidvalidity: the newest one given out. modseq: counts
     * changes of the mailbox list; mailboxes: how many names there are. domain: what is behind the last @ of fold. */
    "CREATE TABLE account (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, fold TEXT UNIQUE,"
    " local TEXT, generation INTEGER NOT NULL, disabled INTEGER NOT NULL, deleted INTEGER NOT NULL,"
    " created INTEGER NOT NULL, next_email INTEGER NOT NULL, last_uidvalidity INTEGER NOT NULL,"
    " modseq INTEGER NOT NULL, mailboxes INTEGER NOT NULL, domain TEXT, used_messages INTEGER NOT NULL DEFAULT 0,"
    " used_bytes INTEGER NOT NULL DEFAULT 0, quota_told INTEGER NOT NULL DEFAULT 0, " QUOTA_COLUMNS ");"
    "CREATE INDEX account_local ON account (local);"
    "CREATE TABLE credential (account INTEGER NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (account, kind)) WITHOUT ROWID;"
    ACCOUNT_SETTING_SQL
    ADDRESS_SQL

    /* name: NULL once deleted (the reaper removes the rest); sort: the name with '/' as 0x01 and a first
     * level INBOX as 0x02: the key of names and the order of LIST. noselect: only a name. The counts are those of the owner; other readers' are in reader_state.
     * acl: how often rights were given or taken; 0: never, there are no rows in acl. */
    "CREATE TABLE mailbox (id INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER NOT NULL, name TEXT,"
    " sort TEXT, noselect INTEGER NOT NULL, special INTEGER NOT NULL, uidvalidity INTEGER NOT NULL,"
    " uidnext INTEGER NOT NULL, modseq INTEGER NOT NULL, messages INTEGER NOT NULL, unseen INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL, size INTEGER NOT NULL, deleted_size INTEGER NOT NULL, recent_from INTEGER NOT NULL,"
    " keywords INTEGER NOT NULL, created INTEGER NOT NULL, changed INTEGER NOT NULL, oldest_change INTEGER NOT NULL,"
    " acl INTEGER NOT NULL DEFAULT 0);"
    "CREATE UNIQUE INDEX mailbox_sort ON mailbox (account, sort);"
    "CREATE TABLE subscription (account INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (account, name)) WITHOUT ROWID;"
    /* Keywords of a mailbox by id, from 0; fold: in ASCII lower case, what is compared. */
    "CREATE TABLE keyword (mailbox INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, fold TEXT NOT NULL,"
    " PRIMARY KEY (mailbox, id)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX keyword_fold ON keyword (mailbox, fold);"

    /* The messages of a mailbox in order of UID, packed; see page_priv.h. */
    "CREATE TABLE page (id INTEGER PRIMARY KEY, data BLOB NOT NULL);"
    /* The directory: what up to DIR_MAX pages hold, packed, and its sums; see dir_priv.h. modseq: the highest. */
    "CREATE TABLE dir (id INTEGER PRIMARY KEY, messages INTEGER NOT NULL, unseen INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL, modseq INTEGER NOT NULL, data BLOB NOT NULL);"
    /* Pages of a large COPY until it is published: copy << 32 | number; see copy.h. made: seconds since
     * 1970. What a crash leaves is swept at start, what a session leaves by the reaper. made_for: the mailbox, where the emails were made for
     * this copy, from another account: 0: they have names already. */
    "CREATE TABLE staged (id INTEGER PRIMARY KEY, made INTEGER NOT NULL, messages INTEGER NOT NULL, unseen INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL, size INTEGER NOT NULL, deleted_size INTEGER NOT NULL, data BLOB NOT NULL,"
    " made_for INTEGER NOT NULL DEFAULT 0);"

    /* One row a change: kind 1 added, 2 flags, 3 expunged (a tombstone), 4 annotation. reader: whose change (0: all). uids: runs, and which
     * flags, see changes.c. The rows above mailbox.oldest_change are complete; up to there only tombstones are left, packed in rows
     * of kind 5 whose modseq is the last one in them, see tombstone.c. (After a repair there are unpacked ones too.) */
    "CREATE TABLE change (mailbox INTEGER NOT NULL, modseq INTEGER NOT NULL, kind INTEGER NOT NULL, reader INTEGER NOT NULL,"
    " uids BLOB NOT NULL, PRIMARY KEY (mailbox, modseq, kind)) WITHOUT ROWID;"
    /* Expunged entries during their grace, packed like a page whose key is the first UID; first, last: the UIDs between
     * which they lie; modseq: of the expunge; due: seconds since 1970; moved: their emails got another name by MOVE. */
    "CREATE TABLE reap (id INTEGER PRIMARY KEY, mailbox INTEGER NOT NULL, modseq INTEGER NOT NULL, first INTEGER NOT NULL,"
    " last INTEGER NOT NULL, due INTEGER NOT NULL, moved INTEGER NOT NULL, entries BLOB NOT NULL);"
    "CREATE INDEX reap_due ON reap (due);"
    "CREATE INDEX reap_mailbox ON reap (mailbox, modseq);"
    /* Deleted mailboxes (kind 1) and accounts (kind 2) until the reaper is through with them. */
    "CREATE TABLE doomed (due INTEGER NOT NULL, kind INTEGER NOT NULL, id INTEGER NOT NULL,"
    " PRIMARY KEY (due, kind, id)) WITHOUT ROWID;"

    /* Emails that got a second name by COPY at some time: only these need a search for names before they are removed.
     * id: account << 32 | email counter >> 14; emails: runs of counters + 1 within the bucket. */
    "CREATE TABLE copied (id INTEGER PRIMARY KEY, emails BLOB NOT NULL);"

    /* What never changes of a message. birth: mailbox, UID, internal date, zone, flags, keywords packed, for repair. */
    "CREATE TABLE email (id INTEGER PRIMARY KEY, body INTEGER NOT NULL, size INTEGER NOT NULL, thread INTEGER NOT NULL,"
    " message_id INTEGER NOT NULL, birth BLOB NOT NULL, prefix BLOB NOT NULL, summary BLOB NOT NULL);"
    "CREATE TABLE structure (email INTEGER PRIMARY KEY, data BLOB NOT NULL);"
    /* Of many emails at once what walks need of them: derived, made when a walk missed it; see digest_priv.h. */
    SCHEMA_DIGEST
    /* The owners of bodies that several emails share; a body without rows here has one owner. */
    "CREATE TABLE body_owner (body INTEGER NOT NULL, email INTEGER NOT NULL, PRIMARY KEY (body, email)) WITHOUT ROWID;"
    EMAIL_OBJECT_SQL
    /* Thread ids: message-id hash to thread, an account. idle: when the account was swept last, no email named it. */
    "CREATE TABLE thread_ref (account INTEGER NOT NULL, hash INTEGER NOT NULL, thread INTEGER NOT NULL,"
    " idle INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (account, hash)) WITHOUT ROWID;"
    THREAD_SWEEP_SQL

    /* Provided for: shared mailboxes. A reader's own \Seen: packed bits beside each page, and counts. */
    "CREATE TABLE reader_page (id INTEGER NOT NULL, reader INTEGER NOT NULL, data BLOB NOT NULL,"
    " PRIMARY KEY (id, reader)) WITHOUT ROWID;"
    "CREATE TABLE reader_state (mailbox INTEGER NOT NULL, reader INTEGER NOT NULL, unseen INTEGER NOT NULL,"
    " recent_from INTEGER NOT NULL, PRIMARY KEY (mailbox, reader)) WITHOUT ROWID;"
    ACL_SQL
    QUOTA_SQL
    /* Metadata (RFC 5464; mailbox 0: the server's; reader 0: shared; value NULL: removed; changed: counts the account's changes, see
     * metadata.h); provided for: annotations (RFC 5257). */
    "CREATE TABLE metadata (account INTEGER NOT NULL, mailbox INTEGER NOT NULL, reader INTEGER NOT NULL, entry TEXT NOT NULL,"
    " name TEXT NOT NULL, value BLOB, changed INTEGER NOT NULL, PRIMARY KEY (account, mailbox, reader, entry)) WITHOUT ROWID;"
    "CREATE TABLE annotation (mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, entry TEXT NOT NULL, value BLOB NOT NULL,"
    " PRIMARY KEY (mailbox, uid, entry)) WITHOUT ROWID;"
    /* Old names of mailboxes (OLDNAME, NOTIFY) and events of the mailbox list, by the account's modseq. */
    "CREATE TABLE account_change (account INTEGER NOT NULL, modseq INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " mailbox INTEGER NOT NULL, old_name TEXT, at INTEGER NOT NULL, PRIMARY KEY (account, modseq)) WITHOUT ROWID;"
    /* What imports brought in: a key a message; see imported.h. */
    "CREATE TABLE imported (account INTEGER NOT NULL, key BLOB NOT NULL, PRIMARY KEY (account, key)) WITHOUT ROWID;"
    UIDL_SQL
    /* How far a search index has followed the change feed. */
    "CREATE TABLE index_state (mailbox INTEGER PRIMARY KEY, modseq INTEGER NOT NULL, state BLOB);";

#endif
