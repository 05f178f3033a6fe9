// SPDX-License-Identifier: MIT
import {
  ALL_CAPABILITIES,
  AT_FDCWD,
  CAP_FS_SET,
  CAP_SETPCAP,
  CAP_SETUID,
  CAP_SYS_ADMIN,
  CAP_SYS_PTRACE,
  CAP_SYS_RESOURCE,
  INIT,
  LANDLOCK_MAX_NUM_LAYERS,
  NO_CAPABILITIES,
  RLIM_INFINITY,
  SUCCESS,
  type CredentialOperation,
  type Features,
  type OperationOf,
  type Outcome,
} from '@kernel-models/exec-check';
import { lsmRefuses } from './lsm.ts';
import { has, isMapped, meantId, shownId } from './permission.ts';
import { forkExceedsProcessLimit, wouldExceedProcessLimit } from './processes.ts';
import { securebitsGrants } from './securebits.ts';
import { copyPath, walk } from './walk.ts';
import { fail, inodeNumber, nth, taskOf, type Task, type World } from './world.ts';

const KEEP_CAPS = 0x10;
const KEEP_CAPS_LOCKED = 0x20;
const NO_SETUID_FIXUP = 0x4;

export function credentialOperation(
  world: World,
  op: CredentialOperation,
  features: Features,
): Outcome {
  const task = taskOf(world, op.task);
  switch (op.op) {
    case 'getSecurebits':
      return { kind: 'value', value: BigInt(task.securebits) };
    case 'getKeepcaps':
      return { kind: 'value', value: (task.securebits & KEEP_CAPS) === 0 ? 0n : 1n };
    case 'getNoNewPrivs':
      return { kind: 'value', value: task.noNewPrivs ? 1n : 0n };
  }
  const mayInit = op.op === 'fork' || op.op === 'ptraceAttach';
  if (op.task === INIT && !mayInit) return { kind: 'refused' };
  switch (op.op) {
    case 'setresuid':
      return setresuid(world, task, op);
    case 'setfsuid':
      return setfsuid(world, task, op.fsuid);
    case 'capset':
      return capset(task, op);
    case 'setSecurebits': {
      const privileged = has(task.effective, CAP_SETPCAP);
      const request = { old: task.securebits, asked: op.value, privileged };
      if (!securebitsGrants(request, features.execSecurebits)) fail('EPERM');
      task.securebits = Number(op.value);
      return SUCCESS;
    }
    case 'setKeepcaps':
      if (op.value > 1n) fail('EINVAL');
      if ((task.securebits & KEEP_CAPS_LOCKED) !== 0) fail('EPERM');
      task.securebits &= ~KEEP_CAPS;
      if (op.value === 1n) task.securebits |= KEEP_CAPS;
      return SUCCESS;
    case 'setNoNewPrivs':
      task.noNewPrivs = true;
      return SUCCESS;
    case 'unshareUser':
      return unshareUser(world, task, op, features);
    case 'setrlimit':
      if (op.resource === 'stack') task.stackLimit = op.soft;
      else task.nprocLimit = op.soft;
      return SUCCESS;
    case 'landlockRestrict':
      return landlockRestrict(world, task, op);
    case 'ptraceAttach':
      return ptraceAttach(world, task, op, features);
    case 'fork':
      return fork(world, task, op.child, false);
    case 'exit':
      task.alive = false;
      return SUCCESS;
  }
}

