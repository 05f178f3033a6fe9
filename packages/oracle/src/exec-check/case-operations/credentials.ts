// SPDX-License-Identifier: MIT
import type { Operation } from '@kernel-models/exec-check';
import fc, { type Arbitrary } from 'fast-check';
import { directory, file, path, pick, task, uid } from '../case-names.ts';
import { capabilities, stackLimit, userns } from '../case-setup.ts';
import { other, type Op } from './operands.ts';

const changed: Arbitrary<number> = pick([2, fc.constant(-1)], [3, uid], [1, fc.constant(107)]);
export const setresuid: Op = fc.record({
  op: fc.constant('setresuid' as const),
  task: other,
  ruid: changed,
  euid: changed,
  suid: changed,
});

const securebitsValue: Arbitrary<bigint> = pick<bigint>(
  [4, fc.integer({ min: 0, max: 15 }).map((bits) => BigInt(bits) << 8n)],
  [2, fc.integer({ min: 0, max: 0xfff }).map(BigInt)],
  [1, fc.integer({ min: 0, max: 0xff }).map(BigInt)],
  [1, fc.constantFrom(0x1000n, 1n << 32n, (1n << 32n) | 0x100n, (1n << 64n) - 1n)],
);

export const credentials: Op = pick<Operation>(
  [2, setresuid],
  [2, fc.record({ op: fc.constant('setfsuid' as const), task: other, fsuid: uid })],
  [
    2,
    fc.record({
      op: fc.constant('capset' as const),
      task: other,
      effective: capabilities,
      permitted: capabilities,
      inheritable: capabilities,
    }),
  ],
  [1, fc.record({ op: fc.constant('setNoNewPrivs' as const), task: other })],
  [1, fc.record({ op: fc.constant('getNoNewPrivs' as const), task })],
  [1, fc.record({ op: fc.constant('ptraceAttach' as const), task, target: task })],
);

export const securebits: Op = pick<Operation>(
  [
    6,
    fc.record({ op: fc.constant('setSecurebits' as const), task: other, value: securebitsValue }),
  ],
  [2, fc.record({ op: fc.constant('getSecurebits' as const), task })],
  [
    1,
    fc.record({
      op: fc.constant('setKeepcaps' as const),
      task: other,
      value: fc.constantFrom(0n, 1n, 2n, 1n << 32n),
    }),
  ],
  [1, fc.record({ op: fc.constant('getKeepcaps' as const), task })],
);

export const unshareUser: Op = fc
  .tuple(other, userns)
  .map(([name, maps]) => ({ op: 'unshareUser', task: name, ...maps }));

export const fork: Op = fc.record({
  op: fc.constant('fork' as const),
  task,
  child: fc.constantFrom('t3', 't4', 't2'),
});
export const exit: Op = fc.record({ op: fc.constant('exit' as const), task: other });

export const stack: Op = fc.record({
  op: fc.constant('setrlimit' as const),
  task: other,
  resource: fc.constant('stack' as const),
  soft: stackLimit,
});
export const nproc: Op = fc.record({
  op: fc.constant('setrlimit' as const),
  task: other,
  resource: fc.constant('nproc' as const),
  soft: fc.bigInt({ min: 0n, max: 6n }),
});

export const landlock: Op = fc.record({
  op: fc.constant('landlockRestrict' as const),
  task: other,
  allow: fc.array(pick<string>([3, directory], [3, file], [1, path]), { maxLength: 3 }),
});
