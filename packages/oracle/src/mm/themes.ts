// SPDX-License-Identifier: MIT
import {
  MADV_NAMES,
  MAP_32BIT,
  MAP_ANONYMOUS,
  MAP_DROPPABLE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_STACK,
  MCL_CURRENT,
  MCL_FUTURE,
  MCL_ONFAULT,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_EXEC,
  PROT_GROWSDOWN,
  PROT_READ,
  PROT_WRITE,
  type Capability,
  type Operation,
} from '@kernel-models/mm';
import type { Dice } from '../dice.ts';
import type { Wishes } from './directed.ts';
import type { View } from './generate.ts';
import { INFINITY } from './host.ts';
import {
  ANON,
  ARENA,
  ARENA_PAGES,
  FORK_CHILD,
  FORK_PARENT,
  NONE,
  PAGE,
  pages,
  R,
  RW,
} from './operations.ts';

/** A kind of random case: one mechanism that the others do not drown. */
export interface Theme {
  readonly name: string;
  readonly wishes: (dice: Dice) => Wishes;
  /** The next operation. */
  readonly next: (dice: Dice, view: View) => Operation;
}

type Choice = (dice: Dice, view: View) => Operation;

const ARENA_END = ARENA + pages(ARENA_PAGES);
const RX = PROT_READ | PROT_EXEC;
const RWX = PROT_READ | PROT_WRITE | PROT_EXEC;

/* Places. */

function arenaPage(dice: Dice): bigint {
  return ARENA + pages(dice.below(ARENA_PAGES));
}

function isNear(address: bigint): boolean {
  return address >= ARENA && address <= ARENA_END;
}

/** A page of the arena: often an end of a mapping, or beside one. */
function near(dice: Dice, { vmas }: View): bigint {
  const ends = vmas.flatMap(({ start, end }) => [start, end]).filter(isNear);
  if (ends.length === 0 || dice.chance(0.4)) return arenaPage(dice);
  const address = dice.pick(ends) + pages(dice.below(3) - 1);
  return isNear(address) ? address : arenaPage(dice);
}

/** A mapping that the case made or may change. */
function mapping(dice: Dice, { vmas }: View): { readonly start: bigint; readonly end: bigint } {
  const own = vmas.filter(({ name, start }) => name !== 'probe' && start >= ARENA);
  const some = own.filter(({ name }) => !name.startsWith('['));
  if (some.length > 0) return dice.pick(some);
  const start = arenaPage(dice);
  return { start, end: start + PAGE };
}

function few(dice: Dice): bigint {
  return pages(1 + dice.below(dice.chance(0.7) ? 4 : 12));
}

/** A range: of the arena, or of a mapping from one of its pages to another. */
function range(dice: Dice, view: View): { readonly address: bigint; readonly length: bigint } {
  if (dice.chance(0.5)) return { address: near(dice, view), length: few(dice) };
  const { start, end } = mapping(dice, view);
  const count = Math.min(Number((end - start) / PAGE), 16);
  const first = dice.below(count);
  const length = dice.chance(0.3)
    ? end - start - pages(first)
    : pages(1 + dice.below(count - first));
  return { address: start + pages(first), length };
}

/** Somewhere in the heap or right above it. */
function heapPage(dice: Dice, { process, brk }: View): bigint {
  const top = Number((brk - process.startBrk) / PAGE);
  return process.startBrk + pages(dice.below(Math.max(top, 0) + 6));
}

/* Choices. */

function weighted(...choices: readonly (readonly [weight: number, choice: Choice])[]): Choice {
  const total = choices.reduce((sum, [weight]) => sum + weight, 0);
  return (dice, view) => {
    let left = dice.below(total);
    for (const [weight, choice] of choices) {
      left -= weight;
      if (left < 0) return choice(dice, view);
    }
    throw new RangeError('weighted: expected a choice, got none');
  };
}

const somePrograms = [RW, RW, RW, R, NONE, RX, RWX, PROT_WRITE];

const mapFixed: Choice = (dice, view) => ({
  op: 'mmap',
  ...range(dice, view),
  prot: dice.pick([RW, RW, RW, RW, R, NONE, RX]),
  flags: ANON | MAP_FIXED | (dice.chance(0.1) ? MAP_NORESERVE : 0),
  fd: -1,
  offset: 0n,
});

