// SPDX-License-Identifier: MIT
import {
  deepEqual,
  type Invariant,
  type RevisionId,
  type Transition,
} from '@kernel-models/model-core';
import { ALL_CAPABILITIES, CAP_DAC_OVERRIDE, CAP_SETPCAP } from './capability.ts';
import { AT_EMPTY_PATH, AT_EXECVE_CHECK, AT_SYMLINK_NOFOLLOW, PATH_MAX } from './constants.ts';
import { apply } from './apply.ts';
import { toBase64 } from './base64.ts';
import { contentBytes } from './content.ts';
import { fileOf, inodeIdOf } from './open-files.ts';
import type { Operation, OperationOf } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { walk, type Located } from './path-walk.ts';
import { isRefusal } from './refusal.ts';
import { featuresOf, REVISIONS } from './revisions.ts';
import { checkSecurebits } from './securebits.ts';
import { INIT, type Content } from './setup.ts';
import { at } from './lists.ts';
import type { Credentials, Inode, State, Task } from './state.ts';

type ExecTransition = Transition<State, Operation, Outcome>;
type ExecInvariant = Invariant<State, Operation, Outcome>;
type Execveat = OperationOf<'execveat'>;

/** A call of execveat by a task that can make it, with what it came to. */
interface ExecCall extends ExecTransition {
  readonly operation: Execveat;
  readonly task: Task;
}

function asExecCall(transition: ExecTransition): ExecCall | undefined {
  const { before, operation, step } = transition;
  if (operation.op !== 'execveat') return undefined;
  const task = before.tasks[operation.task];
  if (task === undefined || step.outcome.kind === 'refused' || step.outcome.kind === 'blocked') {
    return undefined;
  }
  return { ...transition, operation, task };
}

function asCheck(transition: ExecTransition): ExecCall | undefined {
  const call = asExecCall(transition);
  if (call === undefined || (call.operation.flags & AT_EXECVE_CHECK) === 0) return undefined;
  return featuresOf(call.revision).checkFlag ? call : undefined;
}

/** An invariant of every execveat. */
function ofExec(
  id: string,
  sentence: string,
  holds: (call: ExecCall) => boolean,
  revisions?: readonly RevisionId[],
): ExecInvariant {
  return invariant(id, sentence, asExecCall, holds, revisions);
}

/** An invariant of every check. */
function ofCheck(
  id: string,
  sentence: string,
  holds: (call: ExecCall) => boolean,
  revisions?: readonly RevisionId[],
): ExecInvariant {
  return invariant(id, sentence, asCheck, holds, revisions);
}

function invariant<Seen>(
  id: string,
  sentence: string,
  select: (transition: ExecTransition) => Seen | undefined,
  holds: (seen: Seen) => boolean,
  revisions: readonly RevisionId[] | undefined,
): ExecInvariant {
  return {
    id,
    sentence,
    ...(revisions === undefined ? {} : { revisions }),
    holds: (transition) => {
      const seen = select(transition);
      return seen === undefined || holds(seen);
    },
  };
}

function releases(predicate: (id: RevisionId) => boolean): readonly RevisionId[] {
  return REVISIONS.map(({ id }) => id).filter((id) => !id.startsWith('bug:') && predicate(id));
}

function errnoOf(outcome: Outcome): string {
  if (outcome.kind === 'errno') return outcome.errno;
  return outcome.kind === 'ran' || outcome.kind === 'value' ? 'ok' : outcome.kind;
}

function again({ before, operation, revision }: ExecCall, changed: Partial<Execveat>): Outcome {
  return apply(before, { ...operation, ...changed }, revision).outcome;
}

/** The same call in another world. */
function inWorld(call: ExecCall, state: State): string {
  return errnoOf(apply(state, call.operation, call.revision).outcome);
}

function withCredentials({ before, task }: ExecCall, changed: Partial<Credentials>): State {
  const credentials = { ...task.credentials, ...changed };
  return { ...before, tasks: { ...before.tasks, [task.name]: { ...task, credentials } } };
}

function located({ before, operation, task, revision }: ExecCall): Located | undefined {
  if (operation.path.kind !== 'text') return undefined;
  const context = { state: before, task, features: featuresOf(revision) };
  const follow = (operation.flags & AT_SYMLINK_NOFOLLOW) === 0;
  const found = walk(context, operation.dirfd, operation.path.text, follow);
  return isRefusal(found) ? undefined : found;
}

