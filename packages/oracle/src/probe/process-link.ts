// SPDX-License-Identifier: MIT
import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Link } from './transport.ts';

/** How much of what a process says beside its answers is kept, characters. */
const DIAGNOSIS_SIZE = 4096;

/** How long a process that was asked to end may take before it is killed, milliseconds. */
const END_TIMEOUT_MS = 2000;

/** The streams of a process that is a probe or leads to one. */
export interface ProcessStreams {
  readonly process: ChildProcess;
  readonly input: Writable;
  readonly output: Readable;
  /** Streams of human-readable text: standard error, a console. */
  readonly texts: readonly Readable[];
  readonly window: number;
}

/** The lines of a process: what every transport hands out. */
export function processLink({ process, input, output, texts, window }: ProcessStreams): Link {
  const lines = new LineQueue();
  const said = new Transcript();
  let exit: string | undefined;
  const ended = new Promise<void>((resolve) => {
    const end = (reason: string): void => {
      exit ??= reason;
      resolve();
    };
    process.once('error', (error) => {
      end(error.message);
      lines.end();
    });
    process.once('close', (code, signal) => {
      end(signal === null ? `exit status ${code}` : `killed by ${signal}`);
      lines.end();
    });
  });
  output.setEncoding('utf8').on('data', (text: string) => lines.push(text));
  output.once('end', () => lines.end());
  for (const text of texts) text.setEncoding('utf8').on('data', (part: string) => said.push(part));
  // A probe that is gone is noticed by its output's end; its streams' errors say nothing more.
  for (const stream of [input, output, ...texts]) stream.on('error', () => lines.end());

  return {
    window,
    write: (text) => {
      if (input.writable) input.write(text);
    },
    nextLine: () => lines.next(),
    diagnosis: () => [exit, said.lastLine()].filter((part) => part).join(': '),
    close: async () => {
      input.end();
      const timer = setTimeout(() => process.kill('SIGKILL'), END_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Text in, lines out. */
class LineQueue {
  #partial = '';
  #ended = false;
  readonly #lines: string[] = [];
  /** Index of the next line: shifting a long list is slow. */
  #next = 0;
  #waiter: ((line: string | undefined) => void) | undefined;

  push(text: string): void {
    const parts = (this.#partial + text).split('\n');
    this.#partial = parts.pop() ?? '';
    if (this.#next === this.#lines.length) {
      this.#lines.length = 0;
      this.#next = 0;
    }
    this.#lines.push(...parts);
    this.#serve();
  }

  end(): void {
    this.#ended = true;
    this.#serve();
  }

  next(): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#waiter = resolve;
      this.#serve();
    });
  }

  #serve(): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    if (this.#next === this.#lines.length && !this.#ended) return;
    this.#waiter = undefined;
    waiter(this.#lines[this.#next]);
    if (this.#next < this.#lines.length) this.#next += 1;
  }
}

/** The last of what was said. */
class Transcript {
  #text = '';

  push(part: string): void {
    this.#text = (this.#text + part).slice(-DIAGNOSIS_SIZE);
  }

  /** A panic's own line where there is one, else the last that is not blank. */
  lastLine(): string {
    const lines = this.#text
      .split(/[\r\n]+/)
      .map((line) => line.trim())
      .filter((line) => line !== '');
    return lines.find((line) => line.includes('Kernel panic')) ?? lines.at(-1) ?? '';
  }
}
