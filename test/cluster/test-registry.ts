/** A registry for tests: Debian's docker-registry on a free port of this machine, as plain HTTP, and images to put into it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { containerdPaths } from '../../src/agent/containerd/paths.ts';
import { fetchDebianPackage } from '../../tools/debian-package.ts';
import { eventually, freePort, root, run } from '../harness.ts';

export class TestRegistry {
  /** `127.0.0.1:5000`: containerd speaks plain HTTP to this machine. */
  readonly host: string;
  readonly #folder: string;
  readonly #process: ChildProcess;

  private constructor(host: string, folder: string, process: ChildProcess) {
    this.host = host;
    this.#folder = folder;
    this.#process = process;
  }

  static async start(): Promise<TestRegistry> {
    const cacheDir = path.join(root, '.cache');
    const unpacked = await fetchDebianPackage({ name: 'docker-registry', suite: 'bookworm', cacheDir });
    const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-registry-'));
    const host = `127.0.0.1:${await freePort()}`;
    const config = {
      version: 0.1,
      storage: { filesystem: { rootdirectory: path.join(folder, 'data') } },
      http: { addr: host },
    };
    // YAML holds JSON.
    writeFileSync(path.join(folder, 'config.yml'), JSON.stringify(config));
    const program = path.join(unpacked, 'usr/bin/docker-registry');
    // It ends with this process, also where that is killed.
    const command = ['--pdeathsig', 'KILL', program, 'serve', path.join(folder, 'config.yml')];
    const process = spawn('setpriv', command, { stdio: 'ignore' });
    const registry = new TestRegistry(host, folder, process);
    await eventually('the registry answers', async () => (await fetch(`http://${host}/v2/`)).ok);
    return registry;
  }

  /** From an archive of `naru image pack`, which must carry the name `host/repository:tag`. */
  async push(home: string, archive: string, name: string): Promise<void> {
    // In a namespace that the CRI does not look into: pods must not find the image there.
    const ctr = ['--address', containerdPaths(home).address, '--namespace', 'pushing', 'images'];
    await mustRun('ctr', [...ctr, 'import', '--no-unpack', archive]);
    await mustRun('ctr', [...ctr, 'push', '--plain-http', name]);
  }

  async stop(): Promise<void> {
    const exited = once(this.#process, 'exit');
    this.#process.kill();
    await exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A door to the registry that opens only to one user. */
export async function startGuard(registry: TestRegistry, user: string, password: string): Promise<Server> {
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const server = createServer((incoming, outgoing) => {
    if (incoming.headers.authorization !== expected) {
      outgoing.writeHead(401, { 'www-authenticate': 'Basic realm="test"', 'content-type': 'application/json' });
      outgoing.end('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}');
      return;
    }
    const { method, url, headers } = incoming;
    const onward = request(`http://${registry.host}${url}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function mustRun(program: string, args: readonly string[]): Promise<void> {
  const { code, stderr, stdout } = await run(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}${stdout}`);
}
