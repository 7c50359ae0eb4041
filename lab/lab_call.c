// SPDX-License-Identifier: BSD-2-Clause
/*
 * The calls of programs: a table of names, each with its function. They are
 * the socket calls of a Unix program; one that would wait gives EAGAIN and is
 * asked again when something has happened.
 */
#include "lab_call_priv.h"

#include "drill_parse.h"
#include "lab_sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct lab_call {
	const char *name;
	int min, max; /* arguments */
	int64_t (*run)(struct lab_run *, struct lab_app *,
		       const struct lab_step *);
	const char *usage, *help;
};

int64_t lab_call_bad(struct lab_run *run, const struct lab_step *s,
		     const char *fmt, const char *what)
{
	char text[200];

	snprintf(text, sizeof(text), fmt, what);
	lab_run_fail(run, s->line, "%s", text);
	return -TERN_EINVAL;
}

struct lab_var *lab_var_find(struct lab_run *run, const struct lab_host *h,
			     const char *name)
{
	struct lab_var *v = run->vars;

	while (v && (v->host != h || strcmp(v->name, name) != 0))
		v = v->next;
	return v;
}

/* The variable of a step, made if it is new. */
static struct lab_var *var_of(struct lab_run *run, const struct lab_app *app,
			      const struct lab_step *s)
{
	struct lab_var *v = lab_var_find(run, app->host, s->var);

	if (!v) {
		v = DRILL_NEW(run->mem, struct lab_var);
		v->next = run->vars;
		v->host = app->host;
		v->name = s->var;
		run->vars = v;
	}
	return v;
}

static void set_var(struct lab_run *run, struct lab_app *app,
		    const struct lab_step *s, int fd, bool udp)
{
	struct lab_var *v;

	lab_desc_own(app, fd);
	if (!s->var)
		return;
	v = var_of(run, app, s);
	*v = (struct lab_var){
		.next = v->next,
		.host = app->host,
		.name = s->var,
		.fd = fd,
		.udp = udp,
	};
}

void lab_var_learn(struct lab_var *v)
{
	struct tern_sockaddr a;

	if (v->fd < 0 || !v->host->on)
		return;
	/* A connect() that failed gives its port back. */
	if (!v->host->sys->name(v->host, v->fd, false, &a) && a.port)
		v->lport = a.port;
	if (!v->host->sys->name(v->host, v->fd, true, &a)) {
		v->rport = a.port;
		v->remote = a.addr;
	}
}

struct lab_var *lab_call_socket(struct lab_run *run, struct lab_app *app,
				const struct lab_step *s)
{
	struct lab_var *v = lab_var_find(run, app->host, s->args[0].text);

	if (!v)
		lab_call_bad(run, s,
			     "no socket has been called \"%s\" on this host",
			     s->args[0].text);
	return v;
}

bool lab_call_address(struct lab_run *run, const struct lab_arg *a,
		      struct tern_sockaddr *out)
{
	const char *colon = strrchr(a->text, ':');
	const char *port = colon ? colon + 1 : a->text;
	struct lab_node_decl *d;
	char name[64], *end;
	unsigned long v = strtoul(port, &end, 10);

	*out = (struct tern_sockaddr){
		.family = run->script->v6 ? TERN_AF_INET6 : TERN_AF_INET,
		.addr = run->script->v6 ? (struct tern_addr){ { 0 } } :
					  tern_addr_v4(0, 0, 0, 0),
	};
	if (end == port || *end || v > 65535)
		return false;
	out->port = (uint16_t)v;
	if (!colon)
		return true;
	snprintf(name, sizeof(name), "%.*s", (int)(colon - a->text), a->text);
	d = lab_script_node(run->script, name);
	if (d)
		out->addr = lab_run_addr(run, d);
	else if (!tern_addr_parse(name, NULL, &out->addr))
		return false;
	out->family = tern_addr_is_v4(&out->addr) ? TERN_AF_INET :
						    TERN_AF_INET6;
	return true;
}

