// SPDX-License-Identifier: MIT
import {
  argvHash,
  AT_FDCWD,
  BINPRM_BUF_SIZE,
  type Features,
  type Outcome,
} from '@kernel-models/exec-check';
import { push, type ArgumentSpace } from './argument-space.ts';
import { lsmRefuses } from './lsm.ts';
import { askListeners, imaRefuses, openForExec } from './opening.ts';
import { walk } from './walk.ts';
import {
  fail,
  inodeAt,
  inodeNumber,
  nth,
  tell,
  type Place,
  type Task,
  type World,
} from './world.ts';

/** A real exec behind bprm_creds_for_exec. */
export interface Exec {
  readonly world: World;
  readonly name: string;
  readonly task: Task;
  readonly features: Features;
  readonly space: ArgumentSpace;
  /** The program is named by a descriptor that the exec will close. */
  readonly viaCloexec: boolean;
}

/** What is executed now, and as what. */
interface Image {
  readonly place: Place;
  readonly name: string;
  readonly argv: readonly string[];
}

/**
 * What a format handler answers: an image to go on with, an outcome, or that it is not its format.
 */
type Handled = Image | Outcome | 'not mine';

const ROUNDS = 6;

/**
 * Goes from interpreter to interpreter until something runs, and closes everything that it opened.
 */
export function runFormats(
  exec: Exec,
  place: Place,
  name: string,
  argvTexts: () => string[],
): Outcome {
  const opened: Place[] = [];
  try {
    let image: Image = { place, name, argv: argvTexts() };
    let executable: Place | undefined;
    for (let round = 0; round < ROUNDS; round += 1) {
      checkImage(exec, image.place);
      const misc = miscEntry(exec, image);
      const handled =
        misc !== undefined
          ? runMisc(exec, image, misc, opened)
          : firstHandled([
              () => runScript(exec, image, opened),
              () => runElf(exec, image, executable, opened),
            ]);
      if (handled === 'not mine') return fail('ENOEXEC');
      if ('kind' in handled) return handled;
      if (misc !== undefined && keepsExecutable(misc)) {
        if (executable !== undefined) fail('ENOEXEC');
        if (misc.flags.includes('C')) executable = image.place;
      }
      image = handled;
    }
    return fail('ELOOP');
  } finally {
    for (const each of opened) {
      tell(exec.world, inodeNumber(exec.world, each), 'IN_CLOSE_NOWRITE');
    }
  }
}

function firstHandled(handlers: readonly (() => Handled)[]): Handled {
  for (const handler of handlers) {
    const handled = handler();
    if (handled !== 'not mine') return handled;
  }
  return 'not mine';
}

/** Reads the header and asks the security modules. */
function checkImage({ world, name }: Exec, place: Place): void {
  const inode = inodeAt(world, place);
  readFile(world, place);
  lsmRefuses(world, 'bprmCheck', name, inodeNumber(world, place), false);
  if (world.ipe?.mode === 'enforce' && inode.ipeUntrusted) fail('EACCES');
  if (inode.imaUnsigned && imaRefuses(world, 'BPRM_CHECK')) fail('EACCES');
}

function readFile(world: World, place: Place): Uint8Array {
  askListeners(world, place, 'FAN_ACCESS_PERM');
  const { bytes } = inodeAt(world, place);
  if (bytes.length > 0) tell(world, inodeNumber(world, place), 'IN_ACCESS');
  return bytes;
}

/** Opens an interpreter as open_exec does, from the task's working directory. */
function openInterpreter(exec: Exec, path: string, opened: Place[]): Place {
  const { world, name, task, features } = exec;
  const found = walk(world, name, task, AT_FDCWD, path, true);
  const { place } = openForExec(world, name, task, found, features, false);
  opened.push(place);
  return place;
}

type MiscEntry = World['binfmtMisc'][number];

function keepsExecutable(entry: MiscEntry): boolean {
  return entry.flags.includes('O') || entry.flags.includes('C');
}

function miscEntry({ world }: Exec, image: Image): MiscEntry | undefined {
  const header = headerOf(inodeAt(world, image.place).bytes);
  return world.binfmtMisc.find(({ match }) => {
    if (match.kind === 'extension') {
      const dot = image.name.lastIndexOf('.');
      return dot !== -1 && image.name.slice(dot + 1) === match.extension;
    }
    const magic = Buffer.from(match.base64, 'base64');
    return magic.every((byte, index) => header[match.offset + index] === byte);
  });
}

