// SPDX-License-Identifier: MIT
// Records what this kernel answers to generated programs: their JIT images, test runs, and what is registered
// of them with their trampolines. On this host that can be seen by others while it runs (--host-visible).
//
//   npm run build && node scripts/record/bpf-cfi.mjs [cases] [seed] [kernel image]
//
// Writes packages/oracle/recordings/bpf-cfi/linux-<release>.jsonl.gz, a trace for each case, and prints
// how many cases were left out and why. Needs root (CAP_BPF), a C compiler and, for an image, qemu.
import { mkdirSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { writeTrace } from '../../packages/model-core/dist/index.js';
import { bpfCfiSubsystem } from '../../packages/oracle/dist/bpf-cfi/subsystem.js';
import { generateCases } from '../../packages/oracle/dist/cases.js';
import { observeCases } from '../../packages/oracle/dist/observe.js';

const SCRIPT = 'scripts/record/bpf-cfi.mjs';
const count = Number(process.argv[2] ?? 1500);
const seed = Number(process.argv[3] ?? 20_231_208);
const kernel = process.argv[4];

const [target] = bpfCfiSubsystem.targets(kernel === undefined ? { hostVisible: true } : { kernel });
const availability = await target.available();
if (!availability.ok) throw new Error(`bpf: ${availability.skip}`);
const { revision, worlds } = availability;
const { model } = bpfCfiSubsystem;
const source = { ...availability.source, script: SCRIPT };
const facts = { model: model.name, revision, source, recordedAt: new Date().toISOString() };

const cases = [...generateCases(bpfCfiSubsystem, revision, seed, count, worlds)].flat();
const left = new Map();
let text = '';
let recorded = 0;
for await (const { trace, failure, lacks, complaints } of observeCases(target, cases, facts)) {
  const reason = failure ?? lacks ?? complaints?.[0];
  if (reason !== undefined) left.set(reason, (left.get(reason) ?? 0) + 1);
  else {
    text += writeTrace(trace, model.codec);
    recorded += 1;
  }
}
await target.close();

const [version] = /^[0-9]+\.[0-9]+(\.[0-9]+)?/.exec(source.kernel ?? '') ?? ['unknown'];
const folder = fileURLToPath(
  new URL(`../../packages/oracle/recordings/${model.name}/`, import.meta.url),
);
mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}linux-${version}.jsonl.gz`, gzipSync(text, { level: 9 }));
console.log(`${recorded} cases recorded`);
for (const [reason, number] of left) console.log(`${number} left out: ${reason}`);
