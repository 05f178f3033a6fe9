// SPDX-License-Identifier: MIT
import { argumentTexts, copyString, removeString, type ArgumentSpace } from './argument-space.ts';
import {
  hasElfMagic,
  interpreterName,
  readElf,
  readElfInterpreter,
  startElf,
  type ElfFile,
} from './binfmt-elf.ts';
import { findFormat } from './binfmt-misc.ts';
import { parseScript } from './binfmt-script.ts';
import { notify, programName, type Call } from './call.ts';
import { AT_FDCWD, MAX_INTERPRETER_DEPTH } from './constants.ts';
import { argvHash, contentBytes } from './content.ts';
import { openInterpreter } from './execveat.ts';
import { listenerDenies } from './fanotify.ts';
import { missingFileCapabilities } from './file-capabilities.ts';
import { at } from './lists.ts';
import { isRefusal, refusal, type Refusal } from './refusal.ts';
import { callHook, imaBprmCheck, ipeBprmCheck } from './security-hooks.ts';
import type { InodeId } from './state.ts';

/** How a real exec ends that passed every check which it shares with AT_EXECVE_CHECK. */
export type ExecResult =
  | Refusal
  | {
      readonly kind: 'ran';
      readonly exitCode: number | undefined;
      /** The file whose program runs: mm->exe_file, which nobody may write meanwhile. */
      readonly executable: InodeId;
      readonly denied: boolean;
    }
  | { readonly kind: 'killed' };

/** A real exec on its way through the formats (struct linux_binprm). */
interface Program {
  /** The file now in hand: the call's own, then each interpreter. */
  file: Call;
  /** bprm->interp: what a script is called when it is handed to its interpreter. */
  interp: string;
  argv: string[];
  readonly space: ArgumentSpace;
  /** The name of the file leads nowhere once the program runs: BINPRM_FLAGS_PATH_INACCESSIBLE. */
  readonly pathInaccessible: boolean;
}

const TOO_DEEP = refusal('ELOOP', 'exec.interpreter-depth');
const UNKNOWN_FORMAT = refusal('ENOEXEC', 'exec.unknown-format');
const READ_DENIED = refusal('EPERM', 'fanotify.access-permission');
const PATH_CLOSES = refusal('ENOENT', 'exec.path-closes');
const FILE_CAPABILITIES = refusal('EPERM', 'exec.file-capabilities');

/**
 * Reads the file, finds its format, opens its interpreters, starts the program. Mirrors
 * exec_binprm() and search_binary_handler(), fs/exec.c, Linux 6.12.
 */
export function realExec(call: Call, space: ArgumentSpace): ExecResult {
  const { args, task } = call;
  const name = programName(args);
  const throughFd = args.dirfd !== AT_FDCWD && !pathOf(call).startsWith('/');
  const program: Program = {
    file: call,
    interp: name,
    argv: [...argumentTexts(args.argv)],
    space,
    pathInaccessible: throughFd && task.fds[args.dirfd]?.cloexec === true,
  };
  const opened: Call[] = [];
  const result = throughInterpreters(program, opened);
  for (const file of [call, ...opened]) notify(file, 'IN_CLOSE_NOWRITE');
  return result;
}

function pathOf({ args: { path } }: Call): string {
  return path.kind === 'text' ? path.text : '';
}

function throughInterpreters(program: Program, opened: Call[]): ExecResult {
  for (let depth = 0; depth <= MAX_INTERPRETER_DEPTH; depth += 1) {
    const result = loadOnce(program, opened);
    if (result !== undefined) return result;
  }
  return TOO_DEEP;
}

/** One round: undefined where an interpreter has taken the file's place. */
function loadOnce(program: Program, opened: Call[]): ExecResult | undefined {
  const { file } = program;
  const bytes = contentBytes(file.inode.content);
  const refused = readAndCheck(file, bytes);
  if (refused !== undefined) return refused;

  const format = findFormat(file.state.binfmtMisc, bytes, program.interp);
  if (format !== undefined) {
    if (program.pathInaccessible) return PATH_CLOSES;
    const keepArgv0 = format.flags.includes('P');
    return handOver(program, opened, format.interpreter, undefined, keepArgv0);
  }
  const script = parseScript(bytes);
  if (script !== undefined) {
    if (program.pathInaccessible) return PATH_CLOSES;
    return handOver(program, opened, script.interpreter, script.argument, false);
  }
  return hasElfMagic(bytes) ? loadElf(program, opened, bytes) : UNKNOWN_FORMAT;
}