function runMisc(exec: Exec, image: Image, entry: MiscEntry, opened: Place[]): Image {
  if (exec.viaCloexec) fail('ENOENT');
  let rest = image.argv;
  if (!entry.flags.includes('P')) rest = dropFirst(exec, image.argv);
  push(exec.space, image.name.length + 1, 1);
  push(exec.space, entry.interpreter.length + 1, 1);
  const argv = [entry.interpreter, image.name, ...rest];
  const place = entry.opened ?? openInterpreter(exec, entry.interpreter, opened);
  return { place, name: entry.interpreter, argv };
}

function dropFirst(exec: Exec, argv: readonly string[]): readonly string[] {
  exec.space.used -= (argv[0] ?? '').length + 1;
  return argv.slice(1);
}

function headerOf(bytes: Uint8Array): string[] | Uint8Array {
  const header = new Uint8Array(BINPRM_BUF_SIZE);
  header.set(bytes.slice(0, BINPRM_BUF_SIZE));
  return header;
}

/** `#!`: splits the first line into a name and one argument. */
function runScript(exec: Exec, image: Image, opened: Place[]): Handled {
  const bytes = inodeAt(exec.world, image.place).bytes;
  const parsed = scriptLine(bytes);
  if (parsed === undefined) return 'not mine';
  if (exec.viaCloexec) fail('ENOENT');
  const rest = dropFirst(exec, image.argv);
  push(exec.space, image.name.length + 1, 1);
  if (parsed.argument !== undefined) push(exec.space, parsed.argument.length + 1, 1);
  push(exec.space, parsed.interpreter.length + 1, 1);
  const argument = parsed.argument === undefined ? [] : [parsed.argument];
  const argv = [parsed.interpreter, ...argument, image.name, ...rest];
  const place = openInterpreter(exec, parsed.interpreter, opened);
  return { place, name: parsed.interpreter, argv };
}

interface ScriptLine {
  readonly interpreter: string;
  readonly argument: string | undefined;
}

/** The header as text of 256 characters; a newline behind a NUL is not found. */
export function scriptLine(bytes: Uint8Array): ScriptLine | undefined {
  const header = String.fromCharCode(...Array.from(headerOf(bytes), Number));
  if (!header.startsWith('#!')) return undefined;
  const newline = header.split('\0')[0]?.indexOf('\n') ?? -1;
  let line: string;
  if (newline === -1) {
    const blank = header.slice(2).match(/^[ \t]*/)?.[0].length ?? 0;
    const behind = header.slice(2 + blank);
    if (behind === '' || !/[ \t\0]/.test(behind)) return undefined;
    // The last byte of the buffer becomes the end of the text.
    line = header.slice(2, BINPRM_BUF_SIZE - 1);
  } else {
    line = header.slice(2, newline);
  }
  line = line.replace(/[ \t]+$/, '').replace(/^[ \t]+/, '');
  if (line === '') return undefined;
  const match = /^([^ \t\0]*)([ \t]+)?([^]*)$/.exec(line);
  const interpreter = match?.[1] ?? '';
  const argument = match?.[2] === undefined ? undefined : (match[3] ?? '').split('\0')[0];
  return { interpreter, argument };
}

function runElf(exec: Exec, image: Image, executable: Place | undefined, opened: Place[]): Handled {
  const { world } = exec;
  const bytes = inodeAt(world, image.place).bytes;
  const header = elfHeader(bytes);
  if (!header.isElf || !header.isLoadable) return 'not mine';
  const segments = segmentsOf(exec, image.place, header);
  if (segments === undefined) return 'not mine';
  const named = segments.find((segment) => segment.type === 3);
  let interpreter: Place | undefined;
  if (named !== undefined) {
    if (named.size < 2 || named.size > 4096) return 'not mine';
    readFile(world, image.place);
    const name = Array.from(bytes.slice(named.offset, named.offset + named.size));
    if (name.length < named.size) fail('EIO');
    if (name.at(-1) !== 0) return 'not mine';
    const text = String.fromCharCode(...name).split('\0')[0] ?? '';
    interpreter = openInterpreter(exec, text, opened);
    const content = readFile(world, interpreter);
    if (content.length < 64) fail('EIO');
    const second = elfHeader(content);
    if (!second.isElf || !second.isOurMachine) fail('ELIBBAD');
    if (segmentsOf(exec, interpreter, second) === undefined) fail('ELIBBAD');
  }
  refuseFileCapabilities(exec, executable ?? image.place);
  return started(exec, image, segments, interpreter);
}

