/** PriorityLevelConfigurations: how many requests of a priority may be under way, and wait. Two are the cluster's own. */
import { forbiddenField, invalidValue, required } from '../../api/field-error.ts';
import type {
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
} from '../../api/schema/types/flowcontrol-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { requiredOneOf } from './checks.ts';
import { fixedOf, validateFlowConditions } from './flow-control.ts';

const queuesMax = 10_000_000;
/** Of the hash that deals a flow its hand of queues. */
const hashBits = 60;

const fixedLevels: Readonly<Record<string, object | undefined>> = {
  exempt: { type: 'Exempt' },
  'catch-all': {
    type: 'Limited',
    limited: { nominalConcurrencyShares: 5, limitResponse: { type: 'Reject' }, lendablePercent: 0 },
  },
};

export function validatePriorityLevel({ metadata, spec, status }: PriorityLevelConfiguration): FieldError[] {
  const name = metadata?.name;
  return [
    ...validateAnnotations(metadata?.annotations),
    ...validateLevelSpec(name, spec ?? { type: '' }),
    ...validateFixedLevel(name, spec),
    ...validateFlowConditions(status?.conditions),
  ];
}

/** It told zero from absent in an old version, and has no place in this one. */
const zeroShares = 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares';

function validateAnnotations(annotations: Readonly<Record<string, string>> | undefined): FieldError[] {
  if (annotations?.[zeroShares] === undefined) return [];
  return [forbiddenField('metadata.annotations', `annotation '${zeroShares}' is forbidden`)];
}

/** How much the exempt level lends and is reckoned at is the administrator's to say. */
function validateFixedLevel(name: string | undefined, spec: PriorityLevelConfigurationSpec | undefined): FieldError[] {
  const fixed = fixedOf(fixedLevels, name);
  if (fixed === undefined) return [];
  const { exempt: _exempt, ...rest } = spec ?? {};
  if (sameJson(name === 'exempt' ? rest : spec, fixed)) return [];
  const save = name === 'exempt' ? " except the 'spec.exempt' field" : '';
  return [invalidValue('spec', spec ?? null, `spec of '${name}'${save} must equal the fixed value`)];
}

function validateLevelSpec(name: string | undefined, spec: PriorityLevelConfigurationSpec): FieldError[] {
  const { type, limited, exempt } = spec;
  const errors: FieldError[] = [];
  if ((name === 'exempt') !== (type === 'Exempt')) {
    errors.push(invalidValue('spec.type', type ?? '', "must be 'Exempt' if and only if `name` is 'exempt'"));
  }
  if (type === 'Exempt') {
    if (limited) errors.push(forbiddenField('spec.limited', 'must be nil if the type is not Limited'));
    errors.push(...notBelowZero('spec.exempt.nominalConcurrencyShares', exempt?.nominalConcurrencyShares));
    errors.push(...percentage('spec.exempt.lendablePercent', exempt?.lendablePercent));
  } else if (type === 'Limited') {
    if (exempt) errors.push(forbiddenField('spec.exempt', 'must be nil if the type is Limited'));
    if (limited) errors.push(...validateLimited('spec.limited', limited));
    else errors.push(required('spec.limited', 'must not be empty when type is Limited'));
  } else errors.push(...requiredOneOf('spec.type', type, ['Exempt', 'Limited']));
  return errors;
}

function notBelowZero(path: string, value: number | undefined): FieldError[] {
  return (value ?? 0) < 0 ? [invalidValue(path, value, 'must be a non-negative integer')] : [];
}

function percentage(path: string, value: number | undefined): FieldError[] {
  return (value ?? 0) < 0 || (value ?? 0) > 100
    ? [invalidValue(path, value, 'must be between 0 and 100, inclusive')]
    : [];
}

function validateLimited(path: string, limited: LimitedPriorityLevelConfiguration): FieldError[] {
  const { borrowingLimitPercent: borrowed } = limited;
  return [
    ...notBelowZero(`${path}.nominalConcurrencyShares`, limited.nominalConcurrencyShares),
    ...validateLimitResponse(`${path}.limitResponse`, limited.limitResponse ?? { type: '' }),
    ...percentage(`${path}.lendablePercent`, limited.lendablePercent),
    ...((borrowed ?? 0) < 0
      ? [invalidValue(`${path}.borrowingLimitPercent`, borrowed, 'if specified, must be a non-negative integer')]
      : []),
  ];
}

function validateLimitResponse(path: string, { type, queuing }: LimitResponse): FieldError[] {
  const at = `${path}.queuing`;
  if (type === 'Reject') {
    return queuing ? [forbiddenField(at, 'must be nil if limited.limitResponse.type is not Limited')] : [];
  }
  if (type !== 'Queue') return requiredOneOf(`${path}.type`, type, ['Queue', 'Reject']);
  if (queuing) return validateQueuing(at, queuing);
  return [required(at, 'must not be empty if limited.limitResponse.type is Limited')];
}

function validateQueuing(path: string, queuing: QueuingConfiguration): FieldError[] {
  const { queues = 0, handSize = 0, queueLengthLimit = 0 } = queuing;
  const errors: FieldError[] = [];
  const refuse = (field: string, value: number, why: string): number =>
    errors.push(invalidValue(`${path}.${field}`, value, why));
  if (queueLengthLimit <= 0) refuse('queueLengthLimit', queueLengthLimit, 'must be positive');
  if (queues <= 0) refuse('queues', queues, 'must be positive');
  else if (queues > queuesMax) refuse('queues', queues, `must not be greater than ${queuesMax}`);
  if (handSize <= 0) refuse('handSize', handSize, 'must be positive');
  else if (handSize > queues) refuse('handSize', handSize, `should not be greater than queues (${queues})`);
  else if (entropyBits(queues, handSize) > hashBits) {
    const what = `required entropy bits of deckSize ${queues} and handSize ${handSize}`;
    refuse('handSize', handSize, `${what} should not be greater than ${hashBits}`);
  }
  return errors;
}

/** How many bits it takes to deal `handSize` cards of `deckSize`, as upstream reckons. */
function entropyBits(deckSize: number, handSize: number): number {
  return Math.ceil(Math.log2(deckSize) * handSize);
}
