// SPDX-License-Identifier: BSD-2-Clause
/*
 * Routers, NATs, the middlebox's rules and the observer: small scenarios, each
 * a claim.
 */
#include "../unit/check.h"

#include "lab/lab_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs a text; what did not hold fails the test with its report. */
static uint64_t run_holds(const char *text)
{
	struct lab_batch b = { 0 };
	struct lab_outcome out = { 0 };
	uint64_t digest;

	lab_batch_text(&b, "test", text, strlen(text), &out);
	if (out.wrong.s || !out.holds)
		print_error("%s%s", out.wrong.s ? out.wrong.s : "",
			    out.report.s ? out.report.s : "");
	assert_null(out.wrong.s);
	assert_true(out.holds);
	digest = out.digest;
	lab_outcome_fini(&out);
	return digest;
}

#define TWO_HOSTS "host client\nhost server\n"
#define ROUTED TWO_HOSTS "router r\nlink client r delay 1ms\n"
#define TALK                              \
	"at 0 server: l = listener(80)\n" \
	"server: a = accept(l)\n"         \
	"at 1s client: c = socket(tcp)\n" \
	"client: connect(c, server:80)\n"

static void a_router_lowers_the_ttl(void **state)
{
	run_holds(ROUTED "link r server delay 1ms\n" TALK
			 "expect client sends exactly 1 SYN ttl 64\n"
			 "expect server gets exactly 1 SYN ttl 63 at 1002ms\n");
}

static void a_ttl_that_runs_out_is_told(void **state)
{
	run_holds(ROUTED "link r server delay 1ms\n"
			 "set client ip_default_ttl 1\n"
			 "at 1s client: c = socket(tcp)\n"
			 "client: connect(c, server:80) => EHOSTUNREACH\n"
			 "expect client gets ICMP from r\n"
			 "expect server gets nothing between 0 and 100s\n"
			 "run for 200s\n");
}

static void a_narrow_link_is_told_of(void **state)
{
	run_holds(ROUTED "router q\nlink r q mtu 1000\nlink q server\n" TALK
			 "client: send(c, 5000)\n"
			 "server: readall(a, 5000) => 5000\n"
			 "expect client gets ICMP from r mtu 1000\n"
			 "expect server gets no segment size > 1000\n"
			 "at 2s expect client c pmtu = 1000\n");
}

static void a_datagram_is_cut_and_put_together(void **state)
{
	run_holds(ROUTED "link r server mtu 600\n"
			 "set client ip_no_pmtu_disc 1\n"
			 "at 0 server: u = socket(udp)\n"
			 "server: bind(u, 53)\n"
			 "server: read(u) => 1400\n"
			 "at 1s client: v = socket(udp)\n"
			 "client: sendto(v, 1400, server:53) => 1400\n"
			 "expect client sends exactly 1 packet\n"
			 "expect r sends exactly 3 fragment\n"
			 "expect server counter IpReasmOKs 1\n");
}

static void a_silent_router_is_a_black_hole(void **state)
{
	run_holds(TWO_HOSTS "router r silent\nlink client r\n"
			    "link r server mtu 1000\nrun for 5s\n" TALK
			    "client: send(c, 3000)\n"
			    "expect client gets no ICMP\n"
			    "expect server gets no data size > 1000\n");
}

static void an_unknown_address_is_unreachable(void **state)
{
	run_holds(ROUTED "link r server\n"
			 "at 1s client: c = socket(tcp)\n"
			 "client: connect(c, 10.0.0.99:80) => EHOSTUNREACH\n");
}

static void a_nat_translates_and_forgets(void **state)
{
	run_holds(TWO_HOSTS
		  "nat n idle 60s\nlink client n\nlink n server\n" TALK
		  "client: send(c, \"a\")\n"
		  "server: read(a) => \"a\"\n"
		  "at 10s server: send(a, \"b\")\n"
		  "client: read(c) => \"b\"\n"
		  "at 100s server: send(a, \"c\")\n"
		  "run for 110s\n"
		  "expect server gets exactly 1 SYN sport 20000\n"
		  "expect client gets exactly 1 data\n"
		  "expect client gets nothing between 20s and 110s\n");
}

static void a_nat_may_answer_with_rst(void **state)
{
	run_holds(TWO_HOSTS
		  "nat n idle 60s resets\nlink client n\nlink n server\n" TALK
		  "at 100s server: send(a, \"c\")\n"
		  "at 101s server: read(a) => ECONNRESET\n");
}

static void rules_hold_duplicate_and_rewrite(void **state)
{
	run_holds(TWO_HOSTS
		  "link client server delay 10ms\n"
		  "hold the 1st SYN+ACK from server 400ms\n"
		  "duplicate the 1st data from client\n"
		  "rewrite mss to 500 in the 1st SYN from client\n" TALK
		  "client: send(c, 100)\n"
		  "server: read(a) => 100\n"
		  "server: send(a, 1000)\n"
		  "client: readall(c, 1000)\n"
		  "expect client gets the 1st SYN+ACK at 1420ms\n"
		  "expect server gets exactly 2 data\n"
		  "expect server sends no segment len > 500\n");
}

static void what_is_corrupted_is_dropped_and_resent(void **state)
{
	run_holds(TWO_HOSTS "link client server delay 10ms\n"
			    "corrupt the 1st data from client\n" TALK
			    "client: send(c, \"hello\")\n"
			    "server: read(a) => \"hello\"\n"
			    "expect server drops TCP_CSUM 1\n"
			    "expect server counter TcpInCsumErrors 1\n"
			    "expect client sends exactly 2 data seq 1\n");
}

