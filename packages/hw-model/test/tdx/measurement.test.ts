// SPDX-License-Identifier: MIT
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  buildTd,
  extend,
  model,
  report,
  sharedBit,
  type Operation,
} from '@kernel-models/hw-model/tdx';
import { NEWEST, run, runningTd, SETUP, tdcall } from './td.ts';

const sha384 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha384');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

describe('MRTD', () => {
  test('measures a page that is added without being extended by its address alone', () => {
    const page = (content: Uint8Array): readonly Operation[] => [
      { op: 'mng-init', params: model.initial(SETUP).params },
      { op: 'page-add', gpa: 0n, content },
      { op: 'vp-init' },
      { op: 'mr-finalize' },
    ];
    const mrTd = (content: Uint8Array): Uint8Array =>
      run(model.initial(SETUP), page(content)).td.measurements.mrTd;
    expect(mrTd(Uint8Array.of(1))).toEqual(mrTd(Uint8Array.of(2)));
    const block = new Uint8Array(128);
    block.set(new TextEncoder().encode('MEM.PAGE.ADD'));
    expect(mrTd(Uint8Array.of(1))).toEqual(sha384(block));
  });

  test('depends on the content and the order of extended pages', () => {
    const a = new Uint8Array(4096).fill(1);
    const b = new Uint8Array(4096).fill(2);
    const mrTd = (...pages: readonly Uint8Array[]): Uint8Array =>
      buildTd(SETUP, { pages }).measurements.mrTd;
    expect(mrTd(a, b)).not.toEqual(mrTd(b, a));
    expect(mrTd(a, b)).toEqual(mrTd(a, b));
  });

  test('is fixed at finalize, which needs a vCPU', () => {
    const [, refused, , , late] = run(model.initial(SETUP), [
      { op: 'mng-init', params: model.initial(SETUP).params },
      { op: 'mr-finalize' },
      { op: 'vp-init' },
      { op: 'mr-finalize' },
      { op: 'page-add', gpa: 0n, content: new Uint8Array() },
    ]).outcomes;
    expect(refused).toEqual({ kind: 'seamcall', status: 0xc000_0100_0000_0090n });
    expect(late).toEqual({ kind: 'seamcall', status: 0xc000_0608_0000_0000n });
  });

  test('an image that the module refuses is named', () => {
    expect(() => buildTd(SETUP, { params: { attributes: 2n }, pages: [] })).toThrow(
      /mng-init\.attributes/,
    );
    expect(() => buildTd(SETUP, { params: { xfam: 0n }, pages: [] })).toThrow(/mng-init\.xfam/);
  });
});

describe('TDG.MR.RTMR.EXTEND', () => {
  test('folds 48 bytes into the register, and the next report shows it', () => {
    const digest = new Uint8Array(48).fill(9);
    const { td, outcomes } = run(runningTd(), [
      tdcall(4, { rcx: 0x1400n, rdx: 0x1000n }),
      { op: 'guest-write', gpa: 0x1000n, content: digest },
      tdcall(2, { rcx: 0x1000n, rdx: 2n }),
    ]);
    expect(outcomes[2]).toEqual({ kind: 'completed', rax: 0n });
    const expected = sha384(new Uint8Array(48), digest);
    expect(td.measurements.rtmr[2]).toEqual(expected);
    expect(report(td, new Uint8Array(64)).report.subarray(816, 864)).toEqual(expected);
    expect(extend(runningTd(), 2, digest).measurements.rtmr).toEqual(td.measurements.rtmr);
  });

  test('in its order of checks', () => {
    const td = runningTd();
    const locked = run(td, [{ op: 'lock-rtmr', held: true }]).td;
    const { outcomes } = run(locked, [
      tdcall(2, { rcx: 0x1001n, rdx: 9n }),
      tdcall(2, { rcx: sharedBit(td) | 0x1000n, rdx: 9n }),
      tdcall(2, { rcx: 0x9000n, rdx: 9n }),
      tdcall(2, { rcx: 0x1000n, rdx: 4n }),
      tdcall(2, { rcx: 0x1000n, rdx: 3n }),
    ]);
    expect(outcomes).toEqual([
      { kind: 'completed', rax: 0xc000_0100_0000_0001n },
      { kind: 'completed', rax: 0xc000_0100_0000_0001n },
      { kind: 'td-exit', reason: 'ept-violation' },
      { kind: 'completed', rax: 0xc000_0100_0000_0002n },
      { kind: 'completed', rax: 0x8000_0200_0000_00a8n },
    ]);
    expect(model.apply(locked, tdcall(2), NEWEST).state).toBe(locked);
  });
});
