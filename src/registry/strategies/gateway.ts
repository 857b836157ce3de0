/**
 * gateway.networking.k8s.io, served from the start as upstream's CustomResourceDefinitions declare it: generations count, a PUT says what it
 * replaces, bounds and expressions hold for spec and status alike, and a new object has the status that its schema gives it, or none.
 */
import type { JsonObject, KubeObject } from '../../api/object.ts';
import { builtinSchema } from '../../api/schema/load.ts';
import type { MessageType } from '../../api/schema/schema.ts';
import { applySchemaDefaults } from '../../api/schema-defaults.ts';
import type { Draft } from '../draft.ts';
import type { Strategy } from '../strategy.ts';
import { gatewayRules } from '../validation/gateway-rules.ts';
import { validateStructure } from '../validation/value-rules.ts';

const group = 'gateway.networking.k8s.io';

function strategyOf(kind: string): Strategy {
  const type = (): MessageType => {
    const found = builtinSchema().kind({ group, version: 'v1', kind });
    if (found === undefined) throw new Error(`The tables have no kind ${kind}: run npm run generate-schema.`);
    return found;
  };
  return {
    generation: true,
    allowUnconditionalUpdate: false,
    prepareForCreate: (draft) => setFirstStatus(type(), draft),
    validate: (object, old) => validateStructure(type(), object, ['spec'], gatewayRules, old),
    validateStatusUpdate: (object, old) => validateStructure(type(), object, ['status'], gatewayRules, old),
  };
}

function setFirstStatus(type: MessageType, draft: Draft<KubeObject>): void {
  const { status } = applySchemaDefaults(type, {});
  const object = draft as JsonObject;
  if (status === undefined) delete object['status'];
  else object['status'] = status;
}

const kinds: Readonly<Record<string, string>> = {
  backendtlspolicies: 'BackendTLSPolicy',
  gatewayclasses: 'GatewayClass',
  gateways: 'Gateway',
  grpcroutes: 'GRPCRoute',
  httproutes: 'HTTPRoute',
  listenersets: 'ListenerSet',
  referencegrants: 'ReferenceGrant',
  tcproutes: 'TCPRoute',
  tlsroutes: 'TLSRoute',
  udproutes: 'UDPRoute',
};

/** By group-resource. */
export const gatewayStrategies: Readonly<Record<string, Strategy>> = Object.fromEntries(
  Object.entries(kinds).map(([resource, kind]) => [`${resource}.${group}`, strategyOf(kind)]),
);
