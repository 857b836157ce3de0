/** `naru build`: from a folder with a Node.js application to pods that run it, without Docker and without a registry. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { leftSince, machineState, root, run, TestCluster } from '../harness.ts';
import { needsContainers } from './containerd-lab.ts';
import { create, PodWatch, podManifest, statusOf } from './workload.ts';

const server = (word: string): string => `
import { createServer } from 'node:http';
import { word } from './word.js';
const server = createServer((_, response) => response.end(word));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
server.listen(process.env.PORT, () => console.log(['${word}', word, process.getuid(), process.env.NODE_ENV].join(' ')));
`;

describe('naru build', { timeout: 300_000, ...needsContainers }, () => {
  let cluster: TestCluster;
  let watch: PodWatch;
  let folder: string;
  let before_: readonly string[];

  before(async () => {
    before_ = await machineState();
    folder = mkdtempSync(path.join(os.tmpdir(), 'naru-build-'));
    mkdirSync(path.join(folder, 'web'));
    write(
      'web/package.json',
      JSON.stringify({ name: 'web', version: '1.0.0', type: 'module', scripts: { start: 'node server.js' } }),
    );
    write('web/word.js', `export const word = 'hello';`);
    write('web/server.js', server('first'));
    cluster = await TestCluster.up();
    watch = new PodWatch(cluster);
  });

  after(async () => {
    watch?.close();
    await TestCluster.closeAll();
    rmSync(folder, { recursive: true, force: true });
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  const write = (name: string, content: string): void => writeFileSync(path.join(folder, name), content);
  const build = (...args: string[]): Promise<string> => cluster.mustNaru('build', path.join(folder, 'web'), ...args);
  const digestIn = (output: string): string => /sha256:[0-9a-f]{64}/.exec(output)?.[0] ?? '';

  /** What the pod says when it listens; it ends in order when it is deleted. */
  const runPod = async (name: string, image: string): Promise<string> => {
    const probe = { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 };
    await create(
      cluster,
      podManifest(name, {
        securityContext: { runAsNonRoot: true },
        terminationGracePeriodSeconds: 30,
        containers: [{ image, imagePullPolicy: 'Never', readinessProbe: probe }],
      }),
    );
    await watch.ready(name);
    const said = await cluster.mustKubectl('logs', name);
    await cluster.mustKubectl('delete', 'pod', name);
    const last = await watch.gone(name);
    assert.equal(statusOf(last)?.state?.terminated?.exitCode, 0, 'it heard the signal');
    return said.trim();
  };

  test('twice the same source is the same image, under the name that package.json gives, and pods run it', async () => {
    const [first, second] = [await build(), await build()];
    assert.equal(digestIn(second), digestIn(first));
    assert.match(first, /imported docker.io\/library\/web:1.0.0 after/);
    assert.equal(await runPod('web', 'web:1.0.0'), 'first hello 1000 production');
  });

  test('changed code is another image under its name', async () => {
    const old = await build();
    write('web/word.js', `export const word = 'changed';`);
    assert.notEqual(digestIn(await build()), digestIn(old));
    assert.equal(await runPod('web-changed', 'web:1.0.0'), 'first changed 1000 production');
  });

  test('an image of the node is the base of another one, and its files are under those of the application', async () => {
    await build('--name', 'base:1');
    write('web/server.js', server('second'));
    const output = await build('--name', 'based:1', '--base', 'base:1');
    assert.match(output, /does not say which Node.js it has/);
    assert.equal(await runPod('web-based', 'based:1'), 'second changed 1000 production');
  });

  test('what cannot be built ends with a sentence and exit code 1, and a wrong flag shows the help', async () => {
    const failed = async (args: readonly string[], reason: RegExp): Promise<void> => {
      const { code, stderr } = await cluster.naru('build', ...args);
      assert.notEqual(code, 0);
      assert.match(stderr, reason);
      assert.doesNotMatch(stderr, /\n\s+at /);
    };
    await failed([folder], /neither a package.json \(a Node.js application\) nor a Dockerfile/);
    await failed([path.join(folder, 'absent')], /there is no folder/);
    await failed([path.join(folder, 'web'), '--name', 'NO'], /repository name must be lowercase/);
    await failed([path.join(folder, 'web'), '--port', 'x'], /must be a port from 1 to 65535/);
    await failed([path.join(folder, 'web'), '--base', 'localhost:9/none:1'], /cannot be pulled/);
    const home = path.join(folder, 'home');
    const alone = await run(path.join(root, 'naru'), ['build', path.join(folder, 'web')], { env: { NARU_HOME: home } });
    assert.match(alone.stderr, /no cluster runs from .*start it with: naru up/);
  });
});
