/**
 * The plugins that count pods, against a slow and obvious model of what upstream documents: random clusters that change step by step, each
 * step compared on every node, also on nodes as they would be without some of their pods. A failure names its seed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesNode } from '../../api/node-matching.ts';
import type { Node, Pod, PodAffinityTerm, TopologySpreadConstraint } from '../../api/schema/types/core-v1.ts';
import { nextInt, SeededPrng } from '../../lib/prng.ts';
import type { Plugin } from '../framework/plugin.ts';
import { PodFacts } from '../pod-facts.ts';
import { type NodeInfo, Snapshot, TrialNode } from '../snapshot/snapshot.ts';
import { makeNode, makePod, makeWorld } from '../testing.ts';
import { interPodAffinity } from './inter-pod-affinity.ts';
import { nodePorts } from './node-ports.ts';
import { nodeResourcesFit } from './node-resources-fit.ts';
import { podTopologySpread } from './pod-topology-spread.ts';
import { untoleratedTaint } from './tolerations.ts';

type Labels = Readonly<Record<string, string>>;

/** Nodes by name, and pods with their node: all that the model looks at. */
interface Cluster {
  readonly nodes: Map<string, Node>;
  readonly pods: Map<string, { readonly pod: Pod; readonly node: string }>;
}

const labelsOf = (object: { readonly metadata?: { readonly labels?: Labels } } | undefined): Labels =>
  object?.metadata?.labels ?? {};
const selects = (selector: TopologySpreadConstraint['labelSelector'], labels: Labels): boolean =>
  selector !== undefined && Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);

/** Pods on nodes that exist, each with its node. */
const placed = ({ nodes, pods }: Cluster): { readonly pod: Pod; readonly node: Node }[] =>
  [...pods.values()].flatMap(({ pod, node }) => {
    const found = nodes.get(node);
    return found === undefined ? [] : [{ pod, node: found }];
  });

function spreadModel(pod: Pod, node: Node, cluster: Cluster): string | undefined {
  const constraints = (pod.spec?.topologySpreadConstraints ?? []).filter(
    (one) => one.whenUnsatisfiable === 'DoNotSchedule',
  );
  for (const { topologyKey, maxSkew, minDomains = 1, labelSelector, ...policies } of constraints) {
    const value = labelsOf(node)[topologyKey];
    if (value === undefined) return "node(s) didn't match pod topology spread constraints (missing required label)";
    const counts = new Map<string, number>();
    const isEligible = (other: Node): boolean =>
      constraints.every((one) => labelsOf(other)[one.topologyKey] !== undefined) &&
      (policies.nodeAffinityPolicy === 'Ignore' || matchesNode(pod.spec, other)) &&
      (policies.nodeTaintsPolicy !== 'Honor' || untoleratedTaint(pod, other) === undefined);
    for (const other of cluster.nodes.values())
      if (isEligible(other)) counts.set(labelsOf(other)[topologyKey] ?? '', 0);
    for (const { pod: standing, node: where } of placed(cluster)) {
      if (standing.metadata?.deletionTimestamp !== undefined || !isEligible(where)) continue;
      if (standing.metadata?.namespace !== pod.metadata?.namespace || !selects(labelSelector, labelsOf(standing)))
        continue;
      const key = labelsOf(where)[topologyKey] ?? '';
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const least = counts.size < minDomains ? 0 : Math.min(...counts.values());
    const self = selects(labelSelector, labelsOf(pod)) ? 1 : 0;
    if ((counts.get(value) ?? 0) + self - least > maxSkew)
      return "node(s) didn't match pod topology spread constraints";
  }
  return undefined;
}

function means(term: PodAffinityTerm, owner: Pod, pod: Pod): boolean {
  const own = owner.metadata?.namespace ?? '';
  const named = term.namespaces ?? (term.namespaceSelector === undefined ? [own] : []);
  const namespace = pod.metadata?.namespace ?? '';
  const byLabels =
    term.namespaceSelector !== undefined && selects(term.namespaceSelector, namespaceLabels[namespace] ?? {});
  return (named.includes(namespace) || byLabels) && selects(term.labelSelector, labelsOf(pod));
}

const namespaceLabels: Readonly<Record<string, Labels>> = { default: { team: 'a' }, other: { team: 'b' } };

const isSameDomain = (a: Node, b: Node, key: string): boolean =>
  labelsOf(a)[key] !== undefined && labelsOf(a)[key] === labelsOf(b)[key];

const termsOf = (pod: Pod, kind: 'podAffinity' | 'podAntiAffinity'): readonly PodAffinityTerm[] =>
  pod.spec?.affinity?.[kind]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];

