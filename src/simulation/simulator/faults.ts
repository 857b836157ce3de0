/**
 * What may go wrong, and how often, as data. A run picks one of the climates by its seed: some faults only show when others are rare, so no
 * climate has everything at its worst.
 */

/** How the network between a part and the API treats its calls and watches. Shares are of all calls. */
export interface NetworkFaults {
  /** The call never arrives. */
  readonly lostRequests: number;
  /** The call is carried out, and the caller is told that it failed. */
  readonly lostAnswers: number;
  /** The call takes up to `slowMsMax` longer. */
  readonly slowCalls: number;
  readonly slowMsMax: number;
  /** Every call takes up to so long, there and back. */
  readonly latencyMsMax: number;
  /** Each watch shows its events up to so much later; how much is drawn for each watch. */
  readonly watchLagMsMax: number;
  /** How long watches live, on average. */
  readonly watchLifeMs: number;
  /** Which share of watches that break do so with 410 Expired. */
  readonly expired: number;
}

/** How a node's runtime treats the agent's calls. */
export interface RuntimeFaults {
  readonly refusedCalls: number;
  /** Carried out, and the agent is told that it failed. */
  readonly lostAnswers: number;
}

/** What happens to whole parts: how often on average, and how long it lasts at most. 0 milliseconds between: never. */
export interface Disturbance {
  readonly everyMs: number;
  readonly durationMsMax: number;
}

export type DisturbanceKind =
  /** A container ends by itself, with some exit code. */
  | 'container exits'
  /** An agent is stopped in good order, and started again after a while; its pods run on. */
  | 'agent restarts'
  /** An agent dies at once: nothing that it was about to do is done any more. */
  | 'agent crashes'
  /** The machine loses its power: agent and containers are gone, the runtime's records stay. */
  | 'node loses power'
  /** A node does not reach the API, and runs on. */
  | 'node is cut off'
  /** A runtime makes nothing new for a while. */
  | 'runtime refuses'
  | 'controllers restart'
  | 'controllers crash'
  | 'scheduler restarts'
  | 'scheduler crashes'
  /** Nobody reaches the API, and all watches break. */
  | 'API goes away'
  /** The API's process dies: what was acknowledged is on its disk, all else is made anew when it comes back. */
  | 'API crashes'
  /** Watches of one part show nothing any more, and end only after a while. */
  | 'watches fall silent'
  /** A machine's clock is set to another time of day. */
  | 'clock jumps'
  /** All loops and all agents at once. */
  | 'everything restarts';

/** How wrong the machines' clocks are: each machine's is drawn from these. */
export interface ClockFaults {
  readonly offsetMsMax: number;
  readonly driftPpmMax: number;
}

/** Which share of the API's commits is slow, and how slow at most. */
export interface DiskFaults {
  readonly slowCommits: number;
  readonly slowMsMax: number;
}

export interface Climate {
  readonly name: string;
  readonly network: NetworkFaults;
  readonly runtime: RuntimeFaults;
  readonly clocks: ClockFaults;
  readonly disk: DiskFaults;
  readonly disturbances: Readonly<Record<DisturbanceKind, Disturbance>>;
}

const second = 1000;
const minute = 60 * second;

const never: Disturbance = { everyMs: 0, durationMsMax: 0 };
const every = (everyMs: number, durationMsMax = 0): Disturbance => ({ everyMs, durationMsMax });

/** A good network, as it is when nothing is wrong. */
export const goodNetwork: NetworkFaults = {
  lostRequests: 0,
  lostAnswers: 0,
  slowCalls: 0,
  slowMsMax: 0,
  latencyMsMax: 4,
  watchLagMsMax: 20,
  watchLifeMs: 8 * minute,
  expired: 0,
};

const goodRuntime: RuntimeFaults = { refusedCalls: 0, lostAnswers: 0 };

const goodClocks: ClockFaults = { offsetMsMax: 0, driftPpmMax: 0 };
const badClocks: ClockFaults = { offsetMsMax: 45 * second, driftPpmMax: 400 };

