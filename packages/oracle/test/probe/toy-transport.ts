// SPDX-License-Identifier: MIT
import type { Link, Transport } from '../../src/probe/transport.ts';

/** What a probe of a toy model says first. */
export const HELLO =
  '{"hello":"toy","protocol":1,"release":"6.1","kernel":"6.1 #1","machine":"x86_64","cpu":"c","lsm":"l"}';

/** A probe in this process: what it answers to each line. `undefined` means that it dies there. */
export type Behaviour = (
  verb: string,
  id: string,
  words: string,
) => string | undefined | Promise<never>;

/** Answers each operation with its own words. */
export const honest: Behaviour = (verb, id, words) => {
  if (verb === 'world') return `{"case":${id},"ready":true}`;
  if (verb === 'end') return `{"case":${id},"end":true,"complaints":[]}`;
  return `{"case":${id},"outcome":"${words}"}`;
};

/** What a probe that hangs answers. */
export const never: Promise<never> = new Promise(() => undefined);

/** A transport to such a probe, which counts what is done with it. */
export interface Toy extends Transport {
  starts: number;
  closes: number;
  mostUnanswered: number;
}

/** The n-th start behaves as the n-th of `behaviours`, or the last. */
export function toy(behaviours: readonly Behaviour[], hello = HELLO, window = 1000): Toy {
  const transport: Toy = {
    name: 'toy',
    touches: 'nothing',
    startTimeoutMs: 200,
    watchdogMs: -4900,
    starts: 0,
    closes: 0,
    mostUnanswered: 0,
    connect: () => {
      const behave = behaviours[Math.min(transport.starts, behaviours.length - 1)] ?? honest;
      transport.starts += 1;
      return Promise.resolve(link(transport, behave, hello, window));
    },
  };
  return transport;
}

function link(transport: Toy, behave: Behaviour, hello: string, window: number): Link {
  const waiting: string[] = [];
  let greeted = false;
  let dead = false;
  return {
    window,
    write: (text) => {
      waiting.push(text);
      const unanswered = waiting.join('').length;
      transport.mostUnanswered = Math.max(transport.mostUnanswered, unanswered);
    },
    nextLine: async () => {
      if (dead) return undefined;
      if (!greeted) {
        greeted = true;
        return hello === 'silence' ? never : hello === 'death' ? undefined : hello;
      }
      const line = waiting.shift();
      if (line === undefined) return never;
      const [verb = '', id = '', ...words] = line.trim().split(' ');
      const answer = await behave(verb, id, words.join(' '));
      dead = answer === undefined;
      return answer;
    },
    diagnosis: () => 'exit status 9',
    close: () => {
      transport.closes += 1;
      return Promise.resolve();
    },
  };
}
