// SPDX-License-Identifier: BSD-2-Clause
/*
 * Interception: any address, any port, and SYNs that wait for an answer.
 * covers: O19
 */
#include "story.h"

static struct tern_syn syn;

static void own(struct story *t)
{
	t_listen(t, 5);
	t_opt(t, TERN_SOL_TERN, TERN_SO_DECIDE, 1);
}

/* A SYN comes, and its owner is told. */
static void ask(struct story *t)
{
	t_in(t, "S 0:0(0) <mss 1460>");
	t_silence(t);
	t_is(t, (tern_poll(t->st, t->l) & TERN_POLLIN) != 0, 1);
	t_is(t, tern_syn_next(t->st, t->l, &syn), 0);
	t_is(t, syn.local.port, t->f->lport);
	t_is(t, syn.remote.port, t->f->rport);
	t_is(t, tern_syn_next(t->st, t->l, &syn), -TERN_EAGAIN);
	t_is(t, tern_poll(t->st, t->l), 0);
}

#define t_answer(t, a, want) \
	t_is(t, tern_syn_answer((t)->st, syn.id, a, (t)->now), want)

static void accepted_syn_goes_on(struct story *t)
{
	own(t);
	ask(t);
	t_wait(t, 100 * MS);
	t_answer(t, TERN_SYN_ACCEPT, 0);
	t_out(t, "S. 0:0(0) ack 1 <mss 1460>");
	t_in(t, ". 1:1(0) ack 1");
	t_accept(t);
	t_state(t, TERN_TCP_ESTABLISHED);
	t_answer(t, TERN_SYN_ACCEPT, -TERN_ENOENT);
}

static void refused_syn_is_reset(struct story *t)
{
	own(t);
	ask(t);
	t_answer(t, TERN_SYN_RESET, 0);
	t->f->iss = 0;
	t_out(t, "R. 0:0(0) ack 1");
	t_gone(t);
	t_answer(t, TERN_SYN_RESET, -TERN_ENOENT);
}

static void refusal_may_be_icmp(struct story *t)
{
	static const struct {
		enum tern_syn_answer answer;
		enum story_icmp says;
	} rows[] = {
		{ TERN_SYN_HOST, SAYS_HOST },
		{ TERN_SYN_NET, SAYS_NET },
		{ TERN_SYN_PROHIBITED, SAYS_PROHIBITED },
	};
	size_t i;

	t_sysctl(t, "icmp_ratelimit", "0");
	own(t);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		t_flow(t, (uint16_t)(100 + i));
		ask(t);
		t_answer(t, rows[i].answer, 0);
		t_icmp_out(t, rows[i].says);
		t_gone(t);
	}
}

static void dropped_syn_asks_again(struct story *t)
{
	own(t);
	ask(t);
	t_answer(t, TERN_SYN_DROP, 0);
	t_silence(t);
	t_gone(t);
	t_wait(t, 1 * S);
	ask(t);
	t_answer(t, TERN_SYN_ACCEPT, 0);
	t_out(t, "S. 0:0(0) ack 1");
}

static void held_syn_is_asked_for_once(struct story *t)
{
	own(t);
	ask(t);
	t_wait(t, 1 * S);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_wait(t, 2 * S);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_silence(t);
	t_is(t, tern_syn_next(t->st, t->l, &syn), -TERN_EAGAIN);
	t_answer(t, TERN_SYN_ACCEPT, 0);
	t_out(t, "S. 0:0(0) ack 1");
	/* Only now its time-outs count. */
	t_wait(t, 1 * S);
	t_out(t, "S. 0:0(0) ack 1");
}

static void undecided_syn_goes_in_the_end(struct story *t)
{
	own(t);
	ask(t);
	t_wait(t, 63 * S);
	t_silence(t);
	t_gone(t);
	t_answer(t, TERN_SYN_ACCEPT, -TERN_ENOENT);
}

static void rst_withdraws_a_held_syn(struct story *t)
{
	own(t);
	ask(t);
	t_in(t, "R 1:1(0)");
	t_silence(t);
	t_gone(t);
	t_answer(t, TERN_SYN_ACCEPT, -TERN_ENOENT);
}

static void held_syn_is_no_connection_yet(struct story *t)
{
	own(t);
	ask(t);
	t_in(t, ". 1:1(0) ack 1");
	t_out(t, "R 1:1(0)");
	t_is(t, tern_accept(t->st, t->l, NULL, t->now), -TERN_EAGAIN);
	t_answer(t, TERN_SYN_ACCEPT, 0);
	t_out(t, "S. 0:0(0) ack 1");
}

static void several_are_told_in_order(struct story *t)
{
	uint64_t first;

	own(t);
	t_flow(t, 1);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_flow(t, 2);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_is(t, tern_syn_next(t->st, t->l, &syn), 0);
	t_is(t, syn.remote.port, 1);
	first = syn.id;
	t_is(t, tern_syn_next(t->st, t->l, &syn), 0);
	t_is(t, syn.remote.port, 2);
	t_answer(t, TERN_SYN_ACCEPT, 0);
	t_out(t, "S. 0:0(0) ack 1");
	t_flow(t, 1);
	t_is(t, tern_syn_answer(t->st, first, TERN_SYN_ACCEPT, t->now), 0);
	t_out(t, "S. 0:0(0) ack 1");
}

