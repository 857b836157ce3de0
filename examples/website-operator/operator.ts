/** The parts, put together: what `main.ts` runs and what the tests start. */
import { allow, controller, deny, type OperatorOptions, validating } from 'naru/operator';
import { owns, reconcile } from './reconcile.ts';
import { convertWebsites, service, type Website, websites } from './website.ts';

/** All that is special here; `namespace` is where the operator itself runs. */
export const websiteOperator = (namespace: string): OperatorOptions => ({
  name: 'website-operator',
  controllers: (context) => [controller<Website>(context, { name: 'website', for: websites, owns, reconcile })],
  health: { port: 8081 },
  webhooks: {
    service: service(namespace),
    serve: [
      convertWebsites,
      validating(websites, ({ object }) => {
        const host = object?.spec.host ?? '';
        if (/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$/.test(host)) return allow();
        return deny(`host ${JSON.stringify(host)} is not a name with a dot, in lower case: a browser cannot visit it`);
      }),
    ],
  },
  leaderElection: { namespace },
});

/** The API asks the operator before a Website is stored; where nobody answers, the schema alone decides. */
export const websiteValidation = (namespace: string) => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  metadata: { name: 'websites.example.com' },
  webhooks: [
    {
      name: 'websites.example.com',
      clientConfig: { service: { ...service(namespace), path: '/validate-websites' } },
      rules: [
        { apiGroups: ['example.com'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['websites'] },
      ],
      failurePolicy: 'Ignore',
      sideEffects: 'None',
      timeoutSeconds: 5,
      admissionReviewVersions: ['v1'],
    },
  ],
});
