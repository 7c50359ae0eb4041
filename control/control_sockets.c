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

static bool read_option(const struct control_view *v, int s, int level,
			int name, void *out, size_t size)
{
	size_t len = size;

	return s >= 0 && tern_getsockopt(host_stack(v->host), s, level, name,
					 out, &len, host_now(v->host)) == 0;
}

/* What costs more than a look at the table. */
static void fill_details(const struct control_view *v,
			 struct control_socket *out)
{
	const struct tern_stack *st = host_stack(v->host);
	struct tern_sock_details d;
	int s = out->info.s;

	if (out->info.protocol == TERN_IPPROTO_TCP) {
		if (tern_sock_tcp_info(host_stack(v->host), out->info.cookie,
				       &out->tcp, host_now(v->host)) == 0)
			out->has |= CONTROL_HAS_TCP;
		if (tern_sock_details(st, out->info.cookie, &d) == 0) {
			memcpy(out->cc, d.cc, sizeof(out->cc));
			memcpy(out->mem, d.mem, sizeof(out->mem));
			out->has |= CONTROL_HAS_MEM;
		}
	} else if (read_option(v, s, TERN_SOL_SOCKET, TERN_SO_MEMINFO, out->mem,
			       sizeof(out->mem))) {
		out->has |= CONTROL_HAS_MEM;
	}
	if (v->owners && v->has_inodes && s >= 0)
		out->inode = v->owners->inode(v->owners->ctx, s);
}

static bool is_v6only(const struct control_view *v,
		      const struct tern_sock_info *info)
{
	int v6only = 0;

	return info->family == TERN_AF_INET6 && info->remote.port == 0 &&
	       read_option(v, info->s, TERN_IPPROTO_IPV6, TERN_IPV6_V6ONLY,
			   &v6only, sizeof(v6only)) &&
	       v6only;
}

/* Connections that left the stack's queue for a program's still wait to be
 * accepted, and count against the backlog (runner_accept.c). */
static void add_queued(const struct control_view *v, struct control_socket *out)
{
	int n;

	if (out->info.state != TERN_TCP_LISTEN || !v->owners ||
	    !v->owners->queued)
		return;
	n = v->owners->queued(v->owners->ctx, out->info.s);
	out->info.rx_queue += (uint32_t)n;
	out->info.tx_queue += (uint32_t)n;
	if (out->has & CONTROL_HAS_TCP) {
		out->tcp.unacked += (uint32_t)n;
		out->tcp.sacked += (uint32_t)n;
	}
}

bool control_socket_next(const struct control_view *v, uint64_t *cursor,
			 struct control_socket *out)
{
	size_t len = v->detail == CONTROL_FULL ? sizeof(*out) :
						 CONTROL_BRIEF_LEN;

	if (!tern_sock_next(host_stack(v->host), cursor, &out->info))
		return false;
	memset(&out->info + 1, 0, len - sizeof(out->info));
	if (out->info.timer_at != TERN_NEVER)
		out->timer_ns = out->info.timer_at - host_now(v->host);
	return true;
}

void control_socket_fill(const struct control_view *v,
			 struct control_socket *out)
{
	if (is_v6only(v, &out->info))
		out->has |= CONTROL_V6ONLY;
	if (v->detail == CONTROL_FULL)
		fill_details(v, out);
	add_queued(v, out);
}

size_t control_fill_sockets(struct control_question *q, void *room, size_t len,
			    size_t *record)
{
	struct control_view view = {
		.host = q->host,
		.owners = q->owners,
		.detail = is_asked(q, "full") ? CONTROL_FULL : CONTROL_BRIEF,
		.has_inodes = is_asked(q, "owners"),
	};
	size_t size = view.detail == CONTROL_FULL ?
			      sizeof(struct control_socket) :
			      CONTROL_BRIEF_LEN;
	size_t used;

	/* In place: the room is aligned, and so is what follows a record. */
	*record = size;
	for (used = 0; used + size <= len; used += size) {
		struct control_socket *one = (void *)((char *)room + used);

		if (!control_socket_next(&view, &q->cursor, one))
			break;
		control_socket_fill(&view, one);
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
