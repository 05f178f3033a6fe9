// SPDX-License-Identifier: MIT
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { linuxDisk } from '../../src/bochs/linux-disk.ts';
import { bochsKernelTransport } from '../../src/bochs/linux.ts';
import type { Host } from '../../src/probe/local.ts';
import { ProbeSession } from '../../src/probe/session.ts';

const MEGABYTES = 64;

/** A bzImage of so many setup sectors, 0 for the four of old ones, and a kernel behind them. */
function bzImage(setupSectors: number, kernel: Uint8Array): Uint8Array {
  const setup = Buffer.alloc(512 * ((setupSectors || 4) + 1));
  setup[0x1f1] = setupSectors;
  setup[0x201] = 0x66;
  setup.write('HdrS', 0x202, 'latin1');
  setup[0x264] = 0x5a;
  setup[0x268] = 0xa5;
  return Buffer.concat([setup, kernel]);
}

/** Memory as the loader fills it: the table of the first sector, entry by entry. */
function loaded(disk: Uint8Array): { readonly memory: Buffer; readonly params: number } {
  const view = Buffer.from(disk);
  const memory = Buffer.alloc(MEGABYTES << 20);
  let at = 0;
  for (; view.readUInt32LE(at + 8) > 0; at += 12) {
    const [address, sector, chunks] = [0, 4, 8].map((field) => view.readUInt32LE(at + field));
    const start = 512 * (sector ?? 0);
    view.copy(memory, address, start, start + 256 * 512 * (chunks ?? 0));
  }
  return { memory, params: view.readUInt32LE(0) };
}

describe('a disk to boot from', () => {
  test('puts kernel, initramfs and command line where boot_params says', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 27),
        fc.uint8Array({ minLength: 1, maxLength: 300_000 }),
        fc.uint8Array({ minLength: 1, maxLength: 300_000 }),
        fc.stringMatching(/^[ -~]{0,200}$/),
        (setupSectors, kernel, initramfs, parameters) => {
          const image = bzImage(setupSectors, kernel);
          const disk = linuxDisk({ image, initramfs, parameters, megabytes: MEGABYTES });
          const { memory, params } = loaded(disk.bytes);
          const word = (field: number): number => memory.readUInt32LE(params + field);
          const bytes = (address: number, size: number): Uint8Array =>
            Uint8Array.from(memory.subarray(address, address + size));
          expect(disk.bytes.length).toBe(512 * disk.cylinders * disk.heads * disk.sectors);
          expect(bytes(0x100000, kernel.length)).toEqual(kernel);
          expect(bytes(word(0x218), initramfs.length)).toEqual(initramfs);
          const rest = bytes(word(0x218) + initramfs.length, word(0x21c) - initramfs.length);
          expect(rest.every((byte) => byte === 0)).toBe(true);
          // Whatever is in it, it is as large.
          expect([word(0x218), word(0x21c)]).toEqual([(MEGABYTES - 4) << 20, 4 << 20]);
          const line = memory.toString('latin1', word(0x228));
          expect(line.slice(0, line.indexOf('\0'))).toBe(parameters);
          // The header ends where its length says, and is a loader's that has no number.
          expect([memory[params + 0x264], memory[params + 0x268]]).toEqual([0x5a, 0]);
          expect(memory[params + 0x210]).toBe(0xff);
        },
      ),
      { numRuns: 20 },
    );
  });

  test('has a memory map of all but the hole below 1 MiB', () => {
    const image = bzImage(27, Buffer.from('kernel'));
    const source = { image, initramfs: Buffer.from('x'), parameters: '', megabytes: MEGABYTES };
    const { memory, params } = loaded(linuxDisk(source).bytes);
    const entries = Array.from({ length: memory[params + 0x1e8] ?? 0 }, (_, index) => {
      const at = params + 0x2d0 + 20 * index;
      return [memory.readBigUInt64LE(at), memory.readBigUInt64LE(at + 8), memory[at + 16]];
    });
    expect(entries).toEqual([
      [0n, 0x9f000n, 1],
      [0x100000n, BigInt(MEGABYTES << 20) - 0x100000n, 1],
    ]);
  });
});

describe('a kernel in Bochs', () => {
  const host: Host = { platform: 'linux', arch: 'x64', uid: 0 };
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'km-bochs-'));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
  const refusal = async (image: string, on: Host): Promise<string> => {
    const session = new ProbeSession(bochsKernelTransport('bpf-cfi', image, { host: on }), 'x');
    return session.hello().then(
      () => 'none',
      (error: unknown) => String(error),
    );
  };

  test('names what is missing', async () => {
    const image = join(folder, 'bzImage');
    expect(await refusal(image, { ...host, platform: 'darwin' })).toMatch(/this host runs darwin/);
    expect(await refusal(image, host)).toMatch(/bzImage: cannot be read \(ENOENT\)/);
    writeFileSync(image, 'no kernel');
    expect(await refusal(image, host)).toMatch(/expected a bzImage, got something else/);
    writeFileSync(image, bzImage(1, Buffer.from('kernel')));
    vi.stubEnv('PATH', folder);
    expect(await refusal(image, host)).toMatch(/program bochs or script is missing/);
  });
});
