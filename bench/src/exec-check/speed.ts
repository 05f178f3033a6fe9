// SPDX-License-Identifier: MIT
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { AT_EXECVE_CHECK, AT_FDCWD, execCheck, type Operation } from '@kernel-models/exec-check';
import { explore, type AnyOperation } from '@kernel-models/model-core';
import {
  runCases,
  subsystemOf,
  type AnySubsystem,
  type Case,
  type Exploration,
} from '@kernel-models/oracle';
import type { Benchmark, BenchmarkContext, Series } from '../benchmark.ts';
import { measureInterleaved, quantile, type Subject } from '../measure.ts';
import { buildNative } from '../native.ts';
import { largeState, manyChecks } from './world.ts';

const CHECK = 'AT_EXECVE_CHECK, a world of 1,000 inodes';
const EXPLORE_SECUREBITS = 'explore: securebits, transition';
const EXPLORE_FILES = 'explore: securebits and files, transition';
const LIVE_CHECK = 'live: check on the running kernel';
const LIVE_EXEC = 'live: real exec on the running kernel';

/** The speed of exec-check: the model, its exploration, and the oracle on the running kernel. */
export const execCheckSpeed: Benchmark = {
  name: 'exec-check',
  title: 'exec-check',
  baseline: 'the kernel itself',
  goals: [
    { workload: CHECK, subject: 'model', atLeastPerSecond: 200_000 },
    { workload: EXPLORE_SECUREBITS, subject: 'model', atLeastPerSecond: 1_000_000 },
    { workload: EXPLORE_FILES, subject: 'model', atLeastPerSecond: 50_000 },
    { workload: LIVE_CHECK, subject: 'oracle', atLeastPerSecond: 5_000 },
    { workload: LIVE_EXEC, subject: 'oracle', atLeastPerSecond: 500 },
  ],
  async run(context) {
    const samples = context.quick ? 3 : 11;
    return [
      ...measureInterleaved(CHECK, [modelChecks()], { samples }),
      ...kernelChecks(context, samples),
      ...measureInterleaved(
        EXPLORE_SECUREBITS,
        [exploration('exec-check.securebits', 'all-bits', 1)],
        {
          samples,
        },
      ),
      ...measureInterleaved(EXPLORE_FILES, [exploration('exec-check', 'files', 6)], { samples }),
      ...(await liveThroughput(context)),
    ];
  },
};

function modelChecks(): Subject {
  const state = largeState();
  const operations = manyChecks();
  return {
    subject: 'model',
    run: () => {
      for (const operation of operations) execCheck.apply(state, operation, 'linux-6.18');
      return operations.length;
    },
  };
}

/** The same question put to the running kernel by a loop in C: one file, a path of three names. */
function kernelChecks({ progress }: BenchmarkContext, samples: number): readonly Series[] {
  const program = process.platform === 'linux' ? buildNative('execve-check-loop') : undefined;
  if (program === undefined) {
    progress(`${CHECK}: the kernel itself is left out: no C compiler, or not Linux`);
    return [];
  }
  const folder = mkdtempSync(join(tmpdir(), 'kernel-models-'));
  const file = join(folder, 'f');
  writeFileSync(file, '');
  chmodSync(file, 0o755);
  try {
    const times = execFileSync(program, [file, '20000', String(samples)], { cwd: dirname(file) })
      .toString()
      .trim()
      .split('\n')
      .map(Number)
      .toSorted((a, b) => a - b);
    return [
      {
        workload: CHECK,
        subject: 'the kernel itself',
        nsPerOperation: quantile(times, 0.5),
        p99: quantile(times, 0.99),
        samples,
        operations: samples * 20_000,
      },
    ];
  } catch {
    progress(
      `${CHECK}: the kernel itself is left out: it does not know AT_EXECVE_CHECK (Linux 6.14)`,
    );
    return [];
  }
}

/** Exploration through the same `apply` as ever, without invariants: the price of the explorer. */
function exploration(model: string, world: string, depth: number): Subject {
  const subsystem: AnySubsystem = subsystemOf(model);
  const { setups, operations } = worldOf(subsystem, world);
  return {
    subject: 'model',
    run: () =>
      explore(subsystem.model, {
        revision: 'linux-6.18',
        setups,
        operations,
        depth,
        invariants: [],
      }).transitions,
  };
}

function worldOf(
  { explorations }: AnySubsystem,
  name: string,
): Exploration<unknown, AnyOperation, unknown> {
  const world = explorations.find((one) => one.name === name);
  if (world === undefined) throw new RangeError(`world: expected one of the model's, got ${name}`);
  return world;
}

/** The oracle end to end on this kernel: generated lines out, probe, answers in, decoded. */
async function liveThroughput({ quick, progress }: BenchmarkContext): Promise<readonly Series[]> {
  const [target] = subsystemOf('exec-check').targets({});
  if (target === undefined) return [];
  try {
    const availability = await target.available();
    if (!availability.ok) {
      progress(`live: left out: ${availability.skip}`);
      return [];
    }
    const cases = quick ? 20 : 100;
    const checks = repeated(cases, () => Array.from({ length: 100 }, () => call(AT_EXECVE_CHECK)));
    const execs = repeated(cases, forksAndExecs);
    return [
      await timed(LIVE_CHECK, checks, 100, target),
      await timed(LIVE_EXEC, execs, EXECS_A_CASE, target),
    ];
  } finally {
    await target.close();
  }
}

type ExecCase = Case<unknown, Operation>;

const EXECS_A_CASE = 10;

function forksAndExecs(): readonly Operation[] {
  return Array.from({ length: EXECS_A_CASE }, (_, index): Operation[] => [
    { op: 'fork', task: 't1', child: `c${index}` },
    { ...call(0), task: `c${index}` },
  ]).flat();
}

function call(flags: number): Extract<Operation, { op: 'execveat' }> {
  const path = { kind: 'text', text: '/e/i' } as const;
  const none = { kind: 'null' } as const;
  return { op: 'execveat', task: 't1', dirfd: AT_FDCWD, path, flags, argv: none, envp: none };
}

function repeated(count: number, operations: () => readonly Operation[]): readonly ExecCase[] {
  const [setup] = worldOf(subsystemOf('exec-check'), 'files').setups;
  return Array.from({ length: count }, () => ({ setup, operations: operations() }));
}

/** One sample a case, after a case that warms up. Fails where a case did: a figure must be of work done. */
async function timed(
  workload: string,
  cases: readonly ExecCase[],
  counted: number,
  target: Parameters<typeof runCases>[0],
): Promise<Series> {
  const times: number[] = [];
  let last = process.hrtime.bigint();
  for await (const { failure, lacks } of runCases(target, cases)) {
    if (failure !== undefined || lacks !== undefined) {
      throw new Error(`${workload}: ${failure ?? lacks}`);
    }
    const now = process.hrtime.bigint();
    times.push(Number(now - last) / counted);
    last = now;
  }
  const sorted = times.slice(1).toSorted((a, b) => a - b);
  // Answers come in bursts: the mean is what a person waits for, a median of bursts is not.
  const mean = sorted.reduce((sum, time) => sum + time, 0) / sorted.length;
  return {
    workload,
    subject: 'oracle',
    nsPerOperation: mean,
    p99: quantile(sorted, 0.99),
    samples: sorted.length,
    operations: counted * sorted.length,
  };
}
