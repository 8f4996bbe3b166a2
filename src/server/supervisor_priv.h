/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor: the small process that was started: binds, opens what only it may open, starts the worker and starts it again, hears signals, talks to the service
 * manager. It never opens the store, never parses what a client, a mail or a certificate says, and takes from the worker the few messages of
 * channel.tbl alone. It has one thread.
 *
 *	supervisor.c          the loop: signals, messages, times
 *	supervisor_start.c    starts a worker and passes what it begins with
 *	supervisor_files.c    the files: configuration, certificates, log; what is in force and what a reload offers
 *	supervisor_end.c      what the end of a worker means
 *
 * What is in force is kept here, so that the next worker gets exactly that, whatever lies on the disk meanwhile.
 */
#ifndef SERVER_SUPERVISOR_PRIV_H
#define SERVER_SUPERVISOR_PRIV_H

#include <sys/types.h>
#include "server/server_priv.h"

/* A certificate's files. */
struct pem {
	bool there;
	struct buf cert, key; /* secret */
};

struct supervisor {
	const struct server_options *o;
	struct sockets sockets;
	struct user user;
	int log_fd;
	int signals;              /* a descriptor */
	pid_t self;

	/* in force, and what the last reload offered */
	struct buf reloaded;      /* the configuration that the last reload took; empty: that of the start */
	bool config_there;        /* there is a file */
	struct buf config_offered;
	struct pem *pems, *offered;
	size_t pems_n;

	/* the worker */
	pid_t pid;                /* 0: there is none */
	int ch;
	bool wants, ready, reloading, asked; /* what it said, what it was told: asked: PING */
	bool condemned;           /* it was killed: nothing that it says counts any more */
	bool served;              /* this one or a former one was ready */
	int64_t began;            /* clock_mono, when it was ready */
	char words[CHANNEL_TEXT]; /* its last */

	unsigned ends;            /* in a row */
	int64_t again;            /* when the next is started; 0: none is to be */
	bool reload_due;          /* once there is a worker that can */
	bool stopping;
	int64_t ping, ping_every; /* when the next is due; how often; 0: nobody wants to know */
	int64_t day;              /* when the certificates are looked at */
	int code;                 /* the exit status; -1: it goes on */
};

/* ---- supervisor_files.c ---- */
/* All that a worker begins with: what cannot be read is said. ERR_IO. */
enum status supervisor_read(struct supervisor *s) must_check;
/* What a reload offers: what cannot be read stays as it was, and it is said in the log. */
void supervisor_read_again(struct supervisor *s);
void supervisor_offer_nothing(struct supervisor *s);
/* CERTIFICATE, LOG, GO. */
enum status supervisor_pass(struct supervisor *s, const struct pem *pems, bool log) must_check;
/* A message whose one descriptor is a file with these bytes. */
enum status supervisor_pass_text(struct supervisor *s, enum channel_type type, uint32_t value, const char *text, struct str bytes) must_check;
/* The worker took offer i, or the configuration. */
void supervisor_took(struct supervisor *s, size_t i);
void supervisor_took_config(struct supervisor *s);
void supervisor_forget(struct supervisor *s);

/* ---- supervisor_start.c ---- */
/* ERR_UNAVAILABLE: none could be started, and it was said. */
enum status supervisor_start(struct supervisor *s) must_check;
/* Runs fn in a process of its own, whose memory is gone afterwards. */
pid_t supervisor_apart(struct supervisor *s, int (*fn)(void));

/* ---- supervisor_end.c ---- */
/* The worker is gone, with a status of waitpid(): sets code, or when the next is started. */
void supervisor_ended(struct supervisor *s, int status);

#endif
