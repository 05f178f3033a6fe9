/* SPDX-License-Identifier: MIT */
/*
 * The probe of the model mm: has a process whose address space nobody but the operations touches,
 * and executes the operations of packages/mm/src/operation.ts in it.
 *
 * That process is the subject: a program of one page of machine code without a stack, a heap or a
 * library, which this file assembles and writes as an ELF file, once for x86-64 and once for i386.
 * It reads a system call from a pipe, makes it, writes what came of it, and so on. The case (see
 * probe.h) is its parent, and all that needs memory happens there: it translates operations, and
 * reads /proc/PID/smaps and status, which leaves the subject's address space alone.
 *
 * A read fault is asked for by write(2) from the address into a pipe, a write fault by read(2) from
 * /dev/zero into it: what would be a signal is EFAULT then. Memory stays bounded: a subject that
 * takes more than SUBJECT_MOST_BYTES is killed, and it is the first that an OOM killer takes.
 */
#include "probe.h"
#include <linux/capability.h>
#include <sys/personality.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>

/* Newer than the headers of a distribution may be. Origin: include/uapi/linux/prctl.h, Linux 6.4. */
#define KM_PR_SET_MDWE 65
#define KM_PR_MDWE_REFUSE_EXEC_GAIN 1
#define KM_PR_SET_MEMORY_MERGE 67

/* The subject. */

/* Its code, its data, and the end of its bss, where the heap begins. */
#define SUBJECT_TEXT 0x400000
#define SUBJECT_CODE 0x400200
#define SUBJECT_DATA 0x401000
#define SUBJECT_DATA_SIZE 0x800
#define SUBJECT_END 0x404000
#define REQUEST 0x401100
#define REPLY 0x401300
/* What comes behind the calls of a request: structures that they point to. */
#define PAYLOAD_WORDS 8

/* The subject's descriptors; files are from FILE_FD on. */
#define REQUEST_FD 0
#define REPLY_FD 1
#define PIPE_FD 2
#define ZERO_FD 3
#define FILE_FD 10

/* What to do with the system calls of a request. */
#define KIND_CALL 0
/* A fork whose child ends at once, and one whose child goes on in the place of its parent. */
#define KIND_FORK_PARENT 1
#define KIND_FORK_CHILD 2
/* Two system calls, one after the other, again and again, between two looks at the clock. */
#define KIND_PAIR 3

#define SUBJECT_MOST_BYTES (512l << 20)
#define SUBJECT_LOOK_MS 5

/* A system call's number and arguments, as wide as the subject's registers. */
struct request64 {
	uint64_t kind, count, calls[2][7], payload[PAYLOAD_WORDS];
};
struct reply64 {
	int64_t results[2], started[2], ended[2];
};
struct request32 {
	uint32_t kind, count, calls[2][7];
	uint64_t payload[PAYLOAD_WORDS];
};
struct reply32 {
	int32_t results[2], started[2], ended[2];
};

_Static_assert(sizeof(struct request64) == 192 && sizeof(struct request32) == 128,
	       "the sizes that the programs below read");
_Static_assert(sizeof(struct reply64) == 48 && sizeof(struct reply32) == 24,
	       "the sizes that the programs below write");

#define TEXT(constant) TEXT_(constant)
#define TEXT_(constant) #constant
#define AT(base, offset) TEXT(base) "+" TEXT(offset)

/* Call `i` of the request, on x86-64: number, then rdi, rsi, rdx, r10, r8, r9. */
#define CALL64(i)                                                                                  \
	"	mov " AT(REQUEST, 16 + 56 * i) ", %rax\n"                                          \
	"	mov " AT(REQUEST, 24 + 56 * i) ", %rdi\n"                                          \
	"	mov " AT(REQUEST, 32 + 56 * i) ", %rsi\n"                                          \
	"	mov " AT(REQUEST, 40 + 56 * i) ", %rdx\n"                                          \
	"	mov " AT(REQUEST, 48 + 56 * i) ", %r10\n"                                          \
	"	mov " AT(REQUEST, 56 + 56 * i) ", %r8\n"                                           \
	"	mov " AT(REQUEST, 64 + 56 * i) ", %r9\n"                                           \
	"	syscall\n"                                                                         \
	"	mov %rax, " AT(REPLY, 8 * i) "\n"

#define CLOCK64(offset)                                                                            \
	"	mov $228, %eax\n" /* clock_gettime(CLOCK_MONOTONIC, ...) */                        \
	"	mov $1, %edi\n"                                                                    \
	"	mov $" AT(REPLY, offset) ", %esi\n"                                                \
	"	syscall\n"

__asm__(".pushsection .rodata\n"
	"subject64_begin:\n"
	"next64:\n"
	"	xor %eax, %eax\n" /* read */
	"	xor %edi, %edi\n"
	"	mov $" TEXT(REQUEST) ", %esi\n"
	"	mov $192, %edx\n"
	"	syscall\n"
	"	cmp $192, %rax\n"
	"	jne exit64\n"
	"	mov " AT(REQUEST, 0) ", %rbx\n"
	"	mov " AT(REQUEST, 8) ", %r12\n"
	"	cmp $" TEXT(KIND_PAIR) ", %rbx\n"
	"	jne call64\n"
	CLOCK64(16)
	"call64:\n"
	CALL64(0)
	"	cmp $" TEXT(KIND_CALL) ", %rbx\n"
	"	je reply64\n"
	"	cmp $" TEXT(KIND_FORK_PARENT) ", %rbx\n"
	"	je fork_parent64\n"
	"	cmp $" TEXT(KIND_FORK_CHILD) ", %rbx\n"
	"	je fork_child64\n"
	CALL64(1)
	"	dec %r12\n"
	"	jnz call64\n"
	CLOCK64(32)
	"reply64:\n"
	"	mov $1, %eax\n" /* write */
	"	mov $1, %edi\n"
	"	mov $" TEXT(REPLY) ", %esi\n"
	"	mov $48, %edx\n"
	"	syscall\n"
	"	jmp next64\n"
	"fork_parent64:\n"
	"	test %rax, %rax\n"
	"	js reply64\n"
	"	jz exit64\n"
	"	call64_wait:\n"
	"	mov %rax, %rdi\n"
	"	mov $61, %eax\n" /* wait4 */
	"	xor %esi, %esi\n"
	"	xor %edx, %edx\n"
	"	xor %r10d, %r10d\n"
	"	syscall\n"
	"	cmp $" TEXT(KIND_FORK_PARENT) ", %rbx\n"
	"	je reply64\n"
	"exit64:\n"
	"	mov $231, %eax\n" /* exit_group */
	"	xor %edi, %edi\n"
	"	syscall\n"
	"fork_child64:\n"
	"	test %rax, %rax\n"
	"	js reply64\n"
	"	jnz call64_wait\n"
	"	mov $39, %eax\n" /* getpid */
	"	syscall\n"
	"	mov %rax, " AT(REPLY, 0) "\n"
	"	jmp reply64\n"
	"subject64_end:\n"
	".popsection\n");

