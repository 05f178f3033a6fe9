// SPDX-License-Identifier: MIT
import type { CpuOperation, CpuOutcome, CpuPreset, CpuSetup } from '@kernel-models/hw-model/cpu';
import { runBochs } from '../bochs/emulator.ts';
import { bochsTargetOf } from '../bochs/target.ts';
import type { Answer, Target } from '../target.ts';
import { decodeAnswer, encodeCase, TRANSITIONS, unsupported, type CpuCase } from './transitions.ts';

/** Models of Bochs, `cpu: model=…`, by the preset that describes them. */
const BOCHS_MODELS: Readonly<Partial<Record<CpuPreset, string>>> = {
  'bochs-icelake': 'corei7_icelake_u',
  'bochs-tigerlake': 'tigerlake',
  'bochs-ryzen': 'ryzen',
};

function modelOf({ setup: { cpu } }: CpuCase): string | undefined {
  return typeof cpu === 'string' ? BOCHS_MODELS[cpu] : undefined;
}

/** Bochs as a CPU whose registers are written. */
export function bochsTarget(): Target<CpuSetup, CpuOperation, CpuOutcome> {
  return bochsTargetOf({ model: 'hw-model.cpu', program: TRANSITIONS, answers });
}

async function* answers(cases: readonly CpuCase[]): AsyncGenerator<Answer<CpuOutcome>> {
  const done = new Map<CpuCase, Answer<CpuOutcome>>();
  for (const [preset, model] of Object.entries(BOCHS_MODELS)) {
    const own = cases.filter((one) => one.setup.cpu === preset && unsupported(one) === undefined);
    const lines = await runBochs(model, own.map(encodeCase), TRANSITIONS);
    own.forEach((one, index) => done.set(one, decodeAnswer(lines[index], one)));
  }
  for (const one of cases) {
    const lacks = modelOf(one) === undefined ? 'a CPU that Bochs does not have' : unsupported(one);
    yield done.get(one) ?? { outcomes: [], lacks: lacks ?? 'no answer' };
  }
}
