// SPDX-License-Identifier: BSD-2-Clause
/* Socket options on TCP, as the kernel has them (opt_rules.h), and the block
 * that sockets share while they do not differ. */
#include "tcp/tcp_priv.h"

#include "stack_kit.h"
#include "opt_rules.h"

#include <string.h>

static struct kit kit;
static struct tern_stack *st;

static int set_up(void **state)
{
	(void)state;
	kit_init(&kit);
	kit_open(&kit, 0);
	st = kit.st;
	/* The machine that was asked had a larger tcp_rmem. */
	st->tun.tcp_rmem[2] = 33554432;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kit_close(&kit);
	return 0;
}

static uint32_t new_socket(int family)
{
	int id = tcp_new(st, family);

	assert_true(id > 0);
	return (uint32_t)id;
}

static int set_int(uint32_t id, int level, int name, int v)
{
	return tcp_setsockopt(st, id, level, name, &v, sizeof(v));
}

static int get_int(uint32_t id, int level, int name, int *v)
{
	size_t len = sizeof(*v);
	int err = tcp_getsockopt(st, id, level, name, v, &len);

	if (!err)
		assert_int_equal(len, sizeof(*v));
	return err;
}

static void every_option_is_set_and_read_as_on_linux(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(opt_rules) / sizeof(opt_rules[0]); i++) {
		const struct opt_rule *r = &opt_rules[i];
		uint32_t id = new_socket(r->family);
		int err = set_int(id, r->level, r->name, r->value), got = 0;
		int get_err = get_int(id, r->level, r->name, &got);

		if (-err != r->error || -get_err != r->get_error ||
		    got != r->got)
			fail_msg("level %d option %d set to %d: error %d, "
				 "reads %d (error %d); Linux: %d, %d (%d)",
				 r->level, r->name, r->value, -err, got,
				 -get_err, r->error, r->got, r->get_error);
		tcp_close(st, id);
	}
}

struct len_rule {
	int family, level, name, value;
	size_t len;
	int error, got;
};

