import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { defaultHome, homeOf, removeHome } from './home.ts';

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-home-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a home goes with all that naru made, and stays with what somebody else put there', (t) => {
  const root = temporaryFolder(t);
  for (const file of ['state.db', 'state.db-wal', 'state.db.lock', 'naru.log.1', 'kubeconfig', 'settings.json.new']) {
    writeFileSync(path.join(root, file), '');
  }
  mkdirSync(path.join(root, 'containerd/root'), { recursive: true });
  writeFileSync(path.join(root, 'thesis.txt'), 'precious');
  assert.deepEqual(removeHome(homeOf(root)), ['thesis.txt']);
  assert.deepEqual(readdirSync(root), ['thesis.txt']);
  rmSync(path.join(root, 'thesis.txt'));
  assert.deepEqual(removeHome(homeOf(root)), []);
  assert.equal(existsSync(root), false);
});

test('one folder has one name, whatever link leads to it, also before it is made', (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(path.join(folder, 'real'));
  symlinkSync('real', path.join(folder, 'link'));
  const through = (name: string): string => defaultHome({ NARU_HOME: path.join(folder, name, 'home') }, true).root;
  assert.equal(through('link'), through('real'));
});

test('without NARU_HOME, root and others have their usual places', () => {
  assert.equal(defaultHome({}, true).root, '/var/lib/naru');
  assert.equal(defaultHome({}, false).root, path.join(os.homedir(), '.naru'));
});
