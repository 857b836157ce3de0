/**
 * Drivers of dynamic resources that registered with this node, and what is asked of them: to prepare claims, and to give them back.
 *
 * A driver may be there more than once, as while it is updated: the one that came last is asked. What a driver offered in ResourceSlices is
 * removed when it stays away (`slice-wiper.ts`).
 */
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { loadService, PluginClient } from '../plugins/grpc-service.ts';
import type { PluginHandler } from '../plugins/plugin-folder.ts';
import type { ClaimInfo } from './claimed-devices.ts';

/** As kept on disk. */
export interface PreparedDevice {
  /** Of the claim; none: it is for all. */
  readonly requests: readonly string[];
  readonly pool: string;
  readonly device: string;
  readonly cdiIds: readonly string[];
}

/** One claim as drivers know it. */
export type ClaimReference = Pick<ClaimInfo, 'namespace' | 'name' | 'uid'>;

/** Upstream's. */
const callMs = 45_000;
const packageName = 'k8s.io.kubelet.pkg.apis.dra';
/** By what drivers call it when they register, the newest first: what it is called on the wire. */
const services: ReadonlyMap<string, string> = new Map([
  ['v1.DRAPlugin', `${packageName}.v1.DRAPlugin`],
  ['v1beta1.DRAPlugin', `${packageName}.v1beta1.DRAPlugin`],
]);
const instancesMax = 16;

interface Instance {
  readonly endpoint: string;
  readonly client: PluginClient;
}

/** Drivers came or went: what they offer follows. */
export interface DriverWatch {
  came(driver: string): void;
  went(driver: string): void;
}

export interface DraDriversOptions {
  readonly watch?: DriverWatch;
  readonly clock: Clock;
  readonly log: Logger;
}

export class DraDrivers implements PluginHandler {
  readonly #options: DraDriversOptions;
  readonly #drivers = new Map<string, readonly Instance[]>();

  constructor(options: DraDriversOptions) {
    this.#options = options;
  }

  canPrepare(driver: string): boolean {
    return this.#drivers.has(driver);
  }

  async register(driver: string, endpoint: string, versions: readonly string[]): Promise<void> {
    let wireName: string;
    try {
      wireName = chooseService(versions);
    } catch (error) {
      const why = `invalid supported gRPC versions of DRA driver plugin ${driver} at endpoint ${endpoint}`;
      throw new Error(`plugin validation failed with err: ${why}: ${(error as Error).message}`, { cause: error });
    }
    const failed = 'plugin registration failed with err: ';
    const known = (): readonly Instance[] => this.#drivers.get(driver) ?? [];
    const isTaken = (): boolean => known().some((instance) => instance.endpoint === endpoint);
    if (isTaken()) throw new Error(`${failed}endpoint ${endpoint} already registered for DRA driver plugin ${driver}`);
    if (known().length >= instancesMax) throw new Error(`${failed}DRA driver ${driver} is there ${instancesMax} times`);
    const file = fileURLToPath(new URL('dra.proto', import.meta.url));
    const service = await loadService(file, `${packageName}.v1.DRAPlugin`, wireName);
    const client = new PluginClient(service, endpoint, this.#options.clock);
    this.#drivers.set(driver, [...known(), { endpoint, client }]);
    this.#options.watch?.came(driver);
  }

  deregister(driver: string, endpoint: string): void {
    const known = this.#drivers.get(driver) ?? [];
    known.find((instance) => instance.endpoint === endpoint)?.client.close();
    const left = known.filter((instance) => instance.endpoint !== endpoint);
    if (left.length > 0) return void this.#drivers.set(driver, left);
    if (this.#drivers.delete(driver)) this.#options.watch?.went(driver);
  }

  /** For each claim, in order, what the driver prepared. @throws Error in upstream's words */
  async prepare(driver: string, claims: readonly ClaimReference[]): Promise<readonly (readonly PreparedDevice[])[]> {
    const answers = await this.#ask<WirePrepared>('NodePrepareResources', driver, claims);
    return answers.map(({ devices }) => devices.map(deviceOf));
  }

  /** @throws Error in upstream's words */
  async unprepare(driver: string, claims: readonly ClaimReference[]): Promise<void> {
    await this.#ask('NodeUnprepareResources', driver, claims);
  }

  close(): void {
    for (const instances of this.#drivers.values()) for (const { client } of instances) client.close();
    this.#drivers.clear();
  }

  async #ask<T extends WireAnswer>(
    method: string,
    driver: string,
    claims: readonly ClaimReference[],
  ): Promise<readonly T[]> {
    const client = this.#drivers.get(driver)?.at(-1)?.client;
    if (client === undefined) throw new Error(`DRA driver ${driver} is not registered`);
    const request = { claims: claims.map(({ namespace, name, uid }) => ({ namespace, name, uid })) };
    let answers: Readonly<Record<string, T>>;
    try {
      answers = (await client.call<{ claims: Readonly<Record<string, T>> }>(method, request, callMs)).claims;
    } catch (error) {
      throw new Error(`${method}: ${(error as Error).message}`, { cause: error });
    }
    const unknown = Object.keys(answers).find((uid) => !claims.some((claim) => claim.uid === uid));
    if (unknown !== undefined) throw new Error(`${method} returned result for unknown claim UID ${unknown}`);
    for (const { uid, name } of claims) {
      const error = answers[uid]?.error;
      if (error) throw new Error(`${method} failed for ResourceClaim ${name}: ${error}`);
    }
    const found = claims.flatMap(({ uid }) => answers[uid] ?? []);
    if (found.length < claims.length) {
      throw new Error(`${method} skipped ${claims.length - found.length} ResourceClaims`);
    }
    return found;
  }
}

/** The first of the driver's that is known here. */
function chooseService(versions: readonly string[]): string {
  if (versions.length === 0) throw new Error('empty list of supported gRPC services (aka supported versions)');
  const chosen = versions.map((version) => services.get(version)).find((name) => name !== undefined);
  if (chosen !== undefined) return chosen;
  const quoted = (names: Iterable<string>): string => `[${[...names].map((name) => `"${name}"`).join(' ')}]`;
  throw new Error(
    `none of services supported by the plugin (${quoted(versions)}) are supported by the kubelet (${quoted(services.keys())})`,
  );
}

interface WireAnswer {
  readonly error: string;
}
interface WireDevice {
  readonly request_names: readonly string[];
  readonly pool_name: string;
  readonly device_name: string;
  readonly cdi_device_ids: readonly string[];
}
interface WirePrepared extends WireAnswer {
  readonly devices: readonly WireDevice[];
}

function deviceOf({ request_names, pool_name, device_name, cdi_device_ids }: WireDevice): PreparedDevice {
  return { requests: request_names, pool: pool_name, device: device_name, cdiIds: cdi_device_ids };
}