function setresuid(world: World, task: Task, op: OperationOf<'setresuid'>): Outcome {
  const { uidMap } = nth(world.namespaces, task.userns);
  const [ruid, euid, suid] = [op.ruid, op.euid, op.suid].map((id, index) => {
    if (id === -1) return [task.ruid, task.euid, task.suid][index] ?? 0;
    return meantId(uidMap, id) ?? fail('EINVAL');
  }) as [number, number, number];
  if (!has(task.effective, CAP_SETUID)) {
    for (const id of [ruid, euid, suid]) {
      if (id !== task.ruid && id !== task.euid && id !== task.suid) fail('EPERM');
    }
  }
  const old = { ...task };
  task.ruid = ruid;
  task.euid = euid;
  task.suid = suid;
  const setsEuid = op.euid !== -1;
  if (setsEuid || ruid !== old.ruid || suid !== old.suid) task.fsuid = euid;
  const root = meantId(uidMap, 0);
  if ((task.securebits & NO_SETUID_FIXUP) === 0 && root !== undefined) {
    const wasRoot = [old.ruid, old.euid, old.suid].includes(root);
    const isRoot = [ruid, euid, suid].includes(root);
    if (wasRoot && !isRoot) {
      if ((task.securebits & KEEP_CAPS) === 0) {
        task.permitted = NO_CAPABILITIES;
        task.effective = NO_CAPABILITIES;
      }
      task.ambient = NO_CAPABILITIES;
    }
    if (old.euid === root && euid !== root) task.effective = NO_CAPABILITIES;
    if (old.euid !== root && euid === root) task.effective = task.permitted;
  }
  if (ruid !== old.ruid) {
    // The caller does not count for its new user yet.
    const before = { ...task, ruid: old.ruid };
    task.ruid = old.ruid;
    const exceeds = wouldExceedProcessLimit(world, before, ruid);
    task.ruid = ruid;
    task.nprocExceeded = exceeds && ruid !== 0;
  }
  undump(task, old);
  return SUCCESS;
}

/** A change of ids, or more capabilities than before, takes the right to be traced away. */
function undump(task: Task, old: Task): void {
  const sameIds = task.euid === old.euid && task.fsuid === old.fsuid;
  const noMore = (task.permitted & ~old.permitted) === 0n;
  if (!sameIds || !noMore) task.dumpable = false;
}

function setfsuid(world: World, task: Task, asked: number): Outcome {
  const { uidMap } = nth(world.namespaces, task.userns);
  const old = { ...task };
  const answer: Outcome = { kind: 'value', value: BigInt(shownId(uidMap, old.fsuid)) };
  const fsuid = meantId(uidMap, asked);
  if (fsuid === undefined) return answer;
  const own = [task.ruid, task.euid, task.suid, task.fsuid].includes(fsuid);
  if (!own && !has(task.effective, CAP_SETUID)) return answer;
  task.fsuid = fsuid;
  const root = meantId(uidMap, 0);
  if ((task.securebits & NO_SETUID_FIXUP) === 0 && root !== undefined) {
    if (old.fsuid === root && fsuid !== root) task.effective &= ~CAP_FS_SET;
    if (old.fsuid !== root && fsuid === root) task.effective |= task.permitted & CAP_FS_SET;
  }
  undump(task, old);
  return answer;
}

function capset(task: Task, op: OperationOf<'capset'>): Outcome {
  const effective = op.effective & ALL_CAPABILITIES;
  const permitted = op.permitted & ALL_CAPABILITIES;
  const inheritable = op.inheritable & ALL_CAPABILITIES;
  const isWithin = (set: bigint, bound: bigint): boolean => (set & ~bound) === 0n;
  if (!has(task.effective, CAP_SETPCAP)) {
    if (!isWithin(inheritable, task.inheritable | task.permitted)) fail('EPERM');
  }
  if (!isWithin(inheritable, task.inheritable | task.bounding)) fail('EPERM');
  if (!isWithin(permitted, task.permitted)) fail('EPERM');
  if (!isWithin(effective, permitted)) fail('EPERM');
  task.effective = effective;
  task.permitted = permitted;
  task.inheritable = inheritable;
  task.ambient &= permitted & inheritable;
  return SUCCESS;
}

function unshareUser(
  world: World,
  task: Task,
  op: OperationOf<'unshareUser'>,
  features: Features,
): Outcome {
  const parent = task.userns;
  const { uidMap, gidMap } = nth(world.namespaces, parent);
  if (!isMapped(uidMap, task.euid) || !isMapped(gidMap, task.egid)) fail('EPERM');
  lsmRefuses(world, 'usernsCreate', op.task, undefined, undefined);
  const unlimited = task.ruid === 0 && parent === 0;
  const isNested = parent !== 0;
  task.userns =
    world.namespaces.push({
      parent,
      uidMap: isNested ? [] : op.uidMap,
      gidMap: isNested ? [] : op.gidMap,
      owner: task.euid,
      nprocMax: unlimited ? RLIM_INFINITY : task.nprocLimit,
    }) - 1;
  const locks = task.securebits & 0xaaa;
  const kept = features.usernsSecurebits === 'reset' ? 0 : locks | (task.securebits & (locks >> 1));
  task.securebits = kept;
  task.effective = ALL_CAPABILITIES;
  task.permitted = ALL_CAPABILITIES;
  task.bounding = ALL_CAPABILITIES;
  task.inheritable = NO_CAPABILITIES;
  task.ambient = NO_CAPABILITIES;
  return SUCCESS;
}

