/**
 * Which cluster a program means, in the order in which client-go's users expect it: the kubeconfig that is named, `$KUBECONFIG`, the pod that the
 * program runs in, `~/.kube/config`.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type ClientConfig, readKubeconfig } from '../client/kubeconfig.ts';

export interface ClusterChoice {
  /** A kubeconfig file. */
  readonly kubeconfig?: string;
  /** Of that file; its current one where absent. */
  readonly context?: string;
  /** The process's where absent. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Where a pod's service account lies; for tests. */
  readonly accountFolder?: string;
}

const podFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** @throws Error, one sentence that says where was looked */
export async function findCluster(choice: ClusterChoice = {}): Promise<ClientConfig> {
  const { kubeconfig, context, environment = process.env, accountFolder = podFolder } = choice;
  // Of several files the first one: merged lists are not read.
  const named = kubeconfig ?? environment['KUBECONFIG']?.split(':').find((file) => file !== '');
  if (named !== undefined) return readKubeconfig(named, context);
  const host = environment['KUBERNETES_SERVICE_HOST'];
  if (host && existsSync(join(accountFolder, 'token'))) {
    return inPod(host, environment['KUBERNETES_SERVICE_PORT'] ?? '443', accountFolder);
  }
  const usual = join(homedir(), '.kube', 'config');
  if (existsSync(usual)) return readKubeconfig(usual, context);
  throw new Error(
    `no cluster found: neither a kubeconfig (KUBECONFIG, ${usual}) nor a pod's service account; name a kubeconfig`,
  );
}

async function inPod(host: string, port: string, folder: string): Promise<ClientConfig> {
  const [ca, namespace] = await Promise.all(
    ['ca.crt', 'namespace'].map((name) => readFile(join(folder, name), 'utf8').catch(() => '')),
  );
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    tokenFile: join(folder, 'token'),
    namespace: namespace?.trim() || 'default',
    ...(ca && { ca }),
  };
}
