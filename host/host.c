// SPDX-License-Identifier: BSD-2-Clause
/*
 * The event loop.
 *
 * A round:
 *	1 wait for a descriptor, a link, a timer or the stack's deadline
 *	2 read the clock, once: all that follows happens at that instant
 *	3 tern_stack_advance(), the host's own timers
 *	4 packets in, from each link in turn, a batch at a time
 *	5 sockets with news, then descriptors, then sockets again
 *	6 packets out, to each link until it or the stack has had enough
 *
 * Nobody starves: a round takes a few batches each way from a link and at most
 * EVENTS descriptors, and what is left makes the next round begin at once.
 *
 * The input queue (O13) is the device's: it holds netdev_max_backlog packets
 * (host_bound_input()) while the host is busy, and drops and counts what is
 * over. To read them all at once and drop here would only drop more.
 *
 * Not here: more than one thread; more hosts are more processes or threads.
 */
#define _GNU_SOURCE
#include "host/host.h"

#include "host/host_link.h"
#include "host/host_timer.h"
#include "link/heap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define ROUND_BATCHES 4
#define EVENTS 64
#define MAX_LINKS 32
#define NS_PER_S INT64_C(1000000000)

struct watch {
	host_fd_fn *fn; /* NULL: not watched */
	void *ctx;
	uint32_t events;
	bool last;	     /* told after all others */
	uint32_t generation; /* tells a late event of a former watch */
};

struct sock_watch {
	host_sock_fn *fn;
	void *ctx;
};

