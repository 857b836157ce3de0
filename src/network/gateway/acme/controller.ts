/**
 * The loop that makes and renews certificates: a key for each Secret that an Ingress or a Gateway of ours wants from ACME.
 *
 * ```
 *  Ingress, Gateway, Secret, settings changed ─▶ Secret's key ─▶ decide ─┬─ wait until it is to be renewed
 *                                                                       ├─ leave: somebody else's
 *                                                                       └─ issue ─▶ Secret written ─▶ event
 * ```
 * An authority that refused is left alone for longer each time, and as long as it says; what is wrong inside the cluster (nodes that do not answer yet) is
 * tried again soon, since the authority heard nothing of it.
 */
import { gatewayController } from '../../../api/gateway-references.ts';
import { type KubeObject, objectKey } from '../../../api/object.ts';
import type { Secret } from '../../../api/schema/types/core-v1.ts';
import type { Gateway } from '../../../api/schema/types/gateway-v1.ts';
import { after, ControlLoop, done, type Outcome } from '../../../client/controller.ts';
import type { Informer } from '../../../client/informer.ts';
import { gatewayClasses, gateways, ingressClasses, ingresses, nodes, secrets } from '../../../client/resources.ts';
import { contextFor, type LoopContext } from '../../../controllers/shared/context.ts';
import { MetricRegistry } from '../../../lib/metrics.ts';
import type { Service } from '../../../lib/service.ts';
import type { NetworkLoopContext } from '../../loops.ts';
import { gatewayAddresses } from '../addresses.ts';
import { servedIngresses } from '../ingress/translate.ts';
import { NamedReadings } from '../secrets.ts';
import { ingressSection } from '../settings.ts';
import { Attempts } from './attempts.ts';
import { PublishedChallenges } from './challenges.ts';
import { type AcmeClient, AcmeError } from './client.ts';
import type { IssuedCertificate, Solver } from './issue.ts';
import { CertificateMetrics } from './metrics.ts';
import { checkAnswers } from './self-check.ts';
import { type AcmeSettings, acmeSection } from './settings.ts';
import {
  decideCertificate,
  issuerAnnotation,
  type KnownSecret,
  renewalMs,
  type Wanted,
  wantedCertificates,
} from './wanted.ts';

const account = 'acme-controller';
/** Stands for all Secrets that are wanted; no object has this key. */
const everyKey = 'every';
/** Several changes in a row are looked at once. */
const settleMs = 100;
/** Longer sleeps are cut: clocks jump, and a look costs nothing. */
const sleepMsMax = 12 * 60 * 60_000;
const orderMsMax = 10 * 60_000;

export interface AcmeLoopOptions {
  /** How nodes are asked whether they answer; over HTTP where absent. */
  readonly check?: Solver['check'];
}

export function acmeController(context: NetworkLoopContext, options: AcmeLoopOptions = {}): Service[] {
  return [new AcmeLoop(contextFor(context, account), context, options).loop];
}

interface Refused {
  readonly error: Error;
  /** The authority knows of it. */
  readonly isOutside: boolean;
}

class AcmeLoop {
  readonly loop: ControlLoop;
  readonly #own: LoopContext;
  readonly #settings;
  readonly #caches;
  readonly #readings: NamedReadings;
  readonly #solver: Solver;
  readonly #metrics: CertificateMetrics;
  readonly #attempts = new Attempts();
  #account: { readonly settings: AcmeSettings; readonly opening: Promise<AcmeClient> } | undefined;
  /** Read again where an Ingress, a Gateway or a class has changed. */
  #wanted: ReadonlyMap<string, Wanted> | undefined;

