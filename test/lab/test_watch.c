// SPDX-License-Identifier: BSD-2-Clause
/*
 * The observer beside a host goes red: it is shown segments that no host may
 * send, and told of connections that no host may have, one invariant each.
 */
#include "../unit/check.h"

#include "lab/lab_host.h"
#include "lab/lab_log.h"

#include <stdlib.h>
#include <string.h>

#define HOST 0 /* the observer's port on the host's side */
#define WIRE 1

struct scene {
	struct drill_mem mem;
	struct lab_net net;
	struct lab_log log;
	struct lab_node *watch;
};

static struct lab_frame *segment(bool out, uint16_t flags, uint32_t seq,
				 uint32_t ack, uint16_t win, uint32_t len)
{
	struct lab_frame *f = lab_frame_new(40 + len);
	uint8_t *b = f->bytes;

	memset(b, 0, 40 + len);
	b[0] = 0x45;
	put_be16(b + 2, (uint16_t)(40 + len));
	b[8] = 64;
	b[9] = WIRE_PROTO_TCP;
	put_be32(b + 12, out ? 0x0a000001 : 0x0a000002);
	put_be32(b + 16, out ? 0x0a000002 : 0x0a000001);
	put_be16(b + 20, out ? 1000 : 80);
	put_be16(b + 22, out ? 80 : 1000);
	put_be32(b + 24, seq);
	put_be32(b + 28, ack);
	put_be16(b + 32, (uint16_t)(5 << 12 | flags));
	put_be16(b + 34, win);
	return f;
}

static void out(struct scene *s, uint16_t flags, uint32_t seq, uint32_t ack,
		uint16_t win, uint32_t len)
{
	s->watch->ops->forward(s->watch, HOST,
			       segment(true, flags, seq, ack, win, len), 0);
}

static void in(struct scene *s, uint16_t flags, uint32_t seq, uint32_t ack,
	       uint16_t win, uint32_t len)
{
	s->watch->ops->forward(s->watch, WIRE,
			       segment(false, flags, seq, ack, win, len), 0);
}

/* A connection whose host has sent 100 and received 200 bytes; each side has
 * a window of 1000. */
static void open_one(struct scene *s)
{
	struct lab_host *host;

	memset(s, 0, sizeof(*s));
	lab_log_init(&s->log, &s->mem);
	lab_net_init(&s->net, 1, &s->log);
	host = lab_host_new(&s->net, "client");
	assert_non_null(host);
	assert_null(lab_host_boot(host));
	s->watch = lab_watch_new(&s->net, host);
	assert_non_null(s->watch);
	out(s, TCP_SYN, 99, 0, 1000, 0);
	in(s, TCP_SYN | TCP_ACK, 499, 100, 1000, 0);
	out(s, TCP_ACK, 100, 500, 1000, 0);
	out(s, TCP_ACK, 100, 500, 1000, 100);
	in(s, TCP_ACK, 500, 200, 1000, 200);
	out(s, TCP_ACK, 200, 700, 1000, 0);
	assert_int_equal(s->log.n_broken, 0);
}

static void close_one(struct scene *s, const char *what)
{
	if (what) {
		assert_int_equal(s->log.n_broken, 1);
		assert_non_null(strstr(s->log.broken.s, "client, port 1000"));
		assert_non_null(strstr(s->log.broken.s, what));
	} else {
		assert_int_equal(s->log.n_broken, 0);
	}
	lab_net_fini(&s->net);
	lab_log_fini(&s->log);
	drill_mem_fini(&s->mem);
}

static void the_last_byte_of_the_window_is_no_fault(void **state)
{
	struct scene s;

	open_one(&s);
	out(&s, TCP_ACK, 200, 700, 1000, 1000);
	close_one(&s, NULL);
}

static void a_byte_beyond_the_peers_window_is_seen(void **state)
{
	struct scene s;

	open_one(&s);
	out(&s, TCP_ACK, 200, 700, 1000, 1001);
	close_one(&s, "a byte beyond the peer's window");
}

