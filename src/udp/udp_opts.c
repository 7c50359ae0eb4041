// SPDX-License-Identifier: BSD-2-Clause
/*
 * Socket options of UDP: how a row is read and written, and the rows of levels
 * SOL_SOCKET, UDP and SOL_TERN. Those of IP are in udp_opts_ip.c.
 */
#include "udp/udp_opts_priv.h"

/* Linux's least sizes of buffers, in what a program reads back. */
#define SOCK_MIN_SNDBUF 4608u
#define SOCK_MIN_RCVBUF 2304u

static int get_int(const struct opt_call *c, int v)
{
	return ip_opt_write_int(c->value, c->len, v);
}

static int read_int(const struct opt_call *c, int *v)
{
	return ip_opt_read_int(c->value, *c->len, v);
}

static int get_error(const struct opt_call *c)
{
	return get_int(c, -udp_take_error(c->s));
}

static int get_zero(const struct opt_call *c)
{
	return get_int(c, 0);
}

static int get_one(const struct opt_call *c)
{
	return get_int(c, 1);
}

static int get_rcvbuf(const struct opt_call *c)
{
	return get_int(c, (int)c->s->rcvbuf);
}

static int get_sndbuf(const struct opt_call *c)
{
	return get_int(c, (int)c->s->sndbuf);
}

/* Twice what was asked for, as Linux keeps half for its own overhead. */
static int set_buf(const struct opt_call *c, uint32_t *buf, uint32_t least,
		   int64_t most)
{
	int v, err = read_int(c, &v);

	if (err)
		return err;
	if (v < 0 || v > most)
		v = (int)most;
	if (v > INT32_MAX / 2)
		v = INT32_MAX / 2;
	*buf = max_u32((uint32_t)v * 2, least);
	return 0;
}

static int set_rcvbuf(const struct opt_call *c)
{
	return set_buf(c, &c->s->rcvbuf, SOCK_MIN_RCVBUF, c->st->tun.rmem_max);
}

static int set_sndbuf(const struct opt_call *c)
{
	return set_buf(c, &c->s->sndbuf, SOCK_MIN_SNDBUF, c->st->tun.wmem_max);
}

static int force_rcvbuf(const struct opt_call *c)
{
	return set_buf(c, &c->s->rcvbuf, SOCK_MIN_RCVBUF, INT32_MAX);
}

static int force_sndbuf(const struct opt_call *c)
{
	return set_buf(c, &c->s->sndbuf, SOCK_MIN_SNDBUF, INT32_MAX);
}

static int get_linger(const struct opt_call *c)
{
	return ip_opt_write(c->value, c->len, &c->s->linger,
			    sizeof(c->s->linger));
}

/* Kept and told: a datagram socket has nothing to linger for. */
static int set_linger(const struct opt_call *c)
{
	struct tern_linger l;

	if (*c->len < sizeof(l))
		return -TERN_EINVAL;
	memcpy(&l, c->value, sizeof(l));
	l.onoff = !!l.onoff;
	memcpy(&c->s->linger, &l, sizeof(l));
	return 0;
}

static int get_rcvtimeo(const struct opt_call *c)
{
	return ip_opt_write_timeval(c->value, c->len, c->s->rcvtimeo_ns);
}

static int set_rcvtimeo(const struct opt_call *c)
{
	return ip_opt_read_timeval(c->value, *c->len, &c->s->rcvtimeo_ns);
}

static int get_sndtimeo(const struct opt_call *c)
{
	return ip_opt_write_timeval(c->value, c->len, c->s->sndtimeo_ns);
}

static int set_sndtimeo(const struct opt_call *c)
{
	return ip_opt_read_timeval(c->value, *c->len, &c->s->sndtimeo_ns);
}

static int get_device(const struct opt_call *c)
{
	const struct ip_link *l = &c->st->ip.link[c->s->bound_link];
	size_t n = 0;

	if (!c->s->bound_link) {
		*c->len = 0;
		return 0;
	}
	if (*c->len < sizeof(l->name))
		return -TERN_EINVAL;
	while (l->name[n])
		n++;
	return ip_opt_write(c->value, c->len, l->name, n + 1);
}

/* A link by its name; none: any link again. */
static int set_device(const struct opt_call *c)
{
	const char *name = c->value;
	size_t n = 0;
	int i;

	while (n < *c->len && name[n])
		n++;
	if (!n) {
		c->s->bound_link = 0;
		return 0;
	}
	for (i = 1; i < c->st->ip.n_links; i++) {
		const struct ip_link *l = &c->st->ip.link[i];

		if (n < sizeof(l->name) && !l->name[n] &&
		    !memcmp(l->name, name, n)) {
			c->s->bound_link = (uint8_t)i;
			return 0;
		}
	}
	return -TERN_ENODEV;
}

