// SPDX-License-Identifier: BSD-2-Clause
#include "tools/replay_export.h"

#include "lab/drill_parse.h"

#include "base/bytes.h"
#include "wire/wire_ip.h"
#include "wire/wire_print.h"
#include "wire/wire_tcp.h"

#include <tern/link.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_FD 3	  /* the listener, or who connects */
#define CHILD_FD 4	  /* what accept() gave */
#define LEAD_NS 100000000 /* the script's 0 lies so long before the first SYN */

/* "0.123456 ", the script's time. */
static void put_time(struct replay_export *x, int64_t now)
{
	int64_t us = (now - x->start_at + LEAD_NS) / 1000;

	drill_text_add(&x->body, "%" PRId64 ".%06" PRId64 " ", us / 1000000,
		       us % 1000000);
}

/* Begins to write: all that its socket was told comes first, at 0; if nothing
 * was, the SYN is there. */
static void begin(struct replay_export *x, int64_t now, int s)
{
	bool has_lines = s >= 0 && x->sockets[s].lines.s;

	x->found = true;
	x->start_at = has_lines ? now : now + LEAD_NS;
	if (has_lines)
		drill_text_add(&x->body, "%s", x->sockets[s].lines.s);
}

static int listener_at(const struct replay_export *x, uint16_t port)
{
	int s;

	for (s = 0; s < EXPORT_SOCKETS; s++)
		if (x->sockets[s].port == port)
			return s;
	return -1;
}

static int who_connects(const struct replay_export *x,
			const struct tern_sockaddr *to)
{
	int s;

	for (s = EXPORT_SOCKETS - 1; s >= 0; s--)
		if (x->sockets[s].peer.port == to->port &&
		    tern_addr_equal(&x->sockets[s].peer.addr, &to->addr))
			return s;
	return -1;
}

/* A SYN that began a connection. */
struct export_begun {
	struct tern_addr src, dst;
	uint16_t sport, dport;
	uint32_t isn;
};

/* A resent SYN comes soon: so many are looked through for it. */
#define LOOK_BACK 1000

/* Notes it; false if it was there already. */
static bool is_new(struct replay_export *x, const struct wire_ip *ip,
		   const struct wire_tcp *h)
{
	size_t n = x->n_found, i = n > LOOK_BACK ? n - LOOK_BACK : 0;

	for (; i < n; i++) {
		const struct export_begun *b = &x->begun[i];

		if (b->isn == h->seq.v && b->sport == h->sport &&
		    b->dport == h->dport &&
		    tern_addr_equal(&b->src, &ip->src) &&
		    tern_addr_equal(&b->dst, &ip->dst))
			return false;
	}
	if (n == x->begun_cap) {
		x->begun_cap = 2 * n + 16;
		x->begun = drill_mem_grow(x->begun,
					  x->begun_cap * sizeof(*x->begun));
	}
	x->begun[n] = (struct export_begun){ ip->src, ip->dst, h->sport,
					     h->dport, h->seq.v };
	return true;
}

static void consider(struct replay_export *x, bool out,
		     const struct wire_ip *ip, const struct wire_tcp *h,
		     int64_t now)
{
	char a[64], b[64];
	struct tern_sockaddr src = { .addr = ip->src, .port = h->sport };
	struct tern_sockaddr dst = { .addr = ip->dst, .port = h->dport };
	struct text t;

	if (!is_new(x, ip, h))
		return;
	x->n_found++;
	text_init(&t, a, sizeof(a));
	text_addr(&t, &src.addr);
	text_init(&t, b, sizeof(b));
	text_addr(&t, &dst.addr);
	drill_text_add(&x->list, "  %" PRIu64 "  %s:%u > %s:%u\n", x->n_found,
		       a, src.port, b, dst.port);
	if (x->n_found != x->wanted)
		return;
	x->is_active = out;
	x->v6 = ip->v6;
	x->us = out ? src : dst;
	x->peer = out ? dst : src;
	x->s = x->listener = -1;
	if (!out) {
		x->listener = listener_at(x, h->dport);
		begin(x, now, x->listener);
		return;
	}
	x->s = who_connects(x, &dst);
	begin(x, x->s < 0 ? now : x->sockets[x->s].connect_at, x->s);
	put_time(x, x->start_at);
	drill_text_add(&x->body, "connect(%d, ..., ...) = -1 EINPROGRESS\n",
		       FIRST_FD);
}

