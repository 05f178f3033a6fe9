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
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { sample } from 'fast-check';
import { replay } from '../../packages/model-core/dist/index.js';
import { driverCases } from '../../packages/oracle/dist/tdx-attest/driver-cases.js';
import { driverTarget } from '../../packages/oracle/dist/tdx-attest/driver-target.js';
import { driverPart, handshakePart } from '../../packages/oracle/dist/tdx-attest/import.js';
import { driver, getquote, tsm } from '../../packages/tdx-attest/dist/index.js';
import { fetchBuildableKernel } from './debian-kernel.mjs';
import { answersOf, openTarget, RECORDINGS, writeRecording } from './recording.mjs';

const SERIES = '6.12';

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
const { facts } = await openTarget(target, tsm.model.name, 'scripts/record/tdx-attest.mjs');
const cases = sample(driverCases(), { seed: Number(values.seed), numRuns: Number(values.cases) });
const { traces, left } = await answersOf(target, cases, facts);
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
  writeRecording(join(values.into, model.name), name, model.codec, { traces: parts });
}
