/** Services before the pods of Deployments and sets, and those whose addresses somebody writes by hand. */
import type { Endpoints, Service, ServiceSpec } from '../../../api/schema/types/core-v1.ts';
import { deployments, endpoints, services, statefulSets } from '../../../client/resources.ts';
import type { Family, World } from './world.ts';

const servicesMax = 8;
const byHand = 'by-hand';
const familyPolicies = ['SingleStack', 'PreferDualStack', 'RequireDualStack'] as const;

function newService(world: World): Service | undefined {
  const owner = world.oneIn(3) ? world.pickOf(statefulSets) : world.pickOf(deployments);
  const { namespace = '', name = '' } = owner?.metadata ?? {};
  if (owner === undefined) return undefined;
  const selector = owner.spec?.selector.matchLabels ?? {};
  const kind: Partial<ServiceSpec> = world.oneOf([{}, {}, { clusterIP: 'None' }, { type: 'NodePort' }]);
  return {
    metadata: { namespace, name },
    spec: {
      selector,
      ports: [{ port: 80, targetPort: world.oneOf([80, 'web']) }],
      ...(world.oneIn(4) && { publishNotReadyAddresses: true }),
      ...(world.oneIn(3) && { ipFamilyPolicy: world.oneOf(familyPolicies) }),
      ...(world.oneIn(6) && { ipFamilies: ['IPv6'] }),
      ...kind,
    },
  };
}

const isByHand = ({
  metadata,
}: {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
}): boolean => metadata?.labels?.[byHand] !== undefined;

/** One without a selector: a database outside, for example. */
async function createByHand(world: World): Promise<void> {
  if (world.all(services).length >= servicesMax) return;
  const metadata = { namespace: world.namespace, name: `outside-${world.below(20)}`, labels: { [byHand]: 'true' } };
  await world.client.create(endpoints, { metadata, subsets: subsets(world) });
  await world.client.create(services, { metadata, spec: { ports: [{ port: 80 }] } });
}

const subsets = (world: World): NonNullable<Endpoints['subsets']> => [
  {
    addresses: Array.from({ length: 1 + world.below(3) }, (_, index) => ({
      ip: `198.51.100.${1 + index * 20 + world.below(20)}`,
    })),
    ports: [{ port: 5432 }],
  },
];

export const serviceFamily: Family = {
  name: 'services',
  actions: [
    {
      name: 'create a service',
      weight: 8,
      act: (world) => world.create(services, servicesMax, () => newService(world)),
    },
    { name: 'create a service with addresses by hand', weight: 3, act: createByHand },
    {
      name: 'change addresses by hand',
      weight: 3,
      act: (world) => world.patch(endpoints, world.pickOf(endpoints, isByHand), { subsets: subsets(world) }),
    },
    {
      name: 'delete addresses by hand',
      weight: 1,
      act: (world) => world.delete(endpoints, world.pickOf(endpoints, isByHand)),
    },
    {
      name: 'change whom a service selects',
      weight: 2,
      act: (world) => {
        const { metadata, spec } = world.pickOf(deployments) ?? {};
        const service = world.pickOf(
          services,
          (one) => !isByHand(one) && one.metadata?.namespace === metadata?.namespace,
        );
        const isOwn = service?.metadata?.name !== 'kubernetes';
        return world.patch(services, isOwn ? service : undefined, {
          spec: { selector: { $patch: 'replace', ...spec?.selector.matchLabels } },
        });
      },
    },
    {
      name: 'change the address families of a service',
      weight: 2,
      act: (world) => {
        const isOwn = ({ metadata }: Service): boolean =>
          metadata?.name === 'kubernetes' || metadata?.namespace === 'kube-system';
        const service = world.pickOf(services, (one) => !isOwn(one));
        return world.patch(services, service, { spec: { ipFamilyPolicy: world.oneOf(familyPolicies) } });
      },
    },
    {
      name: 'delete a service',
      weight: 2,
      act: (world) =>
        world.delete(
          services,
          world.pickOf(services, ({ metadata }) => metadata?.name !== 'kubernetes'),
        ),
    },
  ],
};
