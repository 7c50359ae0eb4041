// SPDX-License-Identifier: BSD-2-Clause
/*
 * IPPROTO_TCP.
 *
 * What needs an action goes through a function: TCP_NODELAY and the end of
 * TCP_CORK push what waits, TCP_QUICKACK sends the ACK that is owed, changed
 * keep-alive times start the clock again.
 *
 * Kept and read back, their machinery still to come: TCP_INQ, TCP_TX_DELAY. Not
 * implemented: TCP_REPAIR*, TCP_MD5SIG*, TCP_AO*, TCP_ZEROCOPY_RECEIVE
 * (ENOPROTOOPT), any TCP_ULP (ENOENT).
 */
#include "tcp_opts_priv.h"

#define MAX_MSS 32767 /* [Linux] */
#define MAX_KEEP_S 32767
#define MAX_KEEP_N 127
#define MAX_LINGER2_S 120
#define MIN_CLAMP 1152	    /* half of the smallest receive buffer */
#define MIN_TIMEOUT_US 2000 /* [Linux] two ticks, of 1 ms */

static int get_nodelay(const struct opt_call *k)
{
	return k->c->nodelay;
}

static int set_nodelay(const struct opt_call *k, int v)
{
	k->c->nodelay = v;
	if (v && opt_active(k->c)) {
		k->c->act->nonagle_push = true;
		tcp_push(k->st, k->c, false);
	}
	return 0;
}

static int get_cork(const struct opt_call *k)
{
	return k->c->cork;
}

static int set_cork(const struct opt_call *k, int v)
{
	k->c->cork = v;
	if (!v && opt_active(k->c)) {
		k->c->act->nonagle_push |= k->c->nodelay;
		tcp_push(k->st, k->c, false);
	}
	return 0;
}

/* Before there is a connection, what was asked for; then, what is sent. */
static int get_maxseg(const struct opt_call *k)
{
	if (opt_is_idle(k->c) && k->c->opts->user_mss)
		return k->c->opts->user_mss;
	return (int)tcp_mss_told(k->c);
}

static int set_maxseg(const struct opt_call *k, int v)
{
	struct tcp_opts *o;

	if (v && (v < (int)TCP_MIN_MSS || v > MAX_MSS))
		return -TERN_EINVAL;
	o = tcp_opts_own(k->st, k->c);
	if (!o)
		return -TERN_ENOMEM;
	o->user_mss = (uint16_t)v;
	return 0;
}

static void keep_again(struct tern_stack *st, struct tcp_conn *c)
{
	if (c->keepalive && !opt_is_idle(c))
		tcp_keep_again(st, c);
}

/* -1: at once; too long: the longest. */
static int get_linger2(const struct opt_call *k)
{
	int32_t v = k->c->opts->linger2_s;

	return v ? v : (int)k->st->tun.tcp_fin_timeout;
}

static int set_linger2(const struct opt_call *k, int v)
{
	struct tcp_opts *o = tcp_opts_own(k->st, k->c);

	if (!o)
		return -TERN_ENOMEM;
	o->linger2_s = v < 0 ? -1 : v > MAX_LINGER2_S ? MAX_LINGER2_S : v;
	return 0;
}

/*
 * TCP_DEFER_ACCEPT is asked for in seconds and kept as the number of SYN-ACK
 * time-outs that takes: 1, 2, 4 ... s, from the initial time-out to the longest
 * one. So 10 s are 4 time-outs, which read back as 15 s.
 */
static uint32_t timeouts_to_s(uint32_t n, uint32_t max_s)
{
	uint32_t total = 0, step = TCP_RTO_INIT / NS_PER_S;

	for (; n > 0; n--) {
		total += step;
		step = min_u32(2 * step, max_s);
	}
	return total;
}

static uint32_t rto_max_s(const struct opt_call *k)
{
	return (uint32_t)max_i64(tcp_rto_max_ns(k->st, k->c) / NS_PER_S, 1);
}

static int get_defer_accept(const struct opt_call *k)
{
	return (int)timeouts_to_s(k->c->opts->defer_accept_s, rto_max_s(k));
}

