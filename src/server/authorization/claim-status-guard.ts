/**
 * Who writes which part of a ResourceClaim's status (on by default since 1.36). Beside `resourceclaims/status` it takes
 *
 * ```
 *  allocation, reservedFor   `resourceclaims/binding`, the request's verb, in the whole cluster: schedulers, the loop that takes back
 *  devices                   `resourceclaims/driver` by the name of each driver whose devices change: `associated-node:VERB` for a service
 *                            account on the node that the claim is bound to, `arbitrary-node:VERB` for all
 * ```
 * Asked by the registry for every write, before validation; what is refused reads as validation's own errors, as upstream has it.
 */
import { forbiddenField } from '../../api/field-error.ts';
import { isDns1123Subdomain } from '../../api/names.ts';
import { forbiddenError } from '../../api/refusal.ts';
import type { AllocatedDeviceStatus, AllocationResult, ResourceClaim } from '../../api/schema/types/resource-v1.ts';
import { type FieldError, invalid } from '../../api/status-error.ts';
import { sameJson } from '../../registry/draft.ts';
import type { GrantGuard, GrantRequest } from '../../registry/grant-guard.ts';
import type { AuthorizationAttributes, Authorizer, UserInfo } from '../../registry/request.ts';
import { accountIn } from './impersonation.ts';

type ClaimStatus = NonNullable<ResourceClaim['status']>;

export class ClaimStatusGuard implements GrantGuard {
  readonly #authorizer: Authorizer;

  constructor(authorizer: Authorizer) {
    this.#authorizer = authorizer;
  }

  check(request: GrantRequest): Promise<void> | undefined {
    const { target, old, object } = request;
    const { resource, subresource } = target;
    if (resource.group !== 'resource.k8s.io' || resource.resource !== 'resourceclaims') return undefined;
    if (subresource !== 'status' || old === undefined) return undefined;
    const [after, before] = [(object as ResourceClaim).status ?? {}, (old as ResourceClaim).status ?? {}];
    const binds = rebinds(after, before);
    const drivers = changedDrivers(after.devices ?? [], before.devices ?? []);
    return binds || drivers.length > 0 ? this.#check(request, binds, drivers) : undefined;
  }

  /** @throws StatusError Invalid */
  async #check(request: GrantRequest, binds: boolean, drivers: readonly string[]): Promise<void> {
    const { target, object, verb } = request;
    const errors: FieldError[] = [];
    if (binds) {
      const refusal = await this.#refusal({ ...attributesOf(request, 'binding'), verb, namespace: '', name: '' });
      const what = 'changing status.allocation or status.reservedFor requires resource="resourceclaims/binding"';
      if (refusal !== undefined) {
        errors.push(forbiddenField('status', `${what}, verb="${verb}" permission: ${refusal}`));
      }
    }
    const node = nodeOf((object as ResourceClaim).status?.allocation);
    const verbs = [...(isAt(target.user, node) ? [`associated-node:${verb}`] : []), `arbitrary-node:${verb}`];
    for (const name of drivers) {
      const refusal = await this.#refusalOfAll(
        verbs.map((each) => ({ ...attributesOf(request, 'driver'), verb: each, name })),
      );
      const what = 'changing status.devices requires resource="resourceclaims/driver"';
      if (refusal !== undefined) {
        errors.push(forbiddenField('status.devices', `${what}, verb="[${verbs.join(' ')}]" permission: ${refusal}`));
      }
    }
    const { group, kind } = target.resource;
    if (errors.length > 0) throw invalid({ group, kind, name: target.name }, errors);
  }

  /** Undefined where one of the questions is allowed; else why the first was not. */
  async #refusalOfAll(questions: readonly AuthorizationAttributes[]): Promise<string | undefined> {
    let first: string | undefined;
    for (const question of questions) {
      const refusal = await this.#refusal(question);
      if (refusal === undefined) return undefined;
      first ??= refusal;
    }
    return first;
  }

  async #refusal(question: AuthorizationAttributes): Promise<string | undefined> {
    const { allowed, reason, problem = '' } = await this.#authorizer.decide(question);
    if (allowed) return undefined;
    return forbiddenError(question, [problem, reason].filter((text) => text !== '').join(': ')).message;
  }
}

function attributesOf({ target, verb }: GrantRequest, subresource: string): AuthorizationAttributes {
  const { user, resource, namespace, name } = target;
  const { group, version } = resource;
  return { user, verb, group, version, resource: resource.resource, subresource, namespace, name, path: '' };
}

function rebinds(after: ClaimStatus, before: ClaimStatus): boolean {
  return !sameJson(after.allocation, before.allocation) || !sameJson(after.reservedFor ?? [], before.reservedFor ?? []);
}

/** Sorted: those with devices that came, went, or are told of otherwise. */
function changedDrivers(
  after: readonly AllocatedDeviceStatus[],
  before: readonly AllocatedDeviceStatus[],
): readonly string[] {
  const keyOf = ({ driver, pool, device, shareID = '' }: AllocatedDeviceStatus): string =>
    JSON.stringify([driver, pool, device, shareID]);
  const [now, then] = [after, before].map((devices) => new Map(devices.map((device) => [keyOf(device), device])));
  const changed = [...after, ...before].filter(
    (device) => !sameJson(now?.get(keyOf(device)), then?.get(keyOf(device))),
  );
  return [...new Set(changed.map(({ driver }) => driver))].sort();
}

/** The one node by name that the claim's devices are bound to; empty: none, or not one alone. */
function nodeOf(allocation: AllocationResult | undefined): string {
  const [term, ...terms] = allocation?.nodeSelector?.nodeSelectorTerms ?? [];
  const [field, ...fields] = term?.matchFields ?? [];
  const [value = '', ...values] = field?.values ?? [];
  const isAlone = [...terms, ...fields, ...values, ...(term?.matchExpressions ?? [])].length === 0;
  return isAlone && field?.key === 'metadata.name' && field.operator === 'In' ? value : '';
}

function isAt({ name, extra }: UserInfo, node: string): boolean {
  const [found, ...more] = extra?.['authentication.kubernetes.io/node-name'] ?? [];
  if (node === '' || found !== node || more.length > 0) return false;
  return accountIn(name) !== undefined && isDns1123Subdomain(node).length === 0;
}