function fileOfCall(call: ExecCall): Inode | undefined {
  const place = located(call);
  return place === undefined
    ? undefined
    : at(call.before.inodes, at(call.before.dentries, place.dentry).inode);
}

/** What only a real exec finds out: it reads the file. */
const RESIDUAL: readonly RegExp[] = [
  /^exec\./,
  /^elf\./,
  /^walk\./,
  /^execveat\.(?:trailing-slash|is-|noexec|permission|no-open)/,
  /^write-access\./,
  /^arguments\./,
  /^landlock\.execute$/,
  /^fanotify\./,
  /^ima\./,
  /^ipe\./,
  /^lsm\./,
];

const CONTENTS: readonly Content[] = [
  { kind: 'empty' },
  { kind: 'bytes', base64: 'aGVsbG8K' },
  { kind: 'script', line: '/bin/sh' },
  { kind: 'elf', program: 'exit', exitCode: 0 },
];

const CHECK_INVARIANTS: readonly ExecInvariant[] = [
  ofExec(
    'exec.check-agrees-with-exec',
    'In one state a check fails exactly where a real exec fails in the steps that they share, with the same errno.',
    (call) => {
      if (call.task.name === INIT || !featuresOf(call.revision).checkFlag) return true;
      const { flags } = call.operation;
      const checked = again(call, { flags: flags | AT_EXECVE_CHECK });
      const executed = again(call, { flags: flags & ~AT_EXECVE_CHECK });
      if (checked.kind === 'blocked') return executed.kind === 'blocked';
      return checked.kind === 'value' || errnoOf(checked) === errnoOf(executed);
    },
  ),
  ofCheck(
    'exec.residual',
    'Where a check passes and the exec fails, the cause is the format, an interpreter, file capabilities, or a module that checks never ask.',
    (call) => {
      if (call.task.name === INIT || call.step.outcome.kind !== 'value') return true;
      const operation = { ...call.operation, flags: call.operation.flags & ~AT_EXECVE_CHECK };
      const { outcome, rule } = apply(call.before, operation, call.revision);
      return outcome.kind !== 'errno' || RESIDUAL.some((pattern) => pattern.test(rule));
    },
  ),
  ofCheck(
    'exec.check-idempotent',
    'A check does not change the answer of the next one.',
    ({ step, operation, revision }) =>
      step.outcome.kind === 'blocked' ||
      deepEqual(apply(step.state, operation, revision).outcome, step.outcome),
  ),
  ofCheck(
    'exec.check-changes-nothing',
    'A check leaves the world as it was, but for PF_NPROC_EXCEEDED.',
    ({ before, step, task }) => {
      if (step.state === before) return true;
      const after = step.state.tasks[task.name];
      if (after === undefined) return false;
      const restored = { ...after, nprocExceeded: task.nprocExceeded };
      return deepEqual(
        { ...step.state, tasks: { ...step.state.tasks, [task.name]: restored } },
        before,
      );
    },
  ),
  ofCheck(
    'exec.check-restores-write-count',
    'After a check every file has as many writers and deniers as before.',
    ({ before, step }) =>
      step.state.inodes === before.inodes ||
      step.state.inodes.every((inode, id) => inode.writeCount === at(before.inodes, id).writeCount),
  ),
  ofCheck(
    'exec.check-ignores-content',
    'What is in the file does not matter to a check.',
    (call) => {
      const place = located(call);
      if (place === undefined) return true;
      const id = at(call.before.dentries, place.dentry).inode;
      const inode = at(call.before.inodes, id);
      return CONTENTS.every((content) => {
        const inodes = call.before.inodes.with(id, { ...inode, content });
        return inWorld(call, { ...call.before, inodes }) === errnoOf(call.step.outcome);
      });
    },
  ),
  ofCheck('exec.check-ignores-securebits', 'The securebits do not matter to the kernel.', (call) =>
    [0, 0x100, 0x500, 0xf00].every(
      (securebits) =>
        inWorld(call, withCredentials(call, { securebits })) === errnoOf(call.step.outcome),
    ),
  ),
];

