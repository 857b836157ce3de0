/** How objects of custom kinds are written: alike for all, but for what the definition of each says. */
import type { CustomDefinition } from '../../api/custom-definition.ts';
import type { JsonValue, KubeObject } from '../../api/object.ts';
import { evaluateRules } from '../custom-rules/evaluate-rules.ts';
import { type RuleEvaluator, validateCustom, validateCustomStatus } from '../custom-values/validate-custom.ts';
import type { FieldReader, Strategy, StrategyContext } from '../strategy.ts';

/** What does not hold for parts that did not change is told, and let pass. */
function rulesFor(context: StrategyContext | undefined): RuleEvaluator {
  return (structural, value, old, correlation) =>
    evaluateRules(structural, value, old, { correlation, warn: (text) => context?.warn(text) });
}

export function customStrategyOf(definition: CustomDefinition): Strategy {
  const { selectableFields } = definition;
  return {
    generation: true,
    allowUnconditionalUpdate: false,
    validate: (object, old, context) => validateCustom(definition, object, old, rulesFor(context)),
    validateStatusUpdate: (object, old, context) => validateCustomStatus(definition, object, old, rulesFor(context)),
    // Upstream names them without the first dot.
    fields: Object.fromEntries(selectableFields.map((path) => [path.slice(1), readerOf(path)])),
  };
}

/** The field as a selector writes it; empty where there is none. */
function readerOf(jsonPath: string): FieldReader {
  const steps = jsonPath.slice(1).split('.');
  return (object: KubeObject) => {
    let value = object as unknown as JsonValue | undefined;
    for (const step of steps) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return '';
      value = Object.hasOwn(value, step) ? value[step] : undefined;
    }
    return value === undefined || value === null || typeof value === 'object' ? '' : String(value);
  };
}
