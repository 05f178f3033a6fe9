// SPDX-License-Identifier: MIT
import type { Invariant, RevisionId, Transition } from '@kernel-models/model-core';
import { areEqual } from '../bytes.ts';
import { featuresOf, revisionsWith, type Features } from '../revisions.ts';
import type { TsmOperation } from './operation.ts';
import type { Cost, TsmOutcome } from './outcome.ts';
import { GET_QUOTE_IN_FLIGHT, GET_QUOTE_SUCCESS } from './quote-buffer.ts';
import type { Blob, Item, OpenFile, TsmState } from './state.ts';

type TsmInvariant = Invariant<TsmState, TsmOperation, TsmOutcome>;
type TsmTransition = Transition<TsmState, TsmOperation, TsmOutcome>;

function kernelsThat(have: (features: Features) => boolean): readonly RevisionId[] {
  return revisionsWith((features) => features.tsm && have(features))
    .filter((one) => !('base' in one))
    .map(({ id }) => id);
}

function costOf({ step: { outcome } }: TsmTransition): Cost | undefined {
  return 'cost' in outcome ? outcome.cost : undefined;
}

/** Whether a step came to the end of a request, one way or the other. */
function endsRequest(transition: TsmTransition): boolean {
  return (costOf(transition)?.hypercalls ?? 0) > 0 && transition.step.outcome.kind !== 'waiting';
}

/** Whether a step made a new request to the host. */
function makesRequest({ before, operation, step: { state } }: TsmTransition): boolean {
  const reads = ['read-outblob', 'read-size', 'read-data', 'read'].includes(operation.op);
  return reads && state.quoteBuffer !== before.quoteBuffer;
}

function isHandedOut({ kind }: TsmOutcome): boolean {
  return kind === 'blob' || kind === 'size';
}

/** The items that are there before and after, by name. */
function survivors({ before, step: { state } }: TsmTransition): readonly (readonly [Item, Item])[] {
  return Object.entries(before.items).flatMap(([name, old]) => {
    const now = state.items[name];
    return now?.id === old.id ? [[old, now] as const] : [];
  });
}

/** The files that a step has filled. */
function newlyFetched({
  before,
  step: { state },
}: TsmTransition): readonly (OpenFile & { readonly fetched: Blob })[] {
  return Object.entries(state.files).flatMap(([fd, file]) => {
    const { fetched } = file;
    const isNew = fetched !== null && before.files[Number(fd)]?.fetched !== fetched;
    return isNew ? [{ ...file, fetched }] : [];
  });
}

