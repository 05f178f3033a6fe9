// SPDX-License-Identifier: MIT
import { CONDITIONS } from './instruction.ts';

/*
 * The opcode maps of 64-bit mode, Intel SDM volume 2, appendix A, as far as this decoder claims
 * them.
 */

/**
 * Where an operand comes from: `E` ModRM.rm, `M` the same and never a register, `G` ModRM.reg, `O`
 * the opcode's low three bits, `A` the accumulator, `1` the constant, `C` CL, `I` an immediate, `J`
 * a relative branch target, `S` a segment register in ModRM.reg, `D` a control or debug register.
 */
export type Source = 'E' | 'M' | 'G' | 'O' | 'A' | '1' | 'C' | 'I' | 'J' | 'S' | 'D';

/**
 * `b` 1 byte, `w` 2, `v` by prefixes, `q` 8 unless 66 makes it 2, `d` 4 or 8, `b>v`/`w>v`
 * extensions.
 */
export type Width = 'b' | 'w' | 'v' | 'q' | 'd' | 'b>v' | 'w>v' | 'd>v';

/** `b`, `w`, `d` 1, 2 and 4 bytes; `z` 2 or 4, `v` 2, 4 or 8; `wb` that of ENTER. */
export type ImmediateWidth = 'b' | 'w' | 'd' | 'z' | 'v' | 'wb' | undefined;

/** One row of an opcode map. */
export interface Opcode {
  readonly mnemonic: string;
  readonly modrm: boolean;
  readonly sources: readonly Source[];
  readonly width: Width;
  readonly immediate: ImmediateWidth;
  /** LOCK is legal with a memory destination. */
  readonly lockable: boolean;
  /** Jcc, CMOVcc or SETcc. */
  readonly conditional: boolean;
}

/** `group` rows are chosen by ModRM.reg; `special` ones by prefixes as well, in decode.ts. */
export type Row =
  | Opcode
  | { readonly group: readonly (Opcode | 'invalid' | 'unsupported')[] }
  | 'invalid'
  | 'unsupported'
  | 'special';

const CONDITIONAL: ReadonlySet<string> = new Set(
  CONDITIONS.flatMap((condition) => [`j${condition}`, `cmov${condition}`, `set${condition}`]),
);

function row(
  mnemonic: string,
  sources: string,
  width: Width = 'v',
  immediate: ImmediateWidth = undefined,
  lockable = false,
): Opcode {
  const list = [...sources] as readonly Source[];
  const modrm = list.some((source) => 'EMGSD'.includes(source));
  const conditional = CONDITIONAL.has(mnemonic);
  return { mnemonic, modrm, sources: list, width, immediate, lockable, conditional };
}

const ALU: readonly string[] = ['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp'];
const SHIFTS: readonly string[] = ['rol', 'ror', 'rcl', 'rcr', 'shl', 'shr', 'shl', 'sar'];

function aluGroup(width: Width, immediate: ImmediateWidth): Row {
  return { group: ALU.map((name) => row(name, 'EI', width, immediate, name !== 'cmp')) };
}

function shiftGroup(sources: string, width: Width, immediate?: ImmediateWidth): Row {
  return { group: SHIFTS.map((name) => row(name, sources, width, immediate)) };
}

function unaryGroup(width: Width, immediate: ImmediateWidth): Row {
  const test = row('test', 'EI', width, immediate);
  return {
    group: [
      ...[test, test],
      ...[row('not', 'E', width, undefined, true), row('neg', 'E', width, undefined, true)],
      ...['mul', 'imul', 'div', 'idiv'].map((name) => row(name, 'E', width)),
    ],
  };
}

/** The one-byte opcode map. Prefixes are taken before it is asked. */
export const ONE_BYTE: readonly Row[] = oneByte();

