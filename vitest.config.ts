// SPDX-License-Identifier: MIT
import { existsSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { defineConfig } from 'vitest/config';

// Tests read the TypeScript source of every package; consumers get dist. See tsconfig.base.json for the other half.
const conditions = ['@kernel-models/source', 'node', 'import', 'module', 'default'];

const packages = readdirSync(new URL('./packages/', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => ({ root: `packages/${entry.name}`, include: ['test/**/*.test.ts'] }));
/** Milliseconds; the deep run and the gallery do many times as much in one test. */
const limit =
  process.env['KM_DEEP'] === '1' || process.env['KM_GALLERY'] === '1' ? 900_000 : 60_000;
const roots = [...packages, { root: 'test-models', include: ['**/*.test.ts'] }];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: roots.map(({ root, include }) => ({
      extends: true as const,
      test: {
        name: basename(root),
        root,
        include,
        testTimeout: limit,
        hookTimeout: limit,
        // Counts the rules that a package's own tests reach.
        setupFiles: existsSync(`${root}/test/setup.ts`) ? ['test/setup.ts'] : [],
      },
    })),
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**'],
      reporter: ['text-summary', 'json-summary', 'html'],
      thresholds: { lines: 95, branches: 90 },
    },
  },
});
