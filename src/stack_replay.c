// SPDX-License-Identifier: BSD-2-Clause
/*
 * Replaying: the calls of a record, done again on a stack made as the
 * record's was, and their results compared with what they were then.
 *
 * The format is told in stack_record.c. A frame's sum is checked before
 * anything in it is believed. A record that ends after a call without its
 * result is that of a run which ended there: the call is done, for who wants
 * to see it crash again.
 *
 * What did not come through the stack's door is not in a record: an allocator
 * that failed then does not fail now, and the runs differ from there on.
 */
#include "stack_replay.h"

#include "base/bytes.h"
#include "stack_record.h"

#include <tern/stack.h>

struct frame {
	uint8_t tag;
	struct cursor body;
};

/* 1: a frame; 0: the record's end; -TERN_EINVAL: no frame. */
static int read_frame(struct cursor *k, uint32_t *sum, struct frame *out)
{
	const uint8_t *start = k->p, *told, *body;
	uint32_t is = 0;
	size_t n;
	int i;

	if (!cursor_left(k))
		return 0;
	out->tag = *cursor_take(k, 1);
	body = cursor_bytes(k, &n);
	told = cursor_take(k, RECORD_SUM_LEN);
	if (!told)
		return -TERN_EINVAL;
	*sum = record_sum(*sum, start, (size_t)(told - start));
	for (i = 0; i < RECORD_SUM_LEN; i++)
		is |= (uint32_t)told[i] << 8 * i;
	if (is != *sum)
		return -TERN_EINVAL;
	out->body = (struct cursor){ .p = body, .end = body + n };
	return 1;
}

/* Is the record of this version, and of a machine like this one? */
static bool is_ours(struct cursor *k)
{
	uint32_t order = RECORD_ORDER;
	bool version_ok = cursor_uint(k) == RECORD_VERSION;
	const uint8_t *told = cursor_take(k, sizeof(order));

	return version_ok && told && !memcmp(told, &order, sizeof(order)) &&
	       cursor_uint(k) == sizeof(size_t);
}

static int make_stack(struct replay *rp, struct cursor *k)
{
	struct tern_config cfg = {
		.alloc = rp->r->alloc,
		.trace = rp->r->trace,
		.trace_ctx = rp->r->ctx,
		.record = rp->r->record,
		.record_ctx = rp->r->ctx,
	};
	uint64_t max_sockets, max_memory, flags;
	const uint8_t *seed;

	if (!is_ours(k))
		return -TERN_EINVAL;
	seed = cursor_take(k, sizeof(cfg.seed));
	rp->now = cursor_int(k);
	cfg.epoch_ns = cursor_int(k);
	max_sockets = cursor_uint(k);
	max_memory = cursor_uint(k);
	flags = cursor_uint(k);
	if (k->bad || cursor_left(k) || max_sockets > UINT32_MAX ||
	    max_memory > SIZE_MAX)
		return -TERN_EINVAL;
	memcpy(cfg.seed, seed, sizeof(cfg.seed));
	cfg.max_sockets = (uint32_t)max_sockets;
	cfg.max_memory = (size_t)max_memory;
	cfg.plain_alloc = flags & RECORD_PLAIN_ALLOC;
	rp->pool = tern_pool_new(&cfg.alloc);
	if (!rp->pool)
		return -TERN_ENOMEM;
	if (!(flags & RECORD_OWN_POOL))
		cfg.pool = rp->pool;
	rp->r->began_at = rp->now;
	rp->st = tern_stack_new(&cfg, rp->now);
	return rp->st ? 0 : -TERN_ENOMEM;
}

static int set_knobs(struct replay *rp)
{
	const struct tern_replay_knob *knob = rp->r->knobs;
	int i, error = 0;

	for (i = 0; i < rp->r->n_knobs && !error; i++)
		error = tern_sysctl_set(rp->st, knob[i].name, knob[i].value,
					rp->now);
	return error;
}

static void tell_call(struct replay *rp, const struct call_row *row,
		      struct tern_replay_call *t)
{
	struct call *c = &rp->c;

	*t = (struct tern_replay_call){
		.name = row->name,
		.s = c->s,
		.now = c->now,
		.arg = c->arg,
	};
	if (row->in == SHAPE_PKTS) {
		t->pkts = c->in;
		t->n_pkts = c->in_len;
	} else if (row->in == SHAPE_MSG) {
		t->in = rp->iov.base;
		t->in_len = rp->iov.len;
	} else if (row->in == SHAPE_BYTES) {
		t->in = rp->in.p;
		t->in_len = c->in_len;
	} else if (row->in == SHAPE_PAIR) {
		/* Two strings, one behind the other. */
		t->in = rp->in.p;
		t->in_len = rp->in.size;
	}
}

/* Bytes that a receive gave. */
static size_t received(const struct replay *rp, int64_t result)
{
	const struct tern_frag *frags = rp->c.out;
	size_t n = 0;
	int64_t i;

	if (rp->c.op == CALL_RECVMSG)
		return result > 0 ? (size_t)result : 0;
	if (stack_door_rows[rp->c.op].out == SHAPE_FRAGS)
		for (i = 0; i < result; i++)
			n += frags[i].len;
	return n;
}

