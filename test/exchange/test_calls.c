// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the socket calls say in each state: errno, poll bits, names, queues.
 * covers: C4, C17, T1, T13, O9
 */
#include "story.h"

static int64_t send1(struct story *t)
{
	return tern_send(t->st, t->s, "x", 1, 0, t->now);
}

static int64_t recv1(struct story *t)
{
	char c;

	return tern_recv(t->st, t->s, &c, 1, 0, t->now);
}

static int shut(struct story *t, int how)
{
	return tern_shutdown(t->st, t->s, how, t->now);
}

static int name_of(struct story *t, bool peer)
{
	struct tern_sockaddr a;
	int err = peer ? tern_getpeername(t->st, t->s, &a) :
			 tern_getsockname(t->st, t->s, &a);

	return err ? err : a.port;
}

static int dial_to(struct story *t, uint16_t port)
{
	struct tern_sockaddr peer = story_name(t, true, port);

	return tern_connect(t->st, t->s, &peer, t->now);
}

static void new_socket_is_not_connected(struct story *t)
{
	t->s = tern_socket(t->st, t->v6 ? TERN_AF_INET6 : TERN_AF_INET,
			   TERN_SOCK_STREAM, 0, t->now);
	t_poll(t, TERN_POLLOUT | TERN_POLLHUP);
	t_is(t, send1(t), -TERN_EPIPE);
	t_is(t, recv1(t), -TERN_ENOTCONN);
	t_is(t, shut(t, TERN_SHUT_WR), -TERN_ENOTCONN);
	t_is(t, shut(t, 3), -TERN_EINVAL);
	t_is(t, name_of(t, false), 0);
	t_is(t, name_of(t, true), -TERN_ENOTCONN);
	t_is(t, tern_accept(t->st, t->s, NULL, t->now), -TERN_EINVAL);
	t_ioctl(t, TERN_SIOCINQ, 0);
	t_ioctl(t, TERN_SIOCOUTQ, 0);
	t_ioctl(t, TERN_SIOCOUTQNSD, 0);
	t_ioctl(t, 0x1234, -TERN_ENOTTY);
}

static void listener_neither_sends_nor_receives(struct story *t)
{
	t_listen(t, 5);
	t->s = t->l;
	t_poll(t, 0);
	t_is(t, send1(t), -TERN_EPIPE);
	t_is(t, recv1(t), -TERN_ENOTCONN);
	t_is(t, name_of(t, false), 80);
	t_is(t, name_of(t, true), -TERN_ENOTCONN);
	t_is(t, dial_to(t, 1), -TERN_EISCONN);
	t_ioctl(t, TERN_SIOCINQ, -TERN_EINVAL);
	t_ioctl(t, TERN_SIOCOUTQ, -TERN_EINVAL);
	t_ioctl(t, TERN_SIOCATMARK, 0);
}

static void syn_sent_waits(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_poll(t, 0);
	t_is(t, send1(t), -TERN_EAGAIN);
	t_is(t, recv1(t), -TERN_EAGAIN);
	t_is(t, name_of(t, false), t->f->lport);
	t_is(t, name_of(t, true), -TERN_ENOTCONN);
	t_is(t, tern_listen(t->st, t->s, 5, t->now), -TERN_EINVAL);
	t_ioctl(t, TERN_SIOCOUTQ, 0);
	t_in(t, "S. 0:0(0) ack 1 <mss 1460>");
	t_out(t, ". 1:1(0) ack 1");
	t_is(t, name_of(t, true), STORY_PEER_PORT);
}

static void shutdown_in_syn_sent_gives_up(struct story *t)
{
	t_dial(t);
	t_out(t, "S 0:0(0)");
	t_is(t, shut(t, TERN_SHUT_RD), 0);
	t_silence(t);
	t_state(t, TERN_TCP_CLOSE);
	t_poll(t, TERN_POLLOUT | TERN_POLLERR | TERN_POLLHUP);
	t_error(t, TERN_ECONNRESET);
	t_flow_again(t);
	t_dial(t);
	t_out(t, "S 0:0(0)");
}

