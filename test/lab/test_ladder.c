// SPDX-License-Identifier: BSD-2-Clause
/* Ladders of a few events each, as they are drawn. */
#include "../unit/check.h"

#include "lab/ladder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_time_gets_a_wider_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