static void closing_the_listener_forgets_held_syns(struct story *t)
{
	own(t);
	ask(t);
	t_is(t, tern_close(t->st, t->l, t->now), 0);
	t_silence(t);
	t_gone(t);
	t_answer(t, TERN_SYN_ACCEPT, -TERN_ENOENT);
}

static void any_port_is_accepted(struct story *t)
{
	struct tern_sockaddr any = story_name(t, false, 0), name;
	int on = 1;

	any.addr = (struct tern_addr){ { 0 } };
	if (!t->v6)
		any.addr = tern_addr_v4(0, 0, 0, 0);
	t->l = tern_socket(t->st, any.family, TERN_SOCK_STREAM, 0, t->now);
	t_is(t,
	     tern_setsockopt(t->st, t->l, TERN_SOL_TERN, TERN_SO_ANY, &on,
			     sizeof(on), t->now),
	     0);
	t_is(t, tern_bind(t->st, t->l, &any, t->now), 0);
	t_is(t, tern_listen(t->st, t->l, 5, t->now), 0);
	t->f->lport = 4321;
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	t_in(t, ". 1:1(0) ack 1");
	t_accept(t);
	t_is(t, tern_getsockname(t->st, t->s, &name), 0);
	t_is(t, name.port, 4321);
}

/* It began when the SYN came, so that the owner's thinking was the path's. */
static void round_trip_begins_with_the_synack(struct story *t)
{
	struct tern_tcp_info info;
	size_t len = sizeof(info);

	own(t);
	ask(t);
	t_wait(t, 300 * MS);
	t_answer(t, TERN_SYN_ACCEPT, 0);
	t_out(t, "S. 0:0(0) ack 1 <mss 1460>");
	t_wait(t, 50 * MS);
	t_in(t, ". 1:1(0) ack 1");
	t_accept(t);
	t_is(t,
	     tern_getsockopt(t->st, t->s, TERN_IPPROTO_TCP, TERN_TCP_INFO,
			     &info, &len, t->now),
	     0);
	t_is(t, info.rtt, 50000);
	t_is(t, info.min_rtt, 50000);
}

static void echo_from_before_the_synack_is_a_guess(struct story *t)
{
	own(t);
	t_in(t, "S 0:0(0) <mss 1460,nop,nop,TS val 7 ecr 0>");
	t_is(t, tern_syn_next(t->st, t->l, &syn), 0);
	t_wait(t, 300 * MS);
	t_answer(t, TERN_SYN_ACCEPT, 0);
	t_out(t, "S. 0:0(0) ack 1 <mss 1460,nop,nop,TS val 300 ecr 7>");
	t_in(t, ". 1:1(0) ack 1 <nop,nop,TS val 8 ecr 200>");
	t_out(t, ". 1:1(0) ack 1 <nop,nop,TS val 300 ecr 7>");
	t_drops(t, "TCP_RFC7323_TSECR", 1);
	t_in(t, ". 1:1(0) ack 1 <nop,nop,TS val 8 ecr 300>");
	t_accept(t);
}

/* One that had timed out while it was held was young again, and not counted so:
 * the count went below zero, and a full queue kept all for a minute. */
static void decided_syns_of_a_full_queue_are_given_few_resends(struct story *t)
{
	uint16_t i;
	int round;

	own(t);
	for (i = 0; i < 5; i++) {
		t_flow(t, (uint16_t)(1000 + i));
		t_in(t, "S 0:0(0) <mss 1460>");
	}
	t_wait(t, 1500 * MS);
	for (i = 0; i < 5; i++) {
		t_is(t, tern_syn_next(t->st, t->l, &syn), 0);
		t_answer(t, TERN_SYN_ACCEPT, 0);
	}
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 5; i++) {
			t_flow(t, (uint16_t)(1000 + i));
			t_out(t, "S. 0:0(0) ack 1");
		}
		t_wait(t, (1 << round) * S);
	}
	/* The first goes, and makes room for the others' patience. */
	for (i = 1; i < 5; i++) {
		t_flow(t, (uint16_t)(1000 + i));
		t_out(t, "S. 0:0(0) ack 1");
	}
	t_silence(t);
	t_flow(t, 1000);
	t_gone(t);
}

/* As long as it is held it costs its owner's peer nothing but time: the same 63 s
 * as without an answer, and the decision starts them again. */
static void decision_starts_the_time_outs_again(struct story *t)
{
	int i;

	own(t);
	ask(t);
	t_wait(t, 62 * S);
	t_answer(t, TERN_SYN_ACCEPT, 0);
	t_out(t, "S. 0:0(0) ack 1");
	for (i = 0; i < 5; i++) {
		t_wait(t, (1 << i) * S);
		t_out(t, "S. 0:0(0) ack 1");
	}
	t_wait(t, 32 * S);
	t_gone(t);
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(accepted_syn_goes_on),
		STORY(refused_syn_is_reset),
		STORY(refusal_may_be_icmp),
		STORY(dropped_syn_asks_again),
		STORY(held_syn_is_asked_for_once),
		STORY(undecided_syn_goes_in_the_end),
		STORY(rst_withdraws_a_held_syn),
		STORY(held_syn_is_no_connection_yet),
		STORY(several_are_told_in_order),
		STORY(closing_the_listener_forgets_held_syns),
		STORY(any_port_is_accepted),
		STORY(round_trip_begins_with_the_synack),
		STORY(echo_from_before_the_synack_is_a_guess),
		STORY(decided_syns_of_a_full_queue_are_given_few_resends),
		STORY(decision_starts_the_time_outs_again),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
