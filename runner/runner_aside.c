// SPDX-License-Identifier: BSD-2-Clause
/*
 * What Linux says of options that are nothing to the stack: a socket of the
 * kernel's, of the same kind and at rest, is asked.
 *
 *	keep	It keeps the value: a hint, or about what tern never does. Such
 *		a socket stays beside ours from the first value that was set.
 *	judge	It says how the call would fail. What it takes is refused all
 *		the same (ENOPROTOOPT, as by a kernel that was built without the
 *		option), but for what changes nothing: that is as it should be.
 *
 * Privileges: the kernel judges by the caller's capabilities, which we take
 * for that moment. They are of any weight only where we have CAP_NET_ADMIN
 * ourselves: else the stack, its ports and its options are the user's own.
 */
#include "runner_priv.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(cap) (1u << (cap))
#define OF_SOCKETS \
	(BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW))

/* One more than Linux writes for any option that is asked of it here. */
#define VALUE_MAX 512

struct caps {
	struct __user_cap_data_struct set[2];
};

static bool caps_get(struct caps *out)
{
	struct __user_cap_header_struct us = { _LINUX_CAPABILITY_VERSION_3, 0 };

	return syscall(SYS_capget, &us, out->set) == 0;
}

static void caps_set(const struct caps *caps)
{
	struct __user_cap_header_struct us = { _LINUX_CAPABILITY_VERSION_3, 0 };

	syscall(SYS_capset, &us, caps->set);
}

/* The low half of what the caller may do; all of it if nobody tells. */
static uint32_t caps_of_caller(const struct call *c)
{
	unsigned long long caps = UINT32_MAX;
	char line[256];
	FILE *f;

	snprintf(line, sizeof(line), "/proc/%d/status", c->tid);
	f = fopen(line, "re");
	if (!f)
		return UINT32_MAX;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	fclose(f);
	return (uint32_t)caps;
}

/* Gives up what the caller has not; *before is to be set again. */
static void caps_lower(const struct call *c, struct caps *before)
{
	struct caps lower;

	memset(before, 0, sizeof(*before));
	if (!caps_get(before))
		return;
	lower = *before;
	lower.set[0].effective &= caps_of_caller(c) | ~OF_SOCKETS;
	caps_set(&lower);
}

static bool is_users_own(void)
{
	struct caps ours;

	return !caps_get(&ours) ||
	       !(ours.set[0].effective & BIT(CAP_NET_ADMIN));
}

static int set_as_caller(const struct call *c, int fd, int level, int name,
			 const void *value, size_t len)
{
	struct caps before;
	int error;

	caps_lower(c, &before);
	error = setsockopt(fd, level, name, value, (socklen_t)len) < 0 ?
			-errno :
			0;
	caps_set(&before);
	return error;
}

static int open_aside(const struct rsock *sock)
{
	int fd =
		socket(sock->family, sock->type | SOCK_CLOEXEC, sock->protocol);

	return fd < 0 ? -errno : fd;
}

int aside_may(const struct call *c, int level, int name, const void *value,
	      size_t len)
{
	int fd, error;

	if (is_users_own())
		return 0;
	fd = open_aside(c->sock);
	if (fd < 0)
		return 0;
	error = set_as_caller(c, fd, level, name, value, len);
	close(fd);
	return error == -EPERM || error == -EACCES ? error : 0;
}

bool aside_may_bind(const struct call *c, uint16_t port)
{
	static const char knob[] =
		"/proc/sys/net/ipv4/ip_unprivileged_port_start";
	unsigned first = 1024;
	FILE *f;

	if (!port || port >= 1024 || is_users_own() ||
	    caps_of_caller(c) & BIT(CAP_NET_BIND_SERVICE))
		return true;
	f = fopen(knob, "re");
	if (f) {
		if (fscanf(f, "%u", &first) != 1)
			first = 1024;
		fclose(f);
	}
	return port >= first;
}

static int get(int fd, int level, int name, void *value, size_t *len)
{
	socklen_t n = (socklen_t)*len;

	if (getsockopt(fd, level, name, value, &n) < 0)
		return -errno;
	*len = n;
	return 0;
}

int aside_get(const struct call *c, int level, int name, void *value,
	      size_t *len)
{
	const struct rsock *sock = c->sock;
	struct tern_sockaddr peer;
	int fd = sock->aside >= 0 ? sock->aside : open_aside(sock);
	int error;

	if (fd < 0)
		return fd;
	error = get(fd, level, name, value, len);
	if (fd != sock->aside)
		close(fd);
	/* It is not connected; we may be. */
	if (error == -ENOTCONN &&
	    tern_getpeername(c->runner->stack, sock->s, &peer) == 0)
		return -ENOPROTOOPT;
	return error;
}

int aside_keep(const struct call *c, int level, int name, const void *value,
	       size_t len)
{
	struct rsock *sock = c->sock;
	int fd = sock->aside, error;

	if (fd < 0) {
		error = spare_need(c->runner);
		if (error)
			return error;
		fd = open_aside(sock);
		if (fd < 0)
			return fd;
	}
	error = set_as_caller(c, fd, level, name, value, len);
	if (!error)
		sock->aside = fd;
	else if (fd != sock->aside)
		close(fd);
	return error;
}

int aside_judge(const struct call *c, int level, int name, const void *value,
		size_t len)
{
	uint8_t before[VALUE_MAX] = { 0 }, after[VALUE_MAX] = { 0 };
	size_t n = sizeof(before), m = sizeof(after);
	int fd = open_aside(c->sock);
	bool is_told, is_same;
	int error;

	if (fd < 0)
		return fd;
	is_told = get(fd, level, name, before, &n) == 0;
	error = set_as_caller(c, fd, level, name, value, len);
	is_same = is_told && get(fd, level, name, after, &m) == 0 && n == m &&
		  !memcmp(before, after, n);
	close(fd);
	if (error)
		return error;
	return is_same ? 0 : -ENOPROTOOPT;
}
