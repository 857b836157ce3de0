/**
 * What pods have written to the node's disk: their volumes, logs and own files. Folders are walked in the background, one after another,
 * and each pod's not oftener than once a period; whoever asks gets the last look at once, and none before the first has ended.
 */
import path from 'node:path';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import type { VolumePlace } from '../pod/volumes/pod-storage.ts';
import { addUsage, type DiskUsage, diskUsage, noUsage } from './disk-usage.ts';
import type { ShownPod } from './stats-facts.ts';

export interface PodDisks {
  readonly timeMs: number;
  /** By the volume's name: those that are the pod's own. */
  readonly volumes: ReadonlyMap<string, DiskUsage>;
  /** By the container's name: those of all its runs that are kept. */
  readonly logs: ReadonlyMap<string, DiskUsage>;
  /** The file of hosts, termination messages. */
  readonly other: DiskUsage;
}

export interface PodDisksOptions {
  readonly clock: Clock;
  readonly periodMs: number;
  readonly places: (pod: Pod) => readonly VolumePlace[];
  /** The pod's own folder. */
  readonly podFolder: (uid: string) => string;
  readonly walk?: typeof diskUsage;
}

export class PodDiskLooks {
  readonly #options: PodDisksOptions;
  readonly #looks = new Map<string, PodDisks>();
  readonly #queued = new Set<string>();
  #walking: Promise<void> = Promise.resolve();

  constructor(options: PodDisksOptions) {
    this.#options = options;
  }

  /** The last look; a new one begins where that has grown old. */
  of(shown: ShownPod): PodDisks | undefined {
    const { uid } = shown.identity;
    const last = this.#looks.get(uid);
    const ageMs = last === undefined ? Number.POSITIVE_INFINITY : this.#options.clock.now() - last.timeMs;
    // Where the clock was set back, nobody knows how old it is.
    const isOld = ageMs < 0 || ageMs >= this.#options.periodMs;
    if (isOld && !this.#queued.has(uid)) {
      this.#queued.add(uid);
      this.#walking = this.#walking
        .then(() => this.#look(shown))
        // The next who asks begins another.
        .catch(() => {})
        .finally(() => this.#queued.delete(uid));
    }
    return last;
  }

  /** Forgets the others. */
  retain(uids: ReadonlySet<string>): void {
    for (const uid of this.#looks.keys()) if (!uids.has(uid)) this.#looks.delete(uid);
  }

  /** Resolves when nothing is being walked. */
  async idle(): Promise<void> {
    while (this.#queued.size > 0) await this.#walking;
  }

  async #look({ pod, identity, running }: ShownPod): Promise<void> {
    const { walk = diskUsage, places, podFolder, clock } = this.#options;
    const folder = podFolder(identity.uid);
    const volumes = new Map<string, DiskUsage>();
    for (const { name, path: place, usage } of places(pod)) {
      if (usage !== 'foreign') volumes.set(name, await walk(place));
    }
    const logs = new Map<string, DiskUsage>();
    for (const { name, logPath } of running) {
      if (path.isAbsolute(logPath)) logs.set(name, await walk(path.dirname(logPath)));
    }
    const own = [path.join(folder, 'etc-hosts'), path.join(folder, 'containers')];
    let other = noUsage;
    for (const each of own) other = addUsage(other, await walk(each));
    this.#looks.set(identity.uid, { timeMs: clock.now(), volumes, logs, other });
  }
}
