/**
 * What becomes of each pod when its node is emptied, by the rules that users know from `kubectl drain`. Pure.
 *
 * | pod | |
 * |---|---|
 * | a mirror of a static pod | stays: its node alone can end it |
 * | a DaemonSet's | stays: it would come back at once |
 * | of nobody who makes it anew | goes only with `--force`, unless it is over |
 * | with an emptyDir | goes only with `--delete-emptydir-data`, unless it is over |
 * | any other | goes |
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';

export interface DrainRules {
  readonly force?: boolean;
  readonly deleteEmptydirData?: boolean;
}

export interface DrainPlan {
  readonly leaving: readonly Pod[];
  readonly staying: readonly { readonly pod: Pod; readonly why: string }[];
  /** Where there is one, nothing is begun. */
  readonly refused: readonly { readonly pod: Pod; readonly why: string }[];
}

type Verdict = { readonly kind: 'goes' } | { readonly kind: 'stays' | 'refused'; readonly why: string };

export function planDrain(pods: readonly Pod[], rules: DrainRules): DrainPlan {
  const judged = pods.map((pod) => ({ pod, verdict: verdictOn(pod, rules) }));
  const of = (kind: 'stays' | 'refused') =>
    judged.flatMap(({ pod, verdict }) => (verdict.kind === kind ? [{ pod, why: verdict.why }] : []));
  return {
    leaving: judged.filter(({ verdict }) => verdict.kind === 'goes').map(({ pod }) => pod),
    staying: of('stays'),
    refused: of('refused'),
  };
}

const mirrorAnnotation = 'kubernetes.io/config.mirror';
const goes: Verdict = { kind: 'goes' };

function verdictOn(pod: Pod, { force, deleteEmptydirData }: DrainRules): Verdict {
  const { metadata, spec, status } = pod;
  if (metadata?.annotations?.[mirrorAnnotation] !== undefined) return { kind: 'stays', why: 'static' };
  const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller);
  if (owner?.kind === 'DaemonSet' && !isOver) return { kind: 'stays', why: `of DaemonSet ${owner.name}` };
  if (isOver || metadata?.deletionTimestamp !== undefined) return goes;
  if (owner === undefined && !force) return { kind: 'refused', why: 'nobody would make it anew (--force)' };
  if (spec?.volumes?.some(({ emptyDir }) => emptyDir !== undefined) && !deleteEmptydirData) {
    return { kind: 'refused', why: 'it keeps data in an emptyDir, which would be lost (--delete-emptydir-data)' };
  }
  return goes;
}

export const podName = ({ metadata }: Pod): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
