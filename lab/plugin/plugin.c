// SPDX-License-Identifier: BSD-2-Clause
/*
 * The clock is virtual, and moves in three places: usleep() runs the stack to
 * that instant, netdev_receive() to the next packet, and a script's thread
 * that does nothing but look at the clock sees it tick (the tool spins through
 * its last 20 us). A call that waits in the other thread sleeps on a condition
 * and is completed by whoever moves the clock, at an instant of its own.
 *
 * One stack at a time; the tool makes one a script.
 */
#include "plugin.h"

#include "base/bytes.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define START_AT (1000 * NS_PER_S)
/* Looks in a row that are free: an event takes a few. */
#define LOOKS_FREE 16
/* What the tool leaves of a wait to spin through. */
#define SPIN_NS (20 * NS_PER_US)
/* How far netdev_receive() looks for a packet: the tool has no timeout, and
 * nothing of TCP's waits for longer but a keep-alive. */
#define PATIENCE (100000 * NS_PER_S)
#define STEPS_MAX 1000000

struct plugin plugin = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.woken = PTHREAD_COND_INITIALIZER,
};

void plugin_enter(void)
{
	pthread_mutex_lock(&plugin.lock);
	plugin.n_looks = 0;
}

void plugin_leave(void)
{
	pthread_mutex_unlock(&plugin.lock);
}

int64_t plugin_result(int64_t result)
{
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

bool plugin_owns(int fd)
{
	return plugin.is_open && fd >= 0 && fd < PLUGIN_FDS &&
	       plugin.live[fd] >= 0;
}

int plugin_fd(int fd)
{
	return plugin_owns(fd) ? plugin.live[fd] : -1;
}

/* The descriptor is a real one, so that numbers are the host's and its close()
 * finds something. */
int plugin_adopt(int64_t live)
{
	int fd;

	if (live < 0)
		return (int)live;
	fd = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null",
			  O_RDWR | O_CLOEXEC);
	if (fd < 0 || fd >= PLUGIN_FDS) {
		if (fd >= 0)
			syscall(SYS_close, fd);
		plugin.a->ops->close(plugin.a, (int)live);
		return -EMFILE;
	}
	/* Closed behind our back: its number is another's now. */
	if (plugin.live[fd] >= 0)
		plugin.a->ops->close(plugin.a, plugin.live[fd]);
	plugin.live[fd] = (int)live;
	return fd;
}

void plugin_disown(int fd)
{
	plugin.live[fd] = -1;
}

static int64_t now(void)
{
	return plugin.a->ops->now(plugin.a);
}

bool plugin_step(int64_t until)
{
	int64_t at = plugin.a->ops->deadline(plugin.a);
	const struct plugin_op *op;

	for (op = plugin.waiting; op; op = op->next)
		at = min_i64(at, op->wake_at);
	if (at > until || at == NEVER)
		return false;
	plugin.a->ops->advance(plugin.a, max_i64(at, now()));
	plugin_retry();
	return true;
}

void plugin_run_to(int64_t at)
{
	int n = 0;

	while (n++ < STEPS_MAX && plugin_step(at))
		;
	if (at > now())
		plugin.a->ops->advance(plugin.a, at);
}

static int netdev_send(void *ctx, const void *packet, size_t n)
{
	int result = -EIO;

	plugin_enter();
	if (plugin.is_open) {
		result = plugin.a->ops->netdev_send(plugin.a, packet, n, 0);
		plugin_retry();
	}
	plugin_leave();
	return (int)plugin_result(result);
}

static long long usecs(int64_t at)
{
	return plugin.epoch_us + at / NS_PER_US;
}

/* An empty packet when nothing more will come: the tool, which would wait
 * without end, then fails the script. */
static int netdev_receive(void *ctx, void *packet, size_t *n,
			  long long *time_usecs)
{
	int64_t at = 0, until;
	size_t len = 0;
	int steps = 0;

	plugin_enter();
	until = plugin.is_open ? now() + PATIENCE : 0;
	while (plugin.is_open) {
		len = plugin.a->ops->netdev_receive(plugin.a, packet, *n, &at);
		if (len || ++steps > STEPS_MAX || !plugin_step(until))
			break;
	}
	*n = len;
	*time_usecs = usecs(len || !plugin.is_open ? at : now());
	plugin_leave();
	return 0;
}

static int sleep_us(void *ctx, useconds_t us)
{
	plugin_enter();
	if (plugin.is_open)
		plugin_run_to(now() + us * NS_PER_US + SPIN_NS);
	plugin_leave();
	return 0;
}

static int time_of_day(void *ctx, struct timeval *tv, struct timezone *tz)
{
	bool mine;
	long long us;

	pthread_mutex_lock(&plugin.lock);
	mine = pthread_equal(pthread_self(), plugin.owner);
	if (!plugin.is_open) {
		us = plugin.epoch_us;
	} else if (!mine && plugin.has_end) {
		us = usecs(plugin.end_at);
		plugin.has_end = false;
	} else {
		if (mine && ++plugin.n_looks > LOOKS_FREE)
			plugin_run_to(now() + NS_PER_US);
		us = usecs(now());
	}
	plugin_leave();
	if (tv) {
		tv->tv_sec = us / 1000000;
		tv->tv_usec = us % 1000000;
	}
	return 0;
}

/* Who still waits is told so; the host's descriptors are left to the host. */
static void end(void *ctx)
{
	struct plugin_op *op;

	plugin_enter();
	for (op = plugin.waiting; op; op = op->next) {
		op->result = -EINTR;
		op->is_done = true;
	}
	plugin.waiting = NULL;
	pthread_cond_broadcast(&plugin.woken);
	if (plugin.is_open) {
		plugin.is_open = false;
		drill_run_fini(&plugin.run);
		drill_mem_fini(&plugin.script.mem);
		memset(plugin.live, 0xff, sizeof(plugin.live));
	}
	plugin_leave();
}

__attribute__((noreturn)) static void die(const char *why)
{
	fprintf(stderr, "libtern-packetdrill: %s\n", why);
	exit(1);
}

static void begin(const char *flags)
{
	struct timeval tv;
	const char *why;

	memset(plugin.live, 0xff, sizeof(plugin.live));
	plugin.script = (struct drill_script){ .path = "" };
	plugin_configure(flags);
	plugin.a = drill_tern_new(&plugin.config, START_AT, &why);
	if (!plugin.a)
		die(why);
	plugin.run = (struct drill_run){
		.script = &plugin.script,
		.config = &plugin.config,
		.mem = &plugin.script.mem,
		.a = plugin.a,
		.mtu = plugin.config.mtu,
		.start_at = START_AT,
	};
	gettimeofday(&tv, NULL);
	plugin.epoch_us = tv.tv_sec * 1000000LL - START_AT / NS_PER_US;
	plugin.owner = pthread_self();
	plugin.has_end = false;
	plugin.is_open = true;
	plugin_shell_replay();
}

void packetdrill_interface_init(const char *flags,
				struct packetdrill_interface *ifc);

__attribute__((visibility("default"))) void
packetdrill_interface_init(const char *flags, struct packetdrill_interface *ifc)
{
	end(NULL);
	plugin_enter();
	begin(flags);
	plugin_leave();
	ifc->userdata = &plugin;
	ifc->free = end;
	ifc->netdev_send = netdev_send;
	ifc->netdev_receive = netdev_receive;
	ifc->usleep = sleep_us;
	ifc->gettimeofday = time_of_day;
	plugin_fill(ifc);
}
