/**
 * The texts of containerd's configuration and of the pod network's. Pure.
 *
 * containerd 1.6 and 1.7 read version 2; from 2.0 on the CRI plugin is split in three and the version is 3. What the two
 * share is written once.
 */
import { type ContainerdPaths, ttrpcAddress } from './paths.ts';

export interface ContainerdConfig {
  readonly paths: ContainerdPaths;
  readonly majorVersion: number;
  readonly sandboxImage: string;
  readonly snapshotter: 'overlayfs' | 'native';
  /** The OCI runtime's program, `runc` or `crun`. */
  readonly ociRuntime: string;
  /** Beside the default: what a RuntimeClass may name. */
  readonly handlers?: readonly RuntimeHandler[];
  readonly cniBinFolder: string;
  /** The machine may not lower `oom_score_adj` (no CAP_SYS_RESOURCE): values are clipped instead of refused. */
  readonly restrictOomScoreAdj: boolean;
  readonly appArmor: boolean;
}

/** One way to run pods that this machine has, by the name that `RuntimeClass.handler` gives to it. */
export interface RuntimeHandler {
  readonly name: string;
  /** containerd's shim: `io.containerd.runc.v2`. */
  readonly type: string;
  /** The program that runc's shim calls; other shims bring their own. */
  readonly program?: string;
}

/** Plugins that a node does not need: each would be probed at every start, and some warn. */
const disabledPlugins = ['aufs', 'blockfile', 'btrfs', 'devmapper', 'erofs', 'zfs']
  .map((name) => `io.containerd.snapshotter.v1.${name}`)
  .concat([
    'io.containerd.internal.v1.opt',
    'io.containerd.internal.v1.tracing',
    'io.containerd.nri.v1.nri',
    'io.containerd.tracing.processor.v1.otlp',
  ]);

export function containerdConfig(config: ContainerdConfig): string {
  return config.majorVersion >= 2 ? version3(config) : version2(config);
}

type TomlValue = string | boolean | number | readonly string[];
type TomlTable = readonly [name: string, values: Readonly<Record<string, TomlValue>>];

function version2(config: ContainerdConfig): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return toml([
    common(config, 2),
    ...sockets(config),
    [cri, { sandbox_image: config.sandboxImage, ...criOptions(config), ...streamOptions }],
    [`${cri}.cni`, { bin_dir: config.cniBinFolder, conf_dir: config.paths.cniConfigFolder }],
    [`${cri}.registry`, { config_path: config.paths.registryFolder }],
    [`${cri}.containerd`, { snapshotter: config.snapshotter, default_runtime_name: 'default' }],
    ...runtimeTables(`${cri}.containerd`, config),
  ]);
}

function version3(config: ContainerdConfig): string {
  const images = 'plugins."io.containerd.cri.v1.images"';
  const runtime = 'plugins."io.containerd.cri.v1.runtime"';
  return toml([
    common(config, 3),
    ...sockets(config),
    [images, { snapshotter: config.snapshotter }],
    [`${images}.pinned_images`, { sandbox: config.sandboxImage }],
    [`${images}.registry`, { config_path: config.paths.registryFolder }],
    [runtime, criOptions(config)],
    [`${runtime}.cni`, { bin_dirs: [config.cniBinFolder], conf_dir: config.paths.cniConfigFolder }],
    [`${runtime}.containerd`, { default_runtime_name: 'default' }],
    ...runtimeTables(`${runtime}.containerd`, config),
    ['plugins."io.containerd.grpc.v1.cri"', streamOptions],
  ]);
}

/** exec, attach and port-forward: only for this machine's own agent. */
const streamOptions = { stream_server_address: '127.0.0.1', stream_server_port: '0' } as const;

function common(config: ContainerdConfig, version: number): TomlTable {
  const { root, state } = config.paths;
  return ['', { version, root, state, disabled_plugins: disabledPlugins }];
}

function sockets(config: ContainerdConfig): TomlTable[] {
  return [
    ['grpc', { address: config.paths.address }],
    ['ttrpc', { address: ttrpcAddress(config.paths) }],
  ];
}

function criOptions(config: ContainerdConfig): Record<string, TomlValue> {
  return {
    restrict_oom_score_adj: config.restrictOomScoreAdj,
    disable_apparmor: !config.appArmor,
    // Otherwise each pod leaves a file in /run/netns, which all containerds of the machine share.
    netns_mounts_under_state_dir: true,
    // As kubelet's defaults on every other runtime: any user may listen below 1024 and ping, in the pod's own network.
    enable_unprivileged_ports: true,
    enable_unprivileged_icmp: true,
  };
}

function runtimeTables(parent: string, config: ContainerdConfig): TomlTable[] {
  const { ociRuntime, handlers = [] } = config;
  const standard: RuntimeHandler = { name: 'default', type: runcShim, program: ociRuntime };
  return [standard, ...handlers].flatMap((handler) => handlerTables(parent, handler, config.paths.runtimeRoot));
}

export const runcShim = 'io.containerd.runc.v2';

/** Programs keep their state apart: each would stumble over another's. */
function handlerTables(parent: string, { name, type, program }: RuntimeHandler, root: string): TomlTable[] {
  const table = `${parent}.runtimes.${name}`;
  const runtime: TomlTable = [table, { runtime_type: type }];
  if (program === undefined) return [runtime];
  const folder = name === 'default' ? root : `${root}/${name}`;
  return [runtime, [`${table}.options`, { BinaryName: program, Root: folder, SystemdCgroup: false }]];
}

function toml(tables: readonly TomlTable[]): string {
  return tables
    .map(([name, values]) => {
      const lines = Object.entries(values).map(([key, value]) => `${key} = ${tomlValue(value)}`);
      return [...(name === '' ? [] : [`[${name}]`]), ...lines].join('\n');
    })
    .join('\n\n')
    .concat('\n');
}

/** TOML's basic strings escape as JSON's do. */
function tomlValue(value: TomlValue): string {
  return Array.isArray(value) ? `[${value.map((item) => JSON.stringify(item)).join(', ')}]` : JSON.stringify(value);
}

export const cniConfigName = '10-naru.conflist';

/**
 * One virtual cable from each pod to the host, and routes instead of a bridge; addresses from the node's ranges, one of each family, remembered
 * in home. Masquerading and host ports belong to naru's own nftables rules, not to CNI plugins.
 */
export function cniConfig(options: {
  readonly network: string;
  readonly podCidrs: readonly string[];
  readonly stateFolder: string;
  readonly mtu?: number | undefined;
}): string {
  const { network, podCidrs, stateFolder, mtu } = options;
  const ipam = {
    type: 'host-local',
    dataDir: stateFolder,
    ranges: podCidrs.map((subnet) => [{ subnet }]),
    routes: podCidrs.map((range) => ({ dst: range.includes(':') ? '::/0' : '0.0.0.0/0' })),
  };
  const plugin = { type: 'ptp', ipMasq: false, ...(mtu === undefined ? {} : { mtu }), ipam };
  return `${JSON.stringify({ cniVersion: '0.4.0', name: network, plugins: [plugin] }, null, 2)}\n`;
}
