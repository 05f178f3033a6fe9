// SPDX-License-Identifier: MIT
import type { ElfContent } from './setup.ts';

/*
 * Sizes and numbers of the ELF-64 object file format: System V ABI, chapters 4 and 5; machine
 * numbers from include/uapi/linux/elf-em.h.
 */
export const ELF_HEADER_SIZE = 64;
export const PROGRAM_HEADER_SIZE = 56;
export const PT_NULL = 0;
export const PT_LOAD = 1;
export const PT_INTERP = 3;
export const PF_X = 1;
export const PF_W = 2;
export const PF_R = 4;
export const ET_REL = 1;
export const ET_EXEC = 2;
export const ET_DYN = 3;
export const EM_X86_64 = 62;
const EM_AARCH64 = 183;
const FIXED_BASE = 0x400000n;

/** Where the immediate byte of `mov edi, exitCode` stands in both programs. */
const EXIT_CODE_AT = 1;

/** mov edi, exitCode; mov eax, SYS_exit; syscall. */
const EXIT_PROGRAM: readonly number[] = [
  0xbf, 0x00, 0x00, 0x00, 0x00, 0xb8, 0x3c, 0x00, 0x00, 0x00, 0x0f, 0x05,
];

/**
 * mov edi, exitCode; then for every byte of every argument, its NUL included: edi = edi * 33 +
 * byte; then exit with the low byte of edi.
 */
const HASH_PROGRAM: readonly number[] = [
  0xbf, 0x00, 0x00, 0x00, 0x00, 0x48, 0x8b, 0x0c, 0x24, 0x48, 0x8d, 0x74, 0x24, 0x08, 0x48, 0x85,
  0xc9, 0x74, 0x1c, 0x4c, 0x8b, 0x06, 0x48, 0x83, 0xc6, 0x08, 0x48, 0xff, 0xc9, 0x41, 0x0f, 0xb6,
  0x10, 0x6b, 0xff, 0x21, 0x01, 0xd7, 0x49, 0xff, 0xc0, 0x85, 0xd2, 0x75, 0xf0, 0xeb, 0xdf, 0x40,
  0x0f, 0xb6, 0xff, 0xb8, 0x3c, 0x00, 0x00, 0x00, 0x0f, 0x05,
];

/** What a program of {@link elfImage} does, as its code tells. */
export interface Program {
  readonly program: 'exit' | 'hash';
  readonly exitCode: number;
}

/**
 * The bytes of a small static x86-64 program: header, program headers, code, interpreter name. One
 * PT_LOAD maps the whole file, readable and executable.
 */
export function elfImage(content: ElfContent): Uint8Array {
  const variations = new Set(content.variations ?? []);
  const needed = content.interp === undefined ? 1 : 2;
  const headerCount = Math.max(content.programHeaders ?? needed, needed);
  const code = content.program === 'exit' ? EXIT_PROGRAM : HASH_PROGRAM;
  const codeAt = ELF_HEADER_SIZE + headerCount * PROGRAM_HEADER_SIZE;
  const interpAt = codeAt + code.length;
  const interp = content.interp ?? '';
  // An empty name keeps two NULs: with one the segment would be too short to be looked at.
  const interpSize = content.interp === undefined ? 0 : Math.max(interp.length + 1, 2);
  const bytes = new Uint8Array(interpAt + interpSize);
  const view = new DataView(bytes.buffer);
  const base = variations.has('typeExec') ? FIXED_BASE : 0n;

  const type = variations.has('typeRel') ? ET_REL : variations.has('typeExec') ? ET_EXEC : ET_DYN;
  const version = variations.has('badVersion') ? 0 : 1;
  bytes.set([variations.has('badMagic') ? 0x7e : 0x7f, 0x45, 0x4c, 0x46]);
  bytes.set([variations.has('class32') ? 1 : 2, variations.has('bigEndian') ? 2 : 1, version], 4);
  view.setUint16(16, type, true);
  view.setUint16(18, variations.has('otherMachine') ? EM_AARCH64 : EM_X86_64, true);
  view.setUint32(20, version, true);
  view.setBigUint64(24, base + BigInt(codeAt), true);
  view.setBigUint64(
    32,
    variations.has('phoffBeyondEof') ? BigInt(bytes.length) : BigInt(ELF_HEADER_SIZE),
    true,
  );
  view.setUint16(52, ELF_HEADER_SIZE, true);
  view.setUint16(54, variations.has('phentsize32') ? 32 : PROGRAM_HEADER_SIZE, true);
  view.setUint16(56, variations.has('noProgramHeaders') ? 0 : headerCount, true);

  programHeader(view, 0, {
    type: variations.has('noLoad') ? PT_NULL : PT_LOAD,
    flags: PF_R | PF_X | (variations.has('writableLoad') ? PF_W : 0),
    offset: 0,
    address: base,
    size: bytes.length,
    align: 0x1000,
  });
  if (content.interp !== undefined) {
    programHeader(view, 1, {
      type: PT_INTERP,
      flags: PF_R,
      offset: variations.has('interpBeyondEof') ? bytes.length + 0x1000 : interpAt,
      address: base + BigInt(interpAt),
      size: variations.has('interpOneByte')
        ? 1
        : variations.has('interpTooLong')
          ? 4097
          : interpSize,
      align: 1,
    });
  }

  bytes.set(code, codeAt);
  bytes[codeAt + EXIT_CODE_AT] = content.exitCode;
  for (let index = 0; index < interp.length; index += 1) {
    bytes[interpAt + index] = interp.charCodeAt(index);
  }
  if (variations.has('interpWithoutNul') && interpSize > 0) bytes[bytes.length - 1] = 0x78;
  return variations.has('truncatedHeader') ? bytes.slice(0, ELF_HEADER_SIZE - 1) : bytes;
}

/** The program whose code stands at `offset`, or undefined where it is none of ours. */
export function programAt(bytes: Uint8Array, offset: number): Program | undefined {
  const exitCode = bytes[offset + EXIT_CODE_AT];
  if (exitCode === undefined) return undefined;
  if (holds(bytes, offset, EXIT_PROGRAM)) return { program: 'exit', exitCode };
  if (holds(bytes, offset, HASH_PROGRAM)) return { program: 'hash', exitCode };
  return undefined;
}

function holds(bytes: Uint8Array, offset: number, code: readonly number[]): boolean {
  return code.every((byte, index) => index === EXIT_CODE_AT || bytes[offset + index] === byte);
}

interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: bigint;
  readonly size: number;
  readonly align: number;
}

function programHeader(view: DataView, index: number, header: ProgramHeader): void {
  const at = ELF_HEADER_SIZE + index * PROGRAM_HEADER_SIZE;
  view.setUint32(at, header.type, true);
  view.setUint32(at + 4, header.flags, true);
  view.setBigUint64(at + 8, BigInt(header.offset), true);
  view.setBigUint64(at + 16, header.address, true);
  view.setBigUint64(at + 24, header.address, true);
  view.setBigUint64(at + 32, BigInt(header.size), true);
  view.setBigUint64(at + 40, BigInt(header.size), true);
  view.setBigUint64(at + 48, BigInt(header.align), true);
}