/* Call `i` of the request, on i386: number, then ebx, ecx, edx, esi, edi, ebp. */
#define CALL32(i)                                                                                  \
	"	mov " AT(REQUEST, 8 + 28 * i) ", %eax\n"                                           \
	"	mov " AT(REQUEST, 12 + 28 * i) ", %ebx\n"                                          \
	"	mov " AT(REQUEST, 16 + 28 * i) ", %ecx\n"                                          \
	"	mov " AT(REQUEST, 20 + 28 * i) ", %edx\n"                                          \
	"	mov " AT(REQUEST, 24 + 28 * i) ", %esi\n"                                          \
	"	mov " AT(REQUEST, 28 + 28 * i) ", %edi\n"                                          \
	"	mov " AT(REQUEST, 32 + 28 * i) ", %ebp\n"                                          \
	"	int $0x80\n"                                                                       \
	"	mov %eax, " AT(REPLY, 4 * i) "\n"

#define CLOCK32(offset)                                                                            \
	"	mov $265, %eax\n" /* clock_gettime, of 32-bit seconds: since boot they fit */      \
	"	mov $1, %ebx\n"                                                                    \
	"	mov $" AT(REPLY, offset) ", %ecx\n"                                                \
	"	int $0x80\n"

__asm__(".pushsection .rodata\n"
	".code32\n"
	"subject32_begin:\n"
	"next32:\n"
	"	mov $3, %eax\n" /* read */
	"	xor %ebx, %ebx\n"
	"	mov $" TEXT(REQUEST) ", %ecx\n"
	"	mov $128, %edx\n"
	"	int $0x80\n"
	"	cmp $128, %eax\n"
	"	jne exit32\n"
	"	cmpl $" TEXT(KIND_PAIR) ", " AT(REQUEST, 0) "\n"
	"	jne call32\n"
	CLOCK32(8)
	"call32:\n"
	CALL32(0)
	"	cmpl $" TEXT(KIND_CALL) ", " AT(REQUEST, 0) "\n"
	"	je reply32\n"
	"	cmpl $" TEXT(KIND_FORK_PARENT) ", " AT(REQUEST, 0) "\n"
	"	je fork_parent32\n"
	"	cmpl $" TEXT(KIND_FORK_CHILD) ", " AT(REQUEST, 0) "\n"
	"	je fork_child32\n"
	CALL32(1)
	"	decl " AT(REQUEST, 4) "\n"
	"	jnz call32\n"
	CLOCK32(16)
	"reply32:\n"
	"	mov $4, %eax\n" /* write */
	"	mov $1, %ebx\n"
	"	mov $" TEXT(REPLY) ", %ecx\n"
	"	mov $24, %edx\n"
	"	int $0x80\n"
	"	jmp next32\n"
	"fork_parent32:\n"
	"	test %eax, %eax\n"
	"	js reply32\n"
	"	jz exit32\n"
	"call32_wait:\n"
	"	mov %eax, %ebx\n"
	"	mov $114, %eax\n" /* wait4 */
	"	xor %ecx, %ecx\n"
	"	xor %edx, %edx\n"
	"	xor %esi, %esi\n"
	"	int $0x80\n"
	"	cmpl $" TEXT(KIND_FORK_PARENT) ", " AT(REQUEST, 0) "\n"
	"	je reply32\n"
	"exit32:\n"
	"	mov $252, %eax\n" /* exit_group */
	"	xor %ebx, %ebx\n"
	"	int $0x80\n"
	"fork_child32:\n"
	"	test %eax, %eax\n"
	"	js reply32\n"
	"	jnz call32_wait\n"
	"	mov $20, %eax\n" /* getpid */
	"	int $0x80\n"
	"	mov %eax, " AT(REPLY, 0) "\n"
	"	jmp reply32\n"
	"subject32_end:\n"
	".code64\n"
	".popsection\n");

extern const char subject64_begin[], subject64_end[], subject32_begin[], subject32_end[];

/* What of the two ABIs differs. The numbers are those of system calls. */
struct abi {
	const char *name;
	const char *path;
	const char *code, *code_end;
	bool wide;
	struct {
		uint16_t read, write, brk, mmap, munmap, mprotect, mremap, madvise, mlock, munlock,
			mlockall, munlockall, mlock2, mseal, mbind, fork, prlimit64, capset, prctl,
			getpid;
	} nr;
};

/* Origin: arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl, Linux 6.18. */
static const struct abi abis[] = {
	{ "x86-64", "/subject-64", subject64_begin, subject64_end, true,
	  { .read = 0, .write = 1, .brk = 12, .mmap = 9, .munmap = 11, .mprotect = 10,
	    .mremap = 25, .madvise = 28, .mlock = 149, .munlock = 150, .mlockall = 151,
	    .munlockall = 152, .mlock2 = 325, .mseal = 462, .mbind = 237, .fork = 57,
	    .prlimit64 = 302, .capset = 126, .prctl = 157, .getpid = 39 } },
	{ "i386", "/subject-32", subject32_begin, subject32_end, false,
	  { .read = 3, .write = 4, .brk = 45, .mmap = 192, .munmap = 91, .mprotect = 125,
	    .mremap = 163, .madvise = 219, .mlock = 150, .munlock = 151, .mlockall = 152,
	    .munlockall = 153, .mlock2 = 376, .mseal = 462, .mbind = 274, .fork = 2,
	    .prlimit64 = 340, .capset = 185, .prctl = 172, .getpid = 20 } },
};

static const struct abi *abi_named(const char *name)
{
	for (size_t i = 0; i < sizeof(abis) / sizeof(abis[0]); i++)
		if (!strcmp(abis[i].name, name))
			return &abis[i];
	return NULL;
}

struct __attribute__((packed)) elf64 {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
	struct __attribute__((packed)) {
		uint32_t type, flags;
		uint64_t offset, vaddr, paddr, filesz, memsz, align;
	} segments[3];
};

