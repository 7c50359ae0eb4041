// SPDX-License-Identifier: BSD-2-Clause
/* Which packets are meant, and what a middlebox does to them. */
#include "lab_lex.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* "2nd", "3rd-5th", "1st": false if it is none. */
static bool parse_nth(const char *word, uint32_t *first, uint32_t *last)
{
	static const char *const ends[] = { "st", "nd", "rd", "th" };
	uint32_t *out[2] = { first, last };
	const char *p = word;

	for (int k = 0; k < 2; k++) {
		char *end;
		unsigned long v = strtoul(p, &end, 10);
		bool good = false;

		if (end == p || *p < '1' || *p > '9' || v > 100000000)
			return false;
		for (size_t i = 0; i < ARRAY_LEN(ends) && !good; i++)
			good = !strncasecmp(end, ends[i], 2);
		if (!good)
			return false;
		*out[k] = (uint32_t)v;
		p = end + 2;
		if (k == 0 && !*p) {
			*last = *first;
			return true;
		}
		if (k == 0 && *p++ != '-')
			return false;
	}
	return !*p && *last >= *first;
}

/* "seq 0", "len >= 1000". True: one was there, or none; false: it is wrong. */
static bool parse_cond(struct lab_reader *r, struct lab_pattern *p, bool *any)
{
	int field = lab_seg_field(lab_peek(r));
	struct lab_seg_cond *c = &p->conds[p->n_conds];

	*any = field >= 0 && !lab_at_end(r);
	if (!*any)
		return true;
	if (p->n_conds == LAB_CONDS_MAX)
		return lab_wrong(r, "more than %d conditions", LAB_CONDS_MAX);
	r->i++;
	c->field = field;
	c->op = LAB_EQ;
	lab_op(r, &c->op);
	p->n_conds++;
	return lab_number(r, "a number", &c->value);
}

static bool parse_host_name(struct lab_reader *r, const char **out)
{
	*out = lab_word(r, "a host");
	if (!*out)
		return false;
	return lab_script_node(r->script, *out) ||
	       lab_wrong(r, "there is no host \"%s\" above", *out);
}

bool lab_parse_pattern(struct lab_reader *r, struct lab_pattern *p)
{
	bool any;

	p->until = NEVER;
	p->text = lab_at_end(r) ? "" : r->tokens[r->i].from;
	lab_accept(r, "the");
	if (!lab_accept(r, "every") && !lab_accept(r, "any") &&
	    parse_nth(lab_peek(r), &p->first, &p->last))
		r->i++;
	if (!lab_pattern_flags(p, lab_peek(r)))
		return lab_wrong(r,
				 "\"%s\" is no kind of packet: SYN, "
				 "SYN+ACK, ACK, data, FIN, RST, segment, "
				 "UDP, ICMP, fragment, packet",
				 lab_peek(r));
	r->i++;
	do {
		if (!parse_cond(r, p, &any))
			return false;
		if (any)
			continue;
		if (lab_accept(r, "from")) {
			any = true;
			if (!parse_host_name(r, &p->from))
				return false;
		} else if (lab_accept(r, "to")) {
			any = true;
			if (!parse_host_name(r, &p->to))
				return false;
		} else if (lab_accept(r, "between")) {
			any = true;
			if (!lab_time(r, &p->since) || !lab_need(r, "and") ||
			    !lab_time(r, &p->until))
				return false;
		} else if (lab_accept(r, "after")) {
			any = true;
			if (!lab_time(r, &p->since))
				return false;
		} else if (lab_accept(r, "before")) {
			any = true;
			if (!lab_time(r, &p->until))
				return false;
		}
	} while (any);
	return true;
}

static bool parse_hold(struct lab_reader *r, struct lab_rule *u)
{
	return lab_parse_pattern(r, &u->pattern) &&
	       (lab_accept(r, "for"), true) && lab_time(r, &u->hold_ns);
}

static bool parse_drop(struct lab_reader *r, struct lab_rule *u)
{
	return lab_parse_pattern(r, &u->pattern);
}

static bool parse_duplicate(struct lab_reader *r, struct lab_rule *u)
{
	int64_t n = 1;

	u->hold_ns = 0;
	if (!lab_parse_pattern(r, &u->pattern))
		return false;
	while (!lab_at_end(r)) {
		const char *word = lab_peek(r);

		if (lab_accept(r, "later"))
			continue;
		if (lab_accept(r, "times"))
			continue;
		if (word[strspn(word, "0123456789")]) {
			if (!lab_time(r, &u->hold_ns))
				return false;
		} else if (!lab_number(r, "copies", &n)) {
			return false;
		}
	}
	if (n < 1 || n > 1000)
		return lab_wrong(r, "1 to 1000 copies");
	u->n_copies = (uint32_t)n;
	return true;
}

/* rewrite window to 0 in the 2nd ACK from server */
static bool parse_rewrite(struct lab_reader *r, struct lab_rule *u)
{
	const char *name = lab_word(r, "a field");
	int64_t v;

	if (!name)
		return false;
	u->field = lab_rewrite_field(name);
	if (u->field < 0)
		return lab_wrong(r,
				 "\"%s\" cannot be rewritten: window, mss, "
				 "urgent, ttl, tos, sport, dport, "
				 "offset, length",
				 name);
	if (!lab_need(r, "to") || !lab_number(r, "a value", &v) ||
	    !lab_need(r, "in"))
		return false;
	if (v < 0 || v > 65535)
		return lab_wrong(r, "a value is 0 to 65535");
	u->value = (uint32_t)v;
	return lab_parse_pattern(r, &u->pattern);
}

/* record the 1st data from client as OLD */
static bool parse_record(struct lab_reader *r, struct lab_rule *u)
{
	if (!lab_parse_pattern(r, &u->pattern) || !lab_need(r, "as"))
		return false;
	u->name = lab_word(r, "a name");
	return u->name;
}

static const struct {
	const char *verb;
	enum lab_rule_kind kind;
	bool (*parse)(struct lab_reader *, struct lab_rule *);
} verbs[] = {
	{ "drop", LAB_RULE_DROP, parse_drop },
	{ "hold", LAB_RULE_HOLD, parse_hold },
	{ "duplicate", LAB_RULE_DUPLICATE, parse_duplicate },
	{ "corrupt", LAB_RULE_CORRUPT, parse_drop },
	{ "rewrite", LAB_RULE_REWRITE, parse_rewrite },
	{ "record", LAB_RULE_RECORD, parse_record },
	{ "mark", LAB_RULE_MARK, parse_drop },
};

bool lab_parse_rule(struct lab_reader *r, struct lab_link_decl *l)
{
	struct lab_rule *u = DRILL_NEW(r->mem, struct lab_rule), **at;

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (!lab_accept(r, verbs[i].verb))
			continue;
		u->kind = verbs[i].kind;
		u->line = r->line;
		if (!verbs[i].parse(r, u))
			return false;
		for (at = &l->rules; *at; at = &(*at)->next)
			;
		*at = u;
		return true;
	}
	return lab_wrong(r,
			 "\"%s\" is no rule: drop, hold, duplicate, corrupt, "
			 "rewrite, record, mark",
			 lab_peek(r));
}
