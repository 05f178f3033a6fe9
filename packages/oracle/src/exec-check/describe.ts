// SPDX-License-Identifier: MIT
import {
  AT_EMPTY_PATH,
  AT_EXECVE_CHECK,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  execCheck,
  type ArgumentString,
  type ExecveatArguments,
  type Operation,
  type Outcome,
  type PathArgument,
  type StringArray,
} from '@kernel-models/exec-check';
import { errnoMessage, formatHex, type JsonObject } from '@kernel-models/model-core';
import { describeFields, describeText } from '../describe.ts';

const FLAGS: readonly (readonly [name: string, bit: number])[] = [
  ['AT_SYMLINK_NOFOLLOW', AT_SYMLINK_NOFOLLOW],
  ['AT_EMPTY_PATH', AT_EMPTY_PATH],
  ['AT_EXECVE_CHECK', AT_EXECVE_CHECK],
];

/** An operation as a line of strace(1) would have it: `t1: execveat(AT_FDCWD, "/e/s", …)`. */
export function describeOperation(operation: Operation): string {
  const { task } = operation;
  if (
    operation.op === 'execveat' ||
    operation.op === 'checkBegin' ||
    operation.op === 'execBegin'
  ) {
    return `${task}: ${operation.op}(${describeExecveat(operation)})`;
  }
  const json = execCheck.codec.encodeOperation(operation) as JsonObject;
  const fields = Object.entries(json).filter(([name]) => name !== 'op' && name !== 'task');
  return `${task}: ${[operation.op, ...describeFields(Object.fromEntries(fields))].join(' ')}`;
}

function describeExecveat({ dirfd, path, argv, envp, flags }: ExecveatArguments): string {
  return [
    dirfd === AT_FDCWD ? 'AT_FDCWD' : String(dirfd),
    describePath(path),
    describeStrings(argv),
    describeStrings(envp),
    describeFlags(flags),
  ].join(', ');
}

function describePath(path: PathArgument): string {
  switch (path.kind) {
    case 'text':
      return JSON.stringify(describeText(path.text));
    case 'null':
      return 'NULL';
    case 'bad':
      return 'a bad pointer';
  }
}

function describeStrings(strings: StringArray): string {
  switch (strings.kind) {
    case 'list':
      return `[${strings.strings.map(describeString).join(', ')}]`;
    case 'null':
      return 'NULL';
    case 'bad':
      return 'a bad pointer';
  }
}

function describeString(string: ArgumentString): string {
  switch (string.kind) {
    case 'text':
      return JSON.stringify(describeText(string.text));
    case 'fill':
      return `${string.count} strings of ${string.size} bytes`;
    case 'bad':
      return 'a bad pointer';
  }
}

function describeFlags(flags: number): string {
  const names = FLAGS.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
  const rest = FLAGS.reduce((left, [, bit]) => left & ~bit, flags) >>> 0;
  return [...names, ...(rest === 0 ? [] : [formatHex(BigInt(rest))])].join(' | ') || '0';
}

/** An outcome in one line: a value in hexadecimal, an errno with its message, else the fields. */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'value':
      return formatHex(outcome.value) + describeEvents(outcome);
    case 'errno':
      return `${outcome.errno} (${errnoMessage(outcome.errno)})${describeEvents(outcome)}`;
    default:
      return JSON.stringify(execCheck.codec.encodeOutcome(outcome));
  }
}

/** What the watches saw, where some did. */
function describeEvents({ events = [] }: Extract<Outcome, { kind: 'value' | 'errno' }>): string {
  return events.map(({ watch, events: seen }) => `, watch ${watch}: ${seen.join(' ')}`).join('');
}
