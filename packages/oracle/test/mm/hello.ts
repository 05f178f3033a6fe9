// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseHello, type Hello } from '../../src/probe/protocol.ts';

const FILE = fileURLToPath(new URL('./linux-6.18.hello.ndjson', import.meta.url));

function readHello(): Hello {
  const hello = parseHello(readFileSync(FILE, 'utf8'));
  if ('unavailable' in hello) throw new Error(`${FILE}: expected a hello of a kernel`);
  return hello;
}

/** What the probe of mm said of a running kernel: its first line, `echo | probe-mm > file`. */
export const HELLO: Hello = readHello();
