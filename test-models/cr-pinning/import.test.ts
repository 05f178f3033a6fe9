// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { replay, TraceError } from '@kernel-models/model-core';
import { crPinningModel } from '@kernel-models/cr-pinning';
import { covered } from '../support/rule-coverage.ts';
import { importPinningTraces } from '../../packages/oracle/src/cr-pinning/import.ts';

const model = covered(crPinningModel);

const CR0 = '0x80050033';
const post = (cr4: string, high = '0x0', low = '0x0') => ({
  cr0: CR0,
  cr4,
  efer: '0xd01',
  cr0_low: '0x0',
  cr0_high: '0x0',
  cr4_low: low,
  cr4_high: high,
  smm: false,
  guest: false,
  cs_l: true,
});
const LOW = '0x4b564d0c';
const HIGH = '0x4b564d0d';
const wrmsr = (msr: string, value: string, res: string, after: object) => ({
  op: 'wrmsr',
  msr,
  value,
  res,
  post: after,
});
const mov = (value: string, res: string, after: object) => ({
  op: 'mov_cr4',
  value,
  res,
  post: after,
});

/** Pins SMEP, then SMAP with it; UMIP low while it is set; then every write has to clear it. */
const EXAMPLE = {
  rev: 'seed-v1',
  init: { cr0: CR0, cr4: '0x300820', efer: '0xd01' },
  ops: [
    wrmsr(HIGH, '0x100000', 'ok', post('0x300820', '0x100000')),
    wrmsr(HIGH, '0x200000', 'gp', post('0x300820', '0x100000')),
    wrmsr(HIGH, '0x300000', 'ok', post('0x300820', '0x300000')),
    mov('0x200820', 'gp', post('0x300820', '0x300000')),
    wrmsr(LOW, '0x100000', 'gp', post('0x300820', '0x300000')),
    wrmsr(LOW, '0x800', 'ok', post('0x300820', '0x300000', '0x800')),
    mov('0x300820', 'gp', post('0x300820', '0x300000', '0x800')),
    mov('0x300020', 'ok', post('0x300020', '0x300000', '0x800')),
  ],
};

describe('the neutral format', () => {
  test('is read, and what stands behind each operation is compared too', () => {
    const [trace] = importPinningTraces(`${JSON.stringify(EXAMPLE)}\n`, 'example.jsonl');
    if (trace === undefined) throw new Error('import: expected a trace');
    const result = replay(model, trace, { revision: 'posted-2020-06' });
    expect(result).toMatchObject({ verdict: 'agree', consumed: 64, total: 64 });
    const wrong = { ...EXAMPLE, ops: EXAMPLE.ops.with(7, mov('0x300020', 'ok', post('0x300820'))) };
    const [other] = importPinningTraces(JSON.stringify(wrong), 'example.jsonl');
    if (other === undefined) throw new Error('import: expected a trace');
    expect(replay(model, other, { revision: 'posted-2020-06' }).verdict).toBe('diverge');
  });

  test('nested guests and SMM', () => {
    const inL2 = { ...post('0x20', '0x100000'), guest: true };
    const smm = { ...post('0x0', '0x100000'), cr0: '0x50032', efer: '0x0', smm: true, cs_l: false };
    const history = {
      rev: 'seed-v1',
      init: { cr0: CR0, cr4: '0x100020', efer: '0xd01' },
      ops: [
        wrmsr(HIGH, '0x100000', 'ok', post('0x100020', '0x100000')),
        {
          op: 'nested_entry',
          guest_cr0: CR0,
          guest_cr4: '0x20',
          host_cr0: CR0,
          host_cr4: '0x20',
          res: 'ok',
          post: inL2,
        },
        { op: 'nested_exit', res: 'l1_exit', post: post('0x100020', '0x100000') },
        { op: 'smi', res: 'ok', post: smm },
        { op: 'smram_write', offset: 0xff48, size: 8, value: '0x20', res: 'ok', post: smm },
        { op: 'rsm', res: 'unhandleable', post: smm },
      ],
    };
    const [trace] = importPinningTraces(JSON.stringify(history), 'nested.jsonl');
    if (trace === undefined) throw new Error('import: expected a trace');
    const { verdict, divergence } = replay(model, trace, { revision: 'posted-2020-06' });
    expect(divergence).toBeUndefined();
    expect(verdict).toBe('agree');
  });

  test.each([
    ['', 'f.jsonl:1: expected a trace, got nothing'],
    ['{', 'f.jsonl:1: trace: expected a JSON object'],
    ['{"rev":"seed-v1"}', 'f.jsonl:1: trace.init: expected an object, got nothing'],
    [JSON.stringify({ ...EXAMPLE, rev: 'seed-v9' }), 'revision: expected one of'],
    [JSON.stringify({ ...EXAMPLE, more: 1 }), 'trace.more: expected no such field'],
    [
      JSON.stringify({ ...EXAMPLE, ops: [mov('0x10000000000000000', 'ok', post('0x0'))] }),
      'trace.ops[0].value: expected a 0x… string from 0x0 to 0xffffffffffffffff',
    ],
    [
      JSON.stringify({ ...EXAMPLE, ops: [{ op: 'mov_cr9', res: 'ok', post: post('0x0') }] }),
      'trace.ops[0].op: expected one of mov_cr0',
    ],
    [
      JSON.stringify({ ...EXAMPLE, features: { cr4_valid: '0x8000', efer_valid: '0x1' } }),
      'cr4Valid: expected bits of',
    ],
  ])('bad input %#: %s', (text, message) => {
    expect(() => importPinningTraces(text, 'f.jsonl')).toThrow(TraceError);
    expect(() => importPinningTraces(text, 'f.jsonl')).toThrow(message);
  });
});
