// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sessions side by side on the kernel: each has ports and a peer's address of
 * its own, and one loop does each one's next step when its time has come. A
 * session costs some seconds, most of them waiting; hundreds cost not much
 * more.
 */
#define _GNU_SOURCE /* strerrorname_np */
#include "timed.h"

#include "lab/drill_kernel.h"
#include "base/bytes.h"
#include "base/time.h"
#include "wire/wire_csum.h"
#include "wire/wire_tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#define HANDSHAKE_RTT (10 * NS_PER_MS)
#define DATA_MAX 200000

typedef struct drill_adapter *new_fn(const struct drill_config *, int64_t now,
				     const char **why);

static const char *stack_init(struct timed_kernel *k, new_fn *make,
			      const struct timed_knobs *knobs)
{
	struct drill_config c;
	const char *why = NULL;
	int i;

	drill_config_init(&c);
	drill_config_finish(&c);
	*k = (struct timed_kernel){ .a = make(&c, 0, &why) };
	for (i = 0; k->a && i < knobs->n; i++)
		k->a->ops->sysctl(k->a, knobs->set[i].name,
				  knobs->set[i].value);
	return why;
}

const char *timed_kernel_init(struct timed_kernel *k,
			      const struct timed_knobs *knobs)
{
	return stack_init(k, drill_kernel_new, knobs);
}

void timed_kernel_fini(struct timed_kernel *k)
{
	k->a->ops->free(k->a);
}

static struct timed_line *add_line(struct timed_session *s,
				   enum timed_what what, int64_t at)
{
	struct timed_log *l = &s->log;

	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->lines = drill_mem_grow(l->lines,
					  (size_t)l->cap * sizeof(*l->lines));
	}
	l->lines[l->n] = (struct timed_line){ .what = what, .at = at };
	return &l->lines[l->n++];
}

__attribute__((format(printf, 4, 5))) static void
add_call(struct timed_session *s, int64_t at, int64_t result, const char *fmt,
	 ...)
{
	struct drill_text t = { 0 };
	va_list args;

	va_start(args, fmt);
	drill_text_vadd(&t, fmt, args);
	va_end(args);
	if (result == -EAGAIN)
		drill_text_add(&t, " = -1 EAGAIN (Resource temporarily "
				   "unavailable)");
	else if (result < 0)
		drill_text_add(&t, " = -1 %s (%s)",
			       strerrorname_np((int)-result),
			       strerror((int)-result));
	else
		drill_text_add(&t, " = %lld", (long long)result);
	add_line(s, TIMED_CALL, at)->call = t.s;
}

static void look(struct timed_kernel *k, struct timed_session *s, int64_t at)
{
	struct tern_tcp_info info;

	if (s->fd < 0 || k->a->ops->tcp_info(k->a, s->fd, &info))
		return;
	add_line(s, TIMED_INFO, at)->info = info;
}

/* --- packets --- */

static void to_live(const struct timed_session *s, struct drill_pkt *p)
{
	uint8_t *o = p->opts;
	unsigned i, k;

	p->seq += s->irs;
	if (p->flags & TCP_ACK)
		p->ack += s->iss;
	for (i = 0; i < p->n_opts && o[i]; i += o[i] == 1 ? 1 : o[i + 1]) {
		if (o[i] == 8 && p->flags & TCP_ACK)
			put_be32(o + i + 6, get_be32(o + i + 6) + s->ts_base);
		for (k = 2; o[i] == 5 && k < o[i + 1]; k += 4)
			put_be32(o + i + k, get_be32(o + i + k) + s->iss);
	}
}

static void send_in(struct timed_kernel *k, struct timed_session *s,
		    const struct drill_pkt *rel)
{
	static unsigned char bytes[DRILL_PKT_MAX];
	struct drill_ends e = { s->ends.dst, s->ends.src, s->ends.dport,
				s->ends.sport };
	struct drill_pkt live = *rel;
	int64_t at = k->a->ops->now(k->a);

	add_line(s, TIMED_PKT, at)->pkt = *rel;
	to_live(s, &live);
	k->a->ops->netdev_send(k->a, bytes, drill_wire_build(&live, &e, bytes),
			       0);
}

