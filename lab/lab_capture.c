// SPDX-License-Identifier: BSD-2-Clause
/*
 * The capture is link/pcapng.c's, around a link that leads nowhere: what the
 * first end of a wire sends counts as outbound, the rest as inbound.
 */
#include "lab_capture.h"

#include "lab_host.h"

#include <tern/error.h>

#include <stdlib.h>
#include <string.h>

struct nowhere {
	struct tern_link link;
	struct tern_pkt *arrived; /* what receive() will give */
};

struct lab_capture {
	struct nowhere *end;
	struct tern_link *link;
	struct tern_pool *pool;
};

static int nowhere_receive(struct tern_link *link, struct tern_pkt **pkts,
			   int max, int64_t now)
{
	struct nowhere *n = (struct nowhere *)link;

	if (!n->arrived)
		return 0;
	pkts[0] = n->arrived;
	n->arrived = NULL;
	return 1;
}

static int nowhere_send(struct tern_link *link, struct tern_pkt **pkts, int n,
			int64_t now)
{
	for (int i = 0; i < n; i++)
		tern_pkt_put(pkts[i]);
	return n;
}

static void nowhere_close(struct tern_link *link)
{
	free(link);
}

static const struct tern_link_ops nowhere_ops = {
	.receive = nowhere_receive,
	.send = nowhere_send,
	.close = nowhere_close,
};

int lab_capture_open(const char *path, struct lab_capture **out)
{
	struct tern_allocator alloc = lab_allocator();
	struct tern_pcapng_config config = { .path = path };
	struct lab_capture *c = drill_mem_grow(NULL, sizeof(*c));
	int error;

	c->pool = tern_pool_new(&alloc);
	c->end = drill_mem_grow(NULL, sizeof(*c->end));
	*c->end = (struct nowhere){
		.link = { .ops = &nowhere_ops, .pool = c->pool, .mtu = 65535 },
	};
	strcpy(c->end->link.name, "lab");
	error = c->pool ? tern_pcapng_wrap(&c->end->link, &config, &c->link) :
			  -TERN_ENOMEM;
	if (error) {
		if (c->pool)
			tern_pool_free(c->pool);
		free(c->end);
		free(c);
		return error;
	}
	*out = c;
	return 0;
}

void lab_capture_see(void *ctx, const struct lab_frame *f, int from_port,
		     int64_t at)
{
	struct lab_capture *c = ctx;
	struct tern_pkt *pkt = tern_pkt_new(c->pool, 0, f->len);

	if (!pkt)
		abort();
	memcpy(tern_pkt_append(pkt, f->len), f->bytes, f->len);
	if (from_port == 0) {
		c->link->ops->send(c->link, &pkt, 1, at);
		return;
	}
	c->end->arrived = pkt;
	while (c->link->ops->receive(c->link, &pkt, 1, at) > 0)
		tern_pkt_put(pkt);
}

void lab_capture_close(struct lab_capture *c)
{
	c->link->ops->close(c->link);
	tern_pool_free(c->pool);
	free(c);
}
