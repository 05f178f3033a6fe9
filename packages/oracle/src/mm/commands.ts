// SPDX-License-Identifier: MIT
import type { NodeDump } from '@kernel-models/maple-tree';
import {
  codec,
  formatMaps,
  mmModel,
  vmasOf,
  type Operation,
  type Outcome,
  type Setup,
  type SmapsVma,
  type State,
  type Vma,
} from '@kernel-models/mm';
import {
  deepEqual,
  formatHex,
  type Json,
  type ObservedOutcome,
  type RevisionId,
  type Trace,
} from '@kernel-models/model-core';
import type { CommandIo } from '../cli/io.ts';
import { jsonOption, REVISION_OF_TRACE, revisionOption, wholeNumber } from '../cli/options.ts';
import type { AddCommand } from '../cli/program.ts';
import { effectiveRevision, loadTrace } from '../cli/read.ts';
import { EXIT, UsageError } from '../exit-code.ts';
import { JSON_OUTPUT_VERSION } from '../report/check-json.ts';
import { describeOperation, describeOutcome } from './describe.ts';
import { formatSpace, type SpaceView, type TreeNode } from './maps-text.ts';
import { isMmTrace } from './recorded.ts';
import { mmSubsystem } from './subsystem.ts';

type MmTrace = Trace<Setup, Operation, Outcome>;

interface MapsFlags {
  readonly trace: number;
  readonly step?: number;
  readonly revision?: string;
  readonly json?: boolean;
}

/** `kernel-oracle maps`: the address space after each step of a trace. */
export const mapsCommand: AddCommand = (program, run) => {
  program
    .command('maps <trace>')
    .description('the address space after each step, as /proc/PID/maps has it, and its tree')
    .option('--trace <n>', 'which trace of the file, from 0', wholeNumber('--trace'), 0)
    .option('--step <n>', 'only this step', wholeNumber('--step'))
    .addOption(revisionOption('the revision that walks the trace', REVISION_OF_TRACE))
    .addOption(jsonOption())
    .action((file: string, flags: MapsFlags) => run(async (io) => runMaps(io, file, flags)));
};

function runMaps(io: CommandIo, file: string, flags: MapsFlags): number {
  const trace = loadMmTrace(file, flags.trace);
  const revision = effectiveRevision(mmSubsystem, flags.revision, trace);
  const steps = walk(trace, revision);
  const shown = flags.step === undefined ? steps : [stepAt(steps, flags.step)];
  if (flags.json === true) {
    io.out(`${JSON.stringify(mapsJson(revision, shown), null, 2)}\n`);
  } else {
    io.out(`${mmModel.name} ${revision}, ${trace.source.kernel ?? trace.source.kind}\n\n`);
    if (flags.step === undefined) {
      io.out(
        `       the process at its start\n${formatSpace(viewOf(mmModel.initial(trace.setup)))}\n`,
      );
    }
    io.out(shown.map(formatStep).join('\n'));
  }
  return steps.every(({ agrees }) => agrees) ? EXIT.agree : EXIT.diverge;
}

/** One step: what was done, what a kernel or a recording says of it, and what the model makes of it. */
interface WalkedStep {
  readonly seq: number;
  readonly operation: Operation;
  readonly observed: ObservedOutcome<Outcome>;
  readonly outcome: Outcome;
  readonly agrees: boolean;
  readonly before: State;
  readonly after: State;
}

function walk({ setup, events }: MmTrace, revision: RevisionId): readonly WalkedStep[] {
  let before = mmModel.initial(setup);
  return events.map(({ seq, operation, observed }) => {
    const { state: after, outcome } = mmModel.apply(before, operation, revision);
    const agrees = isExplained(observed, outcome);
    const step = { seq, operation, observed, outcome, agrees, before, after };
    before = after;
    return step;
  });
}

function isExplained(observed: ObservedOutcome<Outcome>, outcome: Outcome): boolean {
  if (observed.kind === 'any') return true;
  const candidates = observed.kind === 'one' ? [observed.outcome] : observed.outcomes;
  return candidates.some((candidate) => deepEqual(candidate, outcome));
}

