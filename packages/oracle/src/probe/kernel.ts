// SPDX-License-Identifier: MIT
import { spawn } from 'node:child_process';
import { constants, open, readFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Duplex } from 'node:stream';
import { BOOT_PARAMETERS, initramfs, requireImage } from './boot.ts';
import { buildProbe } from './build.ts';
import type { InitramfsEntry } from './cpio.ts';
import { requireLinux, thisHost, type LocalOptions } from './local.ts';
import { processLink } from './process-link.ts';
import type { Link, Transport } from './transport.ts';
import { Unavailable } from './unavailable.ts';

const QEMU = 'qemu-system-x86_64';

/** A tty takes this much at once, however slow its reader is. Origin: N_TTY_BUF_SIZE, 4096. */
const SERIAL_WINDOW = 3072;

/** Options of {@link kernelTransport}. */
export interface KernelOptions extends LocalOptions {
  /** The emulator's command. */
  readonly emulator?: string;
  /** What the initramfs has beside the probe. */
  readonly files?: readonly InitramfsEntry[];
  /**
   * The machine's clock counts instructions and jumps over waiting: a sleep costs nothing, and
   * equal cases take equal time.
   */
  readonly virtualClock?: boolean;
  /** Boot parameters beside those that every machine gets. */
  readonly parameters?: string;
}

/**
 * A kernel image that boots under qemu, without disk or network, into the probe as its init. The
 * first serial port is the console, the second carries the answers. Software emulation: it needs no
 * KVM, which is often there and broken inside another virtual machine.
 *
 * @param image path of an x86-64 bzImage
 */
export function kernelTransport(
  probe: string,
  image: string,
  options: KernelOptions = {},
): Transport {
  const { host = thisHost(), startTimeoutMs = 60_000, watchdogMs = 60_000 } = options;
  const boot = async (lines?: Iterable<string>): Promise<Link> => {
    requireLinux(host);
    await requireImage(image);
    const program = await buildProbe(probe, options);
    const archive = initramfs(await readFile(program), options.files ?? [], lines);
    const file = await unnamedFile(archive);
    try {
      return startMachine({
        guard: program,
        emulator: options.emulator ?? QEMU,
        image,
        initramfs: file,
        watchdogMs,
        parameters: options.parameters ?? '',
        virtualClock: options.virtualClock === true,
      });
    } finally {
      await file.close();
    }
  };
  return {
    name: 'kernel',
    touches: `boots ${image} under ${QEMU}, without disk or network`,
    startTimeoutMs,
    watchdogMs,
    connect: () => boot(),
    connectWith: boot,
    // A clock that jumps over waiting jumps while the probe waits for its next line, too.
    ...(options.virtualClock === true && { worthAStart: 1 }),
  };
}

/** Origin: O_TMPFILE, include/uapi/asm-generic/fcntl.h; node:fs has no name for it. */
const O_TMPFILE = 0o20200000;

/** A file that never has a name, so that no exit path can leave it behind. */
async function unnamedFile(bytes: Uint8Array): Promise<FileHandle> {
  // overlayfs takes such files since Linux 6.3 only, tmpfs always.
  for (const folder of [tmpdir(), '/dev/shm']) {
    const file = await open(folder, O_TMPFILE | constants.O_RDWR, 0o600).catch(() => undefined);
    if (file === undefined) continue;
    await file.writeFile(bytes);
    return file;
  }
  throw new Unavailable(`a folder for files without a name (O_TMPFILE): ${tmpdir()} or /dev/shm`);
}

interface Machine {
  /** The probe, which also ends the emulator when this process dies. */
  readonly guard: string;
  readonly emulator: string;
  readonly image: string;
  readonly initramfs: FileHandle;
  readonly watchdogMs: number;
  readonly virtualClock: boolean;
  readonly parameters: string;
}

/** An instruction takes 2 ns, and time jumps to the next timer where there is none to execute. */
const VIRTUAL_CLOCK = ['-icount', 'shift=1,sleep=off'];

/* The descriptors that the emulator gets: sockets for the two serial ports, and the initramfs. */
const PROBE_FD = 3;
const CONSOLE_FD = 4;
const INITRAMFS_FD = 5;

function startMachine(machine: Machine): Link {
  const { guard, emulator, image, initramfs: file, watchdogMs, virtualClock, parameters } = machine;
  const child = spawn(
    guard,
    [
      '--die-with-parent',
      emulator,
      ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
      ...['-machine', 'pc', '-accel', 'tcg', '-cpu', 'max', '-m', '768'],
      ...(virtualClock ? VIRTUAL_CLOCK : []),
      ...['-kernel', image, '-initrd', `/proc/self/fd/${INITRAMFS_FD}`],
      ...['-append', `${BOOT_PARAMETERS} ${parameters} -- --boot --watchdog=${watchdogMs}`],
      ...['-chardev', `socket,id=console,fd=${CONSOLE_FD}`, '-serial', 'chardev:console'],
      ...['-chardev', `socket,id=probe,fd=${PROBE_FD}`, '-serial', 'chardev:probe'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', file.fd] },
  );
  const [, , stderr, port, console] = child.stdio as unknown as readonly Duplex[];
  if (stderr === undefined || port === undefined || console === undefined) {
    throw new Unavailable(`${emulator}: cannot be started`);
  }
  const link = processLink({
    process: child,
    input: port,
    output: port,
    texts: [stderr, console],
    window: SERIAL_WINDOW,
  });
  return { ...link, close: () => endMachine(link, child) };
}

/** A machine does not notice that its serial port is closed: it is switched off. */
async function endMachine(link: Link, child: ReturnType<typeof spawn>): Promise<void> {
  child.kill('SIGKILL');
  await link.close();
}
