// SPDX-License-Identifier: MIT
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { kernelTransport } from '../../src/probe/kernel.ts';
import { localTransport, type Host } from '../../src/probe/local.ts';
import { ProbeSession } from '../../src/probe/session.ts';
import type { Transport } from '../../src/probe/transport.ts';
import { bootstrapScript, viaTransport } from '../../src/probe/via.ts';

const ROOT: Host = { platform: 'linux', arch: 'x64', uid: 0 };

const hasShell = process.platform === 'linux';
if (!hasShell)
  console.warn('tests of transports are skipped: they need sh, base64 and /proc of Linux');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'km-transports-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function refusal(transport: Transport): Promise<string> {
  const session = new ProbeSession(transport, 'exec-check');
  try {
    await session.hello();
    return 'none';
  } catch (error) {
    return (error as Error).message;
  } finally {
    await session.close();
  }
}

/** A compiler that makes a shell script instead: no host needs a real one for these tests. */
function scriptCompiler(script: string): string {
  const compiler = join(folder, 'cc');
  const body = `#!/bin/sh\n${script}`;
  const text = Buffer.from(body).toString('base64');
  const lines = [
    '#!/bin/sh',
    'while [ "$1" != -o ]; do shift; done',
    `echo ${text} | base64 -d >"$2" && chmod 755 "$2"`,
  ];
  writeFileSync(compiler, `${lines.join('\n')}\n`, { mode: 0o755 });
  return compiler;
}

describe('the running kernel', () => {
  test.each<[Partial<Host>, RegExp]>([
    [{ platform: 'darwin', uid: 501 }, /^Linux: this host runs darwin$/],
    [{ platform: 'win32', uid: undefined }, /^Linux: this host runs win32$/],
    [{ arch: 'arm64' }, /^an x86-64 machine/],
    [{ uid: 1000 }, /^root \(CAP_SYS_ADMIN\)$/],
  ])('on %o names what is missing', async (host, reason) => {
    expect(await refusal(localTransport('exec-check', { host: { ...ROOT, ...host } }))).toMatch(
      reason,
    );
  });

  test('without a compiler names it', async () => {
    const cache = join(folder, 'cache');
    const options = { host: ROOT, compiler: 'km-no-such-compiler', cache };
    expect(await refusal(localTransport('exec-check', options))).toMatch(/km-no-such-compiler/);
  });

  test.runIf(hasShell).each([
    [['km-no-such-program'], /ENOENT/],
    [['sh', '-c', 'echo unlucky >&2; exit 3'], /exit status 3: unlucky/],
    [['sh', '-c', 'kill -9 $$'], /killed by SIGKILL/],
    [['sh', '-c', 'echo hello'], /not a probe/],
    [['sleep', '60'], /no answer within/],
  ])('with %o in place of the probe says why', async (program, reason) => {
    const transport = localTransport('exec-check', { host: ROOT, program, startTimeoutMs: 500 });
    expect(await refusal(transport)).toMatch(reason);
  });
});

describe.runIf(hasShell)('a command that reaches a probe', () => {
  const hello = `echo '{"hello":"exec-check","protocol":1,"unavailable":"reached '$1'"}'`;
  const script = `[ "$1" = --version ] && exit\nrm -r "$(dirname "$0")"\n${hello}`;

  test('unpacks the probe, which takes itself away', async () => {
    const options = { host: ROOT, cache: join(folder, 'cache'), compiler: scriptCompiler(script) };
    const via = viaTransport('exec-check', `TMPDIR=${folder} sh`, options);
    expect(await refusal(via)).toBe('reached --remove-self');
    expect(readdirSync(folder).sort()).toEqual(['cache', 'cc']);
  });

  test('that fails says why', async () => {
    const options = { host: ROOT, cache: join(folder, 'cache'), compiler: scriptCompiler(script) };
    const via = viaTransport('exec-check', 'echo connection refused >&2; exit 255', options);
    expect(await refusal(via)).toMatch(/exit status 255: connection refused/);
  });

  test('leaves nothing where no folder takes the program', () => {
    const text = bootstrapScript(Buffer.from('#!/bin/sh\nexit 1\n'), []);
    const { status, stderr } = spawnSync('sh', {
      input: text,
      encoding: 'utf8',
      env: { ...process.env, TMPDIR: folder },
    });
    expect([status, stderr]).toEqual([1, expect.stringContaining('no folder takes a program')]);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('carries any bytes', () => {
    const bytes = Buffer.from([...Array(256).keys(), ...Buffer.from('\n'.repeat(5000))]);
    const program = Buffer.concat([
      Buffer.from(
        '#!/bin/sh\n[ "$1" = --version ] && exit\ncat "$0"; rm -r "$(dirname "$0")"; exit\n',
      ),
      bytes,
    ]);
    const got = execFileSync('sh', {
      input: bootstrapScript(program, []),
      env: { ...process.env, TMPDIR: folder },
    });
    expect(got.equals(program)).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe.runIf(hasShell)('a kernel image', () => {
  const image = (): string => {
    const path = join(folder, 'bzImage');
    const bytes = Buffer.alloc(1024);
    bytes.write('HdrS', 0x202, 'latin1');
    writeFileSync(path, bytes);
    return path;
  };
  /** `--die-with-parent` runs the emulator; anything else would be the probe. */
  const options = (): { host: Host; cache: string; compiler: string } => ({
    host: ROOT,
    cache: join(folder, 'cache'),
    compiler: scriptCompiler('shift\nexec "$@"'),
  });
  const emulator = (script: string): string => {
    const path = join(folder, 'emulator');
    writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return path;
  };

  test('that is not there is named', async () => {
    expect(await refusal(kernelTransport('exec-check', join(folder, 'none'), options()))).toMatch(
      /none: cannot be read \(ENOENT\)/,
    );
  });

  test('that is none is named', async () => {
    const path = join(folder, 'text');
    writeFileSync(path, 'hello '.repeat(1000));
    expect(await refusal(kernelTransport('exec-check', path, options()))).toMatch(
      /expected a bzImage/,
    );
  });

  test('without an emulator names it', async () => {
    const all = { ...options(), emulator: 'km-no-such-emulator' };
    expect(await refusal(kernelTransport('exec-check', image(), all))).toMatch(
      /km-no-such-emulator/,
    );
  });

  test.each([
    [
      'panics',
      'echo "Kernel panic - not syncing: No init" >&4; echo "Rebooting" >&4',
      /Kernel panic - not syncing: No init/,
    ],
    ['is silent', 'exec sleep 60', /no answer within 1 s/],
    ['ends', 'exit 1', /ended before the probe answered \(exit status 1\)/],
  ])('that %s is one line of reason', async (_, script, reason) => {
    const all = { ...options(), emulator: emulator(script), startTimeoutMs: 1000 };
    const text = await refusal(kernelTransport('exec-check', image(), all));
    expect(text).toMatch(reason);
    expect(text).not.toContain('\n');
  });

  test('gets its initramfs as a file without a name', async () => {
    const say = `head -c 6 /proc/self/fd/5 >&4; ls -l /proc/self/fd/5 | grep -c deleted >&4`;
    const all = { ...options(), emulator: emulator(say), startTimeoutMs: 5000 };
    expect(await refusal(kernelTransport('exec-check', image(), all))).toMatch(/0707011\)$/);
  });
});
