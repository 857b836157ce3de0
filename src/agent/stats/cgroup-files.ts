/** Reads the usage of cgroups from their files, as `cgroup-usage.ts` understands them. What is gone meanwhile reads as absent. */
import fs from 'node:fs/promises';
import path from 'node:path';
import {
  type CgroupDetails,
  type CgroupForm,
  type CgroupUsage,
  cgroupV1,
  cgroupV2,
  type Texts,
} from './cgroup-usage.ts';
import { parseFigure } from './keyed-file.ts';

export class CgroupFiles {
  readonly #mount: string;
  #known: Promise<CgroupForm> | undefined;

  constructor(mount = '/sys/fs/cgroup') {
    this.#mount = mount;
  }

  /** @param cgroup from the root of the hierarchies */
  async usage(cgroup: string): Promise<CgroupUsage> {
    const form = await this.#form();
    return form.usage(await this.#read(cgroup, form, form.usageFiles));
  }

  async details(cgroup: string): Promise<CgroupDetails> {
    const form = await this.#form();
    return form.details(await this.#read(cgroup, form, form.detailFiles));
  }

  /** One that is directly in it; undefined where there is none. */
  async process(cgroup: string): Promise<number | undefined> {
    const form = await this.#form();
    const text = await textOf(this.#file(cgroup, form, form.processesFile));
    return parseFigure(text?.split('\n', 1)[0]);
  }

  #form(): Promise<CgroupForm> {
    this.#known ??= fs.access(path.join(this.#mount, 'cgroup.controllers')).then(
      () => cgroupV2,
      () => cgroupV1,
    );
    return this.#known;
  }

  async #read(cgroup: string, form: CgroupForm, files: readonly string[]): Promise<Texts> {
    const texts = await Promise.all(files.map((file) => textOf(this.#file(cgroup, form, file))));
    return Object.fromEntries(files.map((file, index) => [file, texts[index]]));
  }

  #file(cgroup: string, form: CgroupForm, file: string): string {
    if (form === cgroupV2) return path.join(this.#mount, cgroup, file);
    const [controller = '', name = ''] = file.split('/');
    return path.join(this.#mount, controller, cgroup, name);
  }
}

function textOf(file: string): Promise<string | undefined> {
  return fs.readFile(file, 'utf8').catch(() => undefined);
}
