// SPDX-License-Identifier: BSD-2-Clause
/*
 * One stack of the two. Sockets are reached through the lab's adapters, which
 * have the same shape for the kernel and for tern; the peer is played here.
 *
 * Relative numbers: those of the peer from its SYN, those of the stack from the
 * stack's. Before the stack has sent one, a fixed number stands for it.
 */
#define _GNU_SOURCE /* POLLRDHUP */
#include "diff.h"

#include "base/bytes.h"
#include "lab/drill_kernel.h"
#include "wire/wire_csum.h"
#include "wire/wire_tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/sockios.h>

#define NO_ISS 7000000u /* acknowledged before there is anything */
#define TS_BASE 1000u

struct drill_adapter *diff_adapter_new(bool kernel, bool v6, const char **why)
{
	/* Without limiters, which would hide what they limit, and with what
   * both have: one controller, fixed buffers. */
	static const char *const knobs[][2] = {
		{ "tcp_invalid_ratelimit", "0" },
		{ "tcp_congestion_control", "reno" },
		{ "tcp_ecn", "0" },
		{ "tcp_fastopen", "0" },
		{ "tcp_no_metrics_save", "1" },
		{ "tcp_moderate_rcvbuf", "0" },
		{ "tcp_mtu_probing", "0" },
		{ "tcp_timestamps", "1" },
		{ "tcp_comp_sack_nr", "0" },
		{ "tcp_rmem", "4096 131072 6291456" },
		{ "tcp_wmem", "4096 16384 4194304" },
	};
	struct drill_adapter *a;
	struct drill_config c;
	size_t i;

	drill_config_init(&c);
	if (v6)
		c.ip_version = DRILL_IPV6;
	drill_config_finish(&c);
	a = kernel ? drill_kernel_new(&c, 0, why) : drill_tern_new(&c, 0, why);
	for (i = 0; a && i < ARRAY_LEN(knobs); i++)
		a->ops->sysctl(a, knobs[i][0], knobs[i][1]);
	return a;
}

union address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t address(const struct diff_side *d, const struct tern_addr *a,
			 uint16_t port, union address *out)
{
	memset(out, 0, sizeof(*out));
	if (d->v6) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons(port);
		memcpy(&out->v6.sin6_addr, a->b, 16);
		return sizeof(out->v6);
	}
	out->v4.sin_family = AF_INET;
	out->v4.sin_port = htons(port);
	memcpy(&out->v4.sin_addr, a->b + 12, 4);
	return sizeof(out->v4);
}

static int connect_to(struct diff_side *d, int fd, bool unspec)
{
	union address to;
	socklen_t len = address(d, &d->ends.remote, d->ends.rport, &to);

	if (unspec)
		to.sa.sa_family = AF_UNSPEC;
	return d->a->ops->connect(d->a, fd, &to.sa, len);
}

/* fd3d:0a0b:17d6::1 and fd3d:fa7b:d17d::, as the lab has them. */
static const struct tern_addr v6_local = { { 0xfd, 0x3d, 0x0a, 0x0b, 0x17,
					     0xd6, [15] = 1 } };
static const struct tern_addr v6_remote = { { 0xfd, 0x3d, 0xfa, 0x7b, 0xd1,
					      0x7d } };

