// SPDX-License-Identifier: MIT
import {
  CPU_PRESETS,
  initialState,
  type ControlState,
  type CpuPreset,
} from '@kernel-models/hw-model/cpu';

/** The six modes, each with the CR4 bits that change what is legal in it. */
export interface NamedState {
  readonly name: string;
  readonly state: ControlState;
}

const PAE = 0x20n;
const PCIDE = 0x20000n;
const CET = 0x800000n;
const WP = 0x10000n;

/** A state of each mode, by direct construction. */
export function reachableStates(cpu: CpuPreset): readonly NamedState[] {
  const hasCet = (CPU_PRESETS[cpu].cr4Valid & CET) !== 0n;
  const hasPcide = (CPU_PRESETS[cpu].cr4Valid & PCIDE) !== 0n;
  const make = (name: string, cr0: bigint, cr4: bigint, efer: bigint, csL = false): NamedState => ({
    name,
    state: initialState({ cpu, cr0, cr4, efer, csL, csD: !csL && (cr0 & 1n) !== 0n }),
  });
  const paging = 0x8000_0011n;
  return [
    make('real mode', 0x10n, 0n, 0n),
    make('real mode with LME', 0x10n, 0n, 0x100n),
    make('real mode with LME and PAE', 0x10n, PAE, 0x100n),
    make('protected mode', 0x11n, 0n, 0n),
    make('protected mode with PAE', 0x11n, PAE, 0n),
    make('protected mode with LME', 0x11n, 0n, 0x100n),
    make('protected mode with LME and PAE', 0x11n, PAE, 0x100n),
    make('protected mode with LME and PAE in a 64-bit segment', 0x11n, PAE, 0x100n, true),
    make('32-bit paging', paging, 0n, 0n),
    make('PAE paging', paging, PAE, 0n),
    make('compatibility mode', paging, PAE, 0x500n),
    make('64-bit mode', paging, PAE, 0x500n, true),
    ...(hasPcide
      ? [
          make('compatibility mode with PCIDE', paging, PAE | PCIDE, 0x500n),
          make('64-bit mode with PCIDE', paging, PAE | PCIDE, 0x500n, true),
        ]
      : []),
    ...(hasCet ? [make('64-bit mode with CET', paging | WP, PAE | CET, 0x500n, true)] : []),
  ];
}
