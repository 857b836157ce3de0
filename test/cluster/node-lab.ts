/**
 * A cluster of several whole nodes on this machine: a server, and machines (`node-lab/`) that join it with a bootstrap token and run
 * containers, all on a network of their own. Machines can lose their power and their cable.
 *
 * What the lab makes on this machine is a temporary folder, cgroups of the nodes' homes, and processes that end with it.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { Node } from '../../src/api/schema/types/core-v1.ts';
import { makeKubeconfig, readKubeconfig } from '../../src/client/kubeconfig.ts';
import { packImage } from '../../src/images/pack-image.ts';
import { pauseProgram } from '../../src/images/pause.ts';
import { architectureOf } from '../../src/images/platform.ts';
import { type CommandOptions, type CommandResult, eventually, findKubectl, root, run } from '../harness.ts';
import { Foreground } from './foreground.ts';
import { Fabric, fabricAddress } from './node-lab/fabric.ts';
import { LabNode } from './node-lab/lab-node.ts';
import { type Manifest, shellImage } from './workload.ts';

const token = { id: 'abcdef', secret: '0123456789abcdef' } as const;
const port = 6443;
/** The first start after a change of the sources bundles them. */
const startMsMax = 90_000;

export class NodeLab {
  readonly folder: string;
  readonly nodes: readonly LabNode[];
  readonly #fabric: Fabric;
  readonly #kubectl: string;
  #server: Foreground | undefined;

  private constructor(folder: string, fabric: Fabric, nodes: readonly LabNode[], kubectl: string) {
    this.folder = folder;
    this.#fabric = fabric;
    this.nodes = nodes;
    this.#kubectl = kubectl;
  }

