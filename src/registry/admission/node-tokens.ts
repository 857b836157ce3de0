/**
 * What a node may ask a service account's token for, as upstream's NodeRestriction has it: for a pod that runs on it, and for an audience
 * that the pod itself asks for, by a projected volume or by a CSI driver; for others only where a role allows it
 * (`request-serviceaccounts-token-audience` on a resource that is named like the audience).
 */
import { someVolumeClaim } from '../../api/object-references.ts';
import type { TokenRequestSpec } from '../../api/schema/types/authentication-v1.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/schema/types/core-v1.ts';
import type { CSIDriver } from '../../api/schema/types/storage-v1.ts';
import { forbidden, notFound } from '../../api/status-error.ts';
import type { Store } from '../../store/store.ts';
import { nodeNameOf } from '../node-identity.ts';
import type { Authorizer } from '../request.ts';
import type { AdmissionPlugin, AdmissionRequest } from './admission.ts';

type Objects = Pick<Store, 'get'>;

/** Absent: nobody is allowed more. */
export function nodeTokens(authorizer: Authorizer | undefined): AdmissionPlugin {
  return {
    name: 'NodeRestriction',
    async mutate(request) {
      const { operation, collection, target, draft } = request;
      if (operation !== 'CREATE' || collection !== 'serviceaccounts' || target.subresource !== 'token') return;
      const node = nodeNameOf(target.user);
      if (node === undefined) return;
      const spec = (draft?.['spec'] ?? {}) as TokenRequestSpec;
      const pod = podOf(request, spec, node);
      const audience = audienceOf(request, spec);
      if (asksFor(pod, audience, request.store) || (await mayAsk(request, audience, authorizer))) return;
      const why = `${target.user.name} is not authorized to request tokens for this audience`;
      throw refusal(request, `audience ${JSON.stringify(audience)} not found in pod spec volume, ${why}`);
    },
  };
}

const refusal = ({ target: { name } }: AdmissionRequest, why: string): Error =>
  forbidden({ group: '', kind: 'serviceaccounts', name }, why);

/** @throws StatusError Forbidden, NotFound */
function podOf(request: AdmissionRequest, { boundObjectRef: bound }: TokenRequestSpec, node: string): Pod {
  if (bound?.apiVersion !== 'v1' || bound.kind !== 'Pod' || !bound.name) {
    throw refusal(request, 'node requested token not bound to a pod');
  }
  if (!bound.uid) throw refusal(request, 'node requested token with a pod binding without a uid');
  const { namespace } = request.target;
  const pod: Pod | undefined = request.store.get({ collection: 'pods', namespace, name: bound.name })?.object;
  if (pod === undefined) throw notFound({ group: '', kind: 'pods', name: bound.name });
  if (pod.metadata?.uid !== bound.uid) {
    const why = `the UID in the bound object reference (${bound.uid}) does not match the UID in record. `;
    throw refusal(request, `${why}The object might have been deleted and then recreated`);
  }
  if (pod.spec?.nodeName !== node) {
    throw refusal(request, 'node requested token bound to a pod scheduled on a different node');
  }
  return pod;
}

/** Empty: the API's own. @throws StatusError Forbidden */
function audienceOf(request: AdmissionRequest, { audiences = [] }: TokenRequestSpec): string {
  if (audiences.length > 1) throw refusal(request, 'node may only request 0 or 1 audiences');
  return audiences[0] ?? '';
}

function asksFor(pod: Pod, audience: string, store: Objects): boolean {
  const volumes = pod.spec?.volumes ?? [];
  const sources = volumes.flatMap(({ projected }) => projected?.sources ?? []);
  const projected = sources.flatMap(({ serviceAccountToken }) => serviceAccountToken ?? []);
  if (projected.some((source) => (source.audience ?? '') === audience)) return true;
  const asks = (driver: string | undefined): boolean => driver !== undefined && driverAsksFor(driver, audience, store);
  if (volumes.some(({ csi }) => asks(csi?.driver))) return true;
  return someVolumeClaim(pod, (claim) => asks(driverOfClaim(pod, claim, store)));
}

function driverAsksFor(name: string, audience: string, store: Objects): boolean {
  const driver = store.get({ collection: 'csidrivers.storage.k8s.io', namespace: '', name })?.object;
  const requests = (driver as CSIDriver | undefined)?.spec.tokenRequests ?? [];
  return requests.some((wanted) => wanted.audience === audience);
}

function driverOfClaim({ metadata }: Pod, name: string, store: Objects): string | undefined {
  const key = { collection: 'persistentvolumeclaims', namespace: metadata?.namespace ?? '', name };
  const claim: PersistentVolumeClaim | undefined = store.get(key)?.object;
  const volume = claim?.spec?.volumeName;
  if (!volume) return undefined;
  const place = { collection: 'persistentvolumes', namespace: '', name: volume };
  const found: PersistentVolume | undefined = store.get(place)?.object;
  return found?.spec?.csi?.driver;
}

async function mayAsk(
  { target: { user, namespace, name } }: AdmissionRequest,
  audience: string,
  authorizer: Authorizer | undefined,
): Promise<boolean> {
  const verb = 'request-serviceaccounts-token-audience';
  const what = { group: '', version: 'v1', resource: audience, subresource: '', namespace, name, path: '' };
  const decision = await authorizer?.decide({ user, verb, ...what });
  return decision?.allowed ?? false;
}
