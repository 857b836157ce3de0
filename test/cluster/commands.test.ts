/**
 * naru's own commands on real containers: programs with their outputs, exit codes and terminals, logs as they come, files in and out, ports.
 * What the API does with streams is shown by `streaming.test.ts`; here it is the commands that speak to it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { eventually, leftSince, machineState, root, TestCluster } from '../harness.ts';
import { exchange } from './streams.ts';
import { create, type Manifest, podManifest, script, shellImage } from './workload.ts';

const runMsMax = 60_000;
const noise = randomBytes(4 * 1024 * 1024);

const counting = "n=0; trap 'exit 0' TERM; while :; do n=$((n+1)); echo line $n; sleep 0.2; done";
const serving =
  'mkdir -p /tmp && cd /tmp && echo hello > index.html && httpd -p 8080 -h /tmp; nc -ll -p 9000 -e md5sum &';

const web: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: 'app',
            image: shellImage,
            command: ['/bin/sh', '-c', `${serving}\n${counting}`],
            ports: [{ name: 'http', containerPort: 8080 }],
          },
          { name: 'side', image: shellImage, command: ['/bin/sh', '-c', `echo side; ${counting}`] },
        ],
      },
    },
  },
};
const service: Manifest = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { selector: { app: 'web' }, ports: [{ name: 'main', port: 80, targetPort: 'http' }] },
};
const job: Manifest = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'once' },
  spec: {
    template: {
      spec: {
        restartPolicy: 'Never',
        containers: [{ name: 'app', image: shellImage, command: ['/bin/sh', '-c', 'sleep 2; echo done'] }],
      },
    },
  },
};

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number; readonly stdout: Buffer; readonly stderr: string }>;
  text(): string;
}

void describe("naru's commands on real containers", { timeout: 300_000 }, () => {
  let cluster: TestCluster;
  let earlier: readonly string[];
  const children = new Set<ChildProcess>();

  before(async () => {
    earlier = await machineState();
    cluster = await TestCluster.up();
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', shellImage);
    await create(cluster, web, service, podManifest('shell', { containers: [script('cat', { stdin: true })] }));
    await cluster.mustNaru('rollout', 'status', 'deploy/web', '--timeout', '60s');
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await TestCluster.closeAll();
    assert.deepEqual(await leftSince(earlier), [], 'nothing is left behind on the machine');
  });

  /** `terminal`: with one of that many rows and columns. */
  function start(args: readonly string[], terminal?: { readonly rows: number; readonly columns: number }): Running {
    const own = [path.join(root, 'naru'), ...args];
    const quoted = own.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    const argv =
      terminal === undefined
        ? own
        : [
            'script',
            '-qec',
            `stty rows ${terminal.rows} cols ${terminal.columns}; ${quoted}; echo "code $?"; stty -a`,
            '/dev/null',
          ];
    const child = spawn(argv[0] as string, argv.slice(1), {
      env: { ...process.env, NARU_HOME: cluster.home },
      timeout: runMsMax,
      killSignal: 'SIGKILL',
    });
    children.add(child);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => stdout.push(piece));
    child.stderr.on('data', (piece: Buffer) => stderr.push(piece));
    child.stdin.on('error', () => {});
    const ended = new Promise<Awaited<Running['ended']>>((resolve) => {
      child.once('close', (code) => {
        children.delete(child);
        resolve({ code: code ?? -1, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
      });
    });
    return { child, ended, text: () => Buffer.concat([...stdout, ...stderr]).toString() };
  }

  function naru(args: readonly string[], input: Buffer | string = ''): Running['ended'] {
    const { child, ended } = start(args);
    child.stdin?.end(input);
    return ended;
  }

  async function must(args: readonly string[], input: Buffer | string = ''): Promise<string> {
    const { code, stdout, stderr } = await naru(args, input);
    assert.equal(code, 0, `naru ${args.join(' ')}: ${stderr}`);
    return stdout.toString();
  }

  test('exec: outputs apart, the exit code, input to its end, bytes as they are', async () => {
    const run = (...command: string[]) => naru(['exec', '-q', 'deploy/web', '--', ...command]);
    const result = await run('sh', '-c', 'echo out; echo err >&2; exit 7');
    assert.deepEqual([result.code, result.stdout.toString(), result.stderr], [7, 'out\n', 'err\n']);
    assert.equal((await run('sh', '-c', 'kill -9 $$')).code, 137);
    const absent = await run('no-such-program');
    assert.equal(absent.code, 1);
    assert.match(absent.stderr, /^naru: .*no-such-program.*executable file not found/);
    const back = await naru(['exec', '-iq', 'deploy/web', '--', 'cat'], noise);
    assert.ok(back.code === 0 && back.stdout.equals(noise), 'what comes back is what was sent');
    const named = await naru(['exec', 'deploy/web', '-c', 'none', '--', 'true']);
    assert.match(named.stderr, /no container "none"; it has app, side/);
  });

  test('exec with a terminal: its size, its exit code, and this terminal as it was before', async () => {
    const { ended } = start(
      ['exec', '-itq', 'deploy/web', '--', 'sh', '-c', 'stty size; test -t 1 && echo terminal; exit 9'],
      {
        rows: 33,
        columns: 77,
      },
    );
    const { stdout } = await ended;
    assert.match(stdout.toString(), /^33 77\r\nterminal\r\ncode 9\r\n/m);
    assert.match(stdout.toString(), /[^-]icanon/, 'the terminal is not raw any more');
    assert.match(stdout.toString(), /[^-]echo /);
  });

  test('attach speaks to the program that runs', async () => {
    const { child, ended, text } = start(['attach', '-i', 'shell']);
    child.stdin?.write('hello\n');
    await eventually('it answers', () => text().includes('hello'));
    child.kill('SIGINT');
    await ended;
  });

  test('logs: the last lines, of all containers, followed, and no longer than they are read', async () => {
    assert.match(await must(['logs', 'deploy/web', '--tail', '1']), /^line \d+\n$/);
    assert.match(await must(['logs', 'svc/web', '--all-containers', '--tail', '-1']), /^\[pod\/web-\S+\/side\] side$/m);
    assert.match(
      await must(['logs', 'deploy/web', '--tail', '1', '--timestamps']),
      /^20\d\d-\d\d-\d\dT\S+Z line \d+\n$/,
    );
    const { child, ended } = start(['logs', 'deploy/web', '-f', '--tail', '1']);
    child.stdout?.once('data', () => child.stdout?.destroy());
    assert.equal((await ended).code, 0, 'it ends with its reader');
  });

  test('logs -f of a workload goes on with its next pod, and of a Job ends with the Job', async () => {
    const following = start(['logs', 'deploy/web', '-c', 'app', '-f', '--tail', '1']);
    await eventually('the first pod speaks', () => following.text().includes('line'));
    const [first] = /pod\/web-\S+(?=\/app)/.exec(following.text()) ?? [];
    await must(['delete', first ?? '', '--now']);
    await eventually('the next pod speaks, from its first line', () => {
      const others = following
        .text()
        .split('\n')
        .filter((line) => !line.includes(first ?? ''));
      return others.some((line) => line.endsWith('] line 1'));
    });
    following.child.kill('SIGINT');
    await following.ended;
    await create(cluster, job);
    assert.match(await must(['logs', 'job/once', '-f']), /^\[pod\/once-\S+\/app\] done\n$/);
  });

  test('cp: files and folders in and out, links not out, and an error where nothing was copied', async () => {
    const here = cluster.scratch;
    mkdirSync(path.join(here, 'src/deep'), { recursive: true });
    writeFileSync(path.join(here, 'src/noise'), noise);
    writeFileSync(path.join(here, 'src/deep/run.sh'), 'echo hi\n');
    chmodSync(path.join(here, 'src/deep/run.sh'), 0o755);
    symlinkSync('noise', path.join(here, 'src/link'));
    const [pod = ''] = (await cluster.mustKubectl('get', 'pods', '-l', 'app=web', '-o', 'name')).split('\n');
    const name = pod.replace('pod/', '');
    await must(['cp', path.join(here, 'src'), `${name}:/tmp/`]);
    assert.equal(await must(['exec', '-q', name, '--', '/bin/sh', '/tmp/src/deep/run.sh']), 'hi\n');
    assert.match(await must(['exec', '-q', name, '--', 'ls', '-l', '/tmp/src/link']), / -> noise/);
    const back = await naru(['cp', `default/${name}:/tmp/src`, path.join(here, 'back')]);
    assert.equal(back.code, 0, back.stderr);
    assert.match(back.stderr, /left out: tmp\/src\/link/);
    assert.deepEqual(readdirSync(path.join(here, 'back')).toSorted(), ['deep', 'noise']);
    assert.ok(readFileSync(path.join(here, 'back/noise')).equals(noise));
    await must(['cp', `${name}:/tmp/src/noise`, here]);
    assert.ok(readFileSync(path.join(here, 'noise')).equals(noise));
    const missing = await naru(['cp', `${name}:/none`, here]);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /none: No such file/);
  });

  test('port-forward: a free port, named ports, an end in one direction, and the next pod when one is gone', async () => {
    const forwarding = start(['port-forward', 'svc/web', ':main', '--address', '127.0.0.1']);
    const second = start(['port-forward', 'deploy/web', ':9000', '--address', '127.0.0.1']);
    const portOf = ({ text }: Running): Promise<number> =>
      eventually('it listens', () => Number(/127\.0\.0\.1:(\d+) ->/.exec(text())?.[1]) || undefined);
    const [http, sums] = [await portOf(forwarding), await portOf(second)];
    const page = async (): Promise<string> => (await exchange(http, 'GET /index.html HTTP/1.0\r\n\r\n')).toString();
    assert.match(await page(), /200 OK[\s\S]*hello\n$/);
    assert.match((await exchange(sums, 'abc')).toString(), /^900150983cd24fb0d6963f7d28e17f72/);
    await must(['delete', 'pods', '-l', 'app=web', '--now']);
    await must(['rollout', 'status', 'deploy/web', '--timeout', '60s']);
    await eventually('another pod answers', async () => (await page()).includes('hello'));
    for (const { child, ended } of [forwarding, second]) {
      child.kill('SIGINT');
      await ended;
    }
  });
});
