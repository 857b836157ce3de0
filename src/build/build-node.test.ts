import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { ImageRecipe } from '../deploy/application.ts';
import { readImage } from '../images/read-image.ts';
import { RealClock } from '../lib/clock.ts';
import { type BuiltImage, buildArchive } from './build.ts';
import { contentOf } from './content.ts';
import { buildNode } from './node/build-node.ts';
import { contentName, provideImages } from './provide.ts';

const onLinux = { skip: process.platform === 'linux' ? false : 'packs Linux programs' };
const clock = new RealClock();

describe('a Node.js application becomes an image', onLinux, () => {
  let all = '';
  let context = '';
  const said: string[] = [];
  before(() => {
    all = mkdtempSync(path.join(os.tmpdir(), 'naru-build-'));
  });
  after(() => rmSync(all, { recursive: true }));
  beforeEach(() => {
    said.length = 0;
    context = mkdtempSync(path.join(all, 'context-'));
    write('package.json', JSON.stringify({ name: 'web', type: 'module', scripts: { start: 'node server.js' } }));
    write('server.js', 'console.log("served")');
  });
  afterEach(() =>
    assert.deepEqual(
      readdirSync(path.join(all, 'cache')).filter((name) => name.startsWith('work-')),
      [],
    ),
  );

  const write = (name: string, content: string): void => {
    mkdirSync(path.dirname(path.join(context, name)), { recursive: true });
    writeFileSync(path.join(context, name), content);
  };
  const options = () => ({ cache: path.join(all, 'cache'), clock, say: (line: string) => void said.push(line) });
  const recipe = (): ImageRecipe => ({ name: 'web:1', context });
  const build = async (name = 'image.tar') => {
    const archive = path.join(all, name);
    return looked(archive, await buildArchive(recipe(), 'web:1', archive, options()));
  };
  /** As where no program follows Dockerfiles. */
  const buildPlain = async () => {
    const archive = path.join(all, 'plain.tar');
    return looked(archive, await buildNode(context, 'web:1', archive, options()));
  };
  const looked = async (archive: string, { image, notes }: BuiltImage) => {
    const read = await readImage(
      archive,
      mkdtempSync(path.join(all, 'read-')),
      process.arch === 'x64' ? 'amd64' : 'arm64',
    );
    const files = (layer: number): string[] =>
      execFileSync('tar', ['-tf', read.layers.at(layer)?.file ?? ''], { encoding: 'utf8' })
        .trim()
        .split('\n');
    return { archive, image, notes, read, files };
  };

  test('its layers are the runtime and the code; it runs its program itself, as a user who is not root', async () => {
    write('.env', 'PASSWORD=secret');
    write('.npmrc', '//registry/:_authToken=secret');
    write('.git/config', '');
    write('data/big', '');
    write('.dockerignore', 'data\n');
    symlinkSync('server.js', path.join(context, 'link.js'));
    const { read, files, notes } = await build();
    assert.equal(read.layers.length, 2);
    assert.deepEqual(files(-1), ['app/', 'app/link.js', 'app/package.json', 'app/server.js']);
    for (const path of ['usr/local/bin/node', 'etc/passwd', 'tmp/', 'root/']) assert.ok(files(0).includes(path), path);
    const { Cmd, Env, User, WorkingDir, ExposedPorts } = read.config;
    assert.deepEqual([Cmd, User, WorkingDir], [['node', 'server.js'], '1000:1000', '/app']);
    assert.deepEqual(ExposedPorts, { '8080/tcp': {} });
    assert.ok(Env?.includes('NODE_ENV=production') && Env.includes('PORT=8080'));
    assert.deepEqual(notes, []);
  });

  test('the same source gives the same bytes whatever its times and modes; a change of code changes one layer', async () => {
    const first = await build('first.tar');
    chmodSync(path.join(context, 'server.js'), 0o600);
    execFileSync('touch', ['-d', '2001-01-01', path.join(context, 'server.js')]);
    const second = await build('second.tar');
    assert.deepEqual(readFileSync(second.archive), readFileSync(first.archive));
    write('server.js', 'console.log("changed")');
    const third = await build('third.tar');
    const digests = ({ image }: typeof first) => image?.layers.map(({ digest }) => digest) ?? [];
    assert.equal(digests(third)[0], digests(first)[0]);
    assert.notEqual(digests(third)[1], digests(first)[1]);
  });

  test('packages are installed from the lock file, in a layer of their own', async () => {
    write('local/package.json', JSON.stringify({ name: 'local', version: '1.0.0', main: 'main.js' }));
    write('local/main.js', 'export const x = 1;');
    const packed = execFileSync('npm', ['pack', '--silent', './local'], { cwd: context, encoding: 'utf8' }).trim();
    rmSync(path.join(context, 'local'), { recursive: true });
    write(
      'package.json',
      JSON.stringify({ name: 'web', scripts: { start: 'node server.js' }, dependencies: { local: `file:${packed}` } }),
    );
    await assert.rejects(build(), /no lock file/);
    execFileSync('npm', ['install', '--package-lock-only', '--offline', '--silent'], { cwd: context });
    const { read, files } = await build();
    assert.equal(read.layers.length, 3);
    assert.ok(files(1).includes('app/node_modules/local/main.js'), files(1).join());
    assert.ok(!files(2).some((name) => name.includes('node_modules')), files(2).join());
    assert.deepEqual(readdirSync(context).includes('node_modules'), false, 'the source is only read');
  });

  test('a lock file that is a link is read, and nothing is written through its copy', async () => {
    context = path.join(context, 'below');
    write('package.json', JSON.stringify({ name: 'web', version: '1.0.0', scripts: { start: 'node server.js' } }));
    write('server.js', '');
    const packages = { '': { name: 'web', version: '1.0.0' } };
    const lock = { name: 'web', version: '1.0.0', lockfileVersion: 3, requires: true, packages };
    writeFileSync(path.join(all, 'outside'), JSON.stringify(lock));
    symlinkSync('../../outside', path.join(context, 'package-lock.json'));
    await build();
    // Where the copied link leads from the folder that npm works in.
    assert.equal(existsSync(path.join(all, 'cache/outside')), false);
  });

  test('a build script makes what is started, with tools that do not stay', async () => {
    write('.dockerignore', 'dist\n');
    write(
      'make.js',
      `import fs from 'node:fs'; fs.mkdirSync('dist'); fs.writeFileSync('dist/main.js', process.version)`,
    );
    const scripts = { build: 'node make.js', start: 'node dist/main.js' };
    write('package.json', JSON.stringify({ name: 'web', type: 'module', scripts }));
    const { files } = await build();
    assert.ok(files(-1).includes('app/dist/main.js'));
    assert.deepEqual(said, ['  running the build script']);
    write('make.js', 'process.exit(3)');
    await assert.rejects(build(), /npm run build failed/);
    write('make.js', '');
    await assert.rejects(build(), /starts dist\/main.js, and the image would not hold that file/);
  });

  test('that a Dockerfile was passed over is told', async () => {
    write('Dockerfile', 'FROM scratch');
    const { notes, files } = await buildPlain();
    assert.match(notes.join(), /made from package.json; its Dockerfile is for buildah/);
    assert.ok(!files(-1).includes('app/Dockerfile'));
  });

  test('what cannot be built is refused with the reason', async () => {
    const refused = async (reason: RegExp) =>
      assert.rejects(buildArchive(recipe(), 'web:1', path.join(all, 'x'), options()), reason);
    write('package.json', JSON.stringify({ engines: { node: '^18' } }));
    await refused(/wants Node.js \^18/);
    rmSync(path.join(context, 'package.json'));
    await refused(/neither a package.json \(a Node.js application\) nor a Dockerfile/);
    context = path.join(all, 'absent');
    await refused(/there is no folder/);
  });

  test('an image is named by its content: what is there is not made again', async () => {
    const held = new Set<string>();
    const store = {
      has: async (name: string) => held.has(name),
      add: async (_archive: string, also = '') => {
        held.add(names.at(-1) ?? '').add(also);
        return [];
      },
    };
    const names = [contentName('web:1', await contentOf(recipe()))];
    const provide = async () => (await provideImages([recipe()], { ...options(), store })).get('web:1');
    assert.equal(await provide(), names[0]);
    assert.deepEqual([...held], [names[0], 'web:1']);
    const before = said.length;
    assert.equal(await provide(), names[0]);
    assert.equal(said.length, before);
    write('server.js', '// another');
    names.push(contentName('web:1', await contentOf(recipe())));
    assert.notEqual(names[1], names[0]);
    assert.equal(await provide(), names[1]);
    write('package.json', '{');
    await assert.rejects(provide(), /the image web:1 cannot be made: .*no JSON/);
  });
});

test('a name gets its content behind the tag', () => {
  const content = '0123456789abcdef';
  assert.equal(contentName('web', content), 'web:latest-0123456789ab');
  assert.equal(contentName('localhost:5000/a/web:1.2', content), 'localhost:5000/a/web:1.2-0123456789ab');
  assert.equal(contentName('localhost:5000/web', content), 'localhost:5000/web:latest-0123456789ab');
  assert.equal(contentName(`web:${'x'.repeat(128)}`, content).length, 'web:'.length + 128);
});
