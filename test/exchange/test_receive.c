// SPDX-License-Identifier: BSD-2-Clause
/*
 * Data arrives: in order, out of order, twice, too much.
 * covers: S1, S2, S4, S5, S13, T2, T8, T13
 */
#include "story.h"

static void data_in_order_is_delivered(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, ". 1:1461(1460) ack 1");
	t_out(t, ". 1:1(0) ack 1461");
	t_poll(t, TERN_POLLIN | TERN_POLLOUT);
	t_ioctl(t, TERN_SIOCINQ, 1460);
	t_in(t, "P. 1461:1561(100) ack 1");
	t_out(t, ". 1:1(0) ack 1561");
	t_recv(t, 1560);
	t_recv_is(t, 1, 0, -TERN_EAGAIN);
	t_poll(t, TERN_POLLOUT);
}

/* Both sides' numbers pass 2^32 in this one. */
static void numbers_wrap(struct story *t)
{
	uint32_t at = 1;
	int i;

	t_served(t, T_PLAIN);
	for (i = 0; i < 10; i++, at += 1000) {
		t_in(t, "P. %u:%u(1000) ack 1", at, at + 1000);
		t_out(t, ". 1:1(0) ack %u", at + 1000);
		t_recv(t, 1000);
	}
}

static void bytes_behind_a_gap_wait(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "P. 101:201(100) ack 1");
	t_out(t, ". 1:1(0) ack 1");
	t_recv_is(t, 100, 0, -TERN_EAGAIN);
	t_ioctl(t, TERN_SIOCINQ, 0);
	t_poll(t, TERN_POLLOUT);
	t_in(t, "P. 301:401(100) ack 1");
	t_out(t, ". 1:1(0) ack 1");
	t_in(t, "P. 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 201");
	t_recv(t, 200);
	t_in(t, "P. 201:301(100) ack 1");
	t_out(t, ". 1:1(0) ack 401");
	t_recv(t, 200);
}

static void overlapping_pieces_make_one_stream(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, ". 101:301(200) ack 1");
	t_out(t, ". 1:1(0) ack 1");
	t_in(t, ". 201:401(200) ack 1");
	t_out(t, ". 1:1(0) ack 1");
	t_in(t, ". 51:451(400) ack 1");
	t_out(t, ". 1:1(0) ack 1");
	t_in(t, ". 151:251(100) ack 1");
	t_out(t, ". 1:1(0) ack 1");
	t_in(t, ". 1:151(150) ack 1");
	t_out(t, ". 1:1(0) ack 451");
	t_recv(t, 450);
}

static void old_bytes_are_cut_off(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, ". 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 101");
	t_in(t, ". 51:201(150) ack 1");
	t_out(t, ". 1:1(0) ack 201");
	t_in(t, ". 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 201");
	t_recv(t, 200);
}

static void a_fin_behind_a_gap_waits(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "FP. 101:201(100) ack 1");
	t_out(t, ". 1:1(0) ack 1");
	t_state(t, TERN_TCP_ESTABLISHED);
	t_in(t, ". 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 202");
	t_state(t, TERN_TCP_CLOSE_WAIT);
	t_recv(t, 200);
	t_recv(t, 0);
	t_recv(t, 0);
	t_poll(t, TERN_POLLIN | TERN_POLLOUT | TERN_POLLRDHUP);
}

/* 64,240 bytes were announced. */
static void beyond_the_window_is_answered_and_dropped(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, ". 64241:64341(100) ack 1");
	t_out(t, ". 1:1(0) ack 1 win 64240");
	t_in(t, ". 70000:70100(100) ack 1");
	t_out(t, ". 1:1(0) ack 1");
	t_in(t, ". 64141:64241(100) ack 1");
	t_out(t, ". 1:1(0) ack 1");
	t_recv_is(t, 1, 0, -TERN_EAGAIN);
}

static void before_the_window_is_answered_and_dropped(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, ". -99:1(100) ack 1");
	t_out(t, ". 1:1(0) ack 1");
	t_in(t, ". -999:-899(100) ack 1");
	t_out(t, ". 1:1(0) ack 1");
	t_recv_is(t, 1, 0, -TERN_EAGAIN);
}

