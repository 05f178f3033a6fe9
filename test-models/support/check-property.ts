// SPDX-License-Identifier: MIT
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';

/** The seed of `npm test`: one, committed, so that a red run is red for everybody. */
export const COMMITTED_SEED = 20_240_704;

/** Milliseconds of one property in `npm test`; the test runner's own limit lies above it. */
const DEFAULT_TIME_MS = 50_000;

/** Where new counterexamples go. Ignored by git: who keeps one moves it to its model's folder. */
const NEW_CORPUS = fileURLToPath(new URL('../corpus/new/', import.meta.url));

/** How long and how often to try. The environment wins: KM_SEED, KM_RUNS, KM_TIME_MS. */
export interface PropertyOptions<Values> {
  readonly runs?: number;
  readonly timeMs?: number;
  /** A counterexample as a trace file's text, so that it can be replayed and kept. */
  readonly toTrace?: (counterexample: Values) => string;
}

/** Whether this is the deep run: fresh seeds, more runs. */
export const IS_DEEP: boolean = process.env['KM_DEEP'] === '1';

/** Whether this is the gallery's run: every bug variant with twenty seeds in place of one. */
export const IS_GALLERY: boolean = process.env['KM_GALLERY'] === '1';

/** How many times the runs of `npm test` the deep run does. */
const DEEP_FACTOR = 20;

/** The seed of this process: KM_SEED, in the deep run a fresh one, else the committed one. */
export const SUITE_SEED: number = suiteSeed();

/** The seeds with which each bug variant must be caught. */
export const GALLERY_SEEDS: readonly number[] = Array.from(
  { length: IS_GALLERY ? 20 : 1 },
  (_, index) => SUITE_SEED + index,
);

function suiteSeed(): number {
  const fromEnvironment = environmentNumber('KM_SEED');
  if (fromEnvironment !== undefined) return fromEnvironment;
  return IS_DEEP ? Math.floor(Math.random() * 0x7fff_ffff) : COMMITTED_SEED;
}

function environmentNumber(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    throw new Error(`${name}: expected a whole number, got ${text}`);
  return value;
}

/**
 * Runs a property with the suite's seed and fails with the smallest counterexample and the command
 * that runs it again.
 *
 * In the deep run the seed is printed before the property starts, so that it is known even when the
 * runner is killed.
 */
export async function checkProperty<Values>(
  name: string,
  property: fc.IRawProperty<Values>,
  options: PropertyOptions<Values> = {},
): Promise<void> {
  const runs = environmentNumber('KM_RUNS') ?? (options.runs ?? 100) * (IS_DEEP ? DEEP_FACTOR : 1);
  const timeMs =
    environmentNumber('KM_TIME_MS') ?? (options.timeMs ?? DEFAULT_TIME_MS) * (IS_DEEP ? 10 : 1);
  if (IS_DEEP) process.stderr.write(`${name}: KM_SEED=${SUITE_SEED}, ${runs} runs\n`);
  const details = await fc.check(property, {
    seed: SUITE_SEED,
    numRuns: runs,
    interruptAfterTimeLimit: timeMs,
    markInterruptAsFailure: false,
  });
  if (details.failed) {
    const { seed, numRuns, numShrinks, counterexample, errorInstance } = details;
    const kept =
      counterexample === null || options.toTrace === undefined
        ? undefined
        : keepCounterexample(name, options.toTrace(counterexample));
    throw new PropertyFailure(
      name,
      { seed, numRuns, numShrinks, counterexample, errorInstance },
      kept,
    );
  }
  if (details.numRuns === 0) throw new Error(`${name}: not a single run was made in ${timeMs} ms`);
}

function keepCounterexample(name: string, trace: string): string {
  mkdirSync(NEW_CORPUS, { recursive: true });
  const path = join(NEW_CORPUS, `${name.replace(/[^a-z0-9]+/gi, '-')}.jsonl`);
  writeFileSync(path, trace);
  return path;
}

/** A property that does not hold, with its smallest counterexample. */
export class PropertyFailure extends Error {
  readonly runs: number;
  readonly counterexample: unknown;

  constructor(
    name: string,
    details: Pick<
      fc.RunDetails<unknown>,
      'seed' | 'numRuns' | 'numShrinks' | 'counterexample' | 'errorInstance'
    >,
    trace?: string,
  ) {
    const cause = details.errorInstance;
    super(
      [
        `${name}: does not hold (seed ${details.seed}, run ${details.numRuns}, ` +
          `${details.numShrinks} shrinks)`,
        `counterexample: ${fc.stringify(details.counterexample)}`,
        ...(cause instanceof Error ? [cause.message] : []),
        `again: ${IS_DEEP ? 'KM_DEEP=1 ' : ''}KM_SEED=${details.seed} ` +
          `npx vitest run -t ${JSON.stringify(name)}`,
        ...(trace === undefined ? [] : [`alone: kernel-oracle explain ${trace}`]),
      ].join('\n'),
      { cause },
    );
    this.name = 'PropertyFailure';
    this.runs = details.numRuns;
    this.counterexample = details.counterexample;
  }
}
