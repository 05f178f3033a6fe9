// SPDX-License-Identifier: MIT
import { codec, isLive, isLiveSetup, normaliseSetup } from '@kernel-models/exec-check';
import { describe, expect, test } from 'vitest';
import { recordedCases } from '../../src/exec-check/cases.ts';
import { lacks } from '../../src/exec-check/requirements.ts';
import { revisionOfRelease } from '../../src/exec-check/targets.ts';
import { encodeOperation, encodeSetup } from '../../src/exec-check/wire.ts';
import type { Hello } from '../../src/probe/protocol.ts';
import { decodeWords, encodeWords } from '../../src/probe/words.ts';

const cases = recordedCases(300);

function helloOf(capabilities: readonly string[], busyUids: readonly number[] = []): Hello {
  return {
    probe: 'exec-check',
    release: '6.18.1',
    kernel: '6.18.1 #1',
    machine: 'x86_64',
    cpu: '',
    lsm: '',
    facts: { capabilities: [...capabilities], busyUids: [...busyUids] },
  };
}

describe('the recorded cases', () => {
  test('are the same each time, and the first ones do not depend on the count', () => {
    expect(recordedCases(300)).toEqual(cases);
    expect(recordedCases(20)).toEqual(cases.slice(0, 20));
  });

  test('are ones that a kernel can be put, and that a trace can hold', () => {
    for (const { setup, operations } of cases) {
      expect(isLiveSetup(setup) && operations.every(isLive)).toBe(true);
      expect(codec.decodeSetup(codec.encodeSetup(setup))).toEqual(setup);
      for (const operation of operations) {
        expect(codec.decodeOperation(codec.encodeOperation(operation))).toEqual(operation);
      }
    }
  });

  test('touch most operations', () => {
    const used = new Set(cases.flatMap(({ operations }) => operations.map(({ op }) => op)));
    expect(used.size).toBeGreaterThan(40);
  });
});

describe('what the probe reads', () => {
  test('is the normalised world with the bytes of its files', () => {
    for (const { setup } of cases.slice(0, 50)) {
      const wire = encodeSetup(setup);
      expect(decodeWords(encodeWords(wire))).toEqual(JSON.parse(JSON.stringify(wire)));
      const { nodes } = normaliseSetup(setup);
      expect(wire['nodes']).toHaveLength(nodes.length);
    }
    const [node] = encodeSetup({
      mounts: [],
      tasks: [],
      nodes: [
        {
          kind: 'file',
          path: '/s',
          mode: 0o755,
          uid: 0,
          gid: 0,
          content: { kind: 'script', line: '/e/i' },
        },
      ],
    })['nodes'] as readonly { readonly content: string }[];
    expect(Buffer.from(node?.content ?? '', 'base64').toString()).toBe('#!/e/i\n');
  });

  test('is an operation with the bytes it writes', () => {
    expect(
      encodeOperation({ op: 'write', task: 'init', path: '/f', content: { kind: 'empty' } }),
    ).toEqual({ op: 'write', task: 'init', path: '/f', content: '' });
  });
});

describe('a case that a host cannot have', () => {
  const empty = { mounts: [], nodes: [], tasks: [] };

  test('is one with a capability that nobody has there, where that could be told', () => {
    const raise = { op: 'capset', task: 't1', effective: 0n, inheritable: 0n } as const;
    const candidate = (permitted: bigint): Parameters<typeof lacks>[0] => ({
      setup: empty,
      operations: [{ ...raise, permitted }],
    });
    expect(lacks(candidate(1n << 24n), helloOf(['CAP_CHOWN']))).toBe('CAP_SYS_RESOURCE');
    expect(lacks(candidate(1n), helloOf(['CAP_CHOWN']))).toBeUndefined();
  });

  test('is one that counts the processes of a user who has some there', () => {
    const candidate = {
      setup: empty,
      operations: [
        { op: 'setrlimit', task: 't1', resource: 'nproc', soft: 3n },
        { op: 'setresuid', task: 't1', ruid: 1000, euid: 1000, suid: 1000 },
      ],
    } as const;
    expect(lacks(candidate, helloOf([], [0, 1000]))).toMatch(/user 1000/);
    expect(lacks(candidate, helloOf([], [0]))).toBeUndefined();
  });

  test('is one in which the model plays a security module, or stops inside a call', () => {
    const rule = { hook: 'fileOpen', errno: 'EACCES' } as const;
    expect(lacks({ setup: { ...empty, lsm: [rule] }, operations: [] }, helloOf([]))).toMatch(
      /security module/,
    );
    const operations = [{ op: 'checkEnd', task: 't1' } as const];
    expect(lacks({ setup: empty, operations }, helloOf([]))).toMatch(/checkEnd/);
  });
});

test.each([
  ['6.1.0-56-cloud-amd64', 'linux-6.1'],
  ['6.10.3', undefined],
  ['6.11.2', undefined],
  ['6.12.117+deb12-cloud-amd64', 'linux-6.12'],
  ['6.13.1', undefined],
  ['6.14.0', 'linux-6.14'],
  ['6.18.44-fc', 'linux-6.18'],
  ['6.19.1', 'linux-6.19'],
  ['7.0.0-rc1', 'linux-6.19'],
  ['5.10.0', undefined],
  ['nonsense', undefined],
])('release %s is described by %s', (release, revision) => {
  expect(revisionOfRelease(release)).toBe(revision);
});
