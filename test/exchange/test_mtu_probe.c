// SPDX-License-Identifier: BSD-2-Clause
/*
 * The path MTU searched by segments: what is counted, and what is kept while
 * nothing is sent.
 * covers: S11
 */
#include "story.h"

/* An established connection with cwnd 11 and nothing in flight. */
static void warm_up(struct story *t)
{
	t_sysctl(t, "tcp_mtu_probing", "2");
	t_sysctl(t, "tcp_timestamps", "0");
	t_sysctl(t, "tcp_slow_start_after_idle", "0");
	t_wait(t, MS);
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_wait(t, 50 * MS);
	t_in(t, "S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>");
	t_out(t, ". 1:1(0) ack 1");
	t_send(t, 10240);
	t_out_run(t, 1, 10241, 1024);
	t_wait(t, 50 * MS);
	t_in(t, ". 1:1(0) ack 10241");
	t_silence(t);
}

/* And a probe in flight, with data behind it. */
static void probe(struct story *t)
{
	warm_up(t);
	t_send(t, 10000);
	t_out(t, ". 10241:11483(1242) ack 1");
	t_out_run(t, 11483, 20241, 1024);
	t_wait(t, 50 * MS);
}

static void probe_that_comes_through_is_counted(struct story *t)
{
	probe(t);
	t_in(t, ". 1:1(0) ack 20241");
	t_counter(t, "TcpExtTCPMTUPSuccess", 1);
	t_counter(t, "TcpExtTCPMTUPFail", 0);
}

static void probe_that_is_lost_is_counted(struct story *t)
{
	probe(t);
	t_in(t, ". 1:1(0) ack 10241 <nop,nop,sack 11483:20241>");
	t_out(t, ". 10241:11265(1024) ack 1");
	t_out(t, "P. 11265:11483(218) ack 1");
	t_counter(t, "TcpExtTCPMTUPFail", 1);
	t_counter(t, "TcpExtTCPMTUPSuccess", 0);
	t_in(t, ". 1:1(0) ack 20241");
	t_silence(t);
}

/* What a time-out repeats is in smaller segments, and tells nothing of the
 * probe's size: the next one is as large. */
static void probe_that_is_sent_again_tells_nothing(struct story *t)
{
	warm_up(t);
	t_sysctl(t, "tcp_early_retrans", "0");
	t_send(t, 5338);
	t_out(t, ". 10241:11483(1242) ack 1");
	t_out_run(t, 11483, 15579, 1024);
	t_wait(t, 250 * MS);
	t_out(t, ". 10241:11265(1024) ack 1");
	t_in(t, ". 1:1(0) ack 15579");
	t_counter(t, "TcpExtTCPMTUPFail", 0);
	t_counter(t, "TcpExtTCPMTUPSuccess", 0);
	t_opt_is(t, TERN_IPPROTO_TCP, TERN_TCP_MAXSEG, 1024);
}

static void search_outlives_a_rest(struct story *t)
{
	probe(t);
	t_in(t, ". 1:1(0) ack 20241");
	t_wait(t, 100 * S);
	t_send(t, 10000);
	t_out(t, ". 20241:21592(1351) ack 1");
	t_out_run(t, 21592, 30241, 1242);
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(probe_that_comes_through_is_counted),
		STORY(probe_that_is_lost_is_counted),
		STORY(probe_that_is_sent_again_tells_nothing),
		STORY(search_outlives_a_rest),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
