// SPDX-License-Identifier: MIT
import type { Operation, Setup } from '@kernel-models/mm';
import { decode, type Json } from '@kernel-models/model-core';
import { localTransport } from '../probe/local.ts';
import { ProbeSession } from '../probe/session.ts';
import { Unavailable } from '../probe/unavailable.ts';
import { encodeWords } from '../probe/words.ts';
import { TargetError } from '../target.ts';
import { processesOf } from './host.ts';
import { encodeOperation, encodeWorld } from './wire.ts';

/** Two operations that a process does again and again, one after the other. */
export interface PairTiming {
  /** What is done first, once. It gives the address space its size. */
  readonly preparation: (process: Setup) => readonly Operation[];
  readonly first: (process: Setup) => Operation;
  readonly second: (process: Setup) => Operation;
  /** Pairs in a sample. */
  readonly pairs: number;
  readonly samples: number;
}

/** How long the running kernel took. */
export interface TimedPair {
  /** The process in which it was measured, before the preparation. */
  readonly process: Setup;
  /** Nanoseconds a pair, of each sample. */
  readonly nsPerPair: readonly number[];
}

const timing = decode.object({
  nanoseconds: decode.integer(0),
  results: decode.array(decode.integer()),
});

/**
 * Times a pair of system calls on the running kernel, in a process that does nothing else: the loop
 * is the probe's, without a pipe between the calls.
 *
 * @returns the times, or what is missing here to take them
 * @throws TargetError where a call of the pair or of the preparation fails
 */
export async function timeOperationPair(
  pair: PairTiming,
): Promise<TimedPair | { readonly skip: string }> {
  const session = new ProbeSession(localTransport('mm', { watchdogMs: 60_000 }), 'mm');
  try {
    const [process] = processesOf(await session.hello());
    if (process === undefined) return { skip: 'a process of the probe: none could be started' };
    const preparation = pair.preparation(process).map((one) => encodeWords(encodeOperation(one)));
    const sample = encodeWords({
      op: 'pair',
      count: pair.pairs,
      first: encodeOperation(pair.first(process)),
      second: encodeOperation(pair.second(process)),
    });
    const steps = [...preparation, ...Array.from({ length: pair.samples }, () => sample)];
    const world = encodeWords(encodeWorld(process));
    for await (const { outcomes, failure } of session.run([{ world, steps }])) {
      if (failure !== undefined) throw new TargetError(failure);
      return { process, nsPerPair: timesOf(outcomes.slice(preparation.length), pair.pairs) };
    }
    throw new TargetError('the probe did not answer');
  } catch (error) {
    if (error instanceof Unavailable) return { skip: error.message };
    throw error;
  } finally {
    await session.close();
  }
}

function timesOf(outcomes: readonly Json[], pairs: number): readonly number[] {
  return outcomes.map((json, index) => {
    const { nanoseconds, results } = timing(json, `sample ${index}`);
    if (results.some((result) => result < 0)) {
      throw new TargetError(`sample ${index}: a call failed: ${results.join(' and ')}`);
    }
    return nanoseconds / pairs;
  });
}
