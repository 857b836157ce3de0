import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type Home, homeOf } from '../../../home.ts';
import { digestOf, packProgram, unpackProgram } from './archive.ts';
import {
  afterTrial,
  commandLineOf,
  dropPrograms,
  hasProgram,
  keepProgram,
  programToStart,
  readVersions,
  writeVersions,
} from './versions.ts';

const [a, b] = ['aa'.repeat(32), 'bb'.repeat(32)];

function temporaryHome(t: TestContext): Home {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-versions-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return homeOf(folder);
}

const program = (text: string) => ({
  version: '1.2.3',
  files: new Map([
    ['src/agent/x.proto', Buffer.from('syntax')],
    ['agent.mjs', Buffer.from(text)],
  ]),
});

test('the same program is the same bytes, whatever the order of its files', async () => {
  const one = await packProgram(program('run()'));
  const { version, files } = program('run()');
  const other = await packProgram({ version, files: new Map([...files].toReversed()) });
  assert.equal(digestOf(one), digestOf(other));
  const { files: unpacked } = await unpackProgram(one);
  assert.equal(unpacked.get('agent.mjs')?.toString(), 'run()');
});

test('an archive that would write elsewhere, or is none, is refused', async () => {
  const archive = (content: unknown) => gzipSync(JSON.stringify(content));
  const rows: readonly (readonly [Buffer, RegExp])[] = [
    [Buffer.from('x'), /header|unexpected end/],
    [archive({ format: 2, version: '1', files: {} }), /has a form that this version does not know/],
    [archive({ format: 1, version: '1', files: {} }), /has no agent\.mjs/],
    [archive({ format: 1, version: '1', files: { 'agent.mjs': '', '../x': '' } }), /a wrong file \.\.\/x/],
    [archive({ format: 1, version: '1', files: { 'agent.mjs': '', '/etc/x': '' } }), /a wrong file \/etc\/x/],
    [archive({ format: 1, version: '1', files: { 'agent.mjs': '', 'a/./b': '' } }), /a wrong file/],
  ];
  for (const [bytes, pattern] of rows) await assert.rejects(unpackProgram(bytes), pattern);
});

test('a program is kept only if it is the one that was announced, for its owner alone', async (t) => {
  const home = temporaryHome(t);
  const archive = await packProgram(program('run()'));
  await assert.rejects(keepProgram(home, a, archive), /is not the one that was announced/);
  assert.equal(existsSync(home.versions), false);
  const digest = digestOf(archive);
  await keepProgram(home, digest, archive);
  await keepProgram(home, digest, archive);
  assert.equal(hasProgram(home, digest), true);
  assert.equal(readFileSync(path.join(home.versions, digest, 'src/agent/x.proto'), 'utf8'), 'syntax');
  writeVersions(home, { current: digest });
  dropPrograms(home, [a]);
  assert.deepEqual(readdirSync(home.versions), ['state.json']);
});

test('which program starts: the one from the server while the same version is installed', () => {
  assert.equal(programToStart({}, '1'), undefined);
  assert.equal(programToStart({ current: a, installed: '1' }, '1'), a);
  assert.equal(programToStart({ current: a, installed: '1' }, '2'), undefined, 'somebody installed another one since');
});

test('a trial that its program did not survive is over, and is remembered', () => {
  const state = { current: a, installed: '1', trial: b };
  assert.equal(afterTrial(state, b), state, 'it is still on');
  assert.deepEqual(afterTrial(state, undefined), {
    current: a,
    installed: '1',
    failed: { digest: b, why: 'it ended before its node was Ready' },
  });
  assert.deepEqual(afterTrial({ current: a }, undefined), { current: a });
});

test('notes that are no notes count as none', (t) => {
  const home = temporaryHome(t);
  assert.deepEqual(readVersions(home), {});
  writeVersions(home, { current: a, installed: '1' });
  assert.deepEqual(readVersions(home), { current: a, installed: '1' });
  for (const text of ['{', '{"current":"../x"}']) {
    writeFileSync(path.join(home.versions, 'state.json'), text);
    assert.deepEqual(readVersions(home), {});
  }
});

test('the installed program is told what this one was told', () => {
  assert.deepEqual(commandLineOf({ kubeconfig: '/k', nodeName: 'n1', nodeIp: '10.0.0.1' }), [
    '--kubeconfig',
    '/k',
    '--node-name',
    'n1',
    '--node-ip',
    '10.0.0.1',
  ]);
});
