/**
 * What the API serves at this moment: the built-in rows and types, and those that CustomResourceDefinitions added. Everybody who was given
 * `resources` or `schema` of it sees a change at once, rows and types together.
 *
 * What is made of a table and kept (discovery documents, OpenAPI) is kept by `resources.current`, which is another object after each change.
 *
 * A definition may declare a kind that is built in, as those of the Gateway API do: it is established, shown and deleted as others are, and
 * the built-in versions stay as they were. Versions that only the definition has are served by it. All of them are views of the same objects, which
 * are stored in the built-in storage version, whatever the definition says, and stay when the definition goes.
 */
import type { GroupInfo, ResourceTable } from './resource-table.ts';
import { groupResource, type ResourceInfo } from './resources.ts';
import type { GroupVersionKind, MessageType, SchemaRegistry } from './schema/schema.ts';

export class LiveApi {
  readonly resources: ResourceTable;
  readonly schema: SchemaRegistry;
  readonly #listeners = new Set<() => void>();
  readonly #builtin: ResourceTable;
  #current: ResourceTable;
  /** By group and resource. */
  readonly #builtinStorage: ReadonlyMap<string, string>;
  /** Rows beside built-in ones, which are stored as those are. */
  readonly #beside = new WeakMap<ResourceInfo, ResourceInfo>();
  /** The rows to be served from now on, where nobody has asked yet. */
  #next: (() => readonly ResourceInfo[]) | undefined;

  constructor(resources: ResourceTable, schema: SchemaRegistry) {
    this.#builtin = resources;
    this.#current = resources;
    this.#builtinStorage = new Map(resources.all.map((row) => [groupResource(row), row.storageVersion]));
    this.resources = new LiveTable(() => this.#table());
    this.schema = {
      kind: (gvk: GroupVersionKind): MessageType | undefined =>
        schema.kind(gvk) ?? this.#table().byKind(gvk)?.definition?.type,
      message: (name) => schema.message(name),
    };
  }

  /** The rows of all CustomResourceDefinitions that are served; a built-in row of the same name stays. */
  serve(custom: readonly ResourceInfo[]): void {
    this.serveFrom(() => custom);
  }

  /** `rows` is called when somebody asks next: many changes one after another make one table. Listeners hear of them together. */
  serveFrom(rows: () => readonly ResourceInfo[]): void {
    const isTold = this.#next !== undefined;
    this.#next = rows;
    if (!isTold) queueMicrotask(() => this.#tell());
  }

  #tell(): void {
    this.#table();
    for (const listener of this.#listeners) listener();
  }

  #table(): ResourceTable {
    if (this.#next !== undefined) {
      const rows = this.#next();
      this.#next = undefined;
      const own = rows
        .filter((row) => this.#builtin.find(row.group, row.version, row.resource) === undefined)
        .map((row) => this.#stored(row));
      this.#current = own.length === 0 ? this.#builtin : this.#builtin.withResources(own);
    }
    return this.#current;
  }

  #stored(row: ResourceInfo): ResourceInfo {
    const storageVersion = this.#builtinStorage.get(groupResource(row));
    if (storageVersion === undefined) return row;
    const known = this.#beside.get(row) ?? { ...row, storageVersion };
    this.#beside.set(row, known);
    return known;
  }

  /** Calling the result ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

class LiveTable implements ResourceTable {
  readonly #table: () => ResourceTable;

  constructor(table: () => ResourceTable) {
    this.#table = table;
  }

  get current(): ResourceTable {
    return this.#table();
  }

  get all(): readonly ResourceInfo[] {
    return this.#table().all;
  }

  find(group: string, version: string, resource: string): ResourceInfo | undefined {
    return this.#table().find(group, version, resource);
  }

  byKind(gvk: GroupVersionKind): ResourceInfo | undefined {
    return this.#table().byKind(gvk);
  }

  groups(): readonly GroupInfo[] {
    return this.#table().groups();
  }

  inGroupVersion(group: string, version: string): readonly ResourceInfo[] {
    return this.#table().inGroupVersion(group, version);
  }

  withResources(added: readonly ResourceInfo[]): ResourceTable {
    return this.#table().withResources(added);
  }
}
