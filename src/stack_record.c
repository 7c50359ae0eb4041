// SPDX-License-Identifier: BSD-2-Clause
/*
 * Recording: every call through the door as bytes, so that the run can be done
 * again (stack_replay.c). doc/record.md says the same at more length.
 *
 *	record	"TERNREC1" frame...
 *	frame	tag:u8 len:uint body[len] sum:u32
 *
 *	uint	base 128, lowest first, high bit: more (LEB128)
 *	int	uint of the zigzag: 0, -1, 1, -2, ...
 *	u32	four bytes, lowest first
 *	bytes	len:uint byte[len]
 *
 * sum is FNV-1a of all bytes of the record before it, sums left out: a frame
 * that was damaged, lost or doubled shows. Bodies by tag:
 *
 *	0	the configuration: version, byte order, size of size_t, ...
 *	op	a call: int now (since the last call's), int s, int arg...,
 *		and what goes in by its row's shape (stack_door.c)
 *	0xff	the last call's result: int, and a digest of what came out
 *	0xfe	the stack was freed
 *
 * A frame is written before what it stands for is done, so the record of a
 * crash ends with the call that crashed. What sockets are given as bytes
 * (options, control messages) is in the machine's own order: another machine
 * refuses the record. Nothing is allocated: a frame is written twice, first to
 * measure it.
 */
#include "stack_record.h"

#include "stack_door.h"
#include "stack_text.h"

struct sink {
	struct tern_stack *st; /* NULL: only count */
	size_t len;
	size_t n; /* waiting in buf */
	uint8_t buf[192];
};

static void hand_out(struct sink *k, const void *bytes, size_t n)
{
	const struct tern_config *cfg = &k->st->cfg;

	if (n)
		cfg->record(cfg->record_ctx, bytes, n);
}

static void flush(struct sink *k)
{
	hand_out(k, k->buf, k->n);
	k->n = 0;
}

static void put(struct sink *k, const void *bytes, size_t n)
{
	k->len += n;
	if (!k->st || !n)
		return;
	k->st->rec.sum = record_sum(k->st->rec.sum, bytes, n);
	if (n > sizeof(k->buf) - k->n)
		flush(k);
	if (n > sizeof(k->buf)) {
		hand_out(k, bytes, n);
		return;
	}
	memcpy(k->buf + k->n, bytes, n);
	k->n += n;
}

static void put_uint(struct sink *k, uint64_t v)
{
	uint8_t b[10];
	size_t n = 0;

	for (; v > 0x7f; v >>= 7)
		b[n++] = (uint8_t)(v | 0x80);
	b[n++] = (uint8_t)v;
	put(k, b, n);
}

static void put_int(struct sink *k, int64_t v)
{
	put_uint(k, v < 0 ? ~((uint64_t)v << 1) : (uint64_t)v << 1);
}

static void put_bytes(struct sink *k, const void *bytes, size_t n)
{
	put_uint(k, n);
	put(k, bytes, n);
}

/* How the bytes lie in head and fragments is kept: what lends them out again
 * (tern_recv_frags) must find the same pieces. */
static void put_pkt(struct sink *k, const struct tern_pkt *pkt)
{
	const struct tern_frag *f = pkt->frags;
	uint16_t i;

	put_uint(k, pkt->gso_size);
	put_uint(k, pkt->csum);
	put_uint(k, pkt->csum_start);
	put_uint(k, pkt->csum_off);
	put_uint(k, pkt->n_frags);
	put_bytes(k, pkt->data, pkt->head_len);
	for (i = 0; i < pkt->n_frags; i++)
		put_bytes(k, f[i].buf->data + f[i].off, f[i].len);
}

static void put_msg(struct sink *k, const struct tern_msg *msg)
{
	uint64_t total = 0;
	int i;

	for (i = 0; i < msg->n_iov; i++)
		total += msg->iov[i].len;
	put_uint(k, total);
	for (i = 0; i < msg->n_iov; i++)
		put(k, msg->iov[i].base, msg->iov[i].len);
	put_bytes(k, msg->control, msg->control ? msg->control_len : 0);
	put_bytes(k, msg->name, msg->name ? sizeof(*msg->name) : 0);
}

