// SPDX-License-Identifier: BSD-2-Clause
/*
 * The reader of records under damaged ones. The input's first part is a program
 * as fuzz_stack runs it, and gives a good record; the rest says which bytes of
 * the record change. The sums are made right again, or no change would get
 * past them. Whatever it says, a record crashes nothing and leaks nothing.
 */
#include "fuzz_kit.h"

#include "stack_record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Makes the sums right, frame by frame, as far as there are whole frames. */
static void fix_sums(uint8_t *p, size_t n)
{
	uint32_t sum = RECORD_SUM_START;
	size_t at = RECORD_MAGIC_LEN, body, from;
	int shift;

	if (n < at)
		return;
	sum = record_sum(sum, p, at);
	for (;;) {
		from = at++;
		body = 0;
		shift = 0;
		do {
			if (at >= n || shift > 28)
				return;
			body |= (size_t)(p[at] & 0x7f) << shift;
			shift += 7;
		} while (p[at++] & 0x80);
		if (body > n - at || n - at - body < RECORD_SUM_LEN)
			return;
		at += body;
		sum = record_sum(sum, p + from, at - from);
		for (int i = 0; i < RECORD_SUM_LEN; i++)
			p[at++] = (uint8_t)(sum >> 8 * i);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct fuzz f;
	size_t n = len ? data[0] * (len - 1) / 255 : 0;
	struct tern_replay r;

	f.records = true;
	fuzz_open(&f, data + !!len, n);
	fuzz_run(&f);
	fuzz_close(&f);
	f.fail_in = 0;
	for (f.p = data + !!len + n, f.end = data + len; f.p < f.end;)
		/* Its end is what has not been read when the change shows. */
		f.record[f.record_len - 1 -
			 (fuzz_u8(&f) & 1 ? fuzz_u8(&f) : fuzz_u16(&f)) %
				 f.record_len] ^= fuzz_u8(&f);
	fix_sums(f.record, f.record_len);
	r = fuzz_replay_of(&f);
	tern_stack_replay(&r);
	MUST(f.used == 0);
	free(f.record);
	return 0;
}
