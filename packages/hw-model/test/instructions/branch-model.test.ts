// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  branchModel,
  CET_ENDBR_EN,
  CET_LEG_IW_EN,
  CET_NO_TRACK_EN,
  CET_SUPPRESS,
  CET_TRACKER,
  CODE,
  TARGET,
  type BranchOperation,
  type BranchOutcome,
  type BranchSetup,
} from '../../src/instructions/index.ts';

const TRACKED: BranchSetup = { cet: true, uCet: CET_ENDBR_EN, sCet: CET_ENDBR_EN };

function answer(
  operation: BranchOperation,
  setup: BranchSetup = TRACKED,
  revision = 'architecture',
): { readonly rule: string; readonly outcome: BranchOutcome } {
  return branchModel.apply(branchModel.initial(setup), operation, revision);
}

type Execution = Extract<BranchOperation, { op: 'execute' }>;

function execute(code: string, target: string, cpl: 0 | 3 = 3): Execution {
  return {
    ...{ op: 'execute', cpl, code, target, second: 'cc', handler: '', bitmap: 0 },
    ...{ start: 'plain', handled: null, absent: null },
  };
}

describe('a run of code', () => {
  test.each([
    ['ffe0', 'f30f1efa', 'execute.breakpoint', 3],
    ['ffe0', '90', 'execute.missing-endbranch', 21],
    // INT3 is exempt where ENDBR64 is waited for; INT1 is not.
    ['ffe0', 'cc', 'execute.breakpoint', 3],
    ['ffe0', 'f1', 'execute.missing-endbranch', 21],
    ['e9fb0f0000', 'f1', 'execute.debug', 1],
    ['e9fb0f0000', 'ea', 'execute.invalid-opcode', 6],
    ['e9fb0f0000', 'f4', 'execute.protection', 13],
    ['48c7c0000000ffffe0', '90', 'execute.page', 14],
    ['0fa2', '90', 'execute.unsupported', null],
  ])('%s to %s: %s', (code, target, rule, vector) => {
    const step = answer(execute(code, target));
    expect(step.rule).toBe(rule);
    expect(step.outcome.kind === 'exception' ? step.outcome.vector : null).toBe(vector);
  });

  test.each([
    // #UD, INT n and a double fault, of which no gate or no stack is there.
    ['0f0b', { absent: 6 }, 'execute.gate-not-present', 11],
    ['48bc0000000000000010cd20', {}, 'execute.stack', 12],
    ['ffe0', { absent: 21 }, 'execute.double-fault', 8],
    ['ffe0', { handled: 21, handler: '90' }, 'execute.page', 14],
    ['cd22', {}, 'execute.protection', 13],
    // Through gates and system calls to the handler, and back to where ENDBR64 is waited for.
    ['0f05', { handler: 'f30f1efa480f07' }, 'execute.breakpoint', 3],
    ['cd20', { handler: '90' }, 'execute.missing-endbranch', 21],
    ['0f34', { handler: '90' }, 'execute.missing-endbranch', 21],
    ['48ff5b30', { handler: '90' }, 'execute.missing-endbranch', 21],
    ['48ff6b20', {}, 'execute.missing-endbranch', 21],
    ['fbffe0', { start: 'interrupted', handler: 'f30f1efa48cf' }, 'execute.missing-endbranch', 21],
    ['ffe0', { start: 'stepping' }, 'execute.debug', 1],
    // Compatibility mode, and a shutdown.
    ['0f07', {}, 'execute.protection', 13],
    ['cd20', { handler: 'f30f1efa0f07' }, 'execute.unsupported', null],
    ['ffe0', { absent: 21, handled: 8, handler: '90' }, 'execute.unsupported', null],
  ] satisfies readonly [string, Partial<Execution>, string, number | null][])(
    '%s with %j: %s',
    (code, more, rule, vector) => {
      const step = answer({ ...execute(code, '90', code.startsWith('48bc') ? 0 : 3), ...more });
      expect(step.rule).toBe(rule);
      expect(step.outcome.kind === 'exception' ? step.outcome.vector : null).toBe(vector);
    },
  );

  test('what CPL 3 waited for is still there in the handler; what CPL 0 waited for is not', () => {
    const user = answer(execute('ffe0', '90', 3)).outcome;
    expect(user).toMatchObject({ rip: TARGET, errorCode: 3, uCet: CET_ENDBR_EN | CET_TRACKER });
    const kernel = answer(execute('ffe0', '90', 0)).outcome;
    expect(kernel).toMatchObject({ rip: TARGET, errorCode: 3, sCet: CET_ENDBR_EN });
  });

  test('CPL 3 that waits when it is returned to misses ENDBR64 at once', () => {
    const setup = { ...TRACKED, uCet: CET_ENDBR_EN | CET_TRACKER };
    expect(answer(execute('90', '90'), setup).outcome).toMatchObject({ vector: 21, rip: CODE });
  });

  test('a page that the legacy bitmap names suspends tracking', () => {
    const setup = { ...TRACKED, uCet: CET_ENDBR_EN | CET_LEG_IW_EN | 0x3_0000n };
    const legacy = { ...execute('ffe0', '90'), bitmap: 0xff };
    expect(answer(legacy, setup).outcome).toMatchObject({ uCet: setup.uCet | CET_SUPPRESS });
    expect(answer({ ...legacy, bitmap: 0xfd }, setup).rule).toBe('execute.missing-endbranch');
  });

  test('Bochs takes a prefix 3E beside others, and clears the bits of what does not track', () => {
    const noTrack = { ...TRACKED, uCet: CET_ENDBR_EN | CET_NO_TRACK_EN };
    const overridden = execute('3e2effe0', '90');
    expect(answer(overridden, noTrack).rule).toBe('execute.missing-endbranch');
    expect(answer(overridden, noTrack, 'bochs-2.7').rule).toBe('execute.breakpoint');
    const off = { cet: false, uCet: CET_SUPPRESS, sCet: 0n };
    const landing = execute('90', '90');
    expect(answer(landing, off).outcome).toMatchObject({ uCet: CET_SUPPRESS });
    const cleared = answer(execute('f30f1efa', '90'), off, 'bochs-2.7').outcome;
    expect(cleared).toMatchObject({ uCet: 0n });
  });
});

test.each([
  [1n << 6n, 'wrmsr.reserved'],
  [CET_SUPPRESS | CET_TRACKER, 'wrmsr.suppress-and-tracker'],
  [1n << 60n, 'wrmsr.base'],
  [CET_ENDBR_EN, 'wrmsr.written'],
])('a CET MSR and 0x%s', (value, rule) => {
  const operation = { op: 'wrmsr', msr: 'uCet', value } as const;
  const step = answer(operation);
  expect(step.rule).toBe(rule);
  expect(step.outcome.kind).toBe(rule === 'wrmsr.written' ? 'written' : 'refused');
  expect(branchModel.codec.decodeOutcome(branchModel.codec.encodeOutcome(step.outcome))).toEqual(
    step.outcome,
  );
});

test('bad input is named', () => {
  const { codec } = branchModel;
  const operation = { ...execute('ffe0', '90') };
  expect(codec.decodeOperation(codec.encodeOperation(operation))).toEqual(operation);
  expect(() => codec.decodeOperation({ ...operation, code: 'abc' })).toThrow('operation.code');
  expect(() => codec.decodeOperation({ ...operation, cpl: 1 })).toThrow('operation.cpl');
  expect(codec.decodeSetup(codec.encodeSetup(TRACKED))).toEqual(TRACKED);
});
