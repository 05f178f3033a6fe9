// SPDX-License-Identifier: MIT
// Records what the kernel's own lib/maple_tree.c answers, built in user space, into
// packages/oracle/recordings/maple-tree:
//
//   apt-get install linux-source-6.12 gcc-multilib   # and unpack /usr/src/linux-source-6.12.tar.xz
//   npm run build
//   node scripts/record/maple-tree.mjs --kernel-source linux-source-6.12
//
// Needs a C compiler that builds 64-bit and 32-bit programs. Options: --operations <count>,
// --into <folder>. `findings` as an argument records the finding alone.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { replay, writeTrace } from '../../packages/model-core/dist/index.js';
import { generateCase, SHAPES } from '../../packages/oracle/dist/maple-tree/generate.js';
import { mapleTreeModel } from '../../packages/oracle/dist/maple-tree/model.js';
import { mapleTreeTargets } from '../../packages/oracle/dist/maple-tree/targets.js';
import { answersOf, openTarget, RECORDINGS, writeRecording } from './recording.mjs';

const SCRIPT = 'scripts/record/maple-tree.mjs';
const FINDINGS = fileURLToPath(new URL('../../test-models/maple-tree/findings', import.meta.url));

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    'kernel-source': { type: 'string' },
    operations: { type: 'string', default: '210000' },
    into: { type: 'string', default: join(RECORDINGS, mapleTreeModel.name) },
  },
});

const [target] = mapleTreeTargets({ kernelSource: values['kernel-source'] });
const { facts } = await openTarget(target, mapleTreeModel.name, SCRIPT);
if (!positionals.includes('findings')) await record();
await recordFinding();
await target.close();

/** What the kernel answers to a case, as a trace. */
async function observe(one) {
  const { traces } = await answersOf(target, [one], facts, { strict: true });
  return traces[0];
}

/**
 * A bug of 6.12 that no model should repeat: destroying a tree in RCU mode whose root has exactly 16
 * leaves clears the low 16 bits of the pointer to the last one, and frees what the rest points to.
 * Behind it what does not go wrong: one leaf less, a taller tree, one with gaps, one without RCU.
 */
async function recordFinding() {
  const cases = [
    storesAndDestroy(120, { allocRange: false, rcu: true }),
    storesAndDestroy(119, { allocRange: false, rcu: true }),
    storesAndDestroy(128, { allocRange: false, rcu: true }),
    storesAndDestroy(120, { allocRange: true, rcu: true }),
    storesAndDestroy(120, { allocRange: false, rcu: false }),
  ];
  const traces = [];
  for (const one of cases) traces.push(writeTrace(await observe(one), mapleTreeModel.codec));
  mkdirSync(FINDINGS, { recursive: true });
  writeFileSync(join(FINDINGS, 'destroy-full-range-rcu.jsonl'), traces.join(''));
}

/** Stores at every other index, which are never neighbours, and then destroy. */
function storesAndDestroy(count, flags) {
  const stores = Array.from({ length: count }, (_, i) => {
    const index = BigInt(2 * i);
    return { op: 'store', first: index, last: index, entry: 3n };
  });
  return {
    setup: { machine: '64-bit', ...flags },
    operations: [...stores, { op: 'destroy' }],
  };
}

/** Long cases of every shape first, then short ones until there are enough operations. */
async function record() {
  const wanted = Number(values.operations);
  const traces = [];
  let recorded = 0;
  for (let seed = 1; recorded < wanted; seed++) {
    const shape = SHAPES[seed % SHAPES.length];
    const trace = await observe(generateCase(seed, seed % 4 === 0 ? 4000 : 1000, shape));
    const { consumed, total, verdict } = replay(mapleTreeModel, trace, facts);
    if (verdict !== 'agree') {
      process.stderr.write(`seed ${seed}: ${verdict} after ${consumed} of ${total} events\n`);
      process.exitCode = 1;
    }
    recorded += total;
    traces.push(trace);
  }
  writeRecording(values.into, facts.revision, mapleTreeModel.codec, { traces });
}
