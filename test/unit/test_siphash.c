// SPDX-License-Identifier: BSD-2-Clause
/* SipHash against the values that its authors published. */
#include "base/siphash.h"

#include "check.h"

/* Key 00 01 .. 0f, of the paper's appendix A. */
static struct sipkey paper_key(void)
{
	uint8_t bytes[16];
	int i;

	for (i = 0; i < 16; i++)
		bytes[i] = (uint8_t)i;
	return sipkey_of(bytes);
}

static void key_bytes_are_little_endian(void **state)
{
	struct sipkey key = paper_key();

	assert_int_equal(key.k0, UINT64_C(0x0706050403020100));
	assert_int_equal(key.k1, UINT64_C(0x0f0e0d0c0b0a0908));
}

static void values_are_the_paper_s(void **state)
{
	/* Of messages 00 01 02 .. of these lengths. */
	static const struct {
		size_t len;
		uint64_t value;
	} rows[] = {
		{ 0, UINT64_C(0x726fdb47dd0e0e31) },
		{ 1, UINT64_C(0x74f839c593dc67fd) },
		{ 2, UINT64_C(0x0d6c8009d9a94f5a) },
		{ 3, UINT64_C(0x85676696d7fb7e2d) },
		{ 8, UINT64_C(0x93f5f5799a932462) },
		{ 15, UINT64_C(0xa129ca6149be45e5) }, /* appendix A */
	};
	struct sipkey key = paper_key();
	uint8_t message[16];
	size_t i;

	for (i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(siphash(&key, message, rows[i].len),
				 rows[i].value);
}

static void words_hash_as_their_little_endian_bytes(void **state)
{
	struct sipkey key = paper_key();
	uint64_t words[40];
	uint8_t bytes[sizeof(words)];
	size_t i, j;

	check_seed();
	for (i = 0; i < 40; i++) {
		words[i] = check_random();
		for (j = 0; j < 8; j++)
			bytes[8 * i + j] = (uint8_t)(words[i] >> 8 * j);
	}
	for (i = 0; i <= 40; i++)
		assert_int_equal(siphash_words(&key, words, i),
				 siphash(&key, bytes, 8 * i));
}

static void each_bit_of_key_and_data_counts(void **state)
{
	struct sipkey key = paper_key(), other;
	uint64_t words[3] = { 1, 2, 3 };
	uint64_t value = siphash_words(&key, words, 3);
	int i;

	for (i = 0; i < 64; i++) {
		other = key;
		other.k0 ^= UINT64_C(1) << i;
		assert_true(siphash_words(&other, words, 3) != value);
		other = key;
		other.k1 ^= UINT64_C(1) << i;
		assert_true(siphash_words(&other, words, 3) != value);
		words[i % 3] ^= UINT64_C(1) << i;
		assert_true(siphash_words(&key, words, 3) != value);
		words[i % 3] ^= UINT64_C(1) << i;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_bytes_are_little_endian),
		cmocka_unit_test(values_are_the_paper_s),
		cmocka_unit_test(words_hash_as_their_little_endian_bytes),
		cmocka_unit_test(each_bit_of_key_and_data_counts),
	};

	return cmocka_run_group_tests_name("siphash", tests, NULL, NULL);
}
