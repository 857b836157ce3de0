/**
 * A Compose project after it was read: one file's worth, whatever it was made of. Every short form is in its long form, paths are absolute,
 * variables are in, profiles have decided which services there are. What `check.ts` let through has these types.
 */
import type { TreeMap } from './loading/tree.ts';

export interface Project {
  readonly name: string;
  /** The file that names errors and places: `compose.yaml`. */
  readonly file: string;
  readonly directory: string;
  readonly services: ReadonlyMap<string, Service>;
  readonly networks: ReadonlyMap<string, Network>;
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly configs: ReadonlyMap<string, Content>;
  readonly secrets: ReadonlyMap<string, Content>;
  /** What is said while reading: profiles left out, variables that are not set. */
  readonly notes: readonly string[];
  /** The whole as a tree, for what is told of keys. */
  readonly tree: TreeMap;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export type Pairs = Readonly<Record<string, string>>;
/** A number, or a text that says one: a size with its unit, what a variable held. */
export type Amount = number | string;
export type Flag = boolean | string;

export interface Service {
  readonly annotations?: Pairs;
  readonly build?: Build;
  readonly cap_add?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly command?: readonly string[];
  readonly configs?: readonly FileReference[];
  readonly container_name?: string;
  readonly cpu_count?: Amount;
  readonly cpu_shares?: Amount;
  readonly cpu_quota?: Amount;
  readonly cpu_period?: Amount;
  readonly cpus?: Amount;
  readonly depends_on?: Readonly<Record<string, Dependency>>;
  readonly deploy?: Deploy;
  readonly devices?: readonly unknown[];
  readonly dns?: readonly string[];
  readonly dns_opt?: readonly string[];
  readonly dns_search?: readonly string[];
  readonly entrypoint?: readonly string[];
  /** With what its `env_file`s say. */
  readonly environment?: Pairs;
  readonly expose?: readonly Amount[];
  readonly extra_hosts?: Readonly<Record<string, readonly string[]>>;
  readonly gpus?: readonly Device[];
  readonly group_add?: readonly Amount[];
  readonly healthcheck?: Healthcheck;
  readonly hostname?: string;
  readonly image?: string;
  readonly init?: Flag;
  readonly ipc?: string;
  /** With what its `label_file`s say. */
  readonly labels?: Pairs;
  readonly links?: readonly string[];
  readonly mem_limit?: Amount;
  readonly mem_reservation?: Amount;
  readonly network_mode?: string;
  readonly networks?: Readonly<Record<string, { readonly aliases?: readonly string[] } | null>>;
  readonly pid?: string | null;
  readonly platform?: string;
  readonly ports?: readonly Port[];
  readonly post_start?: readonly Hook[];
  readonly pre_stop?: readonly Hook[];
  readonly privileged?: Flag;
  readonly profiles?: readonly string[];
  readonly provider?: { readonly type: string };
  readonly pull_policy?: string;
  readonly read_only?: Flag;
  readonly restart?: string;
  readonly runtime?: string;
  readonly scale?: Amount;
  readonly security_opt?: readonly string[];
  readonly shm_size?: Amount;
  readonly secrets?: readonly FileReference[];
  readonly sysctls?: Pairs;
  readonly stdin_open?: Flag;
  readonly stop_grace_period?: string;
  readonly tmpfs?: readonly string[];
  readonly tty?: Flag;
  readonly user?: string;
  readonly userns_mode?: string;
  readonly volumes?: readonly Mount[];
  readonly volumes_from?: readonly string[];
  readonly working_dir?: string;
}

export interface Build {
  readonly context: string;
  readonly dockerfile?: string;
  readonly dockerfile_inline?: string;
  readonly target?: string;
  readonly args?: Pairs;
}

export interface Dependency {
  readonly condition: 'service_started' | 'service_healthy' | 'service_completed_successfully';
  readonly required?: boolean;
}

export interface Deploy {
  readonly mode?: string;
  readonly endpoint_mode?: string;
  readonly replicas?: Amount;
  readonly labels?: Pairs;
  readonly update_config?: { readonly parallelism?: Amount; readonly delay?: string; readonly order?: string };
  readonly resources?: {
    readonly limits?: { readonly cpus?: Amount; readonly memory?: string };
    readonly reservations?: {
      readonly cpus?: Amount;
      readonly memory?: string;
      readonly devices?: readonly Device[];
    };
  };
  readonly restart_policy?: { readonly condition?: string; readonly max_attempts?: Amount };
  readonly placement?: {
    readonly constraints?: readonly string[];
    readonly preferences?: readonly { readonly spread?: string }[];
    readonly max_replicas_per_node?: Amount;
  };
}

export interface Device {
  readonly capabilities?: readonly string[];
  readonly count?: Amount;
  readonly driver?: string;
}

export interface Healthcheck {
  readonly disable?: Flag;
  readonly interval?: string;
  readonly retries?: Amount;
  readonly test?: readonly string[];
  readonly timeout?: string;
  readonly start_period?: string;
  readonly start_interval?: string;
}

export interface Hook {
  readonly command?: readonly string[];
  readonly working_dir?: string;
  readonly environment?: Pairs;
}

export interface Port {
  readonly name?: string;
  readonly target: number;
  /** Absent: any free one. */
  readonly published?: number;
  readonly host_ip?: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly mode: 'ingress' | 'host';
  readonly app_protocol?: string;
}

export interface Mount {
  readonly type: 'bind' | 'volume' | 'tmpfs' | 'cluster' | 'npipe' | 'image';
  readonly source?: string;
  readonly target: string;
  readonly read_only?: Flag;
  readonly bind?: { readonly propagation?: string; readonly create_host_path?: Flag; readonly recursive?: string };
  readonly volume?: { readonly subpath?: string };
  readonly tmpfs?: { readonly size?: Amount };
  readonly image?: { readonly subpath?: string };
}

export interface FileReference {
  readonly source: string;
  readonly target?: string;
  readonly mode?: Amount;
}

export interface Network {
  readonly external?: Flag;
  readonly internal?: Flag;
  readonly labels?: Pairs;
}

export interface Volume {
  readonly name?: string;
  readonly driver?: string;
  readonly driver_opts?: Readonly<Record<string, Amount>>;
  readonly external?: Flag;
  readonly labels?: Pairs;
  readonly 'x-naru-size'?: string;
}

/** A config or secret, with its content where it is this project's. */
export interface Content {
  readonly name?: string;
  readonly external?: Flag;
  readonly labels?: Pairs;
  readonly content?: Buffer;
}

export const isOn = (flag: Flag | undefined): boolean =>
  flag === true || (typeof flag === 'string' && /^(true|yes|on|y|1)$/i.test(flag));
