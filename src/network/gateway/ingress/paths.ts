/**
 * Paths of rules: what of a request they match, which of several comes first, and what is put in their place. Pure.
 *
 * Exact paths come before all others; then the longest; of the same length, a regular expression before a prefix. As ingress-nginx, a path is a regular
 * expression where `use-regex` or `rewrite-target` say so; other than there, only on the Ingress that says it, and an Exact path stays literal.
 */
import type { HTTPIngressPath } from '../../../api/schema/types/networking-v1.ts';
import type { RouteMatch, UrlChange } from '../plan.ts';
import type { Annotations } from './annotations.ts';
import { pattern } from './values.ts';

export interface PathRule {
  /** Two rules with the same key match the same. */
  readonly key: string;
  readonly match: RouteMatch['path'];
  readonly rewrite?: UrlChange['path'];
}

const special = /[\\^$*+?()[\]{}|]/;

/** @throws Error where it should be a regular expression, and is none that is taken */
export function pathRule({ path = '', pathType }: HTTPIngressPath, values: Annotations): PathRule {
  const text = path === '' ? '/' : path;
  const target = values['rewrite-target'];
  const isExact = pathType === 'Exact';
  const usesGroups = target?.includes('$') ?? false;
  const asPattern = usesGroups || (!isExact && (values['use-regex'] || target !== undefined) && special.test(text));
  const match = asPattern ? patternMatch(text, isExact) : plainMatch(text, isExact);
  const rewrite = target === undefined || target === text ? undefined : rewriteTo(target, usesGroups);
  return { key: `${match.kind} ${match.value}`, match, ...(rewrite && { rewrite }) };
}

function patternMatch(text: string, isExact: boolean): RouteMatch['path'] {
  const value = pattern(isExact ? `${text}$` : text);
  return { kind: 'regex', value, ignoreCase: true };
}

function plainMatch(text: string, isExact: boolean): RouteMatch['path'] {
  if (isExact) return { kind: 'exact', value: text };
  return { kind: 'prefix', value: text.replace(/\/+$/, '') || '/' };
}

function rewriteTo(target: string, usesGroups: boolean): UrlChange['path'] {
  return { kind: usesGroups ? 'regex' : 'full', value: target };
}

const kindRank = { exact: 0, regex: 1, prefix: 2 } as const;

/** Negative: the left one comes first. */
export function byPrecedence({ match: left }: PathRule, { match: right }: PathRule): number {
  const exactFirst = Number(right.kind === 'exact') - Number(left.kind === 'exact');
  return exactFirst || right.value.length - left.value.length || kindRank[left.kind] - kindRank[right.kind];
}
