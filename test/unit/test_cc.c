// SPDX-License-Identifier: BSD-2-Clause
/*
 * Controllers fed with ACKs by hand, against the formulas of their RFCs.
 * covers: T7
 */
#include "check.h"

#include "base/bytes.h"
#include "base/time.h"
#include "cc/cc_cubic.h"
#include "cc/cc_dctcp.h"
#include "cc/cc_hystart.h"
#include "cc/cc_reno.h"

static struct tern_cc cc;
static uint64_t priv[TERN_CC_PRIV_WORDS];
static struct tern_cc_view v;
/* ACKs come at the end of a round trip, not all through it. */
static bool in_a_burst;

static void begin(const struct tern_cc_ops *ops, uint32_t cwnd)
{
	memset(priv, 0, sizeof(priv));
	cc = (struct tern_cc){ cwnd, TERN_CC_INFINITE_SSTHRESH, 0 };
	v = (struct tern_cc_view){
		.cc = &cc,
		.priv = priv,
		.pacing_rate = 1000000,
		.max_pacing_rate = UINT64_MAX,
		.mss = 1000,
		.min_rtt_us = UINT32_MAX,
		.is_cwnd_limited = true,
		.hystart = CC_HYSTART_LINUX,
		.now = NS_PER_S,
	};
	in_a_burst = false;
	v.snd_nxt = cwnd;
	if (ops->init)
		ops->init(&v);
}

static void lose(const struct tern_cc_ops *ops)
{
	cc.ssthresh = ops->ssthresh(&v);
	cc.cwnd = cc.ssthresh;
	cc.cwnd_cnt = 0;
}

/* A round trip in which all of the window is acknowledged. */
static void round_trip(const struct tern_cc_ops *ops, int64_t rtt_us)
{
	uint32_t n = cc.cwnd, i;
	int64_t from = v.now;

	for (i = 1; i <= n; i++) {
		v.now = from + rtt_us * NS_PER_US * (in_a_burst ? n : i) / n;
		v.snd_una++;
		if (ops->on_rtt)
			ops->on_rtt(&v, rtt_us);
		ops->on_acked(&v, 1);
		v.snd_nxt = v.snd_una + cc.cwnd;
	}
}

static void cube_roots_are_exact(void **state)
{
	uint64_t x;

	(void)state;
	assert_int_equal(cc_cube_root(0), 0);
	assert_int_equal(cc_cube_root(UINT64_MAX), 2642245);
	for (x = 1; x < 2642245; x += 1 + x / 3) {
		assert_int_equal(cc_cube_root(x * x * x), x);
		assert_int_equal(cc_cube_root(x * x * x - 1), x - 1);
	}
}

/* RFC 9438 4.2, figure 1: W(t) = 0.4 (t - K)^3 + W_max. */
static void cubic_follows_its_curve(void **state)
{
	/* cbrt((1000 - 700) / 0.4) */
	const double w_max = 1000, rtt = 0.1, k = 9.0856;
	double t, want, off = 0, d;
	int64_t start;

	(void)state;
	begin(&cc_cubic, (uint32_t)w_max);
	cc.ssthresh = 1;
	lose(&cc_cubic);
	assert_int_equal(cc.cwnd, 1000 * 717 / 1024);
	start = v.now;
	while (v.now - start < 12 * NS_PER_S) {
		round_trip(&cc_cubic, (int64_t)(rtt * 1e6));
		t = (double)(v.now - start) / NS_PER_S - k;
		want = 0.4 * t * t * t + w_max;
		d = want > cc.cwnd ? want - cc.cwnd : cc.cwnd - want;
		off = d / want > off ? d / want : off;
	}
	assert_true(off < 0.02);
}

/* RFC 9438 4.3: on a short path it is as fast as Reno with the same share, of
 * alpha = 3 (1 - beta) / (1 + beta) = 0.53 segments a round trip. */
