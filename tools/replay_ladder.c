// SPDX-License-Identifier: BSD-2-Clause
#include "tools/replay_ladder.h"

#include "lab/drill_parse.h"
#include "lab/ladder_trace.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of sockets are small, and used again; a record that says otherwise
 * is not believed. */
#define SOCKETS_MAX (1 << 20)

struct replay_socket {
	int conn; /* its connection's number + 1; 0: none */
	struct tern_sockaddr local;
};

static struct replay_socket *socket_at(struct replay_ladder *l, int64_t s)
{
	if (s < 0 || s >= SOCKETS_MAX)
		return NULL;
	if (s >= l->n_sockets) {
		int n = s < 64 ? 128 : 2 * (int)s;

		l->sockets = drill_mem_grow(l->sockets,
					    (size_t)n * sizeof(*l->sockets));
		memset(l->sockets + l->n_sockets, 0,
		       (size_t)(n - l->n_sockets) * sizeof(*l->sockets));
		l->n_sockets = n;
	}
	return &l->sockets[s];
}

/* That socket is this connection's from now on. */
static void join(struct replay_ladder *l, int64_t s, int conn,
		 const struct tern_sockaddr *local)
{
	struct replay_socket *socket = socket_at(l, s);

	if (socket)
		*socket = (struct replay_socket){ conn + 1, *local };
}

void replay_ladder_packet(struct replay_ladder *l, bool out,
			  const struct tern_pkt *pkt, int64_t now)
{
	static uint8_t bytes[1 << 16];
	uint32_t n = min_u32(pkt->len, sizeof(bytes));
	int conn;

	tern_pkt_copy_out(pkt, 0, bytes, n);
	conn = ladder_conns_packet(&l->conns, bytes, n, now);
	if (!out) {
		l->pkt = pkt;
		l->pkt_conn = conn;
	} else if (conn >= 0) {
		ladder_conns_half_open(&l->conns, conn);
	}
}

void replay_ladder_trace(struct replay_ladder *l, const struct tern_trace *t)
{
	struct ladder_event e[2];
	int conn, n;

	if (t->kind == TERN_TRACE_DROP && t->pkt && t->pkt == l->pkt &&
	    l->pkt_conn >= 0 && t->what && strcmp(t->what, "TCP_RESET") != 0)
		ladder_conns_note(&l->conns, l->pkt_conn, t->what);
	if (t->kind == TERN_TRACE_DROP || t->kind == TERN_TRACE_IN ||
	    t->kind == TERN_TRACE_OUT || !t->remote.port)
		return;
	conn = t->kind == TERN_TRACE_STATE && t->to == TERN_TCP_SYN_SENT ?
		       -1 :
		       ladder_conns_find(&l->conns, &t->local, &t->remote);
	if (conn < 0)
		conn = ladder_conns_open(&l->conns, &t->local, &t->remote);
	if (t->s >= 0)
		join(l, t->s, conn, &t->local);
	n = ladder_trace(t, e);
	for (int i = 0; i < n; i++)
		ladder_conns_add(&l->conns, conn, &t->local, e[i].kind,
				 e[i].text, t->now);
}

static void accepted(struct replay_ladder *l, const struct tern_replay_call *k)
{
	const struct tern_sockaddr *who = k->out;
	struct replay_socket *listener = socket_at(l, k->s);
	struct tern_sockaddr local;
	int conn;

	if (k->result < 0 || !who || !listener)
		return;
	conn = ladder_conns_by_peer(&l->conns, who, listener->local.port,
				    &local);
	if (conn >= 0)
		join(l, k->result, conn, &local);
}

static void put_result(struct drill_text *t, int64_t result)
{
	const char *name = result < 0 ? drill_sym_errno((int)-result) : NULL;

	if (name)
		drill_text_add(t, " = -1 %s", name);
	else
		drill_text_add(t, " = %" PRId64, result);
}

static const char *shut_name(int64_t how)
{
	static const char *const names[] = { "SHUT_RD", "SHUT_WR",
					     "SHUT_RDWR" };

	return how >= 0 && how <= 2 ? names[how] : "?";
}

/* Is it worth a line? */
static bool is_told(const struct tern_replay_call *k)
{
	static const char *const names[] = { "connect",	 "accept",
					     "sendmsg",	 "recvmsg",
					     "shutdown", "recv_frags",
					     "close",	 "setsockopt" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(k->name, names[i]))
			return k->result != -TERN_EAGAIN;
	return false;
}

static void print_call(struct drill_text *t, const struct tern_replay_call *k)
{
	int32_t v;

	if (!strcmp(k->name, "sendmsg"))
		drill_text_add(t, "send(%zu)", k->in_len);
	else if (!strcmp(k->name, "recvmsg"))
		drill_text_add(t, "%s(%" PRId64 ")",
			       k->arg[0] & TERN_MSG_PEEK ? "peek" : "recv",
			       k->arg[1]);
	else if (!strcmp(k->name, "recv_frags"))
		drill_text_add(t, "recv()");
	else if (!strcmp(k->name, "shutdown"))
		drill_text_add(t, "shutdown(%s)", shut_name(k->arg[0]));
	else if (!strcmp(k->name, "setsockopt") && k->in_len == sizeof(v)) {
		memcpy(&v, k->in, sizeof(v));
		drill_text_add(t,
			       "setsockopt(%" PRId64 ", %" PRId64 ", %" PRId32
			       ")",
			       k->arg[0], k->arg[1], v);
	} else
		drill_text_add(t, "%s()", k->name);
	/* Of lent fragments the result is their number. */
	put_result(t, k->result > 0 && k->out_len ? (int64_t)k->out_len :
						    k->result);
}

void replay_ladder_call(struct replay_ladder *l,
			const struct tern_replay_call *k)
{
	const struct tern_sockaddr *sa = k->in;
	int64_t s = strcmp(k->name, "accept") ? k->s : k->result;
	struct replay_socket *socket;
	struct drill_text t = { 0 };

	if (!strcmp(k->name, "accept"))
		accepted(l, k);
	socket = is_told(k) || !strcmp(k->name, "bind") ? socket_at(l, s) :
							  NULL;
	if (socket && !strcmp(k->name, "bind") && !k->result &&
	    k->in_len == sizeof(*sa))
		socket->local = *sa;
	if (socket && socket->conn && is_told(k)) {
		print_call(&t, k);
		ladder_conns_call(&l->conns, socket->conn - 1, &socket->local,
				  t.s, k->now);
		free(t.s);
	}
	if (socket && !strcmp(k->name, "close"))
		*socket = (struct replay_socket){ 0 };
	ladder_conns_mark(&l->conns);
	l->pkt = NULL;
}

bool replay_ladder_draw(const struct replay_ladder *l, uint64_t which,
			const struct ladder_style *style, struct drill_text *t)
{
	if (which > (uint64_t)l->conns.n)
		return false;
	for (int i = 0; i < l->conns.n; i++) {
		if (which && which != (uint64_t)i + 1)
			continue;
		ladder_conns_draw(&l->conns, i, style, t);
		drill_text_add(t, "\n");
	}
	return true;
}

void replay_ladder_fini(struct replay_ladder *l)
{
	ladder_conns_fini(&l->conns);
	free(l->sockets);
}
