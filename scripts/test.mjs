// SPDX-License-Identifier: MIT
// Runs the test suite, judges the rule coverage, and closes with one line: "N passed, N failed".
//
//   node scripts/test.mjs [--deep] [--coverage] [--gallery] [vitest's own arguments]
//   node scripts/test.mjs --gallery          every bug variant with twenty seeds, nothing else
//   node scripts/test.mjs --shard=1/3        one shard; the rules it reached stay in .results/rules
//   node scripts/test.mjs --judge            judges the rules of all shards, runs nothing
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const results = join(root, '.results');
const rulesFolder = join(results, 'rules');
const report = join(results, 'vitest.json');

const args = process.argv.slice(2);
const take = (flag) => {
  const index = args.indexOf(flag);
  if (index >= 0) args.splice(index, 1);
  return index >= 0;
};
const deep = take('--deep');
const coverage = take('--coverage');
const gallery = take('--gallery');
const judgeOnly = take('--judge');
const sharded = args.some((arg) => arg.startsWith('--shard'));
// A selection of files or tests reaches only some rules: nothing to judge then.
const partial = sharded || gallery || args.some((arg) => !arg.startsWith('--reporter'));

let failed = false;
if (!judgeOnly) failed = runVitest() !== 0;
const unreached = judgeOnly || !partial ? judgeRules() : [];
if (!judgeOnly) failed = printSummary(unreached.length > 0) || failed;
process.exitCode = failed || unreached.length > 0 ? 1 : 0;

function runVitest() {
  mkdirSync(results, { recursive: true });
  rmSync(report, { force: true });
  if (!sharded) rmSync(rulesFolder, { recursive: true, force: true });
  const { status } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...(coverage ? ['--coverage'] : []),
      ...(gallery ? ['known-bugs'] : []),
      ...args,
    ],
    {
      cwd: root,
      stdio: 'inherit',
      env: {
        ...process.env,
        KM_RULE_COVERAGE: rulesFolder,
        ...(deep && { KM_DEEP: '1' }),
        ...(gallery && { KM_GALLERY: '1' }),
      },
    },
  );
  return status ?? 1;
}

/** Prints the rules that no test reached and returns them. */
function judgeRules() {
  const excused = JSON.parse(
    readFileSync(join(root, 'test-models/unreachable-rules.json'), 'utf8'),
  );
  const models = new Map();
  for (const file of readdirSync(rulesFolder)) {
    const part = JSON.parse(readFileSync(join(rulesFolder, file), 'utf8'));
    for (const [model, { declared, reached }] of Object.entries(part)) {
      const known = models.get(model) ?? { declared: new Set(), reached: new Set() };
      for (const id of declared) known.declared.add(id);
      for (const id of reached) known.reached.add(id);
      models.set(model, known);
    }
  }
  if (models.size === 0) return fail('no test recorded a rule: the coverage itself is broken');
  const unreached = [];
  for (const [model, { declared, reached }] of models) {
    const excuses = excused[model] ?? {};
    const missing = [...declared].filter((id) => !reached.has(id) && !(id in excuses));
    const undeclared = [...reached].filter((id) => !declared.has(id));
    const stale = Object.keys(excuses).filter((id) => reached.has(id) || !declared.has(id));
    console.log(
      `rule coverage: ${model}: ${reached.size - undeclared.length} of ${declared.size} rules reached` +
        (Object.keys(excuses).length > 0 ? `, ${Object.keys(excuses).length} excused` : ''),
    );
    unreached.push(
      ...missing.map((id) => `${model}: no test reaches ${id}`),
      ...undeclared.map((id) => `${model}: ${id} is produced and not declared`),
      ...stale.map((id) => `${model}: ${id} needs no excuse in test-models/unreachable-rules.json`),
    );
  }
  for (const problem of unreached) console.error(`rule coverage: ${problem}`);
  return unreached;
}

function fail(problem) {
  console.error(`rule coverage: ${problem}`);
  return [problem];
}

/** Prints the closing line from vitest's own report; true where something failed. */
function printSummary(rulesFailed) {
  let summary;
  try {
    summary = JSON.parse(readFileSync(report, 'utf8'));
  } catch (error) {
    console.error(`the test runner left no report: ${error.message}`);
    console.log('0 passed, 1 failed');
    return true;
  }
  // A file that fails to load fails no test of its own, and still is a failure; so is the rule coverage.
  const broken = summary.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
  ).length;
  const failures = summary.numFailedTests + broken + (rulesFailed ? 1 : 0);
  const skipped = summary.numPendingTests + summary.numTodoTests;
  console.log(
    `${summary.numPassedTests} passed, ${failures} failed` +
      (skipped > 0 ? `, ${skipped} skipped` : ''),
  );
  return failures > 0;
}
