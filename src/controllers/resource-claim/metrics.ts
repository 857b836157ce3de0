/** What is counted about ResourceClaims, under upstream's names: those that there are, and tries to make one from a template. */
import { podClaimAnnotation } from '../../api/pod-resource-claims.ts';
import type { ResourceClaim } from '../../api/schema/types/resource-v1.ts';
import type { MetricRegistry, NumberMetric } from '../../lib/metrics.ts';

const adminAccessOf = ({ spec }: ResourceClaim): string =>
  String((spec.devices?.requests ?? []).some(({ exactly }) => exactly?.adminAccess === true));

function sourceOf({ metadata }: ResourceClaim): string {
  const annotations = metadata?.annotations ?? {};
  if (annotations['resource.kubernetes.io/extended-resource-claim'] === 'true') return 'extended_resource';
  return annotations[podClaimAnnotation] ? 'resource_claim_template' : '';
}

export class ClaimMetrics {
  readonly #creates: NumberMetric;

  /** @param claims all that there are, looked at when somebody asks */
  constructor(registry: MetricRegistry, claims: () => readonly ResourceClaim[]) {
    const name = 'resourceclaim_controller';
    this.#creates = registry.counter({
      name: `${name}_creates_total`,
      help: 'Tries to make a ResourceClaim from a template.',
      labels: ['status', 'admin_access'],
    });
    const gauge = registry.gauge({
      name: `${name}_resource_claims`,
      help: 'ResourceClaims, by whether they have devices, how they reach them, and what made them.',
      labels: ['allocated', 'admin_access', 'source'],
    });
    registry.beforeScrape(() => {
      gauge.clear();
      for (const claim of claims()) {
        gauge.with(String(claim.status?.allocation !== undefined), adminAccessOf(claim), sourceOf(claim)).add();
      }
    });
  }

  created(claim: ResourceClaim, status: 'success' | 'failure'): void {
    this.#creates.with(status, adminAccessOf(claim)).add();
  }
}
