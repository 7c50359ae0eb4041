// SPDX-License-Identifier: BSD-2-Clause
/* Ladders of a few events each, as they are drawn. */
#include "../unit/check.h"

#include "lab/drill_trail.h"
#include "lab/ladder.h"
#include "lab/last_words.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define S INT64_C(1000000000)

static const char *const lanes[] = { "client", "server" };

static void draws(const struct ladder_event *events, int n,
		  const struct ladder_style *style, const char *want)
{
	struct drill_text t = { 0 };

	ladder_draw(&t, events, n, style);
	assert_non_null(t.s);
	assert_string_equal(t.s, want);
	free(t.s);
}

/* Times of 10,000 s and more ran into the column of states. */
static void a_long_time_gets_a_wider_column(void **state)
{
	const struct ladder_style style = {
		.width = 60, .ascii = true, .lanes = lanes, .n_lanes = 2
	};
	const struct ladder_event events[] = {
		{ .kind = LADDER_PACKET,
		  .at = 7200 * S,
		  .text = "ACK",
		  .to = 1,
		  .arrives_at = 7200 * S + S / 20 },
		{ .kind = LADDER_PACKET,
		  .at = 123456 * S,
		  .text = "RST",
		  .to = 1,
		  .arrives_at = 123456 * S + S / 20 },
		{ .kind = LADDER_STATE,
		  .at = 123456 * S,
		  .text = "FIN-WAIT-2" },
	};

	draws(events, 1, &style,
	      "                 client             server\n"
	      "7200.000            |-- ACK ---------->|           7200.050\n");
	draws(events, 3, &style,
	      "                   client         server\n"
	      "  7200.000            |-- ACK ------>|             7200.050\n"
	      "                   ... 116255.950 s ...\n"
	      "123456.000 FIN-WAIT-2 |-- RST ------>|           123456.050\n");
}

static void die_in_a_script(void)
{
	struct drill_mem mem = { 0 };
	struct drill_trail trail = { .mem = &mem };

	last_words_set("x.pkt: died\n");
	last_words_trail(&trail);
	for (int i = 0; i < 25; i++)
		drill_trail_add(&trail, LADDER_CALL, i * S, "call %d", i);
	drill_trail_packet(&trail, true, 12345 * S + 6000, "S 0:0(0)", NULL);
	drill_trail_packet(&trail, false, 12345 * S + S / 2, "R 0:0(0)", NULL);
	abort();
}

/* Of an assertion that fails nothing was to be seen but its line. */
static void who_dies_tells_the_last_events(void **state)
{
	char got[4096] = "";
	int fds[2], status, n;
	size_t len = 0;
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	fflush(stdout);
	child = fork();
	if (!child) {
		dup2(fds[1], STDOUT_FILENO);
		die_in_a_script();
	}
	close(fds[1]);
	while ((n = (int)read(fds[0], got + len, sizeof(got) - 1 - len)) > 0)
		len += (size_t)n;
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_ptr_equal(strstr(got, "x.pkt: died\n  7.000000 call 7\n"), got);
	assert_non_null(strstr(got, "  24.000000 call 24\n"
				    "  12345.000006 < S 0:0(0)\n"
				    "  12345.500000 > R 0:0(0)\n"));
	assert_null(strstr(got, "call 6\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_time_gets_a_wider_column),
		cmocka_unit_test(who_dies_tells_the_last_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
