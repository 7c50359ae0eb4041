// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bytes that nobody has acknowledged, each FIN one of them. What is here is
 * `tern run`'s and `tern host`'s end alike.
 */
#include "tools/run_drain.h"

/* How long connections may take to finish once the program has ended: what
 * Linux grants an orphan in FIN_WAIT_2 (tcp_fin_timeout); and how long nothing
 * may be heard of their peers: three retransmissions after 200, 400 and 800 ms,
 * and what the last of them takes. */
#define DRAIN_NS (60 * INT64_C(1000000000))
#define SILENCE_NS (2 * INT64_C(1000000000))

static uint64_t in_stack(struct run_host *r)
{
	struct tern_sock_info info;
	uint64_t cursor = 0, sum = 0;

	while (tern_sock_next(host_stack(r->host), &cursor, &info)) {
		if (info.protocol != TERN_IPPROTO_TCP)
			continue;
		switch (info.state) {
		case TERN_TCP_FIN_WAIT1:
		case TERN_TCP_CLOSING:
		case TERN_TCP_LAST_ACK:
			sum += info.tx_queue + 1;
		}
	}
	return sum;
}

/* A network ends as a whole: its hosts need not hear each other's last. */
static void tell_loss(const struct run_host *r, uint64_t left)
{
	if (!r->config->net_hosts)
		tool_error(r->command,
			   "the program has ended, but its peers have not "
			   "taken all it sent: %llu bytes and FINs are lost",
			   (unsigned long long)left);
}

void run_drain(const struct run_drain *d)
{
	struct host *h = d->host->host;
	int64_t now = host_now(h);
	int64_t until = now + DRAIN_NS, silent_until = now + SILENCE_NS;
	uint64_t left, before = 0;

	/* What closing has queued goes out in the first round. */
	host_round(h, 0);
	while ((left = d->unsaid(d->ctx) + in_stack(d->host)) && !*d->hurry) {
		now = host_now(h);
		if (left != before)
			silent_until = now + SILENCE_NS;
		before = left;
		if (now >= until || now >= silent_until) {
			tell_loss(d->host, left);
			return;
		}
		if (host_round(h, 10 * 1000000) < 0)
			return;
	}
}
