// SPDX-License-Identifier: BSD-2-Clause
/*
 * SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash that an attacker who
 * chooses the input cannot steer. For hash tables, ISNs, ports, cookies.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct sipkey {
	uint64_t k0, k1;
};

uint64_t siphash(const struct sipkey *key, const void *data, size_t len);

/* Of n 64-bit words, the value of siphash() over their little-endian bytes;
 * the same on every machine. */
uint64_t siphash_words(const struct sipkey *key, const uint64_t *words,
		       size_t n);

/* Sixteen bytes, read little-endian, as a key. */
struct sipkey sipkey_of(const uint8_t bytes[16]);

#endif