static void put_in(struct sink *k, const struct call *c)
{
	const char *const *pair = c->in;
	struct tern_pkt *const *pkts = c->in;
	size_t i;

	switch ((enum call_shape)stack_door_rows[c->op].in) {
	case SHAPE_BYTES:
		put_bytes(k, c->in, c->in_len);
		break;
	case SHAPE_MSG:
		put_msg(k, c->in);
		break;
	case SHAPE_PKTS:
		put_uint(k, c->in_len);
		for (i = 0; i < c->in_len; i++)
			put_pkt(k, pkts[i]);
		break;
	case SHAPE_PAIR:
		put_bytes(k, pair[0], str_len(pair[0]));
		put_bytes(k, pair[1], str_len(pair[1]));
		break;
	case SHAPE_NONE:
	case SHAPE_FRAGS:
	case SHAPE_CC:
		break;
	}
}

struct frame {
	uint8_t tag;
	const struct call *c;
	int64_t result;
	uint64_t digest;
};

static void put_config(struct sink *k, const struct tern_stack *st)
{
	const struct tern_config *cfg = &st->cfg;
	uint32_t order = RECORD_ORDER;

	put_uint(k, RECORD_VERSION);
	put(k, &order, sizeof(order));
	put_uint(k, sizeof(size_t));
	put(k, cfg->seed, sizeof(cfg->seed));
	put_int(k, st->now);
	put_int(k, cfg->epoch_ns);
	put_uint(k, cfg->max_sockets);
	put_uint(k, cfg->max_memory);
	put_uint(k, (cfg->plain_alloc ? RECORD_PLAIN_ALLOC : 0u) |
			    (st->own_pool ? RECORD_OWN_POOL : 0u));
}

static void put_body(struct sink *k, const struct tern_stack *st,
		     const struct frame *f)
{
	int i;

	switch (f->tag) {
	case RECORD_CONFIG:
		put_config(k, st);
		break;
	case RECORD_END:
		break;
	case RECORD_RESULT:
		put_int(k, f->result);
		put_uint(k, f->digest);
		break;
	default:
		put_int(k, f->c->now - st->rec.at);
		put_int(k, f->c->s);
		for (i = 0; i < stack_door_rows[f->tag].n_args; i++)
			put_int(k, f->c->arg[i]);
		put_in(k, f->c);
	}
}

static void put_frame(struct tern_stack *st, const struct frame *f)
{
	struct sink count = { 0 }, out = { .st = st };
	uint32_t sum;
	int i;

	put_body(&count, st, f);
	put(&out, &f->tag, 1);
	put_uint(&out, count.len);
	put_body(&out, st, f);
	sum = st->rec.sum;
	if (out.n > sizeof(out.buf) - RECORD_SUM_LEN)
		flush(&out);
	for (i = 0; i < RECORD_SUM_LEN; i++)
		out.buf[out.n++] = (uint8_t)(sum >> 8 * i);
	flush(&out);
}

void stack_record_begin(struct tern_stack *st)
{
	struct sink out = { .st = st };

	st->rec.sum = RECORD_SUM_START;
	st->rec.at = st->now;
	put(&out, RECORD_MAGIC, RECORD_MAGIC_LEN);
	flush(&out);
	put_frame(st, &(struct frame){ .tag = RECORD_CONFIG });
}

void stack_record_call(struct tern_stack *st, const struct call *c)
{
	put_frame(st, &(struct frame){ .tag = (uint8_t)c->op, .c = c });
	st->rec.at = c->now;
}

void stack_record_result(struct tern_stack *st, const struct call *c,
			 int64_t result)
{
	put_frame(st, &(struct frame){
			      .tag = RECORD_RESULT,
			      .result = result,
			      .digest = stack_record_digest(c, result),
		      });
}

void stack_record_end(struct tern_stack *st)
{
	put_frame(st, &(struct frame){ .tag = RECORD_END });
}
