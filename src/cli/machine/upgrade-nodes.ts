/**
 * Nodes brought to the server's program one by one: drained, asked, waited for, open again. A node that does not come back with the new program comes back with
 * the one before (`agent-program/follower.ts`), and the upgrade stops there: the others keep what works.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { wantedProgramAnnotation } from '../../api/node-labels.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { clusterRoleBindings, clusterRoles, nodes } from '../../client/resources.ts';
import type { Home } from '../../home.ts';
import { UserError } from '../user-error.ts';
import { digestOf, packProgram } from './agent-program/archive.ts';
import { buildAgentProgram } from './agent-program/build.ts';
import { type Drain, type DrainOptions, drainNode, setUnschedulable } from './drain.ts';
import { type NodeProgress, progressOf } from './upgrade-plan.ts';

/** The agent's program of this folder, where the server finds it; older ones go, but for those that nodes still ask for. Its SHA-256. */
export async function offerProgram(home: Home, client: Client): Promise<string> {
  const archive = await packProgram(await buildAgentProgram());
  const digest = digestOf(archive);
  mkdirSync(home.agentPrograms, { recursive: true, mode: 0o700 });
  const file = path.join(home.agentPrograms, digest);
  writeFileSync(`${file}.new`, archive, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  const { items } = await client.list(nodes);
  const wanted = new Set(items.map(({ metadata }) => metadata?.annotations?.[wantedProgramAnnotation]));
  for (const name of readdirSync(home.agentPrograms)) {
    if (name !== digest && !wanted.has(name)) rmSync(path.join(home.agentPrograms, name), { force: true });
  }
  await letNodesFetch(client);
  return digest;
}

const roleName = 'naru:agent-program';

async function letNodesFetch(client: Client): Promise<void> {
  const apiGroup = 'rbac.authorization.k8s.io';
  const metadata = { name: roleName };
  await unlessThere(
    client.create(clusterRoles, { metadata, rules: [{ nonResourceURLs: ['/naru/agent/*'], verbs: ['get'] }] }),
  );
  await unlessThere(
    client.create(clusterRoleBindings, {
      metadata,
      roleRef: { apiGroup, kind: 'ClusterRole', name: roleName },
      subjects: [{ apiGroup, kind: 'Group', name: 'system:nodes' }],
    }),
  );
}

async function unlessThere(created: Promise<unknown>): Promise<void> {
  try {
    await created;
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error;
  }
}

export interface NodeUpgrade {
  readonly program: string;
  /** Undefined: pods stay where they are, and run on. */
  readonly drain: DrainOptions | undefined;
}

/** @throws UserError where the node did not take it; it is open for pods again, with what it had */
export async function upgradeNode(work: Drain, name: string, { program, drain }: NodeUpgrade): Promise<void> {
  const { client, say } = work;
  const node = await client.get(nodes, { namespace: '', name });
  const wasClosed = node.spec?.unschedulable ?? false;
  try {
    if (drain !== undefined) await drainNode(work, name, drain);
    await takeBack(work, name, program);
    await ask(client, name, program);
    const outcome = await outcomeOf(work, name, program);
    if (outcome.kind === 'failed') throw notTaken(name, outcome.why);
  } finally {
    if (!wasClosed) await setUnschedulable(client, name, false);
  }
  say(`  ${name} runs it, and is Ready`);
}

async function ask(client: Client, name: string, program: string | null): Promise<void> {
  const body = { metadata: { annotations: { [wantedProgramAnnotation]: program } } };
  await client.patch(nodes, { namespace: '', name }, { type: 'merge', body });
}

/** Where this program failed there before, the node is to forget that. */
async function takeBack(work: Drain, name: string, program: string): Promise<void> {
  const { client, clock } = work;
  const hasFailed = async (): Promise<boolean> =>
    progressOf(await client.get(nodes, { namespace: '', name }), program).kind === 'failed';
  if (!(await hasFailed())) return;
  await ask(client, name, null);
  const deadline = clock.monotonic() + forgetMsMax;
  while ((await hasFailed()) && clock.monotonic() < deadline) await clock.sleep(lookMs);
}

const forgetMsMax = 30_000;
/** Longer than the agent itself waits for a program on trial. */
const waitMsMax = 180_000;
const lookMs = 250;

async function outcomeOf({ client, clock }: Drain, name: string, program: string): Promise<NodeProgress> {
  const deadline = clock.monotonic() + waitMsMax;
  for (;;) {
    const node = await client.get(nodes, { namespace: '', name });
    const progress = progressOf(node, program);
    if (progress.kind !== 'waiting') return progress;
    if (clock.monotonic() > deadline) {
      return { kind: 'failed', why: `it has not told of it within ${waitMsMax / 60_000} minutes` };
    }
    await clock.sleep(lookMs);
  }
}

const notTaken = (name: string, why: string): UserError =>
  new UserError(
    `node ${name} did not take the new version (${why}), and goes on with the one it had; nodes after it were not touched. Its log says more; naru upgrade goes on from here`,
  );
