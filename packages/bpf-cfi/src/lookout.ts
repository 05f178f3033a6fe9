// SPDX-License-Identifier: MIT
import {
  peekNumber,
  register,
  run,
  type MachineState,
  type RunResult,
} from '@kernel-models/hw-model/instructions';
import { CALLS } from './kernel-text.ts';
import type { Seen } from './outcome.ts';
import type { Scenario, Watch } from './scenario.ts';

/**
 * Runs a machine, and looks into the context of each tracing program that it enters, where the
 * program itself would look.
 */
export class Lookout {
  readonly seen: Seen[] = [];
  readonly #watches: ReadonlyMap<bigint, Watch>;
  readonly #function: bigint;
  /** struct bpf_tramp_run_ctx, as the last enter got it. */
  #runCtx = 0n;

  constructor({ watches = [], pointer }: Scenario) {
    this.#watches = new Map(watches.map((watch) => [watch.address, watch]));
    this.#function = pointer;
  }

  /** Like run(), and at the same speed where nothing is watched. */
  run(state: MachineState, limit: number): RunResult {
    if (this.#watches.size === 0) return run(state, limit);
    let retired = 0;
    let machine = state;
    for (;;) {
      this.#look(machine);
      const result = run(machine, 1);
      retired += result.retired;
      machine = result.state;
      if (result.event.kind !== 'limit' || retired >= limit) return { ...result, retired };
    }
  }

  #look(state: MachineState): void {
    const { rip } = state.control;
    if (rip === CALLS.enter || rip === CALLS.sleepable.enter) this.#runCtx = register(state, 'rsi');
    const watch = this.#watches.get(rip);
    if (watch === undefined) return;
    this.seen.push({ program: watch.program, value: this.#sight(state, watch) });
  }

  #sight(state: MachineState, { sees }: Watch): bigint {
    const context = register(state, 'rdi');
    switch (sees.kind) {
      case 'argument':
        return read(state, context + 8n * BigInt(sees.index));
      case 'count':
        return read(state, context - 8n);
      case 'address':
        return BigInt.asUintN(64, read(state, context - 16n) - this.#function);
      case 'cookie':
        return read(state, this.#runCtx);
    }
  }
}

function read(state: MachineState, address: bigint): bigint {
  const value = peekNumber(state, address, 8);
  if (value === undefined) throw new RangeError(`0x${address.toString(16)} is not mapped`);
  return value;
}
