// SPDX-License-Identifier: MIT
import {
  AT_FDCWD,
  contentBytes,
  SUCCESS,
  type DescriptorOperation,
  type Features,
  type MemfdFlag,
  type OpenFlag,
  type OperationOf,
  type Outcome,
  type StatType,
} from '@kernel-models/exec-check';
import { replaceContent } from './content.ts';
import { lsmRefuses } from './lsm.ts';
import { askListeners, getWriteAccess } from './opening.ts';
import { EXEC, isNoexec, mayAccess, maySetgid, READ, shownId, WRITE } from './permission.ts';
import { copyPath, walk } from './walk.ts';
import {
  addDentry,
  addDetached,
  addInode,
  fail,
  inodeAt,
  inodeNumber,
  nth,
  taskOf,
  type OpenFile,
  type Place,
  type Task,
  type World,
} from './world.ts';

export function descriptorOperation(
  world: World,
  op: DescriptorOperation,
  features: Features,
): Outcome {
  const task = taskOf(world, op.task);
  switch (op.op) {
    case 'open': {
      const file = openFile(world, op.task, task, op.path, op.flags, op.mode ?? 0);
      task.fds.set(op.fd, { file, cloexec: op.flags.includes('O_CLOEXEC') });
      return SUCCESS;
    }
    case 'close':
      if (!task.fds.delete(op.fd)) fail('EBADF');
      return SUCCESS;
    case 'dup': {
      if (op.from === op.to) fail('EINVAL');
      const descriptor = task.fds.get(op.from);
      if (descriptor === undefined) return fail('EBADF');
      task.fds.set(op.to, { file: descriptor.file, cloexec: op.cloexec });
      return SUCCESS;
    }
    case 'memfdCreate':
      return memfdCreate(world, task, op.fd, op.flags, features);
    case 'fwrite': {
      const file = fileOf(world, task, op.fd);
      const inode = inodeAt(world, file);
      const isPidfd = inode.kind === 'pidfd' && features.pidfd !== 'anonymous';
      if (isPidfd) fail('EOPNOTSUPP');
      if (inode.kind !== 'file' || !file.write) fail('EINVAL');
      replaceContent(world, task, inode, contentBytes(op.content));
      return SUCCESS;
    }
    case 'anonymous':
      return anonymous(world, task, op, features);
    case 'mmap':
      return mmap(world, task, op);
    case 'mprotect': {
      const mapping = task.maps.get(op.map);
      if (mapping === undefined) return fail('ENOMEM');
      if (op.prot.includes('PROT_WRITE') && !mapping.mayWrite) fail('EACCES');
      if (op.prot.includes('PROT_EXEC') && !mapping.mayExec) fail('EACCES');
      return SUCCESS;
    }
    case 'munmap':
      task.maps.delete(op.map);
      return SUCCESS;
    case 'fstat':
      return fstat(world, task, op.fd, features);
  }
}

/** The open file behind a descriptor; O_PATH ones do not count for most calls. */
function fileOf(world: World, task: Task, fd: number): OpenFile {
  const descriptor = task.fds.get(fd);
  if (descriptor === undefined) return fail('EBADF');
  const file = nth(world.files, descriptor.file);
  return file.path ? fail('EBADF') : file;
}

function addFile(world: World, file: OpenFile): number {
  return world.files.push(file) - 1;
}

