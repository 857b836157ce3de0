/**
 * Which admission plugins there are, in upstream's order: the namespace first, since nothing else matters in one that is going; quotas
 * last, since nothing may be counted that somebody else refuses.
 *
 * To add one: a file beside this one, or a folder, that exports a plugin, and its line here.
 */
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { MetricRegistry } from '../../lib/metrics.ts';
import type { Prng } from '../../lib/prng.ts';
import type { Store } from '../../store/store.ts';
import type { OutsideCaller } from '../outside.ts';
import type { Authorizer } from '../request.ts';
import type { AdmissionPlugin } from './admission.ts';
import { certificateSigners } from './certificate-signers.ts';
import { certificateSubject } from './certificate-subject.ts';
import type { AdmissionConfiguration } from './configuration.ts';
import { defaultIngressClass, defaultStorageClass } from './default-classes.ts';
import { limitRanger } from './limit-ranger.ts';
import { mountableSecrets } from './mountable-secrets.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction/node-restriction.ts';
import { nodeTaint } from './node-taint.ts';
import { nodeTokens } from './node-tokens.ts';
import { podGroupWorkloadExists } from './pod-groups.ts';
import { oneDefaultPriority, podPriority } from './pod-priority.ts';
import { podRuntimeClass } from './pod-runtime-class.ts';
import { PodSecurity } from './pod-security/pod-security.ts';
import { podSecuritySettings } from './pod-security/settings.ts';
import { podServiceAccount } from './pod-service-account.ts';
import { podTolerations } from './pod-tolerations.ts';
import { podTopology } from './pod-topology.ts';
import { MutatingPolicies } from './policies/mutating.ts';
import { ValidatingPolicies } from './policies/validating.ts';
import { readLimitedResources } from './resource-quota/limited-resources.ts';
import { resourceQuota } from './resource-quota/plugin.ts';
import { storageProtection } from './storage-protection.ts';
import { volumeClaimResize } from './volume-claim-resize.ts';
import { MutatingWebhooks } from './webhooks/mutating-webhooks.ts';
import { ValidatingWebhooks } from './webhooks/validating-webhooks.ts';
import { webhookMetrics } from './webhooks/webhook-metrics.ts';

/** What plugins may need beside the request. */
export interface AdmissionDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  /** For those who ask whether the user may do something more. Absent: everybody may. */
  readonly authorizer?: Authorizer | undefined;
  /** The plugins' settings; absent: as they are built in. */
  readonly configuration?: AdmissionConfiguration | undefined;
  /** What is counted goes here. */
  readonly metrics?: MetricRegistry | undefined;
  /** How webhooks are called. Absent: they cannot be. */
  readonly outside?: OutsideCaller | undefined;
}

/** @throws Error, one sentence that names the file, where the settings of a plugin cannot be used */
export function admissionPlugins({
  store,
  clock,
  log,
  authorizer,
  configuration,
  metrics,
  outside,
}: AdmissionDependencies): readonly AdmissionPlugin[] {
  const webhooks = { outside, authorizer, clock, log, metrics: webhookMetrics(metrics) };
  return [
    { name: 'NamespaceLifecycle', mutate: namespaceLifecycle, validate: namespaceLifecycle },
    limitRanger,
    { name: 'ServiceAccount', mutate: podServiceAccount, validate: mountableSecrets },
    nodeTokens(authorizer),
    nodeRestriction,
    { name: 'TaintNodesByCondition', mutate: nodeTaint },
    new PodSecurity({ settings: configuration?.settingsOf('PodSecurity', podSecuritySettings), metrics }),
    { name: 'Priority', mutate: podPriority, validate: oneDefaultPriority },
    { name: 'DefaultTolerationSeconds', mutate: podTolerations },
    { name: 'DefaultStorageClass', mutate: defaultStorageClass },
    { name: 'StorageObjectInUseProtection', mutate: storageProtection },
    { name: 'PersistentVolumeClaimResize', validate: volumeClaimResize },
    { name: 'RuntimeClass', mutate: podRuntimeClass },
    ...certificateSigners(authorizer),
    { name: 'CertificateSubjectRestriction', validate: certificateSubject },
    { name: 'DefaultIngressClass', mutate: defaultIngressClass },
    { name: 'PodTopologyLabels', mutate: podTopology },
    { name: 'PodGroupWorkloadExists', validate: podGroupWorkloadExists },
    new MutatingPolicies({ authorizer, metrics }),
    new MutatingWebhooks(webhooks),
    new ValidatingPolicies({ authorizer, metrics }),
    new ValidatingWebhooks(webhooks),
    resourceQuota({
      store,
      clock,
      log,
      limitedResources: configuration?.settingsOf('ResourceQuota', readLimitedResources),
    }),
  ];
}
