// SPDX-License-Identifier: MIT
import { at, without } from './lists.ts';
import type { Descriptor, FileId, Inode, InodeId, OpenFile, State, Task } from './state.ts';
import { countWrites } from './write-access.ts';

/** Puts a task in place of the one of its name. */
export function putTask(state: State, task: Task): State {
  return { ...state, tasks: { ...state.tasks, [task.name]: task } };
}

/** Puts an inode in place of the one of its number. */
export function putInode(state: State, id: InodeId, inode: Inode): State {
  return { ...state, inodes: state.inodes.with(id, inode) };
}

/** The inode of an open file. */
export function inodeIdOf(state: State, file: OpenFile): InodeId {
  return at(state.dentries, file.dentry).inode;
}

/** The open file behind a descriptor of a task, or undefined: EBADF. */
export function fileOf(state: State, task: Task, fd: number): OpenFile | undefined {
  const descriptor = task.fds[fd];
  return descriptor === undefined ? undefined : (at(state.files, descriptor.file) ?? undefined);
}

/** Adds an open file without references, in the first free slot. */
export function addFile(state: State, file: Omit<OpenFile, 'references'>): [State, FileId] {
  const free = state.files.indexOf(null);
  const opened: OpenFile = { ...file, references: 0 };
  const id = free < 0 ? state.files.length : free;
  const files = free < 0 ? [...state.files, opened] : state.files.with(free, opened);
  const inode = at(state.dentries, file.dentry).inode;
  // Whoever opens a file of an overlay for writing has it copied up.
  const counted = file.writer ? countWrites(copyUp(state, inode), inode, 1) : state;
  return [{ ...counted, files }, id];
}

/**
 * Cuts a file of an overlay off from the lower layer. Mirrors ovl_copy_up(),
 * fs/overlayfs/copy_up.c.
 */
export function copyUp(state: State, id: InodeId): State {
  const inode = at(state.inodes, id);
  return inode.lower < 0 ? state : putInode(state, id, { ...inode, lower: -1 });
}

/** One more holder of an open file. */
export function holdFile(state: State, id: FileId): State {
  const file = at(state.files, id);
  if (file === null) return state;
  return { ...state, files: state.files.with(id, { ...file, references: file.references + 1 }) };
}

/**
 * One holder fewer; the last one closes, and a writer no longer counts. Mirrors __fput(),
 * fs/file_table.c.
 */
export function releaseFile(state: State, id: FileId): State {
  const file = at(state.files, id);
  if (file === null) return state;
  if (file.references > 1) {
    return { ...state, files: state.files.with(id, { ...file, references: file.references - 1 }) };
  }
  const closed = { ...state, files: state.files.with(id, null) };
  return file.writer ? countWrites(closed, inodeIdOf(state, file), -1) : closed;
}

/** Installs a descriptor, closing what had its number. Mirrors do_dup2(), fs/file.c. */
export function installFd(state: State, name: string, fd: number, descriptor: Descriptor): State {
  const held = holdFile(state, descriptor.file);
  const closed = closeFd(held, name, fd);
  const task = closed.tasks[name];
  if (task === undefined) return closed;
  return putTask(closed, { ...task, fds: { ...task.fds, [fd]: descriptor } });
}

/** Closes a descriptor, if there is one of this number. */
export function closeFd(state: State, name: string, fd: number): State {
  const task = state.tasks[name];
  const descriptor = task?.fds[fd];
  if (task === undefined || descriptor === undefined) return state;
  return releaseFile(putTask(state, { ...task, fds: without(task.fds, fd) }), descriptor.file);
}

/** Takes a mapping away, if there is one in this slot. */
export function unmap(state: State, name: string, map: number): State {
  const task = state.tasks[name];
  const mapping = task?.maps[map];
  if (task === undefined || mapping === undefined) return state;
  const unmapped = putTask(state, { ...task, maps: without(task.maps, map) });
  return mapping.file < 0 ? unmapped : releaseFile(unmapped, mapping.file);
}

/**
 * Ends a task: descriptors, mappings, leases and the name go. Mirrors do_exit() and release_task().
 */
export function removeTask(state: State, name: string): State {
  const task = state.tasks[name];
  if (task === undefined) return state;
  let next = state;
  for (const { file } of Object.values(task.fds)) next = releaseFile(next, file);
  for (const { file } of Object.values(task.maps)) if (file >= 0) next = releaseFile(next, file);
  state.inodes.forEach((inode, id) => {
    if (inode.leases[name] === undefined) return;
    const current = at(next.inodes, id);
    next = putInode(next, id, { ...current, leases: without(current.leases, name) });
  });
  return { ...next, tasks: without(next.tasks, name) };
}
