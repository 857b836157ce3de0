/**
 * All that the values of a custom resource have to be, in upstream's order: the schema's keywords, what scale reads, objects inside, sets and maps,
 * and at last the schema's rules (`x-kubernetes-validations`), which are not asked about values whose form is wrong.
 *
 * Of an update, what was wrong before and did not change is let pass (KEP-4008): keywords part by part, sets and maps as a whole.
 */
import type { CustomDefinition } from '../../api/custom-definition.ts';
import { invalidValue } from '../../api/field-error.ts';
import type { JsonObject, JsonValue, KubeObject } from '../../api/object.ts';
import type { FieldError } from '../../api/status-error.ts';
import { hasRules } from '../../api/structural/has-rules.ts';
import type { Structural } from '../../api/structural/structural.ts';
import { Correlation } from '../../api/structural/validate/correlation.ts';
import { validatorOf } from '../../api/structural/validate/schema-validator.ts';
import { innerErrors } from './inner-rules.ts';
import { scaleSpecErrors, scaleStatusErrors } from './scale-fields.ts';

/** `old` and `correlation` are undefined for a new object. */
export type RuleEvaluator = (
  structural: Structural,
  value: JsonObject,
  old: JsonObject | undefined,
  correlation: Correlation | undefined,
) => FieldError[];

/** A whole object in the definition's version; metadata was checked already. */
export function validateCustom(
  { structural, scale }: CustomDefinition,
  object: KubeObject,
  old?: KubeObject,
  rules?: RuleEvaluator,
): FieldError[] {
  const value = object as unknown as JsonObject;
  const before = old as unknown as JsonObject | undefined;
  const correlation = structural && before && new Correlation(structural, value, before);
  const keywords = structural ? keywordErrors(structural, '', value, correlation) : [];
  const scaling = scale ? [...scaleSpecErrors(scale, value), ...scaleStatusErrors(scale, value)] : [];
  const inner = structural ? innerErrors(structural, value) : { embedded: [], lists: [] };
  const errors = [...keywords, ...scaling, ...inner.embedded, ...newOnly(structural, inner.lists, before)];
  if (structural === undefined || rules === undefined || !hasRules(structural.source)) return errors;
  return withRules(errors, () => rules(structural, value, before, correlation));
}

/** An update of the status alone: errors of keywords are worded as if it were an object of its own, as upstream. */
export function validateCustomStatus(
  { structural, scale }: CustomDefinition,
  object: KubeObject,
  old: KubeObject,
  rules?: RuleEvaluator,
): FieldError[] {
  const value = object as unknown as JsonObject;
  const before = old as unknown as JsonObject;
  const correlation = structural && new Correlation(structural, value, before);
  const status = structural?.properties.get('status');
  const written = value['status'];
  const keywords =
    status && written !== undefined ? keywordErrors(status, 'status', written, correlation?.field('status')) : [];
  const scaling = scale ? scaleStatusErrors(scale, value) : [];
  const lists = structural ? innerErrors(structural, value).lists : [];
  const errors = [...keywords, ...scaling, ...newOnly(structural, lists, before)];
  if (structural === undefined || rules === undefined || !hasRules(structural.source)) return errors;
  return withRules(errors, () => rules(structural, value, before, correlation));
}

/** Most values are as they should be: only of others it matters what stood there before. */
function keywordErrors({ source }: Structural, path: string, value: JsonValue, before?: Correlation): FieldError[] {
  const outcome = validatorOf(source).validate('', value);
  if (outcome.isValid || before === undefined) return outcome.errors(path);
  return validatorOf(source).validate('', value, before).errors(path);
}

function newOnly(structural: Structural | undefined, errors: FieldError[], old: JsonObject | undefined): FieldError[] {
  if (errors.length === 0 || structural === undefined || old === undefined) return errors;
  return innerErrors(structural, old).lists.length > 0 ? [] : errors;
}

const blocking: ReadonlySet<FieldError['reason']> = new Set<FieldError['reason']>([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

const notChecked =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

function withRules(errors: FieldError[], ask: () => FieldError[]): FieldError[] {
  if (errors.some(({ reason }) => blocking.has(reason))) return [...errors, invalidValue('<nil>', null, notChecked)];
  return [...errors, ...ask()];
}
