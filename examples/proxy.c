// SPDX-License-Identifier: BSD-2-Clause
/*
 * A transparent TCP proxy: what is routed into a TUN device is accepted for
 * any address and port, and carried on by sockets of the kernel.
 *
 *	proxy NAME ADDR/BITS [DEVICE]
 *
 * makes the TUN device NAME, whose kernel side gets ADDR; connections go on by
 * DEVICE, so that they are not routed into the TUN again. A client's SYN is
 * held until the connection behind it has come to an end of its own, and gets
 * the same answer: SYN-ACK, RST, or an ICMP error. From then on bytes, the end
 * of a direction, a reset, and the slowness of a reader pass through as they
 * are: nothing is read here before the other side has taken what was read.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <tern/link.h>
#include <tern/stack.h>

#define BATCH 64
#define SOCKETS 65536
#define NS_PER_MS INT64_C(1000000)
/* For a client that never answers our SYN-ACK: 1+2+4+8+16+32 s, to spare. */
#define ACCEPT_WITHIN (70000 * NS_PER_MS)

/* One direction: what was read and is not yet written. */
struct half {
	size_t from, to;
	bool ended; /* nothing more to read */
	bool shut;  /* and that was passed on */
	char bytes[65536];
};

struct flow {
	struct flow *next;
	enum { CONNECTING, ANSWERED, OPEN } stage;
	int fd; /* the kernel's socket */
	int s;	/* the stack's, once OPEN */
	int64_t answered_at;
	struct tern_syn syn;
	struct half up, down; /* to the server, to the client */
};

static struct tern_stack *stack;
static struct tern_link *tun;
static int tun_number, listener, epoll, on = 1;
static const char *device;
static struct flow *flows, *by_s[SOCKETS];
static int64_t now;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "proxy: %s: %s\n", what, why);
	exit(1);
}

static void read_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Takes a flow off the list and ends both sides; with a reset if asked to. */
static void end(struct flow *f, bool reset)
{
	struct linger hard = { 1, 0 }; /* struct tern_linger is the same */
	struct flow **at = &flows;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	if (reset)
		setsockopt(f->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(f->fd);
	if (f->stage == OPEN) {
		if (reset)
			tern_setsockopt(stack, f->s, TERN_SOL_SOCKET,
					TERN_SO_LINGER, &hard, sizeof(hard),
					now);
		tern_close(stack, f->s, now);
		by_s[f->s] = NULL;
	}
	free(f);
}

/* The kernel's results as the stack's: their errors have the same numbers. */
static int64_t result(ssize_t n)
{
	return n < 0 ? -errno : n;
}

/* As much of one direction as goes now. False: the connection has broken. */
static bool pass(struct flow *f, struct half *h, bool up)
{
	int64_t n;

	while (!h->shut) {
		char *at = h->bytes + h->from;
		size_t left = h->to - h->from;

		if (left) {
			n = up ? result(send(f->fd, at, left, MSG_NOSIGNAL)) :
				 tern_send(stack, f->s, at, left, 0, now);
			h->from += n > 0 ? (size_t)n : 0;
		} else if (!h->ended) {
			at = h->bytes;
			left = sizeof(h->bytes);
			n = up ? tern_recv(stack, f->s, at, left, 0, now) :
				 result(recv(f->fd, at, left, 0));
			h->from = 0;
			h->to = n > 0 ? (size_t)n : 0;
			h->ended = n == 0;
		} else {
			h->shut = true;
			n = up ? result(shutdown(f->fd, SHUT_WR)) :
				 tern_shutdown(stack, f->s, TERN_SHUT_WR, now);
		}
		if (n < 0)
			return n == -EAGAIN;
	}
	return true;
}

static void move(struct flow *f)
{
	if (!pass(f, &f->up, true) || !pass(f, &f->down, false))
		end(f, true);
	else if (f->up.shut && f->down.shut)
		end(f, false);
}

/* The kernel's connect has ended: so does the client's wait. */
static void answer(struct flow *f, int error)
{
	enum tern_syn_answer a = error == 0	       ? TERN_SYN_ACCEPT :
				 error == ECONNREFUSED ? TERN_SYN_RESET :
				 error == EHOSTUNREACH ? TERN_SYN_HOST :
				 error == ENETUNREACH  ? TERN_SYN_NET :
				 error == EACCES       ? TERN_SYN_PROHIBITED :
							 TERN_SYN_DROP;
	int gone = tern_syn_answer(stack, f->syn.id, a, now);

	f->stage = ANSWERED;
	f->answered_at = now;
	if (error || gone)
		end(f, false);
}

static void on_socket(struct flow *f)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (f->stage == OPEN) {
		move(f);
	} else if (f->stage == CONNECTING) {
		getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		answer(f, error);
	}
}

static int connect_on(int fd, const struct tern_sockaddr *a)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
				   .sin6_port = htons(a->port) };

	if (device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
				 (socklen_t)strlen(device)))
		return -1;
	/* IPv4 is ::ffff:a.b.c.d in both worlds. */
	memcpy(&to.sin6_addr, a->addr.b, sizeof(to.sin6_addr));
	return connect(fd, (struct sockaddr *)&to, sizeof(to));
}

/* Somebody wants to connect: so do we. */
static void on_syn(const struct tern_syn *syn)
{
	struct flow *f = calloc(1, sizeof(*f));
	struct epoll_event edges = { .events = EPOLLIN | EPOLLOUT | EPOLLET };

	if (!f)
		die("flow", "no memory");
	f->syn = *syn;
	f->next = flows;
	flows = f;
	edges.data.ptr = f;
	f->fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if ((connect_on(f->fd, &syn->local) && errno != EINPROGRESS) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, f->fd, &edges))
		answer(f, errno);
}

