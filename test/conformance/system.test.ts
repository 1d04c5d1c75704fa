/** The daemon about itself: info, version, disk usage, events, API versions. */
import { describeRows, row } from './both-daemons.ts';

/** Names and types of everything in a JSON value read from stdin; lists by their first entry. */
const SHAPE = `python3 -c '
import json, sys
def shape(value, path):
    if isinstance(value, dict) and value:
        return [line for key in sorted(value) for line in shape(value[key], path + "." + key)]
    if isinstance(value, list) and value:
        return shape(value[0], path + "[]")
    return [path + " " + type(value).__name__]
print("\\n".join(shape(json.loads(sys.stdin.readline()), "")))'`;
const curl = (path: string, options = ''): string =>
  `curl -s ${options} --unix-socket $DAEMON_SOCKET http://engine${path}`;
const events = (filter: string): string =>
  `docker events --since 1h --until 0s ${filter} --format '{{.Type}} {{.Action}} {{.Scope}}'`;

describeRows('the daemon', [
  row(
    'info, field by field',
    // The runtime of containerd 1.0 went with it.
    `docker info --format '{{json .}}' | ${SHAPE} | grep -v io.containerd.runtime.v1`,
    "docker info 2>&1 | sed -E 's/[0-9]+/N/g; s/^(ID|Name|Kernel.*|Operating.*|Docker Root.*|.* version|.*Version|Total Memory|Network|Log|  Network|  Log| Runtimes| CPUs| Operating System| ID| Name| Docker Root Dir| Total Memory).*:.*//' | grep .",
    "docker info --format '{{.Driver}} {{.CgroupDriver}} {{.CgroupVersion}} {{.LoggingDriver}} {{.OSType}} {{.Architecture}} {{.DefaultRuntime}} {{.InitBinary}} {{json .SecurityOptions}} {{json .Warnings}} {{json .Swarm.LocalNodeState}} {{.LiveRestoreEnabled}} {{json .RegistryConfig}} {{json .DefaultAddressPools}} {{.ExperimentalBuild}} {{.IndexServerAddress}}'",
  ),
  row(
    'clients from 1.24 on',
    `for v in 1.24 1.30 1.35 1.40 1.41; do DOCKER_API_VERSION=$v docker version --format '{{.Client.APIVersion}}'; DOCKER_API_VERSION=$v docker ps -q; DOCKER_API_VERSION=$v docker run --rm busybox echo $v; DOCKER_API_VERSION=$v docker inspect nope; done`,
    `for v in 1.24 1.30 1.41; do ${curl('/v$v/info')} | ${SHAPE} | grep -v io.containerd.runtime.v1; done`,
    `${curl('/v1.11/info')} | sed 's/1\\.[12][24],/N,/'; ${curl('/v1.x/info')}; ${curl('/vv/info')}; ${curl('/_ping')}; ${curl('/v1.24/_ping')}; ${curl('/_ping', '-I')} | head -1`,
  ),
  row(
    'disk usage',
    `docker run --name one -v vol:/data busybox sh -c 'head -c 4000 /dev/zero > /data/f; head -c 2000 /dev/zero > /g'; docker create --name two busybox >/dev/null; docker system df; docker system df --format '{{.Type}} {{.TotalCount}} {{.Active}} {{.Size}} {{.Reclaimable}}'`,
    "docker system df -v | sed -E 's/[0-9a-f]{12} /ID /; s/(Less|About|[0-9]+ second).* (Created|Exited) /AGO \\2 /; s/  +/ /g' | grep -v 'CONTAINER ID'",
    `docker volume create idle >/dev/null; docker system df | grep Local; api GET /system/df | ${SHAPE}`,
  ),
  row(
    'events by filter',
    'docker run --rm --name evt --label a=b -v evv:/d busybox true; docker network create evn >/dev/null; docker network rm evn >/dev/null; docker volume rm evv >/dev/null; docker tag busybox evi:1; docker rmi evi:1 >/dev/null; sleep 1.1',
    `for f in container=evt container=nope image=evi:1 label=a label=a=b label=x volume=evv network=evn daemon=x scope=swarm event=nope type=nope type=network,event=tag; do echo "$f: $(${events('--filter $f')} | sort | uniq -c | tr -s ' ' | tr '\\n' ',')"; done`,
    `${events('--filter event=tag --filter event=untag --filter type=image --filter type=container')}; ${events('--filter container=evt --filter event=die --filter event=start')}`,
    `docker events --since 1h --until 0s --filter container=evt --format '{{json .Actor.Attributes}}' | sort -u; docker events --since 1h --until 0s --filter image=evi:1 --format '{{json .}}' | sed -E 's/[0-9]{10,}/N/g'`,
    `docker events --since x; docker events --since 2h --until 3h 2>&1 | sed -E 's/[0-9]{10}/N/g'; api GET '/events?since=1&until=2'; api GET '/events?since=x'; api GET '/events?filters=x'; api GET '/events?since=5&until=4'`,
  ),
]);
