/**
 * Defaults of pods and pod templates. A template gets those of its spec; what only a Pod gets stands in `setPodDefaults`,
 * so that a controller's template does not change under its author.
 */
import type {
  Container,
  ContainerPort,
  EphemeralContainer,
  HTTPGetAction,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Probe,
  Volume,
} from '../../api/schema/types/core-v1.ts';
import { type Draft, setDefault, setDefaultText } from '../draft.ts';
import { roundAmounts, roundRequirements, setPodResourceDefaults } from './pod-resources.ts';

/** 0644: the mode of projected files. */
const fileMode = 420;

export function setPodDefaults(pod: Draft<Pod>): void {
  const spec = (pod.spec ??= { containers: [] } as Draft<PodSpec>);
  setPodSpecDefaults(spec);
  setDefault(spec, 'enableServiceLinks', true);
  setPodResourceDefaults(pod);
  if (!spec.hostNetwork) return;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    hostPortsOfHostNetwork(container.ports ?? []);
  }
}

export function setPodTemplateDefaults(template: Draft<PodTemplateSpec> | undefined): void {
  if (template === undefined) return;
  setPodSpecDefaults((template.spec ??= { containers: [] }));
}

export function setPodSpecDefaults(spec: Draft<PodSpec>): void {
  setDefaultText(spec, 'restartPolicy', 'Always');
  setDefaultText(spec, 'dnsPolicy', 'ClusterFirst');
  setDefault(spec, 'securityContext', {});
  setDefault(spec, 'terminationGracePeriodSeconds', 30);
  setDefaultText(spec, 'schedulerName', 'default-scheduler');
  mirrorServiceAccount(spec);
  for (const container of spec.initContainers ?? []) setContainerDefaults(container);
  for (const container of spec.containers ?? []) setContainerDefaults(container);
  for (const container of spec.ephemeralContainers ?? []) setContainerDefaults(container);
  for (const volume of spec.volumes ?? []) setVolumeDefaults(volume);
  roundAmounts(spec.overhead);
  roundRequirements(spec.resources);
}

/** `serviceAccount` is the deprecated name of `serviceAccountName`; both are always shown with the same value. */
export function mirrorServiceAccount(spec: Draft<PodSpec>): void {
  const name = spec.serviceAccountName || spec.serviceAccount;
  if (!name) return;
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
}

export function setContainerDefaults(container: Draft<Container> | Draft<EphemeralContainer>): void {
  setDefaultText(container, 'imagePullPolicy', pullPolicyOf(container.image ?? ''));
  setDefaultText(container, 'terminationMessagePath', '/dev/termination-log');
  setDefaultText(container, 'terminationMessagePolicy', 'File');
  setDefault(container, 'resources', {});
  roundRequirements(container.resources);
  for (const port of container.ports ?? []) setDefaultText(port, 'protocol', 'TCP');
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef) setDefaultText(valueFrom.fieldRef, 'apiVersion', 'v1');
  }
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (probe) setProbeDefaults(probe);
  }
  setHttpGetDefaults(container.lifecycle?.postStart?.httpGet);
  setHttpGetDefaults(container.lifecycle?.preStop?.httpGet);
}

/** `Always` for an image whose tag is `latest`, said or, without a digest, unsaid; any other tag does not change. */
export function pullPolicyOf(image: string): 'Always' | 'IfNotPresent' {
  const at = image.indexOf('@');
  const tagged = at < 0 ? image : image.slice(0, at);
  const colon = tagged.lastIndexOf(':');
  const tag = colon > tagged.lastIndexOf('/') ? tagged.slice(colon + 1) : at < 0 ? 'latest' : '';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function setProbeDefaults(probe: Draft<Probe>): void {
  // Zero means "not given" here: upstream's fields are no pointers.
  setDefaultText(probe, 'timeoutSeconds', 1);
  setDefaultText(probe, 'periodSeconds', 10);
  setDefaultText(probe, 'successThreshold', 1);
  setDefaultText(probe, 'failureThreshold', 3);
  setHttpGetDefaults(probe.httpGet);
  if (probe.grpc) setDefault(probe.grpc, 'service', '');
}

function setHttpGetDefaults(action: Draft<HTTPGetAction> | undefined): void {
  if (action === undefined) return;
  setDefaultText(action, 'path', '/');
  setDefaultText(action, 'scheme', 'HTTP');
}

function hostPortsOfHostNetwork(ports: Draft<ContainerPort>[]): void {
  for (const port of ports) setDefaultText(port, 'hostPort', port.containerPort);
}

export function setVolumeDefaults(volume: Draft<Volume>): void {
  const { name: _name, ...sources } = volume;
  if (Object.values(sources).every((source) => source === undefined)) volume.emptyDir = {};
  if (volume.hostPath) setDefault(volume.hostPath, 'type', '');
  for (const files of [volume.secret, volume.configMap, volume.downwardAPI, volume.projected]) {
    if (files) setDefault(files, 'defaultMode', fileMode);
  }
  for (const item of volume.downwardAPI?.items ?? []) {
    if (item.fieldRef) setDefaultText(item.fieldRef, 'apiVersion', 'v1');
  }
  for (const source of volume.projected?.sources ?? []) {
    if (source.serviceAccountToken) setDefault(source.serviceAccountToken, 'expirationSeconds', 3600);
    for (const item of source.downwardAPI?.items ?? []) {
      if (item.fieldRef) setDefaultText(item.fieldRef, 'apiVersion', 'v1');
    }
  }
  if (volume.iscsi) setDefaultText(volume.iscsi, 'iscsiInterface', 'default');
  if (volume.image) setDefaultText(volume.image, 'pullPolicy', pullPolicyOf(volume.image.reference ?? ''));
  const claim = volume.ephemeral?.volumeClaimTemplate?.spec;
  if (claim === undefined) return;
  setDefault(claim, 'volumeMode', 'Filesystem');
  roundRequirements(claim.resources);
}
