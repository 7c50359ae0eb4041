// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stage: a stack, its time, the socket calls, and the ladder of what
 * happened, which is shown when a story fails.
 */
#include "story.h"

#include "../../lab/moved.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "story_priv.h"

#define LADDER_LEN 200000

struct story *story_at(struct story *t, const char *file, int line)
{
	t->file = file;
	t->line = line;
	return t;
}

void story_note(struct story *t, char mark, const char *fmt, ...)
{
	size_t room = LADDER_LEN - t->ladder_len;
	va_list ap;
	int n;

	if (room < 400)
		return;
	n = snprintf(t->ladder + t->ladder_len, room,
		     "  %4" PRId64 ".%06" PRId64 " %c ", t->now / S,
		     t->now % S / 1000, mark);
	va_start(ap, fmt);
	n += vsnprintf(t->ladder + t->ladder_len + n, room - (size_t)n, fmt,
		       ap);
	va_end(ap);
	t->ladder_len += (size_t)n;
	if (t->ladder_len < LADDER_LEN - 2)
		t->ladder[t->ladder_len++] = '\n';
	t->ladder[t->ladder_len] = 0;
}

void story_fail(struct story *t, const char *fmt, ...)
{
	char why[600], *at, *next;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	t->failed = true;
	print_error("%s\n", why);
	/* A line at a time: cmocka's buffer for one is small. */
	for (at = t->ladder; *at; at = next) {
		next = strchr(at, '\n') + 1;
		print_error("%.*s", (int)(next - at), at);
	}
	_fail(t->file, t->line);
	abort();
}

/* State changes go into the ladder: they tell why. */
static void traced(void *ctx, const struct tern_trace *e)
{
	struct story *t = ctx;

	switch (e->kind) {
	case TERN_TRACE_STATE:
		story_note(t, '*', "%s -> %s: %s", tern_tcp_state_name(e->from),
			   tern_tcp_state_name(e->to), e->what);
		break;
	case TERN_TRACE_TIMER:
	case TERN_TRACE_CC:
		story_note(t, '*', "%s", e->what);
		break;
	case TERN_TRACE_DROP:
		story_note(t, '*', "dropped: %s", tern_drop_name(e->to));
		break;
	case TERN_TRACE_IN:
	case TERN_TRACE_OUT:
	case TERN_TRACE_LOOP:
		break;
	}
}

static struct tern_addr address(bool v6, uint8_t host)
{
	const struct tern_addr six = { { 0xfd, [15] = host } };

	return v6 ? six : tern_addr_v4(10, 0, 0, host);
}

struct tern_sockaddr story_name(const struct story *t, bool peer, uint16_t port)
{
	return (struct tern_sockaddr){
		.addr = address(t->v6, peer ? 2 : 1),
		.family = t->v6 ? TERN_AF_INET6 : TERN_AF_INET,
		.port = port,
	};
}

static void begin(struct story *t, bool v6)
{
	const struct tern_link_config link = {
		.name = "wire",
		.mtu = v6 ? 1520 : 1500,
	};
	struct tern_config cfg = { .plain_alloc = true, .trace = traced };
	struct tern_addr us = address(v6, 1);

	*t = (struct story){ .v6 = v6, .s = -1, .l = -1 };
	check_alloc_init(&t->alloc);
	t->ladder = calloc(1, LADDER_LEN);
	assert_non_null(t->ladder);
	cfg.alloc = check_allocator(&t->alloc);
	cfg.trace_ctx = t;
	memcpy(cfg.seed, "another 16 bytes", 16);
	t->pool = tern_pool_new(&cfg.alloc);
	assert_non_null(t->pool);
	t->st = tern_stack_new(&cfg, 0);
	assert_non_null(t->st);
	t->link = tern_link_add(t->st, &link, 0);
	assert_true(t->link > 0);
	assert_int_equal(tern_addr_add(t->st, t->link, &us, v6 ? 64 : 24, 0),
			 0);
	t_flow(t, STORY_PEER_PORT);
}

static void end(struct story *t)
{
	for (; t->head != t->tail; t->head++)
		tern_pkt_put(t->queue[t->head % STORY_QUEUE]);
	moved_note(t->st);
	tern_stack_free(t->st);
	tern_pool_free(t->pool);
	free(t->ladder);
	if (t->failed)
		return;
	assert_int_equal(t->alloc.used, 0);
	assert_int_equal(t->alloc.n_out, 0);
}

