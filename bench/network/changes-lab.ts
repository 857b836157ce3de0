/**
 * A server and nodes for the benchmark, each in a network namespace of its own on one bridge: `naru server`, and for each node its whole network
 * (`node.ts`). They speak over HTTPS, as machines do.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { Foreground } from '../../test/cluster/foreground.ts';
import { eventually, findKubectl } from '../../test/harness.ts';
import { NetLab, type NetProcess, type NetSpace } from '../../test/network/net-lab.ts';
import { agentProgram } from './agent-program.ts';
import type { NodeMemory } from './node.ts';

const serverAddress = '10.91.0.1';
const port = 6443;
/** The launcher makes its bundle first where sources are newer; and a machine may have much else to do. */
const startMsMax = 120_000;

/** What a program says, line by line. */
export class Answers {
  readonly process: NetProcess;
  #read = 0;

  constructor(process: NetProcess) {
    this.process = process;
  }

  /** @throws where the program ends instead */
  async next(timeoutMs = 120_000): Promise<string> {
    const wanted = this.#read++;
    return eventually(
      'the next line of a program of the benchmark',
      () => {
        const lines = this.process.text.split('\n');
        if (lines.length > wanted + 1) return lines[wanted] ?? '';
        if (!this.process.isRunning) throw new Error(`the program ended: ${this.process.text}`);
        return undefined;
      },
      timeoutMs,
    );
  }
}

export class BenchNode {
  readonly space: NetSpace;
  readonly #answers: Answers;

  constructor(space: NetSpace, program: NetProcess) {
    this.space = space;
    this.#answers = new Answers(program);
  }

  /** Resolves when its table of Services is there, and its name server. */
  async start(): Promise<void> {
    await this.#ask('start');
    await eventually(
      `${this.space.name} serves`,
      async () => {
        const [tables, addresses] = [await this.space.must('nft', 'list', 'tables'), await this.space.ip('-o address')];
        return tables.includes('naru-proxy') && /lo +inet 10\.\S+\/32/.test(addresses);
      },
      startMsMax,
    );
  }

  async rssBytes(): Promise<number> {
    return (JSON.parse(await this.#ask('memory')) as NodeMemory).rssBytes;
  }

  #ask(word: string): Promise<string> {
    this.#answers.process.write(`${word}\n`);
    return this.#answers.next();
  }
}

export class ChangesLab {
  readonly nodes: readonly BenchNode[];
  readonly #lab: NetLab;
  readonly #outside: NetSpace;
  readonly #server: Foreground;

  private constructor(lab: NetLab, outside: NetSpace, server: Foreground, nodes: readonly BenchNode[]) {
    this.#lab = lab;
    this.#outside = outside;
    this.#server = server;
    this.nodes = nodes;
  }

  static async open(count: number): Promise<ChangesLab> {
    const lab = await NetLab.open();
    const outside = await lab.space('outside');
    await outside.ip('link add br0 type bridge');
    await outside.addresses('br0', `${serverAddress}/24`);
    const args = ['server', '--host', serverAddress, '--port', String(port)];
    const server = new Foreground(homeIn(lab), args, outside.inside([]));
    const nodes: BenchNode[] = [];
    const opened = new ChangesLab(lab, outside, server, nodes);
    try {
      await opened.#answers();
      const program = agentProgram('node.ts', lab.folder);
      for (let number = 1; number <= count; number++) nodes.push(await opened.#node(number, program));
      return opened;
    } catch (error) {
      await opened.close();
      throw new Error(`the lab does not start; its server said: ${server.text}`, { cause: error });
    }
  }

  /** A program of this folder beside the server. */
  outside(source: string, ...args: readonly string[]): NetProcess {
    return this.#outside.script(`bench/network/${source}`, this.kubeconfig, ...args);
  }

  get kubeconfig(): string {
    return path.join(homeIn(this.#lab), 'kubeconfig');
  }

  async #answers(): Promise<void> {
    const ready = [await findKubectl(), '--kubeconfig', this.kubeconfig, 'get', '--raw', '/readyz'];
    let isOver = false;
    void this.#server.ended.then(() => (isOver = true));
    const answer = await eventually(
      'the API answers',
      async () => ((await this.#outside.run(ready)).code === 0 ? 'ready' : isOver ? 'over' : undefined),
      startMsMax,
    );
    if (answer === 'over') throw new Error('the server ended');
  }

  async #node(number: number, program: readonly string[]): Promise<BenchNode> {
    const name = `n${number}`;
    const address = `${serverAddress.replace(/\d+$/, '')}${10 + number}`;
    const space = await this.#lab.space(name);
    await this.#lab.cable([this.#outside, name], [space, 'eth0', `${address}/24`]);
    await this.#outside.ip(`link set ${name} master br0`);
    const folder = path.join(this.#lab.folder, name);
    mkdirSync(folder, { mode: 0o700 });
    return new BenchNode(
      space,
      space.spawn([...program, this.kubeconfig, name, address, `10.42.${number}.0/24`, folder]),
    );
  }

  async close(): Promise<void> {
    this.#server.kill('SIGTERM');
    await this.#server.ended;
    await this.#lab.close();
  }
}

const homeIn = (lab: NetLab): string => path.join(lab.folder, 'server');
