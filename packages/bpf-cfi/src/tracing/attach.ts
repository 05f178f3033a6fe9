// SPDX-License-Identifier: MIT
import type { OperationOf } from '../operation.ts';
import type { CfiErrno } from '../outcome.ts';
import { maskedHex } from '../masked-hex.ts';
import { binaryPackAlloc, binaryPackFree } from '../pack/binary.ts';
import { tracerAlloc, tracerFree } from '../pack/trampoline-image.ts';
import { tracerText, tracerTrampoline, tracingLength } from '../plan/tracer-image.ts';
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
  const length = tracingLength(scheme, returns);
  const { memory, place } = binaryPackAlloc(state.memory, length, operation.random ?? 0);
  const link = { program, kind, function: source, sees, returns, sleepable, cookie, slot, place };
  const tracing = [link, ...state.tracing];
  const unlinked = refusedLink(tracing, source, scheme);
  if (unlinked !== undefined) return refuse(state, unlinked.errno, unlinked.rule);
  return succeed(withTracer({ ...state, tracing, memory }, source, scheme), 'attach.done');
}

/**
 * A trampoline for the programs that a function has now; then the one before goes.
 * bpf_trampoline_update(), kernel/bpf/trampoline.c.
 */
function withTracer(state: State, source: string, scheme: Scheme): State {
  const { features } = scheme;
  const { name } = prototype(source);
  const { [name]: before, ...others } = state.tracers;
  const wanted = state.tracing.some((link) => traces(link, source));
  const trampoline = wanted ? tracerTrampoline(scheme, state.tracing, source, 0n) : undefined;
  const made = trampoline && tracerAlloc(state.memory, trampoline.slot, features);
  const memory = made?.memory ?? state.memory;
  return {
    ...state,
    tracers: made === undefined ? others : { ...others, [name]: made.image },
    memory: before === undefined ? memory : tracerFree(memory, before, features),
  };
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
export function detach(state: State, { program }: OperationOf<'detach'>, scheme: Scheme): CfiStep {
  const gone = state.tracing.find((link) => link.program === program);
  if (gone === undefined) return impossible(state);
  const tracing = state.tracing.filter((link) => link !== gone);
  const unlinked = withTracer({ ...state, tracing }, gone.function, scheme);
  const memory = binaryPackFree(unlinked.memory, gone.place);
  return succeed({ ...unlinked, memory }, 'detach.done');
}

/** The trampoline of a traced function: what arch_prepare_bpf_trampoline() left in its image. */
export function showTracer(
  state: State,
  { function: source }: OperationOf<'tracer'>,
  scheme: Scheme,
): CfiStep {
  const tracer = tracerText(state, scheme, source);
  if (tracer === undefined) return impossible(state);
  const bytes = maskedHex(Uint8Array.from(tracer.bytes));
  return answer(state, { kind: 'image', bytes }, 'tracer.shown');
}
