// SPDX-License-Identifier: BSD-2-Clause
/*
 * What came out of a call, in 64 bits: FNV-1a over the bytes, and over what a
 * packet's notes say of them. How bytes lie in memory does not count, nor do
 * the numbers of links: the same run gives the same digests, with a pool of
 * its own or a shared one.
 */
#include "stack_door.h"
#include "stack_record.h"

struct digest {
	uint64_t sum;
};

static void add(struct digest *d, const void *bytes, size_t n)
{
	const uint8_t *b = bytes;
	size_t i;

	for (i = 0; i < n; i++)
		d->sum = (d->sum ^ b[i]) * UINT64_C(0x100000001b3);
}

static void add_u64(struct digest *d, uint64_t v)
{
	uint8_t b[8];
	int i;

	for (i = 0; i < 8; i++)
		b[i] = (uint8_t)(v >> 8 * i);
	add(d, b, sizeof(b));
}

static void add_frags(struct digest *d, const struct tern_frag *f, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		add(d, f[i].buf->data + f[i].off, f[i].len);
}

static void add_pkts(struct digest *d, struct tern_pkt *const *pkts, size_t n)
{
	const struct tern_pkt *pkt;
	size_t i;

	for (i = 0; i < n; i++) {
		pkt = pkts[i];
		add_u64(d, pkt->len);
		add_u64(d, (uint64_t)pkt->gso_size << 48 |
				   (uint64_t)pkt->csum_start << 32 |
				   (uint64_t)pkt->csum_off << 16 | pkt->csum);
		add_u64(d, (uint64_t)pkt->at);
		add(d, pkt->data, pkt->head_len);
		add_frags(d, pkt->frags, pkt->n_frags);
	}
}

/* What MSG_TRUNC throws away is not written to the program's memory. */
static void add_msg(struct digest *d, const struct call *c, int64_t result)
{
	const struct tern_msg *msg = c->out;
	uint64_t left = (uint64_t)result;
	size_t n;
	int i;

	if (c->arg[0] & TERN_MSG_TRUNC)
		left = 0;
	for (i = 0; i < msg->n_iov && left; i++, left -= n) {
		n = msg->iov[i].len < left ? msg->iov[i].len : (size_t)left;
		add(d, msg->iov[i].base, n);
	}
	add_u64(d, (uint64_t)(unsigned)msg->flags);
	if (msg->name)
		add(d, msg->name, sizeof(*msg->name));
	if (msg->control)
		add(d, msg->control, msg->control_len);
}

uint64_t stack_record_digest(const struct call *c, int64_t result)
{
	struct digest d = { UINT64_C(0xcbf29ce484222325) };

	if (result < 0)
		return 0;
	switch ((enum call_shape)stack_door_rows[c->op].out) {
	case SHAPE_BYTES:
		add(&d, c->out, c->out_len);
		break;
	case SHAPE_MSG:
		add_msg(&d, c, result);
		break;
	case SHAPE_PKTS:
		add_pkts(&d, c->out, c->out_len);
		break;
	case SHAPE_FRAGS:
		add_frags(&d, c->out, (size_t)result);
		break;
	case SHAPE_NONE:
	case SHAPE_PAIR:
	case SHAPE_CC:
		return 0;
	}
	return d.sum;
}
