/* SPDX-License-Identifier: MIT */
/*
 * The probe of the model exec-check: builds a world on an empty tmpfs and executes the operations
 * of packages/exec-check/src/operation.ts on the kernel it runs on.
 *
 * The child that a case is (see probe.h) plays the task `init`. Every other task is a child of it
 * which waits on a futex, executes the line that init points it to with its own credentials, and
 * writes its outcome straight into the shared answer. When a task dies in an operation, how it
 * died is the outcome.
 */
#include "probe.h"
#include <dirent.h>
#include <linux/capability.h>
#include <linux/fanotify.h>
#include <linux/futex.h>
#include <linux/landlock.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <linux/securebits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/xattr.h>

/* Newer than the headers of a distribution may be. Origin: include/uapi/linux, Linux 6.14. */
#define KM_AT_EXECVE_CHECK 0x10000
#define KM_MFD_NOEXEC_SEAL 0x8
#define KM_MFD_EXEC 0x10
#define KM_FAN_PRE_ACCESS 0x00100000
#define KM_SECBIT_EXEC_RESTRICT_FILE (1 << 8)
#define KM_SECBIT_EXEC_DENY_INTERACTIVE (1 << 10)
#define KM_MS_NOSYMFOLLOW 256

/* Origin: alloc_anon_inode(), fs/libfs.c, Linux 6.12. */
#define ANONYMOUS_MODE 0600

/* An address at which nothing is mapped: below every vm.mmap_min_addr. */
#define BAD_POINTER ((void *)16)

/* How long to wait for other probes on the same host to end a case. */
#define LOCK_PATIENCE_MS 30000

#define MAX_TASKS 64
#define MAX_FD 64
#define MAX_MAPS 16
#define MAX_WATCHES 16
#define MAX_GROUPS 8
#define INIT_TASK 0

struct task {
	char name[16];
	pid_t pid;		/* 0: gone */
	int pidfd;
	int userns_depth;
	uint32_t turn;		/* a futex: how many times the task was woken */
};

/* Shared by init and the tasks of a case. */
struct world {
	int count;
	struct task tasks[MAX_TASKS];
	/* What the woken task is to execute. */
	const char *line;
	size_t length;
	/* The place of the task that a fork makes. */
	int forked;
	/* The task has made a user namespace, which has no maps yet. */
	bool unshared;
	bool memfd_noexec_changed;
};

struct group {
	int fd;
	pid_t listener;
};

static struct world *world;
/* The task that this process is. */
static int self;
static uint32_t turns_taken;
static int done_fd;
static void *maps[MAX_MAPS];
static int watches[MAX_WATCHES];
static struct group groups[MAX_GROUPS];
/* Before Linux 6.16 chmod(2) works on the anonymous inode, which is the whole machine's. */
static bool anonymous_takes_chmod;
static int anonymous_fd;
/* The root directory of the host that the probe runs on; -1 where the machine is its own. */
static int host_root_fd = -1;
/* The tmpfs below the world's root, where overlays have their upper directories. */
static int base_fd = -1;
static int overlay_count;

/* Outcomes. */

static const char *errno_name(int error)
{
	switch (error) {
#define NAME(name) case name: return #name
	NAME(EPERM); NAME(ENOENT); NAME(ESRCH); NAME(EINTR); NAME(EIO); NAME(ENXIO); NAME(E2BIG);
	NAME(ENOEXEC); NAME(EBADF); NAME(ECHILD); NAME(EAGAIN); NAME(ENOMEM); NAME(EACCES);
	NAME(EFAULT); NAME(ENOTBLK); NAME(EBUSY); NAME(EEXIST); NAME(EXDEV); NAME(ENODEV);
	NAME(ENOTDIR); NAME(EISDIR); NAME(EINVAL); NAME(ENFILE); NAME(EMFILE); NAME(ENOTTY);
	NAME(ETXTBSY); NAME(EFBIG); NAME(ENOSPC); NAME(ESPIPE); NAME(EROFS); NAME(EMLINK);
	NAME(EPIPE); NAME(EDOM); NAME(ERANGE); NAME(EDEADLK); NAME(ENAMETOOLONG); NAME(ENOLCK);
	NAME(ENOSYS); NAME(ENOTEMPTY); NAME(ELOOP); NAME(ENODATA); NAME(EOVERFLOW); NAME(ELIBACC);
	NAME(ELIBBAD); NAME(EUSERS); NAME(EOPNOTSUPP); NAME(EADDRINUSE); NAME(ESTALE);
	NAME(EDQUOT); NAME(EKEYREJECTED);
#undef NAME
	default:
		fail("the kernel answered errno %d", error);
	}
}

static void say_value(uint64_t value)
{
	say("{\"kind\":\"value\",\"value\":\"0x%llx\"", (unsigned long long)value);
}

static void say_errno(int error)
{
	say("{\"kind\":\"errno\",\"errno\":\"%s\"", errno_name(error));
}

/* What a system call returned: its errno, or success. */
static void say_status(long result)
{
	if (result < 0)
		say_errno(errno);
	else
		say_value(0);
}

static void say_result(long result)
{
	if (result < 0)
		say_errno(errno);
	else
		say_value(result);
}

/* Names. */

static const struct named_bit mount_flags[] = {
	{ "noexec", MS_NOEXEC }, { "nosuid", MS_NOSUID }, { "nodev", MS_NODEV },
	{ "nosymfollow", KM_MS_NOSYMFOLLOW }, { NULL, 0 },
};

static const struct named_bit open_flags[] = {
	{ "O_RDONLY", O_RDONLY }, { "O_WRONLY", O_WRONLY }, { "O_RDWR", O_RDWR },
	{ "O_APPEND", O_APPEND }, { "O_TRUNC", O_TRUNC }, { "O_PATH", O_PATH },
	{ "O_NOFOLLOW", O_NOFOLLOW }, { "O_DIRECTORY", O_DIRECTORY }, { "O_CLOEXEC", O_CLOEXEC },
	{ "O_TMPFILE", O_TMPFILE }, { NULL, 0 },
};

static const struct named_bit memfd_flags[] = {
	{ "MFD_CLOEXEC", MFD_CLOEXEC }, { "MFD_ALLOW_SEALING", MFD_ALLOW_SEALING },
	{ "MFD_NOEXEC_SEAL", KM_MFD_NOEXEC_SEAL }, { "MFD_EXEC", KM_MFD_EXEC }, { NULL, 0 },
};

static const struct named_bit protections[] = {
	{ "PROT_READ", PROT_READ }, { "PROT_WRITE", PROT_WRITE }, { "PROT_EXEC", PROT_EXEC },
	{ NULL, 0 },
};

static const struct named_bit fanotify_masks[] = {
	{ "FAN_OPEN", FAN_OPEN }, { "FAN_OPEN_EXEC", FAN_OPEN_EXEC },
	{ "FAN_OPEN_PERM", FAN_OPEN_PERM }, { "FAN_OPEN_EXEC_PERM", FAN_OPEN_EXEC_PERM },
	{ "FAN_ACCESS_PERM", FAN_ACCESS_PERM }, { "FAN_PRE_ACCESS", KM_FAN_PRE_ACCESS },
	{ NULL, 0 },
};

#define CAP(name) { "CAP_" #name, 1ull << CAP_##name }
static const struct named_bit capabilities[] = {
	CAP(CHOWN), CAP(DAC_OVERRIDE), CAP(DAC_READ_SEARCH), CAP(FOWNER), CAP(FSETID), CAP(KILL),
	CAP(SETGID), CAP(SETUID), CAP(SETPCAP), CAP(LINUX_IMMUTABLE), CAP(NET_BIND_SERVICE),
	CAP(NET_BROADCAST), CAP(NET_ADMIN), CAP(NET_RAW), CAP(IPC_LOCK), CAP(IPC_OWNER),
	CAP(SYS_MODULE), CAP(SYS_RAWIO), CAP(SYS_CHROOT), CAP(SYS_PTRACE), CAP(SYS_PACCT),
	CAP(SYS_ADMIN), CAP(SYS_BOOT), CAP(SYS_NICE), CAP(SYS_RESOURCE), CAP(SYS_TIME),
	CAP(SYS_TTY_CONFIG), CAP(MKNOD), CAP(LEASE), CAP(AUDIT_WRITE), CAP(AUDIT_CONTROL),
	CAP(SETFCAP), CAP(MAC_OVERRIDE), CAP(MAC_ADMIN), CAP(SYSLOG), CAP(WAKE_ALARM),
	CAP(BLOCK_SUSPEND), CAP(AUDIT_READ), CAP(PERFMON), CAP(BPF), CAP(CHECKPOINT_RESTORE),
	{ NULL, 0 },
};
#undef CAP

