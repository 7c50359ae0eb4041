// SPDX-License-Identifier: BSD-2-Clause
/*
 * What does not belong, in every state: RST, SYN, ACKs of what was never sent
 * (RFC 9293 3.10.7.4, RFC 5961), and ICMP.
 * covers: S3, C16, C17, C19, X2, X3
 */
#include "story.h"

enum { ESTAB, CLOSE_WAIT, FIN_WAIT1, FIN_WAIT2, CLOSING, LAST_ACK, N_STATES };

/* The peer's next number in each, and ours. */
static const struct {
	int state;
	uint32_t rcv_nxt, snd_nxt;
	int error; /* of a RST */
} states[N_STATES] = {
	[ESTAB] = { TERN_TCP_ESTABLISHED, 1, 1, TERN_ECONNRESET },
	[CLOSE_WAIT] = { TERN_TCP_CLOSE_WAIT, 2, 1, TERN_EPIPE },
	[FIN_WAIT1] = { TERN_TCP_FIN_WAIT1, 1, 2, TERN_ECONNRESET },
	[FIN_WAIT2] = { TERN_TCP_FIN_WAIT2, 1, 2, TERN_ECONNRESET },
	[CLOSING] = { TERN_TCP_CLOSING, 2, 2, TERN_ECONNRESET },
	[LAST_ACK] = { TERN_TCP_LAST_ACK, 2, 2, TERN_ECONNRESET },
};

/* Brings a new connection there, its socket held. */
static void go_to(struct story *t, int which)
{
	t_flow(t, (uint16_t)(1000 + t->n_flows));
	t_served(t, T_PLAIN);
	t_wait(t, 1 * S);
	if (which == CLOSE_WAIT || which == LAST_ACK) {
		t_in(t, "F. 1:1(0) ack 1");
		t_wait(t, 3 * MS);
		t_out(t, ". 1:1(0) ack 2");
	}
	if (which != ESTAB && which != CLOSE_WAIT) {
		t_shutdown(t, TERN_SHUT_WR);
		t_out(t, "F. 1:1(0) ack %d", which == LAST_ACK ? 2 : 1);
	}
	if (which == FIN_WAIT2)
		t_in(t, ". 1:1(0) ack 2");
	if (which == CLOSING) {
		t_in(t, "F. 1:1(0) ack 1");
		t_out(t, ". 2:2(0) ack 2");
	}
	t_state(t, states[which].state);
	t_silence(t);
}

static void answer_is(struct story *t, int which)
{
	t_out(t, ". %u:%u(0) ack %u", states[which].snd_nxt,
	      states[which].snd_nxt, states[which].rcv_nxt);
	t_silence(t);
	t_state(t, states[which].state);
}

/* Ends it, so that its timers do not speak in the next one's story. */
static void finish(struct story *t, int which)
{
	t_in(t, "R %u:%u(0)", states[which].rcv_nxt, states[which].rcv_nxt);
	t_state(t, TERN_TCP_CLOSE);
	t_close(t);
}

static void exact_rst_ends_every_state(struct story *t)
{
	int i;

	for (i = 0; i < N_STATES; i++) {
		go_to(t, i);
		t_in(t, "R %u:%u(0)", states[i].rcv_nxt, states[i].rcv_nxt);
		t_silence(t);
		t_state(t, TERN_TCP_CLOSE);
		t_poll(t, TERN_POLLIN | TERN_POLLOUT | TERN_POLLERR |
				  TERN_POLLHUP | TERN_POLLRDHUP);
		t_error(t, states[i].error);
		t_error(t, 0);
		t_close(t);
	}
}

static void rst_in_the_window_is_challenged(struct story *t)
{
	int i;

	for (i = 0; i < N_STATES; i++) {
		go_to(t, i);
		t_in(t, "R %u:%u(0)", states[i].rcv_nxt + 1,
		     states[i].rcv_nxt + 1);
		answer_is(t, i);
		finish(t, i);
	}
	t_counter(t, "TcpExtTCPChallengeACK", N_STATES);
}

static void rst_outside_the_window_is_dropped(struct story *t)
{
	int i;

	for (i = 0; i < N_STATES; i++) {
		go_to(t, i);
		t_in(t, "R 100000:100000(0)");
		t_in(t, "R -100:-100(0)");
		t_silence(t);
		t_state(t, states[i].state);
		finish(t, i);
	}
}

