/** Jobs and CronJobs. */
import { make } from '../../testing.ts';
import { type CaseTable, testCases } from './testing.ts';

const notNegative = 'must be greater than or equal to 0';
const indexed = { 'spec.completionMode': 'Indexed', 'spec.completions': 4, 'spec.parallelism': 2 } as const;
const container = { name: 'c', image: 'i' };
const policy = 'spec.podFailurePolicy.rules[0]';
const success = 'spec.successPolicy.rules[0]';
const onExit = { operator: 'In', values: [1, 2] };
const failJob = { action: 'FailJob', onExitCodes: onExit };

const jobs: CaseTable = {
  resource: 'jobs.batch',
  valid: make.job(),
  cases: [
    ...(
      ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished'] as const
    ).map((field) => ({
      name: `refuses a negative ${field}`,
      changes: { [`spec.${field}`]: -1 },
      errors: [`spec.${field}: Invalid value: -1: ${notNegative}`],
    })),
    {
      name: 'refuses pods that never end',
      changes: { 'spec.template.spec.restartPolicy': 'Always' },
      errors: ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    },
    {
      name: 'refuses a template that does not say whether pods end',
      changes: { 'spec.template.spec.restartPolicy': undefined },
      errors: ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    },
    {
      name: 'refuses a mode that it does not know',
      changes: { 'spec.completionMode': 'Some' },
      errors: ['spec.completionMode: Unsupported value: "Some": supported values: "NonIndexed", "Indexed"'],
    },
    {
      name: 'refuses an indexed job without a count',
      changes: { 'spec.completionMode': 'Indexed', 'spec.parallelism': 2 },
      errors: ['spec.completions: Required value: when completion mode is Indexed'],
    },
    { name: 'accepts an indexed job', changes: indexed },
    {
      name: 'refuses an indexed job that runs too many pods at once',
      changes: { ...indexed, 'spec.parallelism': 100_001 },
      errors: [
        'spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed',
      ],
    },
    {
      name: 'refuses an indexed job whose pods would have no host name',
      changes: { ...indexed, 'metadata.name': 'a.b' },
      errors: ['metadata.name: Invalid value: "a.b": will not able to create pod with invalid DNS label: a.b-3'],
    },
    {
      name: 'refuses bounds for indexes where there are none',
      changes: { 'spec.backoffLimitPerIndex': 1, 'spec.maxFailedIndexes': 1 },
      errors: [
        'spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode',
        'spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode',
      ],
    },
    {
      name: 'refuses a bound on failed indexes without one for each',
      changes: { ...indexed, 'spec.maxFailedIndexes': 2 },
      errors: ['spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified'],
    },
    {
      name: 'refuses that more indexes fail than there are',
      changes: { ...indexed, 'spec.backoffLimitPerIndex': 1, 'spec.maxFailedIndexes': 5 },
      errors: ['spec.maxFailedIndexes: Invalid value: 5: must be less than or equal to completions'],
    },
    {
      name: 'wants a bound on failures in a very large job',
      changes: { ...indexed, 'spec.completions': 100_001, 'spec.backoffLimitPerIndex': 1 },
      errors: ['spec.maxFailedIndexes: Required value: must be specified when completions is above 100000'],
    },
    {
      name: 'wants it to be low, and the pods at once to be few',
      changes: {
        ...indexed,
        'spec.completions': 100_001,
        'spec.parallelism': 10_001,
        'spec.backoffLimitPerIndex': 1,
        'spec.maxFailedIndexes': 10_001,
      },
      errors: [
        'spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index',
        'spec.maxFailedIndexes: Invalid value: 10001: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index',
      ],
    },
    { name: 'accepts another controller', changes: { 'spec.managedBy': 'kueue.x-k8s.io/multikueue' } },
    {
      name: 'refuses a controller without a domain',
      changes: { 'spec.managedBy': 'mine' },
      errors: ['spec.managedBy: Invalid value: "mine": must be a domain-prefixed path (such as "acme.io/foo")'],
    },
    {
      name: 'refuses a controller with too long a name',
      changes: { 'spec.managedBy': `example.com/${'a'.repeat(60)}` },
      errors: ['spec.managedBy: Too long: may not be more than 63 bytes'],
    },
    {
      name: 'refuses a controller whose domain is none',
      changes: { 'spec.managedBy': 'EXAMPLE.com/a' },
      errors: ['spec.managedBy: Invalid value: "EXAMPLE.com": a lowercase RFC 1123 subdomain must consist…'],
    },
    {
      name: 'refuses another controller later',
      changes: { 'spec.managedBy': 'example.com/a' },
      update: { 'spec.managedBy': 'example.com/b' },
      errors: ['spec.managedBy: Invalid value: "example.com/b": field is immutable'],
    },
    { name: 'accepts a policy for failed pods', changes: { 'spec.podFailurePolicy': { rules: [failJob] } } },
    {
      name: 'refuses such a policy where containers restart',
      changes: { 'spec.podFailurePolicy': { rules: [failJob] }, 'spec.template.spec.restartPolicy': 'OnFailure' },
      errors: [
        'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
      ],
    },
    {
      name: 'refuses a rule without an action',
      changes: { 'spec.podFailurePolicy': { rules: [{ onExitCodes: onExit }] } },
      errors: [`${policy}.action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]`],
    },
    {
      name: 'refuses an action that it does not know',
      changes: { 'spec.podFailurePolicy': { rules: [{ action: 'Cry', onExitCodes: onExit }] } },
      errors: [
        `${policy}.action: Unsupported value: "Cry": supported values: "Count", "FailIndex", "FailJob", "Ignore"`,
      ],
    },
    {
      name: 'refuses to fail an index that is not counted',
      changes: { 'spec.podFailurePolicy': { rules: [{ action: 'FailIndex', onExitCodes: onExit }] } },
      errors: [`${policy}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set`],
    },
    {
      name: 'refuses a rule about nothing',
      changes: { 'spec.podFailurePolicy': { rules: [{ action: 'Ignore' }] } },
      errors: [`${policy}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required`],
    },
    {
      name: 'refuses a rule about both',
      changes: {
        'spec.podFailurePolicy': { rules: [{ ...failJob, onPodConditions: [{ type: 'Ready', status: 'True' }] }] },
      },
      errors: [`${policy}: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported`],
    },
    {
      name: 'refuses exit codes that are not in order, zero or named twice',
      changes: {
        'spec.podFailurePolicy': {
          rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [3, 0, 3] } }],
        },
      },
      errors: [
        `${policy}.onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator`,
        `${policy}.onExitCodes.values[2]: Duplicate value: 3`,
        `${policy}.onExitCodes.values: Invalid value: [3,0,3]: must be ordered`,
      ],
    },
    {
      name: 'refuses exit codes without values, operator and container',
      changes: {
        'spec.podFailurePolicy': {
          rules: [{ action: 'FailJob', onExitCodes: { values: [], containerName: 'other' } }],
        },
      },
      errors: [
        `${policy}.onExitCodes.operator: Required value: valid values: ["In" "NotIn"]`,
        `${policy}.onExitCodes.containerName: Invalid value: "other": must be one of the container or initContainer names in the pod template`,
        `${policy}.onExitCodes.values: Invalid value: []: at least one value is required`,
      ],
    },
    {
      name: 'accepts a condition without a status, which is True',
      changes: { 'spec.podFailurePolicy': { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'Ready' }] }] } },
    },
    {
      name: 'refuses a condition that says neither yes nor no',
      changes: {
        'spec.podFailurePolicy': {
          rules: [{ action: 'Ignore', onPodConditions: [{ type: 'Ready', status: 'Maybe' }] }],
        },
      },
      errors: [
        `${policy}.onPodConditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"`,
      ],
    },
    {
      name: 'refuses more than twenty rules',
      changes: { 'spec.podFailurePolicy': { rules: Array.from({ length: 21 }, () => failJob) } },
      errors: ['spec.podFailurePolicy.rules: Too many: 21: must have at most 20 items'],
    },
    {
      name: 'refuses to replace ending pods beside a policy for failed ones',
      changes: {
        'spec.podFailurePolicy': { rules: [failJob] },
        'spec.podReplacementPolicy': 'TerminatingOrFailed',
      },
      errors: ['spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"'],
    },
    {
      name: 'refuses a replacement that it does not know',
      changes: { 'spec.podReplacementPolicy': 'Soon' },
      errors: [
        'spec.podReplacementPolicy: Unsupported value: "Soon": supported values: "Failed", "TerminatingOrFailed"',
      ],
    },
    {
      name: 'accepts a policy for success',
      changes: { ...indexed, 'spec.successPolicy': { rules: [{ succeededIndexes: '0,2-3', succeededCount: 2 }] } },
    },
    {
      name: 'refuses it without indexes',
      changes: { 'spec.successPolicy': { rules: [{ succeededCount: 1 }] } },
      errors: [
        'spec.successPolicy: Invalid value: {"Rules":[{"SucceededIndexes":null,"SucceededCount":1}]}: requires indexed completion mode',
      ],
    },
    {
      name: 'refuses it without rules',
      changes: { ...indexed, 'spec.successPolicy': { rules: [] } },
      errors: [
        'spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified',
      ],
    },
    {
      name: 'refuses a rule that says nothing',
      changes: { ...indexed, 'spec.successPolicy': { rules: [{}] } },
      errors: [`${success}: Required value: at least one of succeededCount or succeededIndexes must be specified`],
    },
    {
      name: 'refuses more successes than there are indexes',
      changes: { ...indexed, 'spec.successPolicy': { rules: [{ succeededIndexes: '1-2', succeededCount: 5 }] } },
      errors: [
        `${success}.succeededCount: Invalid value: 5: must be less than or equal to 4 (the number of specified completions)`,
        `${success}.succeededCount: Invalid value: 5: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)`,
      ],
    },
    ...(
      [
        ['1,0', 'non-increasing order, previous: 1, current: 0'],
        ['2-2', 'non-increasing order, previous: 2, current: 2'],
        ['0-4', 'too large index: "4"'],
        ['x', 'cannot convert string to integer for index: "x"'],
        [
          '1-2-3',
          'the fragment "1-2-3" violates the requirement that an index interval can have at most two parts separated by \'-\'',
        ],
      ] as const
    ).map(([indexes, why]) => ({
      name: `refuses the indexes ${indexes}`,
      changes: { ...indexed, 'spec.successPolicy': { rules: [{ succeededIndexes: indexes }] } },
      errors: [`${success}.succeededIndexes: Invalid value: "${indexes}": error parsing succeededIndexes: ${why}`],
    })),
    {
      name: 'refuses labels of its own that say something else',
      changes: { 'spec.template.metadata': { labels: { 'job-name': 'other' } } },
      errors: [
        'spec.template.metadata.labels: Invalid value: {"job-name":"other","batch.kubernetes.io/job-name":"once","controller-uid":…',
      ],
    },
    {
      name: 'refuses a selector where it makes its own',
      changes: {
        'spec.selector': { matchLabels: { app: 'web' } },
        'spec.template.metadata': { labels: { app: 'web' } },
      },
      errors: ['spec.selector: Invalid value: {"matchLabels":{"batch.kubernetes.io/controller-uid":…'],
    },
    {
      name: 'accepts a selector by hand',
      changes: {
        'spec.manualSelector': true,
        'spec.selector': { matchLabels: { app: 'web' } },
        'spec.template.metadata': { labels: { app: 'web' } },
      },
    },
    {
      name: 'refuses a selector by hand that is not there',
      changes: { 'spec.manualSelector': true, 'spec.template.metadata': { labels: { app: 'web' } } },
      errors: [
        'spec.selector: Required value',
        'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
      ],
    },
    {
      name: 'accepts more pods at once',
      update: { 'spec.parallelism': 3, 'spec.backoffLimit': 1, 'spec.suspend': true },
    },
    {
      name: 'refuses another count',
      update: { 'spec.completions': 2 },
      errors: ['spec.completions: Invalid value: 2: field is immutable'],
    },
    {
      name: 'accepts an indexed job that grows as a whole',
      changes: indexed,
      update: { 'spec.completions': 6, 'spec.parallelism': 6 },
    },
    {
      name: 'refuses one that grows in part',
      changes: indexed,
      update: { 'spec.completions': 6 },
      errors: ['spec.completions: Invalid value: 6: can only be modified in tandem with spec.parallelism'],
    },
    {
      name: 'refuses another mode',
      update: { 'spec.completionMode': 'Indexed' },
      errors: ['spec.completionMode: Invalid value: "Indexed": field is immutable'],
    },
    {
      name: 'refuses another image',
      update: { 'spec.template.spec.containers[0].image': 'other' },
      errors: ['spec.template: Invalid value: {…'],
    },
    {
      name: 'refuses another place for its pods while it runs',
      update: { 'spec.template.spec.nodeSelector': { disk: 'ssd' } },
      errors: ['spec.template: Invalid value: {…'],
    },
    {
      name: 'accepts another place while it sleeps',
      changes: { 'spec.suspend': true },
      update: {
        'spec.template.spec.nodeSelector': { disk: 'ssd' },
        'spec.template.spec.tolerations': [{ key: 'gpu', operator: 'Exists' }],
        'spec.template.metadata.annotations': { a: 'b' },
      },
    },
    {
      name: 'accepts other resources while it sleeps',
      changes: { 'spec.suspend': true },
      update: { 'spec.template.spec.containers[0].resources': { requests: { cpu: '2' } } },
    },
    {
      name: 'refuses another image while it sleeps',
      changes: { 'spec.suspend': true },
      update: { 'spec.template.spec.containers[0].image': 'other' },
      errors: ['spec.template.spec: Invalid value: {…'],
    },
    {
      name: 'refuses another policy for failed pods',
      changes: { 'spec.podFailurePolicy': { rules: [failJob] } },
      update: { 'spec.podFailurePolicy.rules[0].action': 'Count' },
      errors: [
        'spec.podFailurePolicy: Invalid value: {"Rules":[{"Action":"Count","OnExitCodes":{"ContainerName":null,"Operator":"In","Values":[1,2]},"OnPodConditions":null}]}: field is immutable',
      ],
    },
  ],
};

