// SPDX-License-Identifier: BSD-2-Clause
/*
 * The file system that programs see at /proc/net and /proc/sys/net.
 *
 *	runner_files.c	mounts it in the program's mount namespace, over
 *			/proc/sys/net, with a link to its .net over /proc/net
 *	here		answers: the stack's sockets, links, counters and
 *			tunables
 *
 *	/			core ipv4 ipv6 ...	as below /proc/sys/net:
 *				a tunable is the stack's, other files are the
 *				kernel's, read and written by us
 *	/.net			tcp udp dev ...		runner_proc.c; what is
 *				not TCP/IP is a link to the process's own
 *
 * A node is made when it is first looked up and stays: there are no more of
 * them than names there and in the kernel's. A text is made when its file is
 * read; tables of sockets a piece at a time, so that a long one holds up
 * nothing. The kernel checks modes: files belong to who started the program.
 *
 * Not reached by this: /proc/PID/net, which is the kernel's.
 */
#define FUSE_USE_VERSION 35
#include "runner_priv.h"

#include "runner_proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KERNELS "/proc/sys/net"
#define LINK_TARGET "/proc/self/net/"
#define NET_NAME ".net"
#define PATH_LEN 256
#define NAME_LEN (PATH_LEN + 8)	   /* with "net." */
#define KERNEL_LEN (PATH_LEN + 32) /* with where the kernel has it */
#define VALUE_LEN 4096
#define REQUESTS_MAX 16 /* in one round */

enum kind {
	DIR_NET, /* /.net */
	DIR_SYS,
	FILE_NET,
	FILE_TUNABLE,
	FILE_KERNEL,
	LINK,
};

struct node {
	enum kind kind;
	mode_t mode;
	char path[PATH_LEN]; /* below the root; "" is the root */
	const struct proc_file *file;
};

/* An open file. */
struct text {
	struct text *next, **prev; /* all of them */
	char *buf;		   /* from `at` on */
	size_t len;
	off_t at;
	bool is_whole; /* there is no more behind it */
	struct proc_walk walk;
};

struct fuse_files {
	struct runner *runner;
	struct fuse_session *session;
	struct fuse_buf buf;
	int fd;
	struct node **nodes; /* inode - 1 is its index */
	size_t n_nodes, room;
	struct text *texts;
};

static fuse_ino_t add_node(struct fuse_files *f, enum kind kind, mode_t mode,
			   const char *path)
{
	struct node *n;

	if (f->n_nodes == f->room) {
		size_t room = f->room ? 2 * f->room : 64;
		struct node **grown =
			realloc(f->nodes, room * sizeof(*f->nodes));

		if (!grown)
			return 0;
		f->nodes = grown;
		f->room = room;
	}
	n = calloc(1, sizeof(*n));
	if (!n)
		return 0;
	n->kind = kind;
	n->mode = mode;
	snprintf(n->path, sizeof(n->path), "%s", path);
	f->nodes[f->n_nodes++] = n;
	return f->n_nodes;
}

static struct node *node_at(struct fuse_files *f, fuse_ino_t ino)
{
	return f->nodes[ino - 1];
}

static fuse_ino_t find_node(const struct fuse_files *f, const char *path)
{
	for (size_t i = 0; i < f->n_nodes; i++)
		if (!strcmp(f->nodes[i]->path, path))
			return i + 1;
	return 0;
}

/* "ipv4/route/min_pmtu": "net.ipv4.route.min_pmtu". */
static void dotted(const char *path, char out[NAME_LEN])
{
	snprintf(out, NAME_LEN, "net.%s", path);
	for (char *c = out; *c; c++)
		*c = *c == '/' ? '.' : *c;
}

/* What tern has below /proc/sys/net at this path: a tunable, some of them
 * further down, or nothing. */
static bool find_tunable(const char *path, mode_t *type)
{
	const struct tern_tunable *t;
	char name[NAME_LEN];
	size_t len;

	dotted(path, name);
	len = strlen(name);
	*type = 0;
	for (int i = 0; (t = tern_tunable_at(i)); i++) {
		if (!strcmp(t->name, name))
			*type = S_IFREG;
		else if (!strncmp(t->name, name, len) && t->name[len] == '.')
			*type = S_IFDIR;
	}
	return *type != 0;
}

