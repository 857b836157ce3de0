/** Whom the default ClusterRoles are given to, and the Roles of the cluster's own namespaces. Facts of Kubernetes 1.36. */

const manager = 'User:system:kube-controller-manager';
const scheduler = 'User:system:kube-scheduler';

/** By the name of both the binding and its role. Nobody is bound to `system:node`: what nodes may is decided for each by itself. */
export const clusterRoleSubjects: Readonly<Record<string, readonly string[]>> = {
  'cluster-admin': ['Group:system:masters'],
  'system:monitoring': ['Group:system:monitoring'],
  'system:discovery': ['Group:system:authenticated'],
  'system:basic-user': ['Group:system:authenticated'],
  'system:public-info-viewer': ['Group:system:authenticated', 'Group:system:unauthenticated'],
  'system:node-proxier': ['User:system:kube-proxy'],
  'system:kube-controller-manager': [manager],
  'system:kube-dns': ['kube-system/kube-dns'],
  'system:kube-scheduler': [scheduler],
  'system:volume-scheduler': [scheduler],
  'system:node': [],
  'naru:node-network': ['Group:system:nodes'],
  'system:service-account-issuer-discovery': ['Group:system:serviceaccounts'],
  'system:cluster-trust-bundle-discovery': ['Group:system:serviceaccounts'],
};

const bootstrapTokens = 'Group:system:bootstrappers:kubeadm:default-node-token';
const nodeRequests = 'system:certificates.k8s.io:certificatesigningrequests';

/**
 * How machines join and stay: whoever holds a bootstrap token may ask for a node's certificate, and a node for its own next one. Upstream
 * leaves these to whoever sets up the cluster; names and group are those of kubeadm, so that its tokens and habits work.
 */
export const joiningBindings: readonly { readonly name: string; readonly role: string; readonly subject: string }[] = [
  { name: 'kubeadm:kubelet-bootstrap', role: 'system:node-bootstrapper', subject: bootstrapTokens },
  { name: 'kubeadm:node-autoapprove-bootstrap', role: `${nodeRequests}:nodeclient`, subject: bootstrapTokens },
  {
    name: 'kubeadm:node-autoapprove-certificate-rotation',
    role: `${nodeRequests}:selfnodeclient`,
    subject: 'Group:system:nodes',
  },
];

export interface NamespacedDefault {
  readonly namespace: string;
  readonly name: string;
  /** Absent: only a binding. */
  readonly rules?: readonly string[];
  /** Absent: only a role. */
  readonly subjects?: readonly string[];
  /** What is bound, where it has not the binding's name. */
  readonly role?: string;
}

const system = 'kube-system';
const events = 'create,patch,update core,events.k8s.io events';
const leading = [
  'create,get,list,update,watch coordination.k8s.io leases',
  'create,get,list,update,watch coordination.k8s.io leasecandidates',
];

export const bootstrapRoles: readonly NamespacedDefault[] = [
  {
    namespace: system,
    name: 'naru:node-network',
    rules: ['read core configmaps naru-acme-challenges,naru-network'],
    subjects: ['Group:system:nodes'],
  },
  {
    namespace: system,
    name: 'extension-apiserver-authentication-reader',
    rules: ['read core configmaps extension-apiserver-authentication'],
  },
  {
    namespace: system,
    name: 'system::extension-apiserver-authentication-reader',
    role: 'extension-apiserver-authentication-reader',
    subjects: [manager, scheduler],
  },
  {
    namespace: system,
    name: 'system::leader-locking-kube-controller-manager',
    rules: leading,
    subjects: [manager, 'kube-system/kube-controller-manager', 'kube-system/leader-election-controller'],
  },
  {
    namespace: system,
    name: 'system::leader-locking-kube-scheduler',
    rules: leading,
    subjects: [scheduler, 'kube-system/kube-scheduler'],
  },
  {
    namespace: system,
    name: 'system:controller:bootstrap-signer',
    rules: ['read core secrets'],
    subjects: ['kube-system/bootstrap-signer'],
  },
  {
    namespace: system,
    name: 'system:controller:cloud-provider',
    rules: ['create,get,list,watch core configmaps'],
    subjects: ['kube-system/cloud-provider'],
  },
  {
    namespace: system,
    name: 'system:controller:external-dns-controller',
    // Keys of name servers, by the names that the settings say.
    rules: ['get core secrets', 'get core configmaps naru-network'],
    subjects: ['kube-system/external-dns-controller'],
  },
  {
    namespace: system,
    name: 'system:controller:token-cleaner',
    rules: ['delete,get,list,watch core secrets', events],
    subjects: ['kube-system/token-cleaner'],
  },
  {
    namespace: 'kube-public',
    name: 'system:controller:bootstrap-signer',
    rules: ['read core configmaps', 'update core configmaps cluster-info', events],
    subjects: ['kube-system/bootstrap-signer'],
  },
];
