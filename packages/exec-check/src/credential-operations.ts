// SPDX-License-Identifier: MIT
import {
  ALL_CAPABILITIES,
  CAP_FS_SET,
  CAP_SETPCAP,
  CAP_SETUID,
  CAP_SYS_ADMIN,
  CAP_SYS_RESOURCE,
  type CapabilitySet,
} from './capability.ts';
import { LANDLOCK_MAX_NUM_LAYERS, SECBIT_KEEP_CAPS, SECBIT_NO_SETUID_FIXUP } from './constants.ts';
import type { Context } from './context.ts';
import { at, without } from './lists.ts';
import { holdFile, putTask, removeTask } from './open-files.ts';
import type { OperationOf } from './operation.ts';
import { walkPath } from './path-walk.ts';
import { isOverLimit } from './process-limit.ts';
import { isRefusal, refusal } from './refusal.ts';
import {
  securebitsInNewUserns,
  setKeepcaps as keepcaps,
  setSecurebits as securebits,
} from './securebits.ts';
import { callHook } from './security-hooks.ts';
import {
  INITIAL_USERNS,
  type Credentials,
  type State,
  type Task,
  type UserNamespace,
} from './state.ts';
import { answer, refuse, succeed, value, type ExecStep } from './step.ts';
import { capable, fromKernelId, nsCapable, toKernelId } from './user-namespace.ts';

/* Credentials, limits and tasks: kernel/sys.c, kernel/cred.c, security/commoncap.c, Linux 6.12. */

const ID_UNMAPPED = refusal('EINVAL', 'credentials.id-unmapped');
const SETUID_DENIED = refusal('EPERM', 'credentials.setuid-denied');
const CAPSET_DENIED = refusal('EPERM', 'credentials.capset-denied');
const LSM_USERNS = refusal('EPERM', 'credentials.userns-owner-unmapped');
const LANDLOCK_PRIVILEGE = refusal('EPERM', 'landlock.needs-no-new-privs');
const LANDLOCK_LAYERS = refusal('E2BIG', 'landlock.too-many-layers');
const LANDLOCK_DIRECTORY = refusal('ENOTDIR', 'open.must-be-directory');
const FORK_LIMIT = refusal('EAGAIN', 'fork.process-limit');
const CLONE_FS_IN_EXEC = refusal('EAGAIN', 'fork.fs-in-exec');

/**
 * Puts new credentials on a task; a change of who it is makes it undumpable. Mirrors
 * commit_creds().
 */
function commit(state: State, task: Task, credentials: Credentials): State {
  const old = task.credentials;
  const changed =
    old.euid !== credentials.euid ||
    old.fsuid !== credentials.fsuid ||
    (credentials.permitted & ~old.permitted) !== 0n ||
    old.userns !== credentials.userns;
  return putTask(state, { ...task, credentials, dumpable: task.dumpable && !changed });
}

/** setresuid(2). Mirrors __sys_setresuid(), kernel/sys.c, and cap_task_fix_setuid(). */
export function setresuid({ state, task }: Context, operation: OperationOf<'setresuid'>): ExecStep {
  const old = task.credentials;
  const asked = [operation.ruid, operation.euid, operation.suid].map((id) =>
    id < 0 ? -1 : toKernelId(state, old.userns, 'uidMap', id),
  );
  const unmapped = asked.some(
    (id, index) => id < 0 && [operation.ruid, operation.euid, operation.suid][index] !== -1,
  );
  if (unmapped) return refuse(state, ID_UNMAPPED);
  const mine = [old.ruid, old.euid, old.suid];
  const privileged = nsCapable(old, CAP_SETUID);
  if (!privileged && asked.some((id) => id >= 0 && !mine.includes(id))) {
    return refuse(state, SETUID_DENIED);
  }
  const [ruid = -1, euid = -1, suid = -1] = asked;
  const keeps =
    (ruid < 0 || ruid === old.ruid) &&
    (euid < 0 || (euid === old.euid && euid === old.fsuid)) &&
    (suid < 0 || suid === old.suid);
  if (keeps) return succeed(state, 'credentials.uids-kept');
  const changed: Credentials = {
    ...old,
    ruid: ruid < 0 ? old.ruid : ruid,
    euid: euid < 0 ? old.euid : euid,
    suid: suid < 0 ? old.suid : suid,
    fsuid: euid < 0 ? old.euid : euid,
  };
  const fixed = fixCapabilities(state, old, changed);
  return succeed(
    markProcessLimit(commit(state, task, fixed), state, task, fixed),
    'credentials.uids-set',
  );
}

