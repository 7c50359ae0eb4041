// SPDX-License-Identifier: BSD-2-Clause
/*
 * One call, read from a record: the inverse of put_in() in stack_record.c,
 * and room for what comes out. Bytes are copied to aligned memory, packets
 * made anew in the shape they had.
 */
#include "stack_replay.h"

#include "base/bytes.h"
#include "base/pkt.h"
#include "stack_text.h"

/* The most room that is made for what comes out. A receive of more is done
 * with this much, and differs if more than that was there: no receive buffer
 * is that large (tcp_rmem's default ends at 6 MiB). */
#define MAX_ROOM (INT64_C(64) << 20)
#define MAX_OPTION 65536

const uint8_t *cursor_take(struct cursor *k, size_t n)
{
	const uint8_t *p = k->p;

	if (k->bad || n > cursor_left(k)) {
		k->bad = true;
		return NULL;
	}
	k->p += n;
	return p;
}

uint64_t cursor_uint(struct cursor *k)
{
	uint64_t v = 0;
	const uint8_t *b;
	unsigned shift;

	for (shift = 0; shift < 64; shift += 7) {
		b = cursor_take(k, 1);
		if (!b)
			return 0;
		v |= (uint64_t)(*b & 0x7f) << shift;
		if (!(*b & 0x80))
			return v;
	}
	k->bad = true;
	return 0;
}

