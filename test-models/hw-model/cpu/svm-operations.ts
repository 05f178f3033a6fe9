// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import {
  MSR_EFER,
  type CpuFeatures,
  type HostSave,
  type Vmcb,
  type VmcbSave,
} from '@kernel-models/hw-model/cpu';
import type { Machine, SvmOperation } from './svm-reference.ts';

/*
 * What a host of SVM and its guests do: VMCBs of each mode with checks broken, and histories that
 * are chosen by what the registers hold.
 */

/** A state that VMRUN takes, by mode. PG, PE, ET, WP; PAE; SVME, LMA, LME. */
export const MODES: Readonly<Record<string, VmcbSave>> = {
  '64-bit': mode(0x8001_0031n, 0x20n, 0x1500n, true, false),
  compatibility: mode(0x8001_0031n, 0x20n, 0x1500n, false, true),
  PAE: mode(0x8001_0031n, 0x20n, 0x1000n, false, true),
  '32-bit': mode(0x8000_0031n, 0n, 0x1000n, false, true),
  protected: mode(0x31n, 0x20n, 0x1100n, false, true),
  real: mode(0x30n, 0n, 0x1000n, false, false),
};

function mode(cr0: bigint, cr4: bigint, efer: bigint, csL: boolean, csD: boolean): VmcbSave {
  const debug = { dr6: 0xffff_0ff0n, dr7: 0x400n } as const;
  return { cr0, cr2: 0n, cr3: 0x1000n, cr4, efer, ...debug, cpl: 0, csL, csD, vTpr: 0n };
}

/** What breaks a check of "Canonicalization and Consistency Checks", or is next to doing so. */
export const CHANGES: readonly ((save: VmcbSave, cpu: CpuFeatures) => VmcbSave)[] = [
  (save) => ({ ...save, efer: save.efer & ~0x1000n }),
  (save) => ({ ...save, cr0: (save.cr0 | 0x2000_0000n) & ~0x4000_0000n }),
  (save) => ({ ...save, cr0: save.cr0 | 0x6000_0000n }),
  (save) => ({ ...save, cr0: save.cr0 | (1n << 32n) }),
  (save) => ({ ...save, cr0: save.cr0 | (1n << 63n) }),
  (save) => ({ ...save, cr0: save.cr0 ^ 0x40n }),
  (save) => ({ ...save, cr0: save.cr0 & ~0x10n }),
  (save) => ({ ...save, cr0: save.cr0 ^ 0x1_0000n }),
  (save) => ({ ...save, cr0: save.cr0 ^ 0xan }),
  (save, cpu) => ({ ...save, cr3: 1n << BigInt(cpu.maxPhyAddr) }),
  (save, cpu) => ({ ...save, cr3: 1n << BigInt(cpu.maxPhyAddr - 1) }),
  (save) => ({ ...save, cr3: 1n << 63n }),
  (save) => ({ ...save, cr3: 1n << 62n }),
  (save) => ({ ...save, cr3: save.cr3 | 0xfffn }),
  (save) => ({ ...save, cr4: save.cr4 | (1n << 15n) }),
  (save) => ({ ...save, cr4: save.cr4 | (1n << 33n) }),
  (save) => ({ ...save, cr4: save.cr4 | (1n << 20n) }),
  (save) => ({ ...save, cr4: save.cr4 | (1n << 11n) }),
  (save) => ({ ...save, cr4: save.cr4 | (1n << 23n) }),
  (save) => ({ ...save, cr4: save.cr4 | (1n << 17n) }),
  (save) => ({ ...save, cr4: save.cr4 ^ 0x20n }),
  (save) => ({ ...save, efer: save.efer | 2n }),
  (save) => ({ ...save, efer: save.efer | (1n << 40n) }),
  (save) => ({ ...save, efer: save.efer ^ 0x800n }),
  (save) => ({ ...save, efer: save.efer ^ 0x400n }),
  (save) => ({ ...save, efer: save.efer ^ 0x100n }),
  (save) => ({ ...save, cr0: save.cr0 ^ 1n }),
  (save) => ({ ...save, csL: true, csD: true }),
  (save) => ({ ...save, dr6: save.dr6 | (1n << 32n) }),
  (save) => ({ ...save, dr7: save.dr7 | (1n << 63n) }),
  (save) => ({ ...save, dr6: 0xffff_0ff1n, dr7: 0x401n }),
  (save) => ({ ...save, cpl: 3 }),
  (save) => ({ ...save, cr2: 0xffff_8000_0000_1234n, vTpr: 9n }),
];

