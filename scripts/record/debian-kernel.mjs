// SPDX-License-Identifier: MIT
// Fetches the newest Debian cloud kernel of a series and prints the path of its image:
//
//   node scripts/record/debian-kernel.mjs 6.1
//   node scripts/record/debian-kernel.mjs 6.12
//
// The package comes through apt-get from the archives that this host has configured; it is unpacked
// into the cache folder, never installed. Needs apt-get, dpkg-deb and tar; no root. For kernels of another
// release, such as 6.16 and 6.18 of trixie-backports, APT_CONFIG names a file that leads apt to a list of
// sources and to folders of its own (apt.conf(5): Dir::Etc::sourcelist, Dir::Etc::sourceparts,
// Dir::State::lists, Dir::Cache).
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

/** Where images are kept: outside the repository, since a kernel is never committed. */
function imageFolder() {
  const { KM_CACHE, XDG_CACHE_HOME } = process.env;
  const base = KM_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'kernel-models');
  return join(base, 'kernels');
}

/**
 * The newest signed cloud kernel of a series: Debian spells 6.1 as `6.1.0-55` and the backported 6.12
 * as `6.12.117+deb12`.
 *
 * @param {string} series such as `6.12`
 */
function newestPackage(series) {
  const pattern = new RegExp(
    `^linux-image-${series.replace('.', '\\.')}\\.[0-9]+(-[0-9]+|\\+deb[0-9]+)?-cloud-amd64$`,
  );
  const names = execFileSync('apt-cache', ['pkgnames', `linux-image-${series}.`], {
    encoding: 'utf8',
  })
    .split('\n')
    .filter((name) => pattern.test(name));
  const numbers = (name) => name.match(/\d+/g).map(Number);
  names.sort((a, b) => {
    const [left, right] = [numbers(a), numbers(b)];
    const at = left.findIndex((value, index) => value !== right[index]);
    return at === -1 ? 0 : left[at] - right[at];
  });
  const newest = names.at(-1);
  if (newest === undefined) {
    throw new Error(
      `no Debian cloud kernel of the ${series} series is known to apt (try: apt-get update)`,
    );
  }
  return newest;
}

/**
 * Downloads packages and unpacks them into a folder, which is complete or not there.
 *
 * @param {readonly string[]} packages
 * @param {string} folder
 */
function unpackPackages(packages, folder) {
  if (existsSync(folder)) return;
  mkdirSync(imageFolder(), { recursive: true });
  const scratch = mkdtempSync(join(imageFolder(), '.unpack-'));
  try {
    execFileSync('apt-get', ['download', '-qq', ...packages], { cwd: scratch, stdio: 'pipe' });
    for (const archive of readdirSync(scratch).filter((name) => name.endsWith('.deb'))) {
      execFileSync('dpkg-deb', ['-x', archive, 'root'], { cwd: scratch, stdio: 'pipe' });
    }
    renameSync(join(scratch, 'root'), folder);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * Downloads and unpacks the kernel of a series with its modules, and what external modules are built
 * with.
 *
 * @param {string} series such as `6.12`
 * @returns {{ image: string, modules: string, build: string }} path of the bzImage, and folders
 */
export function fetchBuildableKernel(series) {
  const release = newestPackage(series).slice('linux-image-'.length);
  const version = release.slice(0, -'-cloud-amd64'.length);
  const folder = join(imageFolder(), `linux-${release}-buildable`);
  const kbuild = execFileSync('apt-cache', ['depends', `linux-headers-${release}`], {
    encoding: 'utf8',
  }).match(/linux-kbuild-\S+/)?.[0];
  if (kbuild === undefined) throw new Error(`linux-headers-${release}: names no linux-kbuild`);
  unpackPackages(
    [
      `linux-image-${release}`,
      `linux-headers-${release}`,
      `linux-headers-${version}-common`,
      kbuild,
    ],
    folder,
  );
  const build = join(folder, 'usr', 'src', `linux-headers-${release}`);
  // The package includes another one by the place where it would be installed.
  const common = join(folder, 'usr', 'src', `linux-headers-${version}-common`);
  writeFileSync(join(build, 'Makefile'), `include ${join(common, 'Makefile')}\n`);
  return {
    image: join(folder, 'boot', `vmlinuz-${release}`),
    modules: join(folder, 'lib', 'modules', release),
    build,
  };
}

/**
 * Downloads and unpacks the kernel of a series, unless the cache has it.
 *
 * @param {string} series such as `6.12`
 * @returns {string} path of the bzImage
 */
export function fetchKernel(series) {
  const packageName = newestPackage(series);
  const folder = imageFolder();
  const image = join(folder, packageName);
  if (existsSync(image)) return image;
  mkdirSync(folder, { recursive: true });
  const unpacked = mkdtempSync(join(folder, '.kernel-'));
  try {
    unpackPackages([packageName], join(unpacked, 'root'));
    const boot = join(unpacked, 'root', 'boot');
    const vmlinuz = readdirSync(boot).find((name) => name.startsWith('vmlinuz-'));
    if (vmlinuz === undefined) throw new Error(`${packageName}: holds no /boot/vmlinuz-*`);
    renameSync(join(boot, vmlinuz), image);
  } finally {
    rmSync(unpacked, { recursive: true, force: true });
  }
  return image;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [series, ...rest] = process.argv.slice(2);
  if (series === undefined || !/^\d+\.\d+$/.test(series) || rest.length > 0) {
    console.error('usage: node scripts/record/debian-kernel.mjs <series, such as 6.12>');
    process.exit(2);
  }
  try {
    console.log(fetchKernel(series));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
}
