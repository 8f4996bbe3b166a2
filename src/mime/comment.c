/* SPDX-License-Identifier: Apache-2.0 */
/* Comments (RFC 5322 3.2.2), nested and with quoted pairs. */
#include "mime/comment.h"

size_t
comment_end(struct str s, size_t i)
{
	unsigned depth = 0;

	for (; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '(')
			depth++;
		else if (s.p[i] == ')' && --depth == 0)
			return i + 1;
	}
	return s.n;
}