/* A bare ACK outside the window: two stacks could answer each other for
 * ever. */
static void answers_to_bare_acks_are_limited(struct story *t)
{
	t_served(t, T_PLAIN);
	t_wait(t, 1 * S);
	t_in(t, ". 90000:90000(0) ack 1");
	t_out(t, ". 1:1(0) ack 1");
	t_wait(t, 499 * MS);
	t_in(t, ". 90000:90000(0) ack 1");
	t_silence(t);
	t_wait(t, 1 * MS);
	t_in(t, ". 90000:90000(0) ack 1");
	t_out(t, ". 1:1(0) ack 1");
	t_counter(t, "TcpExtTCPACKSkippedSeq", 1);
}

static void peek_leaves_the_bytes(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "P. 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 101");
	t_recv_is(t, 50, TERN_MSG_PEEK, 50);
	t_recv_is(t, 200, TERN_MSG_PEEK, 100);
	t_recv(t, 30);
	t_recv_is(t, 200, TERN_MSG_PEEK, 70);
	t_recv(t, 70);
	t_recv_is(t, 200, TERN_MSG_PEEK, -TERN_EAGAIN);
}

static void trunc_throws_bytes_away(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "P. 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 101");
	t_recv_is(t, 60, TERN_MSG_TRUNC, 60);
	t_recv(t, 40);
}

static void rcvlowat_holds_readiness_back(struct story *t)
{
	t_served(t, T_PLAIN);
	t_opt(t, TERN_SOL_SOCKET, TERN_SO_RCVLOWAT, 200);
	t_in(t, "P. 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 101");
	t_poll(t, TERN_POLLOUT);
	t_in(t, "P. 101:201(100) ack 1");
	t_out(t, ". 1:1(0) ack 201");
	t_poll(t, TERN_POLLIN | TERN_POLLOUT);
	t_recv(t, 200);
}

static void sack_blocks_name_what_is_there(struct story *t)
{
	t_served(t, "<mss 1460,nop,nop,sackOK>");
	t_in(t, ". 101:201(100) ack 1");
	t_out(t, ". 1:1(0) ack 1 <nop,nop,sack 101:201>");
	t_in(t, ". 301:401(100) ack 1");
	t_out(t, ". 1:1(0) ack 1 <nop,nop,sack 301:401 101:201>");
	t_in(t, ". 501:601(100) ack 1");
	t_out(t, ". 1:1(0) ack 1 "
		 "<nop,nop,sack 501:601 301:401 101:201>");
	t_in(t, ". 701:801(100) ack 1");
	t_out(t, ". 1:1(0) ack 1 "
		 "<nop,nop,sack 701:801 501:601 301:401 101:201>");
	/* The newest first; the oldest one has no room. */
	t_in(t, ". 901:1001(100) ack 1");
	t_out(t, ". 1:1(0) ack 1 "
		 "<nop,nop,sack 901:1001 701:801 501:601 301:401>");
	/* What grows comes to the front. */
	t_in(t, ". 401:501(100) ack 1");
	t_out(t, ". 1:1(0) ack 1 "
		 "<nop,nop,sack 301:601 901:1001 701:801>");
	t_in(t, ". 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 201 <nop,nop,sack 301:601 901:1001 701:801>");
	t_in(t, ". 201:301(100) ack 1");
	t_out(t, ". 1:1(0) ack 601 <nop,nop,sack 901:1001 701:801>");
}

static void timestamps_leave_room_for_three_blocks(struct story *t)
{
	int i;

	t_served(t, T_FULL);
	for (i = 1; i <= 3; i++) {
		t_in(t, ". %d:%d(100) ack 1 <nop,nop,TS val 1000 ecr 0>",
		     i * 200, i * 200 + 100);
		if (i < 3)
			t_out(t,
			      ". 1:1(0) ack 1 <nop,nop,TS val 0 ecr 1000,"
			      "nop,nop,sack %s>",
			      i == 1 ? "200:300" : "400:500 200:300");
	}
	t_out(t, ". 1:1(0) ack 1 <nop,nop,TS val 0 ecr 1000,nop,nop,"
		 "sack 600:700 400:500 200:300>");
	t_in(t, ". 800:900(100) ack 1 <nop,nop,TS val 1000 ecr 0>");
	t_out(t, ". 1:1(0) ack 1 <nop,nop,TS val 0 ecr 1000,nop,nop,"
		 "sack 800:900 600:700 400:500>");
}

