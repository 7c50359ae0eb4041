// SPDX-License-Identifier: BSD-2-Clause
/*
 * Passive opens: LISTEN, half-open entries, the accept queue.
 * covers: O1, O3, O5, O6, O7, O10, O11, O18
 */
#include "story.h"

/* One whole handshake from this port of the peer's. */
static void arrive(struct story *t, uint16_t port)
{
	t_flow(t, port);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, ". 1:1(0) ack 1");
	t_silence(t);
}

static void passive_open_takes_three_segments(struct story *t)
{
	t_listen(t, 5);
	t_in(t, "S 0:0(0) win 65535 <mss 1460,sackOK,TS val 5 ecr 0,nop,"
		"wscale 7>");
	t_out(t, "S. 0:0(0) ack 1 win 65160 "
		 "<mss 1460,sackOK,TS val 0 ecr 5,nop,wscale 7>");
	t_state(t, TERN_TCP_SYN_RECV);
	t_is(t, tern_accept(t->st, t->l, NULL, t->now), -TERN_EAGAIN);
	t_in(t, ". 1:1(0) ack 1 <nop,nop,TS val 5 ecr 0>");
	t_silence(t);
	t_accept(t);
	t_state(t, TERN_TCP_ESTABLISHED);
	t_counter(t, "TcpPassiveOpens", 1);
}

static void synack_offers_only_what_was_asked_for(struct story *t)
{
	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1 win 64240 <mss 1460>");
	t_flow(t, 2);
	t_in(t, "S 0:0(0) <mss 1460,nop,nop,sackOK>");
	t_out(t, "S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>");
	t_flow(t, 3);
	t_in(t, "S 0:0(0) <mss 1460,nop,wscale 3>");
	t_out(t, "S. 0:0(0) ack 1 <mss 1460,nop,wscale 7>");
	t_flow(t, 4);
	t_in(t, "S 0:0(0) <mss 1460,nop,nop,TS val 7 ecr 0>");
	t_out(t, "S. 0:0(0) ack 1 <mss 1460,nop,nop,TS val 0 ecr 7>");
}

static void options_may_be_switched_off(struct story *t)
{
	t_sysctl(t, "tcp_timestamps", "0");
	t_sysctl(t, "tcp_sack", "0");
	t_sysctl(t, "tcp_window_scaling", "0");
	t_listen(t, 5);
	t_in(t, "S 0:0(0) " T_FULL);
	t_out(t, "S. 0:0(0) ack 1 win 64240 <mss 1460>");
	t_flow(t, 81);
	t_dial(t);
	t_out(t, "S 0:0(0) win 64240 <mss 1460>");
}

static void synack_is_resent_and_given_up(struct story *t)
{
	static const int waits[] = { 1, 2, 4, 8, 16 };
	int i;

	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	for (i = 0; i < 5; i++) {
		t_wait(t, waits[i] * S);
		t_out(t, "S. 0:0(0) ack 1 <mss 1460>");
	}
	t_wait(t, 32 * S);
	t_silence(t);
	t_gone(t);
	t_in(t, ". 1:1(0) ack 1");
	t_out(t, "R 1:1(0)");
}

static void synack_retries_is_obeyed(struct story *t)
{
	t_sysctl(t, "tcp_synack_retries", "1");
	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_wait(t, 1 * S);
	t_out(t, "S. 0:0(0) ack 1");
	t_wait(t, 2 * S);
	t_gone(t);
}

static void repeated_syn_is_answered_at_once_but_not_too_often(struct story *t)
{
	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_wait(t, 100 * MS);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_wait(t, 100 * MS);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_silence(t);
	t_counter(t, "TcpExtTCPACKSkippedSynRecv", 1);
	t_wait(t, 400 * MS);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	/* The timer began anew with the last answer. */
	t_wait(t, 1 * S);
	t_out(t, "S. 0:0(0) ack 1");
}