const mapAnyhow: Choice = (dice, view) => ({
  op: 'mmap',
  ...range(dice, view),
  prot: dice.pick(somePrograms),
  flags:
    dice.pick([ANON, ANON, ANON, MAP_SHARED | MAP_ANONYMOUS]) |
    dice.pick([MAP_FIXED, MAP_FIXED, MAP_FIXED_NOREPLACE, 0]) |
    dice.pick([0, 0, 0, MAP_NORESERVE, MAP_STACK, MAP_POPULATE, MAP_LOCKED]),
  fd: -1,
  offset: 0n,
});

const mapHint: Choice = (dice, view) => ({
  op: 'mmap',
  address: dice.chance(0.5) ? 0n : near(dice, view) + BigInt(dice.pick([0, 0, 1, 0xfff])),
  length: few(dice),
  prot: dice.pick([RW, RW, R, NONE]),
  flags: ANON,
  fd: -1,
  offset: 0n,
});

const mapFile: Choice = (dice, view) => ({
  op: 'mmap',
  ...range(dice, view),
  prot: dice.pick([RW, RW, R, NONE]),
  flags:
    dice.pick([MAP_SHARED, MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED_VALIDATE]) |
    dice.pick([MAP_FIXED, MAP_FIXED, MAP_FIXED, 0]),
  fd: dice.pick([0, 0, 0, 1, 2, 3]),
  offset: pages(dice.below(6)),
});

const unmap: Choice = (dice, view) => ({ op: 'munmap', ...range(dice, view) });

const protect: Choice = (dice, view) => ({
  op: 'mprotect',
  ...range(dice, view),
  prot: dice.pick(somePrograms),
});

const protectSimply: Choice = (dice, view) => ({
  op: 'mprotect',
  ...range(dice, view),
  prot: dice.pick([RW, RW, R]),
});

const touch: Choice = (dice, view) => {
  const { address } = range(dice, view);
  return { op: dice.chance(0.7) ? 'touchWrite' : 'touchRead', address };
};

const write: Choice = (dice, view) => ({ op: 'touchWrite', address: range(dice, view).address });

const advise: Choice = (dice, view) => ({
  op: 'madvise',
  ...range(dice, view),
  advice: dice.pick(Object.values(MADV_NAMES)),
});

const lock: Choice = (dice, view) =>
  dice.chance(0.7)
    ? { op: 'mlock', ...range(dice, view) }
    : { op: 'mlock2', ...range(dice, view), flags: dice.below(2) };

const unlock: Choice = (dice, view) => ({ op: 'munlock', ...range(dice, view) });

const lockAll: Choice = (dice) =>
  dice.chance(0.3)
    ? { op: 'munlockall' }
    : {
        op: 'mlockall',
        flags: dice.pick([
          MCL_CURRENT,
          MCL_FUTURE,
          MCL_FUTURE,
          MCL_CURRENT | MCL_FUTURE,
          MCL_FUTURE | MCL_ONFAULT,
        ]),
      };

const seal: Choice = (dice, view) => ({ op: 'mseal', ...range(dice, view), flags: 0 });

const bind: Choice = (dice, view) => {
  const mode = dice.pick([0, 0, 1, 2, 2, 3, 4]);
  const nodes = mode === 0 || mode === 4 ? 0n : 1n;
  return { op: 'mbind', ...range(dice, view), mode, nodes, flags: 0 };
};

const fork: Choice = (dice) => (dice.chance(0.6) ? FORK_CHILD : FORK_PARENT);

const moveBack: Choice = (dice, view) => {
  const { address, length } = range(dice, view);
  const newLength = dice.chance(0.7) ? length : few(dice);
  const flags = dice.pick([
    0,
    MREMAP_MAYMOVE,
    MREMAP_MAYMOVE,
    MREMAP_MAYMOVE | MREMAP_FIXED,
    MREMAP_MAYMOVE | MREMAP_FIXED,
    MREMAP_MAYMOVE | MREMAP_FIXED,
    MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
    MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED,
    MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED,
  ]);
  return {
    op: 'mremap',
    address,
    oldLength: dice.chance(0.05) ? 0n : length,
    newLength: (flags & MREMAP_DONTUNMAP) === 0 ? newLength : length,
    flags,
    newAddress: near(dice, view),
  };
};

const moveBrk: Choice = (dice, view) => ({
  op: 'brk',
  address: heapPage(dice, view) + BigInt(dice.pick([0, 0, 0, 1, 0x7ff, 0xfff])),
});

