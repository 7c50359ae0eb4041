// SPDX-License-Identifier: BSD-2-Clause
/*
 * The seccomp filter: which system calls the runner is asked about.
 *
 * A table of rules, one condition each, because a filter sees registers and
 * no memory: numbers of families, commands and flags, whether a pointer is
 * NULL, but neither what a pointer points at nor what a descriptor is. So
 * calls on descriptors are notified whatever the descriptor is, and the runner
 * lets the kernel go on with those that are none of ours (runner_calls.c).
 *
 * Never notified, because the pair carries them: read, write, their vectored
 * kin, send and recv (sendto and recvfrom without an address or a special
 * flag), accept without an address, poll, epoll, dup, close, sendfile, splice.
 *
 * What would go round the stack is refused: packet and AF_XDP sockets reach
 * the host's links, AF_SMC falls back to the host's TCP, io_uring makes
 * calls that no filter sees (programs fall back, as on kernels without it).
 * So are i386 and x32, whose calls have other numbers: there socket calls
 * give ENOSYS, the rest works.
 *
 * This is no sandbox: a filter that lets the kernel continue after it has
 * looked at memory decides nothing about security.
 */
#include "runner_priv.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/sockios.h>

/* Condition kinds: what of argument `arg` must hold. */
enum when {
	ALWAYS,
	EQUAL,	  /* its low 32 bits are `value` */
	HAS_BIT,  /* it has the bit `value` */
	NOT_NULL, /* it is not 0 */
	RANGE,	  /* its low 32 bits are in value .. value + 0xff, and value's
		   * low byte is 0 */
};

struct rule {
	int nr;
	uint32_t action;
	enum when when;
	unsigned arg;
	uint32_t value;
};

#define NOTIFY SCMP_ACT_NOTIFY
#define REFUSE(e) SCMP_ACT_ERRNO(e)

/* AF_SMC of newer headers. */
#define FAMILY_SMC 43

static const struct rule rules[] = {
	/* call, action, when, argument, value */
	{ SCMP_SYS(socket), NOTIFY, EQUAL, 0, AF_INET },
	{ SCMP_SYS(socket), NOTIFY, EQUAL, 0, AF_INET6 },
	{ SCMP_SYS(socket), NOTIFY, EQUAL, 0, AF_NETLINK },
	{ SCMP_SYS(socket), REFUSE(EPERM), EQUAL, 0, AF_PACKET },
	{ SCMP_SYS(socket), REFUSE(EPERM), EQUAL, 0, AF_XDP },
	{ SCMP_SYS(socket), REFUSE(EAFNOSUPPORT), EQUAL, 0, FAMILY_SMC },
	{ SCMP_SYS(bind), NOTIFY, ALWAYS },
	{ SCMP_SYS(listen), NOTIFY, ALWAYS },
	{ SCMP_SYS(connect), NOTIFY, ALWAYS },
	{ SCMP_SYS(accept), NOTIFY, NOT_NULL, 1 },
	{ SCMP_SYS(accept4), NOTIFY, NOT_NULL, 1 },
	{ SCMP_SYS(getsockname), NOTIFY, ALWAYS },
	{ SCMP_SYS(getpeername), NOTIFY, ALWAYS },
	{ SCMP_SYS(getsockopt), NOTIFY, ALWAYS },
	{ SCMP_SYS(setsockopt), NOTIFY, ALWAYS },
	{ SCMP_SYS(shutdown), NOTIFY, ALWAYS },
	{ SCMP_SYS(sendto), NOTIFY, NOT_NULL, 4 },
	{ SCMP_SYS(sendto), NOTIFY, HAS_BIT, 3, MSG_OOB },
	{ SCMP_SYS(sendto), NOTIFY, HAS_BIT, 3, MSG_MORE },
	{ SCMP_SYS(sendto), NOTIFY, HAS_BIT, 3, MSG_ZEROCOPY },
	{ SCMP_SYS(sendto), NOTIFY, HAS_BIT, 3, MSG_FASTOPEN },
	{ SCMP_SYS(recvfrom), NOTIFY, NOT_NULL, 4 },
	{ SCMP_SYS(recvfrom), NOTIFY, HAS_BIT, 3, MSG_OOB },
	{ SCMP_SYS(recvfrom), NOTIFY, HAS_BIT, 3, MSG_TRUNC },
	{ SCMP_SYS(recvfrom), NOTIFY, HAS_BIT, 3, MSG_ERRQUEUE },
	/* Their addresses and flags are in memory: all or none. */
	{ SCMP_SYS(sendmsg), NOTIFY, ALWAYS },
	{ SCMP_SYS(recvmsg), NOTIFY, ALWAYS },
	{ SCMP_SYS(sendmmsg), NOTIFY, ALWAYS },
	{ SCMP_SYS(recvmmsg), NOTIFY, ALWAYS },
	{ SCMP_SYS(ioctl), NOTIFY, EQUAL, 1, SIOCOUTQ },
	{ SCMP_SYS(ioctl), NOTIFY, EQUAL, 1, FIONREAD },
	/* SIOCATMARK, SIOCGIF*, SIOCOUTQNSD, SIOCETHTOOL and their kin. */
	{ SCMP_SYS(ioctl), NOTIFY, RANGE, 1, 0x8900 },
	{ SCMP_SYS(io_uring_setup), REFUSE(ENOSYS), ALWAYS },
};

