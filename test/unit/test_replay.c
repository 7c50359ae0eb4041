// SPDX-License-Identifier: BSD-2-Clause
// covers: V6
#define _GNU_SOURCE /* memmem */
#include "stack_kit.h"

#include <stdlib.h>
#include <string.h>

#include <tern/cc.h>

#define MS INT64_C(1000000)

static uint32_t half(struct tern_cc_view *v)
{
	return v->cc->cwnd / 2;
}

static void grow(struct tern_cc_view *v, uint32_t acked)
{
	v->cc->cwnd += acked;
}

static const struct tern_cc_ops mine = {
	.name = "mine",
	.ssthresh = half,
	.on_acked = grow,
};

static void send_in_pieces(struct kit *k, int64_t now)
{
	struct tern_buf *buf = tern_buf_new(k->pool, 100);
	uint8_t ping[400];
	size_t n = kit_ping(ping, 3, 200);
	struct tern_pkt *pkt = kit_pkt(k, ping, n - 100);

	memcpy(buf->data, ping + n - 100, 100);
	buf->len = 100;
	assert_true(tern_pkt_add_frag(pkt, buf, 0, 50));
	assert_true(tern_pkt_add_frag(pkt, buf, 50, 50));
	tern_buf_put(buf);
	tern_stack_input(k->st, k->link, &pkt, 1, now);
}

static void talk_udp(struct kit *k, int64_t now)
{
	struct tern_sockaddr here = kit_v4(127, 0, 0, 1, 700), from;
	int a = tern_socket(k->st, TERN_AF_INET, TERN_SOCK_DGRAM, 0, now);
	int b = tern_socket(k->st, TERN_AF_INET6, TERN_SOCK_DGRAM, 0, now);
	struct tern_event events[4];
	char got[64], control[64];
	struct tern_iov iov[2] = { { got, 3 }, { got + 8, 50 } };
	struct tern_msg msg = { &from, iov, 2, control, sizeof(control), 0 };

	tern_bind(k->st, a, &here, now);
	here.family = TERN_AF_INET6;
	tern_connect(k->st, b, &here, now);
	tern_send(k->st, b, "hello", 5, 0, now);
	tern_send(k->st, b, "there", 5, 0, now);
	tern_events(k->st, events, 4);
	tern_recvmsg(k->st, a, &msg, 0, now);
	tern_recv(k->st, a, got, 2, TERN_MSG_TRUNC, now);
	tern_recv(k->st, a, got, 2, 0, now);
	tern_close(k->st, a, now);
	tern_send(k->st, b, "nobody", 6, 0, now);
	tern_send(k->st, b, "home", 4, 0, now);
}

static void talk_tcp(struct kit *k, int64_t now)
{
	struct tern_sockaddr here = kit_v4(127, 0, 0, 1, 7), peer;
	int l = tern_socket(k->st, TERN_AF_INET, TERN_SOCK_STREAM, 0, now);
	int c = tern_socket(k->st, TERN_AF_INET, TERN_SOCK_STREAM, 0, now);
	struct tern_frag frags[4];
	char got[64];
	int a, n, i, on = 1;
	size_t len = sizeof(on);

	tern_setsockopt(k->st, l, TERN_SOL_SOCKET, TERN_SO_REUSEADDR, &on,
			sizeof(on), now);
	tern_getsockopt(k->st, l, TERN_SOL_SOCKET, TERN_SO_ERROR, &on, &len,
			now);
	tern_bind(k->st, l, &here, now);
	tern_listen(k->st, l, 5, now);
	tern_connect(k->st, c, &here, now);
	a = tern_accept(k->st, l, &peer, now);
	tern_send(k->st, c, "some words", 10, 0, now);
	tern_ioctl(k->st, a, TERN_SIOCINQ, &on, now);
	tern_recv(k->st, a, got, 4, 0, now);
	n = tern_recv_frags(k->st, a, frags, 4, now);
	for (i = 0; i < n; i++)
		tern_buf_put(frags[i].buf);
	tern_shutdown(k->st, c, TERN_SHUT_WR, now);
	tern_recv(k->st, a, got, 4, 0, now + 50 * MS);
	tern_close(k->st, a, now + 50 * MS);
	tern_poll(k->st, c);
}

