// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cpuModel,
  initialState,
  type ControlState,
  type CpuFeatures,
  type SaveStateField,
} from '@kernel-models/hw-model/cpu';
import { checkProperty } from '../../support/check-property.ts';
import { covered } from '../../support/rule-coverage.ts';

/*
 * The save area as what it is: bytes. A naive SMRAM takes the registers byte by byte at the offsets
 * of the manuals' tables, and every write after that; the model, which knows fields only, has to
 * agree on each.
 */

const model = covered(cpuModel);

/** Offsets from SMBASE + 8000H, as the tables print them, and sizes in bytes. */
type Table = Readonly<Partial<Record<SaveStateField, readonly [offset: number, size: number]>>>;

/** AMD64: AMD APM volume 2, chapter 10. */
const AMD64: Table = {
  efer: [0x7ed0, 8],
  smbase: [0x7f00, 4],
  cr4: [0x7f48, 8],
  cr3: [0x7f50, 8],
  cr0: [0x7f58, 8],
  dr7: [0x7f60, 8],
  dr6: [0x7f68, 8],
  rflags: [0x7f70, 8],
  rip: [0x7f78, 8],
};

/** CPUs without long mode. It has no EFER. */
const LEGACY: Table = {
  smbase: [0x7ef8, 4],
  cr4: [0x7f14, 4],
  dr7: [0x7fc8, 4],
  dr6: [0x7fcc, 4],
  rip: [0x7ff0, 4],
  rflags: [0x7ff4, 4],
  cr3: [0x7ff8, 4],
  cr0: [0x7ffc, 4],
};

/** Intel 64: Intel SDM volume 3, chapter on SMM; CR4 by EDK II. */
const INTEL64: Table = {
  cr4: [0x7e40, 4],
  smbase: [0x7ef8, 4],
  dr7: [0x7fc8, 8],
  dr6: [0x7fd0, 8],
  rip: [0x7fd8, 8],
  efer: [0x7fe0, 8],
  rflags: [0x7fe8, 8],
  cr3: [0x7ff0, 8],
  cr0: [0x7ff8, 8],
};

const WITHOUT_LONG_MODE: CpuFeatures = {
  vendor: 'intel',
  maxPhyAddr: 36,
  cr4Valid: 0x7ffn,
  eferValid: 0n,
};

const long = { cr0: 0x8001_0033n, cr3: 0x1000n, cr4: 0x20n, efer: 0x500n, csL: true };
const MAPS: readonly (readonly [string, string, ControlState, Table])[] = [
  ['AMD64', 'architecture', initialState({ cpu: 'everything', ...long }), AMD64],
  [
    'AMD64, an AMD CPU',
    'architecture-intel-smram',
    initialState({ cpu: 'bochs-ryzen', ...long }),
    AMD64,
  ],
  ['Intel 64', 'architecture-intel-smram', initialState({ cpu: 'everything', ...long }), INTEL64],
  ['legacy', 'architecture', initialState({ cpu: WITHOUT_LONG_MODE, cr0: 0x33n }), LEGACY],
];

class Smram {
  readonly #bytes = new Map<number, bigint>();

  write(offset: number, size: number, value: bigint): void {
    for (let index = 0; index < size; index += 1) {
      this.#bytes.set(offset + index, (value / 256n ** BigInt(index)) % 256n);
    }
  }

  read(offset: number, size: number): bigint {
    let value = 0n;
    for (let index = 0; index < size; index += 1) {
      value += (this.#bytes.get(offset + index) ?? 0n) * 256n ** BigInt(index);
    }
    return value;
  }
}

const write = fc.record({
  offset: fc.integer({ min: 0xfe00, max: 0xffff }),
  size: fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const),
  value: fc.bigInt(0n, (1n << 64n) - 1n),
});

describe.each(MAPS)('the map of %s', (_, revision, start, table) => {
  const places = Object.entries(table) as [SaveStateField, readonly [number, number]][];

  test('an SMI saves and RSM loads each register at its place', () => {
    const { state } = model.apply(start, { op: 'smi' }, revision);
    const { image } = state.smm;
    const saved = (field: SaveStateField): bigint =>
      field === 'smbase' ? BigInt(start.smm.smbase) : start[field];
    for (const [field] of places) expect([field, image?.[field]]).toEqual([field, saved(field)]);
    const back = model.apply(state, { op: 'rsm' }, revision);
    expect(back.rule).toBe('rsm.resumed');
    for (const field of ['cr0', 'cr3', 'cr4', 'efer', 'dr6', 'dr7', 'rip', 'rflags'] as const) {
      expect([field, back.state[field]]).toEqual([field, start[field]]);
    }
  });

  test('any writes of the handler change the bytes that they reach, and nothing else', async () => {
    const property = fc.property(fc.array(write, { maxLength: 12 }), (writes) => {
      let { state } = model.apply(start, { op: 'smi' }, revision);
      const smram = new Smram();
      for (const [field, [offset, size]] of places) {
        smram.write(offset + 0x8000, size, state.smm.image?.[field] ?? 0n);
      }
      for (const { offset, size, value } of writes) {
        state = model.apply(state, { op: 'smramWrite', offset, size, value }, revision).state;
        smram.write(offset, size, value);
      }
      return places.every(
        ([field, [offset, size]]) => state.smm.image?.[field] === smram.read(offset + 0x8000, size),
      );
    });
    await checkProperty(`save area, ${revision}`, property, { runs: 300 });
  });
});
