/** What the operator needs in the cluster: its kind, its webhook, an account with just the rights that it uses, and its Deployment and Service. */
import { websiteValidation } from './operator.ts';
import { service, websiteDefinition } from './website.ts';

const image = 'website-operator:latest';

/** One JSON object a line, which is YAML, too. */
export const manifests = (namespace: string): string =>
  all(namespace)
    .map((object) => `---\n${JSON.stringify(object)}\n`)
    .join('');

function all(namespace: string): readonly object[] {
  const metadata = service(namespace);
  const { name } = metadata;
  const labels = { 'app.kubernetes.io/name': name };
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  const rbac = 'rbac.authorization.k8s.io';
  const every = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
  const clusterRules = [
    { apiGroups: ['example.com'], resources: ['websites'], verbs: ['get', 'list', 'watch', 'patch', 'update'] },
    { apiGroups: ['example.com'], resources: ['websites/status', 'websites/finalizers'], verbs: ['patch', 'update'] },
    { apiGroups: [''], resources: ['configmaps', 'services'], verbs: every },
    { apiGroups: ['apps'], resources: ['deployments'], verbs: every },
    { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: every },
    { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] },
    // Whom to trust: the operator tells it to those that call it.
    {
      apiGroups: ['admissionregistration.k8s.io'],
      resources: ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'],
      verbs: ['list', 'update'],
    },
    { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['list', 'update'] },
  ];
  const ownRules = [
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
    { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'create', 'update'] },
  ];
  const roleRef = (kind: string) => ({ apiGroup: rbac, kind, name });
  const container = {
    name: 'operator',
    image,
    env: [{ name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } }],
    ports: [{ name: 'webhooks', containerPort: 9443 }],
    readinessProbe: { httpGet: { path: '/readyz', port: 8081 } },
    livenessProbe: { httpGet: { path: '/healthz', port: 8081 } },
    resources: { requests: { cpu: '10m', memory: '100Mi' } },
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
  };
  return [
    websiteDefinition(namespace),
    websiteValidation(namespace),
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules: clusterRules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: roleRef('ClusterRole'),
      subjects,
    },
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata, rules: ownRules },
    { apiVersion: `${rbac}/v1`, kind: 'RoleBinding', metadata, roleRef: roleRef('Role'), subjects },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ port: 443, targetPort: 'webhooks' }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: name,
            securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
            containers: [container],
          },
        },
      },
    },
  ];
}
