// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a run that failed tells: its last packets, and the sockets of both ends.
 * TERN_SHOW=1 in the environment shows every packet as it leaves.
 */
#include "world.h"

#include "base/bytes.h"
#include "wire/wire_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void print_entry(const struct world *w, const struct ladder_entry *e)
{
	/* Only what the printer looks at: the headers are there. */
	struct tern_pkt pkt = {
		.data = (uint8_t *)e->bytes,
		.head_len = e->n,
		.len = e->n,
	};
	char line[400];

	wire_print(&pkt, line, sizeof(line));
	printf("# %12.6f %s%s%s [%" PRIu32 "]\n", (double)e->at / 1e9,
	       e->host ? "<" : ">", e->host ? "      " : " ", line, e->len);
}

void ladder_add(struct world *w, int host, const struct tern_pkt *pkt)
{
	struct ladder_entry *e = &w->ladder[w->n_packets % LADDER_LEN];

	e->host = host;
	e->at = w->now;
	e->len = pkt->len;
	e->n = min_u32(pkt->len, sizeof(e->bytes));
	tern_pkt_copy_out(pkt, 0, e->bytes, e->n);
	if (unlikely(w->show))
		print_entry(w, e);
}

static void print_sockets(const struct world *w, int host)
{
	struct tern_stack *st = w->host[host].st;
	struct tern_sock_info i;
	uint64_t cursor = 0;

	while (st && tern_sock_next(st, &cursor, &i)) {
		struct tern_tcp_info t = { 0 };

		tern_sock_tcp_info(st, i.cookie, &t, world_local(w, host));
		printf("# host %d: %s rx %u tx %u timer %d at %.6f, "
		       "cwnd %u unacked %u lost %u sacked %u retrans %u "
		       "snd_wnd %u rcv_wnd %u notsent %u backoff %u\n",
		       host, tern_tcp_state_name(i.state), i.rx_queue,
		       i.tx_queue, i.timer,
		       i.timer_at == NEVER ?
			       -1.0 :
			       (double)(i.timer_at - w->host[host].skew) / 1e9,
		       t.snd_cwnd, t.unacked, t.lost, t.sacked, t.retrans,
		       t.snd_wnd, t.rcv_wnd, t.notsent_bytes, t.backoff);
	}
}

_Noreturn void world_fail(const struct world *w, const char *what,
			  const char *file, int line)
{
	uint64_t i = w->n_packets;

	for (i -= min_u32(LADDER_LEN, (uint32_t)i); i < w->n_packets; i++)
		print_entry(w, &w->ladder[i % LADDER_LEN]);
	for (int host = 0; host < 2; host++)
		print_sockets(w, host);
	if (w->tell)
		w->tell(w);
	printf("# TERN_SEED=%" PRIu64 ", at %.9f s, after %" PRIu64 " packets: "
	       "%s (%s:%d)\n",
	       w->seed, (double)w->now / 1e9, w->n_packets, what, file, line);
	fflush(stdout);
	_fail(file, line);
	abort();
}
