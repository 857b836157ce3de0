/**
 * What one PolicyRule means, as upstream evaluates it: what it allows, and what it covers of another rule. Pure.
 *
 * Kept true: a rule never allows more here than upstream; names in `resourceNames` are exact, `*` stands alone or as `*` + `/sub`, and a
 * URL's `*` stands at its end.
 */
import type { PolicyRule } from '../../api/schema/types/rbac-v1.ts';
import type { AuthorizationAttributes } from '../../registry/request.ts';

/** What of a request rules look at. `combined` is `pods/log` or `pods`. */
export interface Asked {
  readonly verb: string;
  readonly group: string;
  readonly combined: string;
  readonly subresource: string;
  readonly name: string;
  readonly path: string;
  readonly isResource: boolean;
}

export function askedOf({
  verb,
  group,
  resource,
  subresource,
  name,
  path,
}: Omit<AuthorizationAttributes, 'user'>): Asked {
  const combined = subresource === '' ? resource : `${resource}/${subresource}`;
  return { verb, group, combined, subresource, name, path, isResource: path === '' };
}

export function ruleAllows(rule: PolicyRule, asked: Asked): boolean {
  if (!has(rule.verbs, asked.verb)) return false;
  if (!asked.isResource) return urlsMatch(rule.nonResourceURLs, asked.path);
  return (
    has(rule.apiGroups, asked.group) && resourcesMatch(rule.resources, asked) && namesMatch(rule.resourceNames, asked)
  );
}

type Texts = readonly string[] | undefined;

function has(allowed: Texts, asked: string): boolean {
  return allowed?.some((one) => one === '*' || one === asked) ?? false;
}

function resourcesMatch(allowed: Texts, { combined, subresource }: Asked): boolean {
  if (allowed === undefined) return false;
  for (const one of allowed) {
    if (one === '*' || one === combined) return true;
    if (subresource !== '' && isAnyWith(one, subresource)) return true;
  }
  return false;
}

/** `*` + `/scale`: the subresource of whatever has it. */
function isAnyWith(allowed: string, subresource: string): boolean {
  return allowed.length === subresource.length + 2 && allowed.startsWith('*/') && allowed.endsWith(subresource);
}

function namesMatch(allowed: Texts, { name }: Asked): boolean {
  return allowed === undefined || allowed.length === 0 || allowed.includes(name);
}

function urlsMatch(allowed: Texts, path: string): boolean {
  return allowed?.some((one) => one === '*' || urlCovers(one, path)) ?? false;
}

function urlCovers(allowed: string, path: string): boolean {
  return allowed === path || (allowed.endsWith('*') && path.startsWith(allowed.replace(/\*+$/, '')));
}

/** Which parts of `wanted` no rule of `held` covers: each for one verb of one resource (and name) or URL. */
export function uncovered(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((part) => !held.some((rule) => covers(rule, part)));
}

/** How many parts `breakDown` makes of a rule, which grow with the product of its lists. */
export function partsIn({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): number {
  const count = (list: Texts): number => list?.length ?? 0;
  const objects = count(apiGroups) * count(resources) * Math.max(count(resourceNames), 1);
  return count(verbs) * (objects + count(nonResourceURLs));
}

function breakDown(rule: PolicyRule): PolicyRule[] {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const names = resourceNames.length === 0 ? [undefined] : resourceNames;
  const parts: PolicyRule[] = [];
  for (const group of apiGroups) {
    for (const resource of resources) {
      for (const verb of verbs ?? []) {
        for (const name of names) {
          const part = { apiGroups: [group], resources: [resource], verbs: [verb] };
          parts.push(name === undefined ? part : { ...part, resourceNames: [name] });
        }
      }
    }
  }
  for (const url of nonResourceURLs)
    for (const verb of verbs ?? []) parts.push({ nonResourceURLs: [url], verbs: [verb] });
  return parts;
}

/** `part` is one that `breakDown` made. */
function covers(held: PolicyRule, part: PolicyRule): boolean {
  if (!has(held.verbs, part.verbs[0] ?? '')) return false;
  const url = part.nonResourceURLs?.[0];
  if (url !== undefined) return held.nonResourceURLs?.some((one) => urlCovers(one, url)) ?? false;
  const resource = part.resources?.[0] ?? '';
  const slash = resource.indexOf('/');
  const anyWith = slash < 0 ? '' : `*${resource.slice(slash)}`;
  const holds = held.resources?.some((one) => one === '*' || one === resource || one === anyWith) ?? false;
  return holds && has(held.apiGroups, part.apiGroups?.[0] ?? '') && coversName(held, part.resourceNames?.[0]);
}

function coversName({ resourceNames = [] }: PolicyRule, name: string | undefined): boolean {
  return resourceNames.length === 0 || (name !== undefined && resourceNames.includes(name));
}

/** Parts that differ only in their verbs become one again. */
export function compacted(parts: readonly PolicyRule[]): PolicyRule[] {
  const simple = new Map<string, PolicyRule>();
  const others: PolicyRule[] = [];
  for (const part of parts) {
    if (part.nonResourceURLs !== undefined) {
      others.push(part);
      continue;
    }
    const key = JSON.stringify([part.apiGroups, part.resources, part.resourceNames]);
    const known = simple.get(key);
    simple.set(key, known === undefined ? part : { ...known, verbs: [...known.verbs, ...part.verbs] });
  }
  return [...others, ...simple.values()];
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}`: as upstream names a rule in its errors. */
export function ruleText(rule: PolicyRule): string {
  const { apiGroups, resources, nonResourceURLs, resourceNames, verbs } = rule;
  const parts: [string, Texts][] = [
    ['APIGroups', apiGroups],
    ['Resources', resources],
    ['NonResourceURLs', nonResourceURLs],
    ['ResourceNames', resourceNames],
    ['Verbs', verbs],
  ];
  const told = parts.filter(([, values]) => values?.length);
  return `{${told.map(([name, values = []]) => `${name}:${quotedList(values)}`).join(', ')}}`;
}

export function quotedList(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;
}
