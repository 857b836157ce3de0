/** `naru status`: the cluster on one screen. This machine's part (network, certificates) is told where the cluster is this NARU_HOME's. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { namespaces, nodes } from '../../client/resources.ts';
import { newInquiry } from '../../explain/explain.ts';
import { type Overview, overviewOf } from '../../explain/overview.ts';
import { durationText } from '../../explain/words.ts';
import type { Home } from '../../home.ts';
import { readPartStates } from '../../network/part-states.ts';
import { authorityEnd } from '../../server/certificates/authority-end.ts';
import { findRunning, type RunningCluster } from '../background.ts';
import { type Connection, type ConnectionOptions, findConfig, withApi } from '../cluster/connection.ts';
import { networkLines } from '../network-status.ts';
import { UserError } from '../user-error.ts';
import { viewOf } from './cluster.ts';
import { overviewLines } from './status-lines.ts';

export interface StatusOptions extends ConnectionOptions {
  readonly output?: 'json';
}

export interface ClusterState {
  readonly server: string;
  readonly version: string;
  /** Since when the process of this machine runs, or the cluster exists (ms). */
  readonly ageMs?: number;
  readonly home?: string;
  readonly pid?: number;
  /** What the certificate authority's end means, where it is near. */
  readonly certificates?: string;
  readonly network: readonly string[];
}

export async function status(home: Home, options: StatusOptions): Promise<void> {
  const running = await ownCluster(home, options);
  await withApi(home, options, async (connection) => {
    const { look } = viewOf(connection);
    const overview = await overviewOf(newInquiry(look));
    const network =
      running === undefined ? [] : networkLines(await readPartStates(home.network), await look.list(nodes));
    const cluster: ClusterState = { ...(await clusterState(connection, home, running)), network };
    if (options.output === 'json')
      console.log(JSON.stringify({ cluster, ...overview, unseen: [...look.unseen] }, undefined, 2));
    else console.log(statusLines(cluster, overview, [...look.unseen]).join('\n'));
  });
}

/** Where another cluster is meant, none of this machine is told of. @throws UserError where this machine's is meant and does not run */
async function ownCluster(home: Home, options: StatusOptions): Promise<RunningCluster | undefined> {
  const running = findRunning(home);
  if (options.kubeconfig === undefined && running === undefined && !existsSync(home.kubeconfig)) {
    try {
      await findConfig(home, options);
    } catch {
      throw notRunning(home);
    }
    return undefined;
  }
  const { server } = await findConfig(home, options);
  if (running !== undefined) return server === running.server ? running : undefined;
  if (existsSync(home.kubeconfig) && readFileSync(home.kubeconfig, 'utf8').includes(server)) throw notRunning(home);
  return undefined;
}

const notRunning = (home: Home): UserError =>
  new UserError(`no cluster runs from ${home.root}; start it with: naru up`);

async function clusterState(
  { client, config, clock }: Connection,
  home: Home,
  running: RunningCluster | undefined,
): Promise<Omit<ClusterState, 'network'>> {
  const { gitVersion = '' } = JSON.parse((await client.request({ path: '/version' })).body.toString()) as {
    readonly gitVersion?: string;
  };
  const createdMs = Date.parse(
    (await client.get(namespaces, { namespace: '', name: 'kube-system' }).catch(() => undefined))?.metadata
      ?.creationTimestamp ?? '',
  );
  const authority = path.join(home.certificates, 'ca.crt');
  const warning =
    running !== undefined && existsSync(authority)
      ? authorityEnd(readFileSync(authority, 'utf8'), clock.now())
      : undefined;
  return {
    server: config.server,
    version: gitVersion,
    ...(!Number.isNaN(createdMs) && { ageMs: clock.now() - createdMs }),
    ...(running !== undefined && { home: home.root, pid: running.pid }),
    ...(warning !== undefined && { certificates: warning }),
  };
}

function statusLines(cluster: ClusterState, overview: Overview, unseen: readonly string[]): string[] {
  const { home, pid, server, version, ageMs, certificates, network } = cluster;
  const what = home === undefined ? `The cluster at ${server}` : `The cluster in ${home}`;
  const where = home === undefined ? 'answers' : `runs at ${server} (process ${pid})`;
  const age = ageMs === undefined ? '' : `, made ${durationText(ageMs)} ago`;
  return [
    `${what} ${where}: version ${version}${age}.`,
    ...(certificates === undefined ? [] : [`  certificates: ${certificates}`]),
    ...overviewLines(overview, network, unseen),
  ];
}
