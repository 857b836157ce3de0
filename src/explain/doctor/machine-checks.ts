/** What the facts of a machine mean for naru. Pure: each check a function of its own, in the order of the report. */
import { remedy } from '../finding.ts';
import { bytesText, counted, durationText, listed } from '../words.ts';
import { type Check, type CheckState, checker } from './check.ts';
import type { FileSystemFacts, MachineFacts } from './machine-facts.ts';

const check = checker('machine');

export function machineChecks(facts: MachineFacts): readonly Check[] {
  const forContainers = facts.isSimulated
    ? []
    : [system(facts), packages(facts), cgroups(facts), kernel(facts), ports(facts), network(facts)];
  return [
    ...forContainers,
    disk(facts),
    memory(facts),
    limits(facts),
    clock(facts),
    names(facts),
    certificates(facts),
    home(facts),
  ];
}

function system({ platform, isRoot, kernel: release }: MachineFacts): Check {
  if (platform !== 'linux') {
    return check('system', 'problem', `containers need Linux, and this is ${platform}`, {
      fix: [remedy('Run naru on a Linux machine, or without containers', 'naru up --simulated-nodes 3')],
    });
  }
  if (!isRoot) {
    return check(
      'system',
      'warning',
      'you are not root: a node with containers needs root, and part of this machine cannot be looked at',
      {
        fix: [remedy('Run the command with sudo'), remedy('Or without containers', 'naru up --simulated-nodes 3')],
      },
    );
  }
  return check('system', 'ok', `Linux ${release}`);
}

function packages({ packages: { missing, broken } }: MachineFacts): Check {
  if (broken.length > 0) {
    return check(
      'packages',
      'problem',
      `${counted(broken.length, 'package')} of the system ${broken.length === 1 ? 'is' : 'are'} half installed: ${listed(broken)}`,
      {
        fix: [remedy('Let the package manager finish its work', 'dpkg --configure -a && apt-get --fix-broken install')],
      },
    );
  }
  if (missing.length === 0) return check('packages', 'ok', 'all programs that a node needs are installed');
  return check('packages', 'warning', `not installed yet: ${listed(missing)}`, {
    fix: [remedy('naru up and naru join install them; or by hand', `apt-get install ${missing.join(' ')}`)],
  });
}

function cgroups({ cgroup }: MachineFacts): Check {
  if (cgroup === 'none') {
    return check('cgroups', 'problem', 'no cgroups are mounted: containers cannot be limited', {
      fix: [remedy('Mount them', 'mount -t cgroup2 none /sys/fs/cgroup')],
    });
  }
  const what = {
    v2: 'version 2',
    v1: 'version 1, which newer systems give up',
    hybrid: 'versions 1 and 2 side by side',
  }[cgroup];
  return check('cgroups', cgroup === 'v2' ? 'ok' : 'hint', `cgroups are of ${what}`);
}

const neededModules: Readonly<Record<string, string>> = {
  overlay: 'the file systems of containers',
  nf_tables: 'Services and policies',
  nf_conntrack: 'Services and policies',
  veth: 'the network of pods',
};
const usefulModules: Readonly<Record<string, string>> = { vxlan: 'pods on nodes that are not on one segment' };

function kernel({ modules, nftables, settings }: MachineFacts): Check {
  const absent = (wanted: Readonly<Record<string, string>>): string[] =>
    Object.entries(wanted).flatMap(([name, use]) => (modules[name] === 'absent' ? [`${name} (${use})`] : []));
  if (nftables !== undefined && !nftables.works) {
    return check('kernel', 'problem', `nftables does not work: ${nftables.says}`, {
      fix: [remedy('Run a kernel with nf_tables, and as root')],
    });
  }
  // Where nft works, its modules are there, whatever their names.
  const missing = absent(neededModules).filter((name) => !(nftables?.works === true && name.startsWith('nf_')));
  if (missing.length > 0) {
    return check('kernel', 'problem', `the kernel lacks ${listed(missing)}`, {
      fix: [remedy('Install the kernel’s modules of your distribution, or another kernel')],
    });
  }
  const forward = settings['net/ipv4/ip_forward'];
  const useful = absent(usefulModules);
  const notes = [
    ...(forward === 0 ? ['net.ipv4.ip_forward is 0; naru sets it when a node starts'] : []),
    ...useful.map((name) => `without ${name}`),
  ];
  const state: CheckState = useful.length > 0 ? 'hint' : 'ok';
  return check(
    'kernel',
    state,
    `the kernel has what containers need${useful.length > 0 ? `, but not ${listed(useful)}` : ''}`,
    { details: notes },
  );
}

