/**
 * Who may do what before RBAC has a say. Names of users, groups, verbs and resources are upstream's, and so are the grants,
 * cut to what naru's own parts do (compare upstream's bootstrap roles `system:node`, `system:kube-scheduler`, …).
 */

export interface AccessRule {
  readonly subject: { readonly kind: 'user' | 'group'; readonly name: string };
  /** `*` for all; on paths, the HTTP method in lower case. */
  readonly verbs: readonly string[];
  /** API groups; with `resources`. */
  readonly groups?: readonly string[];
  /** `pods`, `pods/status`; `*` for all, subresources too. */
  readonly resources?: readonly string[];
  /** Only there. */
  readonly namespace?: string;
  /** Only the object that is named like the node that asks. */
  readonly onlyOwnName?: true;
  /** URLs that name no resource; `*` at the end stands for anything. */
  readonly paths?: readonly string[];
}

const masters = { kind: 'group', name: 'system:masters' } as const;
const authenticated = { kind: 'group', name: 'system:authenticated' } as const;
const unauthenticated = { kind: 'group', name: 'system:unauthenticated' } as const;
const nodes = { kind: 'group', name: 'system:nodes' } as const;
const serviceAccounts = { kind: 'group', name: 'system:serviceaccounts' } as const;
const scheduler = { kind: 'user', name: 'system:kube-scheduler' } as const;
const controllers = { kind: 'user', name: 'system:kube-controller-manager' } as const;

const all = ['*'];
const read = ['get', 'list', 'watch'];
const write = ['create', 'update', 'patch', 'delete'];
const events = { groups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] };
const publicPaths = ['/healthz', '/livez', '/readyz', '/version', '/version/'];

