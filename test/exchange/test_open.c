// SPDX-License-Identifier: BSD-2-Clause
/*
 * Active opens: SYN_SENT and what leads out of it.
 * covers: O1, O4, O7, O8, O9, S3
 */
#include "story.h"

static int connect_again(struct story *t)
{
	struct tern_sockaddr peer = story_name(t, true, t->f->rport);

	return tern_connect(t->st, t->s, &peer, t->now);
}

static int disconnect(struct story *t)
{
	struct tern_sockaddr none = { .family = TERN_AF_UNSPEC };

	return tern_connect(t->st, t->s, &none, t->now);
}

static void active_open_takes_three_segments(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0) win 64240 "
		 "<mss 1460,sackOK,TS val 0 ecr 0,nop,wscale 7>");
	t_state(t, TERN_TCP_SYN_SENT);
	t_poll(t, 0);
	t_in(t, "S. 0:0(0) ack 1 <mss 1460,sackOK,TS val 9 ecr 0,nop,"
		"wscale 8>");
	t_out(t, ". 1:1(0) ack 1 win 502 <nop,nop,TS val 0 ecr 9>");
	t_state(t, TERN_TCP_ESTABLISHED);
	t_poll(t, TERN_POLLOUT);
	t_counter(t, "TcpActiveOpens", 1);
}

static void connect_tells_how_far_it_is(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_is(t, connect_again(t), -TERN_EALREADY);
	t_in(t, "S. 0:0(0) ack 1 <mss 1460>");
	t_out(t, ". 1:1(0) ack 1");
	t_error(t, 0);
	t_is(t, connect_again(t), 0);
	t_is(t, connect_again(t), -TERN_EISCONN);
}

/* 1+2+4+8+16+32 s = 63 s. */
static void lost_syn_is_resent_with_the_same_sequence_number(struct story *t)
{
	static const int waits[] = { 1, 2, 4, 8, 16 };
	int i, at = 0;

	t_dial(t);
	t_out(t, "S 0:0(0)");
	for (i = 0; i < 5; i++) {
		t_wait(t, waits[i] * S);
		at += waits[i] * 1000;
		t_out(t,
		      "S 0:0(0) win 64240 <mss 1460,sackOK,TS val %d ecr 0,"
		      "nop,wscale 7>",
		      at);
	}
	t_wait(t, 32 * S - 1);
	t_state(t, TERN_TCP_SYN_SENT);
	t_wait(t, 1);
	t_state(t, TERN_TCP_CLOSE);
	t_poll(t, TERN_POLLIN | TERN_POLLOUT | TERN_POLLERR | TERN_POLLHUP |
			  TERN_POLLRDHUP);
	t_error(t, TERN_ETIMEDOUT);
	t_error(t, 0);
	t_counter(t, "TcpExtTCPSynRetrans", 5);
	t_counter(t, "TcpAttemptFails", 1);
}

static void syncnt_bounds_the_resends(struct story *t)
{
	t_dial(t);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_SYNCNT, 2);
	t_out(t, "S 0:0(0)");
	t_wait(t, 1 * S);
	t_out(t, "S 0:0(0)");
	t_wait(t, 2 * S);
	t_out(t, "S 0:0(0)");
	t_wait(t, 4 * S);
	t_is(t, connect_again(t), -TERN_ETIMEDOUT);
}

static void first_resends_may_come_steadily(struct story *t)
{
	int i;

	t_sysctl(t, "tcp_syn_linear_timeouts", "2");
	t_sysctl(t, "tcp_syn_retries", "1");
	t_dial(t);
	t_out(t, "S 0:0(0)");
	for (i = 0; i < 3; i++) {
		t_wait(t, 1 * S);
		t_out(t, "S 0:0(0)");
	}
	t_wait(t, 2 * S);
	t_error(t, TERN_ETIMEDOUT);
}

/* RFC 6298 5.7, as on Linux: 3 s and one segment. */
static void resent_syn_leads_to_a_careful_start(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_wait(t, 1 * S);
	t_out(t, "S 0:0(0)");
	t_wait(t, 2 * S);
	t_out(t, "S 0:0(0)");
	t_in(t, "S. 0:0(0) ack 1 <mss 1460>");
	t_out(t, ". 1:1(0) ack 1");
	t_send(t, 2920);
	t_out(t, ". 1:1461(1460) ack 1");
	t_wait(t, 3 * S);
	t_out(t, ". 1:1461(1460) ack 1");
	t_in(t, ". 1:1(0) ack 1461");
	t_out(t, "P. 1461:2921(1460) ack 1");
	t_in(t, ". 1:1(0) ack 2921");
}

