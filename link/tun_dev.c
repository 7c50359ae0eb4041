// SPDX-License-Identifier: BSD-2-Clause
/*
 * Making a TUN device: the only part of tern that needs a privilege, so each
 * thing that can be missing is told apart and said with what to do.
 *
 * The device belongs to the descriptor and goes with it. Addresses are set by
 * rtnetlink, for both families in one way; the MTU and IFF_UP by ioctl.
 *
 * Not here: attaching to a device that somebody else has made.
 */
#include "link/tun_dev.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TUN_PATH "/dev/net/tun"
/* Whoever asks for more packets in a queue than this means: without end. */
#define MOST_QUEUED 100000

/* Fills config->why and passes the error on. */
__attribute__((format(printf, 3, 4))) static int
fail(struct tern_tun_config *config, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(config->why, sizeof(config->why), fmt, args);
	va_end(args);
	return -error;
}

static int open_control(struct tern_tun_config *config)
{
	int fd = open(TUN_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	switch (errno) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return fail(config, errno,
			    "there is no " TUN_PATH ": load it (modprobe tun), "
			    "or start the container with --device " TUN_PATH);
	case EACCES:
	case EPERM:
		return fail(config, errno,
			    "may not open " TUN_PATH ": run as root, or let "
			    "root allow it (chmod 0666 " TUN_PATH ")");
	default:
		return fail(config, errno, "cannot open " TUN_PATH ": %s",
			    strerror(errno));
	}
}

static int make_device(struct tern_tun_config *config, int fd,
		       struct ifreq *ifr)
{
	int flags = IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL;

	if (!config->no_offload)
		flags |= IFF_VNET_HDR;
	ifr->ifr_flags = (short)flags;
	if (ioctl(fd, TUNSETIFF, ifr) == 0)
		return 0;
	switch (errno) {
	case EPERM:
		return fail(config, errno,
			    "may not make device %s: that takes CAP_NET_ADMIN. "
			    "Run as root, or in a network of your own: "
			    "unshare -Urn tern run ...",
			    ifr->ifr_name);
	case EBUSY:
		return fail(config, EEXIST,
			    "a device named %s exists already: choose another "
			    "name (ip link shows those in use)",
			    ifr->ifr_name);
	default:
		return fail(config, errno, "cannot make device %s: %s",
			    ifr->ifr_name, strerror(errno));
	}
}

static int set_offload(struct tern_tun_config *config, int fd)
{
	/* TSO_ECN: a packet with CWR may come whole as well. */
	unsigned long offload = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 |
				TUN_F_TSO_ECN;

	if (config->no_offload || ioctl(fd, TUNSETOFFLOAD, offload) == 0)
		return 0;
	return fail(config, errno, "the device has no offload: %s",
		    strerror(errno));
}

struct addr_request {
	struct nlmsghdr hdr;
	struct ifaddrmsg msg;
	char attrs[2 * RTA_LENGTH(16)];
};

static void add_attr(struct addr_request *req, unsigned short type,
		     const void *value, unsigned short len)
{
	struct rtattr *attr = (void *)((char *)req + req->hdr.nlmsg_len);

	attr->rta_type = type;
	attr->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(attr), value, len);
	req->hdr.nlmsg_len += RTA_ALIGN(attr->rta_len);
}

/* Asks the kernel and waits for its verdict: 0 or -errno. */
static int ask_kernel(const struct nlmsghdr *hdr)
{
	struct {
		struct nlmsghdr hdr;
		struct nlmsgerr err;
		char more[512];
	} answer;
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int error = 0;

	if (s < 0)
		return -errno;
	if (send(s, hdr, hdr->nlmsg_len, 0) < 0 ||
	    recv(s, &answer, sizeof(answer), 0) < 0)
		error = -errno;
	else if (answer.hdr.nlmsg_type == NLMSG_ERROR)
		error = answer.err.error;
	close(s);
	return error;
}