function landlockRestrict(world: World, task: Task, op: OperationOf<'landlockRestrict'>): Outcome {
  const allowed = op.allow.map((path) => {
    const text = copyPath({ kind: 'text', text: path }, false);
    const found = walk(world, op.task, task, AT_FDCWD, text, true);
    const { kind } = nth(world.inodes, inodeNumber(world, found));
    if (found.mustBeDir && kind !== 'dir' && kind !== 'procFd') fail('ENOTDIR');
    const { sb } = nth(world.mounts, found.mount);
    if (nth(world.supers, sb).fs === 'internal') fail('EBADFD');
    return inodeNumber(world, found);
  });
  if (!task.noNewPrivs && !has(task.effective, CAP_SYS_ADMIN)) fail('EPERM');
  if (task.landlock.length >= LANDLOCK_MAX_NUM_LAYERS) fail('E2BIG');
  world.serial += 1;
  task.landlock = [...task.landlock, { id: world.serial, allowed }];
  return SUCCESS;
}

function ptraceAttach(
  world: World,
  task: Task,
  op: OperationOf<'ptraceAttach'>,
  features: Features,
): Outcome {
  if (op.target === INIT) return { kind: 'refused' };
  const target = world.tasks.get(op.target);
  if (target?.alive !== true) return { kind: 'gone' };
  if (target === task) fail('EPERM');
  const mayOverride = capableIn(world, task, target.userns);
  const sameIds =
    [target.euid, target.suid, target.ruid].every((id) => id === task.ruid) &&
    [target.egid, target.sgid, target.rgid].every((id) => id === task.rgid);
  if (!sameIds && !mayOverride) fail('EPERM');
  if (!target.dumpable && !capableIn(world, task, 0)) fail('EPERM');
  const inside = target.userns === task.userns && (target.permitted & ~task.permitted) === 0n;
  const comparable = !features.ptraceComparesSecurebits || isLessRestricted(task, target);
  if (!(inside && comparable) && !mayOverride) fail('EPERM');
  const ids = target.landlock.map((domain) => domain.id);
  if (!task.landlock.every((domain, index) => ids[index] === domain.id)) fail('EPERM');
  return SUCCESS;
}

/**
 * The posting's comparison: what the tracer is held to, and what of it is locked, binds the tracee
 * too.
 */
function isLessRestricted(tracer: Task, tracee: Task): boolean {
  const bits = (task: Task): number => task.securebits & 0x500;
  const locked = (task: Task): number => (bits(task) << 1) & task.securebits;
  return (bits(tracer) & ~bits(tracee)) === 0 && (locked(tracer) & ~locked(tracee)) === 0;
}

/**
 * CAP_SYS_PTRACE in a namespace: in its own or one above it, or as the owner of it from its parent.
 */
function capableIn(world: World, task: Task, namespace: number): boolean {
  if (task.userns === namespace) return has(task.effective, CAP_SYS_PTRACE);
  const { parent, owner } = nth(world.namespaces, namespace);
  if (parent === undefined) return false;
  if (parent === task.userns && owner === task.euid) return true;
  return capableIn(world, task, parent);
}

/** A further process, or with `sharesFs` one that has the parent's fs_struct. */
export function fork(world: World, task: Task, child: string, sharesFs: boolean): Outcome {
  if (world.tasks.get(child)?.alive === true) return { kind: 'refused' };
  const capable = task.userns === 0 && has(task.effective, CAP_SYS_RESOURCE | CAP_SYS_ADMIN);
  if (forkExceedsProcessLimit(world, task) && task.ruid !== 0 && !capable) fail('EAGAIN');
  const inherited = task.nprocExceeded;
  task.nprocExceeded = false;
  world.serial += 1;
  world.tasks.set(child, {
    ...task,
    nprocExceeded: inherited,
    fds: new Map(task.fds),
    maps: new Map(task.maps),
    fs: sharesFs ? task.fs : world.serial,
    call: undefined,
  });
  return SUCCESS;
}