struct __attribute__((packed)) elf32 {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version, entry, phoff, shoff, flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
	struct __attribute__((packed)) {
		uint32_t type, offset, vaddr, paddr, filesz, memsz, flags, align;
	} segments[3];
};

/*
 * The headers of a program of one class: text, data with bss, and a stack that is not executable.
 * Origin: ELF-64 Object File Format 1.5, figures 2, 6 and 7; System V ABI i386, chapters 4 and 5.
 */
#define ELF_HEADERS(class_, machine_)                                                              \
	{                                                                                          \
		.ident = { 0x7f, 'E', 'L', 'F', class_, 1, 1 }, .type = 2, .machine = machine_,    \
		.version = 1, .entry = SUBJECT_CODE, .ehsize = class_ == 2 ? 64 : 52,              \
		.phoff = class_ == 2 ? 64 : 52, .phentsize = class_ == 2 ? 56 : 32, .phnum = 3,    \
		.segments = {                                                                      \
			{ .type = 1, .flags = 5, .offset = 0, .vaddr = SUBJECT_TEXT,               \
			  .filesz = 0x1000, .memsz = 0x1000, .align = 0x1000 },                    \
			{ .type = 1, .flags = 6, .offset = 0x1000, .vaddr = SUBJECT_DATA,          \
			  .filesz = SUBJECT_DATA_SIZE, .memsz = SUBJECT_END - SUBJECT_DATA,        \
			  .align = 0x1000 },                                                       \
			{ .type = 0x6474e551, .flags = 6, .align = 16 },                           \
		},                                                                                 \
	}

/* Writes the program of an ABI where init's root is. */
static bool write_subject(const struct abi *abi)
{
	static const struct elf64 headers64 = ELF_HEADERS(2, 62);
	static const struct elf32 headers32 = ELF_HEADERS(1, 3);
	static char file[0x2000];
	size_t code_size = abi->code_end - abi->code;
	int fd = open(abi->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	bool written;

	memset(file, 0, sizeof(file));
	if (abi->wide)
		memcpy(file, &headers64, sizeof(headers64));
	else
		memcpy(file, &headers32, sizeof(headers32));
	memcpy(file + SUBJECT_CODE - SUBJECT_TEXT, abi->code, code_size);
	written = fd >= 0 && write(fd, file, sizeof(file)) == sizeof(file);
	close(fd);
	return written;
}

/* Talking with the subject. */

struct subject {
	const struct abi *abi;
	bool bottom_up;
	pid_t pid;		/* of who is followed */
	pid_t child;		/* of who was started */
	int requests, replies, pipe;
};

struct call {
	uint64_t nr, arguments[6];
};

struct exchange {
	int64_t results[2];
	int64_t nanoseconds;
};

/* Why the subject does not answer any more; NULL: it does. */
static const char *lost_subject(const struct subject *subject)
{
	static char reason[96];
	int status;

	if (waitpid(subject->child, &status, 0) != subject->child)
		return "the subject is gone";
	if (WIFSIGNALED(status))
		snprintf(reason, sizeof(reason), "the subject died of signal %d", WTERMSIG(status));
	else
		snprintf(reason, sizeof(reason), "the subject ended with status %d",
			 WEXITSTATUS(status));
	return reason;
}

static long resident_bytes(pid_t pid)
{
	char path[40], text[64] = "";
	long pages = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		sscanf(text, "%*d %ld", &pages);
	close(fd);
	return pages * 4096;
}

/* Reads a reply of `size` bytes, and watches what the subject takes meanwhile. */
static const char *await_reply(struct subject *subject, void *reply, size_t size)
{
	struct pollfd readable = { .fd = subject->replies, .events = POLLIN };
	ssize_t n;

	while (poll(&readable, 1, SUBJECT_LOOK_MS) == 0) {
		if (resident_bytes(subject->pid) <= SUBJECT_MOST_BYTES)
			continue;
		kill(subject->pid, SIGKILL);
		return "the operation takes more memory than the probe allows";
	}
	n = read(subject->replies, reply, size);
	return n == (ssize_t)size ? NULL : lost_subject(subject);
}

/* Sends a request and takes its reply. */
static const char *exchange(struct subject *subject, int kind, uint32_t count,
			    const struct call calls[2], const uint64_t payload[PAYLOAD_WORDS],
			    struct exchange *answer)
{
	struct request64 wide = { .kind = kind, .count = count };
	struct request32 narrow = { .kind = kind, .count = count };
	struct reply64 reply;
	struct reply32 narrow_reply;
	const char *problem;
	bool is_wide = subject->abi->wide;
	size_t size = is_wide ? sizeof(wide) : sizeof(narrow);

	for (int i = 0; i < 2; i++) {
		wide.calls[i][0] = calls[i].nr;
		narrow.calls[i][0] = calls[i].nr;
		for (int j = 0; j < 6; j++) {
			wide.calls[i][j + 1] = calls[i].arguments[j];
			narrow.calls[i][j + 1] = calls[i].arguments[j];
		}
	}
	if (payload) {
		memcpy(wide.payload, payload, sizeof(wide.payload));
		memcpy(narrow.payload, payload, sizeof(narrow.payload));
	}
	if (write(subject->requests, is_wide ? (void *)&wide : &narrow, size) != (ssize_t)size)
		return lost_subject(subject);
	if (is_wide) {
		problem = await_reply(subject, &reply, sizeof(reply));
	} else {
		problem = await_reply(subject, &narrow_reply, sizeof(narrow_reply));
		for (int i = 0; i < 2; i++) {
			/* What is no errno is an address in the whole of 32 bits. */
			reply.results[i] = narrow_reply.results[i] > -4096 &&
							   narrow_reply.results[i] < 0 ?
						   narrow_reply.results[i] :
						   (int64_t)(uint32_t)narrow_reply.results[i];
			reply.started[i] = narrow_reply.started[i];
			reply.ended[i] = narrow_reply.ended[i];
		}
	}
	if (problem)
		return problem;
	memcpy(answer->results, reply.results, sizeof(answer->results));
	answer->nanoseconds = (reply.ended[0] - reply.started[0]) * 1000000000ll +
			      reply.ended[1] - reply.started[1];
	return NULL;
}

/* Makes one system call in the subject. A subject that is lost answers -ESRCH. */
static int64_t call_subject(struct subject *subject, uint16_t nr, uint64_t a, uint64_t b,
			    uint64_t c, uint64_t d)
{
	const struct call calls[2] = { { .nr = nr, .arguments = { a, b, c, d } } };
	struct exchange answer;

	return exchange(subject, KIND_CALL, 1, calls, NULL, &answer) ? -ESRCH : answer.results[0];
}

/* Starting a subject. */

#define MAX_FILES 8

struct request_of_world {
	const struct abi *abi;
	bool bottom_up;
	uint64_t capabilities;
	int files[MAX_FILES];
	size_t file_count;
};

/* A stack of another size would move everything below it. */
#define START_STACK (8 << 20)

/* What holds before the program starts, so that its layout does not depend on this host's user. */
static int start_limits(void)
{
	static const int unlimited[] = { RLIMIT_AS, RLIMIT_DATA };
	struct rlimit limit;

	for (size_t i = 0; i < sizeof(unlimited) / sizeof(unlimited[0]); i++) {
		getrlimit(unlimited[i], &limit);
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(unlimited[i], &limit))
			return errno;
	}
	getrlimit(RLIMIT_STACK, &limit);
	limit.rlim_cur = START_STACK;
	return setrlimit(RLIMIT_STACK, &limit) ? errno : 0;
}

