// SPDX-License-Identifier: BSD-2-Clause
/*
 * ss's table: columns, timers, memory, owners.
 *
 * Widths come from the first rows, which are kept until there are KEEP of
 * them or no more; rows after that are printed as they come, so that a million
 * of them take no memory. A cell that is wider pushes the rest to the right.
 */
#include "tools/ss_print.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#define KEEP 1024

enum {
	W_NETID,
	W_STATE,
	W_RECV,
	W_SEND,
	W_LADDR,
	W_LPORT,
	W_RADDR,
	W_RPORT,
	N_WIDTHS
};

struct ss_table {
	struct ss_columns columns;
	FILE *out;
	int width[N_WIDTHS];
	struct control_socket *kept; /* NULL: printed */
	int n_kept;
};

struct cells {
	char text[N_WIDTHS][72];
};

void ss_addr_text(const struct control_socket *s, bool remote, char out[64])
{
	const struct tern_sockaddr *end = remote ? &s->info.remote :
						   &s->info.local;
	bool v4 = tern_addr_is_v4(&end->addr);
	char text[TERN_ADDR_STRLEN];

	if (s->info.family == TERN_AF_INET)
		snprintf(out, 64, "%s", tern_addr_print(&end->addr, text));
	else if (tern_addr_is_any(&end->addr))
		snprintf(out, 64, "%s", s->has & CONTROL_V6ONLY ? "[::]" : "*");
	else
		snprintf(out, 64, v4 ? "[::ffff:%s]" : "[%s]",
			 tern_addr_print(&end->addr, text));
}

static const char *protocol(const struct control_socket *s)
{
	return s->info.protocol == TERN_IPPROTO_TCP ? "tcp" : "udp";
}

static void port_text(const struct control_socket *s, bool remote, bool numeric,
		      char out[72])
{
	uint16_t port = remote ? s->info.remote.port : s->info.local.port;
	struct servent *service = NULL;

	if (port && !numeric)
		service = getservbyport(htons(port), protocol(s));
	if (service)
		snprintf(out, 72, "%s", service->s_name);
	else if (port)
		snprintf(out, 72, "%u", port);
	else
		snprintf(out, 72, "*");
}

static const char *state_text(const struct control_socket *s)
{
	/* ss's word for a datagram socket without a peer. */
	if (s->info.state == TERN_TCP_CLOSE)
		return "UNCONN";
	return tern_tcp_state_name(s->info.state);
}

static void make_cells(const struct ss_table *t, const struct control_socket *s,
		       struct cells *c)
{
	snprintf(c->text[W_NETID], 72, "%s", protocol(s));
	snprintf(c->text[W_STATE], 72, "%s", state_text(s));
	snprintf(c->text[W_RECV], 72, "%u", s->info.rx_queue);
	snprintf(c->text[W_SEND], 72, "%u", s->info.tx_queue);
	ss_addr_text(s, false, c->text[W_LADDR]);
	port_text(s, false, t->columns.numeric, c->text[W_LPORT]);
	ss_addr_text(s, true, c->text[W_RADDR]);
	port_text(s, true, t->columns.numeric, c->text[W_RPORT]);
}

static void print_cells(const struct ss_table *t, const struct cells *c)
{
	const int *w = t->width;

	if (t->columns.netid)
		fprintf(t->out, "%-*s ", w[W_NETID], c->text[W_NETID]);
	if (t->columns.state)
		fprintf(t->out, "%-*s ", w[W_STATE], c->text[W_STATE]);
	fprintf(t->out, "%-*s %-*s %*s:%-*s %*s:%-*s", w[W_RECV],
		c->text[W_RECV], w[W_SEND], c->text[W_SEND], w[W_LADDR],
		c->text[W_LADDR], w[W_LPORT], c->text[W_LPORT], w[W_RADDR],
		c->text[W_RADDR], w[W_RPORT], c->text[W_RPORT]);
}

/* A time as ss writes it: the two largest of its units that matter. */
static void print_time(FILE *out, int64_t ms)
{
	int64_t s = ms / 1000, min = s / 60;

	s %= 60;
	ms %= 1000;
	if (min) {
		fprintf(out, "%" PRId64 "min", min);
		ms = 0;
		s = min > 9 ? 0 : s;
	}
	if (s) {
		ms = s > 9 ? 0 : ms;
		fprintf(out, "%" PRId64 "%s", s, ms ? "." : "sec");
	}
	if (ms || (!min && !s))
		fprintf(out, s ? "%03" PRId64 "ms" : "%" PRId64 "ms", ms);
}

void ss_print_timer(FILE *out, const struct control_socket *s)
{
	static const char *const names[] = { "off", "on", "keepalive",
					     "timewait", "persist" };
	int64_t ms = s->timer_ns > 0 ? s->timer_ns / 1000000 : 0;
	int count = s->info.timer == 4 ? s->info.probes : s->info.retransmits;

	if (!s->info.timer)
		return;
	fprintf(out, "timer:(%s,", names[s->info.timer % 5]);
	print_time(out, ms);
	fprintf(out, ",%d)", count);
}

