// SPDX-License-Identifier: BSD-2-Clause
/*
 * Windows, ours and the peer's. The numbers were read off Linux.
 * covers: T2, T3
 */
#include "story.h"

static void full(struct story *t, uint32_t from, uint32_t win)
{
	t_in(t, ". %u:%u(1460) ack 1", from, from + 1460);
	t_out(t, ". 1:1(0) ack %u win %u", from + 1460, win);
	t_wait(t, 60 * MS);
}

static void delayed(struct story *t, uint32_t from, uint32_t win)
{
	t_in(t, ". %u:%u(1460) ack 1", from, from + 1460);
	t_wait(t, 40 * MS);
	t_out(t, ". 1:1(0) ack %u win %u", from + 1460, win);
	t_wait(t, 20 * MS);
}

static void small_buffer(struct story *t)
{
	t_listen(t, 5);
	t_opt(t, TERN_SOL_SOCKET, TERN_SO_RCVBUF, 10000);
	t_opt_is(t, TERN_SOL_SOCKET, TERN_SO_RCVBUF, 20000);
	t_served(t, T_PLAIN);
}

static void window_closes_and_opens_again(struct story *t)
{
	uint32_t at = 1, i;

	small_buffer(t);
	for (i = 0; i < 3; i++, at += 1460)
		full(t, at, 10220 - 1460 * i);
	for (i = 0; i < 5; i++, at += 1460)
		delayed(t, at, 5840 - 1460 * i);
	t_counter(t, "TcpExtTCPToZeroWindowAdv", 1);
	/* Not before a full segment fits. */
	t_recv(t, 1000);
	t_silence(t);
	t_recv(t, 1000);
	t_out(t, ". 1:1(0) ack 11681 win 1460");
	/* And then each time that it doubles. */
	t_recv(t, 1000);
	t_out(t, ". 1:1(0) ack 11681 win 2920");
	t_recv(t, 2000);
	t_silence(t);
	t_recv(t, 1000);
	t_out(t, ". 1:1(0) ack 11681 win 5840");
	t_recv(t, 4000);
	t_silence(t);
}

static void data_into_a_closed_window_is_dropped(struct story *t)
{
	uint32_t at = 1, i;

	small_buffer(t);
	for (i = 0; i < 3; i++, at += 1460)
		full(t, at, 10220 - 1460 * i);
	for (i = 0; i < 5; i++, at += 1460)
		delayed(t, at, 5840 - 1460 * i);
	t_in(t, ". 11681:11781(100) ack 1");
	t_out(t, ". 1:1(0) ack 11681 win 0");
	t_drops(t, "TCP_OVERWINDOW", 1);
	/* The peer's probe is answered. */
	t_in(t, ". 11680:11680(0) ack 1");
	t_out(t, ". 1:1(0) ack 11681 win 0");
	t_recv(t, 11680);
	t_out(t, ". 1:1(0) ack 11681 win 10220");
}

static void a_fin_passes_a_closed_window(struct story *t)
{
	uint32_t at = 1, i;

	small_buffer(t);
	for (i = 0; i < 3; i++, at += 1460)
		full(t, at, 10220 - 1460 * i);
	for (i = 0; i < 5; i++, at += 1460)
		delayed(t, at, 5840 - 1460 * i);
	t_in(t, "F. 11681:11681(0) ack 1");
	t_wait(t, 40 * MS);
	t_out(t, ". 1:1(0) ack 11682 win 0");
	t_recv(t, 11680);
	t_recv(t, 0);
	t_silence(t);
}

static void unread_segments_grow_the_window_at_first(struct story *t)
{
	uint32_t at = 1, i;

	t_served(t, T_PLAIN);
	for (i = 0; i < 11; i++, at += 1460)
		full(t, at, 65535);
	for (i = 0; i < 4; i++, at += 1460)
		full(t, at, 64240 - 1460 * i);
}

