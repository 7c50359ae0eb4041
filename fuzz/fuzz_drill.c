// SPDX-License-Identifier: BSD-2-Clause
/*
 * Scripts of tern drill. The first byte chooses: a script that is read and not
 * run (any text: shell texts and code are read with it), or what stands in a
 * code block of a script that runs. Whatever is wrong is said with its line.
 */
#include "fuzz_kit.h"

#include "lab/drill.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char before[] = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
			     "+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
			     "+0 connect(3, ..., ...) = -1 EINPROGRESS\n"
			     "+0 > S 0:0(0) <...>\n"
			     "+0 < S. 0:0(0) ack 1 win 32792 <mss 1000>\n"
			     "+0 > . 1:1(0) ack 1 <...>\n"
			     "+0 %{";

static void check(const struct drill_result *r)
{
	MUST(r->verdict == DRILL_PASSED || (r->message && r->message[0]));
	MUST(r->verdict == DRILL_PASSED || r->line >= 0);
}

static void read_script(const char *text, size_t len)
{
	static const char *const versions[] = { "ipv4", "ipv6" };
	struct drill_override o[] = {
		{ "dry_run", NULL },
		{ "ip_version", versions[len & 1] },
	};
	const struct drill_setup setup = { .overrides = o, .n_overrides = 2 };
	struct drill_result r;

	drill_text("fuzz.pkt", text, len, &setup, &r);
	check(&r);
	drill_result_fini(&r);
}

static void run_code(const char *code, size_t len)
{
	size_t n = sizeof(before) - 1, i;
	char *text = malloc(n + len + 4);
	struct drill_result r;

	if (!text)
		return;
	memcpy(text, before, n);
	memcpy(text + n, code, len);
	/* It stays inside its block. */
	for (i = n; i < n + len; i++)
		text[i] = text[i] == '}' || !text[i] ? ' ' : text[i];
	memcpy(text + n + len, "\n}%", 3);
	drill_text("fuzz.pkt", text, n + len + 3, &(struct drill_setup){ 0 },
		   &r);
	check(&r);
	drill_result_fini(&r);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text;

	if (!len)
		return 0;
	/* A copy of its own length, so that reading over it is seen. */
	text = malloc(len);
	if (!text)
		return 0;
	memcpy(text, data + 1, len - 1);
	text[len - 1] = 0;
	if (data[0] & 1)
		run_code(text, len - 1);
	else
		read_script(text, len - 1);
	free(text);
	return 0;
}
