/** What is said of routes, parent by parent, and of BackendTLSPolicies, Gateway by Gateway. Pure. Undefined where nothing is to be said. */

import { gatewayController } from '../../../api/gateway-references.ts';
import type {
  ParentReference,
  PolicyStatus,
  RouteParentStatus,
  RouteStatus,
} from '../../../api/schema/types/gateway-v1.ts';
import type { ReadParent, ReadRoute } from './attachment.ts';
import { condition, type WantedCondition, withConditions } from './conditions.ts';
import type { ReadGateway } from './listeners.ts';
import { type AnyRoute, gatewayGroup } from './objects.ts';
import type { ReadPolicy } from './policies.ts';
import { type Resolved, rulesAt } from './resolve.ts';
import { faultVerdict } from './rules.ts';

/** The API takes no more. */
const parentsMax = 32;

const ownConditions = ['Accepted', 'ResolvedRefs', 'PartiallyInvalid'];

export function routeStatus(
  resolved: Resolved,
  { metadata, status }: AnyRoute,
  read: ReadRoute | undefined,
  now: string,
): RouteStatus | undefined {
  const before = status?.parents ?? [];
  const foreign = before.filter(({ controllerName }) => controllerName !== gatewayController);
  if (read === undefined && foreign.length === before.length) return undefined;
  const room = Math.max(0, parentsMax - foreign.length);
  const own = (read?.parents ?? []).slice(0, room).map((parent): RouteParentStatus => {
    const { parentRef } = parent;
    const known = before.find(
      (each) => each.controllerName === gatewayController && isSameParent(each.parentRef, parentRef),
    );
    const context = { generation: metadata?.generation ?? 0, now, own: ownConditions };
    const conditions = withConditions(
      known?.conditions,
      parentConditions(resolved, read as ReadRoute, parent),
      context,
    );
    return { parentRef, controllerName: gatewayController, conditions };
  });
  return { ...status, parents: [...foreign, ...own] };
}

function parentConditions(resolved: Resolved, read: ReadRoute, parent: ReadParent): WantedCondition[] {
  const { gateway, verdict, attachments } = parent;
  const rules = rulesAt(resolved, read, gateway, attachments[0]?.listener);
  const fault = faultVerdict(rules);
  const accepted = verdict.isGood && rules.isWhollyFaulty && fault !== undefined ? fault : verdict;
  const isPartial = fault !== undefined && accepted.isGood;
  return [
    condition('Accepted', accepted),
    condition('ResolvedRefs', rules.refs),
    ...(isPartial ? [condition('PartiallyInvalid', { ...fault, isGood: true })] : []),
  ];
}

const parentKey = ({
  group = gatewayGroup,
  kind = 'Gateway',
  namespace,
  name,
  sectionName,
  port,
}: ParentReference): string => JSON.stringify([group, kind, namespace, name, sectionName, port]);

const isSameParent = (a: ParentReference, b: ParentReference): boolean => parentKey(a) === parentKey(b);

/** The API takes no more. */
const ancestorsMax = 16;

export function policyStatus(resolved: Resolved, read: ReadPolicy, now: string): PolicyStatus | undefined {
  const { metadata, status } = read.policy;
  const before = status?.ancestors ?? [];
  const foreign = before.filter(({ controllerName }) => controllerName !== gatewayController);
  const gateways = gatewaysOf(resolved, read);
  if (gateways.length === 0 && foreign.length === before.length) return undefined;
  const own = gateways.slice(0, Math.max(0, ancestorsMax - foreign.length)).map(({ gateway }) => {
    const { namespace = '', name = '' } = gateway.metadata ?? {};
    const ancestorRef: ParentReference = { group: gatewayGroup, kind: 'Gateway', namespace, name };
    const known = before.find(
      (each) => each.controllerName === gatewayController && isSameParent(each.ancestorRef, ancestorRef),
    );
    const wanted = [condition('Accepted', read.accepted), condition('ResolvedRefs', read.refs)];
    const context = { generation: metadata?.generation ?? 0, now, own: ['Accepted', 'ResolvedRefs'] };
    return {
      ancestorRef,
      controllerName: gatewayController,
      conditions: withConditions(known?.conditions, wanted, context),
    };
  });
  return { ...status, ancestors: [...foreign, ...own] };
}

/** Those with routes to a Service that the policy is for. */
function gatewaysOf({ routes, gateways }: Resolved, { policy }: ReadPolicy): ReadGateway[] {
  const namespace = policy.metadata?.namespace ?? '';
  const names = new Set(policy.spec.targetRefs.map(({ group, kind, name }) => `${group}/${kind}/${name}`));
  const found = new Set<ReadGateway>();
  for (const { route, source, parents } of routes) {
    const isMeant = (route.spec.rules ?? []).some((rule) =>
      (rule.backendRefs ?? []).some(
        ({ group = '', kind = 'Service', name, namespace: its = source.namespace }) =>
          its === namespace && names.has(`${group}/${kind}/${name}`),
      ),
    );
    if (isMeant) for (const { gateway } of parents) found.add(gateway);
  }
  return gateways.filter((gateway) => found.has(gateway));
}
