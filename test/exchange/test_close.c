// SPDX-License-Identifier: BSD-2-Clause
/*
 * Closing: every way through the state machine.
 * covers: C1, C2, C3, C4, C7, C9, C11, C14, T13
 */
#include "story.h"

static void active_close_ends_in_time_wait(struct story *t)
{
	t_served(t, T_PLAIN);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_state(t, TERN_TCP_FIN_WAIT1);
	t_in(t, ". 1:1(0) ack 2");
	t_state(t, TERN_TCP_FIN_WAIT2);
	t_in(t, "F. 1:1(0) ack 2");
	t_out(t, ". 2:2(0) ack 2");
	t_state(t, TERN_TCP_TIME_WAIT);
	t_wait(t, 60 * S - 1);
	t_state(t, TERN_TCP_TIME_WAIT);
	t_wait(t, 1);
	t_gone(t);
}

static void passive_close_has_no_time_wait(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "F. 1:1(0) ack 1");
	t_state(t, TERN_TCP_CLOSE_WAIT);
	t_recv(t, 0);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 2");
	t_state(t, TERN_TCP_LAST_ACK);
	t_in(t, ". 2:2(0) ack 2");
	t_gone(t);
}

static void close_wait_lasts_until_the_program_closes(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "F. 1:1(0) ack 1");
	t_wait(t, 3 * MS);
	t_out(t, ". 1:1(0) ack 2");
	t_wait(t, 100000 * S);
	t_state(t, TERN_TCP_CLOSE_WAIT);
	t_send(t, 10);
	t_out(t, "P. 1:11(10) ack 2");
	t_in(t, ". 2:2(0) ack 11");
	t_close(t);
	t_out(t, "F. 11:11(0) ack 2");
	t_in(t, ". 2:2(0) ack 12");
	t_gone(t);
}

/* C2: three segments. */
static void fin_with_our_fins_ack_goes_straight_to_time_wait(struct story *t)
{
	t_served(t, T_PLAIN);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, "F. 1:1(0) ack 2");
	t_out(t, ". 2:2(0) ack 2");
	t_state(t, TERN_TCP_TIME_WAIT);
}

static void simultaneous_close_goes_through_closing(struct story *t)
{
	t_served(t, T_PLAIN);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, "F. 1:1(0) ack 1");
	t_out(t, ". 2:2(0) ack 2");
	t_state(t, TERN_TCP_CLOSING);
	t_in(t, ". 2:2(0) ack 2");
	t_state(t, TERN_TCP_TIME_WAIT);
	t_wait(t, 60 * S);
	t_gone(t);
}

static void fin_goes_after_all_data(struct story *t)
{
	t_served(t, T_PLAIN);
	t_send(t, 3000);
	t_close(t);
	t_out_run(t, 1, 2921, 1460);
	t_out(t, "P. 2921:3001(80) ack 1");
	t_out(t, "F. 3001:3001(0) ack 1");
	t_in(t, ". 1:1(0) ack 3002");
	t_state(t, TERN_TCP_FIN_WAIT2);
}

static void half_close_lets_the_peer_go_on(struct story *t)
{
	t_served(t, T_PLAIN);
	t_shutdown(t, TERN_SHUT_WR);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, ". 1:1(0) ack 2");
	t_state(t, TERN_TCP_FIN_WAIT2);
	t_poll(t, TERN_POLLOUT);
	t_wait(t, 100000 * S);
	t_in(t, "P. 1:101(100) ack 2");
	t_out(t, ". 2:2(0) ack 101");
	t_recv(t, 100);
	t_in(t, "F. 101:101(0) ack 2");
	t_out(t, ". 2:2(0) ack 102");
	t_recv(t, 0);
	t_state(t, TERN_TCP_CLOSE);
	t_poll(t, TERN_POLLIN | TERN_POLLOUT | TERN_POLLHUP | TERN_POLLRDHUP);
	t_close(t);
	t_state(t, TERN_TCP_TIME_WAIT);
}

static void peers_half_close_lets_us_go_on(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "F. 1:1(0) ack 1");
	t_poll(t, TERN_POLLIN | TERN_POLLOUT | TERN_POLLRDHUP);
	t_recv(t, 0);
	t_send(t, 3000);
	t_out_run(t, 1, 3001, 1460);
	t_in(t, ". 2:2(0) ack 3001");
	t_shutdown(t, TERN_SHUT_WR);
	t_out(t, "F. 3001:3001(0) ack 2");
	t_state(t, TERN_TCP_LAST_ACK);
	t_poll(t, TERN_POLLIN | TERN_POLLOUT | TERN_POLLHUP | TERN_POLLRDHUP);
	t_in(t, ". 2:2(0) ack 3002");
	t_state(t, TERN_TCP_CLOSE);
	t_error(t, 0);
	t_recv(t, 0);
	t_is(t, tern_send(t->st, t->s, "x", 1, 0, t->now), -TERN_EPIPE);
}

static void close_with_unread_data_resets(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "P. 1:101(100) ack 1");
	t_out(t, ". 1:1(0) ack 101");
	t_recv(t, 99);
	t_close(t);
	t_out(t, "R. 1:1(0) ack 101");
	t_gone(t);
	t_counter(t, "TcpExtTCPAbortOnClose", 1);
}

