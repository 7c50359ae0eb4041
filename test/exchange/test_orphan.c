// SPDX-License-Identifier: BSD-2-Clause
/*
 * Connections whose socket is closed or held, and whose FIN is lost.
 * covers: C6, C7, C15
 */
#include "story.h"

static void served(struct story *t)
{
	t_sysctl(t, "tcp_early_retrans", "0");
	t_served(t, T_PLAIN);
}

/* 8 retries: (2^9 - 1) * 200 ms = 102.2 s from the first resend on. */
static void lost_fin_is_resent_and_given_up(struct story *t)
{
	int64_t rto = T_RTO, first;
	int n = 0;

	served(t);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_wait(t, rto);
	first = t->now;
	while (t->now - first < 102200 * MS) {
		t_out(t, "F. 1:1(0) ack 1");
		t_state(t, TERN_TCP_FIN_WAIT1);
		rto *= 2;
		t_wait(t, rto);
		n++;
	}
	t_is(t, n, 9); /* the last one's time-out is waited out */
	t_silence(t);
	t_gone(t);
	t_counter(t, "TcpExtTCPAbortOnTimeout", 1);
}

static void orphan_retries_is_obeyed(struct story *t)
{
	int64_t rto = T_RTO;
	int i;

	t_sysctl(t, "tcp_orphan_retries", "2");
	served(t);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	/* 7 * 200 ms from the first resend: 400 + 800 ms are less, and the
	 * next time-out is beyond. */
	for (i = 0; i < 3; i++, rto *= 2) {
		t_wait(t, rto);
		t_out(t, "F. 1:1(0) ack 1");
	}
	t_wait(t, rto);
	t_silence(t);
	t_gone(t);
}

static void lost_fin_in_last_ack_is_resent_and_given_up(struct story *t)
{
	int64_t rto = T_RTO, first;

	served(t);
	t_in(t, "F. 1:1(0) ack 1");
	t_close(t);
	t_out(t, "F. 1:1(0) ack 2");
	t_wait(t, rto);
	first = t->now;
	while (t->now - first < 102200 * MS) {
		t_out(t, "F. 1:1(0) ack 2");
		t_state(t, TERN_TCP_LAST_ACK);
		rto *= 2;
		t_wait(t, rto);
	}
	t_silence(t);
	t_gone(t);
}

/* Its program may still look: tcp_retries2 counts. */
static void fin_of_a_held_socket_is_resent_longer(struct story *t)
{
	int64_t rto = T_RTO, first;

	served(t);
	t_shutdown(t, TERN_SHUT_WR);
	t_out(t, "F. 1:1(0) ack 1");
	t_wait(t, rto);
	first = t->now;
	while (t->now - first < 200 * S) {
		t_out(t, "F. 1:1(0) ack 1");
		rto *= 2;
		t_wait(t, rto < 120 * S ? rto : 120 * S);
	}
	t_out(t, "F. 1:1(0) ack 1");
	t_state(t, TERN_TCP_FIN_WAIT1);
}

static void data_and_fin_of_an_orphan_still_arrive(struct story *t)
{
	served(t);
	t_send(t, 3000);
	t_out_run(t, 1, 3001, 1460);
	t_close(t);
	t_out(t, "F. 3001:3001(0) ack 1");
	t_wait(t, T_RTO);
	t_out(t, ". 1:1461(1460) ack 1");
	t_in(t, ". 1:1(0) ack 1461");
	t_out(t, ". 1461:2921(1460) ack 1");
	t_out(t, "P. 2921:3001(80) ack 1");
	t_in(t, ". 1:1(0) ack 3001");
	t_out(t, "F. 3001:3001(0) ack 1");
	t_in(t, ". 1:1(0) ack 3002");
	t_state(t, TERN_TCP_FIN_WAIT2);
}

static void orphan_probes_a_closed_window(struct story *t)
{
	int64_t rto = T_RTO;
	int i;

	served(t);
	t_in(t, ". 1:1(0) ack 1 win 0");
	t_send(t, 100);
	t_close(t);
	for (i = 0; i < 4; i++, rto *= 2) {
		t_wait(t, rto);
		t_out(t, ". 0:0(0) ack 1");
		t_in(t, ". 1:1(0) ack 1 win 0");
	}
	t_in(t, ". 1:1(0) ack 1 win 1000");
	t_out(t, "FP. 1:101(100) ack 1");
	t_in(t, ". 1:1(0) ack 102");
	t_state(t, TERN_TCP_FIN_WAIT2);
}

static void too_many_orphans_are_reset(struct story *t)
{
	t_sysctl(t, "tcp_max_orphans", "1");
	t_flow(t, 1);
	served(t);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_flow(t, 2);
	t_served(t, T_PLAIN);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_out(t, "R. 2:2(0) ack 1");
	t_gone(t);
	t_counter(t, "TcpExtTCPAbortOnMemory", 1);
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(lost_fin_is_resent_and_given_up),
		STORY(orphan_retries_is_obeyed),
		STORY(lost_fin_in_last_ack_is_resent_and_given_up),
		STORY(fin_of_a_held_socket_is_resent_longer),
		STORY(data_and_fin_of_an_orphan_still_arrive),
		STORY(orphan_probes_a_closed_window),
		STORY(too_many_orphans_are_reset),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
