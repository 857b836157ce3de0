/** What a real machine has for its pods. */
import fs from 'node:fs/promises';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { noDrivers } from './devices/dynamic-resources.ts';
import { LogFiles } from './logs/log-files.ts';
import { SystemCgroups } from './pod/cgroups.ts';
import { parseResolvConf } from './pod/dns.ts';
import type { AgentPlatform } from './pod/pod-host.ts';
import { systemMounter } from './pod/volumes/mounter.ts';
import { PodFolders } from './pod/volumes/pod-folders.ts';
import { networkProbes } from './probes/probe-transport.ts';
import { HostStats } from './stats/host-stats.ts';

export interface HostPlatformOptions {
  /** Volumes and files of pods. */
  readonly pods: string;
  readonly podLogs: string;
  /** PersistentVolumes that are folders of this node. */
  readonly volumes: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export function hostPlatform({ pods, podLogs, volumes, clock, log }: HostPlatformOptions): AgentPlatform {
  return {
    storage: new PodFolders({ root: pods, memory: `${pods}-memory`, volumes, mounter: systemMounter, log }),
    cgroups: new SystemCgroups({ log }),
    probes: networkProbes,
    logs: new LogFiles({ root: podLogs, clock }),
    devices: noDrivers,
    stats: (facts) => new HostStats(facts),
    hostDns: async () => parseResolvConf(await fs.readFile('/etc/resolv.conf', 'utf8').catch(() => '')),
  };
}
