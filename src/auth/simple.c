/* SPDX-License-Identifier: Apache-2.0 */
/* The two mechanisms that send the password itself. */
#include "auth/simple.h"

void
simple_init(struct simple *s, bool login)
{
	*s = (struct simple){.login = login};
	/* People write passwords where the name belongs. */
	s->authzid.secret = s->user.secret = s->password.secret = true;
}

void
simple_free(struct simple *s)
{
	buf_free(&s->authzid);
	buf_free(&s->user);
	buf_free(&s->password);
}

/* RFC 4616 section 2: [authzid] NUL authcid NUL passwd. */
static enum simple_step
plain(struct simple *s, struct str message)
{
	struct str authzid, user;

	if (message.p == NULL)
		return SIMPLE_CONTINUE;
	if (str_chr(message, '\0') == message.n)
		return SIMPLE_BAD;
	(void)str_split(&message, '\0', &authzid);
	if (str_chr(message, '\0') == message.n)
		return SIMPLE_BAD;
	(void)str_split(&message, '\0', &user);
	if (user.n == 0 || str_chr(message, '\0') < message.n)
		return SIMPLE_BAD;
	buf_add(&s->authzid, authzid);
	buf_add(&s->user, user);
	buf_add(&s->password, message);
	return SIMPLE_COMPLETE;
}

static enum simple_step
login(struct simple *s, struct str message, struct buf *output)
{
	if (message.p == NULL && !s->asked) {
		s->asked = true;
		buf_adds(output, "User Name");
		return SIMPLE_CONTINUE;
	}
	if (message.p == NULL || str_chr(message, '\0') < message.n || (message.n == 0 && !s->named))
		return SIMPLE_BAD;
	if (!s->named) {
		s->named = true;
		buf_add(&s->user, message);
		buf_adds(output, "Password");
		return SIMPLE_CONTINUE;
	}
	buf_add(&s->password, message);
	return SIMPLE_COMPLETE;
}

enum simple_step
simple_step(struct simple *s, struct str input, struct buf *output)
{
	return s->login ? login(s, input, output) : plain(s, input);
}
