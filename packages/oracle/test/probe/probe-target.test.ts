// SPDX-License-Identifier: MIT
import { decode, type Json } from '@kernel-models/model-core';
import { describe, expect, test } from 'vitest';
import { execCheckTarget } from '../../src/exec-check/targets.ts';
import { probeTarget, type ProbeSubsystem } from '../../src/probe/probe-target.ts';
import { runCase, TargetError, type Answer, type Target } from '../../src/target.ts';
import { HELLO, honest, toy, type Behaviour } from './toy-transport.ts';

interface ToyOperation {
  readonly op: string;
}

type ToyTarget = Target<string, ToyOperation, string>;

function target(
  behaviour: Behaviour,
  changes: Partial<ProbeSubsystem<string, ToyOperation, string>> = {},
): ToyTarget {
  const subsystem: ProbeSubsystem<string, ToyOperation, string> = {
    model: 'toy',
    decodeOutcome: (json: Json) => decode.string(json, 'outcome'),
    encodeSetup: (setup) => ({ setup }),
    encodeOperation: ({ op }) => ({ op }),
    revisionOf: ({ release }) => `linux-${release}`,
    configOf: ({ lsm }) => `lsm=${lsm}`,
    ...changes,
  };
  return probeTarget(subsystem, toy([behaviour]));
}

async function batch(of: ToyTarget, setups: readonly string[]): Promise<readonly Answer<string>[]> {
  const answers: Answer<string>[] = [];
  const cases = setups.map((setup) => ({ setup, operations: [{ op: setup }] }));
  for await (const answer of of.runBatch?.(cases) ?? []) answers.push(answer);
  await of.close();
  return answers;
}

describe('the target of a probe', () => {
  test('says what answers', async () => {
    const live = target(honest);
    expect(await live.available()).toEqual({
      ok: true,
      revision: 'linux-6.1',
      source: {
        kind: 'kernel',
        kernel: '6.1 #1',
        config: 'lsm=l',
        cpu: 'c',
        tool: 'packages/oracle/probes/toy.c',
      },
    });
    await live.close();
  });

  test('skips what it requires and the kernel is not', async () => {
    const live = target(honest, { requires: ({ release }) => `newer than ${release}` });
    expect(await live.available()).toEqual({ ok: false, skip: 'newer than 6.1' });
    await live.close();
  });

  test('asks nothing of a kernel that lacks what a case needs, and keeps the order', async () => {
    const lacks = ({ setup }: { readonly setup: string }): string | undefined =>
      setup === 'b' ? 'CONFIG_B' : undefined;
    expect(await batch(target(honest, { lacks }), ['a', 'b', 'c'])).toEqual([
      { outcomes: ['op=a'] },
      { outcomes: [], lacks: 'CONFIG_B' },
      { outcomes: ['op=c'] },
    ]);
  });

  test('an outcome that the model does not know is nonsense, not an agreement', async () => {
    const odd: Behaviour = (verb, id, words) =>
      words === 'op=b' ? `{"case":${id},"outcome":7}` : honest(verb, id, words);
    const [first, second] = await batch(target(odd), ['a', 'b']);
    expect(first).toEqual({ outcomes: ['op=a'] });
    expect(second?.failure).toMatch(/nonsense: outcome: expected a string, got 7/);
  });

  test('one case at a time throws where the probe fails', async () => {
    const failing: Behaviour = (verb, id, words) =>
      words === 'op=b' ? `{"case":${id},"failure":"no"}` : honest(verb, id, words);
    const live = target(failing);
    expect(await runCase(live, { setup: 's', operations: [{ op: 'a' }] })).toEqual({
      outcomes: ['op=a'],
    });
    const outcomes: string[] = [];
    const consume = async (): Promise<void> => {
      const run = live.run('s', [{ op: 'a' }, { op: 'b' }]);
      for await (const outcome of run) outcomes.push(outcome);
    };
    await expect(consume()).rejects.toThrow(TargetError);
    expect(outcomes).toEqual(['op=a']);
    await live.close();
  });
});

test('a kernel older than every revision is a named skip', async () => {
  const facts = ',"capabilities":[],"busyUids":[]}';
  const old = HELLO.replace('toy', 'exec-check').replace('6.1', '5.10.0').replace(/}$/, facts);
  const live = execCheckTarget(toy([honest], old));
  expect(await live.available()).toEqual({
    ok: false,
    skip: 'Linux 6.1 or later: this kernel is 5.10.0',
  });
  await live.close();
});