interface ElfHeader {
  readonly isElf: boolean;
  readonly isOurMachine: boolean;
  /** ET_EXEC or ET_DYN for our machine. */
  readonly isLoadable: boolean;
  readonly entry: number;
  readonly headersAt: number;
  readonly headerSize: number;
  readonly headerCount: number;
}

interface Segment {
  readonly type: number;
  readonly writable: boolean;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

function elfHeader(bytes: Uint8Array): ElfHeader {
  const at = (offset: number): number => bytes[offset] ?? 0;
  const half = (offset: number): number => at(offset) + 256 * at(offset + 1);
  const type = half(16);
  const isOurMachine = half(18) === 62;
  return {
    isElf: at(0) === 0x7f && at(1) === 0x45 && at(2) === 0x4c && at(3) === 0x46,
    isOurMachine,
    isLoadable: isOurMachine && (type === 2 || type === 3),
    entry: longAt(bytes, 24),
    headersAt: longAt(bytes, 32),
    headerSize: half(54),
    headerCount: half(56),
  };
}

/** Eight bytes, little-endian; beyond 2^53 the exact value does not matter. */
function longAt(bytes: Uint8Array, offset: number): number {
  let value = 0;
  for (let index = 7; index >= 0; index -= 1) value = value * 256 + (bytes[offset + index] ?? 0);
  return value;
}

/** The program headers, or undefined where they are not acceptable or not in the file. */
function segmentsOf(
  { world, features }: Exec,
  place: Place,
  header: ElfHeader,
): Segment[] | undefined {
  if (header.headerSize !== 56) return undefined;
  if (header.headerCount === 0 || header.headerCount * 56 > features.mostElfHeaders)
    return undefined;
  const bytes = readFile(world, place);
  if (header.headersAt + header.headerCount * 56 > bytes.length) return undefined;
  return decodeSegments(bytes, header);
}

function decodeSegments(bytes: Uint8Array, header: ElfHeader): Segment[] {
  return Array.from({ length: header.headerCount }, (_, index) => {
    const at = header.headersAt + index * 56;
    return {
      type: bytes[at] ?? 0,
      writable: ((bytes[at + 4] ?? 0) & 2) !== 0,
      offset: longAt(bytes, at + 8),
      address: longAt(bytes, at + 16),
      size: longAt(bytes, at + 32),
    };
  });
}

/** bprm_creds_from_file: an effective file capability that the task cannot be given. */
function refuseFileCapabilities({ world, name, task }: Exec, place: Place): void {
  const mount = nth(world.mounts, place.mount);
  const { fcaps } = inodeAt(world, place);
  const isInNamespace = place.mount === 0 || mount.at !== undefined;
  if (fcaps?.effective === true && isInNamespace && !mount.flags.has('nosuid')) {
    const given = (fcaps.permitted & task.bounding) | (fcaps.inheritable & task.inheritable);
    if ((fcaps.permitted & ~given) !== 0n) fail('EPERM');
  }
  lsmRefuses(world, 'bprmCredsFromFile', name, inodeNumber(world, place), false);
}

/** Behind the point of no return: nothing is an errno any more. */
function started(
  { world, features }: Exec,
  image: Image,
  segments: readonly Segment[],
  interpreter: Place | undefined,
): Outcome {
  const runs = interpreter ?? image.place;
  const bytes = inodeAt(world, runs).bytes;
  const header = elfHeader(bytes);
  const own = interpreter === undefined ? segments : decodeSegments(bytes, header);
  const loads = own.filter((segment) => segment.type === 1);
  const last = loads.at(-1);
  if (last === undefined) return { kind: 'signal', signal: 'SIGSEGV' };
  if (interpreter !== undefined) {
    if (!header.isLoadable) return { kind: 'signal', signal: 'SIGSEGV' };
    const fillsPage = (last.address + last.size) % 4096 === 0;
    if (features.elfInterpreterTail === 'zeroed' && !last.writable && !fillsPage) {
      return { kind: 'signal', signal: 'SIGSEGV' };
    }
  }
  const home = loads.find(
    ({ address, size }) => header.entry >= address && header.entry < address + size,
  );
  if (home === undefined) return { kind: 'signal', signal: 'SIGSEGV' };
  const code = header.entry - home.address + home.offset;
  const exitCode = bytes[code + 1];
  if (bytes[code] !== 0xbf || exitCode === undefined) return { kind: 'ran' };
  if (bytes[code + 5] === 0xb8) return { kind: 'ran', exitCode };
  return { kind: 'ran', exitCode: argvHash(exitCode, image.argv) };
}