static int set_defer_accept(const struct opt_call *k, int v)
{
	uint32_t n = 0, max_s = rto_max_s(k);
	struct tcp_opts *o = tcp_opts_own(k->st, k->c);

	if (!o)
		return -TERN_ENOMEM;
	while (v > 0 && n < UINT8_MAX && timeouts_to_s(n, max_s) < (uint32_t)v)
		n++;
	o->defer_accept_s = (uint8_t)n;
	return 0;
}

/* Until a window was agreed on, only what was asked for. */
static int get_window_clamp(const struct opt_call *k)
{
	if (opt_is_idle(k->c))
		return (int)k->c->opts->window_clamp;
	return (int)tcp_window_clamp(k->c);
}

static int set_window_clamp(const struct opt_call *k, int v)
{
	struct tcp_conn *c = k->c;
	uint32_t before = tcp_window_clamp(c);
	struct tcp_opts *o;

	if (!v && c->state != TERN_TCP_CLOSE)
		return -TERN_EINVAL;
	o = tcp_opts_own(k->st, c);
	if (!o)
		return -TERN_ENOMEM;
	/* tcpi_rcv_space is of before. */
	if (c->state != TERN_TCP_CLOSE && c->state != TERN_TCP_LISTEN)
		tcp_hist_attach(k->st, c);
	o->window_clamp = v && v < MIN_CLAMP ? MIN_CLAMP : (uint32_t)v;
	c->clamped = 1;
	tcp_clamp_moved(c, before);
	return 0;
}

static int get_quickack(const struct opt_call *k)
{
	return !tcp_is_pingpong(k->st, k->c);
}

/* Odd: stay quick; even, but not 0: only send what is owed now. */
static int set_quickack(const struct opt_call *k, int v)
{
	struct tcp_conn *c = k->c;

	if (v)
		c->pingpong = 0;
	else
		tcp_enter_pingpong(k->st, c);
	if (!v || !opt_active(c) || !(c->ack & ACK_SCHED) ||
	    (c->state != TERN_TCP_ESTABLISHED &&
	     c->state != TERN_TCP_CLOSE_WAIT))
		return 0;
	c->ack |= ACK_PUSHED;
	tcp_window_after_read(k->st, c, 1);
	if (!(v & 1))
		tcp_enter_pingpong(k->st, c);
	return 0;
}

static int get_congestion(struct opt_call *k)
{
	char name[TERN_CC_NAME_LEN];

	memcpy(name, tcp_cc_ops(k->st, k->c)->name, sizeof(name));
	return opt_out(k, name, sizeof(name));
}

static int set_congestion(const struct opt_call *k)
{
	char name[TERN_CC_NAME_LEN] = { 0 };
	int i;

	if (!k->len)
		return -TERN_EINVAL;
	memcpy(name, k->in, min_size(k->len, sizeof(name) - 1));
	i = tcp_cc_find(k->st, name);
	if (i < 0)
		return -TERN_ENOENT;
	if (i == k->c->cc_index)
		return 0;
	k->c->cc_index = (uint8_t)i;
	tcp_kept_drop(k->st, k->c);
	if (opt_active(k->c))
		tcp_cc_init(k->st, k->c);
	return 0;
}

static void room_again(struct tern_stack *st, struct tcp_conn *c)
{
	if (opt_active(c))
		tcp_write_space(st, c);
}

static int get_fastopen(const struct opt_call *k)
{
	return k->c->opts->fastopen_qlen;
}

static int set_fastopen(const struct opt_call *k, int v)
{
	struct tcp_opts *o;

	if (!opt_is_idle(k->c))
		return -TERN_EINVAL;
	o = tcp_opts_own(k->st, k->c);
	if (!o)
		return -TERN_ENOMEM;
	o->fastopen_qlen = (uint16_t)min_i64(v, k->st->tun.somaxconn);
	tcp_fastopen_key_need(k->st);
	return 0;
}

static int get_fastopen_connect(const struct opt_call *k)
{
	return k->c->opts->fastopen_connect;
}

static int set_fastopen_connect(const struct opt_call *k, int v)
{
	struct tcp_opts *o;

	if (!(k->st->tun.tcp_fastopen & 1))
		return -TERN_EOPNOTSUPP;
	if (k->c->state != TERN_TCP_CLOSE)
		return -TERN_EINVAL;
	o = tcp_opts_own(k->st, k->c);
	if (!o)
		return -TERN_ENOMEM;
	o->fastopen_connect = v;
	return 0;
}

