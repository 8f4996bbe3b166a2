/* SPDX-License-Identifier: Apache-2.0 */
/* random: unpredictable bytes from the kernel. Any thread. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *p, size_t n);
uint64_t random_u64(void);

#endif
