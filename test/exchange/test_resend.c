// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loss without SACK: the retransmission time-out, duplicate ACKs, giving up.
 * Tail loss probes have scripts of their own: off here.
 * covers: T6, T7, T8, S1, S7
 */
#include "story.h"

static void served(struct story *t)
{
	t_sysctl(t, "tcp_early_retrans", "0");
	t_served(t, T_PLAIN);
}

static void lost_data_is_resent_with_doubling_waits(struct story *t)
{
	int64_t rto = T_RTO;
	int i;

	served(t);
	t_send(t, 100);
	t_out(t, "P. 1:101(100) ack 1");
	for (i = 0; i < 6; i++, rto *= 2) {
		t_wait(t, rto);
		t_out(t, "P. 1:101(100) ack 1");
	}
	t_in(t, ". 1:1(0) ack 101");
	t_counter(t, "TcpRetransSegs", 6);
	t_counter(t, "TcpExtTCPTimeouts", 6);
}

static void only_the_first_lost_segment_is_resent(struct story *t)
{
	served(t);
	t_send(t, 4380);
	t_out_run(t, 1, 4381, 1460);
	t_wait(t, T_RTO);
	t_out(t, ". 1:1461(1460) ack 1");
	t_wait(t, 2 * T_RTO);
	t_out(t, ". 1:1461(1460) ack 1");
	/* The others follow as slow start lets them. */
	t_in(t, ". 1:1(0) ack 1461");
	t_out_run(t, 1461, 4381, 1460);
	t_in(t, ". 1:1(0) ack 4381");
}

/* Karn: what was resent gives no sample, and the doubled time-out stays. */
static void ack_of_resent_data_gives_no_sample(struct story *t)
{
	served(t);
	t_send(t, 100);
	t_out(t, "P. 1:101(100) ack 1");
	t_wait(t, T_RTO);
	t_out(t, "P. 1:101(100) ack 1");
	t_wait(t, 300 * MS);
	t_in(t, ". 1:1(0) ack 101");
	t_send(t, 100);
	t_out(t, "P. 101:201(100) ack 1");
	t_wait(t, 2 * T_RTO);
	t_out(t, "P. 101:201(100) ack 1");
	t_in(t, ". 1:1(0) ack 201");
	/* A clean one gives one: srtt 0, time-out 200 ms. */
	t_send(t, 100);
	t_out(t, "P. 201:301(100) ack 1");
	t_in(t, ". 1:1(0) ack 301");
	t_send(t, 100);
	t_out(t, "P. 301:401(100) ack 1");
	t_wait(t, T_RTO);
	t_out(t, "P. 301:401(100) ack 1");
	t_in(t, ". 1:1(0) ack 401");
}

/* RFC 6298: srtt R, rttvar R/2 but at least 200 ms; then srtt + 4 rttvar. */
static void timeout_follows_the_round_trip_time(struct story *t)
{
	t_sysctl(t, "tcp_early_retrans", "0");
	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_wait(t, 300 * MS);
	t_in(t, ". 1:1(0) ack 1");
	t_accept(t);
	t_send(t, 100);
	t_out(t, "P. 1:101(100) ack 1");
	/* 300 + 4 * 150 ms */
	t_wait(t, 900 * MS);
	t_out(t, "P. 1:101(100) ack 1");
	t_in(t, ". 1:1(0) ack 101");
}

static void rto_min_and_max_are_obeyed(struct story *t)
{
	t_sysctl(t, "tcp_rto_min_us", "50000");
	t_sysctl(t, "tcp_rto_max_ms", "1000");
	served(t);
	t_send(t, 100);
	t_out(t, "P. 1:101(100) ack 1");
	t_wait(t, 50 * MS + 1000);
	t_out(t, "P. 1:101(100) ack 1");
	t_wait(t, 100 * MS + 2000);
	t_out(t, "P. 1:101(100) ack 1");
	t_wait(t, 200 * MS + 4000);
	t_out(t, "P. 1:101(100) ack 1");
	t_wait(t, 400 * MS + 8000);
	t_out(t, "P. 1:101(100) ack 1");
	t_wait(t, 800 * MS + 16000);
	t_out(t, "P. 1:101(100) ack 1");
	t_wait(t, 1 * S);
	t_out(t, "P. 1:101(100) ack 1");
	t_wait(t, 1 * S);
	t_out(t, "P. 1:101(100) ack 1");
	t_in(t, ". 1:1(0) ack 101");
}

