// SPDX-License-Identifier: BSD-2-Clause
/*
 * socket to close. What they tell of a connection's ends goes into its flow.
 */
#include "drill_call.h"

#include "drill_call_name.h"

#include "drill_run.h"

#include "base/time.h"

#include <tern/error.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <tern/socket.h>

struct name {
	struct sockaddr_storage ss;
	socklen_t len;
	struct tern_addr addr;
	uint16_t port;
};

static int default_family(const struct drill_run *r)
{
	return r->config->ip_version == DRILL_IPV4 ? AF_INET : AF_INET6;
}

int64_t drill_call_socket(struct drill_run *r, struct drill_op *op)
{
	int family = default_family(r), type, protocol, fd;
	struct drill_flow *f;

	if (drill_call_arg(op, 0)->kind != DRILL_EX_ANY)
		family = (int)drill_call_number(r, op, 0);
	type = (int)drill_call_number(r, op, 1);
	protocol = (int)drill_call_number(r, op, 2);
	if (r->failed)
		return 0;
	fd = r->a->ops->socket(r->a, family, type, protocol);
	if (fd < 0)
		return fd;
	if (!protocol)
		protocol = (type & 0xf) == SOCK_DGRAM ? IPPROTO_UDP :
							IPPROTO_TCP;
	f = drill_run_new_flow(r, protocol);
	f->fd = fd;
	f->script_fd = (int)op->call->result->num;
	f->family = family;
	r->sut = f;
	return fd;
}

static void put_name(struct name *n, int family)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(n->port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(n->port) };

	memcpy(&in.sin_addr, n->addr.b + 12, 4);
	memcpy(&in6.sin6_addr, n->addr.b, 16);
	n->len = sizeof(in);
	if (family == AF_INET6)
		n->len = sizeof(in6);
	memset(&n->ss, 0, sizeof(n->ss));
	if (family == AF_INET6)
		memcpy(&n->ss, &in6, sizeof(in6));
	else
		memcpy(&n->ss, &in, sizeof(in));
	if (family == AF_UNSPEC)
		n->ss.ss_family = AF_UNSPEC;
}

/* "..." or {sa_family=, sin_port=, sin_addr=}, or a family alone. */
static bool get_name(struct drill_run *r, struct drill_op *op, int i,
		     const struct tern_addr *addr, uint16_t port,
		     struct name *out)
{
	const struct drill_expr *e = drill_call_arg(op, i), *m;
	const struct drill_flow *f = drill_run_flow_of_fd(r, op->fd);
	int family = f ? f->family : default_family(r);

	*out = (struct name){ .addr = *addr, .port = port };
	if (e->kind == DRILL_EX_NUM) {
		family = (int)e->num;
	} else if (e->kind == DRILL_EX_STRUCT) {
		m = drill_call_member(e, "sa_family");
		if (m && m->kind == DRILL_EX_NUM)
			family = (int)m->num;
		m = drill_call_member(e, "sin_port");
		if (m && m->kind == DRILL_EX_NUM)
			out->port = (uint16_t)m->num;
		m = drill_call_member(e, "sin_addr");
		if (m && m->kind == DRILL_EX_ADDR)
			out->addr = m->addr;
	} else if (e->kind != DRILL_EX_ANY) {
		drill_call_bad(r, op, "argument %d is no address", i + 1);
		return false;
	}
	put_name(out, family);
	return true;
}

int64_t drill_call_bind(struct drill_run *r, struct drill_op *op)
{
	struct drill_flow *f = drill_run_flow_of_fd(r, op->fd);
	struct name n;
	int result;

	if (!get_name(r, op, 1, &r->config->local_ip, r->config->bind_port, &n))
		return 0;
	result = r->a->ops->bind(r->a, op->fd, (struct sockaddr *)&n.ss, n.len);
	if (!result && f)
		f->lport = n.port;
	return result;
}

int64_t drill_call_listen(struct drill_run *r, struct drill_op *op)
{
	struct drill_flow *f = drill_run_flow_of_fd(r, op->fd);
	int backlog = (int)drill_call_number(r, op, 1), result;

	if (r->failed)
		return 0;
	result = r->a->ops->listen(r->a, op->fd, backlog);
	if (!result && f)
		f->state = DRILL_FLOW_LISTENING;
	return result;
}

/* The connection on the port of the peer's, which nobody has accepted. */
static void adopt(struct drill_run *r, const struct drill_op *op, int fd,
		  uint16_t rport)
{
	struct drill_flow *f;

	for (f = r->flows; f; f = f->next) {
		if (f->fd < 0 && f->rport == rport)
			break;
	}
	if (!f) {
		f = drill_run_new_flow(r, IPPROTO_TCP);
		f->rport = rport;
		f->lport = r->config->bind_port;
	}
	f->fd = fd;
	f->script_fd = (int)op->call->result->num;
	f->family = default_family(r);
}