const time = '2026-01-01T00:00:00Z';
const later = '2026-01-01T01:00:00Z';
const condition = (type: string, status = 'True') => ({ type, status });
const done = [condition('SuccessCriteriaMet'), condition('Complete')];
const conditions = 'status.conditions: Invalid value: ';

const jobStatuses: CaseTable = {
  resource: 'jobs.batch',
  valid: make.job({}, 'reported'),
  cases: [
    {
      name: 'accepts a job that is complete',
      subresource: 'status',
      update: { status: { startTime: time, completionTime: later, succeeded: 1, conditions: done } },
    },
    {
      name: 'refuses one that is complete in a single step',
      subresource: 'status',
      update: { status: { startTime: time, completionTime: later, conditions: [condition('Complete')] } },
      errors: [`${conditions}cannot set Complete=True condition without the SuccessCriteriaMet=true condition`],
    },
    {
      name: 'refuses one that fails in a single step',
      subresource: 'status',
      update: { status: { startTime: time, conditions: [condition('Failed')] } },
      errors: [`${conditions}cannot set Failed=True condition without the FailureTarget=true condition`],
    },
    {
      name: 'refuses one that is complete and failed',
      subresource: 'status',
      update: {
        status: {
          startTime: time,
          completionTime: later,
          conditions: [...done, condition('Failed'), condition('FailureTarget')],
        },
      },
      errors: [
        `${conditions}cannot set Complete=True and Failed=true conditions`,
        `${conditions}cannot set Complete=True and FailureTarget=true conditions`,
        `${conditions}cannot set SuccessCriteriaMet=True and Failed=true conditions`,
        `${conditions}cannot set SuccessCriteriaMet=True and FailureTarget=true conditions`,
      ],
    },
    {
      name: 'refuses an end before it is there',
      subresource: 'status',
      update: { status: { startTime: later, completionTime: time } },
      errors: [
        'status.completionTime: Invalid value: "2026-01-01T00:00:00Z": cannot set completionTime when there is no Complete=True condition',
        'status.completionTime: Invalid value: "2026-01-01T00:00:00Z": must be equal to or after `startTime`',
      ],
    },
    {
      name: 'wants the times of one that is over, and no pods',
      subresource: 'status',
      update: {
        status: { active: 1, conditions: done, uncountedTerminatedPods: { succeeded: ['u'] }, terminating: 1 },
      },
      errors: [
        'status.completionTime: Required value: completionTime is required for Complete jobs',
        'status.active: Invalid value: 1: active>0 is invalid for finished job',
        'status.startTime: Required value: startTime is required for finished job',
        'status.uncountedTerminatedPods: Invalid value: {"Succeeded":["u"],"Failed":null}: must be empty for finished job',
        'status.terminating: Invalid value: 1: terminating>0 is invalid for finished job',
      ],
    },
    {
      name: 'refuses pods that are counted twice, and more ready than active',
      subresource: 'status',
      update: { status: { ready: 2, active: 1, uncountedTerminatedPods: { succeeded: ['u', ''], failed: ['u'] } } },
      errors: [
        'status.uncountedTerminatedPods.succeeded[1]: Invalid value: "": must not be empty',
        'status.uncountedTerminatedPods.failed[0]: Duplicate value: "u"',
        'status.ready: Invalid value: 2: cannot set more ready pods than active',
      ],
    },
    {
      name: 'refuses indexes of a job that has none',
      subresource: 'status',
      update: { status: { completedIndexes: '0', failedIndexes: '' } },
      errors: [
        'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
        'status.failedIndexes: Invalid value: "": cannot set non-null failedIndexes when backoffLimitPerIndex is null',
      ],
    },
    {
      name: 'refuses indexes that are both complete and failed',
      changes: { ...indexed, 'spec.backoffLimitPerIndex': 1 },
      subresource: 'status',
      update: { status: { completedIndexes: '0-2', failedIndexes: '2,3' } },
      errors: ['status.failedIndexes: Invalid value: "2,3": failedIndexes and completedIndexes overlap at index: 2'],
    },
    {
      name: 'refuses indexes that cannot be read',
      changes: indexed,
      subresource: 'status',
      update: { status: { completedIndexes: '9' } },
      errors: ['status.completedIndexes: Invalid value: "9": error parsing completedIndexes: too large index: "9"'],
    },
    {
      name: 'refuses negative counts',
      subresource: 'status',
      update: { status: { active: -1, failed: -1 } },
      errors: [
        `status.active: Invalid value: -1: ${notNegative}`,
        `status.failed: Invalid value: -1: ${notNegative}`,
        'status.ready: Invalid value: 0: cannot set more ready pods than active',
        'status.failed: Invalid value: -1: cannot decrease the failed counter',
      ],
    },
  ],
};

