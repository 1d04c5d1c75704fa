/** A plan as a service of a Compose file. */
import { stringify } from 'yaml';
import type { RunPlan } from './run-plan.ts';
import { splitWords } from './words.ts';

/** docker run's option → the service's key, where lists stay lists. */
const LISTS: Readonly<Record<string, string>> = {
  env: 'environment',
  publish: 'ports',
  volume: 'volumes',
  network: 'networks',
  'add-host': 'extra_hosts',
  dns: 'dns',
  'dns-search': 'dns_search',
  'dns-option': 'dns_opt',
  expose: 'expose',
  link: 'external_links',
  tmpfs: 'tmpfs',
  label: 'labels',
  'cap-add': 'cap_add',
  'cap-drop': 'cap_drop',
  'security-opt': 'security_opt',
  device: 'devices',
  'device-cgroup-rule': 'device_cgroup_rules',
  'group-add': 'group_add',
  sysctl: 'sysctls',
};
const TEXTS: Readonly<Record<string, string>> = {
  hostname: 'hostname',
  domainname: 'domainname',
  'mac-address': 'mac_address',
  user: 'user',
  workdir: 'working_dir',
  restart: 'restart',
  'shm-size': 'shm_size',
  memory: 'mem_limit',
  'memory-reservation': 'mem_reservation',
  'memory-swap': 'memswap_limit',
  'memory-swappiness': 'mem_swappiness',
  cpus: 'cpus',
  'cpu-shares': 'cpu_shares',
  'cpuset-cpus': 'cpuset',
  'cpu-period': 'cpu_period',
  'cpu-quota': 'cpu_quota',
  'pids-limit': 'pids_limit',
  'oom-score-adj': 'oom_score_adj',
  pid: 'pid',
  ipc: 'ipc',
  uts: 'uts',
  userns: 'userns_mode',
  cgroupns: 'cgroup',
  'cgroup-parent': 'cgroup_parent',
  runtime: 'runtime',
  platform: 'platform',
  'stop-signal': 'stop_signal',
};
const SWITCHES: Readonly<Record<string, string>> = {
  tty: 'tty',
  interactive: 'stdin_open',
  privileged: 'privileged',
  'read-only': 'read_only',
  init: 'init',
  'oom-kill-disable': 'oom_kill_disable',
};
/** Networks that are ways to live without one: Compose calls them a mode. */
const MODE = /^(host|none|bridge|container:.+)$/;

function healthOf(plan: RunPlan): object | undefined {
  const one = (name: string): string | undefined => plan.options[name]?.at(-1);
  if (one('no-healthcheck') === 'true') return { disable: true };
  if (!one('health-cmd')) return undefined;
  return Object.fromEntries(
    Object.entries({
      test: ['CMD-SHELL', one('health-cmd')],
      interval: one('health-interval'),
      timeout: one('health-timeout'),
      start_period: one('health-start-period'),
      retries: one('health-retries') && Number(one('health-retries')),
    }).filter(([, value]) => value !== undefined),
  );
}

export function composeText(plan: RunPlan): string {
  const service: Record<string, unknown> = { image: plan.image };
  if (plan.name !== '') service['container_name'] = plan.name;
  const command = splitWords(plan.command) ?? [];
  if (command.length > 0) service['command'] = command;
  const entrypoint = splitWords(plan.options['entrypoint']?.at(-1) ?? '') ?? [];
  if (entrypoint.length > 0) service['entrypoint'] = entrypoint;
  for (const [name, words] of Object.entries(plan.options)) {
    const [asList, asText, asSwitch] = [LISTS[name], TEXTS[name], SWITCHES[name]];
    const word = words.at(-1) ?? '';
    if (asList) service[asList] = words;
    else if (asText) service[asText] = /^-?\d+(\.\d+)?$/.test(word) ? Number(word) : word;
    else if (asSwitch) service[asSwitch] = true;
  }
  if (plan.options['stop-timeout'])
    service['stop_grace_period'] = `${plan.options['stop-timeout'].at(-1)}s`;
  if (plan.options['log-driver'] || plan.options['log-opt'])
    service['logging'] = {
      ...(plan.options['log-driver'] ? { driver: plan.options['log-driver'].at(-1) } : {}),
      ...(plan.options['log-opt']
        ? { options: Object.fromEntries(plan.options['log-opt'].map((word) => word.split('='))) }
        : {}),
    };
  const health = healthOf(plan);
  if (health) service['healthcheck'] = health;
  const networks = plan.options['network'] ?? [];
  if (networks[0] && MODE.test(networks[0])) {
    service['network_mode'] = networks[0];
    delete service['networks'];
  }
  const volumes = (plan.options['volume'] ?? [])
    .filter((word) => word.includes(':') && !/^[/.~]/.test(word))
    .map((word) => word.split(':')[0] ?? '');
  const external = (names: readonly string[]): object =>
    Object.fromEntries(names.map((name) => [name, { external: true }]));
  return stringify({
    services: { [plan.name === '' ? 'app' : plan.name]: service },
    ...(service['networks'] ? { networks: external(networks) } : {}),
    ...(volumes.length > 0 ? { volumes: external(volumes) } : {}),
  });
}
