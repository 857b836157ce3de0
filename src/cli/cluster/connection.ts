/**
 * The way from a command to a cluster: which one is meant, who asks, and in which namespace. Every command that speaks to an API takes its
 * options from here, so that all of them mean the same, and any cluster that speaks the Kubernetes API will do.
 *
 * Looked for in this order: `--kubeconfig`, `$KUBECONFIG`, the cluster of this NARU_HOME, `~/.kube/config`.
 */
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { Command } from 'commander';
import type { HttpsClient } from '../../client/https-client.ts';
import type { ClientConfig } from '../../client/kubeconfig-reader.ts';
import type { Home } from '../../home.ts';
import { type Clock, RealClock } from '../../lib/clock.ts';
import { UserError } from '../user-error.ts';
import type { Circumstances } from './connection-error.ts';

export interface ConnectionOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

export interface Connection {
  readonly client: HttpsClient;
  readonly config: ClientConfig;
  /** What `-n` says, else the context's. */
  readonly namespace: string;
  readonly clock: Clock;
}

/** `--kubeconfig`, `--context` and `-n`, for a command that speaks to a cluster. */
export function withConnection(command: Command): Command {
  return withCluster(command).option(
    '-n, --namespace <name>',
    "the namespace (default: the kubeconfig's, else default)",
  );
}

/** The same for what stands outside namespaces. */
export function withCluster(command: Command): Command {
  return command
    .option('--kubeconfig <file>', "which cluster (default: $KUBECONFIG, this machine's, ~/.kube/config)")
    .option('--context <name>', 'which context of that file');
}

/** Opens, acts, and closes whatever happens. Failures of the way come as sentences (`connection-error.ts`). */
export async function withApi<T>(
  home: Home,
  options: ConnectionOptions,
  act: (connection: Connection) => Promise<T>,
): Promise<T> {
  const config = await findConfig(home, options);
  const clock = new RealClock({ keepsAlive: true });
  // Every command takes its options from this file; HTTP/2 with TLS takes as long to load as all else together.
  const { httpsClient } = await import('../../client/https-client.ts');
  const client = httpsClient({ config, clock, userAgent: 'naru' });
  try {
    return await act({ client, config, clock, namespace: options.namespace ?? config.namespace });
  } catch (error) {
    throw await explained(error, { home, config, nowMs: clock.now() });
  } finally {
    client.close();
  }
}

/** @throws UserError that says where was looked, and what to do */
export async function findConfig(home: Home, options: ConnectionOptions): Promise<ClientConfig> {
  const file = kubeconfigFile(home, options);
  try {
    const { readKubeconfig } = await import('../../client/kubeconfig-reader.ts');
    return await readKubeconfig(file, options.context);
  } catch (error) {
    const { explainKubeconfig } = await import('./connection-error.ts');
    throw explainKubeconfig(error, file, home);
  }
}

function kubeconfigFile(home: Home, { kubeconfig }: ConnectionOptions): string {
  if (kubeconfig !== undefined) return path.resolve(kubeconfig);
  // Of several files the first one: merged lists are not read.
  const named = process.env['KUBECONFIG']?.split(':').find((file) => file !== '');
  if (named !== undefined) return path.resolve(named);
  const usual = path.join(os.homedir(), '.kube', 'config');
  if (existsSync(home.kubeconfig) || !existsSync(usual)) return home.kubeconfig;
  return usual;
}

async function explained(error: unknown, circumstances: Circumstances): Promise<unknown> {
  if (error instanceof UserError) return error;
  const { explainConnection } = await import('./connection-error.ts');
  return explainConnection(error, circumstances);
}
