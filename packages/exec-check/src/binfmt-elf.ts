// SPDX-License-Identifier: MIT
import { PAGE_SIZE, PATH_MAX } from './constants.ts';
import {
  ELF_HEADER_SIZE,
  EM_X86_64,
  ET_DYN,
  ET_EXEC,
  PF_W,
  PF_X,
  programAt,
  PROGRAM_HEADER_SIZE,
  PT_INTERP,
  PT_LOAD,
  type Program,
} from './elf-image.ts';
import { refusal, type Refusal } from './refusal.ts';

const HEADERS = refusal('ENOEXEC', 'elf.program-headers');
const TYPE = refusal('ENOEXEC', 'elf.type');
const MACHINE = refusal('ENOEXEC', 'elf.machine');
const INTERP_SIZE = refusal('ENOEXEC', 'elf.interpreter-name-size');
const INTERP_BEYOND = refusal('EIO', 'elf.interpreter-name-beyond-end');
const INTERP_UNTERMINATED = refusal('ENOEXEC', 'elf.interpreter-name-unterminated');
const INTERP_SHORT = refusal('EIO', 'elf.interpreter-too-short');
const INTERP_BAD = refusal('ELIBBAD', 'elf.interpreter-bad');

/** What of an ELF file decides how its start goes. */
export interface ElfFile {
  readonly bytes: Uint8Array;
  readonly type: number;
  /** Virtual address where it starts. */
  readonly entry: bigint;
  readonly loads: readonly Segment[];
  readonly interp: Segment | undefined;
}

interface Segment {
  readonly flags: number;
  readonly offset: bigint;
  readonly address: bigint;
  readonly fileSize: bigint;
}

/** Whether the file begins as ELF files do: otherwise the format is not this handler's. */
export function hasElfMagic(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/**
 * The header and program headers of a program. Mirrors the first half of load_elf_binary() and
 * load_elf_phdrs(), fs/binfmt_elf.c, Linux 6.12. Class, byte order and version are not looked at.
 *
 * @param mostHeaders longest table of program headers, bytes
 */
export function readElf(bytes: Uint8Array, mostHeaders: number): ElfFile | Refusal {
  // The kernel looks at a zero-padded buffer, so a header that is cut off reads as zeros.
  const header = new Uint8Array(ELF_HEADER_SIZE);
  header.set(bytes.subarray(0, ELF_HEADER_SIZE));
  const view = new DataView(header.buffer);
  const type = view.getUint16(16, true);
  if (type !== ET_EXEC && type !== ET_DYN) return TYPE;
  if (view.getUint16(18, true) !== EM_X86_64) return MACHINE;
  const file = segments(bytes, view, mostHeaders);
  return file === undefined
    ? HEADERS
    : { bytes, type, entry: view.getBigUint64(24, true), ...file };
}

/**
 * The same of an ELF interpreter, whose faults have other names. Its type is looked at only when it
 * is mapped, too late for an errno.
 */
export function readElfInterpreter(bytes: Uint8Array, mostHeaders: number): ElfFile | Refusal {
  if (bytes.length < ELF_HEADER_SIZE) return INTERP_SHORT;
  if (!hasElfMagic(bytes)) return INTERP_BAD;
  const view = new DataView(bytes.buffer, bytes.byteOffset, ELF_HEADER_SIZE);
  if (view.getUint16(18, true) !== EM_X86_64) return INTERP_BAD;
  const file = segments(bytes, view, mostHeaders);
  if (file === undefined) return INTERP_BAD;
  return { bytes, type: view.getUint16(16, true), entry: view.getBigUint64(24, true), ...file };
}

function segments(
  bytes: Uint8Array,
  header: DataView,
  mostHeaders: number,
): Pick<ElfFile, 'loads' | 'interp'> | undefined {
  const offset = header.getBigUint64(32, true);
  const size = header.getUint16(54, true);
  const count = header.getUint16(56, true);
  const tableSize = count * PROGRAM_HEADER_SIZE;
  if (size !== PROGRAM_HEADER_SIZE || count === 0 || tableSize > mostHeaders) {
    return undefined;
  }
  if (offset + BigInt(tableSize) > BigInt(bytes.length)) return undefined;
  const table = new DataView(bytes.buffer, bytes.byteOffset + Number(offset), tableSize);
  const loads: Segment[] = [];
  let interp: Segment | undefined;
  for (let at = 0; at < tableSize; at += PROGRAM_HEADER_SIZE) {
    const type = table.getUint32(at, true);
    const segment: Segment = {
      flags: table.getUint32(at + 4, true),
      offset: table.getBigUint64(at + 8, true),
      address: table.getBigUint64(at + 16, true),
      fileSize: table.getBigUint64(at + 32, true),
    };
    if (type === PT_LOAD) loads.push(segment);
    if (type === PT_INTERP) interp ??= segment;
  }
  return { loads, interp };
}

/**
 * The path in PT_INTERP, or undefined where there is none. An empty path is possible: it names the
 * working directory.
 */
export function interpreterName({ bytes, interp }: ElfFile): string | Refusal | undefined {
  if (interp === undefined) return undefined;
  if (interp.fileSize < 2n || interp.fileSize > BigInt(PATH_MAX)) return INTERP_SIZE;
  const end = interp.offset + interp.fileSize;
  if (end > BigInt(bytes.length)) return INTERP_BEYOND;
  const name = bytes.subarray(Number(interp.offset), Number(end));
  if (name.at(-1) !== 0) return INTERP_UNTERMINATED;
  return String.fromCharCode(...name.subarray(0, name.indexOf(0)));
}

/** How a start ends behind the point of no return. */
export type Start =
  { readonly kind: 'ran'; readonly program: Program | undefined } | { readonly kind: 'killed' };

/**
 * What happens when the program, or its interpreter, is mapped and entered. Mirrors the second half
 * of load_elf_binary() and load_elf_interp(): what is wrong there kills the task.
 *
 * @param zeroesTail whether the rest of the interpreter's last page is zeroed even where it is not
 *   writable, as Linux 6.1 does
 */
export function startElf(
  main: ElfFile,
  interpreter: ElfFile | undefined,
  zeroesTail: boolean,
): Start {
  if (interpreter !== undefined) {
    if (interpreter.type !== ET_EXEC && interpreter.type !== ET_DYN) return { kind: 'killed' };
    if (interpreter.loads.length === 0) return { kind: 'killed' };
    if (zeroesTail && hasReadOnlyTail(interpreter)) return { kind: 'killed' };
  }
  const entered = interpreter ?? main;
  const segment = entered.loads.find(
    ({ address, fileSize }) => entered.entry >= address && entered.entry < address + fileSize,
  );
  if (segment === undefined || (segment.flags & PF_X) === 0) return { kind: 'killed' };
  const offset = Number(entered.entry - segment.address + segment.offset);
  return { kind: 'ran', program: programAt(entered.bytes, offset) };
}

function hasReadOnlyTail({ loads }: ElfFile): boolean {
  const last = loads.reduce((highest, segment) =>
    segment.address + segment.fileSize > highest.address + highest.fileSize ? segment : highest,
  );
  const end = last.address + last.fileSize;
  return end % BigInt(PAGE_SIZE) !== 0n && (last.flags & PF_W) === 0;
}