static int64_t call_socket(struct lab_run *run, struct lab_app *app,
			   const struct lab_step *s)
{
	bool udp = !strcasecmp(s->args[0].text, "udp");
	int fd;

	if (!udp && strcasecmp(s->args[0].text, "tcp") != 0)
		return lab_call_bad(run, s,
				    "socket(tcp) or socket(udp), not \"%s\"",
				    s->args[0].text);
	fd = app->host->sys->socket(
		app->host, run->script->v6 ? TERN_AF_INET6 : TERN_AF_INET,
		udp ? TERN_SOCK_DGRAM : TERN_SOCK_STREAM);
	if (fd >= 0)
		set_var(run, app, s, fd, udp);
	return fd;
}

static int64_t call_bind(struct lab_run *run, struct lab_app *app,
			 const struct lab_step *s)
{
	struct tern_sockaddr a;
	int64_t r;
	SOCKET_OR_RETURN(v);

	if (!lab_call_address(run, &s->args[1], &a))
		return lab_call_bad(run, s,
				    "\"%s\" is no address: server:80, 80",
				    s->args[1].text);
	r = sys->bind(h, v->fd, &a);
	lab_var_learn(v);
	return r;
}

static int64_t call_listen(struct lab_run *run, struct lab_app *app,
			   const struct lab_step *s)
{
	SOCKET_OR_RETURN(v);

	return sys->listen(h, v->fd,
			   s->n_args > 1 ? (int)s->args[1].number : 128);
}

/* socket(), bind() and listen() at once. */
static int64_t call_listener(struct lab_run *run, struct lab_app *app,
			     const struct lab_step *s)
{
	struct lab_host *h = app->host;
	const struct lab_sys *sys = h->sys;
	int64_t r;
	struct tern_sockaddr a;
	struct lab_var *v;
	int fd;

	if (!lab_call_address(run, &s->args[0], &a))
		return lab_call_bad(run, s,
				    "\"%s\" is no address: server:80, 80",
				    s->args[0].text);
	fd = sys->socket(h, a.family, TERN_SOCK_STREAM);
	if (fd < 0)
		return fd;
	r = sys->bind(h, fd, &a);
	if (!r)
		r = sys->listen(h, fd,
				s->n_args > 1 ? (int)s->args[1].number : 128);
	if (r) {
		sys->close(h, fd);
		return r;
	}
	set_var(run, app, s, fd, false);
	v = s->var ? lab_var_find(run, app->host, s->var) : NULL;
	if (v)
		lab_var_learn(v);
	return fd;
}

static int64_t so_error(struct lab_host *h, int fd)
{
	int error = 0;
	size_t n = sizeof(error);
	int r = h->sys->get_option(h, fd, TERN_SOL_SOCKET, TERN_SO_ERROR,
				   &error, &n);

	return r ? r : -error;
}

static int64_t call_connect(struct lab_run *run, struct lab_app *app,
			    const struct lab_step *s)
{
	struct tern_sockaddr a;
	int64_t r;
	SOCKET_OR_RETURN(v);

	if (app->phase) {
		if (!(sys->poll(h, v->fd) &
		      (TERN_POLLOUT | TERN_POLLERR | TERN_POLLHUP)))
			return -TERN_EAGAIN;
		return so_error(h, v->fd);
	}
	if (!lab_call_address(run, &s->args[1], &a))
		return lab_call_bad(run, s, "\"%s\" is no address: server:80",
				    s->args[1].text);
	r = sys->connect(h, v->fd, &a);
	lab_var_learn(v);
	v->rport = a.port;
	v->remote = a.addr;
	v->connects = true;
	if (app->quiet && v->lport)
		lab_log_quiet(&run->log, v->lport);
	if (r != -TERN_EINPROGRESS || s->nowait)
		return r;
	app->phase = 1;
	return -TERN_EAGAIN;
}

static int64_t call_accept(struct lab_run *run, struct lab_app *app,
			   const struct lab_step *s)
{
	struct tern_sockaddr peer = { 0 };
	int fd;
	SOCKET_OR_RETURN(v);

	fd = sys->accept(h, v->fd, &peer);
	if (fd < 0)
		return fd;
	set_var(run, app, s, fd, false);
	v = s->var ? lab_var_find(run, app->host, s->var) : NULL;
	if (!v)
		return fd;
	/* One that was reset in the queue has no peer any more. */
	v->rport = peer.port;
	v->remote = peer.addr;
	lab_var_learn(v);
	return fd;
}

