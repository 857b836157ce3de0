/** PersistentVolumes: where their bytes are, and what of it an update may change. */
import type { JsonObject } from '../../../api/object.ts';
import type { PersistentVolume, VolumeNodeAffinity } from '../../../api/schema/types/core-v1.ts';
import { validatePersistentVolume, validatePersistentVolumeUpdate } from '../persistent-volume.ts';
import { type ExpectedError, type RuleRow, testCases, testRules } from './testing.ts';

const notLabel = 'a valid label must be an empty string…';
/** A label and its value, as many as must hold together. */
type Term = readonly (readonly [string, string])[];

const affinity = (...terms: readonly Term[]): VolumeNodeAffinity => ({
  required: {
    nodeSelectorTerms: terms.map((term) => ({
      matchExpressions: term.map(([key, value]) => ({ key, operator: 'In', values: [value] })),
    })),
  },
});
const affinityJson = (...terms: readonly Term[]): JsonObject => affinity(...terms) as unknown as JsonObject;
const selected = 'spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0]';

testCases([
  {
    resource: 'persistentvolumes',
    valid: {
      metadata: { name: 'foo' },
      spec: { capacity: { storage: '10G' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/foo' } },
    },
    cases: [
      { name: 'accepts a size without a unit', changes: { 'spec.capacity': { storage: '10' } } },
      { name: 'accepts one pod alone', changes: { 'spec.accessModes': ['ReadWriteOncePod'] } },
      {
        name: 'refuses nothing as size',
        changes: { 'spec.capacity': { storage: '0' } },
        errors: ['spec.capacity[storage]: Invalid value: "0": must be greater than zero'],
      },
      {
        name: 'refuses to empty the root, however it is written',
        changes: { 'spec.hostPath.path': '/a/..', 'spec.persistentVolumeReclaimPolicy': 'Recycle' },
        errors: ['spec.hostPath.path: Invalid value: "/a/..": must not contain \'..\''],
      },
      { name: 'accepts nodes by a label', changes: { 'spec.nodeAffinity': affinityJson([['foo', 'bar']]) } },
      {
        name: 'refuses an affinity that says nothing',
        changes: { 'spec.nodeAffinity': {} },
        errors: ['spec.nodeAffinity.required: Required value: must specify required node constraints'],
      },
      {
        name: 'refuses an affinity to no label',
        changes: { 'spec.nodeAffinity': affinityJson([['', 'bar']]) },
        errors: [
          `${selected}.key: Invalid value: "": name part must be non-empty`,
          `${selected}.key: Invalid value: "": name part must consist…`,
        ],
      },
      {
        name: 'refuses a value that no label can have',
        changes: { 'spec.nodeAffinity': affinityJson([['foo', '-1']]) },
        errors: [`${selected}.values[0]: Invalid value: "-1": ${notLabel}`],
      },
      {
        name: 'refuses a class of attributes of what is no CSI volume',
        changes: { 'spec.volumeAttributesClassName': 'fast' },
        errors: ['spec.csi: Required value: has to be specified when using volumeAttributesClassName'],
      },
      {
        name: 'accepts a folder of a node by a relative path',
        changes: {
          'spec.hostPath': undefined,
          'spec.local': { path: 'foo' },
          'spec.nodeAffinity': affinityJson([['a', 'b']]),
        },
      },
      {
        name: 'refuses a folder of no node',
        changes: { 'spec.hostPath': undefined, 'spec.local': { path: '/foo' } },
        errors: ['spec.nodeAffinity: Required value: Local volume requires node affinity'],
      },
    ],
  },
]);

const base = { capacity: { storage: '1G' }, accessModes: ['ReadWriteOnce'], volumeMode: 'Filesystem' };
const volume = (spec: object): PersistentVolume =>
  ({ metadata: { name: 'v' }, spec: { ...base, ...spec } }) as PersistentVolume;
const csi = (fields: object = {}): PersistentVolume =>
  volume({ csi: { driver: 'com.example.csi', volumeHandle: 'v', ...fields } });
const near = (nodes?: VolumeNodeAffinity): PersistentVolume =>
  volume({ gcePersistentDisk: { pdName: 'foo' }, ...(nodes && { nodeAffinity: nodes }) });
const classed = (name?: string): PersistentVolume => {
  const { spec } = csi();
  return volume({ ...spec, ...(name !== undefined && { volumeAttributesClassName: name }) });
};

function change(name: string, old: PersistentVolume, next: PersistentVolume, errors: readonly ExpectedError[] = []) {
  return {
    name,
    found: [...validatePersistentVolume(next, old), ...validatePersistentVolumeUpdate(next, old)],
    errors,
  };
}

const movedSource = 'spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation…';
const fixedNodes = 'nodeAffinity: Invalid value: …';
const fixedMode = (mode: string): string => `volumeMode: Invalid value: ${mode}: field is immutable`;
const short = { name: 'key-name', namespace: 'default' };
const long = { name: 'key-name.example.com', namespace: 'default' };
const path = (to: string): PersistentVolume => volume({ hostPath: { path: to, type: 'Directory' } });

/** The secret for expansion may come once; the others never. */
const secrets: RuleRow[] = [
  change('accepts a secret for expansion where there was none', csi(), csi({ controllerExpandSecretRef: long })),
  change(
    'refuses another secret for expansion',
    csi({ controllerExpandSecretRef: short }),
    csi({ controllerExpandSecretRef: long }),
    [movedSource],
  ),
  ...(['controllerPublishSecretRef', 'nodePublishSecretRef', 'nodeStageSecretRef'] as const).flatMap((field) => [
    change(`refuses a ${field} where there was none`, csi(), csi({ [field]: short }), [movedSource]),
    change(`refuses another ${field}`, csi({ [field]: short }), csi({ [field]: long }), [movedSource]),
    change(`accepts the same ${field}`, csi({ [field]: long }), csi({ [field]: long })),
  ]),
  change('does not look at the secret for staging', csi({ nodeStageSecretRef: {} }), csi({ nodeStageSecretRef: {} })),
];

const renamed = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
};
const [zone, region] = ['failure-domain.beta.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/region'];
const [newZone, newArch] = ['topology.kubernetes.io/zone', 'kubernetes.io/arch'];

const nodes: RuleRow[] = [
  change('accepts nodes where there were any', near(), near(affinity([['foo', 'bar']]))),
  change('refuses any node again', near(affinity([['foo', 'bar']])), near(), ['nodeAffinity: Invalid value: null…']),
  change('refuses another value', near(affinity([['foo', 'bar']])), near(affinity([['foo', 'bar2']])), [fixedNodes]),
  ...Object.entries(renamed).flatMap(([old, now]) => [
    change(`accepts ${old} by its new name`, near(affinity([[old, 'a']])), near(affinity([[now, 'a']]))),
    change(`refuses another label for ${old}`, near(affinity([[old, 'a']])), near(affinity([['foo', 'a']])), [
      fixedNodes,
    ]),
    change(`refuses the old name for ${now}`, near(affinity([[now, 'a']])), near(affinity([[old, 'a']])), [fixedNodes]),
  ]),
  change(
    'accepts some of the labels by their new names',
    near(
      affinity(
        [['foo', 'a']],
        [
          [zone, 'a'],
          [region, 'a'],
        ],
      ),
    ),
    near(
      affinity(
        [['foo', 'a']],
        [
          [newZone, 'a'],
          [region, 'a'],
        ],
      ),
    ),
  ),
  change(
    'refuses another value beside a new name',
    near(
      affinity([
        [zone, 'a'],
        [newZone, 'a'],
      ]),
    ),
    near(
      affinity([
        [newZone, 'a'],
        [zone, 'b'],
      ]),
    ),
    [fixedNodes],
  ),
  change(
    'refuses one expression more',
    near(affinity([[zone, 'a']])),
    near(
      affinity([
        [newZone, 'a'],
        [region, 'a'],
      ]),
    ),
    [fixedNodes],
  ),
  change('refuses one term more', near(affinity([[zone, 'a']])), near(affinity([[newZone, 'a']], [[newArch, 'a']])), [
    fixedNodes,
  ]),
  change(
    'lets a value stand that no label can have',
    near(affinity([['beta.kubernetes.io/instance-type', '-1']])),
    near(affinity([['node.kubernetes.io/instance-type', '-1']])),
  ),
];

testRules('changes of a PersistentVolume', [
  change('accepts no change', path('/foo'), path('/foo')),
  change('refuses another folder', path('/foo'), path('/bar'), [movedSource]),
  change('refuses another kind of source', path('/foo'), near(), [movedSource]),
  change('refuses another mode', path('/foo'), volume({ ...path('/foo').spec, volumeMode: 'Block' }), [
    fixedMode('"Block"'),
  ]),
  ...secrets,
  ...nodes,
  change('accepts another class of attributes', classed('foo'), classed('bar')),
  change('accepts a class of attributes where there was none', classed(), classed('foo')),
  change('refuses none again', classed('foo'), classed(), [
    'spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is forbidden',
  ]),
  change('refuses an empty class of attributes', classed(), classed(''), [
    'spec.volumeAttributesClassName: Required value: an empty string is disallowed',
  ]),
]);
