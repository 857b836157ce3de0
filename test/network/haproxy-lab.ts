/** The real HAProxy on free ports of loopback, servers that say what they were asked, and clients. All of it ends with `close`. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { RealClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { Haproxy, type HaproxySettings } from '../../src/network/gateway/haproxy/process.ts';
import type { Refusal } from '../../src/network/gateway/haproxy/rendering.ts';
import type { Plan } from '../../src/network/gateway/plan.ts';

/** What a server of the lab was asked. */
export interface Asked {
  readonly server: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  /** Where a server of the lab answered. */
  readonly asked: Asked | undefined;
}

export interface AskOptions {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  readonly agent?: http.Agent;
  /** Over TLS, by this server name. */
  readonly serverName?: string;
}

/** What a server does instead of saying what it was asked. */
export type Behaviour = (request: http.IncomingMessage, response: http.ServerResponse, asked: Asked) => void;

export interface LabServer {
  readonly name: string;
  readonly port: number;
  readonly asked: Asked[];
  readonly http: http.Server | https.Server;
}

const settings: HaproxySettings = { threads: 2, connectionsMax: 2000, accessLog: 'off' };

export class HaproxyLab {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'naru-ha-'));
  readonly clock = new RealClock({ keepsAlive: true });
  readonly #servers: LabServer[] = [];
  haproxy = this.newHaproxy();

  /** Another one for the same folder, as after a restart of the agent. */
  newHaproxy(): Haproxy {
    return new Haproxy({ folder: this.folder, id: path.basename(this.folder), clock: this.clock, log: silentLogger });
  }

  /** Resolves when all of it is in force. */
  async apply(plan: Plan, more: Partial<HaproxySettings> = {}): Promise<readonly Refusal[]> {
    for (;;) {
      const { refusals, againMs } = await this.haproxy.apply(plan, { ...settings, ...more });
      if (againMs === undefined) return refusals;
      await this.clock.sleep(againMs);
    }
  }

  async server(name: string, behaviour: Behaviour = sayWhatWasAsked, tls?: https.ServerOptions): Promise<LabServer> {
    const asked: Asked[] = [];
    const listener = (request: http.IncomingMessage, response: http.ServerResponse): void => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const one = { ...factsOf(name, request), body: Buffer.concat(parts).toString() };
        asked.push(one);
        behaviour(request, response, one);
      });
    };
    const made = tls === undefined ? http.createServer(listener) : https.createServer(tls, listener);
    made.listen(0, '127.0.0.1');
    await once(made, 'listening');
    const server = { name, port: (made.address() as AddressInfo).port, asked, http: made };
    this.#servers.push(server);
    return server;
  }

  async close(): Promise<void> {
    await this.haproxy.close();
    const last = this.newHaproxy();
    await last.stop();
    await last.close();
    for (const { http: server } of this.#servers) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const sayWhatWasAsked: Behaviour = (_, response, asked) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(asked));
};

function factsOf(server: string, { method = '', url = '', headers }: http.IncomingMessage): Omit<Asked, 'body'> {
  return { server, method, url, headers: headers as Record<string, string> };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** One request on a connection of its own, unless an agent is given. @throws Error where no answer comes */
export async function ask(port: number, options: AskOptions = {}): Promise<Answer> {
  const { path: url = '/', method = 'GET', headers = {}, body, agent = false, serverName } = options;
  const common = { host: '127.0.0.1', port, path: url, method, headers: headers as http.OutgoingHttpHeaders, agent };
  const request =
    serverName === undefined
      ? http.request(common)
      : https.request({ ...common, servername: serverName, rejectUnauthorized: false });
  request.end(body);
  const response = await responseOf(request);
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  return { status: response.statusCode ?? 0, headers: response.headers, body: text, asked: askedIn(text) };
}

/** A connection that was kept may end just when it is used again (RFC 9112, section 9.5): then the client is to ask again. */
export class KeptConnectionEnded extends Error {}

async function responseOf(request: http.ClientRequest): Promise<http.IncomingMessage> {
  try {
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    return response;
  } catch (error) {
    if (request.reusedSocket) throw new KeptConnectionEnded((error as Error).message);
    throw error;
  }
}

function askedIn(text: string): Asked | undefined {
  if (!text.startsWith('{"server"')) return undefined;
  return JSON.parse(text) as Asked;
}

/** A self-signed certificate: key and chain, and the chain alone. */
export function selfSigned(name: string): { pem: string; key: string; certificate: string } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-pem-'));
  try {
    const [keyFile, file] = [path.join(folder, 'key'), path.join(folder, 'certificate')];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'];
    const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
    execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', keyFile, '-out', file, ...subject], { stdio: 'pipe' });
    const [key, certificate] = [readFileSync(keyFile, 'utf8'), readFileSync(file, 'utf8')];
    return { pem: key + certificate, key, certificate };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