const mapHeap: Choice = (dice, view) => ({
  op: 'mmap',
  address: heapPage(dice, view),
  length: pages(1 + dice.below(3)),
  prot: dice.pick([RW, RW, RW, R]),
  flags: ANON | MAP_FIXED | (dice.chance(0.1) ? MAP_GROWSDOWN : 0),
  fd: -1,
  offset: 0n,
});

const unmapHeap: Choice = (dice, view) => ({
  op: 'munmap',
  address: heapPage(dice, view),
  length: pages(1 + dice.below(4)),
});

const protectHeap: Choice = (dice, view) => ({
  op: 'mprotect',
  address: heapPage(dice, view),
  length: pages(1 + dice.below(4)),
  prot: dice.pick([RW, RW, R, NONE]),
});

const touchHeap: Choice = (dice, view) => ({
  op: 'touchWrite',
  address: heapPage(dice, view) - (dice.chance(0.1) ? PAGE : 0n),
});

const mapGrowing: Choice = (dice, view) => ({
  op: 'mmap',
  address: near(dice, view),
  length: pages(1 + dice.below(3)),
  prot: dice.pick([RW, RW, RW, R]),
  flags: ANON | MAP_FIXED | MAP_GROWSDOWN | (dice.chance(0.1) ? MAP_NORESERVE : 0),
  fd: -1,
  offset: 0n,
});

/** Some pages below a mapping: what a stack grows by. */
const touchBelow: Choice = (dice, view) => ({
  op: dice.chance(0.8) ? 'touchWrite' : 'touchRead',
  address: mapping(dice, view).start - pages(1 + dice.below(6)),
});

const growStack: Choice = (dice, view) => {
  const stack = view.process.vmas.at(-1);
  const below = pages(1 + dice.below(dice.chance(0.8) ? 64 : 3000));
  return { op: 'touchWrite', address: (stack?.start ?? ARENA) - below };
};

const protectGrowing: Choice = (dice, view) => ({
  op: 'mprotect',
  ...range(dice, view),
  prot: dice.pick([RW, R]) | PROT_GROWSDOWN,
});

const placeSome: Choice = (dice) => ({
  op: 'mmap',
  address: 0n,
  length: dice.pick([
    few(dice),
    few(dice),
    pages(1 + dice.below(600)),
    0x20_0000n * BigInt(1 + dice.below(4)),
    0x20_0000n + PAGE,
  ]),
  prot: dice.pick([RW, RW, R, NONE]),
  flags:
    dice.pick([ANON, ANON, ANON, MAP_SHARED | MAP_ANONYMOUS]) |
    dice.pick([0, 0, 0, 0, MAP_GROWSDOWN, MAP_32BIT, MAP_STACK, MAP_NORESERVE]),
  fd: -1,
  offset: 0n,
});

/** A hint that is no page of the arena: at ends of mappings, wherever they are. */
const placeAtHint: Choice = (dice, view) => {
  const { start, end } = mapping(dice, view);
  const length = pages(1 + dice.below(300));
  const address = dice.pick([start - length, end, start, start - 0x10_0000n - length, end + PAGE]);
  const flags = ANON | dice.pick([0, 0, 0, MAP_GROWSDOWN, MAP_32BIT, MAP_FIXED_NOREPLACE]);
  const hint = address < ARENA ? ARENA : address;
  return { op: 'mmap', address: hint, length, prot: dice.pick([RW, R]), flags, fd: -1, offset: 0n };
};

const growAnywhere: Choice = (dice, view) => {
  const { start, end } = mapping(dice, view);
  const oldLength = end - start;
  return {
    op: 'mremap',
    address: start,
    oldLength,
    newLength: oldLength + pages(dice.below(40)),
    flags: dice.pick([0, MREMAP_MAYMOVE, MREMAP_MAYMOVE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP]),
    newAddress: dice.pick([0n, start - oldLength, end]),
  };
};

const HUGE = 0x10_0000_0000n;

/** More than a machine has; never written, never locked. */
const mapTooMuch: Choice = (dice) => ({
  op: 'mmap',
  address: 0x20_0000_0000n + HUGE * BigInt(dice.below(3)),
  length: HUGE,
  prot: dice.pick([RW, RW, NONE, R]),
  flags: ANON | dice.pick([0, MAP_FIXED, MAP_NORESERVE, MAP_FIXED | MAP_NORESERVE]),
  fd: -1,
  offset: 0n,
});

