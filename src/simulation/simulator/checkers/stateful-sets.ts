/**
 * StatefulSets: pods come in order, each identity runs once, and what stands below the partition keeps its revision.
 *
 * In order means: when a pod is made, every pod before it has been ready, in its life now or, where it is gone, in its last. What a loop saw may be
 * old, and the pod gone or broken since; but a pod that was never ready can have looked so to nobody.
 */
import type { StatefulSet } from '../../../api/schema/types/apps-v1.ts';
import type { Pod } from '../../../api/schema/types/core-v1.ts';
import type { StoreEvent } from '../../../store/store.ts';
import { type Checker, named, uidOf } from './checker.ts';
import { controllerUid, Followed } from './followed.ts';
import type { RunningPods } from './pods.ts';

const revisionLabel = 'controller-revision-hash';

export function statefulOrder(): Checker {
  const sets = new Followed<StatefulSet>('statefulsets.apps');
  /** By set and ordinal: whether the pod's last life has seen it ready. */
  const wasReady = new Map<string, boolean>();
  return {
    name: 'a stateful set makes its pods in order',
    check: (event) => {
      if (sets.follow(event) || event.entry.key.collection !== 'pods') return undefined;
      const pod = event.entry.object as Pod;
      const set = sets.get(controllerUid(pod, 'StatefulSet'));
      if (set === undefined) return undefined;
      const key = `${uidOf(set)} ${ordinalOf(pod)}`;
      const problem = event.type === 'added' ? (judgeOrder(event, set) ?? judgeRevision(event, set)) : undefined;
      wasReady.set(key, (event.type !== 'added' && wasReady.get(key)) || isReady(pod));
      return problem;
    },
  };

  function judgeOrder(event: StoreEvent, set: StatefulSet): string | undefined {
    if (set.spec?.podManagementPolicy === 'Parallel') return undefined;
    for (let ordinal = set.spec?.ordinals?.start ?? 0; ordinal < ordinalOf(event.entry.object); ordinal++) {
      if (wasReady.get(`${uidOf(set)} ${ordinal}`) !== true)
        return `${named(event)} was made before pod ${ordinal} had been ready`;
    }
    return undefined;
  }
}

function judgeRevision(event: StoreEvent, { spec, status }: StatefulSet): string | undefined {
  const pod = event.entry.object as Pod;
  const first = (spec?.ordinals?.start ?? 0) + (spec?.updateStrategy?.rollingUpdate?.partition ?? 0);
  const isNew = pod.metadata?.labels?.[revisionLabel] === status?.updateRevision;
  const isTold = status?.updateRevision !== undefined && status.currentRevision !== status.updateRevision;
  if (!isTold || !isNew || ordinalOf(pod) >= first) return undefined;
  return `${named(event)} is below the partition ${first}, and has the new revision`;
}

/** Whoever comes under a name that somebody had: the other one does not run any more, wherever it was. */
export function oneOfEachName(running: RunningPods): Checker {
  const earlier = new Map<string, { readonly uid: string; readonly node: string }[]>();
  return {
    name: 'a name is one running pod',
    check: (event) => {
      const { key, object } = event.entry;
      if (key.collection !== 'pods') return undefined;
      const lives = earlier.get(`${key.namespace}/${key.name}`) ?? [];
      const uid = uidOf(object);
      const node = (object as Pod).spec?.nodeName ?? '';
      if (node === '' || lives.some((life) => life.uid === uid)) return undefined;
      earlier.set(`${key.namespace}/${key.name}`, [...lives, { uid, node }]);
      const other = lives.find((life) => running.runs(life.node, life.uid));
      return other && `${named(event)} was bound while ${other.uid} of the same name ran on ${other.node}`;
    },
  };
}

const ordinalOf = ({ metadata }: Pod): number => Number(/-(\d+)$/.exec(metadata?.name ?? '')?.[1] ?? -1);

const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
