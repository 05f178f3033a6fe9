// SPDX-License-Identifier: MIT
import { TargetError, type Answer, type Case, type Target } from '../target.ts';
import { bochsAvailable } from './emulator.ts';
import type { FirmwareProgram } from './firmware.ts';

/** What the target of one model adds to the emulator. */
export interface BochsUse<Setup, Operation, Outcome> {
  readonly model: string;
  /** What the machine runs. */
  readonly program: FirmwareProgram;
  /** The answers to cases, in order. */
  readonly answers: (cases: readonly Case<Setup, Operation>[]) => AsyncIterable<Answer<Outcome>>;
}

/** Bochs 2.7 as a target. */
export function bochsTargetOf<Setup, Operation, Outcome>({
  model,
  program,
  answers,
}: BochsUse<Setup, Operation, Outcome>): Target<Setup, Operation, Outcome> {
  return {
    name: 'bochs',
    models: [model],
    touches: 'starts the Bochs emulator in a temporary folder',
    available: () => bochsAvailable(program, 'bochs-2.7'),
    run: async function* (setup, operations) {
      for await (const { outcomes, failure, lacks } of answers([{ setup, operations }])) {
        const missing = failure ?? lacks;
        if (missing !== undefined) throw new TargetError(`bochs: ${missing}`);
        yield* outcomes;
      }
    },
    runBatch: (cases) => answers([...cases]),
    close: async () => undefined,
  };
}