/* Something of everything. */
static void run(struct kit *k)
{
	const struct tern_route route = {
		.link = 1,
		.via = tern_addr_v4(10, 0, 0, 9),
		.dst = tern_addr_v4(0, 0, 0, 0),
	};
	uint8_t ping[1200];
	size_t n;

	assert_int_equal(tern_route_add(k->st, &route, 5), 0);
	assert_int_equal(tern_sysctl_set(k->st, "tcp_rmem", "5 6", 5), 0);
	assert_int_equal(tern_sysctl_set(k->st, "none", "", 5), -TERN_ENOENT);
	kit_input(k, ping, kit_ping(ping, 1, 0), 6 * MS);
	kit_input(k, ping, kit_ping(ping, 2, 1100), 7 * MS);
	kit_drain(k, 7 * MS);
	send_in_pieces(k, 8 * MS);
	kit_drain(k, 8 * MS);
	n = kit_ping(ping, 4, 500);
	ping[40] ^= 1;
	kit_input(k, ping, n, 9 * MS);
	ping[0] = 0x93;
	kit_input(k, ping, n, 9 * MS);
	kit_input(k, ping, 0, 9 * MS);
	talk_udp(k, 10 * MS);
	talk_tcp(k, 11 * MS);
	tern_link_set_mtu(k->st, 1, 600, 12 * MS);
	kit_input(k, ping, kit_ping(ping, 5, 1000), 13 * MS);
	kit_drain(k, 13 * MS);
	tern_link_set_up(k->st, 1, false, 14 * MS);
	kit_input(k, ping, kit_ping(ping, 6, 10), 15 * MS);
	tern_stack_advance(k->st, 100000 * MS);
	tern_stack_advance(k->st, 5);
}

static void make_record(struct kit *k)
{
	kit_init(k);
	kit_record(k);
	kit_open(k, 5);
	run(k);
	tern_stack_free(k->st);
	k->st = NULL;
}

static int again(struct kit *k, const void *bytes, size_t len,
		 struct tern_replay *r)
{
	r->alloc = k->cfg.alloc;
	r->bytes = bytes;
	r->len = len;
	if (!r->until)
		r->until = TERN_NEVER;
	return tern_stack_replay(r);
}

static int replayed(struct kit *k, const void *bytes, size_t len)
{
	struct tern_replay r = { 0 };

	return again(k, bytes, len, &r);
}

static void the_same_calls_give_the_same_results(void **state)
{
	struct kit k;

	make_record(&k);
	assert_int_equal(replayed(&k, k.bytes, k.len), 0);
	kit_close(&k);
}

static void equal_runs_give_equal_records(void **state)
{
	struct kit a, b;

	make_record(&a);
	make_record(&b);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.bytes, b.bytes, a.len);
	kit_close(&a);
	kit_close(&b);
}

static void a_shared_pool_gives_the_same(void **state)
{
	struct tern_pool *pool;
	struct kit k;

	kit_init(&k);
	kit_record(&k);
	pool = k.cfg.pool = tern_pool_new(&k.cfg.alloc);
	kit_open(&k, 5);
	run(&k);
	tern_stack_free(k.st);
	k.st = NULL;
	tern_pool_free(pool);
	assert_int_equal(replayed(&k, k.bytes, k.len), 0);
	kit_close(&k);
}

struct seen {
	int in, out, calls;
	int64_t last;
};

static void see(void *ctx, int link, bool out, const struct tern_pkt *pkt,
		int64_t now)
{
	struct seen *s = ctx;

	assert_int_equal(link, 1);
	assert_true(now >= s->last);
	s->last = now;
	if (out)
		s->out++;
	else
		s->in++;
}

static void each_packet_is_shown(void **state)
{
	struct seen seen = { 0 };
	struct tern_replay r = { .each = see, .ctx = &seen };
	struct kit k;

	make_record(&k);
	assert_int_equal(again(&k, k.bytes, k.len, &r), 0);
	assert_int_equal(seen.in, 8);
	assert_int_equal(seen.out, 5);
	memset(&seen, 0, sizeof(seen));
	r.until = 7 * MS;
	assert_int_equal(again(&k, k.bytes, k.len, &r), 0);
	assert_int_equal(seen.in, 2);
	assert_int_equal(seen.out, 2);
	kit_close(&k);
}

struct copy {
	uint8_t *bytes;
	size_t len;
	int n_calls, n_sends;
};

static void write_down(void *ctx, const void *bytes, size_t len)
{
	struct copy *copy = ctx;

	copy->bytes = realloc(copy->bytes, copy->len + len);
	assert_non_null(copy->bytes);
	memcpy(copy->bytes + copy->len, bytes, len);
	copy->len += len;
}

static void count_call(void *ctx, const struct tern_replay_call *call)
{
	struct copy *copy = ctx;

	copy->n_calls++;
	copy->n_sends += !strcmp(call->name, "sendmsg") && call->result > 0;
}

static void blot(void *ctx, struct tern_replay_call *call)
{
	if (!strcmp(call->name, "sendmsg"))
		memset(call->in, 'x', call->in_len);
}

