// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern capture: the packets of a running host, or of a capture file, one a line
 * or as a capture, by libpcap's filters. Letters are tcpdump's.
 */
#include "tools/capture_live.h"
#include "tools/capture_read.h"

#include "link/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	OPT_HOST,
	OPT_READ,
	OPT_WRITE,
	OPT_COUNT,
	OPT_SIZE,
	OPT_SECONDS,
	OPT_FILES,
	OPT_SNAPLEN,
	OPT_BUFFER,
};

static const struct option_row rows[] = {
	[OPT_HOST] = { "host", "HOST",
		       "which host (needed if several are running)" },
	[OPT_READ] = { "read", "FILE", "a capture file, not a host", 'r' },
	[OPT_WRITE] = { "write", "FILE", "as pcapng; - is standard output",
			'w' },
	[OPT_COUNT] = { "count", "N", "end after so many packets", 'c' },
	[OPT_SIZE] = { "size", "MB", "then the next file: FILE1, FILE2 ...",
		       'C' },
	[OPT_SECONDS] = { "seconds", "N",
			  "then the next file; FILE is a strftime pattern",
			  'G' },
	[OPT_FILES] = { "files", "N",
			"with -C so many take turns; with -G the end", 'W' },
	[OPT_SNAPLEN] = { "snaplen", "N", "write so many bytes of a packet",
			  's' },
	[OPT_BUFFER] = { "buffer", "KIB", "of packets at the host (4096)",
			 'B' },
	{ 0 },
};

struct capture {
	struct capture_live live;
	const char *read;
};

static int read_file(const struct capture *c)
{
	const struct command *command = c->live.ask.command;
	struct capture_packet p;
	struct capture_read f;
	struct tern_pool *pool;
	int64_t first = 0;
	uint64_t n = 0;
	int got = capture_read_open(&f, command, c->read, c->live.filter);

	if (got != TOOL_OK)
		return got;
	pool = tern_pool_new(&heap_allocator);
	while (pool && (got = capture_read_next(&f, &p)) == 1) {
		struct tern_pkt *pkt = tern_pkt_new(pool, 0, p.len);

		first = first ? first : p.at;
		if (!pkt)
			continue;
		memcpy(tern_pkt_append(pkt, p.len), p.bytes, p.len);
		capture_print(p.at - first, pkt, NULL);
		tern_pkt_put(pkt);
		if (++n == c->live.count) {
			got = 0;
			break;
		}
	}
	if (pool)
		tern_pool_free(pool);
	capture_read_close(&f);
	return pool && !got ? TOOL_OK : TOOL_FAILED;
}

static bool take_number(struct capture *c, int row, const char *value,
			uint64_t most, uint64_t *out)
{
	const char *name = rows[row].name;

	if (!parse_number(c->live.ask.command, name, value, most, out))
		return false;
	if (!*out)
		tool_error(c->live.ask.command, "--%s 0: at least 1", name);
	return *out;
}

static bool take_option(struct capture *c, int row, const char *value)
{
	struct capture_file *f = &c->live.file;
	uint64_t n = 0;

	switch (row) {
	case OPT_HOST:
		c->live.ask.host = value;
		return true;
	case OPT_READ:
		c->read = value;
		return true;
	case OPT_WRITE:
		f->path = value;
		return true;
	case OPT_COUNT:
		return take_number(c, row, value, INT64_MAX, &c->live.count);
	case OPT_SIZE:
		if (!take_number(c, row, value, 1000000, &n))
			return false;
		f->most_len = n * 1000000;
		return true;
	case OPT_SECONDS:
		if (!take_number(c, row, value, 1000000000, &n))
			return false;
		f->most_ns = (int64_t)n * 1000000000;
		return true;
	case OPT_FILES:
		return take_number(c, row, value, 1000000, &f->most_files);
	case OPT_SNAPLEN:
		if (!take_number(c, row, value, 65535, &n))
			return false;
		f->snaplen = (uint32_t)n;
		return true;
	case OPT_BUFFER:
		return take_number(c, row, value, 65536, &c->live.buffer);
	}
	return true;
}

/* Do these options make sense together? */
static bool is_sound(const struct capture *c)
{
	const struct capture_file *f = &c->live.file;
	bool is_stdout = f->path && !strcmp(f->path, "-");
	const char *wrong = NULL;

	if (c->read && (f->path || c->live.ask.host))
		wrong = "--read prints a file: it goes with neither --write "
			"nor --host";
	else if (!f->path && (f->most_len || f->most_ns || f->snaplen))
		wrong = "--size, --seconds and --snaplen are for --write FILE";
	else if (is_stdout && (f->most_len || f->most_ns))
		wrong = "--size and --seconds need files: --write FILE";
	else if (f->most_files && !f->most_len == !f->most_ns)
		wrong = "--files goes with --size or with --seconds, one of "
			"them";
	else if (is_stdout && isatty(STDOUT_FILENO))
		wrong = "--write -: standard output is a terminal";
	if (wrong)
		tool_error(c->live.ask.command, "%s", wrong);
	return !wrong;
}

static int capture_main(struct options *o)
{
	struct capture c = { .live.ask.command = o->command };
	char filter[CAPTURE_FILTER_MAX];
	int row;

	c.live.file.command = o->command;
	while ((row = options_next(o)) >= 0)
		if (!take_option(&c, row, o->value))
			return TOOL_USAGE;
	if (row == OPTIONS_WRONG || !is_sound(&c) ||
	    !capture_join_words(o->command, o->argc, o->argv, filter))
		return TOOL_USAGE;
	c.live.filter = filter;
	return c.read ? read_file(&c) : capture_live_run(&c.live);
}

const struct command cmd_capture = {
	.name = "capture",
	.summary = "the packets of a running host, or of a capture",
	.usage = "[OPTIONS] [FILTER]",
	.options = rows,
	.more = "FILTER is libpcap's (man pcap-filter). In a file, a packet's "
		"comment has its\n"
		"connection's state and cwnd, and the reason if it was "
		"dropped. The host never\n"
		"waits: what comes too fast is lost and counted. Ctrl-C ends "
		"it.\n"
		"  tern capture --host web tcp port 80\n"
		"  tern capture -w - | wireshark -k -i -\n"
		"  tern capture -w run.pcapng -C 100 -W 10\n"
		"  tern capture -r run.pcapng tcp port 80\n",
	.usage_status = TOOL_USAGE,
	.run = capture_main,
};
