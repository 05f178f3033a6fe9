// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { runOracle, type Ran } from '../support/run-oracle.ts';

const cfi = (...args: readonly string[]): Promise<Ran> => runOracle('cfi', ...args);

describe('kernel-oracle cfi run is bounded', () => {
  test('a jump out of the image is the page fault that a CPU would raise', async () => {
    const { out } = await cfi('run', 'patched-nowhere');
    expect(out).toMatch(/<- #PF/);
    expect(out).toMatch(/#PF at the callee after \d+ instructions/);
  });

  test('a run without an end is told of with the place, and its listing is cut', async () => {
    const { out } = await cfi('run', 'patched-runaway');
    expect(out).toMatch(/still running at 0xffffffffc000001c after 10000 instructions/);
    expect(out.split('\n').length).toBeLessThan(60);
  });
});

describe('kernel-oracle cfi disasm is bounded', () => {
  test('truncated code is listed as far as it goes', async () => {
    const { code, out } = await cfi('disasm', 'f30f1efa0f1f44');
    expect(out).toMatch(/endbr64[^]*truncated/);
    expect(code).not.toBe(0);
  });

  test('a branch out of the image, and past the end of memory, is listed by its target', async () => {
    const far = await cfi('disasm', 'e900000010', '--address', '0xfffffffffffffff0');
    expect(far.out).toMatch(/jmp 0xffffff5/);
  });

  test('what is no regular file is refused before a byte is read', async () => {
    const { code, err } = await cfi('disasm', '/dev/zero');
    expect(err).toMatch(
      /image: expected hexadecimal digits or a file, got \/dev\/zero \(no regular/,
    );
    expect(code).not.toBe(0);
  });
});
