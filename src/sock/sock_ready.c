// SPDX-License-Identifier: BSD-2-Clause
/*
 * Readiness: news from the protocols (slots_post) become events, with what
 * the socket is ready for when they are asked for. News that came to nothing
 * since (what was to be read was read) are not told.
 */
#include "sock/sock_priv.h"

int64_t sock_poll(struct tern_stack *st, struct call *c)
{
	struct sock sk;

	/* As poll() says of a bad descriptor, but there is no POLLNVAL. */
	if (sock_find(st, c->s, &sk))
		return 0;
	return sk.proto->poll(st, sk.id);
}

int64_t sock_events(struct tern_stack *st, struct call *c)
{
	struct tern_event *events = c->out;
	struct sock sk;
	int64_t n = 0;
	uint32_t ready;
	int s;

	while (n < c->arg[0] && (s = slots_news(&st->slots)) >= 0) {
		(void)sock_find(st, s, &sk);
		ready = sk.proto->poll(st, sk.id);
		if (ready)
			events[n++] = (struct tern_event){ s, ready };
	}
	c->out_len = (size_t)n * sizeof(*events);
	return n;
}

int64_t sock_syn_next(struct tern_stack *st, struct call *c)
{
	struct sock sk;
	int error = sock_find(st, c->s, &sk);

	if (error)
		return error;
	if (!sk.proto->syn_next)
		return -TERN_EOPNOTSUPP;
	c->out_len = sizeof(struct tern_syn);
	return sk.proto->syn_next(st, sk.id, c->out);
}

int64_t sock_syn_answer(struct tern_stack *st, struct call *c)
{
	if (c->arg[1] < TERN_SYN_ACCEPT || c->arg[1] > TERN_SYN_DROP)
		return -TERN_EINVAL;
	return tcp_syn_answer(st, (uint64_t)c->arg[0],
			      (enum tern_syn_answer)c->arg[1]);
}
