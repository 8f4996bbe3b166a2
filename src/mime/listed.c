/* SPDX-License-Identifier: Apache-2.0 */
/* Which header fields every summary holds. */
#include <pthread.h>
#include <string.h>

#include "mime/summary.h"

/* What clients ask for in their lists: see docs of Thunderbird, Apple Mail, Outlook, K-9, mutt, Roundcube, mbsync,
 * Delta Chat. A '*' at the end stands for anything. */
#define N(z) {z, sizeof(z) - 1}
static const struct str listed[] = {
	N("from"), N("to"), N("cc"), N("bcc"), N("subject"), N("date"), N("message-id"), N("in-reply-to"),
	N("references"), N("reply-to"), N("sender"), N("mime-version"), N("x-priority"), N("priority"),
	N("importance"), N("x-mailer"), N("user-agent"), N("disposition-notification-to"), N("delivered-to"),
	N("return-path"), N("newsgroups"), N("followup-to"), N("x-msmail-priority"), N("sensitivity"),
	N("precedence"), N("auto-submitted"), N("organization"), N("keywords"), N("comments"), N("lines"),
	N("x-label"), N("x-tuid"), N("x-offlineimap"), N("x-original-to"), N("envelope-to"),
	N("mail-followup-to"), N("mail-reply-to"), N("x-draft-info"), N("x-uniform-type-identifier"),
	N("x-universally-unique-identifier"), N("x-k9mail-identity"), N("x-identity-key"), N("x-account-key"),
	N("x-mozilla-status"), N("x-mozilla-status2"), N("x-mozilla-keys"), N("x-mozilla-draft-info"),
	N("x-forwarded-message-id"), N("return-receipt-to"), N("errors-to"), N("thread-topic"), N("thread-index"),
	N("x-ms-has-attach"), N("status"), N("x-status"), N("x-keywords"), N("x-uid"), N("x-apparently-to"),
	N("x-loop"), N("x-mailing-list"), N("x-been-there"), N("x-virus-status"), N("supersedes"), N("distribution"),
};
static const struct str listed_prefixes[] = {
	N("content-"), N("list-"), N("x-spam"), N("chat-"), N("resent-"), N("secure-join"), N("x-mozilla-"),
};
#define N_LISTED (sizeof(listed) / sizeof(listed[0]))
#define N_PREFIXES (sizeof(listed_prefixes) / sizeof(listed_prefixes[0]))

/* Listed fields that many messages have and few clients ask for: a third of all the bytes. */
static const struct str seldom[] = {
	N("content-transfer-encoding"), N("delivered-to"), N("errors-to"), N("list-archive"), N("list-help"), N("list-owner"),
	N("list-subscribe"), N("mime-version"), N("organization"), N("precedence"), N("return-path"), N("status"), N("thread-index"),
	N("thread-topic"), N("user-agent"), N("x-mailer"), N("x-original-to"), N("x-virus-status"),
};
#define N_SELDOM (sizeof(seldom) / sizeof(seldom[0]))

/* The names by first letter: a chain of indexes for each, ended by N_LISTED. */
static uint8_t first[26], next[N_LISTED];
static pthread_once_t chains_once = PTHREAD_ONCE_INIT;

static void
chains_fill(void)
{
	memset(first, N_LISTED, sizeof(first));
	for (size_t i = N_LISTED; i-- > 0;) {
		uint8_t *head = &first[listed[i].p[0] - 'a'];

		next[i] = *head;
		*head = (uint8_t)i;
	}
}

bool
mime_summary_lists(struct str name)
{
	char c;

	if (name.n == 0 || !ascii_alpha(name.p[0]))
		return false;
	c = ascii_lower(name.p[0]);
	pthread_once(&chains_once, chains_fill);
	for (size_t i = first[c - 'a']; i < N_LISTED; i = next[i])
		if (str_caseeq(name, listed[i]))
			return true;
	for (size_t i = 0; i < N_PREFIXES; i++)
		if (c == listed_prefixes[i].p[0] && str_case_starts(name, listed_prefixes[i]))
			return true;
	return false;
}

bool
mime_summary_often(struct str name)
{
	if (!mime_summary_lists(name) || str_case_starts(name, STR("x-spam")) || str_case_starts(name, STR("resent-")))
		return false;
	for (size_t i = 0; i < N_SELDOM; i++)
		if (str_caseeq(name, seldom[i]))
			return false;
	return true;
}