const protectTooMuch: Choice = (dice) => ({
  op: 'mprotect',
  address: 0x20_0000_0000n + HUGE * BigInt(dice.below(3)),
  length: dice.pick([HUGE, HUGE, pages(4)]),
  prot: dice.pick([RW, R]),
});

/** Addresses and lengths that no careful program passes. */
function odd(dice: Dice, { process: { taskSize } }: View): bigint {
  return dice.pick([
    ...[0n, 1n, 0xfffn, PAGE, ARENA + 1n, taskSize - PAGE, taskSize, taskSize + PAGE],
    ...[1n << 31n, 1n << 32n, 1n << 63n, INFINITY, INFINITY - 0xfffn, INFINITY - 0x1fffn],
  ]);
}

const oddCall: Choice = (dice, view) => {
  const some = range(dice, view);
  const address = dice.chance(0.6) ? odd(dice, view) : some.address;
  const length = dice.chance(0.6) ? odd(dice, view) : some.length;
  const word = dice.pick([0, 1, 2, 3, 4, 7, 8, 0x10, 0x1000_0000, 0x8000_0000]);
  return dice.pick<Operation>([
    { op: 'munmap', address, length },
    { op: 'mprotect', address, length, prot: word },
    { op: 'mlock', address, length: length > pages(64) && length < 1n << 47n ? PAGE : length },
    { op: 'mlock2', address, length: PAGE, flags: word },
    { op: 'munlock', address, length },
    { op: 'mlockall', flags: word | 8 },
    { op: 'mseal', address, length, flags: word & 1 },
    { op: 'madvise', address, length, advice: dice.pick([0, 1, 4, 10, 77, 99, 255]) },
    { op: 'mbind', address, length, mode: word, nodes: 1n, flags: dice.pick([0, 0, 1, 0x100]) },
    { op: 'touchRead', address },
    { op: 'touchWrite', address },
    { op: 'brk', address },
    {
      op: 'mmap',
      address,
      length,
      prot: word & 0xf,
      flags: dice.pick([
        ANON,
        ANON | MAP_FIXED,
        MAP_PRIVATE,
        MAP_SHARED,
        MAP_ANONYMOUS,
        0x22 | 0x8,
      ]),
      fd: dice.pick([-1, -1, 0, 7]),
      offset: dice.pick([0n, 1n, PAGE, INFINITY - 0xfffn]),
    },
    {
      op: 'mremap',
      address,
      oldLength: dice.pick([length, some.length]),
      newLength: dice.pick([length, some.length]),
      flags: word & 0xf,
      newAddress: odd(dice, view),
    },
  ]);
};

const limitSome: Choice = (dice, { vmas }) => {
  const total = vmas.reduce((sum, { start, end }) => sum + (end - start), 0n);
  const soft = dice.pick([
    total + pages(dice.below(8)),
    pages(dice.below(24)),
    pages(40 + dice.below(40)),
  ]);
  const resource = dice.pick(['AS', 'DATA', 'STACK', 'MEMLOCK'] as const);
  return { op: 'setrlimit', resource, soft, hard: resource === 'MEMLOCK' ? 8n << 20n : INFINITY };
};

/* Themes. */

const noWishes = (): Wishes => ({});

const memlock = (dice: Dice): Wishes => {
  const soft = pages(dice.below(12));
  const capabilities: readonly Capability[] = dice.chance(0.15) ? ['CAP_IPC_LOCK'] : [];
  return { limits: { MEMLOCK: { soft, hard: 8n << 20n } }, capabilities };
};

const someFiles = (): Wishes => ({
  files: [
    { pages: 8, access: 'rw', inode: 0 },
    { pages: 8, access: 'rw', inode: 0 },
    { pages: 3, access: 'r', inode: 1 },
  ],
});

const basics = [
  [5, mapFixed],
  [3, unmap],
  [3, protectSimply],
  [4, write],
] as const;

