/**
 * The loop that writes names into zones outside: a key for each zone of the settings.
 *
 * ```
 *  Service, Ingress, Gateway, route, settings changed ─▶ every zone's key, after a short while
 *    ─▶ wishes ─▶ what the zone has (its server) ─▶ plan ─▶ one update a name ─▶ events
 *  nothing changed ─▶ looked at again after some minutes: others write into the zone, too
 * ```
 * A name that is refused holds up no other of its zone, and a server that is away no other zone. Both are tried again with back-off.
 */
import { createHash } from 'node:crypto';
import type { Secret } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { configMaps, secrets } from '../../client/resources.ts';
import { contextFor, type LoopContext } from '../../controllers/shared/context.ts';
import type { Service } from '../../lib/service.ts';
import type { SectionSource } from '../configuration.ts';
import type { NetworkLoopContext } from '../loops.ts';
import { type Asker, askerText } from './annotations.ts';
import { type Change, type Plan, planZone } from './plan.ts';
import { type ExternalDnsSettings, externalDnsSection, type ZoneSettings, zoneKey } from './settings.ts';
import { NameSources } from './sources.ts';
import type { TsigKey } from './tsig.ts';
import { faultsOf, namesOfZone, type Problem, type WantedNames } from './wanted.ts';
import { ZoneRefusal, ZoneServer } from './zone-server.ts';

const account = 'external-dns-controller';
const settingsMap = { namespace: 'kube-system', name: 'naru-network' };
/** Several changes in a row are looked at once. */
const settleMs = 500;
const lookAgainMs = 5 * 60_000;
/** A first write of a large zone takes a while. */
const deadlineMs = 10 * 60_000;
const backoffMs = { backoffMsMin: 1000, backoffMsMax: 60_000 };

export function externalDnsController(context: NetworkLoopContext): Service[] {
  return [
    new ExternalDns(contextFor(context, account), context.configuration.section('externalDns', externalDnsSection))
      .loop,
  ];
}

type AskedNames = WantedNames['names'];

class ExternalDns {
  readonly loop: ControlLoop;
  readonly #context: LoopContext;
  readonly #settings: SectionSource<ExternalDnsSettings>;
  readonly #sources: NameSources;
  /** By zone: what was told, so that each thing is told once as long as it lasts. */
  readonly #told = new Map<string, Set<string>>();
  /** By zone: names that were asked for, for servers that do not show the whole zone. */
  readonly #known = new Map<string, Set<string>>();
  /** By zone: what was brought about, name by name. */
  readonly #brought = new Map<string, ReadonlyMap<string, string>>();

  /** By zone: for what all was done, and until when that is believed to be so still. */
  readonly #looked = new Map<string, { readonly text: string; readonly untilMs: number }>();

  constructor(context: LoopContext, settings: SectionSource<ExternalDnsSettings>) {
    this.#context = context;
    this.#settings = settings;
    this.loop = new ControlLoop({
      ...context,
      ...backoffMs,
      name: account,
      informers: [],
      deadlineMs,
      reconcile: (key, signal) => this.#reconcile(key, signal),
    });
    this.#sources = new NameSources(context.informers, () => this.#wake());
    settings.onChange(() => this.#followAll());
    this.#followAll();
  }

  #followAll(): void {
    for (const { sources } of this.#settings.current.zones) this.#sources.follow(sources);
    this.#wake();
  }

  #wake(): void {
    for (const zone of this.#settings.current.zones) this.loop.queue.addAfter(zoneKey(zone), settleMs);
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const { zones } = this.#settings.current;
    const settings = zones.find((zone) => zoneKey(zone) === key);
    if (settings === undefined) {
      for (const memory of [this.#told, this.#known, this.#brought, this.#looked]) memory.delete(key);
      return done;
    }
    const wishes = this.#sources.wishesOf(settings.sources);
    // Whoever completes a list comes again.
    if (wishes === undefined) return done;
    const { names, problems: clashes } = namesOfZone(wishes, settings, zones);
    const problems = [...clashes, ...faultsOf(wishes)];
    const text = textOf(settings, names, problems);
    const looked = this.#looked.get(key);
    const restMs = looked?.text === text ? looked.untilMs - this.#context.clock.monotonic() : 0;
    // Objects change often in what names do not depend on.
    if (restMs > 0) return after(restMs);
    this.#looked.delete(key);
    const telling = new Telling(this.#context, this.#told.get(key) ?? new Set());
    this.#told.set(key, telling.now);
    for (const { asker, message } of problems) telling.about(asker, message);
    try {
      await this.#bring(key, settings, names, telling, signal);
    } catch (error) {
      if (!signal.aborted && !(error instanceof NamesRefused))
        await this.#tellFailure(key, names, telling, error as Error);
      throw error;
    }
    this.#looked.set(key, { text, untilMs: this.#context.clock.monotonic() + lookAgainMs });
    return after(lookAgainMs);
  }

  async #bring(
    key: string,
    settings: ZoneSettings,
    names: AskedNames,
    telling: Telling,
    signal: AbortSignal,
  ): Promise<void> {
    const known = this.#known.get(key) ?? new Set<string>();
    this.#known.set(key, known);
    for (const { name } of names) known.add(name);
    const { clock, prng, log } = this.#context;
    const tsig = await this.#tsigKey(settings);
    const server = new ZoneServer({ naming: settings, server: settings.server, key: tsig, clock, prng, signal });
    try {
      const { zone, isWhole } = await server.read(known);
      if (!isWhole) log.debug('the name server does not show the whole zone', { zone: key });
      await this.#carryOut(key, server, names, planZone(settings, zone, names), telling);
    } catch (error) {
      if (error instanceof NamesRefused) throw error;
      throw new Error(`the zone ${key}: ${(error as Error).message}`, { cause: error });
    } finally {
      server.close();
    }
    // All is brought about: names that nobody asks for are gone.
    const wanted = new Set(names.map(({ name }) => name));
    for (const name of known) if (!wanted.has(name)) known.delete(name);
  }

  async #carryOut(key: string, server: ZoneServer, names: AskedNames, plan: Plan, telling: Telling): Promise<void> {
    const askers = new Map(names.map(({ name, asker }) => [name, asker]));
    const missing = new Set<string>();
    for (const { name, message } of plan.refusals) {
      missing.add(name);
      telling.about(askers.get(name), `${name} is not written into the zone ${key}: ${message}`);
    }
    let failure: Error | undefined;
    for (const change of plan.changes) {
      try {
        await server.apply(change);
        this.#tellDone(key, change, askers.get(change.name));
      } catch (error) {
        if (!(error instanceof ZoneRefusal)) throw error;
        missing.add(change.name);
        failure ??= new NamesRefused(`${change.name}: ${error.message}`, { cause: error });
        telling.about(askers.get(change.name), `${change.name} is not written into the zone ${key}: ${error.message}`);
      }
    }
    this.#brought.set(
      key,
      new Map(names.filter(({ name }) => !missing.has(name)).map((one) => [one.name, JSON.stringify(one.sets)])),
    );
    if (failure !== undefined) throw failure;
  }

  #tellDone(key: string, { verb, name, text, resource }: Change, asker: Asker | undefined): void {
    const { events, log } = this.#context;
    log.info('a name in a zone outside has changed', { zone: key, verb, name, records: text, resource });
    if (asker === undefined) return;
    const message = verb === 'delete' ? `${name} is deleted from` : `${name} leads to ${text} in`;
    const reason = verb === 'delete' ? 'RecordDeleted' : 'RecordReady';
    events.record(asker.resource, asker.object, 'Normal', reason, `${message} the zone ${key}`);
  }

