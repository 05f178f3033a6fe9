// SPDX-License-Identifier: MIT
import { PAGE_SIZE } from '@kernel-models/hw-model/instructions';
import { packOf } from '../pack/pack.ts';
import { scenarioMachine } from '../scenario.ts';
import type { Program, State } from '../state.ts';
import type { CallPlan } from './call-plan.ts';
import { isFilled, programImage } from './program-image.ts';

/**
 * What becomes of a call that comes to the entry of a program which bpf_arch_text_poke() patched:
 * nothing is there where the patch leads, or the patch leads to itself.
 *
 * @returns undefined where something else of this model is there, of which a call there says nothing
 */
export function throughPatch(
  { memory }: State,
  plan: CallPlan,
  program: Program,
): CallPlan | undefined {
  const { patch } = program;
  if (patch === null || isFilled(plan.scheme, program)) return plan;
  const { address, patchSite } = programImage(plan.scheme, program);
  if (patch.kind === 'jmp' && patch.target === address + BigInt(patchSite)) {
    return { ...plan, fault: 'runaway' };
  }
  if (packOf(memory.packs, patch.target) !== undefined) return undefined;
  const pages = new Set(scenarioMachine(plan.scenario()).pages.map((page) => page.address));
  const last = BigInt(PAGE_SIZE - 1);
  // A fault right in front of the pointer would be told apart from one of the callee.
  const known = [patch.target, patch.target + 16n].some((at) => pages.has(at & ~last));
  return known ? undefined : { ...plan, fault: 'patched-away' };
}
