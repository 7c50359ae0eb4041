// SPDX-License-Identifier: BSD-2-Clause
/*
 * The whole stack under random programs: see fuzz_kit.h. An operation is a byte
 * modulo the length of the two tables, one behind the other.
 *
 * Nothing may crash, nothing leak; what fuzz_check.c says must hold, after
 * every operation; and where the input asks for it the run must be the same
 * again from its record.
 *
 * FUZZ_SHOW=1 in the environment shows each operation, and all packets:
 *	FUZZ_SHOW=1 build-fuzz/fuzz/fuzz_stack crash-...
 */
#include "fuzz_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* All sockets closed, a day later: what is left? */
static void end(struct fuzz *f)
{
	f->deaf = false;
	f->fail_in = 0;
	tern_link_set_up(f->st, f->link, true, f->now);
	for (int s = 0; s < FUZZ_SOCKETS + 8; s++)
		tern_close(f->st, s, f->now);
	fuzz_drain(f);
	fuzz_check(f);
	for (int hour = 0; hour < 48; hour++) {
		fuzz_time(f, f->now + 1800 * NS_PER_S);
		fuzz_drain(f);
	}
	fuzz_check(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct fuzz f;

	f.records = false;
	fuzz_open(&f, data, len);
	fuzz_run(&f);
	end(&f);
	fuzz_close(&f);
	fuzz_replay(&f);
	return 0;
}