function formatStep(step: WalkedStep): string {
  const { seq, operation, observed, outcome, agrees, before, after } = step;
  const mark = agrees ? ' ' : '>';
  const heading = `${mark} ${String(seq).padStart(3)}  ${describeOperation(operation)}`;
  const lines = [
    operation.op === 'smaps' && agrees ? heading : `${heading}  ->  ${describeOutcome(outcome)}`,
  ];
  if (!agrees) lines.push(`       observed: ${describe(observed)}`);
  if (after === before) return `${lines.join('\n')}\n`;
  return `${lines.join('\n')}\n${formatSpace(viewOf(after), viewOf(before))}`;
}

function describe(observed: ObservedOutcome<Outcome>): string {
  if (observed.kind === 'any') return 'anything';
  const outcomes = observed.kind === 'one' ? [observed.outcome] : observed.outcomes;
  return outcomes.map(describeOutcome).join(' or ');
}

/** A state as it is shown. */
function viewOf(state: State): SpaceView {
  const vmas = vmasOf(state);
  const numbers = new Map(vmas.map((vma, index) => [vma.start, index + 1]));
  const seen = mmModel.apply(state, { op: 'smaps' }, mmModel.revisions[0]?.id ?? '').outcome;
  const shown = seen.kind === 'smaps' ? seen.vmas : [];
  const nodes = state.tree.dumpNodes();
  return {
    maps: formatMaps(state).map((line, index) => `${line}${flagsBeside(shown[index])}`),
    vmas: shown,
    tree: nodes === null ? null : treeNode(nodes, 0n, numbers),
  };
}

/** VmFlags that most mappings have, or that the permissions say. */
const USUAL_FLAGS: ReadonlySet<string> = new Set('rd wr ex sh mr mw me ms ac'.split(' '));

/** The rest of VmFlags, which /proc/PID/maps does not show. */
function flagsBeside(vma: SmapsVma | undefined): string {
  const flags = (vma?.flags ?? '')
    .split(' ')
    .filter((flag) => flag !== '' && !USUAL_FLAGS.has(flag));
  return flags.length === 0 ? '' : `  (${flags.join(' ')})`;
}

function treeNode(
  node: NodeDump<number, Vma>,
  first: bigint,
  numbers: ReadonlyMap<number, number>,
): TreeNode {
  const pivots = node.pivots.map(BigInt);
  const children = node.children?.map((child, index) => {
    const below = pivots[index - 1];
    return treeNode(child, below === undefined ? first : below + 1n, numbers);
  });
  return {
    first,
    last: pivots.at(-1) ?? first,
    pivots,
    ...(node.entries !== undefined && {
      entries: node.entries.map((vma) => (vma === null ? null : (numbers.get(vma.start) ?? null))),
    }),
    ...(node.gaps !== undefined && { gaps: node.gaps.map(BigInt) }),
    ...(children !== undefined && { children }),
  };
}

function loadMmTrace(file: string, index: number): MmTrace {
  const { trace } = loadTrace(file, index);
  if (isMmTrace(trace)) return trace;
  throw new UsageError(`${file}: expected a trace of ${mmModel.name}, got one of ${trace.model}`);
}

function stepAt(steps: readonly WalkedStep[], seq: number): WalkedStep {
  const step = steps[seq];
  if (step === undefined) {
    throw new UsageError(`--step: expected a step from 0 to ${steps.length - 1}, got ${seq}`);
  }
  return step;
}

function mapsJson(revision: RevisionId, steps: readonly WalkedStep[]): Json {
  return {
    version: JSON_OUTPUT_VERSION,
    model: mmModel.name,
    revision,
    steps: steps.map(({ seq, operation, outcome, agrees, after }) => {
      const { tree } = viewOf(after);
      return {
        seq,
        operation: codec.encodeOperation(operation),
        outcome: codec.encodeOutcome(outcome),
        agrees,
        maps: formatMaps(after),
        tree: tree === null ? null : nodeJson(tree),
      };
    }),
  };
}

function nodeJson({ first, last, pivots, entries, gaps, children }: TreeNode): Json {
  return {
    first: formatHex(first),
    last: formatHex(last),
    pivots: pivots.map(formatHex),
    ...(entries !== undefined && { entries }),
    ...(gaps !== undefined && { gaps: gaps.map(formatHex) }),
    ...(children !== undefined && { children: children.map(nodeJson) }),
  };
}