static uint64_t capabilities_of(const struct word *object, const char *key)
{
	return bits_of(need(object, key), capabilities);
}

static uint64_t named(const char *name, const struct named_bit *table)
{
	while (table->name && strcmp(table->name, name))
		table++;
	if (!table->name)
		fail("expected a known name, got %s", name);
	return table->bit;
}

/* Memory of one operation: arguments. Small ones reuse a page or two, large ones are mapped. */

static char scratch[64 << 10] __attribute__((aligned(16)));
static size_t scratch_used;
static struct {
	void *start;
	size_t size;
} mapped[64];
static int mapped_count;

static void *scratch_alloc(size_t size)
{
	void *memory;

	size = (size + 15) & ~(size_t)15;
	if (scratch_used + size <= sizeof(scratch)) {
		memory = scratch + scratch_used;
		scratch_used += size;
		return memory;
	}
	if (mapped_count == sizeof(mapped) / sizeof(mapped[0]))
		fail("more than %d large arguments", mapped_count);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		fail("mmap of %zu bytes of arguments: %s", size, strerror(errno));
	mapped[mapped_count].start = memory;
	mapped[mapped_count++].size = size;
	return memory;
}

static void scratch_free(void)
{
	scratch_used = 0;
	while (mapped_count > 0) {
		mapped_count--;
		munmap(mapped[mapped_count].start, mapped[mapped_count].size);
	}
}

static uint8_t *decode_base64(const char *text, size_t *length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t *bytes = scratch_alloc(strlen(text) + 1), *to = bytes;
	uint32_t bits = 0;
	int count = 0;

	for (; *text && *text != '='; text++) {
		bits = bits << 6 | (strchr(digits, *text) - digits);
		count += 6;
		if (count >= 8)
			*to++ = bits >> (count -= 8);
	}
	*length = to - bytes;
	return bytes;
}

static const char *path_argument(const struct word *path)
{
	const char *kind = text_of(path, "kind");

	if (!strcmp(kind, "null"))
		return NULL;
	return strcmp(kind, "bad") ? text_of(path, "text") : BAD_POINTER;
}

static char **string_array(const struct word *array)
{
	const char *kind = text_of(array, "kind");
	const struct word *item;
	size_t count = 0;
	char **strings, **to;

	if (!strcmp(kind, "null"))
		return NULL;
	if (!strcmp(kind, "bad"))
		return BAD_POINTER;
	for (item = need(array, "strings")->first; item; item = item->next)
		count += get(item, "count") ? number_of(item, "count") : 1;
	strings = to = scratch_alloc((count + 1) * sizeof(*strings));
	for (item = need(array, "strings")->first; item; item = item->next) {
		if (!strcmp(text_of(item, "kind"), "fill")) {
			size_t size = number_of(item, "size");
			char *filled = scratch_alloc(size + 1);

			memset(filled, 'a', size);
			filled[size] = '\0';
			for (int64_t n = number_of(item, "count"); n > 0; n--)
				*to++ = filled;
		} else {
			*to++ = (char *)path_argument(item);
		}
	}
	*to = NULL;
	return strings;
}

/* Extended attributes, as bytes. Origin: include/uapi/linux/posix_acl_xattr.h and capability.h. */

struct acl_entry {
	uint16_t tag, perm;
	uint32_t id;
};

enum { ACL_USER_OBJ = 1, ACL_USER = 2, ACL_GROUP_OBJ = 4, ACL_GROUP = 8, ACL_MASK = 16,
       ACL_OTHER = 32, ACL_VERSION = 2 };

static int by_id(const void *left, const void *right)
{
	const struct acl_entry *a = left, *b = right;

	return a->id < b->id ? -1 : a->id > b->id;
}

static struct acl_entry *acl_named(struct acl_entry *to, const struct word *list, uint16_t tag,
				   const char *id)
{
	struct acl_entry *first = to;

	for (const struct word *item = list->first; item; item = item->next)
		*to++ = (struct acl_entry){ tag, number_of(item, "perm"), number_of(item, id) };
	qsort(first, to - first, sizeof(*first), by_id);
	return to;
}

static long set_acl(const char *path, const struct word *acl)
{
	struct {
		uint32_t version;
		struct acl_entry entries[256];
	} value = { .version = ACL_VERSION };
	struct acl_entry *to = value.entries;
	struct stat file;

	if (!acl)
		return removexattr(path, "system.posix_acl_access");
	if (count_of(need(acl, "users")) + count_of(need(acl, "groups")) > 250)
		fail("acl: expected at most 250 entries");
	if (stat(path, &file))
		return -1;
	*to++ = (struct acl_entry){ ACL_USER_OBJ, file.st_mode >> 6 & 7, -1 };
	to = acl_named(to, need(acl, "users"), ACL_USER, "uid");
	*to++ = (struct acl_entry){ ACL_GROUP_OBJ, number_of(acl, "groupObj"), -1 };
	to = acl_named(to, need(acl, "groups"), ACL_GROUP, "gid");
	*to++ = (struct acl_entry){ ACL_MASK, number_of(acl, "mask"), -1 };
	*to++ = (struct acl_entry){ ACL_OTHER, file.st_mode & 7, -1 };
	return setxattr(path, "system.posix_acl_access", &value, (char *)to - (char *)&value, 0);
}

static long set_file_capabilities(const char *path, const struct word *fcaps)
{
	struct vfs_cap_data value;
	uint64_t permitted, inheritable;

	if (!fcaps)
		return removexattr(path, "security.capability");
	permitted = capabilities_of(fcaps, "permitted");
	inheritable = capabilities_of(fcaps, "inheritable");
	value.magic_etc = VFS_CAP_REVISION_2 |
			  (is_true(fcaps, "effective") ? VFS_CAP_FLAGS_EFFECTIVE : 0);
	for (int i = 0; i < 2; i++) {
		value.data[i].permitted = permitted >> 32 * i;
		value.data[i].inheritable = inheritable >> 32 * i;
	}
	return setxattr(path, "security.capability", &value, sizeof(value), 0);
}

/* Mounts. */

/* Gives a directory the owner, mode and ACL of another one. */
static int copy_attributes(const char *from, const char *to)
{
	struct stat file;
	char acl[4096];
	ssize_t length;

	if (stat(from, &file) || chown(to, file.st_uid, file.st_gid) ||
	    chmod(to, file.st_mode & 07777))
		return -1;
	length = getxattr(from, "system.posix_acl_access", acl, sizeof(acl));
	return length > 0 ? setxattr(to, "system.posix_acl_access", acl, length, 0) : 0;
}

static long mount_overlay(const char *lower, const char *at)
{
	char layers[32], options[2 * PATH_MAX];
	struct stat file;
	long result;

	/* Its errors are those of the lower directory; the rest is ours. */
	if (stat(lower, &file))
		return -1;
	/* The upper directories are below the world's root: only this process can name them. */
	snprintf(layers, sizeof(layers), "overlay%d", overlay_count++);
	if (fchdir(base_fd) || (mkdir(layers, 0755) && errno != EEXIST) ||
	    mount("tmpfs", layers, "tmpfs", 0, "mode=0755") || chdir(layers) ||
	    mkdir("upper", 0755) || mkdir("work", 0755) || copy_attributes(lower, "upper"))
		fail("overlay: %s", strerror(errno));
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=upper,workdir=work,index=off,"
		 "metacopy=off,xino=off", lower);
	result = mount("overlay", at, "overlay", 0, options);
	if (result && errno == ENODEV)
		lacks("CONFIG_OVERLAY_FS");
	if (chdir("/"))
		fail("chdir(/): %s", strerror(errno));
	return result;
}

/* A mount without its flags. */
static long make_mount(const struct word *spec)
{
	const char *kind = text_of(spec, "kind"), *at = text_of(spec, "at");

	if (!strcmp(kind, "tmpfs"))
		return mount("tmpfs", at, "tmpfs", 0, "mode=0755");
	if (!strcmp(kind, "proc"))
		return mount("proc", at, "proc", 0, NULL);
	if (!strcmp(kind, "bind"))
		return mount(text_of(spec, "from"), at, NULL, MS_BIND, NULL);
	return mount_overlay(text_of(spec, "lower"), at);
}

static long set_mount_flags(const char *at, const struct word *flags)
{
	uint64_t bits = bits_of(flags, mount_flags);

	return mount(NULL, at, NULL, MS_REMOUNT | MS_BIND | bits, NULL);
}

