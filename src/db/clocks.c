/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks of accounts, written around each commit. */
#include "db/clocks_priv.h"

static uint64_t
next_number(void)
{
	static atomic_uint_fast64_t last;

	return atomic_fetch_add(&last, 1) + 1;
}

void
clocks_init(struct clocks *c)
{
	uint64_t now = next_number();

	atomic_init(&c->visible, now);
	atomic_init(&c->any, now);
	atomic_init(&c->all, now);
	for (unsigned i = 0; i < CLOCKS; i++)
		atomic_init(&c->of[i], now);
}

uint64_t
clocks_commit_begin(struct clocks *c)
{
	uint64_t commit = next_number();

	atomic_store(&c->any, commit);
	return commit;
}

void
clocks_move(struct clocks *c, uint64_t account, uint64_t commit)
{
	atomic_store(account != 0 ? &c->of[account % CLOCKS] : &c->all, commit);
}

void
clocks_commit_end(struct clocks *c, uint64_t commit)
{
	atomic_store(&c->visible, commit);
}

uint64_t
clocks_version(const struct clocks *c, uint64_t account, uint64_t visible)
{
	uint64_t version, all;

	if (account == 0) {
		version = atomic_load(&c->any);
	} else {
		version = atomic_load(&c->of[account % CLOCKS]);
		all = atomic_load(&c->all);
		version = version > all ? version : all;
	}
	return version <= visible ? version : 0;
}
