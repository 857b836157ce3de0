/**
 * A small web application as teams write it: it says who it is, has work that takes a while, keeps its log as lines of JSON in a file
 * and, told to end, takes no new work and finishes what it has. It runs in the image, so it imports nothing but Node.js.
 */
import { appendFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
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

function answer(response: ServerResponse, work: string): void {
  response.setHeader('content-type', 'application/json').end(`${JSON.stringify({ ...whoAmI(), work })}\n`);
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  open += 1;
  response.once('close', () => (open -= 1));
  if (pathname !== '/work') return answer(response, 'none');
  log('work begins', { id: searchParams.get('id') });
  setTimeout(
    () => {
      log('work done', { id: searchParams.get('id') });
      answer(response, 'done');
    },
    Number(searchParams.get('ms')),
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