static void cubic_is_no_slower_than_reno_on_short_paths(void **state)
{
	uint32_t i, from;

	(void)state;
	begin(&cc_cubic, 20);
	cc.ssthresh = 1;
	lose(&cc_cubic);
	from = cc.cwnd;
	for (i = 0; i < 50; i++)
		round_trip(&cc_cubic, 10000);
	assert_in_range(cc.cwnd - from, 24, 34);
}

/* RFC 9438 4.7. */
static void cubic_gives_way_when_it_was_not_back_yet(void **state)
{
	uint32_t before, i;

	(void)state;
	begin(&cc_cubic, 1000);
	cc.ssthresh = 1;
	lose(&cc_cubic);
	lose(&cc_cubic); /* at 700 of 1,000: W_max becomes 595 */
	before = cc.cwnd;
	assert_int_equal(before, 700 * 717 / 1024);
	for (i = 0; i < 80; i++)
		round_trip(&cc_cubic, 100000);
	/* K = cbrt((595 - 490) / 0.4) = 6.4 s: at 8 s it is just past 595. */
	assert_in_range(cc.cwnd, 585, 605);
}

static void cubic_stands_still_while_nothing_is_sent(void **state)
{
	uint32_t before, i;

	(void)state;
	begin(&cc_cubic, 1000);
	cc.ssthresh = 1;
	lose(&cc_cubic);
	round_trip(&cc_cubic, 100000);
	before = cc.cwnd;
	v.last_sent_at = v.now;
	v.now += 60 * NS_PER_S;
	cc_cubic.on_event(&v, TERN_CC_TX_START);
	for (i = 0; i < 2; i++)
		round_trip(&cc_cubic, 100000);
	assert_in_range(cc.cwnd - before, 1, 30);
}

static void hystart_ends_slow_start_when_the_delay_rises(void **state)
{
	int i;

	(void)state;
	begin(&cc_cubic, 10);
	in_a_burst = true;
	for (i = 0; i < 3; i++)
		round_trip(&cc_cubic, 40000);
	assert_int_equal(cc.cwnd, 80);
	round_trip(&cc_cubic, 44000); /* an eighth would be 5 ms */
	assert_int_equal(cc.cwnd, 160);
	round_trip(&cc_cubic, 46000);
	assert_in_range(cc.cwnd, 160 + 8, 160 + 20);
	assert_int_equal(cc.ssthresh, 160 + 8);
}

/* RFC 9406: a quarter of the pace for five rounds, and then it is over. */
static void hystart_plus_grows_slowly_for_five_rounds(void **state)
{
	uint32_t before;
	int i;

	(void)state;
	begin(&cc_cubic, 10);
	in_a_burst = true;
	v.hystart = CC_HYSTART_PLUS;
	for (i = 0; i < 4; i++)
		round_trip(&cc_cubic, 40000);
	round_trip(&cc_cubic, 46000);
	assert_int_equal(cc.ssthresh, TERN_CC_INFINITE_SSTHRESH);
	for (i = 0; i < 4; i++) {
		before = cc.cwnd;
		round_trip(&cc_cubic, 46000);
		assert_in_range(cc.cwnd - before, before / 4 - 1,
				before / 4 + 1);
	}
	round_trip(&cc_cubic, 46000);
	assert_true(cc.ssthresh <= cc.cwnd);
}

static void hystart_plus_goes_on_if_the_delay_falls(void **state)
{
	uint32_t before;
	int i;

	(void)state;
	begin(&cc_cubic, 10);
	in_a_burst = true;
	v.hystart = CC_HYSTART_PLUS;
	for (i = 0; i < 4; i++)
		round_trip(&cc_cubic, 40000);
	round_trip(&cc_cubic, 46000);
	round_trip(&cc_cubic, 40000);
	before = cc.cwnd;
	round_trip(&cc_cubic, 40000);
	assert_int_equal(cc.cwnd, 2 * before);
}

