// SPDX-License-Identifier: MIT
import { open, type FileHandle } from 'node:fs/promises';
import { cpioArchive, type InitramfsEntry } from './cpio.ts';
import { Unavailable } from './unavailable.ts';

/* What a kernel image boots with, whatever machine it boots on. */

/**
 * What the booted kernel is told. Landlock alone of the security modules that have policies: with
 * another one the answers are also that one's. Address spaces of 47 bits, and memory that may be
 * executed may be read, as most machines have it; the emulated CPU could do otherwise.
 */
export const BOOT_PARAMETERS =
  'console=ttyS0 quiet panic=-1 oops=panic rdinit=/init lsm=landlock no5lvl nopku';

/** Where the setup header of a bzImage has its magic. Origin: Documentation/arch/x86/boot.rst. */
const SETUP_MAGIC_AT = 0x202;

/** @throws Unavailable where there is no x86-64 bzImage at a path */
export async function requireImage(image: string): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(image);
  } catch (error) {
    throw new Unavailable(
      `--kernel ${image}: cannot be read (${(error as { code?: string }).code})`,
    );
  }
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, SETUP_MAGIC_AT);
    if (bytesRead < 4 || buffer.toString('latin1') !== 'HdrS') {
      throw new Unavailable(`--kernel ${image}: expected a bzImage, got something else`);
    }
  } finally {
    await file.close();
  }
}

/**
 * An initramfs whose init is a probe.
 *
 * @param lines what the probe is to answer; undefined where they come over a serial port
 */
export function initramfs(
  program: Uint8Array,
  files: readonly InitramfsEntry[],
  lines: Iterable<string> | undefined,
): Uint8Array {
  return cpioArchive([
    { kind: 'dir', path: 'dev', mode: 0o755 },
    { kind: 'char', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    { kind: 'dir', path: 'proc', mode: 0o755 },
    { kind: 'file', path: 'init', mode: 0o755, bytes: program },
    ...files,
    ...(lines === undefined
      ? []
      : [{ kind: 'file', path: 'cases', mode: 0o600, bytes: joined(lines) } as const]),
  ]);
}

function joined(lines: Iterable<string>): Uint8Array {
  return Buffer.concat([...lines].map((line) => Buffer.from(line)));
}
