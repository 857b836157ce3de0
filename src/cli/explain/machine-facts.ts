/** Looks at this machine for `naru doctor`. Reads files and asks two programs; changes nothing, and a thing that cannot be looked at is left out. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { existsSync, globSync, readFileSync, statfsSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import type {
  CertificateFileFacts,
  FileSystemFacts,
  MachineFacts,
  NameServerFacts,
  PackageFacts,
} from '../../explain/doctor/machine-facts.ts';
import type { Home } from '../../home.ts';
import { readPartStates } from '../../network/part-states.ts';
import { missingPackages, nodePrograms } from '../system-packages.ts';
import { readPorts } from './machine-ports.ts';

const run = promisify(execFile);

export interface RunningFacts {
  readonly pid: number;
  readonly address: string;
  readonly isSimulated: boolean;
}

export interface MachineWishes {
  readonly nowMs: number;
  readonly running?: RunningFacts;
  /** The API's port, as the settings have it. */
  readonly port: number;
  readonly isSimulated: boolean;
}

export async function readMachine(home: Home, wishes: MachineWishes): Promise<MachineFacts> {
  const isLinux = process.platform === 'linux';
  const [nftables, nameServers] = await Promise.all([isLinux ? askNftables() : undefined, askNameServers()]);
  return {
    nowMs: wishes.nowMs,
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    kernel: os.release(),
    cgroup: cgroupVersion(),
    modules: Object.fromEntries(modules.map((name) => [name, moduleState(name)])),
    ...(nftables !== undefined && { nftables }),
    settings: Object.fromEntries(settings.map((name) => [name, readNumber(`/proc/sys/${name}`)])),
    memoryBytes: os.totalmem(),
    freeMemoryBytes: availableMemory(),
    fileSystems: fileSystems(home),
    ports: isLinux ? readPorts(home.root, wishes.port, wishes.running?.pid) : [],
    packages: readPackages(),
    nameServers,
    clockKeeper: clockKeeper(),
    certificates: certificateFiles(home),
    networkParts: wishes.running === undefined ? [] : ((await readPartStates(home.network)) ?? []),
    isHomeOpen: isOpen(home.root),
    isSimulated: wishes.isSimulated,
    ...(wishes.running !== undefined && { running: `${wishes.running.address} (process ${wishes.running.pid})` }),
  };
}

const modules = ['overlay', 'nf_tables', 'nf_conntrack', 'veth', 'vxlan'] as const;
const settings = [
  'net/ipv4/ip_forward',
  'fs/inotify/max_user_instances',
  'fs/inotify/max_user_watches',
  'kernel/pid_max',
  'fs/file-max',
] as const;

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function readNumber(file: string): number | undefined {
  const value = Number(textOf(file)?.trim() || Number.NaN);
  return Number.isNaN(value) ? undefined : value;
}

function cgroupVersion(): MachineFacts['cgroup'] {
  if (existsSync('/sys/fs/cgroup/cgroup.controllers')) return 'v2';
  const isOld = existsSync('/sys/fs/cgroup/memory') || existsSync('/sys/fs/cgroup/cpu');
  if (!isOld) return 'none';
  return existsSync('/sys/fs/cgroup/unified/cgroup.controllers') ? 'hybrid' : 'v1';
}

/** A kernel without modules' folder (a container, a kernel in one piece) does not tell: what it names in /proc counts. */
function moduleState(name: string): 'here' | 'loadable' | 'absent' {
  const folder = `/lib/modules/${os.release()}`;
  const isHere =
    existsSync(`/sys/module/${name}`) || new RegExp(`\\b${name}$`, 'm').test(textOf('/proc/filesystems') ?? '');
  if (isHere) return 'here';
  if (!existsSync(folder)) return 'loadable';
  const file = new RegExp(`/${name.replace('_', '[_-]')}\\.ko`);
  if (file.test(textOf(`${folder}/modules.builtin`) ?? '')) return 'here';
  return file.test(textOf(`${folder}/modules.dep`) ?? '') ? 'loadable' : 'absent';
}

