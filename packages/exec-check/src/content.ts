// SPDX-License-Identifier: MIT
import { fromBase64 } from './base64.ts';
import { elfImage } from './elf-image.ts';
import type { Content } from './setup.ts';

/** The bytes of a file with this content: what a target writes and what the model reads. */
export function contentBytes(content: Content): Uint8Array {
  switch (content.kind) {
    case 'elf':
      return elfImage(content);
    case 'script':
      return asciiBytes(`#!${content.line}${content.newline === false ? '' : '\n'}`);
    case 'bytes':
      return fromBase64(content.base64);
    case 'empty':
      return new Uint8Array(0);
  }
}

/** One byte for each character. */
export function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/**
 * The exit status of a `hash` program: over every byte of every argument, the NULs included, the
 * seed becomes seed * 33 + byte, modulo 256.
 */
export function argvHash(seed: number, argv: Iterable<string>): number {
  let hash = seed;
  for (const argument of argv) {
    for (let index = 0; index < argument.length; index += 1) {
      hash = (hash * 33 + argument.charCodeAt(index)) & 0xff;
    }
    hash = (hash * 33) & 0xff;
  }
  return hash;
}
