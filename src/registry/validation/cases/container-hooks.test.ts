/** What upstream accepts and refuses of probes and hooks, of init containers and sidecars, and of what a container may do. */
import type { JsonValue } from '../../../api/object.ts';
import { testCases, type ValidationCase } from './testing.ts';

const main = { name: 'main', image: 'registry.example/app:1' };
const first = 'spec.containers[0]';
const exec = { exec: { command: ['true'] } };

/** Over the one container of the pod; errors are told from there. */
function on(name: string, fields: Readonly<Record<string, JsonValue>>, ...errors: string[]): ValidationCase {
  const changes = Object.fromEntries(Object.entries(fields).map(([field, value]) => [`${first}.${field}`, value]));
  return { name, changes, errors: errors.map((error) => `${first}.${error}`) };
}

/** Over the security context of the container. */
function secure(name: string, securityContext: JsonValue, ...errors: string[]): ValidationCase {
  return on(name, { securityContext }, ...errors.map((error) => `securityContext${error}`));
}

/** With an init container. */
function init(name: string, fields: Readonly<Record<string, JsonValue>>, ...errors: string[]): ValidationCase {
  const changes = { 'spec.initContainers': [{ name: 'init', image: 'registry.example/init:1', ...fields }] };
  return { name, changes, errors: errors.map((error) => `spec.initContainers[0].${error}`) };
}

const notInInit = 'Forbidden: may not be set for init containers without restartPolicy=Always';
const windows = (name: string, runAsUserName: string, ...messages: string[]): ValidationCase =>
  secure(
    name,
    { windowsOptions: { runAsUserName } },
    ...messages.map(
      (message) => `.windowsOptions.runAsUserName: Invalid value: ${JSON.stringify(runAsUserName)}: ${message}`,
    ),
  );
const shownContext = (given: object): string => {
  const fields = [
    'Capabilities',
    'Privileged',
    'SELinuxOptions',
    'WindowsOptions',
    'RunAsUser',
    'RunAsGroup',
    'RunAsNonRoot',
  ];
  const rest = ['ReadOnlyRootFilesystem', 'AllowPrivilegeEscalation', 'ProcMount', 'SeccompProfile', 'AppArmorProfile'];
  const values = given as Record<string, unknown>;
  return JSON.stringify(Object.fromEntries([...fields, ...rest].map((name) => [name, values[name] ?? null])));
};

