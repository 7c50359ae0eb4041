// SPDX-License-Identifier: BSD-2-Clause
/* What is printed can be put into a script as it stands. */
#include "drill_print.h"

#include "drill_parse.h"

#include "base/bytes.h"
#include "wire/wire_print.h"

#include <inttypes.h>

void drill_print_time(struct drill_text *t, int64_t ns)
{
	const char *sign = ns < 0 ? "-" : "";
	int64_t us = (ns < 0 ? -ns : ns) / 1000;

	drill_text_add(t, "%s%" PRId64 ".%06" PRId64, sign, us / 1000000,
		       us % 1000000);
}

void drill_print_flags(struct drill_text *t, uint16_t flags)
{
	char letters[16];
	struct text text;

	text_init(&text, letters, sizeof(letters));
	wire_print_tcp_flags(&text, flags);
	drill_text_add(t, "%s", letters);
}

void drill_print_opts(struct drill_text *t, const struct drill_pkt *p)
{
	char opts[512];
	struct text text;

	if (p->any_opts) {
		drill_text_add(t, "<...>");
		return;
	}
	if (!p->n_opts)
		return;
	text_init(&text, opts, sizeof(opts));
	wire_print_tcp_opts(&text, p->opts, p->n_opts);
	drill_text_add(t, "%s", opts);
}

static void print_ip_info(struct drill_text *t, const struct drill_ip *p)
{
	static const char *const ecn[] = { "noecn", "ect1", "ect0", "ce" };
	const char *comma = "";

	if (p->tos_check == DRILL_TOS_NONE && !p->has_ttl && !p->has_flow)
		return;
	drill_text_add(t, "(");
	if (p->tos_check == DRILL_TOS_ECT01)
		drill_text_add(t, "ect01");
	else if (p->tos_check == DRILL_TOS_ECN)
		drill_text_add(t, "%s", ecn[p->tos & 3]);
	else if (p->tos_check == DRILL_TOS_ALL)
		drill_text_add(t, "tos 0x%02x", p->tos);
	if (p->tos_check != DRILL_TOS_NONE)
		comma = ", ";
	if (p->has_ttl)
		drill_text_add(t, "%sttl %u", comma, p->ttl);
	if (p->has_ttl)
		comma = ", ";
	if (p->has_flow)
		drill_text_add(t, "%sflowlabel 0x%x", comma, p->flow);
	drill_text_add(t, ") ");
}

static void print_gre(struct drill_text *t, const struct drill_wrap *w)
{
	static const struct {
		uint16_t bit;
		const char *letter;
	} flags[] = { { DRILL_GRE_SUM, "C" },
		      { DRILL_GRE_KEY, "K" },
		      { DRILL_GRE_SEQ, "S" } };
	const char *comma = "";

	drill_text_add(t, "gre");
	if (!w->gre_flags)
		return;
	drill_text_add(t, " flags [");
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (!(w->gre_flags & flags[i].bit))
			continue;
		drill_text_add(t, "%s%s", comma, flags[i].letter);
		comma = ",";
	}
	drill_text_add(t, "], sum 0x%x, off 0x%x, key 0x%x, seq %u", w->gre_sum,
		       w->gre_off, w->gre_key, w->gre_seq);
}

static void print_mpls(struct drill_text *t, const struct drill_wrap *w)
{
	drill_text_add(t, "mpls");
	for (int i = 0; i < w->n_labels; i++) {
		uint32_t l = w->labels[i];

		drill_text_add(t, " (label %u, tc %u, %sttl %u)", l >> 12,
			       l >> 9 & 7, l & DRILL_MPLS_BOTTOM ? "[S], " : "",
			       l & 255);
	}
}

void drill_print_wraps(struct drill_text *t, const struct drill_pkt *p)
{
	char src[TERN_ADDR_STRLEN], dst[TERN_ADDR_STRLEN];

	for (int i = 0; i < p->n_wraps; i++) {
		const struct drill_wrap *w = &p->wraps[i];

		if (w->kind == DRILL_WRAP_GRE) {
			print_gre(t, w);
		} else if (w->kind == DRILL_WRAP_MPLS) {
			print_mpls(t, w);
		} else {
			drill_text_add(t, tern_addr_is_v4(&w->src) ? "ipv4 " :
								     "ipv6 ");
			print_ip_info(t, &w->ip);
			drill_text_add(t, "%s > %s",
				       tern_addr_print(&w->src, src),
				       tern_addr_print(&w->dst, dst));
		}
		drill_text_add(t, ": ");
	}
}

static void print_tcp(struct drill_text *t, const struct drill_pkt *p)
{
	if (p->has_ports)
		drill_text_add(t, "%u > %u ", p->sport, p->dport);
	drill_print_flags(t, p->flags);
	drill_text_add(t, " %u:%u(%u)", p->seq, p->seq + p->len, p->len);
	if (p->flags & 0x10 || p->ack)
		drill_text_add(t, " ack %u", p->ack);
	if (p->has_win)
		drill_text_add(t, " win %u", p->win);
	if (p->urg)
		drill_text_add(t, " urg %u", p->urg);
	if (p->any_opts || p->n_opts)
		drill_text_add(t, " ");
	drill_print_opts(t, p);
}

static void print_icmp(struct drill_text *t, const struct drill_pkt *p, bool v6)
{
	const char *type = drill_icmp_type_name(v6, p->type);
	const char *code = drill_icmp_code_name(v6, p->type, p->code);

	if (type)
		drill_text_add(t, "icmp %s", type);
	else
		drill_text_add(t, "icmp type_%u", p->type);
	if (code)
		drill_text_add(t, " %s", code);
	else if (p->code)
		drill_text_add(t, " code_%u", p->code);
	if (p->has_mtu)
		drill_text_add(t, " mtu %u", p->mtu);
	if (p->has_id)
		drill_text_add(t, " id %u", p->id);
	if (p->quote == DRILL_QUOTE_TCP)
		drill_text_add(t, " [%u:%u(%u)]", p->seq, p->seq + p->len,
			       p->len);
	else if (p->quote != DRILL_QUOTE_NONE)
		drill_text_add(t, " [%s (%u)]",
			       p->quote == DRILL_QUOTE_UDP ? "udp" : "raw",
			       p->len);
}

void drill_print_pkt(struct drill_text *t, const struct drill_pkt *p, bool v6)
{
	drill_text_add(t, "%s ", p->in ? "<" : ">");
	drill_print_wraps(t, p);
	print_ip_info(t, &p->ip);
	if (p->proto == DRILL_UDP) {
		drill_text_add(t, "udp ");
		if (p->has_ports)
			drill_text_add(t, "%u > %u ", p->sport, p->dport);
		drill_text_add(t, "(%u)", p->len);
	} else if (p->proto == DRILL_ICMP) {
		print_icmp(t, p, v6);
	} else {
		print_tcp(t, p);
	}
}
