// SPDX-License-Identifier: BSD-2-Clause
/*
 * Zero-copy sends of the library: whose memory a packet points to, and when
 * that memory is its owner's again. Two stacks, and the test carries packets.
 */
#include "stack_kit.h"

#include <string.h>
#include <tern/error.h>

#define MS INT64_C(1000000)
#define N 4000

struct end {
	struct tern_stack *st;
	int link, s;
};

struct pair {
	struct check_alloc alloc;
	struct tern_pool *pool;
	struct end a, b;
	int64_t now;
	const uint8_t *lent; /* counts packets that point there */
	int n_pointing;
};

static void open_end(struct pair *p, struct end *e, uint8_t last, uint32_t can)
{
	struct tern_config cfg = {
		.alloc = check_allocator(&p->alloc),
		.pool = p->pool,
		.seed = { last },
	};
	struct tern_link_config link = { .name = "l0",
					 .mtu = 1500,
					 .abilities = can };
	struct tern_addr addr = tern_addr_v4(10, 0, 0, last);

	e->st = tern_stack_new(&cfg, 0);
	assert_non_null(e->st);
	e->link = tern_link_add(e->st, &link, 0);
	assert_int_equal(tern_addr_add(e->st, e->link, &addr, 24, 0), 0);
}

static bool points_to(const struct tern_pkt *pkt, const uint8_t *at, size_t n)
{
	uint32_t i;

	for (i = 0; i < pkt->n_frags; i++) {
		const uint8_t *p = pkt->frags[i].buf->data + pkt->frags[i].off;

		if (p >= at && p < at + n)
			return true;
	}
	return false;
}

/* From one to the other, as a link that copies: what is lent goes no further
 * than this. How many packets. */
static int carry(struct pair *p, struct end *from, struct end *to)
{
	struct tern_pkt *pkts[64], *copy;
	int n = tern_stack_output(from->st, from->link, pkts, 64, p->now), i;

	for (i = 0; i < n; i++) {
		if (p->lent && points_to(pkts[i], p->lent, N))
			p->n_pointing++;
		copy = tern_pkt_clone(p->pool, pkts[i]);
		tern_pkt_put(pkts[i]);
		tern_stack_input(to->st, to->link, &copy, 1, p->now);
	}
	return n;
}

static void settle(struct pair *p)
{
	while (carry(p, &p->a, &p->b) + carry(p, &p->b, &p->a) > 0)
		;
}

static int set_int(struct end *e, int name, int v)
{
	return tern_setsockopt(e->st, e->s, TERN_SOL_SOCKET, name, &v,
			       sizeof(v), 0);
}

static void open_pair(struct pair *p, uint32_t can)
{
	struct tern_sockaddr to = kit_v4(10, 0, 0, 2, 7);
	struct tern_allocator alloc;
	int l;

	memset(p, 0, sizeof(*p));
	check_alloc_init(&p->alloc);
	alloc = check_allocator(&p->alloc);
	p->pool = tern_pool_new(&alloc);
	open_end(p, &p->a, 1, can);
	open_end(p, &p->b, 2, 0);
	l = tern_socket(p->b.st, TERN_AF_INET, TERN_SOCK_STREAM, 0, 0);
	assert_int_equal(tern_bind(p->b.st, l, &to, 0), 0);
	assert_int_equal(tern_listen(p->b.st, l, 1, 0), 0);
	p->a.s = tern_socket(p->a.st, TERN_AF_INET, TERN_SOCK_STREAM, 0, 0);
	assert_int_equal(tern_connect(p->a.st, p->a.s, &to, 0),
			 -TERN_EINPROGRESS);
	settle(p);
	p->b.s = tern_accept(p->b.st, l, NULL, 0);
	assert_true(p->b.s >= 0);
	assert_int_equal(set_int(&p->a, TERN_SO_ZEROCOPY, 1), 0);
}

static void close_pair(struct pair *p)
{
	tern_stack_free(p->a.st);
	tern_stack_free(p->b.st);
	tern_pool_free(p->pool);
	assert_int_equal(p->alloc.n_out, 0);
}

/* The next notice's range and code, or false. */
static bool notice(struct end *e, uint32_t range[2], uint8_t *code)
{
	uint8_t control[128], *ee = control + sizeof(size_t) + 8;
	struct tern_msg msg = { .control = control,
				.control_len = sizeof(control) };

	if (tern_recvmsg(e->st, e->s, &msg, TERN_MSG_ERRQUEUE, 0) < 0)
		return false;
	assert_int_equal(msg.flags, TERN_MSG_ERRQUEUE);
	assert_int_equal(ee[4], 5);
	*code = ee[6];
	memcpy(range, ee + 8, 8);
	return true;
}

static void read_all(struct end *e, const uint8_t *want)
{
	uint8_t got[N + 1];

	assert_int_equal(tern_recv(e->st, e->s, got, sizeof(got), 0, 0), N);
	assert_memory_equal(got, want, N);
}