function affinityModel(pod: Pod, node: Node, cluster: Cluster): string | undefined {
  const wanted = termsOf(pod, 'podAffinity');
  const all = placed(cluster);
  const meant = all.filter((one) => wanted.length > 0 && wanted.every((term) => means(term, pod, one.pod)));
  const hasLabels = wanted.every(({ topologyKey }) => labelsOf(node)[topologyKey] !== undefined);
  const isNear = wanted.every(({ topologyKey }) => meant.some((one) => isSameDomain(one.node, node, topologyKey)));
  const isFirst =
    meant.every((one) => wanted.every(({ topologyKey }) => labelsOf(one.node)[topologyKey] === undefined)) &&
    wanted.every((term) => means(term, pod, pod));
  if (wanted.length > 0 && !(hasLabels && (isNear || isFirst))) return "node(s) didn't match pod affinity rules";
  for (const term of termsOf(pod, 'podAntiAffinity')) {
    if (all.some((one) => means(term, pod, one.pod) && isSameDomain(one.node, node, term.topologyKey))) {
      return "node(s) didn't match pod anti-affinity rules";
    }
  }
  const keepsAway = (one: { readonly pod: Pod; readonly node: Node }): boolean =>
    termsOf(one.pod, 'podAntiAffinity').some(
      (term) => means(term, one.pod, pod) && isSameDomain(one.node, node, term.topologyKey),
    );
  return all.some(keepsAway) ? "node(s) didn't satisfy existing pods anti-affinity rules" : undefined;
}

/** Preferred terms both ways, and required affinity of placed pods at weight one. */
function affinityScoreModel(pod: Pod, node: Node, cluster: Cluster): number {
  let sum = 0;
  const preferred = (of: Pod, kind: 'podAffinity' | 'podAntiAffinity') =>
    of.spec?.affinity?.[kind]?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  for (const { pod: other, node: where } of placed(cluster)) {
    for (const [kind, sign] of [
      ['podAffinity', 1],
      ['podAntiAffinity', -1],
    ] as const) {
      for (const [owner, meant] of [
        [pod, other],
        [other, pod],
      ] as const) {
        for (const { weight, podAffinityTerm: term } of preferred(owner, kind)) {
          if (means(term, owner, meant) && isSameDomain(where, node, term.topologyKey)) sum += sign * weight;
        }
      }
    }
    for (const term of termsOf(other, 'podAffinity')) {
      if (means(term, other, pod) && isSameDomain(where, node, term.topologyKey)) sum += 1;
    }
  }
  return sum;
}

class Chance {
  readonly #prng: SeededPrng;

  constructor(seed: number) {
    this.#prng = new SeededPrng(seed);
  }

