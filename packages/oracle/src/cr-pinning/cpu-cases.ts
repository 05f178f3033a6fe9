// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import {
  CPU_PRESETS,
  CR0_CD,
  CR0_DEFINED,
  CR0_ET,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR3_NO_FLUSH,
  CR4_CET,
  CR4_DEFINED,
  CR4_LA57,
  CR4_PAE,
  CR4_PCIDE,
  EFER_LMA,
  EFER_LME,
  featuresOfSetup,
  MSR_EFER,
  MSR_IA32_PAT,
  type CpuOperation,
  type CpuPreset,
  type CpuSetup,
  type MemoryWord,
} from '@kernel-models/hw-model/cpu';
import {
  FIRST_PDE,
  FIRST_PDPTE,
  PAGE_DIRECTORY_ADDRESS,
  PDPT_ADDRESS,
  READS,
  tableFor,
  type CpuCase,
} from './transitions.ts';

/*
 * Cases for the firmware: a legal state in one of six modes, one instruction, and values that lie
 * near the
 * current one, near the border of what is defined, or anywhere.
 */

const MODES = ['real', 'protected', '32-bit', 'PAE', 'compatibility', '64-bit'] as const;
type Mode = (typeof MODES)[number];

/** Any subset of the bits of a mask. */
function subsetOf(mask: bigint): fc.Arbitrary<bigint> {
  return fc.bigInt(0n, (1n << 64n) - 1n).map((bits) => bits & mask);
}

/** One bit of 64. */
const anyBit: fc.Arbitrary<bigint> = fc
  .integer({ min: 0, max: 63 })
  .map((bit) => 1n << BigInt(bit));

/** The current value with a few bits flipped; defined bits at will; now and then any 64 bits. */
function near(current: bigint, defined: bigint): fc.Arbitrary<bigint> {
  const flips = fc.array(anyBit, { minLength: 0, maxLength: 3 });
  const low = fc.array(
    anyBit.filter((bit) => (bit & defined) !== 0n),
    { maxLength: 3 },
  );
  const flip = (bits: readonly bigint[]): bigint =>
    bits.reduce((value, bit) => value ^ bit, current);
  return fc.oneof(
    { weight: 5, arbitrary: low.map(flip) },
    { weight: 3, arbitrary: subsetOf(defined) },
    { weight: 2, arbitrary: flips.map(flip) },
    { weight: 1, arbitrary: fc.bigInt(0n, (1n << 64n) - 1n) },
  );
}

/** A legal CR0 for a mode: what CD, NW and WP have to be follows. */
function legalCr0(bits: bigint, mode: Mode, needsWp: boolean): bigint {
  const pe = mode === 'real' ? 0n : CR0_PE;
  const pg = mode === 'real' || mode === 'protected' ? 0n : CR0_PG;
  const cd = (bits & CR0_NW) === 0n ? 0n : CR0_CD;
  const wp = needsWp ? CR0_WP : 0n;
  return (bits & CR0_DEFINED & ~(CR0_PE | CR0_PG)) | CR0_ET | pe | pg | cd | wp;
}

/** A legal CR4 for a mode. */
function legalCr4(bits: bigint, mode: Mode): bigint {
  const isLong = mode === 'compatibility' || mode === '64-bit';
  const pae = isLong || mode === 'PAE' ? CR4_PAE : mode === '32-bit' ? 0n : bits & CR4_PAE;
  const late = isLong ? bits & CR4_PCIDE : 0n;
  return (bits & ~(CR4_PAE | CR4_PCIDE | CR4_LA57)) | pae | late;
}

function legalEfer(bits: bigint, mode: Mode, valid: bigint): bigint {
  const isLong = mode === 'compatibility' || mode === '64-bit';
  const isPaging = isLong || mode === '32-bit' || mode === 'PAE';
  const lme = isLong ? EFER_LME | EFER_LMA : isPaging ? 0n : bits & EFER_LME;
  return (bits & valid & ~(EFER_LME | EFER_LMA)) | lme;
}

/** PDPTEs: the first one leads to the firmware's page directory, and some have reserved bits. */
const pdptes: fc.Arbitrary<readonly bigint[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant([FIRST_PDPTE, 0n, 0n, 0n]) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(0n, 0n, 2n, 0x20n, 0x100n, 1n << 52n),
        fc.array(anyBit, { maxLength: 3 }),
      )
      .map(([reserved, bits]) => [
        FIRST_PDPTE | reserved,
        ...[0, 1, 2].map((index) => (bits[index] ?? 0n) | (index === 2 ? 0n : 1n)),
      ]),
  },
);

/** Physical memory as the CPU finds it, where it has PDPTEs to load. */
function memoryOf(entries: readonly bigint[]): readonly MemoryWord[] {
  return [
    ...entries.map((value, index) => ({ address: Number(PDPT_ADDRESS) + 8 * index, value })),
    { address: Number(PAGE_DIRECTORY_ADDRESS), value: FIRST_PDE },
  ];
}

