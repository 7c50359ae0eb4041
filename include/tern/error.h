// SPDX-License-Identifier: BSD-2-Clause
/*
 * The errors that tern's calls return, always negated: -TERN_EAGAIN.
 *
 * The numbers are Linux's on x86 and ARM, so that a host on Linux hands them
 * on unchanged. The core may not include <errno.h>: it also runs where there
 * is no C library.
 */
#ifndef TERN_ERROR_H
#define TERN_ERROR_H

enum tern_error {
	TERN_EPERM = 1,
	TERN_ENOENT = 2,
	TERN_EINTR = 4,
	TERN_ENXIO = 6,
	TERN_EBADF = 9,
	TERN_EAGAIN = 11,
	TERN_ENOMEM = 12,
	TERN_EACCES = 13,
	TERN_EFAULT = 14,
	TERN_EEXIST = 17,
	TERN_ENODEV = 19,
	TERN_EINVAL = 22,
	TERN_ENFILE = 23,
	TERN_EMFILE = 24,
	TERN_ENOTTY = 25,
	TERN_ENOSPC = 28,
	TERN_EPIPE = 32,
	TERN_EDOM = 33,
	TERN_ERANGE = 34,
	TERN_ENONET = 64,
	TERN_EPROTO = 71,
	TERN_ENOMSG = 42,
	TERN_ENOTSOCK = 88,
	TERN_EDESTADDRREQ = 89,
	TERN_EMSGSIZE = 90,
	TERN_EPROTOTYPE = 91,
	TERN_ENOPROTOOPT = 92,
	TERN_EPROTONOSUPPORT = 93,
	TERN_ESOCKTNOSUPPORT = 94,
	TERN_EOPNOTSUPP = 95,
	TERN_EAFNOSUPPORT = 97,
	TERN_EADDRINUSE = 98,
	TERN_EADDRNOTAVAIL = 99,
	TERN_ENETDOWN = 100,
	TERN_ENETUNREACH = 101,
	TERN_ECONNABORTED = 103,
	TERN_ECONNRESET = 104,
	TERN_ENOBUFS = 105,
	TERN_EISCONN = 106,
	TERN_ENOTCONN = 107,
	TERN_ETIMEDOUT = 110,
	TERN_ECONNREFUSED = 111,
	TERN_EHOSTDOWN = 112,
	TERN_EHOSTUNREACH = 113,
	TERN_EALREADY = 114,
	TERN_EINPROGRESS = 115,
};

/* The name of an error ("ECONNRESET"), for a number of either sign; "?" for
 * one not in the table. The string is static. */
const char *tern_error_name(int error);

/* One line of plain English for an error, static. */
const char *tern_error_text(int error);

#endif
