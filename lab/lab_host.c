// SPDX-License-Identifier: BSD-2-Clause
#include "lab_host.h"

#include "lab_fault.h"
#include "lab_kernel.h"
#include "moved.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 64
/* How soon a link that refused is asked again: as link/fault.c does. */
#define RETRY_NS NS_PER_MS
/* With too many sockets one looks each so many calls whether they are fewer. */
#define LOOK_AGAIN 1000

static struct lab_host *host_of(const struct lab_node *node)
{
	return (struct lab_host *)node;
}

static void *take(void *ctx, size_t size)
{
	return malloc(size);
}

static void give(void *ctx, void *p, size_t size)
{
	free(p);
}

struct tern_allocator lab_allocator(void)
{
	return (struct tern_allocator){ NULL, take, give };
}

static void on_trace(void *ctx, const struct tern_trace *t)
{
	struct lab_host *h = ctx;
	struct lab_log *log = h->node.net->log;
	struct lab_event e = {
		.at = t->now,
		.lane = h->node.lane,
		.lport = t->local.port,
		.rport = t->remote.port,
		.text = t->what,
	};

	if (t->kind == TERN_TRACE_TIMER)
		e.kind = LAB_TIMER;
	else if (t->kind == TERN_TRACE_CC)
		e.kind = LAB_CC;
	else if (t->kind != TERN_TRACE_DROP)
		return;
	if (t->kind != TERN_TRACE_DROP)
		lab_log_add(log, &e);
	else if (h->input_event >= 0)
		log->events[h->input_event].note = tern_drop_name(t->to);
}

static void log_state(struct lab_host *h, const struct lab_followed *f,
		      int from, int to)
{
	struct lab_event e = {
		.kind = LAB_STATE,
		.at = h->node.net->now,
		.lane = h->node.lane,
		.lport = f->lport,
		.rport = f->rport,
		.from = from,
		.state = to,
	};

	lab_log_add(h->node.net->log, &e);
}

static struct lab_followed *find_followed(struct lab_host *h,
					  const struct tern_sock_info *i)
{
	struct lab_followed *f;

	for (int k = 0; k < h->n_followed; k++) {
		f = &h->followed[k];
		if (f->lport == i->local.port && f->rport == i->remote.port &&
		    tern_addr_equal(&f->remote, &i->remote.addr))
			return f;
	}
	if (h->n_followed == LAB_FOLLOWED_MAX)
		return NULL;
	f = &h->followed[h->n_followed++];
	*f = (struct lab_followed){
		.lport = i->local.port,
		.rport = i->remote.port,
		.remote = i->remote.addr,
		.state = TERN_TCP_CLOSE,
	};
	return f;
}

static void follow_one(struct lab_host *h, const struct tern_sock_info *i)
{
	struct lab_followed *f = find_followed(h, i);

	/* A listener that is a connection's too: two entries, one tuple. */
	if (!f || f->seen)
		return;
	f->seen = true;
	if (f->state != i->state)
		log_state(h, f, f->state, i->state);
	f->state = i->state;
}

void lab_host_follow(struct lab_host *h)
{
	struct tern_sock_info i;
	uint64_t cursor = 0;
	int n = 0, kept = 0;

	if (h->n_unfollowed > 0) {
		h->n_unfollowed--;
		return;
	}
	for (int k = 0; k < h->n_followed; k++)
		h->followed[k].seen = false;
	while (h->on && h->sys->next(h, &cursor, &i)) {
		if (++n > LAB_FOLLOWED_MAX) {
			h->n_unfollowed = LOOK_AGAIN;
			return;
		}
		if (i.protocol == TERN_IPPROTO_TCP && i.local.port &&
		    i.state != TERN_TCP_CLOSE)
			follow_one(h, &i);
	}
	for (int k = 0; k < h->n_followed; k++) {
		struct lab_followed *f = &h->followed[k];

		if (f->seen)
			h->followed[kept++] = *f;
		else
			log_state(h, f, f->state, TERN_TCP_CLOSE);
	}
	h->n_followed = kept;
}

static void drop_frame(struct lab_host *h, struct lab_frame *f, const char *why)
{
	if (f->event >= 0)
		h->node.net->log->events[f->event].note = why;
	free(f);
}

