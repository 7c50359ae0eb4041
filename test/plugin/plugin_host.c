// SPDX-License-Identifier: BSD-2-Clause
/*
 * Stands in for packetdrill: loads the plugin as the tool does and drives it as
 * the tool does, with our own interpreter above.
 *
 *	LD_PRELOAD=PLUGIN plugin_host --so_filename=PLUGIN [OPTIONS] FILE...
 *
 * Calls that may block are made in one second thread, and the script goes on
 * when that is done or asleep by /proc; all time is the plugin's; snapshots,
 * open(), sendfile(), system() and the last close() are the host's own calls.
 *
 * Prints "passed", "failed" or "skipped", the line, the file and why, and like
 * the tool ends with 1 at the first script that did not pass.
 */
#define _GNU_SOURCE
#include "plugin_host.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/times.h>

/* As the tool loads it; the sanitizers cannot bear the last flag. */
#define LOAD (RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)
#ifdef __SANITIZE_ADDRESS__
#define LOAD_DEEP 0
#else
#define LOAD_DEEP RTLD_DEEPBIND
#endif

static packetdrill_interface_init_t init;
static const char *so_flags;

static const char *load(const char *path)
{
	void *so = dlopen(path, LOAD | LOAD_DEEP);

	if (!so)
		return dlerror();
	init = (packetdrill_interface_init_t)(uintptr_t)dlsym(
		so, "packetdrill_interface_init");
	return init ? NULL : "no packetdrill_interface_init";
}

/* Before each script: a tenth of a second, by the host's clock. */
static void spin(void)
{
	clock_t start = times(NULL);

	while (times(NULL) < start + 10)
		;
}

static char *read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	if (!f || !text)
		exit(2);
	*n = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	return text;
}

static struct drill_adapter *new_client(const struct drill_config *c,
					int64_t now, const char **why)
{
	struct packetdrill_interface ifc = { 0 };

	init(so_flags, &ifc);
	if (!ifc.free || !ifc.splice) {
		*why = "the plugin left calls out";
		return NULL;
	}
	return plugin_client_new(&ifc, now);
}

static void show_trail(const struct drill_run *r)
{
	struct drill_text t = { 0 };

	drill_trail_draw(&r->trail, NULL, &t);
	fputs(t.s ? t.s : "", stdout);
	free(t.s);
}

static bool run(const char *path, const struct drill_override *o, int n)
{
	struct drill_script script = { .path = path };
	struct drill_config config;
	enum drill_verdict verdict;
	struct drill_run r = { 0 };
	const char *error = "";
	int line = 0;
	size_t len;
	char *text = read_file(path, &len);

	drill_config_init(&config);
	verdict = drill_parse(&script, text, len, &config, o, n, &line, &error);
	config.new_adapter = new_client;
	if (verdict == DRILL_PASSED) {
		spin();
		if (!drill_run(&r, &script, &config))
			verdict = r.skipped ? DRILL_SKIPPED : DRILL_FAILED;
		line = r.fail_line;
		error = r.message.s ? r.message.s : "";
	}
	printf("%s %d %s %.*s\n",
	       verdict == DRILL_PASSED ? "passed" :
	       verdict == DRILL_FAILED ? "failed" :
					 "skipped",
	       line, path, (int)strcspn(error, "\n"), error);
	fflush(stdout);
	if (verdict == DRILL_FAILED && getenv("PLUGIN_HOST_TRAIL"))
		show_trail(&r);
	drill_run_fini(&r);
	drill_mem_fini(&script.mem);
	free(text);
	return verdict == DRILL_PASSED;
}

int main(int argc, char **argv)
{
	struct drill_override o[64];
	const char *path = NULL, *wrong;
	int i, n = 0;

	for (i = 1; i < argc && !strncmp(argv[i], "--", 2) && n < 64; i++) {
		char *name = strdup(argv[i] + 2);
		char *value = name ? strchr(name, '=') : NULL;

		if (value)
			*value++ = 0;
		if (!strcmp(name, "so_filename"))
			path = value;
		else if (!strcmp(name, "so_flags"))
			so_flags = value;
		o[n++] = (struct drill_override){ name, value };
	}
	if (!path || i == argc) {
		fputs("plugin_host --so_filename=X [OPTIONS] FILE...\n",
		      stderr);
		return 2;
	}
	so_flags = so_flags ? so_flags : "";
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0) {
		perror("mlockall");
		return 2;
	}
	wrong = load(path);
	if (wrong) {
		fprintf(stderr, "%s\n", wrong);
		return 2;
	}
	while (i < argc && run(argv[i], o, n))
		i++;
	while (n-- > 0)
		free((void *)(uintptr_t)o[n].name);
	return i < argc;
}