/* Its sender had not counted its own FIN. */
static void rst_at_the_fins_number_counts(struct story *t)
{
	static const int those[] = { CLOSE_WAIT, CLOSING, LAST_ACK };
	size_t i;

	for (i = 0; i < sizeof(those) / sizeof(those[0]); i++) {
		go_to(t, those[i]);
		t_in(t, "R 1:1(0)");
		t_state(t, TERN_TCP_CLOSE);
		t_close(t);
	}
}

static void syn_is_challenged_in_every_state(struct story *t)
{
	static const int at[] = { 0, 1, 50, 100000 };
	int i;

	for (i = 0; i < N_STATES; i++) {
		go_to(t, i);
		t_in(t, "S %d:%d(0) <mss 1460>", at[i % 4], at[i % 4]);
		answer_is(t, i);
		finish(t, i);
	}
	t_counter(t, "TcpExtTCPSYNChallenge", N_STATES);
}

static void challenges_are_limited_per_connection(struct story *t)
{
	go_to(t, ESTAB);
	t_in(t, "R 2:2(0)");
	answer_is(t, ESTAB);
	t_in(t, "R 3:3(0)");
	t_in(t, "S 9:9(0) <mss 1460>");
	t_silence(t);
	t_counter(t, "TcpExtTCPACKSkippedChallenge", 2);
	/* Another connection has a limit of its own. */
	go_to(t, ESTAB);
	t_in(t, "R 2:2(0)");
	answer_is(t, ESTAB);
	t_wait(t, 500 * MS);
	t_in(t, "R 2:2(0)");
	answer_is(t, ESTAB);
}

/* How many are drawn is no number that a stranger can count back from. */
static void the_stacks_own_limit_is_drawn_anew_each_second(struct story *t)
{
	int64_t n, before = 0, least = INT64_MAX, most = 0;
	int second, i;

	t_sysctl(t, "tcp_invalid_ratelimit", "0");
	t_sysctl(t, "tcp_challenge_ack_limit", "20");
	go_to(t, ESTAB);
	for (second = 0; second < 20; second++) {
		for (i = 0; i < 40; i++)
			t_in(t, "R 2:2(0)");
		n = story_counter(t, "TcpExtTCPChallengeACK") - before;
		before += n;
		least = n < least ? n : least;
		most = n > most ? n : most;
		for (; n; n--)
			t_out(t, ". %u:%u(0) ack 1", 1, 1);
		t_wait(t, S);
	}
	t_is(t, least >= 10 && least < 15, true);
	t_is(t, most > 25 && most < 30, true);
	t_counter(t, "TcpExtTCPACKSkippedChallenge", 0);
}

static void ack_of_what_was_never_sent_is_challenged(struct story *t)
{
	int i;

	for (i = 0; i < N_STATES; i++) {
		uint32_t at = states[i].rcv_nxt;

		go_to(t, i);
		t_in(t, ". %u:%u(0) ack 100", at, at);
		answer_is(t, i);
		finish(t, i);
	}
}

static void data_with_such_an_ack_is_dropped_too(struct story *t)
{
	go_to(t, ESTAB);
	t_in(t, "P. 1:11(10) ack 100");
	answer_is(t, ESTAB);
	t_recv_is(t, 10, 0, -TERN_EAGAIN);
}

/* RFC 5961 5.2: older than anything that was ever outstanding. */
static void far_too_old_ack_is_challenged(struct story *t)
{
	go_to(t, ESTAB);
	t_in(t, "P. 1:11(10) ack -70000");
	t_out(t, ". 1:1(0) ack 1");
	t_recv_is(t, 10, 0, -TERN_EAGAIN);
}

static void old_acks_data_counts(struct story *t)
{
	go_to(t, ESTAB);
	t_send(t, 100);
	t_out(t, "P. 1:101(100) ack 1");
	t_in(t, ". 1:1(0) ack 101");
	t_in(t, "P. 1:11(10) ack 51");
	t_out(t, ". 101:101(0) ack 11");
	t_recv(t, 10);
}

/* C17 */
static void reset_is_told_once(struct story *t)
{
	go_to(t, ESTAB);
	t_in(t, "P. 1:11(10) ack 1");
	t_out(t, ". 1:1(0) ack 11");
	t_in(t, "R 11:11(0)");
	/* What had come is still there [k]. */
	t_recv(t, 10);
	t_recv_is(t, 10, 0, -TERN_ECONNRESET);
	t_recv(t, 0);
	t_is(t, tern_send(t->st, t->s, "x", 1, 0, t->now), -TERN_EPIPE);
}