static int add_address(int ifindex, const struct tern_prefix *p)
{
	bool v4 = tern_addr_is_v4(&p->addr);
	const uint8_t *bytes = p->addr.b + (v4 ? 12 : 0);
	unsigned short len = v4 ? 4 : 16;
	struct addr_request req = {
		.hdr = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(req.msg)),
			.nlmsg_type = RTM_NEWADDR,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK |
				       NLM_F_CREATE | NLM_F_EXCL,
			.nlmsg_seq = 1,
		},
		.msg = {
			.ifa_family = v4 ? AF_INET : AF_INET6,
			.ifa_prefixlen = p->bits,
			/* Nobody else is on this link: no waiting for
			 * duplicate address detection. */
			.ifa_flags = IFA_F_NODAD,
			.ifa_index = (unsigned)ifindex,
		},
	};

	add_attr(&req, IFA_LOCAL, bytes, len);
	add_attr(&req, IFA_ADDRESS, bytes, len);
	return ask_kernel(&req.hdr);
}

static int set_addresses(struct tern_tun_config *config, int ifindex)
{
	char text[TERN_ADDR_STRLEN];

	for (int i = 0; i < config->n_addrs; i++) {
		const struct tern_prefix *p = &config->addrs[i];
		int error = add_address(ifindex, p);

		if (error)
			return fail(config, -error,
				    "cannot give the device the address %s/%u: "
				    "%s",
				    tern_addr_print(&p->addr, text), p->bits,
				    strerror(-error));
	}
	return 0;
}

/* MTU, addresses and IFF_UP: all that is done from outside the device. */
static int configure(struct tern_tun_config *config, struct ifreq *ifr)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = 0, ifindex = 0;

	if (s < 0)
		return fail(config, errno, "no socket: %s", strerror(errno));
	if (ioctl(s, SIOCGIFINDEX, ifr) == 0)
		ifindex = ifr->ifr_ifindex;
	ifr->ifr_mtu = (int)(config->mtu ? config->mtu : 1500);
	if (ioctl(s, SIOCSIFMTU, ifr) < 0)
		error = fail(config, errno, "the device refuses MTU %u: %s",
			     config->mtu, strerror(errno));
	if (!error)
		error = set_addresses(config, ifindex);
	ifr->ifr_flags = IFF_UP | IFF_RUNNING;
	if (!error && ioctl(s, SIOCSIFFLAGS, ifr) < 0)
		error = fail(config, errno, "cannot bring the device up: %s",
			     strerror(errno));
	close(s);
	return error;
}

int tun_dev_open(struct tern_tun_config *config, char name[16])
{
	struct ifreq ifr = { 0 };
	int fd, error;

	config->why[0] = '\0';
	if (!config->name || !config->name[0] ||
	    strlen(config->name) >= sizeof(ifr.ifr_name))
		return fail(config, EINVAL,
			    "a device's name has 1 to %zu bytes: %s",
			    sizeof(ifr.ifr_name) - 1,
			    config->name ? config->name : "(none)");
	strcpy(ifr.ifr_name, config->name);
	fd = open_control(config);
	if (fd < 0)
		return fd;
	error = make_device(config, fd, &ifr);
	if (!error)
		error = set_offload(config, fd);
	if (!error)
		error = configure(config, &ifr);
	if (error) {
		close(fd);
		return error;
	}
	memcpy(name, ifr.ifr_name, sizeof(ifr.ifr_name));
	return fd;
}

void tun_dev_queue_len(const char *name, uint32_t n)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { 0 };

	if (s < 0)
		return;
	strncpy(ifr.ifr_name, name, sizeof(ifr.ifr_name) - 1);
	ifr.ifr_qlen = n < MOST_QUEUED ? (int)n : MOST_QUEUED;
	(void)ioctl(s, SIOCSIFTXQLEN, &ifr);
	close(s);
}

uint64_t tun_dev_dropped(const char *name)
{
	/* Of this thread's namespace, where the device was made. */
	FILE *f = fopen("/proc/thread-self/net/dev", "re");
	size_t len = strlen(name);
	unsigned long long n = 0;
	char line[512], *p;

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		p = line + strspn(line, " ");
		if (strncmp(p, name, len) != 0 || p[len] != ':')
			continue;
		/* 8 numbers of what it received; bytes, packets, errors. */
		sscanf(p + len + 1,
		       "%*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %llu", &n);
		break;
	}
	fclose(f);
	return n;
}
