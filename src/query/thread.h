/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread: who answers whom (RFC 5256 BASE.6.4.THREAD). Messages come in mailbox order; the links of REFERENCES are made as
 * they come (thread_links.c), the rest (thread.c) works on all of them, in steps. Nothing recurses, and nothing takes more than
 * n log n whatever the References say: a chain of 200,000 messages is an ordinary thread, a circle is cut where it would
 * close (S6). One thread at a time.
 */
#ifndef QUERY_THREAD_H
#define QUERY_THREAD_H

#include "query/sort.h"

enum thread_algorithm {
	THREAD_ORDEREDSUBJECT,
	THREAD_REFERENCES,
	/* draft-ietf-morg-inthread, which never became an RFC: linked as REFERENCES does, not gathered by subject; the threads by their newest
	 * arrival, so that the one which got mail last comes last. */
	THREAD_REFS,
};

/* A message id that was seen: a message, or only a reference to one. Index 0 is no node. */
struct thread_node {
	uint32_t parent, kids; /* node; how many have it as parent */
	uint32_t row;          /* UINT32_MAX: a dummy */
};

struct thread_links {
	struct thread_node *node;
	size_t n, cap;
	uint64_t *id;          /* of node i */
	uint32_t *slot;        /* hash table of ids: node or 0 */
	size_t slots;
	uint64_t mix;          /* the table's key: nobody outside can make ids collide in it */
	struct link_cut { uint32_t left, right, up; } *cut; /* of node i, once a chain was long; NULL before */
};

/* A message (its row) or a dummy (behind the rows) in the finished forest. */
#define THREAD_NONE UINT32_MAX
struct thread_vertex {
	uint32_t parent, child, last, next; /* THREAD_NONE */
};

struct threading {
	enum thread_algorithm algorithm;
	struct sorting order;    /* by sent date; the second key is the subject. Its charge counts for all */
	size_t charged;          /* of that charge: the rest */
	struct thread_links links;
	uint8_t *reply;          /* of row i: its subject says so */
	uint32_t *node_of;       /* of row i */
	int64_t *arrival;        /* of row i: for REFS */
	size_t cap;

	struct thread_vertex *vertex;
	size_t n_vertices;
	uint32_t first, last_root; /* the threads, linked by next */
	uint32_t *subject;       /* hash table of subjects: vertex */
	size_t subjects;
	uint32_t *hash;          /* of row i's subject, where it was looked for */
	struct sorting roots;    /* of REFS */
	unsigned phase;
};

/* False: no such algorithm. */
bool thread_init(struct threading *t, struct str algorithm);
must_check enum status thread_add(struct threading *t, const struct sort_row *row);
/* Some of the work; true: t->first and the vertices are there. */
bool thread_some(struct threading *t);
void thread_free(struct threading *t);

/* thread_links.c: a message with its ids as the summary keeps them. Returns its node. */
uint32_t thread_link(struct thread_links *l, uint32_t row, const struct mime_summary *summary);
void thread_links_free(struct thread_links *l);

#endif
