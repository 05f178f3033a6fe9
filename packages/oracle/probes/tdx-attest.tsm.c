/* SPDX-License-Identifier: MIT */
/*
 * The probe of tdx-attest.tsm: the TDX guest driver and the report items of configfs-tsm, on a fake
 * TDX module and a scripted host (tdx-attest/tdx_fake.c). It runs as init of a machine alone, whose
 * initramfs has the modules: configfs.ko, tsm.ko, tdx_fake.ko, tdx_guest.ko.
 *
 * A read that waits for the host is a process of its own. Calls that it holds off are made by one
 * more process, which is left behind where it does not come back.
 *
 * The machine's clock may be one that jumps over waiting, for its reader, too: then the lines have
 * to come with the machine.
 */
#include "probe.h"

#include <dirent.h>
#include <sys/time.h>

#include "tdx-attest/device.h"
#include "tdx-attest/tdx_fake.h"

#define REPORT "/config/tsm/report"
#define DRIVER "tdx_guest"

/* Descriptors that operations may name, 0 to 1023. */
#define DESCRIPTORS 1024
#define HEAD_SIZE 16
/* More than configfs hands out of an outblob. */
#define READ_SIZE (64u << 10)

/* A call that has not come back after this many ms waits for something. */
#define PATIENCE_MS 20
/*
 * The driver looks once a second and is a little later each time; a script has the host answer in
 * the second half of a second. What is to come between a look and that answer comes here, ms.
 */
#define SECOND 1000
#define BETWEEN 350

static const struct tdx_fake_script honest = {
	.out_len = 100,
	.delay_ms = TDX_FAKE_INSIDE,
};

/* What the driver's timeout is, seconds: a constant in it. */
#define GETQUOTE_TIMEOUT 30

enum { CONFIGFS, TSM, FAKE, GUEST, MODULES };

static const char *const module_names[MODULES] = { "configfs", "tsm", "tdx_fake", "tdx_guest" };
static int module_fds[MODULES] = { -1, -1, -1, -1 };
static int fake_fd = -1;

static struct tdx_fake_script host;
static int descriptors[DESCRIPTORS];

/* The read that waits, shared with the process that does it. */
static struct reader {
	pid_t pid;
	int fd;
	int64_t start;		/* ms */
	int ticks;
	bool done;
	int64_t end;
	ssize_t result;
	int error;
	struct tdx_fake_counts counts;
	uint8_t bytes[READ_SIZE];
} *reader;

/* Outcomes. */

static void say_text(const uint8_t *bytes, size_t size)
{
	char text[256];

	snprintf(text, sizeof(text), "%.*s", (int)size, (const char *)bytes);
	say("{\"kind\":\"text\",\"text\":");
	say_string(text);
	say("}");
}

/* The fake. */

static struct tdx_fake_counts take_counts(void)
{
	struct tdx_fake_counts counts;

	if (ioctl(fake_fd, TDX_FAKE_COUNTS, &counts))
		fail("TDX_FAKE_COUNTS: %s", strerror(errno));
	return counts;
}

static void tell_fake(unsigned long command, unsigned long argument)
{
	if (ioctl(fake_fd, command, argument))
		fail("ioctl 0x%lx of the fake: %s", command, strerror(errno));
}

static void set_host(const struct tdx_fake_script *script)
{
	host = *script;
	tell_fake(TDX_FAKE_SCRIPT, (unsigned long)&host);
}

static void say_cost(struct tdx_fake_counts counts, int64_t ms)
{
	say(",\"cost\":{\"tdcalls\":%u,\"hypercalls\":%u,\"seconds\":%lld}", counts.tdcalls,
	    counts.hypercalls, (long long)ms / SECOND);
}

static void sleep_until(int64_t when)
{
	int64_t left = when - now_ms();
	struct timespec pause = { left / 1000, left % 1000 * 1000000 };

	if (left > 0)
		while (nanosleep(&pause, &pause) && errno == EINTR)
			;
}

/* The driver's module. */

