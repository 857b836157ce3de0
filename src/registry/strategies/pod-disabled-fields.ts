/**
 * Fields that come with features which 1.36 has switched off: they are dropped, as upstream does, unless the object that is
 * replaced has some of the kind already.
 */
import type { ContainerStatus, PodSpec, PodStatus, VolumeProjection } from '../../api/schema/types/core-v1.ts';
import type { Draft } from '../draft.ts';

type AnyDraft = Draft<PodSpec>;

export function dropDisabledPodFields(spec: AnyDraft | undefined, old: PodSpec | undefined): void {
  if (spec === undefined) return;
  if (!usesStopSignals(old)) dropStopSignals(spec);
  if (!projectsCertificates(old)) dropCertificates(spec);
}

function projectsCertificates(spec: PodSpec | undefined): boolean {
  const has = (source: VolumeProjection): boolean => source.podCertificate !== undefined;
  return spec?.volumes?.some(({ projected }) => projected?.sources?.some(has)) ?? false;
}

function dropCertificates(spec: AnyDraft): void {
  for (const { projected } of spec.volumes ?? [])
    for (const source of projected?.sources ?? []) delete source.podCertificate;
}

const lists = ['containers', 'initContainers', 'ephemeralContainers'] as const;

function usesStopSignals(spec: PodSpec | undefined): boolean {
  return lists.some((list) => spec?.[list]?.some(({ lifecycle }) => lifecycle?.stopSignal !== undefined));
}

function dropStopSignals(spec: AnyDraft): void {
  for (const list of lists) {
    for (const container of spec[list] ?? []) {
      if (container.lifecycle?.stopSignal === undefined) continue;
      delete container.lifecycle.stopSignal;
      if (Object.keys(container.lifecycle).length === 0) delete container.lifecycle;
    }
  }
}

const statusLists = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const;

export function dropDisabledPodStatus(status: Draft<PodStatus>, old: PodStatus | undefined): void {
  if (!old?.nodeAllocatableResourceClaimStatuses?.length) delete status.nodeAllocatableResourceClaimStatuses;
  if (showsVolumes(old)) return;
  for (const container of statusLists.flatMap((list) => status[list] ?? [])) {
    for (const mount of container.volumeMounts ?? []) delete mount.volumeStatus;
  }
}

function showsVolumes(status: PodStatus | undefined): boolean {
  const has = ({ volumeMounts }: ContainerStatus): boolean =>
    volumeMounts?.some(({ volumeStatus }) => volumeStatus !== undefined) ?? false;
  return statusLists.some((list) => status?.[list]?.some(has));
}