static bool is_ours(const struct replay_export *x, bool out,
		    const struct wire_ip *ip, const struct wire_tcp *h)
{
	const struct tern_sockaddr *src = out ? &x->us : &x->peer;
	const struct tern_sockaddr *dst = out ? &x->peer : &x->us;

	return src->port == h->sport && dst->port == h->dport &&
	       tern_addr_equal(&src->addr, &ip->src) &&
	       tern_addr_equal(&dst->addr, &ip->dst);
}

/* The next incarnation of the same addresses and ports is another connection:
 * one that our SYN begins, or the peer's, once we have accepted it. */
static bool is_over(struct replay_export *x, bool out, const struct wire_tcp *h)
{
	if (x->over || !(h->flags & TCP_SYN))
		return x->over;
	if (!(h->flags & TCP_ACK)) {
		if (out) {
			x->over = x->has_iss && h->seq.v != x->iss;
		} else if (x->has_irs && h->seq.v != x->irs) {
			x->has_next = true;
			x->next_irs = h->seq.v;
			x->next_len = x->body.len;
		}
	} else if (out && x->has_next && h->ack.v == x->next_irs + 1) {
		x->over = true;
		x->body.len = x->next_len;
	}
	return x->over;
}

/* SACK edges count from our first number in what comes in, from the peer's in
 * what goes out. */
static void relative_sacks(uint8_t *opts, size_t n, uint32_t from)
{
	size_t i = 0, k;

	while (i < n && opts[i]) {
		size_t len = opts[i] == 1 ? 1 : i + 1 < n ? opts[i + 1] : 0;

		if (!len || len > n - i)
			return;
		for (k = 2; opts[i] == 5 && k + 4 <= len; k += 4)
			put_be32(opts + i + k, get_be32(opts + i + k) - from);
		i += len;
	}
}

static void put_options(struct replay_export *x, bool out, const uint8_t *p,
			const struct wire_tcp *h)
{
	uint8_t opts[40];
	size_t n = h->hdr_len - WIRE_TCP_LEN;
	char line[256];
	struct text t;

	if (!n)
		return;
	memcpy(opts, p + WIRE_TCP_LEN, n);
	relative_sacks(opts, n, out ? x->irs : x->iss);
	text_init(&t, line, sizeof(line));
	wire_print_tcp_opts(&t, opts, n);
	drill_text_add(&x->body, " %s", line);
}

static void put_segment(struct replay_export *x, bool out, const uint8_t *p,
			const struct wire_tcp *h, uint32_t len)
{
	bool syn = h->flags & TCP_SYN;
	uint32_t seq = h->seq.v - (syn ? 0 : out ? x->iss : x->irs);
	uint32_t ack = h->ack.v - (syn && !out ? x->iss :
				   syn	       ? x->irs :
				   out	       ? x->irs :
						 x->iss);
	char flags[16];
	struct text t;

	/* Of a SYN numbers are whole; each side's are made to begin at 0. */
	if (syn)
		seq -= out ? x->iss : x->irs;
	text_init(&t, flags, sizeof(flags));
	wire_print_tcp_flags(&t, h->flags);
	drill_text_add(&x->body, "%s %" PRIu32 ":%" PRIu32 "(%" PRIu32 ")",
		       flags, seq, seq + len, len);
	if (h->flags & TCP_ACK)
		drill_text_add(&x->body, " ack %" PRIu32, ack);
	drill_text_add(&x->body, " win %u", h->window);
	if (h->flags & TCP_URG)
		drill_text_add(&x->body, " urg %u", h->urgent);
	put_options(x, out, p, h);
	drill_text_add(&x->body, "\n");
}