static void do_load(const struct word *operation)
{
	const struct word *fails = get(operation, "fails");
	struct tdx_fake_script before = host, during = host;
	long result;

	if (get(operation, "getquoteTimeout") &&
	    number_of(operation, "getquoteTimeout") != GETQUOTE_TIMEOUT)
		lacks("getquote_timeout is %d seconds in this driver", GETQUOTE_TIMEOUT);
	during.tdcall_status = 0;
	if (get(operation, "tdcallStatus"))
		during.tdcall_status = number_of(operation, "tdcallStatus");
	set_host(&during);
	if (fails)
		tell_fake(TDX_FAKE_FAIL, !strcmp(fails->text, "misc-register") ?
						 TDX_FAKE_FAIL_MISC_REGISTER :
						 TDX_FAKE_FAIL_SET_MEMORY_DECRYPTED);
	result = syscall(SYS_finit_module, module_fds[GUEST], "", 0);
	if (result) {
		int error = errno;

		set_host(&before);
		errno = error;
	} else {
		struct tdx_fake_script script = honest;

		script.tdcall_status = during.tdcall_status;
		set_host(&script);
	}
	say_result(result);
	tell_fake(TDX_FAKE_FAIL, 0);
}

static void do_unload(void)
{
	say_result(syscall(SYS_delete_module, DRIVER, O_NONBLOCK));
}

/* Writes the device's name to a file of the driver in sysfs: bind or unbind. */
static void do_bind(const char *file)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/platform/drivers/tdx-attest/%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	say_result(fd < 0 ? -1 : write(fd, "tdx-attest", 10) < 0 ? -1 : 0);
	close(fd);
}

/* The device. */

static void do_ioctl(const struct word *operation)
{
	const struct word *buffer = need(operation, "buffer");
	const struct word *allocation = get(operation, "allocationFails");
	uint8_t reportdata[REPORTDATA_SIZE] = { 0 };
	size_t mapped = number_of(buffer, "mapped");
	struct tdx_fake_counts counts;
	uint8_t *memory;
	long result;
	int fd, error;

	bytes_of(buffer, "reportData", reportdata, sizeof(reportdata));
	memory = mapped_memory(mapped, reportdata, is_true(buffer, "writable"));
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		say_result(fd);
		return;
	}
	take_counts();
	if (allocation)
		tell_fake(TDX_FAKE_FAIL, !strcmp(allocation->text, "first") ?
						 TDX_FAKE_FAIL_ALLOCATION_1 :
						 TDX_FAKE_FAIL_ALLOCATION_2);
	result = syscall(SYS_ioctl, fd, number_of(operation, "cmd"), memory);
	error = errno;
	tell_fake(TDX_FAKE_FAIL, 0);
	counts = take_counts();
	close(fd);
	errno = error;
	say_report(result, memory, mapped);
	say(",\"tdcalls\":%u}", counts.tdcalls);
}

/* Items and their files. */

static void path_of(char *path, const struct word *operation, const char *file)
{
	snprintf(path, PATH_MAX, "%s/%s/%s", REPORT, text_of(operation, "name"), file);
}

static void do_mkdir(const struct word *operation)
{
	char path[PATH_MAX];
	bool top = !strcmp(text_of(operation, "parent"), "tsm");

	snprintf(path, sizeof(path), "%s/%s", top ? "/config/tsm" : REPORT,
		 text_of(operation, "name"));
	say_result(mkdir(path, 0755));
}

static void do_rmdir(const struct word *operation)
{
	char path[PATH_MAX];

	path_of(path, operation, "");
	say_result(rmdir(path));
}

static ssize_t read_file(const char *path, uint8_t *bytes, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, room);
	int error = errno;

	close(fd);
	errno = error;
	return n;
}

static void do_read_text(const struct word *operation, const char *file)
{
	char path[PATH_MAX];
	uint8_t bytes[128];
	ssize_t n;

	path_of(path, operation, file);
	n = read_file(path, bytes, sizeof(bytes));
	if (n < 0)
		say_result(n);
	else
		say_text(bytes, n);
}