struct host {
	struct tern_stack *stack;
	struct tern_pool *pool;
	size_t memory_left; /* with a cap */
	int64_t now;
	int epoll;
	struct host_link links[MAX_LINKS];
	int n_links;
	struct watch *watches; /* by descriptor */
	int n_watches;
	struct sock_watch *sock_watches; /* by socket */
	int n_sock_watches;
	struct host_timers timers;
	struct host_tracer *tracers;
	struct host_tap *taps;
	int64_t moved_at;		/* a packet, in or out */
	struct tern_event news[EVENTS]; /* told by the stack, not yet by us */
	int n_news;
	bool busy; /* something was left over: do not wait */
	bool stopping;
	int result;
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* Memory within a cap, which the stack and its packets share. */
static void *capped_alloc(void *ctx, size_t size)
{
	struct host *h = ctx;
	void *p = size <= h->memory_left ? malloc(size) : NULL;

	if (p)
		h->memory_left -= size;
	return p;
}

static void capped_free(void *ctx, void *p, size_t size)
{
	struct host *h = ctx;

	h->memory_left += size;
	free(p);
}

static int make_stack(struct host *h, const struct host_config *config)
{
	struct tern_config tc = {
		.alloc = heap_allocator,
		.epoch_ns = clock_ns(CLOCK_REALTIME) - h->now,
		.max_sockets = config->max_sockets,
		.record = config->record,
		.record_ctx = config->record_ctx,
		.flight_size = config->flight_size,
		.flight = config->flight,
		.flight_ctx = config->flight_ctx,
	};

	if (config->max_memory) {
		h->memory_left = config->max_memory;
		tc.alloc =
			(struct tern_allocator){ h, capped_alloc, capped_free };
	}
	if (config->seed)
		memcpy(tc.seed, config->seed, sizeof(tc.seed));
	else if (getrandom(tc.seed, sizeof(tc.seed), 0) < 0)
		return -errno;
	h->pool = tern_pool_new(&tc.alloc);
	if (!h->pool)
		return -TERN_ENOMEM;
	tc.pool = h->pool;
	h->stack = tern_stack_new(&tc, h->now);
	return h->stack ? 0 : -TERN_ENOMEM;
}

int host_new(const struct host_config *config, struct host **out)
{
	struct host *h = calloc(1, sizeof(*h));
	int error;

	if (!h)
		return -TERN_ENOMEM;
	host_timers_init(&h->timers);
	h->now = clock_ns(CLOCK_MONOTONIC);
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	error = h->epoll < 0 ? -errno : make_stack(h, config);
	if (error) {
		host_free(h);
		return error;
	}
	*out = h;
	return 0;
}

void host_free(struct host *h)
{
	for (int i = 0; i < h->n_links; i++)
		host_link_fini(&h->links[i]);
	if (h->stack)
		tern_stack_free(h->stack);
	if (h->pool)
		tern_pool_free(h->pool);
	if (h->epoll >= 0)
		close(h->epoll);
	host_timers_fini(&h->timers);
	free(h->watches);
	free(h->sock_watches);
	free(h);
}

struct tern_stack *host_stack(struct host *h)
{
	return h->stack;
}

static void tell_tracers(void *ctx, const struct tern_trace *t)
{
	struct host *h = ctx;

	for (struct host_tracer *tr = h->tracers; tr; tr = tr->next)
		if (tr->kinds >> t->kind & 1)
			tr->fn(tr->ctx, t);
}

static void trace_for_all(struct host *h)
{
	unsigned kinds = 0;

	for (struct host_tracer *tr = h->tracers; tr; tr = tr->next)
		kinds |= tr->kinds;
	tern_stack_trace(h->stack, kinds, tell_tracers, h);
}

void host_trace_add(struct host *h, struct host_tracer *tr)
{
	tr->next = h->tracers;
	h->tracers = tr;
	trace_for_all(h);
}

void host_trace_remove(struct host *h, struct host_tracer *tr)
{
	struct host_tracer **at = &h->tracers;

	while (*at != tr)
		at = &(*at)->next;
	*at = tr->next;
	trace_for_all(h);
}

void host_tap_add(struct host *h, struct host_tap *tap)
{
	tap->next = h->taps;
	h->taps = tap;
}

void host_tap_remove(struct host *h, struct host_tap *tap)
{
	struct host_tap **at = &h->taps;

	while (*at != tap)
		at = &(*at)->next;
	*at = tap->next;
}

void host_tap_show(struct host *h, const struct host_batch *batch)
{
	for (struct host_tap *tap = h->taps; tap; tap = tap->next)
		tap->fn(tap->ctx, batch);
}

bool host_is_busy(const struct host *h)
{
	return h->now - h->moved_at < NS_PER_S / 1000;
}

void host_moved(struct host *h)
{
	h->moved_at = h->now;
}

struct tern_pool *host_pool(struct host *h)
{
	return h->pool;
}

int64_t host_now(const struct host *h)
{
	return h->now;
}

void host_stop(struct host *h, int result)
{
	h->stopping = true;
	h->result = result;
}

int host_at(struct host *h, int64_t at, host_timer_fn *fn, void *ctx)
{
	return host_timers_arm(&h->timers, at, fn, ctx);
}

void host_cancel(struct host *h, int id)
{
	host_timers_cancel(&h->timers, id);
}

/* A table by small integers that has room for index i; NULL without memory. */
static void *table_for(void *table, int *n, int i, size_t size)
{
	int want = *n ? *n : 64;
	char *grown;

	if (i < *n)
		return table;
	while (want <= i)
		want *= 2;
	grown = realloc(table, (size_t)want * size);
	if (!grown)
		return NULL;
	memset(grown + (size_t)*n * size, 0, (size_t)(want - *n) * size);
	*n = want;
	return grown;
}

int host_watch(struct host *h, int fd, uint32_t events, host_fd_fn *fn,
	       void *ctx)
{
	struct epoll_event ev = { .events = events };
	struct watch *w;
	bool known;

	if (fd < 0)
		return -TERN_EBADF;
	w = table_for(h->watches, &h->n_watches, fd, sizeof(*w));
	if (!w)
		return -TERN_ENOMEM;
	h->watches = w;
	w += fd;
	known = w->fn;
	ev.data.u64 = (uint64_t)w->generation << 32 | (uint32_t)fd;
	if ((!known || w->events != events) &&
	    epoll_ctl(h->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd,
		      &ev) < 0)
		return -errno;
	w->fn = fn;
	w->ctx = ctx;
	w->events = events;
	return 0;
}

void host_tell_last(struct host *h, int fd)
{
	h->watches[fd].last = true;
}

void host_unwatch(struct host *h, int fd)
{
	if (fd < 0 || fd >= h->n_watches || !h->watches[fd].fn)
		return;
	epoll_ctl(h->epoll, EPOLL_CTL_DEL, fd, NULL);
	h->watches[fd].fn = NULL;
	h->watches[fd].last = false;
	h->watches[fd].generation++;
}

int host_watch_sock(struct host *h, int s, host_sock_fn *fn, void *ctx)
{
	struct sock_watch *w;

	if (s < 0)
		return -TERN_EBADF;
	w = table_for(h->sock_watches, &h->n_sock_watches, s, sizeof(*w));
	if (!w)
		return -TERN_ENOMEM;
	h->sock_watches = w;
	w[s] = (struct sock_watch){ fn, ctx };
	return 0;
}

int host_add_link(struct host *h, struct tern_link *link)
{
	int number;

	if (h->n_links == MAX_LINKS)
		return -TERN_ENOSPC;
	number = host_link_init(&h->links[h->n_links], h, link);
	if (number >= 0) {
		h->n_links++;
		host_bound_input(h);
	}
	return number;
}

void host_bound_input(struct host *h)
{
	char text[24] = "";

	tern_sysctl_get(h->stack, "netdev_max_backlog", text, sizeof(text));
	for (int i = 0; i < h->n_links; i++)
		host_link_bound(&h->links[i],
				(uint32_t)strtoul(text, NULL, 10));
}

uint64_t host_n_dropped(const struct host *h)
{
	uint64_t n = 0;

	for (int i = 0; i < h->n_links; i++)
		n += host_link_dropped(&h->links[i]);
	return n;
}

static void take_packets(struct host *h)
{
	bool more = true;

	for (int i = 0; i < h->n_links; i++)
		host_link_check(&h->links[i]);
	for (int turn = 0; turn < ROUND_BATCHES && more; turn++) {
		more = false;
		for (int i = 0; i < h->n_links; i++)
			more |= host_link_take(&h->links[i]);
	}
	h->busy |= more;
}

static void tell_sockets(struct host *h)
{
	/* A socket that always has news must not hold up the packets. */
	for (int turn = 0; turn < ROUND_BATCHES; turn++) {
		if (h->n_news == 0)
			h->n_news = tern_events(h->stack, h->news, EVENTS);
		if (h->n_news == 0)
			return;
		for (int i = 0; i < h->n_news; i++) {
			struct tern_event *e = &h->news[i];

			if (e->s < h->n_sock_watches &&
			    h->sock_watches[e->s].fn)
				h->sock_watches[e->s].fn(
					h->sock_watches[e->s].ctx, e->s,
					e->ready);
		}
		h->n_news = 0;
	}
}

static void tell_descriptors(struct host *h, const struct epoll_event *ev,
			     int n, bool last)
{
	for (int i = 0; i < n; i++) {
		int fd = (int)(uint32_t)ev[i].data.u64;
		struct watch *w = &h->watches[fd];

		if (w->fn && w->fn != host_link_on_event && w->last == last &&
		    w->generation == ev[i].data.u64 >> 32)
			w->fn(w->ctx, ev[i].events);
	}
}

static void mark_links(struct host *h, const struct epoll_event *ev, int n)
{
	for (int i = 0; i < n; i++) {
		struct watch *w = &h->watches[(uint32_t)ev[i].data.u64];

		if (w->fn == host_link_on_event)
			w->fn(w->ctx, ev[i].events);
	}
}

/* How long to wait; 0 if there is something to do. */
static int64_t wait_ns(struct host *h, int64_t max_wait_ns)
{
	int64_t at, now;

	if (h->n_news == 0)
		h->n_news = tern_events(h->stack, h->news, EVENTS);
	if (h->n_news || h->busy || h->stopping)
		return 0;
	at = tern_stack_deadline(h->stack);
	if (host_timers_next(&h->timers) < at)
		at = host_timers_next(&h->timers);
	for (int i = 0; i < h->n_links; i++) {
		int64_t due = host_link_deadline(&h->links[i]);

		at = due < at ? due : at;
	}
	if (at == TERN_NEVER)
		return max_wait_ns;
	now = clock_ns(CLOCK_MONOTONIC);
	if (at <= now)
		return 0;
	return at - now < max_wait_ns ? at - now : max_wait_ns;
}

static int wait_events(struct host *h, struct epoll_event *ev, int64_t ns)
{
	struct timespec ts = { ns / NS_PER_S, ns % NS_PER_S };
	int n;

	n = epoll_pwait2(h->epoll, ev, EVENTS, ns == TERN_NEVER ? NULL : &ts,
			 NULL);
	if (n < 0 && errno == ENOSYS) { /* before Linux 5.11 */
		int64_t ms = ns / 1000000 + (ns % 1000000 != 0);

		n = epoll_wait(h->epoll, ev, EVENTS,
			       ns == TERN_NEVER ? -1 :
			       ms > INT32_MAX	? INT32_MAX :
						  (int)ms);
	}
	return n < 0 ? -errno : n;
}

int host_round(struct host *h, int64_t max_wait_ns)
{
	struct epoll_event ev[EVENTS];
	int n = wait_events(h, ev, wait_ns(h, max_wait_ns));

	if (n == -EINTR)
		n = 0;
	if (n < 0)
		return n;
	h->busy = false;
	h->now = clock_ns(CLOCK_MONOTONIC);
	tern_stack_advance(h->stack, h->now);
	host_timers_run(&h->timers, h->now);
	mark_links(h, ev, n);
	take_packets(h);
	tell_sockets(h);
	tell_descriptors(h, ev, n, false);
	tell_sockets(h);
	tell_descriptors(h, ev, n, true);
	tell_sockets(h);
	for (int i = 0; i < h->n_links; i++)
		h->busy |= host_link_give(&h->links[i]);
	return h->stopping;
}

int host_run(struct host *h)
{
	int more = 0;

	h->stopping = false;
	while (more == 0)
		more = host_round(h, TERN_NEVER);
	return more < 0 ? more : h->result;
}
