// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { execCheck } from '@kernel-models/exec-check';
import { SMALL_WORLD } from '@kernel-models/exec-check/testing';

/** Runs the body of the first TypeScript block of a text, its imports given as arguments. */
function runExample(text: string): readonly unknown[][] {
  const block = /```ts\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
  const body = block.replace(/^import .*$/gm, '').replace(': Operation[]', '');
  const lines: unknown[][] = [];
  const log = { log: (...values: unknown[]) => lines.push(values) };
  new Function('execCheck', 'SMALL_WORLD', 'console', body)(execCheck, SMALL_WORLD, log);
  return lines;
}

test('the example of the README says what its comments say', () => {
  const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  expect(runExample(text).map(([op, , rule]) => [op, rule])).toEqual([
    ['setSecurebits', 'securebits.set'],
    ['interpret', 'interpreter.not-executable'],
    ['chmod', 'file.mode-changed'],
    ['interpret', 'interpreter.executable'],
    ['setSecurebits', 'securebits.changes-locked-bit'],
    ['unshareUser', 'credentials.userns-made'],
    ['getSecurebits', 'securebits.get'],
  ]);
});