/* The calls that are refused on the other two instruction sets. */
static const int foreign[] = {
	SCMP_SYS(socketcall),	  SCMP_SYS(socket),	 SCMP_SYS(connect),
	SCMP_SYS(bind),		  SCMP_SYS(listen),	 SCMP_SYS(accept),
	SCMP_SYS(accept4),	  SCMP_SYS(getsockname), SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),	  SCMP_SYS(setsockopt),	 SCMP_SYS(shutdown),
	SCMP_SYS(sendto),	  SCMP_SYS(recvfrom),	 SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),	  SCMP_SYS(sendmmsg),	 SCMP_SYS(recvmmsg),
	SCMP_SYS(io_uring_setup),
};

static int add_rule(scmp_filter_ctx ctx, const struct rule *r)
{
	struct scmp_arg_cmp cmp = { .arg = r->arg };

	switch (r->when) {
	case ALWAYS:
		return seccomp_rule_add(ctx, r->action, r->nr, 0);
	case EQUAL:
		cmp.op = SCMP_CMP_MASKED_EQ;
		cmp.datum_a = 0xffffffff;
		cmp.datum_b = r->value;
		break;
	case HAS_BIT:
		cmp.op = SCMP_CMP_MASKED_EQ;
		cmp.datum_a = r->value;
		cmp.datum_b = r->value;
		break;
	case NOT_NULL:
		cmp.op = SCMP_CMP_NE;
		cmp.datum_a = 0;
		break;
	case RANGE:
		cmp.op = SCMP_CMP_MASKED_EQ;
		cmp.datum_a = 0xffffff00;
		cmp.datum_b = r->value;
		break;
	}
	return seccomp_rule_add_array(ctx, r->action, r->nr, 1, &cmp);
}

/* A filter for one foreign instruction set, merged into ctx. */
static int add_foreign(scmp_filter_ctx ctx, uint32_t arch)
{
	scmp_filter_ctx other = seccomp_init(SCMP_ACT_ALLOW);
	int err;

	if (!other)
		return -ENOMEM;
	err = seccomp_arch_remove(other, SCMP_ARCH_NATIVE);
	if (!err)
		err = seccomp_arch_add(other, arch);
	for (size_t i = 0; !err && i < sizeof(foreign) / sizeof(*foreign);
	     i++) {
		err = seccomp_rule_add(other, SCMP_ACT_ERRNO(ENOSYS),
				       foreign[i], 0);
		/* A call that this instruction set does not have. */
		if (err == -EDOM || err == -EINVAL)
			err = 0;
	}
	if (!err)
		err = seccomp_merge(ctx, other);
	if (err)
		seccomp_release(other);
	return err;
}

static int build(scmp_filter_ctx ctx)
{
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(rules) / sizeof(*rules); i++)
		err = add_rule(ctx, &rules[i]);
	if (!err)
		err = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
				       SCMP_ACT_ERRNO(ENOSYS));
	if (!err && SCMP_ARCH_NATIVE == SCMP_ARCH_X86_64) {
		err = add_foreign(ctx, SCMP_ARCH_X86);
		if (!err)
			err = add_foreign(ctx, SCMP_ARCH_X32);
	}
	return err;
}

/* Loads what was written to fd. By the raw call: libseccomp's own does not
 * tell EBUSY, which is what a tern run inside another gets. */
static int load(int fd)
{
	struct sock_filter code[BPF_MAXINSNS];
	ssize_t n = pread(fd, code, sizeof(code), 0);
	struct sock_fprog program = {
		.len = (unsigned short)(n / (ssize_t)sizeof(*code)),
		.filter = code,
	};
	int listener;

	if (n <= 0)
		return -EINVAL;
	listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	/* With the right to do without no_new_privs, sudo and setuid
	 * programs keep working. */
	if (listener < 0 && errno == EACCES &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
					SECCOMP_FILTER_FLAG_NEW_LISTENER,
					&program);
	return listener < 0 ? -errno : listener;
}

int filter_load(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int fd = memfd_create("tern-filter", MFD_CLOEXEC);
	int result = ctx ? build(ctx) : -ENOMEM;

	if (!result && fd < 0)
		result = -errno;
	if (!result)
		result = seccomp_export_bpf(ctx, fd);
	if (!result)
		result = load(fd);
	if (fd >= 0)
		close(fd);
	seccomp_release(ctx);
	return result;
}
