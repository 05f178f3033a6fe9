// SPDX-License-Identifier: MIT
import type { RevisionId } from '@kernel-models/model-core';
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
import { Machine } from './machine.ts';
import type { Operation } from './operation.ts';
import { featuresOf } from './revisions.ts';
import type { Setup } from './setup.ts';

/**
 * Who attacks. A1 controls what the guest's kernel executes; A2 can also write SMRAM or is the SMM
 * handler; A3 is also a hypervisor in the guest (L1). Nobody attacks from the host.
 */
export type Attacker = 'A1' | 'A2' | 'A3';

/** What became of an attack. */
export type Verdict =
  /** It was refused, and nothing changed. */
  | 'blocked'
  /** What it changed was put back. */
  | 'repaired'
  /** The VM stopped before the attacker could go on. */
  | 'killed'
  /** The attacker has what he wants. */
  | 'bypass'
  /** The bits are kept, but the attacker runs where they mean nothing. */
  | 'effect-lost'
  /** A guest that does nothing wrong cannot go on. */
  | 'availability-lost'
  /** Nothing happened that matters. */
  | 'harmless'
  /** The defence has nothing that the attack could be about. */
  | 'not-applicable';

/** One attack, or one accident. */
export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly attacker: Attacker | 'none';
  /** What of the machine differs from the usual one. */
  readonly setup?: Partial<Setup>;
  /** Carries the attack out and judges it by what it finds. */
  readonly run: (machine: Machine) => Verdict;
}

/** The usual machine: two vCPUs under VMX, a good VMM, a kernel that pins by default. */
export const USUAL_SETUP: Setup = {
  vcpus: 2,
  cpu: 'bochs-icelake',
  intercepts: 'vmx',
  host: 'patched',
  vmm: 'good',
  kernel: { kexec: false, pvCrPin: false, crashkernel: false },
};

/** What keeps user memory from being executed or read by the kernel. */
const GUARDS = CR4_SMEP | CR4_SMAP;

const boot: Operation = { op: 'routine', vcpu: 0, routine: 'boot' };

function cr4Without(machine: Machine, bits: bigint, vcpu = 0): bigint {
  return machine.cpu(vcpu).cr4 & ~bits;
}

/** The usual judgement of an attack on bits of CR0 and CR4. */
function judge(machine: Machine, vcpu = 0): Verdict {
  if (machine.state.dead !== null) return 'killed';
  const { cr0, cr4 } = machine.cpu(vcpu);
  if ((cr0 & CR0_WP) === 0n || (cr4 & GUARDS) !== GUARDS) return 'bypass';
  return machine.saw('fault') || machine.saw('dropped') ? 'blocked' : 'repaired';
}