static void lost_third_ack_is_made_good_by_data(struct story *t)
{
	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, "P. 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 101");
	t_accept(t);
	t_state(t, TERN_TCP_ESTABLISHED);
	t_recv(t, 100);
}

static void client_answers_each_resent_synack(struct story *t)
{
	t_dialled(t, T_PLAIN);
	t_wait(t, 1 * S);
	t_in(t, "S. 0:0(0) ack 1 <mss 1460>");
	t_out(t, ". 1:1(0) ack 1");
	t_wait(t, 2 * S);
	t_in(t, "S. 0:0(0) ack 1 <mss 1460>");
	t_out(t, ". 1:1(0) ack 1");
	t_state(t, TERN_TCP_ESTABLISHED);
}

static void fin_in_the_third_segment_counts(struct story *t)
{
	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, "FP. 1:11(10) ack 1");
	t_accept(t);
	t_state(t, TERN_TCP_CLOSE_WAIT);
	t_recv(t, 10);
	t_recv(t, 0);
	t_wait(t, 40 * MS);
	t_out(t, ". 1:1(0) ack 12");
}

static void data_in_a_syn_is_discarded(struct story *t)
{
	t_listen(t, 5);
	t_in(t, "S 0:100(100) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, ". 1:1(0) ack 1");
	t_accept(t);
	t_recv_is(t, 100, 0, -TERN_EAGAIN);
	t_in(t, "P. 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 101");
	t_recv(t, 100);
}

static void half_open_ends_by_an_exact_rst(struct story *t)
{
	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, "R 1:1(0)");
	t_silence(t);
	t_gone(t);
	t_counter(t, "TcpExtEmbryonicRsts", 1);
}

static void half_open_ignores_a_rst_outside_the_window(struct story *t)
{
	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, "R 100001:100001(0)");
	t_in(t, "R 0:0(0)");
	t_silence(t);
	t_state(t, TERN_TCP_SYN_RECV);
	t_in(t, ". 1:1(0) ack 1");
	t_accept(t);
}

static void half_open_answers_a_wrong_ack_with_rst(struct story *t)
{
	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, ". 1:1(0) ack 100");
	t_out(t, "R 100:100(0)");
	t_state(t, TERN_TCP_SYN_RECV);
	t_in(t, ". 1:1(0) ack 1");
	t_accept(t);
}

/* O7: an old SYN comes first, and the real one before the client's RST. */
static void real_syn_meets_an_old_ones_entry(struct story *t)
{
	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, "S 1000:1000(0) <mss 1460>");
	t_out(t, "R. 0:0(0) ack 1001");
	t_gone(t);
	t_flow(t, 2);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, "S 1000000:1000000(0) <mss 1460>");
	t_out(t, ". 1:1(0) ack 1");
	t_in(t, "R 1:1(0)");
	t_gone(t);
}

static void listener_answers_an_ack_with_rst(struct story *t)
{
	t->f->iss = 0;
	t_listen(t, 5);
	t_in(t, ". 1:1(0) ack 77");
	t_out(t, "R 77:77(0)");
	t_in(t, "S. 0:0(0) ack 77 <mss 1460>");
	t_out(t, "R 77:77(0)");
	t_in(t, "R 0:0(0)");
	t_in(t, "F 0:0(0)");
	t_in(t, "P 0:10(10)");
	t_in(t, "SF 0:0(0)");
	t_silence(t);
}

static void client_needs_no_accept(struct story *t)
{
	t_listen(t, 5);
	arrive(t, 1);
	t_in(t, "P. 1:1001(1000) ack 1");
	t_out(t, ". 1:1(0) ack 1001");
	t_in(t, "F. 1001:1001(0) ack 1");
	t_wait(t, 40 * MS);
	t_out(t, ". 1:1(0) ack 1002");
	t_state(t, TERN_TCP_CLOSE_WAIT);
	t_accept(t);
	t_recv(t, 1000);
	t_recv(t, 0);
}