static void do_write_inblob(const struct word *operation)
{
	uint8_t content[4096], generation[32] = { 0 };
	size_t size = bytes_of(operation, "content", content, sizeof(content));
	char path[PATH_MAX];
	ssize_t written;
	int fd, error;

	path_of(path, operation, "inblob");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		say_result(fd);
		return;
	}
	written = write(fd, content, size);
	error = errno;
	if (close(fd))
		fail("close: %s", strerror(errno));
	path_of(path, operation, "generation");
	if (read_file(path, generation, sizeof(generation) - 1) < 0)
		fail("%s: %s", path, strerror(errno));
	if (written < 0)
		say("{\"kind\":\"written\",\"write\":\"%s\"", strerrorname_np(error));
	else
		say("{\"kind\":\"written\",\"write\":%zd", written);
	say(",\"generation\":\"0x%llx\"}", strtoull((char *)generation, NULL, 10));
}

static void on_signal(int signal)
{
	(void)signal;
}

/* Of bytes that came from the buffer, only those are told that the host wrote. */
static void say_blob(const uint8_t *bytes, size_t size, struct tdx_fake_counts counts, int64_t ms)
{
	say("{\"kind\":\"blob\",\"size\":%zu", size);
	say_hex("head", bytes, size < HEAD_SIZE ? size : HEAD_SIZE);
	if (counts.hypercalls && size <= counts.host_bytes)
		say_hex("bytes", bytes, size);
	say_cost(counts, ms);
	say("}");
}

static void do_read_outblob(const struct word *operation)
{
	struct itimerval alarm = { 0 }, off = { 0 };
	static uint8_t bytes[READ_SIZE];
	struct tdx_fake_counts counts;
	int64_t start = now_ms();
	char path[PATH_MAX];
	size_t size = 0;
	int fd, error;
	ssize_t n;

	path_of(path, operation, "outblob");
	take_counts();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (get(operation, "signalAfter")) {
		alarm.it_value.tv_sec = number_of(operation, "signalAfter");
		alarm.it_value.tv_usec = BETWEEN * 1000;
		setitimer(ITIMER_REAL, &alarm, NULL);
	}
	do {
		n = fd < 0 ? -1 : read(fd, bytes + size, sizeof(bytes) - size);
		error = errno;
		size += n > 0 ? n : 0;
	} while (n > 0 && size < sizeof(bytes));
	setitimer(ITIMER_REAL, &off, NULL);
	close(fd);
	counts = take_counts();
	if (n < 0) {
		say_errno(error);
		say_cost(counts, now_ms() - start);
		say("}");
	} else {
		say_blob(bytes, size, counts, now_ms() - start);
	}
}

/* Open files. */

static int *descriptor_of(const struct word *operation)
{
	int64_t fd = number_of(operation, "fd");

	if (fd < 0 || fd >= DESCRIPTORS)
		fail("fd: expected 0 to %d, got %lld", DESCRIPTORS - 1, (long long)fd);
	return &descriptors[fd];
}

static void do_open(const struct word *operation)
{
	const char *access = text_of(operation, "access");
	int *fd = descriptor_of(operation);
	char path[PATH_MAX];

	path_of(path, operation, text_of(operation, "file"));
	*fd = open(path, !strcmp(access, "read") ? O_RDONLY :
			 !strcmp(access, "write") ? O_WRONLY : O_RDWR);
	say_result(*fd < 0 ? -1 : 0);
}

static void do_write(const struct word *operation)
{
	uint8_t content[4096];
	size_t size = bytes_of(operation, "content", content, sizeof(content));
	int fd = *descriptor_of(operation);

	say_result(get(operation, "offset") ?
			   pwrite(fd, content, size, number_of(operation, "offset")) :
			   write(fd, content, size));
}

static bool is_text(int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = '\0';
	return strstr(path, "/generation") || strstr(path, "/provider");
}