/** A state of a mode, with up to two changes. */
export interface Area {
  readonly of: string;
  readonly changes: readonly number[];
}

/** Any of them. */
export const area: fc.Arbitrary<Area> = fc.record({
  of: fc.constantFrom(...Object.keys(MODES)),
  changes: fc.oneof(
    { weight: 3, arbitrary: fc.constant<number[]>([]) },
    { weight: 2, arbitrary: fc.array(fc.nat(CHANGES.length - 1), { minLength: 1, maxLength: 2 }) },
  ),
});

/** The save area that a description means on a CPU. */
export function areaOf({ of, changes }: Area, cpu: CpuFeatures): VmcbSave {
  let save = MODES[of];
  if (save === undefined) throw new Error(`mode: expected a known one, got ${of}`);
  for (const index of changes) save = CHANGES[index]?.(save, cpu) ?? save;
  return save;
}

const intercepts = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  fc.nat(0xffff),
  fc.nat(15).map((bit) => 1 << bit),
  fc.constant(0xffff),
);

/** Intercepts: none, one, some, all. */
export const controls: fc.Arbitrary<Omit<Vmcb, 'save'>> = fc.record({
  interceptCrWrites: intercepts,
  interceptCrReads: intercepts,
  selectiveCr0Write: fc.boolean(),
  interceptMsrs: fc.boolean(),
  virtualTpr: fc.boolean(),
});

/** The part of a save area that is the host's. */
export function hostPart({ cr0, cr3, cr4, efer, csL, csD }: VmcbSave): HostSave {
  return { cr0, cr3, cr4, efer, csL, csD };
}

/** Bits of a register that matter together, so that a change of them can be legal. */
const FLIPS: Readonly<Record<number, readonly bigint[]>> = {
  0: [2n, 8n, 0xan, 4n, 0x10n, 0x40n, 0x20n, 0x1_0000n, 0x8000_0000n, 0x4000_0000n, 0x6000_0000n],
  4: [0x20n, 0x80n, 0x800n, 0x1000n, 0x8000n, 0x2_0000n, 0x10_0000n, 0x80_0000n, 1n << 33n],
};
const CR3S = [
  0n,
  0x1000n,
  0x1fffn,
  1n << 39n,
  1n << 40n,
  1n << 52n,
  1n << 61n,
  1n << 63n,
  1n << 32n,
];
const CR8S = [0n, 15n, 16n, 1n << 32n, 1n << 63n];
const EFERS = [1n, 0x100n, 0x400n, 0x800n, 0x1000n, 2n, 1n << 40n];

/** Numbers that are no MSR of the model, at the edges of what permission maps cover. */
const MSRS = [
  0x1fff, 0x2000, 0x4b56_4d0d, 0xbfff_ffff, 0xc000_1fff, 0xc000_2000, 0xc000_ffff, 0xc001_0000,
  0xc001_1fff, 0xc001_2000, 0xffff_ffff,
];

/** An operation by what the registers hold before it. */
export type Choice = (machine: Machine) => SvmOperation;

