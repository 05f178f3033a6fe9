// SPDX-License-Identifier: MIT
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BENCHMARKS } from './benchmarks.ts';
import { drawChart } from './chart.ts';
import { formatBenchmark } from './report.ts';

const USAGE = `npm run bench -- [name...] [--quick] [--kernel-source <folder>] [--write]

  name                     only these: ${BENCHMARKS.map(({ name }) => name).join(', ')}
  --quick                  fewer samples: to see that it works, not to quote
  --kernel-source <folder> a kernel source tree, for the peers that are built from it
  --write                  write results/ and docs/benchmarks/
`;

/** Where the hand-written part of a page begins. */
const PROSE = '<!-- written by hand from here on -->';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    'kernel-source': { type: 'string' },
  },
});

const bench = fileURLToPath(new URL('..', import.meta.url));
const unknown = positionals.filter((name) => !BENCHMARKS.some((one) => one.name === name));
if (values.help === true || unknown.length > 0) {
  if (unknown.length > 0) process.stderr.write(`no such benchmark: ${unknown.join(', ')}\n`);
  process.stderr.write(USAGE);
  process.exit(unknown.length > 0 ? 2 : 0);
}

const machine = {
  node: process.version,
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
};
process.stdout.write(`Node ${machine.node}, ${machine.cpu}, ${machine.cores} cores\n\n`);

for (const benchmark of BENCHMARKS) {
  if (positionals.length > 0 && !positionals.includes(benchmark.name)) continue;
  const series = await benchmark.run({
    quick: values.quick,
    kernelSource: values['kernel-source'],
    progress: (text) => process.stderr.write(`${benchmark.name}: ${text}\n`),
  });
  const text = formatBenchmark(benchmark, series);
  process.stdout.write(`${text}\n`);
  if (!values.write) continue;
  const results = join(bench, 'results');
  const docs = join(bench, '../docs/benchmarks');
  mkdirSync(results, { recursive: true });
  mkdirSync(docs, { recursive: true });
  const json = { name: benchmark.name, machine, quick: values.quick, series };
  writeFileSync(join(results, `${benchmark.name}.json`), `${JSON.stringify(json, null, 2)}\n`);
  writeFileSync(join(docs, `${benchmark.name}.svg`), drawChart(benchmark, series));
  const page = join(docs, `${benchmark.name}.md`);
  const measured =
    `# ${benchmark.title}: measured\n\nWritten by \`npm run bench -- ${benchmark.name} --write\`. ` +
    `Node ${machine.node}, ${machine.cpu}, ${machine.cores} cores. Medians of interleaved samples; ` +
    `compare within the table only.\n\n![chart](${benchmark.name}.svg)\n\n${text}`;
  writeFileSync(page, `${measured}${handWritten(page)}`);
}

/** What people wrote behind the tables of a page: from the line that says so to its end. */
function handWritten(page: string): string {
  const before = existsSync(page) ? readFileSync(page, 'utf8') : '';
  const at = before.indexOf(PROSE);
  return at < 0 ? '' : before.slice(at);
}