/* RFC 5681 3.1: one segment a round trip; half after a loss. */
static void reno_adds_a_segment_a_round_trip(void **state)
{
	int i;

	(void)state;
	begin(&cc_reno, 40);
	lose(&cc_reno);
	for (i = 0; i < 10; i++)
		round_trip(&cc_reno, 100000);
	assert_int_equal(cc.cwnd, 30);
}

/* A window of which so many per cent come back with a mark. */
static void marked_window(uint32_t percent)
{
	uint32_t n = 100;

	v.snd_una = v.snd_nxt + 1;
	v.delivered += n;
	v.delivered_ce += percent;
	cc_dctcp.on_rtt(&v, -1);
	v.snd_nxt = v.snd_una + n;
}

static uint32_t alpha(void)
{
	/* ssthresh of a window of 2^20 is as exact as alpha is. */
	cc.cwnd = 1 << 20;
	return 2 * ((1 << 20) - cc_dctcp.ssthresh(&v)) / 1024;
}

/* RFC 8257 3.3: alpha = 15/16 alpha + 1/16 of the share, from 1. */
static void dctcp_follows_the_share_of_marks(void **state)
{
	uint32_t want = 1024;
	int i;

	(void)state;
	begin(&cc_dctcp, 100);
	assert_int_equal(alpha(), 1024);
	for (i = 0; i < 10; i++) {
		marked_window(0);
		want -= want / 16;
		assert_int_equal(alpha(), want);
	}
	for (i = 0; i < 200; i++)
		marked_window(30);
	/* 0.3 of 1024, and what rounding leaves (under a sixteenth). */
	assert_in_range(alpha(), 300, 320);
	for (i = 0; i < 200; i++)
		marked_window(0);
	assert_int_equal(alpha(), 0);
	for (i = 0; i < 200; i++)
		marked_window(100);
	assert_in_range(alpha(), 1000, 1024);
}

/* 3.3: a reduction takes alpha / 2 off; 3.5: a loss is half, whatever alpha. */
static void dctcp_halves_for_a_loss_only(void **state)
{
	int i;

	(void)state;
	begin(&cc_dctcp, 100);
	for (i = 0; i < 200; i++)
		marked_window(20);
	cc.cwnd = 100;
	assert_in_range(cc_dctcp.ssthresh(&v), 89, 92);
	cc.ssthresh = cc_dctcp.ssthresh(&v);
	cc_dctcp.on_state(&v, TERN_CA_CWR);
	assert_in_range(cc.ssthresh, 89, 92);
	cc_dctcp.on_state(&v, TERN_CA_RECOVERY);
	assert_int_equal(cc.ssthresh, 50);
	cc.ssthresh = 90;
	cc_dctcp.on_event(&v, TERN_CC_LOSS);
	assert_int_equal(cc.ssthresh, 50);
	cc.cwnd = 3;
	assert_int_equal(cc_dctcp.ssthresh(&v), 3);
	cc.cwnd = 2;
	cc_dctcp.on_event(&v, TERN_CC_LOSS);
	assert_int_equal(cc.ssthresh, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cube_roots_are_exact),
		cmocka_unit_test(cubic_follows_its_curve),
		cmocka_unit_test(cubic_is_no_slower_than_reno_on_short_paths),
		cmocka_unit_test(cubic_gives_way_when_it_was_not_back_yet),
		cmocka_unit_test(cubic_stands_still_while_nothing_is_sent),
		cmocka_unit_test(hystart_ends_slow_start_when_the_delay_rises),
		cmocka_unit_test(hystart_plus_grows_slowly_for_five_rounds),
		cmocka_unit_test(hystart_plus_goes_on_if_the_delay_falls),
		cmocka_unit_test(dctcp_follows_the_share_of_marks),
		cmocka_unit_test(dctcp_halves_for_a_loss_only),
		cmocka_unit_test(reno_adds_a_segment_a_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
