// SPDX-License-Identifier: MIT
import { PATCH_SIZE } from './jit-image.ts';
import { binaryPackAlloc, binaryPackFree, headerAddress } from './pack/binary.ts';
import type { JitMemory } from './pack/jit-memory.ts';
import { maskedHex } from './masked-hex.ts';
import { imageLengths, programImage, subprogramImage } from './plan/program-image.ts';
import { prototype } from './prototypes.ts';
import type { OperationOf } from './operation.ts';
import type { Scheme } from './preamble.ts';
import type { Program, State } from './state.ts';
import { answer, impossible, refuse, succeed, type CfiStep } from './step.ts';
import { structMember } from './struct-types.ts';

/* Programs: loading, unloading, their images, and patching them. */

/** The same state with one program changed. */
export function withProgram(state: State, name: string, program: Program): State {
  return { ...state, programs: { ...state.programs, [name]: program } };
}

/**
 * BPF_PROG_LOAD. What a struct_ops program may implement is tested as in check_struct_ops_btf_id(),
 * kernel/bpf/verifier.c.
 */
export function load(state: State, operation: OperationOf<'load'>, scheme: Scheme): CfiStep {
  const { features } = scheme;
  const { program: name, kind, struct, member: memberName, body } = operation;
  const earlier = state.programs[name];
  if (earlier !== undefined && earlier.references > 0) return impossible(state);
  if ((body.kind === 'calls' || body.kind === 'tailCall') && kind !== 'main') {
    return impossible(state);
  }
  if (kind === 'struct_ops') {
    if (struct === undefined || memberName === undefined) return impossible(state);
    if (operation.wrong === 'struct') return refuse(state, 'ENOTSUPP', 'load.unknown-struct');
    const member = structMember(struct, memberName, features);
    if (member === undefined) return refuse(state, 'EINVAL', 'load.unknown-member');
    if (member.prototype === undefined) return refuse(state, 'EINVAL', 'load.not-a-function');
    if (member.stub === undefined) return refuse(state, 'ENOTSUPP', 'load.unsupported-member');
    if (operation.sleepable === true && !member.sleepable) {
      return refuse(state, 'EINVAL', 'load.sleepable');
    }
    const beyond =
      body.kind === 'argument' && body.index >= prototype(member.prototype).parameters.length;
    if (beyond) return refuse(state, 'EACCES', 'load.context-bounds');
    const untested = body.kind === 'dereference' && member.nullable === 0;
    if (untested && features.testRunChecksNull) {
      return refuse(state, 'EACCES', 'load.null-dereference');
    }
  }
  const random = operation.random ?? 0;
  const [length, called] = imageLengths(scheme, { kind, body });
  const main = binaryPackAlloc(state.memory, length, random);
  const second = called === undefined ? undefined : binaryPackAlloc(main.memory, called, random);
  const { memory } = second ?? main;
  const program: Program = {
    kind,
    struct,
    member: memberName,
    body,
    // A name that is free again takes the place of what it named.
    slot: earlier?.slot ?? Object.keys(state.programs).length,
    place: main.place,
    subprogram: second?.place ?? null,
    tail: null,
    image: 'live',
    open: true,
    references: 1,
    patch: null,
  };
  return succeed(withProgram({ ...state, memory }, name, program), 'load.done');
}

/** The descriptor is closed; the last reference frees the image. Mirrors bpf_jit_free(). */
export function unload(
  state: State,
  { program: name }: OperationOf<'unload'>,
  scheme: Scheme,
): CfiStep {
  const program = state.programs[name];
  if (program === undefined || !program.open) return impossible(state);
  const closed = withTail(
    withProgram(state, name, { ...program, open: false }),
    name,
    null,
    scheme,
  );
  const after = dropReference(closed, name, scheme);
  const kept = (after.programs[name]?.references ?? 0) > 0;
  return succeed(after, kept ? 'unload.kept' : 'unload.freed');
}

/** bpf_prog_put(): the last reference frees the images. */
function dropReference(state: State, name: string, scheme: Scheme): State {
  const program = state.programs[name];
  if (program === undefined) return state;
  const references = program.references - 1;
  if (references > 0) return withProgram(state, name, { ...program, references });
  const memory = memoryAfterFree(state, scheme, program);
  const image = memory === undefined ? 'leaked' : 'freed';
  const freed = { ...state, memory: memory ?? state.memory };
  return withProgram(freed, name, { ...program, references, image });
}

