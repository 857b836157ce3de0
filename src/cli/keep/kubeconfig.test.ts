import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { makeKubeconfig, parseKubeconfig } from '../../client/kubeconfig.ts';
import { type Home, homeOf } from '../../home.ts';
import { kubeconfig, unmerge } from './kubeconfig.ts';

interface Lab {
  readonly home: Home;
  /** The user's own. */
  readonly file: string;
  readonly printed: () => string;
}

const configOf = (more: { ca?: string; cluster?: string; user?: string } = {}): string =>
  makeKubeconfig({
    server: 'https://127.0.0.1:6443',
    ca: 'CA',
    clientCert: 'CERT',
    clientKey: 'KEY',
    user: 'naru-admin',
    cluster: 'naru',
    ...more,
  });

function lab(context: TestContext): Lab {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-kubeconfig-'));
  const home = homeOf(path.join(folder, 'home'));
  mkdirSync(home.root);
  writeFileSync(home.kubeconfig, configOf());
  const file = path.join(folder, 'user', 'config');
  const before = process.env['KUBECONFIG'];
  process.env['KUBECONFIG'] = file;
  let text = '';
  const note = (chunk: unknown): boolean => {
    text += String(chunk);
    return true;
  };
  context.mock.method(process.stdout, 'write', note);
  context.mock.method(console, 'log', (line: string) => note(`${line}\n`));
  context.after(() => {
    if (before === undefined) delete process.env['KUBECONFIG'];
    else process.env['KUBECONFIG'] = before;
    rmSync(folder, { recursive: true, force: true });
  });
  return { home, file, printed: () => text };
}

const current = (file: string, context?: string) =>
  parseKubeconfig(readFileSync(file, 'utf8'), { folder: '/', ...(context !== undefined && { context }) });

test('a kubeconfig is printed as it is, or its path', async (context) => {
  const { home, printed } = lab(context);
  await kubeconfig(home, {});
  assert.equal(printed(), configOf());
  await kubeconfig(home, { path: true });
  assert.ok(printed().endsWith(`${home.kubeconfig}\n`));
  await assert.rejects(kubeconfig(home, { path: true, merge: true }), /no other option goes with it/);
  await assert.rejects(
    kubeconfig(homeOf(`${home.root}-none`), {}),
    /there is no cluster in .*; start one with: naru up/,
  );
});

for (const [server, wanted] of [
  ['192.168.1.5', 'https://192.168.1.5:6443'],
  ['192.168.1.5:7000', 'https://192.168.1.5:7000'],
  ['api.example.com', 'https://api.example.com:6443'],
  ['https://api.example.com:443', 'https://api.example.com:443'],
  ['fd00::5', 'https://[fd00::5]:6443'],
  ['[fd00::5]:7000', 'https://[fd00::5]:7000'],
] as const) {
  test(`for another machine, ${server} becomes ${wanted}`, async (context) => {
    const { home, printed } = lab(context);
    await kubeconfig(home, { server });
    const config = await parseKubeconfig(printed(), { folder: '/' });
    assert.deepEqual([config.server, config.ca, config.clientKey], [wanted, 'CA', 'KEY']);
  });
}

test('an address that is none is refused', async (context) => {
  const { home } = lab(context);
  await assert.rejects(kubeconfig(home, { server: 'http://x' }), /speaks https only/);
  await assert.rejects(kubeconfig(home, { server: 'a b' }), /neither a host, nor host:port, nor a URL/);
});

test('merged into a file, this cluster is the current one, again and again; all else stays', async (context) => {
  const { home, file, printed } = lab(context);
  await kubeconfig(home, { merge: true });
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.match(printed(), /its current context is naru/);
  writeFileSync(file, configOf({ cluster: 'work', user: 'me', ca: 'OTHER' }));
  await kubeconfig(home, { merge: true });
  await kubeconfig(home, { merge: true, server: '192.168.1.5' });
  assert.equal((await current(file)).server, 'https://192.168.1.5:6443');
  assert.equal((await current(file, 'me@work')).ca, 'OTHER');
  assert.equal(readFileSync(file, 'utf8').match(/name: naru\b/g)?.length, 3, 'one cluster, one user, one context');
  assert.equal(await unmerge(home), file);
  assert.equal((await current(file)).ca, 'OTHER', 'the other context is the current one');
  assert.doesNotMatch(readFileSync(file, 'utf8'), /naru/);
  assert.equal(await unmerge(home), undefined);
});

test('another cluster of the same name is not overwritten', async (context) => {
  const { home, file } = lab(context);
  mkdirSync(path.dirname(file));
  const others = configOf({ ca: 'OTHER' });
  writeFileSync(file, others);
  await assert.rejects(kubeconfig(home, { merge: true }), /has another cluster called "naru"; .* --name NAME/);
  assert.equal(readFileSync(file, 'utf8'), others);
  await kubeconfig(home, { merge: true, name: 'home' });
  assert.equal((await current(file)).ca, 'CA');
  assert.equal((await current(file, 'naru-admin@naru')).ca, 'OTHER');
});

test('a file behind a link is changed there; one that is no kubeconfig stays as it is', async (context) => {
  const { home, file } = lab(context);
  mkdirSync(path.dirname(file));
  symlinkSync('real', file);
  writeFileSync(path.join(path.dirname(file), 'real'), '');
  await kubeconfig(home, { merge: true });
  assert.equal((await current(path.join(path.dirname(file), 'real'))).ca, 'CA');
  for (const text of ['clusters: 7', 'a: [', 'just text']) {
    writeFileSync(file, text);
    await assert.rejects(kubeconfig(home, { merge: true }), /is no kubeconfig|cannot be read/);
    assert.equal(readFileSync(file, 'utf8'), text);
  }
});

test('the cluster’s own file as KUBECONFIG is nobody’s to be taken out of', async (context) => {
  const { home } = lab(context);
  process.env['KUBECONFIG'] = home.kubeconfig;
  assert.equal(await unmerge(home), undefined);
  await assert.rejects(kubeconfig(home, { merge: true }), /names this cluster's own file/);
  assert.equal(readFileSync(home.kubeconfig, 'utf8'), configOf());
});

test('contexts and credentials of other clusters that bear the name are not replaced', async (context) => {
  const { home, file } = lab(context);
  mkdirSync(path.dirname(file));
  const others = [
    'contexts: [{name: naru, context: {cluster: other, user: me}}]',
    'contexts: [{name: other, context: {cluster: other, user: naru}}]\nusers: [{name: naru, user: {token: mine}}]',
    'users: [{name: naru, user: {token: mine}}]',
  ];
  for (const text of others) {
    writeFileSync(file, `${text}\n`);
    await assert.rejects(
      kubeconfig(home, { merge: true }),
      /another cluster's (context|user) called "naru"; .*--name NAME/,
    );
    assert.equal(readFileSync(file, 'utf8'), `${text}\n`);
  }
  await kubeconfig(home, { merge: true, name: 'mine' });
  assert.match(readFileSync(file, 'utf8'), /token: mine/);
});
