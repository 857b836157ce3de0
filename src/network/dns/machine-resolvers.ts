/**
 * The name servers of this machine, as its resolv.conf says, looked at again when it was changed; no timer: the look is part of asking, every few seconds at
 * most. Never this cluster's own name server, which would ask itself; and where systemd-resolved stands in front, those behind it.
 */
import fs from 'node:fs/promises';
import type { Clock } from '../../lib/clock.ts';
import { canonicalAddress } from './addresses.ts';
import { parseUpstream, type Upstream } from './settings.ts';

const lookMsMin = 5000;
const fileBytesMax = 64 * 1024;
const serversMax = 8;
/** systemd-resolved's own listeners. */
const stubs: ReadonlySet<string> = new Set(['127.0.0.53', '127.0.0.54']);

export interface MachineResolversOptions {
  readonly clock: Clock;
  /** Other name servers are asked from now on. */
  readonly changed: () => void;
  readonly files?: { readonly main: string; readonly behindStub: string };
}

const systemFiles = { main: '/etc/resolv.conf', behindStub: '/run/systemd/resolve/resolv.conf' };

export class MachineResolvers {
  readonly #options: MachineResolversOptions;
  readonly #files: { readonly main: string; readonly behindStub: string };
  #servers: readonly Upstream[] = [];
  #text: string | undefined;
  #nextLookMs = 0;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: MachineResolversOptions) {
    this.#options = options;
    this.#files = options.files ?? systemFiles;
  }

  /** @param own addresses that must not be asked */
  servers(own: readonly string[]): readonly Upstream[] {
    const now = this.#options.clock.monotonic();
    if (now >= this.#nextLookMs) {
      this.#nextLookMs = now + lookMsMin;
      void this.look();
    }
    return this.#servers.filter(({ address }) => !own.includes(canonicalAddress(address) ?? address));
  }

  /** Resolves when the files were read. What cannot be read leaves all as it is. */
  look(): Promise<void> {
    // One after another: what was read earlier must not be seen later.
    this.#looking = this.#looking.then(() => this.#look());
    return this.#looking;
  }

  async #look(): Promise<void> {
    const main = await readText(this.#files.main);
    if (main === undefined) return;
    const servers = parseNameServers(main);
    const isStub = servers.some(({ address }) => stubs.has(address));
    const text = isStub ? ((await readText(this.#files.behindStub)) ?? main) : main;
    if (text === this.#text) return;
    this.#text = text;
    this.#servers = parseNameServers(text);
    this.#options.changed();
  }
}

async function readText(file: string): Promise<string | undefined> {
  try {
    const text = await fs.readFile(file, 'utf8');
    return text.slice(0, fileBytesMax);
  } catch {
    return undefined;
  }
}

/** The addresses of `nameserver` lines (resolv.conf(5)). */
export function parseNameServers(text: string): readonly Upstream[] {
  const found = text.split('\n').flatMap((line) => {
    const [keyword, address = ''] = line.trim().split(/\s+/);
    return keyword === 'nameserver' ? (parseUpstream(address) ?? []) : [];
  });
  return found.slice(0, serversMax);
}
