// SPDX-License-Identifier: BSD-2-Clause
/*
 * Keep-alive.
 * covers: K1, K2, K3, K4, K7
 */
#include "story.h"

static void keep(struct story *t)
{
	t_opt(t, TERN_SOL_SOCKET, TERN_SO_KEEPALIVE, 1);
}

static void it_is_off_by_default(struct story *t)
{
	t_served(t, T_PLAIN);
	t_opt_is(t, TERN_SOL_SOCKET, TERN_SO_KEEPALIVE, 0);
	t_wait(t, 1000000 * S);
	t_state(t, TERN_TCP_ESTABLISHED);
}

/* 7200 + 9 * 75 s = 2 h 11 min 15 s. */
static void a_dead_peer_is_found(struct story *t)
{
	int i;

	t_served(t, T_PLAIN);
	keep(t);
	t_wait(t, 7200 * S);
	for (i = 0; i < 9; i++) {
		t_out(t, ". 0:0(0) ack 1");
		t_wait(t, 75 * S);
	}
	t_out(t, "R. 1:1(0) ack 1");
	t_state(t, TERN_TCP_CLOSE);
	t_error(t, TERN_ETIMEDOUT);
	t_is(t, t->now / S, 2 * 3600 + 11 * 60 + 15);
	t_counter(t, "TcpExtTCPKeepAlive", 9);
}

static void a_living_peer_starts_it_again(struct story *t)
{
	t_served(t, T_PLAIN);
	keep(t);
	t_wait(t, 7200 * S);
	t_out(t, ". 0:0(0) ack 1");
	t_wait(t, 75 * S);
	t_out(t, ". 0:0(0) ack 1");
	t_wait(t, 10 * S);
	t_in(t, ". 1:1(0) ack 1");
	t_wait(t, 7200 * S);
	t_out(t, ". 0:0(0) ack 1");
	t_in(t, ". 1:1(0) ack 1");
	t_state(t, TERN_TCP_ESTABLISHED);
}

static void its_times_may_be_set(struct story *t)
{
	int i;

	t_served(t, T_PLAIN);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_KEEPIDLE, 10);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_KEEPINTVL, 3);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_KEEPCNT, 2);
	keep(t);
	t_wait(t, 10 * S);
	for (i = 0; i < 2; i++) {
		t_out(t, ". 0:0(0) ack 1");
		t_wait(t, 3 * S);
	}
	t_out(t, "R. 1:1(0) ack 1");
	t_error(t, TERN_ETIMEDOUT);
}

/* Go's: 15 + 9 * 15 s = 150 s. */
static void gos_times_find_it_in_150_s(struct story *t)
{
	int i;

	t_sysctl(t, "tcp_keepalive_time", "15");
	t_sysctl(t, "tcp_keepalive_intvl", "15");
	t_listen(t, 5);
	t_opt(t, TERN_SOL_SOCKET, TERN_SO_KEEPALIVE, 1);
	t_served(t, T_PLAIN);
	t_wait(t, 15 * S);
	for (i = 0; i < 9; i++) {
		t_out(t, ". 0:0(0) ack 1");
		t_wait(t, 15 * S);
	}
	t_out(t, "R. 1:1(0) ack 1");
	t_is(t, t->now / S, 150);
}

static void shorter_idle_time_counts_from_the_last_segment(struct story *t)
{
	t_served(t, T_PLAIN);
	keep(t);
	t_wait(t, 20 * S);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_KEEPIDLE, 30);
	t_wait(t, 10 * S);
	t_out(t, ". 0:0(0) ack 1");
}

static void switched_off_it_is_silent(struct story *t)
{
	t_served(t, T_PLAIN);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_KEEPIDLE, 10);
	keep(t);
	t_wait(t, 10 * S);
	t_out(t, ". 0:0(0) ack 1");
	t_opt(t, TERN_SOL_SOCKET, TERN_SO_KEEPALIVE, 0);
	t_wait(t, 10000 * S);
	t_state(t, TERN_TCP_ESTABLISHED);
}

static void peer_that_came_back_resets(struct story *t)
{
	t_served(t, T_PLAIN);
	keep(t);
	t_wait(t, 7200 * S);
	t_out(t, ". 0:0(0) ack 1");
	t_in(t, "R 1:1(0)");
	t_state(t, TERN_TCP_CLOSE);
	t_error(t, TERN_ECONNRESET);
}

static void icmp_error_says_why(struct story *t)
{
	t_served(t, T_PLAIN);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_KEEPCNT, 1);
	keep(t);
	t_wait(t, 7200 * S);
	t_out(t, ". 0:0(0) ack 1");
	/* It quotes a number below SND.UNA: as on Linux it does not count. */
	t_icmp_in(t, SAYS_HOST, 1);
	t_wait(t, 75 * S);
	t_out(t, "R. 1:1(0) ack 1");
	t_error(t, TERN_EHOSTUNREACH);
}

/* Looked at when a probe is due. */
static void user_timeout_replaces_the_count(struct story *t)
{
	t_served(t, T_PLAIN);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_KEEPIDLE, 10);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_KEEPINTVL, 10);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_USER_TIMEOUT, 25000);
	keep(t);
	t_wait(t, 10 * S);
	t_out(t, ". 0:0(0) ack 1");
	t_wait(t, 10 * S);
	t_out(t, ". 0:0(0) ack 1");
	t_wait(t, 10 * S);
	t_out(t, "R. 1:1(0) ack 1");
	t_error(t, TERN_ETIMEDOUT);
}

/* K4 */
static void unacknowledged_data_is_its_own_probe(struct story *t)
{
	int64_t rto = T_RTO;
	int i;

	t_sysctl(t, "tcp_early_retrans", "0");
	t_served(t, T_PLAIN);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_KEEPIDLE, 1);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_KEEPINTVL, 1);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_KEEPCNT, 1);
	keep(t);
	t_send(t, 100);
	t_out(t, "P. 1:101(100) ack 1");
	for (i = 0; i < 6; i++, rto *= 2) {
		t_wait(t, rto);
		t_out(t, "P. 1:101(100) ack 1");
	}
	t_in(t, ". 1:1(0) ack 101");
	t_state(t, TERN_TCP_ESTABLISHED);
}

static void our_side_answers_probes(struct story *t)
{
	t_served(t, T_PLAIN);
	t_wait(t, 1 * S);
	t_in(t, ". 0:0(0) ack 1");
	t_out(t, ". 1:1(0) ack 1");
	t_wait(t, 1 * S);
	/* The old kind, with a byte. */
	t_in(t, ". 0:1(1) ack 1");
	t_out(t, ". 1:1(0) ack 1");
	t_recv_is(t, 1, 0, -TERN_EAGAIN);
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(it_is_off_by_default),
		STORY(a_dead_peer_is_found),
		STORY(a_living_peer_starts_it_again),
		STORY(its_times_may_be_set),
		STORY(gos_times_find_it_in_150_s),
		STORY(shorter_idle_time_counts_from_the_last_segment),
		STORY(switched_off_it_is_silent),
		STORY(peer_that_came_back_resets),
		STORY(icmp_error_says_why),
		STORY(user_timeout_replaces_the_count),
		STORY(unacknowledged_data_is_its_own_probe),
		STORY(our_side_answers_probes),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
