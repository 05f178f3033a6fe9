// SPDX-License-Identifier: MIT
import {
  INVALID,
  MAX_INSTRUCTION_LENGTH,
  NO_REGISTER,
  RIP_BASE,
  TOO_LONG,
  TRUNCATED,
  UNSUPPORTED,
  type Decoded,
  type ImmediateOperand,
  type MemoryOperand,
  type Operand,
  type OperandSize,
} from './instruction.ts';
import {
  CHOSEN,
  MODRM_IS_OPCODE,
  ONE_BYTE,
  TWO_BYTE,
  type ImmediateWidth,
  type Opcode,
  type Row,
  type Source,
} from './opcodes.ts';

/*
 * The decoder of 64-bit mode, as Intel CPUs decode. Intel SDM volume 2, 2.1 and 2.2; where prefixes
 * combine in ways that the manual leaves open, as iced-x86 1.21 does.
 */

/** Ends decoding from wherever it is; the outcome is one without an instruction. */
class Stop {
  readonly outcome: Decoded;

  constructor(outcome: Decoded) {
    this.outcome = outcome;
  }
}

const STOP_INVALID = new Stop(INVALID);
const STOP_TOO_LONG = new Stop(TOO_LONG);
const STOP_TRUNCATED = new Stop(TRUNCATED);
const STOP_UNSUPPORTED = new Stop(UNSUPPORTED);

/**
 * Decodes one instruction.
 *
 * @param start where it begins in `bytes`; what lies before is not looked at
 */
export function decode(bytes: Uint8Array, start = 0): Decoded {
  try {
    return new Decoder(bytes, start).decode();
  } catch (stop) {
    if (stop instanceof Stop) return stop.outcome;
    throw stop;
  }
}