/* min(backlog, somaxconn) + 1. */
static void accept_queue_holds_one_more_than_the_backlog(struct story *t)
{
	uint16_t i;

	t_listen(t, 2);
	for (i = 1; i <= 3; i++)
		arrive(t, i);
	t_flow(t, 4);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_silence(t);
	t_counter(t, "TcpExtListenOverflows", 1);
	t_counter(t, "TcpExtListenDrops", 1);
	t_flow(t, 1);
	t_accept(t);
	t_flow(t, 4);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
}

static void somaxconn_bounds_the_backlog(struct story *t)
{
	t_sysctl(t, "somaxconn", "0");
	t_listen(t, 100);
	arrive(t, 1);
	t_flow(t, 2);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_silence(t);
}

static void backlog_may_be_changed(struct story *t)
{
	t_listen(t, 0);
	arrive(t, 1);
	t_flow(t, 2);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_silence(t);
	t_listen(t, 1);
	arrive(t, 2);
}

/* Two half-open, one place left: the second final ACK waits. */
static void final_ack_to_a_full_queue_is_ignored(struct story *t)
{
	t_listen(t, 1);
	arrive(t, 1);
	t_flow(t, 2);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_flow(t, 3);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_flow(t, 2);
	t_in(t, ". 1:1(0) ack 1");
	t_flow(t, 3);
	t_in(t, ". 1:1(0) ack 1");
	t_silence(t);
	t_state(t, TERN_TCP_SYN_RECV);
	t_counter(t, "TcpExtListenOverflows", 1);
	t_flow(t, 1);
	t_accept(t);
	/* The SYN-ACK comes again, and its ACK finds room. */
	t_wait(t, 1 * S);
	t_flow(t, 3);
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, ". 1:1(0) ack 1");
	t_flow(t, 2);
	t_accept(t);
	t_flow(t, 3);
	t_accept(t);
}

static void final_ack_to_a_full_queue_may_be_reset(struct story *t)
{
	t_sysctl(t, "tcp_abort_on_overflow", "1");
	t_listen(t, 1);
	t_flow(t, 1);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	arrive(t, 2);
	arrive(t, 3);
	t_flow(t, 1);
	t_in(t, ". 1:1(0) ack 1");
	t_out(t, "R 1:1(0)");
	t_gone(t);
}

/* One more than the backlog, as the accept queue. */
static void without_cookies_the_syn_queue_ends_at_the_backlog(struct story *t)
{
	uint16_t i;

	t_sysctl(t, "tcp_syncookies", "0");
	t_listen(t, 2);
	for (i = 1; i <= 3; i++) {
		t_flow(t, i);
		t_in(t, "S 0:0(0) <mss 1460>");
		t_out(t, "S. 0:0(0) ack 1");
	}
	t_flow(t, 9);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_silence(t);
	t_counter(t, "TcpExtTCPReqQFullDrop", 1);
	t_flow(t, 1);
	t_in(t, "R 1:1(0)");
	t_flow(t, 9);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
}

/* What is left over a quarter of tcp_max_syn_backlog is for peers that are
 * known, on Linux; here nobody is. It counted as TcpExtTCPReqQFullDrop, which is
 * of the backlog alone [k]. */
static void without_cookies_the_last_quarter_stays_empty(struct story *t)
{
	uint16_t i;

	t_sysctl(t, "tcp_syncookies", "0");
	t_sysctl(t, "tcp_max_syn_backlog", "8");
	t_listen(t, 100);
	for (i = 1; i <= 20; i++) {
		t_flow(t, i);
		t_in(t, "S 0:0(0) <mss 1460>");
		if (i <= 7)
			t_out(t, "S. 0:0(0) ack 1");
		else
			t_silence(t);
	}
	t_counter(t, "TcpExtListenDrops", 13);
	t_counter(t, "TcpExtTCPReqQFullDrop", 0);
	for (i = 1; i <= 7; i++) {
		t_flow(t, i);
		t_in(t, "R 1:1(0)");
	}
}

