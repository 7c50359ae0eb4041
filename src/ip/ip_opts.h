// SPDX-License-Identifier: BSD-2-Clause
/*
 * How options are read and written, by Linux's rules for their lengths: for
 * the options of UDP and TCP alike. All return 0 or -errno.
 */
#ifndef IP_OPTS_H
#define IP_OPTS_H

#include "base/bytes.h"

/* An int in at least four bytes; fewer: EINVAL. */
int ip_opt_read_int(const void *value, size_t len, int *out);

/* The same for level IP: one byte will do (IP_TOS, IP_TTL and the rest), and
 * none is 0. */
int ip_opt_read_byte_or_int(const void *value, size_t len, int *out);

/* At most *len bytes of what there is; *len becomes what was written. */
int ip_opt_write(void *value, size_t *len, const void *from, size_t n);
int ip_opt_write_int(void *value, size_t *len, int v);

/* The same for level IP: room for less than an int takes a byte, if v fits. */
int ip_opt_write_byte_or_int(void *value, size_t *len, int v);

/* struct timeval, two longs: a duration in ns; 0 and forever are both 0.
 * EINVAL if cut short, EDOM if the microseconds are none. */
int ip_opt_read_timeval(const void *value, size_t len, int64_t *ns);
int ip_opt_write_timeval(void *value, size_t *len, int64_t ns);

#endif
