// SPDX-License-Identifier: BSD-2-Clause
/*
 * The flight recorder: what ends by accident is told, what is kept is bounded,
 * and what is written replays as it was.
 */
#define _GNU_SOURCE /* memmem */
#include "net_kit.h"

#include "wire/wire_tcp.h"

#include <stdlib.h>
#include <string.h>

struct told {
	struct net n;
	struct tern_flight last;
	int times;
	int error;
	struct tern_flight_file file;
	uint8_t *bytes;
	size_t len;
	uint64_t data_max;
	uint32_t iss;  /* of the connection made last */
	uint16_t port; /* of the peer's, whose segments drain() counts */
};

static void on_bytes(void *ctx, const void *bytes, size_t len)
{
	struct told *t = ctx;

	t->bytes = realloc(t->bytes, t->len + len);
	assert_non_null(t->bytes);
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
}

static void on_flight(void *ctx, const struct tern_flight *f)
{
	struct told *t = ctx;

	t->times++;
	t->last = *f;
	t->len = 0;
	t->file = (struct tern_flight_file){ on_bytes, t, t->data_max };
	t->error = tern_flight_write(f->st, f->id, &t->file);
}

static void begin(struct told *t, size_t size)
{
	*t = (struct told){ 0 };
	kit_init(&t->n.kit);
	t->n.kit.cfg.flight_size = size;
	t->n.kit.cfg.flight = on_flight;
	t->n.kit.cfg.flight_ctx = t;
	kit_open(&t->n.kit, 1);
	t->n.st = t->n.kit.st;
	t->n.now = 1;
}

static void end(struct told *t)
{
	net_close(&t->n);
	free(t->bytes);
}

/* A segment from 10.0.0.2 and this port to our port 80. */
static void segment(struct told *t, uint16_t port, uint16_t flags, uint32_t seq,
		    uint32_t ack, const char *data)
{
	struct wire_ip ip = {
		.src = net_addr("10.0.0.2"),
		.dst = net_addr("10.0.0.1"),
		.protocol = WIRE_PROTO_TCP,
	};
	uint8_t tcp[1500] = { 0 }, out[1600];
	size_t n = data ? strlen(data) : 0;

	put_be16(tcp, port);
	put_be16(tcp + 2, 80);
	put_be32(tcp + 4, seq);
	put_be32(tcp + 8, ack);
	tcp[12] = 0x50;
	tcp[13] = (uint8_t)flags;
	put_be16(tcp + 14, 30000);
	if (n)
		memcpy(tcp + 20, data, n);
	put_be16(tcp + 16, csum_fold(csum_add(csum_pseudo(&ip.src, &ip.dst,
							  WIRE_PROTO_TCP,
							  (uint32_t)(20 + n)),
					      tcp, 20 + n)));
	net_in(&t->n, out, net_ip(out, &ip, tcp, 20 + n));
}

static int listen_at(struct told *t, const char *addr)
{
	struct tern_sockaddr here = net_name(addr, 80);
	int l = tern_socket(t->n.st, TERN_AF_INET, TERN_SOCK_STREAM, 0,
			    t->n.now);

	assert_int_equal(tern_bind(t->n.st, l, &here, t->n.now), 0);
	assert_int_equal(tern_listen(t->n.st, l, 10, t->n.now), 0);
	return l;
}

static int listen_at_80(struct told *t)
{
	return listen_at(t, "10.0.0.1");
}

/* A connection from this port; its first number is 100. */
static int connected(struct told *t, int l, uint16_t port)
{
	segment(t, port, TCP_SYN, 100, 0, NULL);
	assert_true(net_out(&t->n));
	t->iss = get_be32(t->n.p + 4);
	segment(t, port, TCP_ACK, 101, t->iss + 1, NULL);
	return tern_accept(t->n.st, l, NULL, t->n.now);
}

static int drain(struct told *t)
{
	int n = 0;

	while (net_out(&t->n))
		n += get_be16(t->n.p + 2) == t->port;
	return n;
}

static uint64_t n_replayed;

static void count_out(void *ctx, int link, bool out, const struct tern_pkt *pkt,
		      int64_t now)
{
	n_replayed += out;
}

/* What was written is a record that replays to its last byte. */
static void replays(const struct told *t, uint64_t n_out)
{
	struct tern_replay r = {
		.alloc = t->n.kit.cfg.alloc,
		.bytes = t->bytes,
		.len = t->len,
		.each = count_out,
		.until = TERN_NEVER,
	};

	n_replayed = 0;
	assert_int_equal(t->error, 0);
	assert_int_equal(tern_stack_replay(&r), 0);
	assert_int_equal(n_replayed, n_out);
	assert_int_equal(t->file.n_out, n_out);
	assert_int_equal(t->file.n_differ, 0);
}

