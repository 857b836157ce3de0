/**
 * `npm run story -- [--rounds 10] [--rate 200] [--settle 2000]`: story A, as often as asked. The exit code is 0 when nobody saw a failed request, and no
 * WebSocket was cut early. `--settle 0` shows what the wait before a signal is for: programs are told at once, as upstream does, and requests fail.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { Foreground } from '../cluster/foreground.ts';
import { StoryA } from './story-a.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    rate: { type: 'string', default: '200' },
    settle: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1 || rounds > 1000) {
  console.error(`--rounds takes a number from 1 to 1000, and got ${values.rounds}`);
  process.exit(2);
}

const story = await StoryA.open((line) => console.log(line));
try {
  if (values.settle !== undefined) await story.settle(Number(values.settle));
  await story.visitors(Number(values.rate), 50);
  for (let round = 1; round <= rounds; round++) {
    console.log(`round ${round} of ${rounds}`);
    await story.round(round % 2 === 0 ? 'n3' : 'n2');
  }
  const { failures, cutEarly, requests, socketsEnded, pods } = await story.leave();
  console.log(`${requests} requests to ${pods} pods: ${failures.length} failed`);
  console.log(`${socketsEnded} WebSockets ended with their pod, ${cutEarly.length} of them early`);
  for (const line of cutEarly.slice(0, 50)) console.log(line);
  process.exitCode = failures.length + cutEarly.length === 0 ? 0 : 1;
} finally {
  await story.close();
  await Foreground.killAll();
}
