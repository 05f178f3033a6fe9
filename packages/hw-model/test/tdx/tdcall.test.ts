// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { hasLeaf, model, TDCALL_LEAF } from '@kernel-models/hw-model/tdx';
import { NEWEST, run, runningTd, SETUP, tdcall } from './td.ts';

const completed = (rax: bigint): object => ({ kind: 'completed', rax });

describe('TDCALL before any leaf', () => {
  const td = runningTd();

  test.each([
    ['ring 3', tdcall(4, {}, { cpl: 3 }), { kind: 'fault', vector: '#GP' }],
    ['no 64-bit mode', tdcall(4, {}, { longMode: false }), { kind: 'fault', vector: '#GP' }],
    ['a reserved bit of RAX', tdcall(4n | (1n << 24n)), completed(0xc000_0100_0000_0000n)],
    ['a version', tdcall(4n | (1n << 16n)), completed(0xc000_0100_0000_0000n)],
    ['an unknown leaf', tdcall(13), completed(0xc000_0100_0000_0000n)],
    ['version 1 of TDG.VM.RD', tdcall(7n | (1n << 16n)), { kind: 'unmodelled' }],
    ['version 2 of it', tdcall(7n | (2n << 16n)), completed(0xc000_0100_0000_0000n)],
    ['a leaf that is not modelled', tdcall(5), { kind: 'unmodelled' }],
  ])('%s', (_, call, outcome) => {
    expect(run(td, [call]).outcomes).toEqual([outcome]);
  });

  test('outside a TD that runs it is #UD', () => {
    const outside = model.initial(SETUP);
    expect(run(outside, [tdcall(4)]).outcomes).toEqual([{ kind: 'fault', vector: '#UD' }]);
  });

  test('a 1.0 module has the leaves 0 to 8 alone', () => {
    const leaves = Object.values(TDCALL_LEAF).filter((leaf) => hasLeaf(leaf, '1.0'));
    expect(leaves).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(run(td, [tdcall(22)], 'tdx-module-1.0').outcomes).toEqual([
      completed(0xc000_0100_0000_0000n),
    ]);
  });
});

describe('TDG.VP.INFO', () => {
  test('tells the width, the attributes and the vCPUs', () => {
    const [outcome] = run(runningTd(), [tdcall(1)]).outcomes;
    expect(outcome).toEqual({
      kind: 'completed',
      rax: 0n,
      registers: { rcx: 48n, rdx: 0n, r8: 0x1_0000_0001n, r9: 0n, r10: 1n, r11: 0n },
    });
  });
});

describe('TDG.VP.VEINFO.GET', () => {
  const info = {
    exitReason: 48n,
    exitQualification: 2n,
    guestLinearAddress: 0x7000n,
    guestPhysicalAddress: 0x8000n,
    instructionLength: 3n,
    instructionInfo: 5n,
  };

  test('gives the information once, and a #VE before that is a #DF', () => {
    const { outcomes } = run(runningTd(), [
      tdcall(3),
      { op: 'inject-ve', info },
      { op: 'inject-ve', info },
      tdcall(3),
      tdcall(3),
    ]);
    const nothing = { rcx: 0n, rdx: 0n, r8: 0n, r9: 0n, r10: 0n };
    expect(outcomes).toEqual([
      { kind: 'completed', rax: 0xc000_0704_0000_0000n, registers: nothing },
      { kind: 'fault', vector: '#VE' },
      { kind: 'fault', vector: '#DF' },
      {
        kind: 'completed',
        rax: 0n,
        registers: { rcx: 48n, rdx: 2n, r8: 0x7000n, r9: 0x8000n, r10: 0x5_0000_0003n },
      },
      { kind: 'completed', rax: 0xc000_0704_0000_0000n, registers: nothing },
    ]);
  });
});

describe('TDG.VP.VMCALL', () => {
  test('shows the host what the mask exposes and takes that from it', () => {
    const call = tdcall(
      0,
      { rcx: 0xffccn, r10: 0n, r11: 0x10002n, r12: 0x8000_0000n, rbp: 77n },
      { reply: { r10: 1n, rsp: 5n } },
    );
    const [outcome] = run(runningTd(), [call]).outcomes;
    expect(outcome).toMatchObject({ kind: 'completed', rax: 0n, registers: { r10: 1n, r11: 0n } });
    expect(outcome).toMatchObject({ hostView: { r11: 0x10002n, r12: 0x8000_0000n } });
    expect(outcome).not.toHaveProperty('hostView.rbp');
    expect(outcome).not.toHaveProperty('registers.rsp');
  });

  test.each([0x1n, 0x2n, 0x10n, 1n << 32n])('refuses the mask 0x%s without an exit', (rcx) => {
    expect(run(runningTd(), [tdcall(0, { rcx })]).outcomes).toEqual([
      completed(0xc000_0100_0000_0001n),
    ]);
  });
});

test('an unknown revision is named', () => {
  expect(() => model.apply(runningTd(), tdcall(1), 'tdx-module-3')).toThrow(/tdx-module-3/);
  expect(model.revisions.map(({ id }) => id)).toContain(NEWEST);
});