  /** Machines that are on, and a server; no agent runs yet. @param podCidrs of nodes that are told theirs, by name */
  static async open(count: number, podCidrs: Readonly<Record<string, string>> = {}): Promise<NodeLab> {
    const lab = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'naru-nodes-')));
    const pause = path.join(lab, 'pause');
    writeFileSync(pause, pauseProgram(architectureOf(process.arch)), { mode: 0o700 });
    const fabric = await Fabric.open(pause);
    const nodes = Array.from({ length: count }, (_, index) => {
      const name = `n${index + 1}`;
      const bootstrapKubeconfig = path.join(lab, 'join.kubeconfig');
      const own = { name, folder: path.join(lab, name), address: `10.90.0.${11 + index}`, podCidr: podCidrs[name] };
      return new LabNode({ ...own, lab, pause, fabric, bootstrapKubeconfig });
    });
    const opened = new NodeLab(lab, fabric, nodes, await findKubectl());
    try {
      await opened.startServer();
      await opened.#prepareJoining();
      for (const node of nodes) await node.powerOn();
    } catch (error) {
      await opened.close();
      throw error;
    }
    return opened;
  }

  get #serverHome(): string {
    return path.join(this.folder, 'server');
  }

  async startServer(): Promise<void> {
    const args = ['server', '--host', fabricAddress, '--port', String(port)];
    const server = new Foreground(this.#serverHome, args, this.#fabric.inside([]));
    this.#server = server;
    const answers = async (): Promise<boolean> => {
      const { code, stderr } = await this.kubectl(['get', '--raw', '/readyz']);
      if (code !== 0) throw new Error(`${stderr}\n${server.text}`);
      return true;
    };
    await eventually('the API answers', answers, startMsMax);
  }

  get server(): Foreground {
    if (this.#server === undefined) throw new Error('the server was not started');
    return this.#server;
  }

  async #prepareJoining(): Promise<void> {
    await this.create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `bootstrap-token-${token.id}`, namespace: 'kube-system' },
      type: 'bootstrap.kubernetes.io/token',
      stringData: {
        'token-id': token.id,
        'token-secret': token.secret,
        'usage-bootstrap-authentication': 'true',
        'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
      },
    });
    const { server, ca } = await readKubeconfig(path.join(this.#serverHome, 'kubeconfig'));
    assert.ok(ca !== undefined);
    const joining = { server, ca, token: `${token.id}.${token.secret}`, user: 'joining', cluster: 'naru' };
    writeFileSync(path.join(this.folder, 'join.kubeconfig'), makeKubeconfig(joining), { mode: 0o600 });
  }

  /** Every agent runs and is Ready, and has an image with a shell. */
  async join(): Promise<void> {
    for (const node of this.nodes) node.startAgent();
    for (const node of this.nodes) await this.ready(node);
    const archive = path.join(this.folder, 'shell.tar');
    await packImage({ name: shellImage, programs: ['busybox'], entrypoint: [], command: ['/bin/sh'], output: archive });
    await this.importImage(archive);
  }

  async importImage(archive: string): Promise<void> {
    for (const node of this.nodes) {
      const { code, stderr } = await node.naru('image', 'import', archive);
      assert.equal(code, 0, `${node.name}: ${stderr}`);
    }
  }

  node(name: string | undefined): LabNode {
    const found = this.nodes.find((one) => one.name === name);
    if (found === undefined) throw new Error(`there is no node ${name} in the lab`);
    return found;
  }

  object(node: LabNode): Promise<Node> {
    return this.json<Node>('get', 'node', node.name);
  }

  ready(node: LabNode): Promise<unknown> {
    return this.nodeIs(node, 'True');
  }

  /** Resolves with the node when its Ready is so. */
  async nodeIs(node: LabNode, status: 'True' | 'Unknown', timeoutMs = 90_000): Promise<Node> {
    try {
      return await eventually(
        `the Ready of ${node.name} is ${status}`,
        async () => {
          const object = await this.object(node);
          return object.status?.conditions?.find(({ type }) => type === 'Ready')?.status === status
            ? object
            : undefined;
        },
        timeoutMs,
      );
    } catch (error) {
      throw new Error(`${(error as Error).message}; its agent wrote:\n${lastLines(node.agentText)}`, { cause: error });
    }
  }

  /** The command that runs `argv` where the machines' network is, as somebody beside them: a user, the server. */
  outside(argv: readonly string[]): string[] {
    return this.#fabric.inside(argv);
  }

  /** Runs `argv` there. */
  outsideRun(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const [program = '', ...args] = this.outside(argv);
    return run(program, args, options);
  }

  /** The command line of a `kubectl` there. */
  kubectlLine(...args: readonly string[]): string[] {
    return this.outside([this.#kubectl, '--kubeconfig', path.join(this.#serverHome, 'kubeconfig'), ...args]);
  }

  kubectl(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.outsideRun(
      [this.#kubectl, '--kubeconfig', path.join(this.#serverHome, 'kubeconfig'), ...args],
      options,
    );
  }

  /** This project's own command line, as the administrator's. */
  naru(...args: readonly string[]): Promise<CommandResult> {
    const kubeconfig = path.join(this.#serverHome, 'kubeconfig');
    return this.outsideRun(['env', `KUBECONFIG=${kubeconfig}`, path.join(root, 'naru'), ...args]);
  }

  async mustKubectl(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.kubectl(args);
    assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.mustKubectl(...args, '-o', 'json')) as T;
  }

  async create(...objects: readonly Manifest[]): Promise<void> {
    const input = objects.map((object) => JSON.stringify(object)).join('\n');
    const { code, stderr } = await this.kubectl(['create', '-f', '-'], { input });
    assert.equal(code, 0, stderr);
  }

  /** The nodes end as by a power cut, which is also what ends everything that a failed test left. */
  async close(): Promise<void> {
    for (const node of this.nodes) await node.crash();
    this.#server?.kill('SIGTERM');
    await this.#server?.ended;
    await this.#fabric.close();
    for (const node of this.nodes) assert.deepEqual(mountsOf(node.home), []);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const mountsOf = (folder: string): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(folder));

const lastLines = (text: string): string => text.split('\n').slice(-15).join('\n');