static void refused_connection_is_told(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_in(t, "R. 0:0(0) ack 1");
	t_state(t, TERN_TCP_CLOSE);
	t_poll(t, TERN_POLLIN | TERN_POLLOUT | TERN_POLLERR | TERN_POLLHUP |
			  TERN_POLLRDHUP);
	t_is(t, connect_again(t), -TERN_ECONNREFUSED);
	/* The failure was told: the socket may try again. */
	t_flow_again(t);
	t->f->lport = 0;
	t_is(t, connect_again(t), -TERN_EINPROGRESS);
	t_out(t, "S 0:0(0)");
}

static void rst_without_a_matching_ack_is_ignored(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_in(t, "R 0:0(0)");
	t_in(t, "R. 0:0(0) ack 0");
	t_in(t, "R. 0:0(0) ack 2");
	t_state(t, TERN_TCP_SYN_SENT);
	t_silence(t);
}

/* Somebody remembers an older connection (O7). */
static void wrong_ack_of_a_syn_is_reset(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_in(t, ". 500:500(0) ack 3000");
	t_out(t, "R 3000:3000(0)");
	t_state(t, TERN_TCP_SYN_SENT);
	/* And the SYN comes again soon: the way is free now. */
	t_wait(t, 2 * MS);
	t_out(t, "S 0:0(0)");
	t_in(t, "S. 0:0(0) ack 1 <mss 1460>");
	t_out(t, ". 1:1(0) ack 1");
	t_state(t, TERN_TCP_ESTABLISHED);
}

static void synack_with_a_wrong_ack_is_reset(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_in(t, "S. 0:0(0) ack 2 <mss 1460>");
	t_out(t, "R 2:2(0)");
	t_state(t, TERN_TCP_SYN_SENT);
	t_wait(t, 2 * MS);
	t_out(t, "S 0:0(0)");
	t_in(t, "S. 0:0(0) ack 0 <mss 1460>");
	t_out(t, "R 0:0(0)");
	t_state(t, TERN_TCP_SYN_SENT);
}

static void synack_that_echoes_a_false_time_is_reset(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_in(t, "S. 0:0(0) ack 1 <mss 1460,nop,nop,TS val 9 ecr 77>");
	t_out(t, "R 1:1(0)");
	t_state(t, TERN_TCP_SYN_SENT);
	t_counter(t, "TcpExtPAWSActive", 1);
}

static void fin_and_bare_segments_are_ignored_in_syn_sent(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_in(t, "F 0:0(0)");
	t_in(t, "- 0:10(10)");
	t_in(t, ". 0:0(0) ack 1");
	t_silence(t);
	t_state(t, TERN_TCP_SYN_SENT);
}

static void simultaneous_open_takes_both_ends_to_established(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_in(t, "S 0:0(0) win 1000 <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1 <mss 1460>");
	t_state(t, TERN_TCP_SYN_RECV);
	t_is(t, connect_again(t), -TERN_EALREADY);
	t_in(t, "S. 0:0(0) ack 1 win 1000 <mss 1460>");
	t_out(t, ". 1:1(0) ack 1"); /* as on Linux */
	t_state(t, TERN_TCP_ESTABLISHED);
	t_poll(t, TERN_POLLOUT);
	t_wait(t, 100 * MS);
	t_send(t, 10);
	t_out(t, "P. 1:11(10) ack 1");
	t_in(t, "P. 1:11(10) ack 11");
	t_out(t, ". 11:11(0) ack 11");
	t_recv(t, 10);
}