const everybody: readonly AccessRule[] = [
  { subject: masters, verbs: all, groups: all, resources: all, paths: all },
  { subject: unauthenticated, verbs: ['get', 'head'], paths: publicPaths },
  { subject: authenticated, verbs: ['get', 'head'], paths: publicPaths },
  {
    subject: authenticated,
    verbs: ['get'],
    paths: ['/', '/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*', '/healthz/*', '/livez/*', '/readyz/*'],
  },
  {
    subject: authenticated,
    verbs: ['create'],
    groups: ['authorization.k8s.io'],
    resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
  },
  { subject: authenticated, verbs: ['create'], groups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
  {
    subject: serviceAccounts,
    verbs: ['get'],
    paths: [
      '/.well-known/openid-configuration',
      '/.well-known/openid-configuration/',
      '/openid/v1/jwks',
      '/openid/v1/jwks/',
    ],
  },
];

const nodeRules: readonly AccessRule[] = [
  { subject: nodes, ...events },
  { subject: nodes, verbs: read, groups: [''], resources: ['nodes', 'pods', 'services', 'endpoints', 'namespaces'] },
  {
    subject: nodes,
    verbs: read,
    groups: [''],
    resources: ['secrets', 'configmaps', 'persistentvolumeclaims', 'persistentvolumes', 'serviceaccounts'],
  },
  { subject: nodes, verbs: ['create', 'update', 'patch'], groups: [''], resources: ['nodes'], onlyOwnName: true },
  // A create names its object in the body, which is not read yet: the registry compares.
  { subject: nodes, verbs: ['create'], groups: [''], resources: ['nodes', 'pods'] },
  { subject: nodes, verbs: ['update', 'patch'], groups: [''], resources: ['nodes/status'], onlyOwnName: true },
  { subject: nodes, verbs: ['delete'], groups: [''], resources: ['pods'] },
  { subject: nodes, verbs: ['update', 'patch'], groups: [''], resources: ['pods/status'] },
  { subject: nodes, verbs: ['create'], groups: [''], resources: ['pods/eviction', 'serviceaccounts/token'] },
  {
    subject: nodes,
    verbs: ['get', 'update', 'patch', 'delete'],
    groups: ['coordination.k8s.io'],
    resources: ['leases'],
    namespace: 'kube-node-lease',
    onlyOwnName: true,
  },
  {
    subject: nodes,
    verbs: ['create'],
    groups: ['coordination.k8s.io'],
    resources: ['leases'],
    namespace: 'kube-node-lease',
  },
  { subject: nodes, verbs: read, groups: ['discovery.k8s.io'], resources: ['endpointslices'] },
  {
    subject: nodes,
    verbs: read,
    groups: ['networking.k8s.io'],
    resources: ['networkpolicies', 'ingresses', 'servicecidrs'],
  },
  { subject: nodes, verbs: read, groups: ['node.k8s.io'], resources: ['runtimeclasses'] },
  { subject: nodes, verbs: read, groups: ['storage.k8s.io'], resources: ['csidrivers', 'volumeattachments'] },
  {
    subject: nodes,
    verbs: ['create', 'get', 'list', 'watch'],
    groups: ['certificates.k8s.io'],
    resources: ['certificatesigningrequests'],
  },
  { subject: nodes, verbs: ['create'], groups: ['authentication.k8s.io'], resources: ['tokenreviews'] },
  { subject: nodes, verbs: ['create'], groups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'] },
];

const schedulerRules: readonly AccessRule[] = [
  { subject: scheduler, ...events },
  {
    subject: scheduler,
    verbs: read,
    groups: [''],
    resources: [
      'nodes',
      'namespaces',
      'pods',
      'services',
      'replicationcontrollers',
      'persistentvolumes',
      'persistentvolumeclaims',
    ],
  },
  { subject: scheduler, verbs: ['delete'], groups: [''], resources: ['pods'] },
  { subject: scheduler, verbs: ['create'], groups: [''], resources: ['bindings', 'pods/binding'] },
  { subject: scheduler, verbs: ['patch', 'update'], groups: [''], resources: ['pods/status'] },
  { subject: scheduler, verbs: ['update'], groups: [''], resources: ['persistentvolumes', 'persistentvolumeclaims'] },
  { subject: scheduler, verbs: read, groups: ['apps'], resources: ['replicasets', 'statefulsets'] },
  { subject: scheduler, verbs: read, groups: ['policy'], resources: ['poddisruptionbudgets'] },
  { subject: scheduler, verbs: read, groups: ['scheduling.k8s.io'], resources: all },
  { subject: scheduler, verbs: read, groups: ['storage.k8s.io'], resources: all },
  { subject: scheduler, verbs: read, groups: ['resource.k8s.io'], resources: all },
  {
    subject: scheduler,
    verbs: ['update', 'patch'],
    groups: ['resource.k8s.io'],
    resources: ['resourceclaims', 'resourceclaims/status'],
  },
  {
    subject: scheduler,
    verbs: ['create', 'get', 'list', 'watch', 'update'],
    groups: ['coordination.k8s.io'],
    resources: ['leases'],
    namespace: 'kube-system',
  },
];

const controllerRules: readonly AccessRule[] = [
  { subject: controllers, ...events },
  // The garbage collector and the namespace controller look at and remove objects of every kind, CRDs included.
  {
    subject: controllers,
    verbs: [...read, 'patch', 'update', 'delete', 'deletecollection'],
    groups: all,
    resources: all,
  },
  {
    subject: controllers,
    verbs: write,
    groups: [''],
    resources: [
      'configmaps',
      'endpoints',
      'persistentvolumes',
      'persistentvolumeclaims',
      'pods',
      'pods/eviction',
      'secrets',
      'serviceaccounts',
      'serviceaccounts/token',
    ],
  },
  { subject: controllers, verbs: write, groups: ['apps'], resources: ['controllerrevisions', 'replicasets'] },
  { subject: controllers, verbs: write, groups: ['batch'], resources: ['jobs'] },
  { subject: controllers, verbs: write, groups: ['discovery.k8s.io'], resources: ['endpointslices'] },
  { subject: controllers, verbs: write, groups: ['coordination.k8s.io'], resources: ['leases'] },
  { subject: controllers, verbs: write, groups: ['networking.k8s.io'], resources: ['ipaddresses', 'servicecidrs'] },
  { subject: controllers, verbs: write, groups: ['resource.k8s.io'], resources: ['resourceclaims'] },
  { subject: controllers, verbs: write, groups: ['storage.k8s.io'], resources: ['volumeattachments'] },
  { subject: controllers, verbs: ['create'], groups: ['authentication.k8s.io'], resources: ['tokenreviews'] },
  { subject: controllers, verbs: ['create'], groups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'] },
];

/** What RBAC does not give: naru's own parts in one process, and nodes. */
export const componentRules: readonly AccessRule[] = [...nodeRules, ...schedulerRules, ...controllerRules];

/** Where there is no RBAC: also what everybody may. */
export const builtinRules: readonly AccessRule[] = [...everybody, ...componentRules];
