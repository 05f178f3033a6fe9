// SPDX-License-Identifier: MIT
import { nops } from '@kernel-models/hw-model/instructions';
import { le32 } from '../bytes.ts';
import { arityThunk, returnBytes } from '../jit-image.ts';
import { ENDBR_BYTES, jitPreamble, type Arity, type Preamble, type Scheme } from '../preamble.ts';
import {
  firstOnStack,
  passStackArguments,
  restoreRegisters,
  saveArguments,
  type Arguments,
} from './arguments.ts';
import { Emitter, REG } from './emitter.ts';
import { hasFlag } from './flags.ts';
import { frameOf, type Frame } from './frame.ts';
import { argumentSlots, slotPlaces, type FunctionModel } from './function-model.ts';
import { invokeProgram, type LinkedProgram, type TrampolineCalls } from './invoke-program.ts';

/*
 * Trampolines: what stands between a kernel function, or a member of a struct, and BPF programs.
 * Reads beside __arch_prepare_bpf_trampoline(), arch/x86/net/bpf_jit_comp.c.
 */

/** Slack that the emitter keeps free at the end: BPF_INSN_SAFETY. */
const BPF_INSN_SAFETY = 64;
/** X86_PATCH_SIZE: the call at a function's entry, or the NOP in its place. */
export const PATCH_SIZE = 5;
/** What do_fexit is aligned to. */
const BRANCH_TARGET_ALIGNMENT = 16;
/* Instructions whose operands are always the same. */
const PUSH_RBP = 0x55;
const PUSH_RAX = 0x50;
const LEAVE = 0xc9;
const MOV_RBP_RSP = [0x48, 0x89, 0xe5] as const;
const CMP_RETURN_VALUE_0 = [0x48, 0x83, 0x7d, 0xf8, 0x00] as const;
const CALL_RBX = [0xff, 0xd3] as const;
const ADD_RSP_8 = [0x48, 0x83, 0xc4, 0x08] as const;

/** What a trampoline is made for. */
export interface TrampolineShape {
  readonly model: FunctionModel;
  /** Of {@link BPF_TRAMP_F}. */
  readonly flags: number;
  /** By the order in which they run. */
  readonly fentry: readonly LinkedProgram[];
  readonly fmodRet: readonly LinkedProgram[];
  readonly fexit: readonly LinkedProgram[];
  /** With INDIRECT: the hash of the stub, as it was read at run time, and its arity. */
  readonly hash: number;
  readonly arity: Arity;
  /** Without INDIRECT: the traced function. */
  readonly traced: bigint;
  /** struct bpf_tramp_image: what __bpf_tramp_enter() holds on to. */
  readonly image: bigint;
}

/** A trampoline's bytes. */
export interface Trampoline {
  readonly bytes: readonly number[];
  /** What is taken from the page: the length and its slack. */
  readonly slot: number;
  readonly frame: Frame;
  /** From the image to the entry, as emitted. */
  readonly entry: number;
}

/** A trampoline at an address; undefined where its function has too many arguments: ENOTSUPP. */
export function emitTrampoline(
  scheme: Scheme,
  shape: TrampolineShape,
  address: bigint,
  calls: TrampolineCalls,
): Trampoline | undefined {
  const { features } = scheme;
  const { model, flags } = shape;
  if (argumentSlots(model, features) === undefined) return undefined;
  const places = slotPlaces(model, features);
  const args = { model, places, firstOnStack: firstOnStack(flags, features) };
  const frame = frameOf(places, flags);
  const { before, entry } = preambleOf(scheme, shape, address, calls);
  const emitter = new Emitter(address, [...before, ...entry], features);

  makeFrame(emitter, shape, frame, places.length);
  saveArguments(emitter, args, frame);
  if (hasFlag(flags, 'CALL_ORIG')) callWithImage(emitter, shape, calls.image.enter);
  const keepsReturn = hasFlag(flags, 'RET_FENTRY_RET');
  for (const program of shape.fentry) invokeProgram(emitter, program, frame, keepsReturn, calls);
  const branches = modifyReturn(emitter, shape.fmodRet, frame, calls);
  if (hasFlag(flags, 'CALL_ORIG')) callTraced(emitter, scheme, shape, args, frame);
  if (branches.length > 0) emitter.align(BRANCH_TARGET_ALIGNMENT);
  for (const branch of branches) emitter.land(branch);
  for (const program of shape.fexit) invokeProgram(emitter, program, frame, false, calls);
  if (hasFlag(flags, 'RESTORE_REGS')) restoreRegisters(emitter, places, frame);
  if (hasFlag(flags, 'CALL_ORIG')) callWithImage(emitter, shape, calls.image.exit);
  else if (hasFlag(flags, 'TAIL_CALL_CTX')) loadTailCallCount(emitter, frame);
  leaveFrame(emitter, flags, frame);
  emitter.emit(...returnBytes(scheme, emitter.here, calls));

  const { bytes } = emitter;
  return { bytes, slot: bytes.length + BPF_INSN_SAFETY, frame, entry: before.length };
}

