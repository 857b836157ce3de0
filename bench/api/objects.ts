/** What the benchmark stores. */

/** A pod of about 2 KB as it lies in the store; `node` binds it. No scheduler looks at it. */
export function podBody(name: string, node?: string): Buffer {
  return body({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: { app: 'web', 'pod-template-hash': '5d8f7c9b6d' } },
    spec: {
      schedulerName: 'nobody',
      ...(node !== undefined && { nodeName: node }),
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'main',
          image: 'registry.example.com/team/web:1.2.3',
          ports: [{ name: 'http', containerPort: 8080 }],
          env: Array.from({ length: 4 }, (_, i) => ({ name: `VARIABLE_${i}`, value: `value of ${i}` })),
          resources: { limits: { cpu: '500m', memory: '256Mi' }, requests: { cpu: '100m', memory: '64Mi' } },
        },
      ],
    },
  });
}

export function configMapBody(name: string, text: string): Buffer {
  return body({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: { text } });
}

function body(object: object): Buffer {
  return Buffer.from(JSON.stringify(object));
}