/* (2^10 - 1) * 200 ms + 6 * 120 s = 924.6 s from the first resend on. */
static void connection_is_given_up_by_time(struct story *t)
{
	int64_t rto = 300 * MS, first;
	int n = 0;

	t_sysctl(t, "tcp_mtu_probing", "0"); /* the same segment each time */
	t_sysctl(t, "tcp_early_retrans", "0");
	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_wait(t, 100 * MS);
	t_in(t, ". 1:1(0) ack 1");
	t_accept(t);
	t_send(t, 100);
	t_out(t, "P. 1:101(100) ack 1");
	t_wait(t, rto);
	first = t->now;
	while (t->now < first + 924600 * MS) {
		t_out(t, "P. 1:101(100) ack 1");
		rto = rto < 60 * S ? 2 * rto : 120 * S;
		t_wait(t, rto);
		n++;
	}
	t_is(t, n, 15);
	t_silence(t);
	t_state(t, TERN_TCP_CLOSE);
	t_poll(t, TERN_POLLIN | TERN_POLLOUT | TERN_POLLERR | TERN_POLLHUP |
			  TERN_POLLRDHUP);
	t_is(t, tern_send(t->st, t->s, "x", 1, 0, t->now), -TERN_ETIMEDOUT);
	t_is(t, tern_send(t->st, t->s, "x", 1, 0, t->now), -TERN_EPIPE);
	t_recv(t, 0);
	t_counter(t, "TcpExtTCPAbortOnTimeout", 1);
}

static void user_timeout_replaces_the_count(struct story *t)
{
	served(t);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_USER_TIMEOUT, 1000);
	t_send(t, 100);
	t_out(t, "P. 1:101(100) ack 1");
	t_wait(t, T_RTO);
	t_out(t, "P. 1:101(100) ack 1");
	t_wait(t, 2 * T_RTO);
	t_out(t, "P. 1:101(100) ack 1");
	/* One second from the first resend on. */
	t_wait(t, 1 * S - 2 * T_RTO - 1);
	t_state(t, TERN_TCP_ESTABLISHED);
	t_wait(t, 1);
	t_state(t, TERN_TCP_CLOSE);
	t_error(t, TERN_ETIMEDOUT);
}

static void progress_resets_the_count(struct story *t)
{
	int i;

	t_sysctl(t, "tcp_retries2", "1");
	served(t);
	for (i = 0; i < 4; i++) {
		t_send(t, 100);
		t_out(t, "P. %d:%d(100) ack 1", 1 + 200 * i, 101 + 200 * i);
		t_wait(t, T_RTO);
		t_out(t, "P. %d:%d(100) ack 1", 1 + 200 * i, 101 + 200 * i);
		t_in(t, ". 1:1(0) ack %d", 101 + 200 * i);
		t_send(t, 100);
		t_out(t, "P. %d:%d(100) ack 1", 101 + 200 * i, 201 + 200 * i);
		t_in(t, ". 1:1(0) ack %d", 201 + 200 * i);
	}
	t_state(t, TERN_TCP_ESTABLISHED);
}

static void third_duplicate_ack_resends_at_once(struct story *t)
{
	served(t);
	t_send(t, 14600);
	t_out_run(t, 1, 14601, 1460);
	t_in(t, ". 1:1(0) ack 1461");
	t_silence(t);
	t_in(t, ". 1:1(0) ack 1461");
	t_in(t, ". 1:1(0) ack 1461");
	t_silence(t);
	t_in(t, ". 1:1(0) ack 1461");
	t_out(t, ". 1461:2921(1460) ack 1");
	t_counter(t, "TcpExtTCPRenoRecovery", 1);
	t_counter(t, "TcpExtTCPFastRetrans", 1);
	t_in(t, ". 1:1(0) ack 14601");
}

/* RFC 3042. */
static void first_two_duplicate_acks_let_new_data_go(struct story *t)
{
	served(t);
	t_send(t, 14600);
	t_out_run(t, 1, 14601, 1460);
	t_send(t, 5840);
	t_wait(t, 10 * MS);
	t_in(t, ". 1:1(0) ack 1");
	t_out(t, ". 14601:16061(1460) ack 1");
	t_wait(t, 10 * MS);
	t_in(t, ". 1:1(0) ack 1");
	t_out(t, ". 16061:17521(1460) ack 1");
	t_in(t, ". 1:1(0) ack 1");
	t_out(t, ". 1:1461(1460) ack 1");
	t_wait(t, 10 * MS);
	t_in(t, ". 1:1(0) ack 17521");
	t_out_run(t, 17521, 20441, 1460);
	t_in(t, ". 1:1(0) ack 20441");
}

/* NewReno (RFC 6582), paced by PRR as on Linux. */
static void partial_ack_shows_the_next_hole(struct story *t)
{
	int i;

	t_sysctl(t, "tcp_congestion_control", "reno");
	served(t);
	t_send(t, 14600);
	t_out_run(t, 1, 14601, 1460);
	t_wait(t, 20 * MS);
	t_in(t, ". 1:1(0) ack 1461");
	t_wait(t, 20 * MS);
	t_send(t, 5840);
	t_out_run(t, 14601, 17521, 1460);
	t_wait(t, 20 * MS);
	t_in(t, ". 1:1(0) ack 1461");
	t_out(t, ". 17521:18981(1460) ack 1");
	t_wait(t, 20 * MS);
	t_in(t, ". 1:1(0) ack 1461");
	t_out(t, "P. 18981:20441(1460) ack 1");
	for (i = 0; i < 4; i++) {
		t_wait(t, 20 * MS);
		t_in(t, ". 1:1(0) ack 1461");
		if (!i)
			t_out(t, ". 1461:2921(1460) ack 1");
		t_silence(t);
	}
	t_in(t, ". 1:1(0) ack 4381");
	t_wait(t, 20 * MS);
	t_in(t, ". 1:1(0) ack 4381");
	t_out(t, ". 4381:5841(1460) ack 1");
	t_in(t, ". 1:1(0) ack 20441");
}