/* Ports that no plan had for long: the kernel remembers. */
void diff_begin(struct diff_side *d, const struct diff_plan *p, uint32_t nth)
{
	struct drill_adapter *a = d->a;
	union address at;
	socklen_t len;
	int on = 1, i;

	for (i = 0; i < DIFF_SLOTS; i++)
		d->fd[i] = -1;
	d->ends.local = tern_addr_v4(192, 168, 0, 1);
	d->ends.remote = tern_addr_v4(192, 0, 2, (uint8_t)(1 + nth % 200));
	if (d->v6) {
		d->ends.local = v6_local;
		d->ends.remote = v6_remote;
		d->ends.remote.b[15] = (uint8_t)(1 + nth % 200);
	}
	d->ends.lport = (uint16_t)(2000 + nth % 60000);
	d->ends.rport = (uint16_t)(2000 + nth / 200 % 60000);
	d->irs = p->irs;
	d->iss = NO_ISS;
	d->has_iss = d->has_edge = d->has_ts = d->ws_offered = false;
	d->ws_in = p->opts & DIFF_OPT_WS ? 7 : 0;
	d->ws_out = 0;
	d->nxt = d->sent = 0;
	d->edge = 0;
	d->snt = d->una = 0;
	d->ts_next = TS_BASE;
	d->ts_seen = d->ts_first = 0;
	d->written = 0;
	d->fd[0] = a->ops->socket(a, d->v6 ? AF_INET6 : AF_INET,
				  SOCK_STREAM | SOCK_NONBLOCK, 0);
	a->ops->setsockopt(a, d->fd[0], SOL_SOCKET, SO_REUSEADDR, &on,
			   sizeof(on));
	if (p->rcvbuf)
		a->ops->setsockopt(a, d->fd[0], SOL_SOCKET, SO_RCVBUF,
				   &p->rcvbuf, sizeof(p->rcvbuf));
	on = p->defer;
	if (p->defer)
		a->ops->setsockopt(a, d->fd[0], IPPROTO_TCP, TCP_DEFER_ACCEPT,
				   &on, sizeof(on));
	len = address(d, &d->ends.local, d->ends.lport, &at);
	a->ops->bind(a, d->fd[0], &at.sa, len);
	if (p->active)
		connect_to(d, d->fd[0], false);
	else
		a->ops->listen(a, d->fd[0], p->backlog);
}

static uint8_t byte_at(uint32_t seed, uint32_t i)
{
	return (uint8_t)((seed + i) * 2654435761u >> 24);
}

static uint32_t hash(const unsigned char *p, size_t n)
{
	uint32_t h = 2166136261u;

	while (n--)
		h = (h ^ *p++) * 16777619u;
	return h;
}

/* The stack's timestamp value is put aside, SACK blocks become relative. */
static void normalise(struct diff_side *d, struct diff_pkt *out)
{
	uint8_t *o = out->pkt.opts;
	unsigned i, k, n = out->pkt.n_opts;

	for (i = 0; i < n && o[i]; i += o[i] == 1 ? 1 : o[i + 1]) {
		if (o[i] == 1)
			continue;
		if (i + 2 > n || o[i + 1] < 2 || i + o[i + 1] > n)
			return;
		if (o[i] == 8) {
			out->ts_val = get_be32(o + i + 2);
			put_be32(o + i + 2, 0);
			if (!d->has_ts)
				d->ts_first = out->ts_val;
			d->has_ts = true;
			d->ts_seen = out->ts_val;
			out->ts_val -= d->ts_first;
		} else if (o[i] == 3) {
			if (out->pkt.flags & TCP_SYN)
				d->ws_out = o[i + 2];
			d->ws_offered = true;
		} else if (o[i] == 5) {
			for (k = 2; k + 4 <= o[i + 1]; k += 4)
				put_be32(o + i + k,
					 get_be32(o + i + k) - d->irs);
		}
	}
}

static void learn(struct diff_side *d, const struct drill_pkt *p, bool zero)
{
	uint32_t end, scale = 0;

	if (!zero) {
		end = p->seq + p->len + !!(p->flags & TCP_SYN) +
		      !!(p->flags & TCP_FIN);
		if (!(p->flags & TCP_RST) && (int32_t)(end - d->snt) > 0)
			d->snt = end;
	}
	if (!(p->flags & TCP_ACK) || p->flags & TCP_RST)
		return;
	if (!(p->flags & TCP_SYN) && d->ws_offered && d->ws_in)
		scale = d->ws_out;
	d->nxt = p->ack;
	d->edge = p->ack + ((uint32_t)p->win << scale);
	d->has_edge = true;
}

