// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the calls of programs share.
 * Included by: lab_call*.c.
 */
#ifndef LAB_LAB_CALL_PRIV_H
#define LAB_LAB_CALL_PRIV_H

#include "lab_run.h"
#include "lab_sys.h"

/* The step is a mistake, by this text with `what` in it; gives -EINVAL. */
int64_t lab_call_bad(struct lab_run *run, const struct lab_step *s,
		     const char *fmt, const char *what);

/* The socket that the first argument names; NULL and said so. */
struct lab_var *lab_call_socket(struct lab_run *run, struct lab_app *app,
				const struct lab_step *s);

#define SOCKET_OR_RETURN(v)                               \
	struct lab_var *v = lab_call_socket(run, app, s); \
	struct lab_host *h = app->host;                   \
	const struct lab_sys *sys = h->sys;               \
	if (!v)                                           \
		return -TERN_EBADF;                       \
	(void)h;                                          \
	(void)sys

/* "server:80", "10.0.0.2:80", "80". */
bool lab_call_address(struct lab_run *run, const struct lab_arg *a,
		      struct tern_sockaddr *out);

/* lab_call_data.c */
int64_t lab_call_send(struct lab_run *, struct lab_app *,
		      const struct lab_step *);
int64_t lab_call_sendto(struct lab_run *, struct lab_app *,
			const struct lab_step *);
int64_t lab_call_read(struct lab_run *, struct lab_app *,
		      const struct lab_step *);
/* Until so many bytes, or the stream's end, or an error. */
int64_t lab_call_readall(struct lab_run *, struct lab_app *,
			 const struct lab_step *);

#endif
