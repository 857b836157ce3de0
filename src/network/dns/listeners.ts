/**
 * The name server's listeners on this machine: an address on `lo` and a server on it for each that is wanted, brought about one after another, and tried
 * again where that fails (another program has the port, the machine has no IPv6). Only what it took itself does it give back.
 */
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { dropAddress, heldAddresses, holdAddress, noteAddresses } from './local-address.ts';
import { type Answerer, DnsServer } from './server.ts';

export interface LocalAddresses {
  hold(address: string): Promise<void>;
  drop(address: string): Promise<void>;
  /** Of an earlier life. */
  held(): Promise<readonly string[]>;
  note(addresses: readonly string[]): Promise<void>;
}

export function systemAddresses(folder: string): LocalAddresses {
  return {
    hold: holdAddress,
    drop: dropAddress,
    held: () => heldAddresses(folder),
    note: (addresses) => noteAddresses(folder, addresses),
  };
}

export interface ListenersOptions {
  readonly addresses: LocalAddresses;
  readonly port: number;
  readonly answer: Answerer;
  readonly report: (message: string, fields: Readonly<Record<string, unknown>>) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

const retryMsMin = 2000;
const retryMsMax = 60_000;

export class Listeners {
  readonly #options: ListenersOptions;
  readonly #servers = new Map<string, DnsServer>();
  #wanted: readonly string[] = [];
  #held: Set<string> | undefined;
  #working: Promise<void> = Promise.resolve();
  #retry: Timer | undefined;
  #failures = 0;
  #isClosed = false;

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Where it listens now. */
  get servers(): ReadonlyMap<string, DnsServer> {
    return this.#servers;
  }

  /** Resolves when it was tried; what failed is tried again by itself. */
  listenOn(addresses: readonly string[]): Promise<void> {
    this.#wanted = addresses;
    this.#retry?.cancel();
    this.#working = this.#working.then(() => this.#bringAbout());
    return this.#working;
  }

  /** The addresses stay: what starts next takes them over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#retry?.cancel();
    await this.#working;
    await Promise.all([...this.#servers.values()].map((server) => server.close()));
    this.#servers.clear();
  }

  async #bringAbout(): Promise<void> {
    if (this.#isClosed) return;
    this.#held ??= new Set(await this.#options.addresses.held());
    let isGood = true;
    // One at a time, since each writes down what is held; what is new first, so that there is always somebody to ask.
    for (const address of this.#wanted) isGood = (this.#servers.has(address) || (await this.#take(address))) && isGood;
    for (const address of this.#held)
      isGood = (this.#wanted.includes(address) || (await this.#leave(address))) && isGood;
    if (isGood) this.#failures = 0;
    else this.#tryAgain();
  }

  #tryAgain(): void {
    const delayMs = Math.min(retryMsMax, retryMsMin * 2 ** this.#failures++);
    this.#retry = this.#options.clock.after(delayMs, () => void this.listenOn(this.#wanted));
  }

  /** Whether it listens there now. */
  async #take(address: string): Promise<boolean> {
    const { addresses, port, answer, report, log } = this.#options;
    const server = new DnsServer({ address, port, answer, report });
    try {
      await addresses.hold(address);
      await server.start();
      this.#servers.set(address, server);
      await this.#noteHeld(address, true);
      log.info('the name server listens', { address, port });
      return true;
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      const what = isTaken ? 'another program has the port' : 'the address cannot be taken';
      log.error(`the cluster's name server cannot listen: ${what}; it tries again`, { address, port, error });
      return this.#servers.has(address);
    }
  }

  /** Whether it is gone. */
  async #leave(address: string): Promise<boolean> {
    const { addresses, log } = this.#options;
    try {
      await this.#servers.get(address)?.close();
      this.#servers.delete(address);
      await addresses.drop(address);
      await this.#noteHeld(address, false);
      return true;
    } catch (error) {
      log.error('an old address of the name server cannot be taken away; it tries again', { address, error });
      return false;
    }
  }

  async #noteHeld(address: string, isHeld: boolean): Promise<void> {
    if (isHeld) this.#held?.add(address);
    else this.#held?.delete(address);
    await this.#options.addresses.note([...(this.#held ?? [])]);
  }
}
