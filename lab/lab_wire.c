// SPDX-License-Identifier: BSD-2-Clause
/*
 *	forward -> log -> rules -> impair -> under way -> forward of the peer
 *
 * A frame is logged when it is put on the wire, with what will become of it.
 * Rules act on every frame in the order in which they are written, until one
 * drops it. A frame that a rule holds keeps its place in the impairments and
 * arrives later by that much: others pass it.
 */
#include "lab_wire.h"

#include <stdlib.h>
#include <string.h>

struct wire {
	struct lab_node node;
	struct impair lanes[2]; /* by the port where a frame enters */
	struct lab_frames under_way[2];
	struct lab_rule *rules;
	uint32_t mtu;
	bool down;
	lab_wire_tap *tap;
	void *tap_ctx;
};

static struct wire *wire_of(const struct lab_node *node)
{
	return (struct wire *)node;
}

static const char *name_of_end(const struct wire *w, int port)
{
	return w->node.peer[port].node->name;
}

static int log_frame(struct wire *w, int port, const struct lab_frame *f,
		     struct lab_seg *seg)
{
	struct lab_event e = {
		.kind = LAB_SENT,
		.at = w->node.net->now,
		.lane = w->node.peer[port].node->lane,
		.to = w->node.peer[!port].node->lane,
		.arrives_at = NEVER,
	};

	if (lab_seg_parse(seg, f->bytes, f->len))
		lab_seg_relate(seg, &w->node.net->log->flows);
	e.seg = *seg;
	return lab_log_add(w->node.net->log, &e);
}

static struct lab_event *event_of(struct wire *w, const struct lab_frame *f)
{
	return &w->node.net->log->events[f->event];
}

static void digest(struct wire *w, const struct lab_frame *f, int port)
{
	struct lab_net *net = w->node.net;
	uint8_t stamp[12];

	for (int i = 0; i < 8; i++)
		stamp[i] = (uint8_t)(net->now >> 8 * i);
	stamp[8] = (uint8_t)port;
	put_be16(stamp + 9, (uint16_t)f->len);
	stamp[11] = (uint8_t)w->node.name[0];
	lab_net_digest(net, stamp, sizeof(stamp));
	lab_net_digest(net, f->bytes, f->len);
	net->n_frames++;
}

static void lose(struct wire *w, struct lab_frame *f, const char *why)
{
	event_of(w, f)->lost = why;
	free(f);
}

