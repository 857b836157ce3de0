import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PackageFile } from './package-file.ts';
import { startCommand } from './start-command.ts';

const file = (changes: Partial<PackageFile>): PackageFile => ({
  name: 'web',
  bin: {},
  scripts: {},
  hasDependencies: false,
  ...changes,
});
const everything = () => true;
const scripts = (start: string, others: Record<string, string> = {}) =>
  startCommand(file({ scripts: { start, ...others } }), everything);

describe('what an application is started with', () => {
  test('a start script is run as the program that it names, without npm and shell', () => {
    for (const [start, command, env] of [
      ['node server.js', ['node', 'server.js'], {}],
      ['  exec node  dist/main.js --port 80 ', ['node', 'dist/main.js', '--port', '80'], {}],
      ['NODE_ENV=production MODE="a b" next start', ['next', 'start'], { NODE_ENV: 'production', MODE: 'a b' }],
      ['cross-env node a.js', ['node', 'a.js'], {}],
      [`node -e 'console.log(1)'`, ['node', '-e', 'console.log(1)'], {}],
    ] as const) {
      assert.deepEqual(scripts(start), { command, env, notes: [] }, start);
    }
  });

  test('scripts that run scripts are followed, and no further than makes sense', () => {
    assert.deepEqual(scripts('npm run -s serve', { serve: 'node s.js' }).command, ['node', 's.js']);
    assert.deepEqual(scripts('npm run serve -- --fast', { serve: 'node s.js' }).command, ['node', 's.js', '--fast']);
    assert.throws(() => scripts('npm run serve'), /has no script serve/);
    assert.throws(() => scripts('npx tsx server.ts'), /runs npx, which the image does not have/);
    assert.throws(() => scripts('npm run serve', { serve: 'npm start' }), /without end/);
  });

  test('what only a shell understands gets one, and that is told', () => {
    for (const start of ['node a.js && node b.js', 'node $FILE', 'node a.js | tee log', 'node *.js']) {
      const { command, notes } = scripts(start);
      assert.deepEqual(command, ['/bin/sh', '-c', start]);
      assert.match(notes.join(), /a shell, which does not pass on the signal/);
    }
    assert.match(scripts('node a.js', { prestart: 'make' }).notes.join(), /scripts.prestart is not run/);
  });

  test('without a start script: a single program, main, the usual files', () => {
    const of = (changes: Partial<PackageFile>, held: readonly string[]) =>
      startCommand(file(changes), (place) => held.includes(place)).command;
    assert.deepEqual(of({ bin: { web: './cli.js' }, main: 'x.js' }, ['cli.js', 'x.js']), ['node', './cli.js']);
    assert.deepEqual(of({ main: 'lib' }, ['lib/index.js']), ['node', 'lib']);
    assert.deepEqual(of({}, ['index.js', 'server.js']), ['node', 'server.js']);
    assert.throws(() => of({}, ['app.js']), /give it a start script/);
    assert.throws(() => of({ bin: { a: 'a.js', b: 'b.js' } }, ['a.js', 'b.js']), /give it a start script/);
  });

  test('a file that the image would not hold is named', () => {
    assert.throws(
      () => startCommand(file({ scripts: { start: 'node dist/main.js' } }), () => false),
      /scripts.start of package.json starts dist\/main.js, and the image would not hold that file/,
    );
  });
});