const PERMISSION_INVARIANTS: readonly ExecInvariant[] = [
  ofExec(
    'exec.permission-by-fsuid',
    'Only fsuid is compared with the owner of a file: another euid changes nothing.',
    (call) =>
      [0, 7, 4711].every(
        (euid) => inWorld(call, withCredentials(call, { euid })) === errnoOf(call.step.outcome),
      ),
  ),
  ofCheck(
    'exec.owner-class-excludes',
    'An owner without the execute bit and without CAP_DAC_OVERRIDE is refused, whatever group and others may.',
    (call) => {
      const inode = fileOfCall(call);
      if (inode === undefined || call.step.outcome.kind !== 'value') return true;
      const { fsuid, effective } = call.task.credentials;
      const owns = fsuid === inode.uid && (effective & CAP_DAC_OVERRIDE) === 0n;
      return !owns || (inode.mode & 0o100) !== 0;
    },
  ),
  ofCheck('exec.some-execute-bit', 'Nobody executes a file without any execute bit.', (call) => {
    const inode = fileOfCall(call);
    return inode === undefined || call.step.outcome.kind !== 'value' || (inode.mode & 0o111) !== 0;
  }),
  ofCheck(
    'exec.noexec-by-mount',
    'Execution is refused for noexec exactly where the mount that leads to the file has it, or its superblock.',
    (call) => {
      const place = located(call);
      if (place === undefined) return true;
      const mount = at(call.before.mounts, place.mount);
      const superblock = at(call.before.superblocks, mount.superblock);
      if (superblock.type === 'anon') return true;
      const noexec = mount.noexec || superblock.noexec;
      if (call.step.rule === 'execveat.noexec') return noexec;
      return call.step.outcome.kind !== 'value' || !noexec;
    },
  ),
  ofCheck(
    'exec.capabilities-never-hurt',
    'More capabilities never turn a success into an error.',
    (call) =>
      call.step.outcome.kind !== 'value' ||
      inWorld(
        call,
        withCredentials(call, { effective: ALL_CAPABILITIES, permitted: ALL_CAPABILITIES }),
      ) === 'ok',
  ),
  ofCheck(
    'exec.noexec-never-helps',
    'noexec on every mount never turns an error into a success.',
    (call) => {
      if (call.step.outcome.kind === 'value') return true;
      const mounts = call.before.mounts.map((mount) => ({ ...mount, noexec: true }));
      return inWorld(call, { ...call.before, mounts }) !== 'ok';
    },
  ),
  ofExec(
    'exec.anonymous-inode-is-eacces',
    'No anonymous inode is ever executable, and the answer does not depend on its mode.',
    (call) => {
      const inode = fileOfCall(call);
      if (inode?.kind !== 'anon' || call.step.outcome.kind !== 'errno') return true;
      return call.step.outcome.errno !== 'ENXIO';
    },
    releases((id) => !featuresOf(id).anonChmod),
  ),
];

const NULL_ARRAY = { kind: 'null' } as const;

const ORDER_INVARIANTS: readonly ExecInvariant[] = [
  ofExec(
    'exec.first-failing-step-decides',
    'The path is copied first, then the process limit, then the flags; every error of the file wins over those of the arguments.',
    (call) => {
      const { path, flags } = call.operation;
      const errno = errnoOf(call.step.outcome);
      if (path.kind !== 'text') return errno === 'EFAULT';
      if (path.text.length >= PATH_MAX) return errno === 'ENAMETOOLONG';
      if (path.text === '' && (flags & AT_EMPTY_PATH) === 0) return errno === 'ENOENT';
      if (call.step.rule === 'execveat.process-limit') return errno === 'EAGAIN';
      const known =
        AT_SYMLINK_NOFOLLOW |
        AT_EMPTY_PATH |
        (featuresOf(call.revision).checkFlag ? AT_EXECVE_CHECK : 0);
      if ((flags & ~known) !== 0) return errno === 'EINVAL';
      const bare = again(call, {
        argv: NULL_ARRAY,
        envp: NULL_ARRAY,
        flags: flags | (featuresOf(call.revision).checkFlag ? AT_EXECVE_CHECK : 0),
      });
      return bare.kind !== 'errno' || bare.errno === 'E2BIG' || bare.errno === errno;
    },
    releases((id) => !featuresOf(id).argvBeforeFile),
  ),
  ofCheck(
    'exec.fd-and-path-agree',
    'A check by descriptor and one by path agree where the path leads to the same mount and file and says nothing more.',
    (call) => {
      const { dirfd, path, flags } = call.operation;
      const byFd = path.kind === 'text' && path.text === '' && (flags & AT_EMPTY_PATH) !== 0;
      const file = fileOf(call.before, call.task, dirfd);
      if (!byFd || file === undefined || (flags & ~(AT_EMPTY_PATH | AT_EXECVE_CHECK)) !== 0) {
        return true;
      }
      const absolute = pathTo(call.before, file.mount, file.dentry);
      if (absolute === undefined) return true;
      const byPath = { ...call.operation, path: { kind: 'text' as const, text: absolute } };
      const named = apply(call.before, byPath, call.revision);
      // The walk may be refused, or lead elsewhere; the name takes another number of bytes.
      if (named.rule.startsWith('walk.') || call.step.rule.startsWith('arguments.')) return true;
      const place = located({ ...call, operation: byPath });
      if (place?.mount !== file.mount || place.dentry !== file.dentry) return true;
      return (
        named.rule.startsWith('arguments.') || errnoOf(named.outcome) === errnoOf(call.step.outcome)
      );
    },
  ),
];

