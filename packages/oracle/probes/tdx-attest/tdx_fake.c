// SPDX-License-Identifier: MIT
/*
 * A fake TDX module and a scripted host, for a kernel that is no TD.
 *
 * Under an emulator that has no TDX, TDCALL is an invalid opcode. This module takes the #UD that it
 * raises in the kernel, does what a script says in place of the TDX module and the host, and goes
 * on behind the instruction. So everything of Linux is Linux: the driver, tsm, configfs, and the
 * wrappers of TDCALL in arch/x86/coco/tdx. What is fake is hardware, firmware and host.
 */
#include <linux/hrtimer.h>
#include <linux/kdebug.h>
#include <linux/kprobes.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/traps.h>

#include "tdx_fake.h"

/* Leaves, sub-functions and statuses. Origin: TDX Module ABI Specification; GHCI Specification. */
#define TDG_VP_VMCALL_LEAF 0
#define TDG_MR_REPORT_LEAF 4
#define VMCALL_GET_QUOTE 0x10002
#define VMCALL_INVALID_OPERAND 0x8000000000000000ull
#define VMCALL_ALIGN_ERROR 0x8000000000000002ull
#define VMCALL_UNSUPPORTED 0x8000000000000003ull
#define TDX_OPERAND_INVALID 0xc000010000000000ull
#define OPERAND_RCX 1
#define OPERAND_RDX 2
#define OPERAND_R8 8

#define REPORTDATA_SIZE 64
#define REPORTDATA_AT 128
#define REPORT_SIZE 1024
#define REPORT_TYPE_TDX 0x81
/* The host's answer begins with the complement of REPORTDATA. */
#define ANSWER_FILLER 0x51

#define IN_FLIGHT (~0ull)

static const u8 tdcall_opcode[] = { 0x66, 0x0f, 0x01, 0xcc };

/* The head of the shared buffer. Origin: GHCI Specification, TDG.VP.VMCALL<GetQuote>. */
struct quote_buffer {
	u64 version;
	u64 status;
	u32 in_len;
	u32 out_len;
	u8 data[];
};

static const struct tdx_fake_script honest = {
	.out_len = 100,
	.delay_ms = TDX_FAKE_INSIDE,
};

static struct tdx_fake_script script = honest;
static struct tdx_fake_counts counts;
/* The memory that the driver shares, and how much of it there is. */
static struct quote_buffer *shared;
static size_t shared_size;
/* The host has accepted a request in it. */
static bool accepted;
static unsigned long failing;
static DEFINE_SPINLOCK(lock);

/* The host. */

/* Data first, then out_len, then the status: the order in which a guest may rely on them. */
static void host_answers(void)
{
	size_t room, size;
	u8 nonce[REPORTDATA_SIZE];

	if (!shared || !accepted)
		return;
	room = shared_size - sizeof(*shared);
	size = min_t(size_t, script.out_len, room);
	memcpy(nonce, shared->data + REPORTDATA_AT, sizeof(nonce));
	for (size_t i = 0; i < size; i++)
		shared->data[i] = i < sizeof(nonce) ? nonce[i] ^ 0xff : ANSWER_FILLER;
	counts.host_bytes = max_t(u32, counts.host_bytes, size);
	WRITE_ONCE(shared->out_len, script.out_len);
	smp_wmb();
	WRITE_ONCE(shared->status, script.final_status);
}

/* Exact to the millisecond: a timer of the wheel may be two seconds late within half a minute. */
static struct hrtimer answer_timer;

static enum hrtimer_restart answer_is_due(struct hrtimer *unused)
{
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	host_answers();
	spin_unlock_irqrestore(&lock, flags);
	return HRTIMER_NORESTART;
}

static u64 get_quote(u64 gpa, u64 size)
{
	unsigned long flags;

	counts.hypercalls++;
	if (!IS_ALIGNED(gpa, PAGE_SIZE) || !IS_ALIGNED(size, PAGE_SIZE))
		return VMCALL_ALIGN_ERROR;
	if (!size || !shared || phys_to_virt(gpa) != shared || shared->version != 1)
		return VMCALL_INVALID_OPERAND;
	hrtimer_try_to_cancel(&answer_timer);
	if (script.hypercall_status)
		return script.hypercall_status;
	spin_lock_irqsave(&lock, flags);
	shared_size = size;
	accepted = true;
	WRITE_ONCE(shared->status, IN_FLIGHT);
	if (script.delay_ms == TDX_FAKE_INSIDE)
		host_answers();
	else if (script.delay_ms != TDX_FAKE_NEVER)
		hrtimer_start(&answer_timer, ms_to_ktime(script.delay_ms), HRTIMER_MODE_REL);
	spin_unlock_irqrestore(&lock, flags);
	return 0;
}

/* The TDX module. */

