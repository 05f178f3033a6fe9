// SPDX-License-Identifier: MIT
import { DecodeError, type Json } from '@kernel-models/model-core';
import { parseHello, parseProbeLine, type Hello, type ProbeLine } from './protocol.ts';
import type { Link, Transport } from './transport.ts';
import { Unavailable } from './unavailable.ts';

/** A case as a probe reads it: lines without their newlines. */
export interface ProbeCase {
  /** The words of the world. */
  readonly world: string;
  /** The words of each operation. */
  readonly steps: readonly string[];
}

/** What came of a case. */
export interface ProbeAnswer {
  /** As many as operations, unless `failure` or `lacks` is there. */
  readonly outcomes: readonly Json[];
  /** Why the case did not run to its end. */
  readonly failure?: string;
  /** What the kernel would need to have such a world. */
  readonly lacks?: string;
  readonly complaints: readonly string[];
}

/** Added to a watchdog of the probe before this side gives up too, milliseconds. */
const WATCHDOG_MARGIN_MS = 5000;

/** From this many cases on, a transport that can start with its cases does, unless it says. */
const WORTH_A_START = 64;

/** A case whose lines are on their way. */
interface Pending {
  readonly id: number;
  readonly source: ProbeCase;
  readonly lines: readonly string[];
  readonly outcomes: Json[];
  /** Lines written so far. */
  written: number;
  /** Bytes of written lines that are unanswered. */
  unanswered: number;
  /** Lines that were answered. */
  answered: number;
}

/**
 * A conversation with a probe: it stays alive from case to case, and is started anew after it died,
 * hung or spoke nonsense. The case in which that happened has failed; the others go on.
 */
export class ProbeSession {
  readonly #transport: Transport;
  readonly #probe: string;
  #link: Link | undefined;
  #hello: Hello | undefined;
  #nextId = 0;
  /** Whether answers are still to come, so that what comes next is not of a later case. */
  #busy = false;

  constructor(transport: Transport, probe: string) {
    this.#transport = transport;
    this.#probe = probe;
  }

