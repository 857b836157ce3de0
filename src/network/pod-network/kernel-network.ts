/** The kernel's side of the plan of routes, of settings and of others' firewalls: looked at, and brought there. Thin; what is to be done is decided elsewhere. */
import { batch, type NetworkCommands } from './commands.ts';
import {
  filterProgramOf,
  forwardingSettings,
  forwardRules,
  forwardRulesRemoved,
  routerListeners,
  type Setting,
} from './forwarding.ts';
import {
  type KernelRoutes,
  type Printed,
  readKernel,
  routeCommands,
  routeProtocol,
  tunnelDevice,
} from './kernel-routes.ts';
import type { RoutePlan } from './routes.ts';

export class KernelNetwork {
  readonly #commands: NetworkCommands;
  readonly #id: string;

  constructor(commands: NetworkCommands, id: string) {
    this.#commands = commands;
    this.#id = id;
  }

  /** @throws Error with ip's words */
  async look(): Promise<KernelRoutes> {
    const device = tunnelDevice(this.#id);
    const questions = ['address', `route show proto ${routeProtocol}`, 'neighbour show nud permanent'];
    const [plain, six] = await Promise.all([
      this.#commands.run('ip', ['-j', '-d', '-batch', '-'], `${questions.join('\n')}\n`),
      this.#commands.run('ip', ['-j', '-6', 'route', 'show', 'proto', String(routeProtocol)]),
    ]);
    const [addresses, routes, neighbours] = jsonLines(plain);
    const printed = {
      addresses: addresses ?? [],
      routes: [...(routes ?? []), ...(jsonLines(six)[0] ?? [])],
      neighbours: neighbours ?? [],
    } as unknown as Omit<Printed, 'forwarding'>;
    const hasTunnel = printed.addresses.some(({ ifname }) => ifname === device);
    const forwarding = hasTunnel ? await this.#commands.run('bridge', ['-j', 'fdb', 'show', 'dev', device]) : '';
    return readKernel(
      { ...printed, forwarding: (jsonLines(forwarding)[0] ?? []) as unknown as Printed['forwarding'] },
      this.#id,
    );
  }

  /** What of it was refused is tried by the next call. @throws Error with all that was */
  async bring(plan: RoutePlan, kernel: KernelRoutes): Promise<void> {
    const { before, bridge, after } = routeCommands(plan, kernel, this.#id);
    const failures: unknown[] = [];
    const steps = [
      ['ip', before],
      ['bridge', bridge],
      ['ip', after],
    ] as const;
    for (const [program, lines] of steps) {
      await batch(this.#commands, program, lines).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw new Error(failures.map((failure) => (failure as Error).message).join('; '));
  }

  /** @throws Error that names the setting and its value */
  async letForward(ranges: readonly string[], devices: readonly string[], tunnel: string | undefined): Promise<void> {
    const settings = forwardingSettings(ranges, tunnel);
    for (const setting of settings) {
      if (setting.name.endsWith('/forwarding') && !(await this.#isSet(setting))) {
        for (const listener of routerListeners(devices)) await this.#set(listener);
      }
      await this.#set(setting);
    }
  }

  /** Packets with 127.0.0.1 as their source may go to this pod: it has a port of the node. */
  async letAskByLoopback(podAddress: string): Promise<void> {
    const device = await this.#cableOf(podAddress);
    if (device !== undefined) {
      await this.#set({ name: `net/ipv4/conf/${device}/route_localnet`, value: '1', accepted: ['1'] });
    }
  }

  /** @param queue as `tc` takes it; undefined: none */
  async limitIngress(podAddress: string, queue: string | undefined): Promise<void> {
    const device = await this.#cableOf(podAddress);
    if (device === undefined) return;
    if (queue !== undefined)
      await this.#commands.run('tc', ['qdisc', 'replace', 'dev', device, 'root', ...queue.split(' ')]);
    // It may have none, and need not lose it then.
    else await this.#commands.run('tc', ['qdisc', 'delete', 'dev', device, 'root']).catch(() => '');
  }

  /** The host's end of a pod's cable; undefined: the pod is gone. */
  async #cableOf(podAddress: string): Promise<string | undefined> {
    const printed = await this.#commands.run('ip', ['-j', 'route', 'get', podAddress]).catch(() => '');
    const device = (jsonLines(printed)[0]?.[0] as { dev?: string } | undefined)?.dev;
    return device?.startsWith('veth') ? device : undefined;
  }

  /** Where another firewall drops what is forwarded, our ranges are let through. */
  async passFirewall(ranges: readonly string[]): Promise<void> {
    for (const range of ranges) {
      const program = filterProgramOf(range);
      const listed = await this.#firewall(program);
      for (const rule of forwardRules(listed, [range], this.#id)) await this.#commands.run(program, rule);
    }
  }

  /** Senders that the kernel remembers for a UDP port of the node are forgotten. */
  async forgetSenders(ports: readonly number[], nodeAddresses: readonly string[]): Promise<void> {
    for (const port of ports) {
      for (const address of nodeAddresses) {
        const family = address.includes(':') ? 'ipv6' : 'ipv4';
        const args = ['-D', '-f', family, '-p', 'udp', '--orig-dst', address, '--orig-port-dst', String(port)];
        await this.#commands.run('conntrack', args).catch(unlessNone);
      }
    }
  }

  /** Everything of this home, whatever was there. */
  async remove(): Promise<readonly string[]> {
    const kernel = await this.look();
    const removed = [...kernel.routes.keys()].map((range) => `route ${range}`);
    if (kernel.tunnel !== undefined) removed.push(`interface ${kernel.tunnel.device}`);
    await this.bring({ routes: [], peers: [], problems: [] }, kernel);
    for (const program of ['iptables', 'ip6tables'] as const) {
      for (const rule of forwardRulesRemoved(await this.#firewall(program), this.#id)) {
        await this.#commands.run(program, rule);
        removed.push(`rule of ${program}`);
      }
    }
    return removed;
  }

  /** Its rules; none where there is no such program, or it does not work here. */
  #firewall(program: string): Promise<string> {
    return this.#commands.run(program, ['-w', '5', '-S', 'FORWARD']).catch(() => '');
  }

  async #isSet({ name, accepted }: Setting): Promise<boolean> {
    return accepted.includes(await this.#commands.readSetting(name).catch(() => ''));
  }

  async #set(setting: Setting): Promise<void> {
    if (await this.#isSet(setting)) return;
    try {
      await this.#commands.writeSetting(setting.name, setting.value);
    } catch (error) {
      const { name, value } = setting;
      throw new Error(`/proc/sys/${name} cannot be set to ${value} (${(error as Error).message}); set it by hand`, {
        cause: error,
      });
    }
  }
}

/** `ip -j` prints one line of JSON for each question, and an empty one where there is nothing to tell. */
function jsonLines(text: string): (readonly unknown[])[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('['))
    .map((line) => JSON.parse(line) as unknown[]);
}

/** conntrack fails where it finds nothing to delete. */
function unlessNone(error: unknown): void {
  if (!/0 flow entries/.test((error as Error).message)) throw error;
}
