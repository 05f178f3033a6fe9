// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMapleTree } from '@kernel-models/maple-tree';
import { PAGE_SIZE, VmaTree, type Vma } from '@kernel-models/mm';

/*
 * A history may go on from any of its states. So versions are made from random earlier ones, and each
 * must show what a list of pages says that was copied for it.
 */

const PAGES = 24;

interface Edit {
  readonly first: number;
  readonly pages: number;
  readonly erases: boolean;
}

interface Branch {
  /** Which of the versions so far it goes on from: the latest for most. */
  readonly from: number | null;
  readonly handsOn: boolean;
  readonly edits: readonly Edit[];
}

const edit: fc.Arbitrary<Edit> = fc.record({
  first: fc.integer({ min: 0, max: PAGES - 1 }),
  pages: fc.integer({ min: 1, max: 4 }),
  erases: fc.boolean(),
});

const branch: fc.Arbitrary<Branch> = fc.record({
  from: fc.option(fc.nat(), { freq: 4 }),
  handsOn: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.boolean()),
  edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
});

function vma(start: number, end: number): Vma {
  return {
    start,
    end,
    flags: 0,
    pgoff: 0,
    backing: null,
    anonVma: 0,
    chain: [],
    policy: null,
    special: null,
  };
}

const firstVersion = (): VmaTree =>
  VmaTree.of(createMapleTree<Vma>({ geometry: 'kernel64', allocRange: true }));

const pagesOf = (tree: VmaTree): readonly (Vma | null)[] =>
  Array.from({ length: PAGES + 4 }, (_, page) => tree.load(page * PAGE_SIZE));

test('a version shows what was stored on its own way, however the history branches', () => {
  fc.assert(
    fc.property(
      fc.array(branch, { maxLength: 60 }),
      fc.infiniteStream(fc.nat()),
      (branches, looks) => {
        const versions = [firstVersion()];
        const lists: (readonly (Vma | null)[])[] = [pagesOf(firstVersion())];
        for (const { from, handsOn, edits } of branches) {
          const index = from === null ? versions.length - 1 : from % versions.length;
          const version = versions[index]?.next(handsOn);
          const list = [...(lists[index] ?? [])];
          if (version === undefined) throw new Error('no such version');
          for (const { erases, first, pages } of edits) {
            const stored = erases ? null : vma(first * PAGE_SIZE, (first + pages) * PAGE_SIZE);
            expect(
              version.storeRange(first * PAGE_SIZE, (first + pages) * PAGE_SIZE - 1, stored),
            ).toBeGreaterThanOrEqual(0);
            list.fill(stored, first, first + pages);
          }
          versions.push(version);
          lists.push(list);
          const looked = looks.next().value % versions.length;
          expect(pagesOf(versions[looked] ?? version)).toEqual(lists[looked]);
        }
        versions.forEach((version, index) => {
          expect(pagesOf(version)).toEqual(lists[index]);
          version.validate();
        });
      },
    ),
    { seed: 20_240_704, numRuns: 200 },
  );
});

test('nodes are the same whether a tree was handed on or shared', () => {
  const dumps = [true, false].map((handsOn) => {
    let tree = firstVersion();
    for (let page = 0; page < 60; page += 2) {
      tree = tree.next(handsOn);
      tree.storeRange(page * PAGE_SIZE, (page + 1) * PAGE_SIZE - 1, vma(page, page + 1));
    }
    return tree.dumpNodes();
  });
  expect(dumps[0]).toEqual(dumps[1]);
});

test('statistics are those of the last operation', () => {
  const first = firstVersion().next(true);
  first.storeRange(0, PAGE_SIZE - 1, vma(0, PAGE_SIZE));
  const second = first.next(true);
  second.storeRange(2 * PAGE_SIZE, 3 * PAGE_SIZE - 1, vma(2 * PAGE_SIZE, 3 * PAGE_SIZE));
  const { stores } = second.statistics();
  expect(Object.values(stores).reduce((sum, count) => sum + count)).toBe(1);
});