static void do_read(const struct word *operation)
{
	int fd = *descriptor_of(operation);
	static uint8_t bytes[READ_SIZE];
	struct tdx_fake_counts counts;
	size_t size = number_of(operation, "size");
	int64_t start = now_ms();
	ssize_t n;
	int error;

	if (size > sizeof(bytes))
		fail("size: expected at most %zu, got %zu", sizeof(bytes), size);
	take_counts();
	n = read(fd, bytes, size);
	error = errno;
	counts = take_counts();
	if (n < 0 && (error == EBADF || is_text(fd))) {
		errno = error;
		say_result(n);
	} else if (n < 0) {
		say_errno(error);
		say_cost(counts, now_ms() - start);
		say("}");
	} else if (is_text(fd)) {
		say_text(bytes, n);
	} else {
		say("{\"kind\":\"blob\",\"size\":%zd", n);
		say_hex("head", bytes, n < HEAD_SIZE ? n : HEAD_SIZE);
		say_cost(counts, now_ms() - start);
		say("}");
	}
}

static void do_lseek(const struct word *operation)
{
	say_result(lseek(*descriptor_of(operation), 0, SEEK_SET));
}

static void do_close(const struct word *operation)
{
	int *fd = descriptor_of(operation);

	say_result(close(*fd));
	*fd = -1;
}

/* A read that waits for the host. */

static bool waits(void)
{
	return reader->pid && !__atomic_load_n(&reader->done, __ATOMIC_ACQUIRE);
}

static void say_reader(void)
{
	struct tdx_fake_counts counts = take_counts();
	int64_t spent = (reader->done ? reader->end : now_ms()) - reader->start;

	/* Each of its calls is told with what the whole has cost so far. */
	if (!reader->done)
		say("{\"kind\":\"waiting\"");
	else if (reader->result < 0)
		say_errno(reader->error);
	else
		say("{\"kind\":\"size\",\"size\":%zd", reader->result);
	reader->counts.tdcalls += counts.tdcalls;
	reader->counts.hypercalls += counts.hypercalls;
	say_cost(reader->counts, spent);
	say("}");
	if (reader->done) {
		waitpid(reader->pid, NULL, 0);
		reader->pid = 0;
	}
}

static void do_read_size(const struct word *operation)
{
	int64_t limit;
	pid_t child;

	take_counts();
	reader->fd = *descriptor_of(operation);
	reader->start = now_ms();
	reader->ticks = 0;
	reader->counts = (struct tdx_fake_counts){ 0 };
	reader->done = false;
	child = fork();
	if (child < 0)
		fail("fork: %s", strerror(errno));
	if (child == 0) {
		/* The last close of the others is not to wait for this process. */
		for (int i = 0; i < DESCRIPTORS; i++)
			if (descriptors[i] != reader->fd)
				close(descriptors[i]);
		reader->result = read(reader->fd, reader->bytes, sizeof(reader->bytes));
		reader->error = errno;
		reader->end = now_ms();
		__atomic_store_n(&reader->done, true, __ATOMIC_RELEASE);
		_exit(0);
	}
	reader->pid = child;
	for (limit = now_ms() + PATIENCE_MS; waits() && now_ms() < limit;)
		sleep_until(now_ms() + 5);
	say_reader();
}

/* What the read has brought. */
static void do_read_data(void)
{
	static const struct tdx_fake_counts none;

	if (reader->pid || reader->result < 0)
		fail("read-data: expected a read that has come to its end");
	say_blob(reader->bytes, reader->result, none, 0);
}

static void do_tick(void)
{
	if (!waits())
		fail("tick: expected a read that waits");
	reader->ticks++;
	sleep_until(reader->start + reader->ticks * SECOND + BETWEEN);
	say_reader();
}

static void do_signal(void)
{
	if (!waits())
		fail("signal: expected a read that waits");
	kill(reader->pid, SIGUSR1);
	for (int64_t limit = now_ms() + PATIENCE_MS; waits() && now_ms() < limit;)
		sleep_until(now_ms() + 5);
	say_reader();
}

