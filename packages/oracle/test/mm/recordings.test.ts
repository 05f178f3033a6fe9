// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { mmModel, type Setup } from '@kernel-models/mm';
import { describe, expect, test } from 'vitest';
import { shippedRecordings } from '../../src/recordings.ts';

const recordings = shippedRecordings(mmModel.name);

/** Operations of varied shapes that a recording has at least, looks not counted. */
const ENOUGH = 10_000;

/** A case longer than this repeats itself: it fills an address space. */
const VARIED = 1_000;

/** What of a line is looked at here. Whether the model agrees, the repository's own test says. */
type Line =
  | {
      readonly format: string;
      readonly revision: string;
      readonly setup: Pick<Setup, 'abi' | 'layout'>;
      readonly source: { readonly kernel: string };
      readonly events: number;
    }
  | { readonly operation: { readonly op: string } };

describe('recordings of address spaces', () => {
  test('are of the three kernels that revisions describe', () => {
    expect(recordings.map(({ name }) => name)).toEqual(['linux-6.1', 'linux-6.12', 'linux-6.18']);
  });

  test.each(recordings)('$name holds enough, of every kind of process', ({ name, path }) => {
    const kinds = new Set<string>();
    const used = new Set<string>();
    let events = 0;
    let varied = 0;
    let fills = 0;
    for (const text of gunzipSync(readFileSync(path)).toString().trimEnd().split('\n')) {
      const line = JSON.parse(text) as Line;
      if ('format' in line) {
        expect(line.revision).toBe(name);
        expect(line.source.kernel).toContain(name.slice('linux-'.length));
        kinds.add(`${line.setup.abi} ${line.setup.layout}`);
        ({ events } = line);
        if (events > VARIED) fills += 1;
      } else {
        used.add(line.operation.op);
        if (events <= VARIED && line.operation.op !== 'smaps') varied += 1;
      }
    }
    expect([...kinds].sort()).toEqual([
      ...['i386 bottom-up', 'i386 top-down', 'x86-64 bottom-up', 'x86-64 top-down'],
    ]);
    expect(varied).toBeGreaterThan(ENOUGH);
    expect(fills).toBe(1);
    expect(used.size).toBe(21);
  });
});
