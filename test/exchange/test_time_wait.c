// SPDX-License-Identifier: BSD-2-Clause
/*
 * TIME_WAIT, and FIN_WAIT_2 of a closed socket.
 * covers: C5, C8, C12, C13, C18, O15
 */
#include "story.h"

/* Our number 2, the peer's 2. */
static void time_wait(struct story *t, const char *opts)
{
	bool ts = opts[5 + 4] == ',';
	const char *stamp = ts ? " <nop,nop,TS val 1000 ecr 0>" : "";

	t_served(t, opts);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, "F. 1:1(0) ack 2%s", stamp);
	t_out(t, ". 2:2(0) ack 2");
	t_state(t, TERN_TCP_TIME_WAIT);
}

static void resent_fin_is_answered_and_starts_it_again(struct story *t)
{
	time_wait(t, T_PLAIN);
	t_wait(t, 59 * S);
	t_in(t, "F. 1:1(0) ack 2");
	t_out(t, ". 2:2(0) ack 2");
	t_wait(t, 60 * S - 1);
	t_state(t, TERN_TCP_TIME_WAIT);
	t_wait(t, 1);
	t_gone(t);
	t_counter(t, "TcpExtTW", 1);
}

/* A FIN takes a number: it is answered each time. A bare ACK is not. */
static void answers_to_bare_acks_are_limited(struct story *t)
{
	time_wait(t, T_PLAIN);
	t_wait(t, 1 * S);
	t_in(t, ". 9:9(0) ack 2");
	t_out(t, ". 2:2(0) ack 2");
	t_in(t, ". 9:9(0) ack 2");
	t_silence(t);
	t_counter(t, "TcpExtTCPACKSkippedTimeWait", 1);
	t_wait(t, 500 * MS);
	t_in(t, ". 9:9(0) ack 2");
	t_out(t, ". 2:2(0) ack 2");
}

static void bare_ack_in_place_is_swallowed(struct story *t)
{
	time_wait(t, T_PLAIN);
	t_wait(t, 30 * S);
	t_in(t, ". 2:2(0) ack 2");
	t_silence(t);
	t_wait(t, 59 * S);
	t_state(t, TERN_TCP_TIME_WAIT);
}

static void length_may_be_changed(struct story *t)
{
	t_sysctl(t, "tcp_timewait_len", "5");
	time_wait(t, T_PLAIN);
	t_wait(t, 5 * S);
	t_gone(t);
}

static void rst_ends_it(struct story *t)
{
	time_wait(t, T_PLAIN);
	t_in(t, "R 100:100(0)");
	t_state(t, TERN_TCP_TIME_WAIT);
	t_in(t, "R 2:2(0)");
	t_silence(t);
	t_gone(t);
}

static void rfc1337_ignores_the_rst(struct story *t)
{
	t_sysctl(t, "tcp_rfc1337", "1");
	time_wait(t, T_PLAIN);
	t_in(t, "R 2:2(0)");
	t_silence(t);
	t_state(t, TERN_TCP_TIME_WAIT);
}

/* O15: the old SND.NXT, 65,535 and 2. */
static void syn_beyond_the_old_window_opens_again(struct story *t)
{
	time_wait(t, T_PLAIN);
	t_in(t, "S 3:3(0) <mss 1460>");
	t_out(t, "S. 65539:65539(0) ack 4");
	t_in(t, ". 4:4(0) ack 65540");
	t_accept(t);
	t_state(t, TERN_TCP_ESTABLISHED);
}

static void syn_with_a_newer_stamp_opens_again(struct story *t)
{
	time_wait(t, T_FULL);
	t_in(t, "S -5000:-5000(0) <mss 1460,sackOK,TS val 1001 ecr 0,nop,"
		"wscale 7>");
	t_out(t, "S. 65539:65539(0) ack -4999");
}

static void older_syn_is_answered_with_the_old_numbers(struct story *t)
{
	time_wait(t, T_PLAIN);
	t_in(t, "S -5000:-5000(0) <mss 1460>");
	t_out(t, ". 2:2(0) ack 2");
	t_state(t, TERN_TCP_TIME_WAIT);
}

static void syn_with_an_older_stamp_is_answered(struct story *t)
{
	time_wait(t, T_FULL);
	t_in(t, "S 5000:5000(0) <mss 1460,sackOK,TS val 900 ecr 0,nop,"
		"wscale 7>");
	t_out(t, ". 2:2(0) ack 2 <nop,nop,TS val 0 ecr 1000>");
	t_state(t, TERN_TCP_TIME_WAIT);
	t_counter(t, "TcpExtPAWSTimewait", 1);
}

