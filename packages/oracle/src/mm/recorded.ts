// SPDX-License-Identifier: MIT
import { mmModel, type Operation, type Outcome, type Setup } from '@kernel-models/mm';
import type { AnyTrace, Trace } from '@kernel-models/model-core';
import { readTraceFile, shippedRecordings } from '../recordings.ts';
import { withWishes } from './generate.ts';
import { USUAL_LIMITS } from './host.ts';

/** ABIs and layouts that a recording has processes of. */
const KINDS = 4;

/**
 * The processes of the newest kernel that was recorded: what cases begin with where no kernel is
 * asked, because a revision plays it.
 */
export function recordedProcesses(): readonly Setup[] {
  const newest = shippedRecordings(mmModel.name).at(-1);
  const processes = new Map<string, Setup>();
  if (newest === undefined) return [];
  for (const trace of readTraceFile(newest.path, codecOfMm)) {
    if (!isMmTrace(trace)) continue;
    const { setup } = trace;
    processes.set(
      `${setup.abi} ${setup.layout}`,
      withWishes({ ...setup, limits: USUAL_LIMITS }, {}),
    );
    if (processes.size === KINDS) break;
  }
  return [...processes.values()];
}

function codecOfMm(model: string): typeof mmModel.codec | undefined {
  return model === mmModel.name ? mmModel.codec : undefined;
}

/** A trace of mm was read by mm's codec: what it holds is mm's. */
export function isMmTrace(trace: AnyTrace): trace is Trace<Setup, Operation, Outcome> {
  return trace.model === mmModel.name;
}
