/** Jobs: how many indexes may fail, what becomes of pods that do, and when enough have succeeded; as upstream's own tests have it. */
import { make } from '../../testing.ts';
import { testCases, type ValidationCase } from './testing.ts';

const notNegative = 'must be greater than or equal to 0';
const noInteger = (text: string): string => `cannot convert string to integer for index: "${text}"`;
const many = <T>(count: number, item: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => item(index));

const indexed = { 'spec.completionMode': 'Indexed', 'spec.completions': 5, 'spec.parallelism': 1 } as const;
const perIndex = { ...indexed, 'spec.backoffLimitPerIndex': 1 } as const;
const huge = { ...perIndex, 'spec.completions': 100_001 } as const;

const success = 'spec.successPolicy.rules[0]';
const succeeding = (...rules: object[]): ValidationCase['changes'] & object => ({
  ...indexed,
  'spec.successPolicy': { rules: rules as never },
});

const rule = 'spec.podFailurePolicy.rules[0]';
const failing = (...rules: object[]): ValidationCase['changes'] & object => ({
  'spec.podFailurePolicy': { rules: rules as never },
});
const onExit = (operator: string, values: number[], containerName?: string): object => ({
  action: 'FailJob',
  onExitCodes: { operator, values, ...(containerName && { containerName }) },
});
const onCondition = (type: string, status?: string): object => ({
  action: 'Ignore',
  onPodConditions: [{ type, ...(status !== undefined && { status }) }],
});

const counts: ValidationCase[] = [
  { name: 'accepts many pods at once for few indexes', changes: { ...indexed, 'spec.parallelism': 100_000 } },
  {
    name: 'accepts that all of many indexes fail',
    changes: {
      ...perIndex,
      'spec.completions': 100_000,
      'spec.parallelism': 100_000,
      'spec.maxFailedIndexes': 100_000,
    },
  },
  {
    name: 'accepts that some of very many indexes fail',
    changes: {
      ...perIndex,
      'spec.completions': 1_000_000_000,
      'spec.parallelism': 10_000,
      'spec.maxFailedIndexes': 10_000,
    },
  },
  {
    name: 'refuses fewer retries than none',
    changes: { ...indexed, 'spec.backoffLimitPerIndex': -1 },
    errors: [`spec.backoffLimitPerIndex: Invalid value: -1: ${notNegative}`],
  },
  {
    name: 'refuses that fewer than none fail',
    changes: { ...perIndex, 'spec.maxFailedIndexes': -1 },
    errors: [`spec.maxFailedIndexes: Invalid value: -1: ${notNegative}`],
  },
  {
    name: 'refuses that too many fail, by both bounds',
    changes: { ...huge, 'spec.maxFailedIndexes': 100_001 },
    errors: [
      'spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 100000',
      'spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index',
    ],
  },
  {
    name: 'refuses a restart policy that there is not',
    changes: { 'spec.template.spec.restartPolicy': 'Invalid' },
    errors: [
      'spec.template.spec.restartPolicy: Unsupported value: "Invalid": supported values: "Always", "OnFailure", "Never"',
      'spec.template.spec.restartPolicy: Unsupported value: "Invalid": supported values: "OnFailure", "Never"',
    ],
  },
];

const successes: ValidationCase[] = [
  {
    name: 'accepts rules one after the other',
    changes: {
      ...succeeding({ succeededCount: 1, succeededIndexes: '0,2,4' }, { succeededIndexes: '1,3,5-9' }),
      'spec.completions': 10,
    },
  },
  { name: 'accepts no index, as long as none is asked for', changes: succeeding({ succeededIndexes: '' }) },
  {
    name: 'refuses a list that is too long, and a number that is too large',
    changes: succeeding({ succeededIndexes: '1'.repeat(65_537) }),
    errors: [
      `${success}.succeededIndexes: Too long: may not be more than 65536 bytes`,
      `${success}.succeededIndexes: Invalid value: "111…`,
    ],
  },
  {
    name: 'refuses fewer successes than none',
    changes: succeeding({ succeededCount: -1 }),
    errors: [`${success}.succeededCount: Invalid value: -1: ${notNegative}`],
  },
  {
    name: 'refuses more successes than completions',
    changes: succeeding({ succeededCount: 6 }),
    errors: [
      `${success}.succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified completions)`,
    ],
  },
  {
    name: 'refuses more successes than indexes',
    changes: succeeding({ succeededCount: 4, succeededIndexes: '0-2' }),
    errors: [
      `${success}.succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of indexes in the specified succeededIndexes field)`,
    ],
  },
  {
    name: 'refuses more than twenty rules for success',
    changes: succeeding(...many(21, () => ({ succeededCount: 5 }))),
    errors: ['spec.successPolicy.rules: Too many: 21: must have at most 20 items'],
  },
  ...(
    [
      ['invalid-format', noInteger('invalid')],
      ['0,1-3, 4', noInteger(' 4')],
      ['0,0,4', 'non-increasing order, previous: 0, current: 0'],
      ['1-3,0,4', 'non-increasing order, previous: 3, current: 0'],
      ['-1,0', noInteger('')],
      ['0,1-', noInteger('')],
      ['0,,1,3', noInteger('')],
      [
        '0,1--3',
        `the fragment "1--3" violates the requirement that an index interval can have at most two parts separated by '-'`,
      ],
    ] as const
  ).map(([indexes, why]) => ({
    name: `refuses the list ${indexes}`,
    changes: succeeding({ succeededIndexes: indexes }),
    errors: [`${success}.succeededIndexes: Invalid value: "${indexes}": error parsing succeededIndexes: ${why}`],
  })),
];