static void a_replay_may_be_written_down_and_is_the_same(void **state)
{
	struct copy copy = { 0 };
	struct tern_replay r = { .record = write_down,
				 .after = count_call,
				 .ctx = &copy };
	struct kit k;

	make_record(&k);
	assert_int_equal(again(&k, k.bytes, k.len, &r), 0);
	assert_int_equal(r.n_differ, 0);
	assert_int_equal(r.began_at, 5);
	assert_int_equal(copy.n_sends, 4);
	assert_int_equal(copy.len, k.len);
	assert_memory_equal(copy.bytes, k.bytes, k.len);
	free(copy.bytes);
	kit_close(&k);
}

static void what_goes_in_may_be_changed_and_replays_again(void **state)
{
	struct copy copy = { 0 };
	struct tern_replay r = { .record = write_down,
				 .before = blot,
				 .ctx = &copy };
	struct kit k;

	make_record(&k);
	assert_int_equal(again(&k, k.bytes, k.len, &r), 0);
	assert_true(r.n_differ > 0);
	assert_true(r.differs_at > 0 && r.differs_at < k.len);
	assert_int_equal(r.differs_now, 10 * MS);
	assert_null(memmem(copy.bytes, copy.len, "some words", 10));
	assert_int_equal(replayed(&k, copy.bytes, copy.len), 0);
	free(copy.bytes);
	kit_close(&k);
}

/* TTL is in what comes out, from the first ping on. */
static void a_knob_that_stands_otherwise_is_told_from_where(void **state)
{
	const struct tern_replay_knob same = { "ip_default_ttl", "64" };
	const struct tern_replay_knob other = { "ip_default_ttl", "9" };
	const struct tern_replay_knob none = { "no_such_knob", "1" };
	struct tern_replay r = { .knobs = &same, .n_knobs = 1 };
	struct kit k;

	make_record(&k);
	assert_int_equal(again(&k, k.bytes, k.len, &r), 0);
	assert_int_equal(r.n_differ, 0);
	r.knobs = &other;
	assert_int_equal(again(&k, k.bytes, k.len, &r), 0);
	assert_true(r.n_differ > 0);
	assert_int_equal(r.differs_now, 7 * MS);
	r.knobs = &none;
	assert_int_equal(again(&k, k.bytes, k.len, &r), -TERN_ENOENT);
	kit_close(&k);
}

static void a_replay_may_end_after_some_time(void **state)
{
	struct seen seen = { 0 };
	struct tern_replay r = { .each = see,
				 .ctx = &seen,
				 .for_ns = 7 * MS - 5 };
	struct kit k;

	make_record(&k);
	assert_int_equal(again(&k, k.bytes, k.len, &r), 0);
	assert_int_equal(seen.in, 2);
	kit_close(&k);
}

