// SPDX-License-Identifier: MIT
import type { Rule } from '@kernel-models/model-core';
import { CR0_TRANSITION_CHECKS, CR0_VALUE_CHECKS } from './cr0-checks.ts';
import { CR4_TRANSITION_CHECKS, CR4_VALUE_CHECKS } from './cr4-checks.ts';
import { EFER_CHECKS, EFER_LMA_STRICT } from './efer-checks.ts';
import { CR3_CHECKS } from './mov-cr.ts';
import { NO_LEGACY_PAGING } from './revisions.ts';
import { RSM_CHECKS } from './smm.ts';
import { SREGS_CHECKS } from './sregs.ts';
import { VMRUN_CHECKS } from './svm.ts';
import { HOST_SAVE_CHECKS } from './vm-exit.ts';
import { VM_ENTRY_CONTROL_CHECKS, VM_ENTRY_GUEST_CHECKS, VM_ENTRY_HOST_CHECKS } from './vmx.ts';

/** Effects, and the checks that stand alone: id, sentence, origin. */
const OTHERS: readonly (readonly [string, string, string])[] = [
  [
    'cpu.not-executing',
    'A halted, shut-down or waiting CPU executes nothing.',
    'Intel SDM volume 3, "Virtual-Machine Control Structures", activity state',
  ],
  [
    'cr.undefined',
    'CR1, CR5 to CR7 and CR9 up do not exist: #UD, at any privilege level.',
    'Intel SDM volume 2, MOV to CR, #UD',
  ],
  [
    'cr.needs-cpl0',
    'Control registers are accessed at CPL 0.',
    'Intel SDM volume 2, MOV to CR, #GP(0)',
  ],
  [
    'cr.read',
    'The register is read, as far as the operand reaches.',
    'Intel SDM volume 2, MOV from CR',
  ],
  [
    'cr0.written',
    'CR0 is written: ET reads 1, reserved bits are dropped, LMA follows PG.',
    'Intel SDM volume 3, "System Architecture Overview", control registers',
  ],
  [
    'cr2.written',
    'CR2 takes any value.',
    'Intel SDM volume 3, "System Architecture Overview", control registers',
  ],
  [
    'cr3.written',
    'CR3 is written; the no-flush bit is not stored.',
    'Intel SDM volume 2, MOV to CR3',
  ],
  [
    'cr4.written',
    'CR4 is written.',
    'Intel SDM volume 3, "System Architecture Overview", control registers',
  ],
  ['cr8.reserved', 'Bits 63:4 of CR8 must be 0.', 'Intel SDM volume 2, MOV to CR8, #GP(0)'],
  ['cr8.written', 'The task priority is written.', 'Intel SDM volume 3, "APIC", task priority'],
  ['lmsw.needs-cpl0', 'LMSW needs CPL 0.', 'Intel SDM volume 2, LMSW'],
  ['lmsw.loaded', 'PE, MP, EM and TS are loaded; PE is not cleared.', 'Intel SDM volume 2, LMSW'],
  ['clts.needs-cpl0', 'CLTS needs CPL 0.', 'Intel SDM volume 2, CLTS'],
  ['clts.cleared', 'TS is clear.', 'Intel SDM volume 2, CLTS'],
  ['smsw.umip', 'Under CR4.UMIP, SMSW needs CPL 0.', 'Intel SDM volume 2, SMSW, #GP(0)'],
  ['smsw.read', 'CR0 is read.', 'Intel SDM volume 2, SMSW'],
  ['msr.needs-cpl0', 'RDMSR and WRMSR need CPL 0.', 'Intel SDM volume 2, RDMSR, WRMSR'],
  ['msr.unknown', 'There is no such MSR.', 'Intel SDM volume 2, RDMSR, WRMSR'],
  [
    'msr.value',
    'The MSR is read-only, locked, or does not take the value.',
    'Intel SDM volume 2, WRMSR',
  ],
  ['msr.read', 'The MSR is read.', 'Intel SDM volume 2, RDMSR'],
  ['msr.written', 'The MSR is written.', 'Intel SDM volume 2, WRMSR'],
  [
    'efer.written',
    'EFER is written; LMA stays as it is.',
    'Intel SDM volume 3, "System Architecture Overview", IA32_EFER',
  ],
  [
    'host-msr.read',
    'The host reads an MSR.',
    'kvm_get_msr_ignored_check(), arch/x86/kvm/x86.c, Linux 6.12',
  ],
  [
    'host-msr.written',
    'The host writes an MSR.',
    'kvm_set_msr_ignored_check(), arch/x86/kvm/x86.c, Linux 6.12',
  ],
  [
    'host-msr.unprocessed',
    'KVM does not have the MSR, or refuses the value: no entry is processed.',
    '__msr_io(), arch/x86/kvm/x86.c, Linux 6.12',
  ],
  [
    'far.l-and-d',
    'In long mode a code segment has not both L and D.',
    'Intel SDM volume 3, "Protection", code segments in 64-bit mode',
  ],
  [
    'far-jump.real-mode',
    'In real mode the loaded segment is a 16-bit one.',
    'Intel SDM volume 3, "8086 Emulation", real-address mode',
  ],
  [
    'far-jump.loaded',
    'The code segment is loaded; the privilege level stays.',
    'Intel SDM volume 3, "Protection", jumps to code segments',
  ],
  [
    'iret.raises-privilege',
    'IRET does not raise the privilege.',
    'Intel SDM volume 2, IRET, #GP(selector)',
  ],
  ['iret.real-mode', 'In real mode IRET loads a 16-bit segment.', 'Intel SDM volume 2, IRET'],
  [
    'iret.returned',
    'IRET loads CS and CPL, and NMIs come through again.',
    'Intel SDM volume 2, IRET',
  ],
  ['hlt.needs-cpl0', 'HLT needs CPL 0.', 'Intel SDM volume 2, HLT'],
  ['hlt.halted', 'The CPU waits for an interrupt.', 'Intel SDM volume 2, HLT'],
  [
    'exception.delivered',
    'The exception reaches its handler.',
    'Intel SDM volume 3, "Interrupt and Exception Handling", double fault',
  ],
  [
    'exception.double-fault',
    'Two exceptions that do not combine become a double fault.',
    'Intel SDM volume 3, "Interrupt and Exception Handling", double fault',
  ],
  [
    'exception.triple-fault',
    'A fault while a double fault is delivered shuts the CPU down.',
    'Intel SDM volume 3, "Interrupt and Exception Handling", double fault',
  ],
  ['memory.none', 'No memory is attached.', 'this model'],
  ['memory.written', 'Physical memory is written.', 'this model'],
  [
    'smi.blocked-in-smm',
    'An SMI in system-management mode waits for RSM.',
    'Intel SDM volume 3, "System Management Mode"',
  ],
  [
    'smi.blocked-before-sipi',
    'A CPU that waits for a SIPI keeps an SMI.',
    'Intel SDM volume 3, "Virtual-Machine Control Structures", activity state',
  ],
  [
    'smi.delivered',
    'The state is saved and the handler starts.',
    'AMD APM volume 2, "System-Management Mode"',
  ],
  [
    'smram.not-in-use',
    'The next SMI overwrites what is written now.',
    'AMD APM volume 2, "System-Management Mode", state-save area',
  ],
  [
    'smram.no-register',
    'No register is saved at the place.',
    'AMD APM volume 2, "System-Management Mode", state-save area',
  ],
  [
    'smram.written',
    'A saved register is changed.',
    'AMD APM volume 2, "System-Management Mode", state-save area',
  ],
  ['rsm.not-in-smm', 'RSM outside system-management mode is #UD.', 'Intel SDM volume 2, RSM'],
  [
    'rsm.resumed',
    'The image is loaded; LMA is computed, not loaded.',
    'AMD APM volume 2, "System-Management Mode", RSM',
  ],
  [
    'reset.done',
    'RESET: everything as after power-on.',
    'Intel SDM volume 3, "Processor Management and Initialization", table of registers',
  ],
  [
    'init.blocked-in-smm',
    'INIT in system-management mode waits for RSM.',
    'Intel SDM volume 3, "System Management Mode"',
  ],
  [
    'init.blocked-in-vmx-root',
    'INIT is blocked in VMX root operation.',
    'Intel SDM volume 3, "Introduction to VMX", restrictions',
  ],
  [
    'init.exits-guest',
    'INIT ends a guest of VMX.',
    'Intel SDM volume 3, "VMX Non-Root Operation", other causes of exits',
  ],
  [
    'init.done',
    'INIT: as RESET, but MSRs, SMBASE, CD and NW stay.',
    'Intel SDM volume 3, "Processor Management and Initialization", table of registers',
  ],
  [
    'sipi.not-waiting',
    'A CPU that does not wait for a SIPI does not hear it.',
    'Intel SDM volume 3, "Multiple-Processor Management", MP initialization',
  ],
  [
    'sipi.started',
    'The CPU starts in real mode at the page that the vector names.',
    'Intel SDM volume 3, "Multiple-Processor Management", MP initialization',
  ],
  [
    'nmi.blocked',
    'An NMI waits while NMIs are blocked.',
    'Intel SDM volume 3, "Interrupt and Exception Handling", NMIs',
  ],
  [
    'nmi.delivered',
    'The NMI is taken; it wakes a halted or shut-down CPU.',
    'Intel SDM volume 3, "Interrupt and Exception Handling", NMIs',
  ],
  ['guest.none', 'There is no guest to end.', 'Intel SDM volume 3, "VM Exits"'],
  [
    'guest.cr-access-exit',
    'The hypervisor intercepts the access to the control register.',
    'Intel SDM volume 3, "VMX Non-Root Operation"; AMD APM volume 2, "Secure Virtual Machine"',
  ],
  [
    'guest.msr-access-exit',
    'No permission map covers the MSR: the access is for the hypervisor.',
    'Intel SDM volume 3, "VMX Non-Root Operation"; AMD APM volume 2, "MSR Intercepts"',
  ],
  [
    'guest.interrupt',
    'An interrupt for the host ends the guest.',
    'Intel SDM volume 3, "VMX Non-Root Operation"; AMD APM volume 2, "Secure Virtual Machine"',
  ],
  [
    'vmxon.no-vmxe',
    'VMXON needs CR4.VMXE, and protected or 64-bit mode.',
    'Intel SDM volume 3, "VMX Instruction Reference", VMXON',
  ],
  [
    'vmxon.exits-guest',
    'VMXON in a guest exits.',
    'Intel SDM volume 3, "VMX Non-Root Operation", unconditional exits',
  ],
  [
    'vmxon.already',
    'VMXON in VMX root operation does nothing but fail.',
    'Intel SDM volume 3, "VMX Instruction Reference", VMXON',
  ],
  [
    'vmxon.needs-cpl0',
    'VMXON needs CPL 0.',
    'Intel SDM volume 3, "VMX Instruction Reference", VMXON',
  ],
  [
    'vmxon.fixed-bits',
    'CR0 or CR4 has a bit that VMX operation does not support.',
    'Intel SDM volume 3, "Introduction to VMX", restrictions',
  ],
  [
    'vmxon.feature-control',
    'IA32_FEATURE_CONTROL is not locked with VMXON allowed.',
    'Intel SDM volume 3, "Introduction to VMX", entering VMX operation',
  ],
  [
    'vmxon.done',
    'The CPU is in VMX root operation.',
    'Intel SDM volume 3, "Introduction to VMX", entering VMX operation',
  ],
  [
    'vmx.not-in-operation',
    'The instruction needs VMX operation, and protected or 64-bit mode.',
    'Intel SDM volume 3, "VMX Instruction Reference"',
  ],
  [
    'vmxoff.exits-guest',
    'VMXOFF in a guest exits.',
    'Intel SDM volume 3, "VMX Non-Root Operation", unconditional exits',
  ],
  [
    'vmxoff.needs-cpl0',
    'VMXOFF needs CPL 0.',
    'Intel SDM volume 3, "VMX Instruction Reference", VMXOFF',
  ],
  [
    'vmxoff.done',
    'The CPU left VMX operation.',
    'Intel SDM volume 3, "VMX Instruction Reference", VMXOFF',
  ],
  [
    'vm-entry.exits-guest',
    'VMLAUNCH in a guest exits.',
    'Intel SDM volume 3, "VMX Non-Root Operation", unconditional exits',
  ],
  [
    'vm-entry.needs-cpl0',
    'VMLAUNCH needs CPL 0.',
    'Intel SDM volume 3, "VMX Instruction Reference", VMLAUNCH',
  ],
  ['vm-entry.done', 'The guest runs.', 'Intel SDM volume 3, "VM Entries"'],
  [
    'vmexit.abort',
    'The host would be in PAE paging with a reserved bit in a present PDPTE: VMX abort.',
    'Intel SDM volume 3, "VM Exits", VMX aborts',
  ],
  [
    'vmrun.no-svme',
    'VMRUN needs protected mode and EFER.SVME, and no VMX operation.',
    'AMD APM volume 2, "Secure Virtual Machine", enabling',
  ],
  ['vmrun.needs-cpl0', 'VMRUN needs CPL 0.', 'AMD APM volume 3, VMRUN'],
  [
    'vmrun.in-guest',
    'A guest’s VMRUN is for its hypervisor: it always exits.',
    'AMD APM volume 2, "Secure Virtual Machine", VMRUN',
  ],
  ['vmrun.done', 'The guest runs.', 'AMD APM volume 2, "Secure Virtual Machine", VMRUN'],
  [
    'host-save.not-in-use',
    'No guest runs: VMRUN will overwrite the host save area.',
    'AMD APM volume 2, "Canonicalization and Consistency Checks"',
  ],
  [
    'host-save.written',
    'The host save area is changed.',
    'AMD APM volume 2, "Canonicalization and Consistency Checks"',
  ],
  [
    'sregs.set',
    'The special registers are stored as they come.',
    '__set_sregs(), arch/x86/kvm/x86.c, Linux 6.12',
  ],
];

const CHECKS: readonly Rule[] = [
  ...CR0_VALUE_CHECKS,
  ...CR0_TRANSITION_CHECKS,
  NO_LEGACY_PAGING,
  ...CR3_CHECKS,
  ...CR4_VALUE_CHECKS,
  ...CR4_TRANSITION_CHECKS,
  ...EFER_CHECKS,
  EFER_LMA_STRICT,
  ...RSM_CHECKS,
  ...VM_ENTRY_CONTROL_CHECKS,
  ...VM_ENTRY_HOST_CHECKS,
  ...VM_ENTRY_GUEST_CHECKS,
  ...VMRUN_CHECKS,
  ...HOST_SAVE_CHECKS,
  ...SREGS_CHECKS,
];

/** Every rule of the CPU's control state: the checks where they are made, and the effects. */
export const RULES: readonly Rule[] = [
  ...CHECKS.map(({ id, sentence, origin }) => ({ id, sentence, origin })),
  ...OTHERS.map(([id, sentence, origin]) => ({ id, sentence, origin })),
];
