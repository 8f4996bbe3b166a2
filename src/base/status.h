/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one status type of the house. A function that can fail returns it; callers must check it.
 * Each protocol maps a status to its own answer in one table (imap/core/reply.c, lmtp/content.c): the
 * client gets the status's safe text, the detail goes to the log only.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

/* S(name, word): word is what the log and the command line print. */
#define STATUS_TABLE(S)                                                                            \
	S(OK, "ok")                                                                                \
	S(ERR_NOT_FOUND, "not found")                                                              \
	S(ERR_EXISTS, "exists already")                                                            \
	S(ERR_CONFLICT, "in conflict with another change")                                         \
	S(ERR_AGAIN, "try again")                                                                  \
	S(ERR_BAD_INPUT, "bad input")                                                              \
	S(ERR_LIMIT, "over a limit")                                                               \
	S(ERR_MEMORY, "over its share of memory")                                                  \
	S(ERR_NO_PERM, "not permitted")                                                            \
	S(ERR_QUOTA, "over quota")                                                                 \
	S(ERR_READ_ONLY, "read only")                                                              \
	S(ERR_CORRUPT, "damaged")                                                                  \
	S(ERR_IO, "input/output error")                                                            \
	S(ERR_FULL, "no space left")                                                               \
	S(ERR_UNAVAILABLE, "unavailable")                                                          \
	S(ERR_UNKNOWN, "outcome unknown")

#define STATUS_ENUM(name, word) name,
enum status { STATUS_TABLE(STATUS_ENUM) STATUS_COUNT };
#undef STATUS_ENUM

#define must_check __attribute__((warn_unused_result))

/* The word of a status, for logs and the command line; never NULL. */
const char *status_word(enum status st);

#endif
