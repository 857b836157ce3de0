/** A default in a schema must keep the rules beside it: as a value that stood already, and as one that is new. All defaults share a budget. */
import type { JsonValue } from '../../api/object.ts';
import type { FieldError } from '../../api/status-error.ts';
import type { Structural } from '../../api/structural/structural.ts';
import { evaluateRules, ruleBudget } from './evaluate-rules.ts';

export function defaultRules(): (path: string, node: Structural, value: JsonValue) => FieldError[] {
  const budget = ruleBudget();
  return (path, node, value) => {
    const context = { path, isRoot: node.embeddedResource, budget };
    const errors = evaluateRules(node, value, value, context);
    return errors.length > 0 ? errors : evaluateRules(node, value, undefined, context);
  };
}