testCases([
  {
    resource: 'pods',
    valid: { metadata: { name: 'pod' }, spec: { containers: [main] } },
    cases: [
      on('takes probes of all kinds', {
        livenessProbe: { httpGet: { path: '/', port: 'http', httpHeaders: [{ name: 'X-A', value: 'b' }] } },
        readinessProbe: { tcpSocket: { port: 80 }, successThreshold: 2 },
        startupProbe: { grpc: { port: 90 }, terminationGracePeriodSeconds: 5 },
      }),
      on(
        'refuses a probe that asks nothing',
        { livenessProbe: {} },
        'livenessProbe: Required value: must specify a handler type',
      ),
      on(
        'refuses a probe that asks in two ways, and looks at the first only',
        { livenessProbe: { ...exec, tcpSocket: { port: 0 } } },
        'livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type',
      ),
      on(
        'refuses a command of no words',
        { readinessProbe: { exec: { command: [] } } },
        'readinessProbe.exec.command: Required value',
      ),
      on(
        'refuses ports that are none',
        {
          livenessProbe: { tcpSocket: { port: 0 } },
          readinessProbe: { grpc: { port: 70_000 } },
          startupProbe: { httpGet: { port: '-a' } },
        },
        'livenessProbe.tcpSocket.port: Invalid value: 0: must be between 1 and 65535, inclusive',
        'readinessProbe.grpc.port: Invalid value: 70000: must be between 1 and 65535, inclusive',
        'startupProbe.httpGet.port: Invalid value: "-a": must not begin or end with a hyphen',
      ),
      on(
        'refuses schemes and headers that there are not',
        { livenessProbe: { httpGet: { port: 80, scheme: 'FTP', httpHeaders: [{ name: 'a b', value: 'c' }] } } },
        'livenessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"',
        'livenessProbe.httpGet.httpHeaders: Invalid value: "a b": a valid HTTP header must consist of alphanumeric characters or \'-\'…',
      ),
      on(
        'refuses counts below zero',
        {
          readinessProbe: {
            ...exec,
            initialDelaySeconds: -1,
            timeoutSeconds: -1,
            periodSeconds: -1,
            successThreshold: -1,
            failureThreshold: -1,
          },
        },
        'readinessProbe.initialDelaySeconds: Invalid value: -1: must be greater than or equal to 0',
        'readinessProbe.timeoutSeconds: Invalid value: -1: must be greater than or equal to 0',
        'readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0',
        'readinessProbe.successThreshold: Invalid value: -1: must be greater than or equal to 0',
        'readinessProbe.failureThreshold: Invalid value: -1: must be greater than or equal to 0',
      ),
      on(
        'refuses two successes for life',
        { livenessProbe: { ...exec, successThreshold: 2 } },
        'livenessProbe.successThreshold: Invalid value: 2: must be 1',
      ),
      on(
        'refuses two successes for the start',
        { startupProbe: { ...exec, successThreshold: 2 } },
        'startupProbe.successThreshold: Invalid value: 2: must be 1',
      ),
      on(
        'refuses a grace period of zero for a probe',
        { livenessProbe: { ...exec, terminationGracePeriodSeconds: 0 } },
        'livenessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0',
      ),
      on(
        'refuses a grace period where nothing ends',
        { readinessProbe: { ...exec, terminationGracePeriodSeconds: 5 } },
        'readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes',
      ),
      on('takes hooks', { lifecycle: { postStart: exec, preStop: { sleep: { seconds: 30 } } } }),
      on('takes a sleep of no time', { lifecycle: { preStop: { sleep: { seconds: 0 } } } }),
      on(
        'refuses a sleep beyond the grace period',
        { lifecycle: { preStop: { sleep: { seconds: 31 } } } },
        'lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)',
      ),
      on(
        'refuses a sleep below zero',
        { lifecycle: { postStart: { sleep: { seconds: -1 } } } },
        'lifecycle.postStart.sleep: Invalid value: -1: must be non-negative and less than terminationGracePeriodSeconds (30)',
      ),
      on(
        'refuses hooks that do nothing, or two things',
        { lifecycle: { postStart: {}, preStop: { ...exec, sleep: { seconds: 1 } } } },
        'lifecycle.postStart: Required value: must specify a handler type',
        'lifecycle.preStop.sleep: Forbidden: may not specify more than 1 handler type',
      ),
      on('drops the signal to stop by, whose feature is off', { lifecycle: { stopSignal: 'SIGWHATEVER' } }),

      init('takes an init container', { command: ['true'] }),
      init('takes a sidecar with probes and hooks', {
        restartPolicy: 'Always',
        livenessProbe: exec,
        lifecycle: { preStop: exec },
        ports: [{ containerPort: 80 }],
        resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }],
      }),
      init(
        'refuses probes and hooks of a container that ends',
        { lifecycle: { preStop: exec }, livenessProbe: exec, readinessProbe: exec, startupProbe: exec },
        `lifecycle: ${notInInit}`,
        `livenessProbe: ${notInInit}`,
        `readinessProbe: ${notInInit}`,
        `startupProbe: ${notInInit}`,
      ),
      init('takes an init container that tries again', { restartPolicy: 'OnFailure' }),
      init(
        'refuses a restart policy that there is not',
        { restartPolicy: 'Once' },
        'restartPolicy: Unsupported value: "Once": supported values: "Always", "Never", "OnFailure"',
      ),
      init('refuses no name and no image', { name: '', image: '' }, 'name: Required value', 'image: Required value'),
      init(
        'refuses a restart for a resize of what only runs once',
        { resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] },
        'resizePolicy[0].restartPolicy: Invalid value: "RestartContainer": must not be set to \'RestartContainer\' for non-sidecar initContainers',
      ),
      init(
        'refuses a port of the node twice',
        {
          ports: [
            { containerPort: 1, hostPort: 9 },
            { containerPort: 2, hostPort: 9 },
          ],
        },
        'ports[1].hostPort: Duplicate value: "TCP//9"',
      ),

      secure('takes a user, a group and no more', { runAsUser: 0, runAsGroup: 2147483647, runAsNonRoot: false }),
      secure(
        'refuses users and groups that no system has',
        { runAsUser: -1, runAsGroup: 2147483648 },
        '.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive',
        '.runAsGroup: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive',
      ),
      secure(
        'refuses a proc mount that there is not',
        { procMount: 'Naked' },
        '.procMount: Unsupported value: "Naked": supported values: "Default", "Unmasked"',
      ),
      secure(
        'refuses all of /proc to the users of the node',
        { procMount: 'Unmasked' },
        '.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`',
      ),
      {
        name: 'gives all of /proc to a pod with users of its own',
        changes: { 'spec.hostUsers': false, [`${first}.securityContext`]: { procMount: 'Unmasked' } },
      },
      secure(
        'refuses privileges without more privileges',
        { privileged: true, allowPrivilegeEscalation: false },
        `: Invalid value: ${shownContext({ Privileged: true, AllowPrivilegeEscalation: false })}: cannot set \`allowPrivilegeEscalation\` to false and \`privileged\` to true`,
      ),
      secure(
        'refuses to administer the system without more privileges',
        { capabilities: { add: ['CAP_SYS_ADMIN'] }, allowPrivilegeEscalation: false },
        `: Invalid value: ${shownContext({ Capabilities: { Add: ['CAP_SYS_ADMIN'], Drop: null }, AllowPrivilegeEscalation: false })}: cannot set \`allowPrivilegeEscalation\` to false and \`capabilities.Add\` CAP_SYS_ADMIN`,
      ),
      secure('takes profiles of the node', {
        seccompProfile: { type: 'Localhost', localhostProfile: 'a/b.json' },
        appArmorProfile: { type: 'Localhost', localhostProfile: 'c' },
      }),
      secure(
        'refuses profiles of no type',
        { seccompProfile: {}, appArmorProfile: {} },
        '.seccompProfile.type: Required value: type is required when seccompProfile is set',
        '.appArmorProfile.type: Required value: type is required when appArmorProfile is set',
      ),
      secure(
        'refuses types that there are not',
        { seccompProfile: { type: 'Own' }, appArmorProfile: { type: 'Own' } },
        '.seccompProfile.type: Unsupported value: "Own": supported values: "Localhost", "RuntimeDefault", "Unconfined"',
        '.appArmorProfile.type: Unsupported value: "Own": supported values: "Localhost", "RuntimeDefault", "Unconfined"',
      ),
      secure(
        'refuses profiles of the node that are not named',
        { seccompProfile: { type: 'Localhost' }, appArmorProfile: { type: 'Localhost' } },
        '.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost',
        '.appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost',
      ),
      secure(
        'refuses names for profiles that need none',
        {
          seccompProfile: { type: 'Unconfined', localhostProfile: 'a' },
          appArmorProfile: { type: 'RuntimeDefault', localhostProfile: 'b' },
        },
        '.seccompProfile.localhostProfile: Invalid value: {"Type":"Unconfined","LocalhostProfile":"a"}: can only be set when seccomp type is Localhost',
        '.appArmorProfile.localhostProfile: Invalid value: "b": can only be set when AppArmor type is Localhost',
      ),
      secure(
        'refuses profiles outside of their folder, and with spaces around them',
        {
          seccompProfile: { type: 'Localhost', localhostProfile: '/../a' },
          appArmorProfile: { type: 'Localhost', localhostProfile: ' b ' },
        },
        '.seccompProfile.localhostProfile: Invalid value: "/../a": must be a relative path',
        '.seccompProfile.localhostProfile: Invalid value: "/../a": must not contain \'..\'',
        '.appArmorProfile.localhostProfile: Invalid value: " b ": must not be padded with whitespace',
      ),
      secure(
        'refuses a profile whose path no file has',
        { appArmorProfile: { type: 'Localhost', localhostProfile: 'a'.repeat(4096) } },
        '.appArmorProfile.localhostProfile: Too long: may not be more than 4095 bytes',
      ),
      windows('takes a user of Windows', 'NT AUTHORITY\\SYSTEM'),
      windows('takes one of a domain', 'corp.example\\user name'),
      windows('refuses no user', '', 'runAsUserName cannot be an empty string'),
      windows('refuses control characters', 'a\tb', 'runAsUserName cannot contain control characters'),
      windows('refuses two backslashes', 'a\\b\\c', 'runAsUserName cannot contain more than one backslash'),
      windows(
        'refuses a domain that is none',
        'a*b?\\user',
        "runAsUserName's Domain doesn't match the NetBios nor the DNS format",
      ),
      windows(
        'refuses a domain that is too long',
        `${'a'.repeat(256)}\\user`,
        "runAsUserName's Domain length must be under 256 characters",
        "runAsUserName's Domain doesn't match the NetBios nor the DNS format",
      ),
      windows('refuses a domain without a user', 'corp\\', "runAsUserName's User cannot be empty"),
      windows(
        'refuses a user that is too long',
        'a'.repeat(105),
        "runAsUserName's User length must not be longer than 104 characters",
      ),
      windows('refuses dots and spaces alone', '. .', "runAsUserName's User cannot contain only periods or spaces"),
      windows(
        'refuses what Windows does not take',
        'a@b',
        'runAsUserName\'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]',
      ),
      secure(
        'refuses credentials of no name, and empty ones',
        { windowsOptions: { gmsaCredentialSpecName: 'A_', gmsaCredentialSpec: '' } },
        '.windowsOptions.gmsaCredentialSpecName: Invalid value: "A_": a lowercase RFC 1123 subdomain…',
        '.windowsOptions.gmsaCredentialSpec: Invalid value: "": gmsaCredentialSpec cannot be an empty string',
      ),
      secure(
        'refuses credentials that are too long',
        { windowsOptions: { gmsaCredentialSpec: 'a'.repeat(64 * 1024 + 1) } },
        '.windowsOptions.gmsaCredentialSpec: Invalid value: "aaa…',
      ),
    ],
  },
]);
