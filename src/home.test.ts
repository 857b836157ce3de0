import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { defaultHome, homeOf, makeClosedFolder, makeHome, removeHome } from './home.ts';

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

test("a home that is naru's alone is closed to others, somebody's own folder is not", (t) => {
  const root = temporaryFolder(t);
  const modeOf = (file: string): number => statSync(file).mode & 0o777;
  const home = homeOf(root);
  chmodSync(root, 0o755);
  writeFileSync(home.state, '');
  makeHome(home);
  assert.equal(modeOf(root), 0o700);
  chmodSync(root, 0o755);
  writeFileSync(path.join(root, 'thesis.txt'), 'precious');
  makeHome(home);
  assert.equal(modeOf(root), 0o755);
  mkdirSync(home.node, { mode: 0o755 });
  makeClosedFolder(home.node);
  makeClosedFolder(home.simulated);
  assert.deepEqual([home.node, home.simulated].map(modeOf), [0o700, 0o700]);
});
