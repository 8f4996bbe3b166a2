/* SPDX-License-Identifier: Apache-2.0 */
/* What supervisor and worker agree on, and the worker's files share. */
#ifndef SERVER_WORKER_PRIV_H
#define SERVER_WORKER_PRIV_H

#include "server/worker.h"

#define WORKER_PEM_MAX (1u << 20) /* bytes of a certificate's file */

int worker_channel(const struct worker *w);

#endif
