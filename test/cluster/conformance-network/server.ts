/**
 * What upstream's suite has its netexec server for; runs in a container, and imports nothing but Node.js.
 *
 * On each port of HTTP: `/hostname` (NAME), `/clientip`, `/echo` (the body), `/healthz` (503 where the file /tmp/unready is), and for the test's own use
 * `/dial?protocol=…&host=…&port=…&request=…&tries=…` (asks another server, each time anew; `from`: the UDP port to ask from), `/run?argv=…` (JSON; a program's
 * output), `/https?url=…&token=…`. On each port of UDP: `hostname`, `clientip`, `echo TEXT`. With IGNORE_TERM it serves until it is killed.
 */
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import os from 'node:os';
import process from 'node:process';

const { NAME = os.hostname(), HTTP = '8080', UDP = '', POD_IP = '0.0.0.0', IGNORE_TERM } = process.env;
const portsOf = (list: string): number[] => list.split(',').filter(Boolean).map(Number);
const plain = (address = ''): string => address.replace(/^::ffff:/, '');

interface Dialed {
  readonly host: string;
  readonly port: number;
  readonly request: string;
  readonly timeoutMs: number;
  readonly from: number;
  readonly body: Buffer;
}

async function textOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function askHttp({ host, port, request, timeoutMs, body }: Dialed): Promise<string> {
  const signal = AbortSignal.timeout(timeoutMs);
  const asking = http.request({ host, port, path: `/${request}`, agent: false, signal, method: 'POST' });
  asking.end(body);
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  return (await textOf(answer)).toString();
}

async function askUdp({ host, port, request, timeoutMs, from, body }: Dialed): Promise<string> {
  const socket = createSocket('udp4');
  try {
    socket.bind(from);
    await once(socket, 'listening');
    socket.connect(port, host);
    await once(socket, 'connect');
    socket.send(`${request} ${body.toString()}`.trim());
    const [message] = (await once(socket, 'message', { signal: AbortSignal.timeout(timeoutMs) })) as [Buffer];
    return message.toString();
  } finally {
    socket.close();
  }
}

async function dial(query: URLSearchParams, body: Buffer): Promise<unknown> {
  const ask = query.get('protocol') === 'udp' ? askUdp : askHttp;
  const number = (name: string, otherwise: number): number => Number(query.get(name) ?? otherwise);
  const dialed: Dialed = {
    host: query.get('host') ?? '',
    port: number('port', 80),
    request: query.get('request') ?? 'hostname',
    timeoutMs: number('timeoutMs', 2000),
    from: number('from', 0),
    body,
  };
  const answers: string[] = [];
  const errors: string[] = [];
  for (let left = number('tries', 1); left > 0; left--) {
    try {
      answers.push(await ask(dialed));
    } catch (error) {
      errors.push((error as NodeJS.ErrnoException).code ?? String(error));
    }
  }
  return { answers, errors };
}

function run(argv: readonly string[]): Promise<unknown> {
  const [program = '', ...args] = argv;
  return new Promise((resolve) => {
    const options = { timeout: 20_000 };
    execFile(program, args, options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : (error.code ?? 1), stdout, stderr }),
    );
  });
}

/** Who is asked must show a certificate of the authority that pods are given. */
async function askHttps(query: URLSearchParams): Promise<unknown> {
  const ca = readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/ca.crt');
  const headers = { authorization: `Bearer ${query.get('token') ?? ''}` };
  const asking = https.request(query.get('url') ?? '', {
    ca,
    headers,
    agent: false,
    signal: AbortSignal.timeout(5000),
  });
  asking.end();
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  return { code: answer.statusCode, body: (await textOf(answer)).toString() };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const body = await textOf(request);
  const { remoteAddress, remotePort } = request.socket;
  const json = (value: unknown): void => void response.end(JSON.stringify(value));
  switch (pathname) {
    case '/hostname':
      return void response.end(NAME);
    case '/clientip':
      return void response.end(`${plain(remoteAddress)}:${remotePort}`);
    case '/echo':
      return void response.end(body);
    case '/healthz':
      return void response.writeHead(existsSync('/tmp/unready') ? 503 : 200).end();
    case '/dial':
      return json(await dial(searchParams, body));
    case '/run':
      return json(await run(JSON.parse(searchParams.get('argv') ?? '[]') as string[]));
    case '/https':
      return json(await askHttps(searchParams));
    default:
      response.writeHead(404).end(`no ${pathname}`);
  }
}

for (const port of portsOf(HTTP)) {
  const server = http.createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  server.listen(port, '0.0.0.0');
}

for (const port of portsOf(UDP)) {
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    const [word, ...rest] = message.toString().split(' ');
    const said: Readonly<Record<string, string>> = {
      hostname: NAME,
      clientip: `${plain(from.address)}:${from.port}`,
      echo: rest.join(' '),
    };
    socket.send(said[word ?? ''] ?? `no ${word}`, from.port, from.address);
  });
  // At the one address that it is asked at: of several, the kernel would choose another one to answer from.
  socket.bind(port, POD_IP);
}

process.on('SIGTERM', () => {
  if (IGNORE_TERM === undefined) process.exit(0);
});