static long mount_with_flags(const struct word *spec)
{
	long result = make_mount(spec);

	return result ? result : set_mount_flags(text_of(spec, "at"), get(spec, "flags"));
}

/*
 * RLIMIT_NPROC counts the processes of a user on the whole host, those of other probes included. So
 * a case that limits processes runs alone, and the others side by side: by a lock on the host's
 * root directory, which leaves nothing and ends with its holder.
 */
static bool try_lock(int operation)
{
	int64_t until = now_ms() + LOCK_PATIENCE_MS;

	while (host_root_fd >= 0 && flock(host_root_fd, operation | LOCK_NB)) {
		if (now_ms() > until)
			return false;
		/* Waiting for others is not hanging. */
		session->deadline = now_ms() + watchdog_ms;
		usleep(1000);
	}
	return true;
}

static void lock_processes(int operation)
{
	if (!try_lock(operation))
		lacks("a host on which no other probe runs");
}

static bool limits_processes(const struct word *setup)
{
	for (const struct word *task = need(setup, "tasks")->first; task; task = task->next)
		if (get(task, "nprocLimit"))
			return true;
	return false;
}

/* Building the world. */

static void make_parents(const char *path)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) && errno != EEXIST)
			fail("mkdir %s: %s", copy, strerror(errno));
		*slash = '/';
	}
}

static long write_content(int fd, const char *base64)
{
	size_t length;
	const uint8_t *bytes = decode_base64(base64, &length);

	return write(fd, bytes, length) == (ssize_t)length ? 0 : -1;
}

static void make_mount_point(const struct word *spec)
{
	const char *at = text_of(spec, "at");
	struct stat source;
	int fd;

	make_parents(at);
	if (!strcmp(text_of(spec, "kind"), "bind") &&
	    stat(text_of(spec, "from"), &source) == 0 && !S_ISDIR(source.st_mode)) {
		fd = open(at, O_CREAT | O_WRONLY | O_NOFOLLOW, 0644);
		close(fd);
	} else if (mkdir(at, 0755) && errno != EEXIST) {
		fail("mkdir %s: %s", at, strerror(errno));
	}
}

static void make_mounts(const struct word *mounts, bool first)
{
	for (const struct word *spec = mounts->first; spec; spec = spec->next) {
		const char *kind = text_of(spec, "kind");

		if (first != (!strcmp(kind, "tmpfs") || !strcmp(kind, "proc")))
			continue;
		make_mount_point(spec);
		/* Sets exactly its own flags: a bind has those of what it shows until then. */
		if (mount_with_flags(spec))
			fail("mounts.%s: %s on %s: %s", spec->key, kind, text_of(spec, "at"),
			     strerror(errno));
	}
}

/* A node of a kind that has an owner and a mode. */
static void make_owned_node(const struct word *node, const char *kind, const char *path)
{
	int error = 0, fd;

	if (!strcmp(kind, "file")) {
		fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
		error = fd < 0 || write_content(fd, text_of(node, "content"));
		close(fd);
	} else if (!strcmp(kind, "dir")) {
		error = mkdir(path, 0755) && errno != EEXIST;
	} else if (!strcmp(kind, "fifo")) {
		error = mkfifo(path, 0600);
	} else if (!strcmp(kind, "socket")) {
		error = mknod(path, S_IFSOCK | 0600, 0);
	} else if (!strcmp(kind, "char")) {
		error = mknod(path, S_IFCHR | 0600, makedev(1, 3));
	} else if (!strcmp(kind, "block")) {
		error = mknod(path, S_IFBLK | 0600, makedev(240, 99));
	} else {
		fail("nodes.%s.kind: expected a kind of node, got %s", node->key, kind);
	}
	if (error || chown(path, number_of(node, "uid"), number_of(node, "gid")) ||
	    chmod(path, mode_of(node, "mode")) ||
	    (get(node, "acl") && set_acl(path, get(node, "acl"))) ||
	    (get(node, "fcaps") && set_file_capabilities(path, get(node, "fcaps"))))
		fail("nodes.%s: %s: %s", node->key, path, strerror(errno));
}

static void make_node(const struct word *node)
{
	const char *kind = text_of(node, "kind"), *path = text_of(node, "path");

	make_parents(path);
	if (!strcmp(kind, "symlink")) {
		if (symlink(text_of(node, "target"), path))
			fail("nodes.%s: %s: %s", node->key, path, strerror(errno));
	} else if (!strcmp(kind, "link")) {
		if (link(text_of(node, "target"), path))
			fail("nodes.%s: %s: %s", node->key, path, strerror(errno));
	} else {
		make_owned_node(node, kind, path);
	}
	scratch_free();
}

/* A descriptor of the target's own. */
static int own(int fd)
{
	int moved;

	if (fd < 0)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OWN_FD);
	close(fd);
	return moved;
}

static long set_memfd_noexec(int value)
{
	char digit = '0' + value;
	int fd = openat(proc_fd, "sys/vm/memfd_noexec", O_WRONLY | O_CLOEXEC);
	long result, error;

	if (fd < 0)
		return -1;
	result = write(fd, &digit, 1);
	error = errno;
	close(fd);
	errno = error;
	return result < 0 ? -1 : 0;
}

static void apply_sysctls(const struct word *sysctls)
{
	char digit = sysctls && is_true(sysctls, "protectedSymlinks") ? '1' : '0', was = digit;
	int fd = openat(proc_fd, "sys/fs/protected_symlinks",
			(booted ? O_RDWR : O_RDONLY) | O_CLOEXEC);

	/* The whole machine's: changed only where the machine is ours. */
	if (pread(fd, &was, 1, 0) == 1 && was != digit && booted)
		was = pwrite(fd, &digit, 1, 0) == 1 ? digit : was;
	if (was != digit && sysctls && get(sysctls, "protectedSymlinks"))
		lacks("sysctl fs.protected_symlinks=%c", digit);
	close(fd);
	if (!sysctls || !get(sysctls, "memfdNoexec") || number_of(sysctls, "memfdNoexec") == 0)
		return;
	if (set_memfd_noexec(number_of(sysctls, "memfdNoexec"))) {
		if (errno == ENOENT)
			lacks("sysctl vm.memfd_noexec (Linux 6.3)");
		fail("sysctl vm.memfd_noexec: %s", strerror(errno));
	}
	world->memfd_noexec_changed = true;
}

/* Processes. */

static void notify_init(void)
{
	uint64_t one = 1;

	if (write(done_fd, &one, sizeof(one)) != sizeof(one))
		_exit(6);
}

/* Waits until init wakes this task once more. */
static void wait_for_turn(void)
{
	uint32_t *turn = &world->tasks[self].turn;

	while (__atomic_load_n(turn, __ATOMIC_ACQUIRE) == turns_taken)
		syscall(SYS_futex, turn, FUTEX_WAIT, turns_taken, NULL, NULL, 0);
	turns_taken++;
}

static void wake(struct task *task)
{
	__atomic_add_fetch(&task->turn, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &task->turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Waits until a task has done what it was woken for; false where it died, with how in `status`. */
static bool await_task(struct task *task, int *status)
{
	struct pollfd waits[2] = {
		{ .fd = done_fd, .events = POLLIN },
		{ .fd = task->pidfd, .events = POLLIN },
	};
	uint64_t count;

	while (poll(waits, 2, -1) < 0)
		if (errno != EINTR)
			fail("poll: %s", strerror(errno));
	if (waits[0].revents & POLLIN && read(done_fd, &count, sizeof(count)) == sizeof(count))
		return true;
	while (waitpid(task->pid, status, __WALL) < 0)
		if (errno != EINTR)
			fail("waitpid: %s", strerror(errno));
	/* A task that could not go on has said so itself. */
	if (session->gave_up)
		_exit(0);
	close(task->pidfd);
	task->pid = 0;
	return false;
}

static struct task *find_task(const char *name)
{
	for (int i = 0; i < world->count; i++)
		if (world->tasks[i].pid && !strcmp(world->tasks[i].name, name))
			return &world->tasks[i];
	return NULL;
}

static struct task *new_task(const char *name, int userns_depth)
{
	struct task *task = NULL;

	for (int i = 0; i < world->count && !task; i++)
		if (!world->tasks[i].pid)
			task = &world->tasks[i];
	if (!task && world->count == MAX_TASKS)
		fail("more than %d tasks", MAX_TASKS);
	if (!task)
		task = &world->tasks[world->count++];
	memset(task, 0, sizeof(*task));
	snprintf(task->name, sizeof(task->name), "%s", name);
	task->userns_depth = userns_depth;
	return task;
}

static int pidfd_of(pid_t pid)
{
	int fd = own(syscall(SYS_pidfd_open, pid, 0));

	if (fd < 0)
		fail("pidfd_open: %s", strerror(errno));
	return fd;
}

static void write_map(pid_t pid, const char *file, const struct word *map)
{
	char path[64], text[4096];
	int length = 0, fd;

	for (const struct word *range = map->first; range; range = range->next)
		length += snprintf(text + length, sizeof(text) - length, "%lld %lld %lld\n",
				   (long long)number_of(range, "inside"),
				   (long long)number_of(range, "outside"),
				   (long long)number_of(range, "count"));
	if (length == 0)
		return;
	snprintf(path, sizeof(path), "%d/%s", pid, file);
	fd = openat(proc_fd, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, length) != length)
		fail("%s: %s", file, strerror(errno));
	close(fd);
}

static void write_maps(pid_t pid, const struct word *userns)
{
	write_map(pid, "uid_map", need(userns, "uidMap"));
	write_map(pid, "gid_map", need(userns, "gidMap"));
}

static long set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){
			effective >> 32 * i, permitted >> 32 * i, inheritable >> 32 * i };
	return syscall(SYS_capset, &header, data);
}

