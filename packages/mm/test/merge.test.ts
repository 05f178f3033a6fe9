// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
} from '@kernel-models/mm';
import { TestProcess } from './process.ts';

/* What Linux answered where two pages L, M, R lie side by side. */

const FIXED = MAP_ANONYMOUS | MAP_FIXED;
const R = 1;
const RW = 3;

/** L and R mapped, written to where asked, then M between them. */
function between(revision: string, left: boolean, right: boolean): readonly string[] {
  const process = new TestProcess(revision);
  process.map(0, 2);
  process.map(4, 2);
  if (left) process.write(0);
  if (right) process.write(4);
  process.map(2, 2);
  return process.arena;
}

test('memory never written to joins both sides', () => {
  expect(between('linux-6.18', false, false)).toEqual(['0-6 rw-p']);
});

test('one written side is enough for one VMA', () => {
  expect(between('linux-6.18', true, false)).toEqual(['0-6 rw-p']);
  expect(between('linux-6.18', false, true)).toEqual(['0-6 rw-p']);
});

test('of two sides written apart, the left one is joined; 6.1 takes the right one', () => {
  expect(between('linux-6.18', true, true)).toEqual(['0-4 rw-p', '4-6 rw-p']);
  expect(between('linux-6.12', true, true)).toEqual(['0-4 rw-p', '4-6 rw-p']);
  expect(between('linux-6.1', true, true)).toEqual(['0-2 rw-p', '2-6 rw-p']);
});

test('what is written beside shares the anon_vma, and can be joined later', () => {
  const process = new TestProcess();
  process.map(0, 2);
  process.map(2, 2, { prot: 7 });
  process.write(0);
  process.write(2);
  process.protect(2, 2, RW);
  expect(process.arena).toEqual(['0-4 rw-p']);
});

test('a middle between two written ends goes to the left', () => {
  const process = new TestProcess();
  process.map(0, 6);
  process.protect(2, 2, R);
  process.write(0);
  process.write(4);
  process.protect(2, 2, RW);
  expect(process.arena).toEqual(['0-4 rw-p', '4-6 rw-p']);
});

test('charged and uncharged memory never join', () => {
  const process = new TestProcess();
  process.map(0, 2);
  process.map(2, 2, { flags: MAP_PRIVATE | FIXED | MAP_NORESERVE });
  expect(process.arena).toEqual(['0-2 rw-p', '2-4 rw-p']);
});

test('memory made read-only before it was written to is as if it had been mapped so', () => {
  const process = new TestProcess();
  process.map(0, 2);
  process.protect(0, 2, R);
  process.map(2, 2, { prot: R });
  expect(process.arena).toEqual(['0-4 r--p']);
  const old = new TestProcess('linux-6.1');
  old.map(0, 2);
  old.protect(0, 2, R);
  old.map(2, 2, { prot: R });
  expect(old.arena).toEqual(['0-2 r--p', '2-4 r--p']);
});

test('two shared objects never join; pieces of one do', () => {
  const process = new TestProcess();
  process.map(0, 2, { flags: MAP_SHARED | FIXED });
  process.map(2, 2, { flags: MAP_SHARED | FIXED });
  process.protect(1, 1, R);
  expect(process.arena).toEqual(['0-1 rw-s', '1-2 r--s', '2-4 rw-s']);
  process.protect(1, 1, RW);
  expect(process.arena).toEqual(['0-2 rw-s', '2-4 rw-s']);
});

test('a file joins where its offsets meet', () => {
  const process = new TestProcess();
  const flags = MAP_PRIVATE | MAP_FIXED;
  process.map(0, 1, { flags, fd: 0, prot: R });
  process.map(1, 1, { flags, fd: 0, prot: R, offset: 0x1000n });
  process.map(2, 1, { flags, fd: 0, prot: R, offset: 0x3000n });
  process.map(3, 1, { flags, fd: 1, prot: R, offset: 0x4000n });
  expect(process.arena).toEqual(['0-2 r--p', '2-3 r--p', '3-4 r--p']);
});

test('a child joins inherited memory only where nobody wrote to it', () => {
  const process = new TestProcess();
  process.map(0, 2);
  process.map(8, 2);
  process.write(0);
  process.answer({ op: 'fork', follow: 'child' });
  process.map(2, 2);
  process.map(10, 2);
  expect(process.arena).toEqual(['0-2 rw-p', '2-4 rw-p', '8-12 rw-p']);
});

test('a parent joins as before', () => {
  const process = new TestProcess();
  process.map(0, 2);
  process.write(0);
  process.answer({ op: 'fork', follow: 'parent' });
  process.map(2, 2);
  expect(process.arena).toEqual(['0-4 rw-p']);
});