/** Capabilities follow root. Mirrors cap_emulate_setxuid(), security/commoncap.c. */
function fixCapabilities(state: State, old: Credentials, next: Credentials): Credentials {
  if ((old.securebits & SECBIT_NO_SETUID_FIXUP) !== 0) return next;
  const root = toKernelId(state, old.userns, 'uidMap', 0);
  const wasRoot = [old.ruid, old.euid, old.suid].includes(root);
  const isRoot = [next.ruid, next.euid, next.suid].includes(root);
  let { permitted, effective, ambient } = old;
  if (wasRoot && !isRoot) {
    if ((old.securebits & SECBIT_KEEP_CAPS) === 0) {
      permitted = 0n;
      effective = 0n;
    }
    ambient = 0n;
  }
  if (old.euid === root && next.euid !== root) effective = 0n;
  if (old.euid !== root && next.euid === root) effective = permitted;
  return { ...next, permitted, effective, ambient };
}

/**
 * A new real uid with more processes than the limit is remembered until exec. Root of the initial
 * namespace is not counted. Mirrors flag_nproc_exceeded(), kernel/sys.c.
 */
function markProcessLimit(state: State, before: State, task: Task, next: Credentials): State {
  const current = state.tasks[task.name];
  if (current === undefined || next.ruid === task.credentials.ruid) return state;
  // The caller does not yet count for its new uid.
  const others = removeFromCount(before, task);
  const over = isOverLimit(others, next.userns, next.ruid, task.nprocLimit, 0);
  return putTask(state, { ...current, nprocExceeded: over && next.ruid !== 0 });
}

function removeFromCount(state: State, task: Task): State {
  return { ...state, tasks: without(state.tasks, task.name) };
}

/** setfsuid(2): its value is the old fsuid, whether it changed or not. Mirrors __sys_setfsuid(). */
export function setfsuid({ state, task }: Context, { fsuid }: OperationOf<'setfsuid'>): ExecStep {
  const old = task.credentials;
  const shown = fromKernelId(state, old.userns, 'uidMap', old.fsuid);
  const asked = toKernelId(state, old.userns, 'uidMap', fsuid);
  const allowed =
    asked >= 0 &&
    ([old.ruid, old.euid, old.suid, old.fsuid].includes(asked) || nsCapable(old, CAP_SETUID));
  if (!allowed || asked === old.fsuid) return value(state, shown, 'credentials.fsuid-kept');
  const root = toKernelId(state, old.userns, 'uidMap', 0);
  let { effective } = old;
  if ((old.securebits & SECBIT_NO_SETUID_FIXUP) === 0) {
    if (old.fsuid === root && asked !== root) effective &= ~CAP_FS_SET;
    if (old.fsuid !== root && asked === root) effective |= old.permitted & CAP_FS_SET;
  }
  return value(
    commit(state, task, { ...old, fsuid: asked, effective }),
    shown,
    'credentials.fsuid-set',
  );
}

