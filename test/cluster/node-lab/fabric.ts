/**
 * The network between the lab's machines: a bridge in a network namespace of its own, where the server and the test's clients live, too, and a
 * cable to each machine. A partition is a cable that is down on this side, so that the machine keeps its addresses and routes.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { eventually, run } from '../../harness.ts';

export const fabricAddress = '10.90.0.1';

export class Fabric {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async open(pause: string): Promise<Fabric> {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--net', pause], { stdio: 'ignore' });
    const fabric = new Fabric(child);
    await eventually('the network is there', () => readlinkSync(`/proc/${child.pid}/exe`).endsWith('/pause'));
    await fabric.ip('link set lo up');
    await fabric.ip('link add br0 type bridge');
    await fabric.ip(`address add ${fabricAddress}/24 dev br0`);
    await fabric.ip('link set br0 up');
    return fabric;
  }

  /** The command that runs `argv` in this network, on the machine's own disk and among its processes. */
  inside(argv: readonly string[]): string[] {
    return ['nsenter', '--target', String(this.#child.pid), '--net', '--', ...argv];
  }

  async ip(command: string): Promise<void> {
    const [program = '', ...args] = this.inside(['ip', ...command.split(' ')]);
    const { code, stderr } = await run(program, args);
    assert.equal(code, 0, `ip ${command}: ${stderr}`);
  }

  /** A cable to the machine with this first process. Its hardware address stays the same, or neighbours would talk to the one before. */
  async plug(cable: string, pid: number, address: string): Promise<void> {
    await this.unplug(cable);
    const hardware = ['02', '5a', ...address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))];
    await this.ip(`link add ${cable} type veth peer name eth0 netns ${pid} address ${hardware.join(':')}`);
    await this.ip(`link set ${cable} master br0 up`);
  }

  /** A cable goes with its machine, but not at once. */
  async unplug(cable: string): Promise<void> {
    const [program = '', ...args] = this.inside(['ip', 'link', 'delete', cable]);
    await run(program, args);
  }

  async close(): Promise<void> {
    const ended = this.#child.exitCode === null && this.#child.signalCode === null && once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
