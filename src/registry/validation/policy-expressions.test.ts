import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ValidatingAdmissionPolicySpec } from '../../api/schema/types/admissionregistration-v1.ts';
import { validateMutatingPolicy, validateValidatingPolicy } from './policies.ts';

const matchConstraints = {
  matchPolicy: 'Equivalent',
  namespaceSelector: {},
  objectSelector: {},
  resourceRules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] }],
} as const;

/** As an earlier release may have taken it: none of its expressions compiles. */
const broken: ValidatingAdmissionPolicySpec = {
  failurePolicy: 'Fail',
  matchConstraints,
  matchConditions: [{ name: 'c', expression: 'old(condition)' }],
  variables: [{ name: 'v', expression: 'old(variable)' }],
  validations: [{ expression: 'old(validation)', messageExpression: 'old(message)' }],
  auditAnnotations: [{ key: 'k', valueExpression: 'old(annotation)' }],
};

const fieldsOf = (spec: ValidatingAdmissionPolicySpec, old?: ValidatingAdmissionPolicySpec): string[] => {
  const metadata = { name: 'p' };
  const errors = validateValidatingPolicy({ metadata, spec }, old && { metadata, spec: old });
  return errors.map(({ field }) => field);
};
const all = [
  'spec.matchConditions[0].expression',
  'spec.variables[0].expression',
  'spec.validations[0].expression',
  'spec.validations[0].messageExpression',
  'spec.auditAnnotations[0].valueExpression',
];

void describe('expressions of policies that stood already', () => {
  void test('are refused where they are new', () => assert.deepEqual(fieldsOf(broken), all));

  void test('stay possible where something else changes', () => {
    assert.deepEqual(fieldsOf({ ...broken, failurePolicy: 'Ignore' }, broken), []);
    const moved = [{ expression: 'true' }, ...(broken.validations ?? [])];
    assert.deepEqual(fieldsOf({ ...broken, validations: moved }, broken), []);
  });

  void test('stay possible in their own role alone', () => {
    const validations = [{ expression: 'old(variable)' }];
    assert.deepEqual(fieldsOf({ ...broken, validations }, broken), ['spec.validations[0].expression']);
  });

  void test('are looked at anew where parameters or variables are others', () => {
    const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' };
    assert.deepEqual(fieldsOf({ ...broken, paramKind }, broken), all);
    const variables = [{ name: 'v', expression: '1' }];
    assert.deepEqual(
      fieldsOf({ ...broken, variables }, broken),
      all.filter((field) => !/variables|matchConditions/.test(field)),
    );
  });

  void test('are the same for mutations', () => {
    const metadata = { name: 'p' };
    const spec = {
      failurePolicy: 'Fail',
      reinvocationPolicy: 'Never',
      matchConstraints,
      mutations: [
        { patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'old(configuration)' } },
        { patchType: 'JSONPatch', jsonPatch: { expression: 'old(patch)' } },
      ],
    } as const;
    assert.deepEqual(
      validateMutatingPolicy({ metadata, spec }).map(({ field }) => field),
      ['spec.mutations[0].applyConfiguration.expression', 'spec.mutations[1].jsonPatch.expression'],
    );
    const later = { ...spec, failurePolicy: 'Ignore' } as const;
    assert.deepEqual(validateMutatingPolicy({ metadata, spec: later }, { metadata, spec }), []);
  });
});

void describe('policies of too many expressions', () => {
  const spec: ValidatingAdmissionPolicySpec = { failurePolicy: 'Fail', matchConstraints };
  const errorsOf = (validations: { readonly expression: string }[]): string[] => {
    const errors = validateValidatingPolicy({ metadata: { name: 'p' }, spec: { ...spec, validations } });
    return errors.map(({ field, message }) => `${field}: ${message}`);
  };

  void test('are refused by their number', () => {
    const many = (count: number): string[] => errorsOf(Array.from({ length: count }, () => ({ expression: 'true' })));
    assert.deepEqual(many(1_000), []);
    assert.deepEqual(many(1_001), ['spec: Too many: 1001: must have at most 1000 items']);
  });

  void test('are refused by their length together', () => {
    const long = (characters: number) => ({ expression: `'${'x'.repeat(characters - 8)}' == ''` });
    assert.deepEqual(errorsOf([long(64 * 1024), long(64 * 1024 - 1)]), []);
    assert.deepEqual(errorsOf([long(64 * 1024), long(64 * 1024), { expression: 'true' }]), [
      'spec: Invalid value: must not have expressions of more than 131072 characters together',
    ]);
  });
});
