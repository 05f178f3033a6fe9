// SPDX-License-Identifier: MIT
// Records what a kernel answers to tracing programs: the trampolines of traced functions, what programs
// on them see, and what test runs return.
//
//   npm run build && node scripts/record/bpf-cfi-tracing.mjs <kernel> [cases] [seed]
//
// The kernel is an image, or a series of Debian's (6.12), which is fetched. Writes
// packages/oracle/recordings/bpf-cfi/linux-<release>-tracing.jsonl.gz, a trace for each case, and prints how
// many cases were left out and why. Needs qemu and a C compiler.
import { join } from 'node:path';
import process from 'node:process';
import fc from 'fast-check';
import { bpfKernelTarget } from '../../packages/oracle/dist/bpf-cfi/bpf-targets.js';
import { tracings } from '../../packages/oracle/dist/bpf-cfi/tracing-cases.js';
import { bpfCfi } from '../../packages/bpf-cfi/dist/index.js';
import {
  answersOf,
  kernelImage,
  openTarget,
  RECORDINGS,
  versionOf,
  writeRecording,
} from './recording.mjs';

const SCRIPT = 'scripts/record/bpf-cfi-tracing.mjs';
const [kernel, countText = '400', seedText = '20231208'] = process.argv.slice(2);
if (kernel === undefined) throw new Error('usage: bpf-cfi-tracing.mjs <kernel> [cases] [seed]');

const target = bpfKernelTarget(await kernelImage(kernel), '');
const { facts, worlds } = await openTarget(target, bpfCfi.name, SCRIPT);
const [setup] = worlds;
const cases = fc
  .sample(tracings, { numRuns: Number(countText), seed: Number(seedText) })
  .map((operations) => ({ setup, operations: [{ op: 'boot', seed: 0 }, ...operations] }));
const answers = await answersOf(target, cases, facts, { strict: true });
await target.close();
const name = `linux-${versionOf(facts.source)}-tracing`;
writeRecording(join(RECORDINGS, bpfCfi.name), name, bpfCfi.codec, answers);
