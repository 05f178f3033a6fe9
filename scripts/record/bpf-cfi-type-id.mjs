// SPDX-License-Identifier: MIT
// Records the type ids, preambles and call sites that clang emits:
//
//   npm run build && node scripts/record/bpf-cfi-type-id.mjs [cases] [seed]
//
// Writes packages/oracle/recordings/bpf-cfi.type-id/clang-<version>.jsonl.gz: the function types of this
// kernel from /sys/kernel/btf/vmlinux, corners of C, and generated types. Prints how many function types
// were left out and why. Needs clang-16 and clang-19 (Debian's packages); no root.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { writeTrace } from '../../packages/model-core/dist/index.js';
import { Btf, OPS_STRUCTS } from '../../packages/oracle/dist/bpf-cfi/btf.js';
import { clangTarget } from '../../packages/oracle/dist/bpf-cfi/clang.js';
import { TYPE_ID_CORNERS } from '../../packages/oracle/dist/bpf-cfi/type-id-corners.js';
import { typeIdSubsystem } from '../../packages/oracle/dist/bpf-cfi/type-id-subsystem.js';
import { generateCases } from '../../packages/oracle/dist/cases.js';
import { observeCases } from '../../packages/oracle/dist/observe.js';

const SCRIPT = 'scripts/record/bpf-cfi-type-id.mjs';
const count = Number(process.argv[2] ?? 600);
const seed = Number(process.argv[3] ?? 20_231_208);
/** Functions beside the members of ops structs: one of this many distinct types is taken. */
const FUNCTIONS = 2500;

const target = clangTarget();
const availability = await target.available();
if (!availability.ok) throw new Error(`clang: ${availability.skip}`);
const { model } = typeIdSubsystem;

const btf = new Btf(readFileSync('/sys/kernel/btf/vmlinux'));
const members = [...btf.members(OPS_STRUCTS)];
const distinct = new Map([...btf.functions()].map(({ type }) => [JSON.stringify(type), type]));
const every = Math.max(1, Math.floor(distinct.size / FUNCTIONS));
const functions = [...distinct.values()].filter((_, index) => index % every === 0);
const types = [...members.map(({ type }) => type), ...functions];
console.log(
  `${members.length} members of ops structs, ${functions.length} of ${distinct.size} types`,
);
for (const [reason, number] of btf.excluded) console.log(`${number} left out: ${reason}`);

const kernelSetup = {
  compiler: 'clang-19',
  normalizeIntegers: false,
  unsignedChar: true,
  branchProtection: true,
  prefixNops: 11,
};

/** Traces of 100 operations, so that a divergence names a small part. */
function chunks(operations, setup) {
  const size = 100;
  return Array.from({ length: Math.ceil(operations.length / size) }, (_, index) => ({
    setup,
    operations: operations.slice(index * size, (index + 1) * size),
  }));
}

for (const compiler of ['clang-16', 'clang-19']) {
  const setup = { ...kernelSetup, compiler };
  const cases = [
    ...chunks(
      types.map((type) => ({ op: 'hash', type })),
      setup,
    ),
    ...TYPE_ID_CORNERS.flatMap((source) =>
      [setup, { ...setup, branchProtection: false, unsignedChar: false, prefixNops: 0 }].map(
        (one) => ({
          setup: one,
          operations: [{ op: 'source', source }],
        }),
      ),
    ),
    ...[...generateCases(typeIdSubsystem, 'linux-6.12', seed, count)]
      .flat()
      .filter((one) => one.setup.compiler === compiler),
  ];
  const source = { ...availability.source, kernel: compiler, script: SCRIPT };
  const facts = {
    model: model.name,
    revision: 'linux-6.12',
    source,
    recordedAt: new Date().toISOString(),
  };
  let text = '';
  let operations = 0;
  for await (const { trace, failure, lacks } of observeCases(target, cases, facts)) {
    const reason = failure ?? lacks;
    if (reason !== undefined) throw new Error(`${compiler}: ${reason}`);
    text += writeTrace(trace, model.codec);
    operations += trace.events.length;
  }
  const path = fileURLToPath(
    new URL(`../../packages/oracle/recordings/${model.name}/${compiler}.jsonl.gz`, import.meta.url),
  );
  mkdirSync(
    fileURLToPath(new URL(`../../packages/oracle/recordings/${model.name}/`, import.meta.url)),
    {
      recursive: true,
    },
  );
  writeFileSync(path, gzipSync(text, { level: 9 }));
  console.log(`${compiler}: ${cases.length} traces, ${operations} operations`);
}
await target.close();