static bool same_ends(const struct drill_ends *a, const struct drill_ends *b)
{
	return a->sport == b->sport && a->dport == b->dport &&
	       tern_addr_equal(&a->dst, &b->dst);
}

static struct timed_session *owner(struct timed_session *all, int n,
				   const struct drill_live *live)
{
	int i;

	for (i = 0; i < n; i++)
		if (same_ends(&all[i].ends, &live->ends))
			return &all[i];
	return NULL;
}

static void collect(struct timed_kernel *k, struct timed_session *all, int n)
{
	static unsigned char bytes[DRILL_PKT_MAX];
	struct drill_live live;
	struct timed_session *s;
	struct drill_pkt *p;
	int64_t at;
	size_t len;

	while ((len = k->a->ops->netdev_receive(k->a, bytes, sizeof(bytes),
						&at))) {
		live = (struct drill_live){ 0 };
		drill_wire_read(bytes, len, &live);
		if (live.broken || live.pkt.proto != DRILL_TCP)
			continue;
		s = owner(all, n, &live);
		if (!s)
			continue;
		p = &add_line(s, TIMED_PKT, at)->pkt;
		*p = live.pkt;
		p->has_win = true;
		timed_peer_saw(s, p);
		p->has_ports = p->ip.has_ttl = p->ip.has_flow = false;
		p->ip.tos_check = s->plan->ecn ? DRILL_TOS_ECN : DRILL_TOS_NONE;
		p->ip.tos &= 3;
	}
}

/* --- steps --- */

static void do_write(struct timed_kernel *k, struct timed_session *s,
		     const struct timed_step *t, int64_t at)
{
	static unsigned char zero[DATA_MAX];
	struct iovec iov = { zero, (size_t)t->a };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int64_t n = k->a->ops->sendmsg(k->a, s->fd, &m, t->b | MSG_NOSIGNAL);

	add_call(s, at, n, "send(4, ..., %d, %s)", t->a,
		 t->b & MSG_MORE ? "MSG_MORE|MSG_NOSIGNAL" : "MSG_NOSIGNAL");
}

static void do_read(struct timed_kernel *k, struct timed_session *s,
		    const struct timed_step *t, int64_t at)
{
	static unsigned char data[DATA_MAX];
	struct iovec iov = { data, (size_t)t->a };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int64_t n = k->a->ops->recvmsg(k->a, s->fd, &m, 0);

	add_call(s, at, n, "read(4, ..., %d)", t->a);
}

static void do_opt(struct timed_kernel *k, struct timed_session *s,
		   const struct timed_step *t, int64_t at)
{
	const struct timed_opt *o = &timed_opts[t->a];
	int value = t->b;

	add_call(s, at,
		 k->a->ops->setsockopt(k->a, s->fd, o->level, o->name, &value,
				       sizeof(value)),
		 "setsockopt(4, %s, [%d], 4)", o->text, value);
}

static void do_step(struct timed_kernel *k, struct timed_session *s,
		    const struct timed_step *t)
{
	int64_t at = k->a->ops->now(k->a);
	struct drill_pkt p;

	switch ((enum timed_kind)t->kind) {
	case TIMED_WRITE:
		do_write(k, s, t, at);
		break;
	case TIMED_READ:
		do_read(k, s, t, at);
		break;
	case TIMED_OPT:
		do_opt(k, s, t, at);
		break;
	case TIMED_FIN:
		add_call(s, at, k->a->ops->shutdown(k->a, s->fd, SHUT_WR),
			 "shutdown(4, SHUT_WR)");
		break;
	case TIMED_LOOK:
		break;
	default:
		if (!timed_peer_packet(s, t, at, &p))
			return;
		send_in(k, s, &p);
	}
}

