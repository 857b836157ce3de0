import { type CaseTable, testCases } from './testing.ts';

const api = { apiVersion: 'scheduling.k8s.io/v1alpha2', metadata: { name: 'team', namespace: 'default' } };
const immutable = 'field is immutable';
const gang = (minCount: number) => ({ gang: { minCount } });

const podGroups: CaseTable = {
  resource: 'podgroups.scheduling.k8s.io',
  valid: { ...api, kind: 'PodGroup', spec: { schedulingPolicy: gang(3) } },
  cases: [
    { name: 'accepts the basic policy', changes: { 'spec.schedulingPolicy': { basic: {} } } },
    {
      name: 'accepts a topology',
      changes: { 'spec.schedulingConstraints': { topology: [{ key: 'example.com/rack' }] } },
    },
    { name: 'accepts to be disrupted as one', changes: { 'spec.disruptionMode': 'PodGroup' } },
    { name: 'accepts other labels', update: { 'metadata.labels': { a: 'b' } } },
    {
      name: 'refuses no policy',
      changes: { 'spec.schedulingPolicy': {} },
      errors: ['spec.schedulingPolicy: Invalid value: "": must specify one of: `basic`, `gang`'],
    },
    {
      name: 'refuses both policies',
      changes: { 'spec.schedulingPolicy.basic': {} },
      errors: ['spec.schedulingPolicy: Invalid value: "{basic, gang}": must specify exactly one of: `basic`, `gang`'],
    },
    {
      name: 'refuses a gang of none',
      changes: { 'spec.schedulingPolicy': gang(0) },
      errors: ['spec.schedulingPolicy.gang.minCount: Required value'],
    },
    {
      name: 'refuses a gang of fewer than none',
      changes: { 'spec.schedulingPolicy': gang(-1) },
      errors: ['spec.schedulingPolicy.gang.minCount: Invalid value: -1: must be greater than or equal to 1'],
    },
    {
      name: 'refuses a reference to nothing',
      changes: { 'spec.podGroupTemplateRef': {} },
      errors: ['spec.podGroupTemplateRef: Invalid value: "": must specify one of: `workload`'],
    },
    {
      name: 'refuses a reference without a template and to no possible name',
      changes: { 'spec.podGroupTemplateRef': { workload: { workloadName: 'a/b', podGroupTemplateName: '' } } },
      errors: [
        'spec.podGroupTemplateRef.workload.workloadName: Invalid value: "a/b": a lowercase RFC 1123 subdomain…',
        'spec.podGroupTemplateRef.workload.podGroupTemplateName: Required value',
      ],
    },
    {
      name: 'refuses two topologies',
      changes: { 'spec.schedulingConstraints': { topology: [{ key: 'a' }, { key: 'b' }] } },
      errors: ['spec.schedulingConstraints.topology: Too many: 2: must have at most 1 item'],
    },
    {
      name: 'refuses a topology without a key',
      changes: { 'spec.schedulingConstraints': { topology: [{ key: '' }] } },
      errors: ['spec.schedulingConstraints.topology[0].key: Required value'],
    },
    {
      name: 'refuses a key that is none',
      changes: { 'spec.schedulingConstraints': { topology: [{ key: 'Example.com/Rack' }] } },
      errors: ['spec.schedulingConstraints.topology[0].key: Invalid value: "Example.com/Rack": prefix part…'],
    },
    {
      name: 'refuses a mode that there is not',
      changes: { 'spec.disruptionMode': 'All' },
      errors: ['spec.disruptionMode: Unsupported value: "All": supported values: "Pod", "PodGroup"'],
    },
    {
      name: 'refuses another policy later',
      update: { 'spec.schedulingPolicy': gang(2) },
      errors: [`spec.schedulingPolicy: Invalid value: {"gang":{"minCount":2}}: ${immutable}`],
    },
    {
      name: 'refuses another mode and other constraints later',
      update: { 'spec.disruptionMode': 'PodGroup', 'spec.schedulingConstraints': { topology: [{ key: 'a' }] } },
      errors: [
        `spec.schedulingConstraints: Invalid value: {"topology":[{"key":"a"}]}: ${immutable}`,
        `spec.disruptionMode: Invalid value: "PodGroup": ${immutable}`,
      ],
    },
    {
      name: 'refuses a condition without a reason',
      subresource: 'status',
      update: {
        'status.conditions': [
          { type: 'A', status: 'True', reason: '', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
        ],
      },
      errors: ['status.conditions[0].reason: Required value'],
    },
  ],
};

const template = { name: 'main', schedulingPolicy: gang(3) };

const workloads: CaseTable = {
  resource: 'workloads.scheduling.k8s.io',
  valid: { ...api, kind: 'Workload', spec: { podGroupTemplates: [template] } },
  cases: [
    {
      name: 'accepts who controls it',
      changes: { 'spec.controllerRef': { apiGroup: 'batch', kind: 'Job', name: 'job' } },
    },
    {
      name: 'refuses no templates',
      changes: { 'spec.podGroupTemplates': [] },
      errors: ['spec.podGroupTemplates: Required value: must have at least one item'],
    },
    {
      name: 'refuses more than eight templates',
      changes: { 'spec.podGroupTemplates': Array.from({ length: 9 }, (_, at) => ({ ...template, name: `t${at}` })) },
      errors: ['spec.podGroupTemplates: Too many: 9: must have at most 8 items'],
    },
    {
      name: 'refuses two templates of one name',
      changes: { 'spec.podGroupTemplates': [template, template] },
      errors: ['spec.podGroupTemplates[1]: Duplicate value: {"name":"main"}'],
    },
    {
      name: 'refuses a template without a name, and one without a policy',
      changes: {
        'spec.podGroupTemplates': [
          { ...template, name: '' },
          { name: 'b', schedulingPolicy: {} },
        ],
      },
      errors: [
        'spec.podGroupTemplates[0].name: Required value',
        'spec.podGroupTemplates[1].schedulingPolicy: Invalid value: "": must specify one of: `basic`, `gang`',
      ],
    },
    {
      name: 'refuses who controls it without a kind, and by no possible name',
      changes: { 'spec.controllerRef': { apiGroup: 'a_b', kind: '', name: 'a/b' } },
      errors: [
        'spec.controllerRef.apiGroup: Invalid value: "a_b": a lowercase RFC 1123 subdomain…',
        'spec.controllerRef.kind: Required value',
        'spec.controllerRef.name: Invalid value: "a/b": may not contain \'/\'',
      ],
    },
    {
      name: 'refuses other templates later',
      update: {
        'spec.podGroupTemplates': [{ ...template, schedulingPolicy: gang(1), priority: 0, disruptionMode: 'Pod' }],
      },
      errors: ['spec.podGroupTemplates: Invalid value: …'],
    },
  ],
};

testCases([podGroups, workloads]);
