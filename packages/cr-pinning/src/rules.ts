// SPDX-License-Identifier: MIT
import type { Rule } from '@kernel-models/model-core';
import { RULES as CPU_RULES } from '@kernel-models/hw-model/cpu';

const POSTED = 'Message-ID 20200617190757.27081-3-john.s.andersen@intel.com';

/** The policy's own rules: id, sentence, origin. */
const POLICY: readonly (readonly [string, string, string])[] = [
  [
    'vm.stopped',
    'The VM has stopped; only a reset brings it back.',
    'kvm_arch_vcpu_ioctl_run(), arch/x86/kvm/x86.c, Linux 5.8',
  ],
  [
    'pin.cr0',
    'A write of CR0 has a pinned bit other than it is pinned.',
    `kvm_set_cr0(), ${POSTED}`,
  ],
  [
    'pin.cr4',
    'A write of CR4 has a pinned bit other than it is pinned.',
    `kvm_set_cr4(), ${POSTED}`,
  ],
  [
    'pin.suspended',
    'Paging is turned on before the pins that INIT suspended are met.',
    'ours, the design that keeps pins over INIT',
  ],
  ['pin.efer', 'A write of EFER clears a pinned bit.', 'ours, the design that pins EFER'],
  [
    'lmsw.pin-dropped',
    'An LMSW that violates the pins has no effect, and no fault.',
    `kvm_lmsw(), arch/x86/kvm/x86.c, Linux 5.8, with ${POSTED}`,
  ],
  [
    'clts.pin-dropped',
    'A CLTS that meets violated pins has no effect.',
    `em_clts(), arch/x86/kvm/emulate.c, Linux 5.8, with ${POSTED}`,
  ],
  [
    'task-switch.pin-dropped',
    'A task switch that meets violated pins leaves TS as it is.',
    `emulator_do_task_switch(), arch/x86/kvm/emulate.c, Linux 5.8, with ${POSTED}`,
  ],
  [
    'task-switch.done',
    'A task switch sets TS.',
    'emulator_do_task_switch(), arch/x86/kvm/emulate.c, Linux 5.8',
  ],
  [
    'native.repaired',
    'The kernel looks at what it wrote and puts pinned bits back.',
    'native_write_cr4(), arch/x86/kernel/cpu/common.c, Linux 5.8',
  ],
  [
    'pin-msr.allowed-differs',
    'The ALLOWED MSRs take only their own value.',
    `kvm_set_msr_common(), ${POSTED}`,
  ],
  [
    'pin-msr.allowed-below-pins',
    'ALLOWED is not narrowed below what is pinned.',
    'announced in July 2020, never posted',
  ],
  [
    'pin-msr.not-allowed',
    'A bit that is not allowed cannot be pinned.',
    `kvm_set_msr_common(), ${POSTED}`,
  ],
  [
    'pin-msr.opposite',
    'A bit that is pinned one way cannot be pinned the other way.',
    `kvm_set_msr_common(), ${POSTED}`,
  ],
  [
    'pin-msr.unpins',
    'A guest’s write must repeat what is pinned already.',
    `kvm_set_msr_common(), ${POSTED}`,
  ],
  [
    'pin-msr.hidden',
    'The MSRs answer only where CPUID shows the feature.',
    'review of the posting of June 2020',
  ],
  [
    'pin-msr.write-only',
    'The guest does not read its pins.',
    `Documentation/virt/kvm/msr.rst, ${POSTED}`,
  ],
  ['pin-msr.written', 'The guest has pinned.', `kvm_set_msr_common(), ${POSTED}`],
  ['pin-msr.read', 'The guest reads an MSR of the interface.', `kvm_get_msr_common(), ${POSTED}`],
  [
    'pin-msr.written-by-host',
    'The host sets an MSR of the interface; it may take pins away.',
    `kvm_set_msr_common(), ${POSTED}`,
  ],
  [
    'pin-msr.read-by-host',
    'The host reads an MSR of the interface.',
    `kvm_get_msr_common(), ${POSTED}`,
  ],
  [
    'pin-msr.migration-control',
    'On a newer KVM the number of CR0_PIN_ALLOWED is that of MIGRATION_CONTROL.',
    'kvm_set_msr_common(), arch/x86/kvm/x86.c, Linux 6.12',
  ],
  [
    'pin-msr.migration-control-value',
    'MIGRATION_CONTROL takes 0 and 1.',
    'kvm_set_msr_common(), arch/x86/kvm/x86.c, Linux 6.12',
  ],
  ['nested.not-in-l2', 'There is no L2 to end.', 'arch/x86/kvm/vmx/nested.c, Linux 5.8'],
  [
    'nested.always-exits',
    'CPUID, hypercalls and task switches of L2 end it, whatever L1 asked for.',
    'Intel SDM volume 3, "VMX Non-Root Operation"; AMD APM volume 2, "Instruction Intercepts"',
  ],
  [
    'nested.pins-forced',
    'L1’s registers differ from what it asked for, by its pins.',
    `load_vmcs12_host_state(), nested_svm_vmexit(), ${POSTED}`,
  ],
  [
    'rsm.cr0-pinned',
    'RSM left CR0 with a pinned bit changed: the VM stops.',
    `emulator_post_leave_smm(), ${POSTED}`,
  ],
  [
    'rsm.cr4-pinned',
    'RSM left CR4 with a pinned bit changed: the VM stops.',
    `emulator_post_leave_smm(), ${POSTED}`,
  ],
  [
    'hypercall.needs-cpl0',
    'Hypercalls are made at CPL 0.',
    'kvm_emulate_hypercall(), arch/x86/kvm/x86.c, Linux 5.8',
  ],
  [
    'hypercall.unknown',
    'KVM does not know the hypercall.',
    'kvm_emulate_hypercall(), arch/x86/kvm/x86.c, Linux 5.8',
  ],
  ['hypercall.version', 'The hypercall tells its version.', 'Heki RFC, lock_cr_update()'],
  [
    'hypercall.nothing-to-pin',
    'The hypercall names no bits, or has flags.',
    'Heki RFC, lock_cr_update()',
  ],
  ['hypercall.register', 'Only CR0 and CR4 can be locked.', 'Heki RFC, lock_cr_update()'],
  [
    'hypercall.bits',
    'CR0 bits must be WP and on in the host; CR4 bits must be of the kernel’s mask.',
    'Heki RFC, lock_cr_update()',
  ],
  ['hypercall.pinned', 'The bits are locked for the whole VM.', 'Heki RFC, lock_cr_update()'],
  [
    'hypercall.no-kexec-token',
    'Nobody has allowed a kexec.',
    'ours, the design with a kexec token',
  ],
  [
    'hypercall.kexec-unpinned',
    'The one-time permission is spent, and nothing is pinned any more.',
    'ours, the design with a kexec token',
  ],
  ['cpuid.read', 'KVM’s feature bits are read.', 'arch/x86/kvm/cpuid.c, Linux 5.8 and 6.12'],
  ['routine.completed', 'The kernel has gone all the way.', 'arch/x86, Linux 5.8'],
  [
    'routine.triple-fault',
    'A fault without an interrupt table stops the VM.',
    'Intel SDM volume 3, "Interrupt and Exception Handling", double fault',
  ],
  ['kexec.not-built', 'The kernel is built without kexec.', 'kernel/kexec.c, Linux 5.8'],
  [
    'kexec.load-disabled',
    'kexec_load_disabled is set: pinning and kexec exclude each other.',
    'patch 4 of the posting of June 2020',
  ],
  ['kexec.loaded', 'A kernel is loaded.', 'kernel/kexec.c, Linux 5.8'],
  ['kexec.nothing-loaded', 'No kernel is loaded.', 'kernel/kexec.c, Linux 5.8'],
  ['kexec-token.armed', 'The operator allows one kexec.', 'ours, the design with a kexec token'],
  ['kexec-token.not-there', 'The VMM has no such thing.', 'ours, the design with a kexec token'],
  ['reset.clears-pins', 'The VMM resets the machine and zeroes the pins.', POSTED],
  ['reset.keeps-pins', 'The VMM resets the machine and forgets the pins.', POSTED],
  ['migration.moved', 'The machine runs on the destination.', POSTED],
  ['migration.moved-policy', 'The VMM takes its own policy along.', 'review of Heki'],
  ['migration.aborted', 'The destination does not take an MSR.', POSTED],
];

/**
 * Rules of the hardware that no vCPU under this policy meets: other implementations, physical
 * memory, and events that the machine does not have.
 */
const NOT_OF_A_VM: ReadonlySet<string> = new Set([
  'cr0.no-legacy-paging',
  'efer.lma-differs',
  'memory.none',
  'memory.written',
  'nmi.blocked',
  'nmi.delivered',
  'reset.done',
  'guest.none',
  'exception.delivered',
  'exception.double-fault',
  'exception.triple-fault',
  'host-save.not-in-use',
  'host-save.written',
  'init.blocked-in-vmx-root',
  'init.exits-guest',
]);

/** Every rule of the model: the hardware's, and the policy's. */
export const RULES: readonly Rule[] = [
  ...CPU_RULES.filter(({ id }) => !NOT_OF_A_VM.has(id)),
  ...POLICY.map(([id, sentence, origin]) => ({ id, sentence, origin })),
];