/* The checks of TDG.MR.REPORT, in the order of the TDX module 1.5. */
static u64 mr_report(u64 report, u64 data, u64 subtype)
{
	u8 reportdata[REPORTDATA_SIZE];
	u8 *to = phys_to_virt(report);

	counts.tdcalls++;
	if (!IS_ALIGNED(report, REPORT_SIZE))
		return TDX_OPERAND_INVALID | OPERAND_RCX;
	if (!IS_ALIGNED(data, REPORTDATA_SIZE))
		return TDX_OPERAND_INVALID | OPERAND_RDX;
	if (subtype)
		return TDX_OPERAND_INVALID | OPERAND_R8;
	if (script.tdcall_status)
		return script.tdcall_status;
	memcpy(reportdata, phys_to_virt(data), sizeof(reportdata));
	memset(to, 0, REPORT_SIZE);
	to[0] = REPORT_TYPE_TDX;
	memcpy(to + REPORTDATA_AT, reportdata, sizeof(reportdata));
	counts.host_bytes = 0;
	return 0;
}

static void do_tdcall(struct pt_regs *regs)
{
	switch (regs->ax) {
	case TDG_MR_REPORT_LEAF:
		regs->ax = mr_report(regs->cx, regs->dx, regs->r8);
		break;
	case TDG_VP_VMCALL_LEAF:
		regs->ax = 0;
		regs->r10 = regs->r10 == 0 && regs->r11 == VMCALL_GET_QUOTE ?
				    get_quote(regs->r12, regs->r13) :
				    VMCALL_UNSUPPORTED;
		break;
	default:
		regs->ax = TDX_OPERAND_INVALID;
	}
}

static int on_die(struct notifier_block *unused, unsigned long event, void *data)
{
	struct die_args *die = data;
	u8 opcode[sizeof(tdcall_opcode)];

	if (event != DIE_TRAP || die->trapnr != X86_TRAP_UD || user_mode(die->regs))
		return NOTIFY_DONE;
	if (copy_from_kernel_nofault(opcode, (void *)die->regs->ip, sizeof(opcode)) ||
	    memcmp(opcode, tdcall_opcode, sizeof(opcode)))
		return NOTIFY_DONE;
	do_tdcall(die->regs);
	die->regs->ip += sizeof(opcode);
	return NOTIFY_STOP;
}

static struct notifier_block die_notifier = { .notifier_call = on_die, .priority = INT_MAX };

/* Faults below the driver, and what the host learns of the memory that is shared. */

static noinline long return_enomem(void)
{
	return -ENOMEM;
}

static noinline void *return_null(void)
{
	return NULL;
}

/* The driver, while it is in memory. */
static struct module *driver;

static int on_module(struct notifier_block *unused, unsigned long state, void *data)
{
	struct module *module = data;

	if (state == MODULE_STATE_COMING && !strcmp(module->name, "tdx_guest"))
		driver = module;
	if (state == MODULE_STATE_GOING && module == driver)
		driver = NULL;
	return NOTIFY_OK;
}

static struct notifier_block module_notifier = { .notifier_call = on_module };

static bool called_by_driver(struct pt_regs *regs)
{
	return driver && within_module(*(unsigned long *)regs->sp, driver);
}

/* The function that was called returns at once, with what another one returns. */
static int instead(struct pt_regs *regs, void *other)
{
	regs->ip = (unsigned long)other;
	return 1;
}

static int on_misc_register(struct kprobe *unused, struct pt_regs *regs)
{
	if (!called_by_driver(regs) || !(failing & TDX_FAKE_FAIL_MISC_REGISTER))
		return 0;
	failing = 0;
	return instead(regs, return_enomem);
}

static int on_set_memory_decrypted(struct kprobe *unused, struct pt_regs *regs)
{
	if (!called_by_driver(regs))
		return 0;
	if (failing & TDX_FAKE_FAIL_SET_MEMORY_DECRYPTED) {
		failing = 0;
		return instead(regs, return_enomem);
	}
	shared = (void *)regs->di;
	shared_size = regs->si << PAGE_SHIFT;
	accepted = false;
	return 0;
}

static int on_set_memory_encrypted(struct kprobe *unused, struct pt_regs *regs)
{
	unsigned long flags;

	if (!called_by_driver(regs))
		return 0;
	spin_lock_irqsave(&lock, flags);
	hrtimer_try_to_cancel(&answer_timer);
	shared = NULL;
	spin_unlock_irqrestore(&lock, flags);
	return 0;
}

static int on_allocation(struct kprobe *unused, struct pt_regs *regs)
{
	if (!(failing & (TDX_FAKE_FAIL_ALLOCATION_1 | TDX_FAKE_FAIL_ALLOCATION_2)) ||
	    !called_by_driver(regs))
		return 0;
	if (failing & TDX_FAKE_FAIL_ALLOCATION_2) {
		failing = TDX_FAKE_FAIL_ALLOCATION_1;
		return 0;
	}
	failing = 0;
	return instead(regs, return_null);
}

static struct kprobe misc_register_probe = {
	.symbol_name = "misc_register",
	.pre_handler = on_misc_register,
};

