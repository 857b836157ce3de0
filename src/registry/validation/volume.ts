/**
 * The rules of a pod's volumes: a name of their own and exactly one source, of which only the first given is looked at.
 * Sources are a table: those with files stand in `volume-files.ts`, those of drivers in `volume-drivers.ts`.
 */
import { duplicate, forbiddenField, goQuote, invalidValue, required } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain } from '../../api/names.ts';
import type { PersistentVolumeClaimTemplate, Volume, VolumeSource } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, requiredName, requiredOneOf, validateLabels } from './checks.ts';
import { pullPolicies } from './container.ts';
import type { VolumesByName } from './container-mounts.ts';
import { validateAnnotations } from './metadata.ts';
import { validateHostPath } from './paths.ts';
import { validateClaimSpec } from './persistent-volume-claim.ts';
import type { PodOptions } from './pod-options.ts';
import { sign } from './quantities.ts';
import { driverRules } from './volume-drivers.ts';
import {
  validateConfigMapVolume,
  validateDownwardVolume,
  validateProjectedVolume,
  validateSecretVolume,
} from './volume-files.ts';

type SourceName = keyof VolumeSource;
type Source<K extends SourceName> = NonNullable<VolumeSource[K]>;
type SourceRules = {
  readonly [K in SourceName]?: (path: string, source: Source<K>, options: PodOptions) => FieldError[];
};

export interface CheckedVolumes {
  readonly errors: FieldError[];
  /** Those that break no rule: what is said of others would only repeat their faults. */
  readonly volumes: VolumesByName;
}

/** `podName`: empty where it is not known, as in templates. */
export function validateVolumes(
  path: string,
  list: readonly Volume[],
  podName: string,
  options: PodOptions,
): CheckedVolumes {
  const volumes = new Map<string, Volume>();
  const errors: FieldError[] = [];
  const made = podName ? list.filter(({ ephemeral }) => ephemeral).map(({ name }) => `${podName}-${name}`) : [];
  const madeClaims = new Set(made);
  for (const [index, volume] of list.entries()) {
    const at = `${path}[${index}]`;
    const faults = validateVolume(at, volume, podName, options);
    if (volumes.has(volume.name ?? '')) faults.push(duplicate(`${at}.name`, volume.name));
    if (faults.length === 0) volumes.set(volume.name, volume);
    errors.push(...faults, ...referenceErrors(at, volume, madeClaims));
  }
  return { errors, volumes };
}

function referenceErrors(path: string, { persistentVolumeClaim }: Volume, made: ReadonlySet<string>): FieldError[] {
  const claim = persistentVolumeClaim?.claimName ?? '';
  if (!made.has(claim)) return [];
  const detail = 'must not reference a PVC that gets created for an ephemeral volume';
  return [invalidValue(`${path}.persistentVolumeClaim.claimName`, claim, detail)];
}

/** In upstream's order, which decides the source that counts where there are several. */
const sourceOrder: readonly SourceName[] = [
  'emptyDir',
  'hostPath',
  'gitRepo',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'secret',
  'nfs',
  'iscsi',
  'glusterfs',
  'flocker',
  'persistentVolumeClaim',
  'rbd',
  'cinder',
  'cephfs',
  'quobyte',
  'downwardAPI',
  'fc',
  'flexVolume',
  'configMap',
  'azureFile',
  'vsphereVolume',
  'photonPersistentDisk',
  'portworxVolume',
  'azureDisk',
  'storageos',
  'projected',
  'scaleIO',
  'csi',
  'ephemeral',
  'image',
];

const rules: SourceRules = {
  ...driverRules,
  emptyDir: (path, { sizeLimit = '0' }) =>
    sign(sizeLimit) < 0
      ? [forbiddenField(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')]
      : [],
  hostPath: validateHostPath,
  secret: validateSecretVolume,
  configMap: validateConfigMapVolume,
  downwardAPI: validateDownwardVolume,
  projected: validateProjectedVolume,
  ephemeral: (path, { volumeClaimTemplate: template }) =>
    template
      ? validateClaimTemplate(`${path}.volumeClaimTemplate`, template)
      : [required(`${path}.volumeClaimTemplate`)],
  image: (path, { reference, pullPolicy }, { tolerated }) => [
    ...(reference || tolerated.has('empty image reference') ? [] : [required(`${path}.reference`)]),
    ...requiredOneOf(`${path}.pullPolicy`, pullPolicy, pullPolicies),
  ],
};

/** Names that upstream's errors give in another form than the field's: of a source itself, and of one too many. */
const shownAs: Readonly<Record<string, string | undefined>> = { gcePersistentDisk: 'persistentDisk' };
const repeatedAs: Readonly<Record<string, string | undefined>> = { cephfs: 'cephFS', downwardAPI: 'downwarAPI' };

function validateVolume(path: string, volume: Volume, podName: string, options: PodOptions): FieldError[] {
  const [first, ...more] = sourceOrder.filter((name) => volume[name] !== undefined);
  const errors: FieldError[] = [];
  if (first === undefined) errors.push(required(path, 'must specify a volume type'));
  else {
    const rule = rules[first] as (path: string, source: unknown, options: PodOptions) => FieldError[];
    errors.push(...rule(`${path}.${shownAs[first] ?? first}`, volume[first], options));
  }
  for (const name of more) {
    errors.push(forbiddenField(`${path}.${repeatedAs[name] ?? name}`, 'may not specify more than 1 volume type'));
  }
  errors.push(...validateJoinedNames(path, volume, podName, first));
  return [...errors, ...requiredName(`${path}.name`, volume.name, isDns1123Label)];
}

const portalBytesMax = 64;

/** Names that are put together with the volume's. */
function validateJoinedNames(
  path: string,
  { name = '', iscsi, ephemeral }: Partial<Volume>,
  podName: string,
  first: SourceName | undefined,
): FieldError[] {
  const errors: FieldError[] = [];
  if (iscsi?.initiatorName !== undefined && Buffer.byteLength(`${name}:${iscsi.targetPortal}`) > portalBytesMax) {
    const rule = 'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters';
    errors.push(invalidValue(`${path}.name`, name, `${rule} if iscsi.initiatorName is specified.`));
  }
  if (ephemeral && first === 'ephemeral' && podName && name) {
    const claim = `${podName}-${name}`;
    const messages = isDns1123Subdomain(claim).map((message) => `PVC name ${goQuote(claim)}: ${message}`);
    errors.push(...invalidEach(`${path}.name`, name, messages));
  }
  return errors;
}

/** Of a claim's metadata, only labels and annotations are taken over. */
function validateClaimTemplate(path: string, { metadata, spec }: PersistentVolumeClaimTemplate): FieldError[] {
  const refused = Object.entries(metadata ?? {}).filter(
    ([field, value]) => value !== undefined && value !== null && field !== 'annotations' && field !== 'labels',
  );
  return [
    ...validateAnnotations(metadata?.annotations, `${path}.metadata.annotations`),
    ...validateLabels(`${path}.metadata.labels`, metadata?.labels),
    ...refused.map(([field]) => forbiddenField(`${path}.metadata.${field}`, 'cannot be set')),
    ...validateClaimSpec(`${path}.spec`, spec ?? {}),
  ];
}