/* Leaves the capabilities that a world names; nobody has more after the execve(2) to come. */
static void limit_capabilities(uint64_t wanted)
{
	for (int capability = 0; capability < 64; capability++)
		if (!(wanted >> capability & 1))
			prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

/* In the child: becomes the subject; ends with the errno of what failed. */
static __attribute__((noreturn)) void become_subject(const struct request_of_world *world,
						     const int descriptors[4])
{
	static char *const argv[] = { "subject", NULL }, *const envp[] = { NULL };
	int own[4 + MAX_FILES], count = 4 + world->file_count;
	int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (score < 0 || write(score, "1000", 4) != 4)
		_exit(EACCES);
	/* Out of the way first: a target may be a source of another. */
	for (int i = 0; i < count; i++)
		own[i] = fcntl(i < 4 ? descriptors[i] : world->files[i - 4], F_DUPFD, 200);
	for (int i = 0; i < count; i++)
		if (dup2(own[i], i < 4 ? i : FILE_FD + i - 4) < 0)
			_exit(errno);
	syscall(SYS_close_range, 4, FILE_FD - 1, 0);
	syscall(SYS_close_range, FILE_FD + world->file_count, ~0u, 0);
	if (start_limits())
		_exit(errno);
	if (personality(ADDR_NO_RANDOMIZE | (world->bottom_up ? ADDR_COMPAT_LAYOUT : 0)) < 0)
		_exit(errno);
	limit_capabilities(world->capabilities);
	execve(world->abi->path, argv, envp);
	_exit(errno);
}

static void end_subject(struct subject *subject)
{
	kill(subject->child, SIGKILL);
	waitpid(subject->child, NULL, 0);
	close(subject->requests);
	close(subject->replies);
	close(subject->pipe);
}

/* Starts a subject. */
static bool start_subject(const struct request_of_world *world, struct subject *subject)
{
	int requests[2], replies[2], scratch[2], zero;

	zero = open("/zero", O_RDONLY | O_CLOEXEC);
	if (zero < 0 || pipe2(requests, O_CLOEXEC) || pipe2(replies, O_CLOEXEC) ||
	    pipe2(scratch, O_CLOEXEC))
		return false;
	*subject = (struct subject){ .abi = world->abi, .bottom_up = world->bottom_up,
				     .requests = requests[1], .replies = replies[0],
				     .pipe = scratch[0], .pid = fork() };
	subject->child = subject->pid;
	if (subject->pid == 0)
		become_subject(world, (int[]){ requests[0], replies[1], scratch[1], zero });
	close(requests[0]);
	close(replies[1]);
	close(scratch[1]);
	close(zero);
	if (call_subject(subject, world->abi->nr.getpid, 0, 0, 0, 0) == subject->pid)
		return true;
	end_subject(subject);
	return false;
}

/* What /proc says. */

struct vma {
	uint64_t start, end, offset, inode;
	dev_t device;
	uint64_t anonymous;	/* kB */
	char perms[8], name[64], flags[128];
};

/* VmFlags without the soft-dirty bit, which says what was written and not what is mapped. */
static void read_flags(char *words, char *flags, size_t size)
{
	char *word, *rest;

	flags[0] = '\0';
	for (word = strtok_r(words, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
		size_t length = strlen(flags);

		if (strcmp(word, "sd"))
			snprintf(flags + length, size - length, "%s%s", length ? " " : "", word);
	}
}

/* Calls `visit` with each VMA of a process, in order, until it returns false. */
static bool for_each_vma(pid_t pid, bool (*visit)(const struct vma *, void *), void *argument)
{
	char path[40], line[512];
	struct vma vma;
	FILE *file;
	bool goes_on = true;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (goes_on && fgets(line, sizeof(line), file)) {
		unsigned long long start, end, offset, inode;
		unsigned int major, minor;
		int name = 0;

		if (sscanf(line, "%llx-%llx %7s %llx %x:%x %llu %n", &start, &end, vma.perms,
			   &offset, &major, &minor, &inode, &name) >= 7) {
			vma.start = start;
			vma.end = end;
			vma.offset = offset;
			vma.inode = inode;
			vma.device = makedev(major, minor);
			vma.anonymous = 0;
			line[strcspn(line, "\n")] = '\0';
			snprintf(vma.name, sizeof(vma.name), "%s", line + name);
		} else if (!strncmp(line, "Anonymous:", 10)) {
			vma.anonymous = strtoull(line + 10, NULL, 10);
		} else if (!strncmp(line, "VmFlags:", 8)) {
			read_flags(line + 8, vma.flags, sizeof(vma.flags));
			/* The page that stands in for old system calls is no VMA. */
			if (strcmp(vma.name, "[vsyscall]"))
				goes_on = visit(&vma, argument);
		}
	}
	fclose(file);
	return true;
}

/* A field of /proc/PID/stat, counted as proc(5) does. */
static uint64_t stat_field(pid_t pid, int number)
{
	char path[40], text[1024] = "", *at;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = '\0';
	close(fd);
	/* The name, field 2, may hold anything. */
	at = strrchr(text, ')');
	for (int field = 2; at && field < number; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

static uint64_t sysctl_number(const char *name)
{
	char path[80], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = '\0';
	close(fd);
	return strtoull(text, NULL, 10);
}

/* The layout that every subject of one ABI and one direction has at its start. */

#define MAX_START_VMAS 16

struct start {
	bool known;
	uint64_t start_data, end_data, start_brk, brk, start_stack;
	struct vma vmas[MAX_START_VMAS];
	size_t vma_count;
	/* Of the kernel, found out by trying: in a subject of its own. */
	uint64_t task_size, mmap_base, lsm_min_address, guard_gap;
};

static struct start starts[2][2];

static bool append_start_vma(const struct vma *vma, void *argument)
{
	struct start *start = argument;

	if (start->vma_count == MAX_START_VMAS)
		return false;
	start->vmas[start->vma_count++] = *vma;
	return true;
}

static void read_start(struct subject *subject, struct start *start)
{
	*start = (struct start){ .known = true };
	start->start_data = stat_field(subject->pid, 45);
	start->end_data = stat_field(subject->pid, 46);
	start->start_brk = stat_field(subject->pid, 47);
	start->start_stack = stat_field(subject->pid, 28);
	start->brk = call_subject(subject, subject->abi->nr.brk, 0, 0, 0, 0);
	for_each_vma(subject->pid, append_start_vma, start);
}

/* The field in which a subject differs from the one that was measured; NULL: in none. */
static const char *differing_field(const struct start *a, const struct start *b)
{
	static char field[32];

#define COMPARE(name) if (a->name != b->name) return #name
	COMPARE(start_data);
	COMPARE(end_data);
	COMPARE(start_brk);
	COMPARE(brk);
	COMPARE(start_stack);
	COMPARE(vma_count);
#undef COMPARE
	for (size_t i = 0; i < a->vma_count; i++) {
		const struct vma *x = &a->vmas[i], *y = &b->vmas[i];

		if (x->start == y->start && x->end == y->end && !strcmp(x->flags, y->flags) &&
		    !strcmp(x->name, y->name) && !x->anonymous == !y->anonymous)
			continue;
		snprintf(field, sizeof(field), "vmas[%zu]", i);
		return field;
	}
	return NULL;
}

#define ANONYMOUS_PAGES (MAP_PRIVATE | MAP_ANONYMOUS)

static int64_t map_pages(struct subject *subject, uint64_t address, uint64_t length, int flags)
{
	const struct abi *abi = subject->abi;
	struct call calls[2] = {
		{ abi->nr.mmap, { address, length, PROT_READ | PROT_WRITE, flags, -1, 0 } },
	};
	struct exchange answer;

	return exchange(subject, KIND_CALL, 1, calls, NULL, &answer) ? -ESRCH : answer.results[0];
}

/* The greatest of `low`, `low + step` ... up to `high` at which `holds`, which does at `low`. */
static uint64_t last_where(bool (*holds)(struct subject *, uint64_t), struct subject *subject,
			   uint64_t low, uint64_t high, uint64_t step)
{
	while (high - low >= step) {
		uint64_t middle = low + ((high - low) / step + 1) / 2 * step;

		if (holds(subject, middle))
			low = middle;
		else
			high = middle - step;
	}
	return low;
}

static bool can_unmap(struct subject *subject, uint64_t address)
{
	return call_subject(subject, subject->abi->nr.munmap, address, 4096, 0, 0) == 0;
}

/* Where the stack that is used to measure the guard gap begins: free in every layout. */
#define GROWING 0x30000000

/* Whether a page that ends `distance` below a growing VMA is too near to be placed there. */
static bool is_guarded(struct subject *subject, uint64_t distance)
{
	uint64_t hint = GROWING - distance - 4096;
	int64_t got = map_pages(subject, hint, 4096, ANONYMOUS_PAGES);

	if (got > 0)
		call_subject(subject, subject->abi->nr.munmap, got, 4096, 0, 0);
	return got != (int64_t)hint;
}

/*
 * Finds out what the kernel does not print. What is mapped is in the way, and what comes last ends
 * the subject's address space: it serves for nothing else.
 */
static void try_limits(struct subject *subject, struct start *start)
{
	uint16_t munmap = subject->abi->nr.munmap;
	uint64_t highest = subject->abi->wide ? 0xfffffffffffff000 >> 8 : 0xfffff000;
	int64_t placed;

	for (size_t i = 0; i < start->vma_count; i++)
		if (start->vmas[i].start > SUBJECT_END && strcmp(start->vmas[i].name, "[stack]"))
			call_subject(subject, munmap, start->vmas[i].start,
				     start->vmas[i].end - start->vmas[i].start, 0, 0);
	placed = map_pages(subject, 0, 4096, ANONYMOUS_PAGES);
	start->mmap_base = subject->bottom_up ? placed : placed + 4096;
	/* A hint below what is allowed is taken for the lowest that is. */
	placed = map_pages(subject, 4096, 4096, ANONYMOUS_PAGES);
	start->lsm_min_address = placed > 4096 && placed < SUBJECT_TEXT ? placed : 0;
	map_pages(subject, GROWING, 4096, ANONYMOUS_PAGES | MAP_FIXED | MAP_GROWSDOWN);
	start->guard_gap = is_guarded(subject, 0) ?
				   last_where(is_guarded, subject, 0, 1 << 28, 4096) + 4096 :
				   0;
	/* Below the heap nothing that the subject needs is at stake. */
	start->task_size = last_where(can_unmap, subject, SUBJECT_END, highest, 4096) + 4096;
}

/* The hello. */

static const struct {
	const char *name;
	int number;
} capabilities[] = {
	{ "CAP_IPC_LOCK", CAP_IPC_LOCK },
	{ "CAP_SYS_RAWIO", CAP_SYS_RAWIO },
	{ "CAP_SYS_RESOURCE", CAP_SYS_RESOURCE },
};

#define CAPABILITY_COUNT (sizeof(capabilities) / sizeof(capabilities[0]))

static void say_hex(const char *field, uint64_t value)
{
	say(",\"%s\":\"0x%llx\"", field, (unsigned long long)value);
}

/* What /proc calls a mapping, in the words of the model. */
static const char *name_of(const struct vma *vma, const struct request_of_world *world)
{
	static char name[24];
	struct stat file;

	if (vma->name[0] == '[')
		return vma->name;
	if (!strncmp(vma->name, "/subject-", 9))
		return "probe";
	for (size_t i = 0; i < world->file_count; i++) {
		if (fstat(world->files[i], &file) == 0 && file.st_ino == vma->inode &&
		    file.st_dev == vma->device) {
			snprintf(name, sizeof(name), "file:%zu", i);
			return name;
		}
	}
	return vma->name[0] ? "shmem" : "";
}

static void say_start(const struct start *start, const struct abi *abi, bool bottom_up,
		      const struct start *top, const struct start *bottom)
{
	const struct request_of_world no_files = { .file_count = 0 };
	struct sysinfo memory;
	uint64_t pages;

	sysinfo(&memory);
	pages = (memory.totalram + memory.totalswap) * memory.mem_unit / 4096;
	say("{\"abi\":\"%s\",\"layout\":\"%s\"", abi->name, bottom_up ? "bottom-up" : "top-down");
	say_hex("taskSize", start->task_size);
	say_hex("mmapBase", top->mmap_base);
	say_hex("mmapLegacyBase", bottom->mmap_base);
	say_hex("mmapMinAddr", sysctl_number("vm/mmap_min_addr"));
	say_hex("lsmMmapMinAddr", start->lsm_min_address);
	say_hex("stackGuardGap", start->guard_gap);
	say_hex("startData", start->start_data);
	say_hex("endData", start->end_data);
	say_hex("startBrk", start->start_brk);
	say_hex("brk", start->brk);
	say_hex("startStack", start->start_stack);
	say(",\"maxMapCount\":%llu,\"overcommit\":{\"mode\":%llu,\"totalPages\":%llu,"
	    "\"commitLimit\":%llu},\"vmas\":[",
	    (unsigned long long)sysctl_number("vm/max_map_count"),
	    (unsigned long long)sysctl_number("vm/overcommit_memory"), (unsigned long long)pages,
	    (unsigned long long)pages);
	for (size_t i = 0; i < start->vma_count; i++) {
		const struct vma *vma = &start->vmas[i];

		say("%s{\"start\":\"0x%llx\"", i ? "," : "", (unsigned long long)vma->start);
		say_hex("end", vma->end);
		say(",\"flags\":\"%s\"", vma->flags);
		say_hex("offset", vma->offset);
		say(",\"name\":\"%s\",\"faulted\":%s}", name_of(vma, &no_files),
		    vma->anonymous ? "true" : "false");
	}
	say("]}");
}

/* NUMA nodes with memory. */
static int numa_nodes(void)
{
	char line[256] = "", *last;
	FILE *file = fopen("/proc/self/status", "re");
	int highest = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "Mems_allowed_list:", 18))
			continue;
		/* `0-3` or `0`: memory of the nodes above the last is not allowed. */
		last = line + strcspn(line, "\n");
		while (last > line && isdigit(last[-1]))
			last--;
		highest = atoi(last);
	}
	if (file)
		fclose(file);
	return highest + 1;
}

/* Whether memory that may only be executed cannot be read: then it gets a protection key. */
static bool has_protection_keys(void)
{
	char line[4096];
	FILE *file = fopen("/proc/cpuinfo", "re");
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = !strncmp(line, "flags", 5) && strstr(line, " ospke");
	if (file)
		fclose(file);
	return found;
}

/* Measures a subject of each kind, in processes that are gone before the first case. */
static void measure_starts(void)
{
	for (size_t i = 0; i < 2; i++) {
		for (int bottom_up = 0; bottom_up < 2; bottom_up++) {
			struct request_of_world world = { .abi = &abis[i],
							  .bottom_up = bottom_up,
							  .capabilities = 1ull << CAP_SYS_RAWIO };
			struct subject subject;

			if (!start_subject(&world, &subject))
				continue;
			read_start(&subject, &starts[i][bottom_up]);
			try_limits(&subject, &starts[i][bottom_up]);
			end_subject(&subject);
		}
	}
}

static void describe(void)
{
	const char *separator = "";

	mknod("/zero", S_IFCHR | 0600, makedev(1, 5));
	for (size_t i = 0; i < 2; i++)
		write_subject(&abis[i]);
	measure_starts();
	say(",\"starts\":[");
	for (size_t i = 0; i < 2; i++) {
		if (!starts[i][0].known || !starts[i][1].known)
			continue;
		for (int bottom_up = 0; bottom_up < 2; bottom_up++) {
			say("%s", separator);
			say_start(&starts[i][bottom_up], &abis[i], bottom_up, &starts[i][0],
				  &starts[i][1]);
			separator = ",";
		}
	}
	say("],\"numaNodes\":%d,\"protectionKeys\":%s,\"capabilities\":[", numa_nodes(),
	    has_protection_keys() ? "true" : "false");
	separator = "";
	for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
		if (prctl(PR_CAPBSET_READ, capabilities[i].number, 0, 0, 0) != 1)
			continue;
		say("%s\"%s\"", separator, capabilities[i].name);
		separator = ",";
	}
	say("]");
}

