// SPDX-License-Identifier: MIT
import { fromBase64 } from './base64.ts';
import { BINPRM_BUF_SIZE } from './constants.ts';
import type { BinfmtMiscEntry } from './setup.ts';

/**
 * The registered format of a file, or undefined: its first 256 bytes hold the magic, or its name
 * ends in the extension. Mirrors search_binfmt_handler(), fs/binfmt_misc.c, Linux 6.12.
 */
export function findFormat(
  entries: readonly BinfmtMiscEntry[],
  bytes: Uint8Array,
  name: string,
): BinfmtMiscEntry | undefined {
  const dot = name.lastIndexOf('.');
  return entries.find(({ match }) => {
    if (match.kind === 'extension') return dot >= 0 && name.slice(dot + 1) === match.extension;
    const magic = fromBase64(match.base64);
    const header = bytes.subarray(0, BINPRM_BUF_SIZE);
    return magic.every((byte, index) => (header[match.offset + index] ?? 0) === byte);
  });
}
