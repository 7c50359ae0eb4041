// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ephemeral ports: which there are, and in which order they are tried.
 *
 *	range 40000..40005, start 1	connect():   40002 40004 40000, then
 *						     40003 40005 40001
 *					bind(port 0): the odd ones first
 *
 * As on Linux connect() prefers ports of the parity of the range's low end and
 * bind() to port 0 the others: a port that a program was bound to is of no use
 * to connect(), and so they stay out of each other's way. Within a parity all
 * ports are tried in a circle. A range of the socket's own
 * (IP_LOCAL_PORT_RANGE) is small and tried whole.
 */
#include "tcp_priv.h"

/* Ends of the socket's own range count only inside the stack's [Linux]. */
struct port_range tcp_port_range(const struct tern_stack *st,
				 const struct tcp_conn *c, uint32_t first)
{
	uint32_t lo = (uint32_t)st->tun.ip_local_port_range[0];
	uint32_t hi = (uint32_t)st->tun.ip_local_port_range[1];
	uint32_t own_lo = c->opts->port_lo, own_hi = c->opts->port_hi;
	struct port_range r = { .step = 2, .first = first };
	bool lo_in = lo <= own_lo && own_lo <= hi;
	bool hi_in = lo <= own_hi && own_hi <= hi;

	if (own_lo || own_hi)
		r.step = 1;
	if (lo_in)
		lo = own_lo;
	if (hi_in)
		hi = own_hi;
	if (hi >= lo) {
		r.lo = lo;
		r.n = hi - lo + 1;
	}
	return r;
}

/* How many there are of the parity that is tried first. */
static uint32_t n_first(const struct port_range *r)
{
	return r->first ? r->n / 2 : (r->n + 1) / 2;
}

uint16_t tcp_port_candidate(const struct port_range *r, uint32_t start,
			    uint32_t i)
{
	uint32_t n = n_first(r);

	if (r->step == 1)
		return (uint16_t)(r->lo + (start + i) % r->n);
	if (i < n)
		return (uint16_t)(r->lo + r->first + 2 * ((start + i) % n));
	return (uint16_t)(r->lo + !r->first + 2 * ((start + i) % (r->n - n)));
}

uint32_t tcp_port_run(const struct port_range *r, uint32_t start, uint32_t i)
{
	uint32_t n = r->step == 1 ? r->n : n_first(r), circle = n, end = n;

	if (i >= n) {
		circle = r->n - n;
		end = r->n;
	}
	if (!circle)
		return 0;
	return min_u32(circle - (start + i) % circle, end - i);
}