/** Every invariant of the report items; `revisions` names the kernels that keep it. */
export const TSM_INVARIANTS: readonly TsmInvariant[] = [
  {
    id: 'tsm.generation-counts-commits',
    sentence: 'The generation goes up by one where an inblob is committed, and never else.',
    holds: (transition) =>
      survivors(transition).every(([old, now]) => {
        const committed = now.inblob !== old.inblob;
        return (
          now.writeGeneration === BigInt.asUintN(64, old.writeGeneration + (committed ? 1n : 0n))
        );
      }),
  },
  {
    id: 'tsm.commit-at-close',
    sentence: 'Only a close commits.',
    holds: (transition) =>
      ['close', 'write-inblob'].includes(transition.operation.op) ||
      survivors(transition).every(([old, now]) => now.inblob === old.inblob),
  },
  {
    id: 'tsm.failed-write-commits-nothing',
    sentence: 'A file whose writes all failed commits nothing.',
    revisions: kernelsThat(({ failedWriteCommits }) => !failedWriteCommits),
    holds: ({ operation, step, before }) => {
      if (operation.op === 'write-inblob' && step.outcome.kind === 'written') {
        if (typeof step.outcome.write === 'number') return true;
        return step.state.items[operation.name] === before.items[operation.name];
      }
      if (operation.op !== 'close') return true;
      const file = before.files[operation.fd];
      if (file === undefined || file.written !== null) return true;
      return step.state.items === before.items;
    },
  },
  {
    id: 'tsm.cache-coherent',
    sentence:
      'Bytes that are kept as current, or handed out, were asked for with the inblob of the item.',
    holds: (transition) => {
      const { operation, step } = transition;
      const { items } = step.state;
      const isOf = (blob: Blob, item: Item | undefined): boolean =>
        item === undefined || areEqual(blob.inblob, item.inblob);
      const kept = Object.values(items).every(
        (item) =>
          item.outblob === null ||
          item.readGeneration !== item.writeGeneration ||
          isOf(item.outblob, item),
      );
      const fetched = newlyFetched(transition).every(({ name, itemId, fetched: blob }) =>
        isOf(blob, items[name]?.id === itemId ? items[name] : undefined),
      );
      if (!kept || !fetched) return false;
      if (operation.op !== 'read-outblob' || step.outcome.kind !== 'blob') return true;
      const item = items[operation.name];
      return item?.outblob == null || isOf(item.outblob, item);
    },
  },
  {
    id: 'tsm.one-hypercall-per-generation',
    sentence: 'An outblob of the current generation is not asked for again.',
    holds: (transition) => {
      const { before, operation } = transition;
      if (operation.op !== 'read-outblob') return true;
      const item = before.items[operation.name];
      const cached = item?.outblob != null && item.readGeneration === item.writeGeneration;
      return !cached || (costOf(transition)?.hypercalls ?? 0) === 0;
    },
  },
  {
    id: 'tsm.snapshot-per-fd',
    sentence: 'An open file never changes what it shows.',
    holds: ({ before, operation, step: { state } }) =>
      Object.entries(before.files).every(([fd, old]) => {
        const reopened = operation.op === 'open' && operation.fd === Number(fd);
        const now = state.files[Number(fd)];
        return old.fetched === null || reopened || now === undefined || now.fetched === old.fetched;
      }),
  },
  {
    id: 'tsm.no-new-request-while-in-flight',
    sentence: 'While the host owns the buffer no new request is made.',
    holds: (transition) =>
      transition.before.quoteBuffer?.status !== GET_QUOTE_IN_FLIGHT ||
      transition.before.waiting !== null ||
      !makesRequest(transition),
  },
  {
    id: 'tsm.never-hand-out-unfinished',
    sentence: 'A request hands out bytes only where its final status is success.',
    revisions: kernelsThat(({ checksStatus }) => checksStatus),
    holds: (transition) => {
      const { state, outcome } = transition.step;
      if (!endsRequest(transition) || !isHandedOut(outcome)) return true;
      return state.quoteBuffer?.status === GET_QUOTE_SUCCESS;
    },
  },
  {
    id: 'tsm.bounded-copy',
    sentence: 'No byte of an outblob comes from beyond the shared buffer.',
    revisions: kernelsThat(({ checksOutLen }) => checksOutLen),
    holds: ({ step: { state } }) =>
      Object.values(state.items).every(({ outblob }) => (outblob?.leaked ?? 0) === 0),
  },
  {
    id: 'tsm.timeout-means-timeout',
    sentence: 'ETIMEDOUT is answered where all seconds passed and no answer came, and only there.',
    revisions: kernelsThat(({ timeoutOffByOne }) => !timeoutOffByOne),
    holds: (transition) => {
      if (!endsRequest(transition)) return true;
      const { state, outcome } = transition.step;
      if (outcome.kind === 'errno' && outcome.errno === 'EINTR') return true;
      const timedOut = outcome.kind === 'errno' && outcome.errno === 'ETIMEDOUT';
      const unanswered = state.quoteBuffer?.status === GET_QUOTE_IN_FLIGHT;
      return timedOut === unanswered;
    },
  },
  {
    id: 'tsm.retry-after-error',
    sentence: 'A request that failed leaves nothing behind that the next read would be given.',
    holds: (transition) => {
      const { operation, step } = transition;
      if (operation.op !== 'read-outblob' || !endsRequest(transition)) return true;
      if (step.outcome.kind !== 'errno' || step.rule === 'read.too-big') return true;
      return step.state.items[operation.name]?.outblob === null;
    },
  },
  {
    id: 'tsm.provider-life-cycle',
    sentence:
      'A driver that loads finds no provider and no item; without a driver there is no provider.',
    holds: ({ before, operation, step: { state, outcome }, revision }) => {
      if (!featuresOf(revision).tsm) return true;
      const loads = operation.op === 'load' && outcome.kind === 'value';
      const free = !before.provider && Object.keys(before.items).length === 0;
      return (!loads || free) && state.provider === state.driver.loaded;
    },
  },
];