int64_t cursor_int(struct cursor *k)
{
	uint64_t v = cursor_uint(k);

	return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

const uint8_t *cursor_bytes(struct cursor *k, size_t *n)
{
	uint64_t len = cursor_uint(k);

	*n = 0;
	if (k->bad || len > cursor_left(k)) {
		k->bad = true;
		return NULL;
	}
	*n = (size_t)len;
	return cursor_take(k, *n);
}

/* Zeroed; of at least one byte, so that nothing is NULL. */
static void *take_scratch(struct replay *rp, struct scratch *s, size_t size)
{
	s->size = size + 1;
	s->p = mem_zalloc(&rp->mem, s->size);
	return s->p;
}

static void drop_scratch(struct replay *rp, struct scratch *s)
{
	mem_free(&rp->mem, s->p, s->size);
	*s = (struct scratch){ 0 };
}

static int read_bytes(struct replay *rp, struct cursor *k, struct scratch *s,
		      size_t *n)
{
	const uint8_t *bytes = cursor_bytes(k, n);

	if (!bytes)
		return -TERN_EINVAL;
	if (!take_scratch(rp, s, *n))
		return -TERN_ENOMEM;
	memcpy(s->p, bytes, *n);
	return 0;
}

static int read_msg(struct replay *rp, struct cursor *k)
{
	const uint8_t *name;
	size_t n;
	int error;

	rp->iov.base = (void *)(uintptr_t)cursor_bytes(k, &rp->iov.len);
	rp->msg = (struct tern_msg){ .iov = &rp->iov, .n_iov = 1 };
	error = read_bytes(rp, k, &rp->control, &rp->msg.control_len);
	if (error)
		return error;
	rp->msg.control = rp->msg.control_len ? rp->control.p : NULL;
	name = cursor_bytes(k, &n);
	if (!name || (n && n != sizeof(rp->name)))
		return -TERN_EINVAL;
	memcpy(&rp->name, name, n);
	rp->msg.name = n ? &rp->name : NULL;
	rp->c.in = &rp->msg;
	return 0;
}

/* Two strings, NUL after each, in one block. */
static int read_pair(struct replay *rp, struct cursor *k)
{
	const uint8_t *bytes[2];
	size_t n[2];
	char *text;
	int i;

	for (i = 0; i < 2; i++)
		bytes[i] = cursor_bytes(k, &n[i]);
	if (k->bad)
		return -TERN_EINVAL;
	text = take_scratch(rp, &rp->in, n[0] + n[1] + 2);
	if (!text)
		return -TERN_ENOMEM;
	for (i = 0; i < 2; i++) {
		memcpy(text, bytes[i], n[i]);
		rp->pair[i] = text;
		text += n[i] + 1;
	}
	rp->c.in = rp->pair;
	return 0;
}

static int add_frag(struct replay *rp, struct tern_pkt *pkt, struct cursor *k)
{
	struct tern_buf *buf;
	const uint8_t *bytes;
	bool fits;
	size_t n;

	bytes = cursor_bytes(k, &n);
	if (!bytes || !n || n > UINT32_MAX - pkt->len)
		return -TERN_EINVAL;
	buf = tern_buf_new(rp->pool, n);
	if (!buf)
		return -TERN_ENOMEM;
	memcpy(buf->data, bytes, n);
	buf->len = (uint32_t)n;
	fits = tern_pkt_add_frag(pkt, buf, 0, buf->len);
	tern_buf_put(buf);
	return fits ? 0 : -TERN_EINVAL;
}

static int read_head(struct replay *rp, struct cursor *k, struct tern_pkt **out)
{
	uint64_t gso_size = cursor_uint(k), csum = cursor_uint(k);
	uint64_t csum_start = cursor_uint(k), csum_off = cursor_uint(k);
	uint64_t n_frags = cursor_uint(k);
	const uint8_t *bytes;
	struct tern_pkt *pkt;
	size_t n;

	bytes = cursor_bytes(k, &n);
	if (!bytes || n > UINT32_MAX / 2 || gso_size > UINT16_MAX ||
	    csum > TERN_CSUM_PARTIAL || csum_start > UINT16_MAX ||
	    csum_off > UINT16_MAX || n_frags > TERN_PKT_FRAGS)
		return -TERN_EINVAL;
	pkt = tern_pkt_new(rp->pool, PKT_HEADROOM, n);
	if (!pkt)
		return -TERN_ENOMEM;
	memcpy(tern_pkt_append(pkt, n), bytes, n);
	pkt->gso_size = (uint16_t)gso_size;
	pkt->csum = (uint8_t)csum;
	pkt->csum_start = (uint16_t)csum_start;
	pkt->csum_off = (uint16_t)csum_off;
	pkt->next = NULL;
	*out = pkt;
	return (int)n_frags;
}

static int read_pkt(struct replay *rp, struct cursor *k, struct tern_pkt **out)
{
	int n_frags = read_head(rp, k, out), i, error;

	if (n_frags < 0)
		return n_frags;
	for (i = 0; i < n_frags; i++) {
		error = add_frag(rp, *out, k);
		if (error)
			return error;
	}
	if ((*out)->csum == TERN_CSUM_PARTIAL &&
	    (*out)->csum_start + (*out)->csum_off + 2u > (*out)->len)
		return -TERN_EINVAL;
	return 0;
}

/* On failure what was made so far stays in the list, for
 * replay_call_done(). */
static int read_pkts(struct replay *rp, struct cursor *k)
{
	uint64_t n = cursor_uint(k), i;
	struct tern_pkt **pkts;
	int error;

	/* Each packet takes a byte and more. */
	if (k->bad || n > cursor_left(k))
		return -TERN_EINVAL;
	pkts = take_scratch(rp, &rp->in, (size_t)n * sizeof(pkts[0]));
	if (!pkts)
		return -TERN_ENOMEM;
	rp->c.in = pkts;
	rp->c.in_len = (size_t)n;
	for (i = 0; i < n; i++) {
		error = read_pkt(rp, k, &pkts[i]);
		if (error)
			return error;
	}
	return 0;
}

static int read_in(struct replay *rp, const struct call_row *row,
		   struct cursor *k)
{
	int error;

	switch ((enum call_shape)row->in) {
	case SHAPE_BYTES:
		error = read_bytes(rp, k, &rp->in, &rp->c.in_len);
		rp->c.in = rp->in.p;
		if (!error && row->in_size && row->in_size != rp->c.in_len)
			error = -TERN_EINVAL;
		return error;
	case SHAPE_MSG:
		return read_msg(rp, k);
	case SHAPE_PKTS:
		return read_pkts(rp, k);
	case SHAPE_PAIR:
		return read_pair(rp, k);
	case SHAPE_NONE:
	case SHAPE_FRAGS:
	case SHAPE_CC:
		break;
	}
	return 0;
}

/* Room for a receive: data, control messages, a name (arg 1 to 3). */
static int room_for_msg(struct replay *rp)
{
	uint64_t data = (uint64_t)rp->c.arg[1],
		 control = (uint64_t)rp->c.arg[2];

	rp->iov.len = data < MAX_ROOM ? (size_t)data : (size_t)MAX_ROOM;
	rp->msg = (struct tern_msg){ .iov = &rp->iov, .n_iov = 1 };
	rp->msg.control_len = control < MAX_OPTION ? (size_t)control :
						     MAX_OPTION;
	rp->iov.base = take_scratch(rp, &rp->out, rp->iov.len);
	if (!rp->iov.base ||
	    !take_scratch(rp, &rp->control, rp->msg.control_len))
		return -TERN_ENOMEM;
	if (rp->msg.control_len)
		rp->msg.control = rp->control.p;
	if (rp->c.arg[3])
		rp->msg.name = &rp->name;
	rp->c.out = &rp->msg;
	return 0;
}

/* The controller that was registered, by its name. */
static int find_cc(struct replay *rp)
{
	const struct tern_cc_ops *cc;
	int i;

	for (i = 0; i < rp->r->n_cc; i++) {
		cc = rp->r->cc[i];
		/* The copy in scratch ends with a NUL. */
		if (rp->c.in && str_equal(cc->name, rp->c.in)) {
			rp->c.out = (void *)(uintptr_t)cc;
			return 0;
		}
	}
	return -TERN_ENOENT;
}

static int make_room(struct replay *rp, const struct call_row *row)
{
	int64_t n = row->out_size;

	if (row->out == SHAPE_NONE)
		return 0;
	if (row->out == SHAPE_MSG)
		return room_for_msg(rp);
	if (row->out == SHAPE_CC)
		return find_cc(rp);
	if (row->counted) {
		if (rp->c.arg[0] < INT32_MIN || rp->c.arg[0] > MAX_ROOM / n)
			return -TERN_EINVAL;
		n *= max_i64(rp->c.arg[0], 0);
	} else if (!n) {
		n = rp->c.arg[2];
		if (n < 0 || n > MAX_OPTION)
			n = MAX_OPTION;
		rp->c.out_len = (size_t)n;
	}
	rp->c.out = take_scratch(rp, &rp->out, (size_t)n);
	return rp->c.out ? 0 : -TERN_ENOMEM;
}

int replay_call_read(struct replay *rp, enum call_op op, struct cursor *k)
{
	const struct call_row *row = &stack_door_rows[op];
	int64_t after, s;
	int i, error;

	rp->c = (struct call){ .op = op };
	after = cursor_int(k);
	s = cursor_int(k);
	for (i = 0; i < row->n_args; i++)
		rp->c.arg[i] = cursor_int(k);
	if (k->bad || after < 0 || after > INT64_MAX - max_i64(rp->now, 0) ||
	    s < INT32_MIN || s > INT32_MAX)
		return -TERN_EINVAL;
	rp->c.s = (int)s;
	rp->c.now = rp->now + after;
	error = read_in(rp, row, k);
	if (!error && (k->bad || cursor_left(k)))
		error = -TERN_EINVAL;
	return error ? error : make_room(rp, row);
}

void replay_call_done(struct replay *rp)
{
	struct tern_pkt **pkts = rp->in.p;
	size_t i;

	if (pkts && stack_door_rows[rp->c.op].in == SHAPE_PKTS)
		for (i = 0; i < rp->c.in_len; i++)
			if (pkts[i])
				tern_pkt_put(pkts[i]);
	drop_scratch(rp, &rp->in);
	drop_scratch(rp, &rp->out);
	drop_scratch(rp, &rp->control);
}
