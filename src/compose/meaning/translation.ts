/** What all parts of the translation share: the project, what was found out about this machine, names, and the notes. */
import path from 'node:path';
import type { FileKind } from '../files.ts';
import { joinedService } from '../loading/references.ts';
import type { Project, Service } from '../model.ts';
import { dnsLabel } from './names.ts';

/** What is known of this machine; asked before, so that translating is pure. */
export interface Surroundings {
  /** Of the paths that are bound into containers. */
  readonly kinds: ReadonlyMap<string, FileKind | undefined>;
  /** Of services that are built: a hash of what their images are made from. */
  readonly sources: ReadonlyMap<string, string>;
}

export class Translation {
  readonly project: Project;
  readonly surroundings: Surroundings;
  readonly #notes = new Set<string>();

  constructor(project: Project, surroundings: Surroundings) {
    this.project = project;
    this.surroundings = surroundings;
  }

  get notes(): readonly string[] {
    return [...this.#notes];
  }

  /** What the user should know of the key at `place` (`services.web.ports`). */
  note(place: string, text: string): void {
    this.#notes.add(`${place}: ${text}`);
  }

  /** For errors. */
  where(place: string): string {
    return `${this.project.file}: ${place}`;
  }

  /** Names of objects that Compose keeps apart by project: `shop-data`. */
  scoped(name: string): string {
    return dnsLabel(`${this.project.name}-${name}`);
  }

  get partOf(): string {
    return dnsLabel(this.project.name);
  }

  service(name: string): Service {
    return this.project.services.get(name) ?? {};
  }

  /** The service whose pod this one's container is in: its own, or that of `network_mode: service:NAME`. */
  host(name: string, chain: readonly string[] = []): string {
    const { network_mode: network, pid, ipc } = this.service(name);
    const joined = joinedService(network) ?? joinedService(pid) ?? joinedService(ipc);
    return joined === undefined || joined === name || chain.includes(name) ? name : this.host(joined, [...chain, name]);
  }

  /** What tells the pods of a service from all others. */
  selector(service: string): Record<string, string> {
    return { 'app.kubernetes.io/name': dnsLabel(service), 'app.kubernetes.io/part-of': this.partOf };
  }

  relative(file: string): string {
    const relative = path.relative(this.project.directory, file);
    return relative.startsWith('..') ? file : `./${relative}`;
  }
}