/* A world. */

static struct request_of_world world;
static struct subject subject;
static uint64_t held_capabilities;

static const struct named_bit capability_names[] = {
	{ "CAP_IPC_LOCK", 1ull << CAP_IPC_LOCK },
	{ "CAP_SYS_RAWIO", 1ull << CAP_SYS_RAWIO },
	{ "CAP_SYS_RESOURCE", 1ull << CAP_SYS_RESOURCE },
	{ NULL, 0 },
};

static const struct {
	const char *name;
	int resource;
} resources[] = {
	{ "AS", RLIMIT_AS }, { "DATA", RLIMIT_DATA }, { "STACK", RLIMIT_STACK },
	{ "MEMLOCK", RLIMIT_MEMLOCK },
};

/* Opens the world's files: one on the probe's own tmpfs for each inode, and then it has no name. */
static void open_files(const struct word *files)
{
	char path[32];

	for (const struct word *file = files->first; file; file = file->next) {
		const char *access = text_of(file, "access");
		int mode = !strcmp(access, "r") ? O_RDONLY : !strcmp(access, "w") ? O_WRONLY : O_RDWR;
		int fd;

		if (world.file_count == MAX_FILES)
			fail("files: expected at most %d, got more", MAX_FILES);
		snprintf(path, sizeof(path), "/file-%lld", (long long)number_of(file, "inode"));
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || ftruncate(fd, number_of(file, "pages") * 4096))
			fail("%s: %s", path, strerror(errno));
		close(fd);
		fd = open(path, mode | O_CLOEXEC);
		if (fd < 0)
			fail("%s: %s", path, strerror(errno));
		world.files[world.file_count++] = fd;
	}
	for (const struct word *file = files->first; file; file = file->next) {
		snprintf(path, sizeof(path), "/file-%lld", (long long)number_of(file, "inode"));
		unlink(path);
	}
}