function attackCr4(through: 'function' | 'inner-mov' | 'gadget') {
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

function startAttackersCpu(machine: Machine): Verdict {
  machine.do(boot);
  // A defence under which no CPU comes up leaves it waiting where it is.
  machine.attempt({ op: 'routine', vcpu: 1, routine: 'bring-up' });
  machine.do({ op: 'init', vcpu: 1 });
  machine.do({ op: 'sipi', vcpu: 1, vector: 0x10 });
  if (machine.cpu(1).activity !== 'active') return 'blocked';
  enterLongMode(machine, 1);
  return isPaging(machine.cpu(1)) ? 'bypass' : 'effect-lost';
}

function leavePaging(machine: Machine): Verdict {
  machine.do(boot);
  machine.do({ op: 'farJump', vcpu: 0, l: false, d: true });
  machine.do({ op: 'movToCr', vcpu: 0, cr: 0, value: CR0_STATE & ~CR0_PG });
  machine.do({ op: 'movToCr', vcpu: 0, cr: 0, value: CR0_STATE & ~(CR0_PG | CR0_PE) });
  const reachedRealMode = isRealMode(machine.cpu(0));
  machine.do({ op: 'movToCr', vcpu: 0, cr: 4, value: cr4Without(machine, GUARDS) });
  if ((machine.cpu(0).cr4 & GUARDS) !== GUARDS) return 'bypass';
  return reachedRealMode ? 'effect-lost' : 'blocked';
}

function unpin(machine: Machine): Verdict {
  machine.do(boot);
  if (!machine.isPinned()) return 'not-applicable';
  const { msrs } = featuresOf(machine.revision);
  machine.do({ op: 'wrmsr', vcpu: 0, msr: msrs.cr4High, value: 0n });
  machine.do({ op: 'movToCr', vcpu: 0, cr: 4, value: cr4Without(machine, GUARDS) });
  return judge(machine);
}

function pinLow(machine: Machine): Verdict {
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

function loseInMigration(machine: Machine): Verdict {
  machine.do(boot);
  if (!machine.isPinned()) return 'not-applicable';
  machine.do({ op: 'migrate', order: 'sregs-first', strict: false });
  machine.do({ op: 'movToCr', vcpu: 0, cr: 4, value: cr4Without(machine, GUARDS) });
  return judge(machine);
}

function attackBeforePinning(machine: Machine): Verdict {
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

function askForUnpinning(machine: Machine): Verdict {
  machine.do(boot);
  if (!machine.isPinned()) return 'not-applicable';
  for (const nr of [13, 100]) {
    machine.do({ op: 'hypercall', vcpu: 0, nr, arguments: [4n, 0n, 0n] });
  }
  return machine.isPinned() ? 'blocked' : 'bypass';
}

function nestedReturn(machine: Machine): Verdict {
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

function editSaveArea(machine: Machine): Verdict {
  machine.do(boot);
  const { cr0, cr4 } = machine.cpu(0);
  const write = { op: 'smramWrite', vcpu: 0, size: 8 } as const;
  machine.do({ op: 'smi', vcpu: 0 });
  machine.do({ ...write, offset: SAVED_CR4, value: cr4 & ~(GUARDS | CR4_UMIP) });
  machine.do({ ...write, offset: SAVED_CR0, value: cr0 & ~CR0_WP });
  machine.do({ op: 'rsm', vcpu: 0 });
  return judge(machine);
}

/** Attacks and accidents, T1 to T19. */
export const SCENARIOS: readonly Scenario[] = [
  {
    id: 'T1',
    title: 'call native_write_cr4() without SMEP and SMAP',
    attacker: 'A1',
    run: attackCr4('function'),
  },
  {
    id: 'T2',
    title: 'return to the MOV inside native_write_cr4()',
    attacker: 'A1',
    run: attackCr4('inner-mov'),
  },
  {
    id: 'T3',
    title: 'return to another MOV to CR4, or divert before the compare',
    attacker: 'A1',
    run: attackCr4('gadget'),
  },
  {
    id: 'T4',
    title: 'clear CR0.WP by a gadget',
    attacker: 'A1',
    run: (machine) => {
      machine.do(boot);
      machine.do({ op: 'movToCr', vcpu: 0, cr: 0, value: CR0_STATE & ~CR0_WP });
      return judge(machine);
    },
  },
  {
    id: 'T5',
    title: 'an SMI handler edits CR0 and CR4 in the save area',
    attacker: 'A2',
    run: editSaveArea,
  },
  {
    id: 'T6',
    title: 'the SMI handler itself runs unprotected',
    attacker: 'A2',
    run: (machine) => {
      machine.do(boot);
      machine.do({ op: 'smi', vcpu: 0 });
      return (machine.cpu(0).cr4 & GUARDS) === GUARDS ? 'blocked' : 'bypass';
    },
  },
  {
    id: 'T7',
    title: 'L1 asks for host CR0 and CR4 without WP, SMEP, SMAP, and L2 exits',
    attacker: 'A3',
    run: nestedReturn,
  },
  {
    id: 'T8',
    title: 'INIT and SIPI another vCPU into the attacker’s code',
    attacker: 'A1',
    run: startAttackersCpu,
  },
  {
    id: 'T9',
    title: 'turn paging off, run from low memory in real mode, come back',
    attacker: 'A1',
    run: leavePaging,
  },
  { id: 'T10', title: 'unpin by writing 0', attacker: 'A1', run: unpin },
  {
    id: 'T11',
    title: 'pin low what the kernel needs',
    attacker: 'A1',
    setup: { kernel: { kexec: true, pvCrPin: false, crashkernel: false } },
    run: pinLow,
  },
  {
    id: 'T12',
    title: 'wait for a migration to a host without the MSRs',
    attacker: 'A1',
    setup: { vmm: 'old-host' },
    run: loseInMigration,
  },
  {
    id: 'T13',
    title: 'clear EFER.NXE',
    attacker: 'A1',
    run: (machine) => {
      machine.do(boot);
      machine.do({ op: 'wrmsr', vcpu: 0, msr: MSR_EFER, value: EFER_LME | EFER_SCE });
      return (machine.cpu(0).efer & EFER_NXE) === 0n ? 'bypass' : 'blocked';
    },
  },
  {
    id: 'T14',
    title: 'load another CR3',
    attacker: 'A1',
    run: (machine) => {
      machine.do(boot);
      machine.do({ op: 'movToCr', vcpu: 0, cr: 3, value: 0x7000n });
      return machine.cpu(0).cr3 === 0x7000n ? 'bypass' : 'blocked';
    },
  },
  {
    id: 'T15',
    title: 'attack an AP that has not pinned yet',
    attacker: 'A1',
    run: attackBeforePinning,
  },
  { id: 'T16', title: 'clear pins by a hypercall', attacker: 'A1', run: askForUnpinning },
  {
    id: 'T17',
    title: 'LMSW, CLTS, task switch',
    attacker: 'A1',
    run: (machine) => {
      machine.do(boot);
      machine.do({ op: 'lmsw', vcpu: 0, value: 0n });
      machine.do({ op: 'taskSwitch', vcpu: 0 });
      machine.do({ op: 'clts', vcpu: 0 });
      return judge(machine) === 'bypass' ? 'bypass' : 'harmless';
    },
  },
  {
    id: 'T18',
    title: 'reboot under a VMM that does not clear the pins',
    attacker: 'none',
    setup: { vmm: 'no-clear-on-reset' },
    run: (machine) => {
      machine.do(boot);
      machine.do({ op: 'machineReset' });
      machine.do(boot);
      return machine.state.dead === null ? 'harmless' : 'availability-lost';
    },
  },
  {
    id: 'T19',
    title: 'kexec from a kernel that has pinned',
    attacker: 'none',
    setup: { kernel: { kexec: true, pvCrPin: false, crashkernel: false } },
    run: (machine) => {
      machine.do(boot);
      machine.do({ op: 'kexecLoad' });
      machine.pinEverything();
      machine.do({ op: 'armKexec' });
      machine.do({ op: 'routine', vcpu: 0, routine: 'kexec' });
      return machine.state.dead === null ? 'harmless' : 'availability-lost';
    },
  },
];

/** A scenario as it ran. */
export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly revision: RevisionId;
  readonly verdict: Verdict;
  /** The machine as it was left, with everything that was done to it. */
  readonly machine: Machine;
}

/**
 * Runs a scenario against a revision.
 *
 * @throws RangeError where there is no such revision
 */
export function runScenario(scenario: Scenario, revision: RevisionId): ScenarioResult {
  const machine = new Machine({ ...USUAL_SETUP, ...scenario.setup }, revision);
  return { scenario, revision, verdict: scenario.run(machine), machine };
}
