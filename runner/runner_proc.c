// SPDX-License-Identifier: BSD-2-Clause
/*
 * The texts of /proc/net, as proc(5) and Linux's own files have them, of the
 * stack's sockets, links, routes and counters.
 *
 * Counters that the stack has not are 0 where a line has a fixed form (snmp),
 * and left out where readers go by names (netstat, snmp6).
 */
#define _GNU_SOURCE
#include "runner_proc.h"

#include "runner_priv.h"

#include "control/control_owner.h"
#include "control/control_proc.h"
#include "control/control_socket.h"

#include <inttypes.h>
#include <net/if.h>
#include <net/route.h>
#include <stdlib.h>
#include <string.h>

/* Sockets looked at before others have their turn: well under a millisecond. */
#define WALK_STEP 512

static uint64_t counter(const struct runner *r, const char *group,
			const char *field)
{
	char name[64];
	int i;

	snprintf(name, sizeof(name), "%s%s", group, field);
	i = tern_counter_find(name);
	return i < 0 ? 0 : tern_counter_get(r->stack, i);
}

static struct tern_sock_counts count_sockets(const struct runner *r)
{
	struct tern_sock_counts sum = { 0 };
	uint64_t cursor = 0;

	while (tern_sock_count(r->stack, &cursor, UINT32_MAX, &sum))
		;
	return sum;
}

/* What is a field of snmp and no counter. */
static int64_t setting(const struct runner *r, const char *field)
{
	struct tern_sock_counts n;
	char text[64];

	if (!strcmp(field, "Forwarding"))
		return tern_sysctl_get(r->stack, "ip_forward", text,
				       sizeof(text)) > 0 &&
				       text[0] == '1' ?
			       1 :
			       2; /* RFC 4293 */
	if (!strcmp(field, "DefaultTTL"))
		return tern_sysctl_get(r->stack, "ip_default_ttl", text,
				       sizeof(text)) > 0 ?
			       strtol(text, NULL, 10) :
			       64;
	if (!strcmp(field, "RtoAlgorithm"))
		return 1;
	if (!strcmp(field, "RtoMin"))
		return 200;
	if (!strcmp(field, "RtoMax"))
		return 120000;
	if (!strcmp(field, "MaxConn"))
		return -1;
	if (!strcmp(field, "CurrEstab")) {
		n = count_sockets(r);
		return n.states[TERN_TCP_ESTABLISHED] +
		       n.states[TERN_TCP_CLOSE_WAIT]; /* RFC 4022 */
	}
	return INT64_MIN;
}

static void print_values(const struct runner *r, FILE *out, const char *group,
			 const char *fields)
{
	char field[32];
	int used;

	fprintf(out, "%s:%s\n%s:", group, fields, group);
	for (; sscanf(fields, "%31s%n", field, &used) == 1; fields += used) {
		int64_t known = setting(r, field);

		if (known != INT64_MIN)
			fprintf(out, " %" PRId64, known);
		else
			fprintf(out, " %" PRIu64, counter(r, group, field));
	}
	fputc('\n', out);
}

static void print_snmp(const struct runner *r, FILE *out)
{
	static const char *const groups[][2] = {
		{ "Ip", " Forwarding DefaultTTL InReceives InHdrErrors "
			"InAddrErrors ForwDatagrams InUnknownProtos InDiscards "
			"InDelivers OutRequests OutDiscards OutNoRoutes "
			"ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs "
			"FragFails FragCreates OutTransmits" },
		{ "Icmp", " InMsgs InErrors InCsumErrors InDestUnreachs "
			  "InTimeExcds InParmProbs InSrcQuenchs InRedirects "
			  "InEchos InEchoReps InTimestamps InTimestampReps "
			  "InAddrMasks InAddrMaskReps OutMsgs OutErrors "
			  "OutRateLimitGlobal OutRateLimitHost OutDestUnreachs "
			  "OutTimeExcds OutParmProbs OutSrcQuenchs "
			  "OutRedirects OutEchos OutEchoReps OutTimestamps "
			  "OutTimestampReps OutAddrMasks OutAddrMaskReps" },
		{ "Tcp", " RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens "
			 "PassiveOpens AttemptFails EstabResets CurrEstab "
			 "InSegs OutSegs RetransSegs InErrs OutRsts "
			 "InCsumErrors" },
		{ "Udp", " InDatagrams NoPorts InErrors OutDatagrams "
			 "RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti "
			 "MemErrors" },
		{ "UdpLite", " InDatagrams NoPorts InErrors OutDatagrams "
			     "RcvbufErrors SndbufErrors InCsumErrors "
			     "IgnoredMulti MemErrors" },
	};

	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		print_values(r, out, groups[i][0], groups[i][1]);
}

/* All that the stack counts in a group, on one line of names and one of
 * values. */
