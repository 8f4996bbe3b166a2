/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wake word under fire: posters, runners and a crowd of words. Nobody runs twice at once, no
 * bit is lost, an old generation wakes nobody. Run it with -Db_sanitize=thread; MANSIO_LONG=1 for
 * minutes instead of a moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <pthread.h>
#include <sched.h>
#include <cmocka.h>
#include "net/wake.h"

#define OWNERS 8
#define POSTERS 4
#define RUNNERS 3
#define BITS_USED 6

struct owner {
	wake_word word;
	_Atomic uint32_t generation;
	_Atomic int inside;                 /* threads that run it now: never more than one */
	_Atomic uint64_t posted[BITS_USED]; /* poster adds one, then posts the bit */
	uint64_t seen[BITS_USED];           /* runner: what it saw of posted; plain on purpose */
	struct owner *next;
};

static struct owner owners[OWNERS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static struct owner *head, **tail = &head;
static unsigned queued;
static _Atomic bool done;
static uint64_t rounds;

static void
enqueue(struct owner *o)
{
	pthread_mutex_lock(&lock);
	assert_true(queued++ < OWNERS); /* at most once each */
	o->next = NULL;
	*tail = o;
	tail = &o->next;
	pthread_cond_signal(&filled);
	pthread_mutex_unlock(&lock);
}

static struct owner *
dequeue(void)
{
	struct owner *o;

	pthread_mutex_lock(&lock);
	while (head == NULL && !atomic_load(&done))
		pthread_cond_wait(&filled, &lock);
	if ((o = head) != NULL) {
		if ((head = o->next) == NULL)
			tail = &head;
		queued--;
	}
	pthread_mutex_unlock(&lock);
	return o;
}

static void
look(struct owner *o, unsigned bits)
{
	assert_int_equal(bits >> BITS_USED, 0);
	for (unsigned i = 0; i < BITS_USED; i++)
		if (bits & 1u << i)
			o->seen[i] = atomic_load_explicit(&o->posted[i], memory_order_relaxed);
}

static void *
runner(void *arg)
{
	unsigned r = (unsigned)(uintptr_t)arg;
	struct owner *o;

	while ((o = dequeue()) != NULL) {
		unsigned mask = WAKE_ALL;

		look(o, wake_run(&o->word));
		assert_int_equal(atomic_fetch_add(&o->inside, 1), 0);
		if (rand_r(&r) % 8 == 0)
			sched_yield();
		look(o, wake_take(&o->word));
		/* Now and then it waits for some bits only; bit 0 is always among them and the
		 * posters end with it, so that nothing stays behind. */
		if (rand_r(&r) % 4 == 0)
			mask = 1 | 1u << rand_r(&r) % BITS_USED;
		if (rand_r(&r) % 16 == 0) {
			atomic_fetch_sub(&o->inside, 1);
			wake_yield(&o->word);
			enqueue(o);
			continue;
		}
		/* Closed and opened again: what was pending is told to the new one. */
		if (rand_r(&r) % 64 == 0) {
			wake_close(&o->word);
			atomic_store(&o->generation, wake_generation(&o->word));
			atomic_fetch_sub(&o->inside, 1);
			wake_open(&o->word, (1u << BITS_USED) - 1);
			enqueue(o);
			continue;
		}
		for (;;) {
			atomic_fetch_sub(&o->inside, 1);
			if (wake_park(&o->word, mask))
				break;
			assert_int_equal(atomic_fetch_add(&o->inside, 1), 0);
			look(o, wake_take(&o->word));
		}
	}
	return NULL;
}

static void *
poster(void *arg)
{
	unsigned r = 1000 + (unsigned)(uintptr_t)arg;

	for (uint64_t n = 0; n < rounds; n++) {
		struct owner *o = &owners[rand_r(&r) % OWNERS];
		unsigned bit = (unsigned)rand_r(&r) % BITS_USED;
		uint32_t g;

		atomic_fetch_add_explicit(&o->posted[bit], 1, memory_order_relaxed);
		/* Closed meanwhile: the poster tells its successor. */
		do {
			g = atomic_load(&o->generation);
			if (wake_post(&o->word, g, 1u << bit))
				enqueue(o);
		} while (wake_generation(&o->word) != g);
		if (rand_r(&r) % 32 == 0)
			sched_yield();
	}
	return NULL;
}

static void
test_stress(void **state)
{
	pthread_t p[POSTERS], r[RUNNERS];
	const char *more = getenv("MANSIO_LONG");

	rounds = more && *more ? 20000000 : 60000;
	for (int i = 0; i < OWNERS; i++) {
		atomic_store(&owners[i].generation, wake_open(&owners[i].word, 0));
		enqueue(&owners[i]);
	}
	for (uintptr_t i = 0; i < RUNNERS; i++)
		pthread_create(&r[i], NULL, runner, (void *)(i + 1));
	for (uintptr_t i = 0; i < POSTERS; i++)
		pthread_create(&p[i], NULL, poster, (void *)(i + 1));
	for (int i = 0; i < POSTERS; i++)
		pthread_join(p[i], NULL);
	/* Nobody posts any more: the queue runs dry. */
	for (;;) {
		bool idle = true;

		pthread_mutex_lock(&lock);
		for (int i = 0; i < OWNERS; i++) {
			uint64_t v = atomic_load(&owners[i].word);

			idle = idle && (v >> 14 & 3) == WAKE_PARKED;
		}
		idle = idle && head == NULL;
		pthread_mutex_unlock(&lock);
		if (idle)
			break;
		sched_yield();
	}
	pthread_mutex_lock(&lock);
	atomic_store(&done, true);
	pthread_cond_broadcast(&filled);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < RUNNERS; i++)
		pthread_join(r[i], NULL);
	for (int i = 0; i < OWNERS; i++)
		for (int b = 0; b < BITS_USED; b++) {
			/* Bits that its last mask did not name may still be pending. */
			if (atomic_load(&owners[i].word) & 1u << b)
				continue;
			assert_int_equal(owners[i].seen[b], atomic_load(&owners[i].posted[b]));
		}
}

static void
test_plain(void **state)
{
	wake_word w = 0;
	uint32_t g = wake_open(&w, 1), g2;

	assert_false(wake_post(&w, g, 2));
	assert_int_equal(wake_run(&w), 3);
	assert_false(wake_post(&w, g, 4));
	assert_false(wake_park(&w, 4 | 1));
	assert_int_equal(wake_take(&w), 4);
	assert_true(wake_park(&w, 1));
	assert_false(wake_post(&w, g, 8)); /* not in the mask: waits */
	assert_true(wake_post(&w, g, 1));
	assert_false(wake_post(&w, g, 1)); /* queued once only */
	assert_int_equal(wake_run(&w), 9);
	wake_close(&w);
	assert_false(wake_post(&w, g, 1));
	g2 = wake_open(&w, 0);
	assert_int_not_equal(g, g2);
	assert_false(wake_post(&w, g, 1));
	assert_int_equal(wake_run(&w), 0);
	assert_true(wake_park(&w, WAKE_ALL));
	assert_false(wake_post(&w, g, 1));
	assert_true(wake_post(&w, g2, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_stress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
