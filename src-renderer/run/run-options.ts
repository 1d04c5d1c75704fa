/** The one table of what `docker run` can be told: its words, what a person reads, where it goes in the body. */
import * as as from './codecs.ts';
import { group, type RunOption } from './option.ts';

const command = group('Command');
const network = group('Network');
const files = group('Files');
const limit = group('Limits');
const health = group('Health');
const security = group('Security');
const more = group('More');
const host = (field: string): { readonly field: string } => ({ field: `HostConfig.${field}` });

export const RUN_OPTIONS: readonly RunOption[] = [
  command(
    'tty',
    ['Terminal', 'A screen for the program, so that colours and full-screen tools work.'],
    as.flag,
    { short: 't', field: 'Tty' },
  ),
  command('interactive', ['Keep input open', 'What you type reaches the program.'], as.flag, {
    short: 'i',
    field: 'OpenStdin',
  }),
  command('env', ['Environment', 'Variables the program finds when it starts.'], as.environment, {
    short: 'e',
    field: 'Env',
  }),
  command('entrypoint', ['Entry point', 'The program itself, when not the image’s own.'], as.text, {
    placeholder: '/bin/sh',
  }),
  command('workdir', ['Working directory', 'Where the program starts.'], as.text, {
    short: 'w',
    field: 'WorkingDir',
    placeholder: '/app',
  }),
  command('user', ['User', 'Name or number, with :group if wanted.'], as.text, {
    short: 'u',
    field: 'User',
    placeholder: '1000:1000',
  }),
  command('restart', ['When it ends', 'What happens by itself.'], as.restart, {
    ...host('RestartPolicy'),
    choices: [
      ['', 'stays ended'],
      ['on-failure', 'starts again after a failure'],
      ['unless-stopped', 'starts again unless you stopped it'],
      ['always', 'always starts again'],
    ],
  }),
  command(
    'rm',
    ['Remove when it ends', 'The container and its anonymous volumes go at the end.'],
    as.flag,
    host('AutoRemove'),
  ),

  network(
    'publish',
    ['Ports', 'A port of this machine that leads to one of the container.'],
    as.list,
    { short: 'p', kind: 'ports' },
  ),
  network(
    'publish-all',
    ['Publish every port of the image', 'Each on a free port of this machine.'],
    as.flag,
    { short: 'P', ...host('PublishAllPorts') },
  ),
  network(
    'network',
    ['Networks', 'bridge, host, none, or networks of yours; the first one is the main one.'],
    as.list,
  ),
  network('network-alias', ['Aliases', 'More names for it on its network.'], as.list),
  network('ip', ['IPv4 address', 'A fixed one on a network of yours.'], as.text, {
    placeholder: '172.20.0.10',
  }),
  network('ip6', ['IPv6 address', 'A fixed one on a network of yours.'], as.text),
  network('hostname', ['Host name', 'What the container calls itself.'], as.text, {
    short: 'h',
    field: 'Hostname',
  }),
  network('domainname', ['Domain name', 'The domain after the host name.'], as.text, {
    field: 'Domainname',
  }),
  network(
    'add-host',
    ['Known hosts', 'Names with addresses, name:address, written to /etc/hosts.'],
    as.list,
    { ...host('ExtraHosts'), placeholder: 'db:10.0.0.5' },
  ),
  network('dns', ['DNS servers', 'Asked instead of this machine’s.'], as.list, host('Dns')),
  network(
    'dns-search',
    ['DNS search domains', 'Added to short names.'],
    as.list,
    host('DnsSearch'),
  ),
  network(
    'dns-option',
    ['DNS options', 'Lines of resolv.conf’s options.'],
    as.list,
    host('DnsOptions'),
  ),
  network('mac-address', ['MAC address', 'A fixed hardware address.'], as.text, {
    field: 'MacAddress',
  }),
  network('expose', ['Exposed ports', 'Told to others, not published.'], as.list, {
    placeholder: '8080/tcp',
  }),
  network(
    'link',
    ['Links', 'Other containers by a name (the old way; networks are better).'],
    as.list,
    host('Links'),
  ),

  files(
    'volume',
    ['Mounts', 'A directory of this machine or a named volume, at a path of the container.'],
    as.list,
    { short: 'v', kind: 'volumes' },
  ),
  files(
    'mount',
    ['Mounts in full', 'type=bind|volume|tmpfs, source, target, readonly.'],
    as.mounts,
    {
      ...host('Mounts'),
      placeholder: 'type=volume,source=data,target=/data',
    },
  ),
  files('tmpfs', ['In memory', 'Paths kept in memory and lost at the end.'], as.tmpfs, {
    ...host('Tmpfs'),
    placeholder: '/run:size=64m',
  }),
  files(
    'volumes-from',
    ['Mounts of another container', 'Everything that container mounts.'],
    as.list,
    host('VolumesFrom'),
  ),
  files(
    'volume-driver',
    ['Volume driver', 'For new volumes of this container.'],
    as.text,
    host('VolumeDriver'),
  ),
  files('shm-size', ['Shared memory', 'Size of /dev/shm.'], as.bytes, {
    ...host('ShmSize'),
    placeholder: '64m',
  }),
  files(
    'read-only',
    ['Read-only root', 'Nothing outside mounts can be written.'],
    as.flag,
    host('ReadonlyRootfs'),
  ),
  files(
    'storage-opt',
    ['Storage options', 'For the storage driver, such as size.'],
    as.pairs,
    host('StorageOpt'),
  ),

  limit('memory', ['Memory', 'The most it may use; empty: no limit.'], as.bytes, {
    short: 'm',
    ...host('Memory'),
    placeholder: '512m',
  }),
  limit('cpus', ['CPUs', 'Empty: no limit. 0.5 is half of one.'], as.cpus, {
    ...host('NanoCpus'),
    placeholder: '1.5',
  }),
  limit(
    'pids-limit',
    ['Processes', 'How many it may have at once.'],
    as.integer,
    host('PidsLimit'),
  ),
  limit(
    'memory-reservation',
    ['Memory kept for it', 'Shrunk to this when memory is short.'],
    as.bytes,
    host('MemoryReservation'),
  ),
  limit(
    'memory-swap',
    ['Memory and swap', 'Both together; -1: as much swap as there is.'],
    as.bytes,
    host('MemorySwap'),
  ),
  limit('memory-swappiness', ['Swappiness', '0 to 100.'], as.integer, host('MemorySwappiness')),
  limit('cpu-shares', ['CPU weight', 'Against other containers; 1024 is usual.'], as.integer, {
    short: 'c',
    ...host('CpuShares'),
  }),
  limit('cpuset-cpus', ['Only these CPUs', 'Numbers and ranges.'], as.text, {
    ...host('CpusetCpus'),
    placeholder: '0-1',
  }),
  limit(
    'cpuset-mems',
    ['Only these memory nodes', 'Numbers and ranges.'],
    as.text,
    host('CpusetMems'),
  ),
  limit(
    'cpu-period',
    ['CPU period (µs)', 'Length of a scheduler period.'],
    as.integer,
    host('CpuPeriod'),
  ),
  limit('cpu-quota', ['CPU quota (µs)', 'CPU time a period.'], as.integer, host('CpuQuota')),
  limit('blkio-weight', ['Disk weight', '10 to 1000.'], as.integer, host('BlkioWeight')),
  limit('device-read-bps', ['Read rate', 'A device and bytes a second.'], as.bytesEachSecond, {
    ...host('BlkioDeviceReadBps'),
    placeholder: '/dev/sda:10m',
  }),
  limit('device-write-bps', ['Write rate', 'A device and bytes a second.'], as.bytesEachSecond, {
    ...host('BlkioDeviceWriteBps'),
    placeholder: '/dev/sda:10m',
  }),
  limit('device-read-iops', ['Reads a second', 'A device and a number.'], as.operationsEachSecond, {
    ...host('BlkioDeviceReadIOps'),
    placeholder: '/dev/sda:100',
  }),
  limit(
    'device-write-iops',
    ['Writes a second', 'A device and a number.'],
    as.operationsEachSecond,
    {
      ...host('BlkioDeviceWriteIOps'),
      placeholder: '/dev/sda:100',
    },
  ),
  limit('ulimit', ['Process limits', 'As ulimit sets them.'], as.ulimits, {
    ...host('Ulimits'),
    placeholder: 'nofile=1024:2048',
  }),
  limit(
    'oom-kill-disable',
    ['Do not kill when out of memory', 'It waits for memory instead.'],
    as.flag,
    host('OomKillDisable'),
  ),
  limit(
    'oom-score-adj',
    ['Out-of-memory score', '-1000 to 1000; the higher, the sooner it is killed.'],
    as.integer,
    host('OomScoreAdj'),
  ),

  health('health-cmd', ['Check', 'A shell command; 0 means well.'], as.text, {
    placeholder: 'wget -q -O- http://localhost/',
  }),
  health('health-interval', ['Every', 'Time between checks.'], as.duration, {
    field: 'Healthcheck.Interval',
    placeholder: '30s',
  }),
  health('health-timeout', ['Longest', 'A check that takes longer has failed.'], as.duration, {
    field: 'Healthcheck.Timeout',
    placeholder: '30s',
  }),
  health(
    'health-start-period',
    ['Start-up time', 'Failures in this time do not count.'],
    as.duration,
    { field: 'Healthcheck.StartPeriod', placeholder: '10s' },
  ),
  health('health-retries', ['Failures in a row', 'So many make it unhealthy.'], as.integer, {
    field: 'Healthcheck.Retries',
    placeholder: '3',
  }),
  health('no-healthcheck', ['No check', 'Not even the image’s own.'], as.flag),

  security(
    'privileged',
    ['All rights of this machine', 'Nearly no walls are left. Only when nothing else works.'],
    as.flag,
    host('Privileged'),
  ),
  security('cap-add', ['Capabilities added', 'Such as NET_ADMIN.'], as.list, host('CapAdd')),
  security('cap-drop', ['Capabilities taken', 'ALL takes every one.'], as.list, host('CapDrop')),
  security(
    'security-opt',
    ['Security options', 'no-new-privileges, seccomp=…, apparmor=…'],
    as.list,
    host('SecurityOpt'),
  ),
  security('device', ['Devices', 'Of this machine, with :rwm if less is wanted.'], as.devices, {
    ...host('Devices'),
    placeholder: '/dev/fuse',
  }),
  security(
    'device-cgroup-rule',
    ['Device rules', 'As the kernel writes them: c 42:* rmw.'],
    as.list,
    host('DeviceCgroupRules'),
  ),
  security('gpus', ['GPUs', 'all, a number, or device=ids.'], as.gpus, host('DeviceRequests')),
  security('group-add', ['More groups', 'The user is in them too.'], as.list, host('GroupAdd')),
  security(
    'userns',
    ['User namespace', 'host: that of this machine.'],
    as.text,
    host('UsernsMode'),
  ),
  security('pid', ['Process namespace', 'host, or container:name.'], as.text, host('PidMode')),
  security(
    'ipc',
    ['IPC namespace', 'private, shareable, host, or container:name.'],
    as.text,
    host('IpcMode'),
  ),
  security('uts', ['Host name namespace', 'host: that of this machine.'], as.text, host('UTSMode')),
  security('cgroupns', ['Cgroup namespace', 'private or host.'], as.text, host('CgroupnsMode')),
  security(
    'sysctl',
    ['Kernel settings', 'Of its own namespaces, such as net.core.somaxconn.'],
    as.pairs,
    host('Sysctls'),
  ),

  more('label', ['Labels', 'Names and values for tools to find it by.'], as.pairs, {
    short: 'l',
    field: 'Labels',
  }),
  more(
    'init',
    ['A small init', 'Passes signals on and collects ended processes.'],
    as.flag,
    host('Init'),
  ),
  more('stop-signal', ['Stop signal', 'Asked to end with this one.'], as.text, {
    field: 'StopSignal',
    placeholder: 'SIGTERM',
  }),
  more('stop-timeout', ['Time to end (s)', 'Killed after so many seconds.'], as.integer, {
    field: 'StopTimeout',
    placeholder: '10',
  }),
  more('log-driver', ['Log driver', 'Where output goes.'], as.text, {
    ...host('LogConfig.Type'),
    placeholder: 'json-file',
  }),
  more(
    'log-opt',
    ['Log options', 'Such as max-size and max-file.'],
    as.pairs,
    host('LogConfig.Config'),
  ),
  more('cgroup-parent', ['Parent cgroup', 'Below which it runs.'], as.text, host('CgroupParent')),
  more('runtime', ['Runtime', 'When not the engine’s own.'], as.text, {
    ...host('Runtime'),
    placeholder: 'runc',
  }),
  more('platform', ['Platform', 'Of the image, such as linux/arm64.'], as.text),
];
