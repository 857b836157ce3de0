/** How the kinds of the Gateway API are printed: by columns that their CustomResourceDefinitions name. */
import type { CustomResourceColumnDefinition } from '../schema/types/apiextensions-v1.ts';
import type { Printer } from './column.ts';
import { customPrinter } from './custom.ts';

type Definition = CustomResourceColumnDefinition;

const text = (name: string, jsonPath: string): Definition => ({ name, type: 'string', jsonPath });
const age: Definition = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };
const condition = (name: string): Definition => text(name, `.status.conditions[?(@.type=="${name}")].status`);
const hostnames = text('Hostnames', '.spec.hostnames');

const columns: Readonly<Record<string, readonly Definition[]>> = {
  backendtlspolicies: [age],
  gatewayclasses: [
    text('Controller', '.spec.controllerName'),
    condition('Accepted'),
    age,
    { ...text('Description', '.spec.description'), priority: 1 },
  ],
  gateways: [
    text('Class', '.spec.gatewayClassName'),
    text('Address', '.status.addresses[*].value'),
    condition('Programmed'),
    age,
  ],
  grpcroutes: [hostnames, age],
  httproutes: [hostnames, age],
  listenersets: [condition('Accepted'), condition('Programmed'), age],
  referencegrants: [age],
  tcproutes: [age],
  tlsroutes: [age],
  udproutes: [age],
};

export const gatewayPrinters: Readonly<Record<string, Printer>> = Object.fromEntries(
  Object.entries(columns).map(([resource, all]) => [`${resource}.gateway.networking.k8s.io`, customPrinter(all)]),
);