static void established_reads_writes_and_names(struct story *t)
{
	t_served(t, T_PLAIN);
	t_poll(t, TERN_POLLOUT);
	t_is(t, recv1(t), -TERN_EAGAIN);
	t_is(t, name_of(t, false), STORY_OUR_PORT);
	t_is(t, name_of(t, true), STORY_PEER_PORT);
	t_is(t, dial_to(t, 1), -TERN_EISCONN);
	t_is(t, tern_listen(t->st, t->s, 5, t->now), -TERN_EINVAL);
	t_is(t, tern_accept(t->st, t->s, NULL, t->now), -TERN_EINVAL);
}

static void fin_wait_1_writes_no_more(struct story *t)
{
	t_served(t, T_PLAIN);
	t_is(t, shut(t, TERN_SHUT_WR), 0);
	t_out(t, "F. 1:1(0) ack 1");
	t_poll(t, TERN_POLLOUT);
	t_is(t, send1(t), -TERN_EPIPE);
	t_is(t, recv1(t), -TERN_EAGAIN);
	t_is(t, shut(t, TERN_SHUT_WR), 0);
	t_is(t, name_of(t, true), STORY_PEER_PORT);
	t_ioctl(t, TERN_SIOCOUTQ, 1); /* the FIN counts, as on Linux */
	t_in(t, ". 1:1(0) ack 2");
	t_poll(t, TERN_POLLOUT);
	t_ioctl(t, TERN_SIOCOUTQ, 0);
}

static void close_wait_writes_on(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "F. 1:1(0) ack 1");
	t_poll(t, TERN_POLLIN | TERN_POLLOUT | TERN_POLLRDHUP);
	t_is(t, recv1(t), 0);
	t_is(t, recv1(t), 0);
	t_is(t, shut(t, TERN_SHUT_RD), 0);
	t_send(t, 10);
	t_out(t, "P. 1:11(10) ack 2");
	t_is(t, name_of(t, true), STORY_PEER_PORT);
}

static void closing_is_over_for_the_program(struct story *t)
{
	t_served(t, T_PLAIN);
	t_is(t, shut(t, TERN_SHUT_WR), 0);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, "F. 1:1(0) ack 1");
	t_out(t, ". 2:2(0) ack 2");
	t_state(t, TERN_TCP_CLOSING);
	t_poll(t, TERN_POLLIN | TERN_POLLOUT | TERN_POLLHUP | TERN_POLLRDHUP);
	t_is(t, recv1(t), 0);
	t_is(t, send1(t), -TERN_EPIPE);
	t_is(t, shut(t, TERN_SHUT_RDWR), 0);
	t_is(t, name_of(t, true), STORY_PEER_PORT);
}

static void time_wait_looks_closed(struct story *t)
{
	t_served(t, T_PLAIN);
	t_is(t, shut(t, TERN_SHUT_WR), 0);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, "F. 1:1(0) ack 2");
	t_out(t, ". 2:2(0) ack 2");
	t_state(t, TERN_TCP_CLOSE);
	t_poll(t, TERN_POLLIN | TERN_POLLOUT | TERN_POLLHUP | TERN_POLLRDHUP);
	t_is(t, recv1(t), 0);
	t_is(t, send1(t), -TERN_EPIPE);
	t_is(t, shut(t, TERN_SHUT_RD), -TERN_ENOTCONN);
	t_is(t, name_of(t, true), -TERN_ENOTCONN);
	t_is(t, name_of(t, false), STORY_OUR_PORT);
}

