// SPDX-License-Identifier: BSD-2-Clause
/* Names and texts of errors: one row each, in the order of their numbers. */
#include <tern/error.h>

#include "base/bytes.h"

static const struct row {
	enum tern_error number;
	const char *name, *text;
} rows[] = {
	{ TERN_EPERM, "EPERM", "operation not permitted" },
	{ TERN_ENOENT, "ENOENT", "no such thing" },
	{ TERN_EINTR, "EINTR", "interrupted" },
	{ TERN_ENXIO, "ENXIO", "no such device or address" },
	{ TERN_EBADF, "EBADF", "not an open socket" },
	{ TERN_EAGAIN, "EAGAIN", "would have to wait" },
	{ TERN_ENOMEM, "ENOMEM", "out of memory" },
	{ TERN_EACCES, "EACCES", "permission denied" },
	{ TERN_EFAULT, "EFAULT", "bad address in memory" },
	{ TERN_EEXIST, "EEXIST", "exists already" },
	{ TERN_ENODEV, "ENODEV", "no such link" },
	{ TERN_EINVAL, "EINVAL", "invalid argument" },
	{ TERN_ENFILE, "ENFILE", "too many sockets in the stack" },
	{ TERN_EMFILE, "EMFILE", "too many open sockets" },
	{ TERN_ENOTTY, "ENOTTY", "no such request on this socket" },
	{ TERN_ENOSPC, "ENOSPC", "no space left" },
	{ TERN_EPIPE, "EPIPE", "sending was shut down" },
	{ TERN_EDOM, "EDOM", "argument out of domain" },
	{ TERN_ERANGE, "ERANGE", "result out of range" },
	{ TERN_EPROTO, "EPROTO", "protocol error" },
	{ TERN_ENOMSG, "ENOMSG", "no message of that kind" },
	{ TERN_ENOTSOCK, "ENOTSOCK", "not a socket" },
	{ TERN_EDESTADDRREQ, "EDESTADDRREQ", "no destination address given" },
	{ TERN_EMSGSIZE, "EMSGSIZE", "message too long" },
	{ TERN_EPROTOTYPE, "EPROTOTYPE", "wrong protocol for the socket type" },
	{ TERN_ENOPROTOOPT, "ENOPROTOOPT", "no such option" },
	{ TERN_EPROTONOSUPPORT, "EPROTONOSUPPORT", "protocol not supported" },
	{ TERN_ESOCKTNOSUPPORT, "ESOCKTNOSUPPORT",
	  "socket type not supported" },
	{ TERN_EOPNOTSUPP, "EOPNOTSUPP", "operation not supported" },
	{ TERN_EAFNOSUPPORT, "EAFNOSUPPORT", "address family not supported" },
	{ TERN_EADDRINUSE, "EADDRINUSE", "address already in use" },
	{ TERN_EADDRNOTAVAIL, "EADDRNOTAVAIL", "address not available" },
	{ TERN_ENETDOWN, "ENETDOWN", "network is down" },
	{ TERN_ENETUNREACH, "ENETUNREACH", "network is unreachable" },
	{ TERN_ECONNABORTED, "ECONNABORTED", "connection aborted" },
	{ TERN_ECONNRESET, "ECONNRESET", "connection reset by peer" },
	{ TERN_ENOBUFS, "ENOBUFS", "no buffer space available" },
	{ TERN_EISCONN, "EISCONN", "already connected" },
	{ TERN_ENOTCONN, "ENOTCONN", "not connected" },
	{ TERN_ETIMEDOUT, "ETIMEDOUT", "connection timed out" },
	{ TERN_ECONNREFUSED, "ECONNREFUSED", "connection refused" },
	{ TERN_EHOSTDOWN, "EHOSTDOWN", "host is down" },
	{ TERN_EHOSTUNREACH, "EHOSTUNREACH", "no route to host" },
	{ TERN_EALREADY, "EALREADY", "under way already" },
	{ TERN_EINPROGRESS, "EINPROGRESS", "now under way" },
};

static const struct row *find(int error)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		if (error == (int)rows[i].number ||
		    error == -(int)rows[i].number)
			return &rows[i];
	}
	return NULL;
}

const char *tern_error_name(int error)
{
	const struct row *row = find(error);

	return row ? row->name : "?";
}

const char *tern_error_text(int error)
{
	const struct row *row = find(error);

	return row ? row->text : "unknown error";
}
