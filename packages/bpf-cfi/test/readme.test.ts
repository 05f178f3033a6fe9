// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { expect, test } from 'vitest';
import * as bpfCfi from '../src/index.ts';

/** Runs the README's example: its imports are this package's, its constants the result. */
function runExample(): Record<string, unknown> {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  const body = example.replace(/^import .*;$/gm, '');
  const { outputText } = ts.transpileModule(body, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const names = ['bpfCfi', 'executed', 'kcfiTypeId'] as const;
  const run = new Function(...names, `${outputText}; return { id, decided, ran };`) as (
    ...values: readonly unknown[]
  ) => Record<string, unknown>;
  return run(...names.map((name) => bpfCfi[name]));
}

test('the example of the README does what it says', () => {
  const { id, decided, ran } = runExample();
  expect(id).toBe(0x7e0c52a5);
  expect(decided).toMatchObject({ kind: 'trapped', vector: 'UD', place: 'caller-check' });
  expect(ran).toEqual(decided);
});
