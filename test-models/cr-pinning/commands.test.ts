// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { crPinningModel, DEFENCES, SCENARIOS } from '@kernel-models/cr-pinning';
import { runOracle, type Ran } from '../support/run-oracle.ts';

const pinning = (...args: readonly string[]): Promise<Ran> => runOracle('pinning', ...args);

describe('pinning matrix', () => {
  test('has a line for each attack and a column for each defence', async () => {
    const { code, out } = await pinning('matrix');
    const [head = '', ...lines] = out.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(head.trim().split(/ {2,}/)).toEqual(['attack', ...DEFENCES]);
    expect(lines.map((line) => line.split(' ')[0])).toEqual(SCENARIOS.map(({ id }) => id));
  });

  test('of chosen defences, a bug among them, says the same as JSON', async () => {
    const defences = ['linux-5.8', 'bug:no-nested-force'];
    const { out } = await pinning('matrix', '--defence', ...defences, '--json');
    expect(JSON.parse(out)).toMatchObject({
      version: 1,
      defences,
      attacks: SCENARIOS.map(({ id }) =>
        id === 'T7' ? { id, verdicts: { 'bug:no-nested-force': 'bypass' } } : { id },
      ),
    });
  });
});

describe('pinning run', () => {
  test.each(SCENARIOS.map(({ id }) => id))('%s tells a verdict and what decided', async (id) => {
    for (const revision of DEFENCES) {
      const { code, out } = await pinning('run', id, '--defence', revision);
      expect(code).toBe(0);
      const rule = /\ndecided by (\S+) at step \d+: /.exec(out)?.[1];
      expect(crPinningModel.rules.map((one) => one.id)).toContain(rule);
      expect(out).toMatch(/\nverdict: [a-z-]+\n/);
      expect(out).not.toMatch(/(?<!cr\.)undefined|\[object/);
    }
  });

  test.each([
    ['T3', 'posted-2020-06', 'blocked', 'pin.cr4'],
    ['T1', 'linux-5.8', 'repaired', 'native.repaired'],
    ['T5', 'posted-2020-06', 'killed', 'rsm.cr4-pinned'],
    ['T7', 'posted-2020-06', 'repaired', 'nested.pins-forced'],
    ['T8', 'posted-2020-06', 'bypass', 'cr0.written'],
    ['T10', 'posted-2020-06', 'blocked', 'pin.cr4'],
    ['T13', 'design-efer', 'blocked', 'pin.efer'],
    ['T19', 'posted-2020-06', 'availability-lost', 'routine.triple-fault'],
  ])('%s against %s: %s, by %s', async (id, revision, verdict, rule) => {
    const { out } = await pinning('run', id, '--defence', revision);
    expect(out).toContain(`\nverdict: ${verdict}\ndecided by ${rule} at step `);
  });

  test('what it does not know is one line and exit 2', async () => {
    expect(await pinning('run', 'T20')).toMatchObject({ code: 2, out: '' });
    const wrong = await pinning('run', 'T1', '--defence', 'linux-0');
    expect(wrong).toMatchObject({ code: 2, out: '' });
    expect(wrong.err).toContain(
      '--defence: expected one that `kernel-oracle models cr-pinning` lists',
    );
  });
});
