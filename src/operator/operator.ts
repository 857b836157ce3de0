/**
 * An operator as a program: a connection to the cluster, the loops, leader election, webhooks, health and metrics, and an end in good order.
 *
 * ```
 *  every copy:   client ─ webhooks ─ /healthz /readyz /metrics
 *  the leader:   informers ─ controllers
 * ```
 * Who loses the lead ends, as client-go's programs do: whoever started it starts it again, with nothing half remembered.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import type { Client } from '../client/client.ts';
import { EventRecorder } from '../client/events.ts';
import { httpsClient } from '../client/https-client.ts';
import { InformerSet } from '../client/informer.ts';
import type { ClientConfig } from '../client/kubeconfig.ts';
import { type Clock, RealClock } from '../lib/clock.ts';
import { JsonLogger, type Logger } from '../lib/log.ts';
import { MetricRegistry } from '../lib/metrics.ts';
import { nameSuffix, type Prng, unseededPrng } from '../lib/prng.ts';
import { type Service, ServiceGroup, ServicesTogether } from '../lib/service.ts';
import type { OperatorContext } from './controller.ts';
import { type ClusterChoice, findCluster } from './find-cluster.ts';
import { LeaderElection } from './leader-election.ts';
import { WebhookServer, type WebhookServerOptions } from './webhook-server.ts';
import type { Webhook } from './webhooks.ts';

export interface OperatorOptions {
  /** Of its events, its lease and its log. */
  readonly name: string;
  /** What the leader runs: `(context) => [controller(context, …)]`. */
  readonly controllers: (context: OperatorContext) => readonly Service[];
  /** False: every copy acts. Absent: one of all copies leads, by a Lease of the operator's name in its own namespace. */
  readonly leaderElection?: false | { readonly namespace?: string; readonly name?: string };
  readonly webhooks?: Pick<WebhookServerOptions, 'service' | 'port' | 'host' | 'names'> & {
    readonly serve: readonly Webhook[];
  };
  /** Where `/healthz`, `/readyz` and `/metrics` are: `{ port: 8081 }`; nowhere where absent. */
  readonly health?: { readonly port: number; readonly host?: string };
  readonly cluster?: ClusterChoice;
  /** In place of `cluster`: a test's. */
  readonly client?: Client;
  readonly clock?: Clock;
  readonly prng?: Prng;
  readonly log?: Logger;
}

export interface RunningOperator {
  readonly context: OperatorContext;
  /** Resolves when it is over: stopped by `close`, or because another leads. Rejects where it failed to start. */
  readonly over: Promise<'stopped' | 'lost'>;
  /** Of health and webhooks, where they listen; 0 else. */
  readonly ports: { readonly health: number; readonly webhooks: number };
  close(): Promise<void>;
}

/** Starts it, and returns when its webhooks and health are served; who leads is found out later. @throws Error */
export async function startOperator(options: OperatorOptions): Promise<RunningOperator> {
  const clock = options.clock ?? new RealClock({ keepsAlive: true });
  const prng = options.prng ?? unseededPrng();
  const log = (options.log ?? new JsonLogger({ clock, write: (line) => void process.stderr.write(line) })).with({
    operator: options.name,
  });
  const connection = options.client === undefined ? await connect(options, clock) : undefined;
  const client = options.client ?? connection?.client;
  if (client === undefined) throw new Error(`operator ${options.name} has no cluster`);
  const metrics = new MetricRegistry();
  const informers = new InformerSet({ client, clock, prng, log });
  const events = new EventRecorder({ client, clock, log, component: options.name });
  const context: OperatorContext = { client, informers, events, clock, prng, log, metrics };
  const end = async (): Promise<void> => {
    await events.close();
    connection?.client.close();
  };
  // A copy that does not lead follows nothing, and is as ready as it can be.
  let acts = false;
  const webhooks =
    options.webhooks && new WebhookServer({ ...context, ...options.webhooks, webhooks: options.webhooks.serve });
  const health = options.health && new HealthServer(options.health, metrics, () => (acts ? informers.unsynced : []));
  const outer = new ServiceGroup(
    options.name,
    [webhooks, health].filter((part) => part !== undefined),
    { clock, log },
  );
  const stop = new AbortController();
  let acting: ServiceGroup;
  try {
    // All loops end at once: where the lead was lost, none may write while another is waited for.
    const loops = new ServicesTogether('controllers', options.controllers(context));
    acting = new ServiceGroup(`${options.name} loops`, [informers, loops], { clock, log });
    await outer.start();
  } catch (error) {
    await end();
    throw error;
  }
  const act = async (lost: AbortSignal): Promise<void> => {
    acts = true;
    await acting.start();
    await aborted(lost);
    await acting.close();
  };
  const endAll = async (): Promise<void> => {
    await outer.close();
    await end();
  };
  const run = async (): Promise<'stopped' | 'lost'> => {
    try {
      return await lead(options, context, connection?.config, act, stop.signal);
    } finally {
      await endAll();
    }
  };
  const over = run();
  over.catch(() => {});
  return {
    context,
    over,
    ports: { health: health?.port ?? 0, webhooks: webhooks?.port ?? 0 },
    close: async () => {
      stop.abort(new Error('stopped'));
      await over;
    },
  };
}

/** As a whole program: until SIGTERM or SIGINT, or until another leads; then the process ends with 0 or 1. */
export async function runOperator(options: OperatorOptions): Promise<void> {
  const running = await startOperator(options);
  // Where it failed, `over` says so below.
  const stop = (): void => void running.close().catch(() => {});
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop);
  process.exitCode = (await running.over) === 'lost' ? 1 : 0;
}

async function connect({ cluster, name }: OperatorOptions, clock: Clock) {
  const config = await findCluster(cluster);
  return { config, client: httpsClient({ config, clock, userAgent: `${name}/naru-operator` }) };
}

async function lead(
  options: OperatorOptions,
  context: OperatorContext,
  config: ClientConfig | undefined,
  act: (lost: AbortSignal) => Promise<void>,
  stop: AbortSignal,
): Promise<'stopped' | 'lost'> {
  if (options.leaderElection === false) {
    await act(stop);
    return 'stopped';
  }
  const { namespace = config?.namespace ?? 'default', name = options.name } = options.leaderElection ?? {};
  const identity = `${hostname()}_${nameSuffix(context.prng, 8)}`;
  return new LeaderElection({ ...context, namespace, name, identity }).run(act, stop);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Plain HTTP, for the kubelet's probes and for scrapers. */
class HealthServer implements Service {
  readonly name = 'health';
  readonly #place: { readonly port: number; readonly host?: string };
  readonly #server: Server;

  constructor(
    place: { readonly port: number; readonly host?: string },
    metrics: MetricRegistry,
    unsynced: () => readonly string[],
  ) {
    this.#place = place;
    this.#server = createServer((request, response) => {
      const answer = (status: number, text: string): void => {
        response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
      };
      if (request.method !== 'GET') return answer(405, 'only GET\n');
      if (request.url === '/healthz') return answer(200, 'ok\n');
      if (request.url === '/metrics') return answer(200, metrics.text());
      if (request.url !== '/readyz') return answer(404, 'not found\n');
      const missing = unsynced();
      return missing.length === 0 ? answer(200, 'ok\n') : answer(503, `waiting for ${missing.join(', ')}\n`);
    });
    this.#server.requestTimeout = 10_000;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  start(): Promise<void> {
    const { port, host } = this.#place;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => resolve());
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}
