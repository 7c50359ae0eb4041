// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names in code, and the statements that use them. A snapshot of the socket
 * under test is taken before each block: names of TCP_INFO are looked up there
 * first.
 */
#include "drill_code_priv.h"

#include "drill_parse.h"
#include "drill_run.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <tern/socket.h>

struct variable {
	struct variable *next;
	const char *name;
	struct drill_value value;
};

struct drill_vars {
	struct variable *first;
	struct tern_tcp_info info;
	uint32_t mem[9];
	unsigned char cc[64]; /* TCP_CC_INFO, of cc_len bytes */
	socklen_t cc_len;
	char cc_name[16];
	bool has_mem;
};

struct field {
	const char *name;
	uint16_t off, size;
	uint8_t shift, bits; /* of a bit field */
};

#define F(name)                                                      \
	{                                                            \
		"tcpi_" #name, offsetof(struct tern_tcp_info, name), \
			sizeof(((struct tern_tcp_info *)0)->name)    \
	}
#define BITS(label, name, shift, bits)                                   \
	{                                                                \
		"tcpi_" #label, offsetof(struct tern_tcp_info, name), 1, \
			shift, bits                                      \
	}

static const struct field fields[] = {
	F(state),
	F(ca_state),
	F(retransmits),
	F(probes),
	F(backoff),
	F(options),
	BITS(snd_wscale, wscale, 0, 4),
	BITS(rcv_wscale, wscale, 4, 4),
	BITS(delivery_rate_app_limited, flags, 0, 1),
	BITS(fastopen_client_fail, flags, 1, 2),
	F(rto),
	F(ato),
	F(snd_mss),
	F(rcv_mss),
	F(unacked),
	F(sacked),
	F(lost),
	F(retrans),
	F(fackets),
	F(last_data_sent),
	F(last_ack_sent),
	F(last_data_recv),
	F(last_ack_recv),
	F(pmtu),
	F(rcv_ssthresh),
	F(rtt),
	F(rttvar),
	F(snd_ssthresh),
	F(snd_cwnd),
	F(advmss),
	F(reordering),
	F(rcv_rtt),
	F(rcv_space),
	F(total_retrans),
	F(pacing_rate),
	F(max_pacing_rate),
	F(bytes_acked),
	F(bytes_received),
	F(segs_out),
	F(segs_in),
	F(notsent_bytes),
	F(min_rtt),
	F(data_segs_in),
	F(data_segs_out),
	F(delivery_rate),
	F(busy_time),
	F(rwnd_limited),
	F(sndbuf_limited),
	F(delivered),
	F(delivered_ce),
	F(bytes_sent),
	F(bytes_retrans),
	F(dsack_dups),
	F(reord_seen),
	F(rcv_ooopack),
	F(snd_wnd),
	F(rcv_wnd),
	F(rehash),
	F(total_rto),
	F(total_rto_recoveries),
	F(total_rto_time),
	F(received_ce),
	F(delivered_e1_bytes),
	F(delivered_e0_bytes),
	F(delivered_ce_bytes),
	F(received_e1_bytes),
	F(received_e0_bytes),
	F(received_ce_bytes),
	BITS(ecn_mode, accecn, 0, 2),
	BITS(accecn_opt_seen, accecn, 2, 2),
	BITS(accecn_fail_mode, accecn, 4, 4),
};

static const char *const mem_names[9] = {
	"SK_MEMINFO_RMEM_ALLOC", "SK_MEMINFO_RCVBUF",
	"SK_MEMINFO_WMEM_ALLOC", "SK_MEMINFO_SNDBUF",
	"SK_MEMINFO_FWD_ALLOC",	 "SK_MEMINFO_WMEM_QUEUED",
	"SK_MEMINFO_OPTMEM",	 "SK_MEMINFO_BACKLOG",
	"SK_MEMINFO_DROPS",
};

