// SPDX-License-Identifier: MIT
import type { AnyOperation, Model, RevisionId } from '@kernel-models/model-core';
import type { Arbitrary } from 'fast-check';
import type { Case, Target } from './target.ts';

/** What the person at the command line said about targets. */
export interface TargetOptions {
  /** `--via`: a shell command that reaches a machine, `ssh vm`. */
  readonly via?: string;
  /** `--kernel`: a kernel image to boot under qemu. */
  readonly kernel?: string;
  /** `--kernel-source`: a kernel source tree to build a piece of in user space. */
  readonly kernelSource?: string;
  /** `--host-visible`: allow what other users of this host can see while it runs. */
  readonly hostVisible?: boolean;
}

/** A small world for bounded exhaustive work. */
export interface Exploration<State, Operation, Setup> {
  readonly name: string;
  /** What the world is, in one line. */
  readonly sentence: string;
  readonly setups: readonly Setup[];
  /** Every operation worth trying in a state, in a fixed order. */
  readonly operations: (state: State) => Iterable<Operation>;
  /** Depth that ends in some seconds. */
  readonly defaultDepth: number;
  /** Named states that an exploration to the default depth must reach. */
  readonly sometimes?: Readonly<Record<string, (state: State) => boolean>>;
}

/** A model together with all that the oracle needs to hold it against real things. */
export interface Subsystem<State, Operation extends AnyOperation, Outcome, Setup> {
  readonly model: Model<State, Operation, Outcome, Setup>;
  /** One line for `kernel-oracle models`. */
  readonly title: string;
  /** The revision used where nothing says which: the newest kernel. */
  readonly defaultRevision: RevisionId;
  /**
   * Cases that a target can execute, on the worlds that it has where it cannot have others. Absent
   * where no target exists: the model is checked by recordings.
   */
  readonly cases?: (
    revision: RevisionId,
    worlds?: readonly Setup[],
  ) => Arbitrary<Case<Setup, Operation>>;
  /** Whether a (shrunk) case still makes sense to a target. Absent: every decodable one does. */
  readonly isExecutable?: (candidate: Case<Setup, Operation>) => boolean;
  /**
   * Whether a target that has a world can have a smaller one, too: what cannot be chosen cannot be
   * shrunk. Absent: any.
   */
  readonly canHave?: (smaller: Setup, world: Setup) => boolean;
  readonly targets: (options: TargetOptions) => readonly Target<Setup, Operation, Outcome>[];
  /**
   * Why there is nothing real to hold the model against. `check` then names it and goes on, unless
   * it was asked for by its own name. Absent where there is something.
   */
  readonly nothingReal?: string;
  /** The first is the default one of `explore` and `diff`. */
  readonly explorations: readonly Exploration<State, Operation, Setup>[];
  /** How an operation and an outcome read in one line. Absent: compact JSON. */
  readonly describeOperation?: (operation: Operation) => string;
  readonly describeOutcome?: (outcome: Outcome) => string;
  /**
   * How an instance inside a state reads as data, for `explain` to say what changed: a tree as its
   * entries. Absent: its fields.
   */
  readonly viewOf?: (instance: object) => unknown;
  /** The column of the check table under which an operation counts. Absent: its `op`. */
  readonly rowOf?: (operation: Operation) => string;
  /**
   * A stand-alone C program that does a case on a kernel and prints what it answers.
   *
   * @param story what was observed and expected, lines for the comment at its top
   */
  readonly reproducer?: (candidate: Case<Setup, Operation>, story: readonly string[]) => string;
}

/** A subsystem whose types do not matter to the caller. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the registry holds subsystems of different types; each function on one is generic
export type AnySubsystem = Subsystem<any, any, any, any>;