/* False: of another plan. */
static bool look(struct diff_side *d, const unsigned char *bytes, size_t n,
		 struct diff_pkt *out)
{
	struct drill_live live = { 0 };
	uint32_t again = 0;
	struct drill_pkt *p = &out->pkt;

	drill_wire_read(bytes, n, &live);
	if (live.broken || p->proto != DRILL_TCP ||
	    live.ends.sport != d->ends.lport ||
	    live.ends.dport != d->ends.rport)
		return false;
	*p = live.pkt;
	out->broken = live.bad_csum || live.bad_ip_csum;
	out->hash = hash(bytes + n - p->len, p->len);
	if (p->flags & TCP_SYN) {
		if (d->has_iss && p->seq - d->iss == d->snt + 65537)
			again = p->seq - d->iss;
		d->iss = p->seq;
		d->has_iss = true;
		d->snt = 0;
	}
	out->is_zero = p->flags & TCP_RST && !p->seq;
	p->seq = out->is_zero ? 0 : p->seq - d->iss;
	if (p->flags & TCP_ACK)
		p->ack -= d->irs;
	normalise(d, out);
	learn(d, p, out->is_zero);
	/* After TIME_WAIT: told from the old one, as it follows from it. */
	p->seq += again;
	return true;
}

static void collect(struct diff_side *d, struct diff_out *out)
{
	static unsigned char bytes[DRILL_PKT_MAX];
	struct diff_pkt spare;
	int64_t at;
	size_t n;

	while ((n = d->a->ops->netdev_receive(d->a, bytes, sizeof(bytes),
					      &at))) {
		struct diff_pkt *p = out->n_pkts < DIFF_PKTS ?
					     &out->pkts[out->n_pkts] :
					     &spare;

		memset(p, 0, sizeof(*p));
		if (look(d, bytes, n, p) && p != &spare)
			out->n_pkts++;
	}
}

static uint32_t seq_of_step(const struct diff_side *d,
			    const struct diff_step *s)
{
	uint32_t base = d->sent;

	switch ((enum diff_seq_ref)s->seq_ref) {
	case DIFF_SEQ_NXT:
		base = d->has_edge ? d->nxt : d->sent;
		break;
	case DIFF_SEQ_EDGE:
		base = d->has_edge ? d->edge : d->sent;
		break;
	case DIFF_SEQ_ISS:
		base = 0;
		break;
	case DIFF_SEQ_SENT:
	case DIFF_N_SEQ_REFS:
		break;
	}
	return base + (uint32_t)s->seq_off;
}

static uint32_t ack_of_step(const struct diff_side *d,
			    const struct diff_step *s)
{
	uint32_t base = s->ack_ref == DIFF_ACK_SENT ? d->snt :
			s->ack_ref == DIFF_ACK_UNA  ? d->una :
						      0;

	return base + (uint32_t)s->ack_off;
}

static void put_ts(struct diff_side *d, const struct diff_step *s, uint8_t *o)
{
	uint32_t val = d->ts_next, ecr = d->ts_seen;

	if (s->ts == DIFF_TS_SAME)
		val -= 1;
	else if (s->ts == DIFF_TS_OLD)
		val -= 500;
	else if (s->ts == DIFF_TS_FAR)
		val ^= 0x80000000;
	else
		d->ts_next++;
	if (s->ts == DIFF_TS_BAD_ECR)
		ecr += 1000000;
	if (!(s->flags & TCP_ACK))
		ecr = 0;
	o[0] = 8;
	o[1] = 10;
	put_be32(o + 2, val);
	put_be32(o + 6, ecr);
}

