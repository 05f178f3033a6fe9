// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';
import type { Features } from '../revisions.ts';
import { inOrder } from '../trails.ts';
import type { Cost, TsmOutcome } from './outcome.ts';
import { passTime } from './quote-buffer.ts';
import { look, submit, type RequestResult } from './report-new.ts';
import type { TsmRule } from './rules.ts';
import type { Blob, Item, OpenFile, TsmState, WaitingRead } from './state.ts';
import { blocked, NO_COST, refuse, step, type TsmStep } from './step.ts';

/*
 * Reading an outblob. Reads beside tsm_report_read(), drivers/virt/coco/tsm.c, and
 * configfs_bin_read_iter(), fs/configfs/file.c, which calls it twice: for the size, and for the
 * bytes.
 */

const before = inOrder<TsmRule>(
  'read.no-inblob',
  'read.cached',
  'read.no-provider',
  'report-new.in-flight',
  'report-new.inblob-size',
  'report-new.tdcall',
  'report-new.hypercall',
  'report-new.waiting',
  'report-new.interrupted',
  'report-new.timeout',
  'report-new.status',
  'report-new.out-len',
  'report-new.no-memory',
  'report-new.success',
);

type Call = 'size' | 'data';

/** Who reads: a call on an open file, and the descriptor that it began on, while it is open. */
type Reader = Pick<WaitingRead, 'fd' | 'file' | 'call'>;

/** One of configfs's two calls on an open outblob. */
export function readCall(state: TsmState, fd: number, call: Call, features: Features): TsmStep {
  const file = state.files[fd];
  if (file?.file !== 'outblob') return refuse(state, 'EBADF', 'file.bad-descriptor');
  // What a file has fetched is its own: no lock is asked for.
  if (file.fetched !== null) {
    const shown: TsmOutcome =
      call === 'size'
        ? { kind: 'size', size: sizeOf(file.fetched), cost: NO_COST }
        : blobOutcome(file.fetched, NO_COST);
    return step(state, shown, 'read.snapshot');
  }
  if (state.waiting !== null) return blocked(state);
  const item = itemOf(state, file);
  if (item === undefined) {
    return step(state, { kind: 'errno', errno: 'ENOENT', cost: NO_COST }, 'file.item-gone');
  }
  return readReport(state, { fd, file, call }, item, features);
}

function readReport(state: TsmState, reader: Reader, item: Item, features: Features): TsmStep {
  const fail = (errno: Errno, rule: TsmRule): TsmStep =>
    step(state, { kind: 'errno', errno, cost: NO_COST }, rule, before(rule));

  if (item.inblob.length === 0) return fail('EINVAL', 'read.no-inblob');
  const { outblob } = item;
  if (outblob !== null && isFresh(item, features)) {
    return deliver(state, reader, outblob, NO_COST, 'read.cached', features);
  }
  if (!state.provider) return fail('ENXIO', 'read.no-provider');

  const dropped = withItem(state, reader.file.name, { ...item, outblob: null });
  return settle(submit(dropped, item.inblob, features), reader, item.inblob, features);
}

function isFresh({ readGeneration, writeGeneration }: Item, features: Features): boolean {
  return !features.invalidatesCache || readGeneration === writeGeneration;
}

/** What a call makes of how far the request has come. */
function settle(
  result: RequestResult,
  reader: Reader,
  inblob: Uint8Array,
  features: Features,
): TsmStep {
  switch (result.kind) {
    case 'waiting': {
      const { fd, file, call } = reader;
      const waiting = { fd, file, call, slept: result.cost.seconds, inblob };
      const outcome: TsmOutcome = { kind: 'waiting', cost: result.cost };
      const rule = 'report-new.waiting';
      return step({ ...result.state, waiting }, outcome, rule, before(rule));
    }
    case 'failed': {
      const { errno, cost, rule } = result;
      const state = { ...result.state, waiting: null };
      return step(state, { kind: 'errno', errno, cost }, rule, before(rule));
    }
    case 'blob': {
      const { blob, cost } = result;
      const state = { ...result.state, waiting: null };
      const item = itemOf(state, reader.file);
      if (item === undefined) return refuse(state, 'ENOENT', 'file.item-gone');
      const filled = { ...item, outblob: blob, readGeneration: item.writeGeneration };
      const kept = withItem(state, reader.file.name, filled);
      return deliver(kept, reader, blob, cost, 'report-new.success', features);
    }
  }
}

