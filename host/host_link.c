// SPDX-License-Identifier: BSD-2-Clause
/*
 * Between a link and the stack: batches in, batches out.
 *
 * What a link does not take waits here, at most a batch, and nothing more is
 * pulled from the stack for it until it does: that is the stack's
 * back-pressure. Its descriptor, or its deadline, tells when to offer again.
 *
 * A link that fails for good (somebody has taken the device away) goes down in
 * the stack and is not asked again.
 */
#include "host/host_link.h"

#include <string.h>
#include <sys/epoll.h>

/* Batches out of one link in one round. */
#define ROUND_BATCHES 4

static int64_t link_deadline(const struct host_link *l)
{
	if (l->link->ops->deadline)
		return l->link->ops->deadline(l->link);
	return l->fd < 0 ? INT64_MIN : TERN_NEVER;
}

int host_link_init(struct host_link *l, struct host *h, struct tern_link *link)
{
	struct tern_link_config config = {
		.name = link->name,
		.mtu = link->mtu,
		.abilities = link->abilities,
	};
	int error;

	*l = (struct host_link){ .host = h, .link = link, .fd = -1 };
	if (link->ops->fd)
		l->fd = link->ops->fd(link);
	if (l->fd >= 0) {
		error = host_watch(h, l->fd, EPOLLIN, host_link_on_event, l);
		if (error)
			return error;
	}
	l->number = tern_link_add(host_stack(h), &config, host_now(h));
	if (l->number < 0 && l->fd >= 0)
		host_unwatch(h, l->fd);
	return l->number;
}

static void drop_rest(struct host_link *l)
{
	for (int i = 0; i < l->n_rest; i++)
		tern_pkt_put(l->rest[i]);
	l->n_rest = 0;
}

void host_link_fini(struct host_link *l)
{
	drop_rest(l);
	l->link->ops->close(l->link);
}

void host_link_on_event(void *ctx, uint32_t events)
{
	struct host_link *l = ctx;

	if (events & ~(uint32_t)EPOLLOUT)
		l->readable = true;
}

void host_link_check(struct host_link *l)
{
	if (!l->broken && link_deadline(l) <= host_now(l->host))
		l->readable = true;
}

static void give_up(struct host_link *l)
{
	l->broken = true;
	if (l->fd >= 0)
		host_unwatch(l->host, l->fd);
	tern_link_set_up(host_stack(l->host), l->number, false,
			 host_now(l->host));
	drop_rest(l);
}

static void show(const struct host_link *l, enum host_tap_when when,
		 struct tern_pkt *const *pkts, int n)
{
	host_moved(l->host);
	host_tap_show(l->host,
		      &(struct host_batch){ when, l->number, pkts, n });
}

bool host_link_take(struct host_link *l)
{
	struct tern_pkt *pkts[HOST_BATCH];
	int64_t now = host_now(l->host);
	int n;

	if (!l->readable)
		return false;
	n = l->link->ops->receive(l->link, pkts, HOST_BATCH, now);
	if (n > 0) {
		show(l, HOST_TAP_IN, pkts, n);
		tern_stack_input(host_stack(l->host), l->number, pkts, n, now);
		show(l, HOST_TAP_DONE, NULL, 0);
	} else if (n < 0) {
		give_up(l);
	}
	l->readable = n == HOST_BATCH;
	return l->readable;
}

static void want_out(struct host_link *l, bool on)
{
	if (l->fd < 0 || l->wants_out == on)
		return;
	l->wants_out = on;
	host_watch(l->host, l->fd, EPOLLIN | (on ? EPOLLOUT : 0u),
		   host_link_on_event, l);
}

/* What stays here outlives the next call into the stack: it must not point to
 * memory that a program may have back by then. */
static void keep(struct host_link *l)
{
	int n = 0;

	for (int i = 0; i < l->n_rest; i++) {
		if (tern_pkt_own(l->rest[i]))
			l->rest[n++] = l->rest[i];
		else
			tern_pkt_put(l->rest[i]);
	}
	l->n_rest = n;
}

/* Offers packets and keeps what is refused. Was all taken? */
static bool offer(struct host_link *l, struct tern_pkt **pkts, int n)
{
	int sent = l->link->ops->send(l->link, pkts, n, host_now(l->host));

	if (sent < 0)
		sent = 0;
	l->n_rest = n - sent;
	memmove(l->rest, pkts + sent, (size_t)l->n_rest * sizeof(*pkts));
	keep(l);
	want_out(l, l->n_rest);
	return l->n_rest == 0;
}

bool host_link_give(struct host_link *l)
{
	struct tern_pkt *pkts[HOST_BATCH];
	int64_t now = host_now(l->host);

	if (l->broken || (l->n_rest && !offer(l, l->rest, l->n_rest)))
		return false;
	/* What the link holds back by itself may be due. */
	if (link_deadline(l) <= now)
		offer(l, pkts, 0);
	for (int turn = 0; turn < ROUND_BATCHES; turn++) {
		int n = tern_stack_output(host_stack(l->host), l->number, pkts,
					  HOST_BATCH, now);

		if (n <= 0)
			return false;
		show(l, HOST_TAP_OUT, pkts, n);
		if (!offer(l, pkts, n) || n < HOST_BATCH)
			return false;
	}
	return true;
}

int64_t host_link_deadline(const struct host_link *l)
{
	if (l->broken)
		return TERN_NEVER;
	if (!l->n_rest && tern_stack_has_output(host_stack(l->host), l->number))
		return INT64_MIN;
	return link_deadline(l);
}

void host_link_bound(struct host_link *l, uint32_t n)
{
	if (l->link->ops->bound)
		l->link->ops->bound(l->link, n);
}

uint64_t host_link_dropped(const struct host_link *l)
{
	return l->link->ops->n_dropped ? l->link->ops->n_dropped(l->link) : 0;
}