static uint64_t permitted_capabilities(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	syscall(SYS_capget, &header, data);
	return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

/* A soft limit; the hard one stays, and bounds it where the host has one that cannot be raised. */
static long set_soft_limit(int resource, uint64_t soft)
{
	struct rlimit limit;

	getrlimit(resource, &limit);
	limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
	return setrlimit(resource, &limit);
}

static void must(const char *what, long result)
{
	if (result < 0)
		fail("tasks: %s: %s", what, strerror(errno));
}

static int make_ruleset(const struct word *allow)
{
	const struct landlock_ruleset_attr handled = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE,
	};
	int ruleset = own(syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0));
	int error;

	for (const struct word *path = allow->first; path && ruleset >= 0; path = path->next) {
		struct landlock_path_beneath_attr rule = {
			.allowed_access = LANDLOCK_ACCESS_FS_EXECUTE,
			.parent_fd = own(open(path->text, O_PATH | O_CLOEXEC)),
		};
		long result = rule.parent_fd < 0 ? -1 :
			      syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
				      &rule, 0);

		error = errno;
		close(rule.parent_fd);
		if (result < 0) {
			close(ruleset);
			errno = error;
			return -1;
		}
	}
	return ruleset;
}

static long restrict_self(const struct word *allow)
{
	int ruleset = make_ruleset(allow), error;
	long result;

	if (ruleset < 0)
		return -1;
	result = syscall(SYS_landlock_restrict_self, ruleset, 0);
	error = errno;
	close(ruleset);
	errno = error;
	return result;
}

/* The domains of a setup, made with init's rights to look up their paths. */
static size_t make_domains(const struct word *landlock, int *rulesets, size_t room)
{
	size_t count = 0;

	for (const struct word *domain = landlock ? landlock->first : NULL; domain;
	     domain = domain->next) {
		if (count == room)
			fail("tasks: more than %zu Landlock domains", room);
		rulesets[count] = make_ruleset(domain);
		if (rulesets[count] < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
			lacks("CONFIG_SECURITY_LANDLOCK, or landlock in the boot parameter lsm=");
		must("landlock_create_ruleset", rulesets[count]);
		count++;
	}
	return count;
}

static void enter_domains(const int *rulesets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		must("landlock_restrict_self",
		     syscall(SYS_landlock_restrict_self, rulesets[i], 0));
		close(rulesets[i]);
	}
}

/*
 * Capability sets, securebits, no_new_privs and Landlock: in an order in which nothing is lost on
 * the way, and with CAP_SYS_ADMIN still there for Landlock.
 */
static void become_capable(const struct word *spec, const int *rulesets, size_t domain_count)
{
	const struct word *caps = need(spec, "caps");
	uint64_t have = permitted_capabilities();
	uint64_t bounding = capabilities_of(caps, "bounding");
	uint64_t inheritable = capabilities_of(caps, "inheritable") & have;
	uint64_t ambient = capabilities_of(caps, "ambient") & have;
	uint64_t securebits = number_of(spec, "securebits");

	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (!(bounding >> cap & 1) && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) > 0)
			must("PR_CAPBSET_DROP", prctl(PR_CAPBSET_DROP, cap, 0, 0, 0));
	must("capset", set_capabilities(have, have, inheritable));
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (ambient >> cap & 1)
			must("PR_CAP_AMBIENT",
			     prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0));
	if (is_true(spec, "noNewPrivs"))
		must("PR_SET_NO_NEW_PRIVS", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	enter_domains(rulesets, domain_count);
	if (prctl(PR_SET_SECUREBITS, securebits, 0, 0, 0)) {
		if (errno == EPERM && securebits & 0xf00)
			lacks("securebits 8 to 11 (Linux 6.14)");
		must("PR_SET_SECUREBITS", -1);
	}
	must("capset", set_capabilities(capabilities_of(caps, "effective") & have,
					capabilities_of(caps, "permitted") & have, inheritable));
}

/* Turns a child of init into the task that a setup describes; the order is stated with TaskSpec. */
static void become_task(const struct word *spec)
{
	const struct word *userns = get(spec, "userns");
	const struct word *groups_word = need(spec, "groups");
	gid_t supplementary[64];
	int rulesets[16];
	size_t count = 0, domain_count = make_domains(get(spec, "landlock"), rulesets, 16);

	if (chdir(text_of(spec, "cwd")) && chdir("/"))
		must("chdir", -1);
	for (const struct word *gid = groups_word->first; gid && count < 64; gid = gid->next)
		supplementary[count++] = strtoul(gid->text, NULL, 10);
	must("PR_SET_SECUREBITS", prctl(PR_SET_SECUREBITS,
					SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS, 0, 0, 0));
	must("setgroups", syscall(SYS_setgroups, count, supplementary));
	must("setresgid", syscall(SYS_setresgid, number_of(spec, "rgid"), number_of(spec, "egid"),
				  number_of(spec, "sgid")));
	syscall(SYS_setfsgid, number_of(spec, "fsgid"));
	must("setresuid", syscall(SYS_setresuid, number_of(spec, "ruid"), number_of(spec, "euid"),
				  number_of(spec, "suid")));
	syscall(SYS_setfsuid, number_of(spec, "fsuid"));
	if (get(spec, "stackLimit"))
		must("RLIMIT_STACK", set_soft_limit(RLIMIT_STACK, number_of(spec, "stackLimit")));
	if (userns) {
		if (unshare(CLONE_NEWUSER))
			lacks("CONFIG_USER_NS or sysctl user.max_user_namespaces: %s",
			      strerror(errno));
		notify_init();
		wait_for_turn();
	}
	become_capable(spec, rulesets, domain_count);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (get(spec, "nprocLimit"))
		must("RLIMIT_NPROC", set_soft_limit(RLIMIT_NPROC, number_of(spec, "nprocLimit")));
}

static __attribute__((noreturn)) void task_loop(void);

static void start_task(const struct word *spec)
{
	const struct word *userns = get(spec, "userns");
	struct task *task = new_task(text_of(spec, "name"), userns ? 1 : 0);
	pid_t pid = fork();
	int status;

	if (pid < 0)
		fail("tasks: fork: %s", strerror(errno));
	if (pid == 0) {
		self = task - world->tasks;
		become_task(spec);
		notify_init();
		task_loop();
	}
	task->pid = pid;
	task->pidfd = pidfd_of(pid);
	if (userns) {
		if (!await_task(task, &status))
			fail("task %s died while it was made", task->name);
		write_maps(task->pid, userns);
		wake(task);
	}
	if (!await_task(task, &status))
		fail("task %s died while it was made", task->name);
}

/* Processes that count and do nothing. */
static void start_sleepers(const struct word *processes)
{
	uint64_t done;

	for (const struct word *spec = processes ? processes->first : NULL; spec;
	     spec = spec->next) {
		for (int64_t n = number_of(spec, "count"); n > 0; n--) {
			pid_t pid = fork();

			if (pid < 0)
				fail("processes: fork: %s", strerror(errno));
			if (pid == 0) {
				uid_t uid = number_of(spec, "uid");

				must("setresuid", syscall(SYS_setresuid, uid, uid, uid));
				notify_init();
				for (;;)
					pause();
			}
			if (read(done_fd, &done, sizeof(done)) != sizeof(done))
				fail("processes: read: %s", strerror(errno));
		}
	}
}