/* The FIN behind the data does not help. */
static void close_with_unread_data_resets_in_close_wait(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "FP. 1:101(100) ack 1");
	t_close(t);
	t_out(t, "R. 1:1(0) ack 102");
	t_gone(t);
}

static void data_after_close_is_reset_in_fin_wait_1(struct story *t)
{
	t_served(t, T_PLAIN);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, "P. 1:101(100) ack 1");
	t_out(t, "R 1:1(0)");
	t_gone(t);
	t_counter(t, "TcpExtTCPAbortOnData", 1);
}

static void data_after_close_is_reset_in_fin_wait_2(struct story *t)
{
	t_served(t, T_PLAIN);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, ". 1:1(0) ack 2");
	t_in(t, "P. 1:101(100) ack 2");
	t_out(t, "R 2:2(0)");
	t_gone(t);
}

static void data_with_our_fins_ack_is_reset(struct story *t)
{
	t_served(t, T_PLAIN);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, "P. 1:101(100) ack 2");
	t_out(t, "R 2:2(0)");
	t_gone(t);
}

static void data_after_shutdown_of_both_is_reset(struct story *t)
{
	t_served(t, T_PLAIN);
	t_shutdown(t, TERN_SHUT_RDWR);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, ". 1:1(0) ack 2");
	t_state(t, TERN_TCP_FIN_WAIT2);
	t_poll(t, TERN_POLLIN | TERN_POLLOUT | TERN_POLLHUP | TERN_POLLRDHUP);
	t_in(t, "P. 1:101(100) ack 2");
	t_out(t, "R 2:2(0)");
	t_state(t, TERN_TCP_CLOSE);
}

static void lingering_for_no_time_resets(struct story *t)
{
	const struct tern_linger now = { 1, 0 };

	t_served(t, T_PLAIN);
	t_is(t,
	     tern_setsockopt(t->st, t->s, TERN_SOL_SOCKET, TERN_SO_LINGER, &now,
			     sizeof(now), t->now),
	     0);
	t_send(t, 100);
	t_out(t, "P. 1:101(100) ack 1");
	t_close(t);
	t_out(t, "R. 101:101(0) ack 1");
	t_gone(t);
}

static void lingering_for_a_time_closes_as_ever(struct story *t)
{
	const struct tern_linger later = { 1, 5 };

	t_served(t, T_PLAIN);
	t_is(t,
	     tern_setsockopt(t->st, t->s, TERN_SOL_SOCKET, TERN_SO_LINGER,
			     &later, sizeof(later), t->now),
	     0);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, "F. 1:1(0) ack 2");
	t_out(t, ". 2:2(0) ack 2");
}

/* C7: its ACK is not resent by itself, the FIN is acknowledged again. */
static void resent_fin_is_acknowledged_in_close_wait(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "F. 1:1(0) ack 1");
	t_wait(t, 3 * MS);
	t_out(t, ". 1:1(0) ack 2");
	t_wait(t, 1 * S);
	t_in(t, "F. 1:1(0) ack 1");
	t_out(t, ". 1:1(0) ack 2");
	t_in(t, "F. 1:1(0) ack 1");
	t_out(t, ". 1:1(0) ack 2");
	t_state(t, TERN_TCP_CLOSE_WAIT);
	t_recv(t, 0);
}

static void resent_fin_is_acknowledged_in_closing(struct story *t)
{
	t_served(t, T_PLAIN);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, "F. 1:1(0) ack 1");
	t_out(t, ". 2:2(0) ack 2");
	t_in(t, "F. 1:1(0) ack 1");
	t_out(t, ". 2:2(0) ack 2");
	t_state(t, TERN_TCP_CLOSING);
	/* With our FIN's ACK on it, it ends the wait; the next is answered. */
	t_in(t, "F. 1:1(0) ack 2");
	t_silence(t);
	t_state(t, TERN_TCP_TIME_WAIT);
	t_in(t, "F. 1:1(0) ack 2");
	t_out(t, ". 2:2(0) ack 2");
}

static void resent_fin_is_acknowledged_in_last_ack(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "F. 1:1(0) ack 1");
	t_close(t);
	t_out(t, "F. 1:1(0) ack 2");
	t_in(t, "F. 1:1(0) ack 1");
	t_out(t, ". 2:2(0) ack 2");
	t_state(t, TERN_TCP_LAST_ACK);
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(active_close_ends_in_time_wait),
		STORY(passive_close_has_no_time_wait),
		STORY(close_wait_lasts_until_the_program_closes),
		STORY(fin_with_our_fins_ack_goes_straight_to_time_wait),
		STORY(simultaneous_close_goes_through_closing),
		STORY(fin_goes_after_all_data),
		STORY(half_close_lets_the_peer_go_on),
		STORY(peers_half_close_lets_us_go_on),
		STORY(close_with_unread_data_resets),
		STORY(close_with_unread_data_resets_in_close_wait),
		STORY(data_after_close_is_reset_in_fin_wait_1),
		STORY(data_after_close_is_reset_in_fin_wait_2),
		STORY(data_with_our_fins_ack_is_reset),
		STORY(data_after_shutdown_of_both_is_reset),
		STORY(lingering_for_no_time_resets),
		STORY(lingering_for_a_time_closes_as_ever),
		STORY(resent_fin_is_acknowledged_in_close_wait),
		STORY(resent_fin_is_acknowledged_in_closing),
		STORY(resent_fin_is_acknowledged_in_last_ack),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
