// SPDX-License-Identifier: MIT
import { test } from 'vitest';
import fc from 'fast-check';
import { execCheck, featuresOf } from '@kernel-models/exec-check';
import { checkProperty } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { setups } from './arbitraries.ts';
import { machineFor, operationCommands } from './commands.ts';

const model = covered(execCheck);

test.each(['linux-6.1', 'linux-6.12', 'linux-6.18'] as const)(
  '%s as a machine that takes commands',
  async (revision) => {
    const commands = fc.commands(operationCommands(), { maxCommands: 20, size: 'medium' });
    const property = fc.property(setups(featuresOf(revision)), commands, (setup, all) => {
      fc.modelRun(() => machineFor(model, revision, setup), all);
    });
    await checkProperty(`commands ${revision}`, property, { runs: 150 });
  },
);
