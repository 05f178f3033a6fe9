// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '@kernel-models/model-core';
import { encodeWords } from './words.ts';

/** The folder of the probes' C sources, which the package ships. */
const PROBES = fileURLToPath(new URL('../../probes/', import.meta.url));

/** Longest piece of a string literal: lines of a source that people can read. */
const PIECE = 96;

/** A case in the JSON that a probe reads. */
export interface ReproducedCase {
  /** The probe's name: its source's without `.c`. */
  readonly probe: string;
  readonly world: JsonObject;
  readonly steps: readonly JsonObject[];
  /** What was observed and what was expected, line by line, for the comment at the top. */
  readonly story: readonly string[];
}

/**
 * One C program, in one file without any dependency but a C library, that executes a case and
 * prints what the kernel answers: the probe's own source with the case in it, so that it does
 * exactly what the probe did.
 */
export function probeReproducer({ probe, world, steps, story }: ReproducedCase): string {
  const lines = [
    `world 0 ${encodeWords(world)}`,
    ...steps.map((step) => `step 0 ${encodeWords(step)}`),
    'end 0',
  ];
  const read = (name: string): string => readFileSync(`${PROBES}${name}`, 'utf8');
  const source = read(`${probe}.c`).replace(/^#include "probe\.h"\n/m, () => read('probe.h'));
  return `/*
 * Build: cc -O2 -o reproducer reproducer.c     Run, as root: ./reproducer
 *
${story.map((line) => ` * ${line.replaceAll('*/', '* /')}\n`).join('')} *
 * It prints what this kernel answers, one JSON object a line. The case is at the end of the file;
 * what stands before it is the ${probe} probe of kernel-models, which executes it in namespaces of
 * its own.
 */
#define main probe_program
${source}
#undef main

static const char reproduced_case[] =
${lines.map(literal).join('\n')};

int main(int argc, char **argv)
{
	int ends[2];

	if (pipe(ends) < 0)
		return 1;
	if (fork() == 0) {
		size_t done = 0;

		close(ends[0]);
		while (done < sizeof(reproduced_case) - 1) {
			ssize_t n = write(ends[1], reproduced_case + done,
					  sizeof(reproduced_case) - 1 - done);

			if (n <= 0)
				_exit(1);
			done += n;
		}
		_exit(0);
	}
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	return probe_program(argc, argv);
}
`;
}

/** A line of input as C string literals, one below the other. */
function literal(line: string): string {
  const pieces: string[] = [];
  for (let start = 0; start < line.length; start += PIECE) {
    pieces.push(line.slice(start, start + PIECE));
  }
  const quoted = pieces.map(
    (piece) => `\t"${piece.replace(/[\\"]/g, (character) => `\\${character}`)}"`,
  );
  return `${quoted.join('\n')}\n\t"\\n"`;
}
