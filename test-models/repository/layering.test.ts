// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import {
  readPackages,
  resolveRelative,
  ROOT,
  trackedFiles,
  type Package,
  type SourceFile,
} from './sources.ts';

const SCOPE = '@kernel-models/';

/** Which packages of ours a package may import. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'model-core': [],
  'maple-tree': [],
  'hw-model': ['model-core'],
  mm: ['model-core', 'maple-tree'],
  'exec-check': ['model-core'],
  'cr-pinning': ['model-core', 'hw-model'],
  'bpf-cfi': ['model-core', 'hw-model'],
  'tdx-attest': ['model-core', 'hw-model'],
  oracle: [
    'model-core',
    'maple-tree',
    'hw-model',
    'mm',
    'exec-check',
    'cr-pinning',
    'bpf-cfi',
    'tdx-attest',
  ],
};

/** What a package may take from others at run time. */
const RUNTIME_DEPENDENCIES: Readonly<Record<string, readonly string[]>> = {
  'model-core': [],
  'maple-tree': [],
  'hw-model': ['immer', '@noble/hashes'],
  mm: ['immer'],
  'exec-check': ['immer'],
  'cr-pinning': ['immer'],
  'bpf-cfi': ['immer'],
  'tdx-attest': ['immer', '@noble/hashes', '@noble/curves', 'asn1js', 'pkijs', '@peculiar/x509'],
  oracle: ['commander', 'fast-check'],
};

/** Names whose mere mention means a clock, chance, I/O or asynchrony. */
const IMPURE: ReadonlySet<string> = new Set([
  'process',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'fetch',
  'console',
  'globalThis',
  'Promise',
  'FinalizationRegistry',
  'WeakRef',
  'crypto',
]);

/** Members whose mention does: `Date.now`, `Math.random`. */
const IMPURE_MEMBERS: ReadonlySet<string> = new Set(['Date.now', 'Math.random']);

/** A recursive-descent parser: types hold attributes, which hold expressions, which hold types. */
const RECURSIVE = /^packages\/bpf-cfi\/src\/c\//;

const packages = readPackages();
const pure = packages.filter(({ name }) => name !== 'oracle');

/** `@kernel-models/model-core/x` is of `@kernel-models/model-core`; `node:fs` of itself. */
function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith('node:') || builtinModules.includes(specifier);
}

function foreignImports({ sources }: Package): readonly (readonly [string, string])[] {
  return sources.flatMap(({ path, imports }) =>
    imports
      .filter(({ specifier }) => !specifier.startsWith('.'))
      .map(({ specifier }) => [path, specifier] as const),
  );
}