static void kernel_path(const char *path, char out[KERNEL_LEN])
{
	snprintf(out, KERNEL_LEN, KERNELS "/%s", path);
}

static fuse_ino_t add_sys(struct fuse_files *f, const char *path)
{
	char kernels[KERNEL_LEN];
	struct stat st;
	mode_t type;

	if (find_tunable(path, &type))
		return type == S_IFDIR ?
			       add_node(f, DIR_SYS, S_IFDIR | 0555, path) :
			       add_node(f, FILE_TUNABLE, S_IFREG | 0644, path);
	kernel_path(path, kernels);
	if (lstat(kernels, &st) < 0)
		return 0;
	return S_ISDIR(st.st_mode) ?
		       add_node(f, DIR_SYS, S_IFDIR | 0555, path) :
		       add_node(f, FILE_KERNEL, S_IFREG | (st.st_mode & 0777),
				path);
}

static bool is_kernels(const char *name)
{
	const char *other;

	for (size_t i = 0; (other = proc_kernels_at(i)); i++)
		if (!strcmp(other, name))
			return true;
	return false;
}

static fuse_ino_t add_net(struct fuse_files *f, const char *path,
			  const char *name)
{
	const struct proc_file *file = proc_file_find(name);
	fuse_ino_t ino = 0;

	if (file)
		ino = add_node(f, FILE_NET, S_IFREG | 0444, path);
	else if (is_kernels(name))
		ino = add_node(f, LINK, S_IFLNK | 0777, path);
	if (ino)
		node_at(f, ino)->file = file;
	return ino;
}

/* The node of that name, 0 if there is none. */
static fuse_ino_t look_up(struct fuse_files *f, fuse_ino_t parent,
			  const char *name)
{
	const struct node *dir = node_at(f, parent);
	char path[PATH_LEN];
	fuse_ino_t ino;
	int n = snprintf(path, sizeof(path), "%s%s%s", dir->path,
			 dir->path[0] ? "/" : "", name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return 0;
	ino = find_node(f, path);
	if (ino)
		return ino;
	if (dir->kind == DIR_NET)
		return add_net(f, path, name);
	return dir->kind == DIR_SYS ? add_sys(f, path) : 0;
}

static void fill_stat(struct fuse_files *f, fuse_ino_t ino, struct stat *st)
{
	*st = (struct stat){
		.st_ino = ino,
		.st_mode = node_at(f, ino)->mode,
		.st_nlink = 1,
		.st_uid = getuid(),
		.st_gid = getgid(),
	};
	clock_gettime(CLOCK_REALTIME, &st->st_mtim);
	st->st_atim = st->st_ctim = st->st_mtim;
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_files *f = fuse_req_userdata(req);
	struct fuse_entry_param e = { .ino = look_up(f, parent, name) };

	if (!e.ino) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	fill_stat(f, e.ino, &e.attr);
	fuse_reply_entry(req, &e);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *i)
{
	struct stat st;

	(void)i;
	fill_stat(fuse_req_userdata(req), ino, &st);
	fuse_reply_attr(req, &st, 0);
}

/* O_TRUNC and its kin change nothing, as in proc(5). */
static void on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr,
		       int what, struct fuse_file_info *i)
{
	(void)attr;
	if (what & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		fuse_reply_err(req, EPERM);
	else
		on_getattr(req, ino, i);
}

static void on_readlink(fuse_req_t req, fuse_ino_t ino)
{
	const char *path = node_at(fuse_req_userdata(req), ino)->path;
	char target[KERNEL_LEN];

	snprintf(target, sizeof(target), LINK_TARGET "%s",
		 strrchr(path, '/') + 1);
	fuse_reply_readlink(req, target);
}

static void free_text(struct text *t)
{
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	free(t->buf);
	free(t);
}

static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *i)
{
	struct fuse_files *f = fuse_req_userdata(req);
	struct text *t = calloc(1, sizeof(*t));

	(void)ino;
	if (!t) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	/* Its size is not known before it is read. */
	i->direct_io = 1;
	i->fh = (uintptr_t)t;
	t->next = f->texts;
	t->prev = &f->texts;
	if (t->next)
		t->next->prev = &t->next;
	f->texts = t;
	if (fuse_reply_open(req, i) != 0)
		free_text(t);
}

