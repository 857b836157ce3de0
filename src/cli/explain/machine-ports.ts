/** Who listens on the ports that naru wants: the kernel's table of sockets, and the processes that hold them. Linux. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { PortFacts } from '../../explain/doctor/machine-facts.ts';

const wanted = (apiPort: number): readonly Pick<PortFacts, 'port' | 'protocol' | 'use'>[] => [
  { port: apiPort, protocol: 'tcp', use: 'the API' },
  { port: 80, protocol: 'tcp', use: 'Ingresses' },
  { port: 443, protocol: 'tcp', use: 'Ingresses' },
  { port: 8472, protocol: 'udp', use: 'the pod network across segments' },
];

/** @param home NARU_HOME, which the programs that naru starts have in their command line */
export function readPorts(home: string, apiPort: number, runningPid: number | undefined): readonly PortFacts[] {
  const inodes = { tcp: listeners('tcp'), udp: listeners('udp') };
  const asked = wanted(apiPort).map((one) => ({ ...one, inodes: inodes[one.protocol].get(one.port) }));
  const holders = holdersOf(new Set(asked.flatMap((one) => one.inodes ?? [])));
  return asked.map(({ inodes: found, ...one }) => {
    if (found === undefined) return { ...one, isTaken: false, isOurs: false };
    const holder = found.map((inode) => holders.get(inode)).find((process) => process !== undefined);
    // A socket of the kernel itself (VXLAN) has no process.
    const isKernels = holder === undefined && one.protocol === 'udp';
    const isOurs = isKernels || holder?.pid === runningPid || holder?.command.includes(home) === true;
    return {
      ...one,
      isTaken: true,
      isOurs,
      ...(holder !== undefined && { holder: `${holder.name} (process ${holder.pid})` }),
    };
  });
}

const listening = '0A';

/** Inodes of the sockets by port. */
function listeners(protocol: 'tcp' | 'udp'): Map<number, string[]> {
  const ports = new Map<number, string[]>();
  for (const file of [protocol, `${protocol}6`]) {
    for (const line of textOf(`/proc/net/${file}`).split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/);
      const [, local = '', , state] = columns;
      if (local === '' || (protocol === 'tcp' && state !== listening)) continue;
      const port = Number.parseInt(local.split(':')[1] ?? '', 16);
      ports.set(port, [...(ports.get(port) ?? []), columns[9] ?? '']);
    }
  }
  return ports;
}

interface Holder {
  readonly pid: number;
  readonly name: string;
  readonly command: string;
}

/** Only what this user may see. */
function holdersOf(inodes: ReadonlySet<string>): Map<string, Holder> {
  const holders = new Map<string, Holder>();
  if (inodes.size === 0) return holders;
  for (const entry of namesIn('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const descriptor of namesIn(`/proc/${entry}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${entry}/fd/${descriptor}`))?.[1];
      if (inode === undefined || !inodes.has(inode) || holders.has(inode)) continue;
      const command = textOf(`/proc/${entry}/cmdline`).replaceAll('\0', ' ').trim();
      holders.set(inode, { pid: Number(entry), name: textOf(`/proc/${entry}/comm`).trim(), command });
    }
  }
  return holders;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
