/**
 * The statistics of a real machine and its pods. Nothing is read unless somebody asks; who asks at the same time shares a look.
 *
 * Processor, memory and processes come from the cgroups' files at each look; layers and the image disk from the runtime, which itself looks
 * every ten seconds, so that it is not asked oftener (of layers only where one has a limit, else each minute); volumes and logs from
 * `pod-disks.ts`.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import { Gate } from '../gate.ts';
import type { ImageFilesystem, LayerUsage } from '../runtime.ts';
import { CgroupFiles } from './cgroup-files.ts';
import { Kept } from './kept.ts';
import { type NodeReader, readNode } from './node-reading.ts';
import { PodDiskLooks } from './pod-disks.ts';
import { cgroupOf, podNetwork, readPod, type Surroundings, withDisks } from './pod-reading.ts';
import { CpuRates } from './rates.ts';
import { type ShownPod, type StatsFacts, shownPods } from './stats-facts.ts';
import { type FsRoom, fsRoom, partOfFs } from './stats-values.ts';
import type { CgroupReading, NodeStats, PodStats, StatsSource, Summary } from './summary.ts';

/** As often as the runtime looks. */
const runtimeLookMs = 10_000;
/** Pods read at a time. */
const readsMax = 8;

export interface HostStatsOptions {
  /** Of the cgroup hierarchies. */
  readonly cgroupMount?: string;
  readonly proc?: string;
}

export class HostStats implements StatsSource {
  readonly #reader: NodeReader;
  readonly #disks: PodDiskLooks;
  readonly #whole: Kept<Summary>;
  readonly #light: Kept<Summary>;
  readonly #layers: Kept<ReadonlyMap<string, LayerUsage>>;
  readonly #images: Kept<ImageFilesystem>;

  constructor(facts: StatsFacts, { cgroupMount, proc = '/proc' }: HostStatsOptions = {}) {
    const { clock, runtime, home, places } = facts;
    this.#reader = { facts, cgroups: new CgroupFiles(cgroupMount), rates: new CpuRates(), proc };
    const podFolder = (uid: string): string => path.join(home, 'pods', uid);
    this.#disks = new PodDiskLooks({ clock, periodMs: facts.volumePeriodMs, places, podFolder });
    this.#whole = new Kept(clock, () => this.#look());
    this.#light = new Kept(clock, () => this.#lookLightly());
    this.#layers = new Kept(
      clock,
      async () => new Map((await runtime.layerUsage()).map((one) => [one.containerId, one])),
    );
    this.#images = new Kept(clock, () => runtime.imageFilesystem());
  }

  summary(ageMsMax: number, only?: 'cpu-and-memory'): Promise<Summary> {
    return only === undefined ? this.#whole.get(ageMsMax) : this.#light.get(ageMsMax);
  }

  /** Resolves when the walks through folders that the last look began have ended. */
  idle(): Promise<void> {
    return this.#disks.idle();
  }

  async cgroups(): Promise<readonly CgroupReading[]> {
    const gate = new Gate(readsMax);
    const layers = await this.#layersOf(this.#shown());
    const readings = this.#shown().map((shown) => gate.run(() => this.#readings(shown, layers)));
    return (await Promise.all(readings)).flat();
  }

  /**
   * The runtime asks each container's shim, which takes 2 ms a container: it is asked often only where a limit must be kept. Where it is away,
   * nothing is known of layers.
   */
  #layersOf(shown: readonly ShownPod[]): Promise<ReadonlyMap<string, LayerUsage>> {
    const ageMsMax = shown.some(hasDiskLimit) ? runtimeLookMs : this.#reader.facts.volumePeriodMs;
    return this.#layers.get(ageMsMax).catch(() => new Map<string, LayerUsage>());
  }

  #shown(): readonly ShownPod[] {
    return shownPods(this.#reader.facts.pods());
  }

  async #lookLightly(): Promise<Summary> {
    const shown = this.#shown();
    const gate = new Gate(readsMax);
    const [node, pods] = await Promise.all([
      readNode(this.#reader, true),
      Promise.all(shown.map((each) => gate.run(() => readPod(this.#reader, each, false)))),
    ]);
    this.#forget(shown);
    return { node, pods };
  }

  async #look(): Promise<Summary> {
    const shown = this.#shown();
    const gate = new Gate(readsMax);
    const [node, images, layers] = await Promise.all([
      readNode(this.#reader, false),
      // A runtime that is away must not hide what the machine itself tells.
      this.#imageDisk().catch(() => undefined),
      this.#layersOf(shown),
    ]);
    const homeRoom = roomOf(node);
    const around = { layers, homeRoom, imageRoom: images?.room ?? {} };
    const pods = await Promise.all(shown.map((each) => gate.run(() => this.#wholePod(each, around))));
    this.#forget(shown);
    return { node: { ...node, ...(images !== undefined && { runtime: images.stats }) }, pods };
  }

  async #wholePod(shown: ShownPod, around: Surroundings): Promise<PodStats> {
    const disks = this.#disks.of(shown);
    return withDisks(this.#reader, shown, await readPod(this.#reader, shown, true), { ...around, disks });
  }

  /** Layers of containers lie beside the images. */
  async #imageDisk(): Promise<{ readonly room: FsRoom; readonly stats: NonNullable<NodeStats['runtime']> }> {
    const images = await this.#images.get(runtimeLookMs);
    const room = fsRoom(await fs.statfs(images.mountpoint));
    const stats = partOfFs(room, images, images.timeMs);
    return { room, stats: { imageFs: stats, containerFs: stats } };
  }

  #forget(shown: readonly ShownPod[]): void {
    this.#disks.retain(new Set(shown.map(({ identity }) => identity.uid)));
    this.#reader.rates.forgetOlderThan(this.#reader.facts.clock.now());
  }

  async #readings(shown: ShownPod, layers: ReadonlyMap<string, LayerUsage>): Promise<readonly CgroupReading[]> {
    const { cgroups, facts } = this.#reader;
    const { identity, running, sandboxId } = shown;
    const pod = cgroupOf(this.#reader, shown);
    const read = async (id: string) => ({
      pod: identity,
      id,
      usage: await cgroups.usage(id),
      details: await cgroups.details(id),
      timeMs: facts.clock.now(),
    });
    const ofPod = await read(pod);
    const sandbox = {
      ...(await read(`${pod}/${sandboxId}`)),
      interfaces: shown.pod.spec?.hostNetwork ? [] : (await podNetwork(this.#reader, shown)).interfaces,
      name: 'POD',
    };
    const containers = running.map(async (run) => {
      const layer = layers.get(run.id);
      const reading = await read(`${pod}/${run.id}`);
      return { ...reading, run, name: run.name, ...(layer !== undefined && { layer }) };
    });
    return [ofPod, sandbox, ...(await Promise.all(containers))];
  }
}

function roomOf({ fs: disk }: NodeStats): FsRoom {
  const { availableBytes, capacityBytes, inodes, inodesFree } = disk ?? {};
  return {
    ...(availableBytes !== undefined && { availableBytes }),
    ...(capacityBytes !== undefined && { capacityBytes }),
    ...(inodes !== undefined && { inodes }),
    ...(inodesFree !== undefined && { inodesFree }),
  };
}

function hasDiskLimit({ pod }: ShownPod): boolean {
  const limits = [pod.spec?.resources, ...(pod.spec?.containers ?? []).map(({ resources }) => resources)];
  return limits.some((resources) => resources?.limits?.['ephemeral-storage'] !== undefined);
}