static void peers_smaller_segments_count_as_full(struct story *t)
{
	uint32_t at = 1, i;

	t_served(t, T_PLAIN);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_QUICKACK, 0);
	t_in(t, ". 1:201(200) ack 1");
	t_recv(t, 200);
	t_silence(t);
	t_in(t, ". 201:401(200) ack 1");
	t_recv(t, 200);
	t_out(t, ". 1:1(0) ack 401");
	for (at = 401, i = 0; i < 3; i++, at += 400) {
		t_in(t, ". %u:%u(200) ack 1", at, at + 200);
		t_recv(t, 200);
		t_silence(t);
		t_in(t, ". %u:%u(200) ack 1", at + 200, at + 400);
		t_out(t, ". 1:1(0) ack %u", at + 400);
		t_recv(t, 200);
	}
}

static void windows_grow_as_on_linux(struct story *t)
{
	t_listen(t, 5);
	t_in(t, "S 0:0(0) " T_FULL);
	t_out(t, "S. 0:0(0) ack 1 win 65160");
	t_in(t, ". 1:1(0) ack 1 <nop,nop,TS val 1000 ecr 0>");
	t_accept(t);
	t_in(t, "P. 1:11(10) ack 1 <nop,nop,TS val 1000 ecr 0>");
	t_out(t, ". 1:1(0) ack 11 win 509");
	t_in(t, "P. 11:1011(1000) ack 1 <nop,nop,TS val 1000 ecr 0>");
	t_out(t, ". 1:1(0) ack 1011 win 502");
	t_in(t, "P. 1011:2459(1448) ack 1 <nop,nop,TS val 1000 ecr 0>");
	t_out(t, ". 1:1(0) ack 2459 win 525");
}

static void a_diallers_windows_grow_as_on_linux(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0) win 64240");
	t_in(t, "S. 0:0(0) ack 1 " T_FULL);
	t_out(t, ". 1:1(0) ack 1 win 502");
	t_in(t, "P. 1:11(10) ack 1 <nop,nop,TS val 1000 ecr 0>");
	t_out(t, ". 1:1(0) ack 11 win 502");
	t_in(t, "P. 11:1011(1000) ack 1 <nop,nop,TS val 1000 ecr 0>");
	t_out(t, ". 1:1(0) ack 1011 win 495");
	t_in(t, "P. 1011:2459(1448) ack 1 <nop,nop,TS val 1000 ecr 0>");
	t_out(t, ". 1:1(0) ack 2459 win 518");
}

static void scaled_window_is_the_peers_times_128(struct story *t)
{
	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1460,nop,wscale 7>");
	t_out(t, "S. 0:0(0) ack 1 win 64240 <mss 1460,nop,wscale 7>");
	t_in(t, ". 1:1(0) ack 1 win 100");
	t_accept(t);
	/* 8 of 1,460 are 11,680, a ninth does not fit 12,800. */
	t_send(t, 13140);
	t_out_run(t, 1, 11681, 1460);
	t_silence(t);
	t_in(t, ". 1:1(0) ack 11681 win 100");
	t_out(t, "P. 11681:13141(1460) ack 1 win 502");
	t_in(t, ". 1:1(0) ack 13141");
}

