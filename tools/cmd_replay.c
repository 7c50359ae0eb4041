// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern replay: does a recorded run again, call by call, and compares what
 * comes out (src/stack_record.c has the format).
 */
#include "tools/replay_export.h"
#include "tools/replay_ladder.h"
#include "tools/replay_redact.h"
#include "tools/view_options.h"

#include "wire/wire_print.h"
#include "link/heap.h"

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

enum {
	OPT_PRINT,
	OPT_LADDER,
	OPT_CONNECTION,
	OPT_UNTIL,
	OPT_SET,
	OPT_REDACT,
	OPT_EXPORT,
	OPT_PKT,
	OPT_ASCII,
	OPT_WIDTH,
	OPT_COLOUR,
};

#define KNOBS_MAX 64

static const struct option_row rows[] = {
	[OPT_PRINT] = { "print", NULL,
			"each packet on a line: time, link, "
			"direction, what it says" },
	[OPT_LADDER] = { "ladder", NULL, "each connection as a diagram" },
	[OPT_CONNECTION] = { "connection", "N",
			     "with --ladder: the Nth alone" },
	[OPT_UNTIL] = { "until", "SECONDS",
			"stop there; counted from the record's beginning" },
	[OPT_SET] = { "set", "KNOB=VALUE",
		      "what if? says from where the run goes another way" },
	[OPT_REDACT] = { "redact", "FILE",
			 "write the run anew with all payloads replaced" },
	[OPT_EXPORT] = { "export", "N",
			 "the Nth connection as a script for tern drill" },
	[OPT_PKT] = { "pkt", "FILE", "where --export writes it" },
	[OPT_ASCII] = VIEW_ROW_ASCII,
	[OPT_WIDTH] = VIEW_ROW_WIDTH,
	[OPT_COLOUR] = VIEW_ROW_COLOUR,
	{ 0 },
};

struct replay {
	struct tern_replay r;
	const struct command *command;
	const char *path;
	bool print, ladder;
	uint64_t connection; /* of the ladder; 0: all */
	struct ladder_style style;
	const char *redact;
	const char *pkt; /* of the export; or NULL */
	FILE *out;
	struct tern_replay_knob knobs[KNOBS_MAX];
	uint64_t n_in, n_out;
};

static struct replay_export export;
static struct replay_ladder ladder;

static double seconds(const struct replay *r, int64_t now)
{
	return ((double)now - (double)r->r.began_at) / 1e9;
}

static void on_packet(void *ctx, int link, bool out, const struct tern_pkt *pkt,
		      int64_t now)
{
	struct replay *r = ctx;
	uint64_t passed;
	char line[512];

	if (out)
		r->n_out++;
	else
		r->n_in++;
	if (r->pkt)
		replay_export_packet(&export, out, pkt, now);
	if (r->ladder) {
		ladder.conns.begun_at = r->r.began_at;
		replay_ladder_packet(&ladder, out, pkt, now);
	}
	if (!r->print)
		return;
	wire_print(pkt, line, sizeof(line));
	passed = (uint64_t)now - (uint64_t)r->r.began_at;
	printf("%" PRIu64 ".%09" PRIu64 " %d %s %s\n", passed / 1000000000,
	       passed % 1000000000, link, out ? ">" : "<", line);
}

static void before_call(void *ctx, struct tern_replay_call *call)
{
	(void)ctx;
	replay_redact(call);
}

static void after_call(void *ctx, const struct tern_replay_call *call)
{
	const struct replay *r = ctx;

	if (r->pkt)
		replay_export_call(&export, call);
	if (r->ladder)
		replay_ladder_call(&ladder, call);
}

static void on_trace(void *ctx, const struct tern_trace *t)
{
	const struct replay *r = ctx;

	ladder.conns.begun_at = r->r.began_at;
	replay_ladder_trace(&ladder, t);
}

static void on_record(void *ctx, const void *bytes, size_t len)
{
	struct replay *r = ctx;

	/* An error shows at fclose(). */
	fwrite(bytes, 1, len, r->out);
}

