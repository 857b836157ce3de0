/**
 * Upstream's ServiceAccount admission: a pod that names no account runs as `default`, its account must exist, and each container gets
 * the account's token at the well-known path, unless account or pod opts out.
 *
 * The account `default` of a new namespace is made a moment after the namespace: a pod that comes in between waits for it, at most a
 * second, as upstream.
 */
import type { Container, PodSpec, ServiceAccount, Volume } from '../../api/schema/types/core-v1.ts';
import { forbidden } from '../../api/status-error.ts';
import { nameSuffix } from '../../lib/prng.ts';
import type { StoreKey } from '../../store/store.ts';
import type { Draft } from '../draft.ts';
import { draftOf } from '../draft.ts';
import { mirrorAnnotation } from '../validation/pod-annotations.ts';
import { type AdmissionRequest, isPodWrite } from './admission.ts';

const defaultAccount = 'default';
const waitMsMax = 1000;

export async function podServiceAccount(request: AdmissionRequest): Promise<void> {
  const { draft, operation } = request;
  const spec = draft?.['spec'] as Draft<PodSpec> | undefined;
  if (operation !== 'CREATE' || !isPodWrite(request) || spec === undefined) return;
  if (draft?.metadata?.annotations?.[mirrorAnnotation] !== undefined) return checkMirror(request, spec);
  const name = spec.serviceAccountName || defaultAccount;
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
  const account = await accountNamed(request, name);
  if (shouldMount(account, spec)) mountToken(request, spec);
  if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length) {
    spec.imagePullSecrets = draftOf(account.imagePullSecrets);
  }
}

const refuse = ({ draft }: AdmissionRequest, why: string): Error =>
  forbidden({ group: '', kind: 'pods', name: draft?.metadata?.name ?? '' }, why);

function checkMirror(request: AdmissionRequest, spec: Draft<PodSpec>): void {
  if (spec.serviceAccountName) throw refuse(request, 'a mirror pod may not reference service accounts');
  for (const volume of spec.volumes ?? []) {
    const sources = volume.projected?.sources ?? [];
    if (sources.some(({ serviceAccountToken }) => serviceAccountToken)) {
      throw refuse(request, 'a mirror pod may not use ServiceAccountToken volume projections');
    }
  }
}

/** @throws StatusError Forbidden */
async function accountNamed(request: AdmissionRequest, name: string): Promise<ServiceAccount> {
  const { store, target } = request;
  const key = { collection: 'serviceaccounts', namespace: target.namespace, name };
  let entry = store.get(key);
  if (entry === undefined && name === defaultAccount) {
    await appears(request, key);
    entry = store.get(key);
  }
  if (entry !== undefined) return entry.object;
  const which = `error looking up service account ${target.namespace}/${name}`;
  throw refuse(request, `${which}: serviceaccount ${JSON.stringify(name)} not found`);
}

/** Resolves when something stands at `key`, or the time is over. */
function appears({ store, clock }: AdmissionRequest, key: StoreKey): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      timer.cancel();
      watch.cancel();
      resolve();
    };
    const timer = clock.after(waitMsMax, over);
    const watch = store.watch(key, { event: ({ type }) => type === 'added' && over(), end: over });
  });
}

function shouldMount(account: ServiceAccount, spec: Draft<PodSpec>): boolean {
  return spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
}

const volumePrefix = 'kube-api-access-';
const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';

function mountToken({ prng }: AdmissionRequest, spec: Draft<PodSpec>): void {
  // Validation comes later: a volume may lack its name still.
  const standing = spec.volumes?.find(({ name = '' }: Partial<Volume>) => name.startsWith(volumePrefix));
  const name = standing?.name ?? `${volumePrefix}${nameSuffix(prng)}`;
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  const lacking = containers.filter((container) => !mountsThere(container));
  for (const container of lacking) {
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }];
  }
  if (standing === undefined && lacking.length > 0) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

const mountsThere = ({ volumeMounts = [] }: Draft<Container>): boolean =>
  volumeMounts.some((mount) => mount.mountPath === mountPath);

/** An hour and seven seconds: by this figure the token request knows that the pod did not ask for it itself. */
const tokenSeconds = 3607;

function tokenVolume(name: string): Draft<Volume> {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: tokenSeconds, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
      defaultMode: 0o644,
    },
  };
}
