// SPDX-License-Identifier: BSD-2-Clause
/*
 * SYN cookies, seen from the wire: nothing is kept of a SYN, and its ACK opens
 * all the same. covers: O10, O12, X1
 */
#include "story.h"

static uint8_t options_of(struct story *t, struct tern_tcp_info *info)
{
	size_t len = sizeof(*info);

	t_is(t,
	     tern_getsockopt(t->st, t->s, TERN_IPPROTO_TCP, TERN_TCP_INFO, info,
			     &len, t->now),
	     0);
	return info->options;
}

static uint32_t half_open(struct story *t)
{
	struct tern_memory m;

	tern_stack_memory(t->st, &m);
	return (uint32_t)m.half_open;
}

static void with_timestamps_a_cookie_keeps_the_options(struct story *t)
{
	struct tern_tcp_info info;

	t_sysctl(t, "tcp_syncookies", "2");
	t_listen(t, 5);
	/* An echo of 0 would mean none. */
	t_wait(t, 5 * MS);
	t_in(t, "S 0:0(0) win 65535 "
		"<mss 1300,sackOK,TS val 100 ecr 0,nop,wscale 7>");
	t_out(t, "S. 0:0(0) ack 1");
	t_is(t, half_open(t), 0);
	t_in(t, ". 1:1(0) ack 1 win 1000 <nop,nop,TS val 101 ecr 5>");
	t_accept(t);
	t_state(t, TERN_TCP_ESTABLISHED);
	t_is(t, options_of(t, &info), 1 | 2 | 4);
	t_is(t, info.wscale & 15, 7);
	t_is(t, info.snd_wnd, 1000 << 7);
	t_is(t, info.snd_mss, (t->v6 ? 1220 : 1300) - 12);
	t_counter(t, "TcpExtSyncookiesSent", 1);
	t_counter(t, "TcpExtSyncookiesRecv", 1);
	t_counter(t, "TcpPassiveOpens", 1);
}

static void without_timestamps_only_the_mss_is_kept(struct story *t)
{
	struct tern_tcp_info info;

	t_sysctl(t, "tcp_syncookies", "2");
	t_listen(t, 5);
	t_in(t, "S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK,nop,wscale 7>");
	t_out(t, "S. 0:0(0) ack 1 <mss 1460>");
	t_in(t, ". 1:1(0) ack 1 win 32792");
	t_accept(t);
	t_is(t, options_of(t, &info), 0);
	/* The next lower of four: 1460 over IPv4, 1440 over IPv6. */
	t_is(t, info.snd_mss, t->v6 ? 1440 : 1460);
}

static void the_ack_of_a_cookie_may_carry_data(struct story *t)
{
	t_sysctl(t, "tcp_syncookies", "2");
	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, "P. 1:11(10) ack 1");
	t_out(t, ". 1:1(0) ack 11");
	t_accept(t);
	t_recv(t, 10);
}

static void a_made_up_cookie_is_reset(struct story *t)
{
	t_sysctl(t, "tcp_syncookies", "2");
	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, ". 1:1(0) ack 1000");
	t_out(t, "R 1000:1000(0)");
	t_counter(t, "TcpExtSyncookiesFailed", 1);
	t_counter(t, "TcpPassiveOpens", 0);
}

static void a_cookie_is_good_for_two_minutes(struct story *t)
{
	t_sysctl(t, "tcp_syncookies", "2");
	t_listen(t, 5);
	t_flow(t, 1);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_flow(t, 2);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_wait(t, 59 * S);
	t_flow(t, 1);
	t_in(t, ". 1:1(0) ack 1");
	t_accept(t);
	t_wait(t, 120 * S);
	t_flow(t, 2);
	t_in(t, ". 1:1(0) ack 1");
	t_out(t, "R 1:1(0)");
}

/* To the millisecond; and where none was sent for two minutes, an ACK is no
 * longer asked whether it is one. */
static void the_second_minute_is_the_last(struct story *t)
{
	uint16_t i;

	t_sysctl(t, "tcp_syncookies", "2");
	t_listen(t, 5);
	for (i = 1; i <= 3; i++) {
		t_flow(t, i);
		t_in(t, "S 0:0(0) <mss 1460>");
		t_out(t, "S. 0:0(0) ack 1");
	}
	t_wait(t, 120 * S - MS);
	t_flow(t, 1);
	t_in(t, ". 1:1(0) ack 1");
	t_accept(t);
	t_wait(t, MS);
	t_flow(t, 2);
	t_in(t, ". 1:1(0) ack 1");
	t_out(t, "R 1:1(0)");
	t_counter(t, "TcpExtSyncookiesFailed", 1);
	t_wait(t, MS);
	t_flow(t, 3);
	t_in(t, ". 1:1(0) ack 1");
	t_out(t, "R 1:1(0)");
	t_counter(t, "TcpExtSyncookiesFailed", 1);
}

