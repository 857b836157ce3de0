/** Manifests from files, folders and standard input: what is read, in which order, and what is told of broken ones. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { findManifests, loadManifests } from './load.ts';
import { objectsOf } from './parse.ts';

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function written(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(path.join(os.tmpdir(), 'naru-manifests-'));
  folders.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return root;
}

const map = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`;
const places = (
  objects: readonly { readonly object: { metadata?: { name?: string } }; readonly from: string }[],
): string[] => objects.map(({ object, from }) => `${object.metadata?.name} ${from}`);

describe('a text of manifests', () => {
  const rows: readonly (readonly [title: string, text: string, expected: readonly string[]])[] = [
    ['one document', map('a'), ['a f:1']],
    [
      'several, with comments, empty ones and a mark at the end',
      `# one\n${map('a')}---\n---\n# two\n\n${map('b')}...\n`,
      ['a f:2', 'b f:9'],
    ],
    [
      'something beside the mark',
      `--- # first\n${map('a')}--- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n`,
      ['a f:2', 'b f:5'],
    ],
    ['Windows line ends', `${map('a')}---\n${map('b')}`.replaceAll('\n', '\r\n'), ['a f:1', 'b f:5']],
    [
      'marks within a text do not count',
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x: |\n    ---\n    y\n`,
      ['a f:1'],
    ],
    ['JSON', '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}', ['a f:1']],
    [
      'a List',
      'apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}}\n- {apiVersion: v1, kind: Secret, metadata: {name: b}}',
      ['a f:1 (item 1)', 'b f:1 (item 2)'],
    ],
    [
      'a typed list, whose items say nothing of it',
      'apiVersion: v1\nkind: ConfigMapList\nitems:\n- {metadata: {name: a}}',
      ['a f:1 (item 1)'],
    ],
    ['nothing', '# nothing\n---\n', []],
  ];
  for (const [title, text, expected] of rows) {
    test(title, () => assert.deepEqual(places(objectsOf(text, 'f')), expected));
  }

  const broken: readonly (readonly [title: string, text: string, message: RegExp])[] = [
    ['no kind', `${map('a')}---\napiVersion: v1\n`, /^f:5: kind is missing/],
    ['no apiVersion', 'kind: Pod\n', /^f:1: apiVersion is missing/],
    ['no object', '- a\n', /^f:1: an object is expected here, not a list$/],
    ['no metadata', 'apiVersion: v1\nkind: Pod\n', /^f:1: the Pod has no metadata/],
    [
      'a name that is a number',
      'apiVersion: v1\nkind: Pod\nmetadata: {name: 1}\n',
      /^f:1: metadata\.name must be a string, not the number 1; put it in quotes: "1"$/,
    ],
    ['broken in the second document', `${map('a')}---\nkind: [\n`, /^f:\d: (?!.*yaml)/],
    ['a key twice', `${map('a')}---\nkind: Pod\nkind: Pod\n`, /^f:6: key "kind" already set in map$/],
  ];
  for (const [title, text, message] of broken) {
    test(title, () => assert.throws(() => objectsOf(text, 'f'), { name: 'ManifestError', message }));
  }
});

describe('files and folders', () => {
  const files = {
    'b.yaml': map('b'),
    'a.yml': map('a'),
    'c.json': '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"c"}}',
    'notes.txt': 'x',
    'in/d.yaml': map('d'),
  };

  test('a folder in the order of names, and below it where that was asked for', async () => {
    const root = written(files);
    const options = { cwd: root };
    assert.deepEqual(places(await loadManifests(['.'], options)), ['a a.yml:1', 'b b.yaml:1', 'c c.json:1']);
    assert.deepEqual(places(await loadManifests(['.'], { ...options, recursive: true })), [
      'a a.yml:1',
      'b b.yaml:1',
      'c c.json:1',
      'd in/d.yaml:1',
    ]);
  });

  test('several, one of them standard input', async () => {
    const root = written(files);
    const standardInput = async (): Promise<Buffer> => Buffer.from(map('piped'));
    assert.deepEqual(places(await loadManifests(['b.yaml', '-'], { cwd: root, standardInput })), [
      'b b.yaml:1',
      'piped -:1',
    ]);
  });

  const refused: readonly (readonly [named: string, message: RegExp])[] = [
    ['nowhere.yaml', /^nowhere\.yaml cannot be read: there is no such file or folder$/],
    ['https://example.com/a.yaml', /is on the network, and naru reads manifests from files only/],
    ['empty', /^empty holds no \.yaml, \.yml or \.json file \(folders within are read with -R\)$/],
  ];
  for (const [named, message] of refused) {
    test(`${named} is refused`, async () => {
      const root = written({ 'empty/readme.md': '' });
      await assert.rejects(loadManifests([named], { cwd: root }), { name: 'ManifestError', message });
    });
  }

  test('among other things, manifests are found', async () => {
    const root = written({
      'k8s/web.yaml': map('web'),
      'package.json': '{"name": "web"}',
      'tsconfig.json': '{ // no JSON\n}',
      'compose.yaml': 'services: {}',
      'naru.yaml': 'apiVersion: naru.io/v1\nkind: Application\n',
      'config/settings.yaml': 'port: 80\n',
      'node_modules/x/y.yaml': map('never'),
      '.github/ci.yaml': map('never'),
      'chart/Chart.yaml': 'apiVersion: v2\nname: x\n',
      'chart/templates/x.yaml': 'apiVersion: v1\nkind: {{ .Values.kind }}\n',
    });
    const { objects, skipped } = await findManifests(root, 'app');
    assert.deepEqual(places(objects), ['web app/k8s/web.yaml:1']);
    assert.deepEqual(skipped, ['chart (a Helm chart)', 'app/config/settings.yaml']);
  });

  test('a broken manifest among them is not passed over', async () => {
    const root = written({ 'a.yaml': 'apiVersion: v1\nkind: Pod\nmetadata: [\n' });
    await assert.rejects(findManifests(root, 'app'), { name: 'ManifestError', message: /^app\/a\.yaml:\d+: / });
  });
});

describe('what a clone may hold beside manifests', () => {
  test('links out of the folder, to nothing and to folders are left out and told; pipes do not hold anybody up', async () => {
    const outside = written({ 'theirs.yaml': map('theirs') });
    const root = written({ 'a/own.yaml': map('own') });
    symlinkSync(path.join(outside, 'theirs.yaml'), path.join(root, 'a/theirs.yaml'));
    symlinkSync('nowhere.yaml', path.join(root, 'b.yaml'));
    symlinkSync('a', path.join(root, 'c.yaml'));
    symlinkSync('a/own.yaml', path.join(root, 'd.yaml'));
    execFileSync('mkfifo', [path.join(root, 'pipe.yaml')]);
    const { objects, skipped } = await findManifests(root, 'app');
    assert.deepEqual(places(objects), ['own app/d.yaml:1', 'own app/a/own.yaml:1']);
    assert.deepEqual(
      skipped.map((line) => line.replace(/ .*/, '')),
      ['app/b.yaml', 'app/c.yaml', 'app/a/theirs.yaml'],
    );
    assert.deepEqual(places(await loadManifests([path.join(root, 'a')])).length, 2);
  });
});
