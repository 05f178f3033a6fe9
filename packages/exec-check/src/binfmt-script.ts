// SPDX-License-Identifier: MIT
import { BINPRM_BUF_SIZE } from './constants.ts';

/** What the first line of a script asks for. */
export interface ScriptLine {
  /** Path of the interpreter; may be empty, which then names the working directory. */
  readonly interpreter: string;
  /** The rest of the line, one argument however many words it has. */
  readonly argument: string | undefined;
}

const NUL = 0;
const TAB = 9;
const NEWLINE = 10;
const SPACE = 32;

/**
 * Reads the `#!` line in the first 256 bytes of a file, which are padded with NULs.
 *
 * Mirrors load_script(), fs/binfmt_script.c, Linux 6.12. Carriage returns are part of a name.
 *
 * @returns undefined where the file is no script: the next format is asked, in the end ENOEXEC
 */
export function parseScript(file: Uint8Array): ScriptLine | undefined {
  const buffer = new Uint8Array(BINPRM_BUF_SIZE);
  buffer.set(file.subarray(0, BINPRM_BUF_SIZE));
  if (buffer[0] !== 0x23 || buffer[1] !== 0x21) return undefined;

  let end = newline(buffer);
  if (end < 0) {
    // Without a newline the line may be cut off. A name is taken only where something ends it.
    const name = nonBlank(buffer, 2, BINPRM_BUF_SIZE - 1);
    if (name < 0 || terminator(buffer, name, BINPRM_BUF_SIZE - 1) < 0) return undefined;
    end = BINPRM_BUF_SIZE - 1;
  }
  while (isBlank(buffer[end - 1])) end -= 1;
  const name = nonBlank(buffer, 2, end);
  if (name < 0 || name === end) return undefined;

  const separator = terminator(buffer, name, end);
  const blankFollows = separator >= 0 && buffer[separator] !== NUL;
  const argument = blankFollows ? nonBlank(buffer, separator, end) : -1;
  if (argument < 0) return { interpreter: text(buffer, name, end), argument: undefined };
  return { interpreter: text(buffer, name, separator), argument: text(buffer, argument, end) };
}

/** The first newline that stands before any NUL, or -1. */
function newline(buffer: Uint8Array): number {
  const found = buffer.indexOf(NEWLINE);
  const nul = buffer.indexOf(NUL);
  return found >= 0 && (nul < 0 || found < nul) ? found : -1;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

/** The first byte of first..last that is neither space nor tab, or -1. */
function nonBlank(buffer: Uint8Array, first: number, last: number): number {
  for (let index = first; index <= last; index += 1) if (!isBlank(buffer[index])) return index;
  return -1;
}

/** The first space, tab or NUL of first..last, or -1. */
function terminator(buffer: Uint8Array, first: number, last: number): number {
  for (let index = first; index <= last; index += 1) {
    if (isBlank(buffer[index]) || buffer[index] === NUL) return index;
  }
  return -1;
}

/** The C string from `start` to before `end`. */
function text(buffer: Uint8Array, start: number, end: number): string {
  const nul = buffer.indexOf(NUL, start);
  const stop = nul >= 0 && nul < end ? nul : end;
  return String.fromCharCode(...buffer.subarray(start, stop));
}