/* An empty tmpfs as the root of a mount namespace of this case. */
static void make_root(void)
{
	if (unshare(CLONE_NEWNS))
		fail("unshare(CLONE_NEWNS): %s", strerror(errno));
	base_fd = own(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (mkdir("/world", 0755) && errno != EEXIST)
		fail("mkdir: %s", strerror(errno));
	/* Moved over the root, as switch_root(8) does: what is below can no longer be named. */
	if (mount("tmpfs", "/world", "tmpfs", 0, "mode=0755") || chdir("/world") ||
	    mount(".", "/", NULL, MS_MOVE, NULL) || chroot("."))
		fail("the world's root: %s", strerror(errno));
}

static void build_world(const struct word *setup)
{
	const struct word *mounts = need(setup, "mounts"), *item;

	memset(world, 0, sizeof(*world));
	memset(watches, -1, sizeof(watches));
	memset(groups, -1, sizeof(groups));
	done_fd = own(eventfd(0, EFD_CLOEXEC));
	lock_processes(limits_processes(setup) ? LOCK_EX : LOCK_SH);
	snprintf(world->tasks[INIT_TASK].name, sizeof(world->tasks[0].name), "init");
	world->tasks[INIT_TASK].pid = getpid();
	world->count = 1;
	make_root();
	make_mounts(mounts, true);
	for (item = need(setup, "nodes")->first; item; item = item->next)
		make_node(item);
	make_mounts(mounts, false);
	apply_sysctls(get(setup, "sysctls"));
	start_sleepers(get(setup, "processes"));
	for (item = need(setup, "tasks")->first; item; item = item->next)
		start_task(item);
}

/* Operations on files. */

static long create_file(const struct word *operation)
{
	int fd = open(text_of(operation, "path"), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	long result, error;

	if (fd < 0)
		return -1;
	result = write_content(fd, text_of(operation, "content"));
	if (result == 0)
		result = fchmod(fd, mode_of(operation, "mode"));
	error = errno;
	close(fd);
	errno = error;
	return result;
}

static long overwrite_file(const struct word *operation)
{
	int fd = open(text_of(operation, "path"), O_WRONLY | O_TRUNC | O_NONBLOCK | O_CLOEXEC);
	long result, error;

	if (fd < 0)
		return -1;
	result = write_content(fd, text_of(operation, "content"));
	error = errno;
	close(fd);
	errno = error;
	return result;
}

static long make_special(const struct word *operation)
{
	static const struct named_bit kinds[] = {
		{ "socket", S_IFSOCK }, { "char", S_IFCHR }, { "block", S_IFBLK }, { NULL, 0 },
	};
	mode_t type = named(text_of(operation, "kind"), kinds);
	dev_t device = type == S_IFCHR ? makedev(1, 3) : type == S_IFBLK ? makedev(240, 99) : 0;

	return mknod(text_of(operation, "path"), type | mode_of(operation, "mode"), device);
}

/* Watches: one inotify instance each, lest events of one come between those of another. */

static const struct named_bit watch_events[] = {
	{ "IN_OPEN", IN_OPEN }, { "IN_ACCESS", IN_ACCESS },
	{ "IN_CLOSE_NOWRITE", IN_CLOSE_NOWRITE }, { NULL, 0 },
};

static long add_watch(const struct word *operation)
{
	int64_t number = number_of(operation, "watch");
	int fd = own(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), error;

	if (number < 0 || number >= MAX_WATCHES)
		fail("watch: expected 0 to %d, got %lld", MAX_WATCHES - 1, (long long)number);
	if (fd < 0 || inotify_add_watch(fd, text_of(operation, "path"),
					IN_OPEN | IN_ACCESS | IN_CLOSE_NOWRITE) < 0) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	if (watches[number] >= 0)
		close(watches[number]);
	watches[number] = fd;
	return 0;
}

/* Reads one watch's events, and says them where asked to. Equal events in a row are one. */
static void drain_watch(int number, bool aloud, const char **separator)
{
	char buffer[4096] __attribute__((aligned(8)));
	const char *item = "";
	uint32_t previous = 0;
	ssize_t n;

	while ((n = read(watches[number], buffer, sizeof(buffer))) > 0) {
		const struct inotify_event *event;

		for (char *at = buffer; at < buffer + n; at += sizeof(*event) + event->len) {
			event = (const void *)at;
			/* A directory's watch also hears of what is in it, by name. */
			if (!aloud || event->len > 0 || event->mask == previous)
				continue;
			for (const struct named_bit *name = watch_events; name->name; name++) {
				if (!(event->mask & name->bit))
					continue;
				if (!*item)
					say("%s{\"watch\":%d,\"events\":[", *separator, number);
				say("%s\"%s\"", item, name->name);
				item = ",";
			}
			previous = event->mask;
		}
	}
	if (!*item)
		return;
	say("]}");
	*separator = ",";
}

static void drain_watches(bool aloud)
{
	const char *separator = ",\"events\":[";

	for (int number = 0; number < MAX_WATCHES; number++)
		if (watches[number] >= 0)
			drain_watch(number, aloud, &separator);
	if (separator[1] == '\0')
		say("]");
}

/* Fanotify groups: each with a process that answers permission events. */

static __attribute__((noreturn)) void listen_to(int fd, uint32_t answer)
{
	char buffer[8192] __attribute__((aligned(8)));
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	for (;;) {
		const struct fanotify_event_metadata *event = (const void *)buffer;
		ssize_t n;

		poll(&wait, 1, -1);
		n = read(fd, buffer, sizeof(buffer));
		for (; n > 0 && FAN_EVENT_OK(event, n); event = FAN_EVENT_NEXT(event, n)) {
			struct fanotify_response response = { event->fd, answer };

			if (event->mask & (FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM | FAN_ACCESS_PERM |
					   KM_FAN_PRE_ACCESS) &&
			    write(fd, &response, sizeof(response)) < 0)
				_exit(1);
			if (event->fd >= 0)
				close(event->fd);
		}
	}
}

static void close_group(struct group *group)
{
	if (group->fd < 0)
		return;
	kill(group->listener, SIGKILL);
	waitpid(group->listener, NULL, 0);
	close(group->fd);
	group->fd = -1;
}

/* Lets go, in a child, of the watches and of every group but one. */
static void forget_observers(const struct group *kept)
{
	for (int i = 0; i < MAX_WATCHES; i++)
		if (watches[i] >= 0)
			close(watches[i]);
	for (int i = 0; i < MAX_GROUPS; i++)
		if (groups[i].fd >= 0 && &groups[i] != kept)
			close(groups[i].fd);
}

static struct group *group_of(const struct word *operation)
{
	int64_t number = number_of(operation, "group");

	if (number < 0 || number >= MAX_GROUPS)
		fail("group: expected 0 to %d, got %lld", MAX_GROUPS - 1, (long long)number);
	return &groups[number];
}

static void forget_mappings(void)
{
	for (int i = 0; i < MAX_MAPS; i++)
		if (maps[i])
			munmap(maps[i], 4096);
}

static long start_group(const struct word *operation)
{
	static const struct named_bit classes[] = {
		{ "FAN_CLASS_NOTIF", FAN_CLASS_NOTIF }, { "FAN_CLASS_CONTENT", FAN_CLASS_CONTENT },
		{ "FAN_CLASS_PRE_CONTENT", FAN_CLASS_PRE_CONTENT }, { NULL, 0 },
	};
	unsigned int class = named(text_of(operation, "class"), classes);
	struct group *group = group_of(operation);
	uint64_t done;

	close_group(group);
	group->fd = own(syscall(SYS_fanotify_init, class | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY));
	if (group->fd < 0 && errno == ENOSYS)
		lacks("CONFIG_FANOTIFY");
	if (group->fd < 0)
		return -1;
	group->listener = fork();
	if (group->listener < 0)
		fail("fanotifyInit: fork: %s", strerror(errno));
	if (group->listener == 0) {
		bool allow = !strcmp(text_of(operation, "answer"), "FAN_ALLOW");

		/* It must keep nothing open that init, or another group, may close. */
		syscall(SYS_close_range, 0, MAX_FD - 1, 0);
		forget_mappings();
		forget_observers(group);
		notify_init();
		listen_to(group->fd, allow ? FAN_ALLOW : FAN_DENY);
	}
	if (read(done_fd, &done, sizeof(done)) != sizeof(done))
		fail("fanotifyInit: read: %s", strerror(errno));
	return 0;
}

static long add_mark(const struct word *operation)
{
	static const struct named_bit scopes[] = {
		{ "inode", 0 }, { "mount", FAN_MARK_MOUNT }, { "filesystem", FAN_MARK_FILESYSTEM },
		{ NULL, 0 },
	};
	uint64_t mask = bits_of(need(operation, "mask"), fanotify_masks);
	unsigned int scope = named(text_of(operation, "scope"), scopes);

	return syscall(SYS_fanotify_mark, group_of(operation)->fd, FAN_MARK_ADD | scope, mask,
		       AT_FDCWD, text_of(operation, "path"));
}

/* Descriptors and mappings. */

/* Puts a fresh descriptor where an operation wants it, as dup2(2) would. */
static long install(int fd, int64_t to, bool cloexec)
{
	if (fd < 0)
		return -1;
	if (to < 0 || to >= MAX_FD)
		fail("fd: expected 0 to %d, got %lld", MAX_FD - 1, (long long)to);
	if (fd == to)
		return 0;
	if (dup3(fd, to, cloexec ? O_CLOEXEC : 0) < 0)
		fail("dup3: %s", strerror(errno));
	close(fd);
	return 0;
}

static long open_file(const struct word *operation)
{
	uint64_t flags = bits_of(need(operation, "flags"), open_flags);
	mode_t mode = get(operation, "mode") ? mode_of(operation, "mode") : 0;
	int fd = open(text_of(operation, "path"), flags | O_NONBLOCK, mode);

	return install(fd, number_of(operation, "fd"), flags & O_CLOEXEC);
}

static long open_memfd(const struct word *operation)
{
	uint64_t flags = bits_of(need(operation, "flags"), memfd_flags);
	int fd = syscall(SYS_memfd_create, "probe", flags);

	return install(fd, number_of(operation, "fd"), flags & MFD_CLOEXEC);
}

static int open_anonymous(const char *kind)
{
	int pair[2];
	sigset_t none;

	sigemptyset(&none);
	if (!strcmp(kind, "eventfd"))
		return eventfd(0, 0);
	if (!strcmp(kind, "timerfd"))
		return timerfd_create(CLOCK_MONOTONIC, 0);
	if (!strcmp(kind, "signalfd"))
		return signalfd(-1, &none, 0);
	if (!strcmp(kind, "epoll"))
		return epoll_create1(0);
	if (!strcmp(kind, "inotify"))
		return inotify_init1(0);
	if (!strcmp(kind, "pidfd")) {
		int fd = syscall(SYS_pidfd_open, getpid(), 0);

		fcntl(fd, F_SETFD, 0);
		return fd;
	}
	if (!strcmp(kind, "pipe") ? pipe(pair) : socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return -1;
	close(pair[1]);
	return pair[0];
}

static long overwrite_fd(const struct word *operation)
{
	int fd = number_of(operation, "fd");
	size_t length;
	const uint8_t *bytes = decode_base64(text_of(operation, "content"), &length);

	if (ftruncate(fd, 0))
		return -1;
	return pwrite(fd, bytes, length, 0) < 0 ? -1 : 0;
}

static void **slot_of(const struct word *operation)
{
	int64_t number = number_of(operation, "map");

	if (number < 0 || number >= MAX_MAPS)
		fail("map: expected 0 to %d, got %lld", MAX_MAPS - 1, (long long)number);
	return &maps[number];
}

static long unmap(void **slot)
{
	long result = *slot ? munmap(*slot, 4096) : 0;

	*slot = NULL;
	return result;
}

static long map_page(const struct word *operation)
{
	bool shared = !strcmp(text_of(operation, "sharing"), "MAP_SHARED");
	int fd = get(operation, "fd") ? number_of(operation, "fd") : -1;
	int flags = (shared ? MAP_SHARED : MAP_PRIVATE) |
		    (get(operation, "fd") ? 0 : MAP_ANONYMOUS);
	void **slot = slot_of(operation), *page;

	unmap(slot);
	page = mmap(NULL, 4096, bits_of(need(operation, "prot"), protections), flags, fd, 0);
	if (page == MAP_FAILED)
		return -1;
	*slot = page;
	return 0;
}

static long protect_page(const struct word *operation)
{
	void **slot = slot_of(operation);

	if (!*slot) {
		errno = ENOMEM;
		return -1;
	}
	return mprotect(*slot, 4096, bits_of(need(operation, "prot"), protections));
}

static void say_stat(const struct word *operation)
{
	struct stat file;
	const char *type;

	if (fstatat(number_of(operation, "fd"), "", &file, AT_EMPTY_PATH)) {
		say_errno(errno);
		return;
	}
	switch (file.st_mode & S_IFMT) {
	case S_IFREG: type = "file"; break;
	case S_IFDIR: type = "dir"; break;
	case S_IFLNK: type = "symlink"; break;
	case S_IFIFO: type = "fifo"; break;
	case S_IFSOCK: type = "socket"; break;
	case S_IFCHR: type = "char"; break;
	case S_IFBLK: type = "block"; break;
	default: type = "none";
	}
	/* How large directories and links are is the file system's own affair. */
	say("{\"kind\":\"stat\",\"type\":\"%s\",\"mode\":\"%04o\",", type, file.st_mode & 07777);
	say("\"uid\":%u,\"gid\":%u,\"size\":%lld", file.st_uid, file.st_gid,
	    S_ISREG(file.st_mode) ? (long long)file.st_size : 0);
}

/* Execution. */

static long execveat_with(int64_t dirfd, const char *path, char **argv, char **envp,
			  uint64_t flags)
{
	return syscall(SYS_execveat, (int)dirfd, path, argv, envp, (int)flags);
}

static void say_execveat(const struct word *operation)
{
	const char *path = path_argument(need(operation, "path"));
	char **argv = string_array(need(operation, "argv"));
	char **envp = string_array(need(operation, "envp"));

	/* A success without the check flag does not come back. */
	say_status(execveat_with(number_of(operation, "dirfd"), path, argv, envp,
				 number_of(operation, "flags")));
}

static long access_file(const struct word *operation)
{
	return syscall(SYS_faccessat2, (int)number_of(operation, "dirfd"),
		       path_argument(need(operation, "path")), (int)number_of(operation, "access"),
		       (int)number_of(operation, "flags"));
}

/* Credentials and limits. */

static long set_uids(const struct word *operation)
{
	return syscall(SYS_setresuid, (uid_t)number_of(operation, "ruid"),
		       (uid_t)number_of(operation, "euid"), (uid_t)number_of(operation, "suid"));
}

static long set_capability_sets(const struct word *operation)
{
	return set_capabilities(capabilities_of(operation, "effective"),
				capabilities_of(operation, "permitted"),
				capabilities_of(operation, "inheritable"));
}

static long set_securebits(const struct word *operation)
{
	return prctl(PR_SET_SECUREBITS, (unsigned long)number_of(operation, "value"), 0, 0, 0);
}

static long set_keepcaps(const struct word *operation)
{
	return prctl(PR_SET_KEEPCAPS, (unsigned long)number_of(operation, "value"), 0, 0, 0);
}

static long set_no_new_privs(const struct word *operation)
{
	(void)operation;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static long set_limit(const struct word *operation)
{
	bool stack = !strcmp(text_of(operation, "resource"), "stack");

	if (!stack)
		lock_processes(LOCK_EX);
	return set_soft_limit(stack ? RLIMIT_STACK : RLIMIT_NPROC, number_of(operation, "soft"));
}

static long enforce_landlock(const struct word *operation)
{
	return restrict_self(need(operation, "allow"));
}

static long unshare_user(const struct word *operation)
{
	(void)operation;
	if (unshare(CLONE_NEWUSER))
		return -1;
	world->unshared = true;
	return 0;
}

static long attach_to(const struct word *operation)
{
	const struct task *target = find_task(text_of(operation, "target"));

	if (ptrace(PTRACE_SEIZE, target->pid, NULL, NULL))
		return -1;
	/* Only a stopped tracee can be let go. */
	if (ptrace(PTRACE_INTERRUPT, target->pid, NULL, NULL) ||
	    waitpid(target->pid, NULL, __WALL) < 0 ||
	    ptrace(PTRACE_DETACH, target->pid, NULL, NULL))
		fail("ptraceAttach: %s", strerror(errno));
	return 0;
}

/* The child of a task is a sibling of it, CLONE_PARENT, so that init can wait for it. */
static long fork_task(const struct word *operation)
{
	struct task *child = &world->tasks[world->forked];
	long flags = SIGCHLD | (self == INIT_TASK ? 0 : CLONE_PARENT);
	long pid = syscall(SYS_clone, flags, NULL, NULL, NULL, 0);

	(void)operation;
	if (pid == 0) {
		if (self == INIT_TASK)
			forget_observers(NULL);
		self = child - world->tasks;
		turns_taken = 0;
		task_loop();
	}
	if (pid > 0)
		child->pid = pid;
	return pid < 0 ? -1 : 0;
}

/* User space that runs other people's code: what it decides, with the real calls. */

static void say_decision(bool allowed, bool checked, int error)
{
	say("{\"kind\":\"decided\",\"allowed\":%s,\"checked\":%s", allowed ? "true" : "false",
	    checked ? "true" : "false");
	if (checked)
		say(",\"check\":\"%s\"", error ? errno_name(error) : "ok");
}

/* Checks an open file as an enlightened program does; the errno, or 0. */
static int check_fd(int fd, const char *name)
{
	char *argv[] = { (char *)name, NULL }, *envp[] = { NULL };

	return execveat_with(fd, "", argv, envp, AT_EMPTY_PATH | KM_AT_EXECVE_CHECK) ? errno : 0;
}

static int open_code(const char *path)
{
	return own(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

/* Standard input that can be read; else EBADF, as read(2) answers. */
static int readable_fd(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && !(flags & O_PATH) && (flags & O_ACCMODE) != O_WRONLY)
		return fd;
	errno = EBADF;
	return -1;
}

/* The interpreter's table of Documentation/userspace-api/check_exec.rst, Linux 6.14. */
static void say_interpretation(const struct word *operation)
{
	const struct word *source = need(operation, "source");
	const char *kind = text_of(source, "kind");
	bool enlightened = is_true(operation, "enlightened");
	int securebits = enlightened ? prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) : 0;
	bool restrict_file = securebits & KM_SECBIT_EXEC_RESTRICT_FILE;
	bool deny_interactive = securebits & KM_SECBIT_EXEC_DENY_INTERACTIVE;
	bool is_stdin = !strcmp(kind, "stdin");
	int fd, error;

	if (!strcmp(kind, "snippet") || !strcmp(kind, "snippetAndFile")) {
		say_decision(!deny_interactive, false, 0);
		return;
	}
	fd = is_stdin ? readable_fd(number_of(source, "fd")) : open_code(text_of(source, "path"));
	if (fd < 0) {
		say_errno(errno);
		return;
	}
	if (!enlightened) {
		say_decision(true, false, 0);
	} else {
		error = check_fd(fd, is_stdin ? "/proc/self/fd/0" : text_of(source, "path"));
		say_decision(!error || !(is_stdin ? deny_interactive : restrict_file), true, error);
	}
	if (!is_stdin)
		close(fd);
}

/* ld.so and one object. */
static void say_load(const struct word *operation)
{
	const char *path = text_of(operation, "path");
	bool enlightened = is_true(operation, "enlightened");
	int securebits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
	int fd, error = 0;
	bool allowed;
	void *page;

	/* ld.so leaves a preload out of a program with AT_SECURE. */
	if (!strcmp(text_of(operation, "as"), "preload") && is_true(operation, "secure")) {
		say_decision(false, false, 0);
		return;
	}
	fd = open_code(path);
	if (fd < 0) {
		say_errno(errno);
		return;
	}
	if (enlightened)
		error = check_fd(fd, path);
	allowed = !error || !(securebits & KM_SECBIT_EXEC_RESTRICT_FILE);
	if (allowed) {
		page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
		allowed = page != MAP_FAILED;
		if (allowed)
			munmap(page, 4096);
	}
	close(fd);
	say_decision(allowed, enlightened, error);
}

/* Which operation is which. */

#define CALL(name, call) \
	static long name(const struct word *operation) \
	{ \
		(void)operation; \
		return call; \
	}
#define PATH text_of(operation, "path")
#define MODE mode_of(operation, "mode")

CALL(op_mkdir, mkdir(PATH, MODE))
CALL(op_symlink, symlink(text_of(operation, "target"), PATH))
CALL(op_unlink, unlink(PATH))
CALL(op_rename, rename(text_of(operation, "from"), text_of(operation, "to")))
CALL(op_truncate, truncate(PATH, number_of(operation, "size")))
CALL(op_mkfifo, mkfifo(PATH, MODE))
CALL(op_link, link(text_of(operation, "from"), text_of(operation, "to")))
CALL(op_chown, chown(PATH, number_of(operation, "uid"), number_of(operation, "gid")))
CALL(op_setacl, set_acl(PATH, get(operation, "acl")))
CALL(op_setfcaps, set_file_capabilities(PATH, get(operation, "fcaps")))
CALL(op_mount, mount_with_flags(need(operation, "mount")))
CALL(op_remount, set_mount_flags(PATH, need(operation, "flags")))
CALL(op_umount, umount2(PATH, MNT_DETACH))
CALL(op_close, close(number_of(operation, "fd")))
CALL(op_dup, dup3(number_of(operation, "from"), number_of(operation, "to"),
		       is_true(operation, "cloexec") ? O_CLOEXEC : 0))
CALL(op_anonymous, install(open_anonymous(text_of(operation, "kind")),
				number_of(operation, "fd"), false))
CALL(op_munmap, unmap(slot_of(operation)))
CALL(op_uselib, syscall(SYS_uselib, path_argument(need(operation, "path"))))
CALL(op_setfsuid, syscall(SYS_setfsuid, (uid_t)number_of(operation, "fsuid")))
CALL(op_get_securebits, prctl(PR_GET_SECUREBITS, 0, 0, 0, 0))
CALL(op_get_keepcaps, prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0))
CALL(op_get_no_new_privs, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))

/* There is one anonymous inode for all: what a case does to it everybody sees. */
static void spare_anonymous(const struct statfs *filesystem)
{
	if (filesystem->f_type == ANON_INODE_FS_MAGIC && anonymous_takes_chmod && !booted)
		lacks("a machine of its own (--kernel): it changes the inode of all eventfds");
}

static long op_chmod(const struct word *operation)
{
	struct statfs filesystem;

	if (statfs(PATH, &filesystem) == 0)
		spare_anonymous(&filesystem);
	return chmod(PATH, MODE);
}

static long op_fchmod(const struct word *operation)
{
	int fd = number_of(operation, "fd");
	struct statfs filesystem;

	if (fstatfs(fd, &filesystem) == 0)
		spare_anonymous(&filesystem);
	return fchmod(fd, MODE);
}

static long op_fanotify_close(const struct word *operation)
{
	struct group *group = group_of(operation);

	if (group->fd < 0) {
		errno = EBADF;
		return -1;
	}
	close_group(group);
	return 0;
}

static long op_sysctl_memfd_noexec(const struct word *operation)
{
	world->memfd_noexec_changed = true;
	return set_memfd_noexec(number_of(operation, "value"));
}

enum allowed_to { ANYBODY, ONLY_INIT, NOT_INIT };

struct handler {
	const char *op;
	enum allowed_to by;
	/* Either what the call returned, of which only failure or success is the outcome, ... */
	long (*status)(const struct word *operation);
	/* ... or a number, ... */
	long (*result)(const struct word *operation);
	/* ... or something that says its outcome itself. */
	void (*outcome)(const struct word *operation);
	/* What watches saw of it belongs to its outcome. */
	bool watched;
};

#define STATUS(op, by, call) { op, by, call, NULL, NULL, false }
#define RESULT(op, by, call) { op, by, NULL, call, NULL, false }
#define OUTCOME(op, by, call) { op, by, NULL, NULL, call, false }

static const struct handler handlers[] = {
	{ "execveat", ANYBODY, NULL, NULL, say_execveat, true },
	OUTCOME("interpret", ANYBODY, say_interpretation),
	OUTCOME("load", ANYBODY, say_load),
	OUTCOME("fstat", ANYBODY, say_stat),
	STATUS("faccessat", ANYBODY, access_file),
	STATUS("uselib", ANYBODY, op_uselib),
	STATUS("mkdir", ANYBODY, op_mkdir),
	STATUS("create", ANYBODY, create_file),
	STATUS("symlink", ANYBODY, op_symlink),
	STATUS("unlink", ANYBODY, op_unlink),
	STATUS("rename", ANYBODY, op_rename),
	STATUS("chmod", ANYBODY, op_chmod),
	STATUS("fchmod", ANYBODY, op_fchmod),
	STATUS("write", ANYBODY, overwrite_file),
	STATUS("truncate", ANYBODY, op_truncate),
	STATUS("mkfifo", ONLY_INIT, op_mkfifo),
	STATUS("mknod", ONLY_INIT, make_special),
	STATUS("link", ONLY_INIT, op_link),
	STATUS("chown", ONLY_INIT, op_chown),
	STATUS("setacl", ONLY_INIT, op_setacl),
	STATUS("setfcaps", ONLY_INIT, op_setfcaps),
	STATUS("mount", ONLY_INIT, op_mount),
	STATUS("remount", ONLY_INIT, op_remount),
	STATUS("umount", ONLY_INIT, op_umount),
	STATUS("watch", ONLY_INIT, add_watch),
	STATUS("fanotifyInit", ONLY_INIT, start_group),
	STATUS("fanotifyMark", ONLY_INIT, add_mark),
	STATUS("fanotifyClose", ONLY_INIT, op_fanotify_close),
	STATUS("sysctlMemfdNoexec", ONLY_INIT, op_sysctl_memfd_noexec),
	STATUS("open", ANYBODY, open_file),
	STATUS("close", ANYBODY, op_close),
	STATUS("dup", ANYBODY, op_dup),
	STATUS("memfdCreate", ANYBODY, open_memfd),
	STATUS("fwrite", ANYBODY, overwrite_fd),
	STATUS("anonymous", ANYBODY, op_anonymous),
	STATUS("mmap", ANYBODY, map_page),
	STATUS("mprotect", ANYBODY, protect_page),
	STATUS("munmap", ANYBODY, op_munmap),
	STATUS("setresuid", NOT_INIT, set_uids),
	RESULT("setfsuid", NOT_INIT, op_setfsuid),
	STATUS("capset", NOT_INIT, set_capability_sets),
	STATUS("setSecurebits", NOT_INIT, set_securebits),
	RESULT("getSecurebits", ANYBODY, op_get_securebits),
	STATUS("setKeepcaps", NOT_INIT, set_keepcaps),
	RESULT("getKeepcaps", ANYBODY, op_get_keepcaps),
	STATUS("setNoNewPrivs", NOT_INIT, set_no_new_privs),
	RESULT("getNoNewPrivs", ANYBODY, op_get_no_new_privs),
	STATUS("unshareUser", NOT_INIT, unshare_user),
	STATUS("setrlimit", NOT_INIT, set_limit),
	STATUS("landlockRestrict", NOT_INIT, enforce_landlock),
	STATUS("ptraceAttach", ANYBODY, attach_to),
	STATUS("fork", ANYBODY, fork_task),
	STATUS("exit", NOT_INIT, NULL),
};

static const struct handler *handler_of(const char *op)
{
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (!strcmp(handlers[i].op, op))
			return &handlers[i];
	fail("op: expected an operation that a kernel can be asked, got %s", op);
}

/* Executes an operation in this very process; the outcome lacks its closing brace. */
static void execute(const struct handler *handler, const struct word *operation)
{
	if (handler->outcome)
		handler->outcome(operation);
	else if (handler->result)
		say_result(handler->result(operation));
	else
		say_status(handler->status(operation));
	scratch_free();
}

static void task_loop(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		const struct word *operation;
		const char *op;

		wait_for_turn();
		operation = parse_words(world->line, world->length);
		op = text_of(operation, "op");
		if (!strcmp(op, "exit"))
			_exit(0);
		execute(handler_of(op), operation);
		notify_init();
	}
}

/* How a task ended in an operation. */
static void say_death(const char *op, int status)
{
	if (!strcmp(op, "exit"))
		say_value(0);
	else if (strcmp(op, "execveat"))
		fail("%s: the task died (status 0x%x)", op, status);
	else if (WIFEXITED(status))
		say("{\"kind\":\"ran\",\"exitCode\":%d", WEXITSTATUS(status));
	else if (WTERMSIG(status) == SIGSEGV)
		say("{\"kind\":\"signal\",\"signal\":\"SIGSEGV\"");
	else
		fail("the program was killed by signal %d", WTERMSIG(status));
}

/* What init does once a task has done its part. */
static void complete(struct task *task, const char *op, const struct word *operation)
{
	if (!strcmp(op, "fork") && world->tasks[world->forked].pid) {
		struct task *child = &world->tasks[world->forked];

		child->pidfd = pidfd_of(child->pid);
	} else if (world->unshared && task->userns_depth++ == 0) {
		write_maps(task->pid, operation);
	}
}

/* Whether the harness lets a task do this at all; the model answers the same. */
static bool is_refused(const struct handler *handler, bool is_init, const struct word *operation)
{
	if (handler->by == (is_init ? NOT_INIT : ONLY_INIT))
		return true;
	if (!strcmp(handler->op, "execveat"))
		return is_init && !(number_of(operation, "flags") & KM_AT_EXECVE_CHECK);
	if (!strcmp(handler->op, "ptraceAttach"))
		return !strcmp(text_of(operation, "target"), world->tasks[INIT_TASK].name);
	return !strcmp(handler->op, "fork") && find_task(text_of(operation, "child"));
}

/* Whether every task that an operation is about exists. */
static bool is_gone(const struct handler *handler, const struct word *operation)
{
	return !strcmp(handler->op, "ptraceAttach") && !find_task(text_of(operation, "target"));
}

/* Has a task execute the line, and waits for it. */
static void execute_by(struct task *task, const struct handler *handler,
		       const struct word *operation)
{
	int status;

	if (task == &world->tasks[INIT_TASK]) {
		execute(handler, operation);
		complete(task, handler->op, operation);
		return;
	}
	wake(task);
	if (await_task(task, &status))
		complete(task, handler->op, operation);
	else
		say_death(handler->op, status);
}

static void step(const struct word *operation, const char *line, size_t length)
{
	const struct handler *handler = handler_of(text_of(operation, "op"));
	struct task *task = find_task(text_of(operation, "task"));

	if (!task || is_gone(handler, operation)) {
		say("{\"kind\":\"gone\"}");
		return;
	}
	if (is_refused(handler, task == &world->tasks[INIT_TASK], operation)) {
		say("{\"kind\":\"refused\"}");
		return;
	}
	world->line = line;
	world->length = length;
	world->unshared = false;
	if (!strcmp(handler->op, "fork"))
		world->forked = new_task(text_of(operation, "child"), task->userns_depth) -
				world->tasks;
	drain_watches(false);
	execute_by(task, handler, operation);
	if (handler->watched)
		drain_watches(true);
	say("}");
}

/* The probe. */

/* Users that have processes on this host: their limits cannot be told from a world's. */
static unsigned int busy_uids[1024];
static size_t busy_count;

static void note_busy(unsigned int uid)
{
	for (size_t i = 0; i < busy_count; i++)
		if (busy_uids[i] == uid)
			return;
	if (busy_count < sizeof(busy_uids) / sizeof(busy_uids[0]))
		busy_uids[busy_count++] = uid;
}

static void survey(void)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;

	host_root_fd = own(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	/* The processes of another probe's case do not stay. */
	try_lock(LOCK_EX);

	while (processes && (entry = readdir(processes))) {
		char path[300], value[64];

		if (!isdigit(entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/status", entry->d_name);
		read_field(path, "Uid:", value, sizeof(value));
		if (value[0])
			note_busy(strtoul(value, NULL, 10));
	}
	if (processes)
		closedir(processes);
	flock(host_root_fd, LOCK_UN);
}

static void describe(void)
{
	uint64_t have = permitted_capabilities();
	const char *separator = "";

	anonymous_fd = own(eventfd(0, EFD_CLOEXEC));
	/* Its own mode: nothing changes. */
	anonymous_takes_chmod = fchmod(anonymous_fd, ANONYMOUS_MODE) == 0;

	say(",\"capabilities\":[");
	for (const struct named_bit *capability = capabilities; capability->name; capability++) {
		if (!(have & capability->bit))
			continue;
		say("%s\"%s\"", separator, capability->name);
		separator = ",";
	}
	say("],\"busyUids\":[");
	for (size_t i = 0; i < busy_count; i++)
		say("%s%u", i ? "," : "", busy_uids[i]);
	say("]");
}

static void restore(void)
{
	if (host_root_fd >= 0)
		flock(host_root_fd, LOCK_UN);
	if (anonymous_takes_chmod)
		fchmod(anonymous_fd, ANONYMOUS_MODE);
	if (world->memfd_noexec_changed)
		set_memfd_noexec(0);
	world->memfd_noexec_changed = false;
}

int main(int argc, char **argv)
{
	static const struct probe probe = {
		.name = "exec-check",
		.survey = survey,
		.describe = describe,
		.world = build_world,
		.step = step,
		.restore = restore,
	};

	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (world == MAP_FAILED)
		return 1;
	return probe_main(argc, argv, &probe);
}
