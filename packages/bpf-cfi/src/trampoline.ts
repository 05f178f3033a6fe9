// SPDX-License-Identifier: MIT
import { le32, le64 } from './bytes.ts';
import { arityThunk, relative, returnBytes, type Thunks } from './jit-image.ts';
import { jitPreamble, type Arity, type Scheme } from './preamble.ts';
import type { Features } from './revisions.ts';

/*
 * struct_ops trampolines: what stands between a checked indirect call of a member and a BPF
 * program. Reads beside __arch_prepare_bpf_trampoline(), arch/x86/net/bpf_jit_comp.c.
 */

/** Flags of a trampoline. include/linux/bpf.h. */
export const BPF_TRAMP_F: Readonly<Record<TrampolineFlag, number>> = {
  RESTORE_REGS: 1 << 0,
  CALL_ORIG: 1 << 1,
  SKIP_FRAME: 1 << 2,
  IP_ARG: 1 << 3,
  RET_FENTRY_RET: 1 << 4,
  ORIG_STACK: 1 << 5,
  SHARE_IPMODIFY: 1 << 6,
  TAIL_CALL_CTX: 1 << 7,
  INDIRECT: 1 << 8,
};

/** The name of a trampoline flag, without BPF_TRAMP_F_. */
export type TrampolineFlag =
  | ('RESTORE_REGS' | 'CALL_ORIG' | 'SKIP_FRAME' | 'IP_ARG' | 'RET_FENTRY_RET')
  | ('ORIG_STACK' | 'SHARE_IPMODIFY' | 'TAIL_CALL_CTX' | 'INDIRECT');

/** Slack that the emitter keeps free at the end: BPF_INSN_SAFETY. */
export const BPF_INSN_SAFETY = 64;
/** MAX_BPF_FUNC_REG_ARGS of x86: register slots that a trampoline can save. */
export const MAX_ARGUMENT_SLOTS = 12;
/** sizeof(struct bpf_tramp_run_ctx), rounded to 8. */
const RUN_CTX_SIZE = 16;

/** A function as BTF models it: struct btf_func_model. */
export interface FunctionModel {
  readonly returnSize: number;
  readonly arguments: readonly { readonly size: number; readonly aggregate: boolean }[];
}

/** The flags that struct_ops chooses. bpf_struct_ops_prepare_trampoline(). */
export function structOpsFlags({ returnSize }: FunctionModel): number {
  return BPF_TRAMP_F.INDIRECT | (returnSize > 0 ? BPF_TRAMP_F.RET_FENTRY_RET : 0);
}

/** Whether the emitter warns of a combination of flags. */
export function flagsWarn(flags: number, features: Features): boolean {
  const others = flags & ~(BPF_TRAMP_F.INDIRECT | BPF_TRAMP_F.RET_FENTRY_RET);
  return features.indirectFlagChecked && (flags & BPF_TRAMP_F.INDIRECT) !== 0 && others !== 0;
}

/** Register slots that the arguments take; undefined where there are too many: ENOTSUPP. */
export function argumentSlots(model: FunctionModel, features: Features): number | undefined {
  const slots = model.arguments.reduce((sum, { size, aggregate }) => {
    const wide = aggregate || features.wideArguments === 'all';
    return sum + (wide ? Math.max(1, Math.ceil(size / 8)) : 1);
  }, 0);
  return slots > MAX_ARGUMENT_SLOTS ? undefined : slots;
}

/** Distances below RBP. */
export interface Frame {
  readonly size: number;
  readonly saves: boolean;
  readonly args: number;
  readonly count: number;
  readonly rbx: number;
  readonly runCtx: number;
}

/** The frame of a struct_ops trampoline. */
export function frameOf(slots: number, flags: number): Frame {
  const saves = (flags & (BPF_TRAMP_F.CALL_ORIG | BPF_TRAMP_F.RET_FENTRY_RET)) !== 0;
  const args = (saves ? 8 : 0) + 8 * slots;
  const count = args + 8;
  const rbx = count + 8;
  const runCtx = rbx + RUN_CTX_SIZE;
  return { size: runCtx, saves, args, count, rbx, runCtx };
}

/** What a trampoline is made for and calls. */
export interface TrampolineShape {
  readonly model: FunctionModel;
  /** Of the stub, as it was read at run time. */
  readonly hash: number;
  readonly arity: Arity;
  /** struct bpf_prog. */
  readonly program: bigint;
  /** bpf_func. */
  readonly entry: bigint;
}

