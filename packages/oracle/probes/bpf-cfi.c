/* SPDX-License-Identifier: MIT */
/*
 * The probe of the model bpf-cfi: loads small programs on the kernel it runs on, reads their JIT
 * images back, runs those for bpf_dummy_ops, and registers congestion control algorithms made of
 * them. Nothing but a registered algorithm is seen outside of the probe's own descriptors, and
 * none outlives its case: init deletes what a case has left.
 */
#include "probe.h"
#include <linux/bpf.h>
#include <linux/capability.h>

/*
 * ENOTSUPP, which the kernel keeps from user space everywhere else. Origin: include/linux/errno.h.
 */
#define KM_ENOTSUPP 524

/* Newer than the headers of many hosts. Origin: include/uapi/linux/bpf.h, Linux 6.4. */
#define KM_BPF_F_LINK (1u << 13)
#define KM_BPF_STRUCT_OPS 44

#define MAX_PROGRAMS 16
#define MAX_MAPS 8
#define MAX_VALUE 1024
#define MAX_IMAGE 32768
#define MAX_INSNS 4096
#define BTF_LIMIT (64u << 20)

/* BTF, as Documentation/bpf/btf.rst of Linux 6.18 has it. */
enum { BTF_STRUCT = 4, BTF_FUNCTION = 12, BTF_KINDS = 20 };
static const unsigned char btf_extra[BTF_KINDS] = {
	[1] = 4, [3] = 12, [4] = 12, [5] = 12, [6] = 8, [13] = 8,
	[14] = 4, [15] = 12, [17] = 4, [19] = 12,
};
static const bool btf_per_member[BTF_KINDS] = {
	[4] = true, [5] = true, [6] = true, [13] = true, [15] = true, [19] = true,
};

static char *btf;
static size_t btf_size;

struct program {
	char name[16];
	bool struct_ops;
	/* 0: its descriptor is closed. */
	int fd;
	/* 0: nothing was loaded under the name. */
	uint32_t id;
	/* A map has taken it. */
	bool used;
	/* Of its tail calls; 0: it makes none. */
	int array_fd;
};

static struct program programs[MAX_PROGRAMS];

/* The name that a map has in the kernel begins so; init finds by it what a case has left. */
#define MAP_PREFIX "km_"

struct map {
	char name[16];
	const char *type;
	uint32_t value_size;
	int fd;
	int link_fd;
	/* The members that have a trampoline, a space behind each. */
	char members[256];
};

static struct map maps[MAX_MAPS];

static void read_btf(void)
{
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	btf = mmap(NULL, BTF_LIMIT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (btf == MAP_FAILED)
		btf = NULL;
	while (btf && (n = read(fd, btf + btf_size, BTF_LIMIT - btf_size)) > 0)
		btf_size += n;
	close(fd);
}

static uint32_t word_at(size_t offset)
{
	uint32_t value = 0;

	if (offset + 4 <= btf_size)
		memcpy(&value, btf + offset, 4);
	return value;
}

static const char *string_at(size_t offset)
{
	return btf + word_at(4) + word_at(16) + offset;
}

/* Where BTF describes a struct or a function, and its type number; 0 where it does not. */
static size_t find_kind(uint32_t wanted, const char *name, uint32_t *id)
{
	size_t header = word_at(4), at = header + word_at(8), end = at + word_at(12);

	for (*id = 1; at < end; ++*id) {
		uint32_t info = word_at(at + 4), kind = info >> 24 & 0x1f, count = info & 0xffff;

		if (kind >= BTF_KINDS)
			fail("BTF: a type of kind %u", kind);
		if (kind == wanted && !strcmp(string_at(word_at(at)), name))
			return at;
		at += 12 + btf_extra[kind] * (btf_per_member[kind] ? count : 1);
	}
	return 0;
}

static size_t find_type(const char *name, uint32_t *id)
{
	return find_kind(BTF_STRUCT, name, id);
}

static size_t need_type(const char *name, uint32_t *id)
{
	size_t at = find_type(name, id);

	if (!at)
		lacks("CONFIG_DEBUG_INFO_BTF: struct %s", name);
	return at;
}

/* Bytes of a struct. */
static uint32_t size_of_type(size_t at)
{
	return word_at(at + 8);
}

/* The index of a struct's member; more than any member's where there is none. */
static uint32_t member_index(size_t at, const char *name)
{
	uint32_t count = word_at(at + 4) & 0xffff;

	for (uint32_t i = 0; i < count; i++)
		if (!strcmp(string_at(word_at(at + 12 + 12 * i)), name))
			return i;
	return count + 1000;
}

/* Where a member lies in a struct, bytes. */
static uint32_t member_offset(size_t at, const char *name)
{
	uint32_t index = member_index(at, name), count = word_at(at + 4) & 0xffff;

	if (index >= count)
		lacks("a kernel whose struct has a member %s", name);
	return (word_at(at + 12 + 12 * index + 8) & 0xffffff) / 8;
}

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static void say_errno(int error)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {
		{ EPERM, "EPERM" },   { ENOENT, "ENOENT" }, { E2BIG, "E2BIG" },
		{ EBADF, "EBADF" },   { ENOMEM, "ENOMEM" }, { EACCES, "EACCES" },
		{ EFAULT, "EFAULT" }, { EBUSY, "EBUSY" },   { EINVAL, "EINVAL" },
		{ ENOSYS, "ENOSYS" }, { EOPNOTSUPP, "EOPNOTSUPP" },
		{ EEXIST, "EEXIST" }, { EINPROGRESS, "EINPROGRESS" },
		{ KM_ENOTSUPP, "ENOTSUPP" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (names[i].number == error) {
			say("{\"kind\":\"errno\",\"errno\":\"%s\"}", names[i].name);
			return;
		}
	}
	fail("errno %d", error);
}

static void say_value(uint64_t value)
{
	say("{\"kind\":\"value\",\"value\":\"0x%llx\"}", (unsigned long long)value);
}

/* What a call of bpf(2) returned that makes no descriptor. */
static void say_result(int result)
{
	if (result < 0)
		say_errno(errno);
	else
		say_value(result);
}

static struct program *find_program(const char *name)
{
	for (size_t i = 0; i < MAX_PROGRAMS; i++)
		if (programs[i].id && !strcmp(programs[i].name, name))
			return &programs[i];
	return NULL;
}

/* Above the operations' own: 0 means that there is none. */
static int own_fd(int fd)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OWN_FD);

	close(fd);
	if (own < 0)
		fail("dup: %s", strerror(errno));
	return own;
}

/* Another descriptor of a loaded program, for as long as something refers to it; else -1. */
static int reopen(const struct program *program)
{
	union bpf_attr attr = { .prog_id = program->id };

	return program->id ? bpf(BPF_PROG_GET_FD_BY_ID, &attr) : -1;
}

static void read_info(int fd, struct bpf_prog_info *info)
{
	union bpf_attr attr = { 0 };

	attr.info.bpf_fd = fd;
	attr.info.info_len = sizeof(*info);
	attr.info.info = (uintptr_t)info;
	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr))
		fail("BPF_OBJ_GET_INFO_BY_FD: %s", strerror(errno));
}

/* The bytecode of a body; returns its length. `array`: of its tail calls. */
static int assemble(const struct word *body, struct bpf_insn *code, int array)
{
	const char *kind = text_of(body, "kind");
	const struct bpf_insn exit = { .code = BPF_JMP | BPF_EXIT };
	const struct bpf_insn load = { .code = BPF_LDX | BPF_MEM | BPF_DW, .src_reg = 1 };

	if (!strcmp(kind, "constant")) {
		code[0] = (struct bpf_insn){ .code = BPF_ALU | BPF_MOV | BPF_K };
		code[0].imm = number_of(body, "value");
	} else if (!strcmp(kind, "argument")) {
		code[0] = load;
		code[0].off = 8 * number_of(body, "index");
	} else if (!strcmp(kind, "calls")) {
		code[0] = (struct bpf_insn){ .code = BPF_JMP | BPF_CALL,
					     .src_reg = BPF_PSEUDO_CALL,
					     .imm = 1 };
		code[1] = exit;
		code[2] = (struct bpf_insn){ .code = BPF_ALU | BPF_MOV | BPF_K };
		code[2].imm = number_of(body, "value");
		code[3] = exit;
		return 4;
	} else if (!strcmp(kind, "tailCall")) {
		code[0] = (struct bpf_insn){ .code = BPF_LD | BPF_IMM | BPF_DW,
					     .dst_reg = 2,
					     .src_reg = BPF_PSEUDO_MAP_FD,
					     .imm = array };
		code[1] = (struct bpf_insn){ 0 };
		code[2] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3 };
		code[3] = (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call };
		code[4] = (struct bpf_insn){ .code = BPF_ALU | BPF_MOV | BPF_K };
		code[4].imm = number_of(body, "value");
		code[5] = exit;
		return 6;
	} else if (!strcmp(kind, "moves")) {
		int count = number_of(body, "count");

		if (count < 1 || count >= MAX_INSNS)
			fail("%d moves", count);
		for (int i = 0; i < count; i++)
			code[i] = (struct bpf_insn){ .code = BPF_ALU | BPF_MOV | BPF_K, .imm = 1 };
		code[count] = exit;
		return count + 1;
	} else {
		code[0] = load;
		code[0].dst_reg = 1;
		code[1] = load;
		code[1].code = BPF_LDX | BPF_MEM | BPF_W;
		code[2] = exit;
		return 3;
	}
	code[1] = exit;
	return 2;
}