/* In the order in which Linux writes them. */
static void put_opts(struct diff_side *d, const struct diff_plan *plan,
		     const struct diff_step *s, struct drill_pkt *p)
{
	uint8_t *o = p->opts;
	int i, n = 0;

	if (s->opts & DIFF_OPT_MSS && plan->mss) {
		put_be32(o, 0x02040000u | plan->mss);
		n += 4;
	}
	if (s->opts & DIFF_OPT_SACK) {
		put_be32(o + n, 0x01010402);
		n += 4;
	}
	if (s->ts && (!(s->flags & TCP_SYN) || s->opts & DIFF_OPT_TS)) {
		o[n] = o[n + 1] = 1;
		put_ts(d, s, o + n + 2);
		n += 12;
	}
	if (s->opts & DIFF_OPT_WS) {
		put_be32(o + n, 0x01030307);
		n += 4;
	}
	if (s->n_sack && !(s->flags & TCP_SYN)) {
		put_be32(o + n, 0x01010500u | (uint32_t)(2 + 8 * s->n_sack));
		n += 4;
		for (i = 0; i < 2 * s->n_sack; i++, n += 4)
			put_be32(o + n, d->una + (uint32_t)s->sack[i]);
	}
	p->n_opts = (uint8_t)n;
}

static void to_live(const struct diff_side *d, struct drill_pkt *p)
{
	uint8_t *o = p->opts;
	unsigned i, k;

	p->seq += d->irs;
	if (p->flags & TCP_ACK || p->ack)
		p->ack += d->iss;
	for (i = 0; i < p->n_opts; i += o[i] == 1 ? 1 : o[i + 1])
		if (o[i] == 5)
			for (k = 2; k < o[i + 1]; k += 4)
				put_be32(o + i + k,
					 get_be32(o + i + k) + d->iss);
}

/* Payload is a function of its sequence number, most of the time. */
static size_t build(const struct diff_side *d, const struct drill_pkt *rel,
		    unsigned char *bytes)
{
	struct drill_ends e = { d->ends.remote, d->ends.local, d->ends.rport,
				d->ends.lport };
	struct drill_pkt live = *rel;
	size_t n, ip = d->v6 ? 40 : 20;
	unsigned char *tcp = bytes + ip;
	uint32_t i;

	to_live(d, &live);
	n = drill_wire_build(&live, &e, bytes);
	for (i = 0; i < rel->len; i++)
		bytes[n - rel->len + i] = byte_at(rel->seq, i);
	put_be16(tcp + 16, 0);
	put_be16(tcp + 16,
		 csum_fold(csum_add(csum_pseudo(&e.src, &e.dst, IPPROTO_TCP,
						(uint32_t)(n - ip)),
				    tcp, n - ip)));
	return n;
}

static int64_t do_segment(struct diff_side *d, const struct diff_plan *plan,
			  const struct diff_step *s, struct diff_out *out)
{
	static unsigned char bytes[DRILL_PKT_MAX];
	struct drill_pkt *p = &out->sent;
	uint32_t end;

	*p = (struct drill_pkt){ .proto = DRILL_TCP,
				 .in = true,
				 .flags = s->flags,
				 .len = s->len,
				 .has_win = true,
				 .win = s->win,
				 .urg = s->flags & TCP_URG ? s->urg : 0 };
	p->seq = seq_of_step(d, s);
	p->ack = s->flags & TCP_ACK ? ack_of_step(d, s) : 0;
	put_opts(d, plan, s, p);
	end = p->seq + p->len + !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN);
	if (!(s->flags & TCP_RST) && (int32_t)(end - d->sent) > 0 &&
	    end - d->sent < 200000)
		d->sent = end;
	if (s->flags & TCP_ACK && p->ack - d->una <= d->snt - d->una)
		d->una = p->ack;
	return d->a->ops->netdev_send(d->a, bytes, build(d, p, bytes), 0);
}