static void syn_for_nobody_is_answered(struct story *t)
{
	time_wait(t, T_PLAIN);
	t_is(t, tern_close(t->st, t->l, t->now), 0);
	t_in(t, "S 3:3(0) <mss 1460>");
	t_out(t, ". 2:2(0) ack 2");
	t_state(t, TERN_TCP_TIME_WAIT);
}

static void late_data_does_not_reach_the_next_one(struct story *t)
{
	time_wait(t, T_PLAIN);
	t_in(t, "P. 1:101(100) ack 2");
	t_out(t, ". 2:2(0) ack 2");
	t_in(t, "S 1000:1000(0) <mss 1460>");
	t_out(t, "S. 65539:65539(0) ack 1001");
	t_in(t, ". 1001:1001(0) ack 65540");
	t_accept(t);
	t_in(t, "P. 1:101(100) ack 2");
	t_out(t, ". 65540:65540(0) ack 1001");
	t_recv_is(t, 1, 0, -TERN_EAGAIN);
}

static void number_of_records_is_bounded(struct story *t)
{
	t_sysctl(t, "tcp_max_tw_buckets", "0");
	t_served(t, T_PLAIN);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, "F. 1:1(0) ack 2");
	t_out(t, ". 2:2(0) ack 2");
	t_gone(t);
	t_counter(t, "TcpExtTCPTimeWaitOverflow", 1);
}

static void fin_wait_2(struct story *t)
{
	t_served(t, T_PLAIN);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, ". 1:1(0) ack 2");
	t_state(t, TERN_TCP_FIN_WAIT2);
}

static void closed_fin_wait_2_lasts_60_s(struct story *t)
{
	fin_wait_2(t);
	t_wait(t, 60 * S - 1);
	t_state(t, TERN_TCP_FIN_WAIT2);
	t_wait(t, 1);
	t_gone(t);
	t_in(t, "F. 1:1(0) ack 2");
	t_out(t, "R 2:2(0)");
}

static void fin_timeout_is_obeyed(struct story *t)
{
	t_sysctl(t, "tcp_fin_timeout", "10");
	fin_wait_2(t);
	t_wait(t, 10 * S);
	t_gone(t);
}

/* Beyond 60 s the connection itself waits, then a record for the rest. */
static void fin_timeout_may_be_long(struct story *t)
{
	t_sysctl(t, "tcp_fin_timeout", "100");
	fin_wait_2(t);
	t_wait(t, 100 * S - 1);
	t_state(t, TERN_TCP_FIN_WAIT2);
	t_wait(t, 1);
	t_gone(t);
}

static void linger2_replaces_it(struct story *t)
{
	t_served(t, T_PLAIN);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_LINGER2, 7);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, ". 1:1(0) ack 2");
	t_wait(t, 7 * S - 1);
	t_state(t, TERN_TCP_FIN_WAIT2);
	t_wait(t, 1);
	t_gone(t);
}

static void negative_linger2_ends_it_at_once(struct story *t)
{
	t_served(t, T_PLAIN);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_LINGER2, -1);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, ". 1:1(0) ack 2");
	t_out(t, "R 2:2(0)");
	t_gone(t);
}

static void time_wait_after_fin_wait_2_lasts_60_s(struct story *t)
{
	fin_wait_2(t);
	t_wait(t, 50 * S);
	t_in(t, "F. 1:1(0) ack 2");
	t_out(t, ". 2:2(0) ack 2");
	t_state(t, TERN_TCP_TIME_WAIT);
	t_wait(t, 60 * S - 1);
	t_state(t, TERN_TCP_TIME_WAIT);
	t_wait(t, 1);
	t_gone(t);
}

static void rst_ends_fin_wait_2(struct story *t)
{
	fin_wait_2(t);
	t_in(t, "R 1:1(0)");
	t_silence(t);
	t_gone(t);
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(resent_fin_is_answered_and_starts_it_again),
		STORY(answers_to_bare_acks_are_limited),
		STORY(bare_ack_in_place_is_swallowed),
		STORY(length_may_be_changed),
		STORY(rst_ends_it),
		STORY(rfc1337_ignores_the_rst),
		STORY(syn_beyond_the_old_window_opens_again),
		STORY(syn_with_a_newer_stamp_opens_again),
		STORY(older_syn_is_answered_with_the_old_numbers),
		STORY(syn_with_an_older_stamp_is_answered),
		STORY(syn_for_nobody_is_answered),
		STORY(late_data_does_not_reach_the_next_one),
		STORY(number_of_records_is_bounded),
		STORY(closed_fin_wait_2_lasts_60_s),
		STORY(fin_timeout_is_obeyed),
		STORY(fin_timeout_may_be_long),
		STORY(linger2_replaces_it),
		STORY(negative_linger2_ends_it_at_once),
		STORY(time_wait_after_fin_wait_2_lasts_60_s),
		STORY(rst_ends_fin_wait_2),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
