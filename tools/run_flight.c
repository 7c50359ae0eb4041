// SPDX-License-Identifier: BSD-2-Clause
/*
 * A crash's record does the calls of the connection again, the one that crashed
 * among them, so it may well crash there again; each frame is in the file before
 * what it stands for is done, and a replay crashes at the same place.
 */
#define _GNU_SOURCE
#include "tools/run_flight.h"

#include "tools/run_crash.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FLIGHT_FILES_MAX 16
#define DEFAULT_SIZE (UINT64_C(4) << 20)
/* A file is as long as the data that its connection had. */
#define DATA_MAX (UINT64_C(1) << 30)

struct run_flight {
	const struct command *command;
	char path[4096];
	int n_files;
	struct run_crash crash;
	struct tern_stack *watched; /* or NULL */
};

struct run_flight *run_flight_new(const struct command *command,
				  const struct run_host_config *c)
{
	const char *name = c->name ? c->name : c->tun;
	struct run_flight *f = calloc(1, sizeof(*f));
	int n;

	if (!f) {
		tool_error(command, "--flight-recorder: no memory");
		return NULL;
	}
	f->command = command;
	if (c->flight && c->flight[0])
		n = snprintf(f->path, sizeof(f->path) - 8, "%s", c->flight);
	else
		n = snprintf(f->path, sizeof(f->path) - 8, "flight-%s.rec",
			     name ? name : "host");
	if (n < (int)sizeof(f->path) - 8)
		return f;
	tool_error(command, "--flight-recorder: the file's name is too long");
	free(f);
	return NULL;
}

void run_flight_free(struct run_flight *f)
{
	run_flight_watch(f, NULL);
	free(f);
}

size_t run_flight_size(const struct run_host_config *c)
{
	return (size_t)(c->flight_size ? c->flight_size : DEFAULT_SIZE);
}

static void put_bytes(void *ctx, const void *bytes, size_t len)
{
	/* An error shows at the end. */
	fwrite(bytes, 1, len, ctx);
}

static FILE *next_file(struct run_flight *f, char path[4096])
{
	FILE *file;

	f->n_files++;
	snprintf(path, 4096, f->n_files == 1 ? "%s" : "%s.%d", f->path,
		 f->n_files);
	file = fopen(path, "wbe");
	if (!file)
		tool_error(f->command, "--flight-recorder %s: %s", path,
			   strerror(errno));
	return file;
}

static void name_ends(const struct tern_flight *t, char out[128])
{
	char local[TERN_ADDR_STRLEN], remote[TERN_ADDR_STRLEN];

	snprintf(out, 128, "%s port %u to %s port %u",
		 tern_addr_print(&t->local.addr, local), t->local.port,
		 tern_addr_print(&t->remote.addr, remote), t->remote.port);
}

static void say(const struct run_flight *f, const char *ends, const char *path,
		const struct tern_flight_file *file)
{
	if (!file->n_differ)
		tool_error(f->command,
			   "%s ended abnormally: %s has it, for tern replay "
			   "--ladder",
			   ends, path);
	else
		tool_error(f->command,
			   "%s ended abnormally: %s has it, but %" PRIu64
			   " of its %" PRIu64 " segments are others there: "
			   "other connections had a hand in them",
			   ends, path, file->n_differ, file->n_out);
}

void run_flight_write(void *ctx, const struct tern_flight *t)
{
	struct tern_flight_file file = { .write = put_bytes,
					 .data_max = DATA_MAX };
	struct run_flight *f = ctx;
	char path[4096], ends[128];
	int error;
	FILE *out;

	name_ends(t, ends);
	if (t->is_lost) {
		tool_error(f->command,
			   "%s ended abnormally, and was too long for the "
			   "flight recorder: --flight-size gives it more",
			   ends);
		return;
	}
	if (f->n_files >= FLIGHT_FILES_MAX)
		return;
	out = next_file(f, path);
	if (!out)
		return;
	file.ctx = out;
	error = tern_flight_write(t->st, t->id, &file);
	if (!error && !(ferror(out) | fclose(out))) {
		say(f, ends, path, &file);
	} else {
		if (error)
			fclose(out);
		remove(path);
		f->n_files--;
		tool_error(f->command,
			   "%s ended abnormally; %s is not written: %s", ends,
			   path, error ? tern_error_text(error) : "disk full?");
	}
	if (f->n_files == FLIGHT_FILES_MAX)
		tool_error(f->command, "that was the flight recorder's last "
				       "file of this run");
}

static void write_crash(void *ctx)
{
	struct run_flight *f = ctx;
	struct tern_flight_file file = { .write = put_bytes };
	char path[4096];
	FILE *out = next_file(f, path);

	if (!out)
		return;
	/* Nothing waits in memory when it dies. */
	setvbuf(out, NULL, _IONBF, 0);
	file.ctx = out;
	tool_error(f->command,
		   "crashed: what it was about is in %s, for tern replay",
		   path);
	tern_flight_write(f->watched, 0, &file);
	fclose(out);
}

void run_flight_watch(struct run_flight *f, struct tern_stack *st)
{
	run_crash_remove(&f->crash);
	f->watched = st;
	f->crash = (struct run_crash){ .write = write_crash, .ctx = f };
	if (st)
		run_crash_add(&f->crash);
}