/* A struct that no kernel lets BPF implement. */
#define OTHER_STRUCT "list_head"

/* What a struct_ops program is attached to. */
static void attach(const struct word *operation, union bpf_attr *attr)
{
	const char *name = text_of(operation, "struct");
	uint32_t id;
	size_t at = need_type(name, &id);

	attr->prog_type = BPF_PROG_TYPE_STRUCT_OPS;
	attr->expected_attach_type = member_index(at, text_of(operation, "member"));
	if (get(operation, "wrong"))
		need_type(OTHER_STRUCT, &id);
	attr->attach_btf_id = id;
	if (is_true(operation, "sleepable"))
		attr->prog_flags |= BPF_F_SLEEPABLE;
}

/* An array for a tail call, with one slot. */
static int new_array(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_PROG_ARRAY,
				.key_size = 4,
				.value_size = 4,
				.max_entries = 1 };
	int fd = bpf(BPF_MAP_CREATE, &attr);

	if (fd < 0)
		fail("BPF_MAP_TYPE_PROG_ARRAY: %s", strerror(errno));
	return own_fd(fd);
}

static void set_tail(const struct program *program, const struct word *operation)
{
	const char *name = text_of(operation, "target");
	bool none = !strcmp(name, "null");
	const struct program *target = none ? NULL : find_program(name);
	uint32_t key = 0, fd = target ? target->fd : 0;
	union bpf_attr attr = { 0 };

	attr.map_fd = program->array_fd;
	attr.key = (uintptr_t)&key;
	if (!none)
		attr.value = (uintptr_t)&fd;
	if (!none && !fd)
		say("{\"kind\":\"impossible\"}");
	else
		say_result(bpf(none ? BPF_MAP_DELETE_ELEM : BPF_MAP_UPDATE_ELEM, &attr));
}

static void load(const struct word *operation)
{
	const char *kind = text_of(operation, "kind"), *name = text_of(operation, "program");
	static struct bpf_insn code[MAX_INSNS + 1];
	union bpf_attr attr = { .license = (uintptr_t)"GPL", .insns = (uintptr_t)code };
	struct program *program = find_program(name);
	struct bpf_prog_info info = { 0 };
	int fd, array = 0;

	if (!strcmp(text_of(need(operation, "body"), "kind"), "tailCall"))
		array = new_array();
	attr.insn_cnt = assemble(need(operation, "body"), code, array);
	attr.prog_type = BPF_PROG_TYPE_XDP;
	if (!strcmp(kind, "struct_ops"))
		attach(operation, &attr);
	else if (strcmp(kind, "main"))
		lacks("a caller for a subprogram");
	for (struct program *at = programs; !program; at++) {
		if (at == programs + MAX_PROGRAMS)
			fail("more than %d programs", MAX_PROGRAMS);
		if (!at->id)
			program = at;
	}
	fd = bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0) {
		if (errno == EPERM)
			lacks("CAP_BPF and CAP_PERFMON");
		say_errno(errno);
		return;
	}
	program->fd = own_fd(fd);
	read_info(program->fd, &info);
	program->id = info.id;
	program->used = false;
	program->array_fd = array;
	program->struct_ops = attr.prog_type == BPF_PROG_TYPE_STRUCT_OPS;
	snprintf(program->name, sizeof(program->name), "%s", name);
	say_value(0);
}

/*
 * A sleepable program is freed a while after its last reference is gone: waits for that, at most
 * a second.
 */
static void await_end(const struct program *program)
{
	for (int tries = 0; tries < 100; tries++) {
		int fd = reopen(program);

		if (fd < 0)
			return;
		close(fd);
		usleep(10000);
	}
}

static uint32_t chunks_taken(void);

/* Its image goes later still than its number. */
static void unload(struct program *program)
{
	uint32_t taken = chunks_taken();

	close(program->fd);
	program->fd = 0;
	if (program->array_fd)
		close(program->array_fd);
	program->array_fd = 0;
	if (!program->used) {
		await_end(program);
		for (int tries = 0; tries < 100 && taken && chunks_taken() == taken; tries++)
			usleep(10000);
	}
	say_value(0);
}

/* Code, in hexadecimal digits. `until`: how it ends, where it is shorter than these bytes. */
static void say_code(const unsigned char *code, uint32_t length, const char *until)
{
	say("{\"kind\":\"image\",\"bytes\":\"");
	for (uint32_t i = 0; i < length; i++)
		say("%02x", code[i]);
	say("\"");
	if (until)
		say(",\"until\":\"%s\"", until);
	say("}");
}

/* What the kernel says of a program; a program that is gone cannot be asked. */
static bool ask_info(const struct program *program, struct bpf_prog_info *info)
{
	int fd = reopen(program);

	if (fd < 0) {
		say("{\"kind\":\"impossible\"}");
		return false;
	}
	read_info(fd, info);
	close(fd);
	return true;
}

static void show_image(const struct program *program)
{
	static unsigned char image[MAX_IMAGE];
	struct bpf_prog_info info = {
		.jited_prog_len = sizeof(image),
		.jited_prog_insns = (uintptr_t)image,
	};

	if (!ask_info(program, &info))
		return;
	if (!info.jited_prog_len)
		lacks("sysctl net.core.bpf_jit_enable");
	if (!info.jited_prog_insns || info.jited_prog_len > sizeof(image))
		lacks("sysctl kernel.kptr_restrict");
	say_code(image, info.jited_prog_len, NULL);
}

/* Kernel memory, through a program that reads it for its caller. */

/* As much as the program has on its stack. */
#define PEEK_SIZE 512

/* The program's descriptor; negative where it cannot be loaded. */
static int peek_fd(void)
{
	static int fd;
	struct bpf_insn code[8 + PEEK_SIZE / 4] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1 },
		{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = 3, .src_reg = 6 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 1, .imm = -PEEK_SIZE },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = PEEK_SIZE },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SYSCALL,
		.prog_flags = BPF_F_SLEEPABLE,
		.license = (uintptr_t)"GPL",
		.insns = (uintptr_t)code,
	};
	int count = 6;

	if (fd)
		return fd;
	for (int at = 0; at < PEEK_SIZE; at += 8) {
		code[count++] = (struct bpf_insn){ .code = BPF_LDX | BPF_MEM | BPF_DW,
						   .dst_reg = 1,
						   .src_reg = 10,
						   .off = at - PEEK_SIZE };
		code[count++] = (struct bpf_insn){ .code = BPF_STX | BPF_MEM | BPF_DW,
						   .dst_reg = 6,
						   .src_reg = 1,
						   .off = at + 8 };
	}
	code[count++] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K };
	code[count++] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	attr.insn_cnt = count;
	fd = bpf(BPF_PROG_LOAD, &attr);
	return fd = fd < 0 ? -1 : own_fd(fd);
}

/* PEEK_SIZE bytes of kernel memory; NULL where it cannot be read. */
static const unsigned char *try_peek(uint64_t address)
{
	static uint64_t context[1 + PEEK_SIZE / 8];
	union bpf_attr attr = { 0 };

	context[0] = address;
	attr.test.prog_fd = peek_fd();
	attr.test.ctx_in = (uintptr_t)context;
	attr.test.ctx_size_in = sizeof(context);
	if (!address || bpf(BPF_PROG_TEST_RUN, &attr))
		return NULL;
	return (unsigned char *)(context + 1);
}

static const unsigned char *peek(uint64_t address)
{
	const unsigned char *bytes = try_peek(address);

	if (!bytes)
		lacks("CONFIG_BPF_EVENTS: a program that reads kernel memory");
	return bytes;
}

/* The address of a symbol; 0 where there is none, or more than one. */
static uint64_t find_symbol(const char *wanted)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned long long address, found = 0;
	char line[512], name[256];
	int count = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (!strstr(line, wanted) || sscanf(line, "%llx %*c %255s", &address, name) != 2)
			continue;
		if (!strcmp(name, wanted)) {
			found = address;
			count++;
		}
	}
	if (file)
		fclose(file);
	return count == 1 ? found : 0;
}

/* What this kernel is: found out by init, before the first case. */
static struct {
	/* Functions begin with ENDBR64, and end in RET and INT3, or in JMP. */
	bool ibt, sls, return_thunk;
	/* The CPU tracks indirect branches, and the kernel lets it; it delivers events by FRED. */
	bool cpu_ibt, cpu_fred;
	/* CONFIG_CFI, and what it chose: 1 off, 2 kCFI, 3 FineIBT. */
	bool cfi, fineibt, padding, retpoline;
	uint32_t mode, seed;
	/* What stands behind cfi= on the command line; "" where the parameter is absent. */
	char parameter[128];
	/* What it logged of it, as items of a list. */
	char messages[512];
	/* cfi_get_offset() */
	uint32_t offset;
	/* An oops ends a process, and not the machine. */
	bool survives;
} build;