int64_t drill_call_accept(struct drill_run *r, struct drill_op *op)
{
	struct sockaddr_storage ss = { 0 };
	const struct sockaddr_in *in = (void *)&ss;
	const struct sockaddr_in6 *in6 = (void *)&ss;
	socklen_t len = sizeof(ss);
	bool v4;
	int fd;

	fd = r->a->ops->accept(r->a, op->fd, (struct sockaddr *)&ss, &len);
	if (fd == -EAGAIN && !op->timed_out && r->a->ops->blocks(r->a, op->fd))
		return DRILL_WAIT;
	if (fd < 0)
		return fd;
	v4 = ss.ss_family == AF_INET;
	adopt(r, op, fd, ntohs(v4 ? in->sin_port : in6->sin6_port));
	return fd;
}

static void on_connect(struct drill_flow *f, const struct name *n)
{
	if (!f || f->state == DRILL_FLOW_KNOWN)
		return;
	f->state = DRILL_FLOW_CONNECTING;
	f->raddr = n->addr;
	f->rport = n->port;
}

int64_t drill_call_connect(struct drill_run *r, struct drill_op *op)
{
	struct drill_flow *f = drill_run_flow_of_fd(r, op->fd);
	struct name n;
	int result;

	if (op->phase) {
		int64_t got = drill_wait_connected(r->a, op->fd);

		return got == DRILL_WAIT && op->timed_out ? -EINPROGRESS : got;
	}
	if (!get_name(r, op, 1, &r->config->remote_ip, r->config->connect_port,
		      &n))
		return 0;
	if (n.ss.ss_family != AF_UNSPEC)
		on_connect(f, &n);
	result = r->a->ops->connect(r->a, op->fd, (struct sockaddr *)&n.ss,
				    n.len);
	if ((result == -EINPROGRESS || result == -EALREADY) &&
	    r->a->ops->blocks(r->a, op->fd)) {
		op->phase = 1;
		return DRILL_WAIT;
	}
	return result;
}

/* For sendto() with MSG_FASTOPEN, and datagrams. */
int drill_call_name(struct drill_run *r, struct drill_op *op, int i,
		    struct sockaddr_storage *ss, socklen_t *len, bool connects)
{
	struct drill_flow *f = drill_run_flow_of_fd(r, op->fd);
	struct name n;

	if (!get_name(r, op, i, &r->config->remote_ip, r->config->connect_port,
		      &n))
		return -1;
	if (connects)
		on_connect(f, &n);
	else if (f && f->protocol == IPPROTO_UDP)
		f->rport = n.port;
	*ss = n.ss;
	*len = n.len;
	return 0;
}

int64_t drill_call_close(struct drill_run *r, struct drill_op *op)
{
	struct drill_flow *f = drill_run_flow_of_fd(r, op->fd);
	int result, secs;

	if (!op->phase && drill_wait_lingers(r->a, op->fd, &secs)) {
		op->wake_at = op->started_at + secs * NS_PER_S;
		op->phase = 1;
		return DRILL_WAIT;
	}
	if (op->phase && !op->timed_out && !drill_wait_lingered(r->a, op->fd))
		return DRILL_WAIT;
	result = r->a->ops->close(r->a, op->fd);
	/* The flow stays: its packets are still looked for. */
	if (!result && f)
		f->fd = -2;
	if (!result)
		drill_run_map_fd(r, (int)drill_call_number(r, op, 0), -1);
	return result;
}

int64_t drill_call_shutdown(struct drill_run *r, struct drill_op *op)
{
	int how = (int)drill_call_number(r, op, 1);

	return r->failed ? 0 : r->a->ops->shutdown(r->a, op->fd, how);
}

int64_t drill_call_fcntl(struct drill_run *r, struct drill_op *op)
{
	int cmd = (int)drill_call_number(r, op, 1), arg = 0;

	if (op->call->n_args > 2)
		arg = (int)drill_call_number(r, op, 2);
	return r->failed ? 0 : r->a->ops->fcntl(r->a, op->fd, cmd, arg);
}

int64_t drill_call_ioctl(struct drill_run *r, struct drill_op *op)
{
	int64_t request = drill_call_number(r, op, 1);
	int want = 0, value, result;

	if (op->call->n_args > 2)
		want = (int)drill_call_number(r, op, 2);
	if (r->failed)
		return 0;
	value = want;
	result = r->a->ops->ioctl(r->a, op->fd, (unsigned long)request, &value);
	if (!result && op->call->n_args > 2 && value != want &&
	    request != FIONBIO)
		drill_call_wrong(r, op, "it gives %d, not %d", value, want);
	return result;
}

/* Capabilities: there is nobody to take them away. */
int64_t drill_call_cap_set(struct drill_run *r, struct drill_op *op)
{
	return 0;
}
