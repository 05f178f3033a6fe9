// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deepEqual, type Json } from '@kernel-models/model-core';
import { codec, initial, mmModel } from '@kernel-models/mm';
import { draws, operationFor, setups, smallProcess } from '@kernel-models/mm/testing';

test('operations, outcomes and setups survive JSON', () => {
  fc.assert(
    fc.property(setups, fc.array(draws, { maxLength: 20 }), (setup, history) => {
      if (!deepEqual(codec.decodeSetup(codec.encodeSetup(setup)), setup)) return false;
      let state = initial(setup);
      return history.every((draw) => {
        const operation = operationFor(state, draw);
        const step = mmModel.apply(state, operation, 'linux-6.1');
        state = step.state;
        const seen = mmModel.apply(state, { op: 'smaps' }, 'linux-6.1').outcome;
        return (
          deepEqual(codec.decodeOperation(codec.encodeOperation(operation)), operation) &&
          deepEqual(codec.decodeOutcome(codec.encodeOutcome(step.outcome)), step.outcome) &&
          deepEqual(codec.decodeOutcome(codec.encodeOutcome(seen)), seen)
        );
      });
    }),
    { seed: 1, numRuns: 50 },
  );
});

describe('bad input names the field', () => {
  const mmap = {
    op: 'mmap',
    address: '0x0',
    length: '0x1000',
    prot: ['READ'],
    flags: ['PRIVATE', 'ANONYMOUS'],
    fd: -1,
    offset: '0x0',
  };

  test.each<[string, Json, string]>([
    ['a length that is a number', { ...mmap, length: 4096 }, 'operation.length: expected'],
    ['an unknown protection', { ...mmap, prot: ['READ', 'FLY'] }, 'operation.prot[1]: expected'],
    ['a flag that is not modelled', { ...mmap, flags: ['0x40000'] }, 'operation.flags: expected'],
    ['an unknown field', { ...mmap, colour: 'red' }, 'operation.colour: expected'],
    ['an unknown operation', { op: 'mmap3' }, 'operation.op: expected'],
    [
      'advice that is not modelled',
      { op: 'madvise', address: '0x0', length: '0x0', advice: '0x3' },
      'operation.advice: expected',
    ],
  ])('%s', (_, json, message) => {
    expect(() => codec.decodeOperation(json)).toThrow(message);
  });

  test('a setup whose mappings overlap', () => {
    const small = smallProcess();
    const setup = { ...small, vmas: [...small.vmas, ...small.vmas.slice(0, 1)] };
    expect(() => initial(setup)).toThrow('setup.vmas[4]: expected a range that nothing else has');
  });

  test('a setup with a file that is not there', () => {
    const [first] = smallProcess().vmas;
    if (first === undefined) throw new Error('expected a mapping');
    const setup = smallProcess({ vmas: [{ ...first, name: 'file:7' }] });
    expect(() => initial(setup)).toThrow('setup.vmas[0].name: expected');
  });
});

test('an unknown revision is a mistake of the caller', () => {
  const state = initial(smallProcess());
  expect(() => mmModel.apply(state, { op: 'smaps' }, 'linux-2.4')).toThrow('mm: revision');
});
