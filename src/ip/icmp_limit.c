// SPDX-License-Identifier: BSD-2-Clause
/*
 * How many ICMP errors may leave (RFC 1812 4.3.2.8, RFC 4443 2.4 f).
 *
 * Two token buckets, the destination's asked first:
 *
 *	each destination   one in icmp_ratelimit ms, six at once
 *	all together	   icmp_msgs_per_sec, icmp_msgs_burst at once
 *
 * The first lets a flood from one address cost that address its errors and
 * nobody else. Destinations are kept in 64 sets of four; a newcomer takes the
 * place of the one that has been silent longest, and starts with a full
 * bucket: a flood from many addresses is the second bucket's business.
 *
 * The second is shared, and a shared count tells anyone who can use it up what
 * others have used: that has served to find the source port of a DNS query by
 * probing all of them and seeing which ones cost no token (CVE-2020-25705). So
 * an error costs 0, 1 or 2 tokens, by lot.
 */
#include "ip/ip_priv.h"

#define N_SETS 64u
#define N_WAYS 4u
#define BURST 6

struct limit {
	uint64_t key; /* keyed hash of the destination */
	int64_t at;   /* of the last error */
	int64_t credit_ns;
};

struct ip_limits {
	struct limit way[N_SETS][N_WAYS];
};

static bool global_allows(struct tern_stack *st)
{
	struct ip_state *ip = &st->ip;
	int64_t burst = st->tun.icmp_msgs_burst;
	int64_t elapsed_ms = (st->now - ip->icmp_at) / NS_PER_MS, more;

	if (elapsed_ms > 0) {
		more = min_i64(elapsed_ms, 1000) * st->tun.icmp_msgs_per_sec /
		       1000;
		if (more) {
			ip->icmp_at = st->now;
			ip->icmp_tokens = (uint32_t)min_i64(
				ip->icmp_tokens + more, burst);
		}
	}
	if (!ip->icmp_tokens)
		return false;
	ip->icmp_tokens -= min_u32(ip->icmp_tokens, rng_below(&st->rng, 3));
	return true;
}

static struct limit *limit_of(struct tern_stack *st,
			      const struct tern_addr *dst)
{
	uint64_t key = siphash(&st->key_hash, dst->b, sizeof(dst->b));
	struct limit *set = st->ip.limits->way[key % N_SETS], *oldest = set;
	uint32_t i;

	for (i = 0; i < N_WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].at < oldest->at)
			oldest = &set[i];
	}
	*oldest = (struct limit){
		.key = key,
		.at = st->now,
		.credit_ns = BURST * st->tun.icmp_ratelimit * NS_PER_MS,
	};
	return oldest;
}

static bool destination_allows(struct tern_stack *st,
			       const struct tern_addr *dst)
{
	int64_t each = st->tun.icmp_ratelimit * NS_PER_MS;
	struct limit *l = limit_of(st, dst);

	l->credit_ns = min_i64(l->credit_ns + st->now - l->at, BURST * each);
	l->at = st->now;
	if (l->credit_ns < each)
		return false;
	l->credit_ns -= each;
	return true;
}

bool icmp_allowed(struct tern_stack *st, const struct tern_addr *dst)
{
	bool counts = st->tun.icmp_ratelimit;

	if (counts && !st->ip.limits)
		st->ip.limits = mem_zalloc(&st->mem, sizeof(*st->ip.limits));
	/* Without memory for the count, silence is the safe side. */
	if (counts && !st->ip.limits) {
		COUNT(st, ICMP_OUT_ERRORS);
		return false;
	}
	if ((!counts || destination_allows(st, dst)) && global_allows(st))
		return true;
	COUNT(st, ICMP_OUT_RATE_LIMIT);
	return false;
}

void icmp_limits_fini(struct tern_stack *st)
{
	mem_free(&st->mem, st->ip.limits, sizeof(*st->ip.limits));
	st->ip.limits = NULL;
}
