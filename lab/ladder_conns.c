// SPDX-License-Identifier: BSD-2-Clause
/*
 * Each connection keeps its events in an array. If it is full what lies
 * between the first HEAD and the last TAIL goes, so that how it began and how it
 * ended are always there.
 */
#include "ladder_conns.h"

#include "ladder_seen.h"
#include "ladder_trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 400
#define TAIL 600

struct seen {
	struct ladder_event e; /* its text is ours */
	uint64_t number;
};

struct ladder_conn {
	struct tern_sockaddr left, right; /* the left one opened it */
	struct seen *seen;
	int n, cap;
	int n_gone;
	int last_packet; /* among `seen`, or -1 */
	bool is_over;	 /* another SYN begins another connection */
	uint8_t fins;	 /* which lanes have sent one */
	char state[2][16];
	bool told[2]; /* the state is not derived */
	uint8_t protocol;
	struct ladder_seen *segments; /* NULL until one is looked at */
	int64_t first_at;
	uint64_t n_packets, n_bytes;
	uint16_t flags; /* of the last packet, */
	int64_t at;	/* its time, */
	int lane;	/* and who sent it */
};

static bool is_at(const struct tern_sockaddr *a, const struct tern_sockaddr *b)
{
	return a->port == b->port && tern_addr_equal(&a->addr, &b->addr);
}

/* The same for both directions. */
static size_t hash_of(const struct tern_sockaddr *a,
		      const struct tern_sockaddr *b)
{
	uint32_t h[2] = { 2166136261u, 2166136261u };

	for (int i = 0; i < 16; i++) {
		h[0] = (h[0] ^ a->addr.b[i]) * 16777619u;
		h[1] = (h[1] ^ b->addr.b[i]) * 16777619u;
	}
	h[0] = (h[0] ^ a->port) * 16777619u;
	h[1] = (h[1] ^ b->port) * 16777619u;
	return h[0] + h[1];
}

/* Where the index has these two, or would have them. */
static size_t place_of(const struct ladder_conns *lc, uint8_t protocol,
		       const struct tern_sockaddr *a,
		       const struct tern_sockaddr *b)
{
	size_t at = hash_of(a, b);

	for (;; at++) {
		uint32_t i = lc->index[at % lc->n_index];
		const struct ladder_conn *c = &lc->conns[i ? i - 1 : 0];

		if (!i || (c->protocol == protocol &&
			   ((is_at(&c->left, a) && is_at(&c->right, b)) ||
			    (is_at(&c->left, b) && is_at(&c->right, a)))))
			return at % lc->n_index;
	}
}

static int find(const struct ladder_conns *lc, uint8_t protocol,
		const struct tern_sockaddr *a, const struct tern_sockaddr *b)
{
	return lc->n_index ? (int)lc->index[place_of(lc, protocol, a, b)] - 1 :
			     -1;
}

int ladder_conns_find(const struct ladder_conns *lc,
		      const struct tern_sockaddr *a,
		      const struct tern_sockaddr *b)
{
	return find(lc, WIRE_PROTO_TCP, a, b);
}

static void grow(struct ladder_conns *lc)
{
	lc->cap = lc->cap ? 2 * lc->cap : 16;
	lc->conns =
		drill_mem_grow(lc->conns, (size_t)lc->cap * sizeof(*lc->conns));
	lc->n_index = 2 * (size_t)lc->cap;
	free(lc->index);
	lc->index = drill_mem_grow(NULL, lc->n_index * sizeof(*lc->index));
	memset(lc->index, 0, lc->n_index * sizeof(*lc->index));
	for (int i = 0; i < lc->n; i++) {
		const struct ladder_conn *c = &lc->conns[i];

		lc->index[place_of(lc, c->protocol, &c->left, &c->right)] =
			(uint32_t)i + 1;
	}
}

static int begin(struct ladder_conns *lc, uint8_t protocol,
		 const struct tern_sockaddr *left,
		 const struct tern_sockaddr *right)
{
	if (lc->n == lc->cap)
		grow(lc);
	lc->conns[lc->n] = (struct ladder_conn){ .left = *left,
						 .right = *right,
						 .protocol = protocol,
						 .last_packet = -1 };
	lc->index[place_of(lc, protocol, left, right)] = (uint32_t)lc->n + 1;
	return lc->n++;
}

int ladder_conns_open(struct ladder_conns *lc,
		      const struct tern_sockaddr *local,
		      const struct tern_sockaddr *remote)
{
	int i = ladder_conns_find(lc, local, remote);

	return i >= 0 && !lc->conns[i].is_over ?
		       i :
		       begin(lc, WIRE_PROTO_TCP, local, remote);
}

