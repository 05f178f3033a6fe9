// SPDX-License-Identifier: MIT
import { execFile, type ChildProcess } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { BOOT_PARAMETERS, initramfs, requireImage } from '../probe/boot.ts';
import { buildProbe, type Link, type LocalOptions, type Transport } from '../probe/index.ts';
import { requireLinux, thisHost } from '../probe/local.ts';
import { processLink } from '../probe/process-link.ts';
import { bochsVersion, CPU_WITH_IBT, INSTRUCTIONS_PER_SECOND, startBochs } from './bochs.ts';
import { firmwareImage, type FirmwareProgram } from './firmware.ts';
import { linuxDisk, type Disk } from './linux-disk.ts';

const execute = promisify(execFile);

const LOADER: FirmwareProgram = { name: 'linux-loader', caseSize: 0 };

const MEGABYTES = 256;

/**
 * What a kernel must be told of Bochs beside the rest: its TSC counts instructions, whatever
 * frequency CPUID has; and the sizes that it says of XSAVE contradict each other, of which Linux
 * would complain.
 */
const BOCHS_PARAMETERS = `tsc_early_khz=${INSTRUCTIONS_PER_SECOND / 1000} noxsave`;

/** Some hundred million instructions, on a busy host. */
const START_TIMEOUT_MS = 600_000;
/** In the machine's time, of which a second may take some of the host's. */
const WATCHDOG_MS = 300_000;

/** Options of {@link bochsKernelTransport}. */
export interface BochsKernelOptions extends LocalOptions {
  /** Boot parameters beside those that every machine gets. */
  readonly parameters?: string;
}

/**
 * A kernel image that boots in Bochs into the probe as its init, on a CPU that tracks indirect
 * branches. There is no way into the machine: what the probe is to answer is in its initramfs, and
 * the answers come out of the second serial port.
 *
 * @param image path of an x86-64 bzImage that needs neither ACPI nor PCI to reach its init
 */
export function bochsKernelTransport(
  probe: string,
  image: string,
  options: BochsKernelOptions = {},
): Transport {
  const { host = thisHost(), parameters = '' } = options;
  const { startTimeoutMs = START_TIMEOUT_MS, watchdogMs = WATCHDOG_MS } = options;
  const told = `${BOOT_PARAMETERS} ${BOCHS_PARAMETERS} ${parameters}`;
  const boot = async (lines: Iterable<string>): Promise<Link> => {
    requireLinux(host);
    await requireImage(image);
    await bochsVersion();
    const guard = await buildProbe(probe, options);
    const disk = linuxDisk({
      image: await readFile(image),
      initramfs: initramfs(await readFile(guard), [], lines),
      parameters: `${told} -- --boot --watchdog=${watchdogMs}`,
      megabytes: MEGABYTES,
    });
    const folder = await mkdtemp(join(tmpdir(), 'kernel-models-bochs-'));
    try {
      return await startMachine(folder, disk, guard);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  };
  return {
    name: 'bochs',
    touches: `boots ${image} under Bochs, in a temporary folder`,
    startTimeoutMs,
    watchdogMs,
    connect: () => boot([]),
    connectWith: boot,
    worthAStart: 1,
  };
}

/**
 * Starts a machine with a disk in a folder.
 *
 * @param guard the probe, which also ends the emulator when this process dies
 */
async function startMachine(folder: string, disk: Disk, guard: string): Promise<Link> {
  const at = (file: string): string => join(folder, file);
  await writeFile(at('disk.img'), disk.bytes);
  const firmware = await firmwareImage([], LOADER);
  const [console, answers] = [await pipe(at('console')), await pipe(at('answers'))];
  const geometry = `cylinders=${disk.cylinders}, heads=${disk.heads}, spt=${disk.sectors}`;
  const machine = {
    model: CPU_WITH_IBT,
    // Linux reads some that every CPU has, before it could handle a fault.
    unknownMsrs: 'zero',
    megabytes: MEGABYTES,
    firmware,
    devices: [
      // Whenever it runs, it is the same day there: equal runs do the same.
      'clock: sync=none, time0=946684800',
      'ata0: enabled=1',
      `ata0-master: type=disk, path=${at('disk.img')}, mode=flat, ${geometry}`,
      `com1: enabled=1, mode=file, dev=${at('console')}`,
      `com2: enabled=1, mode=file, dev=${at('answers')}`,
      `log: ${at('console')}`,
      'error: action=ignore',
    ],
  } as const;
  const child = await startBochs(folder, machine, [guard, '--die-with-parent']);
  return machineLink(child, folder, console, answers);
}

/** A named pipe, open for reading also while nobody writes to it. */
async function pipe(path: string): Promise<Socket> {
  await execute('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false });
}

/** The link to a machine, which does not end by itself: without ACPI it cannot be switched off. */
function machineLink(process: ChildProcess, folder: string, console: Socket, output: Socket): Link {
  const input = new Writable({ write: (_chunk, _encoding, done) => done() });
  const link = processLink({ process, input, output, texts: [console], window: 0 });
  return {
    ...link,
    close: async () => {
      process.kill('SIGKILL');
      await link.close();
      for (const socket of [console, output]) socket.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