/* What the program has shut, as an arrow between it and the peer. */
static const char *arrow(const struct control_socket *s)
{
	bool orphan = s->info.s < 0 && s->info.state != TERN_TCP_ESTABLISHED;

	if (orphan) /* what close() leaves is shut both ways */
		return "---";
	switch (s->info.state) {
	case TERN_TCP_CLOSE_WAIT:
		return "-->";
	case TERN_TCP_FIN_WAIT1:
	case TERN_TCP_FIN_WAIT2:
		return "<--";
	case TERN_TCP_LAST_ACK:
	case TERN_TCP_CLOSING:
		return "---";
	default:
		return "<->";
	}
}

static void print_extended(FILE *out, const struct control_socket *s)
{
	/* There are no inodes here. */
	fprintf(out, " ino:0 sk:%" PRIx64, s->info.cookie);
	if (s->info.family == TERN_AF_INET6 && !s->info.remote.port)
		fprintf(out, " v6only:%d", !!(s->has & CONTROL_V6ONLY));
	if (s->info.state != TERN_TCP_TIME_WAIT &&
	    s->info.state != TERN_TCP_SYN_RECV)
		fprintf(out, " %s", arrow(s));
}

static void print_memory(FILE *out, const struct control_socket *s)
{
	const uint32_t *m = s->mem;

	if (s->has & CONTROL_HAS_MEM)
		fprintf(out, " skmem:(r%u,rb%u,t%u,tb%u,f%u,w%u,o%u,bl%u,d%u)",
			m[MEM_R], m[MEM_RB], m[MEM_T], m[MEM_TB], m[MEM_F],
			m[MEM_W], m[MEM_O], m[MEM_BL], m[MEM_D]);
}

static void print_owners(const struct ss_table *t, uint64_t inode)
{
	size_t n;
	const struct ss_owner *o = ss_owners_of(t->columns.owners, inode, &n);

	for (size_t i = 0; i < n; i++)
		fprintf(t->out, "%s(\"%s\",pid=%d,fd=%d)%s",
			i ? "," : " users:(", o[i].program, (int)o[i].pid,
			o[i].fd, i + 1 == n ? ")" : "");
}

static void print_row(const struct ss_table *t, const struct control_socket *s)
{
	const struct ss_columns *c = &t->columns;
	struct cells cells;

	make_cells(t, s, &cells);
	print_cells(t, &cells);
	if (c->owners)
		print_owners(t, s->inode);
	if (c->timer && s->info.timer) {
		fputc(' ', t->out);
		ss_print_timer(t->out, s);
	}
	if (c->extended)
		print_extended(t->out, s);
	if ((c->memory || c->info) && !c->one_line)
		fputs("\n\t", t->out);
	if (c->memory)
		print_memory(t->out, s);
	if (c->info && s->has & CONTROL_HAS_TCP)
		ss_print_info(t->out, s, c->timer);
	fputc('\n', t->out);
}

static void print_header(const struct ss_table *t)
{
	struct cells head = { {
		[W_NETID] = "Netid",
		[W_STATE] = "State",
		[W_RECV] = "Recv-Q",
		[W_SEND] = "Send-Q",
		[W_LADDR] = "Local Address",
		[W_LPORT] = "Port",
		[W_RADDR] = "Peer Address",
		[W_RPORT] = "Port",
	} };

	print_cells(t, &head);
	fputs("Process\n", t->out);
}

struct ss_table *ss_table_new(const struct ss_columns *columns, FILE *out)
{
	struct ss_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct ss_table){
		.columns = *columns,
		.out = out,
		.width = { 5, 5, 6, 6, 13, 4, 12, 4 }, /* the header's */
		.kept = calloc(KEEP, sizeof(*t->kept)),
	};
	if (t->kept)
		return t;
	free(t);
	return NULL;
}

static void flush_kept(struct ss_table *t)
{
	struct control_socket *kept = t->kept;

	if (!kept)
		return;
	t->kept = NULL;
	for (int i = 0; i < t->n_kept; i++) {
		struct cells c;

		make_cells(t, &kept[i], &c);
		for (int w = 0; w < N_WIDTHS; w++) {
			int len = (int)strlen(c.text[w]);

			t->width[w] = len > t->width[w] ? len : t->width[w];
		}
	}
	if (t->columns.header)
		print_header(t);
	for (int i = 0; i < t->n_kept; i++)
		print_row(t, &kept[i]);
	free(kept);
}

void ss_table_add(struct ss_table *t, const struct control_socket *s)
{
	if (t->kept && t->n_kept == KEEP)
		flush_kept(t);
	if (t->kept)
		t->kept[t->n_kept++] = *s;
	else
		print_row(t, s);
}

void ss_table_end(struct ss_table *t)
{
	flush_kept(t);
	free(t);
}
