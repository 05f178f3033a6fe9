// SPDX-License-Identifier: MIT

/**
 * The text of a member of a JSON object, as it stands there: signatures are over exactly these
 * bytes, so it must not be parsed and written again. Undefined where the text is no object or has
 * no such member.
 */
export function memberText(json: string, name: string): string | undefined {
  let at = skipSpace(json, 0);
  if (json[at] !== '{') return undefined;
  at = skipSpace(json, at + 1);
  while (json[at] === '"') {
    const keyEnd = endOfString(json, at);
    const key = json.slice(at + 1, keyEnd - 1);
    at = skipSpace(json, keyEnd);
    if (json[at] !== ':') return undefined;
    const start = skipSpace(json, at + 1);
    const end = endOfValue(json, start);
    if (end === undefined) return undefined;
    if (key === name) return json.slice(start, end);
    at = skipSpace(json, end);
    if (json[at] !== ',') return undefined;
    at = skipSpace(json, at + 1);
  }
  return undefined;
}

function skipSpace(json: string, from: number): number {
  let at = from;
  while (' \t\r\n'.includes(json[at] ?? 'x')) at += 1;
  return at;
}

/** Behind the closing quote; the end of the text where there is none. */
function endOfString(json: string, from: number): number {
  let at = from + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return Math.min(at + 1, json.length);
}

/** Behind a value; undefined where brackets do not match. */
function endOfValue(json: string, from: number): number | undefined {
  let depth = 0;
  let at = from;
  while (at < json.length) {
    const character = json[at];
    if (character === '"') {
      at = endOfString(json, at);
      if (depth === 0) return at;
      continue;
    }
    if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') {
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (character === ',' && depth === 0) return at;
    at += 1;
  }
  return undefined;
}