/** Undefined where nft is missing (the packages say so) or only root could ask. */
async function askNftables(): Promise<{ readonly works: boolean; readonly says: string } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  try {
    await run('nft', ['list', 'tables'], {
      timeout: 5000,
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
    });
    return { works: true, says: '' };
  } catch (error) {
    const { code, stderr = '' } = error as NodeJS.ErrnoException & { readonly stderr?: string };
    return code === 'ENOENT' ? undefined : { works: false, says: stderr.trim().split('\n', 1)[0] ?? '' };
  }
}

function availableMemory(): number {
  const kilobytes = Number(/^MemAvailable:\s+(\d+)/m.exec(textOf('/proc/meminfo') ?? '')?.[1]);
  return Number.isNaN(kilobytes) ? os.freemem() : kilobytes * 1024;
}

function fileSystems(home: Home): FileSystemFacts[] {
  const places: readonly (readonly [what: string, folder: string])[] = [
    ['NARU_HOME', existing(home.root)],
    ['the system', '/'],
    ['temporary files', os.tmpdir()],
  ];
  const seen = new Set<string>();
  return places.flatMap(([what, folder]) => {
    try {
      const { bavail, bsize, blocks, files, ffree } = statfsSync(folder);
      const device = `${statSync(folder).dev}`;
      if (seen.has(device)) return [];
      seen.add(device);
      return [
        {
          what,
          path: folder,
          freeBytes: bavail * bsize,
          totalBytes: blocks * bsize,
          freeInodes: ffree,
          totalInodes: files,
        },
      ];
    } catch {
      return [];
    }
  });
}

function existing(folder: string): string {
  return existsSync(folder) || folder === path.dirname(folder) ? folder : existing(path.dirname(folder));
}

function readPackages(): PackageFacts {
  const wanted = new Set(nodePrograms.map(({ debianPackage }) => debianPackage));
  const broken = (textOf('/var/lib/dpkg/status') ?? '').split('\n\n').flatMap((text) => {
    const name = /^Package: (\S+)/m.exec(text)?.[1];
    const state = /^Status: \S+ (\S+) (\S+)/m.exec(text);
    const isBad =
      state !== null && (state[1] === 'reinstreq' || /^(half-|unpacked|triggers-awaited)/.test(state[2] ?? ''));
    return name !== undefined && isBad ? [`${name} (${state[2]})${wanted.has(name) ? ', which naru needs' : ''}`] : [];
  });
  return { missing: missingPackages(), broken };
}

/** A server that says "no such name" answers. */
async function askNameServers(): Promise<NameServerFacts[]> {
  const addresses = [...(textOf('/etc/resolv.conf') ?? '').matchAll(/^nameserver\s+(\S+)/gm)]
    .map(([, address = '']) => address)
    .slice(0, 3);
  return Promise.all(
    addresses.map(async (address) => {
      const resolver = new Resolver({ timeout: 1500, tries: 1 });
      try {
        resolver.setServers([address.includes(':') ? `[${address.split('%', 1)[0]}]` : address]);
        await resolver.resolve4('naru.invalid');
        return { address, answers: true };
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        return { address, answers: code !== 'ETIMEOUT' && code !== 'ECONNREFUSED' && code !== 'ECANCELLED' };
      }
    }),
  );
}

/** By what time services leave in /run: none is asked. */
function clockKeeper(): MachineFacts['clockKeeper'] {
  if (existsSync('/run/systemd/timesync/synchronized')) return 'synchronized';
  if (existsSync('/run/systemd/timesync')) return 'unsynchronized';
  const others = [
    '/run/chrony/chronyd.pid',
    '/run/chronyd.pid',
    '/var/run/ntpd.pid',
    '/run/ntpd.pid',
    '/run/openntpd.pid',
    '/dev/ptp0',
  ];
  return others.some((file) => existsSync(file)) ? 'unknown' : 'none';
}

function certificateFiles({ certificates }: Home): CertificateFileFacts[] {
  return globSync('**/*.crt', { cwd: certificates }).flatMap((file) => {
    try {
      const { validFrom, validTo } = new X509Certificate(readFileSync(path.join(certificates, file)));
      return [{ file, fromMs: Date.parse(validFrom), toMs: Date.parse(validTo) }];
    } catch {
      return [];
    }
  });
}

function isOpen(folder: string): boolean {
  try {
    return (statSync(folder).mode & 0o077) !== 0;
  } catch {
    return false;
  }
}
