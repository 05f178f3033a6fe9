// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  access,
  model,
  platformOf,
  sharedBit,
  verifyReport,
  type Outcome,
  type TdState,
} from '@kernel-models/hw-model/tdx';
import { NEWEST, run, runningTd, tdcall } from './td.ts';

const BAD = 0xc000_0100_0000_0000n;
const REPORT = 4;

/** The outcome of TDG.MR.REPORT with these operands, valid where they are not given. */
function reportWith(
  td: TdState,
  { rcx = 0x1400n, rdx = 0x1000n, r8 = 0n }: { rcx?: bigint; rdx?: bigint; r8?: bigint },
): Outcome | undefined {
  return run(td, [tdcall(REPORT, { rcx, rdx, r8 })]).outcomes[0];
}

describe('TDG.MR.REPORT in its order of checks', () => {
  const td = runningTd();
  const locked = run(td, [{ op: 'lock-rtmr', held: true }]).td;
  const beyond = 1n << 50n;

  test.each([
    ['unaligned output wins over everything', { rcx: 0x1001n, rdx: 1n, r8: 1n }, BAD | 1n],
    ['unaligned input', { rcx: beyond, rdx: 0x1020n, r8: 1n }, BAD | 2n],
    ['an input that is no address', { rcx: beyond, rdx: beyond, r8: 1n }, BAD | 2n],
    ['a subtype, even with a bad output', { rcx: beyond, r8: 1n }, BAD | 8n],
    ['a subtype above the low byte', { r8: 0x100n }, BAD | 8n],
    ['a locked RTMR, before a bad output', { rcx: beyond }, 0x8000_0200_0000_00a8n],
  ])('%s', (_, operands, rax) => {
    expect(reportWith(locked, operands)).toEqual({ kind: 'completed', rax });
  });

  test('a bad output is found last', () => {
    expect(reportWith(td, { rcx: beyond })).toEqual({ kind: 'completed', rax: BAD | 1n });
  });

  test('an unmapped operand exits, a pending one is #VE', () => {
    expect(reportWith(td, { rdx: 0x9000n })).toEqual({ kind: 'td-exit', reason: 'ept-violation' });
    expect(reportWith(td, { rcx: 0x9000n })).toEqual({ kind: 'td-exit', reason: 'ept-violation' });
    const pending = run(td, [{ op: 'page-aug', gpa: 0x9000n, level: 0 }]).td;
    expect(reportWith(pending, { rdx: 0x9000n })).toEqual({ kind: 'fault', vector: '#VE' });
  });
});

describe('the report', () => {
  test('is the platform’s own, and no other’s', () => {
    const { td } = run(runningTd(), [
      { op: 'guest-write', gpa: 0x1000n, content: new Uint8Array(64).fill(0xab) },
      tdcall(REPORT, { rcx: 0x1400n, rdx: 0x1000n }),
    ]);
    const { outcomes } = run(td, [{ op: 'guest-read', gpa: 0x1400n, size: 1024 }]);
    const report = outcomes[0]?.kind === 'bytes' ? outcomes[0].bytes : new Uint8Array();
    expect(verifyReport(td.platform, report)).toEqual({ ok: true });
    expect(verifyReport(platformOf('another'), report)).toEqual({ ok: false, reason: 'mac' });
    expect(report.subarray(128, 192)).toEqual(new Uint8Array(64).fill(0xab));
  });

  test('may overlap its input, which is read before', () => {
    const { td, outcomes } = run(runningTd(), [
      { op: 'guest-write', gpa: 0x1080n, content: new Uint8Array(64).fill(7) },
      tdcall(REPORT, { rcx: 0x1000n, rdx: 0x1080n }),
      { op: 'guest-read', gpa: 0x1080n, size: 64 },
    ]);
    expect(outcomes[2]).toEqual({ kind: 'bytes', bytes: new Uint8Array(64).fill(7) });
    expect(access(td, 0x1000n, 'private').kind).toBe('frame');
  });

  test('takes its nonce from shared memory, where the host chooses it', () => {
    const td = runningTd();
    const shared = sharedBit(td) | 0x5000n;
    const { outcomes } = run(td, [
      { op: 'host-write', gpa: shared, content: new Uint8Array(64).fill(0x66) },
      tdcall(REPORT, { rcx: 0x1000n, rdx: shared }),
      { op: 'guest-read', gpa: 0x1080n, size: 1 },
    ]);
    expect(outcomes[2]).toEqual({ kind: 'bytes', bytes: Uint8Array.of(0x66) });
  });

  test('is retried once after an interrupt, and then made under any number of them', () => {
    const call = tdcall(REPORT, { rcx: 0x1400n, rdx: 0x1000n }, { interruptPending: true });
    expect(run(runningTd(), [call, call]).outcomes).toEqual([
      { kind: 'retry' },
      { kind: 'completed', rax: 0n },
    ]);
  });

  test('never shares its memory with the caller or between states', () => {
    const content = new Uint8Array(64).fill(1);
    const td = runningTd();
    const written = model.apply(td, { op: 'guest-write', gpa: 0x1000n, content }, NEWEST).state;
    content.fill(2);
    const read = model.apply(written, { op: 'guest-read', gpa: 0x1000n, size: 64 }, NEWEST);
    if (read.outcome.kind === 'bytes') read.outcome.bytes.fill(3);
    const again = model.apply(written, { op: 'guest-read', gpa: 0x1000n, size: 64 }, NEWEST);
    expect(again.outcome).toEqual({ kind: 'bytes', bytes: new Uint8Array(64).fill(1) });
    const old = model.apply(td, { op: 'guest-read', gpa: 0x1000n, size: 64 }, NEWEST);
    expect(old.outcome).toEqual({ kind: 'bytes', bytes: new Uint8Array(64) });
  });
});

describe('TDG.MR.VERIFYREPORT', () => {
  const made = run(runningTd(), [tdcall(REPORT, { rcx: 0x1000n, rdx: 0x1400n })]).td;

  test('takes a report of this platform, whatever its hashes are of', () => {
    const forged = { op: 'guest-write', gpa: 0x1200n, content: Uint8Array.of(1) } as const;
    const { outcomes } = run(made, [
      tdcall(22, { rcx: 0x1000n }),
      forged,
      tdcall(22, { rcx: 0x1000n }),
    ]);
    expect(outcomes[0]).toEqual({ kind: 'completed', rax: 0n });
    expect(outcomes[2]).toEqual({ kind: 'completed', rax: 0n });
  });

  test.each([
    ['a changed nonce', 0x1080n, 0xc000_1001_0000_0000n],
    ['a newer CPUSVN', 0x1010n, 0xc000_1000_0000_0000n],
  ])('refuses %s', (_, gpa, rax) => {
    const { outcomes } = run(made, [
      { op: 'guest-write', gpa, content: Uint8Array.of(0xff) },
      tdcall(22, { rcx: 0x1000n }),
    ]);
    expect(outcomes[1]).toEqual({ kind: 'completed', rax });
  });

  test('takes private and aligned addresses alone', () => {
    const rax = BAD | 1n;
    const { outcomes } = run(made, [
      tdcall(22, { rcx: 0x1040n }),
      tdcall(22, { rcx: sharedBit(made) | 0x1000n }),
      tdcall(22, { rcx: 0x9000n }),
    ]);
    expect(outcomes).toEqual([
      { kind: 'completed', rax },
      { kind: 'completed', rax },
      { kind: 'td-exit', reason: 'ept-violation' },
    ]);
  });
});