static int64_t call_shutdown(struct lab_run *run, struct lab_app *app,
			     const struct lab_step *s)
{
	static const char *const hows[] = { "RD", "WR", "RDWR" };
	SOCKET_OR_RETURN(v);

	for (int i = 0; i < 3; i++) {
		if (!strcasecmp(s->args[1].text, hows[i]))
			return sys->shutdown(h, v->fd, i);
	}
	return lab_call_bad(run, s, "shutdown(s, RD), WR or RDWR: not \"%s\"",
			    s->args[1].text);
}

static int64_t call_close(struct lab_run *run, struct lab_app *app,
			  const struct lab_step *s)
{
	int64_t r;

	if (!strcasecmp(s->args[0].text, "all"))
		return lab_desc_close_all(run, app);
	SOCKET_OR_RETURN(v);
	lab_var_learn(v);
	r = v->fd < 0 ? -TERN_EBADF : lab_desc_close(run, app, v->fd);
	v->fd = -1;
	return r;
}

/* One more name for the socket, in this program or another of the host. */
static int64_t call_dup(struct lab_run *run, struct lab_app *app,
			const struct lab_step *s)
{
	struct lab_var *to;
	SOCKET_OR_RETURN(v);

	if (v->fd < 0)
		return -TERN_EBADF;
	lab_desc_share(run, app, v->fd);
	if (!s->var)
		return v->fd;
	to = var_of(run, app, s);
	to->fd = v->fd;
	to->udp = v->udp;
	lab_var_learn(to);
	return v->fd;
}

static const struct {
	const char *prefix;
	int level;
} levels[] = {
	{ "SO_", TERN_SOL_SOCKET },
	{ "TCP_", TERN_IPPROTO_TCP },
	{ "IP_", TERN_IPPROTO_IP },
	{ "IPV6_", TERN_IPPROTO_IPV6 },
};

static bool find_option(const char *name, int *level, int64_t *number)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (strncmp(name, levels[i].prefix, strlen(levels[i].prefix)))
			continue;
		*level = levels[i].level;
		return drill_sym_find(name, strlen(name), number);
	}
	return false;
}

/* One number, or those of SO_LINGER, or a name (TCP_CONGESTION). */
static int64_t call_setsockopt(struct lab_run *run, struct lab_app *app,
			       const struct lab_step *s)
{
	int values[LAB_ARGS_MAX], n = s->n_args - 2, level;
	int64_t name;
	SOCKET_OR_RETURN(v);

	if (!find_option(s->args[1].text, &level, &name))
		return lab_call_bad(run, s, "there is no option \"%s\"",
				    s->args[1].text);
	if (s->args[2].kind != LAB_NUMBER)
		return sys->set_option(h, v->fd, level, (int)name,
				       s->args[2].text, s->args[2].len);
	for (int i = 0; i < n; i++)
		values[i] = (int)s->args[2 + i].number;
	return sys->set_option(h, v->fd, level, (int)name, values,
			       (size_t)n * sizeof(int));
}

static int64_t call_getsockopt(struct lab_run *run, struct lab_app *app,
			       const struct lab_step *s)
{
	int level, value = 0;
	size_t n = sizeof(value);
	int64_t name, r;
	SOCKET_OR_RETURN(v);

	if (!find_option(s->args[1].text, &level, &name))
		return lab_call_bad(run, s, "there is no option \"%s\"",
				    s->args[1].text);
	r = sys->get_option(h, v->fd, level, (int)name, &value, &n);
	return r ? r : value;
}

static int64_t call_poll(struct lab_run *run, struct lab_app *app,
			 const struct lab_step *s)
{
	SOCKET_OR_RETURN(v);

	return sys->poll(h, v->fd) &
	       (TERN_POLLIN | TERN_POLLPRI | TERN_POLLOUT | TERN_POLLERR |
		TERN_POLLHUP | TERN_POLLRDHUP);
}