/* Code of any length, from kernel memory. */
static void say_memory(uint64_t address, uint32_t length)
{
	static unsigned char bytes[MAX_IMAGE + PEEK_SIZE];

	if (length > MAX_IMAGE)
		fail("an image of %u bytes", length);
	for (uint32_t at = 0; at < length; at += PEEK_SIZE)
		memcpy(bytes + at, peek(address + at), PEEK_SIZE);
	say_code(bytes, length, NULL);
}

/* Its own image, or its subprogram's. */
static void show_text(const struct program *program, bool subprogram)
{
	uint64_t addresses[2] = { 0 };
	uint32_t lengths[2] = { 0 };
	struct bpf_prog_info info = { .nr_jited_ksyms = 2,
				      .jited_ksyms = (uintptr_t)addresses,
				      .nr_jited_func_lens = 2,
				      .jited_func_lens = (uintptr_t)lengths };

	if (!ask_info(program, &info))
		return;
	if (!addresses[0] || !info.jited_prog_len)
		lacks("sysctl kernel.kptr_restrict and net.core.bpf_jit_enable");
	if (subprogram && info.nr_jited_ksyms < 2)
		say("{\"kind\":\"impossible\"}");
	else
		say_memory(addresses[subprogram] - build.offset, build.offset + lengths[subprogram]);
}

/* Executable memory of BPF: bpf_prog_pack, kernel/bpf/core.c. */

#define CHUNK_SIZE 64
#define CHUNKS_OF_A_PACK 32768
#define BITMAP_SIZE (CHUNKS_OF_A_PACK / 8)
#define MAX_PACKS 4

struct packs {
	int count;
	unsigned char bitmaps[MAX_PACKS][BITMAP_SIZE];
};

/* Where the kernel has its list of packs, and the bitmap in struct bpf_prog_pack; 0: unknown. */
static uint64_t pack_list;
static uint32_t pack_bitmap;

/* False where this kernel does not say where its packs are. */
static bool read_packs(struct packs *packs)
{
	uint64_t at = 0;

	packs->count = 0;
	if (!pack_list)
		return false;
	memcpy(&at, peek(pack_list), sizeof(at));
	for (; at != pack_list; packs->count++) {
		if (packs->count == MAX_PACKS)
			fail("more than %d packs", MAX_PACKS);
		for (size_t i = 0; i < BITMAP_SIZE; i += PEEK_SIZE)
			memcpy(packs->bitmaps[packs->count] + i, peek(at + pack_bitmap + i),
			       PEEK_SIZE);
		memcpy(&at, peek(at), sizeof(at));
	}
	return true;
}

static bool is_taken(const unsigned char *bitmap, uint32_t chunk)
{
	return bitmap[chunk / 8] >> chunk % 8 & 1;
}

/* Of all packs; 0 where nobody knows. */
static uint32_t chunks_taken(void)
{
	static struct packs packs;
	uint32_t taken = 0;

	read_packs(&packs);
	for (int pack = 0; pack < packs.count; pack++)
		for (uint32_t chunk = 0; chunk < CHUNKS_OF_A_PACK; chunk++)
			taken += is_taken(packs.bitmaps[pack], chunk);
	return taken;
}

/* The runs of chunks that are taken. */
static void say_runs(const unsigned char *bitmap)
{
	const char *separator = "";

	say("[");
	for (uint32_t chunk = 0, first; chunk < CHUNKS_OF_A_PACK; chunk++) {
		if (!is_taken(bitmap, chunk))
			continue;
		for (first = chunk; chunk < CHUNKS_OF_A_PACK && is_taken(bitmap, chunk);)
			chunk++;
		say("%s{\"first\":%u,\"count\":%u}", separator, first, chunk - first);
		separator = ",";
	}
	say("]");
}

static void show_packs(void)
{
	static struct packs packs;

	if (!read_packs(&packs))
		lacks("CONFIG_KALLSYMS_ALL: where the packs are");
	say("{\"kind\":\"packs\",\"taken\":[");
	for (int pack = 0; pack < packs.count; pack++) {
		say(pack ? "," : "");
		say_runs(packs.bitmaps[pack]);
	}
	say("]}");
}

/* What the first pack holds while no case has taken anything of it. */
static unsigned char first_bitmap[BITMAP_SIZE];

/* Waits until what was freed before is free, and nothing more happens. */
static void survey_packs(void)
{
	static struct packs packs;
	size_t type;
	uint32_t id, taken;

	type = find_type("bpf_prog_pack", &id);
	if (!type || peek_fd() < 0)
		return;
	pack_bitmap = member_offset(type, "bitmap");
	pack_list = find_symbol("pack_list");
	if (!pack_list)
		return;
	do {
		taken = chunks_taken();
		usleep(300000);
	} while (taken != chunks_taken());
	read_packs(&packs);
	if (packs.count == 1)
		memcpy(first_bitmap, packs.bitmaps[0], sizeof(first_bitmap));
	else
		pack_list = 0;
}

/* What the case before has left is freed a while after its end: waits for that, at most 3 s. */
static void await_packs(void)
{
	static struct packs packs;

	for (int tries = 0; tries < 300; tries++) {
		if (!read_packs(&packs))
			lacks("CONFIG_KALLSYMS_ALL: where the packs are");
		if (packs.count == 1 && !memcmp(packs.bitmaps[0], first_bitmap, BITMAP_SIZE))
			return;
		usleep(10000);
	}
	lacks("packs as boot left them");
}

/* An image, and what lies around it in what was taken for it. */
static void show_allocation(const struct program *program)
{
	static unsigned char bytes[MAX_IMAGE + PEEK_SIZE];
	uint64_t address = 0, header;
	uint32_t size, start, length = 0;
	struct bpf_prog_info info = { .nr_jited_ksyms = 1,
				      .jited_ksyms = (uintptr_t)&address,
				      .nr_jited_func_lens = 1,
				      .jited_func_lens = (uintptr_t)&length };
	bool filled = true;

	if (!ask_info(program, &info))
		return;
	if (!address || !info.jited_prog_len)
		lacks("sysctl kernel.kptr_restrict and net.core.bpf_jit_enable");
	address -= build.offset;
	length += build.offset;
	header = address & ~(uint64_t)(CHUNK_SIZE - 1);
	start = address - header;
	memcpy(&size, peek(header), sizeof(size));
	if (size > MAX_IMAGE)
		fail("a header that says %u bytes", size);
	for (uint32_t at = 0; at < size; at += PEEK_SIZE)
		memcpy(bytes + at, peek(header + at), PEEK_SIZE);
	for (uint32_t at = sizeof(size); at < size; at++)
		if ((at < start || at >= start + length) && bytes[at] != 0xcc)
			filled = false;
	/* struct bpf_binary_header has 8 bytes. */
	say("{\"kind\":\"allocation\",\"size\":%u,\"start\":%u,\"length\":%u,\"filled\":%s}",
	    size, start - 8, length, filled ? "true" : "false");
}

#define JIT_LIMIT "/proc/sys/net/core/bpf_jit_limit"
/* Half of the module area of a kernel whose base is randomised. */
#define USUAL_LIMIT 528482304

/* What it was before the first case; "" where it cannot be read. */
static char first_limit[32];

static void survey_limit(void)
{
	int fd = open(JIT_LIMIT, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, first_limit, sizeof(first_limit) - 1) < 0)
		first_limit[0] = '\0';
	close(fd);
}

/* 0, or an errno. */
static int write_limit(const char *text)
{
	int fd = open(JIT_LIMIT, O_WRONLY | O_CLOEXEC), error;

	if (fd < 0)
		return errno;
	error = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return error;
}

static void set_limit(const struct word *operation)
{
	char text[32];
	int error;

	if (!booted)
		lacks("a kernel of its own: the limit is everybody's");
	if (atol(first_limit) != USUAL_LIMIT)
		lacks("CONFIG_RANDOMIZE_BASE, which decides how much there may be");
	snprintf(text, sizeof(text), "%llu", (unsigned long long)number_of(operation, "bytes"));
	error = write_limit(text);
	if (error == ENOENT)
		lacks("sysctl net.core.bpf_jit_limit");
	if (error)
		say_errno(error);
	else
		say_value(0);
}

/* A call of bpf(2), by somebody without CAP_BPF where the operation says so. */
static int bpf_as(const struct word *operation, int command, union bpf_attr *attr)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct all[2], none[2];
	int result, error;

	if (!get(operation, "capable") || is_true(operation, "capable"))
		return bpf(command, attr);
	if (syscall(SYS_capget, &header, all))
		fail("capget: %s", strerror(errno));
	memcpy(none, all, sizeof(none));
	none[0].effective = none[1].effective = 0;
	if (syscall(SYS_capset, &header, none))
		fail("capset: %s", strerror(errno));
	result = bpf(command, attr);
	error = errno;
	if (syscall(SYS_capset, &header, all))
		fail("capset: %s", strerror(errno));
	errno = error;
	return result;
}

