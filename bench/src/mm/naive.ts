// SPDX-License-Identifier: MIT
import type { Operation, Setup } from '@kernel-models/mm';

interface Mapping {
  start: number;
  end: number;
  prot: number;
}

const PAGE = 4096;

/**
 * An address space as one writes it first: mappings in a sorted array that changes in place, found
 * by walking it. It knows nothing but ranges and protections: no limits, no accounting, no errors.
 */
export class NaiveSpace {
  readonly #mappings: Mapping[];
  #brk: number;

  constructor({ vmas, brk }: Setup) {
    this.#mappings = vmas.map(({ start, end }) => ({
      start: Number(start),
      end: Number(end),
      prot: -1,
    }));
    this.#brk = Number(brk);
  }

  get count(): number {
    return this.#mappings.length;
  }

  apply(operation: Operation): void {
    switch (operation.op) {
      case 'brk': {
        const brk = Number(operation.address);
        if (brk > this.#brk) this.#insert(this.#brk, brk, 3);
        else this.#remove(brk, this.#brk);
        this.#brk = brk;
        break;
      }
      case 'mmap':
      case 'mprotect': {
        const { start, end } = rangeOf(operation);
        this.#remove(start, end);
        this.#insert(start, end, operation.prot);
        break;
      }
      case 'munmap': {
        const { start, end } = rangeOf(operation);
        this.#remove(start, end);
        break;
      }
      default:
        throw new RangeError(`op: expected one that is measured, got ${operation.op}`);
    }
  }

  #remove(start: number, end: number): void {
    const mappings = this.#mappings;
    let index = mappings.findIndex((mapping) => mapping.end > start);
    while (index !== -1 && index < mappings.length) {
      const mapping = mappings[index];
      if (mapping === undefined || mapping.start >= end) return;
      const pieces = [
        ...(mapping.start < start ? [{ ...mapping, end: start }] : []),
        ...(mapping.end > end ? [{ ...mapping, start: end }] : []),
      ];
      mappings.splice(index, 1, ...pieces);
      index += pieces.length;
    }
  }

  #insert(start: number, end: number, prot: number): void {
    const mappings = this.#mappings;
    const at = mappings.findIndex((mapping) => mapping.start >= start);
    const index = at === -1 ? mappings.length : at;
    const left = mappings[index - 1];
    const right = mappings[index];
    const joinsLeft = left?.end === start && left.prot === prot;
    const joinsRight = right?.start === end && right.prot === prot;
    if (joinsLeft && joinsRight) {
      left.end = right.end;
      mappings.splice(index, 1);
    } else if (joinsLeft) left.end = end;
    else if (joinsRight) right.start = start;
    else mappings.splice(index, 0, { start, end, prot });
  }
}

function rangeOf({ address, length }: { readonly address: bigint; readonly length: bigint }): {
  readonly start: number;
  readonly end: number;
} {
  const start = Number(address);
  return { start, end: start + Math.ceil(Number(length) / PAGE) * PAGE };
}
