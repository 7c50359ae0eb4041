// SPDX-License-Identifier: BSD-2-Clause
/*
 * A listener of an SO_REUSEPORT group ends: with tcp_migrate_req its clients go
 * to those that are left, by the hash that spreads new ones.
 *
 *	half-open	as if they had begun there: its options and limits
 *	waiting to be	as they are, at the end of its queue, whatever the
 *	accepted	backlog [k]
 *
 * Linux moves a half-open connection not when its listener ends but when its
 * timer or its ACK next comes, and counts it then. Here it moves at once, which
 * nobody sees but in the heir's SYN queue, and is counted as there.
 *
 * A SYN that waits for its owner's decision (O19) stays and goes with its owner,
 * and who decides about each SYN is given none: the list of untold entries is a
 * listener's tail.
 */
#include "tcp_priv.h"

/* The listener that a client of c's is found a new home with, or NULL. c itself
 * is in no table any more. */
static struct tcp_conn *heir_of(struct tern_stack *st, const struct tcp_conn *c,
				const struct tern_addr *l, uint16_t lport,
				const struct tern_addr *r, uint16_t rport)
{
	struct tcp_conn *h = tcp_find_listener(st, l, lport, r, rport);

	if (!h || !h->reuseport || h->decide || h->any != c->any ||
	    h->lport != c->lport || h->v6 != c->v6 || h->v6only != c->v6only ||
	    !tern_addr_equal(&h->laddr, &c->laddr))
		return NULL;
	return h;
}

static void move_half_open(struct tern_stack *st, struct tcp_conn *c, bool v6)
{
	struct slab *reqs = &st->tcp.reqs[v6];
	uint32_t id = c->listener->req_head[v6];
	struct tern_addr l, r;
	struct tcp_conn *heir;
	struct tcp_req *q;

	while (id) {
		q = slab_at(reqs, id);
		id = q->next;
		if (q->undecided)
			continue;
		tcp_req_tuple(q, &l, &r);
		heir = heir_of(st, c, &l, q->lport, &r, q->rport);
		if (!heir) {
			COUNT(st, TCP_EXT_MIGRATE_REQ_FAILURE);
			continue;
		}
		tcp_req_move(st, q, heir->listener);
		q->moved = 1;
	}
}

/* In order; who finds no heir stays. */
static void move_waiting(struct tern_stack *st, struct tcp_conn *c)
{
	uint32_t id = c->listener->accept_head;
	struct tcp_conn *child, *heir;

	c->listener->accept_head = c->listener->accept_tail = 0;
	c->listener->n_accept = 0;
	while (id) {
		child = conn_at(st, id);
		id = child->accept_next;
		heir = heir_of(st, c, &child->laddr, child->lport,
			       &child->raddr, child->rport);
		if (!heir) {
			COUNT(st, TCP_EXT_MIGRATE_REQ_FAILURE);
			tcp_accept_append(st, c->listener, child);
			continue;
		}
		COUNT(st, TCP_EXT_MIGRATE_REQ_SUCCESS);
		if (child->fo_child)
			tcp_fastopen_child_move(child, heir);
		tcp_accept_append(st, heir->listener, child);
		tcp_post(st, heir);
	}
}

void tcp_migrate(struct tern_stack *st, struct tcp_conn *c)
{
	if (!st->tun.tcp_migrate_req || !c->reuseport)
		return;
	move_half_open(st, c, false);
	move_half_open(st, c, true);
	move_waiting(st, c);
}