static void lengths_count_as_on_linux(void **state)
{
	static const struct len_rule rules[] = {
		{ V4, 1, TERN_SO_REUSEADDR, 1, 3, TERN_EINVAL, 0 },
		{ V4, 1, TERN_SO_REUSEADDR, 1, 8, 0, 1 },
		{ V4, 1, 999, 1, 3, TERN_EINVAL, -1 },
		{ V4, 1, 999, 1, 4, TERN_ENOPROTOOPT, -1 },
		{ V4, 6, TERN_TCP_KEEPIDLE, 5, 0, TERN_EINVAL, 7200 },
		{ V4, 6, TERN_TCP_KEEPIDLE, 5, 8, 0, 5 },
		{ V4, 6, 999, 1, 3, TERN_EINVAL, -1 },
		{ V4, 6, 999, 1, 4, TERN_ENOPROTOOPT, -1 },
		{ V4, 0, TERN_IP_TOS, 8, 0, 0, 0 },
		{ V4, 0, TERN_IP_TOS, 8, 1, 0, 8 },
		{ V4, 0, TERN_IP_TOS, 8, 3, 0, 8 },
		{ V4, 0, TERN_IP_TTL, 9, 0, TERN_EINVAL, 64 },
		{ V4, 0, TERN_IP_TTL, 9, 1, 0, 9 },
		{ V4, 0, TERN_IP_MTU_DISCOVER, 2, 0, 0, 0 },
		{ V4, 0, 999, 1, 1, TERN_ENOPROTOOPT, -1 },
		{ V6, 0, TERN_IP_TTL, 9, 1, 0, 9 },
		{ V6, 41, TERN_IPV6_TCLASS, 8, 3, TERN_EINVAL, 0 },
		{ V6, 41, TERN_IPV6_TCLASS, 8, 4, 0, 8 },
		{ V6, 41, 999, 1, 1, TERN_ENOPROTOOPT, -1 },
		{ V4, 41, TERN_IPV6_V6ONLY, 1, 4, TERN_ENOPROTOOPT, -1 },
		{ V4, 99, 1, 1, 4, TERN_ENOPROTOOPT, -1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct len_rule *r = &rules[i];
		uint32_t id = new_socket(r->family);
		uint8_t bytes[8] = { 0 };
		int got;

		/* In the machine's own order: the low byte, then none. */
		memcpy(bytes, &r->value, sizeof(r->value));
		if (r->len > 0 && r->len < 4)
			bytes[0] = (uint8_t)r->value;
		assert_int_equal(tcp_setsockopt(st, id, r->level, r->name,
						bytes, r->len),
				 -r->error);
		if (r->got >= 0) {
			assert_int_equal(get_int(id, r->level, r->name, &got),
					 0);
			assert_int_equal(got, r->got);
		}
		tcp_close(st, id);
	}
}

static void a_short_answer_is_cut_and_ip_gives_a_byte(void **state)
{
	uint32_t id = new_socket(V4);
	uint8_t b[8];
	size_t len;

	(void)state;
	len = 3;
	assert_int_equal(tcp_getsockopt(st, id, TERN_SOL_SOCKET, TERN_SO_RCVBUF,
					b, &len),
			 0);
	assert_int_equal(len, 3);
	len = 3;
	assert_int_equal(tcp_getsockopt(st, id, TERN_IPPROTO_IP, TERN_IP_TTL, b,
					&len),
			 0);
	assert_int_equal(len, 1);
	assert_int_equal(b[0], 64);
	len = 0;
	assert_int_equal(tcp_getsockopt(st, id, TERN_IPPROTO_IP, TERN_IP_TTL, b,
					&len),
			 0);
	assert_int_equal(len, 0);
	len = 7;
	assert_int_equal(tcp_getsockopt(st, id, TERN_SOL_SOCKET, TERN_SO_COOKIE,
					b, &len),
			 -TERN_EINVAL);
	len = 4;
	assert_int_equal(tcp_getsockopt(st, id, TERN_IPPROTO_IPV6, 26, b, &len),
			 -TERN_EOPNOTSUPP);
	tcp_close(st, id);
}

static void linger_keeps_its_time_while_it_is_off(void **state)
{
	uint32_t id = new_socket(V4);
	struct tern_linger v = { 1, 5 };
	size_t len = sizeof(v);

	(void)state;
	assert_int_equal(tcp_setsockopt(st, id, 1, TERN_SO_LINGER, &v, 7),
			 -TERN_EINVAL);
	assert_int_equal(tcp_setsockopt(st, id, 1, TERN_SO_LINGER, &v, len), 0);
	v = (struct tern_linger){ 0, 7 };
	assert_int_equal(tcp_setsockopt(st, id, 1, TERN_SO_LINGER, &v, len), 0);
	assert_int_equal(tcp_getsockopt(st, id, 1, TERN_SO_LINGER, &v, &len),
			 0);
	assert_int_equal(v.onoff, 0);
	assert_int_equal(v.linger, 5);
	tcp_close(st, id);
}

static int set_timeo(uint32_t id, long sec, long usec)
{
	long v[2] = { sec, usec };

	return tcp_setsockopt(st, id, 1, TERN_SO_RCVTIMEO, v, sizeof(v));
}

static void timeouts_are_a_timeval(void **state)
{
	uint32_t id = new_socket(V4);
	size_t len = 2 * sizeof(long);
	long v[2];

	(void)state;
	assert_int_equal(set_timeo(id, 1, 1000000), -TERN_EDOM);
	assert_int_equal(set_timeo(id, 1, -1), -TERN_EDOM);
	assert_int_equal(set_timeo(id, 3, 20), 0);
	assert_int_equal(tcp_getsockopt(st, id, 1, TERN_SO_RCVTIMEO, v, &len),
			 0);
	assert_int_equal(v[0], 3);
	assert_int_equal(v[1], 20);
	/* A negative one does not wait, and reads as none. */
	assert_int_equal(set_timeo(id, -1, 5), 0);
	assert_int_equal(conn_at(st, id)->opts->rcvtimeo_ns, -1);
	assert_int_equal(tcp_getsockopt(st, id, 1, TERN_SO_RCVTIMEO, v, &len),
			 0);
	assert_int_equal(v[0], 0);
	tcp_close(st, id);
}

static void pacing_rates_have_32_bits_or_64(void **state)
{
	uint32_t id = new_socket(V4), v4 = UINT32_MAX;
	uint64_t v = UINT64_C(5) << 32;
	size_t len;

	(void)state;
	assert_int_equal(tcp_setsockopt(st, id, 1, TERN_SO_MAX_PACING_RATE, &v,
					sizeof(v)),
			 0);
	len = sizeof(v4);
	tcp_getsockopt(st, id, 1, TERN_SO_MAX_PACING_RATE, &v4, &len);
	assert_int_equal(v4, UINT32_MAX);
	assert_int_equal(tcp_setsockopt(st, id, 1, TERN_SO_MAX_PACING_RATE, &v4,
					sizeof(v4)),
			 0);
	len = sizeof(v);
	tcp_getsockopt(st, id, 1, TERN_SO_MAX_PACING_RATE, &v, &len);
	assert_true(v == UINT64_MAX);
	tcp_close(st, id);
}

static void congestion_control_goes_by_name(void **state)
{
	uint32_t id = new_socket(V4);
	char name[20] = "";
	size_t len = sizeof(name);

	(void)state;
	assert_int_equal(
		tcp_setsockopt(st, id, 6, TERN_TCP_CONGESTION, "reno", 4), 0);
	assert_int_equal(tcp_setsockopt(st, id, 6, TERN_TCP_CONGESTION, "ren",
					3),
			 -TERN_ENOENT);
	assert_int_equal(tcp_setsockopt(st, id, 6, TERN_TCP_CONGESTION, "", 0),
			 -TERN_EINVAL);
	assert_int_equal(
		tcp_getsockopt(st, id, 6, TERN_TCP_CONGESTION, name, &len), 0);
	assert_int_equal(len, 16);
	assert_string_equal(name, "reno");
	assert_int_equal(tcp_setsockopt(st, id, 6, TERN_TCP_ULP, "tls", 4),
			 -TERN_ENOENT);
	tcp_close(st, id);
}

static void an_error_is_told_once_and_a_soft_one_after_it(void **state)
{
	uint32_t id = new_socket(V4);
	struct tcp_conn *c = conn_at(st, id);
	int v;

	(void)state;
	c->error = TERN_ECONNRESET;
	c->soft_error = TERN_EHOSTUNREACH;
	get_int(id, 1, TERN_SO_ERROR, &v);
	assert_int_equal(v, TERN_ECONNRESET);
	get_int(id, 1, TERN_SO_ERROR, &v);
	assert_int_equal(v, TERN_EHOSTUNREACH);
	get_int(id, 1, TERN_SO_ERROR, &v);
	assert_int_equal(v, 0);
	tcp_close(st, id);
}

static void v6only_is_for_sockets_without_a_port(void **state)
{
	struct tern_sockaddr sa = { .family = V6, .port = 5000 };
	uint32_t id = new_socket(V6);

	(void)state;
	assert_int_equal(set_int(id, 41, TERN_IPV6_V6ONLY, 1), 0);
	assert_int_equal(tcp_bind(st, id, &sa), 0);
	assert_int_equal(set_int(id, 41, TERN_IPV6_V6ONLY, 0), -TERN_EINVAL);
	tcp_close(st, id);
}

static void a_listener_says_so_and_defers_in_timeouts(void **state)
{
	struct tern_sockaddr sa = kit_v4(10, 0, 0, 1, 5000);
	uint32_t id = new_socket(V4);
	struct tern_tcp_info info;
	size_t len = sizeof(info);
	int v;

	(void)state;
	assert_int_equal(set_int(id, 6, TERN_TCP_DEFER_ACCEPT, 10), 0);
	assert_int_equal(conn_at(st, id)->opts->defer_accept_s, 4);
	assert_int_equal(tcp_bind(st, id, &sa), 0);
	assert_int_equal(tcp_listen(st, id, 7), 0);
	get_int(id, 1, TERN_SO_ACCEPTCONN, &v);
	assert_int_equal(v, 1);
	assert_int_equal(set_int(id, 6, TERN_TCP_WINDOW_CLAMP, 0),
			 -TERN_EINVAL);
	assert_int_equal(tcp_getsockopt(st, id, 6, TERN_TCP_INFO, &info, &len),
			 0);
	assert_int_equal(len, 280);
	assert_int_equal(info.state, TERN_TCP_LISTEN);
	assert_int_equal(info.unacked, 0);
	assert_int_equal(info.sacked, 7);
	assert_int_equal(info.rto, 0);
	tcp_close(st, id);
}

static void a_new_socket_has_linux_s_tcp_info(void **state)
{
	uint32_t id = new_socket(V4);
	struct tern_tcp_info t;
	size_t len = sizeof(t);

	(void)state;
	assert_int_equal(tcp_getsockopt(st, id, 6, TERN_TCP_INFO, &t, &len), 0);
	assert_int_equal(t.state, TERN_TCP_CLOSE);
	assert_int_equal(t.rto, 1000000);
	assert_int_equal(t.ato, 0);
	assert_int_equal(t.snd_mss, 536);
	assert_int_equal(t.rcv_mss, 0);
	assert_int_equal(t.rtt, 0);
	assert_int_equal(t.rttvar, 250000);
	assert_int_equal(t.snd_ssthresh, 0x7fffffff);
	assert_int_equal(t.snd_cwnd, 10);
	assert_int_equal(t.reordering, 3);
	assert_int_equal(t.min_rtt, UINT32_MAX);
	assert_true(t.pacing_rate == UINT64_MAX);
	assert_true(t.max_pacing_rate == UINT64_MAX);
	assert_int_equal(t.delivered, 0);
	assert_int_equal(t.rcv_space, 0);
	tcp_close(st, id);
}

static void options_are_shared_until_they_differ(void **state)
{
	uint32_t a = new_socket(V4), b = new_socket(V4);
	struct tcp_opts *common = conn_at(st, a)->opts;

	(void)state;
	assert_ptr_equal(conn_at(st, b)->opts, common);
	assert_int_equal(st->tcp.opts.n_used, 1);
	/* What is kept in the socket itself needs no block. */
	set_int(a, 6, TERN_TCP_NODELAY, 1);
	set_int(a, 1, TERN_SO_RCVBUF, 100000);
	assert_int_equal(st->tcp.opts.n_used, 1);
	set_int(a, 6, TERN_TCP_KEEPIDLE, 100);
	assert_int_equal(st->tcp.opts.n_used, 2);
	set_int(a, 6, TERN_TCP_KEEPCNT, 3);
	assert_int_equal(st->tcp.opts.n_used, 2);
	assert_int_equal(conn_at(st, b)->opts->keepidle_s, 0);
	assert_int_equal(common->keepidle_s, 0);
	tcp_close(st, a);
	assert_int_equal(st->tcp.opts.n_used, 1);
	tcp_close(st, b);
}

static void without_memory_an_option_stays_as_it_was(void **state)
{
	uint32_t id = new_socket(V4);
	int v;

	(void)state;
	/* Memory for another slab chunk is what there is none of. */
	st->mem.cap = st->mem.used;
	while (set_int(id, 6, TERN_TCP_KEEPIDLE, 100) == 0)
		id = new_socket(V4);
	assert_int_equal(set_int(id, 6, TERN_TCP_KEEPIDLE, 100), -TERN_ENOMEM);
	get_int(id, 6, TERN_TCP_KEEPIDLE, &v);
	assert_int_equal(v, 7200);
	st->mem.cap = 0;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(every_option_is_set_and_read_as_on_linux),
		TEST(lengths_count_as_on_linux),
		TEST(a_short_answer_is_cut_and_ip_gives_a_byte),
		TEST(linger_keeps_its_time_while_it_is_off),
		TEST(timeouts_are_a_timeval),
		TEST(pacing_rates_have_32_bits_or_64),
		TEST(congestion_control_goes_by_name),
		TEST(an_error_is_told_once_and_a_soft_one_after_it),
		TEST(v6only_is_for_sockets_without_a_port),
		TEST(a_listener_says_so_and_defers_in_timeouts),
		TEST(a_new_socket_has_linux_s_tcp_info),
		TEST(options_are_shared_until_they_differ),
		TEST(without_memory_an_option_stays_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
