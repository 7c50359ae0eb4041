// SPDX-License-Identifier: BSD-2-Clause
#include "drill_encap.h"

#include "base/bytes.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

static size_t gre_len(uint16_t flags)
{
	return 4u + !!(flags & DRILL_GRE_SUM) * 4u +
	       !!(flags & DRILL_GRE_KEY) * 4u + !!(flags & DRILL_GRE_SEQ) * 4u;
}

static size_t len_of(const struct drill_wrap *w)
{
	if (w->kind == DRILL_WRAP_GRE)
		return gre_len(w->gre_flags);
	if (w->kind == DRILL_WRAP_MPLS)
		return w->n_labels * 4u;
	return tern_addr_is_v4(&w->src) ? 20 : 40;
}

/* What is behind a header: an IP header, or a wrap that says so itself. */
static bool is_v6(const struct drill_wrap *next, const unsigned char *inner)
{
	return next && next->kind == DRILL_WRAP_IP ?
		       !tern_addr_is_v4(&next->src) :
		       inner[0] >> 4 == 6;
}

static uint8_t protocol_of(const struct drill_wrap *next,
			   const unsigned char *inner)
{
	if (next && next->kind == DRILL_WRAP_GRE)
		return IPPROTO_GRE;
	if (next && next->kind == DRILL_WRAP_MPLS)
		return IPPROTO_MPLS;
	return is_v6(next, inner) ? IPPROTO_IPV6 : IPPROTO_IPIP;
}

static void put_gre(const struct drill_wrap *w, const struct drill_wrap *next,
		    const unsigned char *inner, unsigned char *out)
{
	uint16_t type = is_v6(next, inner) ? ETH_P_IPV6 : ETH_P_IP;

	if (next && next->kind == DRILL_WRAP_MPLS)
		type = ETH_P_MPLS_UC;
	put_be16(out, w->gre_flags);
	put_be16(out + 2, type);
	out += 4;
	if (w->gre_flags & DRILL_GRE_SUM) {
		put_be16(out, w->gre_sum);
		put_be16(out + 2, w->gre_off);
		out += 4;
	}
	if (w->gre_flags & DRILL_GRE_KEY) {
		put_be32(out, w->gre_key);
		out += 4;
	}
	if (w->gre_flags & DRILL_GRE_SEQ)
		put_be32(out, w->gre_seq);
}

size_t drill_encap_build(const struct drill_pkt *pkt, unsigned char *out,
			 size_t n)
{
	size_t head = 0, at = 0;

	for (int i = 0; i < pkt->n_wraps; i++)
		head += len_of(&pkt->wraps[i]);
	if (head + n > DRILL_PKT_MAX)
		n = DRILL_PKT_MAX - head;
	memmove(out + head, out, n);
	for (int i = 0; i < pkt->n_wraps; i++) {
		const struct drill_wrap *w = &pkt->wraps[i];
		const struct drill_wrap *next = i + 1 < pkt->n_wraps ? w + 1 :
								       NULL;
		size_t len = len_of(w), rest = head - at - len + n;

		if (w->kind == DRILL_WRAP_GRE)
			put_gre(w, next, out + head, out + at);
		else if (w->kind == DRILL_WRAP_IP)
			drill_wire_put_ip(&w->ip, &w->src, &w->dst,
					  protocol_of(next, out + head), rest,
					  out + at);
		for (int k = 0; k < w->n_labels; k++)
			put_be32(out + at + 4 * k, w->labels[k]);
		at += len;
	}
	return head + n;
}

static struct drill_wrap *push(struct drill_live *live, int kind)
{
	struct drill_wrap *w;

	if (live->pkt.n_wraps == DRILL_WRAPS_MAX)
		return NULL;
	w = &live->pkt.wraps[live->pkt.n_wraps++];
	*w = (struct drill_wrap){ .kind = kind };
	return w;
}

bool drill_encap_push_ip(struct drill_live *live)
{
	struct drill_wrap *w = push(live, DRILL_WRAP_IP);

	if (!w)
		return false;
	w->src = live->ends.src;
	w->dst = live->ends.dst;
	w->ip = live->pkt.ip;
	live->pkt.ip = (struct drill_ip){ 0 };
	return true;
}

size_t drill_encap_read_gre(const unsigned char *p, size_t n,
			    struct drill_live *live, bool *labels)
{
	size_t len = n >= 4 ? gre_len(get_be16(p)) : 4;
	struct drill_wrap *w;
	uint16_t type;

	if (n < len || !(w = push(live, DRILL_WRAP_GRE)))
		return 0;
	type = get_be16(p + 2);
	*labels = type == ETH_P_MPLS_UC;
	if (!*labels && type != ETH_P_IP && type != ETH_P_IPV6)
		return 0;
	w->gre_flags = get_be16(p);
	p += 4;
	if (w->gre_flags & DRILL_GRE_SUM) {
		w->gre_sum = get_be16(p);
		w->gre_off = get_be16(p + 2);
		p += 4;
	}
	if (w->gre_flags & DRILL_GRE_KEY) {
		w->gre_key = get_be32(p);
		p += 4;
	}
	if (w->gre_flags & DRILL_GRE_SEQ)
		w->gre_seq = get_be32(p);
	return len;
}

size_t drill_encap_read_mpls(const unsigned char *p, size_t n,
			     struct drill_live *live)
{
	struct drill_wrap *w = push(live, DRILL_WRAP_MPLS);
	size_t at = 0;

	if (!w)
		return 0;
	do {
		if (n < at + 4 || w->n_labels == ARRAY_LEN(w->labels))
			return 0;
		w->labels[w->n_labels] = get_be32(p + at);
		at += 4;
	} while (!(w->labels[w->n_labels++] & DRILL_MPLS_BOTTOM));
	return at;
}
