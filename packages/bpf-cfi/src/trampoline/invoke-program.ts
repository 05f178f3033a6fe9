// SPDX-License-Identifier: MIT
import type { Thunks } from '../jit-image.ts';
import { REG, type Emitter } from './emitter.ts';
import type { Frame } from './frame.ts';

/** A program that a trampoline runs: struct bpf_tramp_link. */
export interface LinkedProgram {
  /** struct bpf_prog. */
  readonly program: bigint;
  /** bpf_func. */
  readonly entry: bigint;
  /** What bpf_get_attach_cookie() answers, 64 bits; absent: 0. */
  readonly cookie?: bigint;
  /** May sleep, so that RCU is entered in another way. */
  readonly sleepable?: boolean;
}

/** What stands around a program. */
export interface ProgramFences {
  readonly enter: bigint;
  readonly exit: bigint;
}

/** Functions that a trampoline calls. */
export interface TrampolineCalls extends Thunks, ProgramFences {
  /** __bpf_prog_enter_sleepable_recur() and __bpf_prog_exit_sleepable_recur(). */
  readonly sleepable: ProgramFences;
  /** __bpf_tramp_enter() and __bpf_tramp_exit(). */
  readonly image: ProgramFences;
}

/** invoke_bpf_prog(): enter, the program unless enter said 0, exit. */
export function invokeProgram(
  emitter: Emitter,
  { program, entry, cookie = 0n, sleepable = false }: LinkedProgram,
  frame: Frame,
  keepsReturn: boolean,
  calls: TrampolineCalls,
): void {
  const { enter, exit } = sleepable ? calls.sleepable : calls;
  emitter.move(REG.rdi, cookie);
  emitter.store(REG.rdi, -frame.runCtx);
  emitter.move(REG.rdi, program);
  emitter.lea(REG.rsi, -frame.runCtx);
  emitter.call(enter);
  // When it began, for statistics.
  emitter.copy(REG.rbx, REG.rax);
  emitter.emit(0x48, 0x85, 0xc0);
  const over = emitter.ahead(2);
  over.lea(REG.rdi, -frame.args);
  over.call(entry);
  if (keepsReturn) over.store(REG.rax, -8);
  emitter.emit(0x74, over.bytes.length, ...over.bytes);
  emitter.move(REG.rdi, program);
  emitter.copy(REG.rsi, REG.rbx);
  emitter.lea(REG.rdx, -frame.runCtx);
  emitter.call(exit);
}
