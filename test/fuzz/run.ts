/** A run: so many requests in so many quarters, many in flight, and all that was wrong with any of them. */
import type { JsonObject } from '../../src/api/object.ts';
import type { ResourceInfo } from '../../src/api/resources.ts';
import { customDefinition, customServed } from './make/custom-kind.ts';
import { makeRequest } from './make/families.ts';
import { collectionPath, served } from './make/paths.ts';
import { describeRequest, type FuzzRequest, type User } from './make/request.ts';
import { faultOf } from './oracle.ts';
import { readBackFault, storedObject } from './read-back.ts';
import type { Received } from './send/answer.ts';
import { Http1Client } from './send/http1.ts';
import { Http2Client } from './send/http2.ts';
import type { FuzzedServer } from './server.ts';

const inFlight = 48;
/** Enough to see what they have in common. */
const faultsMax = 40;
const readBackShare = 2;
/** What the run has made bears a label. */
const all = '?labelSelector=app&gracePeriodSeconds=0&propagationPolicy=Background';

export class Run {
  readonly #server: FuzzedServer;
  readonly #seed: number;
  readonly #http1: Readonly<Record<User, Http1Client>>;
  readonly #http2: Readonly<Record<User, Http2Client>>;
  readonly #sending = new Set<FuzzRequest>();
  readonly faults: string[] = [];
  /** How many answers there were of each status. */
  readonly statuses = new Map<number, number>();
  readonly slowest: { ms: number; request: string } = { ms: 0, request: '' };
  requests = 0;
  readBacks = 0;

  constructor(server: FuzzedServer, seed: number) {
    this.#server = server;
    this.#seed = seed;
    const { admin, anonymous, node } = server.users;
    this.#http1 = { admin: new Http1Client(admin), anonymous: new Http1Client(anonymous), node: new Http1Client(node) };
    this.#http2 = { admin: new Http2Client(admin), anonymous: new Http2Client(anonymous), node: new Http2Client(node) };
  }

  /** Namespaces, and the objects that others name. */
  async prepare(): Promise<void> {
    for (const name of ['fuzz-1', 'fuzz-2', 'fuzz-3']) await this.#put('/api/v1/namespaces', { metadata: { name } });
    const containers = [{ name: 'main', image: 'web:1' }];
    const pod = { metadata: { name: 'a' }, spec: { containers, nodeName: 'node-a' } };
    await this.#put('/api/v1/namespaces/default/pods', pod);
    await this.#put('/api/v1/namespaces/default/configmaps', { metadata: { name: 'a' }, data: { a: 'b' } });
    await this.#put('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', customDefinition);
    await this.#isServed(customServed);
  }

