// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { loadInSteps, UseAfterFreeError } from '@kernel-models/maple-tree/testing';
import type { Key } from '@kernel-models/maple-tree';
import type { TreeProperty } from './properties.ts';
import { Reference } from './reference.ts';
import { LIVE, nodesOf, type Node } from './tree-nodes.ts';
import { openDriver, Violation, type Entry, type Kind } from './world.ts';

const rcuKind = fc.constantFrom<Kind>(
  { keys: 'number', geometry: 'kernel64', allocRange: false, rcu: true },
  { keys: 'number', geometry: 'tuned', allocRange: true, rcu: true },
);

/** Every content that the tree had since a reader began. */
type History = Reference[];

function wasThere(history: History, index: bigint, value: unknown): boolean {
  return history.some((reference) => reference.load(index) === value);
}

/** A write of some length that begins anywhere, or near the hole behind the last range. */
interface Write {
  readonly from: 'start' | 'tail';
  readonly at: number;
  readonly length: number;
  readonly entry: Entry | null;
}

const write: fc.Arbitrary<Write> = fc.record({
  from: fc.constantFrom('start', 'tail'),
  at: fc.oneof(fc.nat(250), fc.integer({ min: -3, max: 3 })),
  length: fc.nat(8),
  entry: fc.option(fc.constantFrom('w', 'x', 'y')),
});

const program = fc.record({
  kind: rcuKind,
  fill: fc.nat(40),
  loads: fc.array(fc.nat(180), { minLength: 1, maxLength: 3 }),
  scans: fc.boolean(),
  writes: fc.array(write, { minLength: 1, maxLength: 8 }),
});

/** What a program does, and when: each step in the order in which the schedule had them run. */
class Schedule {
  readonly #steps: string[] = [];

  constructor(setup: string) {
    this.#steps.push(setup);
  }

  add(step: string): void {
    this.#steps.push(step);
  }

  toString(): string {
    return this.#steps.map((step, at) => `  ${at === 0 ? ' ' : at}  ${step}`).join('\n');
  }
}

/**
 * I12: loads that stop between any two reads and scans that stop between any two ranges, with whole
 * writes in between. What a reader reports was there at some moment, and no write moves the END or two
 * pivots of a node that a reader may have read half of. A violation tells the schedule step by step.
 */
export const readersAgainstWriters: TreeProperty = (variation) =>
  fc.asyncProperty(
    fc.scheduler(),
    program,
    async (scheduler, { fill, kind, loads, scans, writes }) => {
      const { tree, max } = openDriver(kind, variation);
      const reference = new Reference(max, kind.allocRange);
      for (let i = 0; i < fill; i++) {
        tree.storeRange(4 * i, 4 * i + 2, 'f');
        reference.store(BigInt(4 * i), BigInt(4 * i + 2), 'f');
      }
      const schedule = new Schedule(
        `a ${kind.geometry} tree with [4i, 4i + 2] = f for i < ${fill}`,
      );
      const readers = new Set<History>();
      const turn = async (what: string): Promise<void> => {
        await scheduler.schedule(Promise.resolve(), what);
        schedule.add(what);
      };
      const section = async (read: (history: History) => Promise<void>): Promise<void> => {
        const history = [reference.copy()];
        const pin = tree.rcuReadLock();
        readers.add(history);
        await read(history);
        readers.delete(history);
        pin.release();
      };
      const load = async (index: number, history: History): Promise<void> => {
        const steps = loadInSteps(tree, index);
        schedule.add(`load(${index}) reads the root`);
        let step = steps.next();
        for (; step.done !== true; step = steps.next()) {
          await turn(`load(${index}) reads ${step.value}`);
        }
        if (wasThere(history, BigInt(index), step.value)) return;
        throw new Violation('I12', `load(${index}) gave ${String(step.value)}, never there`);
      };
      const scan = async (history: History): Promise<void> => {
        const cursor = tree.cursor();
        let entry = cursor.walk();
        do {
          const [first, last] = [BigInt(cursor.index), BigInt(cursor.last)];
          if (![first, last].every((index) => wasThere(history, index, entry))) {
            const range = `[${first}, ${last}] ${String(entry)}`;
            throw new Violation('I12', `a scan came to ${range}, never there`);
          }
          await turn(`a scan goes on after ${last}`);
          entry = cursor.nextRange();
        } while (cursor.status === 'active');
      };
      const writeAll = async (): Promise<void> => {
        for (const { at, entry, from, length } of writes) {
          const first = Math.max(0, from === 'tail' ? 4 * fill - 1 + at : at);
          await turn(`the writer stores ${String(entry)} over [${first}, ${first + length}]`);
          const published = nodesOf(tree).map((node) => ({ node, ...shapeOf(node) }));
          tree.storeRange(first, first + length, entry);
          reference.store(BigInt(first), BigInt(first + length), entry);
          published.forEach(checkPublished);
          for (const history of readers) history.push(reference.copy());
        }
      };
      const all = Promise.all([
        ...loads.map((index) => section((history) => load(index, history))),
        ...(scans ? [section(scan)] : []),
        writeAll(),
      ]).catch((error: unknown) => {
        if (error instanceof UseAfterFreeError || error instanceof Violation) {
          const message = error.message.replace(/^I12: /, '');
          throw new Violation('I12', `${message}\n${String(schedule)}`);
        }
        throw error;
      });
      await scheduler.waitFor(all);
      if (tree.statistics().awaitingGrace !== 0) {
        throw new Violation('I10', 'nodes wait for a grace period without a reader');
      }
    },
  );

function shapeOf({ end, pivots }: Node): { end: number; pivots: readonly Key[] } {
  return { end, pivots: pivots.slice(0, end + 1) };
}

/** What a write did to a node that readers could reach, if the node is still in use. */
function checkPublished({
  end,
  node,
  pivots,
}: {
  node: Node;
  end: number;
  pivots: readonly Key[];
}): void {
  if (node.state !== LIVE) return;
  const moved = pivots.filter((pivot, offset) => node.pivots[offset] !== pivot).length;
  if (node.end !== end) throw new Violation('I12', `END of a node in use: ${end} to ${node.end}`);
  if (moved > 1) throw new Violation('I12', `${moved} pivots of a node in use moved at once`);
}