static struct story the_story;

static int begin4(void **state)
{
	begin(&the_story, false);
	return 0;
}

static int begin6(void **state)
{
	begin(&the_story, true);
	return 0;
}

static int finish(void **state)
{
	end(&the_story);
	return 0;
}

static void tell(void **state)
{
	const struct story_row *row = *state;

	row->tell(&the_story);
	story_pull(&the_story);
	story_silence(&the_story);
}

int story_run(const struct story_row *rows, size_t n)
{
	struct CMUnitTest *tests = calloc(2 * n, sizeof(*tests));
	char(*names)[120] = calloc(2 * n, sizeof(*names));
	int failed;
	size_t i;

	for (i = 0; i < 2 * n; i++) {
		snprintf(names[i], sizeof(names[i]), "%s %s", rows[i / 2].name,
			 i % 2 ? "(IPv6)" : "(IPv4)");
		tests[i] = (struct CMUnitTest){
			.name = names[i],
			.test_func = tell,
			.setup_func = i % 2 ? begin6 : begin4,
			.teardown_func = finish,
			.initial_state = (void *)(uintptr_t)&rows[i / 2],
		};
	}
	failed = _cmocka_run_group_tests("exchange", tests, 2 * n, NULL, NULL);
	free(tests);
	free(names);
	return failed;
}

/* Runs timers up to `until`, each at its own instant. */
static void run_to(struct story *t, int64_t until)
{
	int64_t at, stuck = 0;

	while ((at = tern_stack_deadline(t->st)) <= until) {
		stuck = at <= t->now ? stuck + 1 : 0;
		if (stuck > 100)
			story_fail(t, "the deadline does not move");
		t->now = at > t->now ? at : t->now;
		tern_stack_advance(t->st, t->now);
		story_pull(t);
		if (t->head != t->tail && t->now < until)
			story_silence(t);
	}
	t->now = until;
	tern_stack_advance(t->st, t->now);
	story_pull(t);
}

void story_wait(struct story *t, int64_t ns)
{
	story_silence(t);
	run_to(t, t->now + ns);
}

void story_is(struct story *t, const char *call, int64_t got, int64_t want)
{
	story_pull(t);
	if (got == want) {
		story_note(t, ' ', "%s = %" PRId64, call, got);
		return;
	}
	story_fail(t,
		   "%s\n  expected %" PRId64 " %s\n  actual   %" PRId64 " %s",
		   call, want, want < 0 ? tern_error_name((int)want) : "", got,
		   got < 0 ? tern_error_name((int)got) : "");
}

static int stream(struct story *t)
{
	int s = tern_socket(t->st, t->v6 ? TERN_AF_INET6 : TERN_AF_INET,
			    TERN_SOCK_STREAM, 0, t->now);

	if (s < 0)
		story_fail(t, "no socket: %s", tern_error_name(s));
	return s;
}

void story_listen(struct story *t, int backlog)
{
	struct tern_sockaddr us = story_name(t, false, STORY_OUR_PORT);

	if (t->l < 0) {
		t->l = stream(t);
		us.addr = (struct tern_addr){ { 0 } };
		if (!t->v6)
			us.addr = tern_addr_v4(0, 0, 0, 0);
		story_is(t, "bind", tern_bind(t->st, t->l, &us, t->now), 0);
	}
	story_is(t, "listen", tern_listen(t->st, t->l, backlog, t->now), 0);
}

void story_dial(struct story *t)
{
	struct tern_sockaddr peer = story_name(t, true, t->f->rport);

	if (t->s < 0)
		t->s = stream(t);
	t->f->lport = 0;
	story_is(t, "connect", tern_connect(t->st, t->s, &peer, t->now),
		 -TERN_EINPROGRESS);
}

void story_accept(struct story *t)
{
	struct tern_sockaddr peer = { 0 };

	t->s = tern_accept(t->st, t->l, &peer, t->now);
	if (t->s < 0)
		story_fail(t, "accept: %s", tern_error_name(t->s));
	story_is(t, "accept, peer's port", peer.port, t->f->rport);
}

/* The byte at a place of either stream. */
static uint8_t pattern(uint32_t rel)
{
	return (uint8_t)(rel * 31 + (rel >> 8));
}

