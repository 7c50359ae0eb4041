// SPDX-License-Identifier: BSD-2-Clause
/*
 * The socket table for a control socket: records, and their summary.
 *
 * Listing shares the loop with the traffic. A brief record costs a copy from
 * the table; a full one also asks for TCP_INFO and the like. What a round does
 * is bounded by the buffer (records) or by SUMMARY_STEP (the summary).
 */
#include "control/control_messages.h"
#include "control/control_owner.h"
#include "control/control_socket.h"

#include <stdlib.h>
#include <string.h>

#define SUMMARY_STEP 50000 /* sockets looked at in one round: a millisecond */

static bool is_asked(const struct control_question *q, const char *what)
{
	return json_is_true(json_object_get(q->args, what));
}

static bool read_option(struct control_question *q, int s, int level, int name,
			void *out, size_t size)
{
	size_t len = size;

	return s >= 0 && tern_getsockopt(host_stack(q->host), s, level, name,
					 out, &len, host_now(q->host)) == 0;
}

/* What costs more than a look at the table. */
static void fill_details(struct control_question *q, struct control_socket *out)
{
	int s = out->info.s, v6only = 0;

	if (out->info.protocol == TERN_IPPROTO_TCP &&
	    tern_sock_tcp_info(host_stack(q->host), out->info.cookie, &out->tcp,
			       host_now(q->host)) == 0)
		out->has |= CONTROL_HAS_TCP;
	if (out->has & CONTROL_HAS_TCP)
		read_option(q, s, TERN_IPPROTO_TCP, TERN_TCP_CONGESTION,
			    out->cc, sizeof(out->cc));
	if (read_option(q, s, TERN_SOL_SOCKET, TERN_SO_MEMINFO, out->mem,
			sizeof(out->mem)))
		out->has |= CONTROL_HAS_MEM;
	if (q->owners && is_asked(q, "owners") && s >= 0)
		out->inode = q->owners->inode(q->owners->ctx, s);
	out->has |= v6only ? CONTROL_V6ONLY : 0;
}

static bool is_v6only(struct control_question *q,
		      const struct tern_sock_info *info)
{
	int v6only = 0;

	return info->family == TERN_AF_INET6 && info->remote.port == 0 &&
	       read_option(q, info->s, TERN_IPPROTO_IPV6, TERN_IPV6_V6ONLY,
			   &v6only, sizeof(v6only)) &&
	       v6only;
}

/* Connections that left the stack's queue for a program's still wait to be
 * accepted, and count against the backlog (runner_accept.c). */
static void add_queued(struct control_question *q, struct control_socket *out)
{
	int n;

	if (out->info.state != TERN_TCP_LISTEN || !q->owners ||
	    !q->owners->queued)
		return;
	n = q->owners->queued(q->owners->ctx, out->info.s);
	out->info.rx_queue += (uint32_t)n;
	out->info.tx_queue += (uint32_t)n;
	if (out->has & CONTROL_HAS_TCP) {
		out->tcp.unacked += (uint32_t)n;
		out->tcp.sacked += (uint32_t)n;
	}
}

size_t control_fill_sockets(struct control_question *q, void *room, size_t len,
			    size_t *record)
{
	bool full = is_asked(q, "full");
	size_t size = full ? sizeof(struct control_socket) : CONTROL_BRIEF_LEN;
	size_t used;

	/* In place: the room is aligned, and so is what follows a record. */
	*record = size;
	for (used = 0; used + size <= len; used += size) {
		struct control_socket *one = (void *)((char *)room + used);
		struct tern_sock_info *info = &one->info;

		if (!tern_sock_next(host_stack(q->host), &q->cursor, info))
			break;
		memset(info + 1, 0, size - sizeof(*info));
		if (info->timer_at != TERN_NEVER)
			one->timer_ns = info->timer_at - host_now(q->host);
		if (is_v6only(q, info))
			one->has |= CONTROL_V6ONLY;
		if (full)
			fill_details(q, one);
		add_queued(q, one);
	}
	return used;
}

bool control_prepare_summary(struct control_question *q)
{
	struct tern_sock_counts *sum = q->state;
	bool more;

	if (!sum)
		sum = q->state = calloc(1, sizeof(*sum));
	if (!sum) {
		q->error = -TERN_ENOMEM;
		return true;
	}
	more = tern_sock_count(host_stack(q->host), &q->cursor, SUMMARY_STEP,
			       sum);
	if (!more)
		q->cursor = 0;
	return !more;
}

json_t *control_next_summary(struct control_question *q)
{
	const struct tern_sock_counts *sum = q->state;
	json_t *row, *states;

	if (q->cursor++ || !sum)
		return NULL;
	states = json_object();
	for (int i = TERN_TCP_ESTABLISHED; i <= TERN_TCP_CLOSING; i++)
		json_object_set_new(states, tern_tcp_state_name(i),
				    json_integer(sum->states[i]));
	row = json_pack("{s:i, s:i, s:i, s:i, s:i, s:o}", "tcp",
			(int)sum->tcp[0], "tcp6", (int)sum->tcp[1], "udp",
			(int)sum->udp[0], "udp6", (int)sum->udp[1], "orphaned",
			(int)sum->orphans, "states", states);
	return row;
}

json_t *control_next_kill(struct control_question *q)
{
	json_int_t cookie =
		json_integer_value(json_object_get(q->args, "cookie"));

	if (!q->cursor++)
		q->error = tern_sock_kill(host_stack(q->host), (uint64_t)cookie,
					  host_now(q->host));
	return NULL;
}
