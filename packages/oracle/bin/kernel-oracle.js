#!/usr/bin/env node
// SPDX-License-Identifier: MIT

/** The exit code of usage: the command was called before it was built. */
const NOT_BUILT = 2;

try {
  const { main } = await import('../dist/cli/main.js');
  await main();
} catch (error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  const [what] = error.message.split('\n');
  console.error(`kernel-oracle: ${what}: run \`npm ci\` and \`npm run build\` first`);
  process.exitCode = NOT_BUILT;
}
