// SPDX-License-Identifier: BSD-2-Clause
#include "lab_net.h"

#include "drill_mem.h"

#include <stdlib.h>
#include <string.h>

/* More at one instant than this is a live lock. */
#define MOST_ROUNDS 1000000u

void lab_net_init(struct lab_net *net, uint64_t seed, struct lab_log *log)
{
	struct sipkey key = { seed, 0x6c6162 };

	*net = (struct lab_net){
		.log = log,
		.digest = UINT64_C(0xcbf29ce484222325),
	};
	rng_init(&net->rng, &key);
}

void lab_net_fini(struct lab_net *net)
{
	for (int i = 0; i < net->n_nodes; i++)
		net->nodes[i]->ops->free(net->nodes[i]);
	net->n_nodes = 0;
}

bool lab_net_add(struct lab_net *net, struct lab_node *node, const char *name)
{
	if (net->n_nodes == LAB_NODES_MAX)
		return false;
	node->net = net;
	node->lane = -1;
	strncpy(node->name, name, sizeof(node->name) - 1);
	net->nodes[net->n_nodes++] = node;
	return true;
}

bool lab_net_join(struct lab_node *a, struct lab_node *b)
{
	int pa = a->n_ports, pb = b->n_ports;

	if (pa == LAB_PORTS_MAX || pb == LAB_PORTS_MAX)
		return false;
	a->peer[pa].node = b;
	a->peer[pa].port = pb;
	b->peer[pb].node = a;
	b->peer[pb].port = pa;
	a->n_ports++;
	b->n_ports++;
	return true;
}

static int64_t due_at(struct lab_node *node)
{
	return node->ops->next_run_at ? node->ops->next_run_at(node) : NEVER;
}

int64_t lab_net_next_at(struct lab_net *net)
{
	int64_t at = NEVER;

	for (int i = 0; i < net->n_nodes; i++) {
		int64_t due = due_at(net->nodes[i]);

		at = due < at ? due : at;
	}
	return at < net->now ? net->now : at;
}

void lab_net_run(struct lab_net *net, int64_t at)
{
	if (at > net->now) {
		net->now = at;
		net->n_rounds = 0;
	} else if (++net->n_rounds > MOST_ROUNDS) {
		net->stuck = true;
		return;
	}
	for (int i = 0; i < net->n_nodes; i++) {
		if (due_at(net->nodes[i]) <= net->now)
			net->nodes[i]->ops->run(net->nodes[i], net->now);
	}
}

struct lab_frame *lab_frame_new(uint32_t len)
{
	struct lab_frame *f = drill_mem_grow(NULL, sizeof(*f) + len);

	f->next = NULL;
	f->at = 0;
	f->event = -1;
	f->len = len;
	return f;
}

struct lab_frame *lab_frame_copy(const struct lab_frame *f)
{
	struct lab_frame *copy = lab_frame_new(f->len);

	memcpy(copy->bytes, f->bytes, f->len);
	return copy;
}

void lab_node_send(struct lab_node *node, int port, struct lab_frame *f)
{
	struct lab_node *peer;

	if (port < 0 || port >= node->n_ports) {
		free(f);
		return;
	}
	peer = node->peer[port].node;
	peer->ops->forward(peer, node->peer[port].port, f, node->net->now);
}

void lab_net_digest(struct lab_net *net, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	/* FNV-1a. */
	while (n--)
		net->digest = (net->digest ^ *p++) * UINT64_C(0x100000001b3);
}

void lab_frames_add(struct lab_frames *q, struct lab_frame *f)
{
	struct lab_frame **at = &q->head;

	f->next = NULL;
	if (q->tail && q->tail->at <= f->at)
		at = &q->tail->next;
	else
		while (*at && (*at)->at <= f->at)
			at = &(*at)->next;
	f->next = *at;
	*at = f;
	if (!f->next)
		q->tail = f;
}

struct lab_frame *lab_frames_take(struct lab_frames *q, int64_t now)
{
	struct lab_frame *f = q->head;

	if (!f || f->at > now)
		return NULL;
	q->head = f->next;
	if (!q->head)
		q->tail = NULL;
	f->next = NULL;
	return f;
}

void lab_frames_free(struct lab_frames *q)
{
	struct lab_frame *f;

	while ((f = lab_frames_take(q, NEVER)))
		free(f);
}
