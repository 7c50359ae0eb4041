// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fast Open cookies of the server, and the keys they are made with.
 *
 * A cookie is SipHash-2-4 over the client's address and ours, 8 bytes, as on
 * Linux byte for byte: hosts behind one address share tcp_fastopen_key and take
 * one another's cookies. There may be two keys, the first makes cookies, either
 * is taken: so a key can be changed without a break. A listener may have keys
 * of its own (TCP_FASTOPEN_KEY).
 *
 * Without a key set one is drawn when the first listener needs it.
 */
#include "tcp_priv.h"

#define KEY_DIGITS 35 /* xxxxxxxx-xxxxxxxx-xxxxxxxx-xxxxxxxx */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One key: four numbers of 1 to 8 digits. Moves *s on. */
static bool parse_key(const char **s, struct sipkey *key)
{
	uint64_t w[4];
	int i, n, d;

	for (i = 0; i < 4; i++) {
		if (i && *(*s)++ != '-')
			return false;
		w[i] = 0;
		for (n = 0; n < 8 && (d = hex_digit(**s)) >= 0; n++, (*s)++)
			w[i] = w[i] << 4 | (uint64_t)d;
		if (!n)
			return false;
	}
	key->k0 = w[1] << 32 | w[0];
	key->k1 = w[3] << 32 | w[2];
	return true;
}

static char *print_key(char *p, const struct sipkey *key)
{
	const uint32_t w[4] = { (uint32_t)key->k0, (uint32_t)(key->k0 >> 32),
				(uint32_t)key->k1, (uint32_t)(key->k1 >> 32) };
	int i, shift;

	for (i = 0; i < 4; i++) {
		for (shift = 28; shift >= 0; shift -= 4)
			*p++ = "0123456789abcdef"[w[i] >> shift & 15];
		*p++ = '-';
	}
	return p - 1;
}

static void print_keys(struct tern_stack *st)
{
	char *p = print_key(st->tun.tcp_fastopen_key, &st->tcp.fo_key[0]);

	if (st->tcp.n_fo_keys > 1) {
		*p++ = ',';
		p = print_key(p, &st->tcp.fo_key[1]);
	}
	*p = '\0';
}

int tcp_fastopen_key_set(struct tern_stack *st, const char *text)
{
	struct sipkey key[2];
	int n = 1;

	if (!parse_key(&text, &key[0]))
		return -TERN_EINVAL;
	if (*text == ',') {
		text++;
		n = 2;
		if (!parse_key(&text, &key[1]))
			return -TERN_EINVAL;
	}
	if (*text == '\n')
		text++;
	if (*text)
		return -TERN_EINVAL;
	memcpy(st->tcp.fo_key, key, sizeof(key));
	st->tcp.n_fo_keys = n;
	print_keys(st);
	return 0;
}

void tcp_fastopen_key_need(struct tern_stack *st)
{
	if (st->tcp.n_fo_keys)
		return;
	st->tcp.fo_key[0].k0 = rng_u64(&st->rng);
	st->tcp.fo_key[0].k1 = rng_u64(&st->rng);
	st->tcp.n_fo_keys = 1;
	print_keys(st);
}

int tcp_fastopen_keys(const struct tern_stack *st, const struct tcp_opts *o,
		      const struct sipkey **keys)
{
	*keys = o->fastopen_n_keys ? o->fastopen_key : st->tcp.fo_key;
	return o->fastopen_n_keys ? o->fastopen_n_keys : st->tcp.n_fo_keys;
}

void tcp_fastopen_cookie(const struct sipkey *key,
			 const struct tern_addr *client,
			 const struct tern_addr *server, struct tcp_cookie *out)
{
	size_t skip = tern_addr_is_v4(client) ? 12 : 0, n = 16 - skip, i;
	uint8_t ends[32];
	uint64_t h;

	memcpy(ends, client->b + skip, n);
	memcpy(ends + n, server->b + skip, n);
	h = siphash(key, ends, 2 * n);
	for (i = 0; i < 8; i++)
		out->bytes[i] = (uint8_t)(h >> 8 * i);
	out->len = 8;
	out->present = true;
}
