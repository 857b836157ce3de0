/**
 * Devices of the Container Device Interface for runtimes that do not know them: containerd before 2.0, which leaves such names out without a
 * word. What vendors wrote into /etc/cdi and /var/run/cdi is read, and its edits are made to the container's configuration: variables, device
 * nodes, mounts, groups. What only a runtime can do (hooks) is refused rather than left out.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { parseYaml } from '../../api/yaml.ts';
import { ConfigError } from '../pod/config-error.ts';
import type { PodHook } from '../pod/pod-hook.ts';
import type { ContainerConfig, RuntimeInfo } from '../runtime.ts';
import { withAccess } from './device-access.ts';

/** The second goes before the first. */
export const cdiFolders: readonly string[] = ['/etc/cdi', '/var/run/cdi'];
const fileBytesMax = 2 ** 20;
const filesMax = 256;

interface Edits {
  readonly env?: readonly string[];
  readonly deviceNodes?: readonly {
    readonly path: string;
    readonly hostPath?: string;
    readonly permissions?: string;
  }[];
  readonly mounts?: readonly {
    readonly hostPath: string;
    readonly containerPath: string;
    readonly options?: readonly string[];
  }[];
  readonly hooks?: readonly unknown[];
  readonly additionalGids?: readonly number[];
}

export interface CdiSpec {
  /** `vendor.com/class`. */
  readonly kind: string;
  readonly devices?: readonly { readonly name: string; readonly containerEdits?: Edits }[];
  readonly containerEdits?: Edits;
}

/** To be the last that changes a container. @param info asked only where a container has such devices */
export function cdiHook(info: () => Promise<RuntimeInfo>, folders: readonly string[] = cdiFolders): PodHook {
  return {
    name: 'cdi',
    container: async (config) => {
      const { cdiDevices = [] } = config;
      if (cdiDevices.length === 0 || knowsCdi(await info())) return config;
      return withCdi(config, cdiDevices, await readSpecs(folders));
    },
  };
}

/** containerd has it since 1.7, and switched on since 2.0. */
function knowsCdi({ name, version }: RuntimeInfo): boolean {
  return name !== 'containerd' || Number.parseInt(version.replace(/^v/, ''), 10) >= 2;
}

/** @param specs later ones go before earlier ones. @throws ConfigError that names what is not there, or cannot be done here */
export function withCdi(config: ContainerConfig, names: readonly string[], specs: readonly CdiSpec[]): ContainerConfig {
  const used = new Set<CdiSpec>();
  const edits: Edits[] = [];
  for (const name of names) {
    const [kind, wanted] = name.split('=');
    const spec = specs.findLast((each) => each.kind === kind && each.devices?.some((device) => device.name === wanted));
    if (spec === undefined) throw new ConfigError(`unresolvable CDI devices ${name}`);
    if (!used.has(spec)) edits.push(spec.containerEdits ?? {});
    used.add(spec);
    edits.push(spec.devices?.find((device) => device.name === wanted)?.containerEdits ?? {});
  }
  if (edits.some(({ hooks = [] }) => hooks.length > 0)) {
    throw new ConfigError(`CDI devices ${names.join(', ')} have hooks, which need containerd 2.0 or newer`);
  }
  const gids = edits.flatMap(({ additionalGids = [] }) => additionalGids);
  const { cdiDevices: _, ...rest } = config;
  const { security } = rest;
  const supplementalGroups = [...new Set([...security.supplementalGroups, ...gids])];
  return withAccess({ ...rest, security: { ...security, supplementalGroups } }, edits.map(accessOf));
}

function accessOf({ env = [], deviceNodes = [], mounts = [] }: Edits) {
  return {
    envs: Object.fromEntries(env.map((line) => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)])),
    devices: deviceNodes.map(({ path: containerPath, hostPath = containerPath, permissions = 'rwm' }) => ({
      hostPath,
      containerPath,
      permissions,
    })),
    mounts: mounts.map(({ hostPath, containerPath, options = [] }) => ({
      hostPath,
      containerPath,
      readOnly: options.includes('ro'),
    })),
    annotations: {},
    cdiDevices: [],
  };
}

/** Files that cannot be read hold nothing: a device that is wanted of them is told as missing. */
export async function readSpecs(folders: readonly string[]): Promise<readonly CdiSpec[]> {
  const specs: CdiSpec[] = [];
  for (const folder of folders) {
    const names = (await readdir(folder).catch(() => [])).filter((name) => /\.(json|ya?ml)$/.test(name)).toSorted();
    for (const name of names.slice(0, filesMax)) {
      const spec = await readSpec(path.join(folder, name)).catch(() => undefined);
      if (spec !== undefined) specs.push(spec);
    }
  }
  return specs;
}

async function readSpec(file: string): Promise<CdiSpec | undefined> {
  if ((await stat(file)).size > fileBytesMax) return undefined;
  const { value } = parseYaml(await readFile(file, 'utf8'));
  const spec = value as unknown as CdiSpec | null;
  return typeof spec?.kind === 'string' && Array.isArray(spec.devices) ? spec : undefined;
}
