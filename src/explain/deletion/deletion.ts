/**
 * Objects that are told to go and do not: which finalizers hold them, who takes those away and whether that one runs, what they wait for, and what removing
 * one by hand would leave behind. Asked about every object.
 */
import type { KubeObject } from '../../api/object.ts';
import type { CustomResourceDefinition } from '../../api/schema/types/apiextensions-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { nodes, pods } from '../../client/resources.ts';
import { argumentOf, type Finding, finding, isProblem, type Remedy, remedy, subjectOf } from '../finding.ts';
import type { Inquiry } from '../inquiry.ts';
import { counted, durationText, listed, sinceText, timeOf } from '../words.ts';
import { ownedBy } from './contents.ts';
import { knownFinalizer } from './finalizers.ts';
import { findKeeper, isTool, managerOf } from './keeper.ts';

/** So long a deletion may take. */
const usualMs = 30_000;

export async function deletionRules(object: KubeObject, inquiry: Inquiry): Promise<readonly Finding[]> {
  const { deletionTimestamp, finalizers = [] } = object.metadata ?? {};
  const deletedMs = timeOf(deletionTimestamp);
  // A namespace has rules of its own.
  if (deletedMs === undefined || object.kind === 'Namespace') return [];
  const held: Finding[] = [];
  for (const name of finalizers) held.push(await ofFinalizer(object, name, inquiry));
  if (object.kind === 'Pod') held.push(...(await ofPod(object, inquiry)));
  if (held.length > 0) return held;
  const isLate = inquiry.nowMs - deletedMs > usualMs;
  return [
    finding(
      object,
      'Terminating',
      isLate ? `it is being deleted, and nothing is seen that holds it` : 'it is being deleted',
      {
        severity: isLate ? 'warning' : 'note',
        why: [`metadata.deletionTimestamp: ${deletionTimestamp}`],
      },
    ),
  ];
}

async function ofFinalizer(object: KubeObject, name: string, inquiry: Inquiry): Promise<Finding> {
  const known = knownFinalizer(name);
  const deletedMs = timeOf(object.metadata?.deletionTimestamp) ?? inquiry.nowMs;
  const since = `deletion was asked for ${durationText(inquiry.nowMs - deletedMs + graceMs(object))} ago`;
  const waits = await waitsFor(object, name, inquiry);
  const keeper =
    known?.isOwn === true ? ownKeeper(known.keeper) : await foreignKeeper(object, name, known?.keeper, inquiry);
  const leaves =
    known?.leaves ??
    'whatever it was to clean up (resources outside the cluster, other objects) would stay as it is, and nobody would know of it';
  const release = remedy(
    `By hand, when nobody else will. Then ${leaves}`,
    `naru release ${argumentOf(subjectOf(object))} --finalizer ${name}`,
  );
  const what = `it is held by the finalizer "${name}": ${keeper.text}${known === undefined ? '' : `, once this is done: ${known.waitsFor}`}`;
  return finding(object, 'HeldByFinalizer', what, {
    severity: inquiry.nowMs - deletedMs > usualMs || keeper.isGone ? 'problem' : 'warning',
    why: [since, `metadata.finalizers: ${(object.metadata?.finalizers ?? []).join(', ')}`, ...keeper.why, ...waits.why],
    fix: [...waits.fix, ...keeper.fix, release],
    causes: [...waits.causes, ...keeper.causes],
  });
}

const graceMs = ({ metadata }: KubeObject): number => (metadata?.deletionGracePeriodSeconds ?? 0) * 1000;

interface KeeperFacts {
  readonly text: string;
  readonly isGone: boolean;
  readonly why: readonly string[];
  readonly fix: readonly Remedy[];
  readonly causes: readonly Finding[];
}

const ownKeeper = (keeper: string): KeeperFacts => ({
  text: `${keeper} takes it away`,
  isGone: false,
  why: [],
  fix: [],
  causes: [],
});

async function foreignKeeper(
  object: KubeObject,
  name: string,
  knownAs: string | undefined,
  inquiry: Inquiry,
): Promise<KeeperFacts> {
  const manager = managerOf(object, name);
  const why = manager === undefined ? [] : [`it was set by "${manager}" (metadata.managedFields)`];
  const found = await findKeeper(object, name, inquiry);
  if (found === undefined) {
    const who =
      knownAs ?? (manager === undefined || isTool(manager) ? 'the controller that it belongs to' : `"${manager}"`);
    return {
      text: `${who} would take it away, and no workload of this cluster looks like it`,
      isGone: true,
      why: [...why, 'no Deployment or StatefulSet has a name or image like it: it was probably uninstalled too early'],
      fix: [
        remedy(`Install ${knownAs ?? 'its controller'} again and wait: that is the way that leaves nothing behind`),
      ],
      causes: [],
    };
  }
  const subject = subjectOf(found.workload);
  const where = `${subject.kind} ${subject.namespace}/${subject.name}`;
  if (found.isRunning) {
    return {
      text: `${where}, which runs, should take it away`,
      isGone: false,
      why,
      fix: [remedy('Read why it does not', `naru logs ${argumentOf(subject)} --tail 100`)],
      causes: [],
    };
  }
  return {
    text: `${where} takes it away, and it does not run`,
    isGone: true,
    why,
    fix: [remedy('Get it to run; it goes on by itself then')],
    causes: (await inquiry.into(found.workload)).filter(isProblem),
  };
}

