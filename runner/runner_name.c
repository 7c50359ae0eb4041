// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names of the runner's AF_UNIX sockets: abstract, so that they need no file
 * and vanish with the socket, and with 96 random bits, so that they are ours
 * alone. After the prefix come bytes of the runner's choice:
 *
 *	'i' and a socket's number	who is at the other end (accepted
 *					descriptors, listeners, datagrams)
 *	's' and an address		whom a datagram is from (runner_udp.c)
 *	'm'				where connecting ends are met
 *
 * Limit: /proc/net/unix shows them to everyone in the network namespace, so
 * a stranger on the same machine could connect to a program's listener. What
 * he brings is told apart by its name, and closed, where accept asks for an
 * address; a plain accept() would give it to the program.
 */
#include "runner_priv.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

int name_init(struct runner *r)
{
	memcpy(r->prefix, "tern", 4);
	if (getrandom(r->prefix + 4, sizeof(r->prefix) - 4, 0) < 0)
		return -errno;
	return 0;
}

socklen_t name_make(const struct runner *r, const void *data, size_t len,
		    struct sockaddr_un *out)
{
	memset(out, 0, sizeof(*out));
	out->sun_family = AF_UNIX;
	memcpy(out->sun_path + 1, r->prefix, sizeof(r->prefix));
	memcpy(out->sun_path + 1 + sizeof(r->prefix), data, len);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   sizeof(r->prefix) + len);
}

int name_data(const struct runner *r, const struct sockaddr_un *name,
	      socklen_t len, const uint8_t **data)
{
	size_t head =
		offsetof(struct sockaddr_un, sun_path) + 1 + sizeof(r->prefix);

	if (len <= head || name->sun_family != AF_UNIX || name->sun_path[0] ||
	    memcmp(name->sun_path + 1, r->prefix, sizeof(r->prefix)) != 0)
		return -1;
	*data = (const uint8_t *)name + head;
	return (int)(len - head);
}

socklen_t name_make_id(const struct runner *r, uint64_t id,
		       struct sockaddr_un *out)
{
	uint8_t data[1 + sizeof(id)] = { 'i' };

	memcpy(data + 1, &id, sizeof(id));
	return name_make(r, data, sizeof(data), out);
}

int name_bind(struct runner *r, int fd, uint64_t id)
{
	struct sockaddr_un name;
	socklen_t len = name_make_id(r, id, &name);

	return bind(fd, (void *)&name, len) < 0 ? -errno : 0;
}

uint64_t name_of_peer(const struct runner *r, int fd)
{
	struct sockaddr_un name;
	socklen_t len = sizeof(name);
	const uint8_t *data;
	uint64_t id;

	if (getpeername(fd, (void *)&name, &len) < 0 ||
	    name_data(r, &name, len, &data) != 1 + sizeof(id) || data[0] != 'i')
		return 0;
	memcpy(&id, data + 1, sizeof(id));
	return id;
}
