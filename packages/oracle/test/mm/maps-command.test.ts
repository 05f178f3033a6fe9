// SPDX-License-Identifier: MIT
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mmModel, type Operation } from '@kernel-models/mm';
import { observedOne, writeTrace } from '@kernel-models/model-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { processesOf } from '../../src/mm/host.ts';
import { rangeBar } from '../../src/mm/maps-text.ts';
import { map, page, pages, protect, R, unmap } from '../../src/mm/operations.ts';
import { HELLO } from './hello.ts';

const [process] = processesOf(HELLO);
if (process === undefined) throw new Error('hello: expected a process, got none');

const OPERATIONS: readonly Operation[] = [
  map(0, 4),
  protect(1, 1, R),
  { op: 'smaps' },
  unmap(0, 2),
  { op: 'mlock', address: page(2), length: pages(1) },
];

let folder = '';
const file = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'km-maps-'));
  let state = mmModel.initial(process);
  const events = OPERATIONS.map((operation, seq) => {
    const step = mmModel.apply(state, operation, 'linux-6.18');
    state = step.state;
    return { seq, operation, observed: observedOne(step.outcome) };
  });
  const source = { kind: 'model', kernel: 'linux-6.18' } as const;
  const facts = { model: 'mm', setup: process, source, recordedAt: '2026-01-01T00:00:00Z' };
  writeFileSync(file('agrees.jsonl'), writeTrace({ ...facts, events }, mmModel.codec));
  const refused = { kind: 'errno', errno: 'ENOMEM' } as const;
  const wrong = events.map((event) =>
    event.seq === 1 ? { ...event, observed: observedOne(refused) } : event,
  );
  writeFileSync(file('diverges.jsonl'), writeTrace({ ...facts, events: wrong }, mmModel.codec));
});

afterAll(() => rmSync(folder, { recursive: true }));

async function maps(...args: readonly string[]): Promise<{ code: number; text: string }> {
  let text = '';
  const io = {
    out: (part: string) => void (text += part),
    err: (part: string) => void (text += `${part}\n`),
    interactive: false,
    signal: new AbortController().signal,
  };
  return { code: await runCli(['maps', ...args], io, '0.0.0'), text };
}

describe('kernel-oracle maps', () => {
  test('marks the lines that came and went, and shows the tree beside them', async () => {
    const { code, text } = await maps(file('agrees.jsonl'));
    expect(code).toBe(0);
    expect(text).toContain('the process at its start');
    const step = text.slice(text.indexOf('    1  mprotect'), text.indexOf('    2  smaps'));
    expect(step.match(/^\+ .*$/gm)?.map((line) => line.slice(2, 27).trim())).toEqual([
      '#4 10000000-10001000 rw-',
      '#5 10001000-10002000 r--',
      '#6 10002000-10004000 rw-',
    ]);
    expect(step.match(/^- .*$/gm)?.map((line) => line.slice(6, 28).trim())).toEqual([
      '10000000-10004000 rw-p',
    ]);
    expect(step).toMatch(/#4 ≤10000fff[^#]*(?:#3[^#]*)?#5 ≤10001fff {2}#6 ≤10003fff/);
    expect(step).toMatch(/^ +·+▓\|█\|█·+█\|▒\|█·/m);
  });

  test('shows flags that the file in /proc has no room for', async () => {
    const { text } = await maps(file('agrees.jsonl'), '--step', '4');
    expect(text).toMatch(/^\+ .*10002000-10003000 rw-p .*\(lo\)/m);
    expect(text).not.toContain('munmap');
  });

  test('says where the trace and the model part', async () => {
    const { code, text } = await maps(file('diverges.jsonl'));
    expect(code).toBe(1);
    expect(text).toMatch(/^> {3}1 {2}mprotect.* {2}-> {2}0x0\n +observed: ENOMEM/m);
  });

  test('prints JSON whose tree covers every address once', async () => {
    const { text } = await maps(file('agrees.jsonl'), '--json');
    const { model, steps } = JSON.parse(text) as {
      model: string;
      steps: readonly { maps: readonly string[]; tree: { entries: readonly unknown[] } }[];
    };
    expect(model).toBe('mm');
    expect(steps).toHaveLength(OPERATIONS.length);
    const [first] = steps;
    expect(first?.maps).toHaveLength(process.vmas.length + 1);
    expect(first?.tree.entries.filter((entry) => entry !== null)).toHaveLength(
      process.vmas.length + 1,
    );
  });

  test('names what is wrong with its arguments', async () => {
    const beyond = await maps(file('agrees.jsonl'), '--step', '9');
    expect(beyond).toMatchObject({ code: 2 });
    expect(beyond.text).toContain('--step: expected a step from 0 to 4, got 9');
    expect((await maps(file('missing.jsonl'))).code).toBe(2);
    const revision = await maps(file('agrees.jsonl'), '--revision', 'linux-9');
    expect(revision.text).toContain('`kernel-oracle models mm` lists, got linux-9');
  });
});

test('a bar is as long as the logarithms of what it shows', () => {
  const vma = { perms: 'rw-p', offset: 0n, name: '', flags: '' };
  const bar = (...spans: readonly (readonly [bigint, bigint])[]): string =>
    rangeBar(spans.map(([start, end]) => ({ ...vma, start, end })));
  expect(bar([0n, 0x1000n])).toBe('█');
  expect(bar([0x1000n, 0x2000n])).toBe('·█');
  expect(bar([0x1000n, 0x2000n], [0x2000n, 0x3000n])).toBe('·█|█');
  expect(bar([0x1000n, 0x11000n])).toBe('·███');
});
