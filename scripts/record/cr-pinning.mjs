// SPDX-License-Identifier: MIT
// Records what Bochs and KVM answer to generated register transitions, and what KVM answers to accesses of
// the pinning MSRs:
//
//   npm run build && node scripts/record/cr-pinning.mjs [seed]
//
// Writes packages/oracle/recordings/<model>/<target>-<version>.jsonl.gz, a trace for each case, and prints
// how many cases were left out and why. Needs bochs with its text display, binutils, script(1), a C
// compiler and /dev/kvm; a target that is missing is named and its recording stays as it is.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { writeTrace } from '../../packages/model-core/dist/index.js';
import { generateCases } from '../../packages/oracle/dist/cases.js';
import { bochsTarget } from '../../packages/oracle/dist/cr-pinning/bochs.js';
import { cpuSubsystem } from '../../packages/oracle/dist/cr-pinning/cpu-subsystem.js';
import {
  cpuKvmTarget,
  pinningKvmTarget,
} from '../../packages/oracle/dist/cr-pinning/kvm-targets.js';
import { crPinningSubsystem } from '../../packages/oracle/dist/cr-pinning/subsystem.js';
import { observeCases } from '../../packages/oracle/dist/observe.js';

const SCRIPT = 'scripts/record/cr-pinning.mjs';
const seed = Number(process.argv[2] ?? 20_200_617);

const RECORDINGS = [
  { subsystem: cpuSubsystem, target: bochsTarget(), count: 6000 },
  { subsystem: cpuSubsystem, target: cpuKvmTarget(), count: 2000 },
  { subsystem: crPinningSubsystem, target: pinningKvmTarget(), count: 500 },
];

for (const { subsystem, target, count } of RECORDINGS) {
  const { model } = subsystem;
  const availability = await target.available();
  if (!availability.ok) {
    console.log(`${model.name}: ${target.name} is left out: ${availability.skip}`);
    continue;
  }
  const { revision } = availability;
  const source = { ...availability.source, script: SCRIPT };
  const facts = { model: model.name, revision, source, recordedAt: new Date().toISOString() };
  const cases = [...generateCases(subsystem, revision, seed, count)].flat();
  const left = new Map();
  let text = '';
  let recorded = 0;
  for await (const { trace, failure, lacks } of observeCases(target, cases, facts)) {
    const reason = failure ?? lacks;
    if (reason === undefined) {
      text += writeTrace(trace, model.codec);
      recorded += 1;
    } else left.set(reason, (left.get(reason) ?? 0) + 1);
  }
  await target.close();
  const [version] = /[0-9]+\.[0-9]+/.exec(source.kernel ?? '') ?? ['unknown'];
  const file = `recordings/${model.name}/${target.name}-${version}.jsonl.gz`;
  const path = fileURLToPath(new URL(`../../packages/oracle/${file}`, import.meta.url));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, gzipSync(text, { level: 9 }));
  console.log(`${file}: ${recorded} cases recorded`);
  for (const [reason, number] of left) console.log(`  ${number} left out: ${reason}`);
}
