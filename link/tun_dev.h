// SPDX-License-Identifier: BSD-2-Clause
/* Making a TUN device and telling the kernel its side of it. */
#ifndef LINK_TUN_DEV_H
#define LINK_TUN_DEV_H

#include <tern/link.h>

/* A non-blocking descriptor of the new device, up and with its addresses, and
 * its name; -errno with config->why filled. */
int tun_dev_open(struct tern_tun_config *config, char name[16]);

#endif
