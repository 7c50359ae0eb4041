// SPDX-License-Identifier: BSD-2-Clause
/*
 * What happened, in packetdrill's language. The expectations are the kernel's
 * answers, so that the script passes there and shows the difference here.
 */
#define _GNU_SOURCE /* strerrorname_np */
#include "diff.h"

#include "base/bytes.h"
#include "lab/drill_print.h"
#include "wire/wire_tcp.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define TS_SCRIPT 100 /* the stack's first timestamp, in a script */

/* Outbound: the value as a script names it. Inbound: the echo. */
static void name_ts(struct drill_pkt *p, uint32_t val, uint32_t ts_first)
{
	uint8_t *o = p->opts;
	unsigned i;

	for (i = 0; i < p->n_opts && o[i]; i += o[i] == 1 ? 1 : o[i + 1]) {
		if (o[i] != 8)
			continue;
		if (!p->in)
			put_be32(o + i + 2, val + TS_SCRIPT);
		else if (get_be32(o + i + 6))
			put_be32(o + i + 6, ts_first + TS_SCRIPT);
	}
}

static void add_out(struct drill_text *t, const struct diff_out *o)
{
	int i;

	for (i = 0; i < o->n_pkts; i++) {
		struct drill_pkt p = o->pkts[i].pkt;

		name_ts(&p, o->pkts[i].ts_val, 0);
		drill_text_add(t, "+0 ");
		drill_print_pkt(t, &p, false);
		if (o->pkts[i].is_zero)
			drill_text_add(t, " // its number is 0");
		drill_text_add(t, "\n");
	}
}

static void add_result(struct drill_text *t, int64_t result)
{
	if (result < 0)
		drill_text_add(t, " = -1 %s (%s)\n",
			       strerrorname_np((int)-result),
			       strerror((int)-result));
	else
		drill_text_add(t, " = %" PRId64 "\n", result);
}

static const char *flag_name(int flag)
{
	switch (flag) {
	case MSG_OOB:
		return "MSG_OOB|MSG_NOSIGNAL";
	case MSG_MORE:
		return "MSG_MORE|MSG_NOSIGNAL";
	case MSG_PEEK:
		return "MSG_PEEK|MSG_NOSIGNAL";
	case MSG_TRUNC:
		return "MSG_TRUNC|MSG_NOSIGNAL";
	case MSG_OOB | MSG_PEEK:
		return "MSG_OOB|MSG_PEEK|MSG_NOSIGNAL";
	case MSG_FASTOPEN:
		return "MSG_FASTOPEN|MSG_NOSIGNAL";
	default:
		return "MSG_NOSIGNAL";
	}
}

static void add_call(struct drill_text *t, const struct diff_step *s,
		     const struct diff_out *o)
{
	static const char *const how[] = { "SHUT_RD", "SHUT_WR", "SHUT_RDWR" };
	int fd = 3 + s->slot;

	drill_text_add(t, "+0 ");
	switch ((enum diff_kind)s->kind) {
	case DIFF_ACCEPT:
		drill_text_add(t, "accept(3, ..., ...)");
		add_result(t, o->result < 0 ? o->result : o->result + 3);
		if (o->result > 0)
			drill_text_add(t,
				       "+0 fcntl(%d, F_SETFL, "
				       "O_RDWR|O_NONBLOCK) = 0\n",
				       (int)o->result + 3);
		return;
	case DIFF_SEND:
		drill_text_add(t,
			       s->arg2 & MSG_FASTOPEN ?
				       "sendto(%d, ..., %d, %s, ..., ...)" :
				       "send(%d, ..., %d, %s)",
			       fd, s->arg, flag_name(s->arg2));
		break;
	case DIFF_RECV:
		drill_text_add(t, "recv(%d, ..., %d, %s)", fd, s->arg,
			       flag_name(s->arg2));
		break;
	case DIFF_SHUTDOWN:
		drill_text_add(t, "shutdown(%d, %s)", fd, how[s->arg]);
		break;
	case DIFF_CLOSE:
		drill_text_add(t, "close(%d)", fd);
		break;
	case DIFF_SETOPT:
		if (strstr(diff_opts[s->arg].text, "SO_LINGER"))
			drill_text_add(t,
				       "setsockopt(%d, %s, {onoff=%d, "
				       "linger=%d}, 8)",
				       fd, diff_opts[s->arg].text, s->arg2 >= 0,
				       s->arg2 & 1);
		else
			drill_text_add(t, "setsockopt(%d, %s, [%d], 4)", fd,
				       diff_opts[s->arg].text, s->arg2);
		break;
	case DIFF_GETERR:
		drill_text_add(t,
			       "getsockopt(%d, SOL_SOCKET, SO_ERROR, [%" PRId64
			       "], [4]) = 0\n",
			       fd, o->result);
		return;
	case DIFF_CONNECT:
		drill_text_add(t, "connect(%d, {sa_family = %s, ...}, ...)", fd,
			       s->arg ? "AF_UNSPEC" : "AF_INET");
		break;
	case DIFF_LISTEN:
		drill_text_add(t, "listen(%d, %d)", fd, s->arg);
		break;
	case DIFF_ATMARK:
		drill_text_add(t, "ioctl(%d, SIOCATMARK, [%" PRId64 "]) = 0\n",
			       fd, o->result);
		return;
	case DIFF_SEG:
	case DIFF_ICMP:
	case DIFF_N_KINDS:
		break;
	}
	add_result(t, o->result);
}

