// SPDX-License-Identifier: BSD-2-Clause
/*
 * Capture files that take turns, under tcpdump's rules:
 *
 *	size (-C)	a file that has grown beyond it is followed by FILE1,
 *			FILE2 ...; with -W so many files are used in turn, and
 *			their numbers have as many digits as the last one's
 *	time (-G)	a file is followed by the next after so long; its name
 *			is a pattern of strftime(3). With -W the capture ends
 *			after so many files
 *
 * Each file is whole by itself: it begins with the interfaces and the names.
 * Time is that of the packets.
 */
#define _GNU_SOURCE
#include "tools/capture_file.h"

#include <tern/error.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)

/* Bytes that wait before they are written anyway. */
#define FLUSH_LEN (256u << 10)

void capture_file_name(struct capture_file *f, const char *addr,
		       const char *name)
{
	struct capture_name *grown;
	struct tern_addr a;

	if (!tern_addr_parse(addr, NULL, &a))
		return;
	grown = reallocarray(f->names, f->n_names + 1, sizeof(*grown));
	if (!grown)
		return;
	f->names = grown;
	grown[f->n_names++] =
		(struct capture_name){ .addr = a, .name = strdup(name) };
}

static int digits_of(uint64_t n)
{
	return snprintf(NULL, 0, "%" PRIu64, n);
}

/* The path of the next file. False: it is too long, or says nothing. */
static bool make_path(const struct capture_file *f, int64_t now, char *out,
		      size_t size)
{
	time_t at = now / NS_PER_S;
	struct tm tm;
	uint64_t n = f->n_files;
	size_t len;

	if (f->most_ns) {
		localtime_r(&at, &tm);
		len = strftime(out, size, f->path, &tm);
		if (!len)
			return false;
	} else {
		len = (size_t)snprintf(out, size, "%s", f->path);
	}
	if (!f->most_len)
		return len < size;
	if (f->most_files)
		len += (size_t)snprintf(out + len, size - len, "%0*" PRIu64,
					digits_of(f->most_files - 1),
					n % f->most_files);
	else if (n)
		len += (size_t)snprintf(out + len, size - len, "%" PRIu64, n);
	return len < size;
}

static int open_path(const char *path)
{
	int fd;

	if (!strcmp(path, "-"))
		return dup(STDOUT_FILENO);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return fd;
}

static void put_interface(struct capture_file *f, uint32_t link)
{
	f->interface[link] = ++f->n_interfaces;
	pcapng_writer_interface(&f->out, f->links[link], f->snaplen);
}

static void put_head(struct capture_file *f)
{
	pcapng_writer_section(&f->out);
	f->n_interfaces = 0;
	memset(f->interface, 0, sizeof(f->interface));
	for (uint32_t i = 1; i < CAPTURE_LINKS; i++)
		if (f->links[i][0])
			put_interface(f, i);
	for (size_t i = 0; i < f->n_names; i++)
		if (f->names[i].name)
			pcapng_writer_name(&f->out, &f->names[i].addr,
					   f->names[i].name);
}

bool capture_file_open(struct capture_file *f, int64_t now)
{
	char path[PATH_MAX];

	if (!make_path(f, now, path, sizeof(path))) {
		tool_error(f->command, "--write %s: this is no file's name",
			   f->path);
		return false;
	}
	f->out = (struct pcapng_writer){ .fd = open_path(path) };
	if (f->out.fd < 0) {
		tool_error(f->command, "--write %s: %s", path, strerror(errno));
		return false;
	}
	f->is_open = true;
	f->n_files++;
	f->since = now;
	put_head(f);
	return capture_file_flush(f);
}

bool capture_file_flush(struct capture_file *f)
{
	pcapng_writer_flush(&f->out);
	return !f->out.error;
}

/* Ends this file. */
static bool end_file(struct capture_file *f)
{
	int error;

	if (!f->is_open)
		return true;
	pcapng_writer_flush(&f->out);
	error = f->out.error;
	if (close(f->out.fd) != 0 && !error)
		error = -errno;
	pcapng_writer_fini(&f->out);
	f->is_open = false;
	if (error)
		tool_error(f->command, "--write %s: not whole: %s", f->path,
			   tern_error_text(error));
	return !error;
}

static bool is_over(struct capture_file *f, int64_t now)
{
	return (f->most_len && f->out.flushed + f->out.len > f->most_len) ||
	       (f->most_ns && now - f->since >= f->most_ns);
}

/* The next file, if it is time for it. */
static bool turn(struct capture_file *f, int64_t now)
{
	if (!is_over(f, now))
		return true;
	f->full = f->most_ns && f->most_files && f->n_files >= f->most_files;
	return !f->full && end_file(f) && capture_file_open(f, now);
}

bool capture_file_put(struct capture_file *f, const struct tern_pkt *pkt,
		      struct pcapng_note *note)
{
	uint32_t link = note->interface % CAPTURE_LINKS;

	if (!turn(f, note->at))
		return false;
	if (!f->interface[link])
		put_interface(f, link);
	note->interface = f->interface[link] - 1;
	note->snaplen = f->snaplen;
	pcapng_writer_packet(&f->out, pkt, note);
	note->interface = link;
	return f->out.len < FLUSH_LEN || capture_file_flush(f);
}

bool capture_file_close(struct capture_file *f)
{
	bool whole = end_file(f);

	for (size_t i = 0; i < f->n_names; i++)
		free(f->names[i].name);
	free(f->names);
	f->names = NULL;
	f->n_names = 0;
	return whole;
}
