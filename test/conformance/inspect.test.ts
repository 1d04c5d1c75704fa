/** What `docker inspect` tells. */
import { describeRows, row } from './both-daemons.ts';

/** This daemon hides one path more (CVE-2020-8694), as later Docker does. */
const withoutPowercap = (text: string): string =>
  text.replaceAll(',"/sys/devices/virtual/powercap"', '');

/** What inspect tells of an option. */
const kept = (name: string, options: string, format: string) => ({
  ...row(
    name,
    `docker create --name one ${options} busybox true`,
    `docker inspect -f '${format}' one`,
  ),
  normalise: withoutPowercap,
});

describeRows('inspect', [
  row(
    'no command',
    'docker create busybox',
    "docker inspect -f '{{json .Config.Cmd}} {{.Path}} {{json .Args}}' $(docker ps -aq)",
  ),
  kept(
    'a terminal with stdin',
    '-it',
    '{{.Config.Tty}} {{.Config.OpenStdin}} {{.Config.StdinOnce}} {{.Config.AttachStdin}}',
  ),
  kept(
    'an entrypoint',
    '--entrypoint /bin/echo',
    '{{json .Config.Entrypoint}} {{json .Config.Cmd}} {{.Path}} {{json .Args}}',
  ),
  kept('a user', '-u daemon', '{{.Config.User}}'),
  kept(
    'a health check',
    "--health-cmd 'exit 1' --health-interval 3s",
    '{{json .Config.Healthcheck}}',
  ),
  kept('nothing in particular', '', '{{json .Config}}'),
  kept("the host config's defaults", '', '{{json .HostConfig}}'),
  kept(
    'limits',
    '-m 64m --cpus 0.5 --pids-limit 20 --cpu-shares 300 --cpuset-cpus 0',
    '{{json .HostConfig}}',
  ),
  kept('a privileged container', '--privileged', '{{json .HostConfig}}'),
  kept(
    'paths hidden and read-only',
    '--security-opt systempaths=unconfined',
    '{{json .HostConfig.MaskedPaths}} {{json .HostConfig.ReadonlyPaths}} {{json .HostConfig.SecurityOpt}}',
  ),
  kept('mounts', '-v vol:/data:ro', '{{json .Mounts}} {{json .HostConfig.Binds}}'),
  kept(
    'a mount the long way',
    '--mount type=bind,src=$DIR,dst=/x,bind-propagation=rslave,readonly',
    '{{json .Mounts}} {{json .HostConfig.Mounts}}',
  ),
  kept('tmpfs', '--tmpfs /x:size=64k', '{{json .Mounts}} {{json .HostConfig.Tmpfs}}'),
  kept(
    'ports',
    '-p 127.0.0.1:8080:80/udp',
    '{{json .HostConfig.PortBindings}} {{json .Config.ExposedPorts}} {{json .NetworkSettings.Ports}}',
  ),
  kept('a shared ipc namespace', '--ipc shareable', '{{.HostConfig.IpcMode}}'),
  kept('logging', '--log-opt max-size=1m', '{{json .HostConfig.LogConfig}}'),
  kept(
    'a restart policy',
    '--restart on-failure:3',
    '{{json .HostConfig.RestartPolicy}} {{.RestartCount}}',
  ),
  kept('the network settings', '', '{{json .NetworkSettings}}'),
  kept(
    'everything of its state',
    '',
    '{{json .State}} {{.Driver}} {{.Platform}} {{.MountLabel}}{{.ProcessLabel}}{{.AppArmorProfile}} {{json .ExecIDs}} {{.Name}} {{.LogPath}} {{.HostnamePath}} {{.HostsPath}} {{.ResolvConfPath}}',
  ),
]);
