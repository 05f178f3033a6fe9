// SPDX-License-Identifier: MIT

/*
 * A disk from which probes/bochs/linux-loader.S boots Linux. Origin of what the kernel finds in
 * memory: "32-bit Boot Protocol" and "The Real-Mode Kernel Header" of
 * Documentation/arch/x86/boot.rst, struct boot_params of Documentation/arch/x86/zero-page.rst,
 * Linux 6.12.
 */

/** What a machine boots. */
export interface LinuxBoot {
  /** A bzImage for x86-64. */
  readonly image: Uint8Array;
  readonly initramfs: Uint8Array;
  /** The command line. */
  readonly parameters: string;
  /** Memory that the machine has. */
  readonly megabytes: number;
}

/** A disk, and the geometry that goes with its size. */
export interface Disk {
  readonly bytes: Uint8Array;
  readonly cylinders: number;
  readonly heads: number;
  readonly sectors: number;
}

const SECTOR = 512;
/** What the loader reads at once. */
const CHUNK = 256 * SECTOR;
const HEADS = 16;
const SECTORS = 63;

const MEGABYTE = 1 << 20;
/**
 * An initramfs is filled up with zeros to a multiple of it: how much a kernel has booted with tells
 * in its time, and with that in the random numbers that it draws.
 */
const RAMDISK_STEP = 4 * MEGABYTE;
const BOOT_PARAMS = 0x9_0000;
const BOOT_PARAMS_SIZE = 4096;
/** Memory below it that is free in every PC. */
const LOW_MEMORY = 0x9_f000;
const KERNEL = 0x10_0000;

/** Makes a disk: a table of pieces, and the pieces. */
export function linuxDisk({ image, initramfs, parameters, megabytes }: LinuxBoot): Disk {
  const kernel = protectedModePart(image);
  const top = megabytes * MEGABYTE;
  const size = Math.ceil(initramfs.length / RAMDISK_STEP) * RAMDISK_STEP;
  const ramdisk = { address: top - size, size };
  const params = bootParams(image, parameters, ramdisk, top);
  const pieces: readonly (readonly [address: number, bytes: Uint8Array])[] = [
    [BOOT_PARAMS, params],
    [KERNEL, kernel],
    [ramdisk.address, padded(initramfs, size)],
  ];
  const used = pieces.reduce((sum, [, { length }]) => sum + chunked(length), CHUNK);
  const cylinders = Math.ceil(used / (HEADS * SECTORS * SECTOR));
  const disk = Buffer.alloc(cylinders * HEADS * SECTORS * SECTOR);
  let at = CHUNK;
  for (const [index, [address, bytes]] of pieces.entries()) {
    const entry = [address, at / SECTOR, chunked(bytes.length) / CHUNK];
    entry.forEach((word, field) => disk.writeUInt32LE(word, 12 * index + 4 * field));
    disk.set(bytes, at);
    at += chunked(bytes.length);
  }
  return { bytes: disk, cylinders, heads: HEADS, sectors: SECTORS };
}

function padded(bytes: Uint8Array, size: number): Uint8Array {
  const result = new Uint8Array(size);
  result.set(bytes);
  return result;
}

function chunked(length: number): number {
  return Math.ceil(length / CHUNK) * CHUNK;
}

/* Fields of the setup header, by their names in the kernel's documentation. */
const SETUP_SECTS = 0x1f1;
/** What a zero there means. */
const OLD_SETUP_SECTS = 4;
const HEADER_LENGTH = 0x201;
const HEADER_MAGIC = 0x202;
const TYPE_OF_LOADER = 0x210;
/** A loader without a number of its own. */
const UNDEFINED_LOADER = 0xff;
const RAMDISK_IMAGE = 0x218;
const RAMDISK_SIZE = 0x21c;
const CMD_LINE_PTR = 0x228;

/* Fields of struct boot_params. */
const E820_ENTRIES = 0x1e8;
const E820_TABLE = 0x2d0;
const E820_ENTRY = 20;
const E820_RAM = 1;

function protectedModePart(image: Uint8Array): Uint8Array {
  const sectors = image[SETUP_SECTS] || OLD_SETUP_SECTS;
  return image.subarray((sectors + 1) * SECTOR);
}

/** struct boot_params, and the command line behind it. */
function bootParams(
  image: Uint8Array,
  parameters: string,
  ramdisk: { readonly address: number; readonly size: number },
  top: number,
): Uint8Array {
  const line = Buffer.from(`${parameters}\0`, 'latin1');
  const params = Buffer.alloc(BOOT_PARAMS_SIZE + line.length);
  const end = HEADER_MAGIC + (image[HEADER_LENGTH] ?? 0);
  params.set(image.subarray(SETUP_SECTS, end), SETUP_SECTS);
  params[TYPE_OF_LOADER] = UNDEFINED_LOADER;
  params.writeUInt32LE(ramdisk.address, RAMDISK_IMAGE);
  params.writeUInt32LE(ramdisk.size, RAMDISK_SIZE);
  params.writeUInt32LE(BOOT_PARAMS + BOOT_PARAMS_SIZE, CMD_LINE_PTR);
  params.set(line, BOOT_PARAMS_SIZE);
  const memory = [
    [0, LOW_MEMORY],
    [KERNEL, top - KERNEL],
  ] as const;
  params[E820_ENTRIES] = memory.length;
  for (const [index, [address, size]] of memory.entries()) {
    const at = E820_TABLE + E820_ENTRY * index;
    params.writeBigUInt64LE(BigInt(address), at);
    params.writeBigUInt64LE(BigInt(size), at + 8);
    params.writeUInt32LE(E820_RAM, at + 16);
  }
  return params;
}
