// SPDX-License-Identifier: MIT
import { canonicalJson } from '@kernel-models/model-core';
import type { State } from './state.ts';

/*
 * A key is a short string of numbers. Each distinct part of a state (a task, an inode, a list of them) gets
 * a number once, by its canonical text; the object remembers it, since parts are immutable and shared
 * between states. So a key costs what has changed. The numbers are of one run of the program, as keys are.
 */

const NUMBERS = new Map<string, number>();
const KNOWN = new WeakMap<object, number>();

function numberOf(text: string): number {
  const known = NUMBERS.get(text);
  if (known !== undefined) return known;
  const number = NUMBERS.size;
  NUMBERS.set(text, number);
  return number;
}

function partNumber(part: object | null): number {
  if (part === null) return -1;
  const known = KNOWN.get(part);
  if (known !== undefined) return known;
  const number = numberOf(canonicalJson(part));
  KNOWN.set(part, number);
  return number;
}

function listNumber(parts: readonly (object | null)[]): number {
  const known = KNOWN.get(parts);
  if (known !== undefined) return known;
  let text = 'L';
  for (const part of parts) text += `${partNumber(part)},`;
  const number = numberOf(text);
  KNOWN.set(parts, number);
  return number;
}

function tasksNumber(tasks: State['tasks']): number {
  const known = KNOWN.get(tasks);
  if (known !== undefined) return known;
  const numbers: number[] = [];
  for (const name in tasks) numbers.push(taskNumber(tasks[name]));
  // Tasks carry their names, so that their order tells nothing.
  const number = numberOf(`T${numbers.sort((a, b) => a - b).join(',')}`);
  KNOWN.set(tasks, number);
  return number;
}

/** A task by its own parts: the credentials, the largest of them, seldom change. */
function taskNumber(task: State['tasks'][string] | undefined): number {
  if (task === undefined) return -1;
  const known = KNOWN.get(task);
  if (known !== undefined) return known;
  const { name, credentials, fs, cwd, fds, maps, call, stackLimit, nprocLimit } = task;
  const { nprocExceeded, dumpable } = task;
  const parts = [credentials, cwd, fds, maps, call].map(partNumber).join(',');
  const number = numberOf(
    `t${name},${fs},${stackLimit},${nprocLimit},${nprocExceeded},${dumpable},${parts}`,
  );
  KNOWN.set(task, number);
  return number;
}

/** Equal for equal states, whatever way led there. */
export function key(state: State): string {
  const lists = [state.inodes, state.dentries, state.mounts, state.files];
  let text = `${tasksNumber(state.tasks)}`;
  for (const list of lists) text += `.${listNumber(list)}`;
  const parts = [
    state.superblocks,
    state.userNamespaces,
    state.sleepers,
    state.inExec,
    state.watches,
    state.fanotify,
    state.lsm,
    state.ima,
    state.ipe,
    state.binfmtMisc,
  ];
  for (const part of parts) text += `.${partNumber(part)}`;
  return `${text}.${state.memfdNoexec}${state.protectedSymlinks}${state.audit}${state.nextFs}`;
}
