// SPDX-License-Identifier: MIT
import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from './cache.ts';

/** How something is made that is kept for the next time. */
export interface Recipe {
  /** Names the result in the cache folder, before the hash. */
  readonly name: string;
  /** All that the result depends on: sources, flags, programs. */
  readonly inputs: readonly (string | Uint8Array)[];
  /**
   * Makes the result, a file or a folder, and says where it is. All is to be left in the folder
   * given, which is empty and goes away afterwards.
   */
  readonly make: (folder: string) => Promise<string>;
  /** Absent: {@link cacheFolder}. */
  readonly cache?: string;
}

/**
 * Makes something once for each content of its inputs. A result is there as a whole or not at all,
 * also where several processes make it at once.
 *
 * @returns the path of the result
 * @throws what `make` throws; nothing is left then
 */
export async function builtOnce(recipe: Recipe): Promise<string> {
  const { name, inputs, make, cache = cacheFolder() } = recipe;
  const result = join(cache, `${name}-${hashOf(inputs).slice(0, 24)}`);
  if (await exists(result)) return result;

  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'build-'));
  try {
    const made = await make(folder);
    try {
      await rename(made, result);
    } catch (error) {
      // A folder cannot replace one: another process was faster, and its result is the same.
      if (!(await exists(result))) throw error;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return result;
}

/** Inputs are hashed one by one first: where one ends and the next begins counts. */
function hashOf(inputs: readonly (string | Uint8Array)[]): string {
  const whole = createHash('sha256');
  for (const input of inputs) whole.update(createHash('sha256').update(input).digest());
  return whole.digest('hex');
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