/** An absolute path that leads to a dentry through a mount, where it still has one. */
function pathTo(state: State, mountId: number, dentryId: number): string | undefined {
  let path = '';
  let mount = at(state.mounts, mountId);
  let dentry = dentryId;
  for (;;) {
    if (dentry !== mount.root) {
      const { name, parent } = at(state.dentries, dentry);
      if (at(state.dentries, parent).children[name] !== dentry) return undefined;
      path = `/${name}${path}`;
      dentry = parent;
    } else if (mount.parent >= 0) {
      dentry = mount.mountpoint;
      mount = at(state.mounts, mount.parent);
    } else {
      return mount === state.mounts[0] && path !== '' ? path : undefined;
    }
  }
}

const WRITE_INVARIANTS: readonly ExecInvariant[] = [
  ofExec(
    'exec.writers-and-deniers-exclude',
    'A file that is open for writing is neither executed nor checked with success, unless a listener watches each access to it.',
    (call) => {
      const succeeded = call.step.outcome.kind === 'ran' || call.step.outcome.kind === 'value';
      const inode = fileOfCall(call);
      if (!succeeded || inode === undefined || inode.writeCount <= 0) return true;
      return Object.keys(call.before.fanotify).length > 0;
    },
  ),
  ofExec(
    'exec.denial-depends-on-file-alone',
    'Marks on other files do not change the answer about this one.',
    (call) => {
      const place = located(call);
      if (place === undefined) return true;
      const id = at(call.before.dentries, place.dentry).inode;
      const fanotify = Object.fromEntries(
        Object.entries(call.before.fanotify).map(([number, group]) => [
          number,
          {
            ...group,
            marks: group.marks.filter((mark) => mark.scope !== 'inode' || mark.object === id),
          },
        ]),
      );
      const alone = inWorld(call, { ...call.before, fanotify });
      return (
        /^(?:fanotify|walk|exec|elf)\./.test(call.step.rule) || alone === errnoOf(call.step.outcome)
      );
    },
    releases((id) => featuresOf(id).writeDeny !== 'unlessPreContentGroupOnSb'),
  ),
  invariant(
    'exec.in-exec-iff-exec-in-progress',
    'An fs_struct is marked as executing exactly while a call of a task that uses it is under way.',
    (transition) => transition,
    ({ step: { state } }) => {
      const running: Record<number, number> = {};
      for (const { fs, call } of Object.values(state.tasks)) {
        if (call?.kind === 'check') running[fs] = (running[fs] ?? 0) + 1;
      }
      return deepEqual(running, state.inExec);
    },
    undefined,
  ),
];

function securebitsOf(state: State, name: string): number | undefined {
  return state.tasks[name]?.credentials.securebits;
}

