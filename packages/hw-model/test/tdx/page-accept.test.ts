// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { sharedBit, type Operation } from '@kernel-models/hw-model/tdx';
import { run, runningTd, tdcall } from './td.ts';

const ACCEPT = 6;
const LARGE = 0x20_0000n;
const accept = (rcx: bigint, interruptPending = false): Operation =>
  tdcall(ACCEPT, { rcx }, { interruptPending });
const completed = (rax: bigint): object => ({ kind: 'completed', rax });
const EXIT = { kind: 'td-exit', reason: 'ept-violation' };
const BAD_RCX = completed(0xc000_0100_0000_0001n);

describe('TDG.MEM.PAGE.ACCEPT', () => {
  test('zeroes a pending page once; the second accept is a warning and changes nothing', () => {
    const { outcomes } = run(runningTd(), [
      { op: 'page-aug', gpa: 0x9000n, level: 0 },
      accept(0x9000n),
      { op: 'guest-write', gpa: 0x9000n, content: Uint8Array.of(5) },
      accept(0x9000n),
      { op: 'guest-read', gpa: 0x9000n, size: 1 },
    ]);
    expect(outcomes.slice(1)).toEqual([
      completed(0n),
      { kind: 'done' },
      completed(0xb0a_0000_0000n),
      { kind: 'bytes', bytes: Uint8Array.of(5) },
    ]);
  });

  test('operands', () => {
    const td = runningTd();
    const { outcomes } = run(td, [
      accept(0x1008n),
      accept(2n),
      accept(0x1001n),
      accept(sharedBit(td) | 0x1000n),
      accept(1n << 52n),
    ]);
    expect(outcomes).toEqual([BAD_RCX, BAD_RCX, BAD_RCX, BAD_RCX, BAD_RCX]);
  });

  test('sizes', () => {
    const { outcomes } = run(runningTd(), [
      { op: 'page-aug', gpa: LARGE, level: 1 },
      accept(LARGE),
      accept(LARGE | 1n),
      accept(LARGE + 0x1000n),
      accept(LARGE | 1n),
      accept(1n),
      accept(0x60_0000n | 1n),
    ]);
    expect(outcomes.slice(1)).toEqual([
      EXIT,
      completed(0n),
      completed(0xb0a_0000_0001n),
      completed(0xb0a_0000_0001n),
      completed(0xc000_0b0b_0000_0001n),
      EXIT,
    ]);
  });

  test('a large page is accepted chunk by chunk where interrupts wait', () => {
    const retries = Array.from({ length: 511 }, () => accept(LARGE | 1n, true));
    const { outcomes } = run(runningTd(), [
      { op: 'page-aug', gpa: LARGE, level: 1 },
      ...retries,
      accept(LARGE | 1n, true),
    ]);
    expect(outcomes.slice(1, -1).every(({ kind }) => kind === 'retry')).toBe(true);
    expect(outcomes.at(-1)).toEqual(completed(0n));
  });

  test('a blocked page exits, a locked entry is busy', () => {
    const { outcomes } = run(runningTd(), [
      { op: 'page-aug', gpa: 0x9000n, level: 0 },
      { op: 'lock-entry', gpa: 0x9000n },
      accept(0x9000n),
      { op: 'lock-entry', gpa: null },
      { op: 'range-block', gpa: 0x9000n },
      accept(0x9000n),
      { op: 'range-block', gpa: 0xa000n },
    ]);
    expect(outcomes[2]).toEqual(completed(0x8000_0200_0000_0001n));
    expect(outcomes[5]).toEqual(EXIT);
    expect(outcomes[6]).toMatchObject({ kind: 'seamcall', status: 0xc000_0100_0000_0001n });
  });
});
