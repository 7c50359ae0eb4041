// SPDX-License-Identifier: BSD-2-Clause
/*
 * A host on the kernel.
 *
 * Included by: lab_kernel*.c.
 */
#ifndef LAB_LAB_KERNEL_PRIV_H
#define LAB_LAB_KERNEL_PRIV_H

#include "lab_kernel.h"
#include "lab_sys.h"

#define FDS_MAX 4096
#define SOCKS_MAX 256

struct lab_kernel {
	struct lab_host host;
	int netns;
	int tun[LAB_PORTS_MAX];
	bool look; /* frames may wait */
	char trouble[160];
	bool open[FDS_MAX];
	struct tern_sock_info socks[SOCKS_MAX]; /* of the last look */
	int n_socks;
};

static inline struct lab_kernel *kernel_of(const struct lab_host *h)
{
	return (struct lab_kernel *)h;
}

/* Writes a file of /proc; false: errno says why. */
bool lab_kernel_write(const char *path, const char *text);

extern const struct lab_sys lab_sys_kernel;

#endif
