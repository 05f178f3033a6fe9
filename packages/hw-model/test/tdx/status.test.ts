// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  areAttributesValid,
  decodeStatus,
  isXfamValid,
  operandBusy,
  operandInvalid,
} from '@kernel-models/hw-model/tdx';

describe('completion statuses', () => {
  test('an invalid operand names it', () => {
    expect(operandInvalid('R8')).toBe(0xc000_0100_0000_0008n);
    expect(operandBusy('RTMR')).toBe(0x8000_0200_0000_00a8n);
  });

  test('are taken apart', () => {
    expect(decodeStatus(0x9000_0205_0000_0007n)).toEqual({
      error: true,
      nonRecoverable: false,
      fatal: false,
      hostRecoverabilityHint: true,
      class: 2,
      detailsL1: 5,
      detailsL2: 7,
      name: 'TDX_HOST_PRIORITY_BUSY_TIMEOUT',
    });
    expect(decodeStatus(0x301_0000_0007n)).toMatchObject({ error: false, name: undefined });
    expect(decodeStatus(5n)).toMatchObject({ name: 'TDX_SUCCESS', detailsL2: 5 });
  });
});

describe('parameters of a TD', () => {
  test.each([0x600e7n, 0x602e7n, 0x618e7n, 0x61ae7n, 0x642e7n])('XFAM 0x%s is real', (xfam) => {
    expect(isXfamValid(xfam)).toBe(true);
  });

  test.each([
    ['without x87', 0x602e6n],
    ['half of AVX-512', 0x60267n],
    ['AVX-512 without AVX', 0x602e3n],
    ['half of CET', 0x60ae7n],
    ['half of AMX', 0x202e7n],
  ])('XFAM %s is not', (_, xfam) => {
    expect(isXfamValid(xfam)).toBe(false);
  });

  test('MIGRATABLE excludes DEBUG and PERFMON', () => {
    expect(areAttributesValid(1n << 29n)).toBe(true);
    expect(areAttributesValid((1n << 29n) | 1n)).toBe(false);
    expect(areAttributesValid((1n << 29n) | (1n << 63n))).toBe(false);
    expect(areAttributesValid(1n << 27n)).toBe(false);
  });
});
