// SPDX-License-Identifier: MIT
import { without } from '../records.ts';
import type { Features } from '../revisions.ts';
import { inOrder } from '../trails.ts';
import { close, open, write } from './inblob.ts';
import type { ItemOperation } from './operation.ts';
import { readCall, signal, tick } from './outblob.ts';
import type { TsmOutcome } from './outcome.ts';
import type { TsmRule } from './rules.ts';
import type { Item, TsmState } from './state.ts';
import { blocked, NO_COST, refuse, step, SUCCESS, type TsmStep } from './step.ts';

/* The items of /sys/kernel/config/tsm/report, and what a shell does with their files. */

type Of<Op extends ItemOperation['op']> = Extract<ItemOperation, { readonly op: Op }>;

const MKDIR_ORDER = inOrder<TsmRule>(
  'mkdir.top',
  'mkdir.exists',
  'mkdir.no-provider',
  'mkdir.success',
);

/** mkdir(2). */
export function mkdir(state: TsmState, { name, parent }: Of<'mkdir'>): TsmStep {
  if (parent === 'tsm') return refuse(state, 'EPERM', 'mkdir.top', MKDIR_ORDER('mkdir.top'));
  if (state.items[name] !== undefined) {
    return refuse(state, 'EEXIST', 'mkdir.exists', MKDIR_ORDER('mkdir.exists'));
  }
  if (state.waiting !== null) return blocked(state);
  if (!state.provider) {
    return refuse(state, 'ENXIO', 'mkdir.no-provider', MKDIR_ORDER('mkdir.no-provider'));
  }
  const item: Item = {
    id: state.nextItemId,
    writeGeneration: state.firstGeneration,
    readGeneration: 0n,
    inblob: new Uint8Array(),
    outblob: null,
  };
  const items = { ...state.items, [name]: item };
  const made = { ...state, items, nextItemId: state.nextItemId + 1 };
  return step(made, SUCCESS, 'mkdir.success', MKDIR_ORDER('mkdir.success'));
}

/** rmdir(2). */
export function rmdir(state: TsmState, { name }: Of<'rmdir'>): TsmStep {
  if (state.items[name] === undefined) return refuse(state, 'ENOENT', 'rmdir.missing');
  // A directory goes when nobody is inside one of its files' calls.
  const { waiting } = state;
  if (waiting?.file.name === name) return blocked(state);
  const removed = { ...state, items: without(state.items, name) };
  return step(removed, SUCCESS, 'rmdir.success', RMDIR_TRAIL);
}

const RMDIR_TRAIL = Object.freeze(['rmdir.missing']);

/** A descriptor that no operation can name: what the composite operations open and close. */
const OWN_FD = -1;

/** open, write, close, and the generation then. */
export function writeInblob(
  state: TsmState,
  { name, content }: Of<'write-inblob'>,
  features: Features,
): TsmStep {
  const opened = open(state, { op: 'open', fd: OWN_FD, name, file: 'inblob', access: 'write' });
  if (opened.outcome.kind === 'errno') return opened;
  if (state.waiting !== null) return blocked(state);
  const written = write(opened.state, { op: 'write', fd: OWN_FD, content }, features);
  const closed = close(written.state, OWN_FD, features);
  const { outcome } = written;
  const decided = outcome.kind === 'errno' ? written : closed;
  return {
    state: closed.state,
    outcome: {
      kind: 'written',
      write: outcome.kind === 'errno' ? outcome.errno : content.length,
      generation: closed.state.items[name]?.writeGeneration ?? 0n,
    },
    rule: decided.rule,
    trail: decided.trail,
  };
}

/** open, read to the end, close: both calls of configfs, and all seconds of waiting. */
export function readOutblob(
  state: TsmState,
  { name, signalAfter }: Of<'read-outblob'>,
  features: Features,
): TsmStep {
  const opened = open(state, { op: 'open', fd: OWN_FD, name, file: 'outblob', access: 'read' });
  if (opened.outcome.kind === 'errno') {
    return { ...opened, outcome: { ...opened.outcome, cost: NO_COST } };
  }
  if (state.waiting !== null) return blocked(state);
  const sized = awaitHost(readCall(opened.state, OWN_FD, 'size', features), signalAfter, features);
  const closed = { ...sized.state, files: state.files };
  if (sized.outcome.kind !== 'size') return { ...sized, state: closed };
  const { size, cost = NO_COST } = sized.outcome;
  if (size === 0) return { ...sized, state: closed, outcome: { ...EMPTY_BLOB, cost } };
  // The second call finds what the first has cached: it asks nobody.
  const { outcome } = readCall(sized.state, OWN_FD, 'data', features);
  const shown = outcome.kind === 'blob' ? { ...outcome, cost } : outcome;
  return { ...sized, state: closed, outcome: shown };
}

/** Lets seconds pass until a call has come to its end. */
function awaitHost(first: TsmStep, signalAfter: number | undefined, features: Features): TsmStep {
  let current = first;
  while (current.outcome.kind === 'waiting') {
    const slept = current.state.waiting?.slept ?? 0;
    current = slept === signalAfter ? signal(current.state) : tick(current.state, features);
  }
  return current;
}

/** What a read finds at the end of the file. */
export const EMPTY_BLOB: Extract<TsmOutcome, { readonly kind: 'blob' }> = {
  kind: 'blob',
  size: 0,
  head: new Uint8Array(),
  bytes: new Uint8Array(),
};
