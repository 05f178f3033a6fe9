// SPDX-License-Identifier: MIT

/*
 * Executable memory of BPF, told again: a pack is an array with a name in each of its chunks, and
 * room is looked for chunk by chunk.
 */

const CHUNKS_OF_A_PACK = 32_768;
const CHUNK = 64;

/** Packs, each an array that says to whom a chunk belongs. */
export class ReferencePacks {
  readonly #packs: (string | undefined)[][] = [];

  /** Takes chunks for an owner: the pack’s number and the first chunk. */
  take(owner: string, bytes: number): readonly [pack: number, chunk: number] {
    const count = Math.ceil(bytes / CHUNK);
    for (let pack = 0; ; pack += 1) {
      const chunks = (this.#packs[pack] ??= new Array<undefined>(CHUNKS_OF_A_PACK).fill(undefined));
      let run = 0;
      for (let chunk = 0; chunk < CHUNKS_OF_A_PACK; chunk += 1) {
        run = chunks[chunk] === undefined ? run + 1 : 0;
        if (run < count) continue;
        chunks.fill(owner, chunk - count + 1, chunk + 1);
        return [pack, chunk - count + 1];
      }
    }
  }

  /** Gives back whatever an owner has; a pack without owners goes, and those behind it move up. */
  giveBack(owner: string): void {
    for (const chunks of this.#packs) {
      for (const [chunk, holder] of chunks.entries()) {
        if (holder === owner) chunks[chunk] = undefined;
      }
    }
    for (let pack = this.#packs.length - 1; pack >= 0; pack -= 1) {
      if (this.#packs[pack]?.every((holder) => holder === undefined) === true) {
        this.#packs.splice(pack, 1);
      }
    }
  }

  /** Chunks in a row, of whomever: `first+count`. */
  runs(): readonly string[] {
    return this.#packs.map((chunks) => {
      const words: string[] = [];
      let start = -1;
      for (let chunk = 0; chunk <= CHUNKS_OF_A_PACK; chunk += 1) {
        const taken = chunks[chunk] !== undefined;
        if (taken && start < 0) start = chunk;
        if (taken || start < 0) continue;
        words.push(`${start}+${chunk - start}`);
        start = -1;
      }
      return words.join(' ');
    });
  }
}

/** Bytes that a program’s image of a length takes: a header of 8, the image to a multiple of 4, and 16. */
export function bytesFor(imageLength: number): number {
  let bytes = 8 + imageLength;
  while (bytes % 4 !== 0) bytes += 1;
  bytes += 16;
  while (bytes % CHUNK !== 0) bytes += 1;
  return bytes;
}
