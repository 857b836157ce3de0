/**
 * The authorizers that an AuthorizationConfiguration names, in its order, behind `system:masters`; read again when the file changes.
 *
 * Kept true: the cluster does not start with a file that cannot be used; a later one that cannot be used changes nothing and is told in
 * the log. Who is asked changes between two questions, never within one.
 */
import { readFile, stat } from 'node:fs/promises';
import type { Clock, Timer } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import type { Service } from '../../lib/service.ts';
import type { AuthorizationAttributes, Decision, UserInfo } from '../../registry/request.ts';
import { AuthorizerChain, alwaysAllow, alwaysDeny, type Decider, masters, type UserRules } from './authorization.ts';
import type { AuthorizationMetrics } from './authorization-metrics.ts';
import { type AuthorizerConfiguration, defaultAuthorizers, parseAuthorizationConfiguration } from './configuration.ts';
import { openReviewClient } from './review-client.ts';
import { WebhookAuthorizer } from './webhook-authorizer.ts';

export interface StandingAuthorizers {
  readonly nodes: Decider;
  readonly rbac: Decider;
}

export interface ConfiguredAuthorizerOptions {
  readonly file: string;
  /** Those that the cluster has whether they are asked or not. */
  readonly standing: StandingAuthorizers;
  readonly metrics: AuthorizationMetrics;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

interface Members {
  readonly authorizer: Decider;
  close(): void;
}

/** Before the file was read, nobody but masters may do anything. */
const nothingYet: Members = { authorizer: masters, close: () => {} };

export class ConfiguredAuthorizer implements Decider, Service {
  readonly name = 'authorization configuration';
  readonly #options: ConfiguredAuthorizerOptions;
  #members = nothingYet;
  /** The last text that was read, good or not: it is told once. */
  #seen = '';
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: ConfiguredAuthorizerOptions) {
    this.#options = options;
  }

  decide(attributes: AuthorizationAttributes): Decision | Promise<Decision> {
    return this.#members.authorizer.decide(attributes);
  }

  rulesFor(user: UserInfo, namespace: string): UserRules {
    return this.#members.authorizer.rulesFor(user, namespace);
  }

  /** @throws Error, one sentence that names the file */
  async start(): Promise<void> {
    const { file } = this.#options;
    try {
      this.#seen = await textOf(file);
      this.#members = await this.#make(this.#seen);
    } catch (error) {
      throw new Error(`authorization configuration ${file} cannot be used: ${messageOf(error)}`, { cause: error });
    }
    this.#lookLater();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#members.close();
  }

  #lookLater(): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.after(limits.configurationFileCheckMs, () => {
      void this.#look().finally(() => this.#lookLater());
    });
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { file, log, metrics, clock } = this.#options;
    try {
      const text = await textOf(file);
      if (text === this.#seen) return;
      this.#seen = text;
      const members = await this.#make(text);
      if (this.#closed) return members.close();
      this.#members.close();
      this.#members = members;
      log.info('authorization configuration read again', { file });
      metrics.reloaded('success', clock.now());
    } catch (error) {
      log.error('authorization configuration not read again, the old one holds', { file, error });
      metrics.reloaded('failure', clock.now());
    }
  }

  async #make(text: string): Promise<Members> {
    const opened: { close(): void }[] = [];
    const close = (): void => {
      for (const one of opened) one.close();
    };
    try {
      const members: Decider[] = [masters];
      for (const configuration of parseAuthorizationConfiguration(text)) {
        const { type, name } = configuration;
        members.push(this.#options.metrics.counted(type, name, await this.#authorizerOf(configuration, opened)));
      }
      return { authorizer: new AuthorizerChain(members), close };
    } catch (error) {
      close();
      throw error;
    }
  }

  async #authorizerOf(configuration: AuthorizerConfiguration, opened: { close(): void }[]): Promise<Decider> {
    const { standing, clock, prng, log, metrics } = this.#options;
    switch (configuration.type) {
      case 'AlwaysAllow':
        return alwaysAllow;
      case 'AlwaysDeny':
        return alwaysDeny;
      case 'Node':
        return standing.nodes;
      case 'RBAC':
        return standing.rbac;
      case 'Webhook': {
        const { name, webhook } = configuration;
        const client = await openReviewClient(webhook, clock);
        opened.push(client);
        return new WebhookAuthorizer({ name, configuration: webhook, ask: client.ask, clock, prng, log, metrics });
      }
    }
  }
}

/** Who is asked where there is no such file. */
export function defaultAuthorizer({ nodes, rbac }: StandingAuthorizers, metrics: AuthorizationMetrics): Decider {
  const members = defaultAuthorizers.map(({ type, name }) =>
    metrics.counted(type, name, type === 'Node' ? nodes : rbac),
  );
  return new AuthorizerChain([masters, ...members]);
}

/** @throws Error where it is not there, or too long */
async function textOf(file: string): Promise<string> {
  const { size } = await stat(file);
  const bytesMax = limits.configurationFileBytesMax;
  if (size > bytesMax) throw new Error(`it has ${size} bytes, and at most ${bytesMax} are read`);
  return readFile(file, 'utf8');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
