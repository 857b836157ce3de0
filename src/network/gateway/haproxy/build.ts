/** What is gathered while a plan is rendered: sections, files, maps. Equal sections and files are one: their names are hashes of what they hold. */
import { isIP } from 'node:net';
import type { Backend, Server, Source } from '../plan.ts';
import type { KnownAuth } from './external-auth.ts';
import { type Refusal, type ServerLine, serversMark, shortHash } from './rendering.ts';
import { plainName } from './words.ts';

export interface Section {
  readonly mode: 'http' | 'tcp';
  readonly lines: readonly string[];
  readonly servers?: { readonly list: readonly Server[]; readonly parameters: string };
}

export class Build {
  readonly sections = new Map<string, Section>();
  readonly servers = new Map<string, ReadonlyMap<string, ServerLine>>();
  readonly files = new Map<string, string>();
  readonly maps = new Map<string, Map<string, string>>();
  readonly certificates = new Map<string, string>();
  /** htpasswd's forms that HAProxy does not know, by list: user and hash. */
  readonly scriptUsers = new Map<string, ReadonlyMap<string, string>>();
  readonly userLists = new Map<string, readonly string[]>();
  readonly refusals: Refusal[] = [];
  /** Backends that Lua reaches over the inner listener. */
  readonly mirrorSections = new Set<string>();
  /** Sections that it reaches besides, by key. */
  readonly innerTargets = new Map<string, string>();
  readonly auths = new Map<string, KnownAuth>();
  readonly backends: ReadonlyMap<string, Backend>;

  constructor(backends: ReadonlyMap<string, Backend>) {
    this.backends = backends;
  }

  /** A file that only a reload changes. Gives its name. */
  file(prefix: string, text: string): string {
    const name = `${prefix}-${shortHash(text)}`;
    this.files.set(name, text);
    return name;
  }

  list(prefix: string, lines: readonly string[]): string {
    return this.file(prefix, lines.map((line) => `${line}\n`).join(''));
  }

  /** A map that can change while HAProxy runs. Gives its name. */
  map(name: string): { readonly path: string; readonly entries: Map<string, string> } {
    const entries = new Map<string, string>();
    this.maps.set(name, entries);
    return { path: name, entries };
  }

  certificate(id: string, pem: string): string {
    const name = `certificate-${plainName(id)}-${shortHash(id)}.pem`;
    this.certificates.set(name, pem);
    return name;
  }

  /** Gives the section's name: of `base`, and of what it holds but for its servers. */
  section(base: string, section: Section): string {
    const { mode, lines, servers } = section;
    const name = `${plainName(base)}.${shortHash(JSON.stringify([base, mode, lines, servers?.parameters]))}`;
    if (this.sections.has(name)) return name;
    this.sections.set(name, section);
    if (servers !== undefined) this.servers.set(name, serverLines(servers.list, servers.parameters));
    return name;
  }

  refuse(source: Source, error: unknown): void {
    this.refusals.push({ source, message: (error as Error).message });
  }

  text(): string {
    const sections = this.#sectionsText();
    return sections.includes(namedServerEnd) ? `${resolversText}\n${sections}` : sections;
  }

  #sectionsText(): string {
    return [...this.sections]
      .map(([name, { mode, lines, servers }]) =>
        [
          `backend ${name} from ${mode}`,
          ...lines.map((line) => `  ${line}`),
          ...(servers === undefined ? [] : namedServers(servers.list, servers.parameters)),
          ...(servers === undefined ? [] : [`${serversMark}${name}`]),
          '',
        ].join('\n'),
      )
      .join('\n');
  }
}

/** Only where somebody is asked for by name: HAProxy does not start without the machine's resolv.conf then. */
const resolversText = `resolvers machine
  parse-resolv-conf
  hold valid 10s
  accepted_payload_size 4096
`;
const namedServerEnd = ' resolvers machine init-addr none\n';

/** Those with a DNS name: HAProxy asks for them by itself, and takes new ones at a reload alone. */
function namedServers(list: readonly Server[], parameters: string): string[] {
  return list
    .filter(({ address }) => isIP(address) === 0 && /^[A-Za-z0-9._-]{1,253}$/.test(address))
    .map(({ address, port }) => {
      const line = `${address}:${port}${parameters}${namedServerEnd.trimEnd()}`;
      return `  server n_${plainName(address)}_${port} ${line}`;
    });
}

function serverLines(list: readonly Server[], parameters: string): Map<string, ServerLine> {
  const lines = new Map<string, ServerLine>();
  const ids = new Set<number>();
  const sorted = list.filter(({ address }) => isIP(address) !== 0).toSorted(byAddress);
  for (const { address, port, isDraining } of sorted) {
    const name = `s_${address.replaceAll(':', '_')}_${port}`;
    if (lines.has(name)) continue;
    const id = freeId(ids, `${address} ${port}`);
    lines.set(name, { address, port, id, isDraining, parameters });
  }
  return lines;
}

function byAddress(a: Server, b: Server): number {
  return a.address === b.address ? a.port - b.port : a.address < b.address ? -1 : 1;
}

/** From 1 to 2³¹ - 1. */
function freeId(taken: Set<number>, text: string): number {
  let id = Number.parseInt(shortHash(text).slice(0, 8), 16) & 0x7fffffff || 1;
  while (taken.has(id)) id = id === 0x7fffffff ? 1 : id + 1;
  taken.add(id);
  return id;
}
