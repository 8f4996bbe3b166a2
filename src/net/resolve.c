/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking up names. getaddrinfo() waits, perhaps for half a minute, so it has threads of its own: a few, begun when there is work and gone when there is
 * none. A lookup that nobody waits for any more runs to its end, is told to nobody, and frees itself: nothing that stops waits for a name server.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/thread.h"
#include "base/arena.h"
#include "net/dial_priv.h"

#define THREADS 4
#define STACK (256u * 1024) /* the system's modules read files and packets */

struct lookup {
	struct lookup *next;     /* in the queue */
	struct conn *conn;       /* slots are never given back; which connection it was the generation tells */
	uint32_t generation;
	bool forgotten, over;
	int error;
	struct addrinfo *list;
	char port[12];
	char host[];
};

static struct lock lock = LOCK_INIT(net_lookups);
static struct lookup *head, **tail = &head;
static unsigned threads;

static void
lookup_free(struct lookup *l)
{
	if (l->list != NULL)
		freeaddrinfo(l->list);
	free(l);
}

static int
look_up(const char *host, const char *port, int flags, struct addrinfo **list_r)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};

	return getaddrinfo(host, port, &hints, list_r);
}

/* With the lock held: it is over. */
static void
tell(struct lookup *l)
{
	l->over = true;
	if (l->forgotten)
		lookup_free(l);
	else
		conn_post(l->conn, l->generation, BIT_LOOKUP, false);
}

static void *
work(void *arg)
{
	struct lookup *l;

	lock_take(&lock);
	while ((l = head) != NULL) {
		if ((head = l->next) == NULL)
			tail = &head;
		if (!l->forgotten) {
			lock_give(&lock);
			l->error = look_up(l->host, l->port, AI_ADDRCONFIG, &l->list);
			lock_take(&lock);
		}
		tell(l);
	}
	threads--;
	lock_give(&lock);
	return NULL;
}

/* With the lock held. False: there is no thread to do it. */
static bool
start_thread(void)
{
	pthread_attr_t attr;
	sigset_t before;
	pthread_t t;
	bool ok;

	if (threads == THREADS)
		return true;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
#ifndef MANSIO_SANITIZE
	pthread_attr_setstacksize(&attr, STACK);
#endif
	/* Signals are for the main thread. */
	thread_signals_off(&before);
	ok = pthread_create(&t, &attr, work, NULL) == 0;
	thread_signals_back(&before);
	pthread_attr_destroy(&attr);
	threads += ok;
	return threads > 0;
}

struct lookup *
lookup_begin(struct conn *c, const char *host, unsigned port)
{
	size_t n = strlen(host) + 1;
	struct lookup *l = x_calloc(1, sizeof(*l) + n);

	l->conn = c;
	l->generation = wake_generation(&c->word);
	snprintf(l->port, sizeof(l->port), "%u", port);
	memcpy(l->host, host, n);
	/* What is in numbers needs nobody's help. */
	if ((l->error = look_up(host, l->port, AI_NUMERICHOST, &l->list)) != EAI_NONAME) {
		l->over = true;
		return l;
	}
	l->error = EAI_AGAIN; /* where no thread can be had */
	lock_take(&lock);
	*tail = l;
	tail = &l->next;
	if (!start_thread()) {
		head = NULL;
		tail = &head;
		l->over = true;
	}
	lock_give(&lock);
	return l;
}

bool
lookup_over(struct lookup *l, int *error_r, struct addrinfo **list_r)
{
	bool over;

	lock_take(&lock);
	if ((over = l->over)) {
		*error_r = l->error;
		*list_r = l->list;
		l->list = NULL;
		lookup_free(l);
	}
	lock_give(&lock);
	return over;
}

void
lookup_forget(struct lookup *l)
{
	if (l == NULL)
		return;
	lock_take(&lock);
	l->forgotten = true;
	if (l->over)
		lookup_free(l);
	lock_give(&lock);
}
