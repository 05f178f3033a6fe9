// SPDX-License-Identifier: MIT
import { readFileSync, readdirSync } from 'node:fs';
import type { Operation, Outcome, Setup } from '@kernel-models/mm';
import { afterAll, describe, expect, test } from 'vitest';
import { mmTarget } from '../../src/mm/targets.ts';
import { ARENA, map, mmap, page, pages, RW } from '../../src/mm/operations.ts';
import { timeOperationPair } from '../../src/mm/pair.ts';
import { localTransport } from '../../src/probe/local.ts';
import { runCase, type Answer } from '../../src/target.ts';

const target = mmTarget(localTransport('mm'));
const availability = await target.available();
if (!availability.ok) console.warn(`live tests of mm are skipped: ${availability.skip}`);
const processes: readonly Setup[] = availability.ok ? (availability.worlds ?? []) : [];
const [process] = processes;
afterAll(() => target.close());

const LOOK: Operation = { op: 'smaps' };

function kinds({ outcomes }: Answer<Outcome>): readonly string[] {
  return outcomes.map((outcome) => (outcome.kind === 'errno' ? outcome.errno : outcome.kind));
}

describe.runIf(process !== undefined)('the mm probe on this kernel', () => {
  test('has processes of both layouts, and what they begin with is what smaps says', async () => {
    expect(new Set(processes.map(({ layout }) => layout)).size).toBe(2);
    for (const setup of processes) {
      const { outcomes } = await runCase(target, { setup, operations: [LOOK] });
      const [seen] = outcomes;
      expect(seen?.kind).toBe('smaps');
      if (seen?.kind !== 'smaps') continue;
      const shown = seen.vmas.map(({ start, end, flags, offset }) => ({
        start,
        end,
        flags,
        offset,
      }));
      expect(shown).toEqual(
        setup.vmas.map(({ start, end, flags, offset }) => ({ start, end, flags, offset })),
      );
    }
  });

  test('answers errno for a fault that would be a signal', async () => {
    if (process === undefined) return;
    const operations: readonly Operation[] = [
      { op: 'touchWrite', address: ARENA },
      map(0, 1, { prot: 0 }),
      { op: 'touchRead', address: ARENA },
      map(0, 1),
      { op: 'touchRead', address: ARENA },
      { op: 'touchWrite', address: ARENA },
    ];
    const answer = await runCase(target, { setup: process, operations });
    expect(kinds(answer)).toEqual(['EFAULT', 'value', 'EFAULT', 'value', 'value', 'value']);
  });

  test('follows a child, and a parent', async () => {
    if (process === undefined) return;
    const operations: readonly Operation[] = [
      map(0, 1),
      { op: 'mlock', address: ARENA, length: pages(1) },
      { op: 'fork', follow: 'parent' },
      LOOK,
      { op: 'fork', follow: 'child' },
      LOOK,
    ];
    const { outcomes } = await runCase(target, { setup: process, operations });
    const locked = outcomes.flatMap((one) => (one.kind === 'smaps' ? [one.totals.locked] : []));
    expect(locked).toEqual([1, 0]);
  });

  test('kills a process that takes too much memory, and goes on with the next case', async () => {
    if (process === undefined) return;
    const setup: Setup = { ...process, capabilities: ['CAP_IPC_LOCK'] };
    const greedy: readonly Operation[] = [
      mmap(0n, 4n << 30n),
      { op: 'mlockall', flags: 1 },
      { op: 'munlockall' },
    ];
    const answer = await runCase(target, { setup, operations: greedy });
    if (answer.lacks !== undefined) return console.warn(`not tried: ${answer.lacks}`);
    expect(answer.failure).toMatch(/more memory than the probe allows/);
    expect((await runCase(target, { setup: process, operations: [LOOK] })).failure).toBeUndefined();
  });

  test('says so where a case takes away what the probe’s process needs', async () => {
    if (process === undefined) return;
    const [text] = process.vmas;
    const address = text?.start ?? 0n;
    const operations: readonly Operation[] = [{ op: 'munmap', address, length: pages(1) }, LOOK];
    const answer = await runCase(target, { setup: process, operations });
    expect(answer.failure).toMatch(/the subject died of signal 11/);
  });

  test('is not put a case of a process that begins in another way', async () => {
    if (process === undefined) return;
    const other = { ...process, startStack: process.startStack - 16n };
    const answer = await runCase(target, { setup: other, operations: [LOOK] });
    expect(answer.lacks).toMatch(/startStack/);
  });

  test('leaves the mounts of this host and its processes as they were', async () => {
    if (process === undefined) return;
    const mounts = (): string => readFileSync('/proc/self/mountinfo', 'utf8');
    const before = mounts();
    const own = mmTarget(localTransport('mm'));
    await own.available();
    const answer = await runCase(own, {
      setup: { ...process, files: [{ pages: 1, access: 'rw', inode: 0 }] },
      operations: [map(0, 1, { flags: 1, fd: 0 }), { op: 'fork', follow: 'child' }, LOOK],
    });
    expect(kinds(answer)).toEqual(['value', 'value', 'smaps']);
    await own.close();
    expect(mounts()).toBe(before);
    expect(subjects()).toEqual([]);
  });

  test('times a pair of calls in a loop of its own', async () => {
    const timed = await timeOperationPair({
      preparation: () => [map(0, 2)],
      first: () => map(4, 1, { prot: RW }),
      second: () => ({ op: 'munmap', address: page(4), length: pages(1) }),
      pairs: 100,
      samples: 3,
    });
    if ('skip' in timed) return console.warn(`not timed: ${timed.skip}`);
    expect(timed.nsPerPair).toHaveLength(3);
    for (const time of timed.nsPerPair) expect(time).toBeGreaterThan(100);
  });
});

/** Processes of this host that are a subject of no probe that still runs. */
function subjects(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return stat.includes('(subject-') && / 1 /.test(stat.slice(stat.lastIndexOf(')')));
      } catch {
        return false;
      }
    });
}
