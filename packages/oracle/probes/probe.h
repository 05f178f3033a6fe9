/* SPDX-License-Identifier: MIT */
/*
 * What every probe is made of. A probe executes the operations of one model on a real kernel; it is
 * one C file that includes this one, needs nothing but a C library, and is linked statically.
 *
 * It reads lines from standard input and answers each with a line of JSON:
 *
 *	world <case> <words>	builds a world	{"case":7,"ready":true}
 *	step <case> <words>	an operation	{"case":7,"outcome":{...}}
 *	end <case>		ends the case	{"case":7,"end":true,"complaints":[...]}
 *
 * <words> is a JSON object as percent-encoded key=value words; src/probe/words.ts states the form.
 * Where a case cannot go on, the answer is {"case":7,"failure":"..."}, or {"case":7,"lacks":"..."}
 * where this kernel cannot have such a world; the remaining lines of the case are passed over in
 * silence. The first line that a probe writes is its hello: what it is, and what answers here; or
 * why nothing can.
 *
 * The probe is init of mount and pid namespaces of its own (of a whole machine, where a kernel
 * boots into it). Each case runs in a child of it, under a watchdog; at its end every other
 * process of the namespace is killed. When standard input ends, or the parent dies, init exits,
 * and the kernel ends the rest.
 */
#ifndef PROBE_H
#define PROBE_H

#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PROTOCOL_VERSION 1

/*
 * The taints that tell of a defect: bad page (B), died (D), warned (W), soft lockup (L). Others
 * tell of modules, hardware or, bit 16, whatever a distribution likes: Debian sets it when
 * fanotify is asked for permission events. Origin: Documentation/admin-guide/tainted-kernels.rst,
 * Linux 6.12.
 */
#define COMPLAINTS (1u << 5 | 1u << 7 | 1u << 9 | 1u << 14)

/* A line may be as long as this; the longest ones carry the bytes of files. */
#define INPUT_SIZE (4u << 20)
#define OUTPUT_SIZE (1u << 20)
/* Answers are handed over at this size even while more lines are at hand. */
#define OUTPUT_ENOUGH (32u << 10)
/* Descriptors below belong to the operations. */
#define FIRST_OWN_FD 64

#define PROBE_API static __attribute__((unused))

struct word;

/* What a probe adds. */
struct probe {
	const char *name;
	/* Looks at the host before it is left; only where the probe is not a machine's init. */
	void (*survey)(void);
	/* Appends fields to the hello, each led by a comma. */
	void (*describe)(void);
	/* Builds a world, in the child that the case is; says nothing, or ends it by cannot(). */
	void (*world)(const struct word *setup);
	/* Executes one operation, in that child, and appends its outcome, an object. */
	void (*step)(const struct word *operation, const char *line, size_t length);
	/* Undoes, in init and when every process is gone, what outlives the child. */
	void (*restore)(void);
	/*
	 * No answer is handed over within a case whose lines are all at hand: time must not pass
	 * there for other reasons than the case's own.
	 */
	bool whole_cases;
};

/* In memory that the child shares with init, so that nothing is lost when the child is killed. */
struct session {
	size_t input_start, input_end;
	size_t output_end;	/* whole lines */
	size_t output_draft;	/* behind the line that is being written */
	int64_t deadline;	/* CLOCK_MONOTONIC, ms; 0: not working on a case */
	bool gave_up;		/* the case has said why it cannot go on */
	char input[INPUT_SIZE];
	char output[OUTPUT_SIZE];
};

static struct session *session;
static long current_case;
static int input_fd, output_fd;
static int kmsg_fd = -1, taint_fd = -1;
/* /proc as init sees it. */
static int proc_fd = -1;
static bool booted;
/* The lines came with the machine. */
static bool preloaded;
/* Answers wait for the end of the case. */
static bool hold_answers;
static long watchdog_ms = 10000;
static uint64_t first_taint;

/* Time. */

PROBE_API int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* Answers. */