/** Functions that a trampoline calls. */
export interface TrampolineCalls extends Thunks {
  /** __bpf_prog_enter_recur() and its kin. */
  readonly enter: bigint;
  readonly exit: bigint;
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

/** Opcodes that store the argument registers at [RBP + d]: rdi, rsi, rdx, rcx, r8, r9. */
const SAVES: readonly (readonly [rex: number, reg: number])[] = [
  [0x48, 7],
  [0x48, 6],
  [0x48, 2],
  [0x48, 1],
  [0x4c, 0],
  [0x4c, 1],
];

const RAX = 0;
const RBX = 3;
const RDX = 2;
const RSI = 6;
const RDI = 7;

/**
 * The struct_ops trampoline of a member at an address; undefined where it has too many arguments.
 */
export function structOpsTrampoline(
  scheme: Scheme,
  shape: TrampolineShape,
  address: bigint,
  calls: TrampolineCalls,
): Trampoline | undefined {
  const { features } = scheme;
  const slots = argumentSlots(shape.model, features);
  if (slots === undefined) return undefined;
  const frame = frameOf(slots, structOpsFlags(shape.model));
  const thunk = arityThunk(scheme, shape.arity, address, calls);
  const { before, entry } = jitPreamble(scheme, shape.hash, shape.arity, thunk);
  const emitter = new Emitter(address, [...before, ...entry]);

  emitter.emit(0x55, 0x48, 0x89, 0xe5);
  if (frame.size < 128) emitter.emit(0x48, 0x83, 0xec, frame.size);
  else emitter.emit(0x48, 0x81, 0xec, ...le32(frame.size));
  emitter.store(0x48, RBX, -frame.rbx);
  if (slots === 0) emitter.emit(0x31, 0xc0);
  else emitter.emit(0xb8, ...le32(slots));
  emitter.store(0x48, RAX, -frame.count);
  saveArguments(emitter, slots, frame, features);
  invokeProgram(emitter, shape, frame, calls);
  if (frame.saves) emitter.load(RAX, -8);
  emitter.load(RBX, -frame.rbx);
  emitter.emit(0xc9);
  emitter.emit(...returnBytes(scheme, emitter.here, calls));

  const { bytes } = emitter;
  return { bytes, slot: bytes.length + BPF_INSN_SAFETY, frame, entry: before.length };
}

/** Registers first; what the caller put on the stack goes through RAX. */
function saveArguments(emitter: Emitter, slots: number, frame: Frame, features: Features): void {
  for (let index = 0; index < slots; index += 1) {
    const to = 8 * index - frame.args;
    const save = SAVES[index];
    if (save !== undefined) emitter.store(save[0], save[1], to);
    else {
      // Behind the saved RBP lies one return address here; an fentry trampoline has two.
      const first = features.stackArguments === 'own' ? 0x10 : 0x18;
      emitter.load(RAX, first + 8 * (index - SAVES.length));
      emitter.store(0x48, RAX, to);
    }
  }
}

/** invoke_bpf_prog(): enter, the program unless enter said 0, exit. */
function invokeProgram(
  emitter: Emitter,
  { program, entry }: TrampolineShape,
  frame: Frame,
  calls: TrampolineCalls,
): void {
  emitter.emit(0x31, 0xff);
  emitter.store(0x48, RDI, -frame.runCtx);
  emitter.emit(0x48, 0xbf, ...le64(program));
  emitter.lea(RSI, -frame.runCtx);
  emitter.call(calls.enter);
  emitter.emit(0x48, 0x89, 0xc3);
  emitter.emit(0x48, 0x85, 0xc0);
  const over = new Emitter(emitter.here + 2n, []);
  over.lea(RDI, -frame.args);
  over.call(entry);
  if (frame.saves) over.store(0x48, RAX, -8);
  emitter.emit(0x74, over.bytes.length, ...over.bytes);
  emitter.emit(0x48, 0xbf, ...le64(program));
  emitter.emit(0x48, 0x89, 0xde);
  emitter.lea(RDX, -frame.runCtx);
  emitter.call(calls.exit);
}

/** Bytes that know where they will lie. */
class Emitter {
  readonly bytes: number[];
  readonly #address: bigint;

  constructor(address: bigint, bytes: readonly number[]) {
    this.#address = address;
    this.bytes = [...bytes];
  }

  get here(): bigint {
    return this.#address + BigInt(this.bytes.length);
  }

  emit(...bytes: readonly number[]): void {
    this.bytes.push(...bytes);
  }

  store(rex: number, reg: number, offset: number): void {
    this.emit(rex, 0x89, ...rbpOperand(reg, offset));
  }

  load(reg: number, offset: number): void {
    this.emit(0x48, 0x8b, ...rbpOperand(reg, offset));
  }

  lea(reg: number, offset: number): void {
    this.emit(0x48, 0x8d, ...rbpOperand(reg, offset));
  }

  call(target: bigint): void {
    this.emit(0xe8, ...le32(relative(target, this.here + 5n)));
  }
}

/** ModRM and displacement of [RBP + offset]. */
function rbpOperand(reg: number, offset: number): readonly number[] {
  const short = offset >= -128 && offset < 128;
  return short ? [0x45 | (reg << 3), offset & 0xff] : [0x85 | (reg << 3), ...le32(offset)];
}