static void data_or_a_window_update_is_no_duplicate_ack(struct story *t)
{
	served(t);
	t_send(t, 14600);
	t_out_run(t, 1, 14601, 1460);
	t_in(t, ". 1:1(0) ack 1461 win 50000");
	t_in(t, ". 1:1(0) ack 1461 win 50001");
	t_in(t, ". 1:1(0) ack 1461 win 50002");
	t_in(t, ". 1:1(0) ack 1461 win 50003");
	t_silence(t);
	t_in(t, "P. 1:11(10) ack 1461");
	t_out(t, ". 14601:14601(0) ack 11");
	t_in(t, ". 11:11(0) ack 14601");
}

/* RFC 9293 3.8.6.2.1 allows it. */
static void small_segments_are_resent_as_one(struct story *t)
{
	served(t);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_NODELAY, 1);
	t_send(t, 100);
	t_out(t, "P. 1:101(100) ack 1");
	t_send(t, 100);
	t_out(t, "P. 101:201(100) ack 1");
	t_send(t, 100);
	t_out(t, "P. 201:301(100) ack 1");
	t_wait(t, T_RTO);
	t_out(t, "P. 1:301(300) ack 1");
	t_in(t, ". 1:1(0) ack 301");
}

static void shrunk_window_holds_resends_back(struct story *t)
{
	served(t);
	t_in(t, ". 1:1(0) ack 1 win 6000");
	t_send(t, 5840);
	t_out_run(t, 1, 5841, 1460);
	t_in(t, ". 1:1(0) ack 1461 win 1000");
	t_wait(t, T_RTO);
	t_out(t, ". 1461:2461(1000) ack 1");
	t_in(t, ". 1:1(0) ack 5841 win 6000");
}

static void a_hole_acknowledged_in_part_is_cut(struct story *t)
{
	served(t);
	t_send(t, 1000);
	t_out(t, "P. 1:1001(1000) ack 1");
	t_in(t, ". 1:1(0) ack 501");
	t_ioctl(t, TERN_SIOCOUTQ, 500);
	t_wait(t, T_RTO);
	t_out(t, "P. 501:1001(500) ack 1");
	t_in(t, ". 1:1(0) ack 1001");
}

/* Our own numbers pass 2^32: what is acknowledged before, at and behind the
 * wrap is off the queue, and what is lost behind it is resent. */
static void sending_crosses_the_wrap(struct story *t)
{
	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1000>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, "R 1:1(0)");
	/* The ISN goes on by one each 64 ns, up to 2,001 short of the wrap. */
	t_wait(t, (int64_t)(uint32_t)(-2001 - (int64_t)t->f->iss) * 64);
	t_flow_again(t);
	t_in(t, "S 0:0(0) <mss 1000>");
	t_out(t, "S. 0:0(0) ack 1");
	t_is(t, t->f->iss, UINT32_MAX - 2000);
	t_in(t, ". 1:1(0) ack 1");
	t_accept(t);
	t_send(t, 5000);
	t_out_run(t, 1, 5001, 1000);
	t_in(t, ". 1:1(0) ack 1001");
	t_ioctl(t, TERN_SIOCOUTQ, 4000);
	t_in(t, ". 1:1(0) ack 2001");
	t_in(t, ". 1:1(0) ack 4001");
	t_ioctl(t, TERN_SIOCOUTQ, 1000);
	t_wait(t, T_RTO);
	t_out(t, "P. 4001:5001(1000) ack 1");
	t_in(t, ". 1:1(0) ack 5001");
	t_ioctl(t, TERN_SIOCOUTQ, 0);
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(lost_data_is_resent_with_doubling_waits),
		STORY(only_the_first_lost_segment_is_resent),
		STORY(ack_of_resent_data_gives_no_sample),
		STORY(timeout_follows_the_round_trip_time),
		STORY(rto_min_and_max_are_obeyed),
		STORY(connection_is_given_up_by_time),
		STORY(user_timeout_replaces_the_count),
		STORY(progress_resets_the_count),
		STORY(third_duplicate_ack_resends_at_once),
		STORY(first_two_duplicate_acks_let_new_data_go),
		STORY(partial_ack_shows_the_next_hole),
		STORY(data_or_a_window_update_is_no_duplicate_ack),
		STORY(small_segments_are_resent_as_one),
		STORY(shrunk_window_holds_resends_back),
		STORY(a_hole_acknowledged_in_part_is_cut),
		STORY(sending_crosses_the_wrap),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
