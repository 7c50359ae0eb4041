// SPDX-License-Identifier: BSD-2-Clause
/* The files that tern capture writes: one, or one after the other. */
#ifndef TOOLS_CAPTURE_FILE_H
#define TOOLS_CAPTURE_FILE_H

#include "link/pcapng_writer.h"
#include "tools/tool.h"

#define CAPTURE_LINKS 64

struct capture_name {
	struct tern_addr addr;
	char *name;
};

struct capture_file {
	const struct command *command;
	const char *path;    /* "-": standard output */
	uint64_t most_len;   /* of a file, bytes; 0: no bound */
	int64_t most_ns;     /* packets of how long; 0: no bound */
	uint64_t most_files; /* 0: no bound */
	uint32_t snaplen;

	/* What each file begins with; names are freed at the end. */
	char links[CAPTURE_LINKS][16]; /* by number; "" for none */
	struct capture_name *names;
	size_t n_names;

	/* Its own. */
	struct pcapng_writer out;
	uint32_t interface[CAPTURE_LINKS]; /* by link, of this file; 0: none */
	uint32_t n_interfaces;
	uint64_t n_files;
	int64_t since; /* this file's first instant */
	bool is_open, full;
};

void capture_file_name(struct capture_file *, const char *addr,
		       const char *name);

/* Opens the first file. False after telling why not. */
bool capture_file_open(struct capture_file *, int64_t now);
/* False: the last file that is to be is full, or (error) nothing can be
 * written. The note's interface is the link's number. */
bool capture_file_put(struct capture_file *, const struct tern_pkt *,
		      struct pcapng_note *note);
bool capture_file_flush(struct capture_file *);
/* False after telling that something was not written. */
bool capture_file_close(struct capture_file *);

#endif
