/* SPDX-License-Identifier: Apache-2.0 */
/* Does the process live, and can it serve? For load balancers and those who watch. */
#include "http/session_priv.h"
#include "net/net.h"

void
http_health(struct http_session *s, struct http_page *page)
{
	http_page_text(page, 200, "alive");
}

/* Able to read its store, and not about to go. A full disk is told by the metrics: mail can be read then. */
void
http_ready(struct http_session *s, struct http_page *page)
{
	struct db_txn *txn;

	if (net_stopping(conn_net(s->conn))) {
		http_page_text(page, 503, "stopping");
	} else if (db_read_begin(store_db(s->service->door->store), &txn) != OK) {
		http_page_text(page, 503, "the store cannot be read");
	} else {
		db_read_end(txn);
		http_page_text(page, 200, "ready");
	}
}
