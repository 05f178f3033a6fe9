// SPDX-License-Identifier: MIT
// Records what real kernels answer to the mm cases, one file a kernel, into
// packages/oracle/recordings/mm:
//
//   npm run build
//   node scripts/record/mm.mjs            # the running kernel, and Debian's 6.1 and 6.12
//   node scripts/record/mm.mjs live       # the running kernel alone; needs root
//   node scripts/record/mm.mjs 6.12       # Debian's newest kernel of a series, under qemu
//   node scripts/record/mm.mjs /boot/vmlinuz-6.12.9
//   node scripts/record/mm.mjs findings   # the traces of docs/findings.md, from the running kernel
//
// Needs a C compiler, for the kernels under qemu qemu-system-x86_64, and for Debian's what
// debian-kernel.mjs needs. Every kernel gets the written histories on each of its processes (x86-64
// and i386, top-down and bottom-up), as many random cases of every theme, and one that makes as many
// mappings as a process may have. Options: --rounds <random cases of each theme and process>,
// --into <folder>.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { codec, mmModel } from '../../packages/mm/dist/index.js';
import { writeTrace } from '../../packages/model-core/dist/index.js';
import { recordedCases } from '../../packages/oracle/dist/mm/cases.js';
import { FINDINGS, findingCase } from '../../packages/oracle/dist/mm/findings.js';
import { mmTargets } from '../../packages/oracle/dist/mm/targets.js';
import { answersOf, kernelImage, openTarget, RECORDINGS, writeRecording } from './recording.mjs';

const SCRIPT = 'scripts/record/mm.mjs';
const FINDINGS_FOLDER = fileURLToPath(new URL('../../test-models/mm/findings', import.meta.url));

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '6' },
    into: { type: 'string', default: join(RECORDINGS, mmModel.name) },
  },
  allowPositionals: true,
});
for (const source of positionals.length > 0 ? positionals : ['live', '6.1', '6.12', 'findings']) {
  const own = source === 'live' || source === 'findings';
  const [target] = mmTargets(own ? {} : { kernel: kernelImage(source) });
  try {
    const opened = await openTarget(target, mmModel.name, SCRIPT);
    if (source === 'findings') await recordFindings(target, opened);
    else await record(target, opened);
  } finally {
    await target.close();
  }
}

async function record(target, { facts, worlds }) {
  const cases = recordedCases(mmModel, facts.revision, worlds, Number(values.rounds));
  const answers = await answersOf(target, cases, facts, { strict: true });
  writeRecording(values.into, facts.revision, codec, answers);
}

/** Each finding in a file of its own, readable as it is. */
async function recordFindings(target, { facts, worlds }) {
  const cases = FINDINGS.map((finding) => findingCase(finding, worlds[0]));
  const { traces, left } = await answersOf(target, cases, facts, { strict: true });
  const [lacking] = left.keys();
  if (lacking !== undefined) throw new Error(`a finding cannot be put to this kernel: ${lacking}`);
  mkdirSync(FINDINGS_FOLDER, { recursive: true });
  for (const [index, { name }] of FINDINGS.entries()) {
    const file = join(FINDINGS_FOLDER, `${name}.jsonl`);
    writeFileSync(file, writeTrace(traces[index], codec));
    console.log(`${file}: ${traces[index].events.length} events, ${facts.source.kernel}`);
  }
}
