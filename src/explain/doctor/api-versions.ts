/**
 * API versions that are gone or going, and who still writes them: in what `kubectl apply` remembers, in the managers of an object's fields, and in the manifests
 * that Helm keeps of its releases (an upgrade with one of those fails). Which versions went when is upstream's published list.
 */
import { gunzipSync } from 'node:zlib';
import type { KubeObject } from '../../api/object.ts';
import type { Secret } from '../../api/schema/types/core-v1.ts';
import { secrets } from '../../client/resources.ts';
import type { Inquiry } from '../inquiry.ts';
import type { ServedResource } from '../look.ts';

interface Row {
  readonly apiVersion: string;
  /** Absent: all kinds of it. */
  readonly kinds?: readonly string[];
  readonly removedIn?: string;
  readonly use: string;
}

/** @see https://kubernetes.io/docs/reference/using-api/deprecation-guide/ */
const rows: readonly Row[] = [
  { apiVersion: 'extensions/v1beta1', kinds: ['Ingress'], removedIn: '1.22', use: 'networking.k8s.io/v1' },
  { apiVersion: 'extensions/v1beta1', removedIn: '1.16', use: 'apps/v1' },
  { apiVersion: 'apps/v1beta1', removedIn: '1.16', use: 'apps/v1' },
  { apiVersion: 'apps/v1beta2', removedIn: '1.16', use: 'apps/v1' },
  {
    apiVersion: 'networking.k8s.io/v1beta1',
    kinds: ['Ingress', 'IngressClass'],
    removedIn: '1.22',
    use: 'networking.k8s.io/v1',
  },
  { apiVersion: 'rbac.authorization.k8s.io/v1alpha1', removedIn: '1.22', use: 'rbac.authorization.k8s.io/v1' },
  { apiVersion: 'rbac.authorization.k8s.io/v1beta1', removedIn: '1.22', use: 'rbac.authorization.k8s.io/v1' },
  { apiVersion: 'apiextensions.k8s.io/v1beta1', removedIn: '1.22', use: 'apiextensions.k8s.io/v1' },
  { apiVersion: 'apiregistration.k8s.io/v1beta1', removedIn: '1.22', use: 'apiregistration.k8s.io/v1' },
  {
    apiVersion: 'admissionregistration.k8s.io/v1beta1',
    kinds: ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'],
    removedIn: '1.22',
    use: 'admissionregistration.k8s.io/v1',
  },
  {
    apiVersion: 'certificates.k8s.io/v1beta1',
    kinds: ['CertificateSigningRequest'],
    removedIn: '1.22',
    use: 'certificates.k8s.io/v1',
  },
  { apiVersion: 'coordination.k8s.io/v1beta1', kinds: ['Lease'], removedIn: '1.22', use: 'coordination.k8s.io/v1' },
  { apiVersion: 'scheduling.k8s.io/v1beta1', kinds: ['PriorityClass'], removedIn: '1.22', use: 'scheduling.k8s.io/v1' },
  {
    apiVersion: 'storage.k8s.io/v1beta1',
    kinds: ['StorageClass', 'VolumeAttachment', 'CSIDriver', 'CSINode'],
    removedIn: '1.22',
    use: 'storage.k8s.io/v1',
  },
  { apiVersion: 'batch/v1beta1', removedIn: '1.25', use: 'batch/v1' },
  { apiVersion: 'discovery.k8s.io/v1beta1', removedIn: '1.25', use: 'discovery.k8s.io/v1' },
  { apiVersion: 'events.k8s.io/v1beta1', removedIn: '1.25', use: 'events.k8s.io/v1' },
  {
    apiVersion: 'policy/v1beta1',
    kinds: ['PodSecurityPolicy'],
    removedIn: '1.25',
    use: 'Pod Security admission (labels of the namespace)',
  },
  { apiVersion: 'policy/v1beta1', removedIn: '1.25', use: 'policy/v1' },
  { apiVersion: 'node.k8s.io/v1beta1', removedIn: '1.25', use: 'node.k8s.io/v1' },
  { apiVersion: 'autoscaling/v2beta1', removedIn: '1.25', use: 'autoscaling/v2' },
  { apiVersion: 'autoscaling/v2beta2', removedIn: '1.26', use: 'autoscaling/v2' },
  { apiVersion: 'storage.k8s.io/v1beta1', kinds: ['CSIStorageCapacity'], removedIn: '1.27', use: 'storage.k8s.io/v1' },
  { apiVersion: 'flowcontrol.apiserver.k8s.io/v1beta1', removedIn: '1.26', use: 'flowcontrol.apiserver.k8s.io/v1' },
  { apiVersion: 'flowcontrol.apiserver.k8s.io/v1beta2', removedIn: '1.29', use: 'flowcontrol.apiserver.k8s.io/v1' },
  { apiVersion: 'flowcontrol.apiserver.k8s.io/v1beta3', removedIn: '1.32', use: 'flowcontrol.apiserver.k8s.io/v1' },
  { apiVersion: 'v1', kinds: ['Endpoints'], use: 'discovery.k8s.io/v1 EndpointSlice' },
  { apiVersion: 'v1', kinds: ['ComponentStatus'], use: 'the health of /livez and /readyz' },
];

