// SPDX-License-Identifier: MIT
import {
  cpuModel,
  CR0_CD,
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_CET,
  CR4_PAE,
  CR4_PCIDE,
  CR4_PGE,
  EFER_LME,
  EFER_NXE,
  isLongMode,
  isPaePaging,
  isPaging,
  isRealMode,
  MSR_EFER,
  type ControlState,
  type CpuOperation,
  type CpuOutcome,
  type CpuSetup,
} from '@kernel-models/hw-model/cpu';
import type { Exploration, Subsystem } from '../subsystem.ts';
import { bochsTarget } from './bochs.ts';
import { cpuKvmTarget, KVM_PRESET } from './kvm-targets.ts';
import { transitionCases } from './cpu-cases.ts';
import { unsupported } from './transitions.ts';

/** Every value of CR0, CR4 and EFER over a few bits each, from reset: all modes, and SMM. */
const modes: Exploration<ControlState, CpuOperation, CpuSetup> = {
  name: 'modes',
  sentence: 'a CPU from reset, with the bits of CR0, CR4 and EFER that decide the mode',
  setups: [{ cpu: 'bochs-tigerlake' }],
  operations: modeOperations,
  defaultDepth: 5,
  sometimes: {
    'real mode': isRealMode,
    'protected mode without paging': (state) => !isRealMode(state) && !isPaging(state),
    'PAE paging': isPaePaging,
    'long mode': isLongMode,
    'system-management mode': ({ smm }) => smm.active,
  },
};

const CR0_VALUES = [
  CR0_ET,
  CR0_ET | CR0_PE,
  CR0_ET | CR0_PE | CR0_NE | CR0_PG,
  CR0_ET | CR0_PE | CR0_WP,
  CR0_ET | CR0_PE | CR0_WP | CR0_PG,
  CR0_ET | CR0_PG,
  CR0_ET | CR0_NW,
  CR0_ET | CR0_CD | CR0_MP,
];
const CR4_VALUES = [
  0n,
  CR4_PAE,
  CR4_PAE | CR4_PGE,
  CR4_PAE | CR4_PCIDE,
  CR4_PAE | CR4_CET,
  CR4_PCIDE,
];

function* modeOperations({ smm }: ControlState): Generator<CpuOperation> {
  for (const value of CR0_VALUES) yield { op: 'movToCr', cr: 0, value };
  for (const value of CR4_VALUES) yield { op: 'movToCr', cr: 4, value };
  for (const value of [0n, EFER_LME, EFER_LME | EFER_NXE]) {
    yield { op: 'wrmsr', msr: MSR_EFER, value };
  }
  yield { op: 'farJump', l: true, d: false };
  yield { op: 'farJump', l: false, d: true };
  yield { op: 'lmsw', value: 1n };
  yield { op: 'lmsw', value: 0n };
  if (smm.active) yield { op: 'rsm' };
  else yield { op: 'smi' };
  yield { op: 'init' };
}

/** The control state of a CPU, held against an emulator of the architecture and a hypervisor. */
export const cpuSubsystem: Subsystem<ControlState, CpuOperation, CpuOutcome, CpuSetup> = {
  model: cpuModel,
  title: 'control registers, modes, faults and SMM of an x86-64 CPU',
  defaultRevision: 'architecture',
  cases: (revision) =>
    transitionCases(
      revision === 'linux-6.18-pvm'
        ? [KVM_PRESET]
        : ['bochs-icelake', 'bochs-tigerlake', 'bochs-ryzen'],
    ),
  isExecutable: (candidate) => unsupported(candidate) === undefined,
  targets: () => [bochsTarget(), cpuKvmTarget()],
  explorations: [modes],
  rowOf: (operation) => (operation.op === 'movToCr' ? `mov to cr${operation.cr}` : operation.op),
};
