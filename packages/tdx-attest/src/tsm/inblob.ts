// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';
import { without } from '../records.ts';
import type { Features } from '../revisions.ts';
import { inOrder } from '../trails.ts';
import type { FileOperation, ItemFile } from './operation.ts';
import { isPositionHeld, itemOf, letGo, withFile, withItem } from './outblob.ts';
import type { TsmRule } from './rules.ts';
import type { OpenFile, ReportFile, TsmState } from './state.ts';
import { blocked, refuse, step, SUCCESS, type TsmStep } from './step.ts';

/*
 * Opening, writing and closing the files of an item. Reads beside __configfs_open_file(),
 * configfs_bin_write_iter() and configfs_release_bin_file(), fs/configfs/file.c: what is written
 * becomes an inblob when the file is closed, and nobody hears what came of it.
 */

/** Most bytes of an inblob. Origin: TSM_REPORT_INBLOB_MAX, include/linux/tsm.h. */
export const INBLOB_MAX = 64;

/** The one direction of each file that a TDX guest shows. Modes 0200 and 0444. */
const DIRECTION: Readonly<Record<ReportFile, 'read' | 'write'>> = {
  inblob: 'write',
  outblob: 'read',
  generation: 'read',
  provider: 'read',
};

function isShown(file: ItemFile): file is ReportFile {
  return Object.hasOwn(DIRECTION, file);
}

const OPEN_ORDER = inOrder<TsmRule>('open.missing', 'open.hidden', 'open.access', 'open.success');

/** open(2) of a file of an item. */
export function open(
  state: TsmState,
  { fd, name, file, access }: Extract<FileOperation, { readonly op: 'open' }>,
): TsmStep {
  const fail = (errno: Errno, rule: TsmRule): TsmStep =>
    refuse(state, errno, rule, OPEN_ORDER(rule));
  const item = state.items[name];
  if (item === undefined) return fail('ENOENT', 'open.missing');
  if (!isShown(file)) return fail('ENOENT', 'open.hidden');
  if (access !== DIRECTION[file]) return fail('EACCES', 'open.access');
  const opened: OpenFile = {
    name,
    itemId: item.id,
    file,
    access,
    position: 0,
    written: null,
    tried: false,
    shown: null,
    fetched: null,
    announced: null,
  };
  return step(
    withFile(letGo(state, fd), fd, opened),
    SUCCESS,
    'open.success',
    OPEN_ORDER('open.success'),
  );
}

const WRITE_ORDER = inOrder<TsmRule>(
  'file.bad-descriptor',
  'write.too-big',
  'write.nothing',
  'write.success',
);

/** write(2) and pwrite(2): the file's buffer grows, with zeros where a gap is left. */
export function write(
  state: TsmState,
  { fd, content, offset }: Extract<FileOperation, { readonly op: 'write' }>,
  features: Features,
): TsmStep {
  const file = state.files[fd];
  if (offset === undefined && isPositionHeld(state, fd)) return blocked(state);
  if (file?.access !== 'write') return refuse(state, 'EBADF', 'file.bad-descriptor');
  const start = offset ?? file.position;
  const end = start + content.length;
  const tried = withFile(state, fd, { ...file, tried: true });
  if (end > INBLOB_MAX)
    return refuse(tried, 'EFBIG', 'write.too-big', WRITE_ORDER('write.too-big'));
  if (content.length === 0) {
    return refuse(tried, 'EFAULT', 'write.nothing', WRITE_ORDER('write.nothing'));
  }
  const written = new Uint8Array(Math.max(end, file.written?.length ?? 0));
  written.set(file.written ?? []);
  written.set(content, start);
  const position = offset === undefined ? end : file.position;
  const buffered: OpenFile = { ...file, tried: true, written, position };
  const outcome = { kind: 'value', value: BigInt(content.length) } as const;
  const state1 = withFile(state, fd, buffered);
  const after = features.commitAt === 'write' ? commit(state1, buffered, written).state : state1;
  return step(after, outcome, 'write.success', WRITE_ORDER('write.success'));
}

/** close(2): commits what was written. It always returns 0. */
export function close(state: TsmState, fd: number, features: Features): TsmStep {
  const file = state.files[fd];
  if (file === undefined) return refuse(state, 'EBADF', 'file.bad-descriptor');
  const commits = features.failedWriteCommits ? file.tried : file.written !== null;
  // A commit needs the lock of all items, which a waiting read holds.
  if (commits && state.waiting !== null) return blocked(state);
  const closed = { ...letGo(state, fd), files: without(state.files, fd) };
  if (!commits || features.commitAt === 'write') return step(closed, SUCCESS, 'close.nothing');
  return commit(closed, file, file.written ?? new Uint8Array());
}

/** Mirrors tsm_report_inblob_write(), drivers/virt/coco/tsm.c. */
function commit(state: TsmState, file: OpenFile, inblob: Uint8Array): TsmStep {
  const item = itemOf(state, file);
  if (item === undefined) return step(state, SUCCESS, 'close.nothing');
  const { readGeneration, writeGeneration } = item;
  if (writeGeneration === BigInt.asUintN(64, readGeneration - 1n)) {
    return step(state, SUCCESS, 'commit.wrapped');
  }
  const generation = BigInt.asUintN(64, writeGeneration + 1n);
  const committed = { ...item, inblob, writeGeneration: generation };
  return step(withItem(state, file.name, committed), SUCCESS, 'commit.success', COMMITTED);
}

const COMMITTED = Object.freeze(['commit.wrapped']);