static void put_in(struct lab_host *h, int port, struct lab_frame *f,
		   int64_t now)
{
	struct tern_pkt *pkt;

	pkt = tern_pkt_new(h->pool, 0, f->len);
	if (!pkt) {
		drop_frame(h, f, "no memory");
		return;
	}
	memcpy(tern_pkt_append(pkt, f->len), f->bytes, f->len);
	h->input_event = f->event;
	tern_stack_input(h->st, h->link_no[port], &pkt, 1, now);
	h->input_event = -1;
	free(f);
	lab_host_follow(h);
}

static uint32_t max_backlog(struct lab_host *h)
{
	char text[24] = "";

	tern_sysctl_get(h->st, "netdev_max_backlog", text, sizeof(text));
	return (uint32_t)strtoul(text, NULL, 10);
}

/* A host that takes its time: packets wait for the one that is being handled,
 * as many as the input queue holds (O13). */
static void host_forward(struct lab_node *node, int port, struct lab_frame *f,
			 int64_t now)
{
	struct lab_host *h = host_of(node);

	if (!h->st) {
		drop_frame(h, f, "the host is off");
	} else if (!h->handle_ns) {
		put_in(h, port, f, now);
	} else if (h->n_input > max_backlog(h)) {
		h->n_overflowed++;
		drop_frame(h, f, "BACKLOG_FULL");
	} else {
		h->busy_until = max_i64(h->busy_until, now) + h->handle_ns;
		f->at = h->busy_until;
		h->n_input++;
		lab_frames_add(&h->input[port], f);
	}
}

static void take_in(struct lab_host *h, int port, int64_t now)
{
	struct lab_frame *f;

	while ((f = lab_frames_take(&h->input[port], now))) {
		h->n_input--;
		put_in(h, port, f, now);
	}
}

static int64_t host_next_run_at(struct lab_node *node)
{
	struct lab_host *h = host_of(node);
	int64_t at;

	if (!h->st)
		return NEVER;
	at = tern_stack_deadline(h->st);
	for (int i = 0; i < node->n_ports; i++) {
		if (tern_stack_has_output(h->st, h->link_no[i]))
			at = min_i64(at, h->refused_until);
		if (h->input[i].head)
			at = min_i64(at, h->input[i].head->at);
	}
	return at;
}

static void put_out(struct lab_host *h, int port, int64_t now)
{
	struct lab_fault *fault = h->node.net->fault;
	struct tern_pkt *pkts[BATCH];
	int n;

	if (now < h->refused_until)
		return;
	if (fault && tern_stack_has_output(h->st, h->link_no[port]) &&
	    lab_fault_point(fault, LAB_FAULT_SEND)) {
		h->refused_until = now + RETRY_NS;
		return;
	}
	do {
		n = tern_stack_output(h->st, h->link_no[port], pkts, BATCH,
				      now);
		for (int i = 0; i < n; i++) {
			struct lab_frame *f = lab_frame_new(pkts[i]->len);

			tern_pkt_copy_out(pkts[i], 0, f->bytes, f->len);
			tern_pkt_put(pkts[i]);
			lab_node_send(&h->node, port, f);
		}
	} while (n == BATCH);
}

static void host_run(struct lab_node *node, int64_t now)
{
	struct lab_host *h = host_of(node);

	if (tern_stack_deadline(h->st) <= now)
		tern_stack_advance(h->st, now);
	for (int i = 0; i < node->n_ports; i++)
		take_in(h, i, now);
	lab_host_follow(h);
	for (int i = 0; i < node->n_ports; i++)
		put_out(h, i, now);
	lab_host_follow(h);
}

static void host_free(struct lab_node *node)
{
	struct lab_host *h = host_of(node);

	lab_host_off(h);
	if (h->pool)
		tern_pool_free(h->pool);
	free(h);
}

static const struct lab_node_ops host_ops = {
	.forward = host_forward,
	.next_run_at = host_next_run_at,
	.run = host_run,
	.free = host_free,
};

static struct tern_allocator allocator_of(struct lab_net *net)
{
	return net->fault ? lab_fault_allocator(net->fault) : lab_allocator();
}

struct lab_host *lab_host_new(struct lab_net *net, const char *name)
{
	struct tern_allocator alloc = allocator_of(net);
	struct lab_host *h = drill_mem_grow(NULL, sizeof(*h));

	*h = (struct lab_host){ .input_event = -1, .sys = &lab_sys_tern };
	h->node.ops = &host_ops;
	h->pool = tern_pool_new(&alloc);
	if (!h->pool || !lab_net_add(net, &h->node, name)) {
		host_free(&h->node);
		return NULL;
	}
	return h;
}

