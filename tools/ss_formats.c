// SPDX-License-Identifier: BSD-2-Clause
/* The socket table in other forms than ss's own: JSON, netstat's table. */
#define _GNU_SOURCE
#include "tools/ss_print.h"

#include "lab/lab_info.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *info_json(const struct tern_tcp_info *info)
{
	json_t *row = json_object();
	const char *name;

	for (int i = 0; (name = lab_info_at(i)); i++)
		json_object_set_new(
			row, name,
			json_integer((json_int_t)lab_info_value(info, i)));
	return row;
}

static json_t *memory_json(const uint32_t *m)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "rmem_alloc",
			 (json_int_t)m[MEM_R], "rcvbuf", (json_int_t)m[MEM_RB],
			 "wmem_queued", (json_int_t)m[MEM_W], "sndbuf",
			 (json_int_t)m[MEM_TB]);
}

static void add_owners(json_t *row, const struct ss_owners *owners,
		       uint64_t inode)
{
	size_t n;
	const struct ss_owner *o = ss_owners_of(owners, inode, &n);
	json_t *all = n ? json_array() : NULL;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(all,
				      json_pack("{s:s, s:i, s:i}", "program",
						o[i].program, "pid",
						(int)o[i].pid, "fd", o[i].fd));
	if (all)
		json_object_set_new(row, "owners", all);
}

void ss_json_row(FILE *out, const struct control_socket *s,
		 const struct ss_owners *owners)
{
	static const char *const timers[] = { "off", "on", "keepalive",
					      "timewait", "persist" };
	const struct tern_sock_info *i = &s->info;
	char local[TERN_ADDR_STRLEN], remote[TERN_ADDR_STRLEN];
	json_t *row = json_pack(
		"{s:s, s:s, s:i, s:i, s:i, s:s, s:i, s:s, s:i, s:s, s:I, s:i, "
		"s:I}",
		"protocol", i->protocol == TERN_IPPROTO_TCP ? "tcp" : "udp",
		"state", tern_tcp_state_name(i->state), "socket", i->s,
		"recv_q", (int)i->rx_queue, "send_q", (int)i->tx_queue, "local",
		tern_addr_print(&i->local.addr, local), "lport",
		(int)i->local.port, "remote",
		tern_addr_print(&i->remote.addr, remote), "rport",
		(int)i->remote.port, "timer", timers[i->timer % 5], "timer_ns",
		(json_int_t)s->timer_ns, "retransmits", i->retransmits,
		"cookie", (json_int_t)i->cookie);

	if (s->has & CONTROL_HAS_TCP) {
		json_object_set_new(row, "info", info_json(&s->tcp));
		json_object_set_new(row, "congestion", json_string(s->cc));
	}
	if (s->has & CONTROL_HAS_MEM)
		json_object_set_new(row, "memory", memory_json(s->mem));
	add_owners(row, owners, s->inode);
	json_dumpf(row, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(row);
}

void ss_netstat_header(FILE *out)
{
	fputs("Active Internet connections (servers and established)\n"
	      "Proto Recv-Q Send-Q Local Address           Foreign Address     "
	      "    State      \n",
	      out);
}

/* netstat's words. */
static const char *netstat_state(const struct tern_sock_info *i)
{
	static const char *const names[] = {
		[TERN_TCP_ESTABLISHED] = "ESTABLISHED",
		[TERN_TCP_SYN_SENT] = "SYN_SENT",
		[TERN_TCP_SYN_RECV] = "SYN_RECV",
		[TERN_TCP_FIN_WAIT1] = "FIN_WAIT1",
		[TERN_TCP_FIN_WAIT2] = "FIN_WAIT2",
		[TERN_TCP_TIME_WAIT] = "TIME_WAIT",
		[TERN_TCP_CLOSE] = "CLOSE",
		[TERN_TCP_CLOSE_WAIT] = "CLOSE_WAIT",
		[TERN_TCP_LAST_ACK] = "LAST_ACK",
		[TERN_TCP_LISTEN] = "LISTEN",
		[TERN_TCP_CLOSING] = "CLOSING",
	};

	if (i->protocol != TERN_IPPROTO_TCP && i->state == TERN_TCP_CLOSE)
		return "";
	return names[i->state];
}

static void netstat_end(char out[80], const struct control_socket *s,
			const struct tern_sockaddr *end)
{
	bool v4 = tern_addr_is_v4(&end->addr);
	char text[TERN_ADDR_STRLEN];
	char port[8] = "*";

	if (end->port)
		snprintf(port, sizeof(port), "%u", end->port);
	snprintf(out, 80, "%s%s:%s",
		 v4 && s->info.family == TERN_AF_INET6 &&
				 !tern_addr_is_any(&end->addr) ?
			 "::ffff:" :
			 "",
		 s->info.family == TERN_AF_INET6 &&
				 tern_addr_is_any(&end->addr) ?
			 "::" :
			 tern_addr_print(&end->addr, text),
		 port);
}

void ss_netstat_row(FILE *out, const struct control_socket *s)
{
	const struct tern_sock_info *i = &s->info;
	bool tcp = i->protocol == TERN_IPPROTO_TCP;
	char local[80], remote[80];

	netstat_end(local, s, &i->local);
	netstat_end(remote, s, &i->remote);
	fprintf(out, "%s%-*s %6u %6u %-23s %-23s %-11s\n", tcp ? "tcp" : "udp",
		2, i->family == TERN_AF_INET6 ? "6" : "", i->rx_queue,
		i->state == TERN_TCP_LISTEN ? 0 : i->tx_queue, local, remote,
		netstat_state(i));
}
