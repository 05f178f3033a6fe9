// SPDX-License-Identifier: MIT
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { builtOnce, Unavailable } from '../probe/index.ts';

const run = promisify(execFile);

const SOURCES = fileURLToPath(new URL('../../probes/bochs/', import.meta.url));
const SCRIPT = 'firmware.ld';
/** How every program gets from the reset vector to its part in memory. */
const BOOT = 'boot.inc';

/** Bytes of the whole image: it ends at 4 GiB. */
const IMAGE_SIZE = 2 << 20;
/** Where its parts lie, from the end. */
const RAM_PART = 0x1_0000;
const BOOT_PART = 0x1000;
/** Where the cases begin, behind their number. */
const FIRST_CASE = 0x10;

/** A program of probes/bochs that does cases and prints a line for each. */
export interface FirmwareProgram {
  /** Its source is `<name>.S`. */
  readonly name: string;
  /** Bytes of one case; how they are used says the source. */
  readonly caseSize: number;
}

/** How many cases an image can hold. */
export function maxCases({ caseSize }: FirmwareProgram): number {
  return Math.floor((IMAGE_SIZE - RAM_PART - FIRST_CASE) / caseSize);
}

/** The two parts of a program, as they lie in the image. */
interface Firmware {
  readonly ram: Buffer;
  readonly boot: Buffer;
}

/**
 * A firmware image with cases to do, to be mapped so that it ends at 4 GiB.
 *
 * @param cases at most {@link maxCases} records, each of the program's size
 * @throws Unavailable where the GNU assembler, linker or objcopy is missing
 * @throws RangeError where there are too many cases
 */
export async function firmwareImage(
  cases: readonly Uint8Array[],
  program: FirmwareProgram,
): Promise<Uint8Array> {
  if (cases.length > maxCases(program)) {
    throw new RangeError(`cases: expected at most ${maxCases(program)}, got ${cases.length}`);
  }
  const { ram, boot } = await buildFirmware(program);
  const image = Buffer.alloc(IMAGE_SIZE);
  image.writeUInt32LE(cases.length, 0);
  cases.forEach((one, index) => image.set(one, FIRST_CASE + index * program.caseSize));
  ram.copy(image, IMAGE_SIZE - RAM_PART);
  boot.copy(image, IMAGE_SIZE - BOOT_PART);
  return image;
}

/** Assembles and links the program, once for each content of its source. */
async function buildFirmware({ name }: FirmwareProgram): Promise<Firmware> {
  const sources = [`${name}.S`, BOOT, SCRIPT].map((file) => join(SOURCES, file));
  const built = await builtOnce({
    name,
    inputs: await Promise.all(sources.map((file) => readFile(file))),
    make: async (folder) => {
      const result = join(folder, 'result');
      await mkdir(result);
      await assemble(name, result);
      return result;
    },
  });
  return {
    ram: await readFile(join(built, 'ram.bin')),
    boot: await readFile(join(built, 'boot.bin')),
  };
}

async function assemble(name: string, folder: string): Promise<void> {
  const at = (file: string): string => join(folder, file);
  await tool('as', ['--64', '-I', SOURCES, '-o', at('program.o'), join(SOURCES, `${name}.S`)]);
  const script = ['-m', 'elf_x86_64', '-T', join(SOURCES, SCRIPT)];
  await tool('ld', [...script, '-o', at('program.elf'), at('program.o')]);
  for (const part of ['ram', 'boot']) {
    const sections = ['-O', 'binary', '-j', `.${part}`];
    await tool('objcopy', [...sections, at('program.elf'), at(`${part}.bin`)]);
  }
  await writeFile(at('README'), 'Made from packages/oracle/probes/bochs; may be deleted.\n');
}

async function tool(name: string, args: readonly string[]): Promise<void> {
  try {
    await run(name, [...args]);
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const reason = isMissing ? `program ${name} is missing (Debian: binutils)` : String(error);
    throw new Unavailable(`the firmware cannot be built: ${reason}`);
  }
}
