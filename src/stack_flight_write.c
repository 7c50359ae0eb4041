// SPDX-License-Identifier: BSD-2-Clause
/*
 * A stream of calls becomes a record: they are done on a stack of its own that
 * records itself, merged with those of its listener and those that made links
 * and tunables, in the order of the first run.
 *
 * What is done otherwise there: who connects is bound to the port that it was
 * given, which other connections had a say in; lent bytes are received by
 * number; data that was lent to be sent is copied.
 */
#include "stack_flight.h"

#include "base/pkt.h"
#include "stack_text.h"
#include "wire/wire_csum.h"
#include "wire/wire_ip.h"

#define BATCH 64
/* No socket has more to give at once (tcp_rmem's default ends at 6 MiB). */
#define ROOM_MAX (INT64_C(8) << 20)

struct source {
	const struct flight_stream *s;
	const struct flight_entry *next;
};

struct writer {
	struct flight *f;
	struct tern_flight_file *file;
	struct tern_stack *st;
	struct source *sources;
	int n_sources;
	int *numbers; /* of sockets: the first run's to this one's */
	/* The connection whose segments are compared, or NULL. */
	const struct flight_stream *one;
	const struct flight_entry *expected; /* its next packet out */
	bool is_bound;
	uint64_t output; /* order of the last call for packets */
};

static const struct flight_entry *next_out(const struct flight_entry *e)
{
	while (e && e->op != CALL_OUTPUT)
		e = e->next;
	return e;
}

static void compare(struct writer *w, const struct tern_pkt *pkt)
{
	struct tern_sockaddr local, remote;
	uint32_t n, is, was = 0;
	uint16_t flags;

	if (!w->one ||
	    !stack_flight_ends(pkt, true, &local, &remote, &n, &flags))
		return;
	is = stack_flight_hash(pkt, n);
	if (w->expected)
		memcpy(&was, w->expected->bytes, sizeof(was));
	w->file->n_out++;
	if (!w->expected || is != was)
		w->file->n_differ++;
	if (w->expected)
		w->expected = next_out(w->expected->next);
}

static void pull(struct writer *w, struct call *c)
{
	struct tern_pkt *pkts[BATCH];
	size_t i;

	do {
		c->out = pkts;
		c->arg[0] = BATCH;
		stack_door(w->st, c);
		for (i = 0; i < c->out_len; i++) {
			compare(w, pkts[i]);
			tern_pkt_put(pkts[i]);
		}
	} while (c->out_len == BATCH);
}

/* The data was replaced, so its sum is another: what was good stays good, and
 * what was bad bad. */
static void fix_sum(struct tern_pkt *pkt, const struct flight_entry *e)
{
	struct wire_ip ip;
	uint8_t *field;
	uint16_t sum;

	if (e->csum != TERN_CSUM_NONE || !e->n_data ||
	    wire_ip_parse(pkt, &ip) != WIRE_IP_OK ||
	    ip.protocol != WIRE_PROTO_TCP)
		return;
	field = pkt->data + ip.hdr_len + 16;
	sum = (uint16_t)~csum_fold(csum_pkt(0, pkt, e->n));
	put_be16(field, csum_update16(get_be16(field), e->data_sum, sum));
}

static struct tern_pkt *packet(struct writer *w, const struct flight_entry *e)
{
	struct tern_pkt *pkt = tern_pkt_new(w->st->pool, PKT_HEADROOM,
					    (size_t)e->n + e->n_data);

	if (!pkt)
		return NULL;
	memcpy(tern_pkt_append(pkt, e->n), e->bytes, e->n);
	if (e->n_data)
		memset(tern_pkt_append(pkt, e->n_data), 'x', e->n_data);
	pkt->gso_size = e->gso_size;
	pkt->csum = e->csum;
	pkt->csum_start = e->csum_start;
	pkt->csum_off = e->csum_off;
	fix_sum(pkt, e);
	return pkt;
}

/* The source whose next call comes first. */
static struct source *first(struct writer *w)
{
	struct source *s = NULL;
	int i;

	for (i = 0; i < w->n_sources; i++) {
		struct source *other = &w->sources[i];

		if (other->next && (!s || other->next->order < s->next->order))
			s = other;
	}
	return s;
}

/* Packets that came at once go in at once. */
static bool put_in(struct writer *w, struct source *s)
{
	struct tern_pkt *pkts[BATCH];
	struct call c = { .op = CALL_INPUT, .in = pkts };
	uint64_t order = s->next->order;

	c.s = s->next->s;
	c.now = s->next->now;
	while (s && s->next->order == order && s->next->op == CALL_INPUT &&
	       c.in_len < BATCH) {
		pkts[c.in_len] = packet(w, s->next);
		if (!pkts[c.in_len++])
			return false;
		s->next = s->next->next;
		s = first(w);
	}
	stack_door(w->st, &c);
	return true;
}

