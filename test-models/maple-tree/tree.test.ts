// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { checkProperty } from '../support/check-property.ts';
import { choices, kinds, resolve } from './arbitraries.ts';
import { commands } from './commands.ts';
import { World, type Kind } from './world.ts';

const GEOMETRIES = ['kernel64', 'kernel32', 'tuned'] as const;
const MODES = ['number', 'u64', 'u32'] as const;

describe('maple tree against the reference', () => {
  test.each(GEOMETRIES)('commands over both interfaces, %s', async (geometry) => {
    const property = fc.property(kinds, commands, (kind, program) => {
      const world = new World({ ...kind, geometry });
      fc.modelRun(() => ({ model: { world }, real: world }), program);
      world.checkContent();
    });
    await checkProperty(`maple tree commands, ${geometry}`, property, { runs: 60 });
  });

  test.each(MODES.flatMap((keys) => GEOMETRIES.map((geometry) => [keys, geometry] as const)))(
    'long programs, %s keys, %s',
    async (keys, geometry) => {
      const program = fc
        .record({ allocRange: fc.boolean(), rcu: fc.boolean() })
        .map((flags): Kind => ({ keys, geometry, ...flags }))
        .chain((kind) => fc.tuple(fc.constant(kind), choices(400, kind)));
      const property = fc.property(program, ([kind, steps]) => {
        const world = new World(kind);
        for (const step of steps) world.run(resolve(step, world.reference));
        world.checkContent();
      });
      await checkProperty(`maple tree programs, ${keys} ${geometry}`, property, { runs: 60 });
    },
  );
});