void story_send(struct story *t, uint32_t n, int flags, int64_t want)
{
	uint8_t *data = malloc(n + 1);
	int64_t got;
	uint32_t i;

	for (i = 0; i < n; i++)
		data[i] = pattern(t->f->sent + i);
	got = tern_send(t->st, t->s, data, n, flags, t->now);
	free(data);
	if (got > 0)
		t->f->sent += (uint32_t)got;
	story_is(t, "send", got, want);
}

void story_recv(struct story *t, uint32_t n, int flags, int64_t want)
{
	uint8_t *data = malloc(n + 1);
	int64_t got = tern_recv(t->st, t->s, data, n, flags, t->now), i;

	for (i = 0; i < got && !(flags & TERN_MSG_TRUNC); i++) {
		if (data[i] == pattern(t->f->read + (uint32_t)i))
			continue;
		free(data);
		story_fail(t,
			   "recv: byte %" PRId64 " of %" PRId64
			   " is not the one that was sent",
			   i, got);
	}
	free(data);
	if (got > 0 && !(flags & (TERN_MSG_PEEK | TERN_MSG_OOB)))
		t->f->read += (uint32_t)got;
	story_is(t, "recv", got, want);
}

void story_close(struct story *t)
{
	story_is(t, "close", tern_close(t->st, t->s, t->now), 0);
	t->s = -1;
}

void story_opt(struct story *t, int level, int name, int value)
{
	int s = t->s >= 0 ? t->s : t->l;

	story_is(t, "setsockopt",
		 tern_setsockopt(t->st, s, level, name, &value, sizeof(value),
				 t->now),
		 0);
}

int story_get(struct story *t, int level, int name)
{
	int value = 0, s = t->s >= 0 ? t->s : t->l, err;
	size_t len = sizeof(value);

	err = tern_getsockopt(t->st, s, level, name, &value, &len, t->now);
	return err ? err : value;
}

int story_ioctl(struct story *t, unsigned long request)
{
	int value = 0;
	int err = tern_ioctl(t->st, t->s, request, &value, t->now);

	return err ? err : value;
}

/* The state of the flow, whoever holds it: 0 for nobody. */
static int state_of(struct story *t)
{
	struct tern_sock_info info;
	struct tern_tcp_info tcp;
	size_t len = sizeof(tcp);
	uint64_t cursor = 0;

	if (t->s >= 0 && !tern_getsockopt(t->st, t->s, TERN_IPPROTO_TCP,
					  TERN_TCP_INFO, &tcp, &len, t->now))
		return tcp.state;
	while (tern_sock_next(t->st, &cursor, &info))
		if (info.local.port == t->f->lport &&
		    info.remote.port == t->f->rport)
			return info.state;
	return 0;
}

void story_state(struct story *t, int state)
{
	int got = state_of(t);

	if (got != state)
		story_fail(t, "state\n  expected %s\n  actual   %s",
			   state ? tern_tcp_state_name(state) : "none",
			   got ? tern_tcp_state_name(got) : "none");
}

static void print_bits(char *out, size_t size, uint32_t bits)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{ TERN_POLLIN, "IN " },	  { TERN_POLLPRI, "PRI " },
		{ TERN_POLLOUT, "OUT " }, { TERN_POLLERR, "ERR " },
		{ TERN_POLLHUP, "HUP " }, { TERN_POLLRDHUP, "RDHUP " },
	};
	size_t i, n = 0;

	out[0] = 0;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (bits & names[i].bit)
			n += (size_t)snprintf(out + n, size - n, "%s",
					      names[i].name);
}

void story_poll(struct story *t, uint32_t bits)
{
	uint32_t got = tern_poll(t->st, t->s);
	char want_text[64], got_text[64];

	/* The other names of IN and OUT always go with them. */
	got &= ~(uint32_t)(TERN_POLLRDNORM | TERN_POLLWRNORM);
	if (got == bits)
		return;
	print_bits(want_text, sizeof(want_text), bits);
	print_bits(got_text, sizeof(got_text), got);
	story_fail(t, "poll\n  expected %s\n  actual   %s", want_text,
		   got_text);
}

int64_t story_drops(const struct story *t, const char *name)
{
	int i = 1;

	while (tern_drop_name(i) && strcmp(tern_drop_name(i), name) != 0)
		i++;
	assert_non_null(tern_drop_name(i));
	return (int64_t)tern_drop_count(t->st, i);
}

int64_t story_counter(const struct story *t, const char *name)
{
	int i = tern_counter_find(name);

	assert_true(i >= 0);
	return (int64_t)tern_counter_get(t->st, i);
}
