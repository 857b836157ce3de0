/**
 * This machine as a node of a cluster: its containerd, and the agent over it. Used in the server's process by `cluster.ts` and alone by
 * `naru agent`; the two differ only in the `Client` that they hand in.
 */
import { realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import { Agent } from './agent/agent.ts';
import { Containerd } from './agent/containerd/containerd.ts';
import { exportArchive } from './agent/containerd/export-archive.ts';
import { RegistrySettings } from './agent/containerd/registry-settings.ts';
import { CriRuntime } from './agent/cri/cri-runtime.ts';
import type { ImageArchives } from './agent/images/images-of-nodes.ts';
import { credentialFiles } from './agent/images/node-images.ts';
import type { KubeletConfiguration } from './agent/kubelet-configuration.ts';
import { AgentMetrics } from './agent/metrics/agent-metrics.ts';
import { PodGates } from './agent/pod/pod-gates.ts';
import type { ManifestReader } from './agent/static-pods/manifest-folder.ts';
import type { Client } from './client/client.ts';
import type { NodeHandler } from './client/node-api.ts';
import type { SharedImages } from './client/shared-images.ts';
import { type Home, makeClosedFolder } from './home.ts';
import type { Clock } from './lib/clock.ts';
import type { Logger } from './lib/log.ts';
import type { Prng } from './lib/prng.ts';
import { type Service, ServiceGroup } from './lib/service.ts';
import { nodeNetwork } from './network/node-network.ts';
import { firstPodMtu } from './network/pod-network/underlay.ts';

export interface ContainerNodeOptions {
  readonly home: Home;
  readonly name: string;
  /** The addresses of this node's pods; those that the API gives to the Node where absent. */
  readonly podCidr?: string;
  /** The machine's own, where others cannot reach its first: one of a family, with a comma between. */
  readonly address?: string | undefined;
  /** What differs from upstream's defaults. */
  readonly configuration?: Partial<KubeletConfiguration>;
  readonly client: Client;
  /** The server's way to images that other nodes have. */
  readonly sharedImages: SharedImages;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

export interface NodeParts {
  /** What the agent stands on, and needs no API: it can start while the API does. */
  readonly machine: Service;
  /** Routes, services, names and policies of this machine. It waits for nobody, and what it set up outlasts it. */
  readonly network: Service;
  readonly agent: Service;
  /** For the server's calls. */
  readonly handler: NodeHandler;
}

export function containerNode(options: ContainerNodeOptions): NodeParts {
  const { home, name, podCidr, client, clock, prng, log } = options;
  makeClosedFolder(home.node);
  makeClosedFolder(home.network);
  const told = podCidr === undefined ? {} : { podCidr };
  const containerd = new Containerd({ home: home.root, nodeName: name, ...told, mtu: firstPodMtu, clock, log });
  const runtime = new CriRuntime({
    address: containerd.address,
    fifoFolder: path.join(home.node, 'fifos'),
    clock,
    log,
  });
  const gates = new PodGates();
  const metrics = new AgentMetrics();
  const agent = new Agent({
    client,
    runtime,
    nodeName: name,
    home: home.node,
    volumes: home.volumes,
    cgroupRoot: containerd.cgroupRoot,
    ...(podCidr === undefined ? { takePodCidrs: (ranges) => containerd.usePodCidrs(ranges) } : told),
    ...(options.address && { address: options.address }),
    ...(options.configuration && { configuration: options.configuration }),
    readManifest,
    imageSharing: { shared: options.sharedImages, archives: archivesOf(containerd) },
    hooks: [gates],
    metrics,
    clock,
    prng,
    log,
  });
  const registries = new RegistrySettings({
    file: home.registries,
    folder: containerd.paths.registryFolder,
    credentials: credentialFiles(home.node)[1],
    clock,
    log,
  });
  const machine = new ServiceGroup('machine', [registries, containerd], { clock, log });
  const network = nodeNetwork({
    client,
    nodeName: name,
    id: containerd.paths.id,
    folder: home.network,
    machine: {
      usePodMtu: (mtu) => containerd.usePodMtu(mtu),
      addPodGate: (gate) => gates.add(gate),
      addPodFarewell: (farewell) => gates.addFarewell(farewell),
    },
    metrics: metrics.registry,
    clock,
    prng,
    log,
  });
  return { machine, network, agent, handler: agent.handler };
}

function archivesOf(containerd: Containerd): ImageArchives {
  return {
    export: (name) => exportArchive(containerd.address, containerd.facts?.programs.ctr ?? 'ctr', name),
    import: (file) => containerd.importImage(file),
  };
}

/** Loaded when there is a manifest: it needs what makes pods complete, and what checks them. */
const readManifest: ManifestReader = async (text, adapt) =>
  (await import('./registry/manifest.ts')).readPodManifest(text, adapt);

/** Where the ranges of nodes lie: their own (`cli/settings.ts`), and those of nodes that come without one. */
export const clusterCidrs = ['10.42.0.0/16'] as const;

/**
 * Removes what a volume kept below /tmp of this machine.
 * @throws Error where links lead out of there: nothing is removed
 */
export async function removeTemporaryFolder(folder: string): Promise<void> {
  const root = await realpath('/tmp');
  let parent: string;
  try {
    parent = await realpath(path.dirname(folder));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (parent !== root && !parent.startsWith(`${root}/`)) throw new Error(`${folder} is not below /tmp`);
  await rm(path.join(parent, path.basename(folder)), { recursive: true, force: true });
}
