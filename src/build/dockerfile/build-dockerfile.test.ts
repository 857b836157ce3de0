import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { RealClock } from '../../lib/clock.ts';
import { buildArchive } from '../build.ts';
import { kindOf } from '../kind.ts';
import { buildSteps } from './build-dockerfile.ts';
import { findBuilder } from './builder.ts';

describe('a Dockerfile is followed by the program that is installed for it', () => {
  let folder = '';
  const usualPath = process.env['PATH'] ?? '';
  const inFolder = (name: string): string => path.join(folder, name);
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'naru-dockerfile-'));
    writeFileSync(inFolder('Dockerfile'), 'FROM scratch\n');
  });
  afterEach(() => {
    process.env['PATH'] = usualPath;
    rmSync(folder, { recursive: true });
  });

  const program = (name: string, script: string): void => {
    writeFileSync(inFolder(name), `#!/bin/sh\n${script}\n`);
    chmodSync(inFolder(name), 0o755);
    process.env['PATH'] = `${folder}:${usualPath}`;
  };
  const said: string[] = [];
  const build = () => {
    const options = { cache: inFolder('cache'), clock: new RealClock(), say: (line: string) => void said.push(line) };
    return buildArchive({ name: 'old:1', context: folder }, 'old:1', inFolder('image.tar'), options);
  };

  test('each program is called as it wants to be', () => {
    const recipe = { name: 'x', context: '/src', target: 'run', arguments: { A: '1' } };
    const commands = (name: 'buildah' | 'podman' | 'docker') =>
      buildSteps(name, recipe, '/src/Dockerfile', 'docker.io/library/old:1', '/tmp/i.tar').map((step) =>
        step.join(' '),
      );
    const rest = '--tag docker.io/library/old:1 --file /src/Dockerfile --target run --build-arg A=1 /src';
    assert.deepEqual(commands('buildah'), [
      `build --layers --timestamp 0 ${rest}`,
      'push --quiet docker.io/library/old:1 docker-archive:/tmp/i.tar:docker.io/library/old:1',
    ]);
    assert.equal(
      commands('podman')[1],
      'save --quiet --format docker-archive --output /tmp/i.tar docker.io/library/old:1',
    );
    assert.deepEqual(commands('docker'), [`build ${rest}`, 'save --output /tmp/i.tar docker.io/library/old:1']);
  });

  test('its steps are shown, and its last words where it fails', async () => {
    program('buildah', `echo "$@" >> ${inFolder('called')}; echo "STEP 1/1: FROM scratch"`);
    assert.deepEqual(await build(), { notes: [] });
    assert.match(readFileSync(inFolder('called'), 'utf8'), /^build .*\npush --quiet .*\n$/);
    assert.ok(said.includes('  STEP 1/1: FROM scratch'));
    program('buildah', 'echo one; echo "no such image" >&2; exit 125');
    await assert.rejects(build(), /buildah build ended with 125: (one\nno such image|no such image\none)/);
  });

  test('buildah comes before docker, and docker counts only where its daemon answers', async () => {
    program('docker', 'exit 1');
    assert.notEqual((await findBuilder())?.program, inFolder('docker'));
    program('docker', 'exit 0');
    program('buildah', 'exit 0');
    assert.deepEqual(await findBuilder(), { name: 'buildah', program: inFolder('buildah') });
  });

  test('beside a package.json, a Dockerfile is followed where that can be, or where it was named', async () => {
    writeFileSync(inFolder('package.json'), '{}');
    program('buildah', 'exit 0');
    assert.equal(await kindOf({ name: 'x', context: folder }), 'dockerfile');
    assert.equal(await kindOf({ name: 'x', context: folder, dockerfile: 'Dockerfile' }), 'dockerfile');
    rmSync(inFolder('Dockerfile'));
    assert.equal(await kindOf({ name: 'x', context: folder }), 'node');
    await assert.rejects(
      buildArchive({ name: 'x', context: folder, dockerfile: 'Absent' }, 'x', inFolder('i'), {
        cache: inFolder('cache'),
        clock: new RealClock(),
        say: () => {},
      }),
      /there is no .*Absent/,
    );
  });
});
