// SPDX-License-Identifier: BSD-2-Clause
/* The packets of a running host. */
#ifndef TOOLS_CAPTURE_LIVE_H
#define TOOLS_CAPTURE_LIVE_H

#include "tools/ask.h"
#include "tools/capture_file.h"

#include <pcap/pcap.h>

struct capture_live {
	struct ask ask;
	uint64_t count;	    /* packets; 0: no bound */
	uint64_t buffer;    /* KiB; 0: the host's usual */
	const char *filter; /* "" for all */
	/* A path, or NULL: a line a packet is printed. */
	struct capture_file file;
};

/* A line of a packet, its time since the first one's. */
void capture_print(int64_t since, const struct tern_pkt *, const char *comment);

/* Until Ctrl-C, the count, the last file, or the host's end. The exit
 * status. */
int capture_live_run(struct capture_live *);

#endif