/** Announces the size, or hands the bytes to the file, as many as were announced. */
function deliver(
  state: TsmState,
  { fd, file, call }: Reader,
  blob: Blob,
  cost: Cost,
  rule: TsmRule,
  features: Features,
): TsmStep {
  const size = sizeOf(blob);
  if (call === 'size') {
    if (size > features.outblobMax) {
      const outcome: TsmOutcome = { kind: 'errno', errno: 'EFBIG', cost };
      return step(state, outcome, 'read.too-big', before(rule));
    }
    const announced = fd === null ? state : withFile(state, fd, { ...file, announced: size });
    return step(announced, { kind: 'size', size, cost }, rule, before(rule));
  }
  const fetched = cut(blob, file.announced ?? size);
  const fetchedState = fd === null ? state : withFile(state, fd, { ...file, fetched });
  return step(fetchedState, blobOutcome(fetched, cost), rule, before(rule));
}

/** A second passes for the read that waits. */
export function tick(state: TsmState, features: Features): TsmStep {
  const { waiting } = state;
  if (waiting === null) return step(state, { kind: 'value', value: 0n }, 'tick.nobody');
  const slept = waiting.slept + 1;
  const later = passTime(state, 1000, features);
  const looked = look(
    later,
    waiting.inblob,
    slept,
    { ...NO_COST, tdcalls: 1, hypercalls: 1 },
    features,
  );
  return settle(looked, waiting, waiting.inblob, features);
}

/** A signal reaches the read that waits. */
export function signal(state: TsmState): TsmStep {
  const { waiting } = state;
  if (waiting === null) return step(state, { kind: 'value', value: 0n }, 'tick.nobody');
  const cost: Cost = { tdcalls: 1, hypercalls: 1, seconds: waiting.slept };
  const rule = 'report-new.interrupted';
  const outcome: TsmOutcome = { kind: 'errno', errno: 'EINTR', cost };
  return step({ ...state, waiting: null }, outcome, rule, before(rule));
}

/** The item that an open file belongs to, while it is there. */
export function itemOf(state: TsmState, { name, itemId }: OpenFile): Item | undefined {
  const item = state.items[name];
  return item?.id === itemId ? item : undefined;
}

/**
 * Whether a read that waits holds the position of a file. Who shares the descriptor waits for it,
 * even for a call that is bound to fail.
 */
export function isPositionHeld({ waiting }: TsmState, fd: number): boolean {
  return waiting?.fd === fd;
}

/** The state in which a descriptor is no longer that of the read that waits. */
export function letGo(state: TsmState, fd: number): TsmState {
  const { waiting } = state;
  return waiting?.fd === fd ? { ...state, waiting: { ...waiting, fd: null } } : state;
}

/** The state with another item under a name. */
export function withItem(state: TsmState, name: string, item: Item): TsmState {
  return { ...state, items: { ...state.items, [name]: item } };
}

/** The state with another file under a descriptor. */
export function withFile(state: TsmState, fd: number, file: OpenFile): TsmState {
  return { ...state, files: { ...state.files, [fd]: file } };
}

/** Bytes of a blob, those from beyond the buffer included. */
function sizeOf({ bytes, leaked }: Blob): number {
  return bytes.length + leaked;
}

function cut(blob: Blob, size: number): Blob {
  const bytes = blob.bytes.subarray(0, size);
  return { ...blob, bytes, leaked: Math.min(blob.leaked, size - bytes.length) };
}

/** Bytes of a blob as its reader sees them. */
function blobOutcome(blob: Blob, cost: Cost): TsmOutcome {
  const { bytes } = blob;
  return {
    kind: 'blob',
    size: sizeOf(blob),
    head: bytes.slice(0, 16),
    bytes: bytes.slice(),
    cost,
  };
}
