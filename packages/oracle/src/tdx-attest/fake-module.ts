// SPDX-License-Identifier: MIT
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { builtOnce } from '../probe/built-once.ts';
import { Unavailable } from '../probe/unavailable.ts';

const run = promisify(execFile);

/** The kernel module that plays TDX module and host, as the package ships it. */
const SOURCES = fileURLToPath(new URL('../../probes/tdx-attest/', import.meta.url));

/** The driver in a kernel source tree, and the name that its module has in a kernel. */
const DRIVER = 'drivers/virt/coco/tdx-guest/tdx-guest.c';
const DRIVER_MODULE = 'tdx_guest';

/** A kernel that boots with the driver in it, in pieces. */
export interface DriverKernel {
  /** Path of an x86-64 bzImage. */
  readonly image: string;
  /** The folder with its modules: /lib/modules/<release>. */
  readonly modules: string;
  /** The folder that external modules are built in: /lib/modules/<release>/build. */
  readonly build: string;
  /** A source tree of the same series. Absent: the kernel's own tdx-guest.ko is used. */
  readonly source?: string;
}

/** The modules that the machine of the probe has, by name. */
export type ModuleFiles = Readonly<
  Record<'configfs' | 'tsm' | 'tdx_fake' | 'tdx_guest', Uint8Array>
>;

/**
 * Collects the modules: configfs and tsm of the kernel itself, its tdx-guest driver or one that is
 * built here from a source tree, unchanged, and the fake below it, which is always built.
 *
 * @throws Unavailable where a piece is missing, or does not build
 */
export async function moduleFiles({ modules, build, source }: DriverKernel): Promise<ModuleFiles> {
  const own = await buildModules(build, source);
  return {
    configfs: await kernelModule(modules, 'fs/configfs/configfs.ko'),
    tsm: await kernelModule(modules, 'drivers/virt/coco/tsm.ko'),
    tdx_fake: await readFile(join(own, 'tdx_fake.ko')),
    tdx_guest:
      source === undefined
        ? await kernelModule(modules, 'drivers/virt/coco/tdx-guest/tdx-guest.ko')
        : await readFile(join(own, `${DRIVER_MODULE}.ko`)),
  };
}

/** A module of a kernel, compressed or not. */
async function kernelModule(modules: string, path: string): Promise<Uint8Array> {
  const file = join(modules, 'kernel', path);
  const plain = await readFile(file).catch(() => undefined);
  if (plain !== undefined) return plain;
  try {
    const { stdout } = await run('xz', ['--decompress', '--stdout', `${file}.xz`], {
      encoding: 'buffer',
      maxBuffer: 1 << 26,
    });
    return stdout;
  } catch {
    throw new Unavailable(`${file} or ${file}.xz, and xz`);
  }
}

/**
 * Builds the fake, and the driver of a source tree, once for each content of the sources: the
 * result stays in the cache folder. Nothing of the kernel's source does.
 *
 * @returns the folder with the modules
 */
async function buildModules(build: string, source: string | undefined): Promise<string> {
  const driver = source === undefined ? undefined : join(source, DRIVER);
  const names = (await readdir(SOURCES)).sort();
  return builtOnce({
    name: 'tdx-attest-modules',
    inputs: [
      build,
      ...(await Promise.all(names.map((name) => readFile(join(SOURCES, name))))),
      ...(driver === undefined ? [] : [await driverSource(driver)]),
    ],
    make: async (folder) => {
      for (const name of names) await copyFile(join(SOURCES, name), join(folder, name));
      const objects = ['tdx_fake'];
      if (driver !== undefined) {
        await copyFile(driver, join(folder, `${DRIVER_MODULE}.c`));
        objects.push(DRIVER_MODULE);
      }
      const lines = objects.map((name) => `obj-m += ${name}.o\n`);
      await writeFile(join(folder, 'Kbuild'), lines.join(''));
      await run('make', ['-C', build, `M=${folder}`, 'modules']).catch((error: unknown) => {
        throw buildFailure(error);
      });
      const result = join(folder, 'modules');
      await mkdir(result);
      for (const name of objects) {
        await rename(join(folder, `${name}.ko`), join(result, `${name}.ko`));
      }
      return result;
    },
  });
}

async function driverSource(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch {
    throw new Unavailable(`--kernel-source: expected a Linux source tree with ${DRIVER}`);
  }
}

function buildFailure(error: unknown): Unavailable {
  const { code, stderr } = error as { code?: unknown; stderr?: string };
  if (code === 'ENOENT') return new Unavailable('program make, to build a kernel module');
  const reason = stderr?.split('\n').find((line) => /error/i.test(line)) ?? String(error);
  return new Unavailable(`the modules of the probe do not build: ${reason.trim()}`);
}