static void show(struct replay *rp, bool out, struct tern_pkt *const *pkts,
		 size_t n)
{
	struct tern_replay *r = rp->r;
	size_t i;

	for (i = 0; i < n && r->each; i++)
		r->each(r->ctx, rp->c.s, out, pkts[i], rp->c.now);
}

/* What came out is nobody's: shown, and dropped. */
static void drop_out(struct replay *rp, int64_t result)
{
	struct tern_pkt **pkts = rp->c.out;
	struct tern_frag *frags = rp->c.out;
	int64_t i;

	if (stack_door_rows[rp->c.op].out == SHAPE_PKTS) {
		show(rp, true, pkts, rp->c.out_len);
		for (i = 0; i < (int64_t)rp->c.out_len; i++)
			tern_pkt_put(pkts[i]);
	}
	if (stack_door_rows[rp->c.op].out == SHAPE_FRAGS)
		for (i = 0; i < result; i++)
			tern_buf_put(frags[i].buf);
}

static int64_t do_call(struct replay *rp, uint64_t *digest)
{
	const struct call_row *row = &stack_door_rows[rp->c.op];
	struct tern_replay_call told;
	int64_t result;

	tell_call(rp, row, &told);
	if (rp->r->before)
		rp->r->before(rp->r->ctx, &told);
	if (row->in == SHAPE_PKTS) {
		show(rp, false, rp->c.in, rp->c.in_len);
		result = stack_door(rp->st, &rp->c);
		/* They are the stack's now. */
		rp->c.in_len = 0;
	} else {
		result = stack_door(rp->st, &rp->c);
	}
	*digest = stack_record_digest(&rp->c, result);
	told.result = result;
	told.out_len = received(rp, result);
	if (row->out == SHAPE_BYTES)
		told.out = rp->c.out;
	told.pkts = NULL;
	told.n_pkts = 0;
	if (rp->r->after)
		rp->r->after(rp->r->ctx, &told);
	if (rp->c.op == CALL_SYSCTL_SET && set_knobs(rp))
		*digest = 0;
	drop_out(rp, result);
	rp->now = rp->c.now;
	return result;
}

static bool is_call(uint8_t tag)
{
	return tag < N_CALLS && stack_door_rows[tag].handler;
}

static bool is_past(const struct replay *rp)
{
	const struct tern_replay *r = rp->r;
	/* Time never goes back; a forged beginning may be long ago. */
	uint64_t passed = (uint64_t)rp->c.now - (uint64_t)r->began_at;

	return rp->c.now > r->until ||
	       (r->for_ns && passed > (uint64_t)r->for_ns);
}

/* One call and the result it had. 1: go on; 0: the end; -errno. */
static int step(struct replay *rp, struct cursor *k, uint32_t *sum)
{
	size_t at = (size_t)(k->p - (const uint8_t *)rp->r->bytes);
	struct frame f;
	uint64_t digest;
	int64_t result;
	int more = read_frame(k, sum, &f);

	if (more <= 0)
		return more;
	if (f.tag == RECORD_END)
		return cursor_left(k) ? -TERN_EINVAL : 0;
	if (!is_call(f.tag))
		return -TERN_EINVAL;
	more = replay_call_read(rp, (enum call_op)f.tag, &f.body);
	if (!more && is_past(rp))
		return 0;
	if (more)
		return more;
	result = do_call(rp, &digest);
	more = read_frame(k, sum, &f);
	if (more <= 0)
		return more;
	if (f.tag != RECORD_RESULT)
		return -TERN_EINVAL;
	if (cursor_int(&f.body) == result && cursor_uint(&f.body) == digest)
		return 1;
	if (!rp->r->n_differ++) {
		rp->r->differs_at = at;
		rp->r->differs_now = rp->now;
	}
	return rp->r->n_knobs || rp->r->before ? 1 : -TERN_EPROTO;
}

static int replay(struct replay *rp)
{
	struct cursor k = { .p = rp->r->bytes };
	uint32_t sum = RECORD_SUM_START;
	const uint8_t *magic;
	struct frame f;
	int more;

	k.end = k.p + rp->r->len;
	magic = cursor_take(&k, RECORD_MAGIC_LEN);
	if (!magic || memcmp(magic, RECORD_MAGIC, RECORD_MAGIC_LEN))
		return -TERN_EINVAL;
	sum = record_sum(sum, magic, RECORD_MAGIC_LEN);
	if (read_frame(&k, &sum, &f) != 1 || f.tag != RECORD_CONFIG)
		return -TERN_EINVAL;
	more = make_stack(rp, &f.body);
	if (!more)
		more = set_knobs(rp);
	if (more)
		return more;
	do {
		more = step(rp, &k, &sum);
		replay_call_done(rp);
	} while (more > 0);
	return more;
}

int tern_stack_replay(struct tern_replay *r)
{
	struct replay rp = { .r = r, .mem = { .alloc = r->alloc } };
	int result;

	r->differs_at = 0;
	r->differs_now = TERN_NEVER;
	r->n_differ = 0;
	if (!r->alloc.alloc || !r->alloc.free || !r->bytes)
		return -TERN_EINVAL;
	result = replay(&rp);
	tern_stack_free(rp.st);
	if (rp.pool)
		tern_pool_free(rp.pool);
	return result;
}
