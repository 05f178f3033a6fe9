// SPDX-License-Identifier: MIT
import type { RevisionId } from '@kernel-models/model-core';
import { CR0_WP, EFER_LME, EFER_NXE, EFER_SCE, MSR_EFER } from '@kernel-models/hw-model/cpu';
import {
  askForUnpinning,
  attackBeforePinning,
  attackCr4,
  boot,
  editSaveArea,
  GUARDS,
  judge,
  leavePaging,
  loseInMigration,
  nestedReturn,
  pinLow,
  startAttackersCpu,
  unpin,
} from './attack-steps.ts';
import { CR0_STATE } from './kernel.ts';
import { Machine } from './machine.ts';
import type { Setup } from './setup.ts';
import type { Verdict } from './verdict.ts';

/**
 * Who attacks. A1 controls what the guest's kernel executes; A2 can also write SMRAM or is the SMM
 * handler; A3 is also a hypervisor in the guest (L1). Nobody attacks from the host.
 */
export type Attacker = 'A1' | 'A2' | 'A3';

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
