// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sockets as the kernel's own files have them, column by column: programs read
 * these by position. The uid is 0, as nobody has told of another.
 */
#define _GNU_SOURCE
#include "control/control_proc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The kernel pads the lines of its IPv4 tables, and no others. */
static void put_padded(FILE *out, const char *line, bool tcp, bool v6)
{
	int width = tcp ? 149 : 127;

	fprintf(out, "%-*s\n", v6 ? 0 : width, line);
}

void control_proc_header(FILE *out, bool tcp, bool v6)
{
	const char *pad = v6 ? "                        " : "";
	char line[200];

	snprintf(line, sizeof(line),
		 "%s  sl  local_address%s %s%s st tx_queue rx_queue tr "
		 "tm->when retrnsmt   uid  timeout inode%s",
		 tcp || v6 ? "" : " ", pad,
		 v6 ? "remote_address" : "rem_address  ", pad,
		 tcp ? "" : " ref pointer drops");
	put_padded(out, line, tcp, v6);
}

/* Words of the address as this machine keeps them, as the kernel prints. */
static void print_end(FILE *out, const struct tern_sockaddr *end, bool v6)
{
	for (size_t i = v6 ? 0 : 12; i < 16; i += 4) {
		uint32_t word;

		memcpy(&word, end->addr.b + i, sizeof(word));
		fprintf(out, "%08X", word);
	}
	fprintf(out, ":%04X", end->port);
}

/* Clock ticks of proc(5), of which there are 100 a second. */
static uint64_t ticks(int64_t ns)
{
	return ns > 0 ? (uint64_t)ns / 10000000 : 0;
}

/* The column of references, which are the kernel's own: as it has them where
 * there is no timer and no call. */
static int references(const struct tern_sock_info *i)
{
	if (i->state == TERN_TCP_SYN_RECV)
		return 0;
	return i->state == TERN_TCP_TIME_WAIT ? 3 : 1;
}

/* -1 while it means nothing; a listener's column is its Fast Open queue. */
static int proc_ssthresh(const struct tern_tcp_info *t)
{
	if (t->state == TERN_TCP_LISTEN)
		return 0;
	return t->snd_ssthresh >= 0x7fffffff ? -1 : (int)t->snd_ssthresh;
}

void control_proc_row(FILE *out, const struct control_socket *s, int n)
{
	const struct tern_sock_info *i = &s->info;
	bool v6 = i->family == TERN_AF_INET6;
	bool tcp = i->protocol == TERN_IPPROTO_TCP;
	char *line = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&line, &len);

	if (!to)
		return;
	fprintf(to, tcp ? "%4d: " : "%5d: ", n);
	print_end(to, &i->local, v6);
	fputc(' ', to);
	print_end(to, &i->remote, v6);
	fprintf(to,
		" %02X %08X:%08X %02X:%08" PRIX64 " %08X %5u %8d %" PRIu64
		" %d "
		"%016" PRIx64,
		i->state, i->state == TERN_TCP_LISTEN ? 0 : i->tx_queue,
		i->rx_queue, i->timer, ticks(s->timer_ns),
		(unsigned)i->retransmits, 0u, i->probes, s->inode,
		references(i), i->cookie);
	if (tcp && s->has & CONTROL_HAS_TCP && i->state != TERN_TCP_TIME_WAIT)
		fprintf(to, " %u %u %u %u %d",
			i->state == TERN_TCP_LISTEN ? 100 : s->tcp.rto / 10000,
			s->tcp.ato / 10000, 0u, s->tcp.snd_cwnd,
			proc_ssthresh(&s->tcp));
	if (!tcp)
		fputs(" 0", to);
	fclose(to);
	put_padded(out, line, tcp, v6);
	free(line);
}