static int64_t do_icmp(struct diff_side *d, const struct diff_step *s,
		       struct diff_out *out)
{
	static unsigned char bytes[DRILL_PKT_MAX];
	const struct diff_error *e = &diff_errors[s->arg];
	struct drill_ends from = { .src = d->ends.remote,
				   .dst = d->ends.local };
	struct drill_quoted q = {
		.ends = { d->ends.local, d->ends.remote, d->ends.lport,
			  d->ends.rport },
		.protocol = IPPROTO_TCP,
		.seq = ack_of_step(d, s) + d->iss,
		.len = 100,
	};
	struct drill_pkt *p = &out->sent;

	*p = (struct drill_pkt){
		.proto = DRILL_ICMP,
		.in = true,
		.type = d->v6 ? e->type6 : e->type4,
		.code = d->v6 ? e->code6 : e->code4,
		.quote = DRILL_QUOTE_TCP,
		.seq = ack_of_step(d, s),
		.len = 100,
	};
	return d->a->ops->netdev_send(
		d->a, bytes, drill_wire_build_icmp(p, &from, &q, bytes), 0);
}

static int64_t do_send(struct diff_side *d, int fd, const struct diff_step *s)
{
	static unsigned char data[DIFF_DATA];
	struct iovec iov = { data, (size_t)s->arg };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int64_t n;
	int32_t i;

	for (i = 0; i < s->arg; i++)
		data[i] = byte_at(d->written, (uint32_t)i);
	n = d->a->ops->sendmsg(d->a, fd, &m, s->arg2 | MSG_NOSIGNAL);
	if (n > 0)
		d->written += (uint32_t)n;
	return n;
}

static int64_t do_recv(struct diff_side *d, int fd, const struct diff_step *s,
		       struct diff_out *out)
{
	static unsigned char data[DIFF_DATA];
	struct iovec iov = { data, (size_t)s->arg };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int64_t n;

	n = d->a->ops->recvmsg(d->a, fd, &m, s->arg2);
	if (n > 0 && !(s->arg2 & MSG_TRUNC))
		out->hash = hash(data, (size_t)n);
	return n;
}

static int do_accept(struct diff_side *d)
{
	int i, fd = d->a->ops->accept(d->a, d->fd[0], NULL, NULL);

	if (fd < 0)
		return fd;
	d->a->ops->fcntl(d->a, fd, F_SETFL, O_RDWR | O_NONBLOCK);
	for (i = 1; i < DIFF_SLOTS; i++) {
		if (d->fd[i] < 0) {
			d->fd[i] = fd;
			return i;
		}
	}
	d->a->ops->close(d->a, fd);
	return DIFF_SLOTS;
}

static int do_setopt(struct diff_side *d, int fd, const struct diff_step *s)
{
	const struct diff_opt *o = &diff_opts[s->arg];
	struct linger linger = { s->arg2 >= 0, s->arg2 & 1 };
	int value = s->arg2;

	if (o->name == SO_LINGER && o->level == SOL_SOCKET)
		return d->a->ops->setsockopt(d->a, fd, o->level, o->name,
					     &linger, sizeof(linger));
	return d->a->ops->setsockopt(d->a, fd, o->level, o->name, &value,
				     sizeof(value));
}

static int do_geterr(struct diff_side *d, int fd)
{
	int error = 0, result;
	socklen_t len = sizeof(error);

	result = d->a->ops->getsockopt(d->a, fd, SOL_SOCKET, SO_ERROR, &error,
				       &len);
	return result ? result : error;
}

static int64_t do_call(struct diff_side *d, const struct diff_step *s,
		       struct diff_out *out)
{
	int fd = d->fd[s->slot], value = -1, result;