static struct kprobe set_memory_decrypted_probe = {
	.symbol_name = "set_memory_decrypted",
	.pre_handler = on_set_memory_decrypted,
};

static struct kprobe set_memory_encrypted_probe = {
	.symbol_name = "set_memory_encrypted",
	.pre_handler = on_set_memory_encrypted,
};

static struct kprobe allocation_probe = {
	.symbol_name = "__kmalloc_cache_noprof",
	.pre_handler = on_allocation,
};

static struct kprobe *probes[] = {
	&misc_register_probe,
	&set_memory_decrypted_probe,
	&set_memory_encrypted_probe,
	&allocation_probe,
};

/* The misc device of somebody else. */

static const struct file_operations nothing = { .owner = THIS_MODULE };

static struct miscdevice other = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tdx_guest",
	.fops = &nothing,
};

static bool name_taken;

static long take_name(bool take)
{
	long result = 0;

	if (take == name_taken)
		return 0;
	if (take)
		result = misc_register(&other);
	else
		misc_deregister(&other);
	if (!result)
		name_taken = take;
	return result;
}

/* What the probe says. */

static long host_writes(const struct tdx_fake_write __user *argument)
{
	struct tdx_fake_write *write = memdup_user(argument, sizeof(*write));
	unsigned long flags;
	size_t room;

	if (IS_ERR(write))
		return PTR_ERR(write);
	spin_lock_irqsave(&lock, flags);
	room = shared ? shared_size - sizeof(*shared) : 0;
	if (shared && write->fields & TDX_FAKE_DATA) {
		memset(shared->data, 0, room);
		memcpy(shared->data, write->data, min3(room, sizeof(write->data), (size_t)write->size));
		counts.host_bytes = room;
	}
	if (shared && write->fields & TDX_FAKE_OUT_LEN)
		WRITE_ONCE(shared->out_len, write->out_len);
	if (shared && write->fields & TDX_FAKE_STATUS)
		WRITE_ONCE(shared->status, write->status);
	spin_unlock_irqrestore(&lock, flags);
	kfree(write);
	return 0;
}

static long host_completes(void)
{
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	hrtimer_try_to_cancel(&answer_timer);
	host_answers();
	spin_unlock_irqrestore(&lock, flags);
	return 0;
}

static long say_counts(struct tdx_fake_counts __user *argument)
{
	if (copy_to_user(argument, &counts, sizeof(counts)))
		return -EFAULT;
	counts.tdcalls = 0;
	counts.hypercalls = 0;
	return 0;
}

static long set_feature(bool guest)
{
	unsigned long *capabilities = (unsigned long *)boot_cpu_data.x86_capability;

	if (guest)
		set_bit(X86_FEATURE_TDX_GUEST, capabilities);
	else
		clear_bit(X86_FEATURE_TDX_GUEST, capabilities);
	return 0;
}

static long fake_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	switch (command) {
	case TDX_FAKE_SCRIPT:
		return copy_from_user(&script, (void __user *)argument, sizeof(script)) ? -EFAULT :
											   0;
	case TDX_FAKE_WRITE:
		return host_writes((void __user *)argument);
	case TDX_FAKE_COMPLETE:
		return host_completes();
	case TDX_FAKE_COUNTS:
		return say_counts((void __user *)argument);
	case TDX_FAKE_FEATURE:
		return set_feature(argument);
	case TDX_FAKE_TAKE_NAME:
		return take_name(argument);
	case TDX_FAKE_FAIL:
		failing = argument;
		return 0;
	default:
		return -ENOTTY;
	}
}

static const struct file_operations fake_operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = fake_ioctl,
};

static struct miscdevice fake = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tdx-fake",
	.fops = &fake_operations,
};

static int __init fake_init(void)
{
	int result;

	hrtimer_init(&answer_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	answer_timer.function = answer_is_due;
	result = register_kprobes(probes, ARRAY_SIZE(probes));
	if (result)
		return result;
	result = register_die_notifier(&die_notifier);
	if (result)
		goto no_notifier;
	result = register_module_notifier(&module_notifier);
	if (result)
		goto no_modules;
	result = misc_register(&fake);
	if (result)
		goto no_device;
	return 0;

no_device:
	unregister_module_notifier(&module_notifier);
no_modules:
	unregister_die_notifier(&die_notifier);
no_notifier:
	unregister_kprobes(probes, ARRAY_SIZE(probes));
	return result;
}
module_init(fake_init);

static void __exit fake_exit(void)
{
	hrtimer_cancel(&answer_timer);
	take_name(false);
	misc_deregister(&fake);
	unregister_module_notifier(&module_notifier);
	unregister_die_notifier(&die_notifier);
	unregister_kprobes(probes, ARRAY_SIZE(probes));
}
module_exit(fake_exit);

MODULE_DESCRIPTION("A fake TDX module and a scripted host");
MODULE_LICENSE("Dual MIT/GPL");
