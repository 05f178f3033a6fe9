// SPDX-License-Identifier: MIT
import { ARGUMENT_OBJECT } from '../kernel-text.ts';
import type { Seen } from '../outcome.ts';
import type { OperationOf } from '../operation.ts';
import { prototype } from '../prototypes.ts';
import type { Features } from '../revisions.ts';
import type { State, TracingLink } from '../state.ts';
import { answer, impossible, refuse, type CfiStep } from '../step.ts';
import { traceCall, type TracedCall } from './trace-function.ts';

/*
 * BPF_PROG_TEST_RUN of a tracing program: bpf_prog_test_run_tracing(), net/bpf/test_run.c,
 * Linux 6.12. The kernel calls functions that are there to be traced, with arguments of its own.
 */

/** A call of a test function. */
interface TestCall {
  readonly name: string;
  /** One for each slot; a pointer to something is one to the object of all arguments. */
  readonly arguments: readonly bigint[];
  /** What the function itself returns. */
  readonly returns: bigint;
}

function sums(name: string, ...args: readonly number[]): TestCall {
  const values = args.map(BigInt);
  return { name, arguments: values, returns: values.reduce((sum, value) => sum + value, 0n) };
}

/** What a program for fentry or fexit makes the kernel call. */
const PLAIN: readonly TestCall[] = [
  { name: 'bpf_fentry_test1', arguments: [1n], returns: 2n },
  sums('bpf_fentry_test2', 2, 3),
  sums('bpf_fentry_test3', 4, 5, 6),
  sums('bpf_fentry_test4', 7, 8, 9, 10),
  sums('bpf_fentry_test5', 11, 12, 13, 14, 15),
  sums('bpf_fentry_test6', 16, 17, 18, 19, 20, 21),
  sums('bpf_fentry_test7', 0),
  { name: 'bpf_fentry_test8', arguments: [ARGUMENT_OBJECT], returns: 0n },
  { name: 'bpf_fentry_test9', arguments: [ARGUMENT_OBJECT], returns: 0n },
];

/** What one for fmod_ret does: they add 1 to what their second argument points to, which is 2. */
const MODIFIED: readonly TestCall[] = [
  { name: 'bpf_modify_return_test', arguments: [1n, ARGUMENT_OBJECT], returns: 4n },
  {
    name: 'bpf_modify_return_test2',
    arguments: [1n, ARGUMENT_OBJECT, 3n, 4n, 5n, 6n, 7n],
    returns: 29n,
  },
];

/** bpf_prog_test_run_tracing(). */
export function testRunTracing(
  state: State,
  { program }: OperationOf<'testRunTracing'>,
  features: Features,
): CfiStep {
  const link = state.tracing.find((one) => one.program === program);
  if (link === undefined) return impossible(state);
  return link.kind === 'fmod_ret' ? runModified(state, features) : runPlain(state, features);
}

/** The first function that returns something else ends the run. */
function runPlain(state: State, features: Features): CfiStep {
  const seen: Seen[] = [];
  for (const call of PLAIN) {
    const made = callOf(state.tracing, call, features);
    if (BigInt.asUintN(32, made.value) !== call.returns) {
      return refuse(state, 'EFAULT', 'trace-run.unexpected-value');
    }
    seen.push(...made.seen);
  }
  return answer(state, { kind: 'traced', value: 0n, seen, reports: [] }, 'trace-run.functions');
}

/** How many functions ran, above the low 16 bits of the sum of what was returned. */
function runModified(state: State, features: Features): CfiStep {
  const calls = MODIFIED.map((call) => callOf(state.tracing, call, features));
  const ran = BigInt(calls.filter(({ functionRan }) => functionRan).length);
  const sum = calls.reduce((total, { value }) => total + value, 0n);
  const value = (ran << 16n) | BigInt.asUintN(16, sum);
  const seen = calls.flatMap((call) => call.seen);
  return answer(state, { kind: 'traced', value, seen, reports: [] }, 'trace-run.modified');
}

/** Programs are attached to a function by its name, whatever its declaration looks like. */
function callOf(tracing: readonly TracingLink[], call: TestCall, features: Features): TracedCall {
  const source = tracing.find((link) => prototype(link.function).name === call.name)?.function;
  if (source === undefined) return { value: call.returns, seen: [], functionRan: true };
  return traceCall(tracing, source, call.arguments, () => call.returns, features);
}