  constructor(own: LoopContext, context: NetworkLoopContext, options: AcmeLoopOptions) {
    this.#own = own;
    const { informers, client, clock } = own;
    this.#settings = context.configuration.section('acme', acmeSection);
    const ports = context.configuration.section('ingress', ingressSection);
    this.#metrics = new CertificateMetrics(own.metrics ?? new MetricRegistry());
    this.#caches = {
      ingresses: informers.informer(ingresses),
      ingressClasses: informers.informer(ingressClasses),
      gateways: informers.informer(gateways),
      gatewayClasses: informers.informer(gatewayClasses),
      secrets: informers.informer(secrets),
      nodes: informers.informer(nodes),
    };
    const { cache } = this.#caches.secrets;
    this.#readings = new NamedReadings((_, reference) => {
      const object = cache.get(reference);
      return object === undefined ? { kind: 'missing' } : { kind: 'found', object: object as never };
    });
    const challenges = new PublishedChallenges(client);
    const addresses = (): readonly string[] => gatewayAddresses(this.#caches.nodes.cache.list());
    this.#solver = {
      publish: (proofs) => challenges.publish(proofs),
      withdraw: (proofs) => challenges.withdraw(proofs),
      check:
        options.check ??
        ((proofs, signal) => checkAnswers({ addresses, port: () => ports.current.httpPort, clock }, proofs, signal)),
    };
    this.loop = new ControlLoop({
      ...own,
      name: account,
      workers: 2,
      deadlineMs: orderMsMax,
      informers: Object.values(this.#caches),
      reconcile: (key, signal) => this.#reconcile(key, signal),
    });
    const { secrets: made, nodes: _, ...askers } = this.#caches;
    for (const informer of Object.values(askers)) this.#onAny(informer as Informer<KubeObject>);
    const see = (secret: Secret): void => {
      // Where nobody knows yet who is wanted, all will be looked at.
      if (this.#wanted?.has(objectKey(secret))) this.loop.queue.add(objectKey(secret));
    };
    made.addHandler({ added: see, updated: see, deleted: see });
    this.#settings.onChange(() => {
      this.#attempts.forgetFailures();
      this.loop.queue.add(everyKey);
    });
  }

  #onAny(informer: Informer<KubeObject>): void {
    const changed = (): void => {
      this.#wanted = undefined;
      this.loop.queue.addAfter(everyKey, settleMs);
    };
    informer.addHandler({
      added: changed,
      updated: (now, before) => {
        // Statuses are written often, and ask for nothing.
        if (now.metadata?.generation !== before.metadata?.generation || annotationsOf(now) !== annotationsOf(before))
          changed();
      },
      deleted: changed,
    });
  }

  #wantedNow(): ReadonlyMap<string, Wanted> {
    const { ingresses: all, ingressClasses: classes, gateways: some, gatewayClasses: theirs } = this.#caches;
    const isOurs = ({ spec }: Gateway): boolean =>
      theirs.cache.byKey(spec.gatewayClassName)?.spec.controllerName === gatewayController;
    this.#wanted ??= wantedCertificates(
      servedIngresses({ ingresses: all.cache.list(), classes: classes.cache.list() }),
      some.cache.list().filter(isOurs),
    );
    return this.#wanted;
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    if (key === everyKey) {
      for (const each of this.#wantedNow().keys()) this.loop.queue.add(each);
      return done;
    }
    const wanted = this.#wantedNow().get(key);
    if (wanted === undefined) {
      this.#attempts.forget(key);
      return done;
    }
    const settings = this.#settings.current;
    for (const name of wanted.impossible) {
      this.#tellOnce(
        key,
        wanted,
        'AcmeNameImpossible',
        `${name} cannot be had by ACME here: only names without wildcards are proved by HTTP`,
      );
    }
    if (wanted.names.length === 0) return done;
    const { clock } = this.#own;
    const decision = decideCertificate(wanted, this.#known(wanted), settings.directory, clock.now());
    switch (decision.kind) {
      case 'leave':
        this.#tellOnce(key, wanted, 'AcmeSecretTaken', `Secret ${wanted.secret.name}: ${decision.why}`);
        return done;
      case 'wait':
        return after(Math.min(decision.untilMs - clock.now(), sleepMsMax));
      case 'issue':
        return this.#issue(key, wanted, settings, signal);
    }
  }

  #known({ secret: reference }: Wanted): KnownSecret | undefined {
    const secret = this.#caches.secrets.cache.get(reference);
    if (secret === undefined) return undefined;
    const issuer = secret.metadata?.annotations?.[issuerAnnotation];
    const certificate = this.#readings.certificate(reference);
    if (certificate.kind === 'found') {
      this.#metrics.certificate(reference, certificate.value.notAfterMs, renewalMs(certificate.value));
    }
    return { isOurs: issuer !== undefined, issuer: issuer ?? '', certificate };
  }

  async #issue(key: string, wanted: Wanted, settings: AcmeSettings, signal: AbortSignal): Promise<Outcome> {
    if (!settings.termsAgreed) {
      const what = 'set acme.termsAgreed in ConfigMap kube-system/naru-network, key network.yaml';
      this.#tellOnce(
        key,
        wanted,
        'AcmeNotSetUp',
        `no certificate is asked for before the authority's terms are agreed to: ${what}`,
      );
      return done;
    }
    const { names } = wanted;
    const restMs = this.#attempts.restMs(key, names, this.#own.clock.now());
    if (restMs > 0) return after(Math.min(restMs, sleepMsMax));
    let issued = this.#attempts.kept(key, names);
    if (issued === undefined) {
      const outcome = await this.#order(wanted, settings, signal);
      if ('error' in outcome) return this.#failed(key, wanted, outcome);
      issued = outcome;
      this.#attempts.keep(key, names, issued);
    }
    await this.#write(wanted, issued, settings);
    this.#attempts.forget(key);
    this.#metrics.ordered('issued');
    const message = `Secret ${wanted.secret.name} has a new certificate for ${names.join(', ')}`;
    this.#tell(wanted, 'Normal', 'CertificateIssued', message);
    return done;
  }

  async #order({ names }: Wanted, settings: AcmeSettings, signal: AbortSignal): Promise<IssuedCertificate | Refused> {
    const { clock } = this.#own;
    let isOutside = true;
    const solver: Solver = {
      ...this.#solver,
      check: async (proofs, stop) => {
        isOutside = false;
        await this.#solver.check(proofs, stop);
        isOutside = true;
      },
    };
    try {
      // Loaded with the first order: what it stands on takes a while.
      const { issueCertificate } = await import('./issue.ts');
      const client = await this.#openAccount(settings);
      return await issueCertificate({ client, names, keyType: settings.keyType, solver, clock, signal });
    } catch (error) {
      return { error: error as Error, isOutside };
    }
  }

  #failed(key: string, wanted: Wanted, { error, isOutside }: Refused): Outcome {
    const acme = error instanceof AcmeError ? error : undefined;
    if (acme?.type === 'accountDoesNotExist') this.#account = undefined;
    const { clock, log } = this.#own;
    const { names } = wanted;
    const ms = this.#attempts.failed(key, names, clock.now(), { isOutside, retryAfterMs: acme?.retryAfterMs });
    this.#metrics.ordered('failed');
    log.warn('a certificate could not be had', { secret: key, error, retryMs: ms });
    const again = `tried again in ${Math.ceil(ms / 60_000)} min`;
    this.#tellOnce(
      key,
      wanted,
      'CertificateFailed',
      `no certificate for ${names.join(', ')}: ${error.message}; ${again}`,
    );
    return after(ms);
  }

  /** One for all orders, as long as the settings are these. */
  #openAccount(settings: AcmeSettings): Promise<AcmeClient> {
    if (this.#account?.settings === settings) return this.#account.opening;
    const { client, clock } = this.#own;
    const opening = import('./account.ts').then(({ openAccount }) => openAccount(client, settings, clock));
    const account = { settings, opening };
    this.#account = account;
    opening.catch(() => {
      if (this.#account === account) this.#account = undefined;
    });
    return opening;
  }

  async #write(
    { secret, names }: Wanted,
    { chain, key }: IssuedCertificate,
    { directory }: AcmeSettings,
  ): Promise<void> {
    const { client } = this.#own;
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const data = { 'tls.crt': base64(chain), 'tls.key': base64(key) };
    const annotations = { [issuerAnnotation]: directory, 'naru.io/acme-names': names.join(',') };
    const labels = { 'app.kubernetes.io/managed-by': 'naru' };
    const known = this.#caches.secrets.cache.get(secret);
    if (known === undefined) {
      await client.create(secrets, { metadata: { ...secret, annotations, labels }, type: 'kubernetes.io/tls', data });
      return;
    }
    const metadata = { uid: known.metadata?.uid, annotations, labels };
    await client.patch(secrets, secret, { type: 'merge', body: { metadata, data } });
  }

  #tellOnce(key: string, wanted: Wanted, reason: string, message: string): void {
    const by = wanted.by.map(({ object: { metadata } }) => [metadata?.uid, metadata?.generation]);
    if (!this.#attempts.isNews(key, JSON.stringify([reason, message, by]))) return;
    this.#tell(wanted, 'Warning', reason, message);
  }

  #tell({ by }: Wanted, type: 'Normal' | 'Warning', reason: string, message: string): void {
    for (const asker of by) {
      if (asker.kind === 'Ingress') this.#own.events.record(ingresses, asker.object, type, reason, message);
      else this.#own.events.record(gateways, asker.object, type, reason, message);
    }
  }
}

const annotationsOf = ({ metadata }: KubeObject): string => JSON.stringify(metadata?.annotations ?? {});
