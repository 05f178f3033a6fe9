// SPDX-License-Identifier: MIT
import { canonicalJson } from '@kernel-models/model-core';
import type { Credentials, Inode, OpenFile, State, Task } from './state.ts';

/*
 * A key is a short string of numbers. Each distinct part of a state (a task, an inode, a list of
 * them) gets a number once, by its canonical text; the object remembers it, since parts are
 * immutable and shared between states. So a key costs what has changed. The numbers are of one run
 * of the program, as keys are.
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

/** The number of a part that is spelt out by hand: much faster than JSON, and as exact. */
function spelt<Part extends object>(part: Part, spell: (part: Part) => string): number {
  const known = KNOWN.get(part);
  if (known !== undefined) return known;
  const number = numberOf(spell(part));
  KNOWN.set(part, number);
  return number;
}

function listNumber<Part extends object>(
  parts: readonly Part[],
  number: (part: Part) => number,
): number {
  return spelt(parts, () => {
    let text = 'L';
    for (const part of parts) text += `${number(part)},`;
    return text;
  });
}

function inodeNumber(inode: Inode): number {
  return spelt(inode, (part) => {
    const { kind, mode, uid, gid, target, writeCount, execSealed, signed, trusted } = part;
    const bits = `${execSealed ? 1 : 0}${signed ? 1 : 0}${trusted ? 1 : 0}`;
    const parts = `${partNumber(part.acl)},${partNumber(part.fcaps)},${partNumber(part.content)}`;
    const rest = `${partNumber(part.leases)},${part.proc},${part.lower},${target}`;
    return `i${kind},${mode},${uid},${gid},${writeCount},${bits},${parts},${rest}`;
  });
}

function fileNumber(file: OpenFile | null): number {
  if (file === null) return -1;
  return spelt(file, ({ mount, dentry, readable, writable, path, writer, references }) => {
    const bits = `${readable ? 1 : 0}${writable ? 1 : 0}${path ? 1 : 0}${writer ? 1 : 0}`;
    return `f${mount},${dentry},${references},${bits}`;
  });
}

function filesNumber(files: State['files']): number {
  return spelt(files, () => `F${files.map(fileNumber).join(',')}`);
}

function credentialsNumber(credentials: Credentials): number {
  return spelt(credentials, (part) => {
    const uids = `${part.ruid},${part.euid},${part.suid},${part.fsuid}`;
    const gids = `${part.rgid},${part.egid},${part.sgid},${part.fsgid},${part.groups.join('+')}`;
    const caps = `${part.effective},${part.permitted},${part.inheritable},${part.bounding},${part.ambient}`;
    const rest = `${part.securebits},${part.noNewPrivs},${part.userns},${partNumber(part.landlock)}`;
    return `c${uids},${gids},${caps},${rest}`;
  });
}

function descriptorsNumber(fds: Task['fds']): number {
  return spelt(fds, () => {
    let text = 'd';
    // Integer names come in ascending order, whatever the order of their making.
    for (const fd in fds) {
      const descriptor = fds[fd];
      if (descriptor !== undefined)
        text += `${fd}:${descriptor.file}${descriptor.cloexec ? 'c' : ''},`;
    }
    return text;
  });
}

/** A task by its own parts: the credentials, the largest of them, seldom change. */
function taskNumber(task: Task): number {
  return spelt(task, ({ name, credentials, fs, cwd, fds, maps, call, ...rest }) => {
    const { stackLimit, nprocLimit, nprocExceeded, dumpable } = rest;
    const parts = `${credentialsNumber(credentials)},${descriptorsNumber(fds)},${partNumber(maps)}`;
    const place = `${cwd.mount},${cwd.dentry},${partNumber(call)}`;
    return `t${name},${fs},${stackLimit},${nprocLimit},${nprocExceeded},${dumpable},${parts},${place}`;
  });
}

function tasksNumber(tasks: State['tasks']): number {
  // Tasks carry their names, so that their order tells nothing.
  return spelt(tasks, () => {
    const numbers = Object.values(tasks).map(taskNumber);
    return `T${numbers.sort((a, b) => a - b).join(',')}`;
  });
}

/** Equal for equal states, whatever way led there. */
export function key(state: State): string {
  const inodes = listNumber(state.inodes, inodeNumber);
  const dentries = listNumber(state.dentries, partNumber);
  const mounts = listNumber(state.mounts, partNumber);
  let text = `${tasksNumber(state.tasks)}.${inodes}.${dentries}.${mounts}.${filesNumber(state.files)}`;
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