static int get_cookie(const struct opt_call *c)
{
	if (*c->len < sizeof(c->s->cookie))
		return -TERN_EINVAL;
	return ip_opt_write(c->value, c->len, &c->s->cookie,
			    sizeof(c->s->cookie));
}

/* Linux's SK_MEMINFO_*: nine numbers. */
static int get_meminfo(const struct opt_call *c)
{
	const struct udp_sock *s = c->s;
	uint32_t info[9] = {
		s->rmem, s->rcvbuf, s->wmem, s->sndbuf,	   0,
		0,	 0,	    0,	     s->n_dropped,
	};

	return ip_opt_write(c->value, c->len, info, sizeof(info));
}

static int set_priority(const struct opt_call *c)
{
	int v, err = read_int(c, &v);

	if (!err)
		c->s->priority = (uint32_t)v;
	return err;
}

static int get_priority(const struct opt_call *c)
{
	return get_int(c, (int)c->s->priority);
}

/* Read back by programs, and otherwise of no use to datagrams. */
static int set_rcvlowat(const struct opt_call *c)
{
	int v, err = read_int(c, &v);

	if (!err)
		c->s->rcvlowat = v < 0 ? INT32_MAX : max_u32((uint32_t)v, 1);
	return err;
}

/* 32 bits or 64, as the caller's length says. Kept, and of no effect. */
static int get_max_pacing(const struct opt_call *c)
{
	uint64_t v = c->s->max_pacing;

	if (*c->len < sizeof(v))
		return get_int(c, (int)c->s->max_pacing);
	if (v == UINT32_MAX)
		v = UINT64_MAX;
	return ip_opt_write(c->value, c->len, &v, sizeof(v));
}

static int set_max_pacing(const struct opt_call *c)
{
	uint64_t v;
	int v4, err = read_int(c, &v4);

	if (err)
		return err;
	if (*c->len >= sizeof(v))
		memcpy(&v, c->value, sizeof(v));
	else
		v = (uint32_t)v4;
	c->s->max_pacing = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
	return 0;
}

static int set_mark(const struct opt_call *c)
{
	int v, err = read_int(c, &v);

	if (!err)
		c->s->mark = (uint32_t)v;
	return err;
}

static int get_mark(const struct opt_call *c)
{
	return get_int(c, (int)c->s->mark);
}

static int get_any(const struct opt_call *c)
{
	return get_int(c, udp_has(c->s, UDP_ANY));
}

/* Before bind(): it decides what port 0 means. */
static int set_any(const struct opt_call *c)
{
	int v, err = read_int(c, &v);

	if (err)
		return err;
	if (c->s->connected)
		return -TERN_EISCONN;
	if (!!v == udp_has(c->s, UDP_ANY))
		return 0;
	c->s->flags ^= UDP_ANY;
	if (v)
		c->st->ip.n_any_udp++;
	else
		c->st->ip.n_any_udp--;
	return 0;
}

/* Of TIMESTAMP and TIMESTAMPNS the one set last counts. */
static int set_time(const struct opt_call *c)
{
	int v, err = read_int(c, &v);

	if (err)
		return err;
	c->s->flags &= ~(uint32_t)(UDP_TIMESTAMP | UDP_TIMESTAMPNS);
	if (v)
		c->s->flags |= c->row->flag;
	return 0;
}

static const struct udp_opt socket_rows[] = {
	{ TERN_SO_REUSEADDR, UDP_REUSEADDR },
	{ TERN_SO_REUSEPORT, UDP_REUSEPORT },
	{ TERN_SO_BROADCAST, UDP_BROADCAST },
	{ TERN_SO_DONTROUTE, UDP_DONTROUTE },
	{ TERN_SO_KEEPALIVE, UDP_KEEPALIVE },
	{ TERN_SO_OOBINLINE, UDP_OOBINLINE },
	{ TERN_SO_NO_CHECK, UDP_NO_CHECK },
	{ TERN_SO_RXQ_OVFL, UDP_RXQ_OVFL },
	{ TERN_SO_TIMESTAMP, UDP_TIMESTAMP, .set = set_time },
	{ TERN_SO_TIMESTAMPNS, UDP_TIMESTAMPNS, .set = set_time },
	{ TERN_SO_RCVBUF, .get = get_rcvbuf, .set = set_rcvbuf },
	{ TERN_SO_SNDBUF, .get = get_sndbuf, .set = set_sndbuf },
	{ TERN_SO_RCVBUFFORCE, .set = force_rcvbuf },
	{ TERN_SO_SNDBUFFORCE, .set = force_sndbuf },
	{ TERN_SO_PRIORITY, .get = get_priority, .set = set_priority },
	{ TERN_SO_MARK, .get = get_mark, .set = set_mark },
	{ TERN_SO_LINGER, .get = get_linger, .set = set_linger },
	{ TERN_SO_RCVTIMEO, .get = get_rcvtimeo, .set = set_rcvtimeo },
	{ TERN_SO_SNDTIMEO, .get = get_sndtimeo, .set = set_sndtimeo },
	{ TERN_SO_BINDTODEVICE, .get = get_device, .set = set_device },
	{ TERN_SO_RCVLOWAT, FIELD(rcvlowat, 0, 0, -1), .set = set_rcvlowat },
	{ TERN_SO_MAX_PACING_RATE, .get = get_max_pacing,
	  .set = set_max_pacing },
	{ TERN_SO_ERROR, .get = get_error },
	{ TERN_SO_ACCEPTCONN, .get = get_zero },
	{ TERN_SO_SNDLOWAT, .get = get_one },
	{ TERN_SO_COOKIE, .get = get_cookie },
	{ TERN_SO_MEMINFO, .get = get_meminfo },
};

