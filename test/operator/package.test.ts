/**
 * `naru/operator` as others get it: the packed package in a project of its own, type-checked and run there. Its dependencies are this checkout's, since
 * nothing is downloaded.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';

const root = path.dirname(path.dirname(import.meta.dirname));

const program = `
import assert from 'node:assert/strict';
import { defineKind, definitionOf, type ObjectOf, resources, startOperator, controller, silentLogger, want } from 'naru/operator';
import { install, startCluster, until } from 'naru/operator/testing';

const notes = defineKind({
  group: 'example.com', version: 'v1', kind: 'Note',
  spec: { type: 'object', required: ['text'], properties: { text: { type: 'string' } } },
});
type Note = ObjectOf<typeof notes>;

const cluster = await startCluster();
const client = cluster.client();
await install(client, definitionOf(notes));
const operator = await startOperator({
  name: 'notes', cluster: { kubeconfig: cluster.kubeconfig }, log: silentLogger, leaderElection: false,
  controllers: (context) => [
    controller<Note>(context, {
      name: 'notes', for: notes, owns: [resources.configMaps],
      reconcile: (note) => want<Note>([
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: note.metadata.name ?? '' }, data: { text: note.spec.text } },
      ]),
    }),
  ],
});
await client.create(notes, { metadata: { namespace: 'default', name: 'a' }, spec: { text: 'hello' } });
const child = await until('the child', () => client.get(resources.configMaps, { namespace: 'default', name: 'a' }));
assert.deepEqual(child.data, { text: 'hello' });
await operator.close();
await cluster.close();
console.log('it works');
`;

describe('the package', { timeout: 280_000 }, () => {
  let folder: string;

  const run = (command: string, args: readonly string[], cwd: string): string => {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
    assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}${stderr}`);
    return stdout;
  };

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'naru-package-test-'));
    // In a copy: dist/ is made where the package lies.
    const copy = path.join(folder, 'source');
    for (const name of ['src', 'tools', 'naru', 'package.json', 'package-lock.json', 'tsconfig.json', 'README.md']) {
      cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
    }
    symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
    run(process.execPath, ['tools/build-package.ts'], copy);
    run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], copy);
    const archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
    const installed = path.join(folder, 'project/node_modules/naru');
    mkdirSync(installed, { recursive: true });
    run('tar', ['-xzf', path.join(folder, archive), '-C', installed, '--strip-components=1'], folder);
    // npm would put them beside it.
    for (const name of readdirSync(path.join(root, 'node_modules'))) {
      if (name !== 'naru' && !name.startsWith('.naru')) {
        symlinkSync(path.join(root, 'node_modules', name), path.join(folder, 'project/node_modules', name));
      }
    }
    writeFileSync(path.join(folder, 'project/package.json'), JSON.stringify({ name: 'notes', type: 'module' }));
    writeFileSync(path.join(folder, 'project/notes.ts'), program);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  test('holds JavaScript and declarations, and no sources, tests or tables twice', () => {
    const installed = path.join(folder, 'project/node_modules/naru');
    assert.deepEqual(readdirSync(installed).toSorted(), ['README.md', 'dist', 'naru', 'package.json']);
    assert.ok(
      !readdirSync(path.join(installed, 'dist'), { recursive: true }).some((name) => String(name).includes('.test.')),
    );
  });

  test('a program that uses it is type-checked by its declarations, strictly', () => {
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'esnext', '--types', 'node'];
    run(
      process.execPath,
      [path.join(root, 'node_modules/typescript/bin/tsc'), ...options, 'notes.ts'],
      path.join(folder, 'project'),
    );
  });

  test('and runs, with a whole cluster in its process', () => {
    assert.match(run(process.execPath, ['notes.ts'], path.join(folder, 'project')), /it works/);
  });

  test('the command of the package runs, too', () => {
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
    const project = path.join(folder, 'project');
    assert.match(
      run(path.join(project, 'node_modules/naru/naru'), ['--version'], project),
      new RegExp(version.replaceAll('.', '\\.')),
    );
  });
});