function ports({ ports: all }: MachineFacts): Check {
  const taken = all.filter(({ isTaken, isOurs }) => isTaken && !isOurs);
  if (taken.length === 0)
    return check('ports', 'ok', `no other program has the ports ${listed(all.map(({ port }) => String(port)))}`);
  const texts = taken.map(
    ({ port, protocol, use, holder }) => `${port}/${protocol} (${use}): ${holder ?? 'another program'}`,
  );
  return check(
    'ports',
    'warning',
    `${taken.length === 1 ? 'a port is' : 'ports are'} taken by others: ${listed(texts)}`,
    {
      fix: [
        remedy('Stop that program, or move it to another port'),
        taken.some(({ use }) => use === 'the API')
          ? remedy('Or give the API another port', 'naru up --port 0')
          : undefined,
        taken.some(({ port }) => port === 80 || port === 443)
          ? remedy(
              'Or give Ingresses other ports: ingress.httpPort and httpsPort in the ConfigMap naru-network in kube-system',
            )
          : undefined,
      ],
    },
  );
}

function network({ networkParts }: MachineFacts): Check {
  const failing = networkParts.filter(({ problem }) => problem !== undefined);
  if (failing.length > 0) {
    return check(
      'network',
      'problem',
      `${failing.length} of ${counted(networkParts.length, 'part')} of this node's network do not run`,
      {
        details: failing.map(({ name, problem }) => `${name}: ${problem}`),
        fix: [remedy('Each is tried again by itself; mend what its message names')],
      },
    );
  }
  return check(
    'network',
    'ok',
    networkParts.length === 0 ? 'no pod network runs here' : `all ${networkParts.length} parts of the network run`,
  );
}

const gibi = 1024 ** 3;

function disk({ fileSystems }: MachineFacts): Check {
  const bad = fileSystems.map((one) => ({ one, state: diskState(one) })).filter(({ state }) => state !== 'ok');
  const worst = bad.some(({ state }) => state === 'problem') ? 'problem' : bad.length > 0 ? 'warning' : 'ok';
  const texts = (worst === 'ok' ? fileSystems : bad.map(({ one }) => one)).map(diskText);
  return check('disk', worst, worst === 'ok' ? `room: ${listed(texts)}` : `little room: ${listed(texts)}`, {
    fix:
      worst === 'ok'
        ? []
        : [
            remedy('Remove images that nobody uses', 'naru image list'),
            remedy('Look for what is large', `du -xh --max-depth 2 ${bad[0]?.one.path ?? '/'} | sort -h | tail`),
            remedy('Below 10 % (15 % for images) the node takes no new pods and puts some out'),
          ],
  });
}

/** As the node's own thresholds: images at 15 % and pods at 10 %. */
function diskState({ freeBytes, totalBytes, freeInodes, totalInodes }: FileSystemFacts): CheckState {
  const free = totalBytes === 0 ? 1 : freeBytes / totalBytes;
  const inodes = totalInodes === 0 ? 1 : freeInodes / totalInodes;
  if (free < 0.1 || inodes < 0.05 || (totalBytes > 0 && freeBytes < gibi / 2)) return 'problem';
  return free < 0.2 || inodes < 0.1 || (totalBytes > 0 && freeBytes < 2 * gibi) ? 'warning' : 'ok';
}

function diskText({ what, path, freeBytes, totalBytes, freeInodes, totalInodes }: FileSystemFacts): string {
  const inodes =
    totalInodes > 0 && freeInodes / totalInodes < 0.1
      ? `, ${Math.round((freeInodes / totalInodes) * 100)} % of inodes`
      : '';
  return `${what} (${path}): ${bytesText(freeBytes)} of ${bytesText(totalBytes)} free${inodes}`;
}

function memory({ memoryBytes, freeMemoryBytes }: MachineFacts): Check {
  const text = `${bytesText(freeMemoryBytes)} of ${bytesText(memoryBytes)} of memory available`;
  const isShort = freeMemoryBytes < 256 * 1024 ** 2;
  return check('memory', isShort ? 'warning' : 'ok', text, {
    fix: isShort ? [remedy('Stop something, or give the machine more memory')] : [],
  });
}

const inotify: Readonly<Record<string, number>> = {
  'fs/inotify/max_user_instances': 128,
  'fs/inotify/max_user_watches': 8192,
  'kernel/pid_max': 32_768,
  'fs/file-max': 65_536,
};

function limits({ settings }: MachineFacts): Check {
  const low = Object.entries(inotify).flatMap(([name, least]) => {
    const value = settings[name];
    return value !== undefined && value < least ? [{ name: name.replaceAll('/', '.'), value, least }] : [];
  });
  if (low.length === 0) return check('limits', 'ok', 'the kernel’s limits (inotify, processes, files) are high enough');
  return check(
    'limits',
    'warning',
    `limits of the kernel are low for many pods: ${listed(low.map(({ name, value }) => `${name} = ${value}`))}`,
    {
      fix: low.map(({ name, least }) =>
        remedy(`Raise ${name}; and in /etc/sysctl.d/ for the next start`, `sysctl -w ${name}=${least * 2}`),
      ),
    },
  );
}

