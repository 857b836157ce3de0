/** What watches over workloads: autoscalers that know no figures, disruption budgets that let nobody go. */
import type { HorizontalPodAutoscaler } from '../../api/schema/types/autoscaling-v2.ts';
import type { PodDisruptionBudget } from '../../api/schema/types/policy-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import { deployments, pods, statefulSets } from '../../client/resources.ts';
import { argumentOf, type Finding, finding, isProblem, remedy, subjectOf } from '../finding.ts';
import type { Inquiry } from '../inquiry.ts';
import { isReady } from '../pods/containers.ts';
import { counted, listed } from '../words.ts';

const targets = { Deployment: deployments, StatefulSet: statefulSets } as const;

export async function autoscalerRules(scaler: HorizontalPodAutoscaler, inquiry: Inquiry): Promise<readonly Finding[]> {
  const { scaleTargetRef: reference, maxReplicas } = scaler.spec ?? { scaleTargetRef: undefined };
  const namespace = scaler.metadata?.namespace ?? '';
  const findings: Finding[] = [];
  const kind = reference?.kind as keyof typeof targets | undefined;
  if (reference !== undefined && kind !== undefined && kind in targets) {
    const target = await inquiry.look.get<object>(targets[kind], { namespace, name: reference.name });
    if (target === undefined) {
      return [
        finding(scaler, 'TargetMissing', `what it shall scale does not exist: ${reference.kind} "${reference.name}"`, {
          why: ['spec.scaleTargetRef'],
          fix: [remedy('Correct scaleTargetRef, or create it', `naru edit ${argumentOf(subjectOf(scaler))}`)],
        }),
      ];
    }
  }
  const conditions = scaler.status?.conditions ?? [];
  for (const { type, status, reason = '', message = '' } of conditions) {
    if (type !== 'ScalingLimited' && status === 'False') {
      const isMetrics = /Metric|resource/i.test(reason + message);
      findings.push(
        finding(
          scaler,
          isMetrics ? 'NoMetrics' : 'NotScaling',
          isMetrics
            ? 'it has no figures to go by, so it does not scale'
            : `it does not scale: ${message.slice(0, 300)}`,
          {
            severity: reason === 'ScalingDisabled' ? 'note' : 'problem',
            why: [`condition ${type} is False (${reason}): ${message.slice(0, 400)}`],
            fix: [
              isMetrics
                ? remedy(
                    'For cpu and memory every container of the pods needs resources.requests; and the pods must be ready',
                    `naru top pods -n ${namespace}`,
                  )
                : undefined,
            ],
          },
        ),
      );
    }
    if (type === 'ScalingLimited' && status === 'True' && reason === 'TooManyReplicas') {
      findings.push(
        finding(scaler, 'AtMaximum', `it would like more pods than maxReplicas (${maxReplicas}) allows`, {
          severity: 'warning',
          why: [`condition ScalingLimited: ${message}`],
          fix: [remedy('Raise maxReplicas if the nodes have room', `naru edit ${argumentOf(subjectOf(scaler))}`)],
        }),
      );
    }
  }
  if (conditions.length === 0) {
    findings.push(
      finding(scaler, 'NotLookedAt', 'nobody has looked at it yet: no controller of this cluster acts on it', {
        severity: 'warning',
        why: ['status.conditions is empty'],
      }),
    );
  }
  return findings;
}

export async function disruptionBudgetRules(
  budget: PodDisruptionBudget,
  inquiry: Inquiry,
): Promise<readonly Finding[]> {
  const { disruptionsAllowed = 0, expectedPods = 0, desiredHealthy = 0, currentHealthy = 0 } = budget.status ?? {};
  const namespace = budget.metadata?.namespace ?? '';
  const matcher = labelMatcher(budget.spec?.selector);
  const own = (await inquiry.look.list(pods, namespace)).filter(({ metadata }) => matcher.matches(metadata?.labels));
  if (own.length === 0) {
    return [
      finding(budget, 'SelectsNothing', 'its selector matches no pod: it protects nothing', {
        severity: 'warning',
        fix: [remedy('Correct spec.selector, or delete it', `naru edit ${argumentOf(subjectOf(budget))}`)],
      }),
    ];
  }
  if (disruptionsAllowed > 0) return [];
  const why = [
    `status: ${currentHealthy} of ${expectedPods} pods are healthy, ${desiredHealthy} must be, ${disruptionsAllowed} may go`,
  ];
  if (currentHealthy >= desiredHealthy && desiredHealthy >= expectedPods) {
    const { minAvailable, maxUnavailable } = budget.spec ?? {};
    const rule = minAvailable !== undefined ? `minAvailable: ${minAvailable}` : `maxUnavailable: ${maxUnavailable}`;
    return [
      finding(
        budget,
        'NeverAllows',
        `it never lets a pod go (${rule} of ${counted(expectedPods, 'pod')}): a drain of its node will not end`,
        {
          severity: 'warning',
          why,
          fix: [
            remedy(
              'Run one pod more than must be there, or use maxUnavailable: 1',
              `naru edit ${argumentOf(subjectOf(budget))}`,
            ),
          ],
        },
      ),
    ];
  }
  const causes = (await inquiry.intoAll(own.filter((pod) => !isReady(pod)).slice(0, 10))).filter(isProblem);
  return [
    finding(
      budget,
      'NotEnoughHealthy',
      `it lets no pod go now: ${currentHealthy} of ${expectedPods} are healthy, and ${desiredHealthy} must be`,
      {
        severity: 'warning',
        why: [
          ...why,
          `pods that are not ready: ${listed(own.filter((pod) => !isReady(pod)).map(({ metadata }) => metadata?.name ?? ''))}`,
        ],
        causes,
      },
    ),
  ];
}
