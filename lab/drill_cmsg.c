// SPDX-License-Identifier: BSD-2-Clause
/* Control messages received, against a script's and in a script's words. */
#include "drill_cmsg.h"

#include "drill_call.h"
#include "drill_parse.h"
#include "drill_run.h"

#include "base/bytes.h"
#include "base/time.h"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

int64_t drill_cmsg_number(const struct drill_expr *e, const char *name)
{
	const struct drill_expr *m = drill_call_member(e, name);

	return m && m->kind == DRILL_EX_NUM ? m->num : 0;
}

static int64_t since_start(const struct drill_run *r, const int64_t at[2])
{
	return at[0] * NS_PER_S + at[1] - r->a->epoch_ns - r->start_at;
}

/* One of the first of three timestamps: 0 is not compared. */
static const char *match_time(const struct drill_run *r,
			      const struct drill_expr *want,
			      const unsigned char *data, size_t len)
{
	int64_t secs = drill_cmsg_number(want, "scm_sec");
	int64_t nsecs = drill_cmsg_number(want, "scm_nsec"), got[2];
	int64_t at;

	if (len < sizeof(got))
		return "a timestamp is too short";
	if (!secs && !nsecs)
		return NULL;
	memcpy(got, data, sizeof(got));
	at = since_start(r, got);
	if (!drill_run_in_time(r, at, secs * NS_PER_S + nsecs,
			       secs * NS_PER_S + nsecs, 0))
		return "a timestamp differs";
	return NULL;
}

static const char *match_error(const struct drill_expr *want,
			       const unsigned char *data, size_t len)
{
	struct sock_extended_err e;

	if (len < sizeof(e))
		return "an extended error is too short";
	memcpy(&e, data, sizeof(e));
	if (e.ee_errno != drill_cmsg_number(want, "ee_errno"))
		return "ee_errno differs";
	if (e.ee_origin != drill_cmsg_number(want, "ee_origin"))
		return "ee_origin differs";
	if (e.ee_type != drill_cmsg_number(want, "ee_type"))
		return "ee_type differs";
	if (e.ee_code != drill_cmsg_number(want, "ee_code"))
		return "ee_code differs";
	if (e.ee_info != drill_cmsg_number(want, "ee_info"))
		return "ee_info differs";
	return e.ee_data != drill_cmsg_number(want, "ee_data") ?
		       "ee_data differs" :
		       NULL;
}

/* Statistics are netlink attributes, in any order. */
static const char *match_stats(const struct drill_run *r,
			       const struct drill_expr *want,
			       const unsigned char *data, size_t len)
{
	const struct drill_expr *e;

	for (e = want->first; e; e = e->next) {
		int64_t type, at, v = 0;
		size_t i, n;
		bool found = false, is_time;

		if (e->kind == DRILL_EX_ANY || !e->name ||
		    !drill_sym_find(e->name, strlen(e->name), &type))
			continue;
		is_time = type >= 1 && type <= 3;
		for (i = 0; i + 4 <= len; i += (n + 3) & ~(size_t)3) {
			uint16_t head[2];

			memcpy(head, data + i, 4);
			n = head[0];
			if (n < 4 || i + n > len)
				break;
			if (head[1] != type)
				continue;
			memcpy(&v, data + i + 4, min_size(n - 4, 8));
			found = true;
		}
		at = is_time ? v * NS_PER_US : v;
		if (!found)
			return "a statistic is missing";
		if (is_time ? e->num && !drill_run_in_time(
						r, at, e->num * NS_PER_US,
						e->num * NS_PER_US, 0) :
			      v != e->num)
			return "a statistic differs";
	}
	return NULL;
}

static const char *match_data(const struct drill_run *r,
			      const struct drill_expr *want,
			      const unsigned char *data, size_t len)
{
	int v;

	if (!want || want->kind == DRILL_EX_ANY)
		return NULL;
	if (want->kind == DRILL_EX_NUM) {
		if (len < sizeof(v))
			v = data[0];
		else
			memcpy(&v, data, sizeof(v));
		return v == want->num ? NULL : "cmsg_data differs";
	}
	if (want->kind != DRILL_EX_STRUCT)
		return "cmsg_data is written in no way that is known";
	if (drill_call_member(want, "scm_sec"))
		return match_time(r, want, data, len);
	if (drill_call_member(want, "ee_errno") ||
	    drill_call_member(want, "ee_origin"))
		return match_error(want, data, len);
	return match_stats(r, want, data, len);
}

/* The name of a number among symbols that begin so; NULL if there is none. */
static const char *symbol(const char *prefix, int64_t value)
{
	const char *name;
	int64_t v;
	int i;

	for (i = 0; (name = drill_sym_at(i, &v)); i++) {
		if (v == value && !strncmp(name, prefix, strlen(prefix)))
			return name;
	}
	return NULL;
}

