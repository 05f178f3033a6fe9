// SPDX-License-Identifier: MIT
// Records what a kernel does with programs: their images and those of their subprograms, tail calls that are
// patched, and the executable memory that all of it takes, down to the bitmaps of its packs.
//
//   npm run build && node scripts/record/bpf-cfi-programs.mjs <kernel> [cases] [seed] [cfi]
//
// The kernel is an image, a series of Debian's (6.12), which is fetched, or `host`, the running one. Writes
// packages/oracle/recordings/bpf-cfi/linux-<release>[-cfi]-programs.jsonl.gz, a trace for each case, and prints how
// many cases were left out and why. Where packs lie is asked of a kernel with CONFIG_KALLSYMS_ALL that qemu
// boots. `cfi` is what a kernel with CFI boots with, such as kcfi,norand. Needs a C compiler, and qemu or root.
import { join } from 'node:path';
import process from 'node:process';
import fc from 'fast-check';
import { programHistories } from '../../packages/oracle/dist/bpf-cfi/bpf-cases.js';
import { bpfKernelTarget } from '../../packages/oracle/dist/bpf-cfi/bpf-targets.js';
import { bpfCfiSubsystem } from '../../packages/oracle/dist/bpf-cfi/subsystem.js';
import { packings } from '../../packages/oracle/dist/bpf-cfi/packing-cases.js';
import { bpfCfi } from '../../packages/bpf-cfi/dist/index.js';
import {
  answersOf,
  kernelImage,
  openTarget,
  RECORDINGS,
  versionOf,
  writeRecording,
} from './recording.mjs';

const SCRIPT = 'scripts/record/bpf-cfi-programs.mjs';
const [kernel, countText = '300', seedText = '20231208', cfi] = process.argv.slice(2);
if (kernel === undefined) {
  throw new Error('usage: bpf-cfi-programs.mjs <kernel> [cases] [seed] [cfi]');
}

const target =
  kernel === 'host'
    ? bpfCfiSubsystem.targets({})[0]
    : bpfKernelTarget(await kernelImage(kernel), cfi === undefined ? '' : `cfi=${cfi}`);
const { facts, worlds } = await openTarget(target, bpfCfi.name, SCRIPT);
const [plain, packed] = worlds;
const runs = { numRuns: Math.ceil(Number(countText) / 2), seed: Number(seedText) };
const casesOf = (setup, histories) =>
  fc
    .sample(histories, runs)
    .map((operations) => ({ setup, operations: [{ op: 'boot', cfi, seed: 0 }, ...operations] }));
const cases = [
  ...casesOf(plain, programHistories),
  ...(packed === undefined ? [] : casesOf(packed, packings)),
];
const answers = await answersOf(target, cases, facts);
await target.close();
const name = `linux-${versionOf(facts.source)}${cfi === undefined ? '' : '-cfi'}-programs`;
writeRecording(join(RECORDINGS, bpfCfi.name), name, bpfCfi.codec, answers);