static void flip_bit(struct lab_frame *f, uint64_t dice)
{
	uint64_t bit = dice % ((uint64_t)f->len * 8);

	f->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* Sets CE on what is ECN-capable (RFC 3168 5). */
static void mark_ce(struct lab_frame *f)
{
	bool v6 = f->bytes[0] >> 4 == 6;
	unsigned tos = v6 ? get_be16(f->bytes) >> 4 & 0xff : f->bytes[1];

	if (tos & 3)
		lab_rewrite(f, lab_rewrite_field("tos"), tos | 3);
}

/* Hands it to the path. */
static void pass(struct wire *w, int port, struct lab_frame *f, int64_t later)
{
	struct impair_fate fate =
		impair_meet(&w->lanes[port], f->len, w->node.net->now);
	struct lab_event *e = event_of(w, f);
	struct lab_frame *twin;

	if (fate.lost) {
		lose(w, f, impair_loss_text(fate.lost));
		return;
	}
	if (fate.n == 2) {
		struct lab_event copy = *e;

		copy.note = "duplicated on the way";
		copy.arrives_at = fate.at[1] + later;
		twin = lab_frame_copy(f);
		twin->event = lab_log_add(w->node.net->log, &copy);
		twin->at = fate.at[1] + later;
		lab_frames_add(&w->under_way[port], twin);
		e = event_of(w, f);
	}
	if (fate.corrupt) {
		flip_bit(f, fate.dice);
		e->note = "a bit flipped on the way";
	}
	if (fate.mark)
		mark_ce(f);
	f->at = fate.at[0] + later;
	e->arrives_at = f->at;
	lab_frames_add(&w->under_way[port], f);
}

/* Is the rule's turn? Counts what fits. */
static bool is_turn(struct wire *w, struct lab_rule *r, int port,
		    const struct lab_seg *seg)
{
	const struct lab_pattern *p = &r->pattern;
	int64_t now = w->node.net->now;

	if ((p->from && strcmp(p->from, name_of_end(w, port)) != 0) ||
	    (p->to && strcmp(p->to, name_of_end(w, !port)) != 0) ||
	    now < p->since || now >= p->until || !lab_pattern_fits(p, seg))
		return false;
	r->n_seen++;
	if (p->first && (r->n_seen < p->first || r->n_seen > p->last))
		return false;
	r->n_acted++;
	return true;
}

static void twins(struct wire *w, int port, const struct lab_rule *r,
		  const struct lab_frame *f)
{
	for (uint32_t i = 0; i < r->n_copies; i++) {
		struct lab_frame *copy = lab_frame_copy(f);
		struct lab_event e = *event_of(w, f);

		e.note = "a copy, made on the way";
		copy->event = lab_log_add(w->node.net->log, &e);
		pass(w, port, copy, (int64_t)(i + 1) * r->hold_ns);
	}
}

/* A bit of the payload's middle, or of the header's checksum without one. */
static void corrupt(struct lab_frame *f, const struct lab_seg *seg)
{
	if (seg->len)
		f->bytes[f->len - (seg->len + 1) / 2] ^= 1;
	else
		flip_bit(f, (uint64_t)(f->len - 4) * 8);
}

/* False: the frame is gone. */
static bool act(struct wire *w, int port, struct lab_rule *r,
		struct lab_frame *f, int64_t *later)
{
	struct lab_log *log = w->node.net->log;
	struct lab_event *e = event_of(w, f);

	e->line = r->line;
	switch (r->kind) {
	case LAB_RULE_DROP:
		lose(w, f, "dropped by a rule");
		return false;
	case LAB_RULE_HOLD:
		*later += r->hold_ns;
		e->note = drill_mem_printf(log->mem, "held %g ms",
					   (double)r->hold_ns / 1e6);
		return true;
	case LAB_RULE_DUPLICATE:
		twins(w, port, r, f);
		return true;
	case LAB_RULE_CORRUPT:
		corrupt(f, &e->seg);
		e->note = "corrupted by a rule";
		return true;
	case LAB_RULE_REWRITE:
		lab_rewrite(f, r->field, r->value);
		e->note = "rewritten by a rule";
		return true;
	case LAB_RULE_RECORD:
		free(r->record);
		r->record = lab_frame_copy(f);
		return true;
	case LAB_RULE_MARK:
		mark_ce(f);
		e->note = "marked CE by a rule";
		return true;
	}
	return true;
}

static void wire_forward(struct lab_node *node, int port, struct lab_frame *f,
			 int64_t now)
{
	struct wire *w = wire_of(node);
	struct lab_rule *r;
	struct lab_seg seg;
	int64_t later = 0;

	if (w->tap)
		w->tap(w->tap_ctx, f, port, now);
	digest(w, f, port);
	f->event = log_frame(w, port, f, &seg);
	if (w->down) {
		lose(w, f, "the link is down");
		return;
	}
	if (f->len > w->mtu) {
		lose(w, f, "larger than the link");
		return;
	}
	for (r = w->rules; r; r = r->next) {
		if (is_turn(w, r, port, &seg) && !act(w, port, r, f, &later))
			return;
	}
	pass(w, port, f, later);
}

static int64_t wire_next_run_at(struct lab_node *node)
{
	struct wire *w = wire_of(node);
	int64_t at = NEVER;

	for (int i = 0; i < 2; i++) {
		if (w->under_way[i].head)
			at = min_i64(at, w->under_way[i].head->at);
	}
	return at;
}

static void wire_run(struct lab_node *node, int64_t now)
{
	struct wire *w = wire_of(node);
	struct lab_frame *f;

	for (int i = 0; i < 2; i++) {
		while ((f = lab_frames_take(&w->under_way[i], now))) {
			if (w->down) {
				lose(w, f, "the link is down");
				continue;
			}
			event_of(w, f)->arrives_before = node->net->log->n;
			/* In real time it may be late. */
			event_of(w, f)->arrives_at = now;
			lab_node_send(node, !i, f);
		}
	}
}

static void wire_free(struct lab_node *node)
{
	struct wire *w = wire_of(node);

	for (int i = 0; i < 2; i++) {
		lab_frames_free(&w->under_way[i]);
		impair_fini(&w->lanes[i]);
	}
	for (struct lab_rule *r = w->rules; r; r = r->next) {
		free(r->record);
		r->record = NULL;
	}
	free(w);
}

static const struct lab_node_ops wire_ops = {
	.forward = wire_forward,
	.next_run_at = wire_next_run_at,
	.run = wire_run,
	.free = wire_free,
};

struct lab_node *lab_wire_new(struct lab_net *net, const char *name,
			      const struct impair_config lanes[2], uint32_t mtu,
			      struct lab_rule *rules)
{
	struct wire *w = drill_mem_grow(NULL, sizeof(*w));

	*w = (struct wire){ .mtu = mtu, .rules = rules };
	w->node.ops = &wire_ops;
	if (!lab_net_add(net, &w->node, name)) {
		free(w);
		return NULL;
	}
	for (int i = 0; i < 2; i++) {
		if (!impair_init(&w->lanes[i], &lanes[i], rng_u64(&net->rng)))
			abort();
	}
	return &w->node;
}

uint32_t lab_wire_mtu(const struct lab_node *node)
{
	return wire_of(node)->mtu;
}

void lab_wire_set_up(struct lab_node *node, bool up)
{
	wire_of(node)->down = !up;
}

void lab_wire_impair(struct lab_node *node, const struct impair_config lanes[2])
{
	struct wire *w = wire_of(node);

	for (int i = 0; i < 2; i++) {
		impair_fini(&w->lanes[i]);
		if (!impair_init(&w->lanes[i], &lanes[i],
				 rng_u64(&node->net->rng)))
			abort();
	}
}

void lab_wire_inject(struct lab_node *node, int towards, struct lab_frame *f,
		     bool quiet)
{
	struct wire *w = wire_of(node);
	struct lab_seg seg;

	if (quiet && lab_seg_parse(&seg, f->bytes, f->len))
		lab_log_quiet(node->net->log, seg.sport);
	f->event = log_frame(w, !towards, f, &seg);
	event_of(w, f)->note = "put there by the middlebox";
	if (w->tap)
		w->tap(w->tap_ctx, f, !towards, node->net->now);
	digest(w, f, !towards);
	pass(w, !towards, f, 0);
}

void lab_wire_set_tap(struct lab_node *node, lab_wire_tap *tap, void *ctx)
{
	wire_of(node)->tap = tap;
	wire_of(node)->tap_ctx = ctx;
}

bool lab_node_is_wire(const struct lab_node *node)
{
	return node->ops == &wire_ops;
}