function oneByte(): Row[] {
  const map = new Array<Row>(256).fill('unsupported');
  for (const [index, name] of ALU.entries()) {
    const at = 8 * index;
    const lockable = name !== 'cmp';
    map[at] = row(name, 'EG', 'b', undefined, lockable);
    map[at + 1] = row(name, 'EG', 'v', undefined, lockable);
    map[at + 2] = row(name, 'GE', 'b');
    map[at + 3] = row(name, 'GE');
    map[at + 4] = row(name, 'AI', 'b', 'b');
    map[at + 5] = row(name, 'AI', 'v', 'z');
    map[at + 6] = 'invalid';
    map[at + 7] = 'invalid';
  }
  for (let low = 0; low < 8; low += 1) {
    map[0x50 + low] = row('push', 'O', 'q');
    map[0x58 + low] = row('pop', 'O', 'q');
    map[0x90 + low] = row('xchg', 'AO');
    map[0xb0 + low] = row('mov', 'OI', 'b', 'b');
    map[0xb8 + low] = row('mov', 'OI', 'v', 'v');
  }
  for (const [low, condition] of CONDITIONS.entries())
    map[0x70 + low] = row(`j${condition}`, 'J', 'q', 'b');
  for (const code of [0x60, 0x61, 0x82, 0x9a, 0xce, 0xd4, 0xd5, 0xd6, 0xea]) map[code] = 'invalid';
  const rows: Readonly<Record<number, Row>> = {
    0x63: row('movsxd', 'GE', 'd>v'),
    0x68: row('push', 'I', 'q', 'z'),
    0x69: row('imul', 'GEI', 'v', 'z'),
    0x6a: row('push', 'I', 'q', 'b'),
    0x6b: row('imul', 'GEI', 'v', 'b'),
    0x80: aluGroup('b', 'b'),
    0x81: aluGroup('v', 'z'),
    0x83: aluGroup('v', 'b'),
    0x84: row('test', 'EG', 'b'),
    0x85: row('test', 'EG'),
    0x86: row('xchg', 'EG', 'b', undefined, true),
    0x87: row('xchg', 'EG', 'v', undefined, true),
    0x88: row('mov', 'EG', 'b'),
    0x89: row('mov', 'EG'),
    0x8a: row('mov', 'GE', 'b'),
    0x8b: row('mov', 'GE'),
    0x8c: row('mov', 'ES'),
    0x8d: row('lea', 'GM'),
    0x8e: row('mov', 'SE'),
    0x8f: {
      group: [
        row('pop', 'E', 'q'),
        // AMD's XOP prefix: its map, 8 or above, puts a bit into the low two of ModRM.reg.
        ...(['unsupported', 'unsupported', 'unsupported', 'invalid'] as const),
        ...(['unsupported', 'unsupported', 'unsupported'] as const),
      ],
    },
    0x90: 'special',
    0x98: row('cwde', ''),
    0x99: row('cdq', ''),
    0x9c: row('pushf', '', 'q'),
    0x9d: row('popf', '', 'q'),
    0xa4: row('movs', '', 'b'),
    0xa5: row('movs', ''),
    0xa8: row('test', 'AI', 'b', 'b'),
    0xa9: row('test', 'AI', 'v', 'z'),
    0xaa: row('stos', '', 'b'),
    0xab: row('stos', ''),
    0xc0: shiftGroup('EI', 'b', 'b'),
    0xc1: shiftGroup('EI', 'v', 'b'),
    0xc2: row('ret', 'I', 'q', 'w'),
    0xc3: row('ret', '', 'q'),
    0xc6: 'special',
    0xc7: 'special',
    0xc8: row('enter', 'I', 'q', 'wb'),
    0xc9: row('leave', '', 'q'),
    0xca: row('retf', 'I', 'v', 'w'),
    0xcb: row('retf', ''),
    0xcc: row('int3', ''),
    0xcd: row('int', 'I', 'b', 'b'),
    0xcf: row('iret', ''),
    0xd0: shiftGroup('E1', 'b'),
    0xd1: shiftGroup('E1', 'v'),
    0xd2: shiftGroup('EC', 'b'),
    0xd3: shiftGroup('EC', 'v'),
    0xe0: row('loopne', 'J', 'q', 'b'),
    0xe1: row('loope', 'J', 'q', 'b'),
    0xe2: row('loop', 'J', 'q', 'b'),
    0xe3: row('jrcxz', 'J', 'q', 'b'),
    0xe8: row('call', 'J', 'q', 'd'),
    0xe9: row('jmp', 'J', 'q', 'd'),
    0xeb: row('jmp', 'J', 'q', 'b'),
    0xf1: row('int1', ''),
    0xf4: row('hlt', ''),
    0xf5: row('cmc', ''),
    0xf6: unaryGroup('b', 'b'),
    0xf7: unaryGroup('v', 'z'),
    0xfa: row('cli', ''),
    0xfb: row('sti', ''),
    0xfe: {
      group: [
        ...[row('inc', 'E', 'b', undefined, true), row('dec', 'E', 'b', undefined, true)],
        ...new Array<'invalid'>(6).fill('invalid'),
      ],
    },
    0xff: {
      group: [
        ...[row('inc', 'E', 'v', undefined, true), row('dec', 'E', 'v', undefined, true)],
        ...[row('call', 'E', 'q'), row('callf', 'M'), row('jmp', 'E', 'q'), row('jmpf', 'M')],
        ...[row('push', 'E', 'q'), 'invalid' as const],
      ],
    },
  };
  for (const [code, entry] of Object.entries(rows)) map[Number(code)] = entry;
  return map;
}

/** The two-byte opcode map, behind 0F. */
export const TWO_BYTE: readonly Row[] = twoByte();

