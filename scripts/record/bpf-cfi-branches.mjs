// SPDX-License-Identifier: MIT
// Records what Bochs does with indirect branches under CET: generated pieces of code, and writes of the MSRs.
//
//   npm run build && node scripts/record/bpf-cfi-branches.mjs [cases] [seed]
//
// Writes packages/oracle/recordings/hw-model.instructions/bochs-<version>.jsonl.gz, a trace for each case, and
// prints how many cases were left out and why. Needs bochs with its text display, binutils and script(1).
import { mkdirSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { writeTrace } from '../../packages/model-core/dist/index.js';
import { branchSubsystem } from '../../packages/oracle/dist/bpf-cfi/branch-subsystem.js';
import { generateCases } from '../../packages/oracle/dist/cases.js';
import { observeCases } from '../../packages/oracle/dist/observe.js';

const SCRIPT = 'scripts/record/bpf-cfi-branches.mjs';
const count = Number(process.argv[2] ?? 5000);
const seed = Number(process.argv[3] ?? 20_231_208);

const { model } = branchSubsystem;
const [target] = branchSubsystem.targets({});
const availability = await target.available();
if (!availability.ok) throw new Error(`bochs: ${availability.skip}`);
const { revision } = availability;
const source = { ...availability.source, script: SCRIPT };
const facts = { model: model.name, revision, source, recordedAt: new Date().toISOString() };

const cases = [...generateCases(branchSubsystem, revision, seed, count)].flat();
const left = new Map();
let text = '';
let recorded = 0;
for await (const { trace, failure, lacks } of observeCases(target, cases, facts)) {
  const reason = failure ?? lacks;
  if (reason !== undefined) left.set(reason, (left.get(reason) ?? 0) + 1);
  else {
    text += writeTrace(trace, model.codec);
    recorded += 1;
  }
}
await target.close();

const [version] = /[0-9]+\.[0-9]+/.exec(source.kernel ?? '') ?? ['unknown'];
const folder = fileURLToPath(
  new URL(`../../packages/oracle/recordings/${model.name}/`, import.meta.url),
);
mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}bochs-${version}.jsonl.gz`, gzipSync(text, { level: 9 }));
console.log(`${recorded} cases recorded`);
for (const [reason, number] of left) console.log(`${number} left out: ${reason}`);