	if (fd < 0)
		return -EBADF;
	switch ((enum diff_kind)s->kind) {
	case DIFF_ACCEPT:
		return do_accept(d);
	case DIFF_SEND:
		return do_send(d, fd, s);
	case DIFF_RECV:
		return do_recv(d, fd, s, out);
	case DIFF_SHUTDOWN:
		return d->a->ops->shutdown(d->a, fd, s->arg);
	case DIFF_CLOSE:
		d->fd[s->slot] = -1;
		return d->a->ops->close(d->a, fd);
	case DIFF_SETOPT:
		return do_setopt(d, fd, s);
	case DIFF_GETERR:
		return do_geterr(d, fd);
	case DIFF_CONNECT:
		return connect_to(d, fd, s->arg);
	case DIFF_LISTEN:
		return d->a->ops->listen(d->a, fd, s->arg);
	case DIFF_ATMARK:
		result = d->a->ops->ioctl(d->a, fd, SIOCATMARK, &value);
		return result < 0 ? result : value;
	case DIFF_SEG:
	case DIFF_ICMP:
	case DIFF_N_KINDS:
		break;
	}
	return -ENOSYS;
}

/* What can be asked of a socket, after every step. */
static void ask(struct diff_side *d, struct diff_out *out)
{
	struct pollfd p = { .events = POLLIN | POLLPRI | POLLOUT | POLLRDHUP |
				      POLLRDNORM | POLLRDBAND | POLLWRNORM |
				      POLLWRBAND };
	uint32_t meminfo[9];
	socklen_t len;
	int i;

	for (i = 0; i < DIFF_SLOTS; i++) {
		out->mem[i] = out->fwd[i] = 0;
		out->inq[i] = out->outq[i] = 0;
		out->ready[i] = 0;
		out->has_info[i] = false;
		if (d->fd[i] < 0)
			continue;
		p.fd = d->fd[i];
		p.revents = 0;
		d->a->ops->poll(d->a, &p, 1);
		out->ready[i] = (uint16_t)p.revents;
		out->has_info[i] =
			!d->a->ops->tcp_info(d->a, d->fd[i], &out->info[i]);
		if (out->has_info[i] && out->info[i].state == TERN_TCP_LISTEN)
			continue;
		len = sizeof(meminfo);
		if (!d->a->ops->getsockopt(d->a, d->fd[i], SOL_SOCKET,
					   SO_MEMINFO, meminfo, &len)) {
			out->mem[i] = meminfo[0];
			out->fwd[i] = meminfo[4];
		}
		d->a->ops->ioctl(d->a, d->fd[i], SIOCINQ, &out->inq[i]);
		d->a->ops->ioctl(d->a, d->fd[i], SIOCOUTQ, &out->outq[i]);
	}
}

void diff_step(struct diff_side *d, const struct diff_plan *plan,
	       const struct diff_step *s, int64_t now, struct diff_out *out)
{
	out->n_pkts = 0;
	out->result = 0;
	out->hash = 0;
	if (!d->is_kernel)
		d->a->ops->advance(d->a, now);
	if (!s)
		out->result = 0; /* what the beginning led to */
	else if (s->kind == DIFF_SEG)
		out->result = do_segment(d, plan, s, out);
	else if (s->kind == DIFF_ICMP)
		out->result = do_icmp(d, s, out);
	else
		out->result = do_call(d, s, out);
	collect(d, out);
	ask(d, out);
}

void diff_end(struct diff_side *d, const struct diff_plan *plan)
{
	struct diff_step rst = { .kind = DIFF_SEG,
				 .flags = TCP_RST,
				 .seq_ref = DIFF_SEQ_NXT };
	struct linger linger = { 1, 0 };
	static struct diff_out out;
	int i;

	out.n_pkts = 0;
	do_segment(d, plan, &rst, &out);
	for (i = DIFF_SLOTS - 1; i >= 0; i--) {
		if (d->fd[i] < 0)
			continue;
		d->a->ops->setsockopt(d->a, d->fd[i], SOL_SOCKET, SO_LINGER,
				      &linger, sizeof(linger));
		d->a->ops->close(d->a, d->fd[i]);
	}
	do_segment(d, plan, &rst, &out);
	collect(d, &out);
	if (!d->is_kernel)
		d->a->ops->free(d->a);
}
