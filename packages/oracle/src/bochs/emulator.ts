// SPDX-License-Identifier: MIT
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Unavailable } from '../probe/index.ts';
import type { Availability } from '../target.ts';
import { firmwareImage, maxCases, type FirmwareProgram } from './firmware.ts';

/*
 * Bochs, an emulator that implements the manuals to the letter: each run starts a machine that
 * consists of a firmware image with cases, and reads the file that its printer port wrote.
 */

const execute = promisify(execFile);

/** Seconds that one run may take; 10,000 cases take about five. */
const TIME_LIMIT_S = 120;

function configuration(folder: string, model: string): string {
  return [
    'megs: 32',
    `romimage: file=${join(folder, 'firmware.bin')}`,
    `cpu: model=${model}, count=1, ips=100000000, reset_on_triple_fault=0, ignore_bad_msrs=0`,
    // The only display of Debian's package that needs neither a screen nor a port of the network.
    'display_library: term',
    `parport1: enabled=1, file=${join(folder, 'answers.txt')}`,
    `log: ${join(folder, 'bochs.log')}`,
    'panic: action=fatal',
    'error: action=report',
    'info: action=ignore',
    'debug: action=ignore',
    'speaker: enabled=0',
    '',
  ].join('\n');
}

/** Whether Bochs can be started here, and a program built for it. */
export async function bochsAvailable(
  program: FirmwareProgram,
  revision: string,
): Promise<Availability> {
  try {
    const version = await bochsVersion();
    await execute('script', ['--version']);
    await firmwareImage([], program);
    const tool = `packages/oracle/probes/bochs/${program.name}.S`;
    return {
      ok: true,
      source: { kind: 'emulator', kernel: version, tool },
      revision,
    };
  } catch (error) {
    if (error instanceof Unavailable) return { ok: false, skip: error.message };
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOENT') throw error;
    const skip = 'program bochs or script is missing (Debian: bochs, bochs-term, bsdutils)';
    return { ok: false, skip };
  }
}

/** `Bochs 2.7`: it tells its version before it complains about anything else. */
async function bochsVersion(): Promise<string> {
  const { stdout, stderr } = await execute('bochs', ['--help']);
  const [version] = /Bochs x86 Emulator [0-9.]+/.exec(`${stdout}${stderr}`) ?? [];
  return version ?? 'Bochs, version unknown';
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
    await writeFile(join(folder, 'firmware.bin'), await firmwareImage(cases, program));
    await writeFile(join(folder, 'bochsrc'), configuration(folder, model));
    // Debian's Bochs has its debugger built in, which waits for a command before it starts.
    await writeFile(join(folder, 'start'), 'c\n');
    await runInTerminal('bochs -q -f bochsrc -rc start', folder);
    const text = await readFile(join(folder, 'answers.txt'), 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a command under a terminal of its own, since the text display insists on one. */
async function runInTerminal(command: string, folder: string): Promise<void> {
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: folder,
    stdio: 'ignore',
    env: { ...process.env, TERM: 'xterm' },
  });
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), TIME_LIMIT_S * 1000);
    child.once('error', reject);
    // Bochs ends with an error status also where the firmware asked it to stop.
    child.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
