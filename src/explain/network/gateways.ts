/** Gateways and routes of the Gateway API: what their status says, and what stands behind a route. */
import type { KubeObject } from '../../api/object.ts';
import type { Gateway, HTTPRoute } from '../../api/schema/types/gateway-v1.ts';
import type { Condition } from '../../api/schema/types/meta-v1.ts';
import { gatewayClasses, gateways, services } from '../../client/resources.ts';
import { argumentOf, type Finding, finding, isProblem, remedy, subjectOf } from '../finding.ts';
import type { Inquiry } from '../inquiry.ts';
import { listed, meant } from '../words.ts';
import { tlsFindings } from './tls.ts';

/** Conditions that say that something is well; `Conflicted` and its like say the opposite. */
const goodWhenTrue: ReadonlySet<string> = new Set(['Accepted', 'Programmed', 'ResolvedRefs']);

const bad = (conditions: readonly Condition[] | undefined): readonly Condition[] =>
  (conditions ?? []).filter(({ type, status }) =>
    goodWhenTrue.has(type) ? status === 'False' : type === 'Conflicted' && status === 'True',
  );

const lineOf = ({ type, status, reason, message }: Condition): string =>
  `condition ${type} is ${status} (${reason}): ${message}`;

export async function gatewayRules(gateway: Gateway, inquiry: Inquiry): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const name = gateway.spec.gatewayClassName;
  const classes = await inquiry.look.list(gatewayClasses);
  if (!classes.some(({ metadata }) => metadata?.name === name)) {
    const names = classes.map(({ metadata }) => metadata?.name ?? '');
    findings.push(
      finding(
        gateway,
        'GatewayClassMissing',
        `nobody serves it: there is no GatewayClass "${name}"${meant(name, names)}`,
        {
          why: [`classes: ${listed(names) || 'none'}`],
          fix: [remedy('Set gatewayClassName: naru', `naru edit ${argumentOf(subjectOf(gateway))}`)],
        },
      ),
    );
  }
  for (const condition of bad(gateway.status?.conditions)) {
    findings.push(
      finding(gateway, condition.reason, `it is not ${condition.type}: ${condition.message}`, {
        why: [lineOf(condition)],
      }),
    );
  }
  for (const listener of gateway.status?.listeners ?? []) {
    for (const condition of bad(listener.conditions)) {
      findings.push(
        finding(gateway, condition.reason, `its listener "${listener.name}": ${condition.message}`, {
          why: [lineOf(condition)],
        }),
      );
    }
  }
  for (const { tls, hostname } of gateway.spec.listeners) {
    for (const reference of tls?.certificateRefs ?? []) {
      const namespace = reference.namespace ?? gateway.metadata?.namespace ?? '';
      findings.push(...(await tlsFindings(gateway, namespace, reference.name, hostname ? [hostname] : [], inquiry)));
    }
  }
  return findings;
}

/** Every kind of route has this of an HTTPRoute. */
type Route = KubeObject & {
  readonly spec?: Pick<NonNullable<HTTPRoute['spec']>, 'parentRefs'> & {
    readonly rules?: readonly { readonly backendRefs?: readonly Backend[] }[];
  };
  readonly status?: HTTPRoute['status'];
};

interface Backend {
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly port?: number;
}

export async function routeRules(object: KubeObject, inquiry: Inquiry): Promise<readonly Finding[]> {
  const route = object as Route;
  const findings: Finding[] = [];
  const parents = route.spec?.parentRefs ?? [];
  for (const { kind = 'Gateway', namespace = route.metadata?.namespace ?? '', name } of parents) {
    if (kind !== 'Gateway') continue;
    const gateway = await inquiry.look.get(gateways, { namespace, name });
    if (gateway !== undefined) {
      const causes = (await inquiry.into(gateway)).filter(isProblem);
      if (causes.length > 0)
        findings.push(finding(route, 'GatewayInTrouble', `its Gateway ${namespace}/${name} is in trouble`, { causes }));
      continue;
    }
    findings.push(
      finding(
        route,
        'GatewayMissing',
        `there is no Gateway "${name}" in namespace ${namespace}, to which it wants to belong`,
        {
          why: ['spec.parentRefs'],
          fix: [remedy('Create the Gateway, or correct parentRefs; these are there', 'naru get gateways -A')],
        },
      ),
    );
  }
  for (const { parentRef, conditions } of route.status?.parents ?? []) {
    for (const condition of bad(conditions)) {
      findings.push(
        finding(route, condition.reason, `Gateway ${parentRef.name} says: ${condition.message}`, {
          why: [lineOf(condition)],
        }),
      );
    }
  }
  if (parents.length > 0 && (route.status?.parents ?? []).length === 0 && findings.length === 0) {
    findings.push(
      finding(route, 'NotLookedAt', 'no gateway has taken it yet', {
        severity: 'warning',
        why: ['status.parents is empty'],
      }),
    );
  }
  for (const { backendRefs = [] } of route.spec?.rules ?? []) {
    for (const reference of backendRefs) findings.push(...(await backend(route, reference, inquiry)));
  }
  return findings;
}

async function backend(
  route: Route,
  { kind = 'Service', name, namespace = route.metadata?.namespace ?? '', port }: Backend,
  inquiry: Inquiry,
) {
  if (kind !== 'Service') return [];
  const service = await inquiry.look.get(services, { namespace, name });
  if (service === undefined) {
    return [
      finding(
        route,
        'ServiceMissing',
        `it leads to Service "${name}", which does not exist in namespace ${namespace}: requests get 500`,
        {
          fix: [
            remedy('Create the Service, or correct backendRefs; these are there', `naru get services -n ${namespace}`),
          ],
        },
      ),
    ];
  }
  const ports = (service.spec?.ports ?? []).map((one) => one.port);
  if (port !== undefined && !ports.includes(port)) {
    return [
      finding(
        route,
        'ServicePortMissing',
        `it leads to port ${port} of Service "${name}", which has ${listed(ports.map(String))}`,
        { fix: [remedy('Correct the port in backendRefs')] },
      ),
    ];
  }
  const causes = (await inquiry.into(service)).filter(isProblem);
  return causes.length === 0
    ? []
    : [
        finding(route, 'BackendDown', `Service "${name}" behind it has nobody who answers: requests get 503`, {
          causes,
        }),
      ];
}
