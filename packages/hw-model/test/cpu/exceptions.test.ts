// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  combineExceptions,
  cpuModel,
  exceptionClass,
  featuresOfMasks,
  initialState,
  isBootstrap,
  movToCr,
  pushesErrorCode,
  raise,
  reset,
  smi,
  smramWrite,
  VECTOR,
  VECTORS,
} from '../../src/cpu/index.ts';

describe('exceptions', () => {
  test('those that push an error code', () => {
    expect(VECTORS.filter(pushesErrorCode)).toEqual([8, 10, 11, 12, 13, 14, 17, 21, 29, 30]);
  });

  test('two contributory ones, or a page fault and either, are a double fault', () => {
    const doubles = VECTORS.flatMap((first) =>
      VECTORS.filter((second) => combineExceptions(first, second) === 'double-fault').map(
        (second) => [exceptionClass(first), exceptionClass(second)].join(' '),
      ),
    );
    expect([...new Set(doubles)].sort()).toEqual([
      'contributory contributory',
      'page-fault contributory',
      'page-fault page-fault',
    ]);
  });

  test('real mode pushes no error code, and a third fault shuts down', () => {
    const real = initialState({ cpu: 'bochs-icelake', cr0: 0x10n });
    expect(raise(real, VECTOR.GP, 4).outcome).not.toHaveProperty('errorCode');
    const lost = raise(real, VECTOR.GP, 0, VECTOR.DF);
    expect(lost.state.activity).toBe('shutdown');
    expect(reset(lost.state).state.activity).toBe('active');
  });
});

describe('control registers that do not exist', () => {
  const user = initialState({ cpu: 'everything', cr0: 0x11n, cpl: 3 });

  test('are #UD also for a user; those that exist are #GP(0)', () => {
    for (const cr of [1, 5, 6, 7, 9, 15]) {
      expect(movToCr(user, cr, 0n).outcome).toMatchObject({ kind: 'fault', vector: VECTOR.UD });
    }
    for (const cr of [0, 2, 3, 4]) {
      expect(movToCr(user, cr, 0n).outcome).toMatchObject({ vector: VECTOR.GP, errorCode: 0 });
    }
  });
});

test('a write to the save area changes the bytes that it covers, of each register that it reaches', () => {
  const before = smi(initialState({ cpu: 'bochs-icelake', cr0: 0x11n, cr4: 0x20n })).state;
  const one = smramWrite(before, 0xff49, 1, 0xabn).state;
  expect(one.smm.image?.cr4).toBe(0xab20n);
  const two = smramWrite(one, 0xff4c, 8, 0x1111_2222_3333_4444n).state;
  expect(two.smm.image?.cr4).toBe(0x3333_4444_0000_ab20n);
  expect(two.smm.image?.cr3).toBe(0x1111_2222n);
});

test('an application processor waits, and a bootstrap processor does not', () => {
  const ap = initialState({ cpu: 'bochs-icelake', applicationProcessor: true });
  expect([isBootstrap(ap), ap.activity]).toEqual([false, 'wait-for-sipi']);
  const bsp = initialState({ cpu: 'bochs-icelake' });
  expect([isBootstrap(bsp), bsp.activity]).toEqual([true, 'active']);
});

test('features and traces that make no sense are refused by name', () => {
  const features = { vendor: 'intel', maxPhyAddr: 40, cr4Valid: 0n, eferValid: 0n } as const;
  expect(() => featuresOfMasks({ ...features, maxPhyAddr: 31 })).toThrow('maxPhyAddr: expected');
  expect(() => featuresOfMasks({ ...features, cr4Valid: 0x8000n })).toThrow('cr4Valid: expected');
  const { codec } = cpuModel;
  expect(() => codec.decodeSetup({ cpu: 'z80' })).toThrow('setup.cpu: expected one of');
  expect(() => codec.decodeOperation({ op: 'raise', vector: 9, errorCode: 0 })).toThrow(
    'operation.vector: expected the vector of an exception, got 9',
  );
  expect(() => codec.decodeOutcome({ kind: 'done', more: 1 })).toThrow('outcome.more');
});
