// SPDX-License-Identifier: MIT
import { cfiGetOffset, bootHash } from '../boot.ts';
import { le32 } from '../bytes.ts';
import type { TargetFacts } from '../checked-call.ts';
import {
  jitImage,
  patchBytes,
  PATCH_SIZE,
  relative,
  type ImageShape,
  type JitImage,
} from '../jit-image.ts';
import {
  CALLS,
  FREE_BYTE,
  FUNCTIONS,
  OBJECT,
  PACK,
  RETPOLINE_R11,
  type Symbol,
  type Text,
} from '../kernel-text.ts';
import { ENDBR_BYTES, type Arity, type Scheme } from '../preamble.ts';
import { BPF_MAIN, BPF_SUBPROGRAM, prototype } from '../prototypes.ts';
import type { Program } from '../state.ts';
import { reloadable, siteHash, type CallPlan } from './call-plan.ts';
import { preambleFacts } from './preamble-facts.ts';

/* Programs in their places, and calls and tail calls of them. */

/** cfi_bpf_hash and cfi_bpf_subprog_hash, as boot left them. */
export function bpfHash({ boot, features, setup }: Scheme, kind: Program['kind']): number {
  if (!setup.cfi) return 0;
  const subprogram = kind === 'subprogram' && features.subprogramHash === 'subprogram';
  const { hash } = prototype(subprogram ? BPF_SUBPROGRAM : BPF_MAIN);
  return features.rehashesBpf ? bootHash(boot, hash, features) : hash;
}

/** bpf_arch_text: where images lie in a pack, behind the header and a random distance. */
const IMAGE_SPACING = 1024n;
const IMAGE_START = 64n;

/** Only the context of a main program matters; subprograms have five arguments. */
function programArity(kind: Program['kind']): Arity {
  return kind === 'subprogram' ? 5 : 1;
}

function shapeOf(scheme: Scheme, program: Program): ImageShape {
  return {
    hash: bpfHash(scheme, program.kind),
    arity: programArity(program.kind),
    body: program.body,
  };
}

/** The image of a program in its place, patched as it is. */
export function programImage(
  scheme: Scheme,
  program: Program,
): JitImage & { readonly address: bigint; readonly pointer: bigint } {
  const address = PACK + IMAGE_SPACING * BigInt(program.slot) + IMAGE_START;
  const image = jitImage(scheme, shapeOf(scheme, program), address, CALLS);
  const { setup, boot, features } = scheme;
  const offset = features.preambles ? cfiGetOffset(setup, boot, features) : 0;
  const bytes = patched(image, address, program.patch);
  return { ...image, bytes, address, pointer: address + BigInt(offset) };
}

function patched(
  { bytes, patchSite }: JitImage,
  address: bigint,
  patch: Program['patch'],
): readonly number[] {
  if (patch === null) return bytes;
  const instruction = patchBytes(patch.kind, patch.target, address + BigInt(patchSite));
  return [...bytes.slice(0, patchSite), ...instruction, ...bytes.slice(patchSite + PATCH_SIZE)];
}

export function programText(
  scheme: Scheme,
  name: string,
  program: Program,
): { text: Text; symbols: Symbol[] } {
  const { address, bytes, pointer } = programImage(scheme, program);
  const freed = program.image === 'freed';
  const text = { address, bytes: freed ? bytes.map(() => FREE_BYTE) : bytes };
  const size = bytes.length - Number(pointer - address);
  return { text, symbols: [{ name: `bpf_prog_${name}`, address: pointer, size }] };
}

/** What lies around the entry of a program. */
function programFacts(scheme: Scheme, program: Program): TargetFacts {
  const { setup, boot, features } = scheme;
  if (program.image === 'freed') {
    return { preamble: null, skew: 0, outside: 'int3', first: 'int3' };
  }
  const checked = features.preambles && setup.cfi && boot.mode !== 'OFF';
  const hash = bpfHash(scheme, program.kind);
  const preamble = checked
    ? preambleFacts(scheme, hash, programArity(program.kind), false, true)
    : null;
  const fineibt = checked && boot.mode === 'FINEIBT';
  return { preamble, skew: 0, outside: 'int3', first: setup.ibt && !fineibt ? 'endbr' : 'code' };
}

export function readsNull({ body }: Program, args: readonly bigint[]): boolean {
  return body.kind === 'dereference' && (args[0] ?? 0n) === 0n;
}

export function bodyValue(program: Program, args: readonly bigint[]): bigint {
  const { body } = program;
  if (body.kind === 'constant') return BigInt(body.value >>> 0);
  if (body.kind === 'argument') return BigInt.asUintN(64, args[body.index] ?? 0n);
  return 0n;
}

/** A dispatcher's call of a main program, or a helper's of a subprogram. */
export function planProgram(scheme: Scheme, name: string, program: Program): CallPlan {
  const { features } = scheme;
  const main = program.kind !== 'subprogram';
  const checked = !main || features.dispatcherChecked;
  const hash = checked ? siteHash(scheme, main ? BPF_MAIN : BPF_SUBPROGRAM) : 0;
  return {
    scheme,
    hash,
    ...reloadable(scheme, programFacts(scheme, program)),
    value: BigInt(program.body.kind === 'constant' ? program.body.value >>> 0 : 0),
    fault: null,
    scenario: () => {
      const { text, symbols } = programText(scheme, name, program);
      const { pointer } = programImage(scheme, program);
      const args = [OBJECT, OBJECT];
      return { scheme, hash, pointer, texts: [text], symbols, arguments: args, swapped: undefined };
    },
  };
}

/**
 * A jump from one program into another. It lands behind the frame, on an ENDBR64 of its own, so
 * that there is no hash to check; at the entry a second frame would be made, and its return address
 * lost.
 */
export function planTailCall(scheme: Scheme, name: string, program: Program): CallPlan {
  const { setup, features } = scheme;
  const toEntry = features.tailCallTarget === 'entry';
  const facts = programFacts(scheme, program);
  const landing = setup.ibt && program.image !== 'freed' ? 'endbr' : facts.first;
  return {
    scheme,
    hash: 0,
    target: { ...facts, first: toEntry ? facts.first : landing },
    value: BigInt(program.body.kind === 'constant' ? program.body.value >>> 0 : 0),
    fault: toEntry ? 'lost-return' : null,
    scenario: () => {
      const { text, symbols } = programText(scheme, name, program);
      const { pointer, landing: distance } = programImage(scheme, program);
      const target = toEntry ? pointer : pointer + BigInt(distance);
      return {
        scheme,
        hash: 0,
        pointer: FUNCTIONS,
        texts: [tailCaller(scheme), text],
        symbols: [{ name: 'bpf_prog_caller', address: FUNCTIONS, size: 32 }, ...symbols],
        // RCX holds the target of the jump.
        arguments: [OBJECT, 0n, 0n, target],
        swapped: undefined,
      };
    },
  };
}

/** What a program does before it jumps: emit_bpf_tail_call_indirect(), as far as the frame goes. */
function tailCaller({ setup }: Scheme): Text {
  const frame = [...(setup.ibt ? ENDBR_BYTES : []), 0x55, 0x48, 0x89, 0xe5];
  if (!setup.retpoline) return { address: FUNCTIONS, bytes: [...frame, 0xff, 0xe1] };
  const move = [...frame, 0x49, 0x89, 0xcb];
  const distance = relative(RETPOLINE_R11, FUNCTIONS + BigInt(move.length + 5));
  return { address: FUNCTIONS, bytes: [...move, 0xe9, ...le32(distance)] };
}
