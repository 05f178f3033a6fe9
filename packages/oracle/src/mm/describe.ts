// SPDX-License-Identifier: MIT
import { codec, type Operation, type Outcome, type SmapsVma } from '@kernel-models/mm';
import { errnoMessage, formatHex, type Json, type JsonObject } from '@kernel-models/model-core';

/** An operation as a line of strace(1) would have it: `munmap(0x10000000, 0x2000)`. */
export function describeOperation(operation: Operation): string {
  const { op, ...fields } = codec.encodeOperation(operation) as JsonObject;
  return `${String(op)}(${Object.entries(fields).flatMap(describeArgument).join(', ')})`;
}

/** Arguments that are not said where they say nothing. */
function describeArgument([name, value]: readonly [string, Json | undefined]): readonly string[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return [value.length === 0 ? '0' : value.join(' | ')];
  return [name === 'fd' ? `fd ${String(value)}` : String(value)];
}

/** An outcome in one line: a value, an errno with its message, or the address space. */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'value':
      return formatHex(outcome.value);
    case 'errno':
      return `${outcome.errno} (${errnoMessage(outcome.errno)})`;
    case 'smaps': {
      const { size, locked, data, stack } = outcome.totals;
      return (
        `${outcome.vmas.length} VMAs, pages: ${size} in all, ${locked} locked, ${data} data, ` +
        `${stack} stack: ${outcome.vmas.map(describeVma).join('; ')}`
      );
    }
    case 'oops':
      return `the kernel dies at ${outcome.at}`;
    case 'hangs':
      return `hangs: ${outcome.lock} is never released`;
  }
}

function describeVma({ start, end, perms, offset, name, flags }: SmapsVma): string {
  const what = [name, ...(offset === 0n ? [] : [`at ${formatHex(offset)}`])].join(' ').trim();
  const range = `${start.toString(16)}-${end.toString(16)}`;
  return `${range} ${perms}${what === '' ? '' : ` ${what}`} [${flags}]`;
}
