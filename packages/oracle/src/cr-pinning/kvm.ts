// SPDX-License-Identifier: MIT
import { execFile } from 'node:child_process';
import { access, constants, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { firmwareImage } from '../bochs/firmware.ts';
import { builtOnce, compilerCommand, compilerFailure, Unavailable } from '../probe/index.ts';
import { TRANSITIONS } from './transitions.ts';

const execute = promisify(execFile);

const SOURCE = fileURLToPath(new URL('../../probes/bochs/kvm-machine.c', import.meta.url));
const FLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra'] as const;
/** Milliseconds that one machine may run. */
const TIME_LIMIT_MS = 60_000;

/** What answers, for reports. */
export async function kvmSource(): Promise<string> {
  const modules = await readFile('/proc/modules', 'utf8').catch(() => '');
  const backend = modules
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .find((name) => /^kvm_/.test(name));
  return `KVM of Linux ${release()}${backend === undefined ? '' : `, ${backend}`}`;
}

/**
 * Whether this host runs the firmware.
 *
 * @throws Unavailable naming what is missing
 */
export async function requireKvm(): Promise<void> {
  await access('/dev/kvm', constants.R_OK | constants.W_OK).catch(() => {
    throw new Unavailable('/dev/kvm cannot be opened (CONFIG_KVM, or the right to use it)');
  });
  const { stdout } = await runMachine(['--probe']);
  if (!stdout.startsWith('ok')) throw new Unavailable(`KVM: ${stdout.trim()}`);
}

/**
 * Runs cases on a machine of KVM.
 *
 * @param lengths how many cases belong together, in order; what is pinned is forgotten between them
 * @returns the firmware's lines, as many as it came to
 */
export async function runKvm(
  cases: readonly Uint8Array[],
  lengths: readonly number[],
): Promise<readonly string[]> {
  if (cases.length === 0) return [];
  const folder = await mkdtemp(join(tmpdir(), 'kernel-models-kvm-'));
  try {
    const image = join(folder, 'firmware.bin');
    await writeFile(image, await firmwareImage(cases, TRANSITIONS));
    const { stdout } = await runMachine([image, ...lengths.map(String)]);
    return stdout.split('\n').filter((line) => line !== '');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runMachine(args: readonly string[]): Promise<{ readonly stdout: string }> {
  const machine = await buildMachine();
  try {
    return await execute(machine, [...args], { timeout: TIME_LIMIT_MS, maxBuffer: 1 << 26 });
  } catch (error) {
    // A machine that stops early has still said something.
    if (error instanceof Error && 'stdout' in error) return { stdout: String(error.stdout) };
    throw error;
  }
}

/** Compiles the machine, once for each content of its source. */
async function buildMachine(): Promise<string> {
  const compiler = compilerCommand();
  return builtOnce({
    name: 'kvm-machine',
    inputs: [JSON.stringify([compiler, FLAGS]), await readFile(SOURCE)],
    make: async (folder) => {
      const program = join(folder, 'kvm-machine');
      await execute(compiler, [...FLAGS, '-o', program, SOURCE]).catch((error: unknown) => {
        throw compilerFailure(compiler, 'the machine', error);
      });
      return program;
    },
  });
}