/* TCP_CC_INFO, as linux/inet_diag.h lays it out; "" is Vegas and its kin. */
static const struct {
	const char *cc, *name;
	struct field field;
} cc_fields[] = {
	{ "bbr", "bbr_bw_lo", { NULL, 0, 4 } },
	{ "bbr", "bbr_bw_hi", { NULL, 4, 4 } },
	{ "bbr", "bbr_min_rtt", { NULL, 8, 4 } },
	{ "bbr", "bbr_pacing_gain", { NULL, 12, 4 } },
	{ "bbr", "bbr_cwnd_gain", { NULL, 16, 4 } },
	{ "dctcp", "dctcp_enabled", { NULL, 0, 2 } },
	{ "dctcp", "dctcp_ce_state", { NULL, 2, 2 } },
	{ "dctcp", "dctcp_alpha", { NULL, 4, 4 } },
	{ "dctcp", "dctcp_ab_ecn", { NULL, 8, 4 } },
	{ "dctcp", "dctcp_ab_tot", { NULL, 12, 4 } },
	{ "", "tcpv_enabled", { NULL, 0, 4 } },
	{ "", "tcpv_rttcnt", { NULL, 4, 4 } },
	{ "", "tcpv_rtt", { NULL, 8, 4 } },
	{ "", "tcpv_minrtt", { NULL, 12, 4 } },
};

struct drill_vars *drill_code_new_vars(struct drill_mem *mem)
{
	return DRILL_NEW(mem, struct drill_vars);
}

static drill_int field_value(const void *info, const struct field *f)
{
	const unsigned char *p = (const unsigned char *)info + f->off;
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;

	switch (f->size) {
	case 8:
		memcpy(&v64, p, 8);
		return (drill_int)v64;
	case 4:
		memcpy(&v32, p, 4);
		return v32;
	case 2:
		memcpy(&v16, p, 2);
		return v16;
	default:
		if (f->bits)
			return *p >> f->shift & ((1 << f->bits) - 1);
		return *p;
	}
}

static bool get_number(const struct drill_vars *vars, const char *name,
		       drill_int *out)
{
	int64_t v;
	size_t i;

	for (i = 0; i < ARRAY_LEN(fields); i++) {
		if (!strcmp(fields[i].name, name)) {
			*out = field_value(&vars->info, &fields[i]);
			return true;
		}
	}
	for (i = 0; vars->has_mem && i < ARRAY_LEN(mem_names); i++) {
		if (!strcmp(mem_names[i], name)) {
			*out = vars->mem[i];
			return true;
		}
	}
	for (i = 0; i < ARRAY_LEN(cc_fields); i++) {
		const struct field *f = &cc_fields[i].field;

		if (!strcmp(cc_fields[i].name, name) &&
		    !strncmp(cc_fields[i].cc, vars->cc_name,
			     strlen(cc_fields[i].cc)) &&
		    f->off + f->size <= vars->cc_len) {
			*out = field_value(vars->cc, f);
			return true;
		}
	}
	if (strncmp(name, "TCP", 3) != 0 ||
	    !drill_sym_find(name, strlen(name), &v))
		return false;
	*out = v;
	return true;
}

bool drill_code_get(struct drill_run *r, const char *name,
		    struct drill_value *out)
{
	const struct variable *v;

	*out = (struct drill_value){ .kind = DRILL_V_INT };
	if (get_number(r->vars, name, &out->i))
		return true;
	if (!strcmp(name, "True") || !strcmp(name, "False")) {
		out->kind = DRILL_V_BOOL;
		out->i = name[0] == 'T';
		return true;
	}
	out->kind = DRILL_V_NONE;
	if (!strcmp(name, "None"))
		return true;
	for (v = r->vars->first; v; v = v->next) {
		if (!strcmp(v->name, name)) {
			*out = v->value;
			return true;
		}
	}
	return false;
}

void drill_code_set(struct drill_run *r, const char *name,
		    const struct drill_value *value)
{
	struct variable *v;

	for (v = r->vars->first; v && strcmp(v->name, name) != 0; v = v->next)
		;
	if (!v) {
		v = DRILL_NEW(r->mem, struct variable);
		v->name = name;
		v->next = r->vars->first;
		r->vars->first = v;
	}
	v->value = *value;
}

