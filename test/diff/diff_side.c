// SPDX-License-Identifier: BSD-2-Clause
/*
 * One stack of the two. Sockets are reached through the lab's adapters, which
 * have the same shape for the kernel and for tern; the peer is played by
 * diff_peer.c, calls are in diff_call.c.
 *
 * Relative numbers: those of the peer from its SYN, those of the stack from the
 * stack's. Before the stack has sent one, a fixed number stands for it.
 */
#define _GNU_SOURCE /* POLLRDHUP */
#include "diff_side.h"

#include "base/bytes.h"
#include "lab/drill_kernel.h"
#include "wire/wire_tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/sockios.h>

#define NO_ISS 7000000u /* acknowledged before there is anything */
#define TS_BASE 1000u

struct drill_adapter *diff_adapter_new(bool kernel, bool v6,
				       enum diff_mode mode, const char **why)
{
	/* Without limiters, which would hide what they limit, and with what
   * both have: one controller, fixed buffers. */
	static const char *const knobs[][2] = {
		{ "tcp_invalid_ratelimit", "0" },
		{ "tcp_congestion_control", "reno" },
		{ "tcp_ecn", "0" },
		{ "tcp_fastopen", "0" },
		{ "tcp_no_metrics_save", "1" },
		{ "tcp_moderate_rcvbuf", "0" },
		{ "tcp_mtu_probing", "0" },
		{ "tcp_timestamps", "1" },
		{ "tcp_comp_sack_nr", "0" },
		{ "tcp_rmem", "4096 131072 6291456" },
		{ "tcp_wmem", "4096 16384 4194304" },
	};
	struct drill_adapter *a;
	struct drill_config c;
	size_t i;

	drill_config_init(&c);
	if (v6)
		c.ip_version = DRILL_IPV6;
	drill_config_finish(&c);
	a = kernel ? drill_kernel_new(&c, 0, why) : drill_tern_new(&c, 0, why);
	for (i = 0; a && i < ARRAY_LEN(knobs); i++)
		a->ops->sysctl(a, knobs[i][0], knobs[i][1]);
	for (i = 0; a && diff_modes[mode].knobs[i][0]; i++)
		a->ops->sysctl(a, diff_modes[mode].knobs[i][0],
			       diff_modes[mode].knobs[i][1]);
	return a;
}

/* fd3d:0a0b:17d6::1 and fd3d:fa7b:d17d::, as the lab has them. */
static const struct tern_addr v6_local = { { 0xfd, 0x3d, 0x0a, 0x0b, 0x17,
					     0xd6, [15] = 1 } };
static const struct tern_addr v6_remote = { { 0xfd, 0x3d, 0xfa, 0x7b, 0xd1,
					      0x7d } };

/* Ports that no plan had for long: the kernel remembers. */
void diff_begin(struct diff_side *d, const struct diff_plan *p, uint32_t nth)
{
	struct drill_adapter *a = d->a;
	union diff_address at;
	socklen_t len;
	int on = 1, i;

	for (i = 0; i < DIFF_SLOTS; i++)
		d->fd[i] = -1;
	d->ends.local = tern_addr_v4(192, 168, 0, 1);
	d->ends.remote = tern_addr_v4(192, 0, 2, (uint8_t)(1 + nth % 200));
	if (d->v6) {
		d->ends.local = v6_local;
		d->ends.remote = v6_remote;
		d->ends.remote.b[15] = (uint8_t)(1 + nth % 200);
	}
	/* 198.18.0.0/15 */
	if (diff_modes[p->mode].own_remote && !d->v6)
		d->ends.remote = tern_addr_v4(198, 18 + (nth >> 16 & 1),
					      (uint8_t)(nth >> 8),
					      (uint8_t)nth);
	else if (diff_modes[p->mode].own_remote)
		put_be32(d->ends.remote.b + 10, nth);
	d->ends.lport = (uint16_t)(2000 + nth % 60000);
	d->ends.rport = (uint16_t)(2000 + nth / 200 % 60000);
	d->irs = p->irs;
	d->iss = NO_ISS;
	d->has_iss = d->has_edge = d->has_ts = d->ws_offered = false;
	d->ws_in = p->opts & DIFF_OPT_WS ? 7 : 0;
	d->ws_out = 0;
	d->nxt = d->sent = 0;
	d->edge = 0;
	d->snt = d->una = 0;
	d->ts_next = TS_BASE;
	d->ts_seen = d->ts_first = 0;
	d->written = 0;
	d->fd[0] = a->ops->socket(a, d->v6 ? AF_INET6 : AF_INET,
				  SOCK_STREAM | SOCK_NONBLOCK, 0);
	a->ops->setsockopt(a, d->fd[0], SOL_SOCKET, SO_REUSEADDR, &on,
			   sizeof(on));
	if (p->rcvbuf)
		a->ops->setsockopt(a, d->fd[0], SOL_SOCKET, SO_RCVBUF,
				   &p->rcvbuf, sizeof(p->rcvbuf));
	on = p->defer;
	if (p->defer)
		a->ops->setsockopt(a, d->fd[0], IPPROTO_TCP, TCP_DEFER_ACCEPT,
				   &on, sizeof(on));
	len = diff_address(d, &d->ends.local, d->ends.lport, &at);
	a->ops->bind(a, d->fd[0], &at.sa, len);
	if (p->fo) {
		on = p->no_cookie;
		a->ops->setsockopt(a, d->fd[0], IPPROTO_TCP,
				   TCP_FASTOPEN_NO_COOKIE, &on, sizeof(on));
		on = p->fo;
		a->ops->setsockopt(a, d->fd[0], IPPROTO_TCP, TCP_FASTOPEN, &on,
				   sizeof(on));
	}
	if (p->active && !p->unconnected)
		diff_connect(d, d->fd[0], false);
	else if (!p->active)
		a->ops->listen(a, d->fd[0], p->backlog);
	memset(d->cookie, 0, sizeof(d->cookie));
	if (p->fo && !p->no_cookie)
		diff_ask_cookie(d, p);
}