const jobSpec = 'spec.jobTemplate.spec';

const cronJobs: CaseTable = {
  resource: 'cronjobs.batch',
  valid: make.cronJob(),
  cases: [
    ...(
      [
        '*/15 * * * *',
        '0 0 1,15 * MON-FRI',
        '0/5 1-3 ? jan,Feb 0',
        '@every 1h30m',
        '@weekly',
        '  5  4 * * sun ',
      ] as const
    ).map((schedule) => ({ name: `accepts the schedule ${schedule}`, changes: { 'spec.schedule': schedule } })),
    ...(
      [
        ['error', 'expected exactly 5 fields, found 1: [error]'],
        ['* * * * * *', 'expected exactly 5 fields, found 6: [* * * * * *]'],
        ['60 * * * *', 'end of range (60) above maximum (59): 60'],
        ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
        ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
        ['*/0 * * * *', 'step of range should be a positive number: */0'],
        ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
        ['1/2/3 * * * *', 'too many slashes: 1/2/3'],
        ['a * * * *', 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'],
        ['* * * * 7', 'end of range (7) above maximum (6): 7'],
        ['@sometimes', 'unrecognized descriptor: @sometimes'],
        ['@every soon', 'failed to parse duration @every soon: time: invalid duration "soon"'],
      ] as const
    ).map(([schedule, why]) => ({
      name: `refuses the schedule ${schedule}`,
      changes: { 'spec.schedule': schedule },
      errors: [`spec.schedule: Invalid value: "${schedule}": ${why}`],
    })),
    { name: 'refuses no schedule', changes: { 'spec.schedule': '' }, errors: ['spec.schedule: Required value'] },
    {
      name: 'refuses a zone in the schedule',
      changes: { 'spec.schedule': 'CRON_TZ=UTC 0 * * * *' },
      errors: [
        'spec.schedule: Invalid value: "CRON_TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
      ],
    },
    ...(['America/New_York', 'UTC', 'Etc/GMT+1', 'Asia/Kolkata'] as const).map((zone) => ({
      name: `accepts the zone ${zone}`,
      changes: { 'spec.timeZone': zone },
    })),
    ...(['Continent/Zone', '../etc', '-x', '/UTC', '+01:00', 'Amerika_viel_zu_lang'] as const).map((zone) => ({
      name: `refuses the zone ${zone}`,
      changes: { 'spec.timeZone': zone },
      errors: [`spec.timeZone: Invalid value: "${zone}": unknown time zone ${zone}`],
    })),
    {
      name: 'refuses an empty zone',
      changes: { 'spec.timeZone': '' },
      errors: ['spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string'],
    },
    {
      name: 'refuses whatever zone the server is in',
      changes: { 'spec.timeZone': 'Local' },
      errors: [
        'spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
      ],
    },
    {
      name: 'refuses a name that its jobs could not carry',
      changes: { 'metadata.name': 'n'.repeat(53) },
      errors: [`metadata.name: Invalid value: "${'n'.repeat(53)}": must be no more than 52 characters`],
    },
    { name: 'accepts a name of 52 letters', changes: { 'metadata.name': 'n'.repeat(52) } },
    {
      name: 'refuses a policy that it does not know',
      changes: { 'spec.concurrencyPolicy': 'Queue' },
      errors: ['spec.concurrencyPolicy: Unsupported value: "Queue": supported values: "Allow", "Forbid", "Replace"'],
    },
    ...(['startingDeadlineSeconds', 'successfulJobsHistoryLimit', 'failedJobsHistoryLimit'] as const).map((field) => ({
      name: `refuses a negative ${field}`,
      changes: { [`spec.${field}`]: -1 },
      errors: [`spec.${field}: Invalid value: -1: ${notNegative}`],
    })),
    {
      name: 'accepts to keep no jobs',
      changes: { 'spec.successfulJobsHistoryLimit': 0, 'spec.failedJobsHistoryLimit': 0 },
    },
    {
      name: 'refuses a selector in the template',
      changes: { [`${jobSpec}.selector`]: { matchLabels: { a: 'b' } } },
      errors: [`${jobSpec}.selector: Invalid value: {"matchLabels":{"a":"b"}}: \`selector\` will be auto-generated`],
    },
    {
      name: 'refuses a selector by hand in the template',
      changes: { [`${jobSpec}.manualSelector`]: true },
      errors: [`${jobSpec}.manualSelector: Unsupported value: true: supported values: "nil", "false"`],
    },
    {
      name: 'names what is wrong with the job',
      changes: {
        [`${jobSpec}.parallelism`]: -1,
        [`${jobSpec}.template.spec`]: { containers: [container], restartPolicy: 'Always' },
      },
      errors: [
        `${jobSpec}.parallelism: Invalid value: -1: ${notNegative}`,
        `${jobSpec}.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"`,
      ],
    },
    {
      name: 'accepts another job, schedule and zone',
      update: {
        'spec.schedule': '@hourly',
        'spec.timeZone': 'Europe/Berlin',
        [`${jobSpec}.template.spec.containers[0].image`]: 'other',
      },
    },
    {
      name: 'refuses an unknown zone in an update',
      update: { 'spec.timeZone': 'Nowhere' },
      errors: ['spec.timeZone: Invalid value: "Nowhere": unknown time zone Nowhere'],
    },
  ],
};

testCases([jobs, jobStatuses, cronJobs]);
