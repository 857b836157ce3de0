/**
 * Where one cluster's containerd keeps its things. Everything follows from naru's home folder, so that two homes never
 * meet: folder, sockets, cgroup and the name of the pod network.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';

export interface ContainerdPaths {
  /** Eight hex digits that stand for this home wherever names are short. */
  readonly id: string;
  readonly home: string;
  /** All of the below but the sockets, where home is long. */
  readonly folder: string;
  readonly config: string;
  /** Images, snapshots and metadata: outlives a restart of the machine. */
  readonly root: string;
  /** Sockets and mounts of what runs. */
  readonly state: string;
  readonly runtimeRoot: string;
  readonly cniConfigFolder: string;
  readonly cniStateFolder: string;
  readonly registryFolder: string;
  readonly logFile: string;
  readonly pidFile: string;
  /** Holds the sockets; equal to `folder` where that is short enough. */
  readonly socketFolder: string;
  /** The CRI's socket. */
  readonly address: string;
  /** The cgroup of all pods of this home, from the hierarchy's root; it begins with a slash. */
  readonly cgroupRoot: string;
  /** Of containerd itself and the shims, inside `cgroupRoot`. */
  readonly daemonCgroup: string;
  /** The CNI network's name; results in CNI's cache begin with it. */
  readonly network: string;
}

/** A Unix socket's address holds 107 bytes and a zero (`sun_path` in unix(7)). */
const socketPathBytesMax = 107;
const ttrpcSuffix = '.ttrpc';

/** `home` is absolute, without symbolic links. */
export function containerdPaths(home: string): ContainerdPaths {
  const id = createHash('sha256').update(home).digest('hex').slice(0, 8);
  const folder = join(home, 'containerd');
  const longest = Buffer.byteLength(join(folder, `c.sock${ttrpcSuffix}`));
  const socketFolder = longest <= socketPathBytesMax ? folder : `/run/naru-${id}`;
  return {
    id,
    home,
    folder,
    config: join(folder, 'config.toml'),
    root: join(folder, 'root'),
    state: join(folder, 'state'),
    runtimeRoot: join(folder, 'run'),
    cniConfigFolder: join(folder, 'cni', 'net.d'),
    cniStateFolder: join(folder, 'cni', 'state'),
    registryFolder: join(folder, 'certs.d'),
    logFile: join(folder, 'containerd.log'),
    pidFile: join(folder, 'containerd.pid'),
    socketFolder,
    address: join(socketFolder, 'c.sock'),
    cgroupRoot: `/naru-${id}`,
    daemonCgroup: `/naru-${id}/runtime`,
    network: `naru-${id}`,
  };
}

export function ttrpcAddress(paths: ContainerdPaths): string {
  return paths.address + ttrpcSuffix;
}