bool lab_node_is_host(const struct lab_node *node)
{
	return node->ops == &host_ops || lab_node_is_kernel(node);
}

/* An address is a host route with more than one port, so that each goes its
 * way; with one port all goes there. */
/* 0, or -errno. */
static int add_addresses(struct lab_host *h, int port, int64_t now)
{
	bool only = h->node.n_ports == 1;
	int error = 0;

	for (int v6 = 0; v6 < 2 && !error; v6++)
		error = tern_addr_add(h->st, h->link_no[port],
				      &h->addr[port][v6],
				      only ? (v6 ? 64 : 24) : (v6 ? 128 : 32),
				      now);
	if (port == 0) {
		for (int v6 = 0; v6 < 2 && !error; v6++) {
			struct tern_route r = {
				.dst = v6 ? (struct tern_addr){ { 0 } } :
					    tern_addr_v4(0, 0, 0, 0),
				.v6 = v6 != 0,
				.link = h->link_no[port],
				.via = v6 ? (struct tern_addr){ { 0 } } :
					    tern_addr_v4(0, 0, 0, 0),
			};

			error = tern_route_add(h->st, &r, now);
		}
	}
	return error;
}

/* Routes to the addresses of other hosts, for one with several ports. 0, or
 * -errno: without one of them packets would go out at the wrong port. */
static int add_routes(struct lab_host *h, int64_t now)
{
	struct lab_net *net = h->node.net;
	int error = 0;

	for (int i = 0; i < net->n_nodes; i++) {
		struct lab_host *other = host_of(net->nodes[i]);

		if (!lab_node_is_host(net->nodes[i]) || other == h)
			continue;
		for (int k = 0; k < 2 * other->node.n_ports && !error; k++) {
			const struct tern_addr *a = &other->addr[k / 2][k % 2];
			int port = lab_route(&h->node, a);
			struct tern_route r = {
				.dst = *a,
				.prefix = k % 2 ? 128 : 32,
				.v6 = k % 2,
				.via = k % 2 ? (struct tern_addr){ { 0 } } :
					       tern_addr_v4(0, 0, 0, 0),
			};

			if (port < 0)
				continue;
			r.link = h->link_no[port];
			error = tern_route_add(h->st, &r, now);
		}
	}
	return error;
}

const char lab_no_memory[] = "no memory";

const char *lab_host_boot(struct lab_host *h)
{
	struct lab_net *net = h->node.net;
	int64_t now = net->now;
	uint8_t seed[16];

	/* Drawn for a kernel as well: then what chance does to packets is the
	 * same. */
	for (int i = 0; i < 16; i++)
		seed[i] = (uint8_t)rng_u64(&net->rng);
	if (lab_node_is_kernel(&h->node))
		return lab_kernel_boot(h);
	h->config = (struct tern_config){
		.max_sockets = h->descriptors,
		.alloc = allocator_of(net),
		.plain_alloc = net->fault,
		.pool = h->pool,
		.trace = on_trace,
		.trace_ctx = h,
	};
	h->n_boots++;
	memcpy(h->config.seed, seed, sizeof(seed));
	h->st = tern_stack_new(&h->config, now);
	if (!h->st)
		return lab_no_memory;
	h->on = true;
	for (int i = 0; i < h->node.n_ports; i++) {
		struct tern_link_config link = { .mtu = h->mtu[i] };
		char name[16] = "eth0";

		name[3] = (char)('0' + i);
		link.name = name;
		h->link_no[i] = tern_link_add(h->st, &link, now);
		if (h->link_no[i] < 0 || add_addresses(h, i, now))
			return lab_no_memory;
	}
	if (h->node.n_ports > 1 && add_routes(h, now))
		return lab_no_memory;
	for (int i = 0; i < h->n_knobs; i++) {
		int error = tern_sysctl_set(h->st, h->knobs[i].name,
					    h->knobs[i].value, now);

		if (error)
			return error == -ENOMEM ? lab_no_memory :
						  h->knobs[i].name;
	}
	return NULL;
}

void lab_host_off(struct lab_host *h)
{
	if (lab_node_is_kernel(&h->node)) {
		lab_kernel_off(h);
		lab_host_follow(h);
		return;
	}
	if (h->st) {
		moved_note(h->st);
		tern_stack_free(h->st);
	}
	h->st = NULL;
	h->on = false;
	for (int i = 0; i < h->node.n_ports; i++)
		lab_frames_free(&h->input[i]);
	h->n_input = 0;
	h->busy_until = 0;
	lab_host_follow(h);
}
