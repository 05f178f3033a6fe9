/* SPDX-License-Identifier: MIT */
/*
 * The probe of the model bpf-cfi: loads small programs on the kernel it runs on, reads their JIT
 * images back, and runs those for bpf_dummy_ops. Nothing outside of the programs' own
 * descriptors is touched, and closing them removes everything.
 */
#include "probe.h"
#include <linux/bpf.h>

/* ENOTSUPP, which the kernel keeps from user space everywhere else. Origin: include/linux/errno.h. */
#define KM_ENOTSUPP 524

#define MAX_PROGRAMS 16
#define MAX_IMAGE 4096
#define BTF_LIMIT (64u << 20)

/* BTF, as Documentation/bpf/btf.rst of Linux 6.18 has it. */
enum { BTF_STRUCT = 4, BTF_KINDS = 20 };
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
	int fd;
};

static struct program programs[MAX_PROGRAMS];

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

/* The type number of a struct, and with `member` the index of that member; -1 where there is none. */
static int find_struct(const char *name, const char *member, int *index)
{
	size_t header = word_at(4), strings = header + word_at(16);
	size_t at = header + word_at(8), end = at + word_at(12);

	for (int id = 1; at < end; id++) {
		uint32_t info = word_at(at + 4), kind = info >> 24 & 0x1f, count = info & 0xffff;

		if (kind >= BTF_KINDS)
			fail("BTF: a type of kind %u", kind);
		if (kind == BTF_STRUCT && !strcmp(btf + strings + word_at(at), name)) {
			*index = count + 1000;
			for (uint32_t i = 0; i < count; i++)
				if (!strcmp(btf + strings + word_at(at + 12 + 12 * i), member))
					*index = i;
			return id;
		}
		at += 12 + btf_extra[kind] * (btf_per_member[kind] ? count : 1);
	}
	return -1;
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

static struct program *find_program(const char *name)
{
	for (size_t i = 0; i < MAX_PROGRAMS; i++)
		if (programs[i].fd > 0 && !strcmp(programs[i].name, name))
			return &programs[i];
	return NULL;
}

/* The bytecode of a body; returns its length. */
static int assemble(const struct word *body, struct bpf_insn *code)
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

static void load(const struct word *operation)
{
	const char *kind = text_of(operation, "kind"), *name = text_of(operation, "program");
	struct bpf_insn code[4];
	union bpf_attr attr = { .license = (uintptr_t)"GPL", .insns = (uintptr_t)code };
	struct program *program = programs;
	int index, fd;

	attr.insn_cnt = assemble(need(operation, "body"), code);
	attr.prog_type = BPF_PROG_TYPE_XDP;
	if (!strcmp(kind, "struct_ops")) {
		attr.prog_type = BPF_PROG_TYPE_STRUCT_OPS;
		attr.attach_btf_id = find_struct(text_of(operation, "struct"),
						 text_of(operation, "member"), &index);
		if ((int)attr.attach_btf_id < 0)
			lacks("CONFIG_DEBUG_INFO_BTF: struct %s", text_of(operation, "struct"));
		attr.expected_attach_type = index;
		if (is_true(operation, "sleepable"))
			attr.prog_flags |= BPF_F_SLEEPABLE;
	} else if (strcmp(kind, "main")) {
		lacks("a caller for a subprogram");
	}
	while (program->fd > 0)
		if (++program == programs + MAX_PROGRAMS)
			fail("more than %d programs", MAX_PROGRAMS);
	fd = bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0) {
		if (errno == EPERM)
			lacks("CAP_BPF and CAP_PERFMON");
		say_errno(errno);
		return;
	}
	/* Above the operations' own: 0 means that there is no program. */
	program->fd = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OWN_FD);
	close(fd);
	if (program->fd < 0)
		fail("dup: %s", strerror(errno));
	program->struct_ops = attr.prog_type == BPF_PROG_TYPE_STRUCT_OPS;
	snprintf(program->name, sizeof(program->name), "%s", name);
	say_value(0);
}

