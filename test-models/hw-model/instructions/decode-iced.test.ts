// SPDX-License-Identifier: MIT
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import type * as Iced from 'iced-x86';
import { decode } from '@kernel-models/hw-model/instructions';
import { IS_DEEP, SUITE_SEED } from '../../support/check-property.ts';

const iced = createRequire(import.meta.url)('iced-x86') as typeof Iced;

/** One byte string to a record; iced never sees the end of one. */
const RECORD = 32;

/** What iced answers to each record: the length, or 0 where it refuses. */
function icedLengths(bytes: Uint8Array): readonly number[] {
  const decoder = new iced.Decoder(64, bytes, iced.DecoderOptions.None);
  const instruction = new iced.Instruction();
  const lengths: number[] = [];
  for (let at = 0; at < bytes.length; at += RECORD) {
    decoder.position = at;
    decoder.decodeOut(instruction);
    lengths.push(instruction.isInvalid ? 0 : instruction.length);
  }
  instruction.free();
  decoder.free();
  return lengths;
}

interface Tally {
  readonly compared: number;
  readonly unsupported: number;
  readonly differences: readonly string[];
}

/** Holds the decoder against iced over records; `unsupported` says nothing and is only counted. */
function compare(bytes: Uint8Array): Tally {
  const lengths = icedLengths(bytes);
  const differences: string[] = [];
  let unsupported = 0;
  for (const [index, expected] of lengths.entries()) {
    const record = bytes.subarray(index * RECORD, (index + 1) * RECORD);
    const decoded = decode(record);
    if (decoded.kind === 'unsupported') {
      unsupported += 1;
      continue;
    }
    const length = decoded.kind === 'instruction' ? decoded.instruction.length : 0;
    if (length === expected) continue;
    const hex = Buffer.from(record.subarray(0, 12)).toString('hex');
    const name = decoded.kind === 'instruction' ? decoded.instruction.mnemonic : decoded.kind;
    differences.push(`${hex}: ${name} ${length}, iced ${expected}`);
  }
  return { compared: lengths.length - unsupported, unsupported, differences };
}

