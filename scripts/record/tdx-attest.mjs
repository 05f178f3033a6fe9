// SPDX-License-Identifier: MIT
// Records what the TDX guest driver, tsm and configfs of Linux 6.12 answer, on a fake TDX module and a
// scripted host of ours, booted under qemu:
//
//   npm run build
//   node scripts/record/tdx-attest.mjs                      # Debian's own tdx-guest.ko
//   node scripts/record/tdx-attest.mjs --kernel-source linux-source-6.12
//
// With --kernel-source the driver is that tree's tdx-guest.c, built as it is; apt-get install
// linux-source-6.12, and unpack /usr/src/linux-source-6.12.tar.xz. Nothing of a kernel is kept but
// what it answers.
//
// Writes packages/oracle/recordings/tdx-attest.{tsm,driver,getquote}/<name>.jsonl.gz, prints how many
// cases were left out and why, and ends with 1 where the model does not explain what was recorded.
// Needs apt-get, dpkg-deb, make, gcc, xz and qemu-system-x86_64. Other options: --cases <count>,
// --seed <n>, --into <folder>.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { sample } from 'fast-check';
import { replay, writeTrace } from '../../packages/model-core/dist/index.js';
import { observeCases } from '../../packages/oracle/dist/observe.js';
import { driverCases } from '../../packages/oracle/dist/tdx-attest/driver-cases.js';
import { driverTarget } from '../../packages/oracle/dist/tdx-attest/driver-target.js';
import { driverPart, handshakePart } from '../../packages/oracle/dist/tdx-attest/import.js';
import { driver, getquote, tsm } from '../../packages/tdx-attest/dist/index.js';
import { fetchBuildableKernel } from './debian-kernel.mjs';

const SERIES = '6.12';
const RECORDINGS = fileURLToPath(new URL('../../packages/oracle/recordings', import.meta.url));

const { values } = parseArgs({
  options: {
    'kernel-source': { type: 'string' },
    cases: { type: 'string', default: '1200' },
    seed: { type: 'string', default: '20220426' },
    into: { type: 'string', default: RECORDINGS },
  },
});
const source = values['kernel-source'];
const name = `tdx-guest${source === undefined ? '' : '-source'}-${SERIES}`;

const target = await driverTarget({
  ...fetchBuildableKernel(SERIES),
  ...(source !== undefined && { source }),
});
const availability = await target.available();
if (!availability.ok) throw new Error(availability.skip);
const facts = {
  model: tsm.model.name,
  revision: availability.revision,
  source: { ...availability.source, script: 'scripts/record/tdx-attest.mjs' },
  recordedAt: new Date().toISOString(),
};
const cases = sample(driverCases(), { seed: Number(values.seed), numRuns: Number(values.cases) });
const traces = [];
const left = new Map();
for await (const { trace, failure, lacks, complaints = [] } of observeCases(target, cases, facts)) {
  const reason = failure ?? lacks ?? complaints[0];
  if (reason === undefined) traces.push(trace);
  else left.set(reason, (left.get(reason) ?? 0) + 1);
}
await target.close();
for (const [reason, count] of left) console.log(`${count} left out: ${reason}`);

for (const [model, part] of [
  [tsm.model, (trace) => trace],
  [driver.model, driverPart],
  [getquote.model, handshakePart],
]) {
  const parts = traces.map(part).filter(({ events }) => events.length > 0);
  for (const [index, trace] of parts.entries()) {
    const { verdict, consumed } = replay(model, trace, { revision: facts.revision });
    if (verdict === 'agree') continue;
    console.log(`${model.name}: trace ${index}: ${verdict} at event ${consumed}`);
    process.exitCode = 1;
  }
  const operations = parts.reduce((sum, { events }) => sum + events.length, 0);
  const text = parts.map((trace) => writeTrace(trace, model.codec)).join('');
  const bytes = gzipSync(text, { level: 9 });
  mkdirSync(join(values.into, model.name), { recursive: true });
  writeFileSync(join(values.into, model.name, `${name}.jsonl.gz`), bytes);
  console.log(
    `${model.name}/${name}: ${parts.length} traces, ${operations} operations, ${bytes.length} bytes`,
  );
}