static void an_acknowledgement_that_goes_back_is_seen(void **state)
{
	struct scene s;

	open_one(&s);
	/* Its right edge stays where it was. */
	out(&s, TCP_ACK, 200, 699, 1001, 0);
	close_one(&s, "the acknowledgement goes back");
}

static void a_right_edge_that_moves_left_is_seen(void **state)
{
	struct scene s;

	open_one(&s);
	/* By one it may: what a scale rounds away. */
	out(&s, TCP_ACK, 200, 700, 999, 0);
	out(&s, TCP_ACK, 200, 700, 998, 0);
	close_one(&s, "the right edge moves left");
}

static void a_reset_may_have_any_numbers(void **state)
{
	struct scene s;

	open_one(&s);
	out(&s, TCP_RST | TCP_ACK, 200, 100, 0, 0);
	close_one(&s, NULL);
}

static struct tern_tcp_info told;

static bool tell(struct lab_host *h, uint16_t lport, uint16_t rport,
		 struct tern_tcp_info *t)
{
	*t = told;
	return lport == 1000 && rport == 80;
}

/* So many segments in flight, of which some are SACKed, with a cwnd of ten. */
static void send_with(struct scene *s, uint32_t in_flight, uint32_t sacked)
{
	told = (struct tern_tcp_info){ .snd_cwnd = 10,
				       .snd_mss = 100,
				       .unacked = in_flight + sacked,
				       .sacked = sacked,
				       .max_pacing_rate = UINT64_MAX };
	open_one(s);
	lab_watch_ask(s->watch, tell);
	out(s, TCP_ACK, 200, 700, 1000, 100);
}

static void limited_transmit_and_a_probe_go_beyond_cwnd(void **state)
{
	struct scene s;

	send_with(&s, 13, 5);
	close_one(&s, NULL);
}

static void more_in_flight_than_cwnd_is_seen(void **state)
{
	struct scene s;

	send_with(&s, 14, 0);
	close_one(&s, "more in flight than cwnd allows");
}

static void resends_beyond_cwnd_are_not_judged(void **state)
{
	struct scene s;

	send_with(&s, 13, 0);
	told.unacked = 100;
	out(&s, TCP_ACK, 200, 700, 1000, 100);
	close_one(&s, NULL);
}

/* Packets of 60,000 bytes each 60 ms, with a ceiling of 1 MB/s: that is the
 * rate. `more` of them at once. */
static void pace(struct scene *s, int more)
{
	uint32_t seq = 200;

	told = (struct tern_tcp_info){ .snd_cwnd = 1000,
				       .snd_mss = 100,
				       .max_pacing_rate = 1000000 };
	open_one(s);
	lab_watch_ask(s->watch, tell);
	for (int i = 0; i < 20 + more; i++) {
		in(s, TCP_ACK, 700, seq, 65535, 0);
		out(s, TCP_ACK, seq, 700, 1000, 60000);
		seq += 60000;
		if (i < 20)
			s->net.now += 60 * NS_PER_MS;
	}
}

static void the_pacing_rate_is_no_fault(void **state)
{
	struct scene s;

	pace(&s, 1);
	close_one(&s, NULL);
}

static void what_runs_ahead_of_the_pacing_rate_is_seen(void **state)
{
	struct scene s;

	pace(&s, 2);
	close_one(&s, "ahead of SO_MAX_PACING_RATE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_byte_of_the_window_is_no_fault),
		cmocka_unit_test(a_byte_beyond_the_peers_window_is_seen),
		cmocka_unit_test(an_acknowledgement_that_goes_back_is_seen),
		cmocka_unit_test(a_right_edge_that_moves_left_is_seen),
		cmocka_unit_test(a_reset_may_have_any_numbers),
		cmocka_unit_test(limited_transmit_and_a_probe_go_beyond_cwnd),
		cmocka_unit_test(more_in_flight_than_cwnd_is_seen),
		cmocka_unit_test(resends_beyond_cwnd_are_not_judged),
		cmocka_unit_test(the_pacing_rate_is_no_fault),
		cmocka_unit_test(what_runs_ahead_of_the_pacing_rate_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
