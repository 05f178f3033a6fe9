/* SPDX-License-Identifier: MIT */
/*
 * A machine for the firmware of transitions.S on /dev/kvm: memory, the image below 4 GiB, and the printer
 * port, whose bytes go to standard output. User space takes the MSR accesses that KVM does not know
 * (KVM_CAP_X86_USER_SPACE_MSR) and answers them by the rules of the paravirtual pinning MSRs, so that
 * the guest's RDMSR and WRMSR, their #GP and their values are the real thing.
 *
 *   kvm-machine IMAGE [LENGTH...]     pins are forgotten after LENGTH cases, then after the next LENGTH, ...
 *   kvm-machine --probe               says whether this host can do it, and what is missing
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define RAM_SIZE (32u << 20)
#define PRINTER 0x378
#define POWER 0x8900

#define MSR_CR0_ALLOWED 0x4b564d08u
#define MSR_CR4_ALLOWED 0x4b564d09u
#define MSR_CR0_LOW 0x4b564d0au
#define MSR_CR4_HIGH 0x4b564d0du
#define CR0_WP 0x10000ull
#define CR4_GUARDS 0x300800ull

/* pins[cr][polarity]: [0] CR0, [1] CR4; [0] low, [1] high. */
static uint64_t pins[2][2];

static void missing(const char *what)
{
	printf("missing: %s: %s\n", what, strerror(errno));
	exit(3);
}

static void need(int result, const char *what)
{
	if (result < 0)
		missing(what);
}

static uint64_t allowed(int cr)
{
	return cr ? CR4_GUARDS : CR0_WP;
}

/* Non-zero: #GP. */
static int pin_read(uint32_t index, uint64_t *data)
{
	if (index == MSR_CR0_ALLOWED || index == MSR_CR4_ALLOWED) {
		*data = allowed(index == MSR_CR4_ALLOWED);
		return 0;
	}
	if (index < MSR_CR0_LOW || index > MSR_CR4_HIGH)
		return 1;
	*data = pins[(index - MSR_CR0_LOW) / 2][(index - MSR_CR0_LOW) % 2];
	return 0;
}

static int pin_write(uint32_t index, uint64_t data)
{
	int cr, polarity;

	if (index == MSR_CR0_ALLOWED || index == MSR_CR4_ALLOWED)
		return data != allowed(index == MSR_CR4_ALLOWED);
	if (index < MSR_CR0_LOW || index > MSR_CR4_HIGH)
		return 1;
	cr = (index - MSR_CR0_LOW) / 2;
	polarity = (index - MSR_CR0_LOW) % 2;
	if (data & ~allowed(cr) || data & pins[cr][!polarity] || ~data & pins[cr][polarity])
		return 1;
	pins[cr][polarity] = data;
	return 0;
}

static void map(int vm, int slot, uint64_t address, uint64_t size, void *memory)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = address,
		.memory_size = size,
		.userspace_addr = (uintptr_t)memory,
	};

	need(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
}

static void *load(const char *path, uint64_t *size)
{
	struct stat status;
	char *memory;
	int file = open(path, O_RDONLY | O_CLOEXEC);

	need(file, path);
	need(fstat(file, &status), path);
	*size = (uint64_t)status.st_size;
	memory = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	if (memory == MAP_FAILED)
		missing(path);
	close(file);
	return memory;
}

/* The guest gets every feature that KVM has. */
static void set_cpuid(int kvm, int vcpu)
{
	enum { ENTRIES = 128 };
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + ENTRIES * sizeof(cpuid->entries[0]));

	if (!cpuid)
		missing("memory");
	cpuid->nent = ENTRIES;
	need(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM_GET_SUPPORTED_CPUID");
	need(ioctl(vcpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
	free(cpuid);
}

/* Counts the lines of the firmware, and forgets the pins where a history ends. */
static void put(char byte, char **lengths)
{
	static long left = -1;
	static int next;

	putchar(byte);
	if (byte != '\n' || !lengths)
		return;
	if (left < 0)
		left = lengths[next] ? atol(lengths[next++]) : -1;
	if (left > 0 && --left == 0) {
		memset(pins, 0, sizeof(pins));
		left = lengths[next] ? atol(lengths[next++]) : -1;
	}
}

static int run(int vcpu, struct kvm_run *run, char **lengths)
{
	for (;;) {
		if (ioctl(vcpu, KVM_RUN, 0) < 0 && errno != EINTR)
			missing("KVM_RUN");
		switch (run->exit_reason) {
		case KVM_EXIT_IO:
			if (run->io.port == POWER)
				return 0;
			if (run->io.port == PRINTER)
				put(((char *)run)[run->io.data_offset], lengths);
			break;
		case KVM_EXIT_X86_RDMSR:
			run->msr.error = pin_read(run->msr.index, (uint64_t *)&run->msr.data);
			break;
		case KVM_EXIT_X86_WRMSR:
			run->msr.error = pin_write(run->msr.index, run->msr.data);
			break;
		default:
			fflush(stdout);
			fprintf(stderr, "exit reason %u\n", run->exit_reason);
			return 1;
		}
	}
}

int main(int argc, char **argv)
{
	struct kvm_enable_cap user_msrs = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR,
		.args = { KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_INVAL },
	};
	int is_probe = argc == 2 && !strcmp(argv[1], "--probe");
	int kvm, vm, vcpu, size;
	struct kvm_run *state;
	uint64_t image_size;
	void *ram, *image;

	if (argc < 2) {
		fprintf(stderr, "usage: kvm-machine IMAGE [LENGTH...] | --probe\n");
		return 2;
	}
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	need(kvm, "/dev/kvm");
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	need(vm, "KVM_CREATE_VM");
	need(ioctl(vm, KVM_ENABLE_CAP, &user_msrs), "KVM_CAP_X86_USER_SPACE_MSR");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	need(vcpu, "KVM_CREATE_VCPU");
	if (is_probe) {
		printf("ok\n");
		return 0;
	}
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED)
		missing("memory");
	image = load(argv[1], &image_size);
	map(vm, 0, 0, RAM_SIZE, ram);
	map(vm, 1, (1ull << 32) - image_size, image_size, image);
	set_cpuid(kvm, vcpu);
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	need(size, "KVM_GET_VCPU_MMAP_SIZE");
	state = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (state == MAP_FAILED)
		missing("struct kvm_run");
	return run(vcpu, state, argc > 2 ? argv + 2 : NULL);
}