static int64_t call_wait(struct lab_run *run, struct lab_app *app,
			 const struct lab_step *s)
{
	int64_t bits = lab_poll_bits(s->args[1].text), ready;

	if (bits <= 0)
		return lab_call_bad(run, s, "wait(s, IN), OUT, ...: not \"%s\"",
				    s->args[1].text);
	ready = call_poll(run, app, s);
	return ready & (bits | TERN_POLLERR | TERN_POLLHUP) ? ready :
							      -TERN_EAGAIN;
}

static int64_t call_ioctl(struct lab_run *run, struct lab_app *app,
			  const struct lab_step *s)
{
	int value = 0;
	int64_t request, r;
	SOCKET_OR_RETURN(v);

	if (!drill_sym_find(s->args[1].text, s->args[1].len, &request))
		return lab_call_bad(run, s,
				    "there is no request \"%s\": SIOCINQ, "
				    "SIOCOUTQ, SIOCOUTQNSD",
				    s->args[1].text);
	r = sys->ioctl(h, v->fd, (unsigned long)request, &value);
	return r ? r : value;
}

static const struct lab_call calls[] = {
	{ "socket", 1, 1, call_socket, "socket(tcp|udp)", "a new socket" },
	{ "bind", 2, 2, call_bind, "bind(s, PORT|HOST:PORT)",
	  "gives it a local address" },
	{ "listen", 1, 2, call_listen, "listen(s[, BACKLOG])",
	  "takes connections; the backlog is 128 if none is named" },
	{ "listener", 1, 2, call_listener, "listener(PORT[, BACKLOG])",
	  "socket, bind and listen at once" },
	{ "accept", 1, 1, call_accept, "accept(s)",
	  "waits for a connection; a new socket" },
	{ "connect", 2, 2, call_connect, "connect(s, HOST:PORT)",
	  "connects, and waits for the outcome" },
	{ "send", 2, 3, lab_call_send, "send(s, BYTES|TEXT[, FLAG])",
	  "waits until the send buffer has taken all" },
	{ "sendto", 3, 3, lab_call_sendto, "sendto(s, BYTES|TEXT, HOST:PORT)",
	  "a datagram" },
	{ "read", 1, 3, lab_call_read, "read(s[, BYTES[, FLAG]])",
	  "waits for data, and takes what is there; 0 at the end" },
	{ "readall", 1, 2, lab_call_readall, "readall(s[, BYTES])",
	  "reads until so many bytes or the end of the stream" },
	{ "shutdown", 2, 2, call_shutdown, "shutdown(s, RD|WR|RDWR)",
	  "ends one direction or both" },
	{ "close", 1, 1, call_close, "close(s|all)",
	  "gives the socket back; all: of this program" },
	{ "dup", 1, 1, call_dup, "dup(s)",
	  "one more descriptor of the socket, also for another program" },
	{ "setsockopt", 3, 6, call_setsockopt, "setsockopt(s, OPTION, VALUE)",
	  "SO_*, TCP_*, IP_*, IPV6_*; SO_LINGER takes two values" },
	{ "getsockopt", 2, 2, call_getsockopt, "getsockopt(s, OPTION)",
	  "gives its value" },
	{ "poll", 1, 1, call_poll, "poll(s)", "gives IN+OUT and so on" },
	{ "wait", 2, 2, call_wait, "wait(s, IN|OUT|...)",
	  "waits until poll would tell one of them" },
	{ "ioctl", 2, 2, call_ioctl, "ioctl(s, SIOCINQ|SIOCOUTQ|...)",
	  "gives its value" },
};

const struct lab_call *lab_call_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		if (!strcmp(calls[i].name, name))
			return &calls[i];
	}
	return NULL;
}

const char *lab_call_args(const struct lab_call *c, int *min, int *max)
{
	*min = c->min;
	*max = c->max;
	return c->usage;
}

const char *lab_call_at(int i, const char **usage, const char **help)
{
	if (i < 0 || (size_t)i >= ARRAY_LEN(calls))
		return NULL;
	*usage = calls[i].usage;
	*help = calls[i].help;
	return calls[i].name;
}

int64_t lab_call_do(struct lab_run *run, struct lab_app *app,
		    const struct lab_step *s)
{
	return s->call->run(run, app, s);
}