/* The file in memory, ours to change; NULL with errno. */
static void *map_file(const char *path, size_t *len)
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
	bytes = mmap(NULL, *len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	return bytes == MAP_FAILED ? NULL : bytes;
}

static int tell_what_if(const struct replay *r)
{
	if (!r->r.n_differ) {
		printf("same: nothing would have been another way\n");
		return TOOL_OK;
	}
	printf("another way from %.6f s on: at byte %zu of the record; %" PRIu64
	       " calls differ\n",
	       seconds(r, r->r.differs_now), r->r.differs_at, r->r.n_differ);
	return TOOL_FAILED;
}

static int tell(struct replay *r, int error)
{
	if (!error && r->r.n_knobs)
		return tell_what_if(r);
	switch (error) {
	case 0:
		if (r->redact)
			printf("%s: %" PRIu64 " packets in, %" PRIu64
			       " packets out, no payload\n",
			       r->redact, r->n_in, r->n_out);
		else
			printf("same: %" PRIu64 " packets in, %" PRIu64
			       " packets out, to the last byte\n",
			       r->n_in, r->n_out);
		return TOOL_OK;
	case -TERN_EPROTO:
		printf("differs: at byte %zu of the record, %.6f s, after "
		       "%" PRIu64 " packets in and %" PRIu64 " out\n",
		       r->r.differs_at, seconds(r, r->r.differs_now), r->n_in,
		       r->n_out);
		return TOOL_FAILED;
	default:
		tool_error(r->command, "%s: %s", r->path,
			   error == -TERN_EINVAL ? "not a record, or a damaged "
						   "one" :
						   tern_error_text(error));
		return TOOL_USAGE;
	}
}

static int tell_export(const struct replay *r)
{
	int error = replay_export_write(&export, r->path, r->pkt);
	int status = TOOL_OK;

	if (error == -ENOENT) {
		tool_error(r->command,
			   "--export=%" PRIu64 ": the run has %" PRIu64
			   " connections:",
			   export.wanted, export.n_found);
		if (export.list.s)
			fputs(export.list.s, stderr);
		status = TOOL_USAGE;
	} else if (error) {
		tool_error(r->command, "%s: %s", r->pkt, strerror(-error));
		status = TOOL_USAGE;
	}
	replay_export_fini(&export);
	return status;
}

static int tell_ladder(const struct replay *r)
{
	struct drill_text t = { 0 };
	int status = TOOL_OK;

	if (!replay_ladder_draw(&ladder, r->connection, &r->style, &t)) {
		tool_error(r->command,
			   "--connection %" PRIu64 ": there are %d of them",
			   r->connection, ladder.conns.n);
		status = TOOL_USAGE;
	}
	fputs(t.s ? t.s : "", stdout);
	free(t.s);
	replay_ladder_fini(&ladder);
	return status;
}

static int run_replay(struct replay *r)
{
	int error, status;

	r->r.alloc = heap_allocator;
	r->r.each = on_packet;
	r->r.ctx = r;
	r->r.bytes = map_file(r->path, &r->r.len);
	if (!r->r.bytes) {
		tool_error(r->command, "%s: %s", r->path, strerror(errno));
		return TOOL_USAGE;
	}
	if (r->redact) {
		r->out = fopen(r->redact, "w");
		if (!r->out) {
			tool_error(r->command, "%s: %s", r->redact,
				   strerror(errno));
			return TOOL_USAGE;
		}
		r->r.before = before_call;
		r->r.record = on_record;
	}
	if (r->pkt || r->ladder)
		r->r.after = after_call;
	if (r->ladder)
		r->r.trace = on_trace;
	error = tern_stack_replay(&r->r);
	status = r->ladder ? tell_ladder(r) : TOOL_OK;
	error = tell(r, error);
	status = error > status ? error : status;
	if (r->pkt && status != TOOL_USAGE)
		status = tell_export(r);
	/* Half a run is none. */
	if (r->out && status != TOOL_OK)
		remove(r->redact);
	if (r->out && (ferror(r->out) | fclose(r->out))) {
		tool_error(r->command, "%s: it could not be written",
			   r->redact);
		return TOOL_FAILED;
	}
	return status;
}

