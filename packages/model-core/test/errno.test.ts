// SPDX-License-Identifier: MIT
import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import {
  ERRNO_ALIASES,
  ERRNO_NAMES,
  errnoMessage,
  errnoName,
  errnoNumber,
  isErrno,
} from '@kernel-models/model-core';

describe('the errno table', () => {
  test.runIf(process.platform === 'linux' && process.arch === 'x64')(
    'has the numbers of this system (only on Linux x86-64)',
    () => {
      for (const [name, number] of Object.entries(constants.errno)) {
        const canonical = ERRNO_ALIASES[name] ?? name;
        if (!isErrno(canonical)) throw new Error(`${name} is missing`);
        expect([name, errnoNumber(canonical)]).toEqual([name, number]);
      }
    },
  );

  test('gives each number one name, and back', () => {
    for (const name of ERRNO_NAMES) expect(errnoName(errnoNumber(name))).toBe(name);
    expect(new Set(ERRNO_NAMES.map(errnoNumber)).size).toBe(ERRNO_NAMES.length);
    expect(ERRNO_NAMES).toHaveLength(131);
  });

  test('leaves the unused numbers out', () => {
    for (const unused of [0, 41, 58, 134, -2]) expect(errnoName(unused)).toBeUndefined();
  });

  test('knows the messages', () => {
    expect(errnoMessage('ENOENT')).toBe('No such file or directory');
    expect(errnoMessage('ETXTBSY')).toBe('Text file busy');
    expect(isErrno('EWOULDBLOCK')).toBe(false);
  });
});
