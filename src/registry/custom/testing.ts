/**
 * For tests: a registry that serves what CustomResourceDefinitions declare, as a cluster does, and factories for these.
 *
 * Not for production: nothing outside of tests imports this file.
 */
import assert from 'node:assert/strict';
import { LiveApi } from '../../api/live-api.ts';
import { resourceTable } from '../../api/resource-table.ts';
import type { ResourceInfo } from '../../api/resources.ts';
import { builtinSchema } from '../../api/schema/load.ts';
import type { CustomResourceDefinition } from '../../api/schema/types/apiextensions-v1.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { MemoryStore } from '../../store/memory-store.ts';
import { bootstrap } from '../bootstrap.ts';
import type { OutsideCaller } from '../outside.ts';
import { Registry } from '../registry.ts';
import { resourceNamed, TestRegistry } from '../testing.ts';
import { CustomKinds } from './custom-kinds.ts';
import { DefinitionKeeper } from './definition-keeper.ts';

export const definitions = 'customresourcedefinitions.apiextensions.k8s.io';

export class CustomRegistry extends TestRegistry {
  readonly api: LiveApi;
  readonly kinds: CustomKinds;
  readonly keeper: DefinitionKeeper;

  constructor(outside?: OutsideCaller) {
    const clock = new VirtualClock();
    const store = new MemoryStore({ clock, log: silentLogger });
    const api = new LiveApi(resourceTable(), builtinSchema());
    const { resources, schema } = api;
    const common = { store, clock, prng: new SeededPrng(1), log: silentLogger, resources };
    const registry = new Registry({ ...common, schema, ...(outside && { outside }) });
    super({ clock, store, registry });
    this.api = api;
    this.kinds = new CustomKinds({ store, api, log: silentLogger });
    this.keeper = new DefinitionKeeper({ ...common, handler: registry });
  }

  /** `widgets.example.com`, `widgets.v2.example.com`: custom ones, too, as they are served now. */
  protected override resource(name: string): ResourceInfo {
    const [resource = '', ...rest] = name.split('.');
    const version = /^v[0-9]/.test(rest[0] ?? '') ? rest.shift() : undefined;
    const group = rest.join('.');
    const rows = this.api.resources.all.filter((info) => info.resource === resource && info.group === group);
    const row = rows.find((info) => version === undefined || info.version === version);
    return row ?? resourceNamed(name);
  }

  serves(name: string): boolean {
    const dot = name.indexOf('.');
    const [resource, group] = [name.slice(0, dot), name.slice(dot + 1)];
    return this.api.resources.all.some((info) => info.resource === resource && info.group === group);
  }

  /** Creates the definition; resolves when its kind is served. */
  async define(definition: object): Promise<void> {
    await this.create(definitions, definition);
    const { name = '' } = (definition as CustomResourceDefinition).metadata ?? {};
    await this.settle();
    assert.ok(this.serves(name), `${name} is served`);
  }

  /** What is woken by a change has been done, as long as nobody waits for a time. */
  async settle(): Promise<void> {
    await this.clock.advance(0);
  }

  async close(): Promise<void> {
    await this.keeper.close();
    await this.kinds.close();
    await this.store.close();
  }
}

export async function startCustomRegistry(outside?: OutsideCaller): Promise<CustomRegistry> {
  const registry = new CustomRegistry(outside);
  await registry.store.start();
  await registry.kinds.start();
  await bootstrap(registry.registry);
  await registry.keeper.start();
  return registry;
}

type VersionFields = Partial<CustomResourceDefinition['spec']['versions'][number]>;

/** A version that stores and takes anything below `spec` and `status`. */
export function makeVersion(fields: VersionFields = {}): CustomResourceDefinition['spec']['versions'][number] {
  const any = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } as const;
  const openAPIV3Schema = { type: 'object', properties: { spec: any, status: any } };
  return { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema }, ...fields };
}

/** `widgets.example.com`, one version, namespaced, where nothing else is said. */
export function makeDefinition(
  fields: {
    readonly plural?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly names?: object;
    readonly scope?: 'Namespaced' | 'Cluster';
    readonly versions?: readonly VersionFields[];
    readonly conversion?: object;
    readonly metadata?: object;
  } = {},
): CustomResourceDefinition {
  const { plural = 'widgets', group = 'example.com', kind = 'Widget', scope = 'Namespaced', versions = [{}] } = fields;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, ...fields.metadata },
    spec: {
      group,
      scope,
      names: { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List`, ...fields.names },
      versions: versions.map(makeVersion),
      ...(fields.conversion && { conversion: fields.conversion }),
    } as CustomResourceDefinition['spec'],
  };
}

export function makeWidget(name: string, fields: object = {}): object {
  const { metadata, ...rest } = fields as { readonly metadata?: object };
  return { apiVersion: 'example.com/v1', kind: 'Widget', ...rest, metadata: { name, ...metadata } };
}
