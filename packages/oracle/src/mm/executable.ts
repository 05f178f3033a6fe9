// SPDX-License-Identifier: MIT
import { MAP_FIXED, MREMAP_FIXED, type Operation, type Setup } from '@kernel-models/mm';
import type { Case } from '../target.ts';

/** An exclusive range of addresses. */
interface Span {
  readonly start: bigint;
  readonly end: bigint;
}

/**
 * Whether the probe's process survives the case: what holds its code, and the request that it
 * reads, must stay as it is. Everything else of its address space, its stack included, is at the
 * operations' disposal. Which pages of the special mappings have clocks behind them is the
 * machine's own business: they are not touched.
 */
export function isExecutable({ setup, operations }: Case<Setup, Operation>): boolean {
  const vital = setup.vmas.filter(({ name }) => name === 'probe');
  const special = setup.vmas.filter(({ name }) => name.startsWith('[v'));
  return operations.every(
    (operation) =>
      areApart(changedSpans(operation, setup), vital) &&
      areApart(touchedSpans(operation, setup), special),
  );
}

function areApart(spans: readonly Span[], vmas: readonly Span[]): boolean {
  return spans.every(({ start, end }) => vmas.every((vma) => end <= vma.start || vma.end <= start));
}

function touchedSpans(operation: Operation, { abi }: Setup): readonly Span[] {
  if (operation.op !== 'touchRead' && operation.op !== 'touchWrite') return [];
  const start = BigInt.asUintN(abi === 'x86-64' ? 64 : 32, operation.address);
  return [{ start, end: start + 1n }];
}

/** What an operation may unmap, replace or forbid. */
function changedSpans(operation: Operation, { abi }: Setup): readonly Span[] {
  const span = (address: bigint, length: bigint): Span => {
    const bits = abi === 'x86-64' ? 64 : 32;
    const start = BigInt.asUintN(bits, address);
    return { start, end: start + BigInt.asUintN(bits, length) + 0xfffn };
  };
  switch (operation.op) {
    case 'munmap':
    case 'mprotect':
    case 'madvise':
      return [span(operation.address, operation.length)];
    case 'mmap':
      return (operation.flags & MAP_FIXED) === 0 ? [] : [span(operation.address, operation.length)];
    case 'mremap': {
      const { address, oldLength, newLength, newAddress, flags } = operation;
      const source = span(address, oldLength);
      return (flags & MREMAP_FIXED) === 0 ? [source] : [source, span(newAddress, newLength)];
    }
    default:
      return [];
  }
}
