// SPDX-License-Identifier: MIT
import {
  CR0_AM,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_SMAP,
  CR4_SMEP,
  CR4_UMIP,
  CR4_VMXE,
  EFER_LME,
  EFER_NXE,
  EFER_SCE,
  isPaging,
  isRealMode,
  MSR_EFER,
  MSR_IA32_FEATURE_CONTROL,
} from '@kernel-models/hw-model/cpu';
import { CR0_STATE } from './kernel.ts';
import type { Machine } from './machine.ts';
import type { Operation } from './operation.ts';
import { featuresOf } from './revisions.ts';
import type { Verdict } from './verdict.ts';

/*
 * What attackers do, step by step, and what became of it: the parts that scenarios are made of.
 */

/** What keeps user memory from being executed or read by the kernel. */
export const GUARDS: bigint = CR4_SMEP | CR4_SMAP;

/** The first CPU boots, and pins what it can. */
export const boot: Operation = { op: 'routine', vcpu: 0, routine: 'boot' };

function cr4Without(machine: Machine, bits: bigint, vcpu = 0): bigint {
  return machine.cpu(vcpu).cr4 & ~bits;
}

/** The usual judgement of an attack on bits of CR0 and CR4. */
export function judge(machine: Machine, vcpu = 0): Verdict {
  if (machine.state.dead !== null) return 'killed';
  const { cr0, cr4 } = machine.cpu(vcpu);
  if ((cr0 & CR0_WP) === 0n || (cr4 & GUARDS) !== GUARDS) return 'bypass';
  return machine.saw('fault') || machine.saw('dropped') ? 'blocked' : 'repaired';
}

/** A write of CR4 without SMEP and SMAP, by one of the ways to a MOV. */
export function attackCr4(
  through: 'function' | 'inner-mov' | 'gadget',
): (machine: Machine) => Verdict {
  return (machine: Machine): Verdict => {
    machine.do(boot);
    const value = cr4Without(machine, GUARDS);
    machine.do({ op: 'writeCr', vcpu: 0, cr: 4, value, through });
    return judge(machine);
  };
}

/** Real mode to 64-bit mode by an attacker who turns on nothing that guards. */
function enterLongMode(machine: Machine, vcpu: number): void {
  machine.do({ op: 'lmsw', vcpu, value: CR0_PE });
  machine.do({ op: 'farJump', vcpu, l: false, d: true });
  machine.do({ op: 'movToCr', vcpu, cr: 4, value: CR4_PAE });
  machine.do({ op: 'wrmsr', vcpu, msr: MSR_EFER, value: EFER_LME | EFER_SCE | EFER_NXE });
  machine.do({ op: 'movToCr', vcpu, cr: 0, value: CR0_PG | CR0_PE });
}

/** INIT and SIPI to a CPU that the kernel may have pinned, into real mode at the attacker’s page. */
export function startAttackersCpu(machine: Machine): Verdict {
  machine.do(boot);
  // A defence under which no CPU comes up leaves it waiting where it is.
  machine.attempt({ op: 'routine', vcpu: 1, routine: 'bring-up' });
  machine.do({ op: 'init', vcpu: 1 });
  machine.do({ op: 'sipi', vcpu: 1, vector: 0x10 });
  if (machine.cpu(1).activity !== 'active') return 'blocked';
  enterLongMode(machine, 1);
  return isPaging(machine.cpu(1)) ? 'bypass' : 'effect-lost';
}

/** From compatibility mode down to real mode, and a write of CR4 from there. */
export function leavePaging(machine: Machine): Verdict {
  machine.do(boot);
  machine.do({ op: 'farJump', vcpu: 0, l: false, d: true });
  machine.do({ op: 'movToCr', vcpu: 0, cr: 0, value: CR0_STATE & ~CR0_PG });
  machine.do({ op: 'movToCr', vcpu: 0, cr: 0, value: CR0_STATE & ~(CR0_PG | CR0_PE) });
  const reachedRealMode = isRealMode(machine.cpu(0));
  machine.do({ op: 'movToCr', vcpu: 0, cr: 4, value: cr4Without(machine, GUARDS) });
  if ((machine.cpu(0).cr4 & GUARDS) !== GUARDS) return 'bypass';
  return reachedRealMode ? 'effect-lost' : 'blocked';
}

/** A request that pins nothing, and the write that it should allow. */
export function unpin(machine: Machine): Verdict {
  machine.do(boot);
  if (!machine.isPinned()) return 'not-applicable';
  const { msrs } = featuresOf(machine.revision);
  machine.do({ op: 'wrmsr', vcpu: 0, msr: msrs.cr4High, value: 0n });
  machine.do({ op: 'movToCr', vcpu: 0, cr: 4, value: cr4Without(machine, GUARDS) });
  return judge(machine);
}

