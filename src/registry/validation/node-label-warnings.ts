/** Labels of nodes that have got new names, and values by which no node can be found. */
import { isLabelValue } from '../../api/names.ts';
import type { NodeSelectorTerm, PodSpec } from '../../api/schema/types/core-v1.ts';

const deprecatedLabels: Readonly<Record<string, readonly [since: string, instead: string] | undefined>> = {
  'beta.kubernetes.io/arch': ['v1.14', 'kubernetes.io/arch'],
  'beta.kubernetes.io/os': ['v1.14', 'kubernetes.io/os'],
  'failure-domain.beta.kubernetes.io/region': ['v1.17', 'topology.kubernetes.io/region'],
  'failure-domain.beta.kubernetes.io/zone': ['v1.17', 'topology.kubernetes.io/zone'],
  'beta.kubernetes.io/instance-type': ['v1.17', 'node.kubernetes.io/instance-type'],
};

/** Undefined: the label is fine. */
export function deprecatedNodeLabel(key: string): string | undefined {
  const found = Object.hasOwn(deprecatedLabels, key) ? deprecatedLabels[key] : undefined;
  return found && `deprecated since ${found[0]}; use "${found[1]}" instead`;
}

export function nodeLabelWarnings(path: string, spec: PodSpec): string[] {
  const affinity = spec.affinity?.nodeAffinity;
  const always = 'requiredDuringSchedulingIgnoredDuringExecution';
  const ifPossible = 'preferredDuringSchedulingIgnoredDuringExecution';
  const at = `${path}.affinity.nodeAffinity`;
  return [
    ...Object.keys(spec.nodeSelector ?? {}).flatMap((key) => {
      const message = deprecatedNodeLabel(key);
      return message ? [`${path}.nodeSelector[${key}]: ${message}`] : [];
    }),
    ...(affinity?.[always]?.nodeSelectorTerms ?? []).flatMap((term, index) =>
      termWarnings(`${at}.${always}.nodeSelectorTerms[${index}]`, term, false),
    ),
    ...(affinity?.[ifPossible] ?? []).flatMap(({ preference }, index) =>
      termWarnings(`${at}.${ifPossible}[${index}].preference`, preference ?? {}, true),
    ),
    ...spreadWarnings(`${path}.topologySpreadConstraints`, spec),
  ];
}

export function termWarnings(path: string, { matchExpressions }: NodeSelectorTerm, checkValues: boolean): string[] {
  return (matchExpressions ?? []).flatMap(({ key, values }, index) => {
    const at = `${path}.matchExpressions[${index}]`;
    const message = deprecatedNodeLabel(key);
    const warnings = message ? [`${at}.key: ${key} is ${message}`] : [];
    if (!checkValues) return warnings;
    const bad = (values ?? []).flatMap((value, which) =>
      isLabelValue(value).map((rule) => `${at}.values[${which}]: ${value} is invalid, ${rule}`),
    );
    return [...warnings, ...bad];
  });
}

function spreadWarnings(path: string, { topologySpreadConstraints }: PodSpec): string[] {
  return (topologySpreadConstraints ?? []).flatMap(({ topologyKey, labelSelector }, index) => {
    const at = `${path}[${index}]`;
    const message = deprecatedNodeLabel(topologyKey);
    return [
      ...(message ? [`${at}.topologyKey: ${topologyKey} is ${message}`] : []),
      ...(labelSelector ? [] : [`${at}.labelSelector: a null labelSelector results in matching no pod`]),
    ];
  });
}
