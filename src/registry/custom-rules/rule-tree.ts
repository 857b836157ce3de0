/**
 * The nodes of a schema that have rules or lead to some: what an evaluation walks over, and nothing else. Made when a kind is first written,
 * kept by the root's identity, so that a definition that does not change keeps what was compiled of it, while there is room: beyond
 * `limits.compiledRulesKeptMax` rules, the kinds that were not written for longest are compiled again. Whether there are rules is asked of
 * the schema as it was written, so that of a large schema without any no node is made.
 *
 * Left out, as upstream does: fields whose values expressions cannot see, with all that is in them.
 */
import { structuralType } from '../../api/cel/structural-types.ts';
import { hasRules } from '../../api/structural/has-rules.ts';
import type { Structural } from '../../api/structural/structural.ts';
import type { CelType } from '../../lib/cel/types.ts';
import { limits } from '../../lib/limits.ts';
import { type CompiledRule, compiledRules } from './compiled-rules.ts';

const none: { readonly nodes: ReadonlyMap<string, RuleNode>; readonly rules: readonly CompiledRule[] } = {
  nodes: new Map(),
  rules: [],
};

export class RuleNode {
  #rules: readonly CompiledRule[] | undefined;
  readonly schema: Structural;
  readonly isRoot: boolean;
  readonly properties: ReadonlyMap<string, RuleNode>;
  readonly values: RuleNode | undefined;
  readonly items: RuleNode | undefined;

  constructor(schema: Structural, isRoot: boolean) {
    this.schema = schema;
    this.isRoot = isRoot;
    this.properties = propertyNodes(schema);
    const { additionalProperties, items } = schema;
    this.values = typeof additionalProperties === 'object' ? innerNode(additionalProperties) : undefined;
    this.items = items && innerNode(items);
  }

  get type(): CelType | undefined {
    return structuralType(this.schema, this.isRoot);
  }

  get rules(): readonly CompiledRule[] {
    this.#rules ??= this.schema.rules.length === 0 ? none.rules : compiledRules(this.schema, this.isRoot);
    return this.#rules;
  }

  /** With those inside. */
  get ruleCount(): number {
    let count = this.schema.rules.length + (this.values?.ruleCount ?? 0) + (this.items?.ruleCount ?? 0);
    for (const property of this.properties.values()) count += property.ruleCount;
    return count;
  }
}

const kept = { root: new WeakMap<Structural, RuleNode>(), inner: new WeakMap<Structural, RuleNode>() };
/** With how many rules; the one used last is last. */
const inUse = new Map<RuleNode, number>();
let rulesKept = 0;
let usedLast: RuleNode | undefined;

/** `isRoot`: of whole objects. Undefined: there are no rules. */
export function ruleTree(schema: Structural, isRoot = true): RuleNode | undefined {
  if (!hasRules(schema.source)) return undefined;
  const trees = isRoot ? kept.root : kept.inner;
  let tree = trees.get(schema);
  if (tree === undefined) trees.set(schema, (tree = new RuleNode(schema, isRoot)));
  if (tree !== usedLast) use(tree);
  return tree;
}

function use(tree: RuleNode): void {
  usedLast = tree;
  const count = inUse.get(tree) ?? tree.ruleCount;
  if (!inUse.delete(tree)) rulesKept += count;
  inUse.set(tree, count);
  for (const [oldest, its] of inUse) {
    if (rulesKept <= limits.compiledRulesKeptMax || oldest === tree) return;
    inUse.delete(oldest);
    (oldest.isRoot ? kept.root : kept.inner).delete(oldest.schema);
    rulesKept -= its;
  }
}

function innerNode(schema: Structural): RuleNode | undefined {
  if (!hasRules(schema.source) || structuralType(schema) === undefined) return undefined;
  return new RuleNode(schema, schema.embeddedResource);
}

function propertyNodes(schema: Structural): ReadonlyMap<string, RuleNode> {
  const nodes = new Map<string, RuleNode>();
  for (const [name, source] of Object.entries(schema.source.properties ?? {})) {
    if (!hasRules(source)) continue;
    const property = schema.properties.get(name);
    const node = property && innerNode(property);
    if (node !== undefined) nodes.set(name, node);
  }
  return nodes.size === 0 ? none.nodes : nodes;
}