static void shut_both_ways_hangs_up(struct story *t)
{
	t_served(t, T_PLAIN);
	t_is(t, shut(t, TERN_SHUT_RDWR), 0);
	t_out(t, "F. 1:1(0) ack 1");
	t_poll(t, TERN_POLLIN | TERN_POLLOUT | TERN_POLLHUP | TERN_POLLRDHUP);
	t_is(t, recv1(t), 0);
	t_is(t, send1(t), -TERN_EPIPE);
}

static void unread_bytes_outlive_the_end(struct story *t)
{
	t_served(t, T_PLAIN);
	t_is(t, shut(t, TERN_SHUT_WR), 0);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, "FP. 1:101(100) ack 2");
	t_out(t, ". 2:2(0) ack 102");
	t_state(t, TERN_TCP_CLOSE);
	t_ioctl(t, TERN_SIOCINQ, 100);
	t_recv(t, 100);
	t_recv(t, 0);
}

static void events_are_told_once(struct story *t)
{
	struct tern_event e[4];

	t_served(t, T_PLAIN);
	while (tern_events(t->st, e, 4))
		;
	t_in(t, "P. 1:11(10) ack 1");
	t_out(t, ". 1:1(0) ack 11");
	t_is(t, tern_events(t->st, e, 4), 1);
	t_is(t, e[0].s, t->s);
	t_is(t, (e[0].ready & TERN_POLLIN) != 0, 1);
	t_is(t, tern_events(t->st, e, 4), 0);
	t_in(t, "R 11:11(0)");
	t_is(t, tern_events(t->st, e, 4), 1);
	t_is(t, (e[0].ready & TERN_POLLERR) != 0, 1);
}

/* The state of whose a segment of the story's would be; 0: nobody's. */
static int state_found(struct story *t)
{
	struct tern_sockaddr l = story_name(t, false, STORY_OUR_PORT);
	struct tern_sockaddr r = story_name(t, true, STORY_PEER_PORT);
	struct tern_sock_info info;

	return tern_sock_find(t->st, &l, &r, &info) ? info.state : 0;
}

static void segment_finds_its_owner_in_each_table(struct story *t)
{
	struct tern_sockaddr l = story_name(t, false, STORY_OUR_PORT);
	struct tern_sockaddr r = story_name(t, true, STORY_PEER_PORT);
	struct tern_sock_info info;

	t_is(t, state_found(t), 0);
	t_listen(t, 5);
	t_is(t, state_found(t), TERN_TCP_LISTEN);
	t_in(t, "S 0:0(0) win 65535 <mss 1460>");
	t_out(t, "S. 0:0(0) ack 1 <mss 1460>");
	t_is(t, state_found(t), TERN_TCP_SYN_RECV);
	t_in(t, ". 1:1(0) ack 1");
	t_accept(t);
	t_is(t, tern_sock_find(t->st, &l, &r, &info), 1);
	t_is(t, info.state, TERN_TCP_ESTABLISHED);
	t_is(t, info.s, t->s);
	t_is(t, info.cwnd, 10);
	t_is(t, tern_close(t->st, t->l, t->now), 0);
	t->l = -1;
	t_close(t);
	t_out(t, "F. 1:1(0) ack 1");
	t_in(t, "F. 1:1(0) ack 2");
	t_out(t, ". 2:2(0) ack 2");
	t_is(t, state_found(t), TERN_TCP_TIME_WAIT);
	t_in(t, "R 2:2(0)");
	t_is(t, state_found(t), 0);
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(new_socket_is_not_connected),
		STORY(listener_neither_sends_nor_receives),
		STORY(syn_sent_waits),
		STORY(shutdown_in_syn_sent_gives_up),
		STORY(established_reads_writes_and_names),
		STORY(fin_wait_1_writes_no_more),
		STORY(close_wait_writes_on),
		STORY(closing_is_over_for_the_program),
		STORY(time_wait_looks_closed),
		STORY(shut_both_ways_hangs_up),
		STORY(unread_bytes_outlive_the_end),
		STORY(events_are_told_once),
		STORY(segment_finds_its_owner_in_each_table),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