static bool take_until(struct replay *r, const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || !(s >= 0) || s > 9e9) {
		tool_error(r->command, "--until=%s: seconds, as in 2.5", text);
		return false;
	}
	/* As --print tells it; what falls short of it by rounding is it. */
	r->r.for_ns = s > 0 ? (int64_t)(s * 1e9 + 0.5) : 1;
	return true;
}

static bool is_knob(const struct replay *r, const char *name)
{
	const struct tern_tunable *t;

	if (tern_tunable_find(name))
		return true;
	t = tern_tunable_nearest(name);
	tool_error(r->command, "--set %s: there is no such knob%s%s", name,
		   t ? "; the nearest is " : "", t ? t->name : "");
	return false;
}

static bool take_knob(struct replay *r, const char *text)
{
	const char *equals = strchr(text, '=');
	struct tern_replay_knob *k = &r->knobs[r->r.n_knobs];

	if (!equals || equals == text) {
		tool_error(r->command,
			   "--set=%s: KNOB=VALUE, as in "
			   "tcp_sack=0",
			   text);
		return false;
	}
	if (r->r.n_knobs == KNOBS_MAX) {
		tool_error(r->command, "more than %d knobs", KNOBS_MAX);
		return false;
	}
	k->name = strndup(text, (size_t)(equals - text));
	k->value = equals + 1;
	r->r.n_knobs++;
	r->r.knobs = r->knobs;
	return k->name && is_knob(r, k->name);
}

static bool take_option(struct replay *r, int row, const char *value)
{
	switch (row) {
	case OPT_PRINT:
		r->print = true;
		return true;
	case OPT_LADDER:
		r->ladder = true;
		return true;
	case OPT_CONNECTION:
		return parse_number(r->command, "connection", value, INT32_MAX,
				    &r->connection);
	case OPT_UNTIL:
		return take_until(r, value);
	case OPT_SET:
		return take_knob(r, value);
	case OPT_REDACT:
		r->redact = value;
		return true;
	case OPT_EXPORT:
		return parse_number(r->command, "export", value, UINT32_MAX,
				    &export.wanted);
	case OPT_PKT:
		r->pkt = value;
		return true;
	case OPT_ASCII:
	case OPT_WIDTH:
	case OPT_COLOUR:
		return view_take(r->command, &r->style, row, value);
	}
	return false;
}

static int replay_main(struct options *o)
{
	static struct replay r;
	int row;

	r.command = o->command;
	r.r.until = TERN_NEVER;
	r.r.for_ns = TERN_NEVER;
	view_init(&r.style);
	while ((row = options_next(o)) >= 0)
		if (!take_option(&r, row, o->value))
			return TOOL_USAGE;
	if (row == OPTIONS_WRONG)
		return TOOL_USAGE;
	if (o->argc != 1) {
		tool_error(o->command, "name one file that tern run --record "
				       "has written");
		return TOOL_USAGE;
	}
	if (r.redact && r.r.n_knobs) {
		tool_error(o->command, "--redact keeps the run as it was: not "
				       "with --set");
		return TOOL_USAGE;
	}
	if (r.connection && !r.ladder) {
		tool_error(o->command, "--connection goes with --ladder");
		return TOOL_USAGE;
	}
	if (!r.pkt != !export.wanted) {
		tool_error(o->command, "--export N and --pkt FILE go together");
		return TOOL_USAGE;
	}
	r.path = o->argv[0];
	return run_replay(&r);
}

const struct command cmd_replay = {
	.name = "replay",
	.summary = "do a recorded run again and compare",
	.usage =
		"[--print] [--ladder] [--until SECONDS] [--set KNOB=VALUE]...\n"
		"                   [--redact FILE] [--export N --pkt FILE] RECORD",
	.options = rows,
	.more = "  tern replay --print --until 2.5 run.rec\n"
		"  tern replay --ladder --connection 2 run.rec\n"
		"  tern replay --redact shareable.rec run.rec\n"
		"  tern replay --export 1 --pkt x.pkt run.rec && tern drill x.pkt\n"
		"\n"
		"Exit status: 0 the same, 1 it differs, 2 no record.\n",
	.usage_status = TOOL_USAGE,
	.run = replay_main,
};