static void on_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *i)
{
	(void)ino;
	free_text((void *)(uintptr_t)i->fh);
	fuse_reply_err(req, 0);
}

static void print_kernels(const char *path, FILE *out)
{
	char name[KERNEL_LEN], buf[VALUE_LEN];
	size_t n;
	FILE *in;

	kernel_path(path, name);
	in = fopen(name, "re");
	while (in && (n = fread(buf, 1, sizeof(buf), in)) > 0)
		fwrite(buf, 1, n, out);
	if (in)
		fclose(in);
}

static void print_tunable(const struct fuse_files *f, const char *path,
			  FILE *out)
{
	char name[NAME_LEN], value[VALUE_LEN];

	dotted(path, name);
	if (tern_sysctl_get(f->runner->stack, name, value, sizeof(value)) >= 0)
		fprintf(out, "%s\n", value);
}

/* The next piece of a file's text; true if there is more. */
static bool print_more(struct fuse_files *f, const struct node *n,
		       struct text *t, FILE *out)
{
	if (n->kind == FILE_NET)
		return proc_print(f->runner, n->file, &t->walk, out);
	if (n->kind == FILE_TUNABLE)
		print_tunable(f, n->path, out);
	else if (n->kind == FILE_KERNEL)
		print_kernels(n->path, out);
	return false;
}

static bool read_more(struct fuse_files *f, const struct node *n,
		      struct text *t)
{
	char *piece = NULL, *grown;
	size_t len = 0;
	FILE *out = open_memstream(&piece, &len);

	if (!out)
		return false;
	t->is_whole = !print_more(f, n, t, out);
	fclose(out);
	grown = realloc(t->buf, t->len + len + 1);
	if (grown) {
		memcpy(grown + t->len, piece, len);
		t->buf = grown;
		t->len += len;
	}
	free(piece);
	return grown;
}

static void rewind_text(struct text *t)
{
	t->len = 0;
	t->at = 0;
	t->is_whole = false;
	t->walk = (struct proc_walk){ 0 };
}

static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *i)
{
	struct fuse_files *f = fuse_req_userdata(req);
	struct text *t = (void *)(uintptr_t)i->fh;
	size_t skip, n;

	if (off < t->at || (off == 0 && t->is_whole))
		rewind_text(t); /* read again from the start: as it is now */
	while (!t->is_whole && t->at + (off_t)t->len < off + (off_t)size) {
		if (t->at + (off_t)t->len <= off) {
			t->at += (off_t)t->len;
			t->len = 0;
		}
		if (!read_more(f, node_at(f, ino), t)) {
			fuse_reply_err(req, ENOMEM);
			return;
		}
	}
	skip = (size_t)(off - t->at);
	n = skip < t->len ? t->len - skip : 0;
	fuse_reply_buf(req, n ? t->buf + skip : NULL, n < size ? n : size);
}

static int set_tunable(const struct fuse_files *f, const char *path,
		       const char *value)
{
	char name[NAME_LEN];

	dotted(path, name);
	return tern_sysctl_set(f->runner->stack, name, value,
			       host_now(f->runner->host));
}

static int set_kernels(const char *path, const char *value, size_t len)
{
	char name[KERNEL_LEN];
	int fd, error = 0;

	kernel_path(path, name);
	fd = open(name, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, len) < 0)
		error = -errno;
	if (fd >= 0)
		close(fd);
	return error;
}

static void on_write(fuse_req_t req, fuse_ino_t ino, const char *buf,
		     size_t size, off_t off, struct fuse_file_info *i)
{
	struct fuse_files *f = fuse_req_userdata(req);
	const struct node *n = node_at(f, ino);
	char value[VALUE_LEN];
	int error = -EINVAL;

	(void)off;
	(void)i;
	if (size < sizeof(value)) {
		memcpy(value, buf, size);
		value[size] = '\0';
		value[strcspn(value, "\n")] = '\0';
		error = n->kind == FILE_TUNABLE ?
				set_tunable(f, n->path, value) :
				set_kernels(n->path, buf, size);
	}
	if (error)
		fuse_reply_err(req, -error);
	else
		fuse_reply_write(req, size);
}

