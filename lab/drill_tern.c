// SPDX-License-Identifier: BSD-2-Clause
/*
 * A stack, its one link and its clock, for a script.
 *
 * The link is a queue: whatever the stack has to say after a call is taken at
 * once and stamped with the call's instant, so that it sees a device that
 * completes immediately.
 */
#include "drill_tern.h"

#include "lab_fault.h"
#include "moved.h"

#include "base/bytes.h"
#include "base/time.h"
#include "link/heap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How soon a link that refused is asked again: as link/fault.c does. */
#define RETRY_NS NS_PER_MS

static void keep(struct drill_tern *t, struct tern_pkt *pkt)
{
	struct drill_sent *sent;

	sent = drill_mem_grow(NULL, sizeof(*sent) + pkt->len);
	sent->next = NULL;
	sent->at = t->now;
	sent->len = pkt->len;
	tern_pkt_copy_out(pkt, 0, sent->bytes, pkt->len);
	*t->sent_tail = sent;
	t->sent_tail = &sent->next;
	tern_pkt_put(pkt);
}

/* What the stack has for the link; nothing while it holds what it refused. */
static void take_output(struct drill_tern *t)
{
	struct tern_pkt *pkts[DRILL_BATCH];
	int n, i;

	if (t->n_refused && t->now < t->retry_at)
		return;
	for (i = 0; i < t->n_refused; i++)
		keep(t, t->refused[i]);
	t->n_refused = 0;
	do {
		n = tern_stack_output(t->st, t->link, pkts, DRILL_BATCH,
				      t->now);
		if (n && t->fault &&
		    lab_fault_point(t->fault, LAB_FAULT_SEND)) {
			memcpy(t->refused, pkts, (size_t)n * sizeof(*pkts));
			t->n_refused = n;
			t->retry_at = t->now + RETRY_NS;
			return;
		}
		for (i = 0; i < n; i++)
			keep(t, pkts[i]);
	} while (n == DRILL_BATCH);
}

void drill_tern_ran(struct drill_tern *t)
{
	struct tern_event events[DRILL_BATCH];
	int n, i, fd;

	if (!t->lazy_link)
		take_output(t);
	do {
		n = tern_events(t->st, events, DRILL_BATCH);
		for (i = 0; i < n; i++) {
			for (fd = 0; fd < DRILL_FDS; fd++) {
				if (t->fds[fd].kind == DRILL_FD_SOCKET &&
				    t->fds[fd].s == events[i].s)
					drill_tern_edge(t, fd);
			}
		}
	} while (n == DRILL_BATCH);
}

static int netdev_send(struct drill_adapter *a, const void *packet, size_t n,
		       unsigned gso)
{
	struct drill_tern *t = drill_tern_of(a);
	struct tern_pkt *pkt = tern_pkt_new(t->pool, 0, n);
	uint8_t *at = pkt ? tern_pkt_append(pkt, n) : NULL;

	if (!at) {
		if (pkt)
			tern_pkt_put(pkt);
		return -ENOBUFS;
	}
	memcpy(at, packet, n);
	pkt->gso_size = (uint16_t)gso;
	tern_stack_input(t->st, t->link, &pkt, 1, t->now);
	drill_tern_ran(t);
	return 0;
}

static size_t netdev_receive(struct drill_adapter *a, void *out, size_t size,
			     int64_t *at)
{
	struct drill_tern *t = drill_tern_of(a);
	struct drill_sent *sent;
	size_t n;

	if (t->lazy_link && !t->sent)
		take_output(t);
	sent = t->sent;
	if (!sent)
		return 0;
	n = min_size(sent->len, size);
	memcpy(out, sent->bytes, n);
	*at = sent->at;
	t->sent = sent->next;
	if (!t->sent)
		t->sent_tail = &t->sent;
	free(sent);
	return n;
}

static int64_t now(struct drill_adapter *a)
{
	return drill_tern_of(a)->now;
}

static int64_t deadline(struct drill_adapter *a)
{
	struct drill_tern *t = drill_tern_of(a);

	if (t->n_refused)
		return min_i64(t->retry_at, tern_stack_deadline(t->st));
	/* A lazy link's turn is after the calls of this instant. */
	if (tern_stack_has_output(t->st, t->link))
		return t->now + t->lazy_link;
	return tern_stack_deadline(t->st);
}

static void advance(struct drill_adapter *a, int64_t at)
{
	struct drill_tern *t = drill_tern_of(a);

	t->now = max_i64(t->now, at);
	tern_stack_advance(t->st, t->now);
	if (t->lazy_link)
		take_output(t);
	drill_tern_ran(t);
}

static int sysctl(struct drill_adapter *a, const char *name, const char *value)
{
	struct drill_tern *t = drill_tern_of(a);

	return tern_sysctl_set(t->st, name, value, t->now);
}

static void trace(struct drill_adapter *a, drill_trace_fn *fn, void *ctx)
{
	tern_stack_trace(drill_tern_of(a)->st, TERN_TRACE_ALL, fn, ctx);
}

static int counter(struct drill_adapter *a, const char *name, uint64_t *out)
{
	int i = tern_counter_find(name);

	if (i < 0)
		return i;
	*out = tern_counter_get(drill_tern_of(a)->st, i);
	return 0;
}

