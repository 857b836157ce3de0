/** Definitions of custom kinds that charts fight over, or that still hold objects in a version that is not served any more. */
import type { CustomResourceDefinition } from '../../api/schema/types/apiextensions-v1.ts';
import { isTool, type OwnedFields } from '../deletion/keeper.ts';
import { listed } from '../words.ts';

export interface DefinitionTrouble {
  readonly kind: 'clash' | 'mixed' | 'stored';
  readonly name: string;
  readonly says: string;
}

const nameOf = ({ metadata }: CustomResourceDefinition): string => metadata?.name ?? '';

export function definitionTroubles(definitions: readonly CustomResourceDefinition[]): readonly DefinitionTrouble[] {
  return [...definitions.flatMap(ofOne), ...mixedGroups(definitions)];
}

function ofOne(definition: CustomResourceDefinition): DefinitionTrouble[] {
  const name = nameOf(definition);
  const troubles: DefinitionTrouble[] = [];
  const served = (definition.spec?.versions ?? []).filter((version) => version.served).map((version) => version.name);
  const lost = (definition.status?.storedVersions ?? []).filter((version) => !served.includes(version));
  if (lost.length > 0) {
    troubles.push({
      kind: 'stored',
      name,
      says: `objects of it may be stored as ${listed(lost)}, which is not served any more (served: ${listed(served)})`,
    });
  }
  const owners = claimants(definition);
  if (owners.length > 1)
    troubles.push({
      kind: 'clash',
      name,
      says: `several claim it: ${listed(owners)}; the one that is upgraded last wins`,
    });
  return troubles;
}

/** The releases and tools that say that it is theirs: by Helm's marks, and by who wrote its versions. */
function claimants({ metadata }: CustomResourceDefinition): string[] {
  const { annotations = {}, labels = {}, managedFields = [] } = metadata ?? {};
  const release = annotations['meta.helm.sh/release-name'];
  const owners = new Set<string>();
  if (release !== undefined)
    owners.add(`Helm release ${annotations['meta.helm.sh/release-namespace'] ?? ''}/${release}`);
  const tracking = annotations['argocd.argoproj.io/tracking-id'] ?? labels['argocd.argoproj.io/instance'];
  if (tracking !== undefined) owners.add(`Argo CD application ${tracking.split(':', 1)[0]}`);
  for (const { manager = '', fieldsV1, subresource } of managedFields) {
    const fields: OwnedFields | undefined = fieldsV1;
    const writesVersions = 'f:versions' in (fields?.['f:spec'] ?? {});
    if (!writesVersions || subresource || /^(kube-apiserver|naru)/.test(manager)) continue;
    // Helm and Argo CD write under their own names what is counted above.
    const isCounted =
      (/helm/i.test(manager) && release !== undefined) || (/argo/i.test(manager) && tracking !== undefined);
    if (!isCounted) owners.add(isTool(manager) ? `somebody with ${manager}` : manager);
  }
  return [...owners];
}

const versionMarks = [
  'gateway.networking.k8s.io/bundle-version',
  'app.kubernetes.io/version',
  'helm.sh/chart',
] as const;

/** Definitions of one group that come from different releases of its software. */
function mixedGroups(definitions: readonly CustomResourceDefinition[]): DefinitionTrouble[] {
  const byGroup = new Map<string, Map<string, string[]>>();
  for (const definition of definitions) {
    const { annotations = {}, labels = {} } = definition.metadata ?? {};
    const mark = versionMarks.find((one) => (annotations[one] ?? labels[one]) !== undefined);
    if (mark === undefined) continue;
    const key = `${definition.spec?.group ?? ''} ${mark}`;
    const versions = byGroup.get(key) ?? new Map<string, string[]>();
    const version = annotations[mark] ?? labels[mark] ?? '';
    versions.set(version, [...(versions.get(version) ?? []), nameOf(definition)]);
    byGroup.set(key, versions);
  }
  return [...byGroup].flatMap(([key, versions]): DefinitionTrouble[] => {
    if (versions.size < 2) return [];
    const texts = [...versions].map(([version, names]) => `${version}: ${listed(names, 3)}`);
    return [
      {
        kind: 'mixed',
        name: key.split(' ', 1)[0] ?? '',
        says: `its definitions are of different releases: ${listed(texts)}`,
      },
    ];
  });
}