PROBE_API void flush_answers(void)
{
	size_t done = 0;

	/* Waiting for the reader is not hanging. */
	session->deadline = 0;
	while (done < session->output_end) {
		ssize_t n = write(output_fd, session->output + done, session->output_end - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			_exit(3);
		done += n;
	}
	session->output_end = session->output_draft = 0;
}

/* Appends to the line that is being written. */
PROBE_API __attribute__((format(printf, 1, 2))) void say(const char *format, ...)
{
	va_list arguments;
	size_t room = OUTPUT_SIZE - session->output_draft;
	int n;

	va_start(arguments, format);
	n = vsnprintf(session->output + session->output_draft, room, format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t)n >= room)
		_exit(4);
	session->output_draft += n;
}

/* Appends a JSON string. */
PROBE_API void say_string(const char *text)
{
	say("\"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			say("\\%c", *text);
		else if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
			say("\\u%04x", (unsigned char)*text);
		else
			say("%c", *text);
	}
	say("\"");
}

/* Ends the line. A line that is not ended is never sent. */
PROBE_API void end_answer(void)
{
	say("\n");
	session->output_end = session->output_draft;
}

/* Forgets what was said of a line. */
PROBE_API void drop_answer(void)
{
	session->output_draft = session->output_end;
}

/* The case cannot go on: says why, under a key, and ends this process. */
PROBE_API __attribute__((noreturn, format(printf, 2, 3))) void cannot(const char *key,
								      const char *format, ...)
{
	char reason[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	if (session->gave_up)
		_exit(0);
	session->gave_up = true;
	drop_answer();
	say("{\"case\":%ld,\"%s\":", current_case, key);
	say_string(reason);
	say("}");
	end_answer();
	_exit(0);
}

#define fail(...) cannot("failure", __VA_ARGS__)
#define lacks(...) cannot("lacks", __VA_ARGS__)

/* Lines. */

/*
 * The next line without its newline, NUL-terminated where the newline was, or NULL at the end of
 * input. Waits for more with all answers handed over.
 */
PROBE_API char *next_line(size_t *length)
{
	size_t searched = session->input_start;

	for (;;) {
		char *start = session->input + session->input_start;
		char *newline = memchr(session->input + searched, '\n',
				       session->input_end - searched);
		ssize_t n;

		if (newline) {
			session->input_start = newline + 1 - session->input;
			*newline = '\0';
			*length = newline - start;
			return start;
		}
		if (!hold_answers)
			flush_answers();
		if (session->input_start > 0) {
			memmove(session->input, start, session->input_end - session->input_start);
			session->input_end -= session->input_start;
			session->input_start = 0;
		}
		searched = session->input_end;
		if (session->input_end == INPUT_SIZE)
			_exit(5);
		n = read(input_fd, session->input + session->input_end,
			 INPUT_SIZE - session->input_end);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return NULL;
		session->input_end += n;
	}
}

/* Words. */

struct word {
	const char *key;
	/* "" for an object; "[n]" for a list, whose items are the children. */
	const char *text;
	struct word *first, *last, *next;
};

/* Where the words of one line are. Pages that no line has needed cost nothing. */
static char words_arena[2 * INPUT_SIZE] __attribute__((aligned(16)));
static size_t words_used;

static void *words_alloc(size_t size)
{
	void *memory = words_arena + words_used;

	words_used += (size + 15) & ~(size_t)15;
	if (words_used > sizeof(words_arena))
		fail("a line of too many words");
	return memory;
}

static int hex_digit(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Decodes %XX in place. */
static void unescape(char *text)
{
	char *to = strchr(text, '%');

	if (!to)
		return;
	for (char *from = to; *from; from++) {
		if (*from == '%' && isxdigit(from[1]) && isxdigit(from[2])) {
			*to++ = hex_digit(from[1]) << 4 | hex_digit(from[2]);
			from += 2;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

static struct word *word_child(struct word *parent, const char *key)
{
	struct word *child;

	/* Words come depth first: what is asked for is the last child, or new. */
	if (parent->last && !strcmp(parent->last->key, key))
		return parent->last;
	child = words_alloc(sizeof(*child));
	*child = (struct word){ .key = key, .text = "" };
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	return child;
}

/* Reads a line's words. They live until the next line is read. */
PROBE_API const struct word *parse_words(const char *line, size_t length)
{
	struct word *root;
	char *text, *word, *rest;

	words_used = 0;
	text = words_alloc(length + 1);
	memcpy(text, line, length);
	text[length] = '\0';
	root = words_alloc(sizeof(*root));
	*root = (struct word){ .key = "", .text = "" };
	for (word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		struct word *at = root;
		char *key = word, *value = strchr(word, '='), *dot;

		if (!value)
			fail("expected key=value, got %s", word);
		*value++ = '\0';
		for (; (dot = strchr(key, '.')); key = dot + 1) {
			*dot = '\0';
			unescape(key);
			at = word_child(at, key);
		}
		unescape(key);
		at = word_child(at, key);
		if (*value == '\'')
			value++;
		unescape(value);
		at->text = value;
	}
	return root;
}

/* A field of an object, or NULL. */
PROBE_API const struct word *get(const struct word *object, const char *key)
{
	for (const struct word *child = object->first; child; child = child->next)
		if (!strcmp(child->key, key))
			return child;
	return NULL;
}

PROBE_API const struct word *need(const struct word *object, const char *key)
{
	const struct word *child = get(object, key);

	if (!child)
		fail("%s: expected a value, got nothing", key);
	return child;
}

PROBE_API const char *text_of(const struct word *object, const char *key)
{
	return need(object, key)->text;
}

/* A number as JSON has it, or a 0x string. */
PROBE_API int64_t number_of(const struct word *object, const char *key)
{
	const char *text = text_of(object, key);
	char *end;
	int64_t value;

	value = *text == '-' ? strtoll(text, &end, 0) : (int64_t)strtoull(text, &end, 0);
	if (!*text || *end)
		fail("%s: expected a number, got %s", key, text);
	return value;
}

PROBE_API bool is_true(const struct word *object, const char *key)
{
	const struct word *child = get(object, key);

	return child && !strcmp(child->text, "true");
}

/* An octal mode. */
PROBE_API mode_t mode_of(const struct word *object, const char *key)
{
	return strtoul(text_of(object, key), NULL, 8);
}

PROBE_API size_t count_of(const struct word *list)
{
	size_t count = 0;

	for (const struct word *item = list ? list->first : NULL; item; item = item->next)
		count++;
	return count;
}

struct named_bit {
	const char *name;
	uint64_t bit;
};

/* The union of a list of names. `table` ends with a NULL name. */
PROBE_API uint64_t bits_of(const struct word *list, const struct named_bit *table)
{
	uint64_t bits = 0;

	for (const struct word *item = list ? list->first : NULL; item; item = item->next) {
		const struct named_bit *at = table;

		while (at->name && strcmp(at->name, item->text))
			at++;
		if (!at->name)
			fail("expected a known flag, got %s", item->text);
		bits |= at->bit;
	}
	return bits;
}

/* The kernel's log and its taint. */

static bool is_complaint(const char *message)
{
	static const char *const marks[] = {
		"WARNING:", "BUG:", "Oops", "kernel BUG at", "INFO: rcu_", "INFO: task ", "UBSAN:",
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (strstr(message, marks[i]))
			return true;
	return false;
}

static uint64_t read_taint(void)
{
	char text[32] = "";

	if (taint_fd < 0 || pread(taint_fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	return strtoull(text, NULL, 10);
}

/* Appends what the kernel has complained of since the last time: a list. */
static void say_complaints(void)
{
	const char *separator = "";
	uint64_t taint = read_taint() & COMPLAINTS;
	char record[8192];
	ssize_t n;

	say("[");
	/* EPIPE: records were overwritten unread; the next read goes on behind them. */
	while (kmsg_fd >= 0 &&
	       ((n = read(kmsg_fd, record, sizeof(record) - 1)) > 0 || (n < 0 && errno == EPIPE))) {
		char *message;

		if (n < 0)
			continue;
		record[n] = '\0';
		message = strchr(record, ';');
		if (!message || !is_complaint(message))
			continue;
		message[strcspn(message, "\n")] = '\0';
		say("%s", separator);
		say_string(message + 1);
		separator = ",";
	}
	if (taint & ~first_taint) {
		say("%s\"the kernel is tainted: 0x%llx, before 0x%llx\"", separator,
		    (unsigned long long)taint, (unsigned long long)first_taint);
		first_taint = taint;
	}
	say("]");
}

/* Cases. */

/* A case, in a child of init: reads lines up to its end. */
static __attribute__((noreturn)) void run_case(const struct probe *probe, const char *line,
					       size_t length)
{
	char verb[8];
	long id;
	int words;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	hold_answers = probe->whole_cases && preloaded;
	probe->world(parse_words(line, length));
	say("{\"case\":%ld,\"ready\":true}", current_case);
	end_answer();
	for (;;) {
		if (session->output_end > OUTPUT_ENOUGH && !hold_answers)
			flush_answers();
		session->deadline = 0;
		line = next_line(&length);
		if (!line)
			_exit(0);
		session->deadline = now_ms() + watchdog_ms;
		if (sscanf(line, "%7s %ld %n", verb, &id, &words) < 2 || id != current_case)
			fail("expected a line of case %ld, got %.60s", current_case, line);
		if (!strcmp(verb, "end")) {
			/* Init answers, when every process is gone. */
			say("{\"case\":%ld,\"end\":true,\"complaints\":", current_case);
			_exit(0);
		}
		if (strcmp(verb, "step"))
			fail("expected a step or an end, got %.60s", line);
		say("{\"case\":%ld,\"outcome\":", current_case);
		line += words;
		length -= words;
		probe->step(parse_words(line, length), line, length);
		say("}");
		end_answer();
	}
}

/* Waits for the child of a case, at most until the deadline that it keeps moving. */
static const char *await_case(pid_t child, char *reason, size_t size)
{
	const struct timespec tick = { .tv_nsec = 50 * 1000 * 1000 };
	sigset_t sigchld;
	int status;

	sigemptyset(&sigchld);
	sigaddset(&sigchld, SIGCHLD);
	for (;;) {
		pid_t pid = waitpid(child, &status, WNOHANG);

		if (pid == child)
			break;
		if (session->deadline && now_ms() > session->deadline) {
			snprintf(reason, size, "hung: killed after %ld ms", watchdog_ms);
			return reason;
		}
		sigtimedwait(&sigchld, NULL, &tick);
	}
	if (WIFSIGNALED(status)) {
		snprintf(reason, size, "the probe's case died of signal %d", WTERMSIG(status));
		return reason;
	}
	if (WEXITSTATUS(status)) {
		snprintf(reason, size, "the probe's case died with status %d", WEXITSTATUS(status));
		return reason;
	}
	return NULL;
}

/* Ends every process of the namespace but init. */
static void kill_all(void)
{
	if (kill(-1, SIGKILL) == 0)
		while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
			;
}

static void supervise_case(const struct probe *probe, const char *line, size_t length)
{
	char buffer[128];
	const char *failure;
	size_t said;
	pid_t child;

	session->deadline = now_ms() + watchdog_ms;
	session->gave_up = false;
	child = fork();
	if (child < 0) {
		say("{\"case\":%ld,\"failure\":\"fork: %s\"}", current_case, strerror(errno));
		end_answer();
		return;
	}
	if (child == 0)
		run_case(probe, line, length);
	failure = await_case(child, buffer, sizeof(buffer));
	session->deadline = 0;
	kill_all();
	if (probe->restore)
		probe->restore();
	said = session->output_draft - session->output_end;
	if (failure) {
		drop_answer();
		say("{\"case\":%ld,\"failure\":\"%s\"}", current_case, failure);
		end_answer();
	} else if (said > 0) {
		say_complaints();
		say("}");
		end_answer();
	}
}

/* Init's loop: one child a case; lines of a case that has ended early are passed over. */
static void serve(const struct probe *probe)
{
	size_t length;
	char *line;

	while ((line = next_line(&length))) {
		char verb[8];
		int words;

		if (sscanf(line, "%7s %ld %n", verb, &current_case, &words) == 2 &&
		    !strcmp(verb, "world"))
			supervise_case(probe, line + words, length - words);
		if (session->output_end > OUTPUT_ENOUGH)
			flush_answers();
	}
	flush_answers();
}

/* Starting up. */

static __attribute__((noreturn, format(printf, 2, 3))) void unavailable(const struct probe *probe,
									const char *format, ...)
{
	char reason[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	drop_answer();
	say("{\"hello\":\"%s\",\"protocol\":%d,\"unavailable\":", probe->name, PROTOCOL_VERSION);
	say_string(reason);
	say("}");
	end_answer();
	flush_answers();
	_exit(0);
}

/* The value behind "name : " in /proc/cpuinfo and its like; "" where there is none. */
static void read_field(const char *path, const char *name, char *value, size_t size)
{
	char line[512];
	FILE *file = fopen(path, "re");

	value[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, name, strlen(name)) || !colon)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(value, size, "%s", colon + 1 + strspn(colon + 1, " \t"));
		break;
	}
	if (file)
		fclose(file);
}

/* The active security modules, by a securityfs that nobody else sees. */
static void read_lsms(char *lsms, size_t size)
{
	ssize_t n = -1;
	int fd;

	mkdir("/securityfs", 0700);
	if (mount("securityfs", "/securityfs", "securityfs", 0, NULL) == 0) {
		fd = open("/securityfs/lsm", O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, lsms, size - 1);
		close(fd);
		umount("/securityfs");
	}
	rmdir("/securityfs");
	lsms[n < 0 ? 0 : n] = '\0';
}

static void say_hello(const struct probe *probe)
{
	struct utsname host;
	char cpu[256], lsms[256], kernel[256];

	uname(&host);
	read_field("/proc/cpuinfo", "model name", cpu, sizeof(cpu));
	read_lsms(lsms, sizeof(lsms));
	snprintf(kernel, sizeof(kernel), "%s %s", host.release, host.version);
	say("{\"hello\":\"%s\",\"protocol\":%d,\"release\":", probe->name, PROTOCOL_VERSION);
	say_string(host.release);
	say(",\"kernel\":");
	say_string(kernel);
	say(",\"machine\":");
	say_string(host.machine);
	say(",\"cpu\":");
	say_string(cpu);
	say(",\"lsm\":");
	say_string(lsms);
	if (probe->describe)
		probe->describe();
	say("}");
	end_answer();
	flush_answers();
}

/*
 * Makes an empty tmpfs the root of this mount namespace, with /proc on it, and loses the host's
 * tree. On rootfs, which pivot_root(2) refuses, the tmpfs is moved over it as switch_root(8) does.
 */
static const char *own_root(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return "mount(MS_PRIVATE)";
	if (mount("tmpfs", "/proc", "tmpfs", 0, "mode=0755") || chdir("/proc"))
		return "mount(tmpfs)";
	if (syscall(SYS_pivot_root, ".", ".") == 0) {
		if (umount2(".", MNT_DETACH))
			return "umount2(MNT_DETACH)";
	} else if (mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".")) {
		return "mount(MS_MOVE)";
	}
	if (chdir("/") || mkdir("/proc", 0755) || mount("proc", "/proc", "proc", 0, NULL))
		return "mount(proc)";
	return NULL;
}

static void move_own_fd(int *fd)
{
	int moved = *fd < 0 ? -1 : fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_OWN_FD);

	if (*fd >= 0)
		close(*fd);
	*fd = moved;
}

/* Init of the namespaces, or of a machine. */
static __attribute__((noreturn)) void run_init(const struct probe *probe)
{
	const struct rlimit no_core = { 1, 1 };
	const char *problem;
	sigset_t sigchld;
	/* Grown before any limit on it is lowered. */
	volatile char stack[512 << 10];

	for (size_t i = 0; i < sizeof(stack); i += 4096)
		stack[i] = 0;
	sigemptyset(&sigchld);
	sigaddset(&sigchld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &sigchld, NULL);
	umask(0);
	/* One byte: no core file, and (fs/coredump.c) no core handler either. */
	setrlimit(RLIMIT_CORE, &no_core);
	kmsg_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg_fd >= 0)
		lseek(kmsg_fd, 0, SEEK_END);
	problem = own_root();
	if (problem)
		unavailable(probe, "%s: %s (CAP_SYS_ADMIN, a seccomp filter, or a security module)",
			    problem, strerror(errno));
	taint_fd = open("/proc/sys/kernel/tainted", O_RDONLY | O_CLOEXEC);
	proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	move_own_fd(&input_fd);
	move_own_fd(&output_fd);
	move_own_fd(&kmsg_fd);
	move_own_fd(&taint_fd);
	move_own_fd(&proc_fd);
	syscall(SYS_close_range, 0, FIRST_OWN_FD - 1, 0);
	first_taint = read_taint() & COMPLAINTS;
	say_hello(probe);
	serve(probe);
	if (booted) {
		tcdrain(output_fd);
		reboot(RB_POWER_OFF);
	}
	_exit(0);
}

/*
 * A kernel booted into this program: answers go out over the second serial port, the first is the
 * console; lines come from /cases where the initramfs has it, else over the same port.
 */
static void take_machine(void)
{
	struct termios raw;

	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	output_fd = open("/dev/ttyS1", O_RDWR | O_NOCTTY);
	if (output_fd < 0 || tcgetattr(output_fd, &raw)) {
		printf("probe: /dev/ttyS1: %s (CONFIG_SERIAL_8250)\n", strerror(errno));
		reboot(RB_POWER_OFF);
	}
	cfmakeraw(&raw);
	cfsetspeed(&raw, B115200);
	tcsetattr(output_fd, TCSANOW, &raw);
	input_fd = open("/cases", O_RDONLY);
	preloaded = input_fd >= 0;
	if (!preloaded)
		input_fd = dup(output_fd);
}

/* Starts init in namespaces of its own and waits for it. */
static int start_init(const struct probe *probe)
{
	int status;
	long pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (probe->survey)
		probe->survey();
	pid = syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, 0);
	if (pid < 0 && errno == EPERM)
		unavailable(probe, "root (CAP_SYS_ADMIN)");
	if (pid < 0 && errno == ENOSPC)
		unavailable(probe, "sysctl user.max_pid_namespaces or user.max_mnt_namespaces");
	if (pid < 0)
		unavailable(probe, "CONFIG_PID_NS: clone: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run_init(probe);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Removes the program's own file and the folder that was made for it. */
static void remove_self(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return;
	path[n] = '\0';
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
}

/* Becomes another program that dies with the parent of this one. */
static __attribute__((noreturn)) void die_with_parent(char **command)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(command[0], command);
	fprintf(stderr, "%s: %s\n", command[0], strerror(errno));
	_exit(127);
}

PROBE_API int probe_main(int argc, char **argv, const struct probe *probe)
{
	input_fd = STDIN_FILENO;
	output_fd = STDOUT_FILENO;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--die-with-parent") && i + 1 < argc)
			die_with_parent(argv + i + 1);
		else if (!strcmp(argv[i], "--boot"))
			booted = true;
		else if (!strcmp(argv[i], "--remove-self"))
			remove_self();
		else if (!strncmp(argv[i], "--watchdog=", 11))
			watchdog_ms = atol(argv[i] + 11);
		else if (!strcmp(argv[i], "--version"))
			return printf("%s, protocol %d\n", probe->name, PROTOCOL_VERSION) < 0;
	}
	session = mmap(NULL, sizeof(*session), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (session == MAP_FAILED)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	if (!booted)
		return start_init(probe);
	take_machine();
	run_init(probe);
}

#endif
