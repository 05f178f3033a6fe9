// SPDX-License-Identifier: MIT
import { tsm } from '@kernel-models/tdx-attest';
import type { Case } from '../target.ts';

/*
 * What of a history can be put to a kernel whose TDX module and host are ours. The model tells it:
 * a case is played there, and what could not be done to a real kernel in that place is left out.
 */

type TsmCase = Case<tsm.Setup, tsm.TsmOperation>;

/** The revision that says what a case may contain; what comes of it the kernel says. */
export const REVISION = 'linux-6.12';

/**
 * A scripted answer comes in the middle of a second, where nothing else happens: the driver sleeps
 * up to 40 ms longer than a second at first and 24 ms each time after that, the probe acts in the
 * first third of a second.
 */
const MIDDLE = { from: 500, to: 900, late: 40, lateEachTime: 24 } as const;

/** Seconds for which the driver's looks come before the probe's acts. */
const LONGEST_STEPWISE_WAIT = 10;

/** Calls that change nothing when they are no longer held off; others end a case. */
const HARMLESS_WHEN_HELD_OFF: ReadonlySet<tsm.TsmOperation['op']> = new Set([
  'read-generation',
  'read-provider',
  'write',
  'lseek',
]);

/**
 * The part of a history that can be put to a kernel: operations that cannot are left out, the bytes
 * of a read that waited are fetched where it ends, and behind a call that is held off there is
 * nothing.
 */
export function executablePart(
  setup: tsm.Setup,
  operations: readonly tsm.TsmOperation[],
): readonly tsm.TsmOperation[] {
  const kept: tsm.TsmOperation[] = [];
  let state = tsm.model.initial(setup);
  const put = (operation: tsm.TsmOperation): tsm.TsmOutcome => {
    const step = tsm.model.apply(state, operation, REVISION);
    state = step.state;
    kept.push(operation);
    return step.outcome;
  };
  for (const [index, operation] of operations.entries()) {
    if (!canBePut(state, operation)) continue;
    const fd = state.waiting?.fd ?? 0;
    const outcome = put(operation);
    if (outcome.kind === 'blocked' && !HARMLESS_WHEN_HELD_OFF.has(operation.op)) break;
    if (operation.op === 'tick' && outcome.kind === 'size' && outcome.size > 0) {
      const next = operations[index + 1];
      put(next?.op === 'read-data' && next.fd === fd ? next : { op: 'read-data', fd });
    }
  }
  return kept;
}

/** Whether every operation of a case can be put to a kernel. */
export function isExecutableByDriver({ setup, operations }: TsmCase): boolean {
  if (setup.firstGeneration !== undefined) return false;
  const kept = executablePart(setup, operations);
  return kept.length === operations.length && kept.every((one, at) => one === operations[at]);
}

function canBePut(state: tsm.TsmState, operation: tsm.TsmOperation): boolean {
  const { waiting, files, driver: below } = state;
  switch (operation.op) {
    case 'load':
      // Two failures of misc_register() at once: which one comes first is the fake's choice.
      if (below.nameTaken && operation.fails === 'misc-register') return false;
      return (operation.getquoteTimeout ?? tsm.GETQUOTE_TIMEOUT) === tsm.GETQUOTE_TIMEOUT;
    // Where the name is somebody else's, so is the device.
    case 'ioctl':
      return operation.interrupted !== true && !below.nameTaken;
    case 'device-call':
      return !below.nameTaken;
    case 'open':
      return files[operation.fd] === undefined;
    case 'read': {
      // Behind a read that waited the file's position is where that read ended.
      const { fetched, position } = files[operation.fd] ?? { fetched: null, position: 0 };
      if (waiting !== null || (fetched !== null && position === 0)) return false;
      return operation.size <= MOST_READ && !answers(state, operation, 'waiting');
    }
    case 'read-size':
      return waiting === null && answers(state, operation, 'waiting');
    case 'read-data':
      return false;
    case 'close':
      return waiting?.fd !== operation.fd && !answers(state, operation, 'blocked');
    case 'tick':
      return waiting !== null && waiting.slept < LONGEST_STEPWISE_WAIT;
    case 'signal':
      return waiting !== null;
    case 'read-outblob':
      return (operation.signalAfter ?? 0) <= LONGEST_STEPWISE_WAIT;
    case 'pass-time':
      return waiting === null && operation.milliseconds % 1000 === 0;
    case 'set-host':
      return typeof operation.delay !== 'number' || isInTheMiddle(operation.delay);
    case 'host-writes':
      return (operation.data?.length ?? 0) <= MOST_WRITTEN;
    default:
      return true;
  }
}

/** Bytes that the probe reads and writes at once. */
const MOST_READ = 1 << 16;
const MOST_WRITTEN = 4096;

function answers(
  state: tsm.TsmState,
  operation: tsm.TsmOperation,
  kind: tsm.TsmOutcome['kind'],
): boolean {
  return tsm.model.apply(state, operation, REVISION).outcome.kind === kind;
}

function isInTheMiddle(milliseconds: number): boolean {
  const part = milliseconds % 1000;
  const lateness = MIDDLE.late + MIDDLE.lateEachTime * Math.floor(milliseconds / 1000);
  return part >= Math.max(MIDDLE.from, lateness) && part <= MIDDLE.to;
}
