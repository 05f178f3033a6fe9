// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { driver, tsm } from '@kernel-models/tdx-attest';
import { checkProperty } from '../support/check-property.ts';

/*
 * Readers, writers and a host as tasks of their own, each a sequence of calls; fast-check's
 * scheduler chooses who goes next. A call that is blocked is tried again at its next turn.
 */

const REVISION = 'linux-7.0-fixed';

const nonce: Arbitrary<Uint8Array> = fc.uint8Array({ minLength: 64, maxLength: 64 });
/** Two that differ in a bit at least: nothing but all of an answer tells which it is of. */
const twoNonces: Arbitrary<readonly [Uint8Array, Uint8Array]> = fc
  .tuple(nonce, fc.option(nonce, { nil: undefined }), fc.nat(63))
  .map(([one, other, at]) => [one, other ?? one.with(at, (one[at] ?? 0) ^ 1)] as const)
  .filter(([one, other]) => !isSame(one, other));

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, at) => byte === b[at]);
}

/** Whether a read brought the scripted host's answer to a nonce: its complement comes first. */
function isAnswerTo(outcome: tsm.TsmOutcome, asked: Uint8Array): boolean {
  if (outcome.kind !== 'blob' || outcome.bytes === undefined) return false;
  return isSame(
    asked,
    outcome.bytes.subarray(0, 64).map((byte) => byte ^ 0xff),
  );
}

/** One kernel that tasks share. */
class Guest {
  state: tsm.TsmState;
  hypercalls = 0;
  readonly broken: string[] = [];

  constructor(first: readonly tsm.TsmOperation[]) {
    this.state = tsm.model.initial(driver.DEFAULT_SETUP);
    for (const operation of first) this.do(operation);
  }

  do(operation: tsm.TsmOperation): tsm.TsmOutcome {
    const before = this.state;
    const step = tsm.model.apply(before, operation, REVISION);
    this.state = step.state;
    for (const { id, holds } of tsm.model.invariants) {
      if (!holds({ before, operation, step, revision: REVISION })) this.broken.push(id);
    }
    const requested =
      step.state.quoteBuffer !== before.quoteBuffer && operation.op.startsWith('read-');
    if (requested) this.hypercalls += 1;
    return step.outcome;
  }
}

/** A driver that waits two seconds, and an item that asks for a quote over a nonce. */
function asking(content: Uint8Array): readonly tsm.TsmOperation[] {
  return [
    { op: 'load', getquoteTimeout: 2 },
    { op: 'mkdir', name: 'q', parent: 'report' },
    { op: 'write-inblob', name: 'q', content },
  ];
}

/** Turns after which a task is taken for stuck. */
const PATIENCE = 40;

/** Lets a call have turns until it is neither blocked nor waiting. */
async function finish(
  turn: () => Promise<void>,
  guest: Guest,
  operation: tsm.TsmOperation,
): Promise<tsm.TsmOutcome> {
  for (let turns = 0; turns < PATIENCE; turns += 1) {
    await turn();
    const outcome = guest.do(operation);
    if (outcome.kind !== 'blocked' && outcome.kind !== 'waiting') return outcome;
  }
  return { kind: 'blocked' };
}

/** Opens the outblob and reads it, in configfs's two calls. */
async function read(
  turn: () => Promise<void>,
  guest: Guest,
  fd: number,
  name: string = 'q',
): Promise<tsm.TsmOutcome> {
  await turn();
  guest.do({ op: 'open', fd, name, file: 'outblob', access: 'read' });
  const size = await finish(turn, guest, { op: 'read-size', fd });
  if (size.kind !== 'size') return size;
  return finish(turn, guest, { op: 'read-data', fd });
}

/** Turns of a task under a scheduler. */
function turns(scheduler: fc.Scheduler, name: string): () => Promise<void> {
  return () => scheduler.schedule(Promise.resolve(), name).then(() => undefined);
}

async function seconds(turn: () => Promise<void>, guest: Guest, count: number): Promise<void> {
  for (let second = 0; second < count; second += 1) {
    await turn();
    guest.do({ op: 'tick' });
  }
}