static void a_reset_connection_is_told_and_replays(void **state)
{
	struct told t;
	char got[100];
	int l, a, n = 1; /* the SYN-ACK is seen by connected() */

	begin(&t, 1 << 20);
	l = listen_at_80(&t);
	/* Others are there, before it and with the same numbers after. */
	tern_close(t.n.st, connected(&t, l, 4000), t.n.now);
	drain(&t);
	t.port = 4001;
	a = connected(&t, l, 4001);
	net_wait(&t.n, 30 * MS);
	segment(&t, 4001, TCP_ACK | TCP_PSH, 101, t.iss + 1, "secret words");
	assert_int_equal(tern_recv(t.n.st, a, got, 6, 0, t.n.now), 6);
	assert_int_equal(tern_recv(t.n.st, a, got, 50, 0, t.n.now), 6);
	assert_int_equal(tern_recv(t.n.st, a, got, 50, 0, t.n.now),
			 -TERN_EAGAIN);
	assert_int_equal(tern_send(t.n.st, a, "answers", 7, 0, t.n.now), 7);
	n += drain(&t);
	net_wait(&t.n, 300 * MS); /* it is sent again, by its timer */
	n += drain(&t);
	segment(&t, 4001, TCP_RST, 113, 0, NULL);
	assert_int_equal(tern_recv(t.n.st, a, got, 50, 0, t.n.now),
			 -TERN_ECONNRESET);
	assert_int_equal(t.times, 0); /* its program still looks at it */
	tern_close(t.n.st, a, t.n.now);
	net_wait(&t.n, 1);
	assert_int_equal(t.times, 1);
	assert_int_equal(t.last.error, TERN_ECONNRESET);
	assert_int_equal(t.last.remote.port, 4001);
	assert_true(n >= 3);
	replays(&t, (uint64_t)n);
	assert_null(memmem(t.bytes, t.len, "secret", 6));
	assert_null(memmem(t.bytes, t.len, "answers", 7));
	assert_non_null(memmem(t.bytes, t.len, "xxxxxxxxxxxx", 12));
	end(&t);
}

static void a_clean_end_is_not_told(void **state)
{
	struct told t;
	int l, a;

	begin(&t, 1 << 20);
	l = listen_at_80(&t);
	a = connected(&t, l, 4000);
	tern_close(t.n.st, a, t.n.now);
	drain(&t);
	segment(&t, 4000, TCP_FIN | TCP_ACK, 101, t.iss + 2, NULL);
	drain(&t);
	/* Nor is a refusal. */
	segment(&t, 4001, TCP_SYN, 100, 0, NULL);
	segment(&t, 4001, TCP_RST, 101, 0, NULL);
	drain(&t);
	net_wait(&t.n, 100 * S);
	end(&t);
	assert_int_equal(t.times, 0);
}

static void a_reset_of_ours_is_told(void **state)
{
	struct told t;
	int l, a;

	begin(&t, 1 << 20);
	l = listen_at_80(&t);
	a = connected(&t, l, 4000);
	segment(&t, 4000, TCP_ACK | TCP_PSH, 101, t.iss + 1, "never read");
	tern_close(t.n.st, a, t.n.now);
	drain(&t);
	net_wait(&t.n, 1);
	assert_int_equal(t.times, 1);
	replays(&t, 3); /* SYN-ACK, ACK, RST */
	end(&t);
}

static void who_gives_up_is_told_with_its_port(void **state)
{
	struct tern_sockaddr there = net_name("10.0.0.2", 9);
	struct told t;
	int c, n = 0, n_out = 0;

	begin(&t, 1 << 20);
	t.port = 9;
	/* Takes the port that would be the first in a run of its own. */
	c = tern_socket(t.n.st, TERN_AF_INET, TERN_SOCK_STREAM, 0, t.n.now);
	tern_connect(t.n.st, c, &there, t.n.now);
	c = tern_socket(t.n.st, TERN_AF_INET, TERN_SOCK_STREAM, 0, t.n.now);
	tern_connect(t.n.st, c, &there, t.n.now);
	while (n++ < 300 && !t.times) {
		n_out += drain(&t);
		net_wait(&t.n, S);
	}
	assert_int_equal(t.last.error, TERN_ETIMEDOUT);
	assert_true(n_out / 2 > 5);
	replays(&t, (uint64_t)n_out / 2);
	end(&t);
	assert_int_equal(t.times, 2);
}

