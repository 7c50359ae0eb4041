// SPDX-License-Identifier: BSD-2-Clause
/*
 * When an ACK leaves. The numbers were read off Linux.
 * covers: T5, C2
 */
#include "story.h"

#define QUICKACK(t, on) t_opt(t, TERN_IPPROTO_TCP, TERN_TCP_QUICKACK, on)

/* Sixteen. */
static void first_small_segments_are_acknowledged_at_once(struct story *t)
{
	uint32_t at = 1;
	int i;

	t_served(t, T_PLAIN);
	for (i = 0; i < 16; i++, at += 10) {
		t_in(t, "P. %u:%u(10) ack 1", at, at + 10);
		t_out(t, ". 1:1(0) ack %u", at + 10);
		t_wait(t, 50 * MS);
	}
	for (i = 0; i < 3; i++, at += 10) {
		t_in(t, "P. %u:%u(10) ack 1", at, at + 10);
		t_wait(t, 40 * MS);
		t_out(t, ". 1:1(0) ack %u", at + 10);
		t_wait(t, 10 * MS);
	}
}

/* Sixteen, and four while they made the window grow. Then it falls as nobody
 * reads, so two full segments are not enough. */
static void unread_data_is_acknowledged_late(struct story *t)
{
	uint32_t at = 1;
	int i;

	t_served(t, T_PLAIN);
	for (i = 0; i < 20; i++, at += 1460) {
		t_in(t, ". %u:%u(1460) ack 1", at, at + 1460);
		t_out(t, ". 1:1(0) ack %u", at + 1460);
	}
	t_in(t, ". %u:%u(1460) ack 1", at, at + 1460);
	t_wait(t, 10 * MS);
	t_in(t, ". %u:%u(1460) ack 1", at + 1460, at + 2920);
	t_wait(t, 30 * MS);
	t_out(t, ". 1:1(0) ack %u", at + 2920);
}

static void each_second_full_segment_is_acknowledged(struct story *t)
{
	uint32_t at = 1;
	int i;

	t_served(t, T_PLAIN);
	QUICKACK(t, 0);
	for (i = 0; i < 6; i++, at += 1460) {
		t_in(t, ". %u:%u(1460) ack 1", at, at + 1460);
		if (i % 2)
			t_out(t, ". 1:1(0) ack %u", at + 1460);
		t_silence(t);
		t_recv(t, 1460);
		t_silence(t);
		t_wait(t, 5 * MS);
	}
}

static void ack_rides_on_data(struct story *t)
{
	t_served(t, T_PLAIN);
	QUICKACK(t, 0);
	t_in(t, "P. 1:11(10) ack 1");
	t_wait(t, 10 * MS);
	t_recv(t, 10);
	t_silence(t);
	t_send(t, 10);
	t_out(t, "P. 1:11(10) ack 11");
	t_in(t, "P. 11:21(10) ack 11");
	t_wait(t, 40 * MS);
	t_out(t, ". 11:11(0) ack 21");
}

/* Who answers at once is expected to do so again; if not, the next ACK does
 * not wait. */
static void an_answer_that_does_not_come_ends_the_waiting(struct story *t)
{
	t_served(t, T_PLAIN);
	QUICKACK(t, 0);
	t_in(t, "P. 1:11(10) ack 1");
	t_wait(t, 40 * MS);
	t_out(t, ". 1:1(0) ack 11");
	t_wait(t, 60 * MS);
	t_in(t, "P. 11:21(10) ack 1");
	t_out(t, ". 1:1(0) ack 21");
}

static void quickack_sends_what_is_owed(struct story *t)
{
	t_served(t, T_PLAIN);
	QUICKACK(t, 0);
	t_in(t, "P. 1:11(10) ack 1");
	t_recv(t, 10);
	t_silence(t);
	QUICKACK(t, 1);
	t_out(t, ". 1:1(0) ack 11");
	t_opt_is(t, TERN_IPPROTO_TCP, TERN_TCP_QUICKACK, 1);
}

static void a_pushed_segment_is_acknowledged_when_read(struct story *t)
{
	uint32_t at = 1;
	int i;

	t_served(t, T_PLAIN);
	for (i = 0; i < 16; i++, at += 10) {
		t_in(t, "P. %u:%u(10) ack 1", at, at + 10);
		t_out(t, ". 1:1(0) ack %u", at + 10);
	}
	t_recv(t, 160);
	t_in(t, "P. 161:171(10) ack 1");
	t_silence(t);
	t_recv(t, 10);
	t_out(t, ". 1:1(0) ack 171");
}

static void a_gap_and_its_filling_are_told_at_once(struct story *t)
{
	t_served(t, T_PLAIN);
	QUICKACK(t, 0);
	t_in(t, "P. 11:21(10) ack 1");
	t_out(t, ". 1:1(0) ack 1");
	t_in(t, "P. 1:11(10) ack 1");
	t_out(t, ". 1:1(0) ack 21");
}

static void a_fin_after_data_waits_for_ours(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "P. 1:11(10) ack 1");
	t_out(t, ". 1:1(0) ack 11");
	t_wait(t, 1 * MS);
	t_in(t, "F. 11:11(0) ack 1");
	t_recv(t, 10);
	t_recv(t, 0);
	t_silence(t);
	t_close(t);
	t_out(t, "F. 1:1(0) ack 12");
	t_state(t, TERN_TCP_LAST_ACK);
	t_in(t, ". 12:12(0) ack 2");
	t_gone(t);
}

static void a_fin_after_data_waits_at_most_40_ms(struct story *t)
{
	t_served(t, T_PLAIN);
	t_in(t, "P. 1:11(10) ack 1");
	t_out(t, ". 1:1(0) ack 11");
	t_wait(t, 1 * S);
	t_in(t, "F. 11:11(0) ack 1");
	t_wait(t, 40 * MS);
	t_out(t, ". 1:1(0) ack 12");
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(first_small_segments_are_acknowledged_at_once),
		STORY(unread_data_is_acknowledged_late),
		STORY(each_second_full_segment_is_acknowledged),
		STORY(ack_rides_on_data),
		STORY(an_answer_that_does_not_come_ends_the_waiting),
		STORY(quickack_sends_what_is_owed),
		STORY(a_pushed_segment_is_acknowledged_when_read),
		STORY(a_gap_and_its_filling_are_told_at_once),
		STORY(a_fin_after_data_waits_for_ours),
		STORY(a_fin_after_data_waits_at_most_40_ms),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