static void add_begin(struct drill_text *t, const struct diff_plan *p)
{
	int i;

	drill_text_add(t, "`sysctl -q net.ipv4.tcp_invalid_ratelimit=0 "
			  "net.ipv4.tcp_rmem=\"4096 131072 6291456\"");
	for (i = 0; diff_modes[p->mode].knobs[i][0]; i++)
		drill_text_add(t, " net.ipv4.%s=%s",
			       diff_modes[p->mode].knobs[i][0],
			       diff_modes[p->mode].knobs[i][1]);
	drill_text_add(t, "`\n 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n");
	if (p->fo)
		drill_text_add(t,
			       "+0 setsockopt(3, SOL_TCP, "
			       "TCP_FASTOPEN_NO_COOKIE, [%d], 4) = 0\n"
			       "+0 setsockopt(3, SOL_TCP, TCP_FASTOPEN, [%d], "
			       "4) = 0\n",
			       p->no_cookie, p->fo);
	if (p->active && p->unconnected)
		drill_text_add(t, "+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = "
				  "0\n");
	else if (p->active)
		drill_text_add(t, "+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = "
				  "0\n+0 connect(3, ..., ...) = -1 "
				  "EINPROGRESS (Operation now in progress)\n");
	else
		drill_text_add(t,
			       "+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, "
			       "[1], 4) = 0\n+0 bind(3, ..., ...) = 0\n"
			       "+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
			       "+0 listen(3, %d) = 0\n",
			       p->backlog);
	if (p->rcvbuf)
		drill_text_add(t,
			       "+0 setsockopt(3, SOL_SOCKET, SO_RCVBUF, [%u], "
			       "4) = 0 // before: %s()\n",
			       p->rcvbuf, p->active ? "connect" : "bind");
	if (p->defer)
		drill_text_add(t, "+0 setsockopt(3, SOL_TCP, "
				  "TCP_DEFER_ACCEPT, [1], 4) = 0\n");
}

void diff_script(const struct diff_run *r, const struct diff_plan *p,
		 struct drill_text *t)
{
	int i;

	add_begin(t, p);
	add_out(t, &r->theirs[0]);
	for (i = 0; i < p->n; i++) {
		const struct diff_step *s = &p->steps[i];
		const struct diff_out *o = &r->theirs[i + 1];

		if (s->kind == DIFF_SEG || s->kind == DIFF_ICMP) {
			struct drill_pkt in = o->sent;

			name_ts(&in, 0, 0);
			drill_text_add(t, "+0 ");
			drill_print_pkt(t, &in, false);
			drill_text_add(t, "\n");
		} else {
			add_call(t, s, o);
		}
		add_out(t, o);
		if (i == r->found.step)
			break;
	}
}

static void describe(struct drill_text *t, const char *who,
		     const struct diff_out *o)
{
	int i;

	drill_text_add(t, "%s: result %" PRId64 ", %d packets\n", who,
		       o->result, o->n_pkts);
	add_out(t, o);
	for (i = 0; i < DIFF_SLOTS; i++) {
		const struct tern_tcp_info *v = &o->info[i];

		if (!o->has_info[i])
			continue;
		drill_text_add(
			t,
			"  socket %d: %s poll %#x inq %d outq %d mem %u, "
			"unacked %u sacked %u lost %u retrans %u cwnd "
			"%u ssthresh %u ca %u segs %u/%u data %u/%u "
			"bytes %" PRIu64 "/%" PRIu64 " acked %" PRIu64
			" delivered %u ooo %u snd_wnd %u rcv_mss %u "
			"snd_mss %u reord %u/%u dsack %u wscale %#x "
			"opts %#x\n",
			3 + i, tern_tcp_state_name(v->state), o->ready[i],
			o->inq[i], o->outq[i], o->mem[i], v->unacked, v->sacked,
			v->lost, v->retrans, v->snd_cwnd, v->snd_ssthresh,
			v->ca_state, v->segs_in, v->segs_out, v->data_segs_in,
			v->data_segs_out, v->bytes_received, v->bytes_sent,
			v->bytes_acked, v->delivered, v->rcv_ooopack,
			v->snd_wnd, v->rcv_mss, v->snd_mss, v->reordering,
			v->reord_seen, v->dsack_dups, v->wscale, v->options);
	}
}

void diff_describe(const struct diff_run *r, struct drill_text *t)
{
	drill_text_add(t, "differs: %s\n", r->found.what);
	describe(t, "kernel", r->found.kernel);
	describe(t, "tern", r->found.tern);
}