describe('under any schedule', () => {
  test('two readers of one item share one request', async () => {
    await checkProperty(
      'two readers',
      fc.asyncProperty(
        fc.scheduler(),
        fc.constantFrom('inside' as const, 700),
        nonce,
        async (scheduler, delay, asked) => {
          const guest = new Guest([...asking(asked), { op: 'set-host', delay }]);
          const first = read(turns(scheduler, 'reader 1'), guest, 3);
          const second = read(turns(scheduler, 'reader 2'), guest, 4);
          const clock = seconds(turns(scheduler, 'clock'), guest, 3);
          const [one, other] = await scheduler.waitFor(Promise.all([first, second, clock]));
          expect(guest.broken).toEqual([]);
          // Whoever runs out of seconds still waits; nobody is turned away.
          for (const outcome of [one, other]) {
            if (outcome.kind !== 'blocked') expect(isAnswerTo(outcome, asked)).toBe(true);
          }
          expect(guest.hypercalls).toBeLessThanOrEqual(1);
        },
      ),
      { runs: 100 },
    );
  });

  test('two attestations at once do not mix their nonces', async () => {
    let both = 0;
    await checkProperty(
      'two items',
      fc.asyncProperty(
        fc.scheduler(),
        fc.constantFrom('inside' as const, 700),
        twoNonces,
        async (scheduler, delay, [ours, theirs]) => {
          const guest = new Guest([
            ...asking(ours),
            { op: 'mkdir', name: 'r', parent: 'report' },
            { op: 'write-inblob', name: 'r', content: theirs },
            { op: 'set-host', delay },
          ]);
          const mine = read(turns(scheduler, 'reader of q'), guest, 3);
          const other = read(turns(scheduler, 'reader of r'), guest, 4, 'r');
          const clock = seconds(turns(scheduler, 'clock'), guest, 4);
          const outcomes = await scheduler.waitFor(Promise.all([mine, other, clock]));
          expect(guest.broken).toEqual([]);
          const [first, second] = outcomes;
          // Whoever runs out of seconds has nothing; nobody has what the other asked for.
          if (first.kind === 'blob') expect(isAnswerTo(first, ours)).toBe(true);
          if (second.kind === 'blob') expect(isAnswerTo(second, theirs)).toBe(true);
          if (first.kind === 'blob' && second.kind === 'blob') both += 1;
        },
      ),
      { runs: 100 },
    );
    expect(both).toBeGreaterThan(0);
  });

  test('a writer between the two calls of a read: the bytes are of the newer nonce', async () => {
    let between = 0;
    await checkProperty(
      'writer between',
      fc.asyncProperty(fc.scheduler(), twoNonces, async (scheduler, [older, newer]) => {
        const guest = new Guest(asking(older));
        const reader = read(turns(scheduler, 'reader'), guest, 3);
        const writer = finish(turns(scheduler, 'writer'), guest, {
          op: 'write-inblob',
          name: 'q',
          content: newer,
        });
        const [outcome] = await scheduler.waitFor(Promise.all([reader, writer]));
        expect(guest.broken).toEqual([]);
        const isOfNewer = isAnswerTo(outcome, newer);
        expect(isOfNewer || isAnswerTo(outcome, older)).toBe(true);
        if (guest.hypercalls === 2) {
          between += 1;
          expect(isOfNewer).toBe(true);
        }
      }),
      { runs: 100 },
    );
    expect(between).toBeGreaterThan(0);
  });

  test('a reader that is killed leaves the next one EBUSY until the host completes', async () => {
    const seen = new Set<string>();
    await checkProperty(
      'killed reader',
      fc.asyncProperty(fc.scheduler(), nonce, async (scheduler, asked) => {
        const guest = new Guest([...asking(asked), { op: 'set-host', delay: 'never' }]);
        const killed = read(turns(scheduler, 'killed'), guest, 3);
        const killer = finish(turns(scheduler, 'killer'), guest, { op: 'signal' });
        const host = finish(turns(scheduler, 'host'), guest, { op: 'host-completes' });
        const clock = seconds(turns(scheduler, 'clock'), guest, 4);
        await scheduler.waitFor(Promise.all([killed, killer, host, clock]));
        expect(guest.broken).toEqual([]);
        const held = guest.state.quoteBuffer?.status === tsm.GET_QUOTE_IN_FLIGHT;
        guest.do({ op: 'set-host', delay: 'inside' });
        const next = guest.do({ op: 'read-outblob', name: 'q' });
        seen.add(next.kind === 'errno' ? next.errno : next.kind);
        if (next.kind === 'blob') expect(isAnswerTo(next, asked)).toBe(true);
        if (held && guest.state.waiting === null) expect(next).toMatchObject({ errno: 'EBUSY' });
      }),
      { runs: 150 },
    );
    expect([...seen]).toEqual(expect.arrayContaining(['EBUSY', 'blob']));
  });

  test('a host that completes between EBUSY and the retry: the retry succeeds', async () => {
    await checkProperty(
      'completion before the retry',
      fc.asyncProperty(fc.scheduler(), nonce, async (scheduler, asked) => {
        const guest = new Guest([
          ...asking(asked),
          { op: 'set-host', delay: 'never' },
          { op: 'read-outblob', name: 'q', signalAfter: 1 },
          { op: 'set-host', delay: 'inside' },
        ]);
        let completed = false;
        const turn = turns(scheduler, 'reader');
        const reader = (async () => {
          for (;;) {
            await turn();
            const before = completed;
            const outcome = guest.do({ op: 'read-outblob', name: 'q' });
            if (outcome.kind === 'blob') {
              expect(isAnswerTo(outcome, asked)).toBe(true);
              return;
            }
            expect(before).toBe(false);
            expect(outcome).toMatchObject({ errno: 'EBUSY' });
          }
        })();
        const host = (async () => {
          await turns(scheduler, 'host')();
          guest.do({ op: 'host-completes' });
          completed = true;
        })();
        await scheduler.waitFor(Promise.all([reader, host]));
        expect(guest.broken).toEqual([]);
      }),
      { runs: 60 },
    );
  });
});