static void test_run(struct program *program, const struct word *operation)
{
	const struct word *list = need(operation, "arguments");
	uint64_t context[12] = { 0 };
	/* struct bpf_dummy_ops_state. */
	int32_t state = 0;
	union bpf_attr attr = { 0 };
	size_t count = 0;

	for (const struct word *item = list->first; item && count < 12; item = item->next)
		context[count++] = strtoull(item->text, NULL, 0);
	if (context[0])
		context[0] = (uintptr_t)&state;
	attr.test.prog_fd = program->fd;
	attr.test.ctx_in = (uintptr_t)context;
	attr.test.ctx_size_in = 8 * count;
	if (bpf_as(operation, BPF_PROG_TEST_RUN, &attr)) {
		say_errno(errno);
		return;
	}
	say("{\"kind\":\"returned\",\"value\":\"0x%x\",\"reports\":[]}", attr.test.retval);
}

/* The dispatcher of XDP calls a program through a checked pointer. */
static void dispatch(struct program *program)
{
	char packet[64] = "";
	union bpf_attr attr = { 0 };

	attr.test.prog_fd = program->fd;
	attr.test.data_in = (uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	attr.test.repeat = 1;
	if (bpf(BPF_PROG_TEST_RUN, &attr))
		fail("BPF_PROG_TEST_RUN: %s", strerror(errno));
	say("{\"kind\":\"returned\",\"value\":\"0x%x\",\"reports\":[]}", attr.test.retval);
}

/*
 * Calls that go wrong, which lkdtm makes on demand: one through a pointer of another type, and, where
 * kernel memory can be written, of whatever the table of its actions is made to name.
 */

#define LKDTM "/sys/kernel/debug/provoke-crash/DIRECT"
#define LKDTM_ACTION "CFI_FORWARD_PROTO"
#define LKDTM_SITE "void f(int *)"
#define LKDTM_CALLEE "int f(int *)"
/* What the actions are called as. */
#define ACTION_SITE "void f(void)"

/*
 * Functions of the kernel to be called as an action, by type. None of them does harm; the address of
 * the last two is never taken.
 */
static const struct callee {
	const char *prototype;
	bool taken;
	const char *function;
} callees[] = {
	{ "int f(void)", true, "net_ratelimit" },
	{ "int f(void)", false, "nr_processes" },
	{ "void f(void)", false, "calculate_sigpending" },
};

/* In memory that init shares: a case has made the kernel complain, as it was to. */
static bool *provoked;

/*
 * The next message of the kernel with one of some texts in it, from that text on; NULL where there
 * is none. `texts` ends with NULL.
 */
static const char *next_message(const char *const *texts, char *record, size_t size)
{
	ssize_t n;

	while ((n = read(kmsg_fd, record, size - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		record[n < 0 ? 0 : n] = '\0';
		for (size_t i = 0; texts[i]; i++) {
			const char *found = strstr(record, texts[i]);

			if (found)
				return found;
		}
	}
	return NULL;
}

static bool in_preamble(const char *symbol)
{
	return !strncmp(symbol, "__cfi_", 6);
}

/*
 * Where a check was that failed: in the caller, in the preamble of the callee or, since Linux 6.18, at
 * its entry.
 */
static const char *place_of(const char *failure)
{
	const char *target = strstr(failure, "(target: ");
	size_t length = strcspn(failure, "+");

	if (in_preamble(failure) || (target && !strncmp(target + 9, failure, length + 1)))
		return "callee-check";
	return build.mode == 3 ? "caller-paranoid" : "caller-check";
}

static void say_trap(const char *vector, const char *error, const char *place)
{
	say("{\"kind\":\"trapped\",\"vector\":\"%s\",\"errorCode\":%s,\"place\":\"%s\",", vector,
	    error, place);
}

#define FAILURE "CFI failure at "
#define MISSING "Missing ENDBR: "
#define OTHER_TRAP "invalid opcode"
#define AT "RIP: 0010:"

/* What the kernel has said of a call that went wrong. */
static void say_report(void)
{
	static const char *const marks[] = { FAILURE, MISSING, OTHER_TRAP, NULL };
	static const char *const at[] = { AT, NULL };
	char record[8192];
	const char *text = next_message(marks, record, sizeof(record)), *type;

	if (!text)
		fail("the kernel said nothing of a call that goes wrong");
	if (!strncmp(text, MISSING, strlen(MISSING))) {
		say_trap("CP", "3",
			 in_preamble(text + strlen(MISSING)) ? "before-callee" : "callee");
		say("\"reports\":[]}");
		return;
	}
	if (!strncmp(text, OTHER_TRAP, strlen(OTHER_TRAP))) {
		text = next_message(at, record, sizeof(record));
		if (!text)
			fail("the kernel did not say where the trap was");
		say_trap("UD", "null", in_preamble(text + strlen(AT)) ? "before-callee" : "callee");
		say("\"reports\":[]}");
		return;
	}
	type = strstr(text, "expected type: ");
	if (!type)
		fail("a report: %s", text);
	text = place_of(text + strlen(FAILURE));
	say_trap("UD", "null", text);
	say("\"reports\":[{\"place\":\"%s\",\"type\":\"0x%lx\"}]}", text,
	    strtoul(type + strlen("expected type: "), NULL, 0));
}

static void provoke(void)
{
	pid_t child;

	*provoked = true;
	child = fork();
	if (child == 0) {
		int fd = open(LKDTM, O_WRONLY);

		_exit(write(fd, LKDTM_ACTION, strlen(LKDTM_ACTION)) < 0);
	}
	waitpid(child, NULL, 0);
}

static uint64_t long_at(const unsigned char *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Where the kernel's image is mapped. Origin: __START_KERNEL_map, asm/page_64_types.h. */
#define IMAGE_MAP 0xffffffff80000000ull

/* A pointer in the kernel's data, to be written. */
static uint64_t *kernel_pointer(uint64_t address)
{
	uint64_t physical = address - IMAGE_MAP + long_at(peek(find_symbol("phys_base")));
	unsigned char *page = MAP_FAILED;
	int fd;

	mknod("/mem", S_IFCHR | 0600, 1 << 8 | 1);
	fd = open("/mem", O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, physical & ~4095ull);
	close(fd);
	if (page == MAP_FAILED)
		lacks("CONFIG_DEVMEM, without CONFIG_STRICT_DEVMEM");
	return (uint64_t *)(page + (physical & 4095));
}

/* Where lkdtm's action has the function that it calls: struct crashtype, drivers/misc/lkdtm/lkdtm.h. */
static uint64_t action_pointer(void)
{
	uint64_t category = find_symbol("cfi_crashtypes"), action;
	const unsigned char *name;

	if (!category)
		lacks("CONFIG_LKDTM, built in");
	action = long_at(peek(category));
	name = peek(long_at(peek(action)));
	if (strncmp((const char *)name, LKDTM_ACTION, PEEK_SIZE))
		lacks("a table of lkdtm’s that begins with " LKDTM_ACTION);
	return action + 8;
}

static void call_action(const struct callee *callee)
{
	uint64_t function = find_symbol(callee->function), was;
	uint64_t *pointer;

	if (!function)
		lacks("%s()", callee->function);
	pointer = kernel_pointer(action_pointer());
	was = *pointer;
	*pointer = function;
	provoke();
	*pointer = was;
	say_report();
}

static void call(const struct word *operation)
{
	const struct word *callee = need(operation, "callee");
	const char *site = text_of(operation, "site"), *prototype = text_of(callee, "prototype");
	bool taken = is_true(callee, "addressTaken");

	if (build.mode < 2 && (taken || !build.cpu_ibt))
		lacks("a check: without one nothing is seen of a call");
	if (!booted || access(LKDTM, W_OK))
		lacks("CONFIG_LKDTM");
	if (!build.survives)
		lacks("sysctl kernel.panic_on_oops");
	if (get(operation, "swapped"))
		lacks("a call whose pointer changes");
	if (!strcmp(site, LKDTM_SITE) && !strcmp(prototype, LKDTM_CALLEE) && taken) {
		provoke();
		say_report();
		return;
	}
	for (size_t i = 0; i < sizeof(callees) / sizeof(*callees); i++) {
		if (strcmp(site, ACTION_SITE) || strcmp(prototype, callees[i].prototype) ||
		    taken != callees[i].taken)
			continue;
		call_action(&callees[i]);
		return;
	}
	lacks("a call of %s through %s", prototype, site);
}

/* The bytes of a FineIBT preamble, and of the longest of kCFI’s; and what stands at an entry. */
#define PREAMBLE_SIZE 16
#define LANDING_SIZE 4

static void show_function(const struct word *operation)
{
	const struct word *callee = need(operation, "callee");
	const char *prototype = text_of(callee, "prototype");
	bool taken = is_true(callee, "addressTaken");
	uint32_t before = build.padding ? PREAMBLE_SIZE : PREAMBLE_SIZE - 11;

	for (size_t i = 0; i < sizeof(callees) / sizeof(*callees); i++) {
		uint64_t address;

		if (strcmp(prototype, callees[i].prototype) || taken != callees[i].taken)
			continue;
		address = find_symbol(callees[i].function);
		if (!address)
			lacks("one symbol %s (kernel.kptr_restrict)", callees[i].function);
		say_code(peek(address - before), before + LANDING_SIZE, NULL);
		return;
	}
	lacks("a function %s whose address is %staken", prototype, taken ? "" : "never ");
}

/* Check and branch of a call site. */
#define SITE_SIZE 20

/* How a check goes on behind its hash, as the compiler has written it, or boot. */
static const struct check {
	/* Bytes of the MOV of the hash. */
	uint8_t start;
	uint8_t size, bytes[11];
} checks[] = {
	/* kCFI; FineIBT of Linux 6.2, 6.15 and 6.18; the two of paranoid callers. */
	{ 6, 8, { 0x45, 0x03, 0x53, 0xf1, 0x74, 0x02, 0x0f, 0x0b } },
	{ 6, 8, { 0x49, 0x83, 0xeb, 0x10, 0x0f, 0x1f, 0x40, 0x00 } },
	{ 6, 8, { 0x4d, 0x8d, 0x5b, 0xf0, 0x0f, 0x1f, 0x40, 0x00 } },
	{ 5, 9, { 0x4d, 0x8d, 0x5b, 0xf0, 0x0f, 0x1f, 0x44, 0x00, 0x00 } },
	{ 6, 10, { 0x45, 0x3b, 0x53, 0xf7, 0x4d, 0x8d, 0x5b, 0xf0, 0x75, 0xfd } },
	{ 5, 11, { 0x41, 0x3b, 0x43, 0xf5, 0x2e, 0x4d, 0x8d, 0x5b, 0xf0, 0x75, 0xfd } },
};

/* The check that begins there; NULL where none does. */
static const struct check *find_check(const unsigned char *code)
{
	bool mov = code[0] == 0xb8 || (code[0] == 0x41 && code[1] == 0xba);

	if (!mov && (code[0] != 0xeb || code[1] != 0x0c))
		return NULL;
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		if (!memcmp(code + checks[i].start, checks[i].bytes, checks[i].size))
			return &checks[i];
	return NULL;
}

static void show_site(const struct word *operation)
{
	static const unsigned char call_r11[] = { 0x41, 0xff, 0xd3 };
	const char *site = text_of(operation, "site");
	uint64_t address = find_symbol("lkdtm_do_action");
	const unsigned char *code;

	if (strcmp(site, ACTION_SITE))
		lacks("a call site of %s", site);
	if (!address)
		lacks("CONFIG_LKDTM, built in");
	code = peek(address);
	for (size_t at = 0; at + SITE_SIZE <= PEEK_SIZE; at++) {
		const struct check *check = find_check(code + at);
		const unsigned char *branch;

		if (!check)
			continue;
		branch = code + at + check->start + check->size;
		if (!build.retpoline && memcmp(branch, call_r11, sizeof(call_r11)))
			lacks("branches without thunks (indirect_target_selection=off)");
		say_code(code + at, SITE_SIZE, NULL);
		return;
	}
	fail("lkdtm_do_action() has no check");
}

/* Maps of type BPF_MAP_TYPE_STRUCT_OPS. */

static struct map *find_map(const char *name)
{
	for (size_t i = 0; i < MAX_MAPS; i++)
		if (maps[i].fd && !strcmp(maps[i].name, name))
			return &maps[i];
	return NULL;
}

/* BTF of one type, which stands for what a loader gives a map. */
static int small_btf(void)
{
	static const struct {
		struct {
			uint16_t magic;
			uint8_t version, flags;
			uint32_t header, type_at, type_size, string_at, string_size;
		} header;
		uint32_t integer[4];
		char strings[5];
	} small = {
		.header = { 0xeb9f, 1, 0, 24, 0, 16, 16, 5 },
		.integer = { 1, 1 << 24, 4, 1 << 24 | 32 },
		.strings = "\0int",
	};
	union bpf_attr attr = { .btf = (uintptr_t)&small, .btf_size = 24 + 16 + 5 };
	int fd = bpf(BPF_BTF_LOAD, &attr);

	if (fd < 0)
		fail("BPF_BTF_LOAD: %s", strerror(errno));
	return own_fd(fd);
}

/* A descriptor, but of nothing that bpf(2) has made. */
static int no_bpf_fd(void)
{
	static int fd;

	if (!fd)
		fd = own_fd(open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
	return fd;
}

static void map_create(const struct word *operation)
{
	const char *type = text_of(operation, "struct"), *name = text_of(operation, "map");
	const struct word *wrong = get(operation, "wrong");
	const char *mistake = wrong ? wrong->text : "";
	char wrapper[128];
	struct map *map = maps;
	union bpf_attr attr = { 0 };
	uint32_t id;
	size_t at;
	int fd, btf_fd;

	snprintf(wrapper, sizeof(wrapper), "bpf_struct_ops_%s", type);
	at = find_type(wrapper, &id);
	if (!at)
		lacks("CONFIG_BPF_JIT: struct %s", wrapper);
	while (map->fd)
		if (++map == maps + MAX_MAPS)
			fail("more than %d maps", MAX_MAPS);
	attr.map_type = BPF_MAP_TYPE_STRUCT_OPS;
	attr.key_size = strcmp(mistake, "key-size") ? 4 : 8;
	attr.value_size = size_of_type(at) + (strcmp(mistake, "value-size") ? 0 : 8);
	attr.max_entries = strcmp(mistake, "entries") ? 1 : 2;
	attr.map_flags = is_true(operation, "link") ? KM_BPF_F_LINK : 0;
	if (!strcmp(mistake, "flags"))
		attr.map_flags |= BPF_F_NO_PREALLOC;
	if (!strcmp(mistake, "value-type"))
		need_type(OTHER_STRUCT, &id);
	attr.btf_vmlinux_value_type_id = id;
	snprintf(attr.map_name, sizeof(attr.map_name), MAP_PREFIX "%.12s", name);
	btf_fd = small_btf();
	attr.btf_fd = strcmp(mistake, "btf") ? btf_fd : no_bpf_fd();
	fd = bpf(BPF_MAP_CREATE, &attr);
	if (fd < 0) {
		int error = errno;

		close(btf_fd);
		say_errno(error);
		return;
	}
	close(btf_fd);
	*map = (struct map){ .value_size = attr.value_size };
	map->type = strcmp(type, "bpf_dummy_ops") ? "tcp_congestion_ops" : "bpf_dummy_ops";
	map->fd = own_fd(fd);
	snprintf(map->name, sizeof(map->name), "%s", name);
	say_value(0);
}

static void put_long(unsigned char *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

/* Any descriptor that is no program's, or that of one of another type. */
static int mistaken_fd(const char *mistake)
{
	struct bpf_insn code[2] = {
		{ .code = BPF_ALU | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.license = (uintptr_t)"GPL",
		.insns = (uintptr_t)code,
		.insn_cnt = 2,
	};

	return strcmp(mistake, "program-type") ? no_bpf_fd() : own_fd(bpf(BPF_PROG_LOAD, &attr));
}

/* Fills a value in; `at` is where BTF describes the struct, `data` where the struct begins. */
static void fill_value(const struct word *operation, size_t at, unsigned char *data,
		       const char *mistake)
{
	const struct word *members = get(operation, "members");
	const char *name = text_of(operation, "name");

	memcpy(data + member_offset(at, "name"), name, strnlen(name, 16));
	if (is_true(operation, "owner"))
		put_long(data + member_offset(at, "owner"), 1);
	if (!strcmp(mistake, "list"))
		put_long(data + member_offset(at, "list"), 1);
	if (!strcmp(mistake, "tcp-flags"))
		data[member_offset(at, "flags") + 3] = 0x80;
	for (const struct word *item = members ? members->first : NULL; item; item = item->next) {
		struct program *program = find_program(item->text);
		/* A descriptor that is not open, where the program's is not. */
		int fd = program && program->fd ? program->fd : FIRST_OWN_FD - 1;

		put_long(data + member_offset(at, item->key), fd);
	}
	if (!strcmp(mistake, "no-program") || !strcmp(mistake, "program-type"))
		put_long(data + member_offset(at, "release"), mistaken_fd(mistake));
}

static void remember_members(struct map *map, const struct word *members)
{
	for (const struct word *item = members ? members->first : NULL; item; item = item->next) {
		struct program *program = find_program(item->text);
		size_t used = strlen(map->members);

		if (program)
			program->used = true;
		snprintf(map->members + used, sizeof(map->members) - used, "%s ", item->key);
	}
}

static bool has_member(const struct map *map, const char *member)
{
	size_t length = strlen(member);
	const char *at = map->members;

	while ((at = strstr(at, member))) {
		if (at[length] == ' ' && (at == map->members || at[-1] == ' '))
			return true;
		at++;
	}
	return false;
}

static void map_update(struct map *map, const struct word *operation)
{
	static unsigned char value[MAX_VALUE];
	const struct word *wrong = get(operation, "wrong");
	const char *mistake = wrong ? wrong->text : "";
	uint32_t key = number_of(operation, "key"), id, start;
	union bpf_attr attr = { 0 };
	char wrapper[128];
	size_t at;
	int result;

	if (map->value_size > sizeof(value))
		fail("a value of %u bytes", map->value_size);
	memset(value, 0, sizeof(value));
	snprintf(wrapper, sizeof(wrapper), "bpf_struct_ops_%s", map->type);
	start = member_offset(need_type(wrapper, &id), "data");
	at = need_type(map->type, &id);
	if (!strcmp(map->type, "tcp_congestion_ops"))
		fill_value(operation, at, value + start, mistake);
	if (!strcmp(mistake, "padding")) {
		/* struct bpf_struct_ops_common_value: two words. */
		if (start <= 8)
			lacks("CONFIG_SMP: a hole in the value");
		value[8] = 1;
	}
	if (!strcmp(mistake, "state"))
		value[4] = 1;
	attr.map_fd = map->fd;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)value;
	attr.flags = number_of(operation, "flags");
	result = bpf_as(operation, BPF_MAP_UPDATE_ELEM, &attr);
	say_result(result);
	if (result == 0)
		remember_members(map, get(operation, "members"));
}

static void map_lookup(struct map *map)
{
	static const char *const states[] = { "INIT", "INUSE", "TOBEFREE", "READY" };
	static unsigned char value[MAX_VALUE];
	uint32_t key = 0, common[2];
	union bpf_attr attr = { 0 };

	attr.map_fd = map->fd;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)value;
	if (bpf(BPF_MAP_LOOKUP_ELEM, &attr)) {
		say_errno(errno);
		return;
	}
	memcpy(common, value, sizeof(common));
	if (common[1] > 3)
		fail("a map in state %u", common[1]);
	say("{\"kind\":\"map\",\"state\":\"%s\",\"uses\":%u}", states[common[1]], common[0]);
}

static int delete_element(int fd)
{
	uint32_t key = 0;
	union bpf_attr attr = { 0 };

	attr.map_fd = fd;
	attr.key = (uintptr_t)&key;
	return bpf(BPF_MAP_DELETE_ELEM, &attr);
}

static void link_create(struct map *map)
{
	union bpf_attr attr = { 0 };
	int fd;

	/* Called map_fd since Linux 6.4. */
	attr.link_create.prog_fd = map->fd;
	attr.link_create.attach_type = KM_BPF_STRUCT_OPS;
	fd = bpf(BPF_LINK_CREATE, &attr);
	if (fd < 0) {
		say_errno(errno);
		return;
	}
	map->link_fd = own_fd(fd);
	say_value(0);
}

static void link_close(struct map *map)
{
	if (!map->link_fd) {
		say("{\"kind\":\"impossible\"}");
		return;
	}
	close(map->link_fd);
	map->link_fd = 0;
	say_value(0);
}

static void show_trampoline(struct map *map, const struct word *operation)
{
	static const char *const ends[] = { "ret", "ret int3", "jmp" };
	const char *member = text_of(operation, "member");
	char symbol[256];
	uint64_t address;

	if (!has_member(map, member)) {
		say("{\"kind\":\"impossible\"}");
		return;
	}
	snprintf(symbol, sizeof(symbol), "bpf__%s_%s", map->type, member);
	address = find_symbol(symbol);
	if (!address)
		lacks("one symbol %s (Linux 6.12, kernel.kptr_restrict)", symbol);
	say_code(peek(address), PEEK_SIZE, ends[build.return_thunk ? 2 : build.sls]);
}

static void map_step(const char *op, const struct word *operation)
{
	struct map *map = find_map(text_of(operation, "map"));

	if (!strcmp(op, "mapCreate") ? map != NULL : map == NULL)
		say("{\"kind\":\"impossible\"}");
	else if (!strcmp(op, "mapCreate"))
		map_create(operation);
	else if (!strcmp(op, "mapUpdate"))
		map_update(map, operation);
	else if (!strcmp(op, "mapLookup"))
		map_lookup(map);
	else if (!strcmp(op, "mapDelete"))
		say_result(delete_element(map->fd));
	else if (!strcmp(op, "linkCreate"))
		link_create(map);
	else if (!strcmp(op, "linkClose"))
		link_close(map);
	else if (!strcmp(op, "trampoline"))
		show_trampoline(map, operation);
	else
		lacks("a way to do %s from user space", op);
}

/* Tracing programs, and the functions that they are attached to. */

/* More than a function may have. */
#define MAX_TRACERS 48
#define MAX_NAME 64
/* Of a function that the kernel calls when a tracing program is run as a test. */
#define TEST_FUNCTION "bpf_fentry_test"
#define TEST_FUNCTION_MODIFIED "bpf_modify_return_test"

static struct tracer {
	char name[16];
	char function[MAX_NAME];
	/* What it sees is an address in the function. */
	bool sees_address;
	int program_fd;
	/* 0: there is none. */
	int link_fd;
} tracers[MAX_TRACERS];

/* What programs have seen: an array map of one value, in this process's memory as well. */
#define LOG_SIZE 1024
#define LOG_ENTRIES 62

static struct log {
	uint64_t count;
	struct {
		uint64_t tracer, value;
	} entries[LOG_ENTRIES];
} *seen;

static int log_fd(void)
{
	static int fd;
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = LOG_SIZE,
		.max_entries = 1,
		.map_flags = BPF_F_MMAPABLE,
	};

	if (fd)
		return fd;
	fd = bpf(BPF_MAP_CREATE, &attr);
	if (fd < 0)
		fail("BPF_MAP_CREATE: %s", strerror(errno));
	fd = own_fd(fd);
	seen = mmap(NULL, LOG_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (seen == MAP_FAILED)
		fail("mmap of a map: %s", strerror(errno));
	return fd;
}

/*
 * In memory that init shares: where functions are. Looking one up takes longer than all else that a
 * case does.
 */
static struct known {
	char name[MAX_NAME];
	uint64_t address;
} *known;
#define MAX_KNOWN 64

static uint64_t find_function(const char *name)
{
	size_t i = 0;

	while (i < MAX_KNOWN - 1 && known[i].address && strcmp(known[i].name, name))
		i++;
	if (strcmp(known[i].name, name)) {
		known[i].address = find_symbol(name);
		snprintf(known[i].name, sizeof(known[i].name), "%s", name);
	}
	if (!known[i].address)
		lacks("one symbol %s (kernel.kptr_restrict)", name);
	return known[i].address;
}

/* The name that a declaration of C declares, if nothing stands between it and its parameters. */
static const char *function_name(const struct word *operation)
{
	static char name[MAX_NAME];
	const char *text = text_of(operation, "function"), *start = text, *open;

	for (const char *at = text; *at; at++)
		if (*at == ';' || *at == '}')
			start = at + 1;
	open = strchr(start, '(');
	if (!open)
		fail("a function without parameters: %s", text);
	while (open > start && open[-1] == ' ')
		open--;
	start = open;
	while (start > text && (isalnum(start[-1]) || start[-1] == '_'))
		start--;
	snprintf(name, sizeof(name), "%.*s", (int)(open - start), start);
	return name;
}

static struct tracer *find_tracer(const char *name)
{
	for (size_t i = 0; i < MAX_TRACERS; i++)
		if (tracers[i].link_fd && !strcmp(tracers[i].name, name))
			return &tracers[i];
	return NULL;
}

/* The bytecode that puts what a program is to see in R7; the context is in R6. */
static int assemble_sight(const struct word *sees, struct bpf_insn *code)
{
	const char *kind = text_of(sees, "kind");
	int helper = !strcmp(kind, "count")   ? BPF_FUNC_get_func_arg_cnt :
		     !strcmp(kind, "address") ? BPF_FUNC_get_func_ip :
						BPF_FUNC_get_attach_cookie;

	if (!strcmp(kind, "argument")) {
		code[0] = (struct bpf_insn){ .code = BPF_LDX | BPF_MEM | BPF_DW,
					     .dst_reg = 7,
					     .src_reg = 6,
					     .off = 8 * number_of(sees, "index") };
		return 1;
	}
	code[0] = (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = helper };
	code[1] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 7 };
	return 2;
}

/* The bytecode of a tracing program: it logs what it sees, and returns. */
static int assemble_tracer(const struct word *operation, int id, struct bpf_insn *code)
{
	const struct bpf_insn log[] = {
		{ .code = BPF_LD | BPF_IMM | BPF_DW,
		  .dst_reg = 1,
		  .src_reg = BPF_PSEUDO_MAP_VALUE,
		  .imm = log_fd() },
		{ 0 },
		/* R2: the number of entries; R3: R1, and as many entries on. */
		{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = 2, .src_reg = 1 },
		{ .code = BPF_JMP | BPF_JGE | BPF_K, .dst_reg = 2, .off = 7, .imm = LOG_ENTRIES },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 3, .src_reg = 2 },
		{ .code = BPF_ALU64 | BPF_LSH | BPF_K, .dst_reg = 3, .imm = 4 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_X, .dst_reg = 3, .src_reg = 1 },
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = 3, .off = 8, .imm = id },
		{ .code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = 3, .src_reg = 7, .off = 16 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 2, .imm = 1 },
		{ .code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = 1, .src_reg = 2 },
		{ .code = BPF_ALU | BPF_MOV | BPF_K, .imm = number_of(operation, "returns") },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int count = 0;

	code[count++] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_X,
					   .dst_reg = 6,
					   .src_reg = 1 };
	count += assemble_sight(need(operation, "sees"), code + count);
	memcpy(code + count, log, sizeof(log));
	return count + sizeof(log) / sizeof(*log);
}

static void attach_tracer(const struct word *operation)
{
	const char *kind = text_of(operation, "kind"), *name = text_of(operation, "program");
	const char *function = function_name(operation);
	struct tracer *tracer = tracers;
	struct bpf_insn code[20];
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_TRACING,
				.license = (uintptr_t)"GPL",
				.insns = (uintptr_t)code };
	uint32_t type = !strcmp(kind, "fentry") ? BPF_TRACE_FENTRY :
			!strcmp(kind, "fexit")	? BPF_TRACE_FEXIT :
						  BPF_MODIFY_RETURN;
	int program_fd, link_fd;

	if (find_tracer(name)) {
		say("{\"kind\":\"impossible\"}");
		return;
	}
	while (tracer->link_fd)
		if (++tracer == tracers + MAX_TRACERS)
			fail("more than %d tracing programs", MAX_TRACERS);
	attr.expected_attach_type = type;
	if (!find_kind(BTF_FUNCTION, function, &attr.attach_btf_id))
		lacks("a kernel whose BTF has %s()", function);
	attr.insn_cnt = assemble_tracer(operation, tracer - tracers, code);
	if (is_true(operation, "sleepable"))
		attr.prog_flags = BPF_F_SLEEPABLE;
	program_fd = bpf(BPF_PROG_LOAD, &attr);
	if (program_fd < 0) {
		if (errno == EPERM)
			lacks("a kernel that lets this process trace it");
		say_errno(errno);
		return;
	}
	program_fd = own_fd(program_fd);
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = program_fd;
	attr.link_create.attach_type = type;
	attr.link_create.tracing.cookie = number_of(operation, "cookie");
	link_fd = bpf(BPF_LINK_CREATE, &attr);
	if (link_fd < 0) {
		int error = errno;

		close(program_fd);
		if (error == EBUSY)
			lacks("CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS, for %s()", function);
		say_errno(error);
		return;
	}
	*tracer = (struct tracer){ .program_fd = program_fd, .link_fd = own_fd(link_fd) };
	tracer->sees_address = !strcmp(text_of(need(operation, "sees"), "kind"), "address");
	snprintf(tracer->name, sizeof(tracer->name), "%s", name);
	snprintf(tracer->function, sizeof(tracer->function), "%s", function);
	say_value(0);
}

static void detach_tracer(struct tracer *tracer)
{
	close(tracer->link_fd);
	close(tracer->program_fd);
	tracer->link_fd = 0;
	say_value(0);
}

/* Where a function has its patch site: behind ENDBR64, or the NOP in its place, if there is one. */
static int patch_site(const unsigned char *function)
{
	/* ENDBR64; what Linux 6.2 and Linux 6.18 write over it. */
	static const unsigned char landings[][4] = {
		{ 0xf3, 0x0f, 0x1e, 0xfa },
		{ 0x66, 0x0f, 0x1f, 0x00 },
		{ 0x0f, 0x1f, 0x40, 0xd6 },
	};

	for (size_t i = 0; i < sizeof(landings) / sizeof(*landings); i++)
		if (!memcmp(function, landings[i], 4))
			return 4;
	return 0;
}

/* The call at a function's patch site leads to its trampoline. */
static void show_tracer(const struct word *operation)
{
	static const char *const ends[] = { "ret", "ret int3", "jmp" };
	/* A trampoline takes at most a page. */
	static unsigned char code[4096 + PEEK_SIZE];
	const char *function = function_name(operation);
	size_t programs = 0, length = 0, wanted;
	uint64_t address;
	const unsigned char *bytes;
	int32_t distance;
	int site;

	for (size_t i = 0; i < MAX_TRACERS; i++)
		programs += tracers[i].link_fd && !strcmp(tracers[i].function, function);
	if (!programs) {
		say("{\"kind\":\"impossible\"}");
		return;
	}
	address = find_function(function);
	bytes = peek(address);
	site = patch_site(bytes);
	if (bytes[site] != 0xe8)
		fail("%s() has %02x where a call was expected", function, bytes[site]);
	memcpy(&distance, bytes + site + 1, sizeof(distance));
	address += site + 5 + distance;
	/* More than programs and what stands around them take. */
	wanted = 512 + 128 * programs;
	for (; length < wanted && length < 4096; length += PEEK_SIZE) {
		bytes = try_peek(address + length);
		if (!bytes)
			break;
		memcpy(code + length, bytes, PEEK_SIZE);
	}
	say_code(code, length, ends[build.return_thunk ? 2 : build.sls]);
}

/* What programs on test functions have seen since the log was emptied. */
static void say_seen(void)
{
	const char *separator = "";

	say("[");
	for (uint64_t i = 0; i < seen->count && i < LOG_ENTRIES; i++) {
		const struct tracer *tracer = &tracers[seen->entries[i].tracer];
		uint64_t value = seen->entries[i].value;

		if (strncmp(tracer->function, TEST_FUNCTION, strlen(TEST_FUNCTION)) &&
		    strncmp(tracer->function, TEST_FUNCTION_MODIFIED,
			    strlen(TEST_FUNCTION_MODIFIED)))
			continue;
		if (tracer->sees_address)
			value -= find_function(tracer->function);
		say("%s{\"program\":\"%s\",\"value\":\"0x%llx\"}", separator, tracer->name,
		    (unsigned long long)value);
		separator = ",";
	}
	say("]");
}

static void test_run_tracing(const struct tracer *tracer)
{
	union bpf_attr attr = { 0 };

	seen->count = 0;
	attr.test.prog_fd = tracer->program_fd;
	if (bpf(BPF_PROG_TEST_RUN, &attr)) {
		say_errno(errno);
		return;
	}
	say("{\"kind\":\"traced\",\"value\":\"0x%x\",\"reports\":[],\"seen\":", attr.test.retval);
	say_seen();
	say("}");
}

/* Whether an operation is one of tracing; if so, does it. */
static bool tracing_step(const char *op, const struct word *operation)
{
	struct tracer *tracer;

	if (!strcmp(op, "attach")) {
		attach_tracer(operation);
	} else if (!strcmp(op, "tracer")) {
		show_tracer(operation);
	} else if (!strcmp(op, "detach") || !strcmp(op, "testRunTracing")) {
		tracer = find_tracer(text_of(operation, "program"));
		if (!tracer)
			say("{\"kind\":\"impossible\"}");
		else if (!strcmp(op, "detach"))
			detach_tracer(tracer);
		else
			test_run_tracing(tracer);
	} else {
		return false;
	}
	return true;
}

/* Init: unregisters what a case that is gone has left, and forgets complaints that it asked for. */
static void restore(void)
{
	union bpf_attr attr = { 0 };
	static const char *const any[] = { "", NULL };
	char record[8192];

	if (booted && *first_limit)
		write_limit(first_limit);
	if (*provoked) {
		*provoked = false;
		while (next_message(any, record, sizeof(record)))
			;
		first_taint |= read_taint() & COMPLAINTS;
	}
	while (!bpf(BPF_MAP_GET_NEXT_ID, &attr)) {
		uint32_t id = attr.next_id;
		struct bpf_map_info info = { 0 };
		int fd;

		memset(&attr, 0, sizeof(attr));
		attr.map_id = id;
		fd = bpf(BPF_MAP_GET_FD_BY_ID, &attr);
		if (fd >= 0) {
			memset(&attr, 0, sizeof(attr));
			attr.info.bpf_fd = fd;
			attr.info.info_len = sizeof(info);
			attr.info.info = (uintptr_t)&info;
			if (!bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) &&
			    info.type == BPF_MAP_TYPE_STRUCT_OPS &&
			    !strncmp(info.name, MAP_PREFIX, strlen(MAP_PREFIX)))
				delete_element(fd);
			close(fd);
		}
		memset(&attr, 0, sizeof(attr));
		attr.start_id = id;
	}
}

