// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses as text: RFC 4291 2.2 in, RFC 5952 out.
 *
 * Not taken: zones ("fe80::1%eth0", which need to know links), IPv4 with other
 * than four decimal numbers or with leading zeros (which some read as octal).
 */
#include <tern/socket.h>

#include "base/bytes.h"

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

struct tern_addr tern_addr_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct tern_addr){ {
		[10] = 0xff,
		[11] = 0xff,
		[12] = a,
		[13] = b,
		[14] = c,
		[15] = d,
	} };
}

bool tern_addr_is_v4(const struct tern_addr *a)
{
	return !memcmp(a->b, v4_prefix, sizeof(v4_prefix));
}

bool tern_addr_is_any(const struct tern_addr *a)
{
	static const struct tern_addr any;

	return !memcmp(a, &any, sizeof(any)) ||
	       (tern_addr_is_v4(a) && !memcmp(a->b + 12, any.b, 4));
}

bool tern_addr_equal(const struct tern_addr *a, const struct tern_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Four decimal bytes with dots; returns bytes used, or 0. */
static size_t parse_v4(const char *text, uint8_t out[4])
{
	const char *p = text;
	unsigned v, i;

	for (i = 0; i < 4; i++) {
		if (i > 0 && *p++ != '.')
			return 0;
		if (*p < '0' || *p > '9')
			return 0;
		if (p[0] == '0' && p[1] >= '0' && p[1] <= '9')
			return 0;
		for (v = 0; *p >= '0' && *p <= '9'; p++) {
			v = 10 * v + (unsigned)(*p - '0');
			if (v > 255)
				return 0;
		}
		out[i] = (uint8_t)v;
	}
	return (size_t)(p - text);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One to four hexadecimal digits; returns bytes used, or 0. */
static size_t parse_group(const char *text, uint8_t out[2])
{
	unsigned v = 0;
	size_t n = 0;

	while (hex_value(text[n]) >= 0) {
		if (n == 4)
			return 0;
		v = v << 4 | (unsigned)hex_value(text[n++]);
	}
	put_be16(out, (uint16_t)v);
	return n;
}

/* Groups from the front; where :: stood (gap), what came after it is moved to
 * the end. */
static size_t parse_v6(const char *text, struct tern_addr *out)
{
	const char *p = text;
	size_t n = 0, gap = SIZE_MAX, used;

	*out = (struct tern_addr){ 0 };
	if (p[0] == ':' && p[1] != ':')
		return 0;
	while (n < 16) {
		if (p[0] == ':' && p[1] == ':' && gap == SIZE_MAX) {
			gap = n;
			p += 2;
		} else if (n > 0 && n != gap) {
			if (p[0] != ':')
				break;
			p++;
		}
		used = n <= 12 ? parse_v4(p, out->b + n) : 0;
		if (used) {
			p += used;
			n += 4;
			break;
		}
		used = parse_group(p, out->b + n);
		if (!used) {
			if (n != gap)
				return 0;
			break;
		}
		p += used;
		n += 2;
	}
	/* :: stands for one group at least; without it all must be there. */
	if (gap == SIZE_MAX ? n != 16 : n > 14)
		return 0;
	if (gap != SIZE_MAX) {
		memmove(out->b + 16 - (n - gap), out->b + gap, n - gap);
		memset(out->b + gap, 0, 16 - n);
	}
	return (size_t)(p - text);
}

static bool ends(char c, const char *stop)
{
	if (!c)
		return true;
	for (; stop && *stop; stop++) {
		if (c == *stop)
			return true;
	}
	return false;
}

size_t tern_addr_parse(const char *text, const char *stop,
		       struct tern_addr *out)
{
	struct tern_addr addr = tern_addr_v4(0, 0, 0, 0);
	size_t n = parse_v4(text, addr.b + 12);

	if (!n)
		n = parse_v6(text, &addr);
	if (!n || !ends(text[n], stop))
		return 0;
	*out = addr;
	return n;
}

static char *print_dec(char *p, unsigned v)
{
	if (v >= 100)
		*p++ = (char)('0' + v / 100);
	if (v >= 10)
		*p++ = (char)('0' + v / 10 % 10);
	*p++ = (char)('0' + v % 10);
	return p;
}

static char *print_hex(char *p, unsigned v)
{
	int shift = 12;

	while (shift > 0 && !(v >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*p++ = "0123456789abcdef"[v >> shift & 15];
	return p;
}

/* The first of the longest runs of zero groups; RFC 5952 4.2: of two at
 * least, and the first of equals. */
static void find_zeros(const struct tern_addr *a, int *from, int *to)
{
	int i, begin = 0;

	*from = *to = -1;
	for (i = 0; i < 8; i++) {
		if (get_be16(a->b + 2 * i)) {
			begin = i + 1;
			continue;
		}
		if (i + 1 - begin >= 2 && i + 1 - begin > *to - *from) {
			*from = begin;
			*to = i + 1;
		}
	}
}

char *tern_addr_print(const struct tern_addr *a, char out[TERN_ADDR_STRLEN])
{
	char *p = out;
	int i, from, to;

	if (tern_addr_is_v4(a)) {
		for (i = 12; i < 16; i++) {
			p = print_dec(p, a->b[i]);
			*p++ = i < 15 ? '.' : '\0';
		}
		return out;
	}
	find_zeros(a, &from, &to);
	for (i = 0; i < 8; i++) {
		if (i == from) {
			*p++ = ':';
			*p++ = ':';
			i = to - 1;
			continue;
		}
		if (i > 0 && i != to)
			*p++ = ':';
		p = print_hex(p, get_be16(a->b + 2 * i));
	}
	*p = '\0';
	return out;
}
