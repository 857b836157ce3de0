/**
 * containerd alone, without Kubernetes: the same calls that an agent must make for a pod (sandbox, container, start), made one after
 * another, on a containerd of its own: an agent would end pods on its own that its API does not know.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Containerd } from '../../src/agent/containerd/containerd.ts';
import { CriRuntime } from '../../src/agent/cri/cri-runtime.ts';
import { plainContainer, plainSandbox } from '../../src/agent/runtime-contract.ts';
import { packImage } from '../../src/images/pack-image.ts';
import { RealClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { elapsedMs } from '../../test/harness.ts';

export const image = 'docker.io/bench/busybox:1';
export const command = ['sleep', '1000000'] as const;
const clock = new RealClock({ keepsAlive: true });

export class Alone {
  readonly #home: string;
  readonly #containerd: Containerd;
  readonly #runtime: CriRuntime;
  #imageId = '';
  #count = 0;

  private constructor(home: string) {
    this.#home = home;
    this.#containerd = new Containerd({ home, podCidr: '10.41.255.0/24', clock, log: silentLogger });
    this.#runtime = new CriRuntime({ address: this.#containerd.address, clock, log: silentLogger });
  }

  static async open(): Promise<Alone> {
    const alone = new Alone(mkdtempSync(path.join(os.tmpdir(), 'naru-bench-')));
    await alone.#containerd.start();
    const archive = path.join(alone.#home, 'image.tar');
    await packImage({ name: image, programs: ['/usr/bin/busybox'], output: archive });
    await alone.#containerd.importImage(archive);
    alone.#imageId = (await alone.#runtime.imageStatus(image))?.id ?? '';
    return alone;
  }

  async close(): Promise<void> {
    await this.#runtime.close();
    await this.#containerd.teardown();
    rmSync(this.#home, { recursive: true, force: true });
  }

  /** Until the container of one pod is started; it is removed afterwards. */
  async startMs(): Promise<number> {
    const since = elapsedMs();
    const pod = await this.#start();
    const startedMs = since();
    await this.#remove(pod.sandboxId);
    return startedMs;
  }

  /** Until so many pods are started, eight at a time, as the agent does; they are removed afterwards. */
  async startManyMs(count: number): Promise<number> {
    const since = elapsedMs();
    const pods = await inTurns(8, count, () => this.#start());
    const startedMs = since();
    await inTurns(8, count, (index) => this.#remove(pods[index]?.sandboxId ?? ''));
    return startedMs;
  }

  /** Milliseconds of `true` in a container, several times. */
  async execMs(rounds: number): Promise<readonly number[]> {
    const { containerId, sandboxId } = await this.#start();
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const since = elapsedMs();
      await this.#runtime.exec(containerId, ['true'], 10_000);
      times.push(since());
    }
    await this.#remove(sandboxId);
    return times;
  }

  async #start(): Promise<{ readonly sandboxId: string; readonly containerId: string }> {
    const number = ++this.#count;
    const uid = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
    const sandbox = plainSandbox(
      { namespace: 'bench', name: `alone-${number}`, uid },
      {
        logDirectory: () => path.join(this.#home, 'logs', uid),
        cgroupParent: () => `${this.#containerd.cgroupRoot}/bench/pod${uid}`,
      },
    );
    const sandboxId = await this.#runtime.runSandbox(sandbox);
    const config = plainContainer('main', { name: image, id: this.#imageId }, command);
    const containerId = await this.#runtime.createContainer(sandboxId, config, sandbox);
    await this.#runtime.startContainer(containerId);
    return { sandboxId, containerId };
  }

  async #remove(sandboxId: string): Promise<void> {
    await this.#runtime.stopSandbox(sandboxId);
    await this.#runtime.removeSandbox(sandboxId);
  }
}

async function inTurns<T>(atOnce: number, count: number, act: (index: number) => Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) results[index] = await act(index);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}
