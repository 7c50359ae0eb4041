// SPDX-License-Identifier: BSD-2-Clause
/*
 * What `tern ss`, `tern sysctl` and `tern nstat` share: finding the host,
 * asking it, and printing rows as JSON for other programs.
 */
#include "tools/ask.h"

#include <stdio.h>
#include <unistd.h>

void ask_option(struct ask *ask, int row, const char *value)
{
	if (row == ASK_HOST)
		ask->host = value;
	else if (row == ASK_JSON)
		ask->json = true;
}

static void print_json(void *ctx, const json_t *row)
{
	json_dumpf(row, stdout, JSON_COMPACT);
	putchar('\n');
}

static void print_name(void *ctx, const char *name)
{
	fprintf(stderr, "  %s\n", name);
}

int ask_connect(const struct ask *ask, int *fd)
{
	int error = control_connect(ask->host, fd);

	if (!error)
		return 0;
	if (ask->host)
		tool_error(ask->command, "%s: %s", ask->host,
			   control_error_text(error));
	else
		tool_error(ask->command, "%s", control_error_text(error));
	if (error == -TERN_ERANGE || error == -TERN_ECONNREFUSED)
		control_each_host(print_name, NULL);
	return TOOL_FAILED;
}

int ask_tell(const struct ask *ask, int error, const char *why)
{
	if (!error)
		return TOOL_OK;
	tool_error(ask->command, "%s",
		   why[0] ? why : control_error_text(error));
	return TOOL_FAILED;
}

int ask_host(const struct ask *ask, const char *question, json_t *args,
	     control_row_fn *fn, void *ctx)
{
	char why[256];
	int fd, error;

	if (ask_connect(ask, &fd)) {
		json_decref(args);
		return TOOL_FAILED;
	}
	error = control_ask(fd, question, args, ask->json ? print_json : fn,
			    ctx, why);
	close(fd);
	return ask_tell(ask, error, why);
}

int ask_host_until(const struct ask *ask, const char *question, json_t *args,
		   control_until_fn *fn, void *ctx)
{
	char why[256];
	int fd, error;

	if (ask_connect(ask, &fd)) {
		json_decref(args);
		return TOOL_FAILED;
	}
	error = control_ask_until(fd, question, args, fn, ctx, why);
	close(fd);
	if (error == -TERN_EPROTO && !why[0])
		snprintf(why, sizeof(why), "the host has gone");
	return ask_tell(ask, error, why);
}

int ask_host_sockets(const struct ask *ask, json_t *args, control_socket_fn *fn,
		     void *ctx)
{
	char why[256];
	int fd, error;

	if (ask_connect(ask, &fd)) {
		json_decref(args);
		return TOOL_FAILED;
	}
	error = control_ask_sockets(fd, args, fn, ctx, why);
	close(fd);
	return ask_tell(ask, error, why);
}

const char *row_text(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

int64_t row_number(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}