/* --- a session's beginning and end --- */

static void begin(struct timed_kernel *k, const struct timed_plan *plan,
		  struct timed_session *s)
{
	struct drill_adapter *a = k->a;
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int on = 1;

	*s = (struct timed_session){ .plan = plan, .fd = -1 };
	k->nth++;
	s->irs = (uint32_t)plan->seed * 2654435761u;
	s->win = plan->win;
	s->ends.src = tern_addr_v4(192, 168, 0, 1);
	s->ends.dst = tern_addr_v4(192, 0, 2, (uint8_t)(1 + k->nth % 250));
	s->ends.sport = (uint16_t)(2000 + k->nth % 60000);
	s->ends.dport = (uint16_t)(2000 + k->nth / 250 % 60000);
	s->listener = a->ops->socket(a, AF_INET, SOCK_STREAM, 0);
	a->ops->setsockopt(a, s->listener, SOL_SOCKET, SO_REUSEADDR, &on,
			   sizeof(on));
	a->ops->setsockopt(a, s->listener, IPPROTO_TCP, TCP_CONGESTION,
			   plan->cc, (socklen_t)strlen(plan->cc));
	sin.sin_port = htons(s->ends.sport);
	memcpy(&sin.sin_addr, s->ends.src.b + 12, 4);
	a->ops->bind(a, s->listener, (void *)&sin, sizeof(sin));
	a->ops->listen(a, s->listener, 1);
}

static void add_syn(struct timed_kernel *k, struct timed_session *s)
{
	const struct timed_plan *p = s->plan;
	struct drill_pkt syn = { .proto = DRILL_TCP,
				 .in = true,
				 .flags = TCP_SYN,
				 .has_win = true,
				 .win = p->win };
	uint8_t *o = syn.opts;
	unsigned n = 4;

	if (p->ecn)
		syn.flags |= TCP_ECE | TCP_CWR;
	put_be32(o, 0x02040000u | p->mss);
	if (p->sack) {
		put_be32(o + n, 0x01010402);
		n += 4;
	}
	if (p->ts) {
		put_be32(o + n, 0x0101080a);
		put_be32(o + n + 4, 1000);
		put_be32(o + n + 8, 0);
		n += 12;
	}
	if (p->wscale >= 0) {
		put_be32(o + n, 0x01030300u | (uint32_t)p->wscale);
		n += 4;
	}
	syn.n_opts = (uint8_t)n;
	send_in(k, s, &syn);
}

static void accept_it(struct timed_kernel *k, struct timed_session *s,
		      int64_t at)
{
	static const struct timed_step plain = { .kind = TIMED_WIN };
	struct timed_step t = plain;
	struct drill_pkt p;

	t.a = s->plan->win;
	if (timed_peer_packet(s, &t, at, &p))
		send_in(k, s, &p);
	s->fd = k->a->ops->accept(k->a, s->listener, NULL, NULL);
	add_call(s, at, s->fd < 0 ? s->fd : 4, "accept(3, ..., ...)");
	if (s->fd < 0)
		return;
	k->a->ops->fcntl(k->a, s->fd, F_SETFL, O_RDWR | O_NONBLOCK);
	add_call(s, at, 0, "fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK)");
}

static void step(struct timed_kernel *k, struct timed_session *s)
{
	const struct timed_plan *p = s->plan;
	int64_t late = k->a->ops->now(k->a) - s->due_at;

	k->late_ns = late > k->late_ns ? late : k->late_ns;
	if (s->next_step == -2) {
		add_syn(k, s);
		s->due_at += HANDSHAKE_RTT;
	} else if (s->next_step == -1) {
		accept_it(k, s, k->a->ops->now(k->a));
		s->due_at += p->n ? p->steps[0].wait_ns : 0;
	} else {
		do_step(k, s, &p->steps[s->next_step]);
		if (s->next_step + 1 < p->n)
			s->due_at += p->steps[s->next_step + 1].wait_ns;
	}
	s->next_step++;
}

