// SPDX-License-Identifier: BSD-2-Clause
/*
 * SOL_SOCKET on TCP sockets.
 *
 * Buffers are asked for in payload and kept in Linux's count, twice that; the
 * bounds are Linux's too, so that programs which read back what they set see
 * what they expect.
 *
 * Kept and read back without effect: SO_PRIORITY, SO_MARK (there is no queueing
 * discipline and no firewall to heed them), SO_DONTROUTE, SO_BROADCAST,
 * SO_NO_CHECK, SO_RXQ_OVFL. Deviates: SO_MAX_PACING_RATE 0 means no bound; time-outs are exact, not
 * rounded up to a tick.
 */
#include "tcp_opts_priv.h"

#define MIN_SNDBUF 4608u /* [Linux] two of its packets' overhead */
#define MIN_RCVBUF 2304u

/* struct timeval of Linux's SO_RCVTIMEO. */
struct opt_timeval {
	long sec, usec;
};

static int get_type(const struct opt_call *k)
{
	(void)k;
	return TERN_SOCK_STREAM;
}

static int get_protocol(const struct opt_call *k)
{
	(void)k;
	return TERN_IPPROTO_TCP;
}

static int get_domain(const struct opt_call *k)
{
	return k->c->v6 ? TERN_AF_INET6 : TERN_AF_INET;
}

static int get_acceptconn(const struct opt_call *k)
{
	return k->c->state == TERN_TCP_LISTEN;
}

/* An error is told once; if there is none, what ICMP hinted at. */
static int get_error(const struct opt_call *k)
{
	int error = k->c->error;

	if (error) {
		k->c->error = 0;
		return error;
	}
	error = k->c->soft_error;
	k->c->soft_error = 0;
	return error;
}

static int get_reuseaddr(const struct opt_call *k)
{
	return k->c->reuseaddr;
}

static int set_reuseaddr(const struct opt_call *k, int v)
{
	uint8_t old = tcp_port_class(k->c);

	k->c->reuseaddr = v;
	tcp_port_reclass(k->st, k->c, old);
	return 0;
}

static int get_reuseport(const struct opt_call *k)
{
	return k->c->reuseport;
}

static int set_reuseport(const struct opt_call *k, int v)
{
	uint8_t old = tcp_port_class(k->c);

	k->c->reuseport = v;
	tcp_port_reclass(k->st, k->c, old);
	return 0;
}

static int get_keepalive(const struct opt_call *k)
{
	return k->c->keepalive;
}

static int set_keepalive(const struct opt_call *k, int v)
{
	bool was = k->c->keepalive;

	k->c->keepalive = v;
	if (opt_is_idle(k->c) || was == v)
		return 0;
	if (v)
		tcp_keep_start(k->st, k->c);
	else if (!k->c->orphan)
		tcp_timer_set(k->st, k->c, TCP_TIMER_KEEP, NEVER);
	return 0;
}

static int get_oobinline(const struct opt_call *k)
{
	return k->c->oobinline;
}

static int set_oobinline(const struct opt_call *k, int v)
{
	k->c->oobinline = v;
	return 0;
}

static uint32_t doubled(uint32_t v, int64_t most, uint32_t least)
{
	v = (uint32_t)min_i64(v, min_i64(most, INT32_MAX / 2));
	return max_u32(2 * v, least);
}

static int get_sndbuf(const struct opt_call *k)
{
	return (int)k->c->sndbuf;
}

/* A negative size is a very large one [Linux]. */
static int set_sndbuf(const struct opt_call *k, int v)
{
	k->c->sndbuf = doubled((uint32_t)v, k->st->tun.wmem_max, MIN_SNDBUF);
	k->c->sndbuf_lock = 1;
	if (opt_active(k->c))
		tcp_write_space(k->st, k->c);
	return 0;
}

static int force_sndbuf(const struct opt_call *k, int v)
{
	k->c->sndbuf = doubled(v < 0 ? 0 : (uint32_t)v, INT32_MAX, MIN_SNDBUF);
	k->c->sndbuf_lock = 1;
	if (opt_active(k->c))
		tcp_write_space(k->st, k->c);
	return 0;
}

static int get_rcvbuf(const struct opt_call *k)
{
	return (int)k->c->rcvbuf;
}