static void duplicates_are_told_by_dsack(struct story *t)
{
	t_served(t, "<mss 1460,nop,nop,sackOK>");
	t_in(t, ". 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 101");
	t_in(t, ". 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 101 <nop,nop,sack 1:101>");
	t_in(t, ". 51:151(100) ack 1");
	t_out(t, ". 1:1(0) ack 151 <nop,nop,sack 51:101>");
	/* Twice behind a gap: the copy first, then the block that it is in. */
	t_in(t, ". 201:301(100) ack 1");
	t_out(t, ". 1:1(0) ack 151 <nop,nop,sack 201:301>");
	t_in(t, ". 201:301(100) ack 1");
	t_out(t, ". 1:1(0) ack 151 <nop,nop,sack 201:301 201:301>");
	t_in(t, ". 251:351(100) ack 1");
	t_out(t, ". 1:1(0) ack 151 <nop,nop,sack 251:301 201:351>");
	t_counter(t, "TcpExtTCPDSACKOldSent", 2);
	t_counter(t, "TcpExtTCPDSACKOfoSent", 2);
}

static void dsack_may_be_switched_off(struct story *t)
{
	t_sysctl(t, "tcp_dsack", "0");
	t_served(t, "<mss 1460,nop,nop,sackOK>");
	t_in(t, ". 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 101");
	t_in(t, ". 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 101 <>");
}

static void segment_without_ack_is_dropped(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "P 1:101(100)");
	t_silence(t);
	t_recv_is(t, 1, 0, -TERN_EAGAIN);
}

static void shut_for_reading_still_takes_what_comes(struct story *t)
{
	t_served(t, T_PLAIN);
	t_shutdown(t, TERN_SHUT_RD);
	t_silence(t);
	t_recv(t, 0);
	t_poll(t, TERN_POLLIN | TERN_POLLOUT | TERN_POLLRDHUP);
	t_in(t, "P. 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 101");
	t_recv(t, 100);
	t_recv(t, 0);
}

/* When memory ran out, what waits was packed together, also a packet that comes
 * partly again: the bytes were in the stream twice, and the last were gone. */
static void what_comes_partly_again_is_packed_once(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, ". 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 101");
	t_in(t, ". 151:951(800) ack 1");
	t_out(t, ". 1:1(0) ack 101");
	t_in(t, ". 101:201(100) ack 1");
	t_out(t, ". 1:1(0) ack 951");
	t_opt(t, TERN_SOL_SOCKET, TERN_SO_RCVBUF, 1);
	t_in(t, ". 951:1951(1000) ack 1");
	t_out(t, ". 1:1(0) ack 1951");
	t_recv(t, 1950);
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(data_in_order_is_delivered),
		STORY(numbers_wrap),
		STORY(bytes_behind_a_gap_wait),
		STORY(overlapping_pieces_make_one_stream),
		STORY(old_bytes_are_cut_off),
		STORY(a_fin_behind_a_gap_waits),
		STORY(beyond_the_window_is_answered_and_dropped),
		STORY(before_the_window_is_answered_and_dropped),
		STORY(answers_to_bare_acks_are_limited),
		STORY(peek_leaves_the_bytes),
		STORY(trunc_throws_bytes_away),
		STORY(rcvlowat_holds_readiness_back),
		STORY(sack_blocks_name_what_is_there),
		STORY(timestamps_leave_room_for_three_blocks),
		STORY(duplicates_are_told_by_dsack),
		STORY(dsack_may_be_switched_off),
		STORY(segment_without_ack_is_dropped),
		STORY(shut_for_reading_still_takes_what_comes),
		STORY(what_comes_partly_again_is_packed_once),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
