/** A kind of the users' own: its definition, which they make and change while objects of it live, and what these objects own. */
import type { KubeObject } from '../../../api/object.ts';
import type { CustomResourceDefinition, JSONSchemaProps } from '../../../api/schema/types/apiextensions-v1.ts';
import type { Resource } from '../../../client/client.ts';
import { configMaps, customResourceDefinitions } from '../../../client/resources.ts';
import { type Family, referenceOf, type World } from './world.ts';

export interface Gadget extends KubeObject {
  readonly spec?: { readonly size?: number; readonly color?: string };
}

const group = 'users.example';
export const gadgets: Resource<Gadget> = {
  group,
  version: 'v1',
  kind: 'Gadget',
  resource: 'gadgets',
  namespaced: true,
};
export const gadgetSizeMax = 10;
const gadgetsMax = 6;

function definition(world: World): CustomResourceDefinition {
  const version = { served: true, schema: { openAPIV3Schema: schema(world) } };
  return {
    metadata: { name: `gadgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', listKind: 'GadgetList' },
      versions: [
        { ...version, name: 'v1', storage: true },
        { ...version, name: 'v1beta1', storage: false },
      ],
    },
  };
}

/** Never the same: what was stored by one is read by another. */
function schema(world: World): JSONSchemaProps {
  const size: JSONSchemaProps = { type: 'integer', default: 1 + world.below(gadgetSizeMax) };
  const color: JSONSchemaProps = { type: 'string', ...(world.oneIn(2) && { default: 'red' }) };
  const rule = { rule: `self.size <= ${gadgetSizeMax}`, message: 'too large' };
  const spec: JSONSchemaProps = {
    type: 'object',
    default: {},
    properties: { size, color },
    'x-kubernetes-validations': [rule],
  };
  return { type: 'object', properties: { spec } };
}

async function changeDefinition(world: World): Promise<void> {
  const known = world.pickOf(customResourceDefinitions);
  if (known === undefined) return;
  const { versions } = definition(world).spec;
  await world.client.patch(customResourceDefinitions, referenceOf(known), {
    type: 'merge',
    body: { spec: { versions } },
  });
}

/** Some are larger than the definition allows, and are refused. */
const newGadget = (world: World): Gadget => ({
  metadata: { namespace: world.namespace, generateName: 'gadget-' },
  spec: world.oneIn(2) ? {} : { size: 1 + world.below(gadgetSizeMax + 2) },
});

async function changeGadget(world: World): Promise<void> {
  const gadget = world.pickOf(gadgets);
  if (gadget === undefined) return;
  const body = { spec: { size: world.below(gadgetSizeMax + 2), color: world.oneOf(['red', 'green']) } };
  await world.client.patch(gadgets, referenceOf(gadget), { type: 'merge', body });
}

async function createOwned(world: World): Promise<void> {
  const owner = world.pickOf(gadgets);
  if (owner === undefined) return;
  const { namespace = '', name = '', uid = '' } = owner.metadata ?? {};
  const reference = { apiVersion: `${group}/v1`, kind: 'Gadget', name, uid, blockOwnerDeletion: world.oneIn(2) };
  await world.client.create(configMaps, {
    metadata: { namespace, generateName: 'gadget-', ownerReferences: [reference] },
  });
}

export const customResourceFamily: Family = {
  name: 'custom resources',
  actions: [
    {
      name: 'create a definition',
      weight: 4,
      act: (world) => world.create(customResourceDefinitions, 1, () => definition(world)),
    },
    { name: 'change a definition', weight: 2, act: changeDefinition },
    {
      name: 'create a custom resource',
      weight: 6,
      act: (world) => world.create(gadgets, gadgetsMax, () => newGadget(world)),
    },
    { name: 'change a custom resource', weight: 5, act: changeGadget },
    { name: 'create what a custom resource owns', weight: 5, act: createOwned },
    {
      name: 'delete a custom resource',
      weight: 2,
      act: (world) => world.delete(gadgets, world.pickOf(gadgets)),
    },
  ],
};
