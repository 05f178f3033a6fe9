// SPDX-License-Identifier: MIT
// Records what Bochs and KVM answer to generated register transitions, and what KVM answers to accesses of
// the pinning MSRs:
//
//   npm run build && node scripts/record/cr-pinning.mjs [seed]
//
// Writes packages/oracle/recordings/<model>/<target>-<version>.jsonl.gz, a trace for each case, and prints
// how many cases were left out and why. Needs bochs with its text display, binutils, script(1), a C
// compiler and /dev/kvm; a target that is missing is named and its recording stays as it is.
import { join } from 'node:path';
import process from 'node:process';
import { generateCases } from '../../packages/oracle/dist/cases.js';
import { bochsTarget } from '../../packages/oracle/dist/cr-pinning/bochs.js';
import { cpuSubsystem } from '../../packages/oracle/dist/cr-pinning/cpu-subsystem.js';
import {
  cpuKvmTarget,
  pinningKvmTarget,
} from '../../packages/oracle/dist/cr-pinning/kvm-targets.js';
import { crPinningSubsystem } from '../../packages/oracle/dist/cr-pinning/subsystem.js';
import { answersOf, openTarget, RECORDINGS, seriesOf, writeRecording } from './recording.mjs';

const SCRIPT = 'scripts/record/cr-pinning.mjs';
const seed = Number(process.argv[2] ?? 20_200_617);

for (const { subsystem, target, count } of [
  { subsystem: cpuSubsystem, target: bochsTarget(), count: 6000 },
  { subsystem: cpuSubsystem, target: cpuKvmTarget(), count: 2000 },
  { subsystem: crPinningSubsystem, target: pinningKvmTarget(), count: 500 },
]) {
  const { model } = subsystem;
  const availability = await target.available();
  if (!availability.ok) {
    console.log(`${model.name}: ${target.name} is left out: ${availability.skip}`);
    continue;
  }
  const { facts } = await openTarget(target, model.name, SCRIPT);
  const cases = [...generateCases(subsystem, facts.revision, seed, count)].flat();
  const answers = await answersOf(target, cases, facts);
  await target.close();
  const name = `${target.name}-${seriesOf(facts.source)}`;
  writeRecording(join(RECORDINGS, model.name), name, model.codec, answers);
}