  below(count: number): number {
    return nextInt(this.#prng, count);
  }

  oneOf<T>(...values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  maybe<T>(percent: number, value: () => T): T | undefined {
    return this.below(100) < percent ? value() : undefined;
  }
}

function randomNode(chance: Chance, index: number): Node {
  const zone = chance.oneOf('a', 'b', 'c', undefined);
  const taint = { key: 'gone', effect: 'NoSchedule' as const };
  return makeNode(`node-${index}`, {
    cpu: chance.oneOf('1', '2'),
    pods: '4',
    labels: { disk: chance.oneOf('ssd', 'hdd'), ...(zone && { zone }) },
    spec: chance.below(4) === 0 ? { taints: [taint] } : {},
  });
}

function randomTerm(chance: Chance): PodAffinityTerm {
  const namespaces = chance.maybe(20, () => [chance.oneOf('default', 'other')]);
  const namespaceSelector = chance.maybe(20, () => chance.oneOf({}, { matchLabels: { team: 'b' } }));
  return {
    topologyKey: chance.oneOf('zone', 'kubernetes.io/hostname', 'disk'),
    labelSelector: { matchLabels: chance.oneOf<Record<string, string>>({ app: 'x' }, { app: 'y' }, {}) },
    ...(namespaces && { namespaces }),
    ...(namespaceSelector && { namespaceSelector }),
  };
}

function randomPod(chance: Chance, name: string): Pod {
  const terms = () => Array.from({ length: 1 + chance.below(2) }, () => randomTerm(chance));
  const weighted = () => terms().map((podAffinityTerm) => ({ weight: 1 + chance.below(5), podAffinityTerm }));
  const either = () => {
    const required = chance.maybe(60, terms);
    const preferred = chance.maybe(40, weighted);
    return {
      ...(required && { requiredDuringSchedulingIgnoredDuringExecution: required }),
      ...(preferred && { preferredDuringSchedulingIgnoredDuringExecution: preferred }),
    };
  };
  const podAffinity = chance.maybe(25, either);
  const podAntiAffinity = chance.maybe(25, either);
  const minDomains = chance.maybe(20, () => 3);
  const topologySpreadConstraints = chance.maybe(50, () =>
    Array.from({ length: 1 + chance.below(2) }, (_, index) => ({
      topologyKey: ['zone', 'kubernetes.io/hostname'][index] ?? 'zone',
      maxSkew: 1 + chance.below(2),
      whenUnsatisfiable: 'DoNotSchedule' as const,
      labelSelector: { matchLabels: { app: chance.oneOf('x', 'y') } },
      nodeAffinityPolicy: chance.oneOf('Honor' as const, 'Ignore' as const),
      nodeTaintsPolicy: chance.oneOf('Honor' as const, 'Ignore' as const),
      ...(minDomains !== undefined && { minDomains }),
    })),
  );
  const nodeSelector = chance.maybe(30, () => ({ disk: 'ssd' }));
  const hostPort = chance.maybe(30, () => 8000 + chance.below(2));
  const ports = hostPort === undefined ? [] : [{ containerPort: 80, hostPort }];
  const cpu = chance.oneOf('100m', '700m');
  return makePod(name, {
    labels: { app: chance.oneOf('x', 'y') },
    namespace: chance.oneOf('default', 'default', 'other'),
    spec: {
      containers: [{ name: 'main', image: 'image', resources: { requests: { cpu } }, ports }],
      ...(nodeSelector && { nodeSelector }),
      ...(topologySpreadConstraints && { topologySpreadConstraints }),
      ...((podAffinity ?? podAntiAffinity) && {
        affinity: { ...(podAffinity && { podAffinity }), ...(podAntiAffinity && { podAntiAffinity }) },
      }),
    },
  });
}

function fitModel(pod: Pod, node: Node, cluster: Cluster): string | undefined {
  const there = placed(cluster).filter((one) => one.node === node);
  const cpuOf = ({ spec }: Pod): number =>
    Number.parseInt(spec?.containers?.[0]?.resources?.requests?.['cpu'] ?? '0', 10);
  const used = there.reduce((sum, one) => sum + cpuOf(one.pod), 0);
  const reasons = there.length + 1 > 4 ? ['Too many pods'] : [];
  if (cpuOf(pod) + used > Number(node.status?.allocatable?.['cpu']) * 1000) reasons.push('Insufficient cpu');
  return reasons.length === 0 ? undefined : reasons.join();
}

function portsModel(pod: Pod, node: Node, cluster: Cluster): string | undefined {
  const portsOf = ({ spec }: Pod): readonly (number | undefined)[] =>
    (spec?.containers?.[0]?.ports ?? []).map(({ hostPort }) => hostPort);
  const taken = placed(cluster)
    .filter((one) => one.node === node)
    .flatMap((one) => portsOf(one.pod));
  const isTaken = portsOf(pod).some((port) => taken.includes(port));
  return isTaken ? "node(s) didn't have free ports for the requested pod ports" : undefined;
}

const spread = podTopologySpread({ defaultConstraints: [], defaultingType: 'List' });
const affinity = interPodAffinity({ hardPodAffinityWeight: 1, ignorePreferredTermsOfExistingPods: false });
const fit = nodeResourcesFit({
  scoringStrategy: { type: 'LeastAllocated', resources: [{ name: 'cpu', weight: 1 }] },
});
const compared: readonly { readonly plugin: Plugin; readonly model: typeof spreadModel }[] = [
  { plugin: fit, model: fitModel },
  { plugin: nodePorts, model: portsModel },
  { plugin: spread, model: spreadModel },
  { plugin: affinity, model: affinityModel },
];

/** The same change in the snapshot and in the model. */
function change(chance: Chance, cluster: Cluster, snapshot: Snapshot, step: number): void {
  const setNode = (node: Node): void => {
    cluster.nodes.set(node.metadata?.name ?? '', node);
    snapshot.setNode(node);
  };
  const keys = [...cluster.pods.keys()];
  const key = keys[chance.below(Math.max(1, keys.length))] ?? '';
  const standing = cluster.pods.get(key);
  switch (chance.below(10)) {
    case 0:
      setNode(randomNode(chance, chance.below(6)));
      break;
    case 1: {
      const name = `node-${chance.below(6)}`;
      cluster.nodes.delete(name);
      snapshot.removeNode(name);
      break;
    }
    case 2:
    case 3:
      cluster.pods.delete(key);
      snapshot.removePod(key);
      break;
    case 4: {
      if (standing === undefined) break;
      const metadata = { ...standing.pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
      cluster.pods.set(key, { ...standing, pod: { ...standing.pod, metadata } });
      snapshot.setPod({ ...standing.pod, metadata }, standing.node);
      break;
    }
    default: {
      const pod = randomPod(chance, `pod-${step}`);
      const node = `node-${chance.below(6)}`;
      cluster.pods.set(`${pod.metadata?.namespace}/${pod.metadata?.name}`, { pod, node });
      snapshot.setPod(pod, node);
    }
  }
}

/** The node without some of its pods, in both. */
function without(
  chance: Chance,
  info: NodeInfo,
  cluster: Cluster,
): { readonly trial: NodeInfo; readonly rest: Cluster } {
  const trial = new TrialNode(info);
  const pods = new Map(cluster.pods);
  for (const pod of info.pods.values()) {
    if (chance.below(2) === 0) continue;
    trial.take(pod);
    pods.delete(pod.key);
  }
  return { trial, rest: { nodes: cluster.nodes, pods } };
}

function compare(seed: number, step: number, chance: Chance, cluster: Cluster, snapshot: Snapshot): void {
  const pod = randomPod(chance, 'new');
  const facts = new PodFacts(pod);
  const world = makeWorld(snapshot);
  for (const { plugin, model } of compared) {
    const plan = plugin.filter?.(facts, world) ?? 'skip';
    for (const info of snapshot.nodes) {
      const { trial, rest } = without(chance, info, cluster);
      for (const [node, state, what] of [
        [info, cluster, 'as it is'],
        [trial, rest, 'as it would be'],
      ] as const) {
        const found = plan === 'skip' || 'refused' in plan ? undefined : plan.refuse(node)?.reasons.join();
        assert.equal(
          found,
          model(pod, node.node, state),
          `${plugin.name}, ${node.name} ${what}: seed ${seed}, step ${step}`,
        );
      }
    }
  }
  const score = affinity.score?.(facts, world, snapshot.nodes) ?? 'skip';
  for (const info of snapshot.nodes) {
    const found = score === 'skip' ? 0 : score.score(info);
    assert.equal(
      found,
      affinityScoreModel(pod, info.node, cluster),
      `score of ${info.name}: seed ${seed}, step ${step}`,
    );
  }
}

test('what the counting plugins say is what the model says, whatever came and went before', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const chance = new Chance(seed);
    const cluster: Cluster = { nodes: new Map(), pods: new Map() };
    const snapshot = new Snapshot();
    snapshot.readNamespaces((name) => namespaceLabels[name]);
    for (let index = 0; index < 5; index++) {
      const node = randomNode(chance, index);
      cluster.nodes.set(node.metadata?.name ?? '', node);
      snapshot.setNode(node);
    }
    for (let step = 0; step < 25; step++) {
      change(chance, cluster, snapshot, step);
      compare(seed, step, chance, cluster, snapshot);
    }
  }
});
