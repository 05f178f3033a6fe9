// SPDX-License-Identifier: MIT
// Records what this kernel answers to generated programs: their JIT images, test runs, and what is registered
// of them with their trampolines. On this host that can be seen by others while it runs (--host-visible).
//
//   npm run build && node scripts/record/bpf-cfi.mjs [cases] [seed] [kernel image]
//
// Writes packages/oracle/recordings/bpf-cfi/linux-<release>.jsonl.gz, a trace for each case, and prints
// how many cases were left out and why. Needs root (CAP_BPF), a C compiler and, for an image, qemu.
import { join } from 'node:path';
import process from 'node:process';
import { bpfCfiSubsystem } from '../../packages/oracle/dist/bpf-cfi/subsystem.js';
import { generateCases } from '../../packages/oracle/dist/cases.js';
import { answersOf, openTarget, RECORDINGS, versionOf, writeRecording } from './recording.mjs';

const SCRIPT = 'scripts/record/bpf-cfi.mjs';
const count = Number(process.argv[2] ?? 1500);
const seed = Number(process.argv[3] ?? 20_231_208);
const kernel = process.argv[4];

const { model } = bpfCfiSubsystem;
const [target] = bpfCfiSubsystem.targets(kernel === undefined ? { hostVisible: true } : { kernel });
const { facts, worlds } = await openTarget(target, model.name, SCRIPT);
const cases = [...generateCases(bpfCfiSubsystem, facts.revision, seed, count, worlds)].flat();
const answers = await answersOf(target, cases, facts);
await target.close();
const name = `linux-${versionOf(facts.source)}`;
writeRecording(join(RECORDINGS, model.name), name, model.codec, answers);
