// SPDX-License-Identifier: MIT
// Records what Bochs answers to generated register transitions:
//
//   npm run build && node scripts/record/cr-pinning.mjs [cases] [seed]
//
// Writes packages/oracle/recordings/hw-model.cpu/bochs-<version>.jsonl.gz, a trace for each case, and
// prints how many cases were left out and why. Needs bochs with its text display, binutils and script(1);
// no root.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { writeTrace } from '../../packages/model-core/dist/index.js';
import { generateCases } from '../../packages/oracle/dist/cases.js';
import { bochsTarget } from '../../packages/oracle/dist/cr-pinning/bochs.js';
import { cpuSubsystem } from '../../packages/oracle/dist/cr-pinning/cpu-subsystem.js';
import { observeCases } from '../../packages/oracle/dist/observe.js';

const SCRIPT = 'scripts/record/cr-pinning.mjs';
const count = Number(process.argv[2] ?? 6000);
const seed = Number(process.argv[3] ?? 20_200_617);

const target = bochsTarget();
const availability = await target.available();
if (!availability.ok) throw new Error(`bochs: ${availability.skip}`);
const { revision } = availability;
const source = { ...availability.source, script: SCRIPT };
const facts = {
  model: cpuSubsystem.model.name,
  revision,
  source,
  recordedAt: new Date().toISOString(),
};

const cases = [...generateCases(cpuSubsystem, revision, seed, count)].flat();
const left = new Map();
let text = '';
let recorded = 0;
for await (const { trace, failure, lacks } of observeCases(target, cases, facts)) {
  const reason = failure ?? lacks;
  if (reason !== undefined) {
    left.set(reason, (left.get(reason) ?? 0) + 1);
    continue;
  }
  text += writeTrace(trace, cpuSubsystem.model.codec);
  recorded += 1;
}
await target.close();

const [version] = /[0-9]+(\.[0-9]+)+/.exec(source.kernel ?? '') ?? ['unknown'];
const path = fileURLToPath(
  new URL(
    `../../packages/oracle/recordings/${cpuSubsystem.model.name}/bochs-${version}.jsonl.gz`,
    import.meta.url,
  ),
);
mkdirSync(dirname(path), { recursive: true });
writeFileSync(path, gzipSync(text, { level: 9 }));
console.log(`${recorded} cases recorded`);
for (const [reason, number] of left) console.log(`${number} left out: ${reason}`);
