// SPDX-License-Identifier: MIT
import type { Features } from '../revisions.ts';
import { REG, type Emitter } from './emitter.ts';
import { hasFlag } from './flags.ts';
import type { Frame } from './frame.ts';
import { clearsUpperHalf, type FunctionModel, type SlotPlace } from './function-model.ts';

/*
 * How arguments get into a trampoline's frame and out of it: save_args() and restore_regs(),
 * arch/x86/net/bpf_jit_comp.c.
 */

/** The registers of arguments, in their order. */
const REGISTERS: readonly number[] = [REG.rdi, REG.rsi, REG.rdx, REG.rcx, REG.r8, REG.r9];

/** Arguments by where their caller left them. */
export interface Arguments {
  readonly model: FunctionModel;
  readonly places: readonly SlotPlace[];
  /** From RBP to the first on the stack. */
  readonly firstOnStack: number;
}

/**
 * From RBP to the first argument on the stack. Above the saved RBP lie the return address into the
 * traced function and the one to its caller; a struct_ops trampoline has its caller's alone.
 */
export function firstOnStack(flags: number, features: Features): number {
  const own = hasFlag(flags, 'INDIRECT') && features.stackArguments === 'own';
  return own ? 0x10 : 0x18;
}

/** All slots go into the frame, where programs read them; those on the stack by way of RAX. */
export function saveArguments(emitter: Emitter, args: Arguments, frame: Frame): void {
  const { places } = args;
  for (const [slot, place] of places.entries()) {
    const to = 8 * slot - frame.args;
    if (place.kind === 'register') emitter.store(registerAt(place.index), to);
    else copyFromStack(emitter, args, place.index, to);
  }
  const first = places.findIndex(({ kind }) => kind === 'stack');
  clearGarbage(emitter, args, 8 * first - frame.args);
}

/** Slots on the stack are put where the traced function looks for them when it is called. */
export function passStackArguments(emitter: Emitter, args: Arguments, frame: Frame): void {
  for (const place of args.places) {
    if (place.kind === 'stack') {
      copyFromStack(emitter, args, place.index, 8 * place.index - frame.stackArgs);
    }
  }
  clearGarbage(emitter, args, -frame.stackArgs);
}

/** Registers get back what they had. */
export function restoreRegisters(
  emitter: Emitter,
  places: readonly SlotPlace[],
  frame: Frame,
): void {
  for (const [slot, place] of places.entries()) {
    if (place.kind === 'register') emitter.load(registerAt(place.index), 8 * slot - frame.args);
  }
}

function copyFromStack(emitter: Emitter, args: Arguments, index: number, to: number): void {
  emitter.load(REG.rax, args.firstOnStack + 8 * index);
  emitter.store(REG.rax, to);
}

/** clean_stack_garbage(): the copy of a short argument gets an upper half of zeroes. */
function clearGarbage(emitter: Emitter, { model, places }: Arguments, copy: number): void {
  if (clearsUpperHalf(model, places)) emitter.clear32(copy + 4);
}

function registerAt(index: number): number {
  const register = REGISTERS[index];
  if (register === undefined) throw new RangeError(`register: expected 0 to 5, got ${index}`);
  return register;
}