/** A small generator of known bytes: xorshift32. */
function random(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

const PREFIXES: readonly (readonly number[])[] = [
  ...[[], [0x66], [0x67], [0xf2], [0xf3], [0xf0], [0x48], [0x41], [0x44], [0x4f]],
  ...[[0x66, 0x48], [0xf3, 0x48], [0x66, 0xf3], [0x2e], [0x64], [0x48, 0x66], [0xf0, 0x48]],
];

/** Every opcode of a map with every ModRM, behind some prefixes. */
function opcodeSpace(prefixes: readonly number[], escape: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(0x10000 * RECORD);
  const next = random(SUITE_SEED);
  for (let index = 0; index < 0x10000; index += 1) {
    const tail = Array.from({ length: 12 }, () => next() & 0xff);
    bytes.set([...prefixes, ...escape, index >> 8, index & 0xff, ...tail], index * RECORD);
  }
  return bytes;
}

describe.each([
  ['one-byte map', []],
  ['two-byte map', [0x0f]],
])('the %s', (_, escape) => {
  // The first prefixes are those that change lengths; the rest is for the long run.
  test.each((IS_DEEP ? PREFIXES : PREFIXES.slice(0, 8)).map((prefixes) => ({ prefixes })))(
    'behind $prefixes has the lengths that iced gives it',
    ({ prefixes }) => {
      const { differences, compared } = compare(opcodeSpace(prefixes, escape));
      expect(compared).toBeGreaterThan(10_000);
      expect(differences.slice(0, 40)).toEqual([]);
    },
  );
});

/** Names that iced tells apart by operand size, by what a hint is for, or as an alias. */
const ICED_NAMES: Readonly<Record<string, readonly string[]>> = {
  nop: [
    ...['reservednop', 'cldemote', 'prefetchnta', 'prefetchit0', 'prefetchit1'],
    ...['prefetcht0', 'prefetcht1', 'prefetcht2'],
  ],
  prefetchw: ['prefetch', 'prefetchwt1'],
  movs: ['movsb', 'movsw', 'movsd', 'movsq'],
  stos: ['stosb', 'stosw', 'stosd', 'stosq'],
  pushf: ['pushfq'],
  popf: ['popfq'],
  shl: ['sal'],
  iret: ['iretd', 'iretq'],
  cwde: ['cbw', 'cdqe'],
  cdq: ['cwd', 'cqo'],
  sysret: ['sysretq'],
  sysexit: ['sysexitq'],
  jmpf: ['jmp'],
  callf: ['call'],
  cmpxchg8b: ['cmpxchg16b'],
  jrcxz: ['jecxz'],
  wrss: ['wrssd', 'wrssq'],
  incssp: ['incsspd', 'incsspq'],
  rdssp: ['rdsspd', 'rdsspq'],
};

describe.each([
  ['one-byte map', []],
  ['two-byte map', [0x0f]],
  ['map of 0F 38', [0x0f, 0x38]],
])('names of the %s', (_, escape) => {
  test.each((IS_DEEP ? PREFIXES : [[], [0x66], [0xf3], [0x48]]).map((prefixes) => ({ prefixes })))(
    'behind $prefixes are those of iced',
    ({ prefixes }) => {
      const bytes = opcodeSpace(prefixes, escape);
      const decoder = new iced.Decoder(64, bytes, iced.DecoderOptions.None);
      const instruction = new iced.Instruction();
      const differences = new Set<string>();
      for (let at = 0; at < bytes.length; at += RECORD) {
        const decoded = decode(bytes.subarray(at, at + RECORD));
        if (decoded.kind !== 'instruction') continue;
        decoder.position = at;
        decoder.decodeOut(instruction);
        const { mnemonic } = decoded.instruction;
        const name = (iced.Mnemonic[instruction.mnemonic] ?? '').toLowerCase();
        const known = mnemonic === name || ICED_NAMES[mnemonic]?.includes(name) === true;
        if (known && decoded.instruction.length === instruction.length) continue;
        differences.add(`${mnemonic}, iced ${name}`);
      }
      instruction.free();
      decoder.free();
      expect([...differences]).toEqual([]);
    },
  );
});

test('every SIB byte has the length that iced gives it', () => {
  const bytes = new Uint8Array(0x10000 * RECORD);
  const next = random(SUITE_SEED);
  // MOV and LEA with REX.X and REX.B, and 32-bit addresses: what base and index depend on.
  const heads = [[0x8b], [0x4b, 0x8b], [0x43, 0x8d], [0x67, 0x42, 0x89]];
  for (let index = 0; index < 0x10000; index += 1) {
    const head = heads[index % heads.length] ?? [];
    const modrm = 0x04 | ((index >> 2) & 0x38) | ([0x00, 0x40, 0x80][index % 3] ?? 0);
    const tail = Array.from({ length: 10 }, () => next() & 0xff);
    bytes.set([...head, modrm, (index >> 8) & 0xff, ...tail], index * RECORD);
  }
  const { differences, unsupported } = compare(bytes);
  expect(unsupported).toBe(0);
  expect(differences.slice(0, 40)).toEqual([]);
});

test('random bytes have the lengths that iced gives them', () => {
  const count = IS_DEEP ? 1_000_000 : 100_000;
  const bytes = new Uint8Array(count * RECORD);
  const next = random(SUITE_SEED);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = next() >>> 9;
  const { differences, compared } = compare(bytes);
  expect(compared).toBeGreaterThan(count / 2);
  expect(differences.slice(0, 40)).toEqual([]);
});

test('random runs of prefixes have the lengths that iced gives them', () => {
  const prefixes = [
    0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65, 0x40, 0x48, 0x4f,
  ];
  const opcodes = [0x90, 0xc3, 0xe8, 0x75, 0x89, 0x81, 0xb8, 0xff, 0xf7, 0x01, 0x0f];
  const count = IS_DEEP ? 500_000 : 50_000;
  const bytes = new Uint8Array(count * RECORD);
  const next = random(SUITE_SEED);
  const pick = (list: readonly number[]): number => list[next() % list.length] ?? 0;
  for (let index = 0; index < count; index += 1) {
    const run = Array.from({ length: next() % 14 }, () => pick(prefixes));
    const tail = Array.from({ length: 16 }, () => next() & 0xff);
    bytes.set([...run, pick(opcodes), ...tail].slice(0, RECORD), index * RECORD);
  }
  expect(compare(bytes).differences.slice(0, 40)).toEqual([]);
});

test('what is truncated is so for iced; what is invalid stays invalid whatever follows', () => {
  const next = random(SUITE_SEED);
  const differences: string[] = [];
  for (let run = 0; run < 3_000; run += 1) {
    const whole = new Uint8Array(RECORD).map(() => next() & 0xff);
    const cut = whole.subarray(0, 1 + (next() % 14));
    const { kind } = decode(cut);
    const lacks = icedLacksBytes(cut);
    // iced asks for one byte more than an opcode that is invalid by itself needs.
    const agrees =
      kind === 'unsupported' ||
      (kind === 'truncated') === lacks ||
      (kind === 'invalid' && icedLengths(whole)[0] === 0);
    if (!agrees) differences.push(`${Buffer.from(cut).toString('hex')}: ${kind}, iced ${lacks}`);
  }
  expect(differences).toEqual([]);
});

function icedLacksBytes(bytes: Uint8Array): boolean {
  const decoder = new iced.Decoder(64, bytes, iced.DecoderOptions.None);
  const instruction = decoder.decode();
  const lacks = instruction.isInvalid && decoder.lastError === iced.DecoderError.NoMoreBytes;
  instruction.free();
  decoder.free();
  return lacks;
}

test('appended bytes change no outcome but truncated', () => {
  const next = random(SUITE_SEED);
  for (let run = 0; run < 20_000; run += 1) {
    const whole = new Uint8Array(20).map(() => next() & 0xff);
    let before = decode(whole.subarray(0, 0));
    for (let length = 1; length <= whole.length; length += 1) {
      const after = decode(whole.subarray(0, length));
      if (before.kind !== 'truncated') {
        if (JSON.stringify(after) !== JSON.stringify(before)) {
          throw new Error(
            `${Buffer.from(whole.subarray(0, length)).toString('hex')}: ${before.kind} became ${after.kind}`,
          );
        }
        break;
      }
      before = after;
    }
  }
});
