// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  CAP_SETPCAP,
  execCheck,
  featuresOf,
  maySetSecurebits,
  NO_CAPABILITIES,
  normaliseSetup,
  ALL_CAPABILITIES,
  plainTask,
  type Setup,
} from '@kernel-models/exec-check';
import { covered } from '../support/rule-coverage.ts';
import { securebitsGrants } from './reference/securebits.ts';

const model = covered(execCheck);

/** Who asks: nothing, the capability, the capability in another namespace, root without it. */
const CLASSES = [
  { name: 'an unprivileged user', uid: 1000, setpcap: false, userns: false },
  { name: 'a user with CAP_SETPCAP', uid: 1000, setpcap: true, userns: false },
  { name: 'root without CAP_SETPCAP', uid: 0, setpcap: false, userns: false },
  { name: 'root with CAP_SETPCAP', uid: 0, setpcap: true, userns: false },
  { name: 'a user namespace with CAP_SETPCAP in it', uid: 1000, setpcap: true, userns: true },
] as const;

function setupWith(word: number, who: (typeof CLASSES)[number]): Setup {
  const set = who.setpcap ? CAP_SETPCAP : NO_CAPABILITIES;
  const { uid } = who;
  const map = [{ inside: 0, outside: uid, count: 1 }];
  return normaliseSetup({
    mounts: [],
    nodes: [],
    tasks: [
      plainTask('t1', uid, {
        caps: {
          effective: set,
          permitted: set,
          inheritable: NO_CAPABILITIES,
          bounding: ALL_CAPABILITIES,
          ambient: NO_CAPABILITIES,
        },
        securebits: word,
        ...(who.userns && { userns: { uidMap: map, gidMap: map } }),
      }),
    ],
  });
}

describe.each(['posted-v19', 'linux-6.14', 'linux-6.18'] as const)('%s', (revision) => {
  test.each(CLASSES)('16 x 16 words of the exec bits through Step: $name', (who) => {
    const wrong: string[] = [];
    for (let old = 0; old < 16; old += 1) {
      const state = model.initial(setupWith(old << 8, who));
      for (let next = 0; next < 16; next += 1) {
        const asked = BigInt(next << 8);
        const operation = { op: 'setSecurebits', task: 't1', value: asked } as const;
        const step = model.apply(state, operation, revision);
        const read = model.apply(step.state, { op: 'getSecurebits', task: 't1' }, revision);
        const request = { old: old << 8, asked, privileged: who.setpcap };
        const granted = securebitsGrants(request, featuresOf(revision).execSecurebits);
        const expected = { kind: 'value', value: granted ? asked : BigInt(old << 8) };
        const isSame = (step.outcome.kind === 'value') === granted;
        const { outcome } = read;
        if (!isSame || outcome.kind !== 'value' || outcome.value !== expected.value) {
          wrong.push(`${old.toString(16)} -> ${next.toString(16)}: ${step.rule}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});

/*
 * The same rule as arithmetic over whole words. `changed` must touch nothing that is locked; a
 * lock that is set may not change either.
 */
describe.each([
  ['linux-6.1', 0xff],
  ['linux-6.18', 0xfff],
] as const)('%s: 4096 x 4096 words', (revision, known) => {
  test.each([false, true])('privileged: %s', (privileged) => {
    const isOld = known === 0xff;
    const grants = maySetSecurebits(revision);
    let wrong = 0;
    for (let old = 0; old <= known; old += 1) {
      const locks = old & 0xaaa;
      const frozen = locks | (locks >> 1);
      for (let next = 0; next < 4096; next += 1) {
        const changed = old ^ next;
        const granted =
          (changed & frozen) === 0 &&
          (next & ~known) === 0 &&
          (privileged || (!isOld && changed !== 0 && (changed & 0xff) === 0));
        if (grants(old, next, privileged) !== granted) wrong += 1;
      }
    }
    expect(wrong).toBe(0);
  });
});

test('the reference says bit by bit what the arithmetic says', () => {
  const grants = maySetSecurebits('linux-6.18');
  let wrong = 0;
  for (let old = 0; old < 4096; old += 7) {
    for (let next = 0; next < 4096; next += 5) {
      for (const privileged of [false, true]) {
        const request = { old, asked: BigInt(next), privileged };
        if (securebitsGrants(request, 'merged') !== grants(old, next, privileged)) {
          wrong += 1;
        }
      }
    }
  }
  expect(wrong).toBe(0);
});