  /** A definition is established a moment after it was made. */
  async #isServed(resources: readonly ResourceInfo[]): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      const answers = await Promise.all(resources.map((each) => this.#send(good('GET', collectionPath(each, '')))));
      if (answers.every(({ status }) => status === 200)) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    this.#note('the custom kind is not served', resources.map(({ version }) => version).join(', '));
  }

  async #put(path: string, object: JsonObject): Promise<void> {
    const { status, body } = await this.#send(good('POST', path, Buffer.from(JSON.stringify(object))));
    if (status !== 201) this.#note('the run cannot be prepared', `POST ${path}: ${status} ${body.toString()}`);
  }

  /** Requests `from` up to `to`, all answered. */
  async requestsBetween(from: number, to: number): Promise<void> {
    let next = from;
    const work = async (): Promise<void> => {
      while (next < to && this.faults.length < faultsMax && this.#server.ended() === undefined) await this.one(next++);
    };
    await Promise.all(Array.from({ length: inFlight }, work));
    const ended = this.#server.ended();
    if (ended !== undefined) this.#note(ended, [...this.#sending].map(describeRequest).join('\n  '));
  }

  async one(index: number): Promise<Received | undefined> {
    const request = makeRequest(this.#seed, index);
    this.#sending.add(request);
    const received = await this.#judged(request).catch((error: unknown) => {
      this.#note(`the judge failed: ${error instanceof Error ? error.stack : String(error)}`, describeRequest(request));
      return undefined;
    });
    if (this.#server.ended() === undefined) this.#sending.delete(request);
    return received;
  }

  async #judged(request: FuzzRequest): Promise<Received | undefined> {
    this.requests++;
    if (request.raw !== undefined) return this.#raw(request);
    if (request.abuse !== undefined) {
      await this.#http2[request.user].abuse(request);
      return undefined;
    }
    const received = await this.#send(request);
    if (this.#server.ended() !== undefined) return received;
    const fault = faultOf(request, received);
    if (fault !== undefined) this.#note(fault, describeRequest(request), received);
    else if (request.user === 'admin' && request.index % readBackShare === 0) await this.#readBack(request, received);
    return received;
  }

  async #readBack(request: FuzzRequest, received: Received): Promise<void> {
    const stored = storedObject(request, received);
    if (stored === undefined) return;
    this.readBacks++;
    const fault = await readBackFault((each) => this.#send(each), request, stored);
    if (fault !== undefined) this.#note(`accepted, but ${fault}`, describeRequest(request), received);
  }

  async #raw(request: FuzzRequest): Promise<undefined> {
    const answer = (await this.#http1[request.user].raw(request)).toString('latin1');
    const [, status = ''] = /^HTTP\/1\.1 (5\d\d)/m.exec(answer) ?? [];
    if (status !== '' && status !== '503') this.#note(`a fault of the server's: ${status}`, describeRequest(request));
  }

  async #send(request: FuzzRequest): Promise<Received> {
    const overHttp2 =
      request.transport === 'http2' && fitsHttp2(request) ? await this.#http2[request.user].send(request) : undefined;
    const received = overHttp2 ?? (await this.#http1[request.user].send({ ...request, transport: 'http1' }));
    this.statuses.set(received.status, (this.statuses.get(received.status) ?? 0) + 1);
    if (received.ms > this.slowest.ms)
      Object.assign(this.slowest, { ms: received.ms, request: describeRequest(request) });
    return received;
  }

  #note(fault: string, description: string, received?: Received): void {
    if (this.faults.length >= faultsMax) return;
    const answer = received && `\n  → ${received.status} ${received.body.subarray(0, 600).toString()}`;
    this.faults.push(`${fault}\n  ${description}${answer ?? ''}`);
  }

  /** Takes away what the run has made, so that quarters can be compared. */
  async clear(): Promise<void> {
    const deletable = served.filter(({ verbs }) => verbs.includes('deletecollection'));
    await Promise.all(
      deletable.flatMap((resource) => {
        const namespaces = resource.namespaced ? ['default', 'fuzz-1', 'fuzz-2', 'fuzz-3'] : [''];
        return namespaces.map((namespace) =>
          this.#send(good('DELETE', `${collectionPath(resource, namespace)}${all}`)),
        );
      }),
    );
  }

  /** How long a good request takes now. */
  async goodRequestMs(): Promise<number> {
    const received = await this.#send(good('GET', '/api/v1/namespaces/default'));
    if (received.status !== 200) this.#note('a good request fails', `status ${received.status} ${received.problem}`);
    return received.ms;
  }

  /** The text of `/metrics`. */
  async metrics(): Promise<string> {
    return (await this.#send(good('GET', '/metrics'))).body.toString();
  }

  async disconnect(): Promise<void> {
    const clients = [...Object.values(this.#http1), ...Object.values(this.#http2)];
    await Promise.all(clients.map((client) => client.close()));
  }
}

/** The library under HTTP/2, on either side, ends the whole connection of whoever sends a longer header. */
function fitsHttp2({ path, headers }: FuzzRequest): boolean {
  return [path, ...Object.values(headers)].every(({ length }) => length < 60_000);
}

function good(method: string, path: string, body?: Buffer): FuzzRequest {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  return { index: -1, family: 'good', user: 'admin', transport: 'http2', method, path, headers, body };
}