/* Scratch for a call's data. */
static void *take(struct writer *w, size_t n)
{
	void *p = mem_alloc(&w->f->mem, n + 1);

	if (p)
		memset(p, 'x', n + 1);
	return p;
}

static void give(struct writer *w, void *p, size_t n)
{
	mem_free(&w->f->mem, p, n + 1);
}

static bool send_data(struct writer *w, const struct flight_entry *e,
		      struct call *c)
{
	struct tern_iov iov = { take(w, e->n_data), e->n_data };
	struct tern_sockaddr name;
	struct tern_msg msg = { .iov = &iov, .n_iov = 1 };

	if (!iov.base)
		return false;
	if (e->n == sizeof(name)) {
		memcpy(&name, e->bytes, sizeof(name));
		msg.name = &name;
	}
	c->arg[0] &= ~(int64_t)TERN_MSG_ZEROCOPY;
	c->in = &msg;
	stack_door(w->st, c);
	give(w, iov.base, e->n_data);
	return true;
}

static bool receive(struct writer *w, const struct flight_entry *e,
		    struct call *c)
{
	int64_t room = c->op == CALL_RECVMSG ? e->arg[1] :
		       e->n_data	     ? e->n_data :
					       1;
	struct tern_iov iov = { .len = (size_t)min_i64(room, ROOM_MAX) };
	struct tern_msg msg = { .iov = &iov, .n_iov = 1 };

	iov.base = take(w, iov.len);
	if (!iov.base)
		return false;
	if (c->op == CALL_RECV_FRAGS)
		c->arg[0] = 0;
	c->op = CALL_RECVMSG;
	c->arg[1] = (int64_t)iov.len;
	c->arg[2] = c->arg[3] = 0;
	c->out = &msg;
	stack_door(w->st, c);
	give(w, iov.base, iov.len);
	return true;
}

/* Its port, before it would be given another. */
static void bind_local(struct writer *w, const struct flight_stream *s,
		       const struct call *to)
{
	struct tern_sockaddr name = s->local;
	struct call c = { .op = CALL_BIND,
			  .s = to->s,
			  .now = to->now,
			  .in = &name,
			  .in_len = sizeof(name) };

	if (w->is_bound || !s->has_ends || s->is_listener)
		return;
	if (to->in)
		name.family = ((const struct tern_sockaddr *)to->in)->family;
	w->is_bound = true;
	stack_door(w->st, &c);
}

static void other_call(struct writer *w, const struct flight_stream *s,
		       const struct flight_entry *e, struct call *c)
{
	const char *pair[2] = { (const char *)e->bytes };
	struct tern_sockaddr peer;
	int64_t result;

	c->in = e->bytes;
	c->in_len = e->n;
	if (c->op == CALL_SYSCTL_SET) {
		while (pair[0][c->out_len++])
			;
		pair[1] = pair[0] + c->out_len;
		c->in = pair;
	} else if (c->op == CALL_CC_REGISTER) {
		memcpy(&c->out, e->bytes, sizeof(c->out));
		c->in = ((const struct tern_cc_ops *)c->out)->name;
		c->in_len = str_len(c->in);
	} else if (c->op == CALL_ACCEPT) {
		c->out = &peer;
	} else if (c->op == CALL_CONNECT) {
		bind_local(w, s, c);
	} else if (c->op == CALL_BIND && s->has_ends && !s->is_listener) {
		bind_local(w, s, c);
		return;
	}
	result = stack_door(w->st, c);
	if ((c->op == CALL_SOCKET || c->op == CALL_ACCEPT) && e->result >= 0 &&
	    e->result < w->f->n_sockets)
		w->numbers[e->result] = (int)result;
}