const goodDisk: DiskFaults = { slowCommits: 0, slowMsMax: 0 };
const slowDisk: DiskFaults = { slowCommits: 0.1, slowMsMax: 40 };

const quiet: Climate['disturbances'] = {
  'container exits': never,
  'agent restarts': never,
  'agent crashes': never,
  'node loses power': never,
  'node is cut off': never,
  'runtime refuses': never,
  'controllers restart': never,
  'controllers crash': never,
  'scheduler restarts': never,
  'scheduler crashes': never,
  'API goes away': never,
  'API crashes': never,
  'watches fall silent': never,
  'clock jumps': never,
  'everything restarts': never,
};

const badNetwork: NetworkFaults = {
  lostRequests: 0.03,
  lostAnswers: 0.03,
  slowCalls: 0.05,
  slowMsMax: 8 * second,
  latencyMsMax: 30,
  watchLagMsMax: 2 * second,
  watchLifeMs: 3 * minute,
  expired: 0.3,
};

const restarts: Climate['disturbances'] = {
  ...quiet,
  'controllers restart': every(6 * minute, 20 * second),
  'controllers crash': every(6 * minute, 20 * second),
  'scheduler restarts': every(6 * minute, 20 * second),
  'scheduler crashes': every(6 * minute, 20 * second),
  'API goes away': every(10 * minute, minute),
  'API crashes': every(8 * minute, 30 * second),
  'watches fall silent': every(3 * minute, 2 * minute),
};

/** Everything that can go wrong in a cluster, at a rate that leaves it time to do its work. */
const mixed: Climate = {
  name: 'mixed',
  network: badNetwork,
  runtime: { refusedCalls: 0.01, lostAnswers: 0.01 },
  clocks: badClocks,
  disk: slowDisk,
  disturbances: {
    ...restarts,
    'container exits': every(20 * second),
    'agent restarts': every(4 * minute, 30 * second),
    'agent crashes': every(4 * minute, 30 * second),
    'node loses power': every(8 * minute, 3 * minute),
    'node is cut off': every(5 * minute, 4 * minute),
    'runtime refuses': every(6 * minute, minute),
    'everything restarts': every(20 * minute, 30 * second),
    'clock jumps': every(3 * minute, minute),
  },
};

/** Nodes are bad, the API is good. */
const badNodes: Climate = {
  name: 'bad nodes',
  network: goodNetwork,
  runtime: { refusedCalls: 0.05, lostAnswers: 0.05 },
  clocks: badClocks,
  disk: goodDisk,
  disturbances: {
    ...quiet,
    'container exits': every(5 * second),
    'agent restarts': every(minute, 30 * second),
    'agent crashes': every(minute, 30 * second),
    'node loses power': every(3 * minute, 2 * minute),
    'runtime refuses': every(2 * minute, minute),
    'clock jumps': every(2 * minute, minute),
  },
};

/** Nodes are good, the way to the API is bad. */
const badApi: Climate = {
  name: 'bad API',
  network: { ...badNetwork, lostRequests: 0.1, lostAnswers: 0.1, slowCalls: 0.2, watchLifeMs: 30 * second },
  runtime: goodRuntime,
  clocks: goodClocks,
  disk: slowDisk,
  disturbances: {
    ...restarts,
    'API crashes': every(2 * minute, 30 * second),
    'node is cut off': every(3 * minute, 2 * minute),
  },
};

/** For rollouts that must keep their promise: pods are well, everything that moves them is not. */
export const badLoops: Climate = {
  name: 'bad loops',
  network: badNetwork,
  runtime: goodRuntime,
  clocks: badClocks,
  disk: slowDisk,
  disturbances: { ...restarts, 'clock jumps': every(4 * minute, minute) },
};

export const calm: Climate = {
  name: 'calm',
  network: goodNetwork,
  runtime: goodRuntime,
  clocks: goodClocks,
  disk: goodDisk,
  disturbances: quiet,
};

export const climates: readonly Climate[] = [mixed, badNodes, badApi, calm];
