/**
 * The second half of upstream's ServiceAccount admission, when the object is whole: a service account that bears the annotation
 * `kubernetes.io/enforce-mountable-secrets` lets its pods refer to no Secrets but those that it lists. The annotation is deprecated
 * since 1.32, and holds: whoever relies on it must not find it without effect. A mirror pod, which has no account, refers to none at all.
 *
 * Looked at when a pod is created and when containers are added to look into it; `envFrom` counts as well as `env` (CVE-2024-3177).
 */
import { someSecret } from '../../api/object-references.ts';
import type { Container, EnvFromSource, EnvVar, Pod, ServiceAccount } from '../../api/schema/types/core-v1.ts';
import { forbidden } from '../../api/status-error.ts';
import { mirrorAnnotation } from '../validation/pod-annotations.ts';
import { type AdmissionRequest, isPodWrite } from './admission.ts';

const annotation = 'kubernetes.io/enforce-mountable-secrets';
/** What Go reads as true. */
const truths: ReadonlySet<string> = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);

/** @throws StatusError Forbidden */
export function mountableSecrets(request: AdmissionRequest): void {
  const { operation, collection, target, draft, store } = request;
  const isNew = operation === 'CREATE' && isPodWrite(request);
  const isAdded = operation === 'UPDATE' && collection === 'pods' && target.subresource === 'ephemeralcontainers';
  if (!isNew && !isAdded) return;
  const pod = draft as Pod;
  const refuse = (why: string): Error => forbidden({ group: '', kind: 'pods', name: pod.metadata?.name ?? '' }, why);
  if (pod.metadata?.annotations?.[mirrorAnnotation] !== undefined) {
    if (isNew && pod.spec && someSecret(pod.spec, () => true)) throw refuse('a mirror pod may not reference secrets');
    return;
  }
  const key = { collection: 'serviceaccounts', namespace: target.namespace, name: pod.spec?.serviceAccountName ?? '' };
  const account: ServiceAccount | undefined = store.get(key)?.object;
  if (account === undefined || !truths.has(account.metadata?.annotations?.[annotation] ?? '')) return;
  const why = isNew ? problemOf(pod, account) : addedProblem(pod, account);
  if (why !== undefined) throw refuse(why);
}

/** The first thing that is not allowed, in upstream's order and words. */
function problemOf({ spec }: Pod, account: ServiceAccount): string | undefined {
  const listed = new Set((account.secrets ?? []).map(({ name }) => name));
  const volume = (spec?.volumes ?? []).find(({ secret }) => secret && !listed.has(secret.secretName ?? ''));
  if (volume !== undefined) return lacks(`volume with secret.secretName=${quoted(volume.secret?.secretName)}`, account);
  return (
    inContainers('init container', spec?.initContainers ?? [], listed, account) ??
    inContainers('container', spec?.containers ?? [], listed, account) ??
    pullProblem(spec?.imagePullSecrets ?? [], account)
  );
}

function addedProblem({ spec }: Pod, account: ServiceAccount): string | undefined {
  const listed = new Set((account.secrets ?? []).map(({ name }) => name));
  return inContainers('ephemeral container', spec?.ephemeralContainers ?? [], listed, account);
}

type Names = ReadonlySet<string | undefined>;
type WithEnvironment = Pick<Container, 'name' | 'env' | 'envFrom'>;

function inContainers(
  kind: string,
  containers: readonly WithEnvironment[],
  listed: Names,
  account: ServiceAccount,
): string | undefined {
  for (const { name, env = [], envFrom = [] } of containers) {
    const variable = env.find((one) => isOutside(secretOf(one), listed));
    if (variable !== undefined) {
      const what = `${kind} ${name} with envVar ${variable.name} referencing`;
      return lacks(`${what} secret.secretName=${quoted(secretOf(variable))}`, account);
    }
    const source = envFrom.find((one) => isOutside(secretIn(one), listed));
    if (source !== undefined) {
      return lacks(`${kind} ${name} with envFrom referencing secret.secretName=${quoted(secretIn(source))}`, account);
    }
  }
  return undefined;
}

/** Undefined where it refers to none. */
function secretOf({ valueFrom }: EnvVar): string | undefined {
  return valueFrom?.secretKeyRef && (valueFrom.secretKeyRef.name ?? '');
}

function secretIn({ secretRef }: EnvFromSource): string | undefined {
  return secretRef && (secretRef.name ?? '');
}

const isOutside = (name: string | undefined, listed: Names): boolean => name !== undefined && !listed.has(name);

function pullProblem(
  wanted: readonly { readonly name?: string }[],
  { metadata, imagePullSecrets = [] }: ServiceAccount,
): string | undefined {
  const listed = new Set(imagePullSecrets.map(({ name }) => name));
  const index = wanted.findIndex(({ name }) => !listed.has(name));
  if (index < 0) return undefined;
  const what = `imagePullSecrets[${index}].name=${quoted(wanted[index]?.name)}`;
  return `${what} is not allowed because service account ${metadata?.name} does not reference that imagePullSecret`;
}

const lacks = (what: string, { metadata }: ServiceAccount): string =>
  `${what} is not allowed because service account ${metadata?.name} does not reference that secret`;

const quoted = (name = ''): string => `"${name}"`;
