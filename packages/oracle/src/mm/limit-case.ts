// SPDX-License-Identifier: MIT
import {
  MAP_FIXED,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  type Operation,
  type Setup,
} from '@kernel-models/mm';
import type { Case } from '../target.ts';
import { ANON, brk, mmap, NONE, PAGE, pages, R, RW } from './operations.ts';

/** Where the many mappings are. */
const FIELD = 0x3000_0000n;

/** Where what is done at the limit happens. */
const BESIDE = 0x5000_0000n;

/** Larger limits than this cost more operations than they are worth. */
const MOST_MAPPINGS = 70_000;

/**
 * As many mappings as vm.max_map_count allows, and what each call does there: mmap(2) and brk(2)
 * may reach one more, a split may not, mremap(2) keeps some in reserve. Nobody looks at the address
 * space before it is small again.
 *
 * @returns undefined where the limit is so high that reaching it takes too long
 */
export function limitCase(process: Setup): Case<Setup, Operation> | undefined {
  const { maxMapCount, startBrk, vmas } = process;
  if (maxMapCount > MOST_MAPPINGS) return undefined;
  // Every second page is made readable, so that each call adds two mappings.
  const calls = Math.floor((maxMapCount - vmas.length - 13) / 2);
  const field = pages(2 * calls + 1);
  const operations: Operation[] = [
    mmap(BESIDE, pages(8), { flags: ANON | MAP_FIXED }),
    brk(startBrk + PAGE),
    mmap(FIELD, field, { prot: NONE, flags: ANON | MAP_FIXED }),
  ];
  for (let index = 0; index < calls; index += 1) {
    const address = FIELD + pages(2 * index + 1);
    operations.push({ op: 'mprotect', address, length: PAGE, prot: R });
  }
  operations.push(...atTheLimit(startBrk));
  operations.push({ op: 'munmap', address: FIELD, length: field }, { op: 'smaps' });
  return { setup: process, operations };
}

/** What is tried with each mapping more, until nothing succeeds any longer. */
function atTheLimit(startBrk: bigint): readonly Operation[] {
  const operations: Operation[] = [];
  for (let step = 0; step < 12; step += 1) {
    const place = BESIDE + pages(16 + 4 * step);
    const flags = step % 2 === 0 ? MREMAP_MAYMOVE | MREMAP_FIXED : MREMAP_MAYMOVE;
    operations.push(
      mremap(BESIDE, 1, BESIDE + pages(200 + 4 * step), flags),
      mremap(BESIDE + pages(3), 1, place + pages(800), MREMAP_MAYMOVE | MREMAP_DONTUNMAP),
      mmap(place, PAGE, { prot: step % 2 === 0 ? R : RW, flags: ANON | MAP_FIXED }),
      { op: 'mprotect', address: BESIDE + pages(2), length: PAGE, prot: R },
      { op: 'mprotect', address: BESIDE + pages(2), length: PAGE, prot: RW },
      { op: 'munmap', address: BESIDE + pages(5), length: PAGE },
      mmap(BESIDE + pages(5), PAGE, { flags: ANON | MAP_FIXED }),
      { op: 'mlock', address: BESIDE + pages(6), length: PAGE },
      { op: 'munlock', address: BESIDE + pages(6), length: PAGE },
      brk(startBrk + pages(2 + step)),
    );
  }
  return operations;
}

function mremap(address: bigint, count: number, newAddress: bigint, flags: number): Operation {
  const length = pages(count);
  return { op: 'mremap', address, oldLength: length, newLength: length, flags, newAddress };
}