class Decoder {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  #at: number;
  #rex = 0;
  #operand16 = false;
  #address32 = false;
  #lock = false;
  /** The last of F2 and F3; 0 where there is none. */
  #repeat = 0;
  /** The last of 26, 2E, 36 and 3E. */
  #segmentHint = 0;
  /** There is a 3E. */
  #dataSegment = false;
  #segment: 'fs' | 'gs' | undefined = undefined;
  #mod = 0;
  #reg = 0;
  #rm = 0;
  #hasModrm = false;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#at = start;
  }

  decode(): Decoded {
    const first = this.#prefixes();
    if (first !== 0x0f) return this.#row(ONE_BYTE[first] ?? 'unsupported', first, false);
    const second = this.#byte();
    return this.#row(TWO_BYTE[second] ?? 'unsupported', second, true);
  }

  /** The next byte. A sixteenth is refused before the end of the bytes is looked at. */
  #byte(): number {
    if (this.#at - this.#start >= MAX_INSTRUCTION_LENGTH) throw STOP_TOO_LONG;
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw STOP_TRUNCATED;
    this.#at += 1;
    return byte;
  }

  /**
   * Takes prefixes; a REX counts only directly before the opcode. Returns the opcode's first byte.
   */
  #prefixes(): number {
    for (;;) {
      const byte = this.#byte();
      if (byte >= 0x40 && byte <= 0x4f) {
        this.#rex = byte;
        continue;
      }
      switch (byte) {
        case 0x66:
          this.#operand16 = true;
          break;
        case 0x67:
          this.#address32 = true;
          break;
        case 0xf0:
          this.#lock = true;
          break;
        case 0xf2:
        case 0xf3:
          this.#repeat = byte;
          break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
          this.#segmentHint = byte;
          this.#dataSegment ||= byte === 0x3e;
          break;
        case 0x64:
          this.#segment = 'fs';
          break;
        case 0x65:
          this.#segment = 'gs';
          break;
        default:
          return byte;
      }
      this.#rex = 0;
    }
  }

  get #rexW(): boolean {
    return (this.#rex & 8) !== 0;
  }

  #row(row: Row, code: number, twoByte: boolean): Decoded {
    if (row === 'invalid') return INVALID;
    if (row === 'unsupported') return UNSUPPORTED;
    if (row === 'special') return this.#finish(this.#choose(code, twoByte), code, twoByte);
    if ('group' in row) {
      this.#modrm();
      const chosen = row.group[this.#reg & 7] ?? 'invalid';
      if (chosen === 'invalid') return INVALID;
      if (chosen === 'unsupported') return UNSUPPORTED;
      return this.#finish(chosen, code, twoByte);
    }
    return this.#finish(row, code, twoByte);
  }

  #modrm(): void {
    if (this.#hasModrm) return;
    const byte = this.#byte();
    this.#hasModrm = true;
    this.#mod = byte >> 6;
    this.#reg = ((byte >> 3) & 7) | ((this.#rex & 4) << 1);
    this.#rm = byte & 7;
  }

  /** The rows of which a prefix, or more of ModRM, is part. */
  #choose(code: number, twoByte: boolean): Opcode {
    if (!twoByte) return code === 0x90 ? this.#nop() : this.#movImmediate(code);
    const third = code === 0x38 ? this.#byte() : 0;
    if (code === 0x38 && third !== 0xf6) throw STOP_UNSUPPORTED;
    this.#modrm();
    switch (code) {
      case 0x01:
        return this.#systemGroup();
      case 0x1e:
        return this.#hint();
      case 0x38:
        return this.#wrss();
      case 0xae:
        return this.#fences();
      default:
        if ((this.#reg & 7) === 1 && this.#mod !== 3) return CHOSEN.cmpxchg8b;
        throw STOP_UNSUPPORTED;
    }
  }

  #nop(): Opcode {
    if (this.#repeat === 0xf3) return CHOSEN.pause;
    return (this.#rex & 1) !== 0 ? CHOSEN.xchg : CHOSEN.nop;
  }

  #movImmediate(code: number): Opcode {
    this.#modrm();
    if ((this.#reg & 7) === 0) return code === 0xc6 ? CHOSEN.movImmediate8 : CHOSEN.movImmediate;
    // XABORT and XBEGIN.
    if ((this.#reg & 7) === 7 && this.#mod === 3 && this.#rm === 0) throw STOP_UNSUPPORTED;
    throw STOP_INVALID;
  }

  /** 0F 1E: hints, of which some became instructions of control-flow enforcement. */
  #hint(): Opcode {
    if (this.#repeat !== 0xf3 || this.#mod !== 3) return CHOSEN.hint;
    const reg = this.#reg & 7;
    if (reg === 7 && this.#rm === 2) return CHOSEN.endbr64;
    if (reg === 7 && this.#rm === 3) return CHOSEN.endbr32;
    return reg === 1 ? CHOSEN.rdssp : CHOSEN.hint;
  }

  #systemGroup(): Opcode {
    if (this.#repeat !== 0xf3 || (this.#reg & 7) !== 5) throw STOP_UNSUPPORTED;
    if (this.#mod !== 3) return CHOSEN.rstorssp;
    if (this.#rm === 2) return CHOSEN.saveprevssp;
    if (this.#rm === 0) return CHOSEN.setssbsy;
    throw STOP_UNSUPPORTED;
  }

  #wrss(): Opcode {
    if (this.#operand16 || this.#repeat !== 0) throw STOP_UNSUPPORTED;
    if (this.#mod === 3) throw STOP_INVALID;
    return CHOSEN.wrss;
  }

  #fences(): Opcode {
    const reg = this.#reg & 7;
    if (this.#repeat === 0xf3) {
      if (reg === 5 && this.#mod === 3) return CHOSEN.incssp;
      if (reg === 5) throw STOP_INVALID;
      if (reg === 6 && this.#mod !== 3) return CHOSEN.clrssbsy;
      throw STOP_UNSUPPORTED;
    }
    if (this.#mod !== 3 || this.#repeat !== 0) throw STOP_UNSUPPORTED;
    if (this.#operand16 && reg === 5) throw STOP_INVALID;
    if (this.#operand16) throw STOP_UNSUPPORTED;
    if (reg === 5) return CHOSEN.lfence;
    if (reg === 6) return CHOSEN.mfence;
    if (reg === 7) return CHOSEN.sfence;
    throw STOP_UNSUPPORTED;
  }

  #finish(opcode: Opcode, code: number, twoByte: boolean): Decoded {
    if (opcode.modrm) this.#modrm();
    this.#checkForm(opcode, code, twoByte);
    const size = this.#size(opcode);
    const memory = this.#needsMemory(opcode)
      ? this.#memory(this.#memorySize(opcode, size))
      : undefined;
    const immediate = this.#immediate(opcode.immediate);
    const operands = MODRM_IS_OPCODE.has(opcode)
      ? []
      : opcode.sources.map((source) =>
          this.#operand(source, opcode, size, code, memory, immediate),
        );
    const isMemoryDestination = operands[0]?.kind === 'memory' && opcode.lockable;
    // XCHG names its memory operand first in either order.
    if (this.#lock && !isMemoryDestination) return INVALID;
    const near = opcode.sources[0] === 'J';
    const indirect = opcode.sources[0] === 'E' && code === 0xff && !twoByte;
    const noTrack = this.#segmentHint === 0x3e && this.#segment === undefined;
    return {
      kind: 'instruction',
      instruction: {
        mnemonic: opcode.mnemonic,
        length: this.#at - this.#start,
        operands,
        size,
        condition: opcode.conditional ? code & 15 : 0,
        noTrack: indirect && noTrack,
        overriddenNoTrack: indirect && this.#dataSegment && !noTrack,
        lock: this.#lock,
        vendorDependent: near && this.#operand16,
      },
    };
  }

  /** What ModRM excludes of a row. */
  #checkForm(opcode: Opcode, code: number, twoByte: boolean): void {
    const { sources } = opcode;
    if (sources.includes('M') && this.#mod === 3) throw STOP_INVALID;
    if (sources.includes('S')) {
      const segment = this.#reg & 7;
      if (segment > 5 || (code === 0x8e && segment === 1)) throw STOP_INVALID;
    }
    if (sources.includes('D')) {
      const control = code === 0x20 || code === 0x22;
      const known = control ? [0, 2, 3, 4, 8].includes(this.#reg) : this.#reg < 8;
      if (!known) throw STOP_INVALID;
    }
    // Prefetches are hints: with a register there is nothing to fetch, and no instruction.
    if (twoByte && code === 0x0d && this.#mod === 3) throw STOP_UNSUPPORTED;
  }

  #size({ width, mnemonic }: Opcode): OperandSize {
    switch (width) {
      case 'b':
        return 1;
      case 'w':
        return 2;
      case 'q':
        if (/^(push|pop)f?$/.test(mnemonic) && this.#operand16 && !this.#rexW) return 2;
        // What is counted is as wide as an address.
        if (mnemonic === 'loop' && this.#address32) return 4;
        return 8;
      case 'd':
        return this.#rexW ? 8 : 4;
      default:
        return this.#rexW ? 8 : this.#operand16 ? 2 : 4;
    }
  }

  #memorySize({ width, sources }: Opcode, size: OperandSize): OperandSize {
    if (width === 'b>v') return 1;
    if (width === 'w>v' || sources.includes('S')) return 2;
    if (width === 'd>v') return size === 2 ? 2 : 4;
    return size;
  }

  #needsMemory({ modrm, sources }: Opcode): boolean {
    // MOV to and from control registers ignores ModRM.mod: rm is always a register.
    return modrm && this.#mod !== 3 && !sources.includes('D');
  }

  #memory(size: OperandSize): MemoryOperand {
    let base = this.#rm | ((this.#rex & 1) << 3);
    let index = NO_REGISTER;
    let scale = 0;
    let displacement = 0;
    if (this.#rm === 4) {
      const sib = this.#byte();
      scale = sib >> 6;
      index = ((sib >> 3) & 7) | ((this.#rex & 2) << 2);
      if (index === 4) index = NO_REGISTER;
      base = (sib & 7) | ((this.#rex & 1) << 3);
      if ((sib & 7) === 5 && this.#mod === 0) base = NO_REGISTER;
    } else if (this.#rm === 5 && this.#mod === 0) base = RIP_BASE;
    if (this.#mod === 1) displacement = (this.#byte() << 24) >> 24;
    else if (this.#mod === 2 || base === NO_REGISTER || base === RIP_BASE) {
      displacement = this.#int32();
    }
    return {
      kind: 'memory',
      ...{ size, base, index, displacement },
      scale: scale === 0 ? 1 : scale === 1 ? 2 : scale === 2 ? 4 : 8,
      address32: this.#address32,
      segment: this.#segment,
    };
  }

  #int32(): number {
    const low = this.#byte() | (this.#byte() << 8);
    return low | (this.#byte() << 16) | (this.#byte() << 24);
  }

  #immediate(width: ImmediateWidth): ImmediateOperand | undefined {
    const wide = this.#rexW || !this.#operand16;
    switch (width) {
      case undefined:
        return undefined;
      case 'b':
        return signed((this.#byte() << 24) >> 24);
      case 'w': {
        const low = this.#byte();
        return { kind: 'immediate', low: low | (this.#byte() << 8), high: 0 };
      }
      case 'wb': {
        const low = this.#byte() | (this.#byte() << 8);
        return { kind: 'immediate', low: low | (this.#byte() << 16), high: 0 };
      }
      case 'd':
        return signed(this.#int32());
      case 'z':
        return wide ? signed(this.#int32()) : signed(this.#int16());
      case 'v': {
        if (!wide) return signed(this.#int16());
        const low = this.#int32();
        return this.#rexW ? { kind: 'immediate', low, high: this.#int32() } : signed(low);
      }
    }
  }

  #int16(): number {
    const low = this.#byte();
    return ((low | (this.#byte() << 8)) << 16) >> 16;
  }

  #operand(
    source: Source,
    opcode: Opcode,
    size: OperandSize,
    code: number,
    memory: MemoryOperand | undefined,
    immediate: ImmediateOperand | undefined,
  ): Operand {
    switch (source) {
      case 'E':
      case 'M':
        return (
          memory ??
          this.#register(this.#rm | ((this.#rex & 1) << 3), this.#memorySize(opcode, size))
        );
      case 'G':
        return this.#register(this.#reg, size);
      case 'O': {
        const low = opcode.modrm ? this.#rm : code & 7;
        return this.#register(low | ((this.#rex & 1) << 3), size);
      }
      case 'A':
        return this.#register(0, size, true);
      case 'C':
        return this.#register(1, 1, true);
      case '1':
        return signed(1);
      case 'I':
      case 'J':
        return immediate ?? signed(0);
      case 'S':
        return { kind: 'special', name: SEGMENT_NAMES[this.#reg & 7] ?? '' };
      case 'D':
        return { kind: 'special', name: `${(code & 1) === 0 ? 'cr' : 'dr'}${this.#reg}` };
    }
  }

  /** Without REX, byte registers 4 to 7 are the second bytes of the first four registers. */
  #register(index: number, size: OperandSize, implied = false): Operand {
    const high = size === 1 && this.#rex === 0 && index >= 4 && index < 8 && !implied;
    return { kind: 'register', size, index: high ? index - 4 : index, high };
  }
}

const SEGMENT_NAMES: readonly string[] = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];

function signed(value: number): ImmediateOperand {
  return { kind: 'immediate', low: value, high: value >> 31 };
}
