/**
 * The ports that every node gives to a Service: those asked for, and free ones for the rest. A number is one Service's, whatever the
 * protocol; within it, a new Service shares a number between protocols only where they are one port of its own, as DNS is.
 */
import { invalidValue } from '../../api/field-error.ts';
import type { Service, ServicePort, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import { type FieldError, internalError } from '../../api/status-error.ts';
import type { Draft } from '../draft.ts';
import { nodePortRange, type Reservations } from '../service-addresses.ts';
import { needsHealthCheck } from '../validation/service.ts';
import { getsNodePorts } from './service-fields.ts';

type Spec = Draft<NonNullable<Service['spec']>>;

/** The first number that cannot be had. @throws StatusError InternalError for the port of the health check, as upstream */
export function allocateNodePorts(spec: Spec, old: ServiceSpec | undefined, reservations: Reservations): FieldError[] {
  const taken = new Taken(reservations);
  if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') {
    const errors = old === undefined ? forNew(spec, taken) : forChanged(spec, old, taken);
    if (errors.length > 0) return errors;
  }
  if (needsHealthCheck(spec)) giveHealthPort(spec, old, taken);
  return [];
}

/** What this Service has got by now: nothing is given twice. */
class Taken {
  readonly #reservations: Reservations;
  readonly #numbers = new Set<number>();

  constructor(reservations: Reservations) {
    this.#reservations = reservations;
  }

  has(port: number): boolean {
    return this.#numbers.has(port);
  }

  /** Why it cannot be had; undefined: it is taken now. */
  take(port: number): string | undefined {
    const { first, last } = nodePortRange;
    if (port < first || port > last) {
      return `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
    }
    if (this.#numbers.has(port) || !this.#reservations.takeNodePort(port)) return 'provided port is already allocated';
    this.#numbers.add(port);
    return undefined;
  }

  free(): number {
    const port = this.#reservations.freeNodePort();
    this.#numbers.add(port);
    return port;
  }
}

const nodePortPath = (index: number): string => `spec.ports[${index}].nodePort`;

function forNew(spec: Spec, taken: Taken): FieldError[] {
  const ports = spec.ports ?? [];
  const given = new Map<number, number>();
  for (const [index, port] of ports.entries()) {
    if (!port.nodePort && !getsNodePorts(spec)) continue;
    const shared = given.get(port.port);
    if (shared !== undefined && (!port.nodePort || port.nodePort === shared)) {
      port.nodePort = shared;
      continue;
    }
    const wanted = shared === undefined ? wantedFor(port.port, ports) : port.nodePort;
    const why = wanted ? taken.take(wanted) : undefined;
    if (why !== undefined) return [invalidValue(nodePortPath(index), wanted, why)];
    port.nodePort = wanted || taken.free();
    if (shared === undefined) given.set(port.port, port.nodePort);
  }
  return [];
}

/** The number that any of a port's protocols asks for. */
function wantedFor(port: number, ports: readonly Draft<ServicePort>[]): number | undefined {
  return ports.find((other) => other.port === port && other.nodePort)?.nodePort;
}

/** What it had it keeps. */
function forChanged(spec: Spec, old: ServiceSpec, taken: Taken): FieldError[] {
  const before = new Set((old.ports ?? []).map(({ nodePort }) => nodePort));
  for (const [index, port] of (spec.ports ?? []).entries()) {
    if (!port.nodePort) {
      if (getsNodePorts(spec)) port.nodePort = taken.free();
    } else if (!before.has(port.nodePort) && !taken.has(port.nodePort)) {
      const why = taken.take(port.nodePort);
      if (why !== undefined) return [invalidValue(nodePortPath(index), port.nodePort, why)];
    }
  }
  return [];
}

function giveHealthPort(spec: Spec, old: ServiceSpec | undefined, taken: Taken): void {
  const port = spec.healthCheckNodePort;
  if (!port) spec.healthCheckNodePort = taken.free();
  else if (old === undefined || !needsHealthCheck(old)) {
    const why = taken.take(port);
    if (why === undefined) return;
    throw internalError(new Error(`failed to allocate requested HealthCheck NodePort ${port}: ${why}`));
  }
}
