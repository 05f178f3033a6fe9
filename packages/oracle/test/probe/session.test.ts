// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { ProbeSession, type ProbeAnswer, type ProbeCase } from '../../src/probe/session.ts';
import type { Transport } from '../../src/probe/transport.ts';
import { Unavailable } from '../../src/probe/unavailable.ts';
import { HELLO, honest, never, toy, type Behaviour, type Toy } from './toy-transport.ts';

async function run(transport: Transport, cases: readonly ProbeCase[]): Promise<ProbeAnswer[]> {
  const session = new ProbeSession(transport, 'toy');
  const answers: ProbeAnswer[] = [];
  for await (const answer of session.run(cases)) answers.push(answer);
  await session.close();
  return answers;
}

const one = (...steps: string[]): ProbeCase => ({ world: 'w=1', steps });
const agreed = (...outcomes: string[]): ProbeAnswer => ({ outcomes, complaints: [] });

describe('a session', () => {
  test('answers every case in order over one start', async () => {
    const transport = toy([honest]);
    expect(await run(transport, [one('a', 'b'), one(), one('c')])).toEqual([
      agreed('a', 'b'),
      agreed(),
      agreed('c'),
    ]);
    expect([transport.starts, transport.closes]).toEqual([1, 1]);
  });

  test('never has more unanswered than the window, but for one long line', async () => {
    const transport = toy([honest], HELLO, 60);
    const cases = Array.from({ length: 20 }, () => one('aaaa', 'b'.repeat(50), 'cccc'));
    expect(await run(transport, cases)).toHaveLength(20);
    expect(transport.mostUnanswered).toBeLessThanOrEqual(60);
  });

  test.each<[string, Behaviour, RegExp]>([
    [
      'dies',
      (verb, id, words) => (words === 'bad' ? undefined : honest(verb, id, words)),
      /died.*exit status 9/,
    ],
    ['hangs', (verb, id, words) => (words === 'bad' ? never : honest(verb, id, words)), /hung/],
    [
      'speaks no JSON',
      (verb, id, words) => (words === 'bad' ? 'Oops' : honest(verb, id, words)),
      /nonsense/,
    ],
    [
      'speaks of another case',
      (verb, id, words) => honest(verb, words === 'bad' ? '77' : id, words),
      /nonsense/,
    ],
    ['says too much', (_, id) => `{"case":${id},"ready":true,"extra":1}`, /nonsense/],
    ['says too little', (_, id) => `{"case":${id}}`, /nonsense/],
  ])('with a probe that %s fails that case and goes on with the next', async (_, bad, failure) => {
    const transport = toy([bad, honest]);
    const [first, second] = await run(transport, [one('bad'), one('b')]);
    expect(first?.failure).toMatch(failure);
    expect(second).toEqual(agreed('b'));
    expect(transport.starts).toBe(2);
  });

  test('keeps the outcomes from before a failure, and what a kernel lacks', async () => {
    const failing: Behaviour = (verb, id, words) => {
      if (words === 'bad') return `{"case":${id},"failure":"no"}`;
      if (words === 'new') return `{"case":${id},"lacks":"CONFIG_X"}`;
      return honest(verb, id, words);
    };
    const transport: Toy = toy([failing], HELLO, 1);
    expect(await run(transport, [one('a', 'bad', 'c'), one('new'), one('d')])).toEqual([
      { outcomes: ['a'], failure: 'no', complaints: [] },
      { outcomes: [], lacks: 'CONFIG_X', complaints: [] },
      agreed('d'),
    ]);
    expect(transport.starts).toBe(1);
  });

  test('an end before the last outcome is a failure, never an agreement', async () => {
    const short: Behaviour = (verb, id, words) =>
      honest(verb === 'step' && words === 'bad' ? 'end' : verb, id, words);
    const [answer] = await run(toy([short], HELLO, 1), [one('a', 'bad', 'c')]);
    expect(answer?.failure).toMatch(/answered 1 of 3/);
  });

  test('hands on what the kernel complained of', async () => {
    const warned: Behaviour = (verb, id, words) =>
      verb === 'end'
        ? `{"case":${id},"end":true,"complaints":["WARNING: x"]}`
        : honest(verb, id, words);
    const [answer] = await run(toy([warned]), [one('a')]);
    expect(answer?.complaints).toEqual(['WARNING: x']);
  });

  test('that is left before its last answer does not hand it to the next case', async () => {
    const transport = toy([honest]);
    const session = new ProbeSession(transport, 'toy');
    for await (const answer of session.run([one('a'), one('b')])) {
      expect(answer).toEqual(agreed('a'));
      break;
    }
    for await (const answer of session.run([one('c')])) expect(answer).toEqual(agreed('c'));
    expect(transport.starts).toBe(2);
    for await (const answer of session.run([one('d')])) {
      expect(answer).toEqual(agreed('d'));
      break;
    }
    for await (const answer of session.run([one('e')])) expect(answer).toEqual(agreed('e'));
    expect(transport.starts).toBe(2);
    await session.close();
  });

  test('uses a start that already holds many cases', async () => {
    const transport = toy([honest]);
    let given = 0;
    const preloading: Transport = {
      ...transport,
      connectWith: async (lines) => {
        const opened = await transport.connect();
        for (const line of lines) {
          opened.write(line);
          given += 1;
        }
        return opened;
      },
    };
    const cases = Array.from({ length: 64 }, (_, index) => one(`s${index}`));
    const answers = await run(preloading, cases);
    expect(answers.map(({ outcomes }) => outcomes[0])).toEqual(cases.map(({ steps }) => steps[0]));
    expect(given).toBe(64 * 3);
  });
});

describe('a session that cannot start', () => {
  test.each([
    [
      'a probe that cannot answer there',
      '{"hello":"toy","protocol":1,"unavailable":"CONFIG_X"}',
      /^CONFIG_X$/,
    ],
    ['silence', 'silence', /no answer within 0.2 s \(exit status 9\)/],
    ['an end', 'death', /ended before the probe answered \(exit status 9\)/],
    ['something else', 'login:', /not a probe/],
    ['another protocol', HELLO.replace('"protocol":1', '"protocol":2'), /not a probe.*protocol/],
    ['another probe', HELLO.replace('toy', 'mm'), /expected the probe toy, got mm/],
  ])('says so: %s', async (_, hello, reason) => {
    const transport = toy([honest], hello);
    const session = new ProbeSession(transport, 'toy');
    await expect(session.hello()).rejects.toThrow(Unavailable);
    await expect(session.hello()).rejects.toThrow(reason);
    expect(transport.closes).toBeGreaterThanOrEqual(transport.starts);
    for (const { failure } of await run(transport, [one('a'), one('b')])) {
      expect(failure).toMatch(reason);
    }
  });
});
