// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  cpuModel,
  CPU_PRESETS,
  MSR_EFER,
  type ControlState,
  type CpuOperation,
  type CpuPreset,
} from '@kernel-models/hw-model/cpu';
import { covered } from '../../support/rule-coverage.ts';
import { reachableStates } from './modes.ts';
import {
  bitsOf,
  predictCr0,
  predictCr4,
  predictEfer,
  valueOf,
  type Prediction,
  type Registers,
} from './reference.ts';

/*
 * Every value over the defined bits of CR0, and every change of one or two bits of CR4 and of EFER,
 * from a state of each mode, on each CPU: the model and the reference agree on all of them.
 */

const model = covered(cpuModel);
const CPUS: readonly CpuPreset[] = [
  'bochs-icelake',
  'bochs-tigerlake',
  'bochs-ryzen',
  'everything',
];

const CR0_DEFINED_BITS = [0, 1, 2, 3, 4, 5, 16, 18, 29, 30, 31].map((bit) => 1n << BigInt(bit));

function registersOf({ cr0, cr3, cr4, efer, cs }: ControlState): Registers {
  return {
    cr0: bitsOf(cr0),
    cr4: bitsOf(cr4),
    efer: bitsOf(efer),
    cr3Low: Number(cr3 % 4096n),
    l: cs.l,
  };
}

/** Undefined where model and reference agree, else what differs. */
function difference(
  state: ControlState,
  operation: CpuOperation,
  predicted: Prediction,
): string | undefined {
  const { outcome, state: next } = model.apply(state, operation, 'architecture');
  const faults = outcome.kind === 'fault';
  if ('faults' in predicted) return faults && next === state ? undefined : 'should fault';
  if (faults) return `faults: ${outcome.violations?.join(', ') ?? ''}`;
  const { registers } = predicted;
  const isEqual =
    next.cr0 === valueOf(registers.cr0) &&
    next.cr4 === valueOf(registers.cr4) &&
    next.efer === valueOf(registers.efer);
  return isEqual ? undefined : 'leaves other registers';
}

/** All values of up to two bits changed, of 64. */
function* pairChanges(current: bigint): Generator<bigint> {
  yield current;
  for (let one = 0n; one < 64n; one += 1n) {
    yield current ^ (1n << one);
    for (let two = one + 1n; two < 64n; two += 1n) yield current ^ (1n << one) ^ (1n << two);
  }
}

describe.each(CPUS)('%s', (cpu) => {
  const features = CPU_PRESETS[cpu];

  test.each(reachableStates(cpu))('all values of CR0 from $name', ({ state }) => {
    const wrong: string[] = [];
    for (let subset = 0; subset < 1 << CR0_DEFINED_BITS.length; subset += 1) {
      const value = CR0_DEFINED_BITS.reduce(
        (sum, bit, index) => ((subset >> index) % 2 === 1 ? sum + bit : sum),
        0n,
      );
      const predicted = predictCr0(registersOf(state), value);
      const problem = difference(state, { op: 'movToCr', cr: 0, value }, predicted);
      if (problem !== undefined) wrong.push(`0x${value.toString(16)} ${problem}`);
    }
    expect(wrong).toEqual([]);
  });

  test.each(reachableStates(cpu))('single and pair changes of CR4 from $name', ({ state }) => {
    const wrong: string[] = [];
    for (const value of pairChanges(state.cr4)) {
      const predicted = predictCr4(registersOf(state), value, features);
      const problem = difference(state, { op: 'movToCr', cr: 4, value }, predicted);
      if (problem !== undefined) wrong.push(`0x${value.toString(16)} ${problem}`);
    }
    expect(wrong).toEqual([]);
  });

  test.each(reachableStates(cpu))('single and pair changes of EFER from $name', ({ state }) => {
    const wrong: string[] = [];
    for (const value of pairChanges(state.efer)) {
      const predicted = predictEfer(registersOf(state), value, features);
      const problem = difference(state, { op: 'wrmsr', msr: MSR_EFER, value }, predicted);
      if (problem !== undefined) wrong.push(`0x${value.toString(16)} ${problem}`);
    }
    expect(wrong).toEqual([]);
  });
});
