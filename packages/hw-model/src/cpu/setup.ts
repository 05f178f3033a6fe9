// SPDX-License-Identifier: MIT
import { CPU_PRESETS, featuresOfMasks, type CpuFeatures, type CpuPreset } from './features.ts';
import { loadPdptes } from './pdpte.ts';
import { powerOn } from './reset.ts';
import {
  isPaePaging,
  sameShape,
  type ControlState,
  type Cpl,
  type PhysicalMemory,
} from './state.ts';

/** A quadword of physical memory before the first operation. */
export interface MemoryWord {
  /** 8-byte aligned, below 2^52. */
  readonly address: number;
  readonly value: bigint;
}

/** A CPU before the first operation. What is left out is as after power-on. */
export interface CpuSetup {
  /** A CPU that was measured, by name, or the masks of another one. */
  readonly cpu: CpuPreset | CpuFeatures;
  /** Absent: the bootstrap processor. */
  readonly applicationProcessor?: boolean;
  readonly cr0?: bigint;
  readonly cr3?: bigint;
  readonly cr4?: bigint;
  readonly efer?: bigint;
  readonly cpl?: Cpl;
  readonly csL?: boolean;
  readonly csD?: boolean;
  /** Absent: no memory is attached. */
  readonly memory?: readonly MemoryWord[];
}

/** The features that a setup names. */
export function featuresOfSetup({ cpu }: Pick<CpuSetup, 'cpu'>): CpuFeatures {
  return typeof cpu === 'string' ? CPU_PRESETS[cpu] : featuresOfMasks(cpu);
}

/** The state of a CPU before the first operation. PDPTEs are loaded where the mode has them. */
export function initialState(setup: CpuSetup): ControlState {
  const fresh = powerOn(featuresOfSetup(setup), setup.applicationProcessor !== true);
  const { cr0 = fresh.cr0, cr3 = fresh.cr3, cr4 = fresh.cr4, efer = fresh.efer } = setup;
  const { cpl = 0, csL = false, csD = false, memory } = setup;
  const state = sameShape({
    ...fresh,
    cr0,
    cr3,
    cr4,
    efer,
    cpl,
    cs: { ...fresh.cs, l: csL, d: csD },
    memory: memory === undefined ? null : memoryOf(memory),
  });
  return isPaePaging(state) ? loadPdptes(state) : state;
}

function memoryOf(words: readonly MemoryWord[]): PhysicalMemory {
  return Object.fromEntries(words.map(({ address, value }) => [address, value]));
}