int ladder_conns_by_peer(const struct ladder_conns *lc,
			 const struct tern_sockaddr *peer, uint16_t port,
			 struct tern_sockaddr *local)
{
	for (int i = lc->n - 1; i >= 0; i--) {
		const struct ladder_conn *c = &lc->conns[i];
		bool left = is_at(peer, &c->left);

		if (!left && !is_at(peer, &c->right))
			continue;
		*local = left ? c->right : c->left;
		if (!port || local->port == port)
			return i;
	}
	return -1;
}

static void forget_middle(struct ladder_conn *c)
{
	int n = c->n - HEAD - TAIL;

	for (int i = 0; i < n; i++)
		free((char *)c->seen[HEAD + i].e.text);
	memmove(c->seen + HEAD, c->seen + HEAD + n, TAIL * sizeof(*c->seen));
	c->n -= n;
	c->n_gone += n;
	c->last_packet = c->last_packet < HEAD + n ? -1 : c->last_packet - n;
}

/* Adds it as the i-th of its connection. */
static void put(struct ladder_conns *lc, struct ladder_conn *c, int i,
		const struct ladder_event *e)
{
	if (c->n == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 32;
		c->seen = drill_mem_grow(c->seen,
					 (size_t)c->cap * sizeof(*c->seen));
	}
	memmove(c->seen + i + 1, c->seen + i,
		(size_t)(c->n - i) * sizeof(*c->seen));
	c->seen[i] = (struct seen){ *e, ++lc->n_events };
	c->seen[i].e.at -= lc->begun_at;
	c->n++;
	if (e->kind == LADDER_PACKET)
		c->last_packet = i;
	else if (c->last_packet >= i)
		c->last_packet++;
	if (c->n == HEAD + 2 * TAIL)
		forget_middle(c);
}