function setups(cpu: CpuPreset): fc.Arbitrary<CpuSetup> {
  const { cr4Valid, eferValid } = CPU_PRESETS[cpu];
  return fc
    .record({
      mode: fc.constantFrom(...MODES),
      cr0: subsetOf(CR0_DEFINED),
      cr4: subsetOf(cr4Valid),
      efer: subsetOf(eferValid),
      entries: pdptes,
      pcid: fc.constantFrom(0n, 0n, 0n, 1n, 0xfffn),
    })
    .map(({ mode, cr0, cr4, efer, entries, pcid }) => {
      const isLong = mode === 'compatibility' || mode === '64-bit';
      const legal4 = legalCr4(cr4, mode);
      const withoutCet = mode === 'real' ? legal4 & ~CR4_CET : legal4;
      const registers = {
        cpu,
        cr0: legalCr0(cr0, mode, (withoutCet & CR4_CET) !== 0n),
        cr4: withoutCet,
        efer: legalEfer(efer, mode, eferValid),
      };
      // A PCID other than 0 lies in CR3 only while PCIDE is clear: setting it is what is tried.
      const low = isLong && (withoutCet & CR4_PCIDE) === 0n ? pcid : 0n;
      return {
        ...registers,
        cr3: tableFor(registers) | low,
        csL: mode === '64-bit',
        csD: mode !== '64-bit' && mode !== 'real',
        ...(!isLong && { memory: memoryOf(entries) }),
      };
    });
}

/**
 * CR3 for a MOV: without paging any value, with paging one that keeps the tables where they are.
 */
function cr3Values(setup: CpuSetup): fc.Arbitrary<bigint> {
  const { cr0 = 0n, cr3 = 0n } = setup;
  // Bits of the address itself would lead to other tables.
  const beyond = 1n << BigInt(featuresOfSetup(setup).maxPhyAddr + 5);
  const high = fc.constantFrom(0n, 0n, CR3_NO_FLUSH, 1n << 62n, 1n << 61n, 1n << 52n, beyond);
  const table = fc.tuple(fc.constantFrom(0n, 8n, 0x18n), high);
  const kept = table.map(([low, bits]) => (cr3 & ~0xfffn) | low | bits);
  return (cr0 & CR0_PG) === 0n ? fc.oneof(kept, fc.bigInt(0n, (1n << 64n) - 1n)) : kept;
}

function instructions(setup: CpuSetup): fc.Arbitrary<CpuOperation> {
  const { cr0 = 0n, cr4 = 0n, efer = 0n } = setup;
  const eferBits = 0x5d01n;
  const movs = (cr: number, values: fc.Arbitrary<bigint>): fc.Arbitrary<CpuOperation> =>
    values.map((value): CpuOperation => ({ op: 'movToCr', cr, value }));
  return fc.oneof(
    { weight: 8, arbitrary: movs(0, near(cr0, CR0_DEFINED)) },
    { weight: 8, arbitrary: movs(4, near(cr4, CR4_DEFINED)) },
    // From 32-bit to PAE paging and back, where one kind of table is taken for the other.
    { weight: 1, arbitrary: movs(4, fc.constant(cr4 ^ CR4_PAE)) },
    { weight: 3, arbitrary: movs(3, cr3Values(setup)) },
    {
      weight: 5,
      arbitrary: near(efer, eferBits).map((value): CpuOperation => ({
        op: 'wrmsr',
        msr: MSR_EFER,
        value,
      })),
    },
    {
      weight: 2,
      arbitrary: fc.bigInt(0n, 0xffffn).map((value): CpuOperation => ({ op: 'lmsw', value })),
    },
    { weight: 1, arbitrary: fc.constant<CpuOperation>({ op: 'clts' }) },
    { weight: 1, arbitrary: fc.constant<CpuOperation>({ op: 'smsw' }) },
    { weight: 1, arbitrary: fc.constant<CpuOperation>({ op: 'rdmsr', msr: MSR_EFER }) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(
          fc.constantFrom(MSR_IA32_PAT, 0x4b56_4d08),
          fc.constantFrom(0n, 2n, 6n, 0x0006_0007n),
        )
        .map(([msr, value]): CpuOperation => ({ op: 'wrmsr', msr, value })),
    },
    { weight: 1, arbitrary: fc.constant<CpuOperation>({ op: 'movToCr', cr: 1, value: 0n }) },
    { weight: 1, arbitrary: fc.constant<CpuOperation>({ op: 'rsm' }) },
  );
}

/** Cases that the firmware can do, on one of the given CPUs. */
export function transitionCases(cpus: readonly CpuPreset[]): fc.Arbitrary<CpuCase> {
  return fc
    .constantFrom(...cpus)
    .chain(setups)
    .chain((setup) =>
      instructions(setup).map((instruction) => ({ setup, operations: [instruction, ...READS] })),
    );
}