static void scale_beyond_14_counts_as_14(struct story *t)
{
	t_listen(t, 5);
	t_in(t, "S 0:0(0) win 65535 <mss 1460,nop,wscale 15>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, ". 1:1(0) ack 1 win 1");
	t_accept(t);
	/* Half of 16,384. */
	t_send(t, 10000);
	t_out_run(t, 1, 10001, 1460);
	t_in(t, ". 1:1(0) ack 10001");
}

static void syn_window_is_not_scaled(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_in(t, "S. 0:0(0) ack 1 win 100 <mss 1460,nop,wscale 7>");
	t_out(t, ". 1:1(0) ack 1 win 502");
	t_send(t, 200);
	t_out(t, "P. 1:101(100) ack 1");
	t_in(t, ". 1:1(0) ack 101 win 100");
	t_out(t, "P. 101:201(100) ack 1");
	t_in(t, ". 1:1(0) ack 201");
}

/* 200, 400, 800 ms ... as long as the probes are answered. */
static void closed_window_is_probed(struct story *t)
{
	int64_t wait = T_RTO;
	int i;

	t_served(t, T_PLAIN);
	t_in(t, ". 1:1(0) ack 1 win 0");
	t_send(t, 100);
	t_silence(t);
	for (i = 0; i < 20; i++) {
		t_wait(t, wait);
		t_out(t, ". 0:0(0) ack 1");
		t_in(t, ". 1:1(0) ack 1 win 0");
		wait = wait * 2 < 120 * S ? wait * 2 : 120 * S;
	}
	t_counter(t, "TcpExtTCPWinProbe", 20);
	t_in(t, ". 1:1(0) ack 1 win 1000");
	t_out(t, "P. 1:101(100) ack 1");
	t_in(t, ". 1:1(0) ack 101");
	t_state(t, TERN_TCP_ESTABLISHED);
}

static void unanswered_probes_end_the_connection(struct story *t)
{
	int64_t wait = T_RTO;
	int i;

	t_sysctl(t, "tcp_retries2", "4");
	t_served(t, T_PLAIN);
	t_in(t, ". 1:1(0) ack 1 win 0");
	t_send(t, 100);
	for (i = 0; i < 4; i++, wait *= 2) {
		t_wait(t, wait);
		t_out(t, ". 0:0(0) ack 1");
	}
	t_wait(t, wait);
	t_state(t, TERN_TCP_CLOSE);
	t_error(t, TERN_ETIMEDOUT);
}

static void window_smaller_than_the_write_waits_then_is_filled(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, ". 1:1(0) ack 1 win 0");
	t_send(t, 100);
	t_in(t, ". 1:1(0) ack 1 win 50");
	t_silence(t);
	t_wait(t, T_RTO);
	t_out(t, "P. 1:51(50) ack 1");
	t_in(t, ". 1:1(0) ack 51 win 50");
	t_out(t, "P. 51:101(50) ack 1");
	t_in(t, ". 1:1(0) ack 101");
}

/* RFC 9293 3.10.7.4: an older segment's window does not count. */
static void overtaken_window_is_ignored(struct story *t)
{
	t_served(t, T_PLAIN);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_QUICKACK, 0);
	t_in(t, ". 1:1(0) ack 1 win 2000");
	t_in(t, "P. 1:11(10) ack 1 win 3000");
	t_in(t, "P. 11:21(10) ack 1 win 4380");
	t_in(t, ". 1:1(0) ack 1 win 9000");
	t_in(t, ". 11:11(0) ack 1 win 100");
	t_silence(t);
	t_send(t, 6000);
	t_out_run(t, 1, 4381, 1460);
	t_silence(t);
	t_in(t, ". 21:21(0) ack 4381 win 4380");
	t_out_run(t, 4381, 6001, 1460);
	t_in(t, ". 21:21(0) ack 6001");
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(window_closes_and_opens_again),
		STORY(data_into_a_closed_window_is_dropped),
		STORY(a_fin_passes_a_closed_window),
		STORY(unread_segments_grow_the_window_at_first),
		STORY(peers_smaller_segments_count_as_full),
		STORY(windows_grow_as_on_linux),
		STORY(a_diallers_windows_grow_as_on_linux),
		STORY(scaled_window_is_the_peers_times_128),
		STORY(scale_beyond_14_counts_as_14),
		STORY(syn_window_is_not_scaled),
		STORY(closed_window_is_probed),
		STORY(unanswered_probes_end_the_connection),
		STORY(window_smaller_than_the_write_waits_then_is_filled),
		STORY(overtaken_window_is_ignored),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
