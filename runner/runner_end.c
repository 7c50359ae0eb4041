// SPDX-License-Identifier: BSD-2-Clause
/*
 * How streams end, each way as the other side would see it with TCP.
 *
 *	the program	what the runner sees		the stack is told
 *	shutdown(WR)	the intercepted call		FIN after what is in
 *							the pair
 *	last close	HUP; inotify after SHUT_WR	FIN after that, or RST
 *							if bytes are unread
 *
 *	the stack	what the runner does		the program sees
 *	FIN		SHUT_WR on its end		0 after the data
 *	RST		closes its end, unread bytes	ECONNRESET after the
 *			in it				data, ERR and HUP
 *
 * For a RST there must be an unread byte at the runner's end. It is sent
 * through a duplicate of the program's end when the RST comes; but after
 * SHUT_WR that end can send no more, so a byte is planted there before, in
 * case. It is recognised by its sender: with SO_PASSCRED each piece says which
 * process it is from, and pieces of different processes are never read as
 * one.
 *
 * Deviates: the first write after a RST gives EPIPE, not ECONNRESET; an errno
 * other than ECONNRESET is in SO_ERROR only; after SHUT_RD later data is
 * not read any more.
 */
#include "runner_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/sockios.h>

/* A reset connection in the accept queue: nobody holds its end yet. We look
 * again after 10 ms, 20 ms ... 2.56 s, and then let it read as a clean end:
 * 5.11 s in all. */
#define SEEK_FIRST_NS (10 * INT64_C(1000000))
#define SEEK_LAST_NS (2560 * INT64_C(1000000))

static bool has_unread(int fd)
{
	int n = 0;

	return ioctl(fd, SIOCINQ, &n) == 0 && n > 0;
}

static int pending_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

