/** Changes of PersistentVolumeClaims: names that are given once, sizes that may grow, classes, what their status says. */
import type { PersistentVolumeClaim } from '../../../api/schema/types/core-v1.ts';
import {
  validatePersistentVolumeClaim,
  validatePersistentVolumeClaimStatusUpdate,
  validatePersistentVolumeClaimUpdate,
} from '../persistent-volume-claim.ts';
import { type ExpectedError, type RuleRow, testRules } from './testing.ts';

const oldClass = 'volume.beta.kubernetes.io/storage-class';
const classPath = `metadata.annotations[${oldClass}]`;
const fixed =
  'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims…';

const size = (storage: string): object => ({ resources: { requests: { storage } } });

function claim(spec: object = {}, phase = 'Pending', fields: object = {}): PersistentVolumeClaim {
  const status = { phase, ...(phase === 'Bound' && { capacity: { storage: '10G' } }) };
  const base = { accessModes: ['ReadWriteOnce'], volumeMode: 'Filesystem', ...size('10G') };
  return { metadata: { name: 'c' }, spec: { ...base, ...spec }, status, ...fields } as PersistentVolumeClaim;
}

const bound = (spec: object = {}): PersistentVolumeClaim => claim(spec, 'Bound');
const attributes = (name: string): PersistentVolumeClaim => bound({ volumeAttributesClassName: name });
const annotated = (name: string, spec: object = {}): PersistentVolumeClaim =>
  claim(spec, 'Pending', { metadata: { name: 'c', annotations: { [oldClass]: name } } });

function change(
  name: string,
  old: PersistentVolumeClaim,
  next: PersistentVolumeClaim,
  errors: readonly ExpectedError[] = [],
): RuleRow {
  const found = [...validatePersistentVolumeClaim(next, old), ...validatePersistentVolumeClaimUpdate(next, old)];
  return { name, found, errors };
}

const odd = { apiGroup: '^invalid', kind: 'Foo', name: 'foo' };
const forbidden = (field: string, why: string): string => `spec.${field}: Forbidden: ${why}`;
const tooSmall = forbidden('resources.requests.storage', 'field can not be less than status.capacity');

testRules('changes of a PersistentVolumeClaim', [
  change('accepts a volume', claim(), claim({ volumeName: 'v' })),
  change('refuses another volume', claim({ volumeName: 'v' }), claim({ volumeName: 'w' }), [fixed]),
  change('refuses other modes', claim(), claim({ accessModes: ['ReadOnlyMany'] }), [fixed]),
  change('refuses another mode of the volume', claim(), claim({ volumeMode: 'Block' }), [
    fixed,
    'volumeMode: Invalid value: "Block": field is immutable',
  ]),
  change('accepts that a bound claim grows', bound(), bound(size('15G'))),
  change('refuses that another grows', claim(), claim(size('15G')), [fixed]),
  change('accepts to wish for less growth', bound(size('15G')), bound(size('13G'))),
  change('refuses to shrink to what it has', bound(size('15G')), bound(size('10G')), [tooSmall]),
  change('refuses to shrink below it', bound(size('15G')), bound(size('3G')), [tooSmall]),
  change(
    'lets a group stand that is none',
    claim({ dataSource: odd, dataSourceRef: odd }),
    claim({ dataSource: odd, dataSourceRef: odd }),
  ),
]);

testRules('the class of a claim', [
  change('accepts a class where none was asked for', claim(), claim({ storageClassName: 'fast' })),
  change('refuses another class', claim({ storageClassName: 'fast' }), claim({ storageClassName: 'slow' }), [fixed]),
  change('refuses none again', claim({ storageClassName: 'fast' }), claim(), [fixed]),
  change('refuses another by the old annotation', annotated('fast'), annotated('slow'), [
    `${classPath}: Invalid value: "slow": field is immutable`,
  ]),
  change('accepts the annotation’s class in the field', annotated('fast'), claim({ storageClassName: 'fast' })),
  change('accepts it in both', annotated('fast'), annotated('fast', { storageClassName: 'fast' })),
  change('refuses another in the field', annotated('fast'), claim({ storageClassName: 'slow' }), [
    `${classPath}: Invalid value: "": field is immutable`,
    fixed,
  ]),
  change('refuses the way back', claim({ storageClassName: 'fast' }), annotated('fast'), [
    `${classPath}: Invalid value: "fast": field is immutable`,
    fixed,
  ]),
]);

testRules('the class of a claim’s attributes', [
  change('accepts one where there was none', bound(), attributes('a')),
  change('accepts one where it was empty', attributes(''), attributes('a')),
  change('accepts another', attributes('a'), attributes('b')),
  change('refuses none again', attributes('a'), bound(), [
    fixed,
    forbidden('volumeAttributesClassName', 'update from non-nil value to nil is forbidden'),
  ]),
  change('refuses an empty one', attributes('a'), attributes(''), [
    forbidden('volumeAttributesClassName', 'update from non-nil value to an empty string is forbidden'),
  ]),
  change(
    'refuses any for a claim that is not bound',
    claim({ volumeAttributesClassName: 'a' }),
    claim({ volumeAttributesClassName: 'b' }),
    [fixed],
  ),
]);

function report(name: string, status: object, errors: readonly ExpectedError[] = []): RuleRow {
  return { name, found: validatePersistentVolumeClaimStatusUpdate(claim({}, 'Pending', { status })), errors };
}

const [allocated, states] = ['status.allocatedResources', 'status.allocatedResourceStatus'];
const foreign = 'Unsupported value: "kubernetes.io/foo": supported values: "storage"';

testRules('the status of a claim', [
  report('accepts what is allocated', { allocatedResources: { storage: '10G', 'example.com/foo': '14G' } }),
  report('refuses less than nothing', { allocatedResources: { storage: '-10G' } }, [
    `${allocated}[storage]: Invalid value: -10000000000: must be a valid resource quantity`,
  ]),
  report('refuses a resource of Kubernetes’ that is none', { allocatedResources: { 'kubernetes.io/foo': '14G' } }, [
    `${allocated}: ${foreign}`,
  ]),
  report('refuses processors', { allocatedResources: { cpu: '1' } }, [
    `${allocated}: Unsupported value: "cpu": supported values: "storage"`,
  ]),
  ...['ControllerResizeInProgress', 'ControllerResizeInfeasible', 'NodeResizePending'].map((state) =>
    report(`accepts ${state}`, { allocatedResourceStatuses: { storage: state, 'example.com/foo': state } }),
  ),
  ...['NodeResizeInProgress', 'NodeResizeInfeasible'].map((state) =>
    report(`accepts ${state}`, { allocatedResourceStatuses: { storage: state } }),
  ),
  report('refuses another state', { allocatedResourceStatuses: { storage: 'foo' } }, [
    `${states}: Unsupported value: "storage": supported values: "ControllerResizeInProgress", …`,
  ]),
  report(
    'refuses a state of no resource',
    { allocatedResourceStatuses: { 'kubernetes.io/foo': 'NodeResizePending' } },
    [`${states}: ${foreign}`],
  ),
]);
