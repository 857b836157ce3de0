/**
 * The nodes of a schema that have rules or lead to some: what an evaluation walks over, and nothing else. Made when a kind is first written,
 * kept by the root's identity. Whether there are rules is asked of the schema as it was written, so that of a large schema without any no
 * node is made.
 *
 * Left out, as upstream does: fields whose values expressions cannot see, with all that is in them.
 */
import { structuralType } from '../../api/cel/structural-types.ts';
import { hasRules } from '../../api/structural/has-rules.ts';
import type { Structural } from '../../api/structural/structural.ts';
import type { CelType } from '../../lib/cel/types.ts';
import { type CompiledRule, compiledRules } from './compiled-rules.ts';

export class RuleNode {
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
    return this.schema.rules.length === 0 ? [] : compiledRules(this.schema, this.isRoot);
  }
}

const kept = {
  root: new WeakMap<Structural, RuleNode | 'none'>(),
  inner: new WeakMap<Structural, RuleNode | 'none'>(),
};

/** `isRoot`: of whole objects. Undefined: there are no rules. */
export function ruleTree(schema: Structural, isRoot = true): RuleNode | undefined {
  const trees = isRoot ? kept.root : kept.inner;
  let tree = trees.get(schema);
  if (tree === undefined) trees.set(schema, (tree = hasRules(schema.source) ? new RuleNode(schema, isRoot) : 'none'));
  return tree === 'none' ? undefined : tree;
}

function innerNode(schema: Structural): RuleNode | undefined {
  if (!hasRules(schema.source) || structuralType(schema) === undefined) return undefined;
  return new RuleNode(schema, schema.embeddedResource);
}

const none: ReadonlyMap<string, RuleNode> = new Map();

function propertyNodes(schema: Structural): ReadonlyMap<string, RuleNode> {
  const nodes = new Map<string, RuleNode>();
  for (const [name, source] of Object.entries(schema.source.properties ?? {})) {
    if (!hasRules(source)) continue;
    const property = schema.properties.get(name);
    const node = property && innerNode(property);
    if (node !== undefined) nodes.set(name, node);
  }
  return nodes.size === 0 ? none : nodes;
}