void replay_export_packet(struct replay_export *x, bool out,
			  const struct tern_pkt *pkt, int64_t now)
{
	struct wire_tcp h;
	struct wire_ip ip;
	static const char *const ecn[] = { "[noecn] ", "[ect1] ", "[ect0] ",
					   "[ce] " };
	const uint8_t *p;
	bool begins;

	if (wire_ip_parse(pkt, &ip) != WIRE_IP_OK || ip.is_frag ||
	    ip.protocol != WIRE_PROTO_TCP || pkt->head_len < ip.hdr_len + 20u)
		return;
	p = pkt->data + ip.hdr_len;
	if (!wire_tcp_parse(p, ip.len - ip.hdr_len, &h) ||
	    pkt->head_len < (uint32_t)ip.hdr_len + h.hdr_len)
		return;
	begins = (h.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	if (begins)
		consider(x, out, &ip, &h, now);
	if (!x->found || !is_ours(x, out, &ip, &h) || is_over(x, out, &h))
		return;
	if (h.flags & TCP_SYN && out && !x->has_iss) {
		x->iss = h.seq.v;
		x->has_iss = true;
	} else if (h.flags & TCP_SYN && !out && !x->has_irs) {
		x->irs = h.seq.v;
		x->has_irs = true;
	}
	if (!out && pkt->gso_size)
		x->gso = pkt->gso_size;
	put_time(x, now);
	drill_text_add(&x->body, "%c %s", out ? '>' : '<', ecn[ip.tos & 3]);
	put_segment(x, out, p, &h, ip.len - ip.hdr_len - h.hdr_len);
}

static void put_result(struct drill_text *t, int64_t result)
{
	const char *name = result < 0 ? drill_sym_errno((int)-result) : NULL;

	if (result >= 0)
		drill_text_add(t, " = %" PRId64 "\n", result);
	else
		drill_text_add(t, " = -1 %s\n", name ? name : "EINVAL");
}

/* A script's socket is of one family. */
static bool is_v6only(const struct tern_replay_call *k)
{
	return k->arg[0] == TERN_IPPROTO_IPV6 && k->arg[1] == TERN_IPV6_V6ONLY;
}

/* What a socket is told before there is a connection. */
static void prepare(struct replay_export *x, const struct tern_replay_call *k)
{
	const struct tern_sockaddr *sa = k->in;
	struct drill_text *t = &x->sockets[k->s].lines;
	int32_t v;

	if (!strcmp(k->name, "connect") && k->in_len == sizeof(*sa)) {
		x->sockets[k->s].peer = *sa;
		x->sockets[k->s].connect_at = k->now;
	} else if (k->result) {
		return;
	} else if (!strcmp(k->name, "bind") && k->in_len == sizeof(*sa)) {
		x->sockets[k->s].port = sa->port;
		drill_text_add(t, "+0 bind(%d, ..., ...) = 0\n", FIRST_FD);
	} else if (!strcmp(k->name, "listen")) {
		drill_text_add(t, "+0 listen(%d, %" PRId64 ") = 0\n", FIRST_FD,
			       k->arg[0]);
	} else if (!strcmp(k->name, "setsockopt") && k->in_len == sizeof(v) &&
		   !is_v6only(k)) {
		memcpy(&v, k->in, sizeof(v));
		drill_text_add(t,
			       "+0 setsockopt(%d, %" PRId64 ", %" PRId64
			       ", [%" PRId32 "], 4) = 0\n",
			       FIRST_FD, k->arg[0], k->arg[1], v);
	}
}

static void new_socket(struct replay_export *x, int64_t s)
{
	if (s < 0 || s >= EXPORT_SOCKETS)
		return;
	free(x->sockets[s].lines.s);
	memset(&x->sockets[s], 0, sizeof(x->sockets[s]));
	drill_text_add(&x->sockets[s].lines,
		       "0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) "
		       "= %d\n",
		       FIRST_FD);
}

static void accepted(struct replay_export *x, const struct tern_replay_call *k)
{
	const struct tern_sockaddr *who = k->out;

	if (!x->found || x->over || x->s >= 0 || k->s != x->listener ||
	    k->result < 0 || who->port != x->peer.port ||
	    !tern_addr_equal(&who->addr, &x->peer.addr))
		return;
	x->s = (int)k->result;
	put_time(x, k->now);
	drill_text_add(&x->body, "accept(%d, ..., ...) = %d\n", FIRST_FD,
		       CHILD_FD);
	drill_text_add(&x->body,
		       "+0 fcntl(%d, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n",
		       CHILD_FD);
}

static bool is_linger(const struct tern_replay_call *k)
{
	return !strcmp(k->name, "setsockopt") && k->arg[0] == TERN_SOL_SOCKET &&
	       k->arg[1] == TERN_SO_LINGER &&
	       k->in_len == sizeof(struct tern_linger);
}

static bool is_disconnect(const struct tern_replay_call *k)
{
	const struct tern_sockaddr *to = k->in;

	return k->in_len == sizeof(*to) && to->family == TERN_AF_UNSPEC;
}

/* A call on the connection itself. */
static void live_call(struct replay_export *x, const struct tern_replay_call *k)
{
	static const char *const how[] = { "SHUT_RD", "SHUT_WR", "SHUT_RDWR" };
	int fd = x->is_active ? FIRST_FD : CHILD_FD;
	struct drill_text t = { 0 };
	int64_t result = k->result;
	struct tern_linger linger;
	int32_t v;

	if (!strcmp(k->name, "sendmsg")) {
		drill_text_add(&t, "send(%d, ..., %zu, %" PRId64 ")", fd,
			       k->in_len, k->arg[0]);
	} else if (!strcmp(k->name, "recvmsg")) {
		drill_text_add(&t, "recv(%d, ..., %" PRId64 ", %" PRId64 ")",
			       fd, k->arg[1], k->arg[0]);
	} else if (!strcmp(k->name, "recv_frags")) {
		drill_text_add(&t, "read(%d, ..., %zu)", fd,
			       k->out_len ? k->out_len : 1);
		result = result > 0 ? (int64_t)k->out_len : result;
	} else if (!strcmp(k->name, "shutdown") && k->arg[0] >= 0 &&
		   k->arg[0] <= 2) {
		drill_text_add(&t, "shutdown(%d, %s)", fd, how[k->arg[0]]);
	} else if (!strcmp(k->name, "close")) {
		drill_text_add(&t, "close(%d)", fd);
		x->s = -2; /* the number may be another's next */
	} else if (!strcmp(k->name, "setsockopt") && k->in_len == sizeof(v)) {
		memcpy(&v, k->in, sizeof(v));
		drill_text_add(&t,
			       "setsockopt(%d, %" PRId64 ", %" PRId64
			       ", [%" PRId32 "], 4)",
			       fd, k->arg[0], k->arg[1], v);
	}
	if (!t.s && is_linger(k)) {
		memcpy(&linger, k->in, sizeof(linger));
		drill_text_add(&t,
			       "setsockopt(%d, SOL_SOCKET, SO_LINGER, "
			       "{onoff=%d, linger=%d}, 8)",
			       fd, linger.onoff, linger.linger);
	} else if (!t.s && !strcmp(k->name, "connect")) {
		drill_text_add(&t,
			       is_disconnect(k) ?
				       "connect(%d, AF_UNSPEC, ...)" :
				       "connect(%d, ..., ...)",
			       fd);
	}
	if (t.s) {
		put_time(x, k->now);
		drill_text_add(&x->body, "%s", t.s);
		put_result(&x->body, result);
	}
	free(t.s);
}

static void listener_closed(struct replay_export *x,
			    const struct tern_replay_call *k)
{
	if (strcmp(k->name, "close") != 0)
		return;
	put_time(x, k->now);
	drill_text_add(&x->body, "close(%d)", FIRST_FD);
	put_result(&x->body, k->result);
	x->listener = -1;
}

static void knob(struct replay_export *x, const struct tern_replay_call *k)
{
	const char *name = k->in, *value = name + strlen(name) + 1;
	const struct tern_tunable *t = tern_tunable_find(name);

	if (t && !k->result)
		drill_text_add(&x->knobs, " %s=\"%s\"", t->name, value);
}

void replay_export_call(struct replay_export *x,
			const struct tern_replay_call *k)
{
	if (!strcmp(k->name, "link_add")) {
		x->mtu = (uint32_t)k->arg[0];
		x->instant = k->arg[1] & TERN_LINK_INSTANT;
		return;
	}
	if (!strcmp(k->name, "sysctl_set"))
		knob(x, k);
	else if (!strcmp(k->name, "socket"))
		new_socket(x, k->result);
	else if (!strcmp(k->name, "accept"))
		accepted(x, k);
	else if (k->s < 0 || k->s >= EXPORT_SOCKETS)
		return;
	else if (x->found && k->s == x->s)
		live_call(x, k);
	else if (x->found && k->s == x->listener)
		listener_closed(x, k);
	else
		prepare(x, k);
}

int replay_export_write(struct replay_export *x, const char *record,
			const char *path)
{
	FILE *f;

	if (!x->found)
		return -ENOENT;
	f = fopen(path, "w");
	if (!f)
		return -errno;
	fprintf(f, "// Connection %" PRIu64 " of %s.\n", x->wanted, record);
	fprintf(f, "--tolerance_usecs=10000\n");
	/* A host's loop makes its calls, and then hands packets over. */
	if (!x->instant)
		fprintf(f, "--lazy_link\n");
	if (x->v6)
		fprintf(f, "--ip_version=ipv6\n");
	if (x->mtu)
		fprintf(f, "--mtu=%" PRIu32 "\n", x->mtu);
	if (x->gso)
		fprintf(f, "--mss=%" PRIu32 "\n", x->gso);
	if (x->knobs.s)
		fprintf(f, "`sysctl -q%s`\n", x->knobs.s);
	fwrite(x->body.s, 1, x->body.len, f);
	return ferror(f) | fclose(f) ? -EIO : 0;
}

void replay_export_fini(struct replay_export *x)
{
	int s;

	for (s = 0; s < EXPORT_SOCKETS; s++)
		free(x->sockets[s].lines.s);
	free(x->begun);
	free(x->list.s);
	free(x->knobs.s);
	free(x->body.s);
}
