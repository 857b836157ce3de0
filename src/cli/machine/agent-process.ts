/** This machine's agent in the background: started by `naru join`, known by its file in NARU_HOME, and waited for until its node is Ready. */
import type { Lease } from '../../api/schema/types/coordination-v1.ts';
import type { Node } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { type HttpsClient, httpsClient } from '../../client/https-client.ts';
import { readKubeconfig } from '../../client/kubeconfig.ts';
import { leases, nodes } from '../../client/resources.ts';
import type { Home } from '../../home.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ProcessIdentity } from '../../lib/process-identity.ts';
import type { AgentCommandOptions } from '../agent.ts';
import { startInBackground } from '../background.ts';
import { nodeHealth } from '../nodes.ts';
import { readProcessFile } from '../process-file.ts';
import { UserError } from '../user-error.ts';
import { programVersion } from '../version.ts';
import {
  afterTrial,
  hasProgram,
  programCommand,
  programEnvironment,
  programToStart,
  readVersions,
  rememberInstalled,
  writeVersions,
} from './agent-program/versions.ts';

export interface RunningAgent extends ProcessIdentity {
  readonly node: string;
}

export const findRunningAgent = (home: Home): RunningAgent | undefined =>
  readProcessFile<RunningAgent>(home.agentProcessFile);

/** The program that the server gave to this node, where there is one, else the installed one. @throws UserError with the agent's own sentence */
export function startAgent(home: Home): Promise<RunningAgent> {
  rememberInstalled();
  const state = afterTrial(readVersions(home), undefined);
  const digest = programToStart(state, programVersion());
  if (digest === undefined || !hasProgram(home, digest)) return startInBackground<RunningAgent>(home, ['agent']);
  writeVersions(home, state);
  const options: AgentCommandOptions = { kubeconfig: home.agentKubeconfig };
  const environment = Object.entries(programEnvironment(digest)).map(([name, value]) => `${name}=${value}`);
  const program = ['env', ...environment, ...programCommand(home, digest)];
  return startInBackground<RunningAgent>(home, [JSON.stringify(options)], program);
}

const waitMsMax = 90_000;
const lookMs = 50;
/** Until then, a service may be on its way to its file. */
const startMsMax = 10_000;

/** What is known of a node before its agent starts: only a sign of life after that is this agent's. */
export interface SignOfLife {
  readonly renewed: string | undefined;
}

export function lastSign(home: Home, node: string, clock: Clock): Promise<SignOfLife> {
  return asNode(home, clock, async (client) => ({ renewed: await leaseVersion(client, node) }));
}

/** Resolves when the agent has shown that it lives, and the node is Ready. @throws UserError that says what is missing */
export function nodeIsReady(home: Home, node: string, before: SignOfLife, clock: Clock): Promise<Node> {
  const deadline = clock.monotonic() + waitMsMax;
  return asNode(home, clock, async (client) => {
    for (;;) {
      const [object, renewed] = await Promise.all([
        orUndefined(client.get(nodes, { namespace: '', name: node })),
        leaseVersion(client, node),
      ]).catch(explained);
      const health = object && nodeHealth(object);
      if (object !== undefined && health?.ready && renewed !== undefined && renewed !== before.renewed) return object;
      if (clock.monotonic() > deadline) throw notReady(home, node, health?.message);
      if (findRunningAgent(home) === undefined && clock.monotonic() > deadline - waitMsMax + startMsMax)
        throw agentEnded(home);
      await clock.sleep(lookMs);
    }
  });
}

/** False where the server says that it does not know this machine's certificate (any more). */
export function isAdmitted(home: Home, node: string, clock: Clock): Promise<boolean> {
  return asNode(home, clock, async (client) => {
    try {
      await orUndefined(client.get(nodes, { namespace: '', name: node }));
      return true;
    } catch (error) {
      if (hasReason(error, 'Unauthorized')) return false;
      throw error;
    }
  });
}

async function leaseVersion(client: HttpsClient, name: string): Promise<string | undefined> {
  const lease = await orUndefined<Lease>(client.get(leases, { namespace: 'kube-node-lease', name }));
  return lease?.metadata?.resourceVersion;
}

async function orUndefined<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    // A server that is away for a moment has said nothing.
    if (hasReason(error, 'NotFound', 'ServiceUnavailable', 'Timeout')) return undefined;
    throw error;
  }
}

/** With the node's own credentials. */
async function asNode<T>(home: Home, clock: Clock, ask: (client: HttpsClient) => Promise<T>): Promise<T> {
  const client = httpsClient({ config: await readKubeconfig(home.agentKubeconfig), clock, requestMs: 10_000 });
  try {
    return await ask(client);
  } finally {
    client.close();
  }
}

function notReady(home: Home, node: string, message = 'it has not reported yet'): UserError {
  return new UserError(
    `node ${node} is not Ready after ${waitMsMax / 1000} s: ${message}. Its agent goes on trying; its log is ${home.log}`,
  );
}

function explained(error: unknown): never {
  if (!hasReason(error, 'Unauthorized')) throw error;
  throw new UserError(
    'the server does not take the certificate of this machine: it has ended (after 90 days without naru), or the node was removed; join again with a token from naru token create',
  );
}

const agentEnded = (home: Home): UserError =>
  new UserError(`the agent has ended; the reason is at the end of ${home.log}`);