/** open(2) without O_CREAT, as far as the new open file description. */
export function openFile(
  world: World,
  name: string,
  task: Task,
  path: string,
  flags: readonly OpenFlag[],
  mode: number,
): number {
  const isPath = flags.includes('O_PATH');
  const both = flags.includes('O_RDWR');
  const write = both || flags.includes('O_WRONLY');
  const read = both || !flags.includes('O_WRONLY');
  const isTmpfile = flags.includes('O_TMPFILE') && !isPath;
  if (isTmpfile && !write) fail('EINVAL');
  const wantsDir = flags.includes('O_DIRECTORY') || isTmpfile;
  const truncates = flags.includes('O_TRUNC') && !isPath;

  const text = copyPath({ kind: 'text', text: path }, false);
  const found = walk(world, name, task, AT_FDCWD, text, !flags.includes('O_NOFOLLOW'));
  const place: Place = { mount: found.mount, dentry: found.dentry };
  const inode = inodeAt(world, place);
  const number = inodeNumber(world, place);
  const isDirectory = inode.kind === 'dir' || inode.kind === 'procFd';
  if ((found.mustBeDir || wantsDir) && !isDirectory) fail('ENOTDIR');
  if (isPath)
    return addFile(world, { ...place, read: false, write: false, path: true, counts: false });
  if (isTmpfile) return openTemporary(world, task, place, mode, read);

  if (inode.kind === 'symlink') fail('ELOOP');
  if (isDirectory && (write || truncates)) fail('EISDIR');
  const isDevice = inode.kind === 'char' || inode.kind === 'block';
  if (isDevice && nth(world.mounts, place.mount).flags.has('nodev')) fail('EACCES');
  const want = (read ? READ : 0) | (write || truncates ? WRITE : 0);
  if (!mayAccess(world, task, inode, want)) fail('EACCES');
  lsmRefuses(world, 'inodePermission', name, number, undefined);
  const counts = write && inode.kind === 'file';
  if (counts) getWriteAccess(world, number);
  lsmRefuses(world, 'fileOpen', name, number, undefined);
  askListeners(world, place, 'FAN_OPEN_PERM');
  const isAnonymous = inode.kind === 'anonymous' || inode.kind === 'pidfd';
  if (inode.kind === 'socket' || inode.kind === 'block' || isAnonymous) fail('ENXIO');
  if (inode.kind === 'fifo' && write && !read) fail('ENXIO');
  lsmRefuses(world, 'filePostOpen', name, number, undefined);
  if ((want & WRITE) !== 0) inode.lower = undefined;
  if (truncates && inode.kind === 'file') {
    getWriteAccess(world, number);
    replaceContent(world, task, inode, new Uint8Array(0));
  }
  return addFile(world, { ...place, read, write, path: false, counts });
}

function openTemporary(world: World, task: Task, dir: Place, mode: number, read: boolean): number {
  const parent = inodeAt(world, dir);
  if (nth(world.supers, parent.sb).fs === 'proc') fail('EOPNOTSUPP');
  if (!mayAccess(world, task, parent, WRITE | EXEC)) fail('EACCES');
  let bits = mode & 0o7777;
  const inherits = (parent.mode & 0o2000) !== 0;
  if (inherits && (bits & 0o2010) === 0o2010 && !maySetgid(world, task, parent)) bits &= ~0o2000;
  const inode = addInode(world, parent.sb, {
    kind: 'file',
    mode: bits,
    uid: task.fsuid,
    gid: inherits ? parent.gid : task.fsgid,
  });
  const dentry = addDentry(world, dir.dentry, '', inode, true);
  return addFile(world, { mount: dir.mount, dentry, read, write: true, path: false, counts: true });
}

function memfdCreate(
  world: World,
  task: Task,
  fd: number,
  asked: readonly MemfdFlag[],
  features: Features,
): Outcome {
  const flags = new Set(asked);
  if (!features.memfdNoexec) {
    if (flags.has('MFD_EXEC') || flags.has('MFD_NOEXEC_SEAL')) fail('EINVAL');
    flags.add('MFD_EXEC');
  }
  if (flags.has('MFD_EXEC') && flags.has('MFD_NOEXEC_SEAL')) fail('EINVAL');
  if (!flags.has('MFD_EXEC') && !flags.has('MFD_NOEXEC_SEAL')) {
    flags.add(world.memfdNoexec >= 1 ? 'MFD_NOEXEC_SEAL' : 'MFD_EXEC');
  }
  if (features.memfdNoexec && flags.has('MFD_EXEC') && world.memfdNoexec === 2) fail('EACCES');
  const sealExec = flags.has('MFD_NOEXEC_SEAL');
  const place = addDetached(world, false, {
    kind: 'file',
    mode: sealExec ? 0o666 : 0o777,
    uid: task.fsuid,
    gid: task.fsgid,
    sealExec,
  });
  const file = addFile(world, { ...place, read: true, write: true, path: false, counts: false });
  task.fds.set(fd, { file, cloexec: flags.has('MFD_CLOEXEC') });
  return SUCCESS;
}