static int set_rcvbuf(const struct opt_call *k, int v)
{
	k->c->rcvbuf = doubled((uint32_t)v, k->st->tun.rmem_max, MIN_RCVBUF);
	k->c->rcvbuf_lock = 1;
	return 0;
}

static int force_rcvbuf(const struct opt_call *k, int v)
{
	k->c->rcvbuf = doubled(v < 0 ? 0 : (uint32_t)v, INT32_MAX, MIN_RCVBUF);
	k->c->rcvbuf_lock = 1;
	return 0;
}

static int get_rcvlowat(const struct opt_call *k)
{
	return (int)max_u32(k->c->opts->rcvlowat, 1);
}

/* At most half the buffer; a buffer that tunes itself grows to hold it. */
static int set_rcvlowat(const struct opt_call *k, int v)
{
	struct tcp_conn *c = k->c;
	uint32_t most = c->rcvbuf_lock ? c->rcvbuf :
					 (uint32_t)k->st->tun.tcp_rmem[2];
	struct tcp_opts *o = tcp_opts_own(k->st, c);
	uint64_t space;

	if (!o)
		return -TERN_ENOMEM;
	o->rcvlowat = min_u32(v < 0 ? INT32_MAX : (uint32_t)v, most >> 1);
	space = ((uint64_t)o->rcvlowat << 8) / max_u32(c->scaling, 1);
	if (!c->rcvbuf_lock && space > c->rcvbuf) {
		c->rcvbuf = (uint32_t)space;
		c->clamped = 0;
	}
	tcp_post(k->st, c);
	return 0;
}

static int get_sndlowat(const struct opt_call *k)
{
	(void)k;
	return 1;
}

static int get_incoming_cpu(const struct opt_call *k)
{
	(void)k;
	return -1;
}

static int get_linger(struct opt_call *k)
{
	struct tern_linger v = {
		.onoff = k->c->linger,
		.linger = (int)k->c->opts->linger_s,
	};

	return opt_out(k, &v, sizeof(v));
}

static int set_linger(const struct opt_call *k)
{
	struct tern_linger v;
	struct tcp_opts *o;

	if (k->len < sizeof(v))
		return -TERN_EINVAL;
	memcpy(&v, k->in, sizeof(v));
	if (v.onoff) {
		o = tcp_opts_own(k->st, k->c);
		if (!o)
			return -TERN_ENOMEM;
		o->linger_s = (uint32_t)v.linger;
	}
	k->c->linger = v.onoff != 0;
	return 0;
}

/* ns: 0 none, negative: do not wait at all, which reads as 0 too [Linux]. */
static int put_timeo(struct opt_call *k, int64_t ns)
{
	struct opt_timeval tv = { 0 };

	if (ns > 0) {
		tv.sec = (long)(ns / NS_PER_S);
		tv.usec = (long)(ns % NS_PER_S / NS_PER_US);
	}
	return opt_out(k, &tv, sizeof(tv));
}

static int take_timeo(const struct opt_call *k, int64_t *ns)
{
	struct opt_timeval tv;
	int64_t sec; /* long may have 32 bits */

	if (k->len < sizeof(tv))
		return -TERN_EINVAL;
	memcpy(&tv, k->in, sizeof(tv));
	if (tv.usec < 0 || tv.usec >= 1000000)
		return -TERN_EDOM;
	sec = tv.sec;
	if (sec < 0)
		*ns = -1;
	else if (sec >= INT64_MAX / NS_PER_S - 1)
		*ns = 0;
	else
		*ns = sec * NS_PER_S + tv.usec * NS_PER_US;
	return 0;
}

static int get_rcvtimeo(struct opt_call *k)
{
	return put_timeo(k, k->c->opts->rcvtimeo_ns);
}

static int get_sndtimeo(struct opt_call *k)
{
	return put_timeo(k, k->c->opts->sndtimeo_ns);
}

static int set_rcvtimeo(const struct opt_call *k)
{
	struct tcp_opts *o = tcp_opts_own(k->st, k->c);

	return o ? take_timeo(k, &o->rcvtimeo_ns) : -TERN_ENOMEM;
}

static int set_sndtimeo(const struct opt_call *k)
{
	struct tcp_opts *o = tcp_opts_own(k->st, k->c);

	return o ? take_timeo(k, &o->sndtimeo_ns) : -TERN_ENOMEM;
}

