// SPDX-License-Identifier: MIT
import { nops } from '@kernel-models/hw-model/instructions';
import { le32, le64, relative } from '../bytes.ts';

import type { Features } from '../revisions.ts';

/** Registers by their number in ModRM, 8 and above with a REX bit. */
export const REG = { rax: 0, rcx: 1, rdx: 2, rbx: 3, rsi: 6, rdi: 7, r8: 8, r9: 9 } as const;

const REX_W = 0x48;
const REX_R = 0x04;
const REX_B = 0x01;

/** Bytes of code that know where they will lie. */
export class Emitter {
  readonly bytes: number[];
  readonly #address: bigint;
  readonly #features: Pick<Features, 'signExtendedMoves'>;

  constructor(
    address: bigint,
    bytes: readonly number[],
    features: Pick<Features, 'signExtendedMoves'>,
  ) {
    this.#address = address;
    this.bytes = [...bytes];
    this.#features = features;
  }

  get here(): bigint {
    return this.#address + BigInt(this.bytes.length);
  }

  emit(...bytes: readonly number[]): void {
    this.bytes.push(...bytes);
  }

  /** MOV [RBP + offset], reg. */
  store(reg: number, offset: number): void {
    this.emit(REX_W | (reg > 7 ? REX_R : 0), 0x89, ...rbpOperand(reg & 7, offset));
  }

  /** MOV reg, [RBP + offset]. */
  load(reg: number, offset: number): void {
    this.emit(REX_W | (reg > 7 ? REX_R : 0), 0x8b, ...rbpOperand(reg & 7, offset));
  }

  /** LEA reg, [RBP + offset]. */
  lea(reg: number, offset: number): void {
    this.emit(REX_W, 0x8d, ...rbpOperand(reg, offset));
  }

  /** MOV DWORD PTR [RBP + offset], 0. */
  clear32(offset: number): void {
    this.emit(0xc7, ...rbpOperand(0, offset), ...le32(0));
  }

  /** MOV reg, from. */
  copy(reg: number, from: number): void {
    this.emit(REX_W, 0x89, 0xc0 | (from << 3) | reg);
  }

  /** The shortest instruction that the JIT knows for a constant: emit_mov_imm64(). */
  move(reg: number, value: bigint): void {
    const bits = BigInt.asUintN(64, value);
    if (bits === 0n) this.emit(0x31, 0xc0 | (reg << 3) | reg);
    else if (bits === BigInt.asUintN(32, bits)) this.emit(0xb8 | reg, ...le32(Number(bits)));
    else if (this.#features.signExtendedMoves && isSigned32(bits)) {
      this.emit(REX_W, 0xc7, 0xc0 | reg, ...le32(Number(bits & 0xffff_ffffn)));
    } else this.emit(REX_W | (reg > 7 ? REX_B : 0), 0xb8 | (reg & 7), ...le64(bits));
  }

  call(target: bigint): void {
    this.emit(0xe8, ...le32(relative(target, this.here + 5n)));
  }

  /** A part that goes on from here, to be emitted when its length is known. */
  ahead(skipped: number): Emitter {
    return new Emitter(this.here + BigInt(skipped), [], this.#features);
  }

  /** NOPs up to a multiple of `boundary` bytes from the start. */
  align(boundary: number): void {
    this.emit(...nops(-this.bytes.length & (boundary - 1)));
  }

  /** A JNE with four bytes of distance, to be pointed at its target later. */
  branchIfNotZero(): { readonly end: number } {
    this.emit(0x0f, 0x85, ...le32(0));
    return { end: this.bytes.length };
  }

  /** Points a branch here. */
  land({ end }: { readonly end: number }): void {
    this.bytes.splice(end - 4, 4, ...le32(this.bytes.length - end));
  }
}

function isSigned32(bits: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(32, bits)) === bits;
}

/** ModRM and displacement of [RBP + offset]; the displacement stands even where it is 0. */
function rbpOperand(reg: number, offset: number): readonly number[] {
  const short = offset >= -128 && offset < 128;
  return short ? [0x45 | (reg << 3), offset & 0xff] : [0x85 | (reg << 3), ...le32(offset)];
}