function anonymous(
  world: World,
  task: Task,
  op: OperationOf<'anonymous'>,
  features: Features,
): Outcome {
  const place = anonymousPlace(world, task, op, features);
  const write = op.kind !== 'pipe';
  const file = addFile(world, { ...place, read: true, write, path: false, counts: false });
  task.fds.set(op.fd, { file, cloexec: false });
  return SUCCESS;
}

function anonymousPlace(
  world: World,
  task: Task,
  op: OperationOf<'anonymous'>,
  features: Features,
): Place {
  const own = { uid: task.fsuid, gid: task.fsgid };
  const root = { uid: 0, gid: 0 };
  const noexec = !features.anonChmod;
  if (op.kind === 'pipe') return addDetached(world, noexec, { kind: 'fifo', mode: 0o600, ...own });
  if (op.kind === 'socket') {
    return addDetached(world, noexec, { kind: 'socket', mode: 0o777, ...own });
  }
  if (op.kind === 'pidfd' && features.pidfd !== 'anonymous') {
    return addDetached(world, true, { kind: 'pidfd', mode: 0o700, ...root });
  }
  const shared = { kind: 'anonymous', mode: 0o600, ...root } as const;
  world.anonymous ??= addDetached(world, noexec, shared);
  return world.anonymous;
}

function mmap(world: World, task: Task, op: OperationOf<'mmap'>): Outcome {
  task.maps.delete(op.map);
  if (op.fd === undefined) {
    task.maps.set(op.map, { file: undefined, mayWrite: true, mayExec: true });
    return SUCCESS;
  }
  const number = task.fds.get(op.fd)?.file ?? fail('EBADF');
  const file = fileOf(world, task, op.fd);
  const isShared = op.sharing === 'MAP_SHARED';
  if (isShared && op.prot.includes('PROT_WRITE') && !file.write) fail('EACCES');
  if (!file.read) fail('EACCES');
  const mayExec = !isNoexec(world, file);
  if (op.prot.includes('PROT_EXEC') && !mayExec) fail('EPERM');
  const inode = inodeAt(world, file);
  if (inode.kind !== 'file' || nth(world.supers, inode.sb).fs === 'proc') fail('ENODEV');
  task.maps.set(op.map, { file: number, mayWrite: !isShared || file.write, mayExec });
  return SUCCESS;
}

const STAT_TYPES: Record<string, StatType> = {
  file: 'file',
  dir: 'dir',
  procFd: 'dir',
  symlink: 'symlink',
  fifo: 'fifo',
  socket: 'socket',
  char: 'char',
  block: 'block',
};

function fstat(world: World, task: Task, fd: number, features: Features): Outcome {
  const descriptor = task.fds.get(fd);
  if (descriptor === undefined) return fail('EBADF');
  const inode = inodeAt(world, nth(world.files, descriptor.file));
  const namespace = nth(world.namespaces, task.userns);
  const isOldPidfd = inode.kind === 'pidfd' && features.pidfd === 'pidfs-eperm';
  const type = isOldPidfd ? 'file' : (STAT_TYPES[inode.kind] ?? 'none');
  // Directories and links have a size too, but no target is asked for it.
  const size = inode.kind === 'file' ? inode.bytes.length : 0;
  return {
    kind: 'stat',
    type,
    mode: inode.mode,
    uid: shownId(namespace.uidMap, inode.uid),
    gid: shownId(namespace.gidMap, inode.gid),
    size,
  };
}
