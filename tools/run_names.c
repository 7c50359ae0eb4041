// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a program under tern run reads where names are looked up, so that it
 * finds itself, and finds out quickly whom it cannot ask.
 *
 *	/etc/hosts	our addresses under the machine's name and --name's,
 *			then the system's
 *	/etc/resolv.conf  --resolv's file as it is; else the system's, without
 *			the servers that the stack cannot reach
 *
 * A server can be reached if the kernel's side of the device is to answer for
 * it: an address on the device's prefixes, another one of the kernel's, or
 * any if the kernel forwards. The kernel's loopback is behind no device; and
 * where it does not forward, it drops what is for others without a word, so
 * that each look-up would take 10 s to fail. With no server left the C library
 * asks 127.0.0.1, which is the stack itself and refuses at once.
 *
 * The first of the lines that have a name or an address counts: the system's
 * own line for the machine's name, with an address that is not ours, comes
 * after ours.
 */
#define _GNU_SOURCE
#include "tools/run_names.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILE_MAX (1 << 20)
#define SERVER "nameserver"
/* connect() to everybody is refused at once (EACCES, without SO_BROADCAST). */
#define NOBODY "# No name server can be reached.\n" SERVER " 255.255.255.255"

/* The file's text, to be freed; NULL with errno. */
static char *read_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(FILE_MAX + 1) : NULL;
	size_t n;

	if (text) {
		n = fread(text, 1, FILE_MAX, f);
		if (ferror(f)) {
			free(text);
			text = NULL;
		} else {
			text[n] = '\0';
		}
	}
	if (f)
		fclose(f);
	return text;
}

static bool reads_one(const char *path)
{
	FILE *f = fopen(path, "re");
	bool is = f && fgetc(f) == '1';

	if (f)
		fclose(f);
	return is;
}

static bool kernel_forwards(bool v4)
{
	return reads_one(v4 ? "/proc/sys/net/ipv4/ip_forward" :
			      "/proc/sys/net/ipv6/conf/all/forwarding");
}

/* Only to its own addresses does the kernel bind. */
static bool is_kernels(const struct tern_addr *a)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	bool is_v4 = tern_addr_is_v4(a);
	int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC,
			0);
	bool is;

	memcpy(&v4.sin_addr, a->b + 12, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, a->b, sizeof(v6.sin6_addr));
	if (is_v4)
		is = bind(fd, (struct sockaddr *)&v4, sizeof(v4)) == 0;
	else
		is = bind(fd, (struct sockaddr *)&v6, sizeof(v6)) == 0;
	if (fd >= 0)
		close(fd);
	return is;
}

static bool is_loopback(const struct tern_addr *a)
{
	static const struct tern_addr one = { { [15] = 1 } };

	return tern_addr_is_v4(a) ? a->b[12] == 127 : tern_addr_equal(a, &one);
}

static bool can_reach(const struct run_host_config *c, const char *text)
{
	struct tern_addr a;
	size_t used = tern_addr_parse(text, NULL, &a);

	/* Also with a scope, which names a link of the kernel's. */
	if (!used || text[used] || is_loopback(&a))
		return false;
	for (int i = 0; i < c->n_addrs; i++) {
		if (tern_addr_is_v4(&a) == tern_addr_is_v4(&c->addrs[i].addr) &&
		    prefix_contains(&c->addrs[i], &a))
			return true;
	}
	return is_kernels(&a) || kernel_forwards(tern_addr_is_v4(&a));
}

static bool names_server(const char *line)
{
	size_t n = strlen(SERVER);

	return !strncmp(line, SERVER, n) && isblank((unsigned char)line[n]);
}

/* Is the server of the line one that cannot be reached? */
static bool is_lost(const struct run_host_config *c, const char *line,
		    size_t len)
{
	char text[TERN_ADDR_STRLEN + 16];
	size_t at = strlen(SERVER), n;

	while (at < len && isblank((unsigned char)line[at]))
		at++;
	n = 0;
	while (at + n < len && !isspace((unsigned char)line[at + n]))
		n++;
	snprintf(text, sizeof(text), "%.*s", (int)n, line + at);
	if (can_reach(c, text))
		return false;
	if (c->verbose)
		fprintf(stderr, "tern run: no name server %s for the program\n",
			text);
	return true;
}

/* The text without the servers that cannot be reached, in place: how many are
 * left. */
static int keep_reachable(const struct run_host_config *c, char *text)
{
	char *from = text, *to = text;
	int n = 0;

	while (*from) {
		size_t len = strcspn(from, "\n");
		size_t whole = len + (from[len] == '\n');

		bool is_server = names_server(from);

		if (!is_server || !is_lost(c, from, len)) {
			n += is_server;
			memmove(to, from, whole);
			to += whole;
		}
		from += whole;
	}
	*to = '\0';
	return n;
}

/* The system's, as far as it is of use; NULL: it has none. */
static char *make_resolv(const struct run_host_config *c)
{
	char *text = read_text("/etc/resolv.conf"), *out = NULL;

	if (!text || keep_reachable(c, text) || !c->is_alone)
		return text;
	if (asprintf(&out, "%s\n%s", NOBODY, text) < 0)
		return text;
	free(text);
	return out;
}

static char *make_hosts(const struct run_host_config *c)
{
	char *system = read_text("/etc/hosts");
	char addr[TERN_ADDR_STRLEN], name[256] = "";
	char *text = NULL;
	size_t len = 0;
	FILE *out = system ? open_memstream(&text, &len) : NULL;

	gethostname(name, sizeof(name) - 1);
	for (int i = 0; out && i < c->n_addrs; i++) {
		if (!name[0] && !c->name)
			break;
		fprintf(out, "%s", tern_addr_print(&c->addrs[i].addr, addr));
		if (name[0])
			fprintf(out, " %s", name);
		if (c->name && strcmp(c->name, name) != 0)
			fprintf(out, " %s", c->name);
		fputc('\n', out);
	}
	if (out) {
		fputs(system, out);
		if (fclose(out) != 0) {
			free(text);
			text = NULL;
		}
	}
	free(system);
	return text;
}

char *run_names_resolv(const struct command *command, const char *path)
{
	char *text = read_text(path);

	if (!text)
		tool_error(command, "--resolv %s: %s", path, strerror(errno));
	return text;
}

bool run_names_make(struct run_names *n, const struct command *command,
		    const struct run_host_config *c)
{
	*n = (struct run_names){ 0 };
	if (c->net_hosts) {
		/* Its world is the network: nobody answers for others. */
		n->resolv_conf = strdup("");
		n->hosts = strdup(c->net_hosts);
		return n->resolv_conf && n->hosts;
	}
	n->resolv_conf = c->resolv ? run_names_resolv(command, c->resolv) :
				     make_resolv(c);
	if (c->resolv && !n->resolv_conf)
		return false;
	n->hosts = make_hosts(c);
	return true;
}

void run_names_free(struct run_names *n)
{
	free(n->resolv_conf);
	free(n->hosts);
}
