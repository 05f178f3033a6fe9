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
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { codec, mmModel } from '../../packages/mm/dist/index.js';
import { observedOne, writeTrace } from '../../packages/model-core/dist/index.js';
import { recordedCases } from '../../packages/oracle/dist/mm/cases.js';
import { FINDINGS, findingCase } from '../../packages/oracle/dist/mm/findings.js';
import { mmTargets } from '../../packages/oracle/dist/mm/targets.js';
import { fetchKernel } from './debian-kernel.mjs';

const SCRIPT = 'scripts/record/mm.mjs';
const RECORDINGS = fileURLToPath(new URL('../../packages/oracle/recordings/mm', import.meta.url));

const FINDINGS_FOLDER = fileURLToPath(new URL('../../test-models/mm/findings', import.meta.url));

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '6' },
    into: { type: 'string', default: RECORDINGS },
  },
  allowPositionals: true,
});
mkdirSync(values.into, { recursive: true });
for (const source of positionals.length > 0 ? positionals : ['live', '6.1', '6.12', 'findings']) {
  if (source === 'findings') await recordFindings();
  else await record(source);
}

/** Each finding in a file of its own, readable as it is. */
async function recordFindings() {
  const [target] = mmTargets({});
  try {
    const availability = await target.available();
    if (!availability.ok) throw new Error(`findings: ${availability.skip}`);
    const { source, revision, worlds } = availability;
    const recordedAt = new Date().toISOString();
    for (const finding of FINDINGS) {
      const { setup, operations } = findingCase(finding, worlds[0]);
      for await (const answer of target.runBatch([{ setup, operations }])) {
        const { failure, lacks } = answer;
        if (failure ?? lacks) throw new Error(`${finding.name}: ${failure ?? lacks}`);
        const events = eventsOf(operations, answer.outcomes);
        const from = { ...source, script: SCRIPT };
        const trace = { model: 'mm', revision, setup, source: from, recordedAt, events };
        const file = join(FINDINGS_FOLDER, `${finding.name}.jsonl`);
        mkdirSync(FINDINGS_FOLDER, { recursive: true });
        writeFileSync(file, writeTrace(trace, codec));
        console.log(`${file}: ${events.length} events, ${source.kernel}`);
      }
    }
  } finally {
    await target.close();
  }
}

function eventsOf(operations, outcomes) {
  return operations.map((operation, seq) => ({
    seq,
    operation,
    observed: observedOne(outcomes[seq]),
  }));
}

/** @param {string} source `live`, a series of Debian's kernels, or the path of an image */
async function record(source) {
  const options = source === 'live' ? {} : { kernel: imageOf(source) };
  const [target] = mmTargets(options);
  try {
    const availability = await target.available();
    if (!availability.ok) throw new Error(`${source}: ${availability.skip}`);
    const { revision, worlds } = availability;
    if (revision === undefined) {
      throw new Error(`${source}: no revision describes ${availability.source.kernel}`);
    }
    const cases = recordedCases(mmModel, revision, worlds, Number(values.rounds));
    await recordTarget(target, cases, revision, { ...availability.source, script: SCRIPT });
  } finally {
    await target.close();
  }
}

function imageOf(source) {
  return /^\d+\.\d+$/.test(source) ? fetchKernel(source) : source;
}

async function recordTarget(target, cases, revision, source) {
  const recordedAt = new Date().toISOString();
  const started = performance.now();
  const skipped = new Map();
  const traces = [];
  const counts = { operations: 0, looks: 0 };
  let index = 0;
  for await (const { outcomes, failure, lacks, complaints } of target.runBatch(cases)) {
    const { setup, operations } = cases[index];
    index += 1;
    if (complaints !== undefined) {
      throw new Error(`case ${index - 1}: the kernel complained: ${complaints.join('; ')}`);
    }
    if (failure !== undefined) throw new Error(`case ${index - 1}: ${failure}`);
    if (lacks !== undefined) {
      skipped.set(lacks, (skipped.get(lacks) ?? 0) + 1);
      continue;
    }
    const looks = operations.filter(({ op }) => op === 'smaps').length;
    counts.looks += looks;
    counts.operations += operations.length - looks;
    const events = eventsOf(operations, outcomes);
    traces.push(writeTrace({ model: 'mm', revision, setup, source, recordedAt, events }, codec));
  }
  const file = join(values.into, `${revision}.jsonl.gz`);
  const bytes = gzipSync(traces.join(''), { level: 9 });
  writeFileSync(file, bytes);
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `${file}: ${traces.length} cases, ${counts.operations} operations and ${counts.looks} looks ` +
      `at the address space, ${(bytes.length / 1e6).toFixed(2)} MB, ${seconds.toFixed(1)} s, ` +
      source.kernel,
  );
  for (const [reason, count] of skipped) {
    console.log(`  ${count} cases left out, which this kernel cannot have: ${reason}`);
  }
}
