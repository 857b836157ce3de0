/**
 * Which requests a webhook or a policy is for: rules, selectors of labels, and the other versions in which the same objects are served.
 *
 * Made once for each webhook, policy or binding; `match` says in which form it wants the objects, or that it is not concerned. Upstream's
 * rules: `resources` are `pods`, `pods/status`, `pods/*`, `*` (no subresource), all resources' `scale`, or everything; objects outside namespaces meet every
 * namespaceSelector, but for Namespaces themselves, whose own labels count; an objectSelector is met by the new or the old object.
 */
import type { NamedRuleWithOperations } from '../../api/schema/types/admissionregistration-v1.ts';
import type { LabelSelector } from '../../api/schema/types/meta-v1.ts';
import { type LabelMatcher, labelMatcher, matchEverything } from '../../api/selector.ts';
import type { Asked, Form } from './asked.ts';

export interface CriteriaOptions {
  /** Undefined: every request meets them. */
  readonly rules: readonly NamedRuleWithOperations[] | undefined;
  readonly excludeRules?: readonly NamedRuleWithOperations[] | undefined;
  /** Exact where absent; the API's default, `Equivalent`, is filled in where the object is written. */
  readonly matchPolicy?: string | undefined;
  /** Absent: everything. */
  readonly namespaceSelector?: LabelSelector | undefined;
  readonly objectSelector?: LabelSelector | undefined;
}

export class Criteria {
  readonly #rules: readonly Rule[] | undefined;
  readonly #excluded: readonly Rule[];
  readonly #equivalent: boolean;
  readonly #namespaces: LabelMatcher;
  readonly #objects: LabelMatcher;

  constructor({ rules, excludeRules = [], matchPolicy, namespaceSelector, objectSelector }: CriteriaOptions) {
    this.#rules = rules?.map((rule) => new Rule(rule));
    this.#excluded = excludeRules.map((rule) => new Rule(rule));
    this.#equivalent = matchPolicy === 'Equivalent';
    this.#namespaces = selectorOf(namespaceSelector);
    this.#objects = selectorOf(objectSelector);
  }

  /**
   * The form in which the objects are wanted; undefined: not concerned.
   * @throws StatusError NotFound where it depends on a namespace that is not there
   */
  match(asked: Asked): Form | undefined {
    const form = this.#rules === undefined ? asked.own : this.#formFor(this.#rules, asked);
    if (form === undefined || !this.#meetsObject(asked)) return undefined;
    if (this.#excluded.length > 0 && this.#formFor(this.#excluded, asked) !== undefined) return undefined;
    return this.#meetsNamespace(asked) ? form : undefined;
  }

  #formFor(rules: readonly Rule[], asked: Asked): Form | undefined {
    for (const rule of rules) if (rule.matches(asked, asked.own)) return asked.own;
    if (!this.#equivalent) return undefined;
    // Earlier rules first.
    for (const rule of rules) {
      if (!rule.concerns(asked)) continue;
      for (const form of asked.others) if (rule.matches(asked, form)) return form;
    }
    return undefined;
  }

  #meetsObject(asked: Asked): boolean {
    if (this.#objects.kind === 'everything') return true;
    const { labels, oldLabels } = asked;
    return (
      (labels !== undefined && this.#objects.matches(labels)) ||
      (oldLabels !== undefined && this.#objects.matches(oldLabels))
    );
  }

  #meetsNamespace(asked: Asked): boolean {
    if (this.#namespaces.kind === 'everything') return true;
    if (asked.namespace === '' && asked.own.resource.resource !== 'namespaces') return true;
    return this.#namespaces.matches(asked.namespaceLabels());
  }
}

function selectorOf(selector: LabelSelector | undefined): LabelMatcher {
  return selector === undefined ? matchEverything : labelMatcher(selector);
}

/** One rule, taken apart once. */
class Rule {
  readonly #operations: ReadonlySet<string>;
  readonly #groups: ReadonlySet<string>;
  readonly #versions: ReadonlySet<string>;
  readonly #resources: readonly (readonly [resource: string, subresource: string])[];
  readonly #scope: string;
  readonly #names: ReadonlySet<string>;

  constructor({ operations, apiGroups, apiVersions, resources, scope, resourceNames }: NamedRuleWithOperations) {
    this.#operations = new Set(operations);
    this.#groups = new Set(apiGroups);
    this.#versions = new Set(apiVersions);
    this.#resources = (resources ?? []).map(split);
    this.#scope = scope ?? '*';
    this.#names = new Set(resourceNames);
  }

  matches(asked: Asked, { resource }: Form): boolean {
    return (
      this.concerns(asked) &&
      hasOrAll(this.#groups, resource.group) &&
      hasOrAll(this.#versions, resource.version) &&
      this.#resources.some((each) => isFor(each, resource.resource, asked.subresource))
    );
  }

  /** All but the resource: the same in each of its forms. */
  concerns(asked: Asked): boolean {
    if (!hasOrAll(this.#operations, asked.operation)) return false;
    if (this.#names.size > 0 && !this.#names.has(asked.name)) return false;
    if (this.#scope === '*') return true;
    const { group, version, resource } = asked.own.resource;
    const isNamespace = resource === 'namespaces' && group === '' && version === 'v1';
    return (this.#scope === 'Cluster') === (isNamespace || asked.namespace === '');
  }
}

function split(text: string): readonly [string, string] {
  const slash = text.indexOf('/');
  return slash < 0 ? [text, ''] : [text.slice(0, slash), text.slice(slash + 1)];
}

const hasOrAll = (values: ReadonlySet<string>, value: string): boolean => values.has(value) || values.has('*');

function isFor([resource, part]: readonly [string, string], asked: string, subresource: string): boolean {
  return (resource === '*' || resource === asked) && (part === '*' || part === subresource);
}

const exempt: ReadonlySet<string> = new Set([
  'ValidatingWebhookConfiguration',
  'MutatingWebhookConfiguration',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionPolicyBinding',
]);

/** What configures admission itself is never asked about: else nobody could take back what refuses everything. */
export function isExempt({ own: { kind } }: Asked): boolean {
  return kind.group === 'admissionregistration.k8s.io' && exempt.has(kind.kind);
}
