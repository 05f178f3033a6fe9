// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { layoutOf, mmModel, observe, vmasOf, type Operation, type State } from '@kernel-models/mm';
import {
  ARENA,
  draws,
  focuses,
  operationFor,
  setups,
  smallProcess,
} from '@kernel-models/mm/testing';
import { checkProperty } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { show } from './history.ts';

/* Laws that hold whatever happened before. */

const model = covered(mmModel);
const REVISION = 'linux-6.18';
const PAGE = 4096n;

const reached: fc.Arbitrary<State> = fc
  .record({ setup: setups, focus: focuses, history: fc.array(draws, { maxLength: 25 }) })
  .map(({ setup, focus, history }) =>
    history.reduce(
      (state, draw) => model.apply(state, operationFor(state, draw, -1, focus), REVISION).state,
      model.initial(setup),
    ),
  );

function run(state: State, ...operations: readonly Operation[]): State {
  return operations.reduce((now, operation) => model.apply(now, operation, REVISION).state, state);
}

function seen(state: State): string {
  return show(observe(state));
}

describe('laws of the address space', () => {
  const pages = fc.bigInt({ min: 0n, max: 20n });

  test('brk: there and back is nothing, and only the last break counts', () =>
    checkProperty(
      'brk algebra',
      fc.property(pages, pages, pages, (first, second, third) => {
        const fresh = model.initial(smallProcess());
        const to = (page: bigint): Operation => ({
          op: 'brk',
          address: BigInt(fresh.startBrk) + page * PAGE,
        });
        const start = run(fresh, to(first));
        if (seen(run(start, to(second), to(first))) !== seen(start)) return false;
        return layoutOf(run(start, to(second), to(third))) === layoutOf(run(start, to(third)));
      }),
    ));

  test('mmap and munmap of a free range is nothing', () =>
    checkProperty(
      'mmap and munmap',
      fc.property(reached, fc.nat(60), fc.integer({ min: 1, max: 5 }), (state, page, count) => {
        const address = ARENA + BigInt(page) * PAGE;
        const length = BigInt(count) * PAGE;
        const end = Number(address + length);
        const isFree = state.tree.find(Number(address), end - 1) === null;
        // A neighbour that was written to lends its anon_vma, which changes nothing either.
        if (!isFree || state.lockHeld || state.oops !== null) return;
        const mapped = model.apply(
          state,
          { op: 'mmap', address, length, prot: 0, flags: 0x4032, fd: -1, offset: 0n },
          REVISION,
        );
        if (mapped.outcome.kind !== 'value') return;
        const back = model.apply(mapped.state, { op: 'munmap', address, length }, REVISION);
        if (back.outcome.kind !== 'value') return;
        if (layoutOf(back.state) !== layoutOf(state))
          throw new Error(`${seen(state)}\n${seen(back.state)}`);
      }),
    ));

  test('mprotect there and back is nothing where nothing was written', () =>
    checkProperty(
      'mprotect there and back',
      fc.property(fc.nat(9), fc.integer({ min: 1, max: 10 }), (from, count) => {
        const map: Operation = {
          op: 'mmap',
          address: ARENA,
          length: 10n * PAGE,
          prot: 3,
          flags: 0x32,
          fd: -1,
          offset: 0n,
        };
        const start = run(model.initial(smallProcess()), map);
        const address = ARENA + BigInt(from) * PAGE;
        const length = BigInt(Math.min(count, 10 - from)) * PAGE;
        const changed = run(
          start,
          { op: 'mprotect', address, length, prot: 1 },
          { op: 'mprotect', address, length, prot: 3 },
        );
        return seen(changed) === seen(start);
      }),
    ));

  test('an old state stays what it was', () =>
    checkProperty(
      'states are immutable',
      fc.property(reached, fc.array(draws, { minLength: 1, maxLength: 12 }), (state, later) => {
        const before = show(vmasOf(state));
        later.reduce(
          (now, draw) => model.apply(now, operationFor(now, draw), REVISION).state,
          state,
        );
        state.tree.validate();
        return show(vmasOf(state)) === before;
      }),
    ));

  test('what changes nothing returns the same state', () =>
    checkProperty(
      'no change, same state',
      fc.property(reached, draws, (state, draw) => {
        const step = model.apply(state, operationFor(state, draw), REVISION);
        if (step.state === state) return true;
        return (
          seen(step.state) !== seen(state) ||
          model.key?.(step.state) !== model.key?.(state) ||
          step.state.vmasAllocated !== state.vmasAllocated ||
          step.state.vmasFreed !== state.vmasFreed ||
          step.state.tree !== state.tree
        );
      }),
    ));
});
