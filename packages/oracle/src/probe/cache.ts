// SPDX-License-Identifier: MIT
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The folder for what can be made again: `$KM_CACHE`, else `kernel-models` in the user's cache
 * folder (`$XDG_CACHE_HOME`, else `~/.cache`). It may not exist yet.
 */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const own = environment['KM_CACHE'];
  if (own !== undefined && own !== '') return own;
  const xdg = environment['XDG_CACHE_HOME'];
  // The XDG specification has relative values ignored.
  const base = xdg?.startsWith('/') ? xdg : join(homedir(), '.cache');
  return join(base, 'kernel-models');
}
