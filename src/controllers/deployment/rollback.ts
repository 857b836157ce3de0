/**
 * A rollback that is asked for by annotation, as the API group `extensions` once did by a field: the Deployment takes the template and the
 * annotations of an earlier ReplicaSet, and the annotation is taken away whatever came of it. (`kubectl rollout undo` writes the template
 * itself.) Pure.
 */
import type { Deployment, ReplicaSet } from '../../api/schema/types/apps-v1.ts';
import { nameOf } from '../shared/context.ts';
import { ownAnnotations, revisionOf, rollbackAnnotation, sameTemplate, withoutHash } from './rollout.ts';

export interface Rollback {
  /** What to write: without the annotation, and with the template where there is one to go back to. */
  readonly deployment: Deployment;
  readonly event: { readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly message: string };
}

/** The revision to go back to; 0: the last one. Undefined where nobody asks, or nobody can tell for what. */
export function wantedRollback(deployment: Deployment): bigint | undefined {
  const text = deployment.metadata?.annotations?.[rollbackAnnotation] ?? '';
  return /^[+-]?\d{1,19}$/.test(text) ? BigInt(text) : undefined;
}

export function rollBack(deployment: Deployment, all: readonly ReplicaSet[], wanted: bigint): Rollback {
  const revision = wanted === 0n ? lastRevision(all) : wanted;
  const found = all.find((set) => revisionOf(set) === revision);
  if (revision === 0n) return given(deployment, notFound, 'Unable to find last revision.');
  if (found === undefined) return given(deployment, notFound, 'Unable to find the revision to rollback to.');
  if (sameTemplate(deployment.spec?.template, found.spec?.template)) {
    const message = `The rollback revision contains the same template as current deployment "${nameOf(deployment)}"`;
    return given(deployment, 'DeploymentRollbackTemplateUnchanged', message);
  }
  const message = `Rolled back deployment "${nameOf(deployment)}" to revision ${revision}`;
  const event = { type: 'Normal', reason: 'DeploymentRollback', message } as const;
  return { deployment: withoutRequest(asIn(deployment, found)), event };
}

const notFound = 'DeploymentRollbackRevisionNotFound';

const given = (deployment: Deployment, reason: string, message: string): Rollback => ({
  deployment: withoutRequest(deployment),
  event: { type: 'Warning', reason, message },
});

/** The second highest; 0 where there is none. */
const lastRevision = (all: readonly ReplicaSet[]): bigint =>
  all.map(revisionOf).toSorted((a, b) => Number(b - a))[1] ?? 0n;

/** The annotations come along: they say why the revision was made, and would be handed down to it again. */
function asIn(deployment: Deployment, { metadata, spec }: ReplicaSet): Deployment {
  const own = Object.entries(deployment.metadata?.annotations ?? {}).filter(([name]) => ownAnnotations.has(name));
  const theirs = Object.entries(metadata?.annotations ?? {}).filter(([name]) => !ownAnnotations.has(name));
  const template = withoutHash(spec?.template) ?? {};
  return {
    ...deployment,
    metadata: { ...deployment.metadata, annotations: Object.fromEntries([...own, ...theirs]) },
    ...(deployment.spec && { spec: { ...deployment.spec, template } }),
  };
}

function withoutRequest(deployment: Deployment): Deployment {
  const { [rollbackAnnotation]: _request, ...annotations } = deployment.metadata?.annotations ?? {};
  return { ...deployment, metadata: { ...deployment.metadata, annotations } };
}
