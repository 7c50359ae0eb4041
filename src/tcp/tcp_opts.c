// SPDX-License-Identifier: BSD-2-Clause
/*
 * Socket options: the shared block, and from (level, name) to a table's row.
 *
 *	tcp_opts_sock.c	SOL_SOCKET
 *	tcp_opts_tcp.c	IPPROTO_TCP
 *	tcp_opts_ip.c	IPPROTO_IP, IPPROTO_IPV6
 *
 * Options that are not the default live in a block that connections share: a
 * child has its listener's. It is copied before it is written to (tcp_opts_own).
 *
 * Lengths and errno are Linux's, which differ by level: SOL_SOCKET and
 * IPPROTO_TCP look at the length before the name, IPPROTO_IPV6 after it, and
 * IPPROTO_IP takes a byte for an int.
 */
#include "tcp_opts_priv.h"

struct tcp_opts *tcp_opts_own(struct tern_stack *st, struct tcp_conn *c)
{
	struct tcp_opts *old = c->opts, *o;
	uint32_t id;

	if (old->refs == 1)
		return old;
	id = slab_alloc(&st->tcp.opts);
	if (!id)
		return NULL;
	o = slab_at(&st->tcp.opts, id);
	*o = *old;
	o->id = id;
	o->refs = 1;
	old->refs--;
	c->opts = o;
	return o;
}

void tcp_opts_put(struct tern_stack *st, struct tcp_opts *o)
{
	PROMISE(o->refs > 0);
	if (--o->refs == 0)
		slab_free(&st->tcp.opts, o->id);
}

int opt_out(struct opt_call *k, const void *from, size_t n)
{
	k->len = min_size(k->len, n);
	memcpy(k->value, from, k->len);
	return 0;
}

/* TERN_SOL_TERN */

static int get_any(const struct opt_call *k)
{
	return k->c->any;
}

/* It is part of where the socket is found, and must not change there. */
static int set_any(const struct opt_call *k, int v)
{
	if (k->c->state != TERN_TCP_CLOSE)
		return -TERN_EINVAL;
	k->c->any = v;
	return 0;
}

static int get_decide(const struct opt_call *k)
{
	return k->c->decide;
}

static int set_decide(const struct opt_call *k, int v)
{
	k->c->decide = v;
	return 0;
}

static const struct opt tern_rows[] = {
	{ TERN_SO_ANY, OPT_TRUTH, .get = get_any, .set = set_any },
	{ TERN_SO_DECIDE, OPT_TRUTH, .get = get_decide, .set = set_decide },
};

static const struct opt_level opts_tern = { tern_rows, ARRAY_LEN(tern_rows) };

static const struct opt_level *level_of(const struct tcp_conn *c, int level)
{
	switch (level) {
	case TERN_SOL_SOCKET:
		return &tcp_opts_socket;
	case TERN_IPPROTO_TCP:
		return &tcp_opts_tcp;
	case TERN_IPPROTO_IP:
		return &tcp_opts_ip;
	case TERN_IPPROTO_IPV6:
		return c->v6 ? &tcp_opts_ipv6 : NULL;
	case TERN_SOL_TERN:
		return &opts_tern;
	default:
		return NULL;
	}
}

static const struct opt *find_row(const struct opt_level *l, int name)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->rows[i].name == name)
			return &l->rows[i];
	return NULL;
}

static int get_field(const struct opt_call *k, const struct opt *row)
{
	const uint8_t *p = (const uint8_t *)k->c->opts + row->field;
	uint32_t v4 = 0;
	uint16_t v2 = 0;
	int64_t tunable;

	if (row->width == 4) {
		memcpy(&v4, p, 4);
	} else if (row->width == 2) {
		memcpy(&v2, p, 2);
		v4 = v2;
	} else {
		v4 = *p;
	}
	if (!v4 && row->tunable) {
		memcpy(&tunable,
		       (const uint8_t *)&k->st->tun + row->tunable - 1,
		       sizeof(tunable));
		v4 = (uint32_t)tunable;
	}
	return (int)v4;
}

