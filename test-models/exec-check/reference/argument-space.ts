// SPDX-License-Identifier: MIT
import {
  ARG_MAX,
  MAX_ARG_STRINGS,
  MAX_ARG_STRLEN,
  PAGE_SIZE,
  type ArgumentString,
  type StringArray,
} from '@kernel-models/exec-check';
import { fail } from './world.ts';

/** What argv, envp and the name use of the new stack, bytes from its top. */
export interface ArgumentSpace {
  readonly limit: number;
  readonly stackLimit: bigint;
  used: number;
}

const SIX_MEBIBYTES = 6n << 20n;

/** Counts argv and envp and copies them: the first error in the kernel's order. */
export function copyArguments(
  argv: StringArray,
  envp: StringArray,
  bprmName: string,
  stackLimit: bigint,
): ArgumentSpace {
  const argc = count(argv);
  const envc = count(envp);
  const quarter = stackLimit / 4n < SIX_MEBIBYTES ? stackLimit / 4n : SIX_MEBIBYTES;
  const bytes = Number(quarter) > ARG_MAX ? Number(quarter) : ARG_MAX;
  const limit = bytes - 8 * (Math.max(argc, 1) + envc);
  if (limit <= 0) fail('E2BIG');
  const space = { limit, stackLimit, used: 0 };
  push(space, bprmName.length + 1, 1);
  copyStrings(space, envp);
  copyStrings(space, argv);
  if (argc === 0) push(space, 1, 1);
  return space;
}

function list(array: StringArray): readonly ArgumentString[] {
  if (array.kind === 'bad') return fail('EFAULT');
  return array.kind === 'null' ? [] : array.strings;
}

function count(array: StringArray): number {
  let total = 0;
  for (const item of list(array)) total += item.kind === 'fill' ? item.count : 1;
  return total > MAX_ARG_STRINGS ? fail('E2BIG') : total;
}

function copyStrings(space: ArgumentSpace, array: StringArray): void {
  for (const item of [...list(array)].reverse()) {
    if (item.kind === 'bad') fail('EFAULT');
    if (item.kind === 'text') push(space, item.text.length + 1, 1);
    if (item.kind === 'fill') push(space, item.size + 1, item.count);
  }
}

/** Puts `times` strings of `size` bytes, the NUL included, below what is there. */
export function push(space: ArgumentSpace, size: number, times: number): void {
  if (size > MAX_ARG_STRLEN) fail('E2BIG');
  space.used += size * times;
  if (space.used > space.limit) fail('E2BIG');
  const mapped = Math.ceil((space.used + 8) / PAGE_SIZE) * PAGE_SIZE;
  if (mapped > PAGE_SIZE && BigInt(mapped) > space.stackLimit) fail('E2BIG');
}

/** Every argument as text, for the hash that a program makes of them. */
export function argumentTexts(argv: StringArray): string[] {
  const texts = list(argv).flatMap((item) => {
    if (item.kind === 'text') return [item.text];
    if (item.kind === 'fill') return Array<string>(item.count).fill('a'.repeat(item.size));
    return [];
  });
  return texts.length === 0 ? [''] : texts;
}
