/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify_pictures: the sessions of an account that watch its mailboxes share their pictures: what a change costs is one look at all mailboxes, not
 * one for each session. Kept as long as a session holds it. Any thread.
 */
#ifndef IMAP_NEWS_NOTIFY_PICTURES_H
#define IMAP_NEWS_NOTIFY_PICTURES_H

#include "imap/news/notify_picture.h"

struct pictures;
struct pictures *pictures_new(void);
/* All must have been given back. */
void pictures_free(struct pictures *ps);

/* Who asks for a picture. */
struct picture_for {
	uint64_t now;  /* hub_modseq() of its watcher of the account, as it was before the transaction began */
	uint64_t told; /* what that was at the picture it has; 0: it has none */
	bool newer;    /* one that is newer than that will do: it asks again, and none of its own changes are to be known by it */
};
/*
 * A picture of the actor's account, to be looked at only; p->seen tells of when it is: who->now, or with newer one after who->told. The caller watches the
 * account until it has given it back with picture_release(). ERR_AGAIN: it is being taken, by all that want it together, a step each call: call again with
 * what *t holds then (NULL at first; who is not looked at any more), or give up with picture_taking_release(). ERR_CONFLICT is the same, but another
 * thread has the next step: let others have their turn. Errors of picture_step().
 */
struct picture_taking;
must_check enum status pictures_get(struct pictures *ps, const struct actor *actor, struct db_txn *txn, const struct picture_for *who,
    struct picture_taking **t, struct notify_picture **p_r);
/* Bytes that it holds so far; NULL: 0. */
size_t picture_taking_memory(struct picture_taking *t);
void picture_taking_release(struct picture_taking *t);
void picture_release(struct notify_picture *p);

#endif