/* Not its age: one of a minute's last millisecond is good for the next alone. */
static void the_minute_of_its_making_counts(struct story *t)
{
	t_sysctl(t, "tcp_syncookies", "2");
	t_listen(t, 5);
	t_wait(t, 60 * S - MS);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_wait(t, 60 * S + MS);
	t_in(t, ". 1:1(0) ack 1");
	t_out(t, "R 1:1(0)");
	t_counter(t, "TcpExtSyncookiesFailed", 1);
}

/* RFC 4987 3.6: nothing but the secret makes a cookie good. */
static void guesses_are_reset_and_counted(struct story *t)
{
	uint32_t i;

	t_sysctl(t, "tcp_syncookies", "2");
	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	for (i = 1; i <= 200; i++) {
		t_in(t, ". 1:1(0) ack %u", 1 + i * 8209);
		t_out(t, "R %u:%u(0)", 1 + i * 8209, 1 + i * 8209);
	}
	t_counter(t, "TcpExtSyncookiesFailed", 200);
	t_counter(t, "TcpExtSyncookiesRecv", 0);
	/* Nor is it good for another port. */
	t_flow(t, 9);
	t_in(t, ". 1:1(0) ack 1");
	t_out(t, "R 1:1(0)");
	t_counter(t, "TcpExtSyncookiesFailed", 201);
	t_counter(t, "TcpPassiveOpens", 0);
}

static void cookies_come_when_the_queue_overflows(struct story *t)
{
	uint16_t i;

	t_listen(t, 2);
	for (i = 1; i <= 3; i++) {
		t_flow(t, i);
		t_in(t, "S 0:0(0) <mss 1460>");
		t_out(t, "S. 0:0(0) ack 1");
	}
	t_counter(t, "TcpExtSyncookiesSent", 0);
	t_flow(t, 9);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_counter(t, "TcpExtTCPReqQFullDoCookies", 1);
	t_counter(t, "TcpExtSyncookiesSent", 1);
	t_in(t, ". 1:1(0) ack 1");
	t_accept(t);
	t_state(t, TERN_TCP_ESTABLISHED);
	for (i = 1; i <= 3; i++) {
		t_flow(t, i);
		t_in(t, "R 1:1(0)");
	}
}

/* Without a cookie sent lately nobody may try his luck. */
static void no_cookie_is_taken_that_was_not_asked_for(struct story *t)
{
	t_listen(t, 5);
	t_in(t, ". 1:1(0) ack 1");
	t_out(t, "R 1:1(0)");
	t_counter(t, "TcpExtSyncookiesFailed", 0);
	t_sysctl(t, "tcp_syncookies", "0");
	t_in(t, ". 1:1(0) ack 1");
	t_out(t, "R 1:1(0)");
}

static void a_full_accept_queue_is_not_helped(struct story *t)
{
	t_sysctl(t, "tcp_syncookies", "2");
	t_listen(t, 0);
	t_flow(t, 1);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, ". 1:1(0) ack 1");
	t_flow(t, 2);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_silence(t);
	t_counter(t, "TcpExtListenOverflows", 1);
	t_flow(t, 1);
	t_accept(t);
}

int main(void)
{
	static const struct story_row rows[] = {
		STORY(with_timestamps_a_cookie_keeps_the_options),
		STORY(without_timestamps_only_the_mss_is_kept),
		STORY(the_ack_of_a_cookie_may_carry_data),
		STORY(a_made_up_cookie_is_reset),
		STORY(a_cookie_is_good_for_two_minutes),
		STORY(the_second_minute_is_the_last),
		STORY(the_minute_of_its_making_counts),
		STORY(guesses_are_reset_and_counted),
		STORY(cookies_come_when_the_queue_overflows),
		STORY(no_cookie_is_taken_that_was_not_asked_for),
		STORY(a_full_accept_queue_is_not_helped),
	};

	return story_run(rows, sizeof(rows) / sizeof(rows[0]));
}