/** Every mechanism has a theme in which the others do not drown it. */
export const THEMES: readonly Theme[] = [
  {
    name: 'arena',
    wishes: noWishes,
    next: weighted(
      [4, mapFixed],
      [3, mapAnyhow],
      [3, unmap],
      [4, protect],
      [4, touch],
      [1, mapHint],
    ),
  },
  {
    name: 'merging',
    wishes: noWishes,
    next: weighted([8, mapFixed], [4, unmap], [6, protectSimply], [8, write], [1, fork]),
  },
  {
    name: 'heap',
    wishes: (dice) =>
      dice.chance(0.25)
        ? { limits: { DATA: { soft: 0x800n + pages(2 + dice.below(8)), hard: INFINITY } } }
        : {},
    next: weighted(
      [8, moveBrk],
      [2, mapHeap],
      [2, unmapHeap],
      [2, protectHeap],
      [3, touchHeap],
      [1, lockAll],
      [1, fork],
    ),
  },
  { name: 'moving', wishes: noWishes, next: weighted(...basics, [9, moveBack]) },
  {
    name: 'moving locked memory',
    wishes: memlock,
    next: weighted([4, mapFixed], [2, unmap], [2, write], [3, lock], [1, unlock], [7, moveBack]),
  },
  {
    name: 'moving files',
    wishes: someFiles,
    next: weighted([5, mapFile], [1, mapFixed], [1, unmap], [2, touch], [6, moveBack]),
  },
  {
    name: 'locks',
    wishes: memlock,
    next: weighted(
      [3, mapFixed],
      [1, mapHint],
      [5, lock],
      [2, unlock],
      [2, lockAll],
      [2, protect],
      [2, touch],
      [1, unmap],
      [1, touchBelow],
      [1, mapGrowing],
    ),
  },
  {
    name: 'stacks',
    wishes: (dice) =>
      dice.chance(0.3)
        ? { limits: { STACK: { soft: pages(1 + dice.below(10)), hard: INFINITY } } }
        : {},
    next: weighted(
      [5, mapGrowing],
      [8, touchBelow],
      [2, mapFixed],
      [2, unmap],
      [2, protectGrowing],
      [1, growStack],
      [1, protect],
    ),
  },
  {
    name: 'forks',
    wishes: noWishes,
    next: weighted(...basics, [3, fork], [2, moveBack], [1, advise]),
  },
  {
    name: 'seals',
    wishes: noWishes,
    next: weighted(...basics, [4, seal], [2, moveBack], [2, advise], [1, lock], [1, mapHeap]),
  },
  {
    name: 'advice',
    wishes: noWishes,
    next: weighted(...basics, [8, advise], [1, fork], [1, lock]),
  },
  { name: 'policies', wishes: noWishes, next: weighted(...basics, [6, bind], [1, moveBack]) },
  {
    name: 'files',
    wishes: someFiles,
    next: weighted(
      [7, mapFile],
      [2, mapFixed],
      [2, unmap],
      [3, protect],
      [4, touch],
      [1, moveBack],
      [1, advise],
    ),
  },
  {
    name: 'bad arguments',
    wishes: someFiles,
    next: weighted([2, mapFixed], [1, write], [12, oddCall]),
  },
  {
    name: 'placement',
    wishes: noWishes,
    next: weighted(
      [6, placeSome],
      [4, placeAtHint],
      [3, unmap],
      [2, growAnywhere],
      [1, protect],
      [1, touchBelow],
    ),
  },
  {
    name: 'limits',
    wishes: noWishes,
    next: weighted(
      [5, mapFixed],
      [2, mapHint],
      [2, protect],
      [2, moveBack],
      [3, limitSome],
      [2, moveBrk],
      [1, mapGrowing],
      [1, touchBelow],
    ),
  },
  {
    name: 'too much',
    wishes: noWishes,
    next: weighted([5, mapTooMuch], [3, protectTooMuch], [2, mapFixed], [1, moveBrk]),
  },
  {
    name: 'merging pages',
    wishes: noWishes,
    next: weighted(
      ...basics,
      [2, moveBrk],
      [1, fork],
      [1, mapGrowing],
      [2, (dice) => ({ op: 'setMemoryMerge', on: dice.chance(0.6) })],
    ),
  },
  {
    name: 'droppable',
    wishes: noWishes,
    next: weighted(
      ...basics,
      [1, advise],
      [1, lock],
      [1, fork],
      [
        4,
        (dice, view) => ({
          op: 'mmap',
          ...range(dice, view),
          prot: RW,
          flags: MAP_ANONYMOUS | MAP_DROPPABLE | MAP_FIXED,
          fd: -1,
          offset: 0n,
        }),
      ],
    ),
  },
  {
    name: 'no execution gained',
    wishes: noWishes,
    next: weighted([5, mapAnyhow], [6, protect], [2, touch], [1, () => ({ op: 'setMdwe' })]),
  },
];
