/**
 * exec, attach, port-forward and cp with real containers and real clients: in one process, and through the tunnel between `naru server` and
 * `naru agent`; over WebSocket, over SPDY, and from a kubectl of 2020.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import type { Pod } from '../../src/api/schema/types/core-v1.ts';
import { elapsedMs, eventually, freePort, leftSince, machineState, sleep, TestCluster } from '../harness.ts';
import { Foreground } from './foreground.ts';
import { type Client, everyClient, exchange, forward, mustEnd, outcome, type RunningClient, start } from './streams.ts';
import { create, forever, isReady, podManifest, script, statusOf } from './workload.ts';

const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
const mebibyte = 1024 * 1024;
const noise = randomBytes(8 * mebibyte);

/** Where the agent runs: its cluster, and the process that holds its sessions. */
interface World {
  readonly cluster: TestCluster;
  readonly agentPid: number;
}

async function oneProcess(): Promise<World> {
  const cluster = await TestCluster.up();
  return { cluster, agentPid: cluster.pid };
}

async function twoHalves(): Promise<World> {
  const cluster = await TestCluster.create();
  const server = new Foreground(cluster.home, ['server', '--port', String(await freePort())]);
  await eventually(
    `the API answers: ${server.text}`,
    async () => (await cluster.kubectl(['get', '--raw', '/readyz'])).code === 0,
  );
  const agent = new Foreground(cluster.home, ['agent']);
  await eventually(`the node is there: ${agent.text}`, async () =>
    (await cluster.mustKubectl('get', 'nodes')).includes(' Ready'),
  );
  const file = path.join(cluster.home, 'agent.pid');
  return { cluster, agentPid: (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid };
}

const servers = [
  'mkdir -p /tmp && cd /tmp && echo hello > index.html && httpd -p 8080 -h /tmp && httpd -p 127.0.0.1:8081 -h /tmp',
  'nc -ll -p 9000 -e md5sum &',
  'nc -ll -p 9001 -e sh -c "cat > /dev/null; sleep 2; echo late" &',
  forever,
].join('\n');
const reads = 'while read x; do echo "got $x"; echo "err $x" >&2; done; echo ended; sleep 1000';

const manifests = [
  podManifest('web', { containers: [script(servers), script(forever)] }),
  podManifest('reader', { containers: [script(reads, { stdin: true })] }),
  podManifest('once', { containers: [script('md5sum; exit 3', { stdin: true, stdinOnce: true })] }),
  podManifest('terminal', { containers: [{ command: ['/bin/sh'], stdin: true, tty: true }] }),
  podManifest('ended', { containers: [script('true')] }),
];

function suite(name: string, open: () => Promise<World>): void {
  void describe(`streams, ${name}`, { timeout: 600_000 }, () => {
    let world: World;
    let cluster: TestCluster;
    let clients: readonly Client[];
    let folder: string;
    let earlier: readonly string[];

    before(async () => {
      earlier = await machineState();
      folder = mkdtempSync(path.join(os.tmpdir(), 'naru-streams-'));
      writeFileSync(path.join(folder, 'noise'), noise);
      clients = await everyClient();
      world = await open();
      cluster = world.cluster;
      await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
      await create(cluster, ...manifests);
      for (const pod of ['web', 'reader', 'once', 'terminal']) await ready(pod);
    });

    after(async () => {
      await Foreground.killAll();
      await TestCluster.closeAll();
      rmSync(folder, { recursive: true, force: true });
      assert.deepEqual(await leftSince(earlier), [], 'naru down leaves nothing behind on the machine');
    });

    const ready = (pod: string): Promise<unknown> =>
      eventually(`${pod} is Ready`, async () => isReady(await cluster.json<Pod>('get', 'pod', pod)), 60_000);
    const exec = (client: Client, command: readonly string[], input?: Buffer | string) => {
      const flags = input === undefined ? [] : ['-i'];
      return outcome(cluster, client, ['exec', ...flags, 'web', '-c', 'app', '--', ...command], input);
    };
    const openFiles = (): number => readdirSync(`/proc/${world.agentPid}/fd`).length;
    /** Processes on this machine whose command line is this, word by word. */
    const running = (...command: readonly string[]): number =>
      readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandLine(pid) === command.join('\0') + '\0').length;
    const perClient = async (each: (client: Client) => Promise<void>): Promise<void> => {
      for (const client of clients) {
        try {
          await each(client);
        } catch (error) {
          throw new Error(`kubectl ${client.name}`, { cause: error });
        }
      }
    };

    test('a command has its outputs apart, and its exit code', async () => {
      await perClient(async (client) => {
        const result = await exec(client, ['sh', '-c', 'echo out; echo err >&2; exit 7']);
        assert.equal(mustEnd(result, 7), 'out\n');
        assert.match(result.stderr, /^err\ncommand terminated with exit code 7\n$/);
        assert.equal((await exec(client, ['sh', '-c', 'kill -9 $$'])).code, 137);
        const absent = await exec(client, ['no-such-program']);
        assert.equal(absent.code, 1);
        assert.match(absent.stderr, /no-such-program.*executable file not found/);
      });
    });

    test('its input ends when it ends, and need not be read', async () => {
      await perClient(async (client) => {
        assert.equal(mustEnd(await exec(client, ['cat'], 'hello')), 'hello');
        assert.equal(mustEnd(await exec(client, ['cat'])), '');
        assert.ok((await exec(client, ['cat'], noise)).stdout.equals(noise), 'binary, both ways at once');
        assert.ok((await exec(client, ['head', '-c', '3'], noise)).stdout.equals(noise.subarray(0, 3)));
      });
    });

    test('64 MiB come out as they went in', async () => {
      const zeros = Buffer.alloc(64 * mebibyte);
      await perClient(async (client) => {
        const { stdout } = await exec(client, ['dd', 'if=/dev/zero', 'bs=65536', `count=${zeros.length / 65536}`]);
        assert.equal(digest(stdout), digest(zeros));
      });
      const [newest] = clients as [Client];
      assert.match(mustEnd(await exec(newest, ['sha256sum'], zeros)), new RegExp(`^${digest(zeros)}`));
    });

    test('a terminal has its size before its first word, and one output', async () => {
      await perClient(async (client) => {
        const command = [
          'exec',
          '-it',
          'web',
          '-c',
          'app',
          '--',
          'sh',
          '-c',
          'stty size; echo $TERM; test -t 0 && echo tty >&2; exit 5',
        ];
        const session = start(cluster, client, command, { rows: 33, columns: 111 });
        const { code, stdout } = await session.ended;
        assert.equal(code, 5);
        assert.match(stdout.toString(), /33 111\r\nxterm\r\ntty\r\n/);
      });
    });

    test('cp carries files and folders both ways', async () => {
      await perClient(async (client) => {
        const copy = (...args: string[]) => outcome(cluster, client, ['cp', '-c', 'app', ...args]);
        mustEnd(await copy(path.join(folder, 'noise'), 'web:/tmp/noise'));
        assert.match(mustEnd(await exec(client, ['sha256sum', '/tmp/noise'])), new RegExp(`^${digest(noise)}`));
        const back = path.join(folder, 'back');
        mustEnd(await copy('web:/tmp/noise', back));
        assert.ok(readFileSync(back).equals(noise));
        mustEnd(
          await exec(client, [
            'sh',
            '-c',
            'mkdir -p /tmp/many/sub; for i in 1 2 3; do echo $i > /tmp/many/sub/$i; done',
          ]),
        );
        const many = mkdtempSync(path.join(folder, 'many-'));
        mustEnd(await copy('web:/tmp/many', many));
        assert.equal(readFileSync(path.join(many, 'sub/3'), 'utf8'), '3\n');
      });
    });

    test('attach joins the container’s own streams', async () => {
      await perClient(async (client) => {
        const session = start(cluster, client, ['attach', '-i', 'reader']);
        await sleep(500);
        session.child.stdin?.write('one\n');
        await eventually('both outputs come', () => /got one/.test(session.text()) && /err one/.test(session.text()));
        session.child.kill('SIGKILL');
        await session.ended;
      });
      const [newest] = clients as [Client];
      const sum = await outcome(cluster, newest, ['attach', '-i', 'once'], noise);
      assert.equal(sum.stdout.toString(), `${createHash('md5').update(noise).digest('hex')}  -\n`);
      await eventually('it has ended', async () => {
        return statusOf(await cluster.json<Pod>('get', 'pod', 'once'))?.state?.terminated?.exitCode === 3;
      });
      const terminal = start(cluster, newest, ['attach', '-it', 'terminal'], { rows: 44, columns: 122 });
      await sleep(1000);
      terminal.child.stdin?.write('stty size\n');
      await eventually('the size came', () => terminal.text().includes('44 122'));
      terminal.child.stdin?.write('exit\n');
      assert.equal((await terminal.ended).code, 0);
    });

    test('ports are forwarded, with each direction’s own end', async () => {
      await perClient(async (client) => {
        const { ports, client: running } = await forward(cluster, client, 'web', [8080, 8081, 9000, 9001]);
        const to = (port: number, data: Buffer | string) => exchange(ports.get(port) ?? 0, data);
        const request = 'GET /index.html HTTP/1.0\r\n\r\n';
        for (const port of [8080, 8081]) assert.match((await to(port, request)).toString(), /hello\n$/);
        assert.equal((await to(9000, noise)).toString(), `${createHash('md5').update(noise).digest('hex')}  -\n`);
        assert.equal((await to(9001, 'x')).toString(), 'late\n', 'an answer long after the end of the question');
        const large = await to(8080, 'GET /noise HTTP/1.0\r\n\r\n');
        assert.ok(large.subarray(-noise.length).equals(noise));
        // Busybox's servers take some ten at once, and reset the rest.
        for (let round = 0; round < 5; round++) {
          const many = await Promise.all(Array.from({ length: 8 }, () => to(8080, request)));
          assert.ok(many.every((answer) => answer.toString().endsWith('hello\n')));
        }
        running.child.kill('SIGKILL');
        await running.ended;
      });
    });

    test('a port that nobody listens on is refused', async () => {
      await perClient(async (client) => {
        const { ports, client: running } = await forward(cluster, client, 'web', [8080, 81]);
        assert.equal((await exchange(ports.get(81) ?? 0, 'x').catch(() => Buffer.alloc(0))).length, 0);
        await eventually('it says so', () =>
          /error forwarding port 81 to pod .*: dial tcp 127.0.0.1:81: connect: connection refused/.test(running.text()),
        );
        running.child.kill('SIGKILL');
        await running.ended;
      });
    });

    test('what cannot be entered is refused with a reason', async () => {
      await perClient(async (client) => {
        const reason = async (...args: readonly string[]): Promise<string> => {
          const { code, stderr } = await outcome(cluster, client, args);
          assert.notEqual(code, 0);
          return stderr;
        };
        assert.match(await reason('exec', 'absent', '--', 'true'), /pods "absent" not found/);
        assert.match(await reason('exec', 'web', '-c', 'x', '--', 'true'), /container x is not valid for pod web/);
        assert.match(
          await reason('exec', 'ended', '--', 'true'),
          /cannot exec into a container in a completed pod; current phase is Succeeded/,
        );
      });
      const bare = await cluster.kubectl([
        'get',
        '--raw',
        '/api/v1/namespaces/default/pods/web/exec?container=app&command=true',
      ]);
      assert.match(bare.stderr, /Upgrade request required/);
    });

    test('a client that is killed leaves nothing behind; a silent program runs on, as upstream', async () => {
      await sleep(500);
      const filesBefore = openFiles();
      await perClient(async (client) => {
        const inPod = (flags: readonly string[], ...command: readonly string[]): RunningClient =>
          start(cluster, client, ['exec', ...flags, 'web', '-c', 'app', '--', ...command]);
        const sessions = [inPod([], 'yes', 'killed'), inPod(['-i'], 'cat', '-'), inPod(['-i', '-t'], 'sleep', '54321')];
        const forwarded = await forward(cluster, client, 'web', [8080]);
        const silent = inPod([], 'sleep', '12345');
        await eventually(
          'all run',
          () =>
            running('yes', 'killed') + running('cat', '-') + running('sleep', '54321') + running('sleep', '12345') >= 4,
        );
        for (const one of [...sessions, silent, forwarded.client]) one.child.kill('SIGKILL');
        await eventually(
          'those who can know have ended',
          () => running('yes', 'killed') + running('cat', '-') === 0,
          20_000,
        );
        assert.equal(running('sleep', '12345'), 1);
        mustEnd(
          await exec(client, [
            'sh',
            '-c',
            "kill $(ps -o pid,args | grep 's[l]eep' | grep -E '12345|54321' | sed 's/^ *//; s/ .*//')",
          ]),
        );
        await eventually('the last has ended', () => running('sleep', '12345') + running('sleep', '54321') === 0);
      });
      // The process in the pod's network stays for a minute, with a channel to it.
      await eventually('no file is left open', () => openFiles() <= filesBefore + 2, 10_000);
      assert.equal(
        readdirSync(path.join(cluster.home, 'node/fifos')).filter((file) => file.includes('open')).length,
        0,
      );
    });

    test('sessions end with their pod', async () => {
      await create(cluster, podManifest('short', { containers: [script(forever)] }));
      await ready('short');
      const sessions = clients.map((client) => start(cluster, client, ['exec', 'short', '--', 'sleep', '1000']));
      await eventually('all run', () => running('sleep', '1000') >= sessions.length);
      await cluster.mustKubectl('delete', 'pod', 'short');
      for (const { ended } of sessions) assert.equal((await ended).code, 137);
    });

    test('a command costs little more than a look at the pod', async (t) => {
      const [newest] = clients as [Client];
      const median = async (args: readonly string[]): Promise<number> => {
        const times: number[] = [];
        for (let round = 0; round < 7; round++) {
          const since = elapsedMs();
          mustEnd(await outcome(cluster, newest, args));
          times.push(since());
        }
        return times.toSorted((a, b) => a - b)[3] as number;
      };
      const get = await median(['get', 'pod', 'web']);
      const run = await median(['exec', 'web', '-c', 'app', '--', 'true']);
      t.diagnostic(`kubectl get: ${get} ms, kubectl exec true: ${run} ms`);
      assert.ok(run < get + 2000, `${run} ms against ${get} ms`);
    });

    test('when the agent ends, clients are told', async () => {
      const sessions = clients.map((client) =>
        start(cluster, client, ['exec', 'web', '-c', 'app', '--', 'sleep', '777']),
      );
      await eventually('all run', () => running('sleep', '777') >= sessions.length);
      process.kill(world.agentPid, 'SIGTERM');
      for (const { ended } of sessions) {
        const { code, stderr } = await ended;
        assert.equal(code, 1, stderr);
        assert.match(stderr, /the node is shutting down/);
      }
      await eventually('nothing of it runs on', () => running('sleep', '777') === 0);
    });
  });
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

suite('one process', oneProcess);
suite('naru server and naru agent', twoHalves);
