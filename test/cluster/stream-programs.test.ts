/**
 * exec, cp and port-forward by programs, with real containers: Python's and JavaScript's clients, which speak WebSocket in their own ways;
 * a hundred kubectl at once; and what `kubectl exec` costs beside an exec by the runtime's own client.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import * as k8s from '@kubernetes/client-node';
import type { Pod } from '../../src/api/schema/types/core-v1.ts';
import { elapsedMs, eventually, leftSince, machineState, run, TestCluster } from '../harness.ts';
import { create, PodWatch, podManifest, script, statusOf } from './workload.ts';

const serves = 'mkdir -p /tmp && echo hello > /tmp/index.html && exec httpd -f -p 8080 -h /tmp';
/** Debian's own: another Python of the machine does not have Debian's packages. */
const python = '/usr/bin/python3';
const program = path.join(import.meta.dirname, 'python-streams.py');

void describe('streams by programs', { timeout: 300_000 }, () => {
  let cluster: TestCluster;
  let watch: PodWatch;
  let config: k8s.KubeConfig;
  let earlier: readonly string[];

  before(async () => {
    earlier = await machineState();
    cluster = await TestCluster.up();
    watch = new PodWatch(cluster);
    config = new k8s.KubeConfig();
    config.loadFromFile(cluster.kubeconfig);
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
    await create(cluster, podManifest('web', { containers: [script(serves)] }));
    await watch.ready('web');
  });

  after(async () => {
    watch?.close();
    await TestCluster.closeAll();
    assert.deepEqual(await leftSince(earlier), [], 'naru down leaves nothing behind on the machine');
  });

  const openFiles = (): number => readdirSync(`/proc/${cluster.pid}/fd`).length;
  const execute = async (command: string[], input?: string) => {
    const outputs = [new PassThrough(), new PassThrough()] as const;
    const texts = outputs.map(async (output) => Buffer.concat(await output.toArray()).toString());
    const stdin = input === undefined ? null : Readable.from([input]);
    const status = await new Promise<k8s.V1Status>((resolve, reject) => {
      new k8s.Exec(config)
        .exec('default', 'web', 'app', command, outputs[0], outputs[1], stdin, false, resolve)
        .catch(reject);
    });
    for (const output of outputs) output.end();
    return { status, texts: await Promise.all(texts) };
  };

  test('Python’s client runs commands to their end, talks with a shell, and forwards ports', async () => {
    const env = { KUBECONFIG: cluster.kubeconfig, PYTHONDONTWRITEBYTECODE: '1', TMPDIR: cluster.scratch };
    const result = await run(python, [program], { env, timeoutMs: 60_000 });
    assert.equal(result.code, 0, `${result.stdout}${result.stderr}`);
  });

  test('JavaScript’s client has outputs apart, exit codes, input with an end, and ports', async () => {
    const failed = await execute(['sh', '-c', 'echo out; echo err >&2; exit 3']);
    assert.deepEqual(failed.texts, ['out\n', 'err\n']);
    assert.equal(failed.status.reason, 'NonZeroExitCode');
    assert.equal(failed.status.details?.causes?.[0]?.message, '3');
    const read = await execute(['cat'], 'hello');
    assert.deepEqual([read.texts[0], read.status.status], ['hello', 'Success']);
    const absent = await execute(['absent']);
    assert.match(absent.status.message ?? '', /exec: "absent": executable file not found in \$PATH/);
    const [input, output] = [new PassThrough(), new PassThrough()];
    let answer = '';
    output.on('data', (piece: Buffer) => (answer += piece.toString()));
    const forwarded = await new k8s.PortForward(config).portForward('default', 'web', [8080], output, null, input);
    try {
      input.write('GET /index.html HTTP/1.0\r\n\r\n');
      await eventually('the answer comes', () => answer.endsWith('hello\n'));
    } finally {
      if ('close' in forwarded) forwarded.close();
    }
  });

  test('a hundred at once each have their own output and exit code, and leave nothing open', async () => {
    const before = openFiles();
    const all = Array.from({ length: 100 }, async (_, number) => {
      const shell = `echo ${number}; exit ${number % 5}`;
      const { code, stdout, stderr } = await cluster.kubectl(['exec', 'web', '--', 'sh', '-c', shell]);
      assert.deepEqual([stdout, code], [`${number}\n`, number % 5], stderr);
    });
    await Promise.all(all);
    await eventually('no file is left open', () => openFiles() <= before + 2);
  });

  test('kubectl exec costs little more than the runtime’s own client', async (t) => {
    const pod = await cluster.json<Pod>('get', 'pod', 'web');
    const container = statusOf(pod)?.containerID?.replace(/^.*\/\//, '') ?? '';
    const address = path.join(cluster.home, 'containerd/c.sock');
    const times: Record<'kubectl' | 'ctr', number[]> = { kubectl: [], ctr: [] };
    for (let round = 0; round < 11; round++) {
      const since = elapsedMs();
      await cluster.mustKubectl('exec', 'web', '--', 'true');
      times.kubectl.push(since());
      const sinceRaw = elapsedMs();
      const own = ['-a', address, '-n', 'k8s.io', 'tasks', 'exec', '--exec-id', `round-${round}`, container, 'true'];
      const raw = await run('ctr', own);
      times.ctr.push(sinceRaw());
      assert.equal(raw.code, 0, raw.stderr);
    }
    const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[5] as number;
    const [kubectl, ctr] = [median(times.kubectl), median(times.ctr)];
    t.diagnostic(`kubectl exec -- true: ${kubectl} ms, ctr tasks exec: ${ctr} ms`);
    assert.ok(kubectl < ctr + 2000, `${kubectl} ms against ${ctr} ms`);
  });
});