/** The slot of a program's array holds another one, or none. */
function withTail(state: State, name: string, target: string | null, scheme: Scheme): State {
  const program = state.programs[name];
  if (program === undefined || program.tail === target) return state;
  const set = withProgram(state, name, { ...program, tail: target });
  const next = target === null ? undefined : set.programs[target];
  const held =
    target === null || next === undefined
      ? set
      : withProgram(set, target, { ...next, references: next.references + 1 });
  return program.tail === null ? held : dropReference(held, program.tail, scheme);
}

/**
 * bpf(BPF_MAP_UPDATE_ELEM) or bpf(BPF_MAP_DELETE_ELEM) on the array of a program's tail calls.
 * bpf_fd_array_map_update_elem(), kernel/bpf/arraymap.c.
 */
export function tailSet(
  state: State,
  { program: name, target }: OperationOf<'tailSet'>,
  scheme: Scheme,
): CfiStep {
  const program = state.programs[name];
  if (program?.open !== true || program.body.kind !== 'tailCall') return impossible(state);
  if (target === null) {
    if (program.tail === null) return refuse(state, 'ENOENT', 'tail.empty');
    return succeed(withTail(state, name, null, scheme), 'tail.cleared');
  }
  const next = state.programs[target];
  if (next?.open !== true) return impossible(state);
  if (next.kind !== 'main') return refuse(state, 'EINVAL', 'tail.incompatible');
  return succeed(withTail(state, name, target, scheme), 'tail.set');
}

/**
 * Memory is found by its header, which is where the chunk of the image begins. From the entry that
 * may be another chunk than from the image; what is taken for a header there is code, and its size
 * more than any pack has: nothing is freed.
 */
function memoryAfterFree(
  { memory }: State,
  scheme: Scheme,
  program: Program,
): JitMemory | undefined {
  const { address, pointer } = programImage(scheme, program);
  const from = scheme.features.freesFrom === 'entry' ? pointer : address;
  const { place, subprogram } = program;
  if (headerAddress(from) !== place.address) return undefined;
  const freed = binaryPackFree(memory, place);
  return subprogram === null ? freed : binaryPackFree(freed, subprogram);
}

/**
 * What BPF_OBJ_GET_INFO_BY_FD shows: images without their preambles, a subprogram's behind the main
 * program's, addresses masked.
 */
export function image(
  state: State,
  { program: name }: OperationOf<'image'>,
  scheme: Scheme,
): CfiStep {
  const program = state.programs[name];
  if (program === undefined || program.image === 'freed') return impossible(state);
  const main = programImage(scheme, program, state.programs);
  const called = subprogramImage(scheme, program);
  const images = called === undefined ? [main] : [main, called];
  const shown = Uint8Array.from(
    images.flatMap(({ bytes, address, pointer }) => bytes.slice(Number(pointer - address))),
  );
  return answer(state, { kind: 'image', bytes: maskedHex(shown) }, 'image.shown');
}

/** The image as it lies in kernel memory, from its start on. */
export function text(
  state: State,
  { program: name, part }: OperationOf<'text'>,
  scheme: Scheme,
): CfiStep {
  const program = state.programs[name];
  if (program === undefined || program.image === 'freed') return impossible(state);
  const own = part === undefined;
  const placed = own
    ? programImage(scheme, program, state.programs)
    : subprogramImage(scheme, program);
  if (placed === undefined) return impossible(state);
  const bytes = maskedHex(Uint8Array.from(placed.bytes));
  return answer(state, { kind: 'image', bytes }, own ? 'text.shown' : 'text.subprogram');
}

const MAX_DISTANCE = 1n << 31n;

/**
 * bpf_arch_text_poke(): a NOP, CALL or JMP at a program's entry becomes another one, if it is what
 * the caller believes.
 */
export function textPoke(
  state: State,
  { program: name, kind, from, to }: OperationOf<'textPoke'>,
  scheme: Scheme,
): CfiStep {
  const program = state.programs[name];
  if (program === undefined) return impossible(state);
  if (program.image === 'freed') return refuse(state, 'EINVAL', 'poke.address');
  const { address, patchSite } = programImage(scheme, program);
  const next = address + BigInt(patchSite + PATCH_SIZE);
  for (const target of [from, to]) {
    if (target === null) continue;
    const distance = target - next;
    if (distance < -MAX_DISTANCE || distance >= MAX_DISTANCE) {
      return refuse(state, 'ERANGE', 'poke.range');
    }
  }
  const held = program.patch;
  const matches = from === null ? held === null : held?.kind === kind && held.target === from;
  if (!matches && scheme.features.pokeCompares) return refuse(state, 'EBUSY', 'poke.unexpected');
  if (from === to) return answer(state, { kind: 'value', value: 1n }, 'poke.unchanged');
  const patch = to === null ? null : { kind, target: to };
  return succeed(withProgram(state, name, { ...program, patch }), 'poke.patched');
}