static void program_step(const char *op, const struct word *operation)
{
	struct program *program = find_program(text_of(operation, "program"));
	bool open = program && program->fd;

	if (!strcmp(op, "load")) {
		int fd = program ? reopen(program) : -1;

		if (fd >= 0) {
			close(fd);
			say("{\"kind\":\"impossible\"}");
		} else {
			load(operation);
		}
	} else if (!strcmp(op, "image") && program) {
		show_image(program);
	} else if (!strcmp(op, "text") && program) {
		show_text(program, get(operation, "part"));
	} else if (!strcmp(op, "tailSet") && open && program->array_fd) {
		set_tail(program, operation);
	} else if (!strcmp(op, "tailSet")) {
		say("{\"kind\":\"impossible\"}");
	} else if (!strcmp(op, "allocation") && program) {
		show_allocation(program);
	} else if (program && !open && !program->struct_ops && !strcmp(op, "dispatch")) {
		lacks("a pointer to a program that is gone");
	} else if (!open || (!strcmp(op, "testRun") && !program->struct_ops) ||
		   (!strcmp(op, "dispatch") && program->struct_ops)) {
		say("{\"kind\":\"impossible\"}");
	} else if (!strcmp(op, "dispatch")) {
		dispatch(program);
	} else if (!strcmp(op, "unload")) {
		unload(program);
	} else if (!strcmp(op, "testRun")) {
		test_run(program, operation);
	} else {
		lacks("a way to do %s from user space", op);
	}
}