static void a_recorded_segment_comes_again(void **state)
{
	run_holds(TWO_HOSTS
		  "link client server delay 10ms\n"
		  "record the 1st SYN from client as OLD\n"
		  "at 5s client-server: inject OLD to server\n" TALK
		  "expect server gets exactly 2 SYN at 1010ms, 5010ms\n"
		  "at 6s expect server a ESTAB\n");
}

static void power_that_fails_loses_everything(void **state)
{
	run_holds(TWO_HOSTS "link client server delay 10ms\n" TALK
			    "at 2s server: off\n"
			    "at 3s server: boot\n"
			    "at 4s client: send(c, 10)\n"
			    "at 5s client: read(c) => ECONNRESET\n"
			    "expect server sends exactly 1 RST\n");
}

static void a_killed_program_closes(void **state)
{
	run_holds(TWO_HOSTS "link client server delay 10ms\n" TALK
			    "at 1100ms server: read(a)\n"
			    "client: read(c) => 0\n"
			    "at 2s server: kill\n"
			    "expect server sends exactly 1 FIN at 2s\n");
}

static void a_link_that_is_down_loses_all(void **state)
{
	run_holds(TWO_HOSTS "link client server delay 10ms\n"
			    "run for 20s\n" TALK "at 2s client-server: down\n"
			    "at 3s client: send(c, 10)\n"
			    "at 10s client-server: up\n"
			    "server: read(a) => 10\n"
			    "expect server gets no data before 10s\n");
}

/* Its states were looked for under port 0: it "went through LISTEN". */
static void a_reset_before_accept_hides_no_state(void **state)
{
	run_holds(TWO_HOSTS "link client server delay 50ms\n"
			    "at 0 server: l = listener(80)\n"
			    "at 1s client: c = socket(tcp)\n"
			    "client: connect(c, server:80)\n"
			    "client: setsockopt(c, SO_LINGER, 1, 0)\n"
			    "at 2s client: close(c)\n"
			    "at 3s server: a = accept(l)\n"
			    "server: read(a) => ECONNRESET\n"
			    "expect server a goes through SYN-RECV, ESTAB, "
			    "CLOSED\n"
			    "expect client c goes through SYN-SENT, ESTAB, "
			    "CLOSED\n");
}

static void many_connections_are_a_loop(void **state)
{
	run_holds(TWO_HOSTS "link client server delay 1ms\n"
			    "set somaxconn 4096\n"
			    "at 0 server: l = listener(80, 4096)\n"
			    "at 1s client: repeat 500 times\n"
			    "client: c = socket(tcp)\n"
			    "client: connect(c, server:80) => 0\n"
			    "client: end\n"
			    "at 10s client: close(all) => 500\n"
			    "at 9s expect client has 500 ESTAB\n"
			    "at 9s expect server has 500 ESTAB\n"
			    "at 11s expect client has 500 FIN-WAIT-2\n");
}

/* A transfer over a link on which much goes wrong; its digest. */
static uint64_t run_lossy(int seed)
{
	char text[1000];

	snprintf(text, sizeof(text),
		 "host client\nhost server\n"
		 "link client server delay 10ms jitter 3ms loss 5%% "
		 "duplicate 2%% reorder 3%% 8ms corrupt 1%% "
		 "rate 5mbit queue 40\nseed %d\n"
		 "set tcp_retries2 60\nset tcp_orphan_retries 60\n"
		 "set tcp_syn_retries 60\nset tcp_synack_retries 60\n"
		 "%s"
		 "client: send(c, 200000)\nclient: close(c)\n"
		 "server: readall(a) => 200000\nserver: close(a)\n",
		 seed, TALK);
	return run_holds(text);
}

static void invariants_hold_on_bad_links(void **state)
{
	for (int seed = 1; seed <= 30; seed++)
		run_lossy(seed);
}

static void one_seed_is_one_run(void **state)
{
	uint64_t first = run_lossy(4);

	assert_true(first == run_lossy(4));
	assert_true(first != run_lossy(5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_router_lowers_the_ttl),
		cmocka_unit_test(a_ttl_that_runs_out_is_told),
		cmocka_unit_test(a_narrow_link_is_told_of),
		cmocka_unit_test(a_datagram_is_cut_and_put_together),
		cmocka_unit_test(a_silent_router_is_a_black_hole),
		cmocka_unit_test(an_unknown_address_is_unreachable),
		cmocka_unit_test(a_nat_translates_and_forgets),
		cmocka_unit_test(a_nat_may_answer_with_rst),
		cmocka_unit_test(rules_hold_duplicate_and_rewrite),
		cmocka_unit_test(what_is_corrupted_is_dropped_and_resent),
		cmocka_unit_test(a_recorded_segment_comes_again),
		cmocka_unit_test(power_that_fails_loses_everything),
		cmocka_unit_test(a_killed_program_closes),
		cmocka_unit_test(a_link_that_is_down_loses_all),
		cmocka_unit_test(a_reset_before_accept_hides_no_state),
		cmocka_unit_test(many_connections_are_a_loop),
		cmocka_unit_test(invariants_hold_on_bad_links),
		cmocka_unit_test(one_seed_is_one_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
