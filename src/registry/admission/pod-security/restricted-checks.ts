/**
 * The checks that level `restricted` adds to those of `baseline`, or puts in their place: how a pod is hardened today. Pure.
 *
 * Which of them hold in which version says `standards.ts`.
 */
import type { Volume } from '../../../api/schema/types/core-v1.ts';
import { addedBeyond, seccompProfileBaseline } from './baseline-checks.ts';
import {
  type CheckPod,
  containersNamed,
  namesWhere,
  plural,
  quoted,
  type Subject,
  settersWhere,
  sortedSet,
  type Violation,
} from './subject.ts';

/** A pod for Windows cannot set what the check asks for: validation refuses it there. */
export const unlessWindows =
  (check: CheckPod): CheckPod =>
  (subject) =>
    subject.spec.os?.name === 'windows' ? undefined : check(subject);

/** In a user namespace, root is nobody outside of it (KEP-127). */
export const unlessUserNamespace =
  (check: CheckPod): CheckPod =>
  (subject) =>
    subject.spec.hostUsers === false ? undefined : check(subject);

export function allowPrivilegeEscalation(subject: Subject): Violation | undefined {
  const names = namesWhere(subject, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
  if (names.length === 0) return undefined;
  const detail = `${containersNamed(names)} must set securityContext.allowPrivilegeEscalation=false`;
  return { reason: 'allowPrivilegeEscalation != false', detail };
}

const addable = new Set(['NET_BIND_SERVICE']);

export function capabilitiesRestricted(subject: Subject): Violation | undefined {
  const keepers = namesWhere(subject, ({ securityContext }) => !securityContext?.capabilities?.drop?.includes('ALL'));
  const added = addedBeyond(subject, addable);
  const details = [
    ...(keepers.length > 0 ? [`${containersNamed(keepers)} must set securityContext.capabilities.drop=["ALL"]`] : []),
    ...(added === undefined ? [] : [added]),
  ];
  if (details.length === 0) return undefined;
  return { reason: 'unrestricted capabilities', detail: details.join('; ') };
}

const allowedSources: readonly (keyof Volume)[] = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

/** In the order in which they are looked for. */
const restrictedSources: readonly (keyof Volume)[] = [
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'gitRepo',
  'nfs',
  'iscsi',
  'glusterfs',
  'rbd',
  'flexVolume',
  'cinder',
  'cephfs',
  'flocker',
  'fc',
  'azureFile',
  'vsphereVolume',
  'quobyte',
  'azureDisk',
  'photonPersistentDisk',
  'portworxVolume',
  'scaleIO',
  'storageos',
];

export function restrictedVolumes({ spec: { volumes = [] } }: Subject): Violation | undefined {
  const restricted = volumes.filter((volume) => !allowedSources.some((source) => volume[source] !== undefined));
  if (restricted.length === 0) return undefined;
  const sourceOf = (volume: Volume): string =>
    restrictedSources.find((source) => volume[source] !== undefined) ?? 'unknown';
  const types = sortedSet(restricted.map(sourceOf));
  const names = restricted.map(({ name }) => name);
  const who = `${plural(names.length, 'volume')} ${quoted(names)} ${plural(names.length, 'uses', 'use')}`;
  const what = `${plural(types.length, 'restricted volume type')} ${quoted(types)}`;
  return { reason: 'restricted volume types', detail: `${who} ${what}` };
}

export function runAsNonRoot(subject: Subject): Violation | undefined {
  const reason = 'runAsNonRoot != true';
  const setters = settersWhere(subject, (context) => context.runAsNonRoot === false);
  if (setters.length > 0)
    return { reason, detail: `${setters.join(' and ')} must not set securityContext.runAsNonRoot=false` };
  if (subject.spec.securityContext?.runAsNonRoot === true) return undefined;
  const names = namesWhere(subject, ({ securityContext }) => securityContext?.runAsNonRoot === undefined);
  if (names.length === 0) return undefined;
  return { reason, detail: `pod or ${containersNamed(names)} must set securityContext.runAsNonRoot=true` };
}

export function runAsUser(subject: Subject): Violation | undefined {
  const setters = settersWhere(subject, (context) => context.runAsUser === 0);
  if (setters.length === 0) return undefined;
  return { reason: 'runAsUser=0', detail: `${setters.join(' and ')} must not set runAsUser=0` };
}

export function seccompProfileRestricted(subject: Subject): Violation | undefined {
  const explicit = seccompProfileBaseline(subject);
  if (explicit !== undefined || subject.spec.securityContext?.seccompProfile !== undefined) return explicit;
  const names = namesWhere(subject, ({ securityContext }) => securityContext?.seccompProfile === undefined);
  if (names.length === 0) return undefined;
  const what = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"';
  return { reason: 'seccompProfile', detail: `pod or ${containersNamed(names)} ${what}` };
}
