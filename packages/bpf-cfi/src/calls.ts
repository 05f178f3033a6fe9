// SPDX-License-Identifier: MIT
import { callersCheck } from './boot.ts';
import { decideCall, type CallDecision } from './checked-call.ts';
import type { CfiErrno, Outcome, Report, Seen } from './outcome.ts';
import type { Operation } from './operation.ts';
import type { CallPlan } from './plan/call-plan.ts';
import { planCall } from './plan/function-call.ts';
import { PAGE_SIZE } from '@kernel-models/hw-model/instructions';
import type { Allocated } from './pack/jit-memory.ts';
import { structOpsImageAlloc, trampolineAlloc } from './pack/trampoline-image.ts';
import { planTrampoline } from './plan/member-call.ts';
import { planTraced } from './plan/traced-call.ts';
import { throughPatch } from './plan/patched-entry.ts';
import { planProgram, planTailCall } from './plan/program-call.ts';
import type { Scheme } from './preamble.ts';
import { DESTRUCTOR_CALL, DUMMY_TEST_CALL, prototype } from './prototypes.ts';
import type { RuleName } from './rules.ts';
import { execute, type Scenario } from './scenario.ts';
import type { Program, State } from './state.ts';
import { answer, impossible, refuse, type CfiStep } from './step.ts';
import { structMember } from './struct-types.ts';
import { ARGUMENT_OBJECT } from './kernel-text.ts';

/*
 * Calls: what the kernel checks before it makes one, the decision, and the execution.
 */

/** Why a call is not made. */
interface NotMade {
  readonly errno: CfiErrno;
  readonly rule: RuleName;
}

/**
 * A crypto context's destructor, as it was declared before it was called through void (*)(void *).
 */
const UNTYPED_DESTRUCTOR = 'void bpf_crypto_ctx_release(struct bpf_crypto_ctx *)';

/** The call that an operation makes; undefined where it names something that is not there. */
export function planOf(
  state: State,
  operation: Operation,
  scheme: Scheme,
): CallPlan | NotMade | undefined {
  switch (operation.op) {
    case 'call':
      return planCall(scheme, operation.site, operation.callee, operation.swapped);
    case 'destroy': {
      const typed = scheme.features.destructorsTyped;
      const source = typed ? DESTRUCTOR_CALL : UNTYPED_DESTRUCTOR;
      const callee = { prototype: source, addressTaken: true };
      return { ...planCall(scheme, DESTRUCTOR_CALL, callee, undefined), value: null };
    }
    case 'dispatch':
    case 'callback':
    case 'tailCall':
      return planOfProgram(state, operation, scheme);
    case 'callMember':
      return planOfMember(state, operation, scheme);
    case 'testRun':
      return planOfTestRun(state, operation, scheme);
    case 'callTraced':
      return planTraced(state, scheme, operation);
    default:
      return undefined;
  }
}

function planOfProgram(
  state: State,
  { op, program: name }: Extract<Operation, { op: 'dispatch' | 'callback' | 'tailCall' }>,
  scheme: Scheme,
): CallPlan | undefined {
  const program = state.programs[name];
  const kind = op === 'callback' ? 'subprogram' : 'main';
  if (program === undefined || program.kind !== kind || !runsAlone(program)) return undefined;
  // How many there were before, this operation does not say.
  if (op === 'tailCall' && program.body.kind === 'tailCall') return undefined;
  if (op !== 'tailCall') {
    const plan = planProgram(state, scheme, name, program);
    return plan && throughPatch(state, plan, program);
  }
  const plan = planTailCall(state, scheme, name, program);
  // The landing lies behind the patch site.
  const atEntry = scheme.features.tailCallTarget === 'entry';
  return plan !== undefined && atEntry ? throughPatch(state, plan, program) : plan;
}

/** A program that looks at nothing of its context. */
function runsAlone({ body }: Program): boolean {
  return body.kind !== 'argument' && body.kind !== 'dereference';
}

function planOfMember(
  state: State,
  operation: Extract<Operation, { op: 'callMember' }>,
  scheme: Scheme,
): CallPlan | undefined {
  const map = state.maps[operation.map];
  if (map === undefined || !(map.state === 'INUSE' || map.linked)) return undefined;
  const member = structMember(map.struct, operation.member, scheme.features);
  const name = map.members[operation.member];
  const program = name === undefined ? undefined : state.programs[name];
  const trampoline = map.trampolines[operation.member];
  if (member?.prototype === undefined || name === undefined) return undefined;
  if (program === undefined || trampoline === undefined) return undefined;
  const plan = planTrampoline(state, scheme, {
    site: member.prototype,
    struct: map.struct,
    member,
    name,
    program,
    arguments: withObject(operation.arguments),
    testRun: false,
    address: trampoline.address,
  });
  return plan && throughPatch(state, plan, program);
}