const char *drill_code_snapshot(struct drill_run *r)
{
	struct drill_vars *vars = r->vars;
	int fd = r->sut ? r->sut->fd : -1;
	socklen_t len;

	if (fd < 0)
		return "there is no socket under test to ask for TCP_INFO";
	if (r->a->ops->tcp_info(r->a, fd, &vars->info) < 0)
		return "the socket under test gives no TCP_INFO";
	len = sizeof(vars->mem);
	vars->has_mem = !r->a->ops->getsockopt(
		r->a, fd, SOL_SOCKET, TERN_SO_MEMINFO, vars->mem, &len);
	vars->cc_len = sizeof(vars->cc);
	if (r->a->ops->getsockopt(r->a, fd, TERN_IPPROTO_TCP, TERN_TCP_CC_INFO,
				  vars->cc, &vars->cc_len) < 0)
		vars->cc_len = 0;
	len = sizeof(vars->cc_name) - 1;
	memset(vars->cc_name, 0, sizeof(vars->cc_name));
	r->a->ops->getsockopt(r->a, fd, TERN_IPPROTO_TCP, TERN_TCP_CONGESTION,
			      vars->cc_name, &len);
	return NULL;
}

/* Appends "name is value" for each name in an expression. */
static void explain(struct drill_eval *e, const struct drill_node *n,
		    struct drill_text *t)
{
	struct drill_value v;
	int64_t constant;

	for (; n; n = n->next) {
		if (n->kind == DRILL_N_NAME &&
		    !drill_sym_find(n->name, strlen(n->name), &constant) &&
		    drill_code_get(e->r, n->name, &v)) {
			drill_text_add(t, "\n  %s is ", n->name);
			drill_code_print(t, &v, true);
		}
		explain(e, n->first, t);
	}
}

static void failed(struct drill_eval *e, const struct drill_statement *s)
{
	struct drill_text t = { 0 }, message = { 0 };
	struct drill_value v;

	explain(e, s->a, &t);
	if (s->b) {
		v = drill_code_eval(e, s->b);
		drill_text_add(&message, ": ");
		drill_code_print(&message, &v, false);
	}
	drill_run_fail(e->r, s->line, "assertion failed: %s%s%s", s->text,
		       s->b && s->b->kind == DRILL_N_VALUE ? message.s : "",
		       t.s ? t.s : "");
	free(t.s);
	free(message.s);
}

static void run(struct drill_eval *e, const struct drill_statement *s)
{
	struct drill_value v = drill_code_eval(e, s->a), old;

	if (e->error)
		return;
	switch (s->kind) {
	case DRILL_S_ASSERT:
		if (!drill_code_truth(&v))
			failed(e, s);
		return;
	case DRILL_S_ASSIGN:
		if (s->op) {
			if (!drill_code_get(e->r, s->name, &old)) {
				drill_code_fail(e, "there is no name %s",
						s->name);
				return;
			}
			v = drill_code_binary(e, s->op, &old, &v);
		}
		if (!e->error)
			drill_code_set(e->r, s->name, &v);
		return;
	case DRILL_S_EXPR:
		return;
	}
}

bool drill_code_run(struct drill_run *r, const struct drill_code *code)
{
	struct drill_eval e = { .r = r };
	const struct drill_statement *s;
	const char *wrong = drill_code_snapshot(r);

	if (wrong)
		return drill_run_fail(r, code->line, "%s", wrong);
	for (s = code->first; s && !r->failed; s = s->next) {
		e.statement = s;
		run(&e, s);
		if (e.error)
			return drill_run_fail(r, s->line, "code: %s: %s",
					      e.error, s->text);
	}
	drill_trail_add(&r->trail, LADDER_NOTE, drill_run_now(r),
			"%%{ ... }%%");
	return !r->failed;
}