static const char *mode_name(void)
{
	static const char *const names[] = { "AUTO", "OFF", "KCFI", "FINEIBT" };

	return names[build.mode & 3];
}

static void step(const struct word *operation, const char *line, size_t length)
{
	const char *op = text_of(operation, "op");

	(void)line;
	(void)length;
	if (!strcmp(op, "boot"))
		/* This kernel has booted: the case was refused where it asks for another boot. */
		say("{\"kind\":\"booted\",\"mode\":\"%s\",\"messages\":[%s]}", mode_name(),
		    build.messages);
	else if (!strcmp(op, "call"))
		call(operation);
	else if (!strcmp(op, "function"))
		show_function(operation);
	else if (!strcmp(op, "site"))
		show_site(operation);
	else if (!strcmp(op, "packs"))
		show_packs();
	else if (!strcmp(op, "jitLimit"))
		set_limit(operation);
	else if (tracing_step(op, operation))
		return;
	else if (get(operation, "map"))
		map_step(op, operation);
	else if (get(operation, "program"))
		program_step(op, operation);
	else
		lacks("a way to do %s from user space", op);
}

/* The world is what this kernel is: the target has compared them. */
static void build_world(const struct word *setup)
{
	if (!btf_size)
		lacks("CONFIG_DEBUG_INFO_BTF");
	if (get(setup, "packed"))
		await_packs();
}

