// SPDX-License-Identifier: BSD-2-Clause
/*
 * Small segments: Nagle with Minshall's change, NODELAY, CORK, MSG_MORE.
 * covers: T1, T4
 */
#include "story.h"

static void one_small_segment_is_under_way_at_a_time(struct story *t)
{
	t_served(t, T_PLAIN);
	t_send(t, 10);
	t_out(t, "P. 1:11(10) ack 1");
	t_send(t, 10);
	t_send(t, 10);
	t_silence(t);
	t_ioctl(t, TERN_SIOCOUTQ, 30);
	t_ioctl(t, TERN_SIOCOUTQNSD, 20);
	t_in(t, ". 1:1(0) ack 11");
	t_out(t, "P. 11:31(20) ack 1");
	t_in(t, ". 1:1(0) ack 31");
	t_ioctl(t, TERN_SIOCOUTQ, 0);
}

static void full_segments_go_at_once(struct story *t)
{
	t_served(t, T_PLAIN);
	t_send(t, 10);
	t_out(t, "P. 1:11(10) ack 1");
	t_send(t, 1460);
	t_out(t, "P. 11:1471(1460) ack 1");
	t_in(t, ". 1:1(0) ack 1471");
}

/* Minshall: a full segment under way does not hold a small one back. */
static void small_one_after_full_ones_goes(struct story *t)
{
	t_served(t, T_PLAIN);
	t_send(t, 1470);
	t_out_run(t, 1, 1471, 1460);
	t_send(t, 10);
	t_silence(t);
	t_in(t, ". 1:1(0) ack 1461");
	t_silence(t);
	t_in(t, ". 1:1(0) ack 1471");
	t_out(t, "P. 1471:1481(10) ack 1");
	t_in(t, ". 1:1(0) ack 1481");
}

static void nodelay_lets_all_go(struct story *t)
{
	t_served(t, T_PLAIN);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_NODELAY, 1);
	t_send(t, 10);
	t_out(t, "P. 1:11(10) ack 1");
	t_send(t, 10);
	t_out(t, "P. 11:21(10) ack 1");
	t_in(t, ". 1:1(0) ack 21");
}

static void nodelay_pushes_what_waits(struct story *t)
{
	t_served(t, T_PLAIN);
	t_send(t, 10);
	t_out(t, "P. 1:11(10) ack 1");
	t_send(t, 10);
	t_silence(t);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_NODELAY, 1);
	t_out(t, "P. 11:21(10) ack 1");
	t_in(t, ". 1:1(0) ack 21");
}

static void cork_holds_small_ones_back(struct story *t)
{
	t_served(t, T_PLAIN);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_CORK, 1);
	t_send(t, 100);
	t_silence(t);
	t_send(t, 1400);
	t_out(t, ". 1:1461(1460) ack 1");
	t_in(t, ". 1:1(0) ack 1461");
	t_silence(t);
	t_send(t, 5);
	t_silence(t);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_CORK, 0);
	t_out(t, "P. 1461:1506(45) ack 1");
	t_in(t, ". 1:1(0) ack 1506");
}

/* As on Linux: a corked tail leaves by the probe timer. */
static void cork_holds_for_200_ms(struct story *t)
{
	t_served(t, T_PLAIN);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_CORK, 1);
	t_wait(t, 1 * S);
	t_send(t, 100);
	t_wait(t, T_RTO);
	t_out(t, "P. 1:101(100) ack 1");
	t_in(t, ". 1:1(0) ack 101");
}

static void more_holds_small_ones_back(struct story *t)
{
	t_served(t, T_PLAIN);
	t_send_is(t, 10, TERN_MSG_MORE, 10);
	t_send_is(t, 10, TERN_MSG_MORE, 10);
	t_silence(t);
	t_send(t, 10);
	t_out(t, "P. 1:31(30) ack 1");
	t_in(t, ". 1:1(0) ack 31");
}

static void fin_takes_the_small_tail_along(struct story *t)
{
	t_served(t, T_PLAIN);
	t_send(t, 10);
	t_out(t, "P. 1:11(10) ack 1");
	t_send(t, 10);
	t_silence(t);
	t_shutdown(t, TERN_SHUT_WR);
	t_out(t, "FP. 11:21(10) ack 1");
	t_in(t, ". 1:1(0) ack 22");
	t_state(t, TERN_TCP_FIN_WAIT2);
}

static void send_buffer_fills_and_drains(struct story *t)
{
	int64_t first, second;

	t_served(t, T_PLAIN);
	t_in(t, ". 1:1(0) ack 1 win 0");
	t_opt(t, TERN_SOL_SOCKET, TERN_SO_SNDBUF, 4096);
	t_opt_is(t, TERN_SOL_SOCKET, TERN_SO_SNDBUF, 8192);
	first = tern_send(t->st, t->s, "01234567", 8, 0, t->now);
	t_is(t, first, 8);
	do {
		second = tern_send(t->st, t->s, &t->line, 1, 0, t->now);
	} while (second == 1);
	t_is(t, second, -TERN_EAGAIN);
	t_poll(t, 0);
	t_shutdown(t, TERN_SHUT_RDWR);
	t_is(t, tern_send(t->st, t->s, "x", 1, 0, t->now), -TERN_EPIPE);
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(one_small_segment_is_under_way_at_a_time),
		STORY(full_segments_go_at_once),
		STORY(small_one_after_full_ones_goes),
		STORY(nodelay_lets_all_go),
		STORY(nodelay_pushes_what_waits),
		STORY(cork_holds_small_ones_back),
		STORY(cork_holds_for_200_ms),
		STORY(more_holds_small_ones_back),
		STORY(fin_takes_the_small_tail_along),
		STORY(send_buffer_fills_and_drains),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