static int get_fastopen_no_cookie(const struct opt_call *k)
{
	return k->c->opts->fastopen_no_cookie;
}

static int set_fastopen_no_cookie(const struct opt_call *k, int v)
{
	struct tcp_opts *o;

	if (!opt_is_idle(k->c))
		return -TERN_EINVAL;
	o = tcp_opts_own(k->st, k->c);
	if (!o)
		return -TERN_ENOMEM;
	o->fastopen_no_cookie = v;
	return 0;
}

/* Keys as bytes, least significant first, whatever the machine. */
static void put_key(uint8_t *p, const struct sipkey *key)
{
	int i;

	for (i = 0; i < 8; i++) {
		p[i] = (uint8_t)(key->k0 >> 8 * i);
		p[8 + i] = (uint8_t)(key->k1 >> 8 * i);
	}
}

/* The socket's own; the stack's are nobody's to read here [k]. */
static int get_fastopen_key(struct opt_call *k)
{
	const struct tcp_opts *o = k->c->opts;
	uint8_t out[2 * 16];
	int i;

	for (i = 0; i < o->fastopen_n_keys; i++)
		put_key(out + 16 * i, &o->fastopen_key[i]);
	return opt_out(k, out, 16 * (size_t)o->fastopen_n_keys);
}

/* One or two; the second is the one that is going out of use. */
static int set_fastopen_key(const struct opt_call *k)
{
	const uint8_t *p = k->in;
	struct tcp_opts *o;

	if (!opt_is_idle(k->c) || (k->len != 16 && k->len != 32))
		return -TERN_EINVAL;
	o = tcp_opts_own(k->st, k->c);
	if (!o)
		return -TERN_ENOMEM;
	o->fastopen_key[0] = sipkey_of(p);
	if (k->len == 32)
		o->fastopen_key[1] = sipkey_of(p + 16);
	o->fastopen_n_keys = (uint8_t)(k->len / 16);
	return 0;
}

static int get_delack_max(const struct opt_call *k)
{
	uint32_t us = k->c->opts->delack_max_us;

	return us ? (int)us : (int)(TCP_DELACK_MAX / NS_PER_US);
}

static int set_delack_max(const struct opt_call *k, int v)
{
	struct tcp_opts *o = tcp_opts_own(k->st, k->c);

	if (!o)
		return -TERN_ENOMEM;
	o->delack_max_us = (uint32_t)v;
	return 0;
}

static int get_timestamp(const struct opt_call *k)
{
	return (int)(now_ms(k->st) +
		     tcp_ts_offset(k->st, &k->c->laddr, &k->c->raddr));
}

/* Only a connection under repair would take it. */
static int set_timestamp(const struct opt_call *k, int v)
{
	(void)k;
	(void)v;
	return -TERN_EPERM;
}

/* Accepted and always off, as on Linux. */
static int get_thin_dupack(const struct opt_call *k)
{
	(void)k;
	return 0;
}

static int set_thin_dupack(const struct opt_call *k, int v)
{
	(void)k;
	(void)v;
	return 0;
}

static int get_info(struct opt_call *k)
{
	struct tern_tcp_info info;

	tcp_fill_info(k->st, k->c, &info);
	return opt_out(k, &info, sizeof(info));
}

static int get_cc_info(struct opt_call *k)
{
	uint64_t info[TERN_CC_INFO_MAX / 8];

	return opt_out(k, info, tcp_cc_info(k->st, k->c, info));
}

/* Told once. Who has no room for all of it learns how much there is [k]. */
static int get_saved_syn(struct opt_call *k)
{
	size_t len, room = k->len;
	const uint8_t *bytes = tcp_saved_of(k->st, k->c, &len);

	if (room < len) {
		k->len = len;
		return -TERN_EINVAL;
	}
	if (!len)
		return opt_out(k, "", 0);
	opt_out(k, bytes, len);
	tcp_saved_drop(k->st, k->c);
	return 0;
}

/* What is asked for is not there. */
static int get_nothing(struct opt_call *k)
{
	return opt_out(k, "", 0);
}

static int set_ulp(const struct opt_call *k)
{
	return k->len ? -TERN_ENOENT : -TERN_EINVAL;
}

#define THIN_DUPACK 17