describe('the arrows between packages', () => {
  test('every package has its place', () => {
    for (const { name } of packages) expect(Object.keys(ARROWS)).toContain(name);
  });

  test.each(packages)('$name imports only what lies below it', (one) => {
    const allowed = (ARROWS[one.name] ?? []).map((name) => `${SCOPE}${name}`);
    const wrong = foreignImports(one).filter(
      ([, specifier]) => specifier.startsWith(SCOPE) && !allowed.includes(packageOf(specifier)),
    );
    expect(wrong).toEqual([]);
  });

  test.each(packages)('$name declares what it imports, and imports what it declares', (one) => {
    const { dependencies = {}, peerDependencies = {} } = one.manifest;
    const declared = [...Object.keys(dependencies), ...Object.keys(peerDependencies)];
    const imported = new Set(
      foreignImports(one)
        .filter(([, specifier]) => !isBuiltin(specifier))
        .map(([, specifier]) => packageOf(specifier)),
    );
    expect([...imported].filter((name) => !declared.includes(name))).toEqual([]);
    expect(declared.filter((name) => !imported.has(name))).toEqual([]);
    const foreign = Object.keys(dependencies).filter((name) => !name.startsWith(SCOPE));
    const allowed = RUNTIME_DEPENDENCIES[one.name] ?? [];
    expect(foreign.filter((name) => !allowed.includes(name))).toEqual([]);
  });

  test('what several packages want of their user, they want in one range', () => {
    const wanted = packages.flatMap(({ manifest }) =>
      Object.entries(manifest.peerDependencies ?? {}),
    );
    for (const [name, range] of wanted) {
      expect(new Set(wanted.filter(([other]) => other === name).map(([, one]) => one))).toEqual(
        new Set([range]),
      );
    }
    expect(wanted.length).toBeGreaterThan(1);
  });

  test.each(packages)('$name’s project refers to the packages that it depends on', (one) => {
    const ours = Object.keys(one.manifest.dependencies ?? {})
      .filter((name) => name.startsWith(SCOPE))
      .map((name) => name.slice(SCOPE.length));
    expect([...one.references].sort()).toEqual(ours.sort());
  });

  test.each(packages)('$name has no cycle among its files', ({ sources }) => {
    expect(findCycle(sources.filter(({ path }) => !RECURSIVE.test(path)))).toBeUndefined();
  });

  test.each(packages)('$name has no file that no entry point leads to', (one) => {
    const reached = reachableFrom(one.sources, entryPoints(one));
    expect(one.sources.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
  });
});

describe('purity', () => {
  test.each(pure)('$name imports nothing of the host', (one) => {
    expect(foreignImports(one).filter(([, specifier]) => isBuiltin(specifier))).toEqual([]);
  });

  test.each(pure)('$name has no clock, no chance, no I/O and is synchronous', ({ sources }) => {
    expect(sources.flatMap(impureMentions)).toEqual([]);
  });
});

describe('the form of a package', () => {
  test.each(packages)('$name’s index.ts only exports', ({ name, sources }) => {
    const index = sources.find(({ path }) => path === `packages/${name}/src/index.ts`);
    if (index === undefined) throw new Error(`${name} has no src/index.ts`);
    const other = index.ast.statements.filter((one) => !ts.isExportDeclaration(one));
    expect(other.map((one) => one.getText())).toEqual([]);
  });

  test.each(packages)('$name carries the licence', ({ name }) => {
    expect(readFileSync(join(ROOT, 'packages', name, 'LICENSE'), 'utf8')).toBe(
      readFileSync(join(ROOT, 'LICENSE'), 'utf8'),
    );
  });

  test.each(packages)('$name promises provenance only from a repository', ({ manifest }) => {
    const { publishConfig, repository } = manifest;
    expect(publishConfig?.provenance === true && repository === undefined).toBe(false);
  });

  test.each(packages)('$name says its licence in every file', ({ sources }) => {
    const without = sources.filter(
      ({ text }) => !text.startsWith('// SPDX-License-Identifier: MIT\n'),
    );
    expect(without.map(({ path }) => path)).toEqual([]);
  });
});

/** Source files of a package's `exports`; for the oracle also what its bin starts. */
function entryPoints({ name, manifest }: Package): readonly string[] {
  const sources = Object.values(manifest.exports ?? {}).flatMap((target) =>
    typeof target === 'string' ? [] : [target['@kernel-models/source'] ?? ''],
  );
  const entries = sources.map((path) => `packages/${name}/${path.replace('./', '')}`);
  if (name !== 'oracle') return entries;
  return [...entries, 'packages/oracle/src/cli/main.ts', ...startedByScripts()];
}

/** What the scripts that make recordings import of the built oracle. */
function startedByScripts(): readonly string[] {
  return trackedFiles()
    .filter((path) => path.startsWith('scripts/'))
    .flatMap((path) => [
      ...readFileSync(join(ROOT, path), 'utf8').matchAll(/packages\/oracle\/dist\/([\w/-]+)\.js/g),
    ])
    .map(([, module]) => `packages/oracle/src/${module}.ts`);
}

function reachableFrom(
  sources: readonly SourceFile[],
  entries: readonly string[],
): ReadonlySet<string> {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const reached = new Set<string>();
  const queue = [...entries];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const source = byPath.get(path);
    if (source === undefined || reached.has(path)) continue;
    reached.add(path);
    for (const { specifier } of source.imports) {
      if (specifier.startsWith('.')) queue.push(resolveRelative(source, specifier));
    }
  }
  return reached;
}

/** A cycle of imports that are there at run time, as a path, if there is one. */
function findCycle(sources: readonly SourceFile[]): readonly string[] | undefined {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): readonly string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    const source = byPath.get(path);
    if (source === undefined || done.has(path)) return undefined;
    for (const { specifier, typeOnly } of source.imports) {
      if (typeOnly || !specifier.startsWith('.')) continue;
      const cycle = visit(resolveRelative(source, specifier), [...trail, path]);
      if (cycle !== undefined) return cycle;
    }
    done.add(path);
    return undefined;
  };
  for (const { path } of sources) {
    const cycle = visit(path, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

function impureMentions({ path, ast }: SourceFile): readonly string[] {
  const found: string[] = [];
  const declared = declaredNames(ast);
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && IMPURE.has(node.text) && isFreeName(node, declared)) {
      found.push(`${path}: ${node.text}`);
    }
    if (ts.isPropertyAccessExpression(node) && IMPURE_MEMBERS.has(node.getText())) {
      found.push(`${path}: ${node.getText()}`);
    }
    if (ts.isNewExpression(node) && node.expression.getText() === 'Date') {
      found.push(`${path}: new Date`);
    }
    if (node.kind === ts.SyntaxKind.AsyncKeyword || node.kind === ts.SyntaxKind.AwaitKeyword) {
      found.push(`${path}: ${node.getText()}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(ast);
  return found;
}

/** Whether an identifier names a global: not a member, a field, or anything that the file declares. */
function isFreeName(node: ts.Identifier, declared: ReadonlySet<string>): boolean {
  const { parent } = node;
  if (declared.has(node.text)) return false;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isTypeReferenceNode(parent)) return true;
  return ts.isExpression(parent) && !ts.isPropertyAssignment(parent);
}

/** Every name that a file declares or imports, anywhere. */
function declaredNames(ast: ts.SourceFile): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (
      (ts.isImportSpecifier(node) ||
        ts.isFunctionDeclaration(node) ||
        ts.isVariableDeclaration(node) ||
        ts.isBindingElement(node) ||
        ts.isParameter(node)) &&
      node.name !== undefined &&
      ts.isIdentifier(node.name)
    ) {
      names.add(node.name.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ast);
  return names;
}