/* The host. */

static void do_set_host(const struct word *operation)
{
	struct tdx_fake_script script = host;

	if (get(operation, "hypercallStatus"))
		script.hypercall_status = number_of(operation, "hypercallStatus");
	if (get(operation, "finalStatus"))
		script.final_status = number_of(operation, "finalStatus");
	if (get(operation, "outLen"))
		script.out_len = number_of(operation, "outLen");
	if (get(operation, "delay")) {
		const char *delay = text_of(operation, "delay");

		script.delay_ms = !strcmp(delay, "inside") ? TDX_FAKE_INSIDE :
				  !strcmp(delay, "never")  ? TDX_FAKE_NEVER :
							     number_of(operation, "delay");
	}
	set_host(&script);
	say_result(0);
}

static void do_host_writes(const struct word *operation)
{
	static struct tdx_fake_write write;

	write.fields = 0;
	if (get(operation, "status")) {
		write.fields |= TDX_FAKE_STATUS;
		write.status = number_of(operation, "status");
	}
	if (get(operation, "outLen")) {
		write.fields |= TDX_FAKE_OUT_LEN;
		write.out_len = number_of(operation, "outLen");
	}
	if (get(operation, "data")) {
		write.fields |= TDX_FAKE_DATA;
		write.size = bytes_of(operation, "data", write.data, sizeof(write.data));
	}
	tell_fake(TDX_FAKE_WRITE, (unsigned long)&write);
	say_result(0);
}

/* Operations. */

static void execute(const struct word *operation)
{
	const char *op = text_of(operation, "op");

#define IS(name) (!strcmp(op, name))
	if (IS("load"))
		do_load(operation);
	else if (IS("unload"))
		do_unload();
	else if (IS("bind") || IS("unbind"))
		do_bind(op);
	else if (IS("ioctl"))
		do_ioctl(operation);
	else if (IS("device-call"))
		do_device_call(operation);
	else if (IS("mkdir"))
		do_mkdir(operation);
	else if (IS("rmdir"))
		do_rmdir(operation);
	else if (IS("write-inblob"))
		do_write_inblob(operation);
	else if (IS("read-outblob"))
		do_read_outblob(operation);
	else if (IS("read-generation"))
		do_read_text(operation, "generation");
	else if (IS("read-provider"))
		do_read_text(operation, "provider");
	else if (IS("open"))
		do_open(operation);
	else if (IS("write"))
		do_write(operation);
	else if (IS("read"))
		do_read(operation);
	else if (IS("lseek"))
		do_lseek(operation);
	else if (IS("close"))
		do_close(operation);
	else
		fail("op: expected an operation of tdx-attest.tsm, got %s", op);
#undef IS
}

/* Operations that change what this process knows, and never wait for another one. */
static bool execute_here(const struct word *operation)
{
	const char *op = text_of(operation, "op");

#define IS(name) (!strcmp(op, name))
	if (IS("read-size"))
		do_read_size(operation);
	else if (IS("read-data"))
		do_read_data();
	else if (IS("tick"))
		do_tick();
	else if (IS("signal"))
		do_signal();
	else if (IS("set-host"))
		do_set_host(operation);
	else if (IS("host-writes"))
		do_host_writes(operation);
	else if (IS("host-completes")) {
		tell_fake(TDX_FAKE_COMPLETE, 0);
		say_result(0);
	} else if (IS("pass-time")) {
		sleep_until(now_ms() + number_of(operation, "milliseconds"));
		say_result(0);
	} else if (IS("set-tdcall-status")) {
		struct tdx_fake_script script = host;

		script.tdcall_status = number_of(operation, "status");
		set_host(&script);
		say_result(0);
	} else {
		return false;
	}
	return true;
#undef IS
}

static bool may_be_held_off(const char *op)
{
	static const char *const free[] = { "load", "open", "close", "ioctl",
					    "device-call" };

	for (size_t i = 0; i < sizeof(free) / sizeof(free[0]); i++)
		if (!strcmp(op, free[i]))
			return false;
	return true;
}