/* 32 bits or 64, as the caller's length says. */
static int get_max_pacing(struct opt_call *k)
{
	uint64_t v = k->c->opts->max_pacing_rate;
	uint32_t v4;

	if (!v)
		v = UINT64_MAX;
	if (k->len >= sizeof(v))
		return opt_out(k, &v, sizeof(v));
	v4 = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
	return opt_out(k, &v4, sizeof(v4));
}

static int set_max_pacing(const struct opt_call *k)
{
	struct tcp_active *a = opt_active(k->c);
	struct tcp_opts *o;
	uint64_t v;
	uint32_t v4;

	if (k->len < sizeof(v4))
		return -TERN_EINVAL;
	if (k->len >= sizeof(v)) {
		memcpy(&v, k->in, sizeof(v));
	} else {
		memcpy(&v4, k->in, sizeof(v4));
		v = v4 == UINT32_MAX ? UINT64_MAX : v4;
	}
	o = tcp_opts_own(k->st, k->c);
	if (!o)
		return -TERN_ENOMEM;
	o->max_pacing_rate = v == UINT64_MAX ? 0 : v;
	if (a && o->max_pacing_rate && a->pacing_rate > o->max_pacing_rate)
		a->pacing_rate = o->max_pacing_rate;
	return 0;
}

/* Links choose routes by address alone. */
static int get_device(struct opt_call *k)
{
	return opt_out(k, "", 0);
}

static int set_device(const struct opt_call *k)
{
	const char *name = k->in;

	return !k->len || !name[0] ? 0 : -TERN_ENODEV;
}

/* struct sk_meminfo: receive queue, its bound, send queue below TCP, its bound,
 * forward-allocated, queued to send, options, backlog, drops. */
void tcp_meminfo(const struct tern_stack *st, const struct tcp_conn *c,
		 uint32_t v[9])
{
	const struct tcp_active *a = opt_active(c);

	memset(v, 0, 9 * sizeof(*v));
	v[1] = c->rcvbuf;
	v[3] = c->sndbuf;
	if (a) {
		v[0] = a->rmem;
		v[2] = a->below;
		v[5] = a->wmem;
	}
	if (c->opts->notes)
		v[6] = tcp_notes_of(st, c)->optmem;
}

static int get_meminfo(struct opt_call *k)
{
	uint32_t v[9];

	tcp_meminfo(k->st, k->c, v);
	return opt_out(k, v, sizeof(v));
}

static int get_cookie(struct opt_call *k)
{
	uint64_t v = tcp_cookie_of(k->c);

	if (k->len < sizeof(v))
		return -TERN_EINVAL;
	return opt_out(k, &v, sizeof(v));
}

/* One flag and its unit: whichever is set last is what is told, and clearing
 * one clears both [Linux]. */
static int set_times(const struct opt_call *k, uint32_t bit)
{
	struct tcp_opts *o = tcp_opts_own(k->st, k->c);

	if (!o)
		return -TERN_ENOMEM;
	o->bits &= ~(uint32_t)(OPT_TIMESTAMP | OPT_TIMESTAMPNS);
	o->bits |= bit;
	return 0;
}

static int get_timestamp(const struct opt_call *k)
{
	return (k->c->opts->bits & OPT_TIMESTAMP) != 0;
}

static int get_timestampns(const struct opt_call *k)
{
	return (k->c->opts->bits & OPT_TIMESTAMPNS) != 0;
}

static int set_timestamp(const struct opt_call *k, int v)
{
	return set_times(k, v ? OPT_TIMESTAMP : 0);
}

static int set_timestampns(const struct opt_call *k, int v)
{
	return set_times(k, v ? OPT_TIMESTAMPNS : 0);
}

/* Linux's struct so_timestamping: the flags, and a clock that we have not. */
static int get_stamping(struct opt_call *k)
{
	uint32_t v[2] = { k->c->opts->stamping, 0 };

	return opt_out(k, v, sizeof(v));
}

