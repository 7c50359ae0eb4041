// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern replay: does a recorded run again, call by call, and compares what
 * comes out (src/stack_record.c has the format).
 */
#include "tools/tool.h"

#include "wire/wire_print.h"

#include <tern/stack.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPT_PRINT };

static const struct option_row rows[] = {
	[OPT_PRINT] = { "print", NULL,
			"each packet on a line: time, link, "
			"direction, what it says" },
	{ 0 },
};

struct replay {
	bool print;
	int64_t first_at;
	uint64_t n_in, n_out;
};

static void on_packet(void *ctx, int link, bool out, const struct tern_pkt *pkt,
		      int64_t now)
{
	struct replay *r = ctx;
	char line[512];

	if (r->n_in + r->n_out == 0)
		r->first_at = now;
	if (out)
		r->n_out++;
	else
		r->n_in++;
	if (!r->print)
		return;
	wire_print(pkt, line, sizeof(line));
	now -= r->first_at;
	printf("%" PRId64 ".%09" PRId64 " %d %s %s\n", now / 1000000000,
	       now % 1000000000, link, out ? ">" : "<", line);
}

static void *heap_alloc(void *ctx, size_t size)
{
	return malloc(size);
}

static void heap_free(void *ctx, void *ptr, size_t size)
{
	free(ptr);
}

/* The file in memory; NULL with errno. */
static const void *map_file(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *bytes;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || st.st_size == 0) {
		close(fd);
		errno = EINVAL;
		return NULL;
	}
	*len = (size_t)st.st_size;
	bytes = mmap(NULL, *len, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	return bytes == MAP_FAILED ? NULL : bytes;
}

static int run_replay(const struct command *command, const char *path,
		      bool print)
{
	struct replay r = { .print = print };
	struct tern_replay replay = {
		.alloc = { .alloc = heap_alloc, .free = heap_free },
		.each = on_packet,
		.ctx = &r,
		.until = TERN_NEVER,
	};
	int error;

	replay.bytes = map_file(path, &replay.len);
	if (!replay.bytes) {
		tool_error(command, "%s: %s", path, strerror(errno));
		return TOOL_USAGE;
	}
	error = tern_stack_replay(&replay);
	switch (error) {
	case 0:
		printf("same: %" PRIu64 " packets in, %" PRIu64
		       " packets out, to the last byte\n",
		       r.n_in, r.n_out);
		return TOOL_OK;
	case -TERN_EPROTO:
		printf("differs: at byte %zu of the record, after %" PRIu64
		       " packets in and %" PRIu64 " out\n",
		       replay.differs_at, r.n_in, r.n_out);
		return TOOL_FAILED;
	default:
		tool_error(command, "%s: %s", path,
			   error == -TERN_EINVAL ? "not a record, or a damaged "
						   "one" :
						   tern_error_text(error));
		return TOOL_USAGE;
	}
}

static int replay_main(struct options *o)
{
	bool print = false;
	int row;

	while ((row = options_next(o)) >= 0) {
		if (row == OPT_PRINT)
			print = true;
	}
	if (row == OPTIONS_WRONG)
		return TOOL_USAGE;
	if (o->argc != 1) {
		tool_error(o->command, "name one file that tern run --record "
				       "has written");
		return TOOL_USAGE;
	}
	return run_replay(o->command, o->argv[0], print);
}

const struct command cmd_replay = {
	.name = "replay",
	.summary = "do a recorded run again and compare",
	.usage = "[--print] FILE",
	.options = rows,
	.more = "Exit status: 0 the same, 1 it differs, 2 no record.\n",
	.usage_status = TOOL_USAGE,
	.run = replay_main,
};
