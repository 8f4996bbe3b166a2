/* SPDX-License-Identifier: Apache-2.0 */
/* Rows on pages that no path leads to (salvage_leaves.c): their cells (salvage_record.c), and whose they may be (salvage_shape.c). */
#ifndef DB_SALVAGE_LEAVES_PRIV_H
#define DB_SALVAGE_LEAVES_PRIV_H

#include "base/buf.h"
#include "db/salvage/salvage_priv.h"

#define COLS_MAX 64
#define TABLES_MAX 256

enum page_type { INDEX_INTERIOR = 2, TABLE_INTERIOR = 5, INDEX_LEAF = 10, TABLE_LEAF = 13 };
enum affinity { ANY, IS_INT, IS_TEXT, IS_BLOB };

/* A table of the new database. */
struct shape {
	char *name;
	bool rowid;
	bool damaged;
	int cols, alias;         /* alias: the column that is the rowid, or -1 */
	int order[COLS_MAX];     /* place in the record -> column */
	enum affinity type[COLS_MAX];
	sqlite3_stmt *insert;    /* columns, then rowid if there is no alias */
	int64_t found;
};

struct walk {
	struct salvage *s;
	struct pages *pages;
	size_t size, usable;  /* of a page */
	unsigned char *seen; /* by page number */
	struct shape *shapes; /* TABLES_MAX, of the tables in which a page is damaged */
	int shapes_n;
};

/* A value of a record, as it lies there. */
struct value {
	uint64_t type; /* of the file format */
	const unsigned char *p;
	size_t n;
};

/* The next of w->shapes; NULL: the new database has no such table, or there are too many. */
struct shape *shape_add(struct walk *w, const char *name);
/* Whether a row of these values may be the table's. */
bool shape_fits(const struct shape *sh, const struct value *v, int n);
/* Inserts a row that fits. */
void shape_row(struct walk *w, struct shape *sh, const struct value *v, int64_t rowid);

/* Puts the payload of the cell at p (n bytes to the page's end) together. False: it is damaged. */
bool record_payload(struct walk *w, int type, const unsigned char *p, size_t n, struct buf *out, int64_t *rowid_r);
/* The values of a record, which point into payload; -1: it is none. */
int record_values(const struct buf *payload, struct value *v, int max);

#endif
