// SPDX-License-Identifier: MIT
import {
  AT_EMPTY_PATH,
  AT_EXECVE_CHECK,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  SUCCESS,
  type ExecveatArguments,
  type Features,
  type Outcome,
} from '@kernel-models/exec-check';
import { argumentTexts, copyArguments } from './argument-space.ts';
import { runFormats } from './formats.ts';
import { lsmRefuses } from './lsm.ts';
import { imaRefuses, openForExec } from './opening.ts';
import { exceedsProcessLimit } from './processes.ts';
import { copyPath, walk } from './walk.ts';
import {
  Failure,
  fail,
  inodeAt,
  inodeNumber,
  tell,
  type Place,
  type Task,
  type World,
} from './world.ts';

/** What a call holds when it has come as far as the security modules' answer. */
export interface Prepared {
  readonly isCheck: boolean;
  readonly place: Place;
  readonly denied: boolean;
  readonly run: () => Outcome;
}

/** execveat(2), from its first check to its end. */
export function execveat(
  world: World,
  name: string,
  args: ExecveatArguments,
  features: Features,
): Outcome {
  try {
    const prepared = prepare(world, name, args, features);
    try {
      return prepared.isCheck ? SUCCESS : prepared.run();
    } finally {
      close(world, prepared.place);
    }
  } catch (failure) {
    if (failure instanceof Failure) return { kind: 'errno', errno: failure.errno };
    throw failure;
  }
}

export function close(world: World, place: Place): void {
  tell(world, inodeNumber(world, place), 'IN_CLOSE_NOWRITE');
}

/** Everything up to and with bprm_creds_for_exec, where a check ends. */
export function prepare(
  world: World,
  name: string,
  args: ExecveatArguments,
  features: Features,
): Prepared {
  const task = taskNamed(world, name);
  const known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | (features.checkFlag ? AT_EXECVE_CHECK : 0);
  const flagsAreBad = (args.flags & ~known) !== 0;

  const path = copyPath(args.path, (args.flags & AT_EMPTY_PATH) !== 0);
  if (task.nprocExceeded && exceedsProcessLimit(world, task)) fail('EAGAIN');
  task.nprocExceeded = false;

  const bprmName = nameFor(args.dirfd, path);
  const copy = (): ReturnType<typeof copyArguments> =>
    copyArguments(args.argv, args.envp, bprmName, task.stackLimit);
  const early = features.argvBeforeFile ? copy() : undefined;
  if (flagsAreBad) fail('EINVAL');
  const follow = (args.flags & AT_SYMLINK_NOFOLLOW) === 0;
  const found = walk(world, name, task, args.dirfd, path, follow);
  const { place, denied } = openForExec(world, name, task, found, features, path === '');
  try {
    const space = early ?? copy();
    const isCheck = features.checkFlag && (args.flags & AT_EXECVE_CHECK) !== 0;
    const inode = inodeAt(world, place);
    lsmRefuses(world, 'bprmCredsForExec', name, inodeNumber(world, place), isCheck);
    if (isCheck && features.ipeOnCheck && world.ipe?.mode === 'enforce' && inode.ipeUntrusted) {
      fail('EACCES');
    }
    if (isCheck && features.imaOnCheck && inode.imaUnsigned && imaRefuses(world, 'BPRM_CHECK')) {
      fail('EACCES');
    }
    const viaCloexec = bprmName !== path && task.fds.get(args.dirfd)?.cloexec === true;
    const texts = (): string[] => argumentTexts(args.argv);
    const exec = { world, name, task, features, space, viaCloexec };
    return { isCheck, place, denied, run: () => runFormats(exec, place, bprmName, texts) };
  } catch (failure) {
    close(world, place);
    throw failure;
  }
}

/** The name that the program is known by: what a script's interpreter is given to open. */
function nameFor(dirfd: number, path: string): string {
  if (dirfd === AT_FDCWD || path.startsWith('/')) return path;
  return path === '' ? `/dev/fd/${dirfd}` : `/dev/fd/${dirfd}/${path}`;
}

function taskNamed(world: World, name: string): Task {
  const task = world.tasks.get(name);
  if (task === undefined) throw new Error(`reference: expected a task, got ${name}`);
  return task;
}
