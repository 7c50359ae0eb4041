// SPDX-License-Identifier: BSD-2-Clause
/*
 * Urgent data, MSG_OOB, SO_OOBINLINE, SIOCATMARK: as on Linux.
 * covers: T11
 */
#include "story.h"

#define OOB TERN_MSG_OOB

static void urgent_pointer_is_behind_the_last_urgent_byte(struct story *t)
{
	t_served(t, T_PLAIN);
	t_send_is(t, 3, OOB, 3);
	t_out(t, "P.U 1:4(3) ack 1 urg 3");
	/* Urgent mode does not know Nagle. */
	t_send(t, 2);
	t_out(t, "P. 4:6(2) ack 1");
	t_in(t, ". 1:1(0) ack 6");
}

static void urgent_byte_is_read_out_of_band(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "P.U 1:6(5) ack 1 urg 3");
	t_out(t, ". 1:1(0) ack 6");
	t_poll(t, TERN_POLLIN | TERN_POLLPRI | TERN_POLLOUT);
	t_ioctl(t, TERN_SIOCATMARK, 0);
	t_ioctl(t, TERN_SIOCINQ, 2);
	t->f->read = 3;
	t_recv_is(t, 10, OOB, 1);
	t_poll(t, TERN_POLLIN | TERN_POLLOUT);
	t->f->read = 1;
	t_recv_is(t, 10, 0, 2);
	t_ioctl(t, TERN_SIOCATMARK, 1);
	t_ioctl(t, TERN_SIOCINQ, 0);
	t_recv_is(t, 10, OOB, -TERN_EINVAL);
	t->f->read = 4;
	t_recv_is(t, 10, 0, 2);
	t_ioctl(t, TERN_SIOCATMARK, 0);
	t_recv_is(t, 10, OOB, -TERN_EINVAL);
	t_poll(t, TERN_POLLOUT);
}

static void pointer_may_come_before_its_byte(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "P.U 1:6(5) ack 1 urg 8");
	t_out(t, ". 1:1(0) ack 6");
	t_poll(t, TERN_POLLIN | TERN_POLLOUT);
	t_recv_is(t, 10, OOB, -TERN_EAGAIN);
	t_recv_is(t, 10, 0, 5);
	t_ioctl(t, TERN_SIOCINQ, 0);
	t_ioctl(t, TERN_SIOCATMARK, 0);
	t_in(t, "P. 6:11(5) ack 1");
	t_out(t, ". 1:1(0) ack 11");
	t_poll(t, TERN_POLLIN | TERN_POLLPRI | TERN_POLLOUT);
	t_recv_is(t, 10, 0, 2);
	t_ioctl(t, TERN_SIOCATMARK, 1);
	t_recv_is(t, 1, OOB, 1);
	t->f->read = 9;
	t_recv_is(t, 10, 0, 2);
}

static void second_urgent_byte_overtakes_the_first(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "P.U 1:6(5) ack 1 urg 2");
	t_out(t, ". 1:1(0) ack 6");
	t_in(t, "P.U 6:11(5) ack 1 urg 2");
	t_out(t, ". 1:1(0) ack 11");
	t_ioctl(t, TERN_SIOCINQ, 6);
	/* The first is a byte of the stream again. */
	t_recv_is(t, 20, 0, 6);
	t_ioctl(t, TERN_SIOCATMARK, 1);
	t_recv_is(t, 1, OOB, 1);
	t->f->read = 8;
	t_recv_is(t, 20, 0, 3);
}

static void urgent_byte_may_stay_in_the_stream(struct story *t)
{
	t_served(t, T_PLAIN);
	t_opt(t, TERN_SOL_SOCKET, TERN_SO_OOBINLINE, 1);
	t_in(t, "P.U 1:6(5) ack 1 urg 3");
	t_out(t, ". 1:1(0) ack 6");
	t_poll(t, TERN_POLLIN | TERN_POLLPRI | TERN_POLLOUT);
	t_ioctl(t, TERN_SIOCINQ, 5);
	t_recv_is(t, 10, OOB, -TERN_EINVAL);
	t_recv_is(t, 20, 0, 2);
	t_ioctl(t, TERN_SIOCATMARK, 1);
	t_poll(t, TERN_POLLIN | TERN_POLLPRI | TERN_POLLOUT);
	t_recv_is(t, 20, 0, 3);
	t_ioctl(t, TERN_SIOCATMARK, 0);
}

static void stdurg_points_at_the_byte(struct story *t)
{
	t_sysctl(t, "tcp_stdurg", "1");
	t_served(t, T_PLAIN);
	t_in(t, "P.U 1:6(5) ack 1 urg 3");
	t_out(t, ". 1:1(0) ack 6");
	t->f->read = 4;
	t_recv_is(t, 1, OOB, 1);
}

static void urgent_data_passes_a_closed_window(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, ". 1:1(0) ack 1 win 0");
	t_send_is(t, 1, OOB, 1);
	t_silence(t);
	t_wait(t, T_RTO);
	t_out(t, ".U 1:1(0) ack 1 urg 1");
	t_out(t, ".U 0:0(0) ack 1 urg 2");
	t_in(t, ". 1:1(0) ack 1 win 100");
	t_out(t, "P.U 1:2(1) ack 1 urg 1");
	t_in(t, ". 1:1(0) ack 2");
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(urgent_pointer_is_behind_the_last_urgent_byte),
		STORY(urgent_byte_is_read_out_of_band),
		STORY(pointer_may_come_before_its_byte),
		STORY(second_urgent_byte_overtakes_the_first),
		STORY(urgent_byte_may_stay_in_the_stream),
		STORY(stdurg_points_at_the_byte),
		STORY(urgent_data_passes_a_closed_window),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