static void limit_subject(const struct word *limits)
{
	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
		const struct word *limit = need(limits, resources[i].name);
		struct rlimit both = { number_of(limit, "soft"), number_of(limit, "hard") };

		if (prlimit(subject.pid, resources[i].resource, &both, NULL) == 0)
			continue;
		if (errno == EPERM)
			lacks("CAP_SYS_RESOURCE, or a higher limit RLIMIT_%s", resources[i].name);
		fail("limits.%s: %s", resources[i].name, strerror(errno));
	}
}

static void build_world(const struct word *setup)
{
	const struct start *expected;
	struct start start;
	const char *field;

	world.abi = abi_named(text_of(setup, "abi"));
	if (!world.abi)
		lacks("a process of the ABI %s", text_of(setup, "abi"));
	world.bottom_up = !strcmp(text_of(setup, "layout"), "bottom-up");
	world.capabilities = held_capabilities =
		bits_of(get(setup, "capabilities"), capability_names);
	expected = &starts[world.abi - abis][world.bottom_up];
	if (!expected->known)
		lacks("CONFIG_IA32_EMULATION");
	open_files(need(setup, "files"));
	if (!start_subject(&world, &subject))
		fail("the subject did not start");
	read_start(&subject, &start);
	field = differing_field(&start, expected);
	if (field)
		fail("the subject has another layout than the one before: %s", field);
	limit_subject(need(setup, "limits"));
}