static const struct opt rows[] = {
	{ TERN_TCP_NODELAY, OPT_TRUTH, .get = get_nodelay, .set = set_nodelay },
	{ TERN_TCP_CORK, OPT_TRUTH, .get = get_cork, .set = set_cork },
	{ TERN_TCP_MAXSEG, OPT_ANY_INT, .get = get_maxseg, .set = set_maxseg },
	{ TERN_TCP_KEEPIDLE, 1, MAX_KEEP_S, OPT_FIELD(keepidle_s),
	  OPT_TUNABLE(tcp_keepalive_time), .after = keep_again },
	{ TERN_TCP_KEEPINTVL, 1, MAX_KEEP_S, OPT_FIELD(keepintvl_s),
	  OPT_TUNABLE(tcp_keepalive_intvl) },
	{ TERN_TCP_KEEPCNT, 1, MAX_KEEP_N, OPT_FIELD(keepcnt),
	  OPT_TUNABLE(tcp_keepalive_probes) },
	{ TERN_TCP_SYNCNT, 1, 127, OPT_FIELD(syncnt),
	  OPT_TUNABLE(tcp_syn_retries) },
	{ TERN_TCP_USER_TIMEOUT, 0, INT32_MAX, OPT_FIELD(user_timeout_ms) },
	{ TERN_TCP_LINGER2, OPT_ANY_INT, .get = get_linger2,
	  .set = set_linger2 },
	{ TERN_TCP_DEFER_ACCEPT, OPT_ANY_INT, .get = get_defer_accept,
	  .set = set_defer_accept },
	{ TERN_TCP_WINDOW_CLAMP, OPT_ANY_INT, .get = get_window_clamp,
	  .set = set_window_clamp },
	{ TERN_TCP_QUICKACK, OPT_ANY_INT, .get = get_quickack,
	  .set = set_quickack },
	{ TERN_TCP_NOTSENT_LOWAT, OPT_ANY_INT, OPT_FIELD(notsent_lowat),
	  .after = room_again },
	{ TERN_TCP_RTO_MAX_MS, 1000, 120000, OPT_FIELD(rto_max_ms),
	  OPT_TUNABLE(tcp_rto_max_ms) },
	{ TERN_TCP_RTO_MIN_US, MIN_TIMEOUT_US, 200000, OPT_FIELD(rto_min_us),
	  OPT_TUNABLE(tcp_rto_min_us) },
	{ TERN_TCP_DELACK_MAX_US, MIN_TIMEOUT_US, 200000, .get = get_delack_max,
	  .set = set_delack_max },
	{ TERN_TCP_FASTOPEN, 0, INT32_MAX, .get = get_fastopen,
	  .set = set_fastopen },
	{ TERN_TCP_FASTOPEN_CONNECT, 0, 1, .get = get_fastopen_connect,
	  .set = set_fastopen_connect },
	{ TERN_TCP_FASTOPEN_NO_COOKIE, 0, 1, .get = get_fastopen_no_cookie,
	  .set = set_fastopen_no_cookie },
	{ TERN_TCP_FASTOPEN_KEY, .get_raw = get_fastopen_key,
	  .set_raw = set_fastopen_key },
	{ TERN_TCP_SAVE_SYN, 0, 2, OPT_FIELD(save_syn) },
	{ TERN_TCP_SAVED_SYN, .get_raw = get_saved_syn },
	{ TERN_TCP_INQ, 0, 1, .bit = OPT_INQ },
	{ TERN_TCP_TX_DELAY, 0, INT32_MAX, OPT_FIELD(tx_delay_us) },
	{ TERN_TCP_THIN_LINEAR_TIMEOUTS, 0, 1, .bit = OPT_THIN_LINEAR },
	{ THIN_DUPACK, 0, 1, .get = get_thin_dupack, .set = set_thin_dupack },
	{ TERN_TCP_TIMESTAMP, OPT_ANY_INT, .get = get_timestamp,
	  .set = set_timestamp },
	{ TERN_TCP_INFO, .get_raw = get_info },
	{ TERN_TCP_CC_INFO, .get_raw = get_cc_info },
	{ TERN_TCP_CONGESTION, .get_raw = get_congestion,
	  .set_raw = set_congestion },
	{ TERN_TCP_ULP, .get_raw = get_nothing, .set_raw = set_ulp },
};

const struct opt_level tcp_opts_tcp = { rows, ARRAY_LEN(rows) };