/* Packets point to the program's memory, and the notice says so. */
static void memory_is_sent_from_where_it_is(void **state)
{
	static uint8_t mine[N], code;
	uint32_t range[2];
	struct pair p;

	(void)state;
	open_pair(&p, TERN_LINK_LENDS);
	memset(mine, 'x', sizeof(mine));
	p.lent = mine;
	assert_int_equal(
		tern_send(p.a.st, p.a.s, mine, N, TERN_MSG_ZEROCOPY, p.now), N);
	assert_false(notice(&p.a, range, &code));
	settle(&p);
	assert_true(p.n_pointing >= N / 1460);
	assert_true(tern_poll(p.a.st, p.a.s) & TERN_POLLERR);
	assert_true(notice(&p.a, range, &code));
	assert_int_equal(range[0], 0);
	assert_int_equal(range[1], 0);
	assert_int_equal(code, 0);
	assert_false(tern_poll(p.a.st, p.a.s) & TERN_POLLERR);
	read_all(&p.b, mine);
	close_pair(&p);
}

/* A link that does not promise to let go in time gets copies. */
static void other_links_get_copies(void **state)
{
	static uint8_t mine[N], code;
	uint32_t range[2];
	struct pair p;

	(void)state;
	open_pair(&p, 0);
	memset(mine, 'y', sizeof(mine));
	p.lent = mine;
	tern_send(p.a.st, p.a.s, mine, N, TERN_MSG_ZEROCOPY, p.now);
	settle(&p);
	assert_int_equal(p.n_pointing, 0);
	assert_true(notice(&p.a, range, &code));
	assert_int_equal(code, 1);
	read_all(&p.b, mine);
	close_pair(&p);
}

/* After close() the memory is the program's, sent or not. */
static void close_ends_all_lending(void **state)
{
	static uint8_t mine[N], before[N];
	struct pair p;

	(void)state;
	open_pair(&p, TERN_LINK_LENDS);
	memset(mine, 'z', sizeof(mine));
	memcpy(before, mine, sizeof(mine));
	tern_send(p.a.st, p.a.s, mine, N, TERN_MSG_ZEROCOPY, p.now);
	tern_close(p.a.st, p.a.s, p.now);
	memset(mine, '!', sizeof(mine));
	p.lent = mine;
	settle(&p);
	assert_int_equal(p.n_pointing, 0);
	read_all(&p.b, before);
	close_pair(&p);
}

/* What is lost is resent from the same memory, and that is not free before. */
static void what_is_lost_is_still_lent(void **state)
{
	static uint8_t mine[N], code;
	struct tern_pkt *pkts[64];
	uint32_t range[2];
	struct pair p;
	int n, i;

	(void)state;
	open_pair(&p, TERN_LINK_LENDS);
	memset(mine, 'w', sizeof(mine));
	tern_send(p.a.st, p.a.s, mine, N, TERN_MSG_ZEROCOPY, p.now);
	n = tern_stack_output(p.a.st, p.a.link, pkts, 64, p.now);
	for (i = 0; i < n; i++)
		tern_pkt_put(pkts[i]);
	assert_false(notice(&p.a, range, &code));
	p.lent = mine;
	for (i = 0; i < 100 && !p.n_pointing; i++) {
		p.now += 100 * MS;
		tern_stack_advance(p.a.st, p.now);
		tern_stack_advance(p.b.st, p.now);
		settle(&p);
	}
	for (i = 0; i < 100; i++) {
		p.now += 100 * MS;
		tern_stack_advance(p.a.st, p.now);
		settle(&p);
	}
	assert_true(p.n_pointing > 0);
	assert_true(notice(&p.a, range, &code));
	read_all(&p.b, mine);
	close_pair(&p);
}

/* As many notices as optmem_max has room for may be owed. */
static void notices_owed_are_bounded(void **state)
{
	static uint8_t mine[10];
	struct pair p;
	int i, n = 0;

	(void)state;
	open_pair(&p, TERN_LINK_LENDS);
	assert_int_equal(tern_sysctl_set(p.a.st, "net.core.optmem_max", "4000",
					 p.now),
			 0);
	set_int(&p.a, TERN_SO_SNDBUF, 1000000);
	for (i = 0; i < 10; i++)
		n += tern_send(p.a.st, p.a.s, mine, sizeof(mine),
			       TERN_MSG_ZEROCOPY | TERN_MSG_EOR, p.now) > 0;
	/* 832 each, and 576 free for the next. */
	assert_int_equal(n, 5);
	assert_int_equal(tern_send(p.a.st, p.a.s, mine, sizeof(mine),
				   TERN_MSG_ZEROCOPY, p.now),
			 -TERN_ENOBUFS);
	assert_int_equal(tern_send(p.a.st, p.a.s, mine, sizeof(mine), 0, p.now),
			 sizeof(mine));
	close_pair(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_sent_from_where_it_is),
		cmocka_unit_test(other_links_get_copies),
		cmocka_unit_test(close_ends_all_lending),
		cmocka_unit_test(what_is_lost_is_still_lent),
		cmocka_unit_test(notices_owed_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