static void listener_is_readable_while_somebody_waits(struct story *t)
{
	t_listen(t, 5);
	t_is(t, tern_poll(t->st, t->l), 0);
	arrive(t, 1);
	t_is(t, (tern_poll(t->st, t->l) & TERN_POLLIN) != 0, 1);
	t_accept(t);
	t_is(t, tern_poll(t->st, t->l), 0);
}

static void closing_the_listener_resets_who_was_not_accepted(struct story *t)
{
	t_listen(t, 5);
	arrive(t, 1);
	arrive(t, 2);
	t_in(t, "P. 1:11(10) ack 1");
	t_out(t, ". 1:1(0) ack 11");
	t_flow(t, 3);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_is(t, tern_close(t->st, t->l, t->now), 0);
	t_flow(t, 1);
	t_out(t, "R. 1:1(0) ack 1");
	t_gone(t);
	t_flow(t, 2);
	t_out(t, "R. 1:1(0) ack 11");
	t_flow(t, 3);
	t_gone(t);
	t_wait(t, 100 * S);
	t_in(t, ". 1:1(0) ack 1");
	t_out(t, "R 1:1(0)");
}

/* Once the stack freed connections in the order of their numbers, and the
 * listener then looked for one that was gone. */
static void stack_ends_while_a_child_older_by_number_waits(struct story *t)
{
	int s = tern_socket(t->st, TERN_AF_INET, TERN_SOCK_STREAM, 0, t->now);

	t_listen(t, 5);
	t_is(t, tern_close(t->st, s, t->now), 0);
	arrive(t, 1);
}

static void shutdown_stops_a_listener(struct story *t)
{
	t_listen(t, 5);
	arrive(t, 1);
	t_is(t, tern_shutdown(t->st, t->l, TERN_SHUT_WR, t->now), 0);
	t_silence(t);
	t_is(t, tern_shutdown(t->st, t->l, TERN_SHUT_RD, t->now), 0);
	t_out(t, "R. 1:1(0) ack 1");
	t_is(t, tern_accept(t->st, t->l, NULL, t->now), -TERN_EINVAL);
	t_flow(t, 2);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "R. 0:0(0) ack 1");
}

static void accepted_socket_inherits_options(struct story *t)
{
	t_listen(t, 5);
	t_opt(t, TERN_SOL_SOCKET, TERN_SO_KEEPALIVE, 1);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_NODELAY, 1);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_KEEPIDLE, 77);
	t_opt(t, TERN_SOL_SOCKET, TERN_SO_OOBINLINE, 1);
	arrive(t, 1);
	t_accept(t);
	t_opt_is(t, TERN_SOL_SOCKET, TERN_SO_KEEPALIVE, 1);
	t_opt_is(t, TERN_IPPROTO_TCP, TERN_TCP_NODELAY, 1);
	t_opt_is(t, TERN_IPPROTO_TCP, TERN_TCP_KEEPIDLE, 77);
	t_opt_is(t, TERN_SOL_SOCKET, TERN_SO_OOBINLINE, 1);
}

static void icmp_error_ends_a_half_open_connection(struct story *t)
{
	t_listen(t, 5);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_icmp_in(t, t->v6 ? SAYS_PORT : SAYS_HOST, 4);
	t_icmp_in(t, t->v6 ? SAYS_HOST : SAYS_PORT, 0);
	t_state(t, TERN_TCP_SYN_RECV);
	t_icmp_in(t, t->v6 ? SAYS_PORT : SAYS_HOST, 0);
	t_gone(t);
}

static uint32_t active(struct story *t)
{
	struct tern_memory m;

	tern_stack_memory(t->st, &m);
	return (uint32_t)m.active;
}

