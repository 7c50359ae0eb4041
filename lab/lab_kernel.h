// SPDX-License-Identifier: BSD-2-Clause
/*
 * A host of a scenario that is the kernel beneath: a network namespace with a
 * TUN device for each port, in real time. Its programs' calls are system calls.
 */
#ifndef LAB_KERNEL_H
#define LAB_KERNEL_H

#include "lab_host.h"

/* Enters a namespace of our own, once: a user namespace too, without root.
 * NULL, or why it cannot be. No thread may be running beside this one. */
const char *lab_kernel_enter(void);

/* tern's own. */
#define LAB_DEFAULT_CC "cubic"
/* The congestion control that a socket there has of itself: tern's default, or
 * reno where the namespace may not use that. */
const char *lab_kernel_cc(void);
/* Has the kernel a sysctl of this name? */
bool lab_kernel_has_knob(const char *name);

/* A host without power on the kernel; freed with its network. NULL: the
 * network has no room. */
struct lab_host *lab_kernel_new(struct lab_net *, const char *name);
/* Its namespace and devices; NULL, or what is wrong. */
const char *lab_kernel_boot(struct lab_host *);
/* They go, and nothing is sent. */
void lab_kernel_off(struct lab_host *);
bool lab_node_is_kernel(const struct lab_node *);

/* The descriptor of a port's device, or -1. */
int lab_kernel_fd(const struct lab_host *, int port);
/* There may be something to read. */
void lab_kernel_look(struct lab_host *);

#endif
