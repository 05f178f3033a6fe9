// SPDX-License-Identifier: MIT
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Unavailable } from '../probe/index.ts';
import type { Availability } from '../target.ts';
import { bochsVersion, startBochs } from './bochs.ts';
import { firmwareImage, maxCases, type FirmwareProgram } from './firmware.ts';

/*
 * Cases of a firmware: each run starts a machine that consists of a firmware image with cases, and
 * reads the file that its printer port wrote.
 */

/** Seconds that one run may take; 10,000 cases take about five. */
const TIME_LIMIT_S = 120;

/** Whether Bochs can be started here, and a program built for it. */
export async function bochsAvailable(
  program: FirmwareProgram,
  revision: string,
): Promise<Availability> {
  try {
    const version = await bochsVersion();
    await firmwareImage([], program);
    const tool = `packages/oracle/probes/bochs/${program.name}.S`;
    return {
      ok: true,
      source: { kind: 'emulator', kernel: version, tool },
      revision,
    };
  } catch (error) {
    if (error instanceof Unavailable) return { ok: false, skip: error.message };
    throw error;
  }
}

/**
 * What a program says of cases, in as many runs as it takes: a line each, in order; nothing where a
 * machine stopped before it came to the case.
 *
 * @param model a CPU of Bochs, `cpu: model=…`
 * @param cases records of the program
 */
export async function runBochs(
  model: string,
  cases: readonly Uint8Array[],
  program: FirmwareProgram,
): Promise<readonly (string | undefined)[]> {
  const lines: (string | undefined)[] = [];
  const most = maxCases(program);
  for (let start = 0; start < cases.length; start += most) {
    const part = cases.slice(start, start + most);
    const said = await runOnce(model, part, program);
    lines.push(...part.map((_, index) => said[index]));
  }
  return lines;
}

/** One run: the lines of the answers, as many as the machine came to. */
async function runOnce(
  model: string,
  cases: readonly Uint8Array[],
  program: FirmwareProgram,
): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'kernel-models-bochs-'));
  try {
    const firmware = await firmwareImage(cases, program);
    const answers = join(folder, 'answers.txt');
    const devices = [
      `parport1: enabled=1, file=${answers}`,
      `log: ${join(folder, 'bochs.log')}`,
      'error: action=report',
    ];
    const machine = { model, unknownMsrs: 'fault', megabytes: 32, firmware, devices } as const;
    const child = await startBochs(folder, machine);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), TIME_LIMIT_S * 1000);
      child.once('error', reject);
      // Bochs ends with an error status also where the firmware asked it to stop.
      child.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
    });
    const text = await readFile(answers, 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
