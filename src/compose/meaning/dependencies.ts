/**
 * `depends_on` and `links`: the pod carries a scheduling gate and says in an annotation what it waits for (`api/dependency-gate.ts`). What stands in the same pod is not waited for.
 */
import type { PodDependency } from '../../api/dependency-gate.ts';
import type { Dependency } from '../model.ts';
import { hasHealthcheck } from './probes.ts';
import type { Translation } from './translation.ts';

const links = (text: string): string => text.split(':')[0] ?? text;

/** Whom a service waits for, by Compose name. */
export function dependenciesOf(name: string, translation: Translation): Map<string, Dependency> {
  const { depends_on: own = {}, links: linked = [] } = translation.service(name);
  const found = new Map<string, Dependency>(linked.map((text) => [links(text), { condition: 'service_started' }]));
  for (const [other, dependency] of Object.entries(own)) found.set(other, dependency);
  return found;
}

/** @param workloadName how the workload of a service is called */
export function waitsOf(
  members: readonly string[],
  translation: Translation,
  workloadName: (service: string) => string,
): PodDependency[] {
  const waits = new Map<string, PodDependency>();
  for (const member of members) {
    for (const [other, { condition, required }] of dependenciesOf(member, translation)) {
      const host = translation.host(other);
      if (members.includes(host) || members.includes(other)) continue;
      // An optional one that is not there is not waited for.
      if (!translation.project.services.has(other)) continue;
      if (condition === 'service_healthy') tellOfMissingCheck(member, other, translation);
      const service = workloadName(host);
      waits.set(`${service}/${condition}`, { service, condition, ...(required === false && { required: false }) });
    }
  }
  return [...waits.values()];
}

function tellOfMissingCheck(name: string, other: string, translation: Translation): void {
  const { healthcheck } = translation.service(other);
  if (healthcheck !== undefined && hasHealthcheck(healthcheck)) return;
  translation.note(
    `services.${name}.depends_on.${other}`,
    `${other} has no healthcheck in the file, and Kubernetes asks none of the image: it counts as healthy as soon as it runs`,
  );
}