static void add_symbol(struct drill_text *t, const char *prefix, int64_t value)
{
	const char *name = symbol(prefix, value);

	if (name)
		drill_text_add(t, "%s", name);
	else
		drill_text_add(t, "%lld", (long long)value);
}

static const char *prefix_of(int level)
{
	switch (level) {
	case SOL_IP:
		return "IP_";
	case SOL_IPV6:
		return "IPV6_";
	case SOL_TCP:
		return "TCP_CM";
	case SOL_SOCKET:
		return "SCM_";
	default:
		return "?";
	}
}

static void print_error(struct drill_text *t, const unsigned char *data)
{
	struct sock_extended_err e;

	memcpy(&e, data, sizeof(e));
	drill_text_add(t, "{ee_errno=%u, ee_origin=", e.ee_errno);
	add_symbol(t, "SO_EE_ORIGIN_", e.ee_origin);
	drill_text_add(t, ", ee_type=%u, ee_code=%u, ee_info=%u, ee_data=%u}",
		       e.ee_type, e.ee_code, e.ee_info, e.ee_data);
}

static void print_stats(struct drill_text *t, const unsigned char *data,
			size_t len)
{
	const char *sep = "{";
	uint16_t head[2];
	uint64_t v;
	size_t i, n;

	for (i = 0; i + 4 <= len; i += (n + 3) & ~(size_t)3) {
		memcpy(head, data + i, 4);
		n = head[0];
		if (n < 4 || i + n > len)
			break;
		v = 0;
		memcpy(&v, data + i + 4, min_size(n - 4, 8));
		drill_text_add(t, "%s", sep);
		add_symbol(t, "TCP_NLA_", head[1]);
		drill_text_add(t, "=%llu", (unsigned long long)v);
		sep = ", ";
	}
	drill_text_add(t, "}");
}

static void print(const struct drill_run *r, struct drill_text *t,
		  struct cmsghdr *c)
{
	size_t len = c->cmsg_len - CMSG_LEN(0);
	const unsigned char *data = CMSG_DATA(c);
	int64_t at[2];
	int v = 0;

	drill_text_add(t, "{cmsg_level=");
	add_symbol(t, "SOL_", c->cmsg_level);
	drill_text_add(t, ", cmsg_type=");
	add_symbol(t, prefix_of(c->cmsg_level), c->cmsg_type);
	drill_text_add(t, ", cmsg_data=");
	if (len >= sizeof(struct sock_extended_err) &&
	    (c->cmsg_level == SOL_IP || c->cmsg_level == SOL_IPV6)) {
		print_error(t, data);
	} else if (c->cmsg_level == SOL_SOCKET &&
		   c->cmsg_type == SCM_TIMESTAMPING && len >= sizeof(at)) {
		memcpy(at, data, sizeof(at));
		if (at[0] || at[1])
			at[0] = since_start(r, at);
		drill_text_add(t, "{scm_sec=%lld, scm_nsec=%lld}",
			       (long long)(at[0] / NS_PER_S),
			       (long long)(at[0] % NS_PER_S));
	} else if (c->cmsg_level == SOL_SOCKET &&
		   c->cmsg_type == SCM_TIMESTAMPING_OPT_STATS) {
		print_stats(t, data, len);
	} else {
		memcpy(&v, data, min_size(len, sizeof(v)));
		drill_text_add(t, "%d", v);
	}
	drill_text_add(t, "}");
}

static const char *match(const struct drill_run *r, const struct drill_expr *e,
			 struct cmsghdr *c)
{
	if (!e)
		return "was not to come";
	if (c->cmsg_level != drill_cmsg_number(e, "cmsg_level"))
		return "cmsg_level differs";
	if (c->cmsg_type != drill_cmsg_number(e, "cmsg_type"))
		return "cmsg_type differs";
	return match_data(r, drill_call_member(e, "cmsg_data"), CMSG_DATA(c),
			  c->cmsg_len - CMSG_LEN(0));
}

void drill_cmsg_match(struct drill_run *r, struct drill_op *op,
		      struct msghdr *m)
{
	const struct drill_expr *e = drill_call_arg(op, 1);
	struct cmsghdr *first = m->msg_controllen ? CMSG_FIRSTHDR(m) : NULL;
	struct drill_text t = { 0 };
	const char *wrong = NULL;
	struct cmsghdr *c = first;

	e = drill_call_member(e, "msg_control");
	e = e && e->kind == DRILL_EX_LIST ? e->first : NULL;
	while (c && !wrong) {
		wrong = match(r, e, c);
		e = e ? e->next : NULL;
		c = CMSG_NXTHDR(m, c);
	}
	if (e && !wrong)
		wrong = "one did not come";
	if (!wrong)
		return;
	for (c = first; c; c = CMSG_NXTHDR(m, c)) {
		drill_text_add(&t, "%s", t.s ? ", " : "");
		print(r, &t, c);
	}
	drill_call_wrong(r, op, "control messages: %s: [%s]", wrong,
			 t.s ? t.s : "");
	free(t.s);
}