static void print_group(const struct runner *r, FILE *out, const char *group)
{
	const struct tern_counter *c;
	size_t len = strlen(group);

	for (int values = 0; values < 2; values++) {
		fprintf(out, "%s:", group);
		for (int i = 0; (c = tern_counter_at(i)); i++) {
			if (strncmp(c->name, group, len) != 0)
				continue;
			if (values)
				fprintf(out, " %" PRIu64,
					tern_counter_get(r->stack, i));
			else
				fprintf(out, " %s", c->name + len);
		}
		fputc('\n', out);
	}
}

static void print_netstat(const struct runner *r, FILE *out)
{
	print_group(r, out, "TcpExt");
	print_group(r, out, "IpExt");
}

static void print_snmp6(const struct runner *r, FILE *out)
{
	const struct tern_counter *c;

	for (int i = 0; (c = tern_counter_at(i)); i++)
		if (!strncmp(c->name, "Ip6", 3))
			fprintf(out, "%-32s\t%" PRIu64 "\n", c->name,
				tern_counter_get(r->stack, i));
}

static void print_sockstat(const struct runner *r, FILE *out)
{
	struct tern_sock_counts n = count_sockets(r);
	uint32_t tw = n.states[TERN_TCP_TIME_WAIT];
	uint32_t all = n.tcp[0] + n.tcp[1] + n.states[TERN_TCP_CLOSE];

	fprintf(out,
		"sockets: used %u\n"
		"TCP: inuse %u orphan %u tw %u alloc %u mem 0\n"
		"UDP: inuse %u mem 0\n"
		"UDPLITE: inuse 0\n"
		"RAW: inuse 0\n"
		"FRAG: inuse 0 memory 0\n",
		all + n.udp[0] + n.udp[1], n.tcp[0], n.orphans, tw, all,
		n.udp[0]);
}

static void print_sockstat6(const struct runner *r, FILE *out)
{
	struct tern_sock_counts n = count_sockets(r);

	fprintf(out,
		"TCP6: inuse %u\n"
		"UDP6: inuse %u\n"
		"UDPLITE6: inuse 0\n"
		"RAW6: inuse 0\n"
		"FRAG6: inuse 0 memory 0\n",
		n.tcp[1], n.udp[1]);
}

static void print_dev(const struct runner *r, FILE *out)
{
	struct tern_link_info l;
	int cursor = 0;

	fputs("Inter-|   Receive                            "
	      "                    |  Transmit\n"
	      " face |bytes    packets errs drop fifo frame "
	      "compressed multicast|bytes    packets errs "
	      "drop fifo colls carrier compressed\n",
	      out);
	while (tern_link_next(r->stack, &cursor, &l))
		fprintf(out,
			"%6s: %7" PRIu64 " %7" PRIu64
			"    0    0    0     0          0         0 %8" PRIu64
			" %7" PRIu64 "    0    0    0     0       0"
			"          0\n",
			l.name, l.rx_bytes, l.rx_packets, l.tx_bytes,
			l.tx_packets);
}

static const char *name_of(const struct runner *r, int link,
			   struct tern_link_info *l)
{
	return link_find(r, link, l) ? l->name : "*";
}

/* The kernel pads these lines. */
static void put_padded(FILE *out, const char *line)
{
	fprintf(out, "%-127s\n", line);
}

static uint32_t word_of(const struct tern_addr *addr)
{
	uint32_t word;

	memcpy(&word, addr->b + 12, sizeof(word));
	return word;
}

static void print_route(const struct runner *r, FILE *out)
{
	struct tern_link_info l;
	struct tern_route t;
	int cursor = 0;

	put_padded(out, "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\t"
			"Metric\tMask\t\tMTU\tWindow\tIRTT");
	while (tern_route_next(r->stack, &cursor, &t)) {
		uint32_t mask = t.prefix ? ~0u << (32 - t.prefix % 33) : 0;
		bool is_direct = tern_addr_is_any(&t.via);
		char line[128];

		if (t.v6)
			continue;
		snprintf(line, sizeof(line),
			 "%s\t%08X\t%08X\t%04X\t0\t0\t%u\t%08X\t%u\t0\t0",
			 name_of(r, t.link, &l), word_of(&t.dst),
			 is_direct ? 0 : word_of(&t.via),
			 RTF_UP | (is_direct ? 0 : RTF_GATEWAY), t.metric,
			 htonl(mask), t.mtu);
		put_padded(out, line);
	}
}

static void put_addr6(FILE *out, const struct tern_addr *addr)
{
	for (size_t i = 0; i < sizeof(addr->b); i++)
		fprintf(out, "%02x", addr->b[i]);
}

