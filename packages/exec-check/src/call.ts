// SPDX-License-Identifier: MIT
import { AT_EXECVE_CHECK, AT_FDCWD } from './constants.ts';
import type { ArgumentSpace } from './argument-space.ts';
import type { Context } from './context.ts';
import type { EventLog } from './fsnotify.ts';
import { at } from './lists.ts';
import type { ExecveatArguments } from './operation.ts';
import type { AuditRecord, FsnotifyEvent } from './outcome.ts';
import type { Features } from './revisions.ts';
import type { Inode, InodeId, State, Task } from './state.ts';

/**
 * One execveat(2) on its way through the checks, or one open of an interpreter within it: what
 * struct
 * linux_binprm and do_open_execat() keep. Private to one operation, so it is written in place.
 */
export interface Call extends Context {
  readonly args: ExecveatArguments;
  /** bprm->is_check. */
  readonly isCheck: boolean;
  /** The file, once the walk has found it. */
  mount: number;
  dentry: number;
  inodeId: InodeId;
  inode: Inode;
  /** The path said that it must be a directory. */
  directory: boolean;
  /** The file is open: fsnotify will hear of the close. */
  opened: boolean;
  /** Writers are held off. */
  denied: boolean;
  /** PF_NPROC_EXCEEDED is cleared. */
  clearsNproc: boolean;
  space: ArgumentSpace | undefined;
  /** Whether anybody listens; otherwise nothing is noted. */
  readonly watched: boolean;
  readonly events: EventLog;
  readonly audit: AuditRecord[];
}

/** A call before its first check. */
export function newCall(
  state: State,
  task: Task,
  features: Features,
  args: ExecveatArguments,
): Call {
  return {
    state,
    task,
    features,
    args,
    isCheck: (args.flags & AT_EXECVE_CHECK) !== 0,
    mount: 0,
    dentry: 0,
    inodeId: 0,
    inode: at(state.inodes, 0),
    directory: false,
    opened: false,
    denied: false,
    clearsNproc: false,
    space: undefined,
    watched: hasWatches(state),
    events: [],
    audit: [],
  };
}

/** Notes what fsnotify tells about the file. */
export function notify(call: Call, event: FsnotifyEvent): void {
  if (!call.watched) return;
  call.events.push({ inode: call.inodeId, event });
  // overlayfs opens, reads and closes the real file along with its own.
  if (call.inode.lower >= 0) call.events.push({ inode: call.inode.lower, event });
}

/** The name of the program as it stands on its stack. Mirrors alloc_bprm(), fs/exec.c. */
export function programName({ dirfd, path }: ExecveatArguments): string {
  const text = path.kind === 'text' ? path.text : '';
  if (dirfd === AT_FDCWD || text.startsWith('/')) return text;
  return text === '' ? `/dev/fd/${dirfd}` : `/dev/fd/${dirfd}/${text}`;
}

function hasWatches({ watches }: State): boolean {
  for (const _watch in watches) return true;
  return false;
}