/* In a process of its own, whose answer is taken where it comes back in time. */
static void execute_held_off(const struct word *operation)
{
	size_t before = session->output_draft;
	int64_t limit = now_ms() + PATIENCE_MS;
	pid_t child = fork();

	if (child < 0)
		fail("fork: %s", strerror(errno));
	if (child == 0) {
		execute(operation);
		_exit(0);
	}
	while (now_ms() < limit) {
		if (waitpid(child, NULL, WNOHANG) == child)
			return;
		sleep_until(now_ms() + 5);
	}
	/* It may be in a lock that no signal ends; but it says nothing any more when it is out. */
	kill(child, SIGKILL);
	session->output_draft = before;
	say("{\"kind\":\"blocked\"}");
}

static void step(const struct word *operation, const char *line, size_t length)
{
	(void)line;
	(void)length;
	if (execute_here(operation))
		return;
	if (waits() && may_be_held_off(text_of(operation, "op")))
		execute_held_off(operation);
	else
		execute(operation);
}

/* Worlds. */

static void build_world(const struct word *setup)
{
	const struct sigaction handler = { .sa_handler = on_signal };

	if (get(setup, "firstGeneration"))
		lacks("an item whose generation begins at 0 alone");
	for (int i = 0; i < DESCRIPTORS; i++)
		descriptors[i] = -1;
	sigaction(SIGUSR1, &handler, NULL);
	sigaction(SIGALRM, &handler, NULL);
	reader = mmap(NULL, sizeof(*reader), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (reader == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	set_host(&honest);
	tell_fake(TDX_FAKE_FEATURE, is_true(setup, "tdxGuest"));
	tell_fake(TDX_FAKE_TAKE_NAME, is_true(setup, "nameTaken"));
}

static void restore(void)
{
	DIR *items = opendir(REPORT);
	struct dirent *entry;

	while (items && (entry = readdir(items)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(items), entry->d_name, AT_REMOVEDIR);
	if (items)
		closedir(items);
	syscall(SYS_delete_module, DRIVER, O_NONBLOCK);
	ioctl(fake_fd, TDX_FAKE_FAIL, 0);
	ioctl(fake_fd, TDX_FAKE_TAKE_NAME, 0);
}

/* The machine. */

static const struct probe probe;

static void insert(int module)
{
	if (syscall(SYS_finit_module, module_fds[module], "", 0))
		unavailable(&probe, "%s.ko: %s", module_names[module], strerror(errno));
}

/* Makes the places that operations name; it runs once, before the first case. */
static void describe(void)
{
	for (int i = 0; i < MODULES; i++)
		if (module_fds[i] < 0)
			unavailable(&probe, "/modules/%s.ko in the initramfs: it runs as init of a "
				    "machine alone", module_names[i]);
	mkdir("/dev", 0755);
	mkdir("/sys", 0755);
	mkdir("/config", 0755);
	insert(CONFIGFS);
	insert(TSM);
	insert(FAKE);
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL) ||
	    mount("configfs", "/config", "configfs", 0, NULL))
		unavailable(&probe, "mount: %s", strerror(errno));
	fake_fd = open("/dev/tdx-fake", O_RDWR | O_CLOEXEC);
	if (fake_fd < 0)
		unavailable(&probe, "/dev/tdx-fake: %s", strerror(errno));
	move_own_fd(&fake_fd);
}

static const struct probe probe = {
	.name = "tdx-attest.tsm",
	.describe = describe,
	.world = build_world,
	.step = step,
	.restore = restore,
	.whole_cases = true,
};

int main(int argc, char **argv)
{
	/* Before the initramfs is left behind. */
	for (int i = 0; i < MODULES; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/modules/%s.ko", module_names[i]);
		module_fds[i] = open(path, O_RDONLY | O_CLOEXEC);
		move_own_fd(&module_fds[i]);
	}
	return probe_main(argc, argv, &probe);
}
