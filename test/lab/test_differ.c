// SPDX-License-Identifier: BSD-2-Clause
/* Two runs of a scenario: what differs is named, and what is chance is not. */
#include "../unit/check.h"

#include "lab/lab_differ.h"

#include <stdio.h>
#include <string.h>

static const char plain[] = "host client\n"
			    "host server\n"
			    "link client server delay 50ms\n"
			    "at 0s server: l = listener(80)\n"
			    "server: a = accept(l)\n"
			    "server: read(a) => any\n"
			    "server: close(a)\n"
			    "at 1s client: c = socket(tcp)\n"
			    "client: connect(c, server:80)\n"
			    "client: send(c, \"hello\")\n"
			    "at 2s client: close(c)\n";

/* The server leaves what it was sent unread. */
static const char unread[] = "host client\n"
			     "host server\n"
			     "link client server delay 50ms\n"
			     "at 0s server: l = listener(80)\n"
			     "server: a = accept(l)\n"
			     "after 100ms server: poll(a) => any\n"
			     "server: close(a)\n"
			     "at 1s client: c = socket(tcp)\n"
			     "client: connect(c, server:80)\n"
			     "client: send(c, \"hello\")\n"
			     "at 2s client: close(c)\n";

struct side {
	struct drill_mem mem;
	struct lab_script script;
	struct lab_run run;
};

static void play(struct side *s, const char *text, uint64_t seed)
{
	struct lab_run_options o = { .has_seed = true, .seed = seed };

	*s = (struct side){ 0 };
	assert_true(lab_script_parse(&s->script, &s->mem, "test", text,
				     strlen(text)));
	assert_true(lab_run(&s->run, &s->script, &s->mem, &o));
}

static void fini(struct side *s)
{
	lab_run_fini(&s->run);
	lab_script_fini(&s->script);
	drill_mem_fini(&s->mem);
}

static void numbers_and_ports_that_are_chance_do_not_differ(void **state)
{
	struct lab_differences d;
	struct side a, b;

	play(&a, plain, 1);
	play(&b, plain, 2);
	assert_true(a.run.net.digest != b.run.net.digest);
	lab_differ(&d, &a.run, &b.run, INT64_MAX);
	assert_int_equal(d.n, 0);
	assert_true(d.n_segments >= 8 && d.n_states >= 8 && d.n_calls >= 8);
	assert_true(d.latest_ns == 0);
	lab_differences_fini(&d);
	fini(&a);
	fini(&b);
}

static void what_differs_is_named_with_its_connection(void **state)
{
	struct lab_differences d;
	struct side a, b;

	play(&a, plain, 1);
	play(&b, unread, 1);
	lab_differ(&d, &a.run, &b.run, INT64_MAX);
	assert_true(d.n > 0);
	assert_non_null(strstr(d.text.s,
			       "server sends to client, port 80, connection 1: "
			       "only tern: FIN+ACK seq 1 ack 6 at 1.150"));
	assert_non_null(strstr(d.text.s,
			       "server sends to client, port 80, connection 1: "
			       "only the kernel: RST+ACK seq 1 ack 6"));
	assert_non_null(strstr(d.text.s, "server's state, port 80, connection "
					 "1: only tern: FIN-WAIT-1"));
	assert_non_null(
		strstr(d.text.s, "server, line 6: only tern: read(a) = 5"));
	lab_differences_fini(&d);
	fini(&a);
	fini(&b);
}

static void nothing_behind_the_end_is_compared(void **state)
{
	struct lab_differences d;
	struct side a, b;

	play(&a, plain, 1);
	play(&b, unread, 1);
	lab_differ(&d, &a.run, &b.run, 1100 * NS_PER_MS);
	assert_int_equal(d.n, 0);
	lab_differences_fini(&d);
	fini(&a);
	fini(&b);
}

static void a_reason_covers_what_it_quotes_and_nothing_else(void **state)
{
	static const char kernel[] =
		"kernel differs \"server sends\" it was not read\n";
	char text[sizeof(kernel) + sizeof(plain)];
	struct lab_differences d;
	struct side a, b;

	snprintf(text, sizeof(text), "%s%s", kernel, plain);
	play(&a, text, 1);
	play(&b, unread, 1);
	lab_differ(&d, &a.run, &b.run, INT64_MAX);
	assert_true(d.n_known >= 2 && d.n > d.n_known);
	assert_int_equal(a.script.known->n, d.n_known);
	assert_string_equal(a.script.known->why, "it was not read");
	lab_differences_fini(&d);
	fini(&a);
	fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			numbers_and_ports_that_are_chance_do_not_differ),
		cmocka_unit_test(what_differs_is_named_with_its_connection),
		cmocka_unit_test(nothing_behind_the_end_is_compared),
		cmocka_unit_test(
			a_reason_covers_what_it_quotes_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
