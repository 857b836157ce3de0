/** What PodSecurity counts: evaluations, exemptions, errors, under upstream's names. Without a registry of metrics, nothing. */
import type { MetricRegistry } from '../../../lib/metrics.ts';
import type { AdmissionRequest } from '../admission.ts';
import { type LevelVersion, latest, type Mode, type PolicyVersion, versionText } from './policy.ts';

/** The newest version that is told by its name. */
const servedMinor = 36;

export interface Evaluations {
  evaluated(request: AdmissionRequest, mode: Mode, policy: LevelVersion, allowed: boolean): void;
  exempted(request: AdmissionRequest): void;
  /** `fatal`: it could not be evaluated at all. */
  failed(request: AdmissionRequest, fatal: boolean): void;
}

const silent: Evaluations = { evaluated: () => {}, exempted: () => {}, failed: () => {} };

export function countEvaluations(metrics: MetricRegistry | undefined): Evaluations {
  if (metrics === undefined) return silent;
  const request = ['request_operation', 'resource', 'subresource'] as const;
  const evaluations = metrics.counter({
    name: 'pod_security_evaluations_total',
    help: 'Policies that were held against a request, those of exempt requests left out',
    labels: ['decision', 'policy_level', 'policy_version', 'mode', ...request],
  });
  const exemptions = metrics.counter({
    name: 'pod_security_exemptions_total',
    help: 'Requests that are exempt from Pod Security',
    labels: request,
  });
  const errors = metrics.counter({
    name: 'pod_security_errors_total',
    help: 'Requests whose policy could not be read or held against them as it should be',
    labels: ['fatal', ...request],
  });
  return {
    evaluated: (what, mode, { level, version }, allowed) => {
      const shown = level === 'privileged' ? 'latest' : shownVersion(version);
      evaluations.with(allowed ? 'allow' : 'deny', level, shown, mode, ...labelsOf(what)).add();
    },
    exempted: (what) => exemptions.with(...labelsOf(what)).add(),
    failed: (what, fatal) => errors.with(String(fatal), ...labelsOf(what)).add(),
  };
}

const shownVersion = (version: PolicyVersion): string =>
  version === latest || version <= servedMinor ? versionText(version) : 'future';

function labelsOf({ operation, collection, target }: AdmissionRequest): readonly [string, string, string] {
  const resource = collection === 'pods' ? 'pod' : collection === 'namespaces' ? 'namespace' : 'controller';
  return [operation.toLowerCase(), resource, target.subresource];
}