/* What can be asked of a socket, after every step. */
static void ask(struct diff_side *d, struct diff_out *out)
{
	struct pollfd p = { .events = POLLIN | POLLPRI | POLLOUT | POLLRDHUP |
				      POLLRDNORM | POLLRDBAND | POLLWRNORM |
				      POLLWRBAND };
	uint32_t meminfo[9];
	socklen_t len;
	int i;

	for (i = 0; i < DIFF_SLOTS; i++) {
		out->mem[i] = out->fwd[i] = 0;
		out->inq[i] = out->outq[i] = 0;
		out->ready[i] = 0;
		out->has_info[i] = false;
		if (d->fd[i] < 0)
			continue;
		p.fd = d->fd[i];
		p.revents = 0;
		d->a->ops->poll(d->a, &p, 1);
		out->ready[i] = (uint16_t)p.revents;
		out->has_info[i] =
			!d->a->ops->tcp_info(d->a, d->fd[i], &out->info[i]);
		if (out->has_info[i] && out->info[i].state == TERN_TCP_LISTEN)
			continue;
		len = sizeof(meminfo);
		if (!d->a->ops->getsockopt(d->a, d->fd[i], SOL_SOCKET,
					   SO_MEMINFO, meminfo, &len)) {
			out->mem[i] = meminfo[0];
			out->fwd[i] = meminfo[4];
		}
		d->a->ops->ioctl(d->a, d->fd[i], SIOCINQ, &out->inq[i]);
		d->a->ops->ioctl(d->a, d->fd[i], SIOCOUTQ, &out->outq[i]);
	}
}

void diff_step(struct diff_side *d, const struct diff_plan *plan,
	       const struct diff_step *s, int64_t now, struct diff_out *out)
{
	out->n_pkts = 0;
	out->result = 0;
	out->hash = 0;
	if (!d->is_kernel)
		d->a->ops->advance(d->a, now);
	if (!s)
		out->result = 0; /* what the beginning led to */
	else if (s->kind == DIFF_SEG)
		out->result = diff_do_segment(d, plan, s, out);
	else if (s->kind == DIFF_ICMP)
		out->result = diff_do_icmp(d, s, out);
	else
		out->result = diff_do_call(d, s, out);
	diff_collect(d, out);
	ask(d, out);
}

void diff_end(struct diff_side *d, const struct diff_plan *plan)
{
	struct diff_step rst = { .kind = DIFF_SEG,
				 .flags = TCP_RST,
				 .seq_ref = DIFF_SEQ_NXT };
	struct linger linger = { 1, 0 };
	static struct diff_out out;
	int i;

	out.n_pkts = 0;
	diff_do_segment(d, plan, &rst, &out);
	for (i = DIFF_SLOTS - 1; i >= 0; i--) {
		if (d->fd[i] < 0)
			continue;
		d->a->ops->setsockopt(d->a, d->fd[i], SOL_SOCKET, SO_LINGER,
				      &linger, sizeof(linger));
		d->a->ops->close(d->a, d->fd[i]);
	}
	diff_do_segment(d, plan, &rst, &out);
	diff_collect(d, &out);
	if (!d->is_kernel)
		d->a->ops->free(d->a);
}
