// SPDX-License-Identifier: MIT
import { execFile } from 'node:child_process';
import { access, constants, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { builtOnce } from '../probe/built-once.ts';
import { compilerCommand, compilerFailure } from '../probe/compiler.ts';
import { Unavailable } from '../probe/unavailable.ts';
import type { Machine } from './setup.ts';

const run = promisify(execFile);

/** The folder of this probe's C sources, which the package ships. */
const PROBES = fileURLToPath(new URL('../../probes/maple-tree/', import.meta.url));

const SHIMS = 'shims.h';
const TREE = 'lib/maple_tree.c';
/** The two headers that are the kernel's own; the shims stand for all others. */
const OWN_HEADERS = ['linux/maple_tree.h', 'linux/xarray.h'] as const;

const FLAGS = ['-std=gnu11', '-O2', '-w', '-DNDEBUG'] as const;

/** The function through which every store goes, and the call that tells the probe of it. */
const STORE_ENTRY = /(static inline void mas_wr_store_entry\(struct ma_wr_state \*wr_mas\)\n\{)/;
const STORE_CALL = '$1 probe_store(wr_mas->mas);';

/** A program made of the kernel's maple tree and one of our C files. */
export type Program = 'maple-probe' | 'maple-bench';

/**
 * The release of a kernel source tree, from its Makefile: `6.12.117`.
 *
 * @throws Unavailable where the folder is no kernel source tree with a maple tree
 */
export async function sourceRelease(source: string): Promise<string> {
  let makefile: string;
  try {
    makefile = await readFile(join(source, 'Makefile'), 'utf8');
    await access(join(source, TREE), constants.R_OK);
  } catch {
    throw new Unavailable(`--kernel-source ${source}: expected a Linux source tree with ${TREE}`);
  }
  const part = (name: string): string =>
    new RegExp(`^${name} = (\\d+)$`, 'm').exec(makefile)?.[1] ?? '0';
  return ['VERSION', 'PATCHLEVEL', 'SUBLEVEL'].map(part).join('.');
}

/**
 * Builds a program of lib/maple_tree.c in user space, once for each content of the sources: the
 * result stays in the cache folder. Nothing of the kernel stays there but the program.
 *
 * @param source a Linux source tree
 * @returns path of an executable
 * @throws Unavailable where there is no compiler, or none for 32-bit programs
 */
export async function buildProgram(
  program: Program,
  source: string,
  machine: Machine,
): Promise<string> {
  const compiler = compilerCommand();
  const flags = [...FLAGS, ...(machine === '32-bit' ? ['-m32'] : [])];
  const tree = await readFile(join(source, TREE), 'utf8');
  const own = [join(PROBES, SHIMS), join(PROBES, `${program}.c`)];
  return builtOnce({
    name: `${program}-${machine}`,
    inputs: [
      JSON.stringify([compiler, flags]),
      tree,
      ...(await Promise.all(own.map((file) => readFile(file)))),
    ],
    make: async (folder) => {
      await prepareHeaders(folder, source, tree);
      const built = join(folder, program);
      const definition = `-DKERNEL_MAPLE_TREE="${join(folder, 'maple_tree.c')}"`;
      const paths = [`-I${folder}`, `-I${PROBES}`];
      const input = join(PROBES, `${program}.c`);
      const hint = machine === '32-bit' ? ' (32-bit programs need gcc-multilib)' : '';
      await run(compiler, [...flags, ...paths, definition, input, '-o', built]).catch(
        (error: unknown) => {
          throw compilerFailure(compiler, TREE, error, hint);
        },
      );
      return built;
    },
  });
}

/**
 * Fills a folder with the tree, its two headers, and a stand-in for every other header they name.
 */
async function prepareHeaders(folder: string, source: string, tree: string): Promise<void> {
  if (!STORE_ENTRY.test(tree)) {
    throw new Unavailable(`${TREE}: expected the function mas_wr_store_entry() of Linux 6.12`);
  }
  await writeFile(join(folder, 'maple_tree.c'), tree.replace(STORE_ENTRY, STORE_CALL));
  const own = await Promise.all(
    OWN_HEADERS.map(async (name) => ({
      name: String(name),
      text: await readFile(join(source, 'include', name), 'utf8'),
    })),
  );
  const texts = [tree, ...own.map(({ text }) => text)];
  const named = texts.flatMap((text) =>
    [...text.matchAll(/^#include <([^>]+)>/gm)].map(([, name = '']) => name),
  );
  const files = new Map(named.map((name) => [name, `#include "${SHIMS}"\n`]));
  for (const { name, text } of own) files.set(name, text);
  for (const [name, text] of files) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}
