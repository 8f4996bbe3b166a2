/* SPDX-License-Identifier: Apache-2.0 */
/* An attempt to log in, and the limits on guessing. */
#include "auth/auth_priv.h"
#include "base/assert.h"
#include "base/clock.h"
#include "store/account.h"

/* All spellings that may lead to one account count as one. What is no name counts as it is. */
void
attempt_init(struct auth *a, struct attempt *t, const struct auth_client *client, struct arena *arena, struct str user,
    const struct known *known)
{
	struct buf fold = {0};

	/* Ten aliases are not ten times as many guesses. */
	if (a->settings.login_alias && known->account != 0)
		user = known->name;

	*t = (struct attempt){.who = {.user = str_head(user, AUTH_USER_MAX)}};
	account_guess_key(a->store, t->who.user, &fold);
	t->who.user = arena_str(arena, buf_str(&fold));
	if (network_of_text(client->address, &t->network))
		t->who.where = &t->network;
	buf_free(&fold);
}

enum status
attempt_begin(struct auth *a, struct attempt *t, const struct known *known, struct auth_result *result)
{
	enum limit_verdict v = LIMIT_OK;

	ensure(!result->known || result->counted); /* what is known was found out when it was counted */
	if (result->counted) {
		t->who.known = result->known;
		return OK;
	}
	v = limit_take(a->limit, &t->who, clock_mono());
	/* Refused for what happens elsewhere: not where he has been before. */
	if (v == LIMIT_USER && known->account != 0 && places_has(a->places, known->account, &t->network)) {
		t->who.known = true;
		v = limit_take(a->limit, &t->who, clock_mono());
	}
	result->counted = v == LIMIT_OK;
	result->known = t->who.known;
	return v == LIMIT_OK ? OK : ERR_LIMIT;
}

void
attempt_succeeded(struct auth *a, struct attempt *t, const struct known *known)
{
	ensure(known->account != 0);
	limit_succeeded(a->limit, &t->who, clock_mono());
	if (t->who.where != NULL)
		places_add(a->places, known->account, t->who.where);
}
