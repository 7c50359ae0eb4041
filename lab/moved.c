// SPDX-License-Identifier: BSD-2-Clause
/*
 * One write a stack, to the file's end: tests run side by side.
 */
#include "moved.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* All names: some 250 of at most 40 bytes. */
#define TEXT_MAX 16384

static size_t add(char *text, size_t len, const char *kind, const char *name)
{
	int n = snprintf(text + len, TEXT_MAX - len, "%s %s\n", kind, name);

	return len + (size_t)n < TEXT_MAX ? len + (size_t)n : len;
}

void moved_note(const struct tern_stack *st)
{
	const char *path = getenv("TERN_MOVED");
	char text[TEXT_MAX];
	size_t len = 0;
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT, 0644) : -1;

	if (fd < 0)
		return;
	for (int i = 0; tern_counter_at(i); i++)
		if (tern_counter_get(st, i))
			len = add(text, len, "counter",
				  tern_counter_at(i)->name);
	for (int i = 1; tern_drop_name(i); i++)
		if (tern_drop_count(st, i))
			len = add(text, len, "drop", tern_drop_name(i));
	if (write(fd, text, len) != (ssize_t)len)
		perror(path);
	close(fd);
}