static bool do_entry(struct writer *w, struct source *from)
{
	const struct flight_entry *e = from->next;
	struct call c = { .op = (enum call_op)e->op, .s = e->s, .now = e->now };
	/* Another packet of the same call; or what the call itself does that
	 * is to come. */
	bool is_done = e->op == CALL_OUTPUT && e->order == w->output;
	bool comes = e->op == CALL_ADVANCE && e->next &&
		     e->next->order == e->order;

	if (e->op == CALL_INPUT)
		return put_in(w, from);
	from->next = e->next;
	if (is_done || comes)
		return true;
	memcpy(c.arg, e->arg, sizeof(c.arg));
	if (e->op >= CALL_SOCKET && e->s >= 0 && e->s < w->f->n_sockets)
		c.s = w->numbers[e->s];
	if (e->op == CALL_OUTPUT) {
		w->output = e->order;
		pull(w, &c);
	} else if (e->op == CALL_SENDMSG) {
		if (e->n)
			bind_local(w, from->s, &c);
		return send_data(w, e, &c);
	} else if (e->op == CALL_RECVMSG || e->op == CALL_RECV_FRAGS)
		return receive(w, e, &c);
	else
		other_call(w, from->s, e, &c);
	return true;
}

static void add_source(struct writer *w, const struct flight_stream *s)
{
	w->sources[w->n_sources++] = (struct source){ s, s->first };
}

static struct flight_stream *find_id(const struct flight *f, uint64_t id)
{
	struct flight_stream *s;

	for (int i = 0; i < FLIGHT_LISTS; i++)
		for (s = f->lists[i].newest; s; s = s->older)
			if (s->id == id)
				return s;
	return NULL;
}

/* Those that the call has to do with, and the listeners; or all. */
static void add_dying(struct writer *w)
{
	const struct flight_list *lists = w->f->lists;
	struct flight_stream *s;
	bool some = false;
	int i;

	for (i = 0; i < FLIGHT_LISTS; i++)
		for (s = lists[i].oldest; s; s = s->newer)
			some |= s->last && s->last->order == w->f->order;
	for (i = 0; i < FLIGHT_LISTS; i++)
		for (s = lists[i].oldest; s; s = s->newer)
			if (!some || s->is_listener ||
			    (s->last && s->last->order == w->f->order))
				add_source(w, s);
}

static uint64_t data_of(const struct flight_stream *s)
{
	const struct flight_entry *e;
	uint64_t n = 0;

	for (e = s->first; e; e = e->next)
		if (e->op == CALL_INPUT || e->op == CALL_SENDMSG)
			n += e->n_data;
	return n;
}

/* All streams, and what they share. */
static size_t count(const struct flight *f)
{
	const struct flight_stream *s;
	size_t n = 1;

	for (int i = 0; i < FLIGHT_LISTS; i++)
		for (s = f->lists[i].oldest; s; s = s->newer)
			n++;
	return n;
}

static int run(struct writer *w)
{
	struct tern_config cfg = w->f->st->cfg;
	struct source *s;
	bool more = true;
	int i;

	cfg.pool = NULL;
	cfg.trace = NULL;
	cfg.flight_size = 0;
	cfg.record = w->file->write;
	cfg.record_ctx = w->file->ctx;
	for (i = 0; i < w->f->n_sockets; i++)
		w->numbers[i] = -1;
	w->st = tern_stack_new(&cfg, w->f->began_at);
	if (!w->st)
		return -TERN_ENOMEM;
	while (more && (s = first(w)))
		more = do_entry(w, s);
	while (w->expected) {
		w->file->n_differ++;
		w->expected = next_out(w->expected->next);
	}
	tern_stack_free(w->st);
	return more ? 0 : -TERN_ENOMEM;
}

int tern_flight_write(struct tern_stack *st, uint64_t id,
		      struct tern_flight_file *file)
{
	struct flight *f = st->flight;
	struct writer w = { .f = f, .file = file };
	size_t room, n_numbers;
	int error = -TERN_ENOMEM;

	if (!f)
		return -TERN_ENOENT;
	file->n_out = file->n_differ = 0;
	w.one = id ? find_id(f, id) : NULL;
	if (id && (!w.one || w.one->is_lost))
		return -TERN_ENOENT;
	if (w.one && file->data_max && data_of(w.one) > file->data_max)
		return -TERN_EMSGSIZE;
	room = (id ? 3 : count(f)) * sizeof(*w.sources);
	n_numbers = ((size_t)f->n_sockets + 1) * sizeof(*w.numbers);
	w.sources = mem_alloc(&f->mem, room);
	w.numbers = mem_alloc(&f->mem, n_numbers);
	if (w.sources && w.numbers) {
		add_source(&w, &f->setup);
		if (w.one && w.one->listener)
			add_source(&w, w.one->listener);
		if (w.one)
			add_source(&w, w.one);
		else
			add_dying(&w);
		w.expected = w.one ? next_out(w.one->first) : NULL;
		error = run(&w);
	}
	mem_free(&f->mem, w.sources, room);
	mem_free(&f->mem, w.numbers, n_numbers);
	return error;
}
