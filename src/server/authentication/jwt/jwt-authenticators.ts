/**
 * The issuers that the configuration file names, and the file itself, which is read again when it changes.
 *
 * Kept true: there is always a whole set in use. A file that cannot be used, or that names an issuer which does not answer, leaves the set
 * that was; the log says why. The set before is let go only when the next one is ready.
 */
import { readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Clock } from '../../../lib/clock.ts';
import { limits } from '../../../lib/limits.ts';
import type { Logger } from '../../../lib/log.ts';
import { MetricRegistry } from '../../../lib/metrics.ts';
import type { Service } from '../../../lib/service.ts';
import {
  type AnonymousPolicy,
  type Authentication,
  absent,
  anonymousEverywhere,
  reasonsOf,
  refused,
  type TokenAuthenticator,
} from '../authentication.ts';
import { TokenCache } from '../token-cache.ts';
import { type AuthenticationConfiguration, decodeAuthenticationConfiguration } from './configuration.ts';
import { JwtAuthenticator } from './jwt-authenticator.ts';
import { JwtMetrics } from './jwt-metrics.ts';
import { changeErrors, type JwtRules, validateAuthenticationConfiguration } from './validation.ts';

export interface JwtAuthenticatorsOptions {
  readonly file: string;
  /** Nobody outside may speak for these: the issuers of service accounts' tokens. */
  readonly disallowedIssuers: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: MetricRegistry | undefined;
}

/** How often the file is looked at. Upstream is told by the system, and looks every minute. */
const pollMs = 2_000;
/** How long a new file's issuers get to answer, as upstream. At it: the set before stays, and the file is tried again. */
const readyMsMax = 60_000;
const readyPollMs = 100;
/** How long a good token is remembered, as upstream's cache. */
const goodTokenMs = 10_000;

interface Issuer {
  readonly authenticator: JwtAuthenticator;
  readonly cached: TokenCache;
}

export class JwtAuthenticators implements TokenAuthenticator, Service {
  readonly name = 'issuers of tokens';
  readonly #options: JwtAuthenticatorsOptions;
  readonly #first: AuthenticationConfiguration;
  readonly #metrics: JwtMetrics;
  readonly #stop = new AbortController();
  #text: string;
  #issuers: readonly Issuer[];
  #polling: Promise<void> = Promise.resolve();

  /** @throws Error, one sentence that names the file and all that is wrong with it */
  constructor(options: JwtAuthenticatorsOptions) {
    this.#options = options;
    this.#metrics = new JwtMetrics(options.metrics ?? new MetricRegistry());
    try {
      this.#text = readBounded(options.file);
      const { configuration, jwt } = this.#read(this.#text);
      this.#first = configuration;
      this.#issuers = this.#make(jwt);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`authentication configuration ${options.file} cannot be used: ${why}`, { cause: error });
    }
  }

  /** Who may be nobody. It does not change while the server runs. */
  get anonymous(): AnonymousPolicy {
    const { anonymous } = this.#first;
    if (anonymous === undefined) return anonymousEverywhere;
    const { enabled = false, conditions = [] } = anonymous;
    return { enabled, paths: new Set(conditions.map(({ path = '' }) => path)) };
  }

  async authenticateToken(token: string, audiences: readonly string[]): Promise<Authentication> {
    const whys: string[] = [];
    for (const { cached } of this.#issuers) {
      const outcome = await cached.authenticateToken(token, audiences);
      if (outcome.kind === 'user') return outcome;
      if (outcome.kind === 'refused') whys.push(outcome.why);
    }
    return whys.length === 0 ? absent : refused(reasonsOf(whys));
  }

  /** Does not wait for the issuers: one of them may run on this very cluster. */
  async start(): Promise<void> {
    for (const { authenticator } of this.#issuers) authenticator.start();
    this.#polling = this.#poll();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    for (const { authenticator } of this.#issuers) authenticator.close();
    await this.#polling;
  }

  async #poll(): Promise<void> {
    const { clock, file, log } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await clock.sleep(pollMs, signal).catch(() => {});
      if (signal.aborted) return;
      try {
        await this.#reload();
      } catch (error) {
        this.#metrics.reloaded('failure', clock.now());
        log.error('authentication configuration was not reloaded', { file, error });
      }
    }
  }

  /** What is wrong with a text for good is told once; what may pass is tried again. */
  async #reload(): Promise<void> {
    const { file, log, clock } = this.#options;
    if (statSync(file).size > limits.configurationFileBytesMax) throw new Error('the file is too large');
    const text = await readFile(file, 'utf8');
    if (text === this.#text) return;
    let jwt: readonly JwtRules[];
    try {
      ({ jwt } = this.#read(text));
    } catch (error) {
      this.#text = text;
      throw error;
    }
    const next = this.#make(jwt);
    for (const { authenticator } of next) authenticator.start();
    const problem = await this.#problemOf(next);
    const left = problem === undefined ? this.#issuers : next;
    for (const { authenticator } of left) authenticator.close();
    if (problem !== undefined) throw new Error(problem);
    this.#issuers = next;
    this.#text = text;
    this.#metrics.reloaded('success', clock.now());
    log.info('authentication configuration reloaded', { file });
  }

  async #problemOf(issuers: readonly Issuer[]): Promise<string | undefined> {
    const { clock } = this.#options;
    const untilMs = clock.monotonic() + readyMsMax;
    for (;;) {
      if (this.#stop.signal.aborted) return 'the server is closing';
      const problems = issuers.flatMap(({ authenticator }) => authenticator.problem ?? []);
      if (problems.length === 0) return undefined;
      if (clock.monotonic() >= untilMs) return reasonsOf(problems);
      await clock.sleep(readyPollMs, this.#stop.signal).catch(() => {});
    }
  }

  /** @throws Error */
  #read(text: string): { readonly configuration: AuthenticationConfiguration; readonly jwt: readonly JwtRules[] } {
    const configuration = decodeAuthenticationConfiguration(text);
    const { errors, jwt } = validateAuthenticationConfiguration(configuration, this.#options.disallowedIssuers);
    const first = this.#first as AuthenticationConfiguration | undefined;
    const all = first === undefined ? errors : [...errors, ...changeErrors(first, configuration)];
    if (all.length > 0) throw new Error(reasonsOf(all.map(({ field, message }) => `${field}: ${message}`)));
    return { configuration, jwt };
  }

  #make(jwt: readonly JwtRules[]): readonly Issuer[] {
    const { clock, log } = this.#options;
    return jwt.map((rules) => {
      const authenticator = new JwtAuthenticator({ rules, clock, log, metrics: this.#metrics });
      return {
        authenticator,
        cached: new TokenCache({ member: authenticator, clock, goodMs: goodTokenMs, absentMs: 0 }),
      };
    });
  }
}

/** @throws Error */
function readBounded(file: string): string {
  if (statSync(file).size > limits.configurationFileBytesMax) throw new Error('the file is too large');
  return readFileSync(file, 'utf8');
}
