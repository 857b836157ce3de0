import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { remoteOf } from './api-service-index.ts';
import { decideAvailability } from './decide-availability.ts';

const spec = { group: 'g.io', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1 };
const api = remoteOf({ metadata: { name: 'v1.g.io' }, spec: { ...spec, service: { namespace: 'ns', name: 'api' } } });

const service = (more: object = {}): Service => ({
  metadata: { namespace: 'ns', name: 'api' },
  spec: { ports: [{ name: 'https', port: 443 }], ...more },
});

const slice = (name: string, addresses: readonly string[], ready?: boolean): EndpointSlice => ({
  addressType: 'IPv4',
  ports: [{ name, port: 8443 }],
  endpoints: [{ addresses, ...(ready !== undefined && { conditions: { ready } }) }],
});

test('what the API’s objects say of a Service has upstream’s reasons and words', () => {
  assert.ok(api !== undefined);
  const said = (of: Service | undefined, slices: readonly EndpointSlice[] = []): string => {
    const { status, reason, message } = decideAvailability(api, of, slices) ?? {};
    return status === undefined ? 'to be asked' : `${status} ${reason}: ${message}`;
  };
  assert.equal(said(undefined), 'False ServiceNotFound: service/api in "ns" is not present');
  assert.equal(
    said(service({ ports: [{ port: 80 }] })),
    'False ServicePortError: service/api in "ns" is not listening on port 443',
  );
  assert.equal(said(service()), 'False EndpointsNotFound: cannot find endpoints for service/api in "ns"');
  const missing = 'False MissingEndpoints: endpoints for service/api in "ns" have no addresses with port name "https"';
  assert.equal(said(service(), [slice('https', [])]), missing);
  assert.equal(said(service(), [slice('http', ['10.0.0.1'])]), missing);
  assert.equal(said(service(), [slice('https', ['10.0.0.1'], false)]), missing);
  assert.equal(said(service(), [slice('http', ['10.0.0.1']), slice('https', ['10.0.0.1'])]), 'to be asked');
  assert.equal(said(service({ type: 'ExternalName', ports: undefined })), 'to be asked');
});

test('an APIService without a Service is this server’s own, and so are those that nobody else may answer for', () => {
  assert.equal(remoteOf({ spec }), undefined);
  const named = { service: { namespace: 'ns', name: 'api' } };
  assert.equal(remoteOf({ spec: { ...spec, ...named, group: '' } }), undefined);
  assert.equal(remoteOf({ spec: { ...spec, ...named, group: 'apiregistration.k8s.io' } }), undefined);
  assert.equal(remoteOf({ spec: { ...spec, ...named } })?.service.port, 443);
});