static void unload(struct program *program)
{
	close(program->fd);
	program->fd = 0;
	say_value(0);
}

static void show_image(struct program *program)
{
	static unsigned char image[MAX_IMAGE];
	struct bpf_prog_info info = {
		.jited_prog_len = sizeof(image),
		.jited_prog_insns = (uintptr_t)image,
	};
	union bpf_attr attr = { 0 };

	attr.info.bpf_fd = program->fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr))
		fail("BPF_OBJ_GET_INFO_BY_FD: %s", strerror(errno));
	if (!info.jited_prog_len)
		lacks("sysctl net.core.bpf_jit_enable");
	if (!info.jited_prog_insns || info.jited_prog_len > sizeof(image))
		lacks("sysctl kernel.kptr_restrict");
	say("{\"kind\":\"image\",\"bytes\":\"");
	for (uint32_t i = 0; i < info.jited_prog_len; i++)
		say("%02x", image[i]);
	say("\"}");
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
	if (bpf(BPF_PROG_TEST_RUN, &attr)) {
		say_errno(errno);
		return;
	}
	say("{\"kind\":\"returned\",\"value\":\"0x%x\",\"reports\":[]}", attr.test.retval);
}

static void step(const struct word *operation, const char *line, size_t length)
{
	const char *op = text_of(operation, "op");
	struct program *program;

	(void)line;
	(void)length;
	if (!strcmp(op, "boot")) {
		/* This kernel has booted: the world was refused if it checks calls. */
		say("{\"kind\":\"booted\",\"mode\":\"OFF\",\"messages\":[]}");
		return;
	}
	program = find_program(text_of(operation, "program"));
	if (!strcmp(op, "load") ? program != NULL : program == NULL)
		say("{\"kind\":\"impossible\"}");
	else if (!strcmp(op, "testRun") && !program->struct_ops)
		say("{\"kind\":\"impossible\"}");
	else if (!strcmp(op, "load"))
		load(operation);
	else if (!strcmp(op, "unload"))
		unload(program);
	else if (!strcmp(op, "image"))
		show_image(program);
	else if (!strcmp(op, "testRun"))
		test_run(program, operation);
	else
		lacks("a way to do %s from user space", op);
}

/* The build is what the setup says: asked for by the image of a program, which shows ENDBR and returns. */
static void build_world(const struct word *setup)
{
	(void)setup;
	if (!btf_size)
		lacks("CONFIG_DEBUG_INFO_BTF");
}

/*
 * In front of a program's entry stands ENDBR64 where the kernel was built for IBT; it ends in
 * RET, in RET and INT3, or in JMP.
 */
static void describe(void)
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

	if (booted) {
		mkdir("/sys", 0755);
		mount("sysfs", "/sys", "sysfs", 0, NULL);
		read_btf();
	}
	if (fd >= 0) {
		memset(&attr, 0, sizeof(attr));
		attr.info.bpf_fd = fd;
		attr.info.info_len = sizeof(info);
		attr.info.info = (uintptr_t)&info;
		bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
		close(fd);
	}
	length = info.jited_prog_len;
	if (length <= 5 || length > sizeof(image))
		length = 6;
	say(",\"jit\":%s,\"ibt\":%s,\"returnThunk\":%s,\"sls\":%s", image[0] ? "true" : "false",
	    image[0] == 0xf3 || image[0] == 0x66 ? "true" : "false",
	    image[length - 5] == 0xe9 ? "true" : "false",
	    image[length - 1] == 0xcc && image[length - 2] == 0xc3 ? "true" : "false");
}

int main(int argc, char **argv)
{
	static const struct probe probe = {
		.name = "bpf-cfi",
		.survey = read_btf,
		.describe = describe,
		.world = build_world,
		.step = step,
	};

	return probe_main(argc, argv, &probe);
}
