// SPDX-License-Identifier: MIT
import type { OperationOf } from '../operation.ts';
import type { CfiErrno } from '../outcome.ts';
import { maskedHex } from '../masked-hex.ts';
import { placeTracer } from '../plan/traced-call.ts';
import type { Scheme } from '../preamble.ts';
import { prototype } from '../prototypes.ts';
import type { RuleName } from '../rules.ts';
import type { State, TracingLink } from '../state.ts';
import { answer, impossible, refuse, succeed, type CfiStep } from '../step.ts';
import { traces } from './trace-function.ts';
import {
  argumentSlots,
  functionModel,
  isDistilled,
  slotPlaces,
} from '../trampoline/function-model.ts';

/*
 * Attaching tracing programs to functions, and the trampoline that a function then calls. Reads
 * beside bpf_check_attach_target(), kernel/bpf/verifier.c, and kernel/bpf/trampoline.c, Linux 6.12.
 */

/** BPF_MAX_TRAMP_LINKS of x86-64, of all kinds together. */
const MAX_LINKS = 38;

/** Functions whose return value may be modified; those of LSM hooks besides. net/bpf/test_run.c. */
const MODIFIABLE: readonly string[] = [
  'bpf_modify_return_test',
  'bpf_modify_return_test2',
  'bpf_modify_return_test_tp',
  'bpf_fentry_test1',
];
/** Those of them that may sleep: KF_SLEEPABLE. */
const SLEEPABLE: readonly string[] = ['bpf_fentry_test1'];

interface Refusal {
  readonly errno: CfiErrno;
  readonly rule: RuleName;
}

/** BPF_PROG_LOAD of a tracing program, and BPF_LINK_CREATE. */
export function attach(state: State, operation: OperationOf<'attach'>, scheme: Scheme): CfiStep {
  const { program, kind, function: source, sees, returns, sleepable, cookie } = operation;
  if (state.tracing.some((link) => link.program === program)) return impossible(state);
  const refusal = refusedTarget(operation) ?? refusedProgram(operation, scheme);
  if (refusal !== undefined) return refuse(state, refusal.errno, refusal.rule);
  const slot = freeSlot(state.tracing);
  const link = { program, kind, function: source, sees, returns, sleepable, cookie, slot };
  const tracing = [link, ...state.tracing];
  const unlinked = refusedLink(tracing, source, scheme);
  if (unlinked !== undefined) return refuse(state, unlinked.errno, unlinked.rule);
  return succeed({ ...state, tracing }, 'attach.done');
}

/** What the function must be: bpf_check_attach_target(). */
function refusedTarget({
  kind,
  function: source,
  sleepable,
}: OperationOf<'attach'>): Refusal | undefined {
  const { name } = prototype(source);
  if (!isDistilled(source)) return { errno: 'EINVAL', rule: 'attach.prototype' };
  if (sleepable) {
    return SLEEPABLE.includes(name) ? undefined : { errno: 'EINVAL', rule: 'attach.sleepable' };
  }
  const modifiable = MODIFIABLE.includes(name) || name.startsWith('security_');
  return kind !== 'fmod_ret' || modifiable
    ? undefined
    : { errno: 'EINVAL', rule: 'attach.not-modifiable' };
}

/** What the verifier says of the program: it reads its context first, and returns last. */
function refusedProgram(
  { kind, function: source, sees, returns }: OperationOf<'attach'>,
  { features }: Scheme,
): Refusal | undefined {
  const model = functionModel(source);
  const slots = slotPlaces(model, features).length;
  const readable = kind === 'fentry' || model.returnSize === 0 ? slots : slots + 1;
  if (sees.kind === 'argument' && sees.index >= readable) {
    return { errno: 'EACCES', rule: 'attach.context-bounds' };
  }
  return kind !== 'fmod_ret' && returns !== 0
    ? { errno: 'EINVAL', rule: 'attach.return-value' }
    : undefined;
}

/**
 * What the trampoline must be: __bpf_trampoline_link_prog(), bpf_trampoline_update(). That it fits
 * a page is tested, too; the number of programs was chosen so that it does.
 */
function refusedLink(
  tracing: readonly TracingLink[],
  source: string,
  { features }: Scheme,
): Refusal | undefined {
  if (tracing.filter((link) => traces(link, source)).length > MAX_LINKS) {
    return { errno: 'E2BIG', rule: 'attach.too-many' };
  }
  const slots = argumentSlots(functionModel(source), features);
  return slots === undefined ? { errno: 'ENOTSUPP', rule: 'attach.arguments' } : undefined;
}

function freeSlot(tracing: readonly TracingLink[]): number {
  const taken = new Set(tracing.map(({ slot }) => slot));
  let slot = 0;
  while (taken.has(slot)) slot += 1;
  return slot;
}

/** The link goes, and with it the reference to the program. */
export function detach(state: State, { program }: OperationOf<'detach'>): CfiStep {
  const tracing = state.tracing.filter((link) => link.program !== program);
  if (tracing.length === state.tracing.length) return impossible(state);
  return succeed({ ...state, tracing }, 'detach.done');
}

/** The trampoline of a traced function: what arch_prepare_bpf_trampoline() left in its image. */
export function showTracer(
  state: State,
  { function: source }: OperationOf<'tracer'>,
  scheme: Scheme,
): CfiStep {
  const traced = state.tracing.some((link) => traces(link, source));
  const placed = traced ? placeTracer(scheme, state.tracing, source) : undefined;
  if (placed === undefined) return impossible(state);
  const bytes = maskedHex(Uint8Array.from(placed.trampoline.bytes));
  return answer(state, { kind: 'image', bytes }, 'tracer.shown');
}