/* A listing under way: `off` counts entries. */
struct listing {
	fuse_req_t req;
	char *buf;
	size_t size, used;
	off_t off, n;
	bool is_full;
};

static void list(struct listing *l, const char *name, mode_t mode)
{
	struct stat st = { .st_ino = 1, .st_mode = mode };
	size_t room = l->size - l->used, need;

	if (l->n++ < l->off || l->is_full)
		return;
	need = fuse_add_direntry(l->req, l->buf + l->used, room, name, &st,
				 l->n);
	if (need > room)
		l->is_full = true;
	else
		l->used += need;
}

static void list_net(struct listing *l)
{
	const struct proc_file *file;
	const char *other;

	for (size_t i = 0; (file = proc_file_at(i)); i++)
		list(l, file->name, S_IFREG);
	for (size_t i = 0; (other = proc_kernels_at(i)); i++)
		list(l, other, S_IFLNK);
}

/* The kernel's names: tern's tunables have Linux's, and so are among them;
 * those of a newer Linux are found by name all the same. */
static void list_sys(struct listing *l, const char *path)
{
	char name[KERNEL_LEN];
	struct dirent *e;
	DIR *dir;

	kernel_path(path, name);
	dir = opendir(name);
	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			list(l, e->d_name,
			     e->d_type == DT_DIR ? S_IFDIR : S_IFREG);
	if (dir)
		closedir(dir);
}

static void on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *i)
{
	const struct node *n = node_at(fuse_req_userdata(req), ino);
	struct listing l = { req, malloc(size), size, 0, off, 0, false };

	(void)i;
	if (!l.buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	list(&l, ".", S_IFDIR);
	list(&l, "..", S_IFDIR);
	if (n->kind == DIR_NET)
		list_net(&l);
	else
		list_sys(&l, n->path);
	fuse_reply_buf(req, l.buf, l.used);
	free(l.buf);
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = on_lookup,
	.getattr = on_getattr,
	.setattr = on_setattr,
	.readlink = on_readlink,
	.open = on_open,
	.read = on_read,
	.write = on_write,
	.release = on_release,
	.readdir = on_readdir,
};

static void on_fuse(void *ctx, uint32_t events)
{
	struct fuse_files *f = ctx;
	int n = 0;

	(void)events;
	for (int i = 0; i < REQUESTS_MAX; i++) {
		n = fuse_session_receive_buf(f->session, &f->buf);
		if (n <= 0)
			break;
		fuse_session_process_buf(f->session, &f->buf);
	}
	/* Unmounted: the program has ended. */
	if (n != -EAGAIN && n != -EINTR && n <= 0) {
		host_unwatch(f->runner->host, f->fd);
		f->fd = -1;
	}
}

static bool open_session(struct fuse_files *f, int fd)
{
	char *argv[] = { "tern", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	char path[32];

	f->session = fuse_session_new(&args, &ops, sizeof(ops), f);
	fuse_opt_free_args(&args);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	/* That is how the library is told of what is mounted already. */
	return f->session && fuse_session_mount(f->session, path) == 0;
}

int fuse_files_open(struct runner *r, int fd)
{
	struct fuse_files *f = calloc(1, sizeof(*f));

	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	r->files = f;
	f->runner = r;
	f->fd = -1;
	if (!open_session(f, fd) ||
	    add_node(f, DIR_SYS, S_IFDIR | 0555, "") != FUSE_ROOT_ID ||
	    !add_node(f, DIR_NET, S_IFDIR | 0555, NET_NAME)) {
		fuse_files_close(r);
		return -ENOMEM;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (host_watch(r->host, fd, EPOLLIN, on_fuse, f) == 0)
		f->fd = fd;
	return 0;
}

void fuse_files_close(struct runner *r)
{
	struct fuse_files *f = r->files;

	r->files = NULL;
	if (!f)
		return;
	if (f->fd >= 0)
		host_unwatch(r->host, f->fd);
	if (f->session)
		fuse_session_destroy(f->session);
	while (f->texts)
		free_text(f->texts);
	for (size_t i = 0; i < f->n_nodes; i++)
		free(f->nodes[i]);
	free(f->nodes);
	free(f->buf.mem);
	free(f);
}
