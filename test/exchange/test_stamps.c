// SPDX-License-Identifier: BSD-2-Clause
/*
 * Timestamps (RFC 7323): what is echoed, and what is too old to be believed.
 * covers: T9, C18
 */
#include "story.h"

static void echo_is_of_the_segment_that_moved_the_ack(struct story *t)
{
	t_served(t, T_FULL);
	t_in(t, "P. 1:101(100) ack 1 <nop,nop,TS val 1010 ecr 0>");
	t_out(t, ". 1:1(0) ack 101 <nop,nop,TS val 0 ecr 1010>");
	t_wait(t, 30 * MS);
	t_in(t, "P. 101:201(100) ack 1 <nop,nop,TS val 1040 ecr 0>");
	t_out(t, ". 1:1(0) ack 201 <nop,nop,TS val 30 ecr 1040>");
}

/* RFC 7323 4.3: of what is out of order the stamp is not taken. */
static void echo_is_not_of_a_segment_behind_a_gap(struct story *t)
{
	t_served(t, T_FULL);
	t_in(t, "P. 101:201(100) ack 1 <nop,nop,TS val 1050 ecr 0>");
	t_out(t, ". 1:1(0) ack 1 <nop,nop,TS val 0 ecr 1000,nop,nop,"
		 "sack 101:201>");
	t_in(t, "P. 1:101(100) ack 1 <nop,nop,TS val 1060 ecr 0>");
	t_out(t, ". 1:1(0) ack 201 <nop,nop,TS val 0 ecr 1060>");
}

static void older_stamp_is_answered_and_dropped(struct story *t)
{
	t_served(t, T_FULL);
	t_in(t, "P. 1:101(100) ack 1 <nop,nop,TS val 1010 ecr 0>");
	t_out(t, ". 1:1(0) ack 101");
	t_in(t, "P. 101:201(100) ack 1 <nop,nop,TS val 1008 ecr 0>");
	t_out(t, ". 1:1(0) ack 101 <nop,nop,TS val 0 ecr 1010>");
	t_counter(t, "TcpExtPAWSEstab", 1);
	t_recv(t, 100);
	/* One tick is forgiven, as on Linux. */
	t_in(t, "P. 101:201(100) ack 1 <nop,nop,TS val 1009 ecr 0>");
	t_out(t, ". 1:1(0) ack 201");
	t_recv(t, 100);
}

static void older_stamp_does_not_stop_a_rst(struct story *t)
{
	t_served(t, T_FULL);
	t_in(t, "R. 1:1(0) ack 1 <nop,nop,TS val 1 ecr 0>");
	t_state(t, TERN_TCP_CLOSE);
	t_error(t, TERN_ECONNRESET);
}

static void segment_without_a_stamp_is_taken(struct story *t)
{
	t_served(t, T_FULL);
	t_in(t, "P. 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 101 <nop,nop,TS val 0 ecr 1000>");
	t_recv(t, 100);
}

static void stamps_wrap(struct story *t)
{
	t_served(t, "<mss 1460,sackOK,TS val 4294967290 ecr 0,nop,wscale 7>");
	/* served() ends with stamp 1000: it is the newer one. */
	t_in(t, "P. 1:101(100) ack 1 <nop,nop,TS val 1001 ecr 0>");
	t_out(t, ". 1:1(0) ack 101 <nop,nop,TS val 0 ecr 1001>");
	t_in(t, "P. 101:201(100) ack 1 <nop,nop,TS val 4294967295 ecr 0>");
	t_out(t, ". 1:1(0) ack 101 <nop,nop,TS val 0 ecr 1001>");
}

/* RFC 7323 5.5: after 24 days the old stamp says nothing. */
static void stamp_of_long_ago_is_forgotten(struct story *t)
{
	t_served(t, T_FULL);
	t_wait(t, 24 * 24 * 3600 * S);
	t_in(t, "P. 1:101(100) ack 1 <nop,nop,TS val 5 ecr 0>");
	t_out(t, ". 1:1(0) ack 101 <nop,nop,TS val 2073600000 ecr 5>");
	t_recv(t, 100);
}

/* An ACK that was overtaken on the way, no older than a time-out. */
static void overtaken_ack_is_no_attack(struct story *t)
{
	t_served(t, T_FULL);
	t_in(t, ". 1:1(0) ack 1 <nop,nop,TS val 1050 ecr 0>");
	t_in(t, ". 1:1(0) ack 1 <nop,nop,TS val 1040 ecr 0>");
	t_silence(t);
	t_counter(t, "TcpExtPAWSEstab", 0);
}

/* One before what has come says nothing new (covers: T9). */
static void old_ack_that_comes_late_is_counted_apart(struct story *t)
{
	t_served(t, T_FULL);
	t_in(t, "P. 1:11(10) ack 1 <nop,nop,TS val 1050 ecr 0>");
	t_out(t, ". 1:1(0) ack 11");
	t_in(t, ". 1:1(0) ack 1 <nop,nop,TS val 900 ecr 0>");
	t_silence(t);
	t_counter(t, "TcpExtPAWSEstab", 0);
	t_counter(t, "TcpExtPAWSOldAck", 1);
	t_drops(t, "TCP_RFC7323_PAWS_ACK", 1);
}

static void mss_makes_room_for_stamps(struct story *t)
{
	t_served(t, T_FULL);
	t_send(t, 2896);
	t_out_run(t, 1, 2897, 1448);
	t_in(t, ". 1:1(0) ack 2897 <nop,nop,TS val 1001 ecr 0>");
}

static void half_open_entry_rejects_an_older_stamp(struct story *t)
{
	t_listen(t, 5);
	t_in(t, "S 0:0(0) " T_FULL);
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, ". 1:1(0) ack 1 <nop,nop,TS val 999 ecr 0>");
	t_out(t, ". 1:1(0) ack 1 <nop,nop,TS val 0 ecr 1000>");
	t_state(t, TERN_TCP_SYN_RECV);
	t_in(t, ". 1:1(0) ack 1 <nop,nop,TS val 1000 ecr 0>");
	t_accept(t);
}

/* The SYN-ACKs left at 0 and 1000: nothing later was there to echo. */
static void half_open_entry_rejects_a_false_echo(struct story *t)
{
	t_listen(t, 5);
	t_in(t, "S 0:0(0) " T_FULL);
	t_out(t, "S. 0:0(0) ack 1");
	t_wait(t, 500 * MS);
	t_in(t, ". 1:1(0) ack 1 <nop,nop,TS val 1000 ecr 4000>");
	t_out(t, ". 1:1(0) ack 1 <nop,nop,TS val 500 ecr 1000>");
	t_state(t, TERN_TCP_SYN_RECV);
	t_wait(t, 500 * MS);
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, ". 1:1(0) ack 1 <nop,nop,TS val 1000 ecr 1000>");
	t_accept(t);
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(echo_is_of_the_segment_that_moved_the_ack),
		STORY(echo_is_not_of_a_segment_behind_a_gap),
		STORY(older_stamp_is_answered_and_dropped),
		STORY(older_stamp_does_not_stop_a_rst),
		STORY(segment_without_a_stamp_is_taken),
		STORY(stamps_wrap),
		STORY(stamp_of_long_ago_is_forgotten),
		STORY(overtaken_ack_is_no_attack),
		STORY(old_ack_that_comes_late_is_counted_apart),
		STORY(mss_makes_room_for_stamps),
		STORY(half_open_entry_rejects_an_older_stamp),
		STORY(half_open_entry_rejects_a_false_echo),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
