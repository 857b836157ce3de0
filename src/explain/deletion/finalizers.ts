/**
 * What well-known finalizers are for: who takes each away, what it waits for, and what is left behind where somebody takes it away by hand. Names that are
 * not here belong to some operator, and `keeper.ts` looks for it. A new finalizer is a row. Pure.
 */

export interface KnownFinalizer {
  readonly pattern: RegExp;
  /** Who takes it away. */
  readonly keeper: string;
  readonly waitsFor: string;
  readonly leaves: string;
  /** A part of naru: it runs wherever the cluster does. */
  readonly isOwn: boolean;
}

const own = (pattern: RegExp, keeper: string, waitsFor: string, leaves: string): KnownFinalizer => ({
  pattern,
  keeper,
  waitsFor,
  leaves,
  isOwn: true,
});
const foreign = (pattern: RegExp, keeper: string, waitsFor: string, leaves: string): KnownFinalizer => ({
  pattern,
  keeper,
  waitsFor,
  leaves,
  isOwn: false,
});

const rows: readonly KnownFinalizer[] = [
  own(
    /^kubernetes\.io\/pvc-protection$/,
    'the storage protection of the cluster',
    'the pods that use the claim to be gone',
    'pods would lose their volume while they write to it',
  ),
  own(
    /^kubernetes\.io\/pv-protection$/,
    'the storage protection of the cluster',
    'the claim that it is bound to, to be gone',
    'a claim would lose its volume and be Lost',
  ),
  own(
    /^kubernetes\.io\/vac-protection$/,
    'the storage protection of the cluster',
    'the volumes that use it',
    'volumes would name a class that is gone',
  ),
  own(
    /^foregroundDeletion$/,
    'the garbage collector',
    'the objects that it owns, which are deleted first',
    'what it owns would be deleted later, in the background',
  ),
  own(/^orphan$/, 'the garbage collector', 'its objects to be let go', 'what it owns might be deleted with it'),
  own(
    /^customresourcecleanup\.apiextensions\.k8s\.io$/,
    'the control loop of definitions',
    'all objects of its kind to be gone',
    'objects of the kind would stay in the store, and come back when the definition does',
  ),
  own(
    /^batch\.kubernetes\.io\/job-tracking$/,
    'the Job controller',
    "its end to be counted in the Job's status",
    'the Job might count this pod wrongly and start another one',
  ),
  own(
    /^service\.kubernetes\.io\/load-balancer-cleanup$/,
    'whoever serves load balancers',
    'its load balancer to be given back',
    'a load balancer outside the cluster could go on running, and cost money',
  ),
  own(
    /^scheduling\.k8s\.io\/podgroup-protection$/,
    'the protection of pod groups',
    'the pods of the group to be gone',
    'its pods would belong to a group that is gone',
  ),
  own(
    /^kubernetes$/,
    'the namespace controller',
    'everything in the namespace to be gone',
    'what is in it could not be reached any more, and would stay in the store for ever',
  ),
  foreign(
    /^external-(provisioner|attacher|resizer|snapshotter)|snapshot\.storage\.kubernetes\.io|^csi|attacher/,
    "the storage driver's controller",
    'the volume to be detached or deleted at the storage',
    'a volume would stay at the storage, attached or undeleted',
  ),
  foreign(
    /argocd\.argoproj\.io/,
    'Argo CD',
    'everything that the application deployed to be deleted',
    'what the application deployed would stay and run on',
  ),
  foreign(
    /cert-manager\.io/,
    'cert-manager',
    'the challenge or order to be cleaned up',
    'DNS records or solver pods of a challenge could stay',
  ),
  foreign(/finalizers\.fluxcd\.io/, 'Flux', 'what it deployed to be pruned', 'what it deployed would stay and run on'),
  foreign(
    /crossplane\.io/,
    'Crossplane',
    'the resource at the cloud to be deleted',
    'the resource at the cloud would go on running, and cost money',
  ),
  foreign(/cattle\.io/, 'Rancher', 'its clean-up', 'objects of Rancher could stay'),
  foreign(/longhorn\.io/, 'Longhorn', 'its replicas to be removed', 'data of the volume would stay on the nodes'),
  foreign(
    /postgres|cnpg|zalando|crunchydata/,
    "the database's operator",
    'the database to be taken down',
    'volumes, backups or pods of the database could stay',
  ),
];

export const knownFinalizer = (name: string): KnownFinalizer | undefined =>
  rows.find(({ pattern }) => pattern.test(name));