/* Whether a program takes it or not: who sends nothing costs little. */
static void who_waits_to_be_accepted_rests(struct story *t)
{
	uint32_t busy;
	uint16_t i;

	t_listen(t, 10);
	for (i = 0; i < 10; i++)
		arrive(t, (uint16_t)(1000 + i));
	busy = active(t);
	t_wait(t, 5 * S);
	t_is(t, active(t) < busy / 2, true);
	t_flow(t, 1000);
	t_accept(t);
	t_in(t, ". 1:6(5) ack 1");
	t_out(t, ". 1:1(0) ack 6");
	t_recv(t, 5);
}

static int saved_syn(struct story *t, uint8_t *out, size_t *len)
{
	return tern_getsockopt(t->st, t->s, TERN_IPPROTO_TCP,
			       TERN_TCP_SAVED_SYN, out, len, t->now);
}

/* It was always empty. */
static void saved_syn_tells_what_room_it_takes_and_comes_once(struct story *t)
{
	uint8_t syn[100];
	size_t ip = t->v6 ? 40 : 20, len = ip + 23;

	t_listen(t, 5);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_SAVE_SYN, 1);
	arrive(t, 1000);
	t_accept(t);
	t_is(t, saved_syn(t, syn, &len), -TERN_EINVAL);
	t_is(t, len, ip + 24);
	len = sizeof(syn);
	t_is(t, saved_syn(t, syn, &len), 0);
	t_is(t, len, ip + 24);
	t_is(t, syn[0] >> 4, t->v6 ? 6 : 4);
	t_is(t, syn[ip] << 8 | syn[ip + 1], 1000);
	t_is(t, syn[ip + 20] << 8 | syn[ip + 21], 0x0204); /* MSS */
	len = sizeof(syn);
	t_is(t, saved_syn(t, syn, &len), 0);
	t_is(t, len, 0);
}

static void saved_syns_are_given_back_with_what_they_began(struct story *t)
{
	t_listen(t, 5);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_SAVE_SYN, 1);
	arrive(t, 1003);
	t_accept(t);
	t_in(t, "R 1:1(0)");
	arrive(t, 1000); /* waits to be accepted */
	t_flow(t, 1001); /* half-open to the end */
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_flow(t, 1002);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, "R 1:1(0)");
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(passive_open_takes_three_segments),
		STORY(synack_offers_only_what_was_asked_for),
		STORY(options_may_be_switched_off),
		STORY(synack_is_resent_and_given_up),
		STORY(synack_retries_is_obeyed),
		STORY(repeated_syn_is_answered_at_once_but_not_too_often),
		STORY(lost_third_ack_is_made_good_by_data),
		STORY(client_answers_each_resent_synack),
		STORY(fin_in_the_third_segment_counts),
		STORY(data_in_a_syn_is_discarded),
		STORY(half_open_ends_by_an_exact_rst),
		STORY(half_open_ignores_a_rst_outside_the_window),
		STORY(half_open_answers_a_wrong_ack_with_rst),
		STORY(real_syn_meets_an_old_ones_entry),
		STORY(listener_answers_an_ack_with_rst),
		STORY(client_needs_no_accept),
		STORY(accept_queue_holds_one_more_than_the_backlog),
		STORY(somaxconn_bounds_the_backlog),
		STORY(backlog_may_be_changed),
		STORY(final_ack_to_a_full_queue_is_ignored),
		STORY(final_ack_to_a_full_queue_may_be_reset),
		STORY(without_cookies_the_syn_queue_ends_at_the_backlog),
		STORY(without_cookies_the_last_quarter_stays_empty),
		STORY(listener_is_readable_while_somebody_waits),
		STORY(closing_the_listener_resets_who_was_not_accepted),
		STORY(stack_ends_while_a_child_older_by_number_waits),
		STORY(shutdown_stops_a_listener),
		STORY(accepted_socket_inherits_options),
		STORY(icmp_error_ends_a_half_open_connection),
		STORY(who_waits_to_be_accepted_rests),
		STORY(saved_syn_tells_what_room_it_takes_and_comes_once),
		STORY(saved_syns_are_given_back_with_what_they_began),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