static void simultaneous_open_ends_with_an_ack_too(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_in(t, "S 0:0(0) win 1000 <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, ". 1:1(0) ack 1 win 2000");
	t_silence(t);
	t_state(t, TERN_TCP_ESTABLISHED);
	/* The window is that of the ACK. */
	t_send(t, 1500);
	t_out_run(t, 1, 1501, 1000);
	t_in(t, ". 1:1(0) ack 1501");
}

static void crossed_synack_is_resent(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_in(t, "S 0:0(0) win 1000 <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_wait(t, 1 * S);
	t_out(t, "S. 0:0(0) ack 1");
	t_wait(t, 2 * S);
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, ". 1:1(0) ack 1 win 1000");
	t_state(t, TERN_TCP_ESTABLISHED);
}

static void reset_in_a_crossed_open_is_told(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_in(t, "S 0:0(0) win 1000 <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, "R. 1:1(0) ack 1");
	t_state(t, TERN_TCP_CLOSE);
	t_error(t, TERN_ECONNRESET);
}

static void socket_may_connect_to_itself(struct story *t)
{
	struct tern_sockaddr self = {
		.family = t->v6 ? TERN_AF_INET6 : TERN_AF_INET,
		.addr = { { [15] = 1 } },
		.port = 4444,
	};

	if (!t->v6)
		self.addr = tern_addr_v4(127, 0, 0, 1);
	t->s = tern_socket(t->st, self.family, TERN_SOCK_STREAM, 0, t->now);
	t_is(t, tern_bind(t->st, t->s, &self, t->now), 0);
	t_is(t, tern_connect(t->st, t->s, &self, t->now), -TERN_EINPROGRESS);
	t_silence(t); /* nothing leaves the host */
	t_state(t, TERN_TCP_ESTABLISHED);
	t_counter(t, "TcpInSegs", 3);
	t_send(t, 1000);
	t_recv(t, 1000);
	t_is(t, tern_shutdown(t->st, t->s, TERN_SHUT_WR, t->now), 0);
	t_recv(t, 0);
	t_close(t);
}

static void icmp_error_ends_the_handshake(struct story *t)
{
	static const struct {
		enum story_icmp says;
		int v4, v6;
	} rows[] = {
		{ SAYS_NET, TERN_ENETUNREACH, TERN_ENETUNREACH },
		{ SAYS_HOST, TERN_EHOSTUNREACH, TERN_EHOSTUNREACH },
		{ SAYS_PORT, TERN_ECONNREFUSED, TERN_ECONNREFUSED },
		{ SAYS_PROHIBITED, TERN_EHOSTUNREACH, TERN_EACCES },
		{ SAYS_TTL, TERN_EHOSTUNREACH, TERN_EHOSTUNREACH },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		t_flow(t, (uint16_t)(9000 + i));
		t_dial(t);
		t_out(t, "S 0:0(0)");
		t_icmp_in(t, rows[i].says, 0);
		t_state(t, TERN_TCP_CLOSE);
		t_error(t, t->v6 ? rows[i].v6 : rows[i].v4);
		t_close(t);
	}
}

static void icmp_error_about_another_number_is_ignored(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_icmp_in(t, SAYS_PORT, 5);
	t_icmp_in(t, SAYS_PORT, -1);
	t_state(t, TERN_TCP_SYN_SENT);
	t_counter(t, "TcpExtOutOfWindowIcmps", 2);
}

static void icmp_error_ends_a_crossed_open(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_icmp_in(t, SAYS_HOST, 0);
	t_state(t, TERN_TCP_CLOSE);
	t_error(t, TERN_EHOSTUNREACH);
}

static void closed_syn_sent_says_nothing(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_close(t);
	t_gone(t);
	t_silence(t);
	/* What comes late meets nobody. */
	t_in(t, "S. 0:0(0) ack 1 <mss 1460>");
	t_out(t, "R 1:1(0)");
}

static void unspec_forgets_a_connect(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_is(t, disconnect(t), 0);
	t_state(t, TERN_TCP_CLOSE);
	t_error(t, TERN_ECONNRESET); /* as on Linux [k] */
	t_silence(t);
	t_flow_again(t);
	t_dial(t);
	t_out(t, "S 0:0(0)");
}

static void unspec_resets_a_connection(struct story *t)
{
	t_dialled(t, T_PLAIN);
	t_is(t, disconnect(t), 0);
	t_out(t, "R. 1:1(0) ack 1");
	t_state(t, TERN_TCP_CLOSE);
	t_error(t, TERN_ECONNRESET); /* as on Linux [k] */
	t_flow_again(t);
	t_dialled(t, T_PLAIN);
}

static void segment_for_nobody_is_reset(struct story *t)
{
	t->f->iss = 0;
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "R. 0:0(0) ack 1 win 0 <>");
	t_in(t, "P. 1:11(10) ack 7");
	t_out(t, "R 7:7(0) win 0 <>");
	t_in(t, "P 1:11(10)");
	t_out(t, "R. 0:0(0) ack 11");
	t_in(t, "F 1:1(0)");
	t_out(t, "R. 0:0(0) ack 2");
	t_in(t, "R 1:1(0)");
	t_in(t, "R. 1:1(0) ack 1");
	t_silence(t);
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(active_open_takes_three_segments),
		STORY(connect_tells_how_far_it_is),
		STORY(lost_syn_is_resent_with_the_same_sequence_number),
		STORY(syncnt_bounds_the_resends),
		STORY(first_resends_may_come_steadily),
		STORY(resent_syn_leads_to_a_careful_start),
		STORY(refused_connection_is_told),
		STORY(rst_without_a_matching_ack_is_ignored),
		STORY(wrong_ack_of_a_syn_is_reset),
		STORY(synack_with_a_wrong_ack_is_reset),
		STORY(synack_that_echoes_a_false_time_is_reset),
		STORY(fin_and_bare_segments_are_ignored_in_syn_sent),
		STORY(simultaneous_open_takes_both_ends_to_established),
		STORY(simultaneous_open_ends_with_an_ack_too),
		STORY(crossed_synack_is_resent),
		STORY(reset_in_a_crossed_open_is_told),
		STORY(socket_may_connect_to_itself),
		STORY(icmp_error_ends_the_handshake),
		STORY(icmp_error_about_another_number_is_ignored),
		STORY(icmp_error_ends_a_crossed_open),
		STORY(closed_syn_sent_says_nothing),
		STORY(unspec_forgets_a_connect),
		STORY(unspec_resets_a_connection),
		STORY(segment_for_nobody_is_reset),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