static void each_changed_byte_is_noticed(void **state)
{
	struct kit k;
	size_t i;

	make_record(&k);
	for (i = 0; i < k.len; i++) {
		k.bytes[i] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(replayed(&k, k.bytes, k.len), -TERN_EINVAL);
		k.bytes[i] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(replayed(&k, k.bytes, k.len), 0);
	kit_close(&k);
}

/* Cut between two frames it is the record of a run that ended there. */
static void a_record_may_end_early(void **state)
{
	int n_whole = 0, result;
	uint8_t *copy;
	struct kit k;
	size_t n;

	make_record(&k);
	for (n = 0; n < k.len; n++) {
		/* A block of just this size: nothing is read past it. */
		copy = malloc(n + 1);
		memcpy(copy + 1, k.bytes, n);
		result = replayed(&k, copy + 1, n);
		assert_true(result == 0 || result == -TERN_EINVAL);
		n_whole += !result;
		free(copy);
	}
	assert_true(n_whole > 50);
	kit_close(&k);
}

/* Walks a record's frames as doc/record.md tells, and makes the sums right
 * again. False: the frames themselves are broken. */
static bool sign(uint8_t *p, size_t len)
{
	uint32_t sum = 0x811c9dc5;
	size_t at = 0, end = 8, n, i;
	unsigned shift;

	while (end <= len) {
		for (; at < end; at++)
			sum = (sum ^ p[at]) * 0x01000193;
		if (end > 8) {
			if (len - at < 4)
				return false;
			for (i = 0; i < 4; i++)
				p[at++] = (uint8_t)(sum >> 8 * i);
		}
		if (at == len)
			return true;
		for (n = 0, i = at + 1, shift = 0; i < len; i++, shift += 7) {
			if (shift > 28)
				return false;
			n |= (size_t)(p[i] & 0x7f) << shift;
			if (!(p[i] & 0x80))
				break;
		}
		end = i + 1 + n;
	}
	return false;
}

static void a_run_that_differs_is_told_where(void **state)
{
	struct tern_replay r = { 0 };
	struct kit k;
	uint8_t *p;

	make_record(&k);
	/* The sysctl's text: 5 6. tcp_rmem then is what it was not. */
	p = memmem(k.bytes, k.len,
		   "tcp_rmem\3"
		   "5 6",
		   12);
	assert_non_null(p);
	p[9] = 'x';
	assert_true(sign(k.bytes, k.len));
	assert_int_equal(again(&k, k.bytes, k.len, &r), -TERN_EPROTO);
	assert_true(k.bytes + r.differs_at < p);
	assert_true(k.bytes + r.differs_at > p - 16);
	kit_close(&k);
}

static void a_forged_record_does_no_harm(void **state)
{
	int results[200] = { 0 }, result, i, j;
	uint8_t *copy;
	struct kit k;

	check_seed();
	make_record(&k);
	copy = malloc(k.len);
	for (i = 0; i < 5000; i++) {
		memcpy(copy, k.bytes, k.len);
		for (j = (int)check_below(4); j >= 0; j--)
			copy[check_below((uint32_t)k.len)] =
				(uint8_t)check_magnitude(8);
		if (!sign(copy, k.len))
			continue;
		/* A configuration that asks for much must not have it. */
		k.alloc.n_left = 4000;
		result = replayed(&k, copy, k.len);
		assert_true(result <= 0 && result > -200);
		results[-result]++;
	}
	assert_true(results[TERN_EPROTO] > 100);
	assert_true(results[TERN_EINVAL] > 100);
	free(copy);
	kit_close(&k);
}

static void random_bytes_are_no_record(void **state)
{
	uint8_t bytes[300];
	struct kit k;
	int i;

	check_seed();
	kit_init(&k);
	assert_int_equal(replayed(&k, NULL, 0), -TERN_EINVAL);
	assert_int_equal(replayed(&k, "", 0), -TERN_EINVAL);
	assert_int_equal(replayed(&k, "TERNREC1", 8), -TERN_EINVAL);
	for (i = 0; i < 1000; i++) {
		check_fill(bytes, sizeof(bytes));
		if (i % 2)
			memcpy(bytes, "TERNREC1", 8);
		assert_int_equal(replayed(&k, bytes, check_below(300)),
				 -TERN_EINVAL);
	}
	kit_close(&k);
}

static void a_controller_is_found_by_name(void **state)
{
	const struct tern_cc_ops *known[] = { &mine };
	struct tern_replay r = { 0 };
	struct kit k;

	kit_init(&k);
	kit_record(&k);
	kit_open(&k, 0);
	assert_int_equal(tern_cc_register(k.st, &mine), 0);
	assert_int_equal(
		tern_sysctl_set(k.st, "tcp_congestion_control", "mine", 0), 0);
	assert_int_equal(again(&k, k.bytes, k.len, &r), -TERN_ENOENT);
	r.cc = known;
	r.n_cc = 1;
	assert_int_equal(again(&k, k.bytes, k.len, &r), 0);
	kit_close(&k);
}

static struct kit failing;

static void replay_failing(struct check_alloc *a)
{
	struct tern_replay r = {
		.alloc = check_allocator(a),
		.bytes = failing.bytes,
		.len = failing.len,
		.until = TERN_NEVER,
	};
	int result = tern_stack_replay(&r);

	assert_true(result == 0 || result == -TERN_ENOMEM ||
		    result == -TERN_EPROTO);
}

static void a_failing_allocation_leaks_nothing(void **state)
{
	make_record(&failing);
	check_each_failure(replay_failing);
	kit_close(&failing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_calls_give_the_same_results),
		cmocka_unit_test(equal_runs_give_equal_records),
		cmocka_unit_test(a_shared_pool_gives_the_same),
		cmocka_unit_test(each_packet_is_shown),
		cmocka_unit_test(a_replay_may_be_written_down_and_is_the_same),
		cmocka_unit_test(what_goes_in_may_be_changed_and_replays_again),
		cmocka_unit_test(
			a_knob_that_stands_otherwise_is_told_from_where),
		cmocka_unit_test(a_replay_may_end_after_some_time),
		cmocka_unit_test(each_changed_byte_is_noticed),
		cmocka_unit_test(a_record_may_end_early),
		cmocka_unit_test(a_run_that_differs_is_told_where),
		cmocka_unit_test(a_forged_record_does_no_harm),
		cmocka_unit_test(random_bytes_are_no_record),
		cmocka_unit_test(a_controller_is_found_by_name),
		cmocka_unit_test(a_failing_allocation_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
