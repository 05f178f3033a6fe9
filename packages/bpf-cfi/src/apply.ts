// SPDX-License-Identifier: MIT
import type { RevisionId } from '@kernel-models/model-core';
import { bootKernel } from './boot.ts';
import { call, executedOutcome, scenarioOf } from './calls.ts';
import { showFunction, showSite } from './kernel-code.ts';
import type { Outcome } from './outcome.ts';
import type { Operation, OperationOf } from './operation.ts';
import { schemeOf } from './plan/call-plan.ts';
import { image, load, tailSet, text, textPoke, unload } from './program-operations.ts';
import { setJitLimit, showAllocation, showPacks } from './pack-operations.ts';
import { registerStruct } from './register-struct.ts';
import { featuresOf, type Features } from './revisions.ts';
import type { Scenario } from './scenario.ts';
import type { State } from './state.ts';
import { answer, impossible, type CfiStep } from './step.ts';
import { attach, detach, showTracer } from './tracing/attach.ts';
import { testRunTracing } from './tracing/test-run.ts';
import {
  linkClose,
  linkCreate,
  mapCreate,
  mapDelete,
  mapLookup,
  mapUpdate,
  showTrampoline,
} from './struct-ops.ts';

/**
 * The transition function of a kernel under control-flow integrity.
 *
 * @throws RangeError where there is no such revision
 * @throws CSyntaxError where a call names a prototype that is no C
 */
export function apply(state: State, operation: Operation, revision: RevisionId): CfiStep {
  const features = featuresOf(revision);
  if (operation.op === 'boot') return boot(state, operation, features);
  const scheme = schemeOf(state, features);
  if (scheme === undefined) return impossible(state);
  switch (operation.op) {
    case 'load':
      return load(state, operation, scheme);
    case 'unload':
      return unload(state, operation, scheme);
    case 'image':
      return image(state, operation, scheme);
    case 'text':
      return text(state, operation, scheme);
    case 'function':
      return showFunction(state, operation, scheme);
    case 'site':
      return showSite(state, operation, scheme);
    case 'tailSet':
      return tailSet(state, operation, scheme);
    case 'textPoke':
      return textPoke(state, operation, scheme);
    case 'allocation':
      return showAllocation(state, operation, scheme);
    case 'packs':
      return showPacks(state);
    case 'jitLimit':
      return setJitLimit(state, operation);
    case 'registerStruct':
      return registerStruct(state, operation, features);
    case 'mapCreate':
      return mapCreate(state, operation, scheme);
    case 'mapUpdate':
      return mapUpdate(state, operation, scheme);
    case 'mapDelete':
      return mapDelete(state, operation);
    case 'mapLookup':
      return mapLookup(state, operation);
    case 'trampoline':
      return showTrampoline(state, operation, scheme);
    case 'linkCreate':
      return linkCreate(state, operation);
    case 'linkClose':
      return linkClose(state, operation);
    case 'call':
    case 'destroy':
    case 'dispatch':
    case 'callback':
    case 'tailCall':
    case 'callMember':
    case 'testRun':
    case 'callTraced':
      return call(state, operation, scheme);
    case 'attach':
      return attach(state, operation, scheme);
    case 'detach':
      return detach(state, operation, scheme);
    case 'tracer':
      return showTracer(state, operation, scheme);
    case 'testRunTracing':
      return testRunTracing(state, operation, features);
  }
}

const BOOT_RULES = { OFF: 'boot.off', KCFI: 'boot.kcfi', FINEIBT: 'boot.fineibt' } as const;

function boot(state: State, operation: OperationOf<'boot'>, features: Features): CfiStep {
  if (state.boot !== null) return answer(state, { kind: 'impossible' }, 'boot.once');
  const broken = operation.wrong === 'preamble';
  const booted = bootKernel(state.setup, operation.cfi, operation.seed, features, broken);
  const { mode, messages, failed } = booted;
  const rule = failed ? 'boot.failed' : BOOT_RULES[mode];
  return answer({ ...state, boot: booted }, { kind: 'booted', mode, messages }, rule);
}

/**
 * The bytes of the call that an operation makes, ready to be executed; undefined where it makes
 * none.
 *
 * @throws RangeError where there is no such revision
 */
export function scenario(
  state: State,
  operation: Operation,
  revision: RevisionId,
): Scenario | undefined {
  const scheme = schemeOf(state, featuresOf(revision));
  return scheme && scenarioOf(state, operation, scheme);
}

/**
 * What a call comes to when its bytes are executed: what `apply` decides without executing any.
 *
 * @returns undefined where the operation makes no call
 * @throws RangeError where there is no such revision
 */
export function executed(
  state: State,
  operation: Operation,
  revision: RevisionId,
): Outcome | undefined {
  const scheme = schemeOf(state, featuresOf(revision));
  return scheme && executedOutcome(state, operation, scheme);
}
