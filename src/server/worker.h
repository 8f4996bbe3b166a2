/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker: the process that serves, as its supervisor started it (supervisor.h): what it gets instead of opening it, and what it is told. The main thread,
 * but for worker_last_words().
 */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "net/tls.h"
#include "server/sockets.h"

#define WORKER_CHANNEL "MANSIO_CHANNEL" /* in the environment: the descriptor of the channel; for this process alone */

enum start { START_CONFIG = 1, /* there is a configuration file */ START_AGAIN = 2 /* a worker before this one has served */ };

struct worker;

/* Of this process; NULL: it is none. */
struct worker *worker(void);
/* A former one has served: whoever has the store gives it up. */
bool worker_is_second(const struct worker *w);
/* Whether it is to stop, perhaps before it has begun. */
bool worker_told_to_stop(struct worker *w);
/* The log's descriptor, which the caller has from then on; -1: standard error, or nothing new. */
int worker_log(struct worker *w);
/* The bytes of config_certificate()'s i, until worker_forget(). False: none came. */
bool worker_certificate(const struct worker *w, size_t i, struct tls_pem *pem);
/* Overwrites keys that were taken. */
void worker_forget(struct worker *w);
/* It has the store: takes the sockets, or hears that there are none (false), or that it is to stop (false). */
bool worker_sockets(struct worker *w, struct sockets *s);

enum order { ORDER_NONE, ORDER_STOP, ORDER_RELOAD, ORDER_PROBE };
/* The next one within so many milliseconds; questions whether it is there are answered meanwhile. Reload: config_give() was called, where there is text. */
enum order worker_order(struct worker *w, int ms);
/* READY, TAKEN with index, RELOADED with value. */
void worker_say(struct worker *w, enum channel_type type, uint32_t index, uint32_t value);

/* lastwords.c: from here on a fault that ends the process tells the supervisor its place in code and command. Not in builds with a sanitizer, which does so. */
void worker_last_words(struct worker *w);

#endif