const writeFlipped = fc
  .tuple(
    fc.constantFrom(0 as const, 0 as const, 4 as const),
    fc.nat(),
    fc.oneof(
      fc.constant(0n),
      fc.bigInt(0n, 63n).map((bit) => 1n << bit),
    ),
  )
  .map(([cr, index, other]): Choice => {
    const flips = FLIPS[cr] ?? [];
    const flip = flips[index % flips.length] ?? 0n;
    return (machine) => ({
      op: 'movToCr',
      cr,
      value: (cr === 0 ? machine.cr0 : machine.cr4) ^ flip ^ other,
    });
  });

const step: fc.Arbitrary<Choice> = fc.oneof(
  { weight: 8, arbitrary: writeFlipped },
  fc.constantFrom(...CR3S).map((value): Choice => () => ({ op: 'movToCr', cr: 3, value })),
  fc.constantFrom(...CR8S).map((value): Choice => () => ({ op: 'movToCr', cr: 8, value })),
  fc.bigInt(0n, (1n << 64n) - 1n).map((value): Choice => () => ({ op: 'movToCr', cr: 2, value })),
  fc.nat(15).map((cr): Choice => () => ({ op: 'movToCr', cr, value: 0n })),
  { weight: 3, arbitrary: fc.nat(15).map((cr): Choice => () => ({ op: 'movFromCr', cr })) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(0, 2, 3, 4, 8).map((cr): Choice => () => ({ op: 'movFromCr', cr })),
  },
  {
    weight: 2,
    arbitrary: fc.nat(0xffff).map(
      (value): Choice =>
        () =>
          lmsw(BigInt(value)),
    ),
  },
  fc.constantFrom<Choice>(
    () => ({ op: 'clts' }),
    () => ({ op: 'smsw' }),
  ),
  fc.constant<Choice>(() => ({ op: 'rdmsr', msr: MSR_EFER })),
  fc.constantFrom(...MSRS).map((msr): Choice => () => ({ op: 'rdmsr', msr })),
  fc.constantFrom(...MSRS).map((msr): Choice => () => ({ op: 'wrmsr', msr, value: 0n })),
  fc
    .constantFrom(...EFERS)
    .map((flip): Choice => ({ efer }) => ({ op: 'wrmsr', msr: MSR_EFER, value: efer ^ flip })),
  fc.constant<Choice>(({ cr0, l, d }) =>
    cr0 % 2n === 0n ? { op: 'clts' } : { op: 'iret', l, d, cpl: 3 },
  ),
  {
    weight: 5,
    arbitrary: fc.tuple(area, controls).map(([save, others]): Choice => ({ features }) => ({
      op: 'vmrun',
      vmcb: { save: areaOf(save, features), ...others } satisfies Vmcb,
    })),
  },
  { weight: 2, arbitrary: fc.constant<Choice>(() => ({ op: 'guestExit' })) },
  area.map((host): Choice => ({ features }) => ({
    op: 'hostSaveWrite',
    host: hostPart(areaOf(host, features)),
  })),
);

function lmsw(value: bigint): SvmOperation {
  return { op: 'lmsw', value };
}

/** Paths that single choices seldom find: SMSW of a user under UMIP, CR3 with a tag. */
const MOTIFS: readonly (readonly Choice[])[] = [
  [
    ({ cr4 }) => ({ op: 'movToCr', cr: 4, value: cr4 ^ 0x800n }),
    ({ cr0, l, d }) => (cr0 % 2n === 0n ? { op: 'clts' } : { op: 'iret', l, d, cpl: 3 }),
    () => ({ op: 'smsw' }),
  ],
  [
    ({ cr4 }) => ({ op: 'movToCr', cr: 4, value: cr4 ^ 0x2_0000n }),
    () => ({ op: 'movToCr', cr: 3, value: (1n << 63n) + 0x2007n }),
  ],
];

/** Up to twelve choices. */
export const history: fc.Arbitrary<readonly Choice[]> = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: step.map((one): readonly Choice[] => [one]) },
      fc.constantFrom(...MOTIFS),
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts) => parts.flat());
