/** What is asked about a pod, in the order of its life. */
import { crashes } from './crash.ts';
import { endings } from './endings.ts';
import { images } from './images.ts';
import { readiness } from './readiness.ts';
import { scheduling } from './scheduling.ts';
import { starting } from './starting.ts';

export const podRules = [scheduling, images, starting, crashes, readiness, endings] as const;