static int set_stamping(const struct opt_call *k, int v)
{
	uint32_t want = (uint32_t)v;
	struct tcp_conn *c = k->c;
	struct tcp_opts *o;
	bool count = want & STAMPING_OPT_ID &&
		     !(c->opts->stamping & STAMPING_OPT_ID);

	if (want & ~(uint32_t)STAMPING_ALL)
		return -TERN_EINVAL;
	if (want & STAMPING_OPT_ID_TCP && !(want & STAMPING_OPT_ID))
		return -TERN_EINVAL;
	if (want & STAMPING_OPT_STATS && !(want & STAMPING_OPT_TSONLY))
		return -TERN_EINVAL;
	if (count && opt_is_idle(c))
		return -TERN_EINVAL;
	o = tcp_opts_own(k->st, c);
	if (!o || (count && !tcp_notes_attach(k->st, c)))
		return -TERN_ENOMEM;
	if (count)
		tcp_notes_of(k->st, c)->stamp_base =
			want & STAMPING_OPT_ID_TCP ? c->snd.end : c->snd.una;
	o->stamping = want;
	return 0;
}

static const struct opt rows[] = {
	{ TERN_SO_TYPE, .get = get_type },
	{ TERN_SO_PROTOCOL, .get = get_protocol },
	{ TERN_SO_DOMAIN, .get = get_domain },
	{ TERN_SO_ACCEPTCONN, .get = get_acceptconn },
	{ TERN_SO_ERROR, .get = get_error },
	{ TERN_SO_REUSEADDR, OPT_TRUTH, .get = get_reuseaddr,
	  .set = set_reuseaddr },
	{ TERN_SO_REUSEPORT, OPT_TRUTH, .get = get_reuseport,
	  .set = set_reuseport },
	{ TERN_SO_KEEPALIVE, OPT_TRUTH, .get = get_keepalive,
	  .set = set_keepalive },
	{ TERN_SO_OOBINLINE, OPT_TRUTH, .get = get_oobinline,
	  .set = set_oobinline },
	{ TERN_SO_SNDBUF, OPT_ANY_INT, .get = get_sndbuf, .set = set_sndbuf },
	{ TERN_SO_RCVBUF, OPT_ANY_INT, .get = get_rcvbuf, .set = set_rcvbuf },
	{ TERN_SO_SNDBUFFORCE, OPT_ANY_INT, .set = force_sndbuf },
	{ TERN_SO_RCVBUFFORCE, OPT_ANY_INT, .set = force_rcvbuf },
	{ TERN_SO_RCVLOWAT, OPT_ANY_INT, .get = get_rcvlowat,
	  .set = set_rcvlowat },
	{ TERN_SO_SNDLOWAT, .get = get_sndlowat },
	{ TERN_SO_INCOMING_CPU, .get = get_incoming_cpu },
	{ TERN_SO_PRIORITY, OPT_ANY_INT, OPT_FIELD(priority) },
	{ TERN_SO_MARK, OPT_ANY_INT, OPT_FIELD(mark) },
	{ TERN_SO_ZEROCOPY, 0, 1, .bit = OPT_ZEROCOPY },
	{ TERN_SO_DONTROUTE, OPT_TRUTH, .bit = OPT_DONTROUTE },
	{ TERN_SO_BROADCAST, OPT_TRUTH, .bit = OPT_BROADCAST },
	{ TERN_SO_NO_CHECK, OPT_TRUTH, .bit = OPT_NO_CHECK },
	{ TERN_SO_RXQ_OVFL, OPT_TRUTH, .bit = OPT_RXQ_OVFL },
	{ TERN_SO_TIMESTAMP, OPT_TRUTH, .get = get_timestamp,
	  .set = set_timestamp },
	{ TERN_SO_TIMESTAMPNS, OPT_TRUTH, .get = get_timestampns,
	  .set = set_timestampns },
	{ TERN_SO_TIMESTAMPING, OPT_ANY_INT, .get_raw = get_stamping,
	  .set = set_stamping },
	{ TERN_SO_LINGER, .get_raw = get_linger, .set_raw = set_linger },
	{ TERN_SO_RCVTIMEO, .get_raw = get_rcvtimeo, .set_raw = set_rcvtimeo },
	{ TERN_SO_SNDTIMEO, .get_raw = get_sndtimeo, .set_raw = set_sndtimeo },
	{ TERN_SO_MAX_PACING_RATE, .get_raw = get_max_pacing,
	  .set_raw = set_max_pacing },
	{ TERN_SO_BINDTODEVICE, .get_raw = get_device, .set_raw = set_device },
	{ TERN_SO_MEMINFO, .get_raw = get_meminfo },
	{ TERN_SO_COOKIE, .get_raw = get_cookie },
};

const struct opt_level tcp_opts_socket = { rows, ARRAY_LEN(rows) };