  /** To the settings, and to each who still waits. */
  async #tellFailure(key: string, names: AskedNames, telling: Telling, { message }: Error): Promise<void> {
    const brought = this.#brought.get(key);
    for (const { name, sets, asker } of names) {
      if (sets.length > 0 && brought?.get(name) !== JSON.stringify(sets)) telling.about(asker, `${name}: ${message}`);
    }
    const { client, log } = this.#context;
    try {
      const map = await client.get(configMaps, settingsMap);
      telling.about({ resource: configMaps, object: map }, message);
    } catch (error) {
      log.debug('the settings of the network cannot be read', { error });
    }
  }

  /** Read anew each time: a new key holds at once. @throws Error, a sentence */
  async #tsigKey({ tsig }: ZoneSettings): Promise<TsigKey | undefined> {
    if (tsig.name === '') return undefined;
    const where = `Secret ${settingsMap.namespace}/${tsig.secretName}`;
    let secret: Secret;
    try {
      secret = await this.#context.client.get(secrets, { namespace: settingsMap.namespace, name: tsig.secretName });
    } catch (error) {
      if (hasReason(error, 'NotFound'))
        throw new Error(`there is no ${where}, which has the key ${tsig.name}`, { cause: error });
      throw error;
    }
    const text = Buffer.from(secret.data?.['secret'] ?? '', 'base64')
      .toString('latin1')
      .trim();
    if (text === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(text))
      throw new Error(
        `${where}: its key secret takes the key ${tsig.name} as text in base64, as in the name server's own file`,
      );
    return { name: tsig.name, algorithm: tsig.algorithm, secret: Buffer.from(text, 'base64') };
  }
}

function textOf(settings: ZoneSettings, names: AskedNames, problems: readonly Problem[]): string {
  const wanted = names.map(({ name, resource, sets }) => [name, resource, sets]);
  const told = problems.map(({ asker, message }) => [askerText(asker), message]);
  return createHash('sha256')
    .update(JSON.stringify([settings, wanted, told]))
    .digest('base64');
}

/** Some names could not be written: who asked was told. */
class NamesRefused extends Error {}

/** Tells each thing once for as long as it lasts: what was told the last time, and is so still, is not told again. */
class Telling {
  readonly now = new Set<string>();
  readonly #context: LoopContext;
  readonly #before: ReadonlySet<string>;

  constructor(context: LoopContext, before: ReadonlySet<string>) {
    this.#context = context;
    this.#before = before;
  }

  about(asker: Asker | undefined, message: string): void {
    if (asker === undefined) return;
    const { resource, object } = asker;
    const key = `${askerText(asker)} ${object.metadata?.uid ?? ''} ${message}`;
    if (!this.now.has(key) && !this.#before.has(key))
      this.#context.events.record(resource, object, 'Warning', 'RecordError', message);
    this.now.add(key);
  }
}