static void reset_is_told_to_a_writer(struct story *t)
{
	go_to(t, ESTAB);
	t_in(t, "R 1:1(0)");
	t_is(t, tern_send(t->st, t->s, "x", 1, 0, t->now), -TERN_ECONNRESET);
	t_is(t, tern_send(t->st, t->s, "x", 1, 0, t->now), -TERN_EPIPE);
	t_recv(t, 0);
}

static void reset_in_close_wait_breaks_the_pipe(struct story *t)
{
	go_to(t, CLOSE_WAIT);
	t_in(t, "R 2:2(0)");
	t_recv(t, 0);
	t_is(t, tern_send(t->st, t->s, "x", 1, 0, t->now), -TERN_EPIPE);
}

/* C19 */
static void syn_in_last_ack_finds_its_way(struct story *t)
{
	go_to(t, LAST_ACK);
	t_close(t);
	t_in(t, "S 9000:9000(0) <mss 1460>");
	t_out(t, ". 2:2(0) ack 2");
	t_in(t, "R 2:2(0)");
	t_gone(t);
	t_flow_again(t);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
}

/* C16: the peer's host came back and knows nothing. */
static void host_that_came_back_ends_the_connection(struct story *t)
{
	go_to(t, ESTAB);
	t_send(t, 100);
	t_out(t, "P. 1:101(100) ack 1");
	t_in(t, "R 1:1(0)");
	t_recv_is(t, 1, 0, -TERN_ECONNRESET);
}

/* X3 */
static void icmp_does_not_abort_what_is_established(struct story *t)
{
	static const enum story_icmp all[] = { SAYS_NET, SAYS_HOST, SAYS_PORT,
					       SAYS_PROHIBITED, SAYS_TTL };
	size_t i;

	go_to(t, ESTAB);
	t_send(t, 100);
	t_out(t, "P. 1:101(100) ack 1");
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		t_icmp_in(t, all[i], 0);
	t_silence(t);
	t_state(t, TERN_TCP_ESTABLISHED);
	t_poll(t, TERN_POLLOUT);
	/* Who asks is told the last one, once, as on Linux. */
	t_error(t, TERN_EHOSTUNREACH);
	t_error(t, 0);
	t_in(t, ". 1:1(0) ack 101");
}

static void icmp_outside_the_flight_is_counted(struct story *t)
{
	go_to(t, ESTAB);
	t_send(t, 100);
	t_out(t, "P. 1:101(100) ack 1");
	t_icmp_in(t, SAYS_HOST, -5);
	t_icmp_in(t, SAYS_HOST, 200);
	t_counter(t, "TcpExtOutOfWindowIcmps", 2);
	t_in(t, ". 1:1(0) ack 101");
}

static void recverr_is_told_of_icmp(struct story *t)
{
	go_to(t, ESTAB);
	if (t->v6)
		t_opt(t, TERN_IPPROTO_IPV6, TERN_IPV6_RECVERR, 1);
	else
		t_opt(t, TERN_IPPROTO_IP, TERN_IP_RECVERR, 1);
	t_send(t, 100);
	t_out(t, "P. 1:101(100) ack 1");
	t_icmp_in(t, SAYS_HOST, 0);
	t_state(t, TERN_TCP_ESTABLISHED);
	t_poll(t, TERN_POLLOUT | TERN_POLLERR);
	t_error(t, TERN_EHOSTUNREACH);
	t_in(t, ". 1:1(0) ack 101");
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(exact_rst_ends_every_state),
		STORY(rst_in_the_window_is_challenged),
		STORY(rst_outside_the_window_is_dropped),
		STORY(rst_at_the_fins_number_counts),
		STORY(syn_is_challenged_in_every_state),
		STORY(challenges_are_limited_per_connection),
		STORY(the_stacks_own_limit_is_drawn_anew_each_second),
		STORY(ack_of_what_was_never_sent_is_challenged),
		STORY(data_with_such_an_ack_is_dropped_too),
		STORY(far_too_old_ack_is_challenged),
		STORY(old_acks_data_counts),
		STORY(reset_is_told_once),
		STORY(reset_is_told_to_a_writer),
		STORY(reset_in_close_wait_breaks_the_pipe),
		STORY(syn_in_last_ack_finds_its_way),
		STORY(host_that_came_back_ends_the_connection),
		STORY(icmp_does_not_abort_what_is_established),
		STORY(icmp_outside_the_flight_is_counted),
		STORY(recverr_is_told_of_icmp),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