  /**
   * What answers, after starting the probe where it is not running.
   *
   * @throws Unavailable naming what is missing
   */
  async hello(): Promise<Hello> {
    if (this.#hello === undefined) await this.#start();
    if (this.#hello === undefined) throw new Unavailable('the probe said nothing');
    return this.#hello;
  }

  /**
   * Runs cases, one after the other. An answer comes for each; nothing is thrown. Who does not take
   * all answers ends the probe.
   */
  async *run(cases: Iterable<ProbeCase>): AsyncGenerator<ProbeAnswer> {
    const all = [...cases];
    const { connectWith, worthAStart = WORTH_A_START } = this.#transport;
    let done = 0;
    try {
      while (done < all.length) {
        const rest = all.slice(done);
        const preloads = connectWith !== undefined && rest.length >= worthAStart;
        try {
          for await (const answer of preloads ? this.#preloaded(rest) : this.#streamed(rest)) {
            done += 1;
            yield answer;
          }
        } catch (error) {
          await this.close();
          if (!(error instanceof Broken)) throw error;
          done += 1;
          yield error.answer;
        }
      }
    } finally {
      if (this.#busy) await this.close();
    }
  }

  /** Ends the probe. A later use starts it anew. */
  async close(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    this.#hello = undefined;
    this.#busy = false;
    await link?.close();
  }

  async #start(connect: () => Promise<Link> = () => this.#transport.connect()): Promise<Link> {
    await this.close();
    const link = await connect();
    this.#link = link;
    try {
      this.#hello = await this.#greet(link);
    } catch (error) {
      await this.close();
      throw error;
    }
    return link;
  }

  async #greet(link: Link): Promise<Hello> {
    const { startTimeoutMs } = this.#transport;
    const line = await within(startTimeoutMs, link.nextLine());
    if (line === TIMED_OUT) {
      throw new Unavailable(explained(`no answer within ${startTimeoutMs / 1000} s`, link));
    }
    if (line === undefined) {
      await link.close();
      throw new Unavailable(explained('it ended before the probe answered', link));
    }
    try {
      const hello = parseHello(line);
      if ('unavailable' in hello) throw new Unavailable(hello.unavailable);
      if (hello.probe === this.#probe) return hello;
      throw new Unavailable(`expected the probe ${this.#probe}, got ${hello.probe}`);
    } catch (error) {
      if (error instanceof DecodeError) throw new Unavailable(`not a probe: ${error.message}`);
      throw error;
    }
  }

  /** Cases over a link that is kept, written as far ahead as its window allows. */
  async *#streamed(cases: readonly ProbeCase[]): AsyncGenerator<ProbeAnswer> {
    const queue = cases.map((source) => this.#pending(source));
    let link: Link;
    try {
      link = this.#link ?? (await this.#start());
    } catch (error) {
      throw startFailure(error);
    }
    this.#busy = true;
    let unanswered = 0;
    const write = (): void => {
      for (const one of queue) {
        while (one.written < one.lines.length) {
          const line = one.lines[one.written] ?? '';
          if (unanswered > 0 && unanswered + line.length > link.window) return;
          link.write(line);
          unanswered += line.length;
          one.unanswered += line.length;
          one.written += 1;
        }
      }
    };
    for (let first = queue[0]; first !== undefined; first = queue[0]) {
      write();
      const line = await this.#nextLine(link, first);
      const answered =
        line.kind === 'ready' || line.kind === 'outcome'
          ? (first.lines[first.answered]?.length ?? 0)
          : first.unanswered;
      first.answered += 1;
      first.unanswered -= answered;
      unanswered -= answered;
      const answer = settle(first, line);
      if (answer === undefined) continue;
      // Lines of a case that ended early need not be written any more: the probe would pass them
      // over.
      queue.shift();
      this.#busy = queue.length > 0;
      yield answer;
    }
  }

  /** Cases that a new probe starts with. */
  async *#preloaded(cases: readonly ProbeCase[]): AsyncGenerator<ProbeAnswer> {
    const queue = cases.map((source) => this.#pending(source));
    const { connectWith } = this.#transport;
    if (connectWith === undefined) return;
    let link: Link;
    try {
      link = await this.#start(() => connectWith(queue.flatMap(({ lines }) => lines)));
    } catch (error) {
      throw startFailure(error);
    }
    this.#busy = true;
    for (const one of queue) {
      for (;;) {
        const answer = settle(one, await this.#nextLine(link, one));
        if (answer === undefined) continue;
        yield answer;
        break;
      }
    }
    await this.close();
  }

  #pending(source: ProbeCase): Pending {
    const id = this.#nextId;
    this.#nextId += 1;
    const lines = [
      `world ${id} ${source.world}\n`,
      ...source.steps.map((step) => `step ${id} ${step}\n`),
      `end ${id}\n`,
    ];
    return { id, source, lines, outcomes: [], written: 0, unanswered: 0, answered: 0 };
  }

  /** @throws Broken where the probe does not answer as it should */
  async #nextLine(link: Link, { id, outcomes }: Pending): Promise<ProbeLine> {
    const broken = (failure: string): Broken =>
      new Broken({ outcomes, failure, complaints: [] }, failure);
    const limit = this.#transport.watchdogMs + WATCHDOG_MARGIN_MS;
    const text = await within(limit, link.nextLine());
    if (text === TIMED_OUT) throw broken(`the probe hung: no answer within ${limit / 1000} s`);
    if (text === undefined) {
      await link.close();
      throw broken(explained('the probe died', link));
    }
    try {
      const line = parseProbeLine(text);
      if (line.case !== id) throw new DecodeError('answer.case', String(id), line.case);
      return line;
    } catch (error) {
      if (error instanceof DecodeError) throw broken(`the probe spoke nonsense: ${error.message}`);
      throw error;
    }
  }
}

/** What a line makes of a case: its answer where it has ended. */
function settle({ source, outcomes }: Pending, line: ProbeLine): ProbeAnswer | undefined {
  switch (line.kind) {
    case 'ready':
      return undefined;
    case 'outcome':
      outcomes.push(line.outcome);
      return undefined;
    case 'failure':
      return { outcomes, failure: line.reason, complaints: [] };
    case 'lacks':
      return { outcomes, lacks: line.reason, complaints: [] };
    case 'end': {
      const { complaints } = line;
      const { length } = source.steps;
      if (outcomes.length === length) return { outcomes, complaints };
      const failure = `the probe answered ${outcomes.length} of ${length} operations`;
      return { outcomes: outcomes.slice(0, length), failure, complaints };
    }
  }
}

/** The probe broke down in a case. */
class Broken extends Error {
  readonly answer: ProbeAnswer;

  constructor(answer: ProbeAnswer, message: string) {
    super(message);
    this.name = 'Broken';
    this.answer = answer;
  }
}

function startFailure(error: unknown): unknown {
  if (!(error instanceof Unavailable)) return error;
  const { message } = error;
  return new Broken({ outcomes: [], failure: message, complaints: [] }, message);
}

function explained(what: string, link: Link): string {
  const why = link.diagnosis();
  return why === '' ? what : `${what} (${why})`;
}

const TIMED_OUT = Symbol('timed out');

/** A promise's value, unless it takes longer. */
async function within<Value>(
  milliseconds: number,
  promise: Promise<Value>,
): Promise<Value | typeof TIMED_OUT> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<typeof TIMED_OUT>((resolve) => {
    timer = setTimeout(() => resolve(TIMED_OUT), milliseconds);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