/** WP pinned to 0 by a guest that needs it, and the next write of CR0. */
export function pinLow(machine: Machine): Verdict {
  machine.do(boot);
  const { msrs, request } = featuresOf(machine.revision);
  const { cr0Low, cr0High } = msrs;
  if (cr0Low === undefined || (request !== 'high-low' && request !== 'mask-value')) {
    return 'not-applicable';
  }
  if (request === 'mask-value') {
    machine.do({ op: 'wrmsr', vcpu: 0, msr: cr0Low, value: 0n });
    machine.do({ op: 'wrmsr', vcpu: 0, msr: cr0High, value: CR0_WP });
  } else machine.do({ op: 'wrmsr', vcpu: 0, msr: cr0Low, value: CR0_WP });
  const next = machine.do({ op: 'movToCr', vcpu: 0, cr: 0, value: CR0_STATE & ~CR0_AM });
  return next.kind === 'fault' ? 'availability-lost' : 'harmless';
}

/** A migration by a VMM that does not mind what is refused, and a write of CR4. */
export function loseInMigration(machine: Machine): Verdict {
  machine.do(boot);
  if (!machine.isPinned()) return 'not-applicable';
  machine.do({ op: 'migrate', order: 'sregs-first', strict: false });
  machine.do({ op: 'movToCr', vcpu: 0, cr: 4, value: cr4Without(machine, GUARDS) });
  return judge(machine);
}

/** The start of a CPU as the kernel does it, left before the kernel pins. */
export function attackBeforePinning(machine: Machine): Verdict {
  machine.do(boot);
  const { mmuCr4Features } = machine.state.kernel;
  machine.do({ op: 'init', vcpu: 1 });
  machine.do({ op: 'sipi', vcpu: 1, vector: 0x98 });
  machine.do({ op: 'lmsw', vcpu: 1, value: CR0_PE });
  machine.do({ op: 'farJump', vcpu: 1, l: false, d: true });
  machine.do({ op: 'movToCr', vcpu: 1, cr: 4, value: mmuCr4Features });
  machine.do({ op: 'wrmsr', vcpu: 1, msr: MSR_EFER, value: EFER_LME | EFER_SCE | EFER_NXE });
  machine.do({ op: 'movToCr', vcpu: 1, cr: 0, value: CR0_PG | CR0_WP | CR0_PE });
  machine.do({ op: 'movToCr', vcpu: 1, cr: 4, value: cr4Without(machine, GUARDS, 1) });
  return (machine.cpu(1).cr4 & GUARDS) === GUARDS ? 'blocked' : 'bypass';
}

/** Hypercalls that name no bits. */
export function askForUnpinning(machine: Machine): Verdict {
  machine.do(boot);
  if (!machine.isPinned()) return 'not-applicable';
  for (const nr of [13, 100]) {
    machine.do({ op: 'hypercall', vcpu: 0, nr, arguments: [4n, 0n, 0n] });
  }
  return machine.isPinned() ? 'blocked' : 'bypass';
}

/** L1 asks for registers that it may not write, and has them loaded by the end of L2. */
export function nestedReturn(machine: Machine): Verdict {
  machine.do(boot);
  const cr4 = machine.cpu(0).cr4 | CR4_VMXE;
  machine.do({ op: 'movToCr', vcpu: 0, cr: 4, value: cr4 });
  machine.do({ op: 'wrmsr', vcpu: 0, msr: MSR_IA32_FEATURE_CONTROL, value: 5n });
  machine.do({ op: 'vmxon', vcpu: 0 });
  machine.do({
    op: 'nestedEntry',
    vcpu: 0,
    guestCr0: CR0_STATE,
    guestCr4: cr4,
    hostCr0: CR0_STATE & ~CR0_WP,
    hostCr4: cr4 & ~GUARDS,
    cr0Mask: 0n,
    cr4Mask: 0n,
  });
  machine.do({ op: 'nestedExit', vcpu: 0 });
  return judge(machine);
}

/**
 * Places of CR4 and CR0 in the 64-bit save area. AMD APM volume 2, "System-Management Mode",
 * state-save area.
 */
const SAVED_CR4 = 0xff48;
const SAVED_CR0 = 0xff58;

/** An SMI, and RSM from a save area without WP, SMEP, SMAP and UMIP. */
export function editSaveArea(machine: Machine): Verdict {
  machine.do(boot);
  const { cr0, cr4 } = machine.cpu(0);
  const write = { op: 'smramWrite', vcpu: 0, size: 8 } as const;
  machine.do({ op: 'smi', vcpu: 0 });
  machine.do({ ...write, offset: SAVED_CR4, value: cr4 & ~(GUARDS | CR4_UMIP) });
  machine.do({ ...write, offset: SAVED_CR0, value: cr0 & ~CR0_WP });
  machine.do({ op: 'rsm', vcpu: 0 });
  return judge(machine);
}
