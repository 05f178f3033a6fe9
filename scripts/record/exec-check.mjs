// SPDX-License-Identifier: MIT
// Records what real kernels answer to the exec-check cases, one file a kernel, into
// packages/oracle/recordings/exec-check:
//
//   npm run build
//   node scripts/record/exec-check.mjs            # the running kernel, and Debian's 6.1 and 6.12
//   node scripts/record/exec-check.mjs live       # the running kernel alone; needs root
//   node scripts/record/exec-check.mjs 6.12       # Debian's newest kernel of a series, under qemu
//   node scripts/record/exec-check.mjs /boot/vmlinuz-6.12.9
//
// Needs a C compiler, for the kernels under qemu qemu-system-x86_64, and for Debian's what
// debian-kernel.mjs needs. The cases are the same for every kernel. Options: --count <cases>,
// --into <folder>.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { codec } from '../../packages/exec-check/dist/index.js';
import { recordedCases } from '../../packages/oracle/dist/exec-check/cases.js';
import { execCheckTargets } from '../../packages/oracle/dist/exec-check/targets.js';
import { answersOf, kernelImage, openTarget, RECORDINGS, writeRecording } from './recording.mjs';

const SCRIPT = 'scripts/record/exec-check.mjs';
const MODEL = 'exec-check';

const { values, positionals } = parseArgs({
  options: {
    count: { type: 'string', default: '5600' },
    into: { type: 'string', default: join(RECORDINGS, MODEL) },
  },
  allowPositionals: true,
});
const cases = recordedCases(Number(values.count));
for (const source of positionals.length > 0 ? positionals : ['live', '6.1', '6.12']) {
  const [target] = execCheckTargets(source === 'live' ? {} : { kernel: kernelImage(source) });
  try {
    const { facts } = await openTarget(target, MODEL, SCRIPT);
    const answers = await answersOf(target, cases, facts, { strict: true });
    writeRecording(values.into, facts.revision, codec, answers);
  } finally {
    await target.close();
  }
}
