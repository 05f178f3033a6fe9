// SPDX-License-Identifier: MIT
import type { Json } from './json.ts';

/**
 * Where an object of a JSON text has a key twice, which JSON.parse takes without a word: it keeps
 * the last value, and what was written before is lost.
 *
 * @param text valid JSON
 * @param parsed what JSON.parse made of it: where it reads the same again, nothing was lost
 * @returns the path of the first key that stands twice, such as `operation.flags`, or undefined
 */
export function duplicateKey(text: string, parsed: Json): string | undefined {
  if (JSON.stringify(parsed) === text) return undefined;
  const open: Container[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const inside = open.at(-1);
    switch (text[at]) {
      case '{':
        open.push({ keys: new Set(), part: '' });
        break;
      case '[':
        open.push({ keys: undefined, part: 0 });
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case ',':
        if (typeof inside?.part === 'number') inside.part += 1;
        break;
      case '"': {
        const end = endOfString(text, at);
        if (inside?.keys !== undefined && isFollowedByColon(text, end)) {
          const key = JSON.parse(text.slice(at, end)) as string;
          inside.part = key;
          if (inside.keys.has(key)) return pathOf(open);
          inside.keys.add(key);
        }
        at = end - 1;
      }
    }
  }
  return undefined;
}

/** An object or an array that is open, and the part of it that is being read. */
interface Container {
  /** Absent in an array. */
  readonly keys: Set<string> | undefined;
  part: string | number;
}

/** @returns where the text goes on behind the string that begins at `start` */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function isFollowedByColon(text: string, from: number): boolean {
  let at = from;
  while (' \t\r\n'.includes(text[at] ?? '.')) at += 1;
  return text[at] === ':';
}

/** Array indices as the decoders name them: `outcome.anyOf[1].kind`. */
function pathOf(open: readonly Container[]): string {
  return open
    .map(({ part }) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '');
}