static const struct udp_opt udp_rows[] = {
	{ TERN_UDP_SEGMENT, FIELD(segment, 0, UINT16_MAX, -1) },
	{ TERN_UDP_GRO, UDP_GRO },
};

static const struct udp_opt tern_rows[] = {
	{ TERN_SO_ANY, .get = get_any, .set = set_any },
};

static const struct udp_opt_level socket_level = {
	.level = TERN_SOL_SOCKET,
	.rows = socket_rows,
	.n = ARRAY_LEN(socket_rows),
};

static const struct udp_opt_level udp_level = {
	.level = TERN_IPPROTO_UDP,
	.rows = udp_rows,
	.n = ARRAY_LEN(udp_rows),
};

static const struct udp_opt_level tern_level = {
	.level = (int)TERN_SOL_TERN,
	.rows = tern_rows,
	.n = ARRAY_LEN(tern_rows),
};

/* The row of an option, and its level; NULL: unknown. */
static const struct udp_opt *find(const struct udp_sock *s, int level, int name,
				  const struct udp_opt_level **of)
{
	static const struct udp_opt_level *const levels[] = {
		&socket_level, &udp_opts_ip, &udp_opts_ipv6,
		&udp_level,    &tern_level,
	};
	size_t i, j;

	if (level == TERN_IPPROTO_IPV6 && s->family != TERN_AF_INET6)
		return NULL;
	for (i = 0; i < ARRAY_LEN(levels); i++) {
		if (levels[i]->level != level)
			continue;
		*of = levels[i];
		for (j = 0; j < levels[i]->n; j++) {
			if (levels[i]->rows[j].name == name)
				return &levels[i]->rows[j];
		}
	}
	return NULL;
}

static int get_field(const struct udp_sock *s, const struct udp_opt *row)
{
	const uint8_t *at = (const uint8_t *)s + row->field;
	uint32_t v;

	if (row->size == 1)
		return *at;
	memcpy(&v, at, sizeof(v));
	return (int)v;
}

static int set_field(struct udp_sock *s, const struct udp_opt *row, int v)
{
	uint8_t *at = (uint8_t *)s + row->field;
	uint32_t word;

	if (v == -1 && row->reset >= 0)
		v = row->reset;
	else if (v < row->min || v > row->max)
		return -TERN_EINVAL;
	word = (uint32_t)v;
	if (row->size == 1)
		*at = (uint8_t)v;
	else
		memcpy(at, &word, sizeof(word));
	return 0;
}

int udp_getsockopt(struct tern_stack *st, uint32_t id, int level, int name,
		   void *value, size_t *len)
{
	struct udp_sock *s = udp_at(st, id);
	const struct udp_opt_level *of = NULL;
	const struct udp_opt *row = find(s, level, name, &of);
	struct opt_call c = { st, s, row, level, value, len };
	int v;

	if (!row)
		return -TERN_ENOPROTOOPT;
	if (row->get)
		return row->get(&c);
	if (row->flag)
		v = udp_has(s, row->flag);
	else if (row->field)
		v = get_field(s, row);
	else
		return -TERN_ENOPROTOOPT;
	if (of->byte_will_do)
		return ip_opt_write_byte_or_int(value, len, v);
	return ip_opt_write_int(value, len, v);
}

int udp_setsockopt(struct tern_stack *st, uint32_t id, int level, int name,
		   const void *value, size_t len)
{
	struct udp_sock *s = udp_at(st, id);
	const struct udp_opt_level *of = NULL;
	const struct udp_opt *row = find(s, level, name, &of);
	/* Nobody writes through it on the way in. */
	struct opt_call c = {
		st, s, row, level, (void *)(uintptr_t)value, &len,
	};
	int v, err;

	if (!row)
		return -TERN_ENOPROTOOPT;
	if (row->set)
		return row->set(&c);
	if (!row->flag && !row->field)
		return -TERN_ENOPROTOOPT;
	err = of->byte_will_do ? ip_opt_read_byte_or_int(value, len, &v) :
				 ip_opt_read_int(value, len, &v);
	if (err)
		return err;
	if (!row->flag)
		return set_field(s, row, v);
	s->flags = v ? s->flags | row->flag : s->flags & ~row->flag;
	return 0;
}
