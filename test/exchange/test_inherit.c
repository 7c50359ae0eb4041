// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an accepted socket has of its listener: the table that the kernel is asked
 * as well (inherit_rules.h).
 * covers: O18
 */
#include "story.h"

#include "../unit/inherit_rules.h"

#include <stdio.h>

#define N_RULES (sizeof(inherit_rules) / sizeof(inherit_rules[0]))

static int read_of(struct story *t, int s, const struct inherit_rule *r)
{
	size_t len = sizeof(int);
	int v = 0;

	char what[100];

	snprintf(what, sizeof(what), "level %d option %d", r->level, r->name);
	story_is(STORY_AT(t), what,
		 tern_getsockopt(t->st, s, r->level, r->name, &v, &len, t->now),
		 0);
	return v;
}

/* One client, of a listener that has the option set at this instant. */
static int client_has(struct story *t, const struct inherit_rule *r,
		      unsigned when)
{
	int family = t->v6 ? TERN_AF_INET6 : TERN_AF_INET, s, v;
	struct tern_sockaddr any = {
		.family = family,
		.port = STORY_OUR_PORT,
		.addr = t->v6 ? (struct tern_addr){ { 0 } } :
				tern_addr_v4(0, 0, 0, 0),
	};
	unsigned at;

	t->l = tern_socket(t->st, family, TERN_SOCK_STREAM, 0, t->now);
	t_flow_again(t);
	for (at = BEFORE; at <= AFTER; at <<= 1) {
		/* TERN_IPV6_V6ONLY is refused from listen() on. */
		if (at == when &&
		    !tern_setsockopt(t->st, t->l, r->level, r->name, &r->value,
				     sizeof(r->value), t->now))
			t_is(t, read_of(t, t->l, r), r->got);
		if (at == BEFORE) {
			t_is(t, tern_bind(t->st, t->l, &any, t->now), 0);
			t_is(t, tern_listen(t->st, t->l, 5, t->now), 0);
		} else if (at == LISTENING) {
			t_in(t, "S 0:0(0) <mss 1460>");
			t_out(t, "S. 0:0(0) ack 1");
		} else if (at == BETWEEN) {
			t_in(t, ". 1:1(0) ack 1");
		}
	}
	s = tern_accept(t->st, t->l, NULL, t->now);
	t_is(t, s >= 0, 1);
	v = read_of(t, s, r);
	tern_close(t->st, t->l, t->now);
	t->l = -1;
	t_in(t, "R 1:1(0)");
	tern_close(t->st, s, t->now);
	return v;
}

static void a_client_has_what_was_set_in_time(struct story *t)
{
	const struct inherit_rule *r;
	char what[100];
	unsigned when;
	int has, plain;

	for (r = inherit_rules; r < inherit_rules + N_RULES; r++) {
		if ((r->level == TERN_IPPROTO_IPV6 && !t->v6) ||
		    (r->level == TERN_IPPROTO_IP && t->v6))
			continue;
		plain = client_has(t, r, 0);
		for (when = BEFORE; when <= AFTER; when <<= 1) {
			snprintf(what, sizeof(what),
				 "level %d option %d set at instant %u",
				 r->level, r->name, when);
			has = client_has(t, r, when);
			story_is(STORY_AT(t), what, has,
				 when & r->when ? r->got : plain);
		}
		t_is(t, plain != r->got, 1);
	}
}

int main(void)
{
	static const struct story_row stories[] = {
		STORY(a_client_has_what_was_set_in_time),
	};

	return story_run(stories, sizeof(stories) / sizeof(stories[0]));
}