static void plant(struct rsock *sock, int fd)
{
	int on = 1;

	setsockopt(sock->end, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	sock->is_planted = send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

/* Who sent what would be read next; *n how many bytes are his. 0 if none. */
static pid_t next_sender(int fd, void *buf, size_t len, ssize_t *n)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = { buf, len };
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	struct ucred who;

	*n = recvmsg(fd, &m, MSG_PEEK | MSG_DONTWAIT);
	c = *n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (!c || c->cmsg_type != SCM_CREDENTIALS)
		return 0;
	memcpy(&who, CMSG_DATA(c), sizeof(who));
	return who.pid;
}

ssize_t end_read(struct rsock *sock, void *buf, size_t len, bool *eof)
{
	ssize_t n;
	int left = 0;

	if (sock->is_planted) {
		pid_t sender = next_sender(sock->end, buf, len, &n);

		if (n <= 0)
			goto out;
		ioctl(sock->end, SIOCINQ, &left);
		if (sender != getpid()) {
			len = (size_t)n;
		} else if (left == 1) {
			*eof = true;
			return 0;
		} else {
			/* Another thread wrote between the plant and the
			 * shutdown: its bytes count more. */
			sock->is_planted = false;
			recv(sock->end, buf, 1, MSG_DONTWAIT);
		}
	}
	n = recv(sock->end, buf, len, MSG_DONTWAIT);
	*eof = n == 0;
out:
	/* Told once: end_closed() would not see it any more. */
	if (n < 0 && errno == ECONNRESET)
		sock->is_purged = true;
	return n;
}

void end_told(struct rsock *sock)
{
	if (sock->has_eof_told || sock->end < 0)
		return;
	sock->has_eof_told = true;
	shutdown(sock->end, SHUT_WR);
}

void end_nudge(struct rsock *sock)
{
	if (sock->is_shut_rd && sock->end >= 0)
		shutdown(sock->end, SHUT_WR);
}

int end_shutdown(struct rsock *sock, int fd, int how)
{
	struct tern_stack *stack = sock->runner->stack;
	bool is_again = how != SHUT_RD && sock->is_shut_wr;
	int result = 0;

	if (how != SHUT_RD && !sock->is_shut_wr) {
		pump_out(sock);
		plant(sock, fd);
		/* From now on HUP no longer tells the last close: with a FIN
		 * from the other side both directions are shut. */
		sock_watch_close(sock, fd);
		sock->is_shut_wr = true;
		shutdown(fd, SHUT_WR);
	}
	if (how != SHUT_WR) {
		pump_in(sock);
		result = tern_shutdown(stack, sock->s, TERN_SHUT_RD,
				       sock_now(sock));
		/* Readers wake and read 0. */
		sock->is_shut_rd = true;
		end_told(sock);
		end_nudge(sock);
	}
	/* Its FIN is sent: the stack knows whether all is over (ENOTCONN). */
	pump_out(sock);
	if (is_again && sock->is_fin_sent && sock->s >= 0)
		result = tern_shutdown(stack, sock->s, TERN_SHUT_WR,
				       sock_now(sock));
	return result;
}

void end_on_error(struct rsock *sock)
{
	struct tern_tcp_info info;
	size_t len = sizeof(info);
	int error = 0;
	size_t error_len = sizeof(error);

	/* Errors that a connection outlives (ICMP with IP_RECVERR, the error
	 * queue) stay in the stack for who asks. */
	if (tern_getsockopt(sock->runner->stack, sock->s, IPPROTO_TCP,
			    TERN_TCP_INFO, &info, &len, sock_now(sock)) == 0 &&
	    info.state != TERN_TCP_CLOSE)
		return;
	tern_getsockopt(sock->runner->stack, sock->s, SOL_SOCKET, TERN_SO_ERROR,
			&error, &error_len, sock_now(sock));
	if (error)
		sock->error = error;
	sock->is_reset = true;
	/* Told of the FIN already: only the end of the pair is left. */
	if (sock->has_eof_told)
		end_reset(sock);
}

static void on_seek(void *ctx)
{
	struct rsock *sock = ctx;

	sock->timer = -1;
	end_reset(sock);
}

static bool seek_later(struct rsock *sock)
{
	if (sock->tick_ns >= SEEK_LAST_NS)
		return false;
	sock->tick_ns = sock->tick_ns ? 2 * sock->tick_ns : SEEK_FIRST_NS;
	sock->timer = host_at(sock->runner->host,
			      sock_now(sock) + sock->tick_ns, on_seek, sock);
	return sock->timer >= 0;
}

void end_reset(struct rsock *sock)
{
	int fd;

	if (sock->end < 0)
		return;
	if (sock->timer >= 0)
		host_cancel(sock->runner->host, sock->timer);
	sock->timer = -1;
	fd = sock_find_end(sock);
	if (fd < 0 && seek_later(sock))
		return;
	if (sock->has_eof_told) {
		/* After a FIN reads go on giving 0: a clean end. */
		while (recv(sock->end, sock->runner->scratch, SCRATCH_LEN,
			    MSG_DONTWAIT) > 0)
			;
	} else if (!has_unread(sock->end) && fd >= 0) {
		send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	if (fd >= 0) {
		sock_watch_close(sock, fd);
		close(fd);
	}
	sock_drop_end(sock);
	sock->state = RSOCK_BROKEN;
}

/* A RST to the other side. */
static void reset_stack(struct rsock *sock)
{
	struct tern_linger now = { 1, 0 };

	tern_setsockopt(sock->runner->stack, sock->s, SOL_SOCKET,
			TERN_SO_LINGER, &now, sizeof(now), sock_now(sock));
	sock_close_stack(sock);
}

void end_abort(struct rsock *sock)
{
	reset_stack(sock);
	sock->is_reset = true;
	end_reset(sock);
}

void end_closed(struct rsock *sock)
{
	int unread = 0, queued = 0;

	/* Unread bytes: still there (inotify tells a close just before it
	 * happens), or purged, which left an error. So does a listener that
	 * was closed over a connection nobody had accepted. */
	ioctl(sock->end, SIOCOUTQ, &queued);
	if (queued > 0 || sock->is_purged ||
	    pending_error(sock->end) == ECONNRESET) {
		reset_stack(sock);
		sock_free(sock);
		return;
	}
	pump_credit(sock, 0);
	tern_ioctl(sock->runner->stack, sock->s, TERN_SIOCINQ, &unread,
		   sock_now(sock));
	sock->state = RSOCK_CLOSING;
	sock_unwatch_close(sock);
	if (unread > 0 || pump_out(sock))
		sock_free(sock);
}