/** The header is read, and the security modules see the file. Mirrors prepare_binprm(). */
function readAndCheck(file: Call, bytes: Uint8Array): Refusal | undefined {
  if (listenerDenies(file, file, ['FAN_ACCESS_PERM'])) return READ_DENIED;
  if (bytes.length > 0) notify(file, 'IN_ACCESS');
  return (
    callHook(file, 'bprmCheck', file.inodeId, false) ?? imaBprmCheck(file) ?? ipeBprmCheck(file)
  );
}

/**
 * Gives the file to an interpreter: argv[0] makes room for the interpreter, its argument and the
 * file's name; then the interpreter is opened. Mirrors the second half of load_script() and
 * load_misc_binary().
 */
function handOver(
  program: Program,
  opened: Call[],
  interpreter: string,
  argument: string | undefined,
  keepArgv0: boolean,
): Refusal | undefined {
  const { space } = program;
  const [argv0 = '', ...rest] = program.argv;
  if (!keepArgv0) removeString(space, argv0.length);
  const prefix = [interpreter, ...(argument === undefined ? [] : [argument]), program.interp];
  for (const string of prefix.toReversed()) {
    const refused = copyString(space, string.length);
    if (refused !== undefined) return refused;
  }
  program.argv = [...prefix, ...(keepArgv0 ? program.argv : rest)];
  program.interp = interpreter;
  const { call, refused } = openInterpreter(program.file, interpreter);
  if (refused !== undefined) {
    if (call.opened) opened.push(call);
    return refused;
  }
  opened.push(call);
  program.file = call;
  return undefined;
}

/** Mirrors load_elf_binary(), fs/binfmt_elf.c. */
function loadElf(program: Program, opened: Call[], bytes: Uint8Array): ExecResult {
  const { file } = program;
  const main = readElf(bytes, file.features.mostElfHeaders);
  if (isRefusal(main)) return main;
  const interpreter = openElfInterpreter(program, opened, main);
  if (interpreter !== undefined && isRefusal(interpreter)) return interpreter;

  const refused =
    callHook(file, 'bprmCredsFromFile', file.inodeId, false) ??
    (missingFileCapabilities(file) ? FILE_CAPABILITIES : undefined);
  if (refused !== undefined) return refused;

  // The point of no return: whatever fails from here on kills the task.
  const start = startElf(main, interpreter, file.features.elfInterpreterTail === 'zeroed');
  if (start.kind === 'killed') return start;
  return {
    kind: 'ran',
    exitCode: exitCode(start.program, program.argv),
    executable: file.inodeId,
    denied: file.denied,
  };
}

function exitCode(
  code: { readonly program: 'exit' | 'hash'; readonly exitCode: number } | undefined,
  argv: readonly string[],
): number | undefined {
  if (code === undefined) return undefined;
  return code.program === 'exit' ? code.exitCode : argvHash(code.exitCode, argv);
}

function openElfInterpreter(
  program: Program,
  opened: Call[],
  main: ElfFile,
): ElfFile | Refusal | undefined {
  const name = interpreterName(main);
  if (name === undefined || typeof name === 'object') return name;
  const { call, refused } = openInterpreter(program.file, name);
  if (call.opened) opened.push(call);
  if (refused !== undefined) return refused;
  if (listenerDenies(call, call, ['FAN_ACCESS_PERM'])) return READ_DENIED;
  const bytes = contentBytes(at(call.state.inodes, call.inodeId).content);
  if (bytes.length > 0) notify(call, 'IN_ACCESS');
  return readElfInterpreter(bytes, call.features.mostElfHeaders);
}
