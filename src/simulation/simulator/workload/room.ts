/**
 * How much of what runs may stay at the end. What stays asks for half of what the nodes have at most: however it is spread over them, the largest
 * pod still fits somewhere, also one that a rollout adds.
 */
import { integerValue, milliValue } from '../../../api/quantity.ts';
import type { Node, PodSpec } from '../../../api/schema/types/core-v1.ts';

export class Room {
  #milliCpu: number;
  #memoryBytes: number;
  #pods: number;

  constructor(nodes: readonly Node[]) {
    const allocatable = nodes.map(({ status }) => status?.allocatable ?? {});
    this.#milliCpu = sum(allocatable.map(({ cpu = 0 }) => milliValue(cpu))) / 2;
    this.#memoryBytes = sum(allocatable.map(({ memory = 0 }) => integerValue(memory))) / 2;
    this.#pods = sum(allocatable.map(({ pods = 0 }) => integerValue(pods))) / 2;
  }

  /** How many of `wanted` pods there is still room for; they are booked. */
  take(spec: PodSpec | undefined, wanted: number): number {
    const requests = (spec?.containers ?? []).map(({ resources }) => resources?.requests ?? {});
    const milliCpu = sum(requests.map(({ cpu = 0 }) => milliValue(cpu)));
    const memoryBytes = sum(requests.map(({ memory = 0 }) => integerValue(memory)));
    let count = 0;
    for (; count < wanted && this.#holds(milliCpu, memoryBytes); count++) {
      this.#milliCpu -= milliCpu;
      this.#memoryBytes -= memoryBytes;
      this.#pods -= 1;
    }
    return count;
  }

  #holds(milliCpu: number, memoryBytes: number): boolean {
    return this.#milliCpu >= milliCpu && this.#memoryBytes >= memoryBytes && this.#pods >= 1;
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
