// SPDX-License-Identifier: MIT
// Turns traces of the guest driver's harness into recordings that ship.
//
//   npm run build && node scripts/record/tdx-attest-import.mjs 'Linux 6.12.117' linux-6.12 trace.jsonl ...
//
// The harness loads tdx-guest.ko, tsm and configfs of a kernel that is booted under qemu, on a fake TDX
// module and a scripted host, and writes one {n, op, args, out} a line. One file is one trace.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { writeTrace } from '@kernel-models/model-core';
import { driver, getquote, tsm } from '@kernel-models/tdx-attest';
import {
  driverPart,
  handshakePart,
  importGuestTrace,
} from '../../packages/oracle/dist/tdx-attest/import.js';

const [kernel, revision, ...files] = process.argv.slice(2);
if (files.length === 0) {
  console.error('usage: tdx-attest-import.mjs <kernel> <revision> <trace.jsonl> ...');
  process.exit(2);
}
const recordedAt = new Date().toISOString();
const traces = files.map((file) =>
  importGuestTrace(readFileSync(file, 'utf8'), basename(file), {
    revision,
    recordedAt,
    source: {
      kind: 'kernel',
      kernel,
      config: `fake TDX module and scripted host, under qemu; ${basename(file)}`,
      tool: 'drivers/virt/coco tdx-guest, tsm and configfs, built as modules',
      script: 'scripts/record/tdx-attest-import.mjs',
    },
  }),
);
const folder = fileURLToPath(new URL('../../packages/oracle/recordings/', import.meta.url));
for (const [model, part] of [
  [tsm.model, (trace) => trace],
  [driver.model, driverPart],
  [getquote.model, handshakePart],
]) {
  const text = traces.map((trace) => writeTrace(part(trace), model.codec)).join('');
  mkdirSync(join(folder, model.name), { recursive: true });
  // Without a time of its own, equal traces are equal files.
  writeFileSync(join(folder, model.name, `${revision}.jsonl.gz`), gzipSync(text, { level: 9 }));
  console.log(`${model.name}/${revision}.jsonl.gz: ${traces.length} traces`);
}
