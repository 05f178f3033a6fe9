// SPDX-License-Identifier: MIT
import { ARG_MAX, MAX_ARG_STRINGS, MAX_ARG_STRLEN, PAGE_SIZE } from './constants.ts';
import type { ArgumentString, StringArray } from './operation.ts';
import { refusal, type Refusal } from './refusal.ts';

const ARGV_FAULT = refusal('EFAULT', 'arguments.argv-pointer');
const ARGV_COUNT = refusal('E2BIG', 'arguments.argv-count');
const ENVP_FAULT = refusal('EFAULT', 'arguments.envp-pointer');
const ENVP_COUNT = refusal('E2BIG', 'arguments.envp-count');
const POINTERS_TOO_BIG = refusal('E2BIG', 'arguments.pointers-exceed-limit');
const STRING_FAULT = refusal('EFAULT', 'arguments.string-pointer');
const STRING_TOO_LONG = refusal('E2BIG', 'arguments.string-too-long');
const TOO_BIG = refusal('E2BIG', 'arguments.limit');
const STACK_TOO_SMALL = refusal('E2BIG', 'arguments.stack-mapping');

/**
 * Three quarters of the default stack, which no limit raises. Origin: bprm_stack_limits(),
 * fs/exec.c.
 */
const MOST_SPACE = 6 << 20;
const POINTER_SIZE = 8;

/**
 * The stack of the program to be, while its strings are copied onto it.
 *
 * Mirrors the part of struct linux_binprm that bprm_stack_limits() and copy_strings() work on,
 * fs/exec.c, Linux 6.12: the strings may take `limit` bytes, and the temporary mapping that holds
 * them may not outgrow the stack limit.
 */
export interface ArgumentSpace {
  /** Bytes that the strings may take. */
  readonly limit: number;
  /** Bytes of the stack limit, for the mapping. */
  readonly stack: number;
  /** Bytes that they take. */
  used: number;
}

/**
 * Counts argv and envp, and finds the room for their strings. Mirrors count() and
 * bprm_stack_limits().
 *
 * @param stackLimit soft RLIMIT_STACK, bytes
 */
export function argumentSpace(
  argv: StringArray,
  envp: StringArray,
  stackLimit: bigint,
): ArgumentSpace | Refusal {
  const argc = countStrings(argv);
  if (argc < 0) return ARGV_FAULT;
  if (argc > MAX_ARG_STRINGS) return ARGV_COUNT;
  const envc = countStrings(envp);
  if (envc < 0) return ENVP_FAULT;
  if (envc > MAX_ARG_STRINGS) return ENVP_COUNT;

  const stack = Number(stackLimit);
  const space = Math.max(Math.min(MOST_SPACE, Math.floor(stack / 4)), ARG_MAX);
  const limit = space - POINTER_SIZE * (Math.max(argc, 1) + envc);
  return limit <= 0 ? POINTERS_TOO_BIG : { limit, stack, used: 0 };
}

/** Number of strings, or -1 where the array cannot be read. */
function countStrings(array: StringArray): number {
  switch (array.kind) {
    case 'null':
      return 0;
    case 'bad':
      return -1;
    case 'list': {
      let count = 0;
      for (const item of array.strings) count += item.kind === 'fill' ? item.count : 1;
      return count;
    }
  }
}

/**
 * Copies the name of the file, envp and argv, in this order, each array from its last string to its
 * first. An empty argv gets one empty string. Mirrors do_execveat_common(), fs/exec.c, Linux 6.12.
 */
export function copyAllStrings(
  space: ArgumentSpace,
  name: string,
  argv: StringArray,
  envp: StringArray,
): Refusal | undefined {
  return (
    copyString(space, name.length) ??
    copyStrings(space, envp) ??
    (countStrings(argv) === 0 ? copyString(space, 0) : copyStrings(space, argv))
  );
}

function copyStrings(space: ArgumentSpace, array: StringArray): Refusal | undefined {
  if (array.kind !== 'list') return undefined;
  for (let index = array.strings.length - 1; index >= 0; index -= 1) {
    const item = array.strings[index];
    const refused = item === undefined ? undefined : copyItem(space, item);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function copyItem(space: ArgumentSpace, item: ArgumentString): Refusal | undefined {
  switch (item.kind) {
    case 'bad':
      return STRING_FAULT;
    case 'text':
      return copyString(space, item.text.length);
    case 'fill':
      // One string too many fails as all do: nothing but the room can stop equal strings.
      if (item.size + 1 > MAX_ARG_STRLEN) return STRING_TOO_LONG;
      return take(space, (item.size + 1) * item.count);
  }
}

/** Puts one string of `length` bytes and its NUL on the stack. Mirrors copy_string_kernel(). */
export function copyString(space: ArgumentSpace, length: number): Refusal | undefined {
  if (length + 1 > MAX_ARG_STRLEN) return STRING_TOO_LONG;
  return take(space, length + 1);
}

/** Takes the topmost string away again. Mirrors remove_arg_zero(), fs/exec.c. */
export function removeString(space: ArgumentSpace, length: number): void {
  space.used -= length + 1;
}

function take(space: ArgumentSpace, bytes: number): Refusal | undefined {
  space.used += bytes;
  if (space.used > space.limit) return TOO_BIG;
  // The first page is there from the start; the mapping ends one pointer below the top.
  const mapping = Math.ceil((space.used + POINTER_SIZE) / PAGE_SIZE) * PAGE_SIZE;
  return mapping > PAGE_SIZE && mapping > space.stack ? STACK_TOO_SMALL : undefined;
}

/**
 * The strings of argv as the program gets them, a fill spelt out. Only for arrays that were copied.
 */
export function argumentTexts(argv: StringArray): readonly string[] {
  if (argv.kind !== 'list' || argv.strings.length === 0) return [''];
  return argv.strings.flatMap((item) => {
    if (item.kind === 'text') return [item.text];
    if (item.kind === 'bad') return [];
    return Array<string>(item.count).fill('a'.repeat(item.size));
  });
}