/** capset(2). Mirrors cap_capset(), security/commoncap.c. */
export function capset({ state, task }: Context, operation: OperationOf<'capset'>): ExecStep {
  const old = task.credentials;
  const effective = operation.effective & ALL_CAPABILITIES;
  const permitted = operation.permitted & ALL_CAPABILITIES;
  const inheritable = operation.inheritable & ALL_CAPABILITIES;
  const exceeds = (set: CapabilitySet, bound: CapabilitySet): boolean => (set & ~bound) !== 0n;
  const raises = exceeds(inheritable, old.inheritable | old.permitted);
  const denied =
    (raises && !nsCapable(old, CAP_SETPCAP)) ||
    exceeds(inheritable, old.inheritable | old.bounding) ||
    exceeds(permitted, old.permitted) ||
    exceeds(effective, permitted);
  if (denied) return refuse(state, CAPSET_DENIED);
  const ambient = old.ambient & permitted & inheritable;
  return succeed(
    commit(state, task, { ...old, effective, permitted, inheritable, ambient }),
    'credentials.capabilities-set',
  );
}

/** prctl(PR_SET_SECUREBITS). */
export function setSecurebits(
  { state, task, features }: Context,
  operation: OperationOf<'setSecurebits'>,
): ExecStep {
  const old = task.credentials;
  const refused = securebits(
    features,
    old.securebits,
    operation.value,
    nsCapable(old, CAP_SETPCAP),
  );
  if (refused !== undefined) return refuse(state, refused);
  const word = Number(operation.value & 0xfffn);
  return succeed(putSecurebits(state, task, word), 'securebits.set');
}

function putSecurebits(state: State, task: Task, word: number): State {
  if (word === task.credentials.securebits) return state;
  return putTask(state, { ...task, credentials: { ...task.credentials, securebits: word } });
}

/** prctl(PR_SET_KEEPCAPS). */
export function setKeepcaps(
  { state, task }: Context,
  operation: OperationOf<'setKeepcaps'>,
): ExecStep {
  const word = keepcaps(task.credentials.securebits, operation.value);
  if (typeof word !== 'number') return refuse(state, word);
  return succeed(putSecurebits(state, task, word), 'securebits.keepcaps-set');
}

/** prctl(PR_SET_NO_NEW_PRIVS, 1). */
export function setNoNewPrivs({ state, task }: Context): ExecStep {
  if (task.credentials.noNewPrivs) return succeed(state, 'credentials.no-new-privs-set');
  const credentials = { ...task.credentials, noNewPrivs: true };
  return succeed(putTask(state, { ...task, credentials }), 'credentials.no-new-privs-set');
}

/**
 * unshare(CLONE_NEWUSER), then the maps. Mirrors create_user_ns() and set_cred_user_ns(),
 * kernel/user_namespace.c: every capability in the new namespace, securebits forgotten.
 */
export function unshareUser(context: Context, operation: OperationOf<'unshareUser'>): ExecStep {
  const { state, task, features } = context;
  const old = task.credentials;
  const hook = callHook(context, 'usernsCreate', -1, false);
  if (hook !== undefined) return refuse(state, hook);
  const nested = old.userns !== INITIAL_USERNS;
  if (nested && !isMapped(state, old)) return refuse(state, LSM_USERNS);
  const namespace: UserNamespace = {
    parent: old.userns,
    uidMap: nested ? [] : operation.uidMap,
    gidMap: nested ? [] : operation.gidMap,
    owner: old.euid,
    nprocMax:
      old.ruid === 0 && !nested ? (1n << 63n) - 1n : minimum(task.nprocLimit, (1n << 63n) - 1n),
  };
  const credentials: Credentials = {
    ...old,
    userns: state.userNamespaces.length,
    effective: ALL_CAPABILITIES,
    permitted: ALL_CAPABILITIES,
    inheritable: 0n,
    bounding: ALL_CAPABILITIES,
    ambient: 0n,
    securebits: securebitsInNewUserns(features, old.securebits),
  };
  const next = { ...state, userNamespaces: [...state.userNamespaces, namespace] };
  return succeed(commit(next, task, credentials), 'credentials.userns-made');
}

