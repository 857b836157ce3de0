/**
 * A small web application as teams write it: it says who it is, takes uploads, keeps its log as lines of JSON in a file
 * and, told to end, takes no new work and finishes what it has. It runs in the image, so it imports nothing but Node.js.
 */
import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import process from 'node:process';

const { LOG_FILE = '/dev/stdout', PORT = '8080', ...variables } = process.env;
let open = 0;

function log(message: string, fields: object = {}): void {
  const line = { time: new Date().toISOString(), level: 'info', pod: variables['POD_NAME'], message, ...fields };
  appendFileSync(LOG_FILE, `${JSON.stringify(line)}\n`);
}

function whoAmI(): object {
  const { POD_NAME, POD_IP, NODE_NAME, MEMORY_LIMIT_MB } = variables;
  return {
    pod: POD_NAME,
    ip: POD_IP,
    node: NODE_NAME,
    memoryLimitMb: Number(MEMORY_LIMIT_MB),
    uid: process.getuid?.(),
  };
}

function answer(response: ServerResponse, received: number): void {
  response.setHeader('content-type', 'application/json').end(`${JSON.stringify({ ...whoAmI(), received })}\n`);
}

/** Of a body that the client sends as slowly as it likes. */
async function receive(request: IncomingMessage): Promise<number> {
  let bytes = 0;
  for await (const chunk of request) bytes += (chunk as Buffer).length;
  return bytes;
}

const server = createServer((request, response) => {
  open += 1;
  response.once('close', () => (open -= 1));
  if (request.method !== 'POST') return answer(response, 0);
  log('upload begins');
  receive(request).then(
    (bytes) => {
      log('upload done', { bytes });
      answer(response, bytes);
    },
    (error: Error) => log('upload failed', { error: error.message }),
  );
});

process.once('SIGTERM', () => {
  log('ending', { open });
  server.close(() => {
    log('ended', { open });
    process.exit(0);
  });
});

server.listen(Number(PORT), () => log('listening', { port: Number(PORT) }));