const SECUREBITS_INVARIANTS: readonly ExecInvariant[] = [
  invariant(
    'securebits.locks-hold',
    'A locked bit and its lock never change but by a new user namespace.',
    (transition) => (transition.operation.op === 'unshareUser' ? undefined : transition),
    keepsLocks,
    undefined,
  ),
  invariant(
    'securebits.locks-survive-userns',
    'A locked bit and its lock never change, by a new user namespace neither.',
    (transition) => transition,
    keepsLocks,
    ['linux-6.18-fixed'],
  ),
  invariant(
    'securebits.known-bits',
    'No task has a bit outside of 0xfff.',
    (transition) => transition,
    ({ step }) =>
      Object.values(step.state.tasks).every(
        ({ credentials }) => (credentials.securebits & ~0xfff) === 0,
      ),
    undefined,
  ),
  invariant(
    'securebits.closed-form',
    'PR_SET_SECUREBITS succeeds exactly where the new word is well-formed, keeps what is locked, and, without CAP_SETPCAP, differs in exec bits alone.',
    ({ before, operation, step, revision }) => {
      const task = before.tasks[operation.task];
      if (operation.op !== 'setSecurebits' || task === undefined) return undefined;
      return step.outcome.kind === 'value' || step.outcome.kind === 'errno'
        ? { task, value: operation.value, succeeded: step.outcome.kind === 'value', revision }
        : undefined;
    },
    ({ task, value, succeeded, revision }) => {
      const old = BigInt(task.credentials.securebits);
      const privileged = (task.credentials.effective & CAP_SETPCAP) !== 0n;
      const merged = featuresOf(revision).execSecurebits !== 'none';
      return securebitsClosedForm(old, value, privileged, merged) === succeeded;
    },
    undefined,
  ),
];

function keepsLocks({ before, step }: ExecTransition): boolean {
  return Object.keys(before.tasks).every((name) => {
    const old = securebitsOf(before, name) ?? 0;
    const now = securebitsOf(step.state, name);
    const locks = old & 0xaaa;
    return now === undefined || ((old ^ now) & (locks | (locks >> 1))) === 0;
  });
}

/** Whether PR_SET_SECUREBITS succeeds, in one expression over 64-bit words. */
export function securebitsClosedForm(
  old: bigint,
  value: bigint,
  privileged: boolean,
  hasExecBits: boolean,
): boolean {
  const locks = old & 0xaaan;
  const frozen = locks | (locks >> 1n);
  const changed = old ^ value;
  const wellFormed = value < (hasExecBits ? 0x1000n : 0x100n);
  const mayChange = hasExecBits ? 0xf00n : 0n;
  const permitted = privileged || (changed !== 0n && (changed & ~mayChange) === 0n);
  return wellFormed && (changed & frozen) === 0n && permitted;
}

const MODULE_INVARIANTS: readonly ExecInvariant[] = [
  ofExec(
    'ima.audit-type-by-is-check',
    'A failed appraisal is recorded as INTEGRITY_USERSPACE exactly where a check caused it.',
    (call) => {
      const { outcome } = call.step;
      const audit = 'audit' in outcome ? (outcome.audit ?? []) : [];
      const isCheck = (call.operation.flags & AT_EXECVE_CHECK) !== 0;
      const byBprm = call.before.ima?.functions.includes('FILE_CHECK') !== true;
      if (!byBprm) return true;
      const wrong = isCheck ? 'INTEGRITY_DATA' : 'INTEGRITY_USERSPACE';
      return audit.every(({ type }) => type !== wrong);
    },
  ),
  invariant(
    'interpreter.descriptor-is-the-file',
    'An interpreter that reads the descriptor which it checked never runs another file.',
    ({ before, operation, step }) => {
      const call = before.tasks[operation.task]?.call;
      if (operation.op !== 'interpretEnd' || call?.kind !== 'interpret') return undefined;
      return call.reads === 'descriptor' ? { before, step, file: call.file } : undefined;
    },
    ({ before, step, file }) => {
      const open = at(before.files, file);
      if (open === null || step.outcome.kind !== 'decided' || !step.outcome.allowed) return true;
      const inode = at(before.inodes, inodeIdOf(before, open));
      return step.outcome.content === toBase64(contentBytes(inode.content));
    },
    undefined,
  ),
];

/** What holds at every step. */
export const INVARIANTS: readonly ExecInvariant[] = [
  ...CHECK_INVARIANTS,
  ...PERMISSION_INVARIANTS,
  ...ORDER_INVARIANTS,
  ...WRITE_INVARIANTS,
  ...SECUREBITS_INVARIANTS,
  ...MODULE_INVARIANTS,
];

/**
 * Whether a word may be set on top of another, as `apply` decides: for loops over all pairs of
 * words.
 *
 * @throws RangeError where the revision is unknown
 */
export function maySetSecurebits(
  revision: RevisionId,
): (old: number, next: number, privileged: boolean) => boolean {
  const features = featuresOf(revision);
  return (old, next, privileged) =>
    checkSecurebits(features, old, next, false, privileged) === undefined;
}
