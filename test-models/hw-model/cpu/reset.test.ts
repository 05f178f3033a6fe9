// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { test } from 'vitest';
import { cpuModel, type ControlState } from '@kernel-models/hw-model/cpu';
import { checkProperty } from '../../support/check-property.ts';
import { LabelCoverage } from '../../support/label-coverage.ts';
import { covered } from '../../support/rule-coverage.ts';
import { choice, operationOf, SETUPS, startOf } from './operations.ts';

/*
 * The manual's table of registers after RESET and INIT, held against both from wherever a history
 * leads: Intel SDM volume 3, "IA-32 and Intel 64 Processor States Following Power-up, Reset, or
 * INIT".
 */

const model = covered(cpuModel);

/** What both make of the registers, but for CR0. */
const BOTH = {
  cr2: 0n,
  cr3: 0n,
  cr4: 0n,
  efer: 0n,
  rflags: 2n,
  rip: 0xfff0n,
  dr6: 0xffff_0ff0n,
  dr7: 0x400n,
  cpl: 0,
  cs: { selector: 0xf000, base: 0xffff_0000n, l: false, d: false },
} as const;

function differing(state: ControlState, expected: Partial<ControlState>): readonly string[] {
  return Object.entries(expected)
    .filter(([name, value]) => {
      const found = Object.entries(state).find(([field]) => field === name)?.[1];
      return JSON.stringify(found, asText) !== JSON.stringify(value, asText);
    })
    .map(([name]) => name);
}

const asText = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value;

/** Bits 29 and 30, NW and CD. */
const caching = (cr0: bigint): bigint => ((cr0 >> 29n) % 4n) << 29n;

test('RESET, INIT and SIPI leave what the table says', async () => {
  const labels = new LabelCoverage();
  const histories = fc.tuple(
    fc.constantFrom(...SETUPS),
    fc.array(choice, { minLength: 1, maxLength: 25, size: 'max' }),
    fc.nat(255),
  );
  const property = fc.property(histories, ([setup, choices, vector]) => {
    let before = startOf(model, setup, 'architecture');
    for (const one of choices) {
      before = model.apply(before, operationOf(before, one), 'architecture').state;
    }
    const isBoot = setup.applicationProcessor !== true;
    const { state: fresh } = model.apply(before, { op: 'reset' }, 'architecture');
    const problems = differing(fresh, {
      ...BOTH,
      cr0: 0x6000_0010n,
      cr8: 0n,
      smm: { active: false, smbase: 0x3_0000, image: null, suspended: null },
      virtualization: null,
      memory: before.memory,
      nmiBlocked: false,
    });
    if (problems.length > 0) throw new Error(`RESET: ${problems.join(', ')}`);
    const init = model.apply(before, { op: 'init' }, 'architecture');
    const isBlocked =
      before.smm.active ||
      (before.virtualization?.kind === 'vmx' && before.virtualization.vmcs === null);
    if (isBlocked !== (init.outcome.kind === 'latched')) throw new Error('INIT: blocked');
    if (init.rule !== 'init.done') return;
    const kept = {
      ...BOTH,
      cr0: 0x10n + caching(before.cr0),
      msrs: before.msrs,
      memory: before.memory,
      virtualization: null,
    };
    const lost = differing(init.state, kept);
    if (init.state.smm.smbase !== before.smm.smbase) throw new Error('INIT: smbase');
    if (lost.length > 0) throw new Error(`INIT: ${lost.join(', ')}`);
    const start = model.apply(init.state, { op: 'sipi', vector }, 'architecture');
    labels.count(new Set([start.outcome.kind, caching(before.cr0) === 0n ? 'cached' : 'uncached']));
    if (start.outcome.kind === 'ignored') {
      if (init.state.activity !== 'active') throw new Error('SIPI: not heard');
      return;
    }
    const started = differing(start.state, {
      rip: 0n,
      cs: { selector: vector * 256, base: BigInt(vector) * 4096n, l: false, d: false },
      activity: 'active',
    });
    if (started.length > 0) throw new Error(`SIPI: ${started.join(', ')}`);
    if (isBoot && start.outcome.kind === 'done' && before.msrs[0x1b] === undefined) {
      throw new Error('SIPI: the boot processor does not wait for one');
    }
  });
  await checkProperty('RESET, INIT, SIPI', property, { runs: 500 });
  labels.require({ ignored: 10, done: 5, cached: 5, uncached: 5 });
});
