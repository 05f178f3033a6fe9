// SPDX-License-Identifier: MIT
import type { OperationOf } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { binaryBytes, FREE_BYTE, HEADER_SIZE, IMAGE_ALIGNMENT, startHole } from './pack/binary.ts';
import { JIT_LIMIT_MAX } from './pack/jit-memory.ts';
import { bitmapRuns } from './pack/pack.ts';
import { programImage } from './plan/program-image.ts';
import type { Scheme } from './preamble.ts';
import type { State } from './state.ts';
import { answer, impossible, refuse, succeed, type CfiStep } from './step.ts';
import { word32 } from './bytes.ts';

/* Executable memory, as it can be looked at, and its limit. */

/** What lies around an image, as it can be read from its header on. */
export function showAllocation(
  state: State,
  { program: name }: OperationOf<'allocation'>,
  scheme: Scheme,
): CfiStep {
  const program = state.programs[name];
  if (program === undefined || program.image !== 'live') return impossible(state);
  const { bytes } = programImage(scheme, program, state.programs);
  const { start } = program.place;
  const held = Uint8Array.from(binaryBytes(program.place, bytes));
  const end = HEADER_SIZE + start + bytes.length;
  const around = [...held.subarray(4, HEADER_SIZE + start), ...held.subarray(end)];
  const outcome: Outcome = {
    kind: 'allocation',
    size: word32(held, 0) ?? 0,
    start,
    length: bytes.length,
    filled: around.every((byte) => byte === FREE_BYTE),
  };
  return answer(state, outcome, 'allocation.shown');
}

/**
 * Whether an allocation that was observed is one that the modelled one could be: the kernel draws
 * the distance between header and image.
 */
export function sameAllocation(observed: Outcome, modelled: Outcome): boolean {
  if (observed.kind !== 'allocation' || modelled.kind !== 'allocation') return false;
  const { size, start, length, filled } = observed;
  const same = size === modelled.size && length === modelled.length && filled === modelled.filled;
  return same && start % IMAGE_ALIGNMENT === 0 && start < startHole(size, length);
}

/** The bitmap of every pack. */
export function showPacks(state: State): CfiStep {
  const taken = state.memory.packs.map(bitmapRuns);
  return answer(state, { kind: 'packs', taken }, 'packs.shown');
}

/** proc_dolongvec_minmax_bpf_restricted(), net/core/sysctl_net_core.c. */
export function setJitLimit(state: State, { bytes }: OperationOf<'jitLimit'>): CfiStep {
  if (bytes < 1n || bytes > BigInt(JIT_LIMIT_MAX)) return refuse(state, 'EINVAL', 'limit.range');
  const memory = { ...state.memory, limit: Number(bytes) };
  return succeed({ ...state, memory }, 'limit.set');
}
