/** Makers of nodes and pods for the scheduler's tests. */

import { type PodRequests, podRequests } from '../api/node-requests.ts';
import type { Node, Pod, PodSpec } from '../api/schema/types/core-v1.ts';
import type { Prng } from '../lib/prng.ts';
import { parseSchedulerConfiguration } from './config/configuration.ts';
import { type Decision, decide, unschedulableMessage } from './decide.ts';
import { type DeviceReader, noDevices } from './devices/device-reader.ts';
import { DisruptionBudgets } from './disruption-budgets.ts';
import type { World } from './framework/plugin.ts';
import { Profile } from './framework/profile.ts';
import { type PodGroupReader, PodGroups } from './gang/pod-groups.ts';
import { PodFacts } from './pod-facts.ts';
import { decidePreemption, newPreemptionMemory, type Preemption } from './preemption.ts';
import { Nominations } from './snapshot/nominations.ts';
import { Snapshot } from './snapshot/snapshot.ts';
import type { VolumeReader } from './volumes/volume-reader.ts';
import { noWorkloads, type WorkloadReader } from './workloads.ts';

export interface NodeForm {
  readonly cpu?: string;
  readonly memory?: string;
  readonly pods?: string;
  readonly labels?: Record<string, string>;
  readonly spec?: Node['spec'];
  readonly more?: Record<string, string>;
}

export function makeNode(name: string, form: NodeForm = {}): Node {
  const { cpu = '4', memory = '8Gi', pods = '110', labels = {}, spec = {}, more = {} } = form;
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    spec: spec ?? {},
    status: { allocatable: { cpu, memory, pods, ...more } },
  };
}

export interface PodForm {
  readonly cpu?: string;
  readonly memory?: string;
  readonly labels?: Record<string, string>;
  readonly namespace?: string;
  readonly spec?: Partial<PodSpec>;
}

export function makePod(name: string, form: PodForm = {}): Pod {
  const requests = { ...(form.cpu && { cpu: form.cpu }), ...(form.memory && { memory: form.memory }) };
  const containers = [{ name: 'main', image: 'image', resources: { requests } }];
  const { namespace = 'default', labels } = form;
  const metadata = { namespace, name, uid: `uid-${namespace}-${name}`, ...(labels && { labels }) };
  return { metadata, spec: { containers, ...form.spec } };
}

export function makeSnapshot(nodes: readonly Node[], placed: readonly (readonly [Pod, string])[] = []): Snapshot {
  const snapshot = new Snapshot();
  for (const node of nodes) snapshot.setNode(node);
  for (const [pod, node] of placed) snapshot.setPod(pod, node);
  return snapshot;
}

export const noVolumes: VolumeReader = {
  claim: () => undefined,
  volume: () => undefined,
  volumesOfClass: () => [],
  storageClass: () => undefined,
  driver: () => undefined,
  csiNode: () => undefined,
  capacitiesOfClass: () => [],
  attachmentsOn: () => [],
  assume: () => ({ undo: () => {} }),
};

export function makeWorld(
  snapshot: Snapshot,
  {
    volumes = noVolumes,
    workloads = noWorkloads,
    groups = new PodGroups(),
    devices = noDevices,
  }: { volumes?: VolumeReader; workloads?: WorkloadReader; groups?: PodGroupReader; devices?: DeviceReader } = {},
): World {
  return { snapshot, nominations: new Nominations(snapshot), volumes, workloads, groups, devices };
}

/** A profile from the part of a configuration that says something about it; upstream's default where nothing does. */
export function makeProfile(profile: object = {}): Profile {
  const configuration = {
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    profiles: [{ schedulerName: 'default-scheduler', ...profile }],
  };
  const [plan] = parseSchedulerConfiguration(JSON.stringify(configuration)).profiles;
  if (plan === undefined) throw new Error('no profile');
  return new Profile(plan);
}

export interface Setting {
  readonly world: World;
  readonly profile: Profile;
  readonly prng: Prng;
  readonly budgets?: DisruptionBudgets;
}

export const decideOn = (pod: Pod, { world, profile, prng }: Setting): Decision =>
  decide(new PodFacts(pod), profile, world, prng);

export function preemptOn(pod: Pod, setting: Setting): Preemption | undefined {
  const facts = new PodFacts(pod);
  const { world, profile, prng, budgets = new DisruptionBudgets() } = setting;
  const decision = decide(facts, profile, world, prng);
  const args = profile.plan.preemption;
  if (decision.kind === 'node' || args === undefined) return undefined;
  return decidePreemption({ pod: facts, decision, world, budgets, args, prng, memory: newPreemptionMemory() });
}

/** The node that it gets, or why it gets none. */
export function placeOf(pod: Pod, setting: Setting): string {
  const decision = decideOn(pod, setting);
  if (decision.kind === 'node') return decision.node.name;
  const preemption = preemptOn(pod, setting);
  const told = preemption?.kind === 'none' ? preemption.message : '';
  return unschedulableMessage(decision.refusals, setting.world.snapshot.nodes.length, told);
}

export const requestsOf = (spec: Partial<PodSpec>): PodRequests => podRequests({ spec: { containers: [], ...spec } });
