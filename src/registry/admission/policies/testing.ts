/** For tests: a registry with short ways to write policies and bindings. Nothing outside of tests imports this file. */
import type { JsonObject } from '../../../api/object.ts';
import { make, rejection, startRegistry, type TestRegistry } from '../../testing.ts';

const group = 'admissionregistration.k8s.io';

export interface PolicyFields {
  /** `apps/v1 deployments`; `v1 configmaps` where absent. */
  readonly on?: string;
  readonly operations?: readonly string[];
  /** Beside the rules. */
  readonly constraints?: object;
  readonly [field: string]: unknown;
}

function specOf({
  on = 'v1 configmaps',
  operations = ['CREATE', 'UPDATE'],
  constraints = {},
  ...rest
}: PolicyFields): object {
  const [apiVersion = '', resources = ''] = on.split(' ');
  const [version = '', apiGroup = ''] = apiVersion.split('/').toReversed();
  const rule = { apiGroups: [apiGroup], apiVersions: [version], resources: resources.split(','), operations };
  return { matchConstraints: { resourceRules: [rule], ...constraints }, ...rest };
}

export class Policies {
  readonly cluster: TestRegistry;

  constructor(cluster: TestRegistry) {
    this.cluster = cluster;
  }

  /** A ValidatingAdmissionPolicy; a text is the expression of its one validation. */
  async validating(name: string, fields: PolicyFields | string): Promise<void> {
    const spec = specOf(typeof fields === 'string' ? { validations: [{ expression: fields }] } : fields);
    await this.cluster.create(`validatingadmissionpolicies.${group}`, { metadata: { name }, spec });
  }

  async bindValidating(policyName: string, fields: JsonObject = {}, name = `${policyName}-binding`): Promise<void> {
    const spec = { policyName, validationActions: ['Deny'], ...fields };
    await this.cluster.create(`validatingadmissionpolicybindings.${group}`, { metadata: { name }, spec });
  }

  /** A MutatingAdmissionPolicy; `apply` and `json` are expressions of its mutations. */
  async mutating(
    name: string,
    { apply = [], json = [], ...fields }: PolicyFields & { apply?: readonly string[]; json?: readonly string[] },
  ): Promise<void> {
    const mutations = [
      ...apply.map((expression) => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } })),
      ...json.map((expression) => ({ patchType: 'JSONPatch', jsonPatch: { expression } })),
    ];
    const spec = specOf({ reinvocationPolicy: 'Never', mutations, ...fields });
    await this.cluster.create(`mutatingadmissionpolicies.${group}`, { metadata: { name }, spec });
  }

  async bindMutating(policyName: string, fields: JsonObject = {}, name = `${policyName}-binding`): Promise<void> {
    const spec = { policyName, ...fields };
    await this.cluster.create(`mutatingadmissionpolicybindings.${group}`, { metadata: { name }, spec });
  }

  /** The message of a refusal as Invalid. */
  async refused(work: Promise<unknown>): Promise<string> {
    return (await rejection(work, 'Invalid')).message;
  }
}

export async function startPolicies(): Promise<Policies> {
  return new Policies(await startRegistry());
}

/** Of Deployments, which the mutations of tests change. */
export const deployments = 'apps/v1 deployments';

export function makeDeployment(spec: JsonObject = {}, podSpec: JsonObject = {}): object {
  const labels = { app: 'web' };
  const containers = [{ name: 'a', image: 'registry.example/a:1' }];
  const template = { metadata: { labels }, spec: { containers, ...podSpec } };
  return make.deployment({ spec: { replicas: 1, selector: { matchLabels: labels }, template, ...spec } });
}

/** What stands at a path (`spec.containers[1].name`); undefined where nothing does. */
export function at(object: unknown, path: string): unknown {
  const steps = [...path.matchAll(/[^.[\]]+/g)].map(([step]) => step);
  return steps.reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], object);
}
