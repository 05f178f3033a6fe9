// SPDX-License-Identifier: MIT
import {
  CR0_STATE,
  crPinningModel,
  MSR_KVM_CR4_PINNED_HIGH,
  runScenario,
  SCENARIOS,
  smallOperations,
  smallSetup,
  type Operation,
} from '@kernel-models/cr-pinning';
import { checkMovCr0, checkMovCr4, initialState, movToCr } from '@kernel-models/hw-model/cpu';
import { explore } from '@kernel-models/model-core';
import type { Benchmark } from '../benchmark.ts';
import { measureInterleaved, type Subject } from '../measure.ts';

const CHECK = 'check a write of CR4';
const WRITE = 'MOV to CR0';
const PINNED = 'MOV to CR4 in a pinned VM';
const EXPLORE = 'explore with invariants, one vCPU: a state reached';
const EXPLORE_NEW = 'explore with invariants, one vCPU: a state not seen before';
const MATRIX = 'matrix, one scenario against one defence';
const FLOOR = 'a plain loop over bigint';

/** The speed of the CPU's control state and of pinning. */
export const crPinningSpeed: Benchmark = {
  name: 'cr-pinning',
  title: 'cr-pinning and the CPU’s control state',
  baseline: FLOOR,
  goals: [
    { workload: CHECK, subject: 'model', atLeastPerSecond: 1_000_000 },
    { workload: EXPLORE, subject: 'model', atLeastPerSecond: 100_000 },
  ],
  async run({ quick }) {
    const samples = quick ? 3 : 11;
    return [
      ...measureInterleaved(CHECK, [modelCheck(), plainCheck()], { samples }),
      ...measureInterleaved(WRITE, [hardwareWrite()], { samples }),
      ...measureInterleaved(PINNED, [pinnedWrite()], { samples }),
      ...measureInterleaved(EXPLORE, [exploration(quick ? 4 : 6, 'transitions')], { samples }),
      ...measureInterleaved(EXPLORE_NEW, [exploration(quick ? 4 : 6, 'states')], { samples }),
      ...measureInterleaved(MATRIX, [matrix()], { samples }),
    ];
  },
};

const CR4_VALUES = [0x30_00a0n, 0x30_0020n, 0x10_0020n, 0x20n, 0x30_08a0n, 0x8030_0020n];
const CR0_VALUES = [0x8005_0033n, 0x8004_0033n, 0x8005_0031n, 0x8005_003bn];
const LOOP = 1000;

const running = initialState({
  cpu: 'bochs-icelake',
  cr0: CR0_STATE,
  cr4: 0x30_0020n,
  efer: 0xd01n,
  csL: true,
});

/** Every rule for a value of CR4: what a library's caller asks. */
function modelCheck(): Subject {
  return {
    subject: 'model',
    run: () => {
      let broken = 0;
      for (let index = 0; index < LOOP; index += 1) {
        const value = CR4_VALUES[index % CR4_VALUES.length] ?? 0n;
        broken += checkMovCr4(running, value).length;
      }
      return broken >= 0 ? LOOP : 0;
    },
  };
}

/**
 * The same rules for 64-bit mode, without names, lists or a state: as fast as bigint lets them be.
 */
function plainCheck(): Subject {
  const { cr0, cr3, cr4, features } = running;
  const reserved = ~features.cr4Valid;
  return {
    subject: FLOOR,
    run: () => {
      let broken = 0;
      for (let index = 0; index < LOOP; index += 1) {
        const value = CR4_VALUES[index % CR4_VALUES.length] ?? 0n;
        if ((value & reserved) !== 0n) broken += 1;
        if ((value & 0x20n) === 0n) broken += 1;
        if (((value ^ cr4) & 0x1000n) !== 0n) broken += 1;
        if ((value & ~cr4 & 0x2_0000n) !== 0n && (cr3 & 0xfffn) !== 0n) broken += 1;
        if ((value & 0x80_0000n) !== 0n && (cr0 & 0x1_0000n) === 0n) broken += 1;
      }
      return broken >= 0 ? LOOP : 0;
    },
  };
}

function hardwareWrite(): Subject {
  return {
    subject: 'model',
    run: () => {
      let state = running;
      for (let index = 0; index < LOOP; index += 1) {
        state = movToCr(state, 0, CR0_VALUES[index % CR0_VALUES.length] ?? CR0_STATE).state;
      }
      return checkMovCr0(state, state.cr0).length === 0 ? LOOP : 0;
    },
  };
}

function pinnedWrite(): Subject {
  const pin: Operation = { op: 'wrmsr', vcpu: 0, msr: MSR_KVM_CR4_PINNED_HIGH, value: 0x10_0000n };
  const start = crPinningModel.initial(smallSetup(1));
  const pinned = crPinningModel.apply(start, pin, 'posted-2020-06').state;
  const writes = CR4_VALUES.map((value): Operation => ({
    op: 'movToCr',
    vcpu: 0,
    cr: 4,
    value: value | 0x2000n,
  }));
  return {
    subject: 'model',
    run: () => {
      let state = pinned;
      for (let index = 0; index < LOOP; index += 1) {
        const write = writes[index % writes.length] ?? pin;
        state = crPinningModel.apply(state, write, 'posted-2020-06').state;
      }
      return state.dead === null ? LOOP : 0;
    },
  };
}

/**
 * An exploration as the suite runs it: every invariant that the revision promises is checked at
 * each step.
 */
function exploration(depth: number, counted: 'states' | 'transitions'): Subject {
  return {
    subject: 'model',
    run: () =>
      explore(crPinningModel, {
        revision: 'posted-2020-06-fixed',
        setups: [smallSetup(1)],
        operations: smallOperations,
        depth,
      })[counted],
  };
}

function matrix(): Subject {
  return {
    subject: 'model',
    run: () => {
      for (const scenario of SCENARIOS) runScenario(scenario, 'posted-2020-06');
      return SCENARIOS.length;
    },
  };
}
