/** CustomResourceDefinitions as upstream's fixtures make them, each by a name of its own, and clients for what they define. */
import { eventually } from '../../harness.ts';
import { ResourceClient, resourceOf, typed } from './client.ts';
import { dynamicForm, type Sent, type Wire } from './wire.ts';

export interface Defining {
  readonly group?: string;
  readonly scope?: 'Cluster' | 'Namespaced';
  readonly labels?: object;
  /** Of every version that does not bring its own. */
  readonly schema?: object;
  /** The first one stores. */
  readonly served?: readonly string[];
  /** Instead of `served` and `schema`. */
  readonly versions?: readonly object[];
  readonly conversion?: object;
}

/** A schema that allows everything. */
export const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

export class CustomKinds {
  readonly #wire: () => Wire;
  #count = 0;

  constructor(wire: () => Wire) {
    this.#wire = wire;
  }

  get definitions(): ResourceClient {
    return typed(this.#wire(), 'apiextensions.k8s.io/v1', 'CustomResourceDefinition');
  }

  readonly definition = ({
    group = 'mygroup.example.com',
    scope = 'Cluster',
    labels = {},
    ...more
  }: Defining = {}): Sent => {
    const count = ++this.#count;
    const plural = `noxus${count}`;
    const { schema = anything, conversion, served = ['v1beta1'] } = more;
    const versions =
      more.versions ??
      served.map((name, index) => ({
        name,
        served: true,
        storage: index === 0,
        schema: { openAPIV3Schema: schema },
      }));
    const names = { plural, singular: `noxu${count}`, kind: `Noxu${count}`, listKind: `Noxu${count}List` };
    return {
      metadata: { name: `${plural}.${group}`, labels },
      spec: { group, scope, names, versions, ...(conversion && { conversion }) },
    };
  };

  readonly established = async (wanted: Sent): Promise<Sent> => {
    const { name } = (await this.definitions.create(wanted)).metadata;
    return eventually(`${name} is established`, async () => {
      const found = await this.definitions.get(name);
      const holds = found.status?.conditions?.some(
        (each: Sent) => each.type === 'Established' && each.status === 'True',
      );
      return holds ? found : undefined;
    });
  };

  readonly client = ({ spec }: Sent, version = spec.versions[0].name, namespace = ''): ResourceClient => {
    const { group, names, scope } = spec;
    const row = { ...resourceOf('v1', 'ConfigMap'), group, version, resource: names.plural, kind: names.kind };
    const info = { ...row, namespaced: scope === 'Namespaced' };
    return new ResourceClient(this.#wire(), info, namespace, dynamicForm);
  };

  readonly remove = async ({ metadata }: Sent): Promise<void> => {
    await this.definitions.delete(metadata.name);
    await eventually(`${metadata.name} is gone`, () => this.definitions.isGone(metadata.name));
  };
}