/*
 * In front of a program's entry stands ENDBR64 where the kernel was built for IBT; it ends in
 * RET, in RET and INT3, or in JMP. False where there is no image to look at.
 */
static bool survey_image(void)
{
	struct bpf_insn code[2] = {
		{ .code = BPF_ALU | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	unsigned char image[64] = { 0 };
	struct bpf_prog_info info = { .jited_prog_len = sizeof(image),
				      .jited_prog_insns = (uintptr_t)image };
	union bpf_attr attr = { .license = (uintptr_t)"GPL",
				.insns = (uintptr_t)code,
				.insn_cnt = 2,
				.prog_type = BPF_PROG_TYPE_XDP };
	uint32_t length;
	int fd = bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0)
		return false;
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
	close(fd);
	length = info.jited_prog_len;
	if (length <= 5 || length > sizeof(image) || !image[0])
		return false;
	build.ibt = image[0] == 0xf3 || image[0] == 0x66;
	build.return_thunk = image[length - 5] == 0xe9;
	build.sls = image[length - 1] == 0xcc && image[length - 2] == 0xc3;
	return true;
}

/* What stands behind a parameter on the command line. */
static void read_parameter(const char *name, char *value, size_t size)
{
	char line[4096] = "", *rest;
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, line, sizeof(line) - 1) < 0)
		line[0] = '\0';
	close(fd);
	line[strcspn(line, "\n")] = '\0';
	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		if (!strncmp(word, name, strlen(name)))
			snprintf(value, size, "%s", word + strlen(name));
}

