// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the fuzzer and the scenarios found, each told as short as it can be.
 */
#include "story.h"

/* Segments cut from a larger packet had room for SACK blocks taken off in the
 * count only: they were larger than the link. */
static void sack_blocks_make_cut_segments_smaller(struct story *t)
{
	t_served(t, T_FULL);
	t_in(t, ". 1001:1002(1) ack 1 <nop,nop,TS val 1000 ecr 0>");
	t_out(t, ". 1:1(0) ack 1 <nop,nop,TS val 0 ecr 1000,nop,nop,"
		 "sack 1001:1002>");
	t_send(t, 5000);
	t_out(t, ". 1:1437(1436) ack 1 <nop,nop,TS val 0 ecr 1000,nop,nop,"
		 "sack 1001:1002>");
	t_out(t, ". 1437:2873(1436) ack 1 <nop,nop,TS val 0 ecr 1000,nop,nop,"
		 "sack 1001:1002>");
	t_out(t, ". 2873:4309(1436) ack 1 <nop,nop,TS val 0 ecr 1000,nop,nop,"
		 "sack 1001:1002>");
	t_out(t, "P. 4309:5001(692) ack 1 <nop,nop,TS val 0 ecr 1000,nop,nop,"
		 "sack 1001:1002>");
}

/* Data that began before the peer's FIN and went on behind it was taken in. */
static void data_behind_a_fin_resets(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "F. 1:1(0) ack 1");
	t_in(t, "P. 1:11(10) ack 1");
	t_out(t, "R 1:1(0)");
	t_error(t, TERN_EPIPE);
	t_recv_is(t, 100, 0, 0);
	t_state(t, TERN_TCP_CLOSE);
}

/* A FIN for which there was no memory was never sent, and the connection
 * stayed for ever. */
static void a_fin_without_memory_leaves_later(struct story *t)
{
	t_served(t, T_PLAIN);
	t_wait(t, 5 * S); /* it rests */
	t->alloc.n_left = 0;
	t_shutdown(t, TERN_SHUT_WR);
	t_silence(t);
	t->alloc.n_left = -1;
	t_wait(t, 500 * MS);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, ". 1:1(0) ack 2");
	t_state(t, TERN_TCP_FIN_WAIT2);
	t_in(t, "F. 1:1(0) ack 2");
	t_out(t, ". 2:2(0) ack 2");
}

/* Segments that were joined for a resend were still counted as delivered, by a
 * duplicate ACK without SACK. */
static void joined_segments_are_counted_once(struct story *t)
{
	t_sysctl(t, "tcp_reordering", "1");
	t_served(t, T_PLAIN);
	t_send(t, 1);
	t_out(t, "P. 1:2(1) ack 1");
	t_shutdown(t, TERN_SHUT_WR);
	t_out(t, "F. 2:2(0) ack 1");
	t_in(t, ". 1:1(0) ack 1");
	t_out(t, "FP. 1:2(1) ack 1");
	t_in(t, ". 1:1(0) ack 1");
	t_in(t, ". 1:1(0) ack 3");
	t_state(t, TERN_TCP_FIN_WAIT2);
}

/* A tunable that Linux lets be 255 was the width of a shift. */
static void any_tso_rtt_log_is_fit(struct story *t)
{
	t_sysctl(t, "tcp_tso_rtt_log", "255");
	t_served(t, T_PLAIN);
	t_send(t, 10);
	t_out(t, "P. 1:11(10) ack 1");
	t_in(t, ". 1:1(0) ack 11");
}

/* A second FIN behind the first one's number moved rcv.nxt once more, past bytes
 * that nobody ever had. */
static void nothing_comes_behind_a_fin(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "P. 1:2(1) ack 1");
	t_out(t, ". 1:1(0) ack 2");
	t_in(t, "F. 2:2(0) ack 1");
	t_in(t, "F. 1:3(2) ack 1");
	t_out(t, ". 1:1(0) ack 3");
	t_state(t, TERN_TCP_CLOSE_WAIT);
	t_recv(t, 1);
	t_recv_is(t, 1, 0, 0);
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(sack_blocks_make_cut_segments_smaller),
		STORY(data_behind_a_fin_resets),
		STORY(a_fin_without_memory_leaves_later),
		STORY(joined_segments_are_counted_once),
		STORY(any_tso_rtt_log_is_fit),
		STORY(nothing_comes_behind_a_fin),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