function clock({ clockKeeper }: MachineFacts): Check {
  const texts: Readonly<Record<MachineFacts['clockKeeper'], readonly [CheckState, string]>> = {
    synchronized: ['ok', 'the clock is kept by a time server'],
    unknown: ['ok', 'a time service runs'],
    unsynchronized: ['warning', 'a time service runs, and the clock is not synchronized'],
    none: [
      'hint',
      'no time service is seen on this machine: unless its host keeps the clock, certificates and leases will suffer from it',
    ],
  };
  const [state, says] = texts[clockKeeper];
  return check('clock', state, says, {
    fix: state === 'ok' ? [] : [remedy('Let a time service keep it', 'apt-get install systemd-timesyncd')],
  });
}

function names({ nameServers }: MachineFacts): Check {
  if (nameServers.length === 0) {
    return check(
      'dns',
      'warning',
      'this machine has no name server (/etc/resolv.conf): images and names of the outside cannot be found',
      {
        fix: [remedy('Name one in /etc/resolv.conf: nameserver ADDRESS')],
      },
    );
  }
  const dead = nameServers.filter(({ answers }) => !answers).map(({ address }) => address);
  if (dead.length === 0)
    return check('dns', 'ok', `name servers answer: ${listed(nameServers.map(({ address }) => address))}`);
  const all = dead.length === nameServers.length;
  return check(
    'dns',
    all ? 'problem' : 'warning',
    `${all ? 'no name server answers' : 'a name server does not answer'}: ${listed(dead)}`,
    {
      fix: [
        remedy(
          'Correct /etc/resolv.conf, or look at the way to that server; pods ask the same servers for names of the outside',
        ),
      ],
    },
  );
}

const dayMs = 24 * 3_600_000;
/** By its name, since it is renewed only by hand; all others renew themselves with a third of their time left. */
const isAuthority = (file: string): boolean => /(^|\/)(ca|.*-ca)\.crt$/.test(file);

function certificates({ certificates: files, nowMs, running }: MachineFacts): Check {
  const over = files.filter(({ toMs }) => toMs < nowMs);
  const soon = files.filter(({ file, toMs }) => toMs >= nowMs && toMs - nowMs < (isAuthority(file) ? 180 : 7) * dayMs);
  const early = files.filter(({ fromMs }) => fromMs > nowMs + 60_000);
  if (early.length > 0) {
    return check(
      'certificates',
      'problem',
      `certificates begin to hold only in the future: ${listed(early.map(({ file }) => file))}: the clock is wrong`,
      {
        fix: [remedy('Set the clock right', 'timedatectl set-ntp true')],
      },
    );
  }
  if (over.length > 0) {
    return check(
      'certificates',
      'problem',
      `expired: ${listed(over.map(({ file, toMs }) => `${file} (${durationText(nowMs - toMs)} ago)`))}`,
      {
        fix: [
          running === undefined
            ? remedy('They are renewed at the next start', 'naru up')
            : remedy('A running cluster renews its own; start it again', 'naru down && naru up'),
        ],
      },
    );
  }
  if (soon.length > 0) {
    return check(
      'certificates',
      'warning',
      `end soon: ${listed(soon.map(({ file, toMs }) => `${file} (in ${durationText(toMs - nowMs)})`))}`,
      {
        fix: [
          soon.some(({ file }) => isAuthority(file))
            ? remedy(
                'Plan to replace the authority: move ca.crt and ca.key away, start naru again, and give clients and agents their new kubeconfigs',
              )
            : remedy('A running cluster renews them by itself', 'naru up'),
        ],
      },
    );
  }
  return files.length === 0
    ? check('certificates', 'ok', 'there are no certificates yet')
    : check(
        'certificates',
        'ok',
        `${counted(files.length, 'certificate')} in NARU_HOME hold for more than ${durationText(Math.min(...files.map(({ toMs }) => toMs)) - nowMs)}`,
      );
}

function home({ isHomeOpen, running }: MachineFacts): Check {
  if (isHomeOpen) {
    return check('home', 'warning', 'NARU_HOME can be read by others: it holds keys', {
      fix: [remedy('Close it', 'chmod 700 "$NARU_HOME"    # /var/lib/naru where it is not set')],
    });
  }
  return check(
    'home',
    'ok',
    running === undefined ? 'no cluster and no agent runs from NARU_HOME' : `running: ${running}`,
  );
}
