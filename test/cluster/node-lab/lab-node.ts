/** One machine of the lab as a node of its cluster: the machine, its cable, and `naru agent` on it. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { removeCgroup } from '../../../src/agent/containerd/cgroups.ts';
import { containerdPaths } from '../../../src/agent/containerd/paths.ts';
import { type CommandResult, root } from '../../harness.ts';
import { Foreground } from '../foreground.ts';
import { type Fabric, fabricAddress } from './fabric.ts';
import { Machine, type MachineOptions } from './machine.ts';

export interface LabNodeOptions extends MachineOptions {
  readonly fabric: Fabric;
  readonly address: string;
  /** What the agent joins with. */
  readonly bootstrapKubeconfig: string;
  /** The launcher that it has naru from; the project's where absent. */
  readonly launcher?: string;
  /** The range of its pods, where it is told one; else the API gives it one. */
  readonly podCidr?: string | undefined;
}

export class LabNode {
  readonly name: string;
  readonly address: string;
  readonly home: string;
  readonly machine: Machine;
  readonly #options: LabNodeOptions;
  readonly #cable: string;
  #agent: Foreground | undefined;

  constructor(options: LabNodeOptions) {
    this.#options = options;
    this.name = options.name;
    this.address = options.address;
    this.home = path.join(options.folder, 'home');
    this.machine = new Machine(options);
    this.#cable = `v-${options.name}`;
  }

  /** The machine with its network; the agent is started by itself. */
  async powerOn(): Promise<void> {
    await this.machine.powerOn();
    await this.#options.fabric.plug(this.#cable, this.machine.pid, this.address);
    await this.mustRun('ip', 'link', 'set', 'lo', 'up');
    await this.mustRun('ip', 'address', 'add', `${this.address}/24`, 'dev', 'eth0');
    await this.mustRun('ip', 'link', 'set', 'eth0', 'up');
    await this.mustRun('ip', 'route', 'add', 'default', 'via', fabricAddress);
  }

  startAgent(): void {
    const { bootstrapKubeconfig, podCidr } = this.#options;
    const told = podCidr === undefined ? [] : ['--pod-cidr', podCidr];
    const args = ['agent', '--node-name', this.name, '--bootstrap-kubeconfig', bootstrapKubeconfig, ...told];
    this.#agent = new Foreground(this.home, args, this.machine.inside([]));
  }

  /** What the agent wrote, since its last start. */
  get agentText(): string {
    return this.#agent?.text ?? '';
  }

  /** A power cut: what is on disk stays, and nothing else. */
  async crash(): Promise<void> {
    await this.machine.powerOff();
    await this.#agent?.ended;
    this.#agent = undefined;
    // The kernel does that at its next start.
    const { left } = await removeCgroup(containerdPaths(this.home).cgroupRoot);
    assert.deepEqual(left, []);
  }

  isolate(): Promise<void> {
    return this.#options.fabric.ip(`link set ${this.#cable} down`);
  }

  heal(): Promise<void> {
    return this.#options.fabric.ip(`link set ${this.#cable} up`);
  }

  naru(...args: string[]): Promise<CommandResult> {
    const env = { NARU_HOME: this.home };
    return this.machine.run([this.#options.launcher ?? path.join(root, 'naru'), ...args], { env, timeoutMs: 120_000 });
  }

  async mustRun(...argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.machine.run(argv);
    assert.equal(code, 0, `${this.name}: ${argv.join(' ')}: ${stderr}`);
    return stdout;
  }
}