static void end(struct timed_kernel *k, struct timed_session *s)
{
	struct linger linger = { 1, 0 };

	if (s->fd >= 0) {
		k->a->ops->setsockopt(k->a, s->fd, SOL_SOCKET, SO_LINGER,
				      &linger, sizeof(linger));
		k->a->ops->close(k->a, s->fd);
	}
	k->a->ops->close(k->a, s->listener);
	s->fd = s->listener = -1;
	s->ends.sport = 0; /* what still comes is nobody's */
}

/* The one whose step is due first; NULL: all are through. */
static struct timed_session *next(struct timed_session *all, int n)
{
	struct timed_session *first = NULL;
	int i;

	for (i = 0; i < n; i++) {
		if (all[i].next_step >= all[i].plan->n)
			continue;
		if (!first || all[i].due_at < first->due_at)
			first = &all[i];
	}
	return first;
}

void timed_run(struct timed_kernel *k, const struct timed_plan *plans, int n,
	       struct timed_session *sessions)
{
	struct timed_session *s;
	int64_t start;
	int i;

	for (i = 0; i < n; i++)
		begin(k, &plans[i], &sessions[i]);
	start = k->a->ops->now(k->a) + NS_PER_MS;
	for (i = 0; i < n; i++) {
		sessions[i].next_step = -2;
		/* Not all in the same moment. */
		sessions[i].due_at = start + i * (NS_PER_MS * 3 / 2);
	}
	while ((s = next(sessions, n))) {
		while (k->a->ops->now(k->a) < s->due_at) {
			k->a->ops->advance(k->a, s->due_at);
			collect(k, sessions, n);
		}
		collect(k, sessions, n);
		step(k, s);
		collect(k, sessions, n);
		if (s->next_step > 0)
			look(k, s, k->a->ops->now(k->a));
		if (s->next_step >= s->plan->n)
			end(k, s);
	}
}

/* --- no ties --- */

/* The kernel's timers are up to two jiffies late, and an eighth of what is longer
 * than 64 of them; and what they sent has a round trip that is not the shortest. */
static int64_t lateness(int64_t wait)
{
	return 13 * NS_PER_MS + HANDSHAKE_RTT + NS_PER_MS +
	       (wait > 250 * NS_PER_MS ? wait / 8 : 0);
}

/* What comes while the kernel's timer may or may not have fired yet waits until
 * it has, by what tern's would do: else one would be held against the other's
 * jiffies. */
void timed_settle(struct timed_plan *p, const struct timed_knobs *knobs)
{
	struct timed_kernel k;
	struct timed_session s;
	int64_t last = NS_PER_MS, d, till;

	if (stack_init(&k, drill_tern_new, knobs))
		return;
	begin(&k, p, &s);
	s.next_step = -2;
	s.due_at = last;
	while (s.next_step < p->n) {
		d = k.a->ops->deadline(k.a);
		if (d <= s.due_at) {
			k.a->ops->advance(k.a, d);
			collect(&k, &s, 1);
			till = d + lateness(d - last);
			if (d > last && s.due_at < till && s.next_step >= 0) {
				p->steps[s.next_step].wait_ns +=
					till - s.due_at;
				s.due_at = till;
			}
			continue;
		}
		last = s.due_at;
		k.a->ops->advance(k.a, last);
		collect(&k, &s, 1);
		step(&k, &s);
		collect(&k, &s, 1);
	}
	timed_session_fini(&s);
	timed_kernel_fini(&k);
}

void timed_session_fini(struct timed_session *s)
{
	int i;

	for (i = 0; i < s->log.n; i++)
		free(s->log.lines[i].call);
	free(s->log.lines);
	s->log = (struct timed_log){ 0 };
}
