// SPDX-License-Identifier: BSD-2-Clause
/*
 * A table of rows, and for each a list of files. Hidden files and folders are
 * left out, and what has a 0 byte is no text.
 */
#include "drill_coverage.h"

#include "drill_mem.h"

#include "base/bytes.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (1 << 20)
#define DEPTH_MAX 20
#define KEY "covers:"
#define SCENARIO_KEY "rows "

struct file {
	struct file *next;
	const char *path;
};

struct row {
	const char *name, *text;
	struct file *files;
	int n_files;
};

struct coverage {
	struct drill_mem mem;
	struct row *rows;
	int n_rows, n_read, n_wrong;
};

static const struct row all[] = {
#define ROW(name, text) { #name, text },
#include "drill_rows.def"
};

static struct row *find(struct coverage *c, const char *name, size_t len)
{
	int i;

	for (i = 0; i < c->n_rows; i++) {
		if (strlen(c->rows[i].name) == len &&
		    !memcmp(c->rows[i].name, name, len))
			return &c->rows[i];
	}
	return NULL;
}

static void add_file(struct coverage *c, struct row *r, const char *path)
{
	struct file **at = &r->files;

	for (; *at; at = &(*at)->next) {
		if (!strcmp((*at)->path, path))
			return;
	}
	*at = DRILL_NEW(&c->mem, struct file);
	(*at)->path = drill_mem_copy(&c->mem, path, strlen(path));
	r->n_files++;
}

/* Is this a row's name, by its looks? Its length, or 0. */
static size_t name_len(const char *p)
{
	size_t n = 1;

	if (!isupper((unsigned char)p[0]) || !isdigit((unsigned char)p[1]))
		return 0;
	while (isdigit((unsigned char)p[n]))
		n++;
	return isalnum((unsigned char)p[n]) || p[n] == '_' ? 0 : n;
}

/* Behind the key: names up to something else. */
static void read_names(struct coverage *c, const char *p, const char *path,
		       int line)
{
	struct row *r;
	size_t n;

	for (;; p += n) {
		p += strspn(p, " ,\t");
		n = name_len(p);
		if (!n)
			return;
		r = find(c, p, n);
		if (r) {
			add_file(c, r, path);
			continue;
		}
		printf("%s:%d: there is no row %.*s\n", path, line, (int)n, p);
		c->n_wrong++;
	}
}

/* A scenario names its rows by a line of its own. */
static void read_scenario(struct coverage *c, const char *text,
			  const char *path)
{
	int line = 1;

	for (const char *p = text; p; line++) {
		if (!strncmp(p, SCENARIO_KEY, strlen(SCENARIO_KEY)))
			read_names(c, p + strlen(SCENARIO_KEY), path, line);
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
}

static bool is_scenario(const char *path)
{
	size_t n = strlen(path);

	return n > 4 && !strcmp(path + n - 4, ".lab");
}

static void read_text(struct coverage *c, const char *text, const char *path)
{
	const char *p = text, *key, *q;
	int line = 1;

	while ((key = strstr(p, KEY)) != NULL) {
		for (q = p; q < key; q++)
			line += *q == '\n';
		p = key + strlen(KEY);
		read_names(c, p, path, line);
	}
}

static void read_file(struct coverage *c, const char *path, off_t size)
{
	FILE *f = size <= FILE_MAX ? fopen(path, "r") : NULL;
	char *text;
	size_t n;

	if (!f)
		return;
	text = drill_mem_grow(NULL, (size_t)size + 1);
	n = fread(text, 1, (size_t)size, f);
	fclose(f);
	text[n] = 0;
	c->n_read++;
	if (strlen(text) == n && is_scenario(path))
		read_scenario(c, text, path);
	else if (strlen(text) == n)
		read_text(c, text, path);
	free(text);
}

static void look(struct coverage *c, const char *path, int depth)
{
	struct dirent **names;
	struct stat st;
	int n, i;

	if (stat(path, &st) < 0) {
		printf("%s: not there\n", path);
		c->n_wrong++;
		return;
	}
	if (!S_ISDIR(st.st_mode)) {
		read_file(c, path, st.st_size);
		return;
	}
	n = depth < DEPTH_MAX ? scandir(path, &names, NULL, alphasort) : 0;
	for (i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.')
			look(c,
			     drill_mem_printf(&c->mem, "%s/%s", path,
					      names[i]->d_name),
			     depth + 1);
		free(names[i]);
	}
	if (n > 0)
		free(names);
}

static void print_rows(const struct coverage *c)
{
	const struct file *f;
	int i, n = 0;

	for (i = 0; i < c->n_rows; i++) {
		if (!c->rows[i].files)
			continue;
		n++;
		printf("%-4s %s\n", c->rows[i].name, c->rows[i].text);
		for (f = c->rows[i].files; f; f = f->next)
			printf("       %s\n", f->path);
	}
	if (n < c->n_rows)
		printf("\nnot covered:\n");
	for (i = 0; i < c->n_rows; i++) {
		if (!c->rows[i].files)
			printf("%-4s %s\n", c->rows[i].name, c->rows[i].text);
	}
	printf("\n%d of %d rows covered\n", n, c->n_rows);
}

/* "O4", or "O" for its whole group. */
static void require(struct coverage *c, const char *name, size_t len)
{
	bool found = false;
	int i;

	for (i = 0; i < c->n_rows; i++) {
		const struct row *r = &c->rows[i];

		if (strncmp(r->name, name, len) != 0 ||
		    (len > 1 && r->name[len]))
			continue;
		found = true;
		if (r->files)
			continue;
		printf("required, and not covered: %s %s\n", r->name, r->text);
		c->n_wrong++;
	}
	if (!found) {
		printf("required, and no row: %.*s\n", (int)len, name);
		c->n_wrong++;
	}
}

int drill_coverage(char *const *paths, int n_paths, const char *required)
{
	struct coverage c = { .n_rows = ARRAY_LEN(all) };
	int i, result;
	size_t n;

	c.rows = drill_mem_new(&c.mem, sizeof(all));
	memcpy(c.rows, all, sizeof(all));
	for (i = 0; i < n_paths; i++)
		look(&c, paths[i], 0);
	print_rows(&c);
	for (; required && *required; required += n) {
		required += strspn(required, " ,");
		n = strcspn(required, " ,");
		if (n && n < 4)
			require(&c, required, n);
		else if (n)
			c.n_wrong++;
	}
	result = c.n_wrong || !c.n_read;
	drill_mem_fini(&c.mem);
	return result;
}
