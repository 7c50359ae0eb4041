// SPDX-License-Identifier: BSD-2-Clause
/*
 * tcp_migrate_req: what a closed listener of a group leaves to the others.
 * covers: O14, O18, O19
 */
#include "story.h"

#define SUCCESS "TcpExtTCPMigrateReqSuccess"
#define FAILURE "TcpExtTCPMigrateReqFailure"

/* The first of a group, alone. */
static void first(struct story *t)
{
	t_sysctl(t, "tcp_migrate_req", "1");
	t_listen(t, 20);
	t_opt(t, TERN_SOL_SOCKET, TERN_SO_REUSEPORT, 1);
}

/* Another one comes. */
static int join(struct story *t)
{
	int family = t->v6 ? TERN_AF_INET6 : TERN_AF_INET, before = t->l;
	struct tern_sockaddr any = {
		.family = family,
		.port = STORY_OUR_PORT,
		.addr = t->v6 ? (struct tern_addr){ { 0 } } :
				tern_addr_v4(0, 0, 0, 0),
	};
	int s = tern_socket(t->st, family, TERN_SOCK_STREAM, 0, t->now);

	t->l = s;
	t_opt(t, TERN_SOL_SOCKET, TERN_SO_REUSEPORT, 1);
	t_is(t, tern_bind(t->st, s, &any, t->now), 0);
	t_is(t, tern_listen(t->st, s, 20, t->now), 0);
	t->l = before;
	return s;
}

static void leave(struct story *t, int heir)
{
	t_is(t, tern_close(t->st, t->l, t->now), 0);
	t->l = heir;
}

static void half_open(struct story *t, uint16_t port)
{
	t_flow(t, port);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
}

static void who_moved_is_counted_when_it_is_heard_of(struct story *t)
{
	int heir;

	first(t);
	half_open(t, 1000);
	half_open(t, 1001);
	t_in(t, ". 1:1(0) ack 1");
	heir = join(t);
	leave(t, heir);
	t_counter(t, SUCCESS, 1);
	t_is(t, (tern_poll(t->st, heir) & TERN_POLLIN) != 0, 1);
	t_accept(t);
	t_state(t, TERN_TCP_ESTABLISHED);
	t->s = -1;
	t_flow(t, 1000);
	t_in(t, ". 1:1(0) ack 1");
	t_counter(t, SUCCESS, 2);
	t_accept(t);
	t_counter(t, FAILURE, 0);
}

static void half_open_may_move_from_heir_to_heir(struct story *t)
{
	first(t);
	half_open(t, 1000);
	leave(t, join(t));
	t_wait(t, 500 * MS);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1");
	leave(t, join(t));
	t_wait(t, 1 * S);
	t_out(t, "S. 0:0(0) ack 1");
	t_counter(t, SUCCESS, 1);
	leave(t, join(t));
	t_wait(t, 2 * S);
	t_out(t, "S. 0:0(0) ack 1");
	t_counter(t, SUCCESS, 2);
	t_in(t, ". 1:1(0) ack 1");
	t_counter(t, SUCCESS, 2);
	t_accept(t);
}

static void last_of_a_group_takes_all_with_it(struct story *t)
{
	first(t);
	half_open(t, 1000);
	half_open(t, 1001);
	t_in(t, ". 1:1(0) ack 1");
	t_is(t, tern_close(t->st, t->l, t->now), 0);
	t_out(t, "R. 1:1(0) ack 1");
	t_counter(t, FAILURE, 2);
	t_flow(t, 1000);
	t_in(t, ". 1:1(0) ack 1");
	t_out(t, "R 1:1(0)");
}

static void who_moves_is_spread(struct story *t)
{
	int heirs[2], i, n[2] = { 0, 0 };
	struct tern_sockaddr peer;

	first(t);
	for (i = 0; i < 15; i++) {
		half_open(t, (uint16_t)(1000 + i));
		t_in(t, ". 1:1(0) ack 1");
	}
	heirs[0] = join(t);
	heirs[1] = join(t);
	leave(t, heirs[0]);
	for (i = 0; i < 2; i++)
		while (tern_accept(t->st, heirs[i], &peer, t->now) >= 0)
			n[i]++;
	t_is(t, n[0] + n[1], 15);
	t_is(t, n[0] > 2 && n[1] > 2, 1);
}

static void a_syn_that_waits_for_a_decision_goes_with_its_owner(struct story *t)
{
	struct tern_syn syn;
	int heir;

	first(t);
	t_opt(t, TERN_SOL_TERN, TERN_SO_DECIDE, 1);
	t_flow(t, 1000);
	t_in(t, "S 0:0(0) <mss 1460>");
	t_is(t, tern_syn_next(t->st, t->l, &syn), 0);
	heir = join(t);
	leave(t, heir);
	t_counter(t, SUCCESS, 0);
	t_is(t, tern_syn_answer(t->st, syn.id, TERN_SYN_ACCEPT, t->now),
	     -TERN_ENOENT);
	/* Nor does who decides get any that was decided already. */
	half_open(t, 1001);
	heir = join(t);
	t_is(t, tern_close(t->st, t->l, t->now), 0);
	t->l = heir;
	t_counter(t, SUCCESS, 0);
	t_in(t, ". 1:1(0) ack 1");
	t_accept(t);
}

/* Another address, or a group that it does not belong to. */
static void a_stranger_on_the_port_inherits_nothing(struct story *t)
{
	int stranger;

	t_sysctl(t, "tcp_migrate_req", "1");
	t_listen(t, 20);
	half_open(t, 1000);
	t_opt(t, TERN_SOL_SOCKET, TERN_SO_REUSEPORT, 1);
	stranger = join(t);
	t_opt(t, TERN_SOL_SOCKET, TERN_SO_REUSEPORT, 0);
	leave(t, stranger);
	t_in(t, ". 1:1(0) ack 1");
	t_out(t, "R 1:1(0)");
	t_counter(t, SUCCESS, 0);
}

static void fast_open_children_move_before_their_ack(struct story *t)
{
	first(t);
	t_sysctl(t, "tcp_fastopen", "0x602");
	t_is(t, tern_listen(t->st, t->l, 20, t->now), 0);
	t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_FASTOPEN, 5);
	t_flow(t, 1000);
	t_in(t, "S 0:10(10) <mss 1460>");
	t_out(t, "S. 0:0(0) ack 11");
	leave(t, join(t));
	t_counter(t, SUCCESS, 1);
	t_wait(t, 1 * S);
	t_out(t, "S. 0:0(0) ack 11");
	t_accept(t);
	t_in(t, ". 11:11(0) ack 1");
	t_ioctl(t, TERN_SIOCINQ, 10);
	t_state(t, TERN_TCP_ESTABLISHED);
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(who_moved_is_counted_when_it_is_heard_of),
		STORY(half_open_may_move_from_heir_to_heir),
		STORY(last_of_a_group_takes_all_with_it),
		STORY(who_moves_is_spread),
		STORY(a_syn_that_waits_for_a_decision_goes_with_its_owner),
		STORY(a_stranger_on_the_port_inherits_nothing),
		STORY(fast_open_children_move_before_their_ack),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
