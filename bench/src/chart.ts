// SPDX-License-Identifier: MIT
import { scaleBand, scaleLog, scaleOrdinal } from 'd3-scale';
import type { Benchmark, Series } from './benchmark.ts';

const WIDTH = 900;
const LABEL_WIDTH = 260;
const BAR_HEIGHT = 14;
const GROUP_GAP = 12;
const MARGIN = { top: 48, right: 90, bottom: 32 };
const LEGEND_COLUMNS = 4;
const LEGEND_WIDTH = 150;
const LEGEND_ROW = 16;
const COLOURS = [
  ...['#3584e4', '#e66100', '#2ec27e', '#9141ac', '#c01c28', '#77767b', '#f5c211'],
  ...['#63452c', '#33c7de', '#f66151', '#26a269'],
];

/** Nanoseconds per operation of every subject on every workload, as an SVG with a logarithmic axis. */
export function drawChart(
  { isCharted = () => true, title }: Benchmark,
  measured: readonly Series[],
): string {
  const series = measured.filter(isCharted);
  const workloads = [...new Set(series.map(({ workload }) => workload))];
  const subjects = [...new Set(series.map(({ subject }) => subject))];
  const groupHeight = subjects.length * BAR_HEIGHT + GROUP_GAP;
  const legendHeight = (Math.ceil(subjects.length / LEGEND_COLUMNS) - 1) * LEGEND_ROW;
  const top = MARGIN.top + legendHeight;
  const height = top + workloads.length * groupHeight + MARGIN.bottom;
  const times = series.map(({ nsPerOperation }) => nsPerOperation);
  const x = scaleLog(
    [Math.min(...times) / 2, Math.max(...times)],
    [LABEL_WIDTH, WIDTH - MARGIN.right],
  );
  const y = scaleBand(workloads, [top, height - MARGIN.bottom]);
  const colour = scaleOrdinal(subjects, COLOURS);
  const bars = series.map(({ workload, subject, nsPerOperation }) => {
    const barTop = (y(workload) ?? 0) + subjects.indexOf(subject) * BAR_HEIGHT;
    const right = x(nsPerOperation);
    return (
      `<rect x="${LABEL_WIDTH}" y="${barTop}" width="${(right - LABEL_WIDTH).toFixed(1)}" ` +
      `height="${BAR_HEIGHT - 2}" fill="${colour(subject)}"/>` +
      `<text x="${(right + 4).toFixed(1)}" y="${barTop + 10}">${nsPerOperation.toPrecision(3)}</text>`
    );
  });
  const labels = workloads.map(
    (workload) =>
      `<text x="${LABEL_WIDTH - 8}" y="${(y(workload) ?? 0) + 10}" text-anchor="end">${escape(workload)}</text>`,
  );
  const legend = subjects.map((subject, index) => {
    const left = LABEL_WIDTH + (index % LEGEND_COLUMNS) * LEGEND_WIDTH;
    const row = 26 + Math.floor(index / LEGEND_COLUMNS) * LEGEND_ROW;
    return (
      `<rect x="${left}" y="${row}" width="10" height="10" fill="${colour(subject)}"/>` +
      `<text x="${left + 14}" y="${row + 9}">${escape(subject)}</text>`
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
<text x="8" y="18" font-size="14" font-weight="600">${escape(title)}: nanoseconds per operation (logarithmic; shorter is faster)</text>
${[...legend, ...labels, ...bars].join('\n')}
</svg>
`;
}

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
