/** What is to be written about Ingresses: addresses in their statuses, events about what is wrong with them. Pure. */
import type { Ingress, IngressLoadBalancerIngress } from '../../../api/schema/types/networking-v1.ts';
import type { Problem } from '../translator.ts';

/** Undefined: its status says so already. */
export function wantedStatus(
  { status }: Ingress,
  addresses: readonly string[],
): readonly IngressLoadBalancerIngress[] | undefined {
  const known = status?.loadBalancer?.ingress ?? [];
  const isSame =
    known.length === addresses.length &&
    known.every(({ ip, hostname, ports }, at) => ip === addresses[at] && !hostname && (ports ?? []).length === 0);
  return isSame ? undefined : addresses.map((ip) => ({ ip }));
}

/** Which problems have been told, by Ingress, so that each is told when it arises and when the Ingress was changed and still has it. */
export class ToldProblems {
  #told = new Set<string>();

  /** Those to tell now. What is no problem any more is forgotten, and told when it comes again. */
  fresh(problems: readonly Problem[], generationOf: (problem: Problem) => string): readonly Problem[] {
    const keys = problems.map((problem) => keyOf(problem, generationOf(problem)));
    const fresh = problems.filter((_, at) => !this.#told.has(keys[at] ?? ''));
    this.#told = new Set(keys);
    return fresh;
  }
}

const keyOf = ({ source: { namespace, name }, reason, message }: Problem, generation: string): string =>
  JSON.stringify([namespace, name, generation, reason, message]);