function twoByte(): Row[] {
  const map = new Array<Row>(256).fill('unsupported');
  for (const [low, condition] of CONDITIONS.entries()) {
    map[0x40 + low] = row(`cmov${condition}`, 'GE');
    map[0x80 + low] = row(`j${condition}`, 'J', 'q', 'd');
    map[0x90 + low] = row(`set${condition}`, 'E', 'b');
  }
  for (let low = 0; low < 8; low += 1) {
    map[0x18 + low] = row('nop', 'E');
    map[0xc8 + low] = row('bswap', 'O');
  }
  const invalid = [0x04, 0x0a, 0x0c, 0x24, 0x25, 0x26, 0x27, 0x36, 0x39, 0x3b, 0x3c, 0x3d, 0x3e];
  for (const code of [...invalid, 0x3f, 0x7a, 0x7b]) map[code] = 'invalid';
  const bitTest = ['bt', 'bts', 'btr', 'btc'];
  const rows: Readonly<Record<number, Row>> = {
    0x01: 'special',
    0x05: row('syscall', ''),
    0x07: row('sysret', ''),
    0x0b: row('ud2', ''),
    0x0d: row('prefetchw', 'E'),
    0x1e: 'special',
    0x20: row('mov', 'OD', 'q'),
    0x21: row('mov', 'OD', 'q'),
    0x22: row('mov', 'DO', 'q'),
    0x23: row('mov', 'DO', 'q'),
    0x30: row('wrmsr', ''),
    0x32: row('rdmsr', ''),
    0x34: row('sysenter', ''),
    0x35: row('sysexit', ''),
    0x38: 'special',
    0xa2: row('cpuid', ''),
    0xa3: row('bt', 'EG'),
    0xab: row('bts', 'EG', 'v', undefined, true),
    0xae: 'special',
    0xaf: row('imul', 'GE'),
    0xb0: row('cmpxchg', 'EG', 'b', undefined, true),
    0xb1: row('cmpxchg', 'EG', 'v', undefined, true),
    0xb3: row('btr', 'EG', 'v', undefined, true),
    0xb6: row('movzx', 'GE', 'b>v'),
    0xb7: row('movzx', 'GE', 'w>v'),
    0xb9: row('ud1', 'GE'),
    0xba: {
      group: [
        ...new Array<'invalid'>(4).fill('invalid'),
        ...bitTest.map((name) => row(name, 'EI', 'v', 'b', name !== 'bt')),
      ],
    },
    0xbb: row('btc', 'EG', 'v', undefined, true),
    0xbe: row('movsx', 'GE', 'b>v'),
    0xbf: row('movsx', 'GE', 'w>v'),
    0xc0: row('xadd', 'EG', 'b', undefined, true),
    0xc1: row('xadd', 'EG', 'v', undefined, true),
    0xc7: 'special',
    0xff: row('ud0', 'GE'),
  };
  for (const [code, entry] of Object.entries(rows)) map[Number(code)] = entry;
  return map;
}

/** The instructions that share an opcode with others and are told apart by prefixes or ModRM. */
type Choice =
  | ('nop' | 'pause' | 'xchg' | 'movImmediate8' | 'movImmediate' | 'hint' | 'endbr64' | 'endbr32')
  | ('rdssp' | 'incssp' | 'clrssbsy' | 'saveprevssp' | 'setssbsy' | 'rstorssp' | 'wrss')
  | ('lfence' | 'mfence' | 'sfence' | 'cmpxchg8b');

/** Rows that prefixes choose, by their name in decode.ts. */
export const CHOSEN: Readonly<Record<Choice, Opcode>> = {
  nop: row('nop', ''),
  pause: row('pause', ''),
  xchg: row('xchg', 'AO'),
  movImmediate8: row('mov', 'EI', 'b', 'b'),
  movImmediate: row('mov', 'EI', 'v', 'z'),
  hint: row('nop', 'E'),
  endbr64: row('endbr64', 'E'),
  endbr32: row('endbr32', 'E'),
  rdssp: row('rdssp', 'E', 'd'),
  incssp: row('incssp', 'E', 'd'),
  clrssbsy: row('clrssbsy', 'M', 'q'),
  saveprevssp: row('saveprevssp', 'E'),
  setssbsy: row('setssbsy', 'E'),
  rstorssp: row('rstorssp', 'M', 'q'),
  wrss: row('wrss', 'MG', 'd'),
  lfence: row('lfence', 'E'),
  mfence: row('mfence', 'E'),
  sfence: row('sfence', 'E'),
  cmpxchg8b: row('cmpxchg8b', 'M', 'v', undefined, true),
};

/** Instructions without operands of which ModRM is only the last byte of the opcode. */
export const MODRM_IS_OPCODE: ReadonlySet<Opcode> = new Set([
  CHOSEN.endbr64,
  CHOSEN.endbr32,
  CHOSEN.saveprevssp,
  CHOSEN.setssbsy,
  CHOSEN.lfence,
  CHOSEN.mfence,
  CHOSEN.sfence,
]);
