// SPDX-License-Identifier: MIT
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The repository's root folder. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

/** What a package.json says, as far as these tests look at it. */
export interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly repository?: unknown;
  readonly publishConfig?: { readonly provenance?: boolean };
}

/** One import of a source file. */
export interface SourceImport {
  /** As it is written. */
  readonly specifier: string;
  /** Whether only types are imported, so that nothing of it is left at run time. */
  readonly typeOnly: boolean;
}

/** A TypeScript source file of a package. */
export interface SourceFile {
  /** Relative to the repository's root. */
  readonly path: string;
  readonly text: string;
  readonly ast: ts.SourceFile;
  readonly imports: readonly SourceImport[];
}

/** A package of the workspace. */
export interface Package {
  /** Without the scope: `exec-check`. */
  readonly name: string;
  readonly manifest: Manifest;
  /** The packages that its project file refers to. */
  readonly references: readonly string[];
  readonly sources: readonly SourceFile[];
}

/** Every package under packages/. */
export function readPackages(): readonly Package[] {
  return readdirSync(join(ROOT, 'packages')).map((name) => {
    const folder = join(ROOT, 'packages', name);
    const project = readJson(join(folder, 'tsconfig.json')) as {
      readonly references?: readonly { readonly path: string }[];
    };
    return {
      name,
      manifest: readJson(join(folder, 'package.json')) as Manifest,
      references: (project.references ?? []).map(({ path }) => path.replace('../', '')),
      sources: readSources(join(folder, 'src')),
    };
  });
}

function readJson(path: string): unknown {
  const { config, error } = ts.readConfigFile(path, (name) => readFileSync(name, 'utf8'));
  if (error !== undefined) throw new Error(`${path}: ${String(error.messageText)}`);
  return config as unknown;
}

function readSources(folder: string): readonly SourceFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const path = relative(ROOT, join(folder, name));
      const text = readFileSync(join(ROOT, path), 'utf8');
      const ast = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
      return { path, text, ast, imports: importsOf(ast) };
    });
}

function importsOf(ast: ts.SourceFile): readonly SourceImport[] {
  return ast.statements.flatMap((statement) => {
    if (ts.isImportDeclaration(statement) && ts.isStringLiteral(statement.moduleSpecifier)) {
      const typeOnly = isTypeOnlyImport(statement.importClause);
      return [{ specifier: statement.moduleSpecifier.text, typeOnly }];
    }
    if (ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined) {
      const { text } = statement.moduleSpecifier as ts.StringLiteral;
      return [{ specifier: text, typeOnly: statement.isTypeOnly }];
    }
    return [];
  });
}

function isTypeOnlyImport(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const { namedBindings } = clause;
  return (
    clause.name === undefined &&
    namedBindings !== undefined &&
    ts.isNamedImports(namedBindings) &&
    namedBindings.elements.length > 0 &&
    namedBindings.elements.every(({ isTypeOnly }) => isTypeOnly)
  );
}

/** The file that a relative import means, relative to the repository's root. */
export function resolveRelative(from: SourceFile, specifier: string): string {
  return relative(ROOT, join(ROOT, dirname(from.path), specifier));
}

/** Every file that git tracks, or would: relative paths. */
export function trackedFiles(): readonly string[] {
  return execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(ROOT, path)));
}
