/**
 * How much there is to compile in the rules of one definition. Compiling is done at once, a few microseconds for each character, and nothing
 * else runs meanwhile: so it is bounded, far above what any definition needs. Upstream has no such bound.
 */
import { forbiddenField } from '../../api/field-error.ts';
import type { CustomResourceDefinitionVersion, JSONSchemaProps } from '../../api/schema/types/apiextensions-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { hasRules } from '../../api/structural/has-rules.ts';
import { limits } from '../../lib/limits.ts';

/** What a rule takes, however short it is (characters). */
const ruleCharacters = 100;

export function validateRulesSize(path: string, versions: readonly CustomResourceDefinitionVersion[]): FieldError[] {
  const { definitionRuleCharactersMax: most } = limits;
  let characters = 0;
  for (const { schema } of versions) {
    const root = schema?.openAPIV3Schema;
    if (root !== undefined && hasRules(root)) characters += charactersIn(root);
  }
  if (characters <= most) return [];
  const why = `x-kubernetes-validations may have at most ${most} characters in all, where each rule counts for ${ruleCharacters} more`;
  return [forbiddenField(path, why)];
}

function charactersIn(schema: JSONSchemaProps): number {
  let characters = 0;
  for (const { rule, messageExpression } of schema['x-kubernetes-validations'] ?? []) {
    characters += ruleCharacters + (rule?.length ?? 0) + (messageExpression?.length ?? 0);
  }
  for (const child of childrenOf(schema)) characters += charactersIn(child);
  return characters;
}

function* childrenOf({ items, additionalProperties, properties }: JSONSchemaProps): Generator<JSONSchemaProps> {
  if (typeof items === 'object' && !Array.isArray(items)) yield items as JSONSchemaProps;
  if (typeof additionalProperties === 'object') yield additionalProperties;
  if (properties !== undefined) yield* Object.values(properties);
}
