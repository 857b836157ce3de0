/** HAProxy's socket for commands: sends some, and says what it answered. */
import { createConnection } from 'node:net';
import { commandBytesMax } from './difference.ts';

const answerBytesMax = 16 * 1024 * 1024;
const silentMsMax = 5000;

/** One connection: HAProxy closes it after the answer. @throws Error where nobody listens or the answer does not come */
export function ask(address: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(address);
    const parts: Buffer[] = [];
    let bytes = 0;
    const fail = (why: string): void => void socket.destroy(new Error(`HAProxy at ${address}: ${why}`));
    socket.setTimeout(silentMsMax, () => fail('no answer'));
    socket.on('connect', () => socket.write(`${command}\n`));
    socket.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes > answerBytesMax) fail('the answer is too long');
      else parts.push(part);
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(parts).toString('utf8').trim()));
  });
}

/** What commands that succeed say. */
const successes = [
  /^New server registered\.$/,
  /^Server deleted\.$/,
  /^Transaction (?:created|updated) for certificate .*!$/,
  /^Committing .*$/,
  /^Success!$/,
];

/** All of them in order, as many at once as fit. @throws Error with HAProxy's words where one failed; those behind it may not have been tried */
export async function run(socket: string, commands: readonly string[]): Promise<void> {
  for (const batch of batches(commands)) {
    const answer = await ask(socket, batch);
    const bad = answer.split('\n').filter((line) => line !== '' && !successes.some((success) => success.test(line)));
    if (bad.length > 0) throw new Error(`HAProxy refused a command: ${bad.join(' ').slice(0, 500)}`);
  }
}

function batches(commands: readonly string[]): string[] {
  const result: string[] = [];
  let batch = '';
  for (const command of commands) {
    const joined = batch === '' ? command : `${batch}; ${command}`;
    const isAlone = command.includes('\n');
    if (!isAlone && !batch.includes('\n') && joined.length < commandBytesMax) batch = joined;
    else {
      if (batch !== '') result.push(batch);
      batch = command;
    }
  }
  if (batch !== '') result.push(batch);
  return result;
}

/** Which reload is in force: the number that its configuration carries. Undefined where no worker answers. */
export async function generationOf(socket: string): Promise<number | undefined> {
  const info = await ask(socket, 'show info').catch(() => '');
  const text = /^description: *(\d+)$/im.exec(info)?.[1];
  return text === undefined ? undefined : Number(text);
}
