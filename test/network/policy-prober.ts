/**
 * One pod of the tests of policies: it answers on TCP and UDP 80 and 81, and asks others on command. A line of JSON in, a line of JSON out:
 * `{ask: ["tcp 10.42.0.2 80", …]}` says for each whether an answer came; `{hold: "tcp 10.42.0.2 80"}` keeps a connection; `{say: 0}` sends on the kept
 * one and says whether its echo came; `{push: true}` sends to everybody who ever asked here; `{heard: 0}` counts what came on the kept one.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, createServer, isIPv6, type Socket } from 'node:net';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { RealClock } from '../../src/lib/clock.ts';

const clock = new RealClock({ keepsAlive: true });
/** On one machine answers come within a millisecond, or never; a busy machine gets the rest. */
const askMs = 250;

interface Held {
  send(): void;
  heard: number;
}

const pushes = new Set<() => void>();
const held: Held[] = [];

function listen(port: number): Promise<unknown> {
  const server = createServer((socket) => {
    const push = (): void => void socket.write('!');
    pushes.add(push);
    socket.on('error', () => socket.destroy()).on('close', () => pushes.delete(push));
    socket.pipe(socket);
  });
  const udp = createSocket({ type: 'udp6', ipv6Only: false });
  udp.on('message', (message, { port: from, address }) => {
    udp.send(message, from, address);
    pushes.add(() => udp.send('!', from, address));
  });
  return Promise.all([
    new Promise<void>((resolve) => server.listen(port, '::', resolve)),
    new Promise<void>((resolve) => udp.bind(port, '::', resolve)),
  ]);
}

/** Opens towards `tcp ADDRESS PORT`; the echo of what is sent counts as heard. */
function open(target: string): Held & { close(): void } {
  const [protocol, host = '', port = ''] = target.split(' ');
  const connection = { heard: 0, send: (): void => {}, close: (): void => {} };
  const hear = (): void => void connection.heard++;
  if (protocol === 'tcp') {
    const socket: Socket = connect({ host, port: Number(port) });
    socket.on('error', () => {}).on('data', hear);
    connection.send = () => void socket.write('?');
    connection.close = () => void socket.destroy();
  } else {
    const socket: UdpSocket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    socket.on('error', () => {}).on('message', hear);
    connection.send = () => socket.send('?', Number(port), host);
    connection.close = () => void socket.close();
  }
  return connection;
}

async function isHeard(connection: Held): Promise<boolean> {
  const before = connection.heard;
  connection.send();
  for (let waited = 0; waited < askMs && connection.heard === before; waited += 10) await clock.sleep(10);
  return connection.heard > before;
}

async function ask(target: string): Promise<boolean> {
  const connection = open(target);
  const heard = await isHeard(connection);
  connection.close();
  return heard;
}

interface Command {
  readonly ask?: readonly string[];
  readonly hold?: string;
  readonly say?: number;
  readonly push?: boolean;
  readonly heard?: number;
}

async function answer(command: Command): Promise<unknown> {
  if (command.ask) return Promise.all(command.ask.map(ask));
  if (command.hold !== undefined) return held.push(open(command.hold)) - 1;
  const kept = held[command.say ?? command.heard ?? -1];
  if (command.say !== undefined && kept) return isHeard(kept);
  if (command.push) for (const push of pushes) push();
  return kept?.heard ?? pushes.size;
}

await Promise.all([listen(80), listen(81)]);
createInterface({ input: process.stdin }).on('line', (line) => {
  void answer(JSON.parse(line) as Command).then((result) => console.log(JSON.stringify(result)));
});
console.log('"listening"');
