// SPDX-License-Identifier: MIT
// Holds every publishable package, as it would be packed, against publint and "are the types
// wrong?", and looks at what goes into the tarball: the licence, links of the README that lead out
// of it, and types of others that a caller's compiler would have to understand. Needs a build.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => join(root, 'node_modules/.bin', name);
const shell = process.platform === 'win32';
let failed = false;

function run(command, args) {
  const { status } = spawnSync(bin(command), args, { cwd: root, stdio: 'inherit', shell });
  failed ||= status !== 0;
}

function complain(name, what) {
  console.log(`packages/${name}: ${what}`);
  failed = true;
}

for (const name of readdirSync(join(root, 'packages'))) {
  const folder = join(root, 'packages', name);
  console.log(`\n${name}`);
  const files = packedFiles(folder);
  if (!files.has('LICENSE')) complain(name, 'expected a LICENSE in the tarball, got none');
  for (const link of danglingLinks(folder, files)) {
    complain(name, `README.md: ${link} is not in the tarball`);
  }
  for (const [file, type] of foreignTypes(folder)) complain(name, `${file}: types of ${type}`);
  run('publint', ['--strict', join('packages', name)]);
  run('attw', ['--pack', join('packages', name), '--profile', 'esm-only']);
}
process.exitCode = failed ? 1 : 0;

/** What `npm pack` would put into the tarball. */
function packedFiles(cwd) {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const { stdout, status, stderr } = spawnSync('npm', args, { cwd, shell, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const [{ files }] = JSON.parse(stdout);
  return new Set(files.map(({ path }) => path));
}

/** Relative links of a README to what a reader of the tarball does not have. */
function danglingLinks(folder, files) {
  const text = readFileSync(join(folder, 'README.md'), 'utf8');
  return [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)/g)]
    .map(([, link]) => link)
    .filter((link) => !files.has(posix.normalize(link)));
}

/**
 * Packages whose types the declarations name that an entry point leads to, by file. Ours are fine,
 * and so are fast-check, which callers of `/testing` have, and commander, which the oracle needs.
 */
function foreignTypes(folder) {
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const queue = Object.values(exports).flatMap(({ types }) => (types ? [join(folder, types)] : []));
  const seen = new Set();
  const found = [];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const text = readFileSync(path, 'utf8');
    for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?'([^']+)'/g)) {
      if (specifier.startsWith('.')) queue.push(declarationOf(join(dirname(path), specifier)));
      else if (!/^(@kernel-models\/|(fast-check|commander)$|node:)/.test(specifier)) {
        found.push([relative(root, path), specifier]);
      }
    }
  }
  return found;
}

/** The declarations of a module that is named with `.ts` or `.js`. */
function declarationOf(module) {
  const path = module.replace(/\.[jt]s$/, '.d.ts');
  if (!existsSync(path)) throw new Error(`${relative(root, path)}: expected a file, got none`);
  return path;
}
