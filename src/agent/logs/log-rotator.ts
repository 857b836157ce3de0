/**
 * Keeps the logs of containers within bounds: every ten seconds it looks how large they are, and rotates those that are larger than the node
 * allows. The runtime is told to write a new file; where it does not, the old name comes back and the next look tries again.
 *
 * Kept true: no line is lost or written twice; at most `containerLogMaxWorkers` logs are rotated at a time; what an agent left half
 * done, the next one clears away.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { integerValue } from '../../api/quantity.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import { Gate } from '../gate.ts';
import type { KubeletConfiguration } from '../kubelet-configuration.ts';
import type { ContainerStatus, Runtime } from '../runtime.ts';
import { planRotation, rotatedName, temporarySuffix } from './rotation.ts';

export interface LogRotatorOptions {
  readonly runtime: Pick<Runtime, 'reopenLog'>;
  /** Those of the node's pods, as they were last seen. */
  readonly containers: () => Iterable<ContainerStatus>;
  readonly configuration: Pick<
    KubeletConfiguration,
    'containerLogMaxSize' | 'containerLogMaxFiles' | 'containerLogMaxWorkers' | 'containerLogMonitorIntervalMs'
  >;
  readonly clock: Clock;
  readonly log: Logger;
}

export class LogRotator implements Service {
  readonly name = 'log-rotator';
  readonly #options: LogRotatorOptions;
  readonly #sizeMax: number;
  readonly #gate: Gate;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: LogRotatorOptions) {
    this.#options = options;
    this.#sizeMax = integerValue(options.configuration.containerLogMaxSize);
    this.#gate = new Gate(Math.max(1, options.configuration.containerLogMaxWorkers));
  }

  start(): Promise<void> {
    // A size below zero says that logs grow without bounds.
    if (this.#sizeMax >= 0) this.#running ??= this.#run();
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('closed'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, configuration } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.rotateAll();
      await clock.sleep(configuration.containerLogMonitorIntervalMs, signal).catch(() => {});
    }
  }

  /** One look at all logs. */
  async rotateAll(): Promise<void> {
    const running = [...this.#options.containers()].filter(
      ({ state, logPath }) => state === 'running' && logPath !== '',
    );
    await Promise.all(running.map((run) => this.#gate.run(() => this.#look(run))));
  }

  async #look(run: ContainerStatus): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const { log } = this.#options;
    try {
      const { size } = await fs.stat(run.logPath);
      if (size > this.#sizeMax) await this.#rotate(run);
    } catch (error) {
      const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (isGone) await this.#reopenLost(run);
      else log.warn('a log could not be rotated', { container: run.name, pod: run.pod, error });
    }
  }

  /** An agent died between the renaming and the new file: the container still writes to the old one. */
  async #reopenLost(run: ContainerStatus): Promise<void> {
    const folder = await fs.stat(path.dirname(run.logPath)).catch(() => undefined);
    if (folder === undefined) return;
    await this.#options.runtime.reopenLog(run.id).catch((error: unknown) => {
      this.#options.log.warn('a log that is missing could not be made', { container: run.name, pod: run.pod, error });
    });
  }

  async #rotate({ id, logPath }: ContainerStatus): Promise<void> {
    const { clock, configuration, runtime } = this.#options;
    const folder = path.dirname(logPath);
    const file = path.basename(logPath);
    const names = await fs.readdir(folder);
    const { remove, compress } = planRotation(names, file, configuration.containerLogMaxFiles);
    for (const name of remove) await fs.rm(path.join(folder, name), { force: true });
    for (const name of compress) await compressFile(path.join(folder, name));
    const rotated = path.join(folder, rotatedName(file, clock.now(), names));
    await fs.rename(logPath, rotated);
    try {
      await runtime.reopenLog(id);
    } catch (error) {
      await fs.rename(rotated, logPath);
      throw error;
    }
  }
}

/** The whole of it, or nothing: the compressed file appears under its name when it is complete. */
async function compressFile(file: string): Promise<void> {
  const temporary = `${file}${temporarySuffix}`;
  const { mode } = await fs.stat(file);
  await pipeline(createReadStream(file), createGzip(), createWriteStream(temporary, { mode: mode & 0o777 }));
  await fs.rename(temporary, `${file}.gz`);
  await fs.rm(file);
}
