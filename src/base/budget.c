/* SPDX-License-Identifier: Apache-2.0 */
/* Sums by account and for the process, and the limit that a machine's memory suggests. */
#include "base/budget.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/lock.h"
#include "base/magic.h"
#include "base/map.h"

/* Bytes freed that are worth going through the heap for. */
#define TRIM_AFTER (32u << 20)

struct budget {
	enum magic magic;
	struct budgets *all;
	int64_t account;
	size_t limit;
	_Atomic size_t used;
	unsigned refs; /* under the lock */
};

struct budgets {
	size_t process, account;
	_Atomic size_t used, freed;
	struct lock lock;
	struct map by_account;
};

struct budgets *
budgets_new(size_t process, size_t account)
{
	struct budgets *all = x_new(struct budgets);

	if (process > 0 && (account == 0 || account > process / 2))
		account = process / 2;
	all->process = process;
	all->account = account;
	lock_init(&all->lock, LOCK_budget);
	return all;
}

void
budgets_free(struct budgets *all)
{
	if (all == NULL)
		return;
	ensure(all->by_account.n == 0);
	map_free(&all->by_account);
	lock_fini(&all->lock);
	free(all);
}

struct budget *
budget_take(struct budgets *all, int64_t account)
{
	struct budget *b;

	if (all == NULL)
		return NULL;
	lock_take(&all->lock);
	if ((b = map_get(&all->by_account, MAP_KEY(account))) == NULL) {
		b = x_new(struct budget);
		b->magic = MAGIC_BUDGET;
		b->all = all;
		b->account = account;
		b->limit = account != 0 ? all->account : all->process / 2;
		map_put(&all->by_account, MAP_KEY(account), b);
	}
	ensure(b->magic == MAGIC_BUDGET);
	b->refs++;
	lock_give(&all->lock);
	return b;
}

void
budget_drop(struct budget *b)
{
	struct budgets *all;

	if (b == NULL)
		return;
	all = b->all;
	lock_take(&all->lock);
	ensure(b->magic == MAGIC_BUDGET && b->refs > 0);
	if (--b->refs == 0) {
		ensure(atomic_load(&b->used) == 0);
		map_del(&all->by_account, MAP_KEY(b->account));
		b->magic = MAGIC_DEAD;
		free(b);
	}
	lock_give(&all->lock);
}

bool
budget_full(const struct budget *b)
{
	if (b == NULL)
		return false;
	return (b->limit > 0 && budget_used(b) >= b->limit) || (b->all->process > 0 && budgets_used(b->all) >= b->all->process);
}

size_t
budget_used(const struct budget *b)
{
	return atomic_load_explicit(&b->used, memory_order_relaxed);
}

size_t
budgets_used(const struct budgets *all)
{
	return atomic_load_explicit(&all->used, memory_order_relaxed);
}

size_t
budgets_limit(const struct budgets *all, bool account)
{
	return account ? all->account : all->process;
}

bool
budgets_trim_due(struct budgets *all)
{
	if (all == NULL || atomic_load_explicit(&all->freed, memory_order_relaxed) < TRIM_AFTER)
		return false;
	atomic_store_explicit(&all->freed, 0, memory_order_relaxed);
	return true;
}

/* ---- charges ---- */

/* Takes n of what is limited, if that leaves room. */
static bool
take(_Atomic size_t *used, size_t limit, size_t n)
{
	size_t before = atomic_fetch_add_explicit(used, n, memory_order_relaxed);

	if (limit == 0 || (n <= limit && before <= limit - n))
		return true;
	atomic_fetch_sub_explicit(used, n, memory_order_relaxed);
	return false;
}

static void
count(struct budget *b, size_t n)
{
	atomic_fetch_add_explicit(&b->used, n, memory_order_relaxed);
	atomic_fetch_add_explicit(&b->all->used, n, memory_order_relaxed);
}

enum status
charge_more(struct charge *c, size_t n)
{
	struct budget *b = c->of;

	if (b != NULL && n > CHARGE_FREE - (c->n < CHARGE_FREE ? c->n : CHARGE_FREE)) {
		if (!take(&b->used, b->limit, n))
			return ERR_MEMORY;
		if (!take(&b->all->used, b->all->process, n)) {
			atomic_fetch_sub_explicit(&b->used, n, memory_order_relaxed);
			return ERR_MEMORY;
		}
	} else if (b != NULL) {
		count(b, n);
	}
	c->n += n;
	return OK;
}

void
charge_less(struct charge *c, size_t n)
{
	ensure(n <= c->n);
	c->n -= n;
	if (c->of == NULL || n == 0)
		return;
	atomic_fetch_sub_explicit(&c->of->used, n, memory_order_relaxed);
	atomic_fetch_sub_explicit(&c->of->all->used, n, memory_order_relaxed);
	atomic_fetch_add_explicit(&c->of->all->freed, n, memory_order_relaxed);
}

enum status
charge_need(struct charge *c, size_t n)
{
	if (n > c->n)
		return charge_more(c, n - c->n);
	charge_less(c, c->n - n);
	return OK;
}

enum status
charge_part(struct charge *c, size_t *part, size_t n)
{
	enum status st = OK;

	if (c == NULL || n == *part)
		return OK;
	if (n < *part)
		charge_less(c, *part - n);
	else if ((st = charge_more(c, n - *part)) != OK)
		return st;
	*part = n;
	return OK;
}

void
charge_is(struct charge *c, size_t n)
{
	if (n <= c->n) {
		charge_less(c, c->n - n);
		return;
	}
	if (c->of != NULL)
		count(c->of, n - c->n);
	c->n = n;
}

/* ---- what the system grants ---- */

/* The number in a file; SIZE_MAX: there is none. */
static size_t
number_in(const char *path)
{
	char text[32];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	uint64_t v;

	if (fd >= 0)
		close(fd);
	if (n <= 0 || !str_u64(str_trim(str_of(text, (size_t)n)), SIZE_MAX, &v))
		return SIZE_MAX;
	return (size_t)v;
}

/* The least memory.max of this process's control group and of those around it (cgroup v2). */
static size_t
groups_allow(void)
{
	char text[4096], path[4096 + 64];
	int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	size_t least = SIZE_MAX, some;
	char *group, *end;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	if ((group = strstr(text, "0::/")) == NULL)
		return number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes");
	group += 3;
	group[strcspn(group, "\n")] = '\0';
	do {
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", group);
		if ((some = number_in(path)) < least)
			least = some;
		if ((end = strrchr(group, '/')) != NULL)
			*end = '\0';
	} while (end != NULL);
	return least;
}

size_t
memory_granted(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	size_t least = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : SIZE_MAX, some = groups_allow();
	struct rlimit r;

	if (some < least)
		least = some;
	if (getrlimit(RLIMIT_AS, &r) == 0 && r.rlim_cur != RLIM_INFINITY && r.rlim_cur < least)
		least = (size_t)r.rlim_cur;
	return least == SIZE_MAX ? 0 : least;
}