/**
 * A struct_ops trampoline is called through a pointer, and begins as its callers expect. A tracing
 * one is called directly; before Linux 6.8 it had ENDBR64 all the same.
 */
function preambleOf(
  scheme: Scheme,
  { flags, hash, arity }: TrampolineShape,
  address: bigint,
  calls: TrampolineCalls,
): Preamble {
  if (hasFlag(flags, 'INDIRECT')) {
    return jitPreamble(scheme, hash, arity, arityThunk(scheme, arity, address, calls));
  }
  const lands = scheme.setup.ibt && !scheme.features.preambles;
  return { before: [], entry: lands ? ENDBR_BYTES : [] };
}

/** Makes the frame, and fills in what does not come from the caller. */
function makeFrame(
  emitter: Emitter,
  { flags, traced }: TrampolineShape,
  frame: Frame,
  slots: number,
): void {
  emitter.emit(PUSH_RBP, ...MOV_RBP_RSP);
  if (frame.size < 128) emitter.emit(0x48, 0x83, 0xec, frame.size);
  else emitter.emit(0x48, 0x81, 0xec, ...le32(frame.size));
  if (hasFlag(flags, 'TAIL_CALL_CTX')) emitter.emit(PUSH_RAX);
  emitter.store(REG.rbx, -frame.rbx);
  emitter.move(REG.rax, BigInt(slots));
  emitter.store(REG.rax, -frame.count);
  if (hasFlag(flags, 'IP_ARG')) {
    emitter.move(REG.rax, traced);
    emitter.store(REG.rax, -frame.address);
  }
}

function callWithImage(emitter: Emitter, { image }: TrampolineShape, target: bigint): void {
  emitter.move(REG.rdi, image);
  emitter.call(target);
}

/**
 * invoke_bpf_mod_ret(): the first program finds 0 as the return value, and whichever leaves another
 * one ends the series and skips the traced function.
 *
 * @returns branches to where the fexit programs begin
 */
function modifyReturn(
  emitter: Emitter,
  programs: readonly LinkedProgram[],
  frame: Frame,
  calls: TrampolineCalls,
): readonly { readonly end: number }[] {
  if (programs.length === 0) return [];
  emitter.move(REG.rax, 0n);
  emitter.store(REG.rax, -8);
  return programs.map((program) => {
    invokeProgram(emitter, program, frame, true, calls);
    emitter.emit(...CMP_RETURN_VALUE_0);
    return emitter.branchIfNotZero();
  });
}

/**
 * The call of the traced function, behind its own call of the trampoline. With ORIG_STACK a live
 * patch decides where it goes on, and that is the return address.
 */
function callTraced(
  emitter: Emitter,
  { setup }: Scheme,
  { flags, traced }: TrampolineShape,
  args: Arguments,
  frame: Frame,
): void {
  restoreRegisters(emitter, args.places, frame);
  passStackArguments(emitter, args, frame);
  if (hasFlag(flags, 'TAIL_CALL_CTX')) loadTailCallCount(emitter, frame);
  if (hasFlag(flags, 'ORIG_STACK')) {
    emitter.load(REG.rbx, 8);
    emitter.emit(...CALL_RBX);
  } else {
    const patched = (setup.ibt ? ENDBR_BYTES.length : 0) + PATCH_SIZE;
    emitter.call(traced + BigInt(hasFlag(flags, 'SKIP_FRAME') ? patched : 0));
  }
  emitter.store(REG.rax, -8);
  // A jump to the epilogue takes the NOP's place when the trampoline is to be freed.
  emitter.emit(...nops(PATCH_SIZE));
}

/** What PUSH RAX left at the end of the frame; the displacement has four bytes whatever it is. */
function loadTailCallCount(emitter: Emitter, frame: Frame): void {
  emitter.emit(0x48, 0x8b, 0x85, ...le32(-frame.size - 8));
}

/** Back to the caller, or past the traced function to the caller of that. */
function leaveFrame(emitter: Emitter, flags: number, frame: Frame): void {
  if (frame.saves) emitter.load(REG.rax, -8);
  emitter.load(REG.rbx, -frame.rbx);
  emitter.emit(LEAVE);
  if (hasFlag(flags, 'SKIP_FRAME')) emitter.emit(...ADD_RSP_8);
}
