/**
 * The settings of `configuration.ts` as they are in the cluster: follows the one ConfigMap and hands each section, parsed, to its part.
 *
 * Kept true: a section has its defaults until something good was read, and its last good value after; a part hears only of values that differ. What
 * is wrong is told by an event on the ConfigMap once for each of its versions, and by the log.
 */
import type { ConfigMap } from '../api/schema/types/core-v1.ts';
import { parseYaml } from '../api/yaml.ts';
import type { Client } from '../client/client.ts';
import { Informer } from '../client/informer.ts';
import { configMaps } from '../client/resources.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Prng } from '../lib/prng.ts';
import type { Service } from '../lib/service.ts';
import { type NetworkConfigurationSource, type Section, type SectionSource, sectionNames } from './configuration.ts';
import type { NetworkEvents } from './context.ts';

const namespace = 'kube-system';
const name = 'naru-network';
const key = 'network.yaml';
/** Larger ones are not read. */
const textLengthMax = 512 * 1024;
/** Nobody waits longer for a server that does not answer: what is not known has its defaults. */
const firstReadMsMax = 2000;

export interface NetworkConfigurationOptions {
  readonly client: Client;
  readonly events: NetworkEvents;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

type Values = Readonly<Record<string, unknown>>;

export class NetworkConfiguration implements NetworkConfigurationSource, Service {
  readonly name = 'network configuration';
  readonly #options: NetworkConfigurationOptions;
  readonly #informer: Informer<ConfigMap>;
  readonly #sections = new Map<string, LiveSection<unknown>>();
  #map: ConfigMap | undefined;
  #values: Values = {};

  constructor(options: NetworkConfigurationOptions) {
    this.#options = options;
    const query = { namespace, fieldSelector: `metadata.name=${name}` };
    this.#informer = new Informer({ ...options, resource: configMaps, query });
    this.#informer.addHandler({
      added: (map) => this.#read(map),
      updated: (map) => this.#read(map),
      deleted: () => this.#read(undefined),
    });
  }

  /** Resolves when the settings were read, or after a short while: parts begin with what is known. */
  async start(): Promise<void> {
    await this.#informer.start();
    const stopWaiting = new AbortController();
    const late = this.#options.clock.sleep(firstReadMsMax, stopWaiting.signal).catch(() => {});
    await Promise.race([this.#informer.synced, late]);
    stopWaiting.abort(new Error('read'));
  }

  close(): Promise<void> {
    return this.#informer.close();
  }

  section<T>(sectionName: string, section: Section<T>): SectionSource<T> {
    const known = this.#sections.get(sectionName);
    if (known !== undefined) return known as unknown as LiveSection<T>;
    const live = new LiveSection(section);
    this.#sections.set(sectionName, live as unknown as LiveSection<unknown>);
    this.#give(sectionName, live);
    return live;
  }

  #read(map: ConfigMap | undefined): void {
    this.#map = map;
    try {
      this.#values = valuesOf(map?.data?.[key] ?? '');
    } catch (error) {
      this.#tell(`${key}: ${(error as Error).message}; the last good settings stay`);
      return;
    }
    const known = new Set<string>([...sectionNames, ...this.#sections.keys()]);
    for (const unknown of Object.keys(this.#values).filter((one) => !known.has(one))) {
      this.#tell(`${key}: there is no section ${unknown}; there are ${[...known].toSorted().join(', ')}`);
    }
    for (const [sectionName, live] of this.#sections) this.#give(sectionName, live);
  }

  #give<T>(sectionName: string, live: LiveSection<T>): void {
    try {
      live.give(this.#values[sectionName]);
    } catch (error) {
      this.#tell(`${key}: section ${sectionName}: ${(error as Error).message}; its last good settings stay`);
    }
  }

  #tell(message: string): void {
    const { events, log } = this.#options;
    log.warn('the settings of the network have a fault', { fault: message });
    if (this.#map !== undefined)
      events.record(configMaps, this.#map, 'Warning', 'InvalidNetworkConfiguration', message);
  }
}

/** @throws Error that says what is wrong with the text */
function valuesOf(yaml: string): Values {
  if (yaml.length > textLengthMax) throw new Error(`it is longer than ${textLengthMax} characters`);
  if (yaml.trim() === '') return {};
  const { value, duplicates } = parseYaml(yaml);
  const [duplicate] = duplicates;
  if (duplicate !== undefined) throw new Error(duplicate.replaceAll(/\s*\n\s*/g, ' '));
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new Error('it takes sections, each with its fields');
  return value;
}

class LiveSection<T> implements SectionSource<T> {
  readonly #section: Section<T>;
  readonly #listeners = new Set<(value: T) => void>();
  #text: string | undefined;
  current: T;

  constructor(section: Section<T>) {
    this.#section = section;
    this.current = section.defaults;
  }

  onChange(changed: (value: T) => void): () => void {
    this.#listeners.add(changed);
    return () => void this.#listeners.delete(changed);
  }

  /** @throws Error as `parse` does: the value stays as it was */
  give(value: unknown): void {
    const text = value === undefined || value === null ? undefined : JSON.stringify(value);
    if (text === this.#text) return;
    const parsed = text === undefined ? this.#section.defaults : this.#section.parse(value);
    this.#text = text;
    this.current = parsed;
    for (const changed of this.#listeners) changed(parsed);
  }
}