/* Outcomes. */

static const char *errno_name(int error)
{
	switch (error) {
#define NAME(name) case name: return #name
	NAME(EPERM); NAME(ENOENT); NAME(EINTR); NAME(EIO); NAME(E2BIG); NAME(EBADF); NAME(EAGAIN);
	NAME(ENOMEM); NAME(EACCES); NAME(EFAULT); NAME(EBUSY); NAME(EEXIST); NAME(ENODEV);
	NAME(EINVAL); NAME(ENFILE); NAME(ETXTBSY); NAME(EOVERFLOW); NAME(ENOSYS);
	NAME(EOPNOTSUPP);
#undef NAME
	default:
		fail("the kernel answered errno %d", error);
	}
}

/* What a system call returned: an errno, or a value, which for most calls means nothing. */
static void say_result(int64_t result, bool has_value)
{
	if (result < 0 && result > -4096)
		say("{\"kind\":\"errno\",\"errno\":\"%s\"}", errno_name(-result));
	else
		say("{\"kind\":\"value\",\"value\":\"0x%llx\"}",
		    has_value ? (unsigned long long)result : 0ull);
}

struct vma_list {
	const char *separator;
	size_t count;
};

#define MOST_LISTED 4000

static bool say_vma(const struct vma *vma, void *argument)
{
	struct vma_list *list = argument;

	if (list->count++ == MOST_LISTED)
		fail("smaps: expected at most %d VMAs, got more", MOST_LISTED);
	say("%s{\"start\":\"0x%llx\"", list->separator, (unsigned long long)vma->start);
	say_hex("end", vma->end);
	say(",\"perms\":\"%s\"", vma->perms);
	say_hex("offset", vma->offset);
	say(",\"name\":\"%s\",\"flags\":\"%s\"}", name_of(vma, &world), vma->flags);
	list->separator = ",";
	return true;
}

static void say_smaps(void)
{
	static const struct {
		const char *key, *name;
	} totals[] = {
		{ "VmSize", "size" }, { "VmLck", "locked" }, { "VmData", "data" }, { "VmStk", "stack" },
	};
	struct vma_list list = { .separator = "" };
	char path[40], text[64];

	say("{\"kind\":\"smaps\",\"vmas\":[");
	if (!for_each_vma(subject.pid, say_vma, &list))
		fail("/proc/PID/smaps: CONFIG_PROC_PAGE_MONITOR");
	say("],\"totals\":{");
	snprintf(path, sizeof(path), "/proc/%d/status", subject.pid);
	for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
		read_field(path, totals[i].key, text, sizeof(text));
		say("%s\"%s\":%llu", i ? "," : "", totals[i].name,
		    strtoull(text, NULL, 10) * 1024 / 4096);
	}
	say("}}");
}

/* Operations. */

/* A request as it is made. */
struct request {
	int kind;
	struct call call;
	uint64_t payload[PAYLOAD_WORDS];
	bool has_value;
};

/* Where the subject finds word `index` of the payload. */
static uint64_t payload_address(int index)
{
	size_t offset = subject.abi->wide ? offsetof(struct request64, payload) :
					    offsetof(struct request32, payload);

	return REQUEST + offset + 8 * index;
}

static void request_mmap(const struct word *operation, struct request *request)
{
	uint64_t *arguments = request->call.arguments;
	int64_t fd = number_of(operation, "fd"), offset = number_of(operation, "offset");

	arguments[2] = number_of(operation, "prot");
	arguments[3] = number_of(operation, "flags");
	arguments[4] = fd < 0 ? -1 : FILE_FD + fd;
	arguments[5] = subject.abi->wide ? (uint64_t)offset : (uint64_t)offset >> 12;
	request->has_value = true;
}

static void request_mremap(const struct word *operation, struct request *request)
{
	uint64_t *arguments = request->call.arguments;

	arguments[1] = number_of(operation, "oldLength");
	arguments[2] = number_of(operation, "newLength");
	arguments[3] = number_of(operation, "flags");
	arguments[4] = number_of(operation, "newAddress");
	request->has_value = true;
}

static void request_mbind(const struct word *operation, struct request *request)
{
	uint64_t *arguments = request->call.arguments;

	request->payload[0] = number_of(operation, "nodes");
	arguments[2] = number_of(operation, "mode");
	arguments[3] = request->payload[0] ? payload_address(0) : 0;
	/* The kernel takes one bit less than it is told. */
	arguments[4] = request->payload[0] ? 65 : 0;
	arguments[5] = number_of(operation, "flags");
}

/* struct rlimit64: the same in both ABIs. */
static void request_setrlimit(const struct word *operation, struct request *request)
{
	const char *name = text_of(operation, "resource");
	size_t i = 0;

	while (i < 3 && strcmp(resources[i].name, name))
		i++;
	request->payload[0] = number_of(operation, "soft");
	request->payload[1] = number_of(operation, "hard");
	request->call.arguments[1] = resources[i].resource;
	request->call.arguments[2] = payload_address(0);
}