static int set_field(const struct opt_call *k, const struct opt *row, int v)
{
	struct tcp_opts *o = tcp_opts_own(k->st, k->c);
	uint16_t v2 = (uint16_t)v;
	uint8_t *p;

	if (!o)
		return -TERN_ENOMEM;
	p = (uint8_t *)o + row->field;
	if (row->width == 4)
		memcpy(p, &v, 4);
	else if (row->width == 2)
		memcpy(p, &v2, 2);
	else
		*p = (uint8_t)v;
	return 0;
}

static int set_bit(const struct opt_call *k, uint32_t bit, int v)
{
	struct tcp_opts *o = tcp_opts_own(k->st, k->c);

	if (!o)
		return -TERN_ENOMEM;
	o->bits = v ? o->bits | bit : o->bits & ~bit;
	return 0;
}

/* 0 with *v set, or ENOPROTOOPT if there is nothing to read. */
static int get_int(const struct opt_call *k, const struct opt *row, int *v)
{
	if (row->get)
		*v = row->get(k);
	else if (row->bit)
		*v = (k->c->opts->bits & row->bit) != 0;
	else if (row->width)
		*v = get_field(k, row);
	else
		return -TERN_ENOPROTOOPT;
	return 0;
}

int tcp_getsockopt(struct tern_stack *st, uint32_t id, int level, int name,
		   void *value, size_t *len)
{
	struct opt_call k = {
		.st = st,
		.c = conn_at(st, id),
		.value = value,
		.len = *len,
	};
	const struct opt_level *l = level_of(k.c, level);
	const struct opt *row;
	uint8_t byte;
	int err, v = 0;

	if (!l)
		return k.c->v6 ? -TERN_ENOPROTOOPT : -TERN_EOPNOTSUPP;
	row = find_row(l, name);
	if (!row)
		return -TERN_ENOPROTOOPT;
	if (row->get_raw) {
		err = row->get_raw(&k);
	} else {
		err = get_int(&k, row, &v);
		byte = (uint8_t)v;
		if (err)
			return err;
		if (l == &tcp_opts_ip && k.len > 0 && k.len < sizeof(v) &&
		    v >= 0 && v <= 255)
			opt_out(&k, &byte, 1);
		else
			opt_out(&k, &v, sizeof(v));
	}
	*len = k.len;
	return err;
}

static int set_int(const struct opt_call *k, const struct opt *row, int v)
{
	int err;

	if (row->lo > row->hi)
		v = v != 0;
	else if (v < row->lo || v > row->hi)
		return -TERN_EINVAL;
	if (row->set)
		err = row->set(k, v);
	else if (row->bit)
		err = set_bit(k, row->bit, v);
	else
		err = set_field(k, row, v);
	if (!err && row->after)
		row->after(k->st, k->c);
	return err;
}

int tcp_setsockopt(struct tern_stack *st, uint32_t id, int level, int name,
		   const void *value, size_t len)
{
	struct opt_call k = {
		.st = st,
		.c = conn_at(st, id),
		.in = value,
		.len = len,
	};
	const struct opt_level *l = level_of(k.c, level);
	const struct opt *row;
	bool is_short = len < sizeof(int);
	int v = 0;

	if (!l)
		return -TERN_ENOPROTOOPT;
	row = find_row(l, name);
	if (row && row->set_raw)
		return row->set_raw(&k);
	if (is_short && (l == &tcp_opts_socket || l == &tcp_opts_tcp))
		return -TERN_EINVAL;
	if (!row || !(row->set || row->bit || row->width))
		return -TERN_ENOPROTOOPT;
	if (!is_short)
		memcpy(&v, value, sizeof(v));
	else if (l != &tcp_opts_ip)
		return -TERN_EINVAL;
	else if (len)
		v = *(const uint8_t *)value;
	return set_int(&k, row, v);
}
