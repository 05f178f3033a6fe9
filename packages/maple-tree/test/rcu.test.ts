// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { createMapleTree, type MapleTree } from '@kernel-models/maple-tree';
import { bugOptions, KNOWN_BUGS, knownBug } from '@kernel-models/maple-tree/bugs';
import { loadInSteps, UseAfterFreeError, type LoadStep } from '@kernel-models/maple-tree/testing';

function tree(options = {}): MapleTree<number, string> {
  const made = createMapleTree<string>({ geometry: 'kernel64', rcu: true, ...options });
  for (let i = 0; i < 40; i++) made.storeRange(10 * i, 10 * i + 9, 'old');
  return made;
}

/** Advances a reader up to its n-th stop, lets a writer work, and finishes the reader. */
function interrupted(
  reader: Generator<LoadStep, string | null>,
  stops: number,
  write: () => void,
): string | null {
  for (let stop = 0; stop < stops; stop++) reader.next();
  write();
  for (;;) {
    const step = reader.next();
    if (step.done === true) return step.value;
  }
}

describe('RCU mode', () => {
  test('a replaced node lives until the readers that may hold it are gone', () => {
    const made = tree();
    const pin = made.rcuReadLock();
    made.storeRange(3, 5, 'new');
    expect(made.statistics().awaitingGrace).toBeGreaterThan(0);
    pin.release();
    pin.release();
    expect([pin.released, made.statistics().awaitingGrace]).toEqual([true, 0]);
  });

  test('a reader on a node that died starts again and sees the new one', () => {
    const made = tree();
    const pin = made.rcuReadLock();
    const found = interrupted(loadInSteps(made, 4), 3, () => made.storeRange(3, 5, 'new'));
    expect(found).toBe('new');
    pin.release();
  });

  test('StackRot: without a grace period the reader touches a freed node', () => {
    const made = tree(bugOptions('stackrot'));
    made.rcuReadLock();
    const read = (): unknown =>
      interrupted(loadInSteps(made, 4), 3, () => made.storeRange(3, 5, 'new'));
    expect(read).toThrow(UseAfterFreeError);
  });

  test('two in-place writes between a pivot and its slot are mixed up, as 6.12 allows', () => {
    const writes = (made: MapleTree<number, string>) => (): void => {
      made.storeRange(5, 19, 'moved');
      made.storeRange(0, 4, 'filled');
    };
    const [whole, torn] = [tree(), tree()];
    const stops = 3 * whole.statistics().height - 1;
    expect(interrupted(loadInSteps(whole, 9), stops, writes(whole))).toBe('moved');
    const stopsTorn = 4 * torn.statistics().height - 1;
    expect(interrupted(loadInSteps(torn, 9, true), stopsTorn, writes(torn))).toBe('filled');
  });

  test('a tree without nodes is read at once', () => {
    const empty = createMapleTree<string>({ rcu: true });
    expect(loadInSteps(empty, 5).next()).toEqual({ done: true, value: null });
    empty.store(0, 'root');
    expect(loadInSteps(empty, 0).next()).toEqual({ done: true, value: 'root' });
  });
});

describe('known bugs', () => {
  test('have distinct ids and say what catches them', () => {
    expect(new Set(KNOWN_BUGS.map(({ id }) => id)).size).toBe(KNOWN_BUGS.length);
    expect(KNOWN_BUGS.every(({ caughtBy }) => caughtBy.length > 0)).toBe(true);
    expect(() => knownBug('none')).toThrow('bug: expected one of parent-slot-4bit');
  });
});