/** Whether the ids of the caller exist in its own namespace. */
function isMapped(state: State, { userns, euid, egid }: Credentials): boolean {
  const { uidMap, gidMap } = at(state.userNamespaces, userns);
  const covers = (map: UserNamespace['uidMap'], id: number): boolean =>
    map.some(({ outside, count }) => id >= outside && id < outside + count);
  return covers(uidMap, euid) && covers(gidMap, egid);
}

function minimum(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** setrlimit(2), soft limit. The hard one is infinite. */
export function setrlimit({ state, task }: Context, operation: OperationOf<'setrlimit'>): ExecStep {
  const field = operation.resource === 'stack' ? 'stackLimit' : 'nprocLimit';
  if (task[field] === operation.soft) return succeed(state, 'credentials.limit-set');
  return succeed(putTask(state, { ...task, [field]: operation.soft }), 'credentials.limit-set');
}

/** landlock_create_ruleset(2), landlock_add_rule(2) for each path, landlock_restrict_self(2). */
export function landlockRestrict(
  context: Context,
  { allow }: OperationOf<'landlockRestrict'>,
): ExecStep {
  const { state, task } = context;
  const inodes: number[] = [];
  for (const path of allow) {
    const located = walkPath(context, path, true);
    if (isRefusal(located)) return refuse(state, located);
    const { inode } = at(state.dentries, located.dentry);
    if (located.directory && at(state.inodes, inode).kind !== 'dir') {
      return refuse(state, LANDLOCK_DIRECTORY);
    }
    inodes.push(inode);
  }
  const { credentials } = task;
  if (!credentials.noNewPrivs && !nsCapable(credentials, CAP_SYS_ADMIN)) {
    return refuse(state, LANDLOCK_PRIVILEGE);
  }
  if (credentials.landlock.length >= LANDLOCK_MAX_NUM_LAYERS) return refuse(state, LANDLOCK_LAYERS);
  const landlock = [...credentials.landlock, inodes];
  return succeed(
    putTask(state, { ...task, credentials: { ...credentials, landlock } }),
    'landlock.restricted',
  );
}

/**
 * fork(2). The new task counts when the limit is looked at. Mirrors copy_process(), kernel/fork.c:
 * who gets through is no longer marked; the child keeps the mark that it was copied with.
 */
export function fork({ state, task }: Context, { child }: OperationOf<'fork'>): ExecStep {
  if (state.tasks[child] !== undefined)
    return answer(state, { kind: 'refused' }, 'task.name-in-use');
  const { credentials } = task;
  const { userns, ruid } = credentials;
  const over = isOverLimit(state, userns, ruid, task.nprocLimit, 1);
  const exempt =
    ruid === 0 || capable(credentials, CAP_SYS_RESOURCE) || capable(credentials, CAP_SYS_ADMIN);
  if (over && !exempt) return refuse(state, FORK_LIMIT);
  let next: State = { ...state, nextFs: state.nextFs + 1 };
  for (const { file } of Object.values(task.fds)) next = holdFile(next, file);
  for (const { file } of Object.values(task.maps)) if (file >= 0) next = holdFile(next, file);
  next = putTask(next, { ...task, name: child, fs: state.nextFs });
  return succeed(putTask(next, { ...task, nprocExceeded: false }), 'fork.made');
}

/**
 * clone(CLONE_THREAD|CLONE_FS|...): the new task shares the fs_struct, which an exec under way
 * forbids. Mirrors copy_fs(), kernel/fork.c.
 */
export function cloneFs({ state, task }: Context, { child }: OperationOf<'cloneFs'>): ExecStep {
  if (state.tasks[child] !== undefined)
    return answer(state, { kind: 'refused' }, 'task.name-in-use');
  if ((state.inExec[task.fs] ?? 0) !== 0) return refuse(state, CLONE_FS_IN_EXEC);
  return succeed(putTask(state, { ...task, name: child, fds: {}, maps: {} }), 'fork.fs-shared');
}

/** The task ends. */
export function exit({ state, task }: Context): ExecStep {
  return succeed(removeTask(state, task.name), 'task.exited');
}
