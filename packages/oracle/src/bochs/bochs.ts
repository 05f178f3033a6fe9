// SPDX-License-Identifier: MIT
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Unavailable } from '../probe/index.ts';

/*
 * Bochs, an emulator that implements the manuals to the letter, and how it is started.
 */

const execute = promisify(execFile);

/** Instructions that are a second of the machine. */
export const INSTRUCTIONS_PER_SECOND = 100_000_000;

/** The one CPU of Bochs 2.7 that has indirect branch tracking. */
export const CPU_WITH_IBT = 'tigerlake';

/** A machine for Bochs. */
export interface BochsMachine {
  /** A CPU of Bochs, `cpu: model=…`. */
  readonly model: string;
  /** What becomes of an MSR that Bochs does not have. */
  readonly unknownMsrs: 'fault' | 'zero';
  readonly megabytes: number;
  /** The firmware: an image that ends at 4 GiB. */
  readonly firmware: Uint8Array;
  /** Lines of the configuration for what else it has. */
  readonly devices: readonly string[];
}

/**
 * Starts a machine in a folder, which takes its files.
 *
 * @param guard a command that runs the one behind it, and ends it with this process; may be empty
 */
export async function startBochs(
  folder: string,
  { model, unknownMsrs, megabytes, firmware, devices }: BochsMachine,
  guard: readonly string[] = [],
): Promise<ChildProcess> {
  const configuration = [
    `megs: ${megabytes}`,
    `romimage: file=${join(folder, 'firmware.bin')}`,
    `cpu: model=${model}, count=1, ips=${INSTRUCTIONS_PER_SECOND}, reset_on_triple_fault=0, ` +
      `ignore_bad_msrs=${unknownMsrs === 'zero' ? 1 : 0}`,
    // The only display of Debian's package that needs neither a screen nor a port of the network.
    'display_library: term',
    ...devices,
    'panic: action=fatal',
    'info: action=ignore',
    'debug: action=ignore',
    'speaker: enabled=0',
    '',
  ];
  await writeFile(join(folder, 'firmware.bin'), firmware);
  await writeFile(join(folder, 'bochsrc'), configuration.join('\n'));
  // Debian's Bochs has its debugger built in, which waits for a command before it starts.
  await writeFile(join(folder, 'start'), 'c\n');
  // A terminal of its own, since the text display insists on one.
  const terminal = ['script', '-qec', 'bochs -q -f bochsrc -rc start', '/dev/null'];
  const [command = '', ...args] = [...guard, ...terminal];
  return spawn(command, args, {
    cwd: folder,
    stdio: 'ignore',
    env: { ...process.env, TERM: 'xterm' },
  });
}

/**
 * `Bochs x86 Emulator 2.7`: it tells its version before it complains about anything else.
 *
 * @throws Unavailable where it cannot be started here
 */
export async function bochsVersion(): Promise<string> {
  try {
    const { stdout, stderr } = await execute('bochs', ['--help']);
    await execute('script', ['--version']);
    const [version] = /Bochs x86 Emulator [0-9.]+/.exec(`${stdout}${stderr}`) ?? [];
    return version ?? 'Bochs, version unknown';
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOENT') throw error;
    throw new Unavailable(
      'program bochs or script is missing (Debian: bochs, bochs-term, bsdutils)',
    );
  }
}