const failures: ValidationCase[] = [
  {
    name: 'accepts exit codes below zero, as Windows has them',
    changes: failing(onExit('NotIn', [-1073741819, -1073741676, -1073741510])),
  },
  {
    name: 'accepts rules of all kinds, of containers that run first, too',
    changes: {
      ...failing(
        onCondition('DisruptionTarget', 'True'),
        onCondition('CustomConditionType', 'False'),
        { ...onExit('In', [1, 2, 3], 'c'), action: 'Count' },
        { ...onExit('In', [4], 'first'), action: 'Ignore' },
        onExit('NotIn', [5, 6, 7]),
      ),
      'spec.template.spec.containers': [{ name: 'c', image: 'i' }],
      'spec.template.spec.initContainers': [{ name: 'first', image: 'i' }],
    },
  },
  {
    name: 'accepts to fail an index that is counted',
    changes: { ...perIndex, ...failing({ ...onExit('In', [10]), action: 'FailIndex' }) },
  },
  {
    name: 'refuses a code that is named twice',
    changes: failing(onExit('In', [11, 11])),
    errors: [`${rule}.onExitCodes.values[1]: Duplicate value: 11`],
  },
  {
    name: 'names a code as often as it comes again',
    changes: failing(onExit('In', [12, 13, 13, 13])),
    errors: [
      `${rule}.onExitCodes.values[2]: Duplicate value: 13`,
      `${rule}.onExitCodes.values[3]: Duplicate value: 13`,
    ],
  },
  {
    name: 'refuses codes out of order',
    changes: failing(onExit('In', [19, 11])),
    errors: [`${rule}.onExitCodes.values: Invalid value: [19,11]: must be ordered`],
  },
  {
    name: 'refuses more than 255 codes',
    changes: failing(
      onExit(
        'NotIn',
        many(256, (index) => index),
      ),
    ),
    errors: [`${rule}.onExitCodes.values: Too many: 256: must have at most 255 items`],
  },
  {
    name: 'refuses an operator that it does not know',
    changes: failing(onExit('UnknownOperator', [1, 2, 3])),
    errors: [`${rule}.onExitCodes.operator: Unsupported value: "UnknownOperator": supported values: "In", "NotIn"`],
  },
  {
    name: 'refuses more than twenty conditions',
    changes: failing({
      action: 'FailJob',
      onPodConditions: many(21, (index) => ({ type: `CustomType_${index}`, status: 'True' })),
    }),
    errors: [`${rule}.onPodConditions: Too many: 21: must have at most 20 items`],
  },
  {
    name: 'refuses a condition without a type',
    changes: failing(onCondition('', 'True')),
    errors: [
      `${rule}.onPodConditions[0].type: Invalid value: "": name part must be non-empty`,
      `${rule}.onPodConditions[0].type: Invalid value: "": name part must consist of…`,
    ],
  },
  {
    name: 'refuses a condition whose type is no name',
    changes: failing(onCondition('Invalid Condition Type', 'True')),
    errors: [`${rule}.onPodConditions[0].type: Invalid value: "Invalid Condition Type": name part must consist of…`],
  },
  {
    name: 'takes an empty status for True',
    changes: failing(onCondition('DisruptionTarget', '')),
  },
  {
    name: 'refuses a replacement policy that is empty',
    changes: { 'spec.podReplacementPolicy': '' },
    errors: ['spec.podReplacementPolicy: Unsupported value: "": supported values: "Failed", "TerminatingOrFailed"'],
  },
  {
    name: 'refuses containers that restart beside a policy without rules',
    changes: { ...failing(), 'spec.template.spec.restartPolicy': 'OnFailure' },
    errors: [
      'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
    ],
  },
];

testCases([{ resource: 'jobs.batch', valid: make.job(), cases: [...counts, ...successes, ...failures] }]);