static void on_accepted(int s, const struct tern_sockaddr *peer)
{
	struct tern_sockaddr local;
	struct flow *f;

	tern_getsockname(stack, s, &local);
	for (f = flows; f; f = f->next)
		if (f->stage == ANSWERED && f->syn.local.port == local.port &&
		    f->syn.remote.port == peer->port &&
		    tern_addr_equal(&f->syn.local.addr, &local.addr) &&
		    tern_addr_equal(&f->syn.remote.addr, &peer->addr))
			break;
	if (!f) {
		tern_close(stack, s, now);
		return;
	}
	f->s = s;
	f->stage = OPEN;
	by_s[s] = f;
	move(f);
}

/* What has happened in the stack. */
static void serve(void)
{
	struct tern_event events[BATCH];
	struct tern_sockaddr peer;
	struct tern_syn syn;
	struct flow *f, *next;
	int i, n, s;

	while (!tern_syn_next(stack, listener, &syn))
		on_syn(&syn);
	while ((s = tern_accept(stack, listener, &peer, now)) >= 0)
		on_accepted(s, &peer);
	while ((n = tern_events(stack, events, BATCH)) > 0)
		for (i = 0; i < n; i++)
			if (by_s[events[i].s])
				move(by_s[events[i].s]);
	for (f = flows; f; f = next) {
		next = f->next;
		if (f->stage == ANSWERED &&
		    now - f->answered_at > ACCEPT_WITHIN)
			end(f, true);
	}
}

/* Packets both ways; what the link does not take now waits. */
static void exchange(void)
{
	static struct tern_pkt *held[BATCH];
	static int n_held;
	struct tern_pkt *pkts[BATCH];
	int n;

	while ((n = tun->ops->receive(tun, pkts, BATCH, now)) > 0) {
		tern_stack_input(stack, tun_number, pkts, n, now);
		serve();
	}
	do {
		if (!n_held)
			n_held = tern_stack_output(stack, tun_number, held,
						   BATCH, now);
		n = tun->ops->send(tun, held, n_held, now);
		if (n < 0)
			die("TUN", tern_error_text(n));
		n_held -= n;
		memmove(held, held + n, (size_t)n_held * sizeof(held[0]));
	} while (n && !n_held);
}

static void run(void)
{
	struct epoll_event events[BATCH];
	int64_t wait_ns;
	int i, n;

	for (;;) {
		read_clock();
		wait_ns = tern_stack_deadline(stack) - now;
		if (wait_ns > ACCEPT_WITHIN)
			wait_ns = ACCEPT_WITHIN;
		n = epoll_wait(epoll, events, BATCH,
			       wait_ns <= 0 ? 0 :
					      (int)(wait_ns / NS_PER_MS) + 1);
		read_clock();
		tern_stack_advance(stack, now);
		/* Each flow is in the batch once, and ends only itself. */
		for (i = 0; i < n; i++)
			if (events[i].data.ptr)
				on_socket(events[i].data.ptr);
		serve();
		exchange();
	}
}

static void *give(void *ctx, size_t size)
{
	(void)ctx;
	return malloc(size);
}

static void take(void *ctx, void *ptr, size_t size)
{
	(void)ctx;
	(void)size;
	free(ptr);
}

static void open_tun(struct tern_pool *pool, const char *name,
		     const char *prefix)
{
	struct epoll_event in = { .events = EPOLLIN };
	struct tern_prefix here;
	struct tern_tun_config cfg = { .name = name,
				       .addrs = &here,
				       .n_addrs = 1 };
	size_t n = tern_addr_parse(prefix, "/", &here.addr);

	if (!n || prefix[n] != '/')
		die(prefix, "not an address and its bits, as 10.8.0.1/24");
	here.bits = (uint8_t)atoi(prefix + n + 1);
	if (tern_tun_open(pool, &cfg, &tun))
		die(name, cfg.why);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, tun->ops->fd(tun), &in))
		die("epoll", strerror(errno));
}

/* Any address and port; no SYN is answered before we say so. */
static void listen_to_all(void)
{
	const struct tern_link_config link = { .name = tun->name,
					       .mtu = tun->mtu,
					       .abilities = tun->abilities };
	const struct tern_sockaddr any = { .family = TERN_AF_INET6 };
	struct tern_route v4 = { .dst = tern_addr_v4(0, 0, 0, 0) };
	struct tern_route v6 = { .v6 = 1 };

	tun_number = v4.link = v6.link = tern_link_add(stack, &link, now);
	tern_route_add(stack, &v4, now);
	tern_route_add(stack, &v6, now);
	listener = tern_socket(stack, TERN_AF_INET6, TERN_SOCK_STREAM, 0, now);
	tern_setsockopt(stack, listener, TERN_SOL_TERN, TERN_SO_ANY, &on,
			sizeof(on), now);
	tern_setsockopt(stack, listener, TERN_SOL_TERN, TERN_SO_DECIDE, &on,
			sizeof(on), now);
	if (tern_bind(stack, listener, &any, now) ||
	    tern_listen(stack, listener, 1024, now))
		die("listen", "the stack refuses");
}

int main(int argc, char **argv)
{
	struct tern_config cfg = { .alloc = { NULL, give, take },
				   .max_sockets = SOCKETS };

	if (argc < 3 || argc > 4)
		die("usage", "proxy NAME ADDR/BITS [DEVICE]");
	device = argv[3];
	cfg.pool = tern_pool_new(&cfg.alloc);
	open_tun(cfg.pool, argv[1], argv[2]);
	read_clock();
	if (getrandom(cfg.seed, sizeof(cfg.seed), 0) == sizeof(cfg.seed))
		stack = tern_stack_new(&cfg, now);
	if (!stack)
		die("stack", "no randomness or no memory");
	listen_to_all();
	run();
}