/** bpf_struct_ops_test_run(), net/bpf/bpf_dummy_struct_ops.c, in its order of checks. */
function planOfTestRun(
  state: State,
  operation: Extract<Operation, { op: 'testRun' }>,
  scheme: Scheme,
): CallPlan | NotMade | undefined {
  const program = state.programs[operation.program];
  // Programs of other types have test runs of their own.
  if (program?.open !== true || program.kind !== 'struct_ops') return undefined;
  if (program.struct !== 'bpf_dummy_ops')
    return { errno: 'EOPNOTSUPP', rule: 'test-run.not-dummy' };
  const member = structMember(program.struct, program.member ?? '', scheme.features);
  if (member === undefined) return undefined;
  const count = member.prototype === undefined ? 0 : prototype(member.prototype).parameters.length;
  if (operation.arguments.length !== count) {
    return { errno: 'EINVAL', rule: 'test-run.argument-count' };
  }
  const [first = 0n] = operation.arguments;
  if (first === 0n && member.nullable !== 0 && scheme.features.testRunChecksNull) {
    return { errno: 'EINVAL', rule: 'test-run.null' };
  }
  const page = testRunPage(state, operation.capable ?? true, scheme);
  if (page === undefined) return { errno: 'EPERM', rule: 'test-run.jit-limit' };
  const plan = planTrampoline({ ...state, memory: page.memory }, scheme, {
    site: DUMMY_TEST_CALL,
    struct: program.struct,
    member,
    name: operation.program,
    program,
    arguments: withObject(operation.arguments),
    testRun: true,
    address: page.address,
  });
  if (plan === undefined) return undefined;
  const value = plan.value === null ? null : BigInt.asUintN(32, plan.value);
  return throughPatch(state, { ...plan, value }, program);
}

/** The page that a test run's trampoline has for as long as it runs; undefined with too much charged. */
function testRunPage(
  { memory }: State,
  capable: boolean,
  { features }: Scheme,
): Allocated | undefined {
  return features.trampolinePages === 'on-demand'
    ? structOpsImageAlloc(memory, capable, features)
    : trampolineAlloc(memory, PAGE_SIZE, features);
}

/** The first parameter of every member is a pointer: to NULL, or to an object that is there. */
function withObject([first = 0n, ...rest]: readonly bigint[]): readonly bigint[] {
  return [first === 0n ? 0n : ARGUMENT_OBJECT, ...rest];
}

/** The error code of an instruction fetch from a page that is not there. */
const FETCH = 0x10;

/** Decides a call. */
export function call(state: State, operation: Operation, scheme: Scheme): CfiStep {
  const plan = planOf(state, operation, scheme);
  if (plan === undefined) return impossible(state);
  if ('errno' in plan) return refuse(state, plan.errno, plan.rule);
  const decision = decisionOn(plan);
  if (decision === undefined) return impossible(state);
  const { reports, trap } = decision;
  if (trap !== null)
    return answer(state, { kind: 'trapped', reports, ...trap }, trapRule(trap.vector));
  if (plan.fault === 'runaway') return answer(state, { kind: 'runaway', reports }, 'call.runaway');
  if (plan.fault !== null) {
    const missing = plan.fault !== 'null-dereference';
    const fault = { vector: 'PF', errorCode: missing ? FETCH : 0, place: 'callee' } as const;
    const rule = missing ? 'call.unmapped' : 'call.null-dereference';
    return answer(state, { kind: 'trapped', reports, ...fault }, rule);
  }
  const rule =
    reports.length > 0 ? 'call.reported' : isChecked(plan) ? 'call.same-type' : 'call.unchecked';
  return answer(state, cameBack(plan, plan.value, reports, plan.seen), rule);
}

function decisionOn({ scheme, hash, target, reached }: CallPlan): CallDecision | undefined {
  return decideCall(scheme, hash, target, reached);
}

/** A call that returned; what tracing programs saw of it, if any could. */
function cameBack(
  plan: CallPlan,
  value: bigint | null,
  reports: readonly Report[],
  seen: readonly Seen[] | undefined,
): Outcome {
  if (plan.seen === undefined || seen === undefined) return { kind: 'returned', value, reports };
  return { kind: 'traced', value, seen, reports };
}

function isChecked({ scheme, hash }: CallPlan): boolean {
  return hash !== 0 && callersCheck(scheme.boot);
}

function trapRule(vector: 'UD' | 'CP' | 'BP' | 'PF'): RuleName {
  switch (vector) {
    case 'UD':
      return 'call.type-mismatch';
    case 'CP':
      return 'call.missing-endbr';
    case 'BP':
      return 'call.int3';
    case 'PF':
      return 'call.unmapped';
  }
}

/**
 * The bytes of the call that an operation makes, ready to be executed.
 *
 * @returns undefined where it makes none
 */
export function scenarioOf(
  state: State,
  operation: Operation,
  scheme: Scheme,
): Scenario | undefined {
  const plan = planOf(state, operation, scheme);
  return plan === undefined || 'errno' in plan ? undefined : plan.scenario();
}

/**
 * The outcome of a call, found by executing it on the hardware model and not by deciding it.
 *
 * @returns undefined where the operation makes no call
 */
export function executedOutcome(
  state: State,
  operation: Operation,
  scheme: Scheme,
): Outcome | undefined {
  const plan = planOf(state, operation, scheme);
  if (plan === undefined || 'errno' in plan || decisionOn(plan) === undefined) return undefined;
  const { trap, value, seen, reports: failures, runaway } = execute(plan.scenario());
  const reports = failures.map(({ place, type }) => ({ place, type }));
  if (trap !== null) {
    const { vector, errorCode, place } = trap;
    return { kind: 'trapped', reports, vector, errorCode, place };
  }
  if (runaway !== null) return { kind: 'runaway', reports };
  const mask = operation.op === 'testRun' ? 32 : 64;
  const shown = plan.value === null ? null : BigInt.asUintN(mask, value ?? 0n);
  return cameBack(plan, shown, reports, seen);
}