/* The first listener at a port was taken for that of all its addresses, so what
 * was written for the second one's connections did not replay. */
static void each_address_has_its_own_listener(void **state)
{
	struct told t;
	int l, a;

	begin(&t, 1 << 20);
	listen_at(&t, "127.0.0.1");
	l = listen_at_80(&t);
	a = connected(&t, l, 4000);
	segment(&t, 4000, TCP_RST, 101, 0, NULL);
	tern_close(t.n.st, a, t.n.now);
	net_wait(&t.n, 1);
	assert_int_equal(t.times, 1);
	replays(&t, 1);
	end(&t);
}

static size_t used(const struct told *t)
{
	return t->n.kit.alloc.used;
}

static void what_is_kept_is_bounded(void **state)
{
	struct told t;
	size_t before;
	int l, a, i;

	begin(&t, 100000);
	l = listen_at_80(&t);
	a = connected(&t, l, 3999);
	before = used(&t);
	for (i = 0; i < 5000; i++) {
		connected(&t, l, (uint16_t)(4000 + i));
		segment(&t, (uint16_t)(4000 + i), TCP_RST, 101, 0, NULL);
		tern_close(t.n.st, a + 1, t.n.now);
		drain(&t);
	}
	net_wait(&t.n, 10 * S);
	assert_int_equal(t.times, 5000);
	assert_true(used(&t) < before + 200000);
	/* The one that lived through all of it. */
	segment(&t, 3999, TCP_RST, 101, 0, NULL);
	tern_close(t.n.st, a, t.n.now);
	net_wait(&t.n, 1);
	assert_int_equal(t.times, 5001);
	assert_int_equal(t.last.remote.port, 3999);
	replays(&t, 1);
	end(&t);
}

static void one_that_is_too_long_is_told_as_lost(void **state)
{
	struct told t;
	uint32_t i;
	int l, a;

	begin(&t, 20000);
	l = listen_at_80(&t);
	a = connected(&t, l, 4000);
	for (i = 0; i < 1000; i++) {
		char got[8];

		segment(&t, 4000, TCP_ACK, 101 + 4 * i, t.iss + 1, "data");
		tern_recv(t.n.st, a, got, sizeof(got), 0, t.n.now);
		drain(&t);
	}
	segment(&t, 4000, TCP_RST, 101 + 4000, 0, NULL);
	tern_close(t.n.st, a, t.n.now);
	net_wait(&t.n, 1);
	assert_int_equal(t.times, 1);
	assert_true(t.last.is_lost);
	assert_int_equal(t.error, -TERN_ENOENT);
	end(&t);
}

static void too_much_data_for_a_file_is_refused(void **state)
{
	struct told t;
	int l, a;

	begin(&t, 1 << 20);
	t.data_max = 3;
	l = listen_at_80(&t);
	a = connected(&t, l, 4000);
	segment(&t, 4000, TCP_ACK, 101, t.iss + 1, "data");
	segment(&t, 4000, TCP_RST, 105, 0, NULL);
	tern_close(t.n.st, a, t.n.now);
	net_wait(&t.n, 1);
	assert_int_equal(t.error, -TERN_EMSGSIZE);
	end(&t);
}

static void who_dies_writes_what_it_was_about(void **state)
{
	struct told t;
	int l;

	begin(&t, 1 << 20);
	l = listen_at_80(&t);
	connected(&t, l, 4000);
	connected(&t, l, 4001);
	net_wait(&t.n, 10 * MS);
	t.file = (struct tern_flight_file){ on_bytes, &t, 0 };
	t.len = 0;
	assert_int_equal(tern_flight_write(t.n.st, 0, &t.file), 0);
	/* Segments of several are not compared. */
	t.file.n_out = 2;
	replays(&t, 2);
	assert_int_equal(tern_flight_write(t.n.st, 99, &t.file), -TERN_ENOENT);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reset_connection_is_told_and_replays),
		cmocka_unit_test(a_clean_end_is_not_told),
		cmocka_unit_test(a_reset_of_ours_is_told),
		cmocka_unit_test(who_gives_up_is_told_with_its_port),
		cmocka_unit_test(each_address_has_its_own_listener),
		cmocka_unit_test(what_is_kept_is_bounded),
		cmocka_unit_test(one_that_is_too_long_is_told_as_lost),
		cmocka_unit_test(too_much_data_for_a_file_is_refused),
		cmocka_unit_test(who_dies_writes_what_it_was_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
