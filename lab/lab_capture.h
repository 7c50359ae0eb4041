// SPDX-License-Identifier: BSD-2-Clause
/* What passes a link of the virtual network, as a pcapng file. */
#ifndef LAB_CAPTURE_H
#define LAB_CAPTURE_H

#include "lab_wire.h"

struct lab_capture;

/* 0, or -errno. */
int lab_capture_open(const char *path, struct lab_capture **out);
/* A lab_wire_tap. */
void lab_capture_see(void *ctx, const struct lab_frame *, int from_port,
		     int64_t at);
void lab_capture_close(struct lab_capture *);

#endif