export interface OldVersion {
  /** `ingress/web in shop`, `Helm release shop/web` */
  readonly where: string;
  readonly apiVersion: string;
  readonly kind: string;
  /** Gone: what is written so is refused. Else it still works. */
  readonly isGone: boolean;
  readonly use: string;
  /** Who wrote it so. */
  readonly by: string;
}

export async function oldVersions(objects: readonly KubeObject[], inquiry: Inquiry): Promise<readonly OldVersion[]> {
  const served = await inquiry.look.resources();
  const found = [...objects.flatMap((object) => ofObject(object, served)), ...(await ofHelm(served, inquiry))];
  const byText = new Map(found.map((one) => [JSON.stringify(one), one]));
  return [...byText.values()];
}

function ofObject(object: KubeObject, served: readonly ServedResource[]): OldVersion[] {
  const { kind = '', metadata } = object;
  const where = `${kind.toLowerCase()}/${metadata?.name}${metadata?.namespace ? ` in ${metadata.namespace}` : ''}`;
  const writers: [string, string][] = (metadata?.managedFields ?? [])
    .filter(({ subresource, manager }) => !subresource && !/^(kube-|naru|system:)/.test(manager ?? ''))
    .map(({ apiVersion = '', manager = '' }) => [apiVersion, manager]);
  const applied = appliedVersion(metadata?.annotations?.['kubectl.kubernetes.io/last-applied-configuration']);
  if (applied !== undefined) writers.push([applied, 'kubectl apply']);
  return writers.flatMap(([apiVersion, by]) => judged(where, apiVersion, kind, by, served));
}

function appliedVersion(text: string | undefined): string | undefined {
  return /"apiVersion":"([^"]+)"/.exec(text ?? '')?.[1];
}

function judged(
  where: string,
  apiVersion: string,
  kind: string,
  by: string,
  served: readonly ServedResource[],
): OldVersion[] {
  const row = rows.find(
    (one) => one.apiVersion === apiVersion && (one.kinds === undefined || one.kinds.includes(kind)),
  );
  const isServed = served.some(
    (one) => one.kind === kind && apiVersion === (one.group === '' ? one.version : `${one.group}/${one.version}`),
  );
  if (row !== undefined) {
    const since = row.removedIn === undefined ? '' : ` (gone since ${row.removedIn})`;
    return [
      { where, apiVersion, kind, isGone: row.removedIn !== undefined && !isServed, use: `${row.use}${since}`, by },
    ];
  }
  const now = served.find(
    (one) =>
      one.kind === kind && one.preferred && one.group === (apiVersion.includes('/') ? apiVersion.split('/')[0] : ''),
  );
  if (isServed || now === undefined || apiVersion === '') return [];
  return [
    { where, apiVersion, kind, isGone: true, use: now.group === '' ? now.version : `${now.group}/${now.version}`, by },
  ];
}

/** A release of a hundred charts is a megabyte; more is no release. */
const releaseBytesMax = 32 * 1024 * 1024;

async function ofHelm(served: readonly ServedResource[], { look }: Inquiry): Promise<OldVersion[]> {
  const releases = new Map<string, { readonly version: number; readonly secret: Secret }>();
  for (const secret of await look.list(secrets)) {
    if (secret.type !== 'helm.sh/release.v1') continue;
    const { labels = {}, namespace = '' } = secret.metadata ?? {};
    const key = `${namespace}/${labels['name'] ?? ''}`;
    const version = Number(labels['version'] ?? 0);
    if (version >= (releases.get(key)?.version ?? -1)) releases.set(key, { version, secret });
  }
  return [...releases].flatMap(([name, { secret }]) =>
    kindsOf(manifestOf(secret)).flatMap(([apiVersion, kind]) =>
      judged(`Helm release ${name}`, apiVersion, kind, 'helm', served).filter(({ isGone }) => isGone),
    ),
  );
}

function manifestOf({ data }: Secret): string {
  try {
    // The API's base64 around Helm's own.
    const packed = Buffer.from(Buffer.from(data?.['release'] ?? '', 'base64').toString(), 'base64');
    const release = JSON.parse(gunzipSync(packed, { maxOutputLength: releaseBytesMax }).toString()) as {
      manifest?: unknown;
    };
    return typeof release.manifest === 'string' ? release.manifest : '';
  } catch {
    return '';
  }
}

/** What each document of a manifest says that it is, without reading the rest. */
function kindsOf(manifest: string): [string, string][] {
  return manifest.split(/^---.*$/m).flatMap((text): [string, string][] => {
    const apiVersion = /^apiVersion:\s*["']?([^\s"'#]+)/m.exec(text)?.[1];
    const kind = /^kind:\s*["']?([^\s"'#]+)/m.exec(text)?.[1];
    return apiVersion === undefined || kind === undefined ? [] : [[apiVersion, kind]];
  });
}