/* What the kernel has logged of the scheme that it chose. */
static void read_messages(void)
{
	static const char prefix[] = "SMP alternatives: ";
	static const char *const marks[] = { "Ignoring unknown cfi option", "Disabling CFI",
					     "Using kCFI", "FineIBT", "CFI: ",
					     "CFI mismatch" };
	/* Init's own is open before its root is; it reads on behind the end. */
	int fd = kmsg_fd >= 0 ? kmsg_fd : open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[8192];
	ssize_t n;

	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, record, sizeof(record) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		size_t used = strlen(build.messages);
		const char *text;

		record[n < 0 ? 0 : n] = '\0';
		text = strstr(record, prefix);
		if (!text)
			continue;
		text += strlen(prefix);
		for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
			if (strstr(text, marks[i]))
				snprintf(build.messages + used, sizeof(build.messages) - used,
					 "%s\"%.*s\"", used ? "," : "", (int)strcspn(text, "\n"),
					 text);
	}
	if (fd != kmsg_fd)
		close(fd);
}

static uint32_t peek_word(const char *symbol)
{
	const unsigned char *bytes = try_peek(find_symbol(symbol));
	uint32_t value = 0;

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Whether the kernel uses a feature of the CPU. */
static bool cpu_has(const char *flag)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[8192], *rest, *word = NULL;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "flags", 5))
			break;
	if (file && !feof(file))
		for (word = strtok_r(line, " \t\n", &rest); word && strcmp(word, flag);)
			word = strtok_r(NULL, " \t\n", &rest);
	if (file)
		fclose(file);
	return word;
}

/* Any function that is called through a pointer, and is in every kernel. */
#define SAMPLE "tcp_reno_ssthresh"

static void survey_cfi(void)
{
	const unsigned char *thunk;

	build.mode = 1;
	build.cfi = find_symbol("handle_cfi_failure") != 0;
	if (!build.cfi)
		return;
	build.mode = peek_word("cfi_mode");
	build.seed = peek_word("cfi_seed");
	build.fineibt = find_symbol("fineibt_preamble_start") != 0;
	build.padding = find_symbol(SAMPLE) - find_symbol("__cfi_" SAMPLE) == 16;
	/* CALL, unless it has become a branch again. */
	thunk = try_peek(find_symbol("__x86_indirect_thunk_r11"));
	build.retpoline = thunk && thunk[0] == 0xe8;
	build.offset = build.mode == 1 ? 0 : build.padding ? 16 : 5;
	read_parameter("cfi=", build.parameter, sizeof(build.parameter));
	read_messages();
}

/* While the host can still be seen. */
static void survey(void)
{
	read_btf();
	build.cpu_ibt = cpu_has("ibt");
	build.cpu_fred = cpu_has("fred");
	survey_cfi();
}

static const char *truth(bool value)
{
	return value ? "true" : "false";
}

static void describe(void)
{
	bool jit = survey_image();
	int fd;

	if (booted) {
		mkdir("/sys", 0755);
		mount("sysfs", "/sys", "sysfs", 0, NULL);
		mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
		survey();
		/* A failed check ends the process that made the call, and not the machine. */
		fd = open("/proc/sys/kernel/panic_on_oops", O_WRONLY | O_CLOEXEC);
		build.survives = fd >= 0 && write(fd, "0", 1) == 1;
		close(fd);
	}
	say(",\"jit\":%s,\"ibt\":%s,\"returnThunk\":%s,\"sls\":%s", truth(jit), truth(build.ibt),
	    truth(build.return_thunk), truth(build.sls));
	say(",\"cpuIbt\":%s,\"cpuFred\":%s", truth(build.cpu_ibt), truth(build.cpu_fred));
	say(",\"cfi\":%s,\"fineibt\":%s,\"padding\":%s,\"retpoline\":%s", truth(build.cfi),
	    truth(build.fineibt), truth(build.padding), truth(build.retpoline));
	if (booted) {
		survey_limit();
		survey_packs();
	}
	if (pack_list) {
		say(",\"packed\":");
		say_runs(first_bitmap);
	}
	say(",\"mode\":\"%s\",\"seed\":\"0x%x\",\"parameter\":", mode_name(), build.seed);
	say_string(build.parameter);
}

int main(int argc, char **argv)
{
	static const struct probe probe = {
		.name = "bpf-cfi",
		.survey = survey,
		.describe = describe,
		.world = build_world,
		.step = step,
		.restore = restore,
	};

	provoked = mmap(NULL, sizeof(*provoked), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	known = mmap(NULL, MAX_KNOWN * sizeof(*known), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (provoked == MAP_FAILED || known == MAP_FAILED)
		return 1;
	return probe_main(argc, argv, &probe);
}
