// SPDX-License-Identifier: BSD-2-Clause
/*
 * Counters and reasons for drops that no other story moves: each by what it is
 * there for. test/rules/every_reason wants all of them moved by some test.
 * covers: V3
 */
#include "story.h"

/* Linux's numbers, which no header of ours has. */
enum { MINTTL = 21, MINHOPCOUNT = 73 };

static void reno(struct story *t)
{
	t_sysctl(t, "tcp_early_retrans", "0");
	t_served(t, T_PLAIN);
}

static void sack(struct story *t)
{
	t_sysctl(t, "tcp_early_retrans", "0");
	t_served(t, "<mss 1460,nop,nop,sackOK>");
}

static void timeout_in_disorder_without_sack(struct story *t)
{
	reno(t);
	t_send(t, 4380);
	t_out_run(t, 1, 4381, 1460);
	t_in(t, ". 1:1(0) ack 1");
	t_wait(t, T_RTO);
	t_out(t, ". 1:1461(1460) ack 1");
	t_counter(t, "TcpExtTCPRenoFailures", 1);
}

/* In disorder RACK's timer comes before a time-out, but where the first is
 * under way again already: F-RTO has taken back the time-out before. */
static void timeout_in_disorder_with_sack(struct story *t)
{
	sack(t);
	t_send(t, 2920);
	t_out_run(t, 1, 2921, 1460);
	t_wait(t, T_RTO);
	t_out(t, ". 1:1461(1460) ack 1");
	t_in(t, ". 1:1(0) ack 1 <nop,nop,sack 1461:2921>");
	t_counter(t, "TcpExtTCPSackFailures", 0);
	t_wait(t, 2 * T_RTO);
	t_out(t, ". 1:1461(1460) ack 1");
	t_counter(t, "TcpExtTCPSackFailures", 1);
}

static void timeout_in_recovery_without_sack(struct story *t)
{
	int i;

	reno(t);
	t_send(t, 7300);
	t_out_run(t, 1, 7301, 1460);
	for (i = 0; i < 3; i++)
		t_in(t, ". 1:1(0) ack 1");
	t_out(t, ". 1:1461(1460) ack 1");
	t_wait(t, T_RTO);
	t_out(t, ". 1:1461(1460) ack 1");
	t_counter(t, "TcpExtTCPRenoRecoveryFail", 1);
}

static void dsack_beyond_the_acknowledgement(struct story *t)
{
	sack(t);
	t_send(t, 4380);
	t_out_run(t, 1, 4381, 1460);
	t_in(t, ". 1:1(0) ack 1 <nop,nop,sack 1461:2921 1461:2921>");
	t_counter(t, "TcpExtTCPDSACKOfoRecv", 1);
	t_in(t, ". 1:1(0) ack 4381");
}

/* RFC 3522: the echo is of what was sent before the resend. */
static void whole_recovery_is_undone_by_a_timestamp(struct story *t)
{
	int i;

	t_sysctl(t, "tcp_early_retrans", "0");
	t_served(t, "<mss 1460,sackOK,TS val 1000 ecr 0>");
	t_wait(t, 100 * MS);
	t_send(t, 7240);
	t_out_run(t, 1, 7241, 1448);
	t_wait(t, 20 * MS);
	for (i = 2; i < 5; i++)
		t_in(t,
		     ". 1:1(0) ack 1 <nop,nop,TS val 1000 ecr 100,"
		     "nop,nop,sack 1449:%d>",
		     1 + 1448 * i);
	t_out(t, ". 1:1449(1448) ack 1");
	t_in(t, ". 1:1(0) ack 7241 <nop,nop,TS val 1000 ecr 100>");
	t_counter(t, "TcpExtTCPFullUndo", 1);
}

static void probe_was_the_repair(struct story *t)
{
	t_served(t, "<mss 1460,nop,nop,sackOK>");
	t_send(t, 1460);
	t_out(t, "P. 1:1461(1460) ack 1");
	t_wait(t, T_RTO);
	t_out(t, "P. 1:1461(1460) ack 1");
	t_counter(t, "TcpExtTCPLossProbes", 1);
	t_send(t, 1460);
	t_out(t, "P. 1461:2921(1460) ack 1");
	t_in(t, ". 1:1(0) ack 2921");
	t_counter(t, "TcpExtTCPLossProbeRecovery", 1);
}

static void second_paws_answer_is_skipped(struct story *t)
{
	t_served(t, T_FULL);
	t_wait(t, 1 * S);
	t_in(t, ". 5:5(0) ack 1 <nop,nop,TS val 900 ecr 0>");
	t_out(t, ". 1:1(0) ack 1");
	t_in(t, ". 5:5(0) ack 1 <nop,nop,TS val 900 ecr 0>");
	t_silence(t);
	t_counter(t, "TcpExtTCPACKSkippedPAWS", 1);
	t_drops(t, "TCP_RFC7323_PAWS", 2);
}