/* capset(2) of what is left; struct __user_cap_header_struct, then two of the data. */
static void request_drop(const struct word *operation, struct request *request)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	const struct word list = { .first = (struct word *)&(struct word){
					   .text = text_of(operation, "capability") } };

	held_capabilities &= ~bits_of(&list, capability_names);
	for (int i = 0; i < 2; i++) {
		uint32_t bits = held_capabilities >> (32 * i);

		data[i] = (struct __user_cap_data_struct){ .effective = bits, .permitted = bits };
	}
	memcpy(&request->payload[0], &header, sizeof(header));
	memcpy(&request->payload[1], data, sizeof(data));
	request->call.arguments[0] = payload_address(0);
	request->call.arguments[1] = payload_address(1);
}

/* Calls of an address, a length and at most one number more. */
struct simple_call {
	const char *op, *third;
	uint16_t nr;
	bool has_value;
};

static bool request_simple(const struct word *operation, const char *op, struct request *request)
{
	const struct abi *abi = subject.abi;
	const struct simple_call table[] = {
		{ "munmap", NULL, abi->nr.munmap, false },
		{ "mprotect", "prot", abi->nr.mprotect, false },
		{ "madvise", "advice", abi->nr.madvise, false },
		{ "mlock", NULL, abi->nr.mlock, false },
		{ "mlock2", "flags", abi->nr.mlock2, false },
		{ "munlock", NULL, abi->nr.munlock, false },
		{ "mseal", "flags", abi->nr.mseal, false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].op, op))
			continue;
		request->call.nr = table[i].nr;
		if (table[i].third)
			request->call.arguments[2] = number_of(operation, table[i].third);
		return true;
	}
	return false;
}

static void prepare_request(const struct word *operation, struct request *request)
{
	const struct abi *abi = subject.abi;
	const char *op = text_of(operation, "op");
	uint64_t *arguments = request->call.arguments;

	*request = (struct request){ .kind = KIND_CALL };
	if (get(operation, "address"))
		arguments[0] = number_of(operation, "address");
	if (get(operation, "length"))
		arguments[1] = number_of(operation, "length");
	if (request_simple(operation, op, request))
		return;
	if (!strcmp(op, "brk")) {
		request->call.nr = abi->nr.brk;
		request->has_value = true;
	} else if (!strcmp(op, "mmap")) {
		request->call.nr = abi->nr.mmap;
		request_mmap(operation, request);
	} else if (!strcmp(op, "mremap")) {
		request->call.nr = abi->nr.mremap;
		request_mremap(operation, request);
	} else if (!strcmp(op, "mbind")) {
		request->call.nr = abi->nr.mbind;
		request_mbind(operation, request);
	} else if (!strcmp(op, "mlockall")) {
		request->call.nr = abi->nr.mlockall;
		arguments[0] = number_of(operation, "flags");
	} else if (!strcmp(op, "munlockall")) {
		request->call.nr = abi->nr.munlockall;
	} else if (!strcmp(op, "touchRead") || !strcmp(op, "touchWrite")) {
		bool reads = !strcmp(op, "touchRead");

		request->call.nr = reads ? abi->nr.write : abi->nr.read;
		arguments[1] = arguments[0];
		arguments[0] = reads ? PIPE_FD : ZERO_FD;
		arguments[2] = 1;
	} else if (!strcmp(op, "fork")) {
		request->call.nr = abi->nr.fork;
		request->kind = strcmp(text_of(operation, "follow"), "child") ? KIND_FORK_PARENT :
									       KIND_FORK_CHILD;
	} else if (!strcmp(op, "setrlimit")) {
		request->call.nr = abi->nr.prlimit64;
		request_setrlimit(operation, request);
	} else if (!strcmp(op, "dropCap")) {
		request->call.nr = abi->nr.capset;
		request_drop(operation, request);
	} else if (!strcmp(op, "setMemoryMerge")) {
		request->call.nr = abi->nr.prctl;
		arguments[0] = KM_PR_SET_MEMORY_MERGE;
		arguments[1] = is_true(operation, "on");
	} else if (!strcmp(op, "setMdwe")) {
		request->call.nr = abi->nr.prctl;
		arguments[0] = KM_PR_SET_MDWE;
		arguments[1] = KM_PR_MDWE_REFUSE_EXEC_GAIN;
	} else {
		fail("op: expected an operation that a process can do, got %s", op);
	}
}

/* Two operations, `count` times one after the other: what benchmarks measure. */
static void step_pair(const struct word *operation)
{
	struct request first, second;
	struct exchange answer;
	const char *problem;

	prepare_request(need(operation, "first"), &first);
	prepare_request(need(operation, "second"), &second);
	session->deadline = now_ms() + watchdog_ms;
	problem = exchange(&subject, KIND_PAIR, number_of(operation, "count"),
			   (struct call[]){ first.call, second.call }, first.payload, &answer);
	if (problem)
		fail("%s", problem);
	say("{\"nanoseconds\":%lld,\"results\":[%lld,%lld]}", (long long)answer.nanoseconds,
	    (long long)answer.results[0], (long long)answer.results[1]);
}

static void step(const struct word *operation, const char *line, size_t length)
{
	const char *op = text_of(operation, "op");
	struct request request;
	struct exchange answer;
	const char *problem;
	char byte;

	(void)line;
	(void)length;
	if (!strcmp(op, "smaps")) {
		say_smaps();
		return;
	}
	if (!strcmp(op, "pair")) {
		step_pair(operation);
		return;
	}
	prepare_request(operation, &request);
	problem = exchange(&subject, request.kind, 1, (struct call[]){ request.call, { 0 } },
			   request.payload, &answer);
	if (problem)
		fail("%s: %s", op, problem);
	if (request.kind == KIND_FORK_CHILD && answer.results[0] > 0)
		subject.pid = answer.results[0];
	if (!strcmp(op, "touchRead") && answer.results[0] == 1 && read(subject.pipe, &byte, 1) != 1)
		fail("touchRead: the byte did not come");
	say_result(answer.results[0], request.has_value);
}

int main(int argc, char **argv)
{
	static const struct probe probe = {
		.name = "mm",
		.describe = describe,
		.world = build_world,
		.step = step,
	};

	return probe_main(argc, argv, &probe);
}