static int set_mtu(struct drill_adapter *a, uint32_t mtu)
{
	struct drill_tern *t = drill_tern_of(a);
	int result = tern_link_set_mtu(t->st, t->link, mtu, t->now);

	drill_tern_ran(t);
	return result;
}

static int set_route(struct drill_adapter *a, uint32_t mtu, uint32_t advmss,
		     uint32_t initcwnd)
{
	struct drill_tern *t = drill_tern_of(a);

	tern_route_del(t->st, &t->route, t->now);
	t->route.mtu = mtu;
	t->route.advmss = advmss;
	t->route.initcwnd = initcwnd;
	return tern_route_add(t->st, &t->route, t->now);
}

static void tern_free(struct drill_adapter *a)
{
	struct drill_tern *t = drill_tern_of(a);
	struct drill_sent *next;
	int fd;

	for (fd = 0; fd < DRILL_FDS; fd++) {
		if (t->fds[fd].kind != DRILL_FD_SOCKET &&
		    t->fds[fd].kind != DRILL_FD_FREE)
			drill_tern_close(a, fd);
	}
	while (t->n_refused)
		tern_pkt_put(t->refused[--t->n_refused]);
	if (t->st) {
		moved_note(t->st);
		tern_stack_free(t->st);
	}
	if (t->record)
		fclose(t->record);
	if (t->pool)
		tern_pool_free(t->pool);
	for (; t->sent; t->sent = next) {
		next = t->sent->next;
		free(t->sent);
	}
	drill_mem_fini(&t->mem);
	free(t);
}

static const struct drill_adapter_ops ops = {
	.free = tern_free,
	.socket = drill_tern_socket,
	.bind = drill_tern_bind,
	.listen = drill_tern_listen,
	.accept = drill_tern_accept,
	.connect = drill_tern_connect,
	.sendmsg = drill_tern_sendmsg,
	.recvmsg = drill_tern_recvmsg,
	.fcntl = drill_tern_fcntl,
	.ioctl = drill_tern_ioctl,
	.close = drill_tern_close,
	.shutdown = drill_tern_shutdown,
	.getsockopt = drill_tern_getsockopt,
	.setsockopt = drill_tern_setsockopt,
	.poll = drill_tern_poll,
	.epoll_create = drill_tern_epoll_create,
	.epoll_ctl = drill_tern_epoll_ctl,
	.epoll_wait = drill_tern_epoll_wait,
	.pipe = drill_tern_pipe,
	.splice = drill_tern_splice,
	.open = drill_tern_open,
	.sendfile = drill_tern_sendfile,
	.netdev_send = netdev_send,
	.netdev_receive = netdev_receive,
	.now = now,
	.deadline = deadline,
	.advance = advance,
	.blocks = drill_tern_blocks,
	.tcp_info = drill_tern_tcp_info,
	.sysctl = sysctl,
	.counter = counter,
	.set_mtu = set_mtu,
	.set_route = set_route,
	.make_file = drill_tern_make_file,
	.trace = trace,
};

/* The link, our address on it, and everything else behind it. */
static const char *join(struct drill_tern *t, const struct drill_config *c)
{
	struct tern_link_config link = { .name = "tun0", .mtu = c->mtu };

	if (!c->lazy_link)
		link.abilities = TERN_LINK_INSTANT;
	t->link = tern_link_add(t->st, &link, t->now);
	if (t->link < 0)
		return "no link with this MTU";
	if (tern_addr_add(t->st, t->link, &c->local_ip, c->prefix, t->now) < 0)
		return "local_ip is no address of a host";
	t->route.v6 = !tern_addr_is_v4(&c->local_ip);
	t->route.link = t->link;
	if (tern_route_add(t->st, &t->route, t->now) < 0)
		return "no default route";
	return NULL;
}

static void write_record(void *ctx, const void *bytes, size_t len)
{
	fwrite(bytes, 1, len, ctx);
}

/* False if the file cannot be made. */
static bool record_to(struct drill_tern *t, const char *path,
		      struct tern_config *config)
{
	if (!path)
		return true;
	t->record = fopen(path, "w");
	config->record = write_record;
	config->record_ctx = t->record;
	return t->record;
}

struct drill_adapter *drill_tern_new(const struct drill_config *c,
				     int64_t start, const char **why)
{
	struct tern_config config = { .alloc = heap_allocator,
				      .max_sockets = 1000 };
	struct drill_tern *t = drill_mem_grow(NULL, sizeof(*t));
	size_t i;

	memset(t, 0, sizeof(*t));
	t->adapter.ops = &ops;
	t->now = start;
	t->sent_tail = &t->sent;
	t->lazy_link = c->lazy_link;
	t->fault = c->fault;
	if (c->fault) {
		config.alloc = lab_fault_allocator(c->fault);
		config.plain_alloc = true;
	}
	t->pool = tern_pool_new(&config.alloc);
	for (i = 0; i < 8; i++)
		config.seed[i] = (uint8_t)(c->seed >> 8 * i);
	config.pool = t->pool;
	*why = "the record's file cannot be made";
	if (!record_to(t, c->record, &config)) {
		tern_free(&t->adapter);
		return NULL;
	}
	*why = "no memory";
	t->st = t->pool ? tern_stack_new(&config, t->now) : NULL;
	if (t->st)
		*why = join(t, c);
	if (!*why)
		return &t->adapter;
	tern_free(&t->adapter);
	return NULL;
}
