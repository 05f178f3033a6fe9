// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { codec, model, type Operation } from '@kernel-models/hw-model/tdx';
import { NEWEST, run, runningTd, SETUP, tdcall } from './td.ts';

const OPERATIONS: readonly Operation[] = [
  tdcall(0, { rcx: 0xffccn, r11: 0x10002n }, { reply: { r10: 1n } }),
  { op: 'mng-init', params: model.initial(SETUP).params },
  { op: 'page-add', gpa: 0x1000n, content: Uint8Array.of(1, 2, 3) },
  { op: 'mr-extend', gpa: 0x100n },
  { op: 'vp-init' },
  { op: 'mr-finalize' },
  { op: 'page-aug', gpa: 0x9000n, level: 1 },
  { op: 'range-block', gpa: 0x9000n },
  { op: 'lock-rtmr', held: true },
  { op: 'lock-entry', gpa: null },
  { op: 'host-write', gpa: 0x9000n, content: new Uint8Array() },
  { op: 'module-update', teeTcbSvn: new Uint8Array(16).fill(3) },
  { op: 'guest-write', gpa: 0x9000n, content: new Uint8Array(2) },
  { op: 'guest-read', gpa: 0x9000n, size: 7 },
  {
    op: 'inject-ve',
    info: {
      exitReason: 1n,
      exitQualification: 2n,
      guestLinearAddress: 3n,
      guestPhysicalAddress: 4n,
      instructionLength: 5n,
      instructionInfo: 6n,
    },
  },
];

describe('the codec', () => {
  test('operations, outcomes and setups survive JSON', () => {
    const throughJson = (value: unknown): never => JSON.parse(JSON.stringify(value)) as never;
    for (const operation of OPERATIONS) {
      const json = throughJson(codec.encodeOperation(operation));
      expect(codec.decodeOperation(json)).toEqual(operation);
    }
    for (const outcome of run(runningTd(), OPERATIONS, NEWEST).outcomes) {
      expect(codec.decodeOutcome(throughJson(codec.encodeOutcome(outcome)))).toEqual(outcome);
    }
    expect(codec.decodeSetup(throughJson(codec.encodeSetup(SETUP)))).toEqual(SETUP);
  });

  test.each([
    [{ op: 'page-aug', gpa: '0x0', level: 2 }, /operation\.level: expected one of 0, 1, got 2/],
    [{ op: 'page-add', gpa: '0x0', content: 'abc' }, /operation\.content: expected 0 to 4096/],
    [{ op: 'module-update', teeTcbSvn: '00' }, /operation\.teeTcbSvn: expected 16 bytes/],
    [{ op: 'vp-init', more: 1 }, /operation\.more: expected no such field/],
  ])('%j is refused by its field', (json, message) => {
    expect(() => codec.decodeOperation(json)).toThrow(message);
  });
});