static void print_ipv6_route(const struct runner *r, FILE *out)
{
	static const struct tern_addr none;
	struct tern_link_info l;
	struct tern_route t;
	int cursor = 0;

	while (tern_route_next(r->stack, &cursor, &t)) {
		bool is_direct = tern_addr_is_any(&t.via);

		if (!t.v6)
			continue;
		put_addr6(out, &t.dst);
		fprintf(out, " %02x ", t.prefix);
		put_addr6(out, &none);
		fputs(" 00 ", out);
		put_addr6(out, is_direct ? &none : &t.via);
		/* Linux's metric where none was given. */
		fprintf(out, " %08x %08x %08x %08x %8s\n",
			t.metric ? t.metric : 0x400, 1, 0,
			RTF_UP | (is_direct ? 0 : RTF_GATEWAY),
			name_of(r, t.link, &l));
	}
}

static void print_if_inet6(const struct runner *r, FILE *out)
{
	struct tern_link_info l;
	struct tern_link_addr a;
	int cursor = 0;

	while (tern_addr_next(r->stack, &cursor, &a)) {
		bool is_local = a.addr.b[0] == 0xfe && a.addr.b[1] >> 6 == 2;

		if (tern_addr_is_v4(&a.addr))
			continue;
		put_addr6(out, &a.addr);
		/* IPV6_ADDR_LOOPBACK and _LINKLOCAL; IFA_F_PERMANENT. */
		fprintf(out, " %02x %02x %02x 80 %8s\n",
			(unsigned)link_index(a.link), a.prefix,
			a.link == 0 ? 0x10u :
			is_local    ? 0x20u :
				      0u,
			name_of(r, a.link, &l));
	}
}

static void print_arp(const struct runner *r, FILE *out)
{
	(void)r;
	fputs("IP address       HW type     Flags       HW address            "
	      "Mask     Device\n",
	      out);
}

static void print_no_v4(const struct runner *r, FILE *out)
{
	(void)r;
	control_proc_header(out, false, false);
}

static void print_no_v6(const struct runner *r, FILE *out)
{
	(void)r;
	control_proc_header(out, false, true);
}

static const struct proc_file files[] = {
	{ "tcp", .protocol = TERN_IPPROTO_TCP, .family = TERN_AF_INET },
	{ "tcp6", .protocol = TERN_IPPROTO_TCP, .family = TERN_AF_INET6 },
	{ "udp", .protocol = TERN_IPPROTO_UDP, .family = TERN_AF_INET },
	{ "udp6", .protocol = TERN_IPPROTO_UDP, .family = TERN_AF_INET6 },
	{ "raw", print_no_v4 },
	{ "raw6", print_no_v6 },
	{ "udplite", print_no_v4 },
	{ "udplite6", print_no_v6 },
	{ "icmp", print_no_v4 },
	{ "icmp6", print_no_v6 },
	{ "dev", print_dev },
	{ "route", print_route },
	{ "ipv6_route", print_ipv6_route },
	{ "if_inet6", print_if_inet6 },
	{ "arp", print_arp },
	{ "snmp", print_snmp },
	{ "snmp6", print_snmp6 },
	{ "netstat", print_netstat },
	{ "sockstat", print_sockstat },
	{ "sockstat6", print_sockstat6 },
};

const struct proc_file *proc_file_at(size_t i)
{
	return i < sizeof(files) / sizeof(*files) ? &files[i] : NULL;
}

const struct proc_file *proc_file_find(const char *name)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (!strcmp(files[i].name, name))
			return &files[i];
	return NULL;
}

const char *proc_kernels_at(size_t i)
{
	static const char *const names[] = { "unix", "netlink", "protocols" };

	return i < sizeof(names) / sizeof(*names) ? names[i] : NULL;
}

/* As on Linux, a TCP socket that is nowhere is in no table. */
static bool is_of(const struct proc_file *f, const struct tern_sock_info *i)
{
	return i->protocol == f->protocol && i->family == f->family &&
	       (i->protocol != TERN_IPPROTO_TCP || i->state != TERN_TCP_CLOSE);
}

static bool print_sockets(const struct runner *r, const struct proc_file *f,
			  struct proc_walk *w, FILE *out)
{
	const struct control_owners owners = runner_owners(r);
	struct control_view view = { r->host, &owners, CONTROL_FULL, true };
	bool tcp = f->protocol == TERN_IPPROTO_TCP;
	struct control_socket s;

	if (!w->has_begun)
		control_proc_header(out, tcp, f->family == TERN_AF_INET6);
	w->has_begun = true;
	for (int i = 0; i < WALK_STEP; i++) {
		if (!control_socket_next(&view, &w->cursor, &s))
			return false;
		if (!is_of(f, &s.info))
			continue;
		control_socket_fill(&view, &s);
		control_proc_row(out, &s, w->n++);
	}
	return true;
}

bool proc_print(const struct runner *r, const struct proc_file *f,
		struct proc_walk *w, FILE *out)
{
	if (f->protocol)
		return print_sockets(r, f, w, out);
	f->print(r, out);
	return false;
}
