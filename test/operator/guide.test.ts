/** The tutorial of docs/operators.md, as it stands there: its pieces make one program, which must run and say what it says it says. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { test } from 'node:test';

const root = path.dirname(path.dirname(import.meta.dirname));

test('the tutorial’s pieces make a program that compiles and works', { timeout: 120_000 }, () => {
  const guide = readFileSync(path.join(root, 'docs/operators.md'), 'utf8');
  const pieces = [...guide.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
  assert.ok(pieces.length >= 5);
  const folder = mkdtempSync(path.join(tmpdir(), 'naru-guide-'));
  try {
    writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(path.join(folder, 'guide.ts'), pieces.join('\n'));
    symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
    const run = (...args: string[]): string => {
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
      assert.equal(status, 0, `${stdout}${stderr}`);
      return stdout;
    };
    // The package by its name, as its sources.
    const paths = {
      'naru/operator': [path.join(root, 'src/operator/index.ts')],
      'naru/operator/testing': [path.join(root, 'src/operator/testing.ts')],
    };
    const types = { noEmit: true, typeRoots: [path.join(root, 'node_modules/@types')], paths };
    const project = {
      extends: path.join(root, 'tsconfig.json'),
      compilerOptions: types,
      include: [],
      files: ['guide.ts'],
    };
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(project));
    run(path.join(root, 'node_modules/typescript/bin/tsc'), '--project', folder);
    const program = Object.entries(paths).reduce(
      (text, [name, [file]]) => text.replace(`'${name}'`, JSON.stringify(file)),
      pieces.join('\n'),
    );
    writeFileSync(path.join(folder, 'guide.ts'), program);
    assert.match(run('guide.ts'), /^Bonjour, Ann!$/m);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
