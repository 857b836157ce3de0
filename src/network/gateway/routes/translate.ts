/**
 * From the Gateway API's objects to their part of the gateway's plan. Pure.
 *
 * ```
 *   listeners by port ─▶ an Entry each ─▶ hosts: those of the routes that a listener serves, and its own, so that a listener for a name is not
 *                                         passed by for one that takes more names ─▶ routes in order of precedence
 * ```
 * Gateways share the node's addresses: on one port they share hosts too, and the older Gateway's routes are no better than others'.
 */
import type { Certificate, Entry, Route, Target, VirtualHost } from '../plan.ts';
import type { Contribution } from '../translator.ts';
import type { ReadRoute } from './attachment.ts';
import { covers } from './hostnames.ts';
import type { ReadGateway, ReadListener } from './listeners.ts';
import { comparePrecedence } from './matches.ts';
import { compareSources, type GatewayObjects } from './objects.ts';
import { programmedVerdict, type Resolved, type RouteSources, resolve, rulesAt } from './resolve.ts';
import type { ReadRule } from './rules.ts';

export function translateGateways(objects: GatewayObjects, sources: RouteSources): Contribution {
  return planOf(resolve(objects, sources));
}

export function planOf(resolved: Resolved): Contribution {
  const entries = new Map<number, EntryBuilder>();
  const open = new Set<ReadListener>();
  for (const { listeners } of resolved.gateways) {
    for (const listener of listeners) {
      const tls = resolved.tls.get(listener);
      if (!programmedVerdict(listener, tls).isGood) continue;
      open.add(listener);
      entryAt(entries, listener.port).open(listener, tls?.certificates ?? []);
    }
  }
  for (const route of resolved.routes) {
    for (const { gateway, attachments } of route.parents) {
      for (const { listener, hosts } of attachments) {
        if (!open.has(listener)) continue;
        const rest = hosts.filter((host) => !isAnothers(host, listener, gateway));
        entryAt(entries, listener.port).serve(resolved, route, gateway, listener, rest);
      }
    }
  }
  return { entries: [...entries.values()].map((each) => each.entry()), backends: resolved.backends.all, problems: [] };
}

function entryAt(entries: Map<number, EntryBuilder>, port: number): EntryBuilder {
  let entry = entries.get(port);
  if (entry === undefined) entries.set(port, (entry = new EntryBuilder(port)));
  return entry;
}

/** A listener of the same Gateway is for this name more exactly: a request for it is that one's alone. */
function isAnothers(host: string, listener: ReadListener, { listeners }: ReadGateway): boolean {
  return listeners.some(
    ({ port, hostname, accepted }) =>
      port === listener.port &&
      accepted.isGood &&
      hostname !== listener.hostname &&
      covers(listener.hostname, hostname) &&
      covers(hostname, host),
  );
}

interface PlacedRule {
  readonly rule: ReadRule;
  readonly route: ReadRoute;
}

interface Connection {
  readonly serverName: string;
  readonly targets: readonly Target[];
  readonly source: ReadRoute['source'];
}

class EntryBuilder {
  readonly #port: number;
  readonly #forms = new Set<ReadListener['form']>();
  readonly #hosts = new Map<string, PlacedRule[]>();
  readonly #certificates = new Map<string, Certificate>();
  readonly #passThrough = new Map<string, Connection>();
  readonly #terminated = new Map<string, Connection>();
  #targets: readonly Target[] | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  open({ form, hostname }: ReadListener, certificates: readonly Certificate[]): void {
    this.#forms.add(form);
    if (form === 'http' || form === 'https') this.#hosts.set(hostname, this.#hosts.get(hostname) ?? []);
    for (const each of certificates) {
      if (!this.#certificates.has(each.serverName)) this.#certificates.set(each.serverName, each);
    }
  }

  serve(
    resolved: Resolved,
    route: ReadRoute,
    gateway: ReadGateway,
    listener: ReadListener,
    hosts: readonly string[],
  ): void {
    const { rules, targets, isWhollyFaulty } = rulesAt(resolved, route, gateway, listener);
    if (isWhollyFaulty || hosts.length === 0) return;
    switch (listener.form) {
      case 'http':
      case 'https':
        for (const host of hosts) this.#addRules(host, route, rules);
        break;
      case 'passthrough':
        addConnections(this.#passThrough, hosts, route, targets);
        break;
      case 'terminated':
        addConnections(this.#terminated, hosts, route, targets);
        break;
      case 'tcp':
        this.#targets ??= targets;
        break;
      case undefined:
        break;
    }
  }

  /** A route that reaches a host in two ways, by two Gateways or listeners, is there once. */
  #addRules(host: string, route: ReadRoute, rules: readonly ReadRule[]): void {
    const placed = this.#hosts.get(host) ?? [];
    if (!placed.some((each) => each.route === route)) placed.push(...rules.map((rule) => ({ rule, route })));
    this.#hosts.set(host, placed);
  }

  entry(): Entry {
    return {
      address: '*',
      port: this.#port,
      protocol: this.#protocol(),
      acceptProxyFrom: [],
      hosts: [...this.#hosts].map(([host, placed]) => this.#virtualHost(host, placed)),
      certificates: [...this.#certificates.values()],
      passThrough: [...this.#passThrough.values()],
      terminated: [...this.#terminated.values()],
      targets: this.#targets ?? [],
    };
  }

  #protocol(): Entry['protocol'] {
    if (this.#forms.has('http')) return 'http';
    if (this.#forms.has('https')) return 'https';
    return this.#forms.has('tcp') ? 'tcp' : 'tls';
  }

  #virtualHost(host: string, placed: readonly PlacedRule[]): VirtualHost {
    const routes = placed.toSorted(
      (a, b) =>
        comparePrecedence(a.rule.precedence, b.rule.precedence) ||
        compareSources(a.route.source, b.route.source) ||
        a.rule.ruleIndex - b.rule.ruleIndex ||
        a.rule.matchIndex - b.rule.matchIndex,
    );
    return { host, routes: routes.map((each) => this.#route(host, each)) };
  }

  #route(host: string, { rule, route: { source } }: PlacedRule): Route {
    const { ruleIndex, matchIndex, match, filters, action } = rule;
    const id = `${source.kind}/${source.namespace}/${source.name}/${ruleIndex}/${matchIndex}@${this.#port}/${host}`;
    return { id, source, match, filters, action };
  }
}

/** The oldest route has a name: routes come in that order. */
function addConnections(
  connections: Map<string, Connection>,
  hosts: readonly string[],
  { source }: ReadRoute,
  targets: readonly Target[],
): void {
  for (const serverName of hosts) {
    if (!connections.has(serverName)) connections.set(serverName, { serverName, targets, source });
  }
}
