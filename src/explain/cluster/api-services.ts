/** Extension servers and definitions of custom kinds: parts of the API that are not there. */
import type { CustomResourceDefinition } from '../../api/schema/types/apiextensions-v1.ts';
import type { APIService } from '../../api/schema/types/apiregistration-v1.ts';
import type { Resource } from '../../client/client.ts';
import { services } from '../../client/resources.ts';
import { argumentOf, type Finding, finding, isProblem, remedy, subjectOf } from '../finding.ts';
import type { Inquiry } from '../inquiry.ts';

export const apiServices: Resource<APIService> = {
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  resource: 'apiservices',
  namespaced: false,
};

export async function apiServiceRules(object: APIService, inquiry: Inquiry): Promise<readonly Finding[]> {
  const available = object.status?.conditions?.find(({ type }) => type === 'Available');
  const reference = object.spec?.service;
  if (reference === undefined || available === undefined || available.status === 'True') return [];
  const { namespace = '', name = '' } = reference;
  const service = await inquiry.look.get(services, { namespace, name });
  const causes =
    service === undefined
      ? [
          finding(
            { kind: 'Service', namespace, name },
            'ServiceMissing',
            `there is no Service "${name}" in namespace ${namespace}`,
          ),
        ]
      : (await inquiry.into(service)).filter(isProblem);
  const { group = '', version = '' } = object.spec ?? {};
  return [
    finding(
      object,
      'ApiUnavailable',
      `nobody answers for the API ${group}/${version}: its requests fail, and no namespace can end`,
      {
        why: [
          `condition Available is False (${available.reason}): ${available.message ?? ''}`,
          `it is served by Service ${namespace}/${name}`,
        ],
        causes,
        fix: [
          remedy('Get the pods behind that Service to run'),
          remedy(
            'If its software is gone for good: delete the APIService; nothing is lost but this API',
            `naru delete ${argumentOf(subjectOf(object))}`,
          ),
        ],
      },
    ),
  ];
}

export async function apiServiceCauses(inquiry: Inquiry): Promise<readonly Finding[]> {
  return (await inquiry.intoAll(await inquiry.look.list(apiServices))).filter(isProblem);
}

const goodWhenTrue: ReadonlySet<string> = new Set(['Established', 'NamesAccepted']);

export function definitionRules(definition: CustomResourceDefinition): readonly Finding[] {
  if (definition.metadata?.deletionTimestamp !== undefined) return [];
  const conditions = definition.status?.conditions ?? [];
  const bad = conditions.filter(({ type, status }) =>
    goodWhenTrue.has(type) ? status === 'False' : type === 'NonStructuralSchema' && status === 'True',
  );
  return bad.map(({ type, reason, message }) =>
    finding(
      definition,
      type === 'Established' ? 'NotEstablished' : type,
      `${texts[type] ?? 'it is not served'}: ${message ?? ''}`,
      {
        severity: type === 'Established' || type === 'NamesAccepted' ? 'problem' : 'warning',
        why: [`condition ${type}: ${reason ?? ''}: ${message ?? ''}`],
        fix: [
          type === 'NamesAccepted'
            ? remedy(
                'Another definition has that name already: remove one of the two',
                'naru get customresourcedefinitions',
              )
            : remedy('Correct the definition, or install the version of the software that fits this cluster'),
        ],
      },
    ),
  );
}

const texts: Readonly<Record<string, string>> = {
  Established: 'its kind is not served yet',
  NamesAccepted: 'a name that it wants is taken',
  NonStructuralSchema: 'its schema is not structural',
};
