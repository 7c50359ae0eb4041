// SPDX-License-Identifier: BSD-2-Clause
/*
 * Each connection keeps its events in an array. If it is full what lies
 * between the first HEAD and the last TAIL goes, so that how it began and how it
 * ended are always there.
 */
#include "ladder_conns.h"

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
static size_t place_of(const struct ladder_conns *lc,
		       const struct tern_sockaddr *a,
		       const struct tern_sockaddr *b)
{
	size_t at = hash_of(a, b);

	for (;; at++) {
		uint32_t i = lc->index[at % lc->n_index];
		const struct ladder_conn *c = &lc->conns[i ? i - 1 : 0];

		if (!i || (is_at(&c->left, a) && is_at(&c->right, b)) ||
		    (is_at(&c->left, b) && is_at(&c->right, a)))
			return at % lc->n_index;
	}
}

int ladder_conns_find(const struct ladder_conns *lc,
		      const struct tern_sockaddr *a,
		      const struct tern_sockaddr *b)
{
	return lc->n_index ? (int)lc->index[place_of(lc, a, b)] - 1 : -1;
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

		lc->index[place_of(lc, &c->left, &c->right)] = (uint32_t)i + 1;
	}
}

static int begin(struct ladder_conns *lc, const struct tern_sockaddr *left,
		 const struct tern_sockaddr *right)
{
	if (lc->n == lc->cap)
		grow(lc);
	lc->conns[lc->n] = (struct ladder_conn){ .left = *left,
						 .right = *right,
						 .last_packet = -1 };
	lc->index[place_of(lc, left, right)] = (uint32_t)lc->n + 1;
	return lc->n++;
}

int ladder_conns_open(struct ladder_conns *lc,
		      const struct tern_sockaddr *local,
		      const struct tern_sockaddr *remote)
{
	int i = ladder_conns_find(lc, local, remote);

	return i >= 0 && !lc->conns[i].is_over ? i : begin(lc, local, remote);
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

void ladder_conns_add(struct ladder_conns *lc, int conn,
		      const struct tern_sockaddr *who, enum ladder_kind kind,
		      const char *text, int64_t at)
{
	struct ladder_conn *c = &lc->conns[conn];
	struct ladder_event e = event_of(c, who, kind, at);

	if (kind == LADDER_STATE) {
		if (!strcmp(c->state[e.lane], text))
			return;
		snprintf(c->state[e.lane], sizeof(c->state[0]), "%s", text);
	}
	e.text = copy(text);
	put(lc, c, c->n, &e);
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

int ladder_conns_packet(struct ladder_conns *lc, const uint8_t *bytes,
			uint32_t n, int64_t at)
{
	struct tern_sockaddr src = { 0 }, dst = { 0 };
	struct drill_text t = { 0 };
	struct ladder_event e;
	struct ladder_conn *c;
	struct lab_seg s;
	int conn;

	if (!lab_seg_parse(&s, bytes, n) || s.protocol != WIRE_PROTO_TCP ||
	    !s.tcp_hdr)
		return -1;
	lab_seg_relate(&s, &lc->flows);
	src.addr = s.src;
	src.port = s.sport;
	dst.addr = s.dst;
	dst.port = s.dport;
	conn = ladder_conns_find(lc, &src, &dst);
	if (conn < 0 || begins(&lc->conns[conn], &s))
		conn = (s.flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) ?
			       begin(lc, &dst, &src) :
			       begin(lc, &src, &dst);
	c = &lc->conns[conn];
	e = event_of(c, &src, LADDER_PACKET, at);
	e.to = !e.lane;
	lab_seg_print(&t, &s, lc->show_ts);
	if (s.isn_shown)
		drill_text_add(&t, " (ISN %u)", s.raw_seq);
	e.text = t.s;
	put(lc, c, c->n, &e);
	follow(c, &s, e.lane);
	c->flags = s.flags;
	c->at = at;
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

void ladder_conns_draw(const struct ladder_conns *lc, int conn,
		       const struct ladder_style *style, struct drill_text *t)
{
	struct ladder_conn *c = &lc->conns[conn];
	const char *lanes[2];
	struct ladder_style s = *style;
	struct ladder_event *events;
	char names[2][80], gone[64];

	put_name(names[0], sizeof(names[0]), &c->left);
	put_name(names[1], sizeof(names[1]), &c->right);
	lanes[0] = names[0];
	lanes[1] = names[1];
	s.lanes = lanes;
	s.n_lanes = 2;
	s.one_clock = true;
	if (c->n > HEAD + TAIL)
		forget_middle(c);
	events = drill_mem_grow(NULL, ((size_t)c->n + 2) * sizeof(*events));
	drill_text_add(t, "connection %d: %s > %s\n", conn + 1, names[0],
		       names[1]);
	ladder_draw(t, events, gather(c, events, gone), &s);
	free(events);
}

void ladder_conns_fini(struct ladder_conns *lc)
{
	for (int i = 0; i < lc->n; i++) {
		for (int k = 0; k < lc->conns[i].n; k++)
			free((char *)lc->conns[i].seen[k].e.text);
		free(lc->conns[i].seen);
	}
	free(lc->conns);
	free(lc->index);
	lab_flows_fini(&lc->flows);
	*lc = (struct ladder_conns){ 0 };
}
