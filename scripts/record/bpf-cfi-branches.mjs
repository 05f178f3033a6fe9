// SPDX-License-Identifier: MIT
// Records what Bochs does with indirect branches under CET: the cases of every rule's row, then generated pieces of
// code, and writes of the MSRs.
//
//   npm run build && node scripts/record/bpf-cfi-branches.mjs [cases] [seed]
//
// Writes packages/oracle/recordings/hw-model.instructions/bochs-<version>.jsonl.gz, a trace for each case, and
// prints how many cases were left out and why. Needs bochs with its text display, binutils and script(1).
import { join } from 'node:path';
import process from 'node:process';
import { BRANCH_ROWS } from '../../packages/oracle/dist/bpf-cfi/branch-rows/index.js';
import { branchSubsystem } from '../../packages/oracle/dist/bpf-cfi/branch-subsystem.js';
import { generateCases } from '../../packages/oracle/dist/cases.js';
import { answersOf, openTarget, RECORDINGS, versionOf, writeRecording } from './recording.mjs';

const SCRIPT = 'scripts/record/bpf-cfi-branches.mjs';
const count = Number(process.argv[2] ?? 5000);
const seed = Number(process.argv[3] ?? 20_231_208);

const { model } = branchSubsystem;
const [target] = branchSubsystem.targets({});
const { facts } = await openTarget(target, model.name, SCRIPT);
const rows = BRANCH_ROWS.flatMap(({ vectors }) => vectors.map(({ candidate }) => candidate));
const cases = [...rows, ...generateCases(branchSubsystem, facts.revision, seed, count)].flat();
const answers = await answersOf(target, cases, facts);
await target.close();
const name = `bochs-${versionOf(facts.source)}`;
writeRecording(join(RECORDINGS, model.name), name, model.codec, answers);