void ladder_conns_half_open(struct ladder_conns *lc, int conn)
{
	const struct ladder_conn *c = &lc->conns[conn];

	if ((c->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		ladder_conns_add(lc, conn, c->lane ? &c->right : &c->left,
				 LADDER_STATE,
				 ladder_state_name(TERN_TCP_SYN_RECV), c->at);
}

/* Only one is to be drawn, and it is another. */
static bool is_only_counted(const struct ladder_conns *lc,
			    const struct ladder_conn *c)
{
	return lc->only && c - lc->conns != lc->only - 1;
}

static char *copy(const char *text)
{
	char *s = drill_mem_grow(NULL, strlen(text) + 1);

	strcpy(s, text);
	return s;
}

static struct ladder_event event_of(const struct ladder_conn *c,
				    const struct tern_sockaddr *who,
				    enum ladder_kind kind, int64_t at)
{
	return (struct ladder_event){ .kind = kind,
				      .at = at,
				      .lane = !is_at(who, &c->left) };
}

static void add(struct ladder_conns *lc, struct ladder_conn *c,
		struct ladder_event *e, const char *text)
{
	if (e->kind == LADDER_STATE) {
		if (!strcmp(c->state[e->lane], text))
			return;
		snprintf(c->state[e->lane], sizeof(c->state[0]), "%s", text);
	}
	if (is_only_counted(lc, c))
		return;
	e->text = copy(text);
	put(lc, c, c->n, e);
}

void ladder_conns_add(struct ladder_conns *lc, int conn,
		      const struct tern_sockaddr *who, enum ladder_kind kind,
		      const char *text, int64_t at)
{
	struct ladder_conn *c = &lc->conns[conn];
	struct ladder_event e = event_of(c, who, kind, at);

	if (kind == LADDER_STATE)
		c->told[e.lane] = true;
	add(lc, c, &e, text);
}

void ladder_conns_mark(struct ladder_conns *lc)
{
	lc->mark = lc->n_events;
}

void ladder_conns_call(struct ladder_conns *lc, int conn,
		       const struct tern_sockaddr *who, const char *text,
		       int64_t at)
{
	struct ladder_conn *c = &lc->conns[conn];
	struct ladder_event e = event_of(c, who, LADDER_CALL, at);
	int i = c->n;

	while (i && c->seen[i - 1].number > lc->mark)
		i--;
	e.text = copy(text);
	put(lc, c, i, &e);
}

/* A SYN with a new number, where there is a connection: the other side's
 * first one, if both open it, is the same connection's. */
static bool begins(const struct ladder_conn *c, const struct lab_seg *s)
{
	if ((s->flags & (TCP_SYN | TCP_ACK)) != TCP_SYN || !s->isn_shown)
		return false;
	return c->is_over;
}

static void follow(struct ladder_conn *c, const struct lab_seg *s, int lane)
{
	if (s->flags & TCP_FIN)
		c->fins |= (uint8_t)(1 << lane);
	if (s->flags & TCP_RST || c->fins == 3)
		c->is_over = true;
}

static bool is_icmp(uint8_t protocol)
{
	return protocol == WIRE_PROTO_ICMP || protocol == WIRE_PROTO_ICMPV6;
}

static bool is_syn_ack(const struct lab_seg *s)
{
	return s->protocol == WIRE_PROTO_TCP &&
	       (s->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
}

/* The connection of a packet; -1: it is of none. */
static int conn_of(struct ladder_conns *lc, const struct lab_seg *s,
		   const uint8_t *bytes, uint32_t n)
{
	struct tern_sockaddr src = { 0 }, dst = { 0 };
	struct lab_seg quote;
	int conn;

	src.addr = s->src;
	src.port = s->sport;
	dst.addr = s->dst;
	dst.port = s->dport;
	if (lab_seg_quote(s, bytes, n, &quote)) {
		struct tern_sockaddr a = { quote.src, .port = quote.sport };
		struct tern_sockaddr b = { quote.dst, .port = quote.dport };

		conn = find(lc, quote.protocol, &a, &b);
		if (conn >= 0)
			return conn;
	}
	conn = find(lc, s->protocol, &src, &dst);
	if (conn >= 0 && !begins(&lc->conns[conn], s))
		return conn;
	return is_syn_ack(s) ? begin(lc, s->protocol, &dst, &src) :
			       begin(lc, s->protocol, &src, &dst);
}

/* The lane of a packet's sender. A router's is the side that it is not for. */
static int lane_of(const struct ladder_conn *c, const struct lab_seg *s)
{
	struct tern_sockaddr src = { s->src, .port = s->sport };

	if (is_icmp(s->protocol))
		return tern_addr_equal(&s->dst, &c->left.addr);
	return !is_at(&src, &c->left);
}

static const char *print_packet(const struct ladder_conns *lc,
				const struct ladder_conn *c,
				const struct lab_seg *s, int lane)
{
	const struct tern_sockaddr *who = lane ? &c->right : &c->left;
	char addr[TERN_ADDR_STRLEN];
	struct drill_text t = { 0 };

	lab_seg_print(&t, s, lc->show_ts);
	if (s->isn_shown)
		drill_text_add(&t, " (ISN %u)", s->raw_seq);
	if (is_icmp(s->protocol) && !tern_addr_equal(&s->src, &who->addr))
		drill_text_add(&t, " from %s", tern_addr_print(&s->src, addr));
	return t.s;
}

/* What the segment makes of both ends. */
static void derive(struct ladder_conns *lc, struct ladder_conn *c, int64_t at)
{
	for (int lane = 0; lane < 2; lane++) {
		struct ladder_event e = { .kind = LADDER_STATE,
					  .at = at,
					  .lane = lane };
		int state = c->segments->sides[lane].state;

		if (lc->here && is_at(lc->here, lane ? &c->right : &c->left))
			c->told[lane] = true;
		if (!c->told[lane] && state)
			add(lc, c, &e, ladder_state_name(state));
	}
}

static const char *look_at(struct ladder_conn *c, const struct lab_seg *s,
			   int lane)
{
	if (!c->segments) {
		c->segments = drill_mem_grow(NULL, sizeof(*c->segments));
		*c->segments = (struct ladder_seen){ 0 };
	}
	return ladder_seen_segment(c->segments, s, lane);
}

int ladder_conns_packet(struct ladder_conns *lc, const uint8_t *bytes,
			uint32_t n, int64_t at)
{
	struct ladder_event e = { .kind = LADDER_PACKET, .at = at };
	struct ladder_conn *c;
	struct lab_seg s;
	bool is_tcp;
	int conn;

	if (!lab_seg_parse(&s, bytes, n))
		return -1;
	is_tcp = s.protocol == WIRE_PROTO_TCP && s.tcp_hdr;
	if (!is_tcp && !lc->all)
		return -1;
	if (is_tcp)
		lab_seg_relate(&s, &lc->flows);
	conn = conn_of(lc, &s, bytes, n);
	c = &lc->conns[conn];
	e.lane = lane_of(c, &s);
	e.to = !e.lane;
	if (!c->n_packets++)
		c->first_at = at;
	c->n_bytes += s.len;
	if (is_tcp && lc->derive)
		e.note = look_at(c, &s, e.lane);
	if (!is_only_counted(lc, c)) {
		e.text = print_packet(lc, c, &s, e.lane);
		put(lc, c, c->n, &e);
	}
	c->at = at;
	if (!is_tcp)
		return conn;
	if (lc->derive)
		derive(lc, c, at);
	follow(c, &s, e.lane);
	c->flags = s.flags;
	c->lane = e.lane;
	return conn;
}

void ladder_conns_note(struct ladder_conns *lc, int conn, const char *note)
{
	struct ladder_conn *c = &lc->conns[conn];

	if (c->last_packet >= 0)
		c->seen[c->last_packet].e.note = note;
}

static void put_name(char *out, size_t size, const struct tern_sockaddr *a)
{
	char addr[TERN_ADDR_STRLEN];

	tern_addr_print(&a->addr, addr);
	snprintf(out, size, strchr(addr, ':') ? "[%s]:%u" : "%s:%u", addr,
		 a->port);
}

/* Its events as the ladder wants them; returns how many. */
static int gather(const struct ladder_conn *c, struct ladder_event *out,
		  char gone[64])
{
	int n = 0;

	for (int i = 0; i < c->n; i++) {
		if (c->n_gone && i == HEAD) {
			out[n] = (struct ladder_event){ .kind = LADDER_NOTE,
							.at = c->seen[i].e.at,
							.text = gone };
			n++;
			snprintf(gone, 64, "%d events are not drawn",
				 c->n_gone);
		}
		out[n] = c->seen[i].e;
		/* Seen at one place: it arrives as it leaves. */
		out[n].arrives_at = out[n].at;
		out[n].arrives_before = n + 1;
		n++;
	}
	return n;
}

void ladder_conns_events(const struct ladder_conns *lc, int conn,
			 struct ladder_drawn *out)
{
	struct ladder_conn *c = &lc->conns[conn];

	put_name(out->lanes[0], sizeof(out->lanes[0]), &c->left);
	put_name(out->lanes[1], sizeof(out->lanes[1]), &c->right);
	if (c->n > HEAD + TAIL)
		forget_middle(c);
	out->events =
		drill_mem_grow(NULL, ((size_t)c->n + 2) * sizeof(*out->events));
	out->n = gather(c, out->events, out->gone);
}

void ladder_conns_info(const struct ladder_conns *lc, int conn,
		       struct ladder_conn_info *out)
{
	const struct ladder_conn *c = &lc->conns[conn];

	*out = (struct ladder_conn_info){
		.left = c->left,
		.right = c->right,
		.protocol = c->protocol,
		.first_at = c->first_at - lc->begun_at,
		.last_at = c->at - lc->begun_at,
		.n_packets = c->n_packets,
		.n_bytes = c->n_bytes,
		.states = { c->state[0], c->state[1] },
	};
}

const char *ladder_protocol_name(uint8_t protocol)
{
	return protocol == WIRE_PROTO_TCP ? "TCP" :
	       protocol == WIRE_PROTO_UDP ? "UDP" :
	       is_icmp(protocol)	  ? "ICMP" :
					    "IP";
}

void ladder_conns_draw(const struct ladder_conns *lc, int conn,
		       const struct ladder_style *style, struct drill_text *t)
{
	struct ladder_style s = *style;
	struct ladder_drawn drawn;
	const char *const lanes[] = { drawn.lanes[0], drawn.lanes[1] };

	ladder_conns_events(lc, conn, &drawn);
	s.lanes = lanes;
	s.n_lanes = 2;
	s.one_clock = true;
	drill_text_add(t, "connection %d: ", conn + 1);
	if (lc->conns[conn].protocol != WIRE_PROTO_TCP)
		drill_text_add(t, "%s ",
			       ladder_protocol_name(lc->conns[conn].protocol));
	drill_text_add(t, "%s > %s\n", lanes[0], lanes[1]);
	ladder_draw(t, drawn.events, drawn.n, &s);
	free(drawn.events);
}

void ladder_conns_fini(struct ladder_conns *lc)
{
	for (int i = 0; i < lc->n; i++) {
		for (int k = 0; k < lc->conns[i].n; k++)
			free((char *)lc->conns[i].seen[k].e.text);
		free(lc->conns[i].seen);
		free(lc->conns[i].segments);
	}
	free(lc->conns);
	free(lc->index);
	lab_flows_fini(&lc->flows);
	*lc = (struct ladder_conns){ 0 };
}
