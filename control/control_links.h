// SPDX-License-Identifier: BSD-2-Clause
/* Simulated wires of a host, for whoever has them: tern net. */
#ifndef CONTROL_CONTROL_LINKS_H
#define CONTROL_CONTROL_LINKS_H

struct control_links {
	/* Changes what a wire does to packets. 0 or -errno, with *why. */
	int (*impair)(void *ctx, const char *wire, const char *words,
		      const char **why);
	void *ctx;
};

#endif
