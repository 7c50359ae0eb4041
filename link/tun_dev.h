// SPDX-License-Identifier: BSD-2-Clause
/* Making a TUN device and telling the kernel its side of it. */
#ifndef LINK_TUN_DEV_H
#define LINK_TUN_DEV_H

#include <tern/link.h>

/* A non-blocking descriptor of the new device, up and with its addresses, and
 * its name; -errno with config->why filled. */
int tun_dev_open(struct tern_tun_config *config, char name[16]);

/* The device's queue towards us, in packets; as many as the kernel grants. */
void tun_dev_queue_len(const char *name, uint32_t n);
/* What it has dropped because that queue was full. 0 if the device is not to
 * be seen from here (it was moved to another namespace). */
uint64_t tun_dev_dropped(const char *name);

#endif
