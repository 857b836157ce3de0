import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { RealClock, VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { dockerConfig, hostsFolder, hostsToml, managedMark, parseRegistries } from './registries.ts';
import { RegistrySettings } from './registry-settings.ts';

const tomlOf = (text: string): string => hostsToml(parseRegistries(text)[0] as never).replace(`${managedMark}\n`, '');

test('mirrors are asked in order, then the registry itself', () => {
  const text = `
registries:
  docker.io:
    mirrors:
      - https://mirror.example.com/
      - {url: https://10.0.0.5:5000/proxy, caFile: /etc/ssl/mirror.crt}
      - {url: https://10.0.0.6, skipVerify: true}`;
  assert.equal(
    tomlOf(text),
    `server = "https://registry-1.docker.io"
capabilities = ["pull", "resolve"]

[host."https://mirror.example.com"]
  capabilities = ["pull", "resolve"]

[host."https://10.0.0.5:5000/proxy"]
  capabilities = ["pull", "resolve"]
  ca = "/etc/ssl/mirror.crt"

[host."https://10.0.0.6"]
  capabilities = ["pull", "resolve"]
  skip_verify = true
`,
  );
});

test('plain HTTP, own authorities, and mirrors alone', () => {
  assert.match(tomlOf('registries: {"10.0.0.5:5000": {plainHttp: true}}'), /^server = "http:\/\/10\.0\.0\.5:5000"\n/);
  assert.match(
    tomlOf('registries: {r.example: {caFile: /ca.crt}}'),
    /^server = "https:\/\/r\.example"\n.*\nca = "\/ca.crt"\n/,
  );
  const alone = tomlOf('registries: {r.example: {mirrors: [http://m.example], mirrorsOnly: true}}');
  assert.match(alone, /^server = "http:\/\/m\.example"\n/);
  const [others] = parseRegistries('registries: {"*": {mirrors: [http://m.example]}}');
  assert.equal(others && hostsFolder(others), '_default');
  assert.doesNotMatch(others ? hostsToml(others) : '', /^server/m);
});

test('credentials become the node’s own, in Docker’s format', () => {
  const registries = parseRegistries(
    'registries: {r.example: {username: robot, password: "123"}, s.example: {plainHttp: true}}',
  );
  assert.deepEqual(JSON.parse(dockerConfig(registries)), {
    auths: { 'r.example': { username: 'robot', password: '123' } },
  });
  assert.deepEqual(parseRegistries(''), []);
});

test('what is wrong is told with its place, and what would be right', () => {
  const rows: readonly (readonly [text: string, words: RegExp])[] = [
    ['[]', /^the file must be a map$/],
    ['registry: {}', /^the file has no field "registry"; it takes registries$/],
    ['registries: [a]', /^registries must be a map$/],
    [
      'registries: {"https://r.example": {}}',
      /^registries\.https:\/\/r\.example is not a registry's host name, such as/,
    ],
    ['registries: {r: {mirror: [a]}}', /^registries\.r has no field "mirror"; it takes mirrors, mirrorsOnly/],
    [
      'registries: {r: {mirrors: [m.example]}}',
      /^registries\.r\.mirrors\[0\] must be an address such as https:.*"m\.example"$/,
    ],
    ['registries: {r: {mirrors: [https://u:p@m]}}', /mirrors\[0\] must be an address/],
    ['registries: {r: {mirrors: https://m}}', /^registries\.r\.mirrors must be a list$/],
    [
      'registries: {r: {mirrors: [{url: http://m, skipVerify: true}]}}',
      /is plain HTTP, where caFile and skipVerify mean nothing/,
    ],
    ['registries: {r: {mirrorsOnly: true}}', /^registries\.r has mirrorsOnly, but no mirrors$/],
    ['registries: {r: {plainHttp: yes please}}', /^registries\.r\.plainHttp must be true or false$/],
    ['registries: {r: {plainHttp: true, caFile: /a}}', /has plainHttp, where caFile/],
    ['registries: {r: {caFile: a.crt}}', /^registries\.r\.caFile must be an absolute path$/],
    ['registries: {r: {caFile: /a.crt, skipVerify: true}}', /has both caFile and skipVerify/],
    ['registries: {r: {username: me}}', /^registries\.r\.password must be text/],
    ['registries: {r: {username: me, password: 123}}', /must be text \(in quotes where it looks like a number\)/],
    ['registries: {"*": {plainHttp: true}}', /stands for every other registry/],
  ];
  for (const [text, words] of rows) {
    assert.throws(
      () => parseRegistries(text),
      (error: Error) => words.test(error.message),
      text,
    );
  }
});

const realTime = new RealClock({ keepsAlive: true });

async function fixture(context: TestContext) {
  const home = await mkdtemp(path.join(os.tmpdir(), 'naru-registries-'));
  context.after(() => rm(home, { recursive: true, force: true }));
  const [file, folder, credentials] = ['registries.yaml', 'certs.d', 'registries.json'].map((name) =>
    path.join(home, name),
  ) as [string, string, string];
  const clock = new VirtualClock();
  const problems: string[] = [];
  const log = {
    ...silentLogger,
    error: (message: string, fields?: { error?: unknown }) =>
      void problems.push(`${message}: ${String(fields?.error)}`),
  };
  const settings = new RegistrySettings({ file, folder, credentials, clock, log });
  context.after(() => settings.close());
  /** Reading files takes real time, which the clock knows nothing of. */
  const changed = async (check: () => Promise<boolean>): Promise<void> => {
    for (let look = 0; look < 1000 && !(await check()); look++) {
      await clock.advance(1000);
      await realTime.sleep(2);
    }
    assert.ok(await check());
  };
  return { file, folder, credentials, settings, problems, changed };
}

test('a change takes effect by itself; what is no longer named goes, what somebody else put there stays', async (context) => {
  const { file, folder, credentials, settings, changed } = await fixture(context);
  await mkdir(path.join(folder, 'mine.example'), { recursive: true });
  await writeFile(path.join(folder, 'mine.example', 'hosts.toml'), 'server = "http://mine.example"\n');
  await settings.start();
  assert.deepEqual(await readdir(folder), ['mine.example']);
  await writeFile(file, 'registries: {r.example: {plainHttp: true, username: u, password: p}}');
  const names = async () => (await readdir(folder)).toSorted().join();
  await changed(async () => (await names()) === 'mine.example,r.example');
  const made = path.join(folder, 'r.example', 'hosts.toml');
  await changed(async () => (await readFile(made, 'utf8').catch(() => '')).includes('server = "http://r.example"'));
  await changed(async () => (await readFile(credentials, 'utf8')).includes('r.example'));
  assert.equal((await stat(credentials)).mode & 0o777, 0o600);
  await rm(file);
  await changed(async () => (await names()) === 'mine.example');
  await changed(async () => !(await readFile(credentials, 'utf8')).includes('r.example'));
});

test('a node does not start with a file that is wrong; one that becomes wrong is told once and changes nothing', async (context) => {
  const { file, folder, settings, problems, changed } = await fixture(context);
  await writeFile(file, 'registries: 7');
  await assert.rejects(settings.start(), /registries\.yaml cannot be used: registries must be a map$/);
  await writeFile(file, 'registries: {r.example: {plainHttp: true}}');
  await chmod(file, 0o600);
  await settings.start();
  await writeFile(file, 'registries: {r.example: {plainHttps: true}}');
  await changed(async () => problems.length > 0);
  let looks = 0;
  await changed(async () => ++looks > 20);
  assert.deepEqual(
    problems.map((problem) => /plainHttps/.test(problem)),
    [true],
  );
  assert.deepEqual(await readdir(folder), ['r.example']);
});