interface Waiting {
  readonly why: readonly string[];
  readonly fix: readonly Remedy[];
  readonly causes: readonly Finding[];
}

const nothing: Waiting = { why: [], fix: [], causes: [] };

async function waitsFor(object: KubeObject, finalizer: string, inquiry: Inquiry): Promise<Waiting> {
  if (finalizer === 'kubernetes.io/pvc-protection') return usersOf(object, inquiry);
  if (finalizer === 'customresourcecleanup.apiextensions.k8s.io')
    return instancesOf(object as CustomResourceDefinition, inquiry);
  if (finalizer !== 'foregroundDeletion') return nothing;
  const owned = (await ownedBy(object, inquiry)).filter(({ metadata }) =>
    metadata?.ownerReferences?.some(
      ({ uid, blockOwnerDeletion }) => uid === object.metadata?.uid && blockOwnerDeletion === true,
    ),
  );
  const causes = (await inquiry.intoAll(owned.slice(0, 10))).filter(isProblem);
  const names = listed(
    owned.map((one) => `${one.kind?.toLowerCase()}/${one.metadata?.name}`),
    5,
  );
  return {
    why: owned.length === 0 ? [] : [`${counted(owned.length, 'object')} of it still there: ${names}`],
    fix: [],
    causes,
  };
}

/** A definition goes when the objects of its kind are gone; those that are held are its cause. */
async function instancesOf({ spec }: CustomResourceDefinition, inquiry: Inquiry): Promise<Waiting> {
  if (spec === undefined) return nothing;
  const { kind, plural } = spec.names;
  const version = spec.versions.find(({ served }) => served)?.name ?? '';
  const resource = { group: spec.group, version, kind, resource: plural, namespaced: spec.scope === 'Namespaced' };
  const left = await inquiry.look.list<KubeObject>(resource);
  const causes = (await inquiry.intoAll(left.slice(0, 10))).filter(isProblem);
  const names = left.map(
    ({ metadata }) => (metadata?.namespace ? `${metadata.namespace}/` : '') + (metadata?.name ?? ''),
  );
  const why =
    left.length === 0 ? [] : [`${counted(left.length, 'object')} of its kind still there: ${listed(names, 5)}`];
  return { why, fix: [], causes };
}

async function usersOf({ metadata }: KubeObject, { look }: Inquiry): Promise<Waiting> {
  const users = (await look.list(pods, metadata?.namespace)).filter(
    ({ spec, status }) =>
      status?.phase !== 'Succeeded' &&
      status?.phase !== 'Failed' &&
      spec?.volumes?.some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === metadata?.name),
  );
  if (users.length === 0) return nothing;
  const names = users.map((pod) => pod.metadata?.name ?? '');
  return {
    why: [`used by pod ${listed(names, 5)}`],
    fix: [
      remedy(
        'Stop the pods that use it: scale their workload to 0, or delete them',
        `naru delete pod/${names[0]} -n ${metadata?.namespace}`,
      ),
    ],
    causes: [],
  };
}

/** A pod goes when its node says that its containers have ended. */
async function ofPod(pod: Pod, inquiry: Inquiry): Promise<readonly Finding[]> {
  const { deletionTimestamp, deletionGracePeriodSeconds = 30 } = pod.metadata ?? {};
  const endMs = timeOf(deletionTimestamp) ?? inquiry.nowMs;
  const subject = subjectOf(pod);
  const force = remedy(
    'To forget it at once (its containers may run on, where nobody sees them)',
    `naru delete ${argumentOf(subject)} --grace-period 0 --force`,
  );
  const name = pod.spec?.nodeName;
  if (inquiry.nowMs < endMs) {
    return [
      finding(
        pod,
        'EndsGracefully',
        `it has ${durationText(endMs - inquiry.nowMs)} left to end by itself (grace period ${deletionGracePeriodSeconds} s)`,
        {
          severity: 'note',
          why: [`metadata.deletionTimestamp: ${deletionTimestamp}`],
          fix: [force],
        },
      ),
    ];
  }
  if (!name) return [];
  const node = await inquiry.look.get(nodes, { namespace: '', name });
  const causes = (await inquiry.intoIfThere(node)).filter(
    ({ code }) => code === 'NodeSilent' || code === 'NodeNotReady',
  );
  if (node !== undefined && causes.length === 0) {
    if (inquiry.nowMs - endMs < usualMs) return [];
    return [
      finding(
        pod,
        'EndsLate',
        `its grace period is over for ${durationText(inquiry.nowMs - endMs)}, and its node ${name} has not reported its end`,
        {
          why: [
            'its containers may hang in the kernel (a disk or network file system that does not answer), or its volumes cannot be unmounted',
          ],
          fix: [remedy('See what the node told of it', `naru events --for ${argumentOf(subject)}`), force],
        },
      ),
    ];
  }
  return [
    finding(
      pod,
      'NodeAway',
      `its node ${name} ${node === undefined ? 'does not exist any more' : 'does not answer'}, and only the node can say that its containers have ended`,
      {
        why: [`deletion was asked for ${sinceText(deletionTimestamp, inquiry.nowMs + graceMs(pod)) ?? ''} ago`],
        causes,
        fix: [remedy('Bring the machine back; or, if it is gone for good', `naru node remove ${name} --force`), force],
      },
    ),
  ];
}