static void second_answer_in_fin_wait_2_is_skipped(struct story *t)
{
	t_served(t, T_PLAIN);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, ". 1:1(0) ack 2");
	t_state(t, TERN_TCP_FIN_WAIT2);
	t_wait(t, 1 * S);
	t_in(t, ". 99999:99999(0) ack 2");
	t_out(t, ". 2:2(0) ack 1");
	t_in(t, ". 99999:99999(0) ack 2");
	t_silence(t);
	t_counter(t, "TcpExtTCPACKSkippedFinWait2", 1);
	t_drops(t, "TCP_TIMEWAIT", 2);
}

static void close_in_fin_wait_2_without_lingering_resets(struct story *t)
{
	t_served(t, T_PLAIN);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_LINGER2, -1);
	t_shutdown(t, TERN_SHUT_WR);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, ". 1:1(0) ack 2");
	t_close(t);
	t_out(t, "R. 2:2(0) ack 1");
	t_gone(t);
	t_counter(t, "TcpExtTCPAbortOnLinger", 1);
}

static void reset_without_a_way_is_not_sent(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "P. 1:11(10) ack 1");
	t_out(t, ". 1:1(0) ack 11");
	t_is(t, tern_link_set_up(t->st, t->link, false, t->now), 0);
	t_close(t);
	t_silence(t);
	t_gone(t);
	t_counter(t, "TcpExtTCPAbortFailed", 1);
}

static void hop_limit_below_the_sockets_is_dropped(struct story *t)
{
	t_served(t, T_PLAIN);
	if (t->v6)
		t_opt(t, TERN_IPPROTO_IPV6, MINHOPCOUNT, 255);
	else
		t_opt(t, TERN_IPPROTO_IP, MINTTL, 255);
	t_in(t, "P. 1:11(10) ack 1");
	t_silence(t);
	t_drops(t, "TCP_MINTTL", 1);
}

static void old_ack_in_syn_received_is_reset(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, ". 1:1(0) ack 4294967295");
	t_out(t, "R 4294967295:4294967295(0)");
	t_drops(t, "TCP_OLD_ACK", 1);
}

static void small_buffer(struct story *t)
{
	t_listen(t, 5);
	t_opt(t, TERN_SOL_SOCKET, TERN_SO_RCVBUF, 10000);
	t_served(t, T_PLAIN);
}

/* Bytes that leave gaps cost as much as whole segments do. */
static void out_of_order_bytes_find_no_room_and_are_pruned(struct story *t)
{
	int i;

	small_buffer(t);
	for (i = 0; i < 100 && !story_counter(t, "TcpExtTCPOFODrop"); i++) {
		t_in(t, ". %d:%d(1) ack 1", 1501 + 2 * i, 1502 + 2 * i);
		if (!story_counter(t, "TcpExtTCPOFODrop"))
			t_out(t, ". 1:1(0) ack 1");
	}
	t_silence(t);
	t_counter(t, "TcpExtTCPOFODrop", 1);
	t_drops(t, "TCP_OFO_QUEUE_PRUNE", 1);
	/* What is nearer drives out what is farther. */
	t_in(t, ". 1301:1302(1) ack 1");
	t_out(t, ". 1:1(0) ack 1");
	t_counter(t, "TcpExtOfoPruned", 1);
	t_is(t, story_drops(t, "TCP_OFO_QUEUE_PRUNE") > 1, 1);
}

static void memory_of_all_sockets_becomes_scarce(struct story *t)
{
	int i;

	t_sysctl(t, "tcp_mem", "1 1 100");
	t_served(t, T_PLAIN);
	for (i = 0; i < 5; i++)
		t_in(t, ". %d:%d(1460) ack 1", 1 + 1460 * i, 1461 + 1460 * i);
	while (t->head != t->tail)
		t_out(t, ". 1:1(0)");
	t_counter(t, "TcpExtTCPMemoryPressures", 1);
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(timeout_in_disorder_without_sack),
		STORY(timeout_in_disorder_with_sack),
		STORY(timeout_in_recovery_without_sack),
		STORY(dsack_beyond_the_acknowledgement),
		STORY(whole_recovery_is_undone_by_a_timestamp),
		STORY(probe_was_the_repair),
		STORY(second_paws_answer_is_skipped),
		STORY(second_answer_in_fin_wait_2_is_skipped),
		STORY(close_in_fin_wait_2_without_lingering_resets),
		STORY(reset_without_a_way_is_not_sent),
		STORY(hop_limit_below_the_sockets_is_dropped),
		STORY(old_ack_in_syn_received_is_reset),
		STORY(memory_of_all_sockets_becomes_scarce),
		STORY(out_of_order_bytes_find_no_room_and_are_pruned),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
