/** The verbs of a container's life where they are awkward: refusals, races, pauses, filters, keys. */
import { describeRows, row } from './both-daemons.ts';

const SLEEP = 'busybox sleep 1000 >/dev/null';
const ID = "sed -E 's/[0-9a-f]{64}/ID/'";
const show = (name: string, ...fields: readonly string[]): string =>
  `docker inspect -f '${fields.map((field) => `{{${field}}}`).join(' ')}' ${name}`;
const STATE = ['.State.Status', '.State.ExitCode', '.State.Paused'];

/** What each filter finds, or says. */
const eachFilter = (...filters: readonly string[]): string =>
  `for f in ${filters.join(' ')}; do echo "$f: $(docker ps -a --filter $f --format '{{.Names}}' 2>&1 | sort | tr '\\n' ' ')"; done`;

/** Names and types of everything in a JSON answer; of lists only that they are some. */
const SHAPE = `python3 -c '
import json, sys
def shape(value, path):
    if isinstance(value, dict) and value:
        return [line for key in sorted(value) for line in shape(value[key], path + "." + key)]
    return [path + " " + type(value).__name__]
print("\\n".join(shape(json.load(sys.stdin), "")))'`;

/** \`docker …\` at a terminal, the detach keys typed as soon as it is there. */
const detach = (command: string, keys: string, running: string): string =>
  `(wait_for sh -c "${running}"; sleep 0.3; printf '${keys}'; sleep 0.3) | script -qec '${command}' /dev/null | tr -d '\\r' | grep -o 'read escape sequence'`;

describeRows('verbs', [
  row(
    'update',
    `docker run -d --name one -m 64m ${SLEEP}; docker update -m 128m --memory-swap 256m one; ${show('one', '.HostConfig.Memory', '.HostConfig.MemorySwap')}`,
    'docker update -m 512m one; docker update -m 1m one; docker update --kernel-memory 32m one',
    `docker update --cpus 0.5 --cpu-shares 512 one; ${show('one', '.HostConfig.NanoCpus', '.HostConfig.CpuShares')}; docker update --cpu-quota 10000 one; docker update --cpuset-cpus 99 one; docker update --cpus 100 one`,
    `docker update --pids-limit 50 one; ${show('one', '.HostConfig.PidsLimit')}; docker update --pids-limit -1 one; ${show('one', '.HostConfig.PidsLimit')}; docker exec one cat /sys/fs/cgroup/pids/pids.max`,
    `docker update --restart always one; ${show('one', 'json .HostConfig.RestartPolicy')}; docker update --restart nope one; docker update --restart on-failure:2 one nope; docker update one`,
    'docker run -d --name rmd --rm busybox sleep 1000 >/dev/null; docker update --restart always rmd; docker create --name made busybox true >/dev/null; docker update -m 64m made; docker update -m 64m --memory-swap 64m --restart unless-stopped made',
    'docker pause one >/dev/null; docker update --cpu-shares 300 one; docker unpause one >/dev/null; docker exec one cat /sys/fs/cgroup/cpu/cpu.shares',
    `api POST /containers/one/update '{"Memory":-1}'; api POST /containers/one/update x; api POST /containers/nope/update '{}'; docker create --name quota --cpu-quota 20000 busybox >/dev/null; docker update --cpus 1 quota`,
  ),
  row(
    'rename',
    `docker run -d --name one ${SLEEP}; docker create --name two busybox true >/dev/null; docker rename one two 2>&1 | ${ID}`,
    "docker rename one one; docker rename one /one; docker rename nope x; docker rename one 'a b'",
    `docker rename one three; docker rename three /four; ${show('four', '.Name')}; docker rename $(docker inspect -f '{{.Id}}' four) five; docker run --name four busybox echo free`,
    `api POST '/containers/five/rename?name=' ''; docker pause five >/dev/null; docker rename five six; docker unpause six; docker ps --format '{{.Names}}'`,
  ),
  row(
    'pause, and verbs of what is paused',
    `docker create --name pausy busybox sleep 1000 >/dev/null; docker pause pausy; docker unpause pausy; docker pause nope; docker start pausy >/dev/null; docker pause pausy; docker pause pausy; ${show('pausy', ...STATE)}`,
    `docker exec pausy true; docker attach pausy; docker start pausy; docker rm pausy 2>&1 | ${ID}; docker cp pausy:/etc/passwd - | wc -c; docker top pausy -o comm,pid | sed 's/ .*//'`,
    `docker stop -t 0 pausy; ${show('pausy', ...STATE)}; docker start pausy >/dev/null; docker pause pausy >/dev/null; docker restart -t 0 pausy; ${show('pausy', '.State.Status', '.State.Paused')}`,
    `docker pause pausy >/dev/null; docker kill pausy; docker wait pausy; ${show('pausy', ...STATE)}; docker start pausy >/dev/null; docker pause pausy >/dev/null; docker kill -s USR1 pausy; ${show('pausy', '.State.Status')}; docker unpause pausy`,
    // The client cuts the present second off.
    "docker pause pausy >/dev/null; docker rm -f pausy; sleep 1.1; docker events --since 1h --until 0s -f container=pausy --format '{{.Action}}' | sort | uniq -c",
  ),
  row(
    'ps by filter',
    `docker run -d --name aa --label x=1 -p 127.0.0.1:18301:80 -p 18302:81/udp --expose 9 ${SLEEP}; docker run --name bb --label x=2 busybox sh -c 'exit 3'; docker create --name cc -v /data --network host busybox true >/dev/null; docker run -d --name dd --health-cmd true --health-interval 100ms ${SLEEP}; docker pause aa >/dev/null; wait_for sh -c "docker ps | grep -q '(healthy)'"`,
    `docker ps -a --format '{{.Names}}|{{.Image}}|{{.Command}}|{{.Ports}}|{{.Label "x"}}|{{.State}}|{{.Networks}}|{{.LocalVolumes}}|{{.Mounts}}' | sed -E 's/[0-9a-f]{10,}…?/ID/'`,
    eachFilter(
      ...['name=aa', 'name=^/aa$', "name='[ab]'", 'label=x', 'label=x=2', 'label='],
      ...['status=created', 'status=paused', 'status=running', 'status=exited', 'status=dead'],
      ...['exited=3', 'exited=0', 'ancestor=busybox', 'ancestor=busybox:latest', 'ancestor=nope'],
      ...['before=cc', 'since=bb', 'volume=/data', 'volume=nope', 'network=host'],
      ...['network=bridge', 'network=nope', 'health=healthy', 'health=none', 'isolation=default'],
      ...['publish=18301', 'publish=80', 'publish=18302/udp', 'publish=18300-18303'],
      ...['expose=81/udp', 'expose=9', 'expose=80', 'is-task=true', 'is-task=false'],
    ),
    eachFilter(
      ...['status=nope', 'exited=x', 'before=nope', 'since=nope', 'nope=x', 'health=nope'],
      ...['publish=x', 'publish=99999999', 'expose=a/b', 'is-task=x', 'is-task=0'],
    ),
    "docker ps -l --format '{{.Names}}'; docker ps -n 2 --format '{{.Names}}'; docker ps -n 0 -q | wc -l; docker ps -n -1 -q | wc -l; docker ps -lq --no-trunc | wc -c; docker ps -aq --filter label=x --filter label=y | wc -l; docker ps -a -f status=exited -f status=created --format '{{.Names}}' | sort",
    `docker unpause aa >/dev/null; docker exec aa sh -c 'head -c 3000 /dev/zero > /f'; docker ps -as --format '{{.Names}} {{.Size}}' | sort; docker ps --size -f name=^aa$ | head -1; docker ps --format '{{.Nope}}'; docker ps --format '{{json .}}' -f name=^aa$ | tr , '\\n' | cut -d: -f1`,
    `docker inspect --size -f '{{.SizeRw}} {{.SizeRootFs}}' aa dd; api GET '/containers/json?filters=%7B%22status%22%3A%7B%22exited%22%3Atrue%7D%7D' | grep -o '"Names":[^]]*'; api GET '/containers/json?size=1&limit=1' | grep -o '"Size[A-Za-z]*"'; api GET '/containers/json?filters=x'`,
  ),
  row(
    'wait by condition',
    `docker run -d --name one busybox sh -c 'trap "exit 4" TERM; echo up; while :; do sleep 0.05; done' >/dev/null; wait_for sh -c 'docker logs one | grep -q up'; (sleep 0.3; docker stop one >/dev/null) & docker wait one; wait`,
    ...['not-running', '', 'nope'].map(
      (condition) => `api POST '/containers/one/wait?condition=${condition}' ''`,
    ),
    `(sleep 0.5; docker start one >/dev/null; docker kill one >/dev/null) & api POST '/containers/one/wait?condition=next-exit' ''; wait; (sleep 0.5; docker rm one >/dev/null) & api POST '/containers/one/wait?condition=removed' ''; wait`,
    `docker create --rm --name two busybox sh -c 'exit 9' >/dev/null; (sleep 0.5; docker start two >/dev/null) & api POST '/containers/two/wait?condition=removed' ''; wait; docker create --name never busybox >/dev/null; api POST /containers/never/wait ''; api POST /containers/nope/wait ''`,
  ),
  row(
    'top with options of ps',
    `docker run -d --name one ${SLEEP}; ${['', '-o pid,args', '-o pid,user,group,comm'].map((options) => `docker top one ${options} | sed -E 's/[0-9]+/N/g; s/ +/ /g'`).join('; ')}; docker top one -ef | wc -l; docker top one -o pid,comm -H | wc -l`,
    'docker top one -o comm; docker top one -nope; docker top one -o nope; docker top one x y; docker top nope; docker create --name made busybox >/dev/null; docker top made',
    `api GET '/containers/one/top?ps_args=-o%20pid%2Cargs' | sed -E 's/"[0-9]+"/N/'; docker run -dit --name tty busybox sh >/dev/null; docker top tty -o pid,comm | sed -E 's/[0-9]+/N/g; s/ +/ /g'`,
  ),
  row(
    'stats, field by field',
    `docker run -d --name one -m 64m ${SLEEP}; docker create --name made busybox true >/dev/null; docker stats --no-stream nope; docker stats --no-stream -a --format '{{.Name}} {{.PIDs}}' | sort`,
    `api GET '/containers/one/stats?stream=0' | head -1 | ${SHAPE}`,
    `api GET '/containers/made/stats?stream=0' | head -1 | ${SHAPE}; api GET '/containers/one/stats?stream=0&one-shot=1' | head -1 | grep -oE '"preread":"[^"]*"|"precpu_stats":.*online_cpus'; api GET '/containers/nope/stats?stream=0'`,
  ),
  row(
    'prune by filter',
    `docker run --name one --label keep busybox true; docker run --name two --label a=b busybox true; docker create --name three busybox true >/dev/null; docker run -d --name four ${SLEEP}`,
    ...[
      'nope=x',
      'until=x',
      'until=1s --filter until=2s',
      'until=1h',
      'label=a=b',
      'label!=keep',
    ].map(
      (filter) =>
        `docker container prune -f --filter ${filter} | ${ID}; docker ps -a --format '{{.Names}}' | sort | tr '\\n' ' '`,
    ),
    `echo n | docker container prune; docker container prune -f | tail -1; api POST /containers/prune ''; docker run --name sz busybox sh -c 'head -c 5000 /dev/zero > /x'; docker container prune -f | tail -1`,
  ),
  row(
    'detach keys',
    'docker run -d --name one -it busybox cat >/dev/null',
    `${detach('docker attach one', '\\020\\021', 'true')}; ${show('one', '.State.Running')}`,
    `${detach('docker attach --detach-keys ctrl-a,x one', '\\001x', 'true')}; ${show('one', '.State.Running')}`,
    `${detach('docker exec -it one sleep 1000', '\\020\\021', 'docker top one | grep -q sleep')}; docker exec one ps -o args | grep -c '^sleep'`,
    `docker exec --detach-keys bad,keys,x1 one true; docker attach --detach-keys nope one </dev/null; api POST /containers/one/exec '{"Cmd":["true"],"DetachKeys":"nope"}'`,
  ),
  row(
    'a name that is free again at once',
    `docker run -d --name r1 ${SLEEP}; docker run -d --name r2 ${SLEEP}; docker rm r1 2>&1 | ${ID}; docker kill r1 r2; docker kill r1; docker rm r1 r2; docker run --name r1 busybox echo reused; docker rm -f r1; docker run --name r1 busybox echo again; docker rm r1; docker rm r1`,
    'docker run -d --name a1 --rm busybox true >/dev/null; wait_for sh -c "! docker inspect a1"; docker run --rm --name a1 busybox echo reuse; docker rm -f nope; docker rm nope nope2; docker kill nope r1',
  ),
  row(
    'removed while it is stopped or started',
    `docker run -d --name one busybox sh -c 'trap "" TERM; echo up; sleep 1000' >/dev/null; wait_for sh -c 'docker logs one | grep -q up'; docker stop -t 20 one >/dev/null 2>&1 & sleep 0.3; docker rm one 2>&1 | ${ID}; docker rm -f one; wait; docker ps -aq | wc -l`,
    'docker create --name two busybox sleep 1000 >/dev/null; docker start two >/dev/null 2>&1 & docker rm -f two >/dev/null 2>&1; wait; docker rm -f two >/dev/null 2>&1; docker ps -aq | wc -l; docker run --name two busybox echo free',
  ),
  row(
    'signals to an attached client',
    `docker run -d --name two busybox sh -c 'trap "echo hup" HUP; trap "echo usr; exit 6" USR1; echo up; while :; do sleep 0.05; done' >/dev/null; wait_for sh -c 'docker logs two | grep -q up'; docker attach two > $DIR/o & c=$!; sleep 0.5; kill -HUP $c; wait_for grep -q hup $DIR/o; kill -USR1 $c; wait $c; echo $?; cat $DIR/o`,
  ),
  row(
    'exit codes',
    `for c in nope /etc /bin/nope; do docker run --rm busybox $c; echo $?; done; docker run -d busybox nope; echo $?; docker run --nope busybox; echo $?; docker start nope; echo $?`,
    `docker create --name one busybox /etc/passwd >/dev/null; docker start -a one; echo $?; docker start one; echo $?; ${show('one', '.State.ExitCode', '.State.Status')}; docker run --name x1 busybox sh -c 'exit 130'; echo $?; docker start -a x1; echo $?`,
    'docker run --rm -u nobody:nope busybox true; echo $?; docker run --rm -u 4294967296 busybox true; echo $?; docker run --rm -v /nope:relative busybox true; echo $?',
    `docker run -d --name ee ${SLEEP}; for c in nope /etc 'sh -c false' 'kill -9 0'; do docker exec ee $c; echo $?; done; docker exec nope true; echo $?; docker exec x1 true 2>&1 | ${ID}; docker exec -d ee nope; echo $?; docker exec -d ee true; echo $?`,
  ),
  row(
    'exec as somebody, somewhere',
    `docker run -d --name ee -e A=1 -w /tmp -u 1000:1000 ${SLEEP}; for u in '' '-u 0' '-u nobody' '-u 5:6' '-u nope' '-u 1:nope' '-w /etc' '-w rel' '-w /nope' '-w /etc/passwd'; do docker exec $u ee sh -c 'id; pwd'; done`,
    `docker exec -e A=2 -e B='x y' -e C ee env | sort; printf 'FOO=bar\\n#c\\nBAZ\\n' > $DIR/env; BAZ=9 docker exec --env-file $DIR/env ee env | grep -E '^(FOO|BAZ)='; docker exec -e =x ee true; docker exec -e '' ee true`,
    `docker exec -u 0 ee grep -E 'CapEff|Seccomp:|NoNewPrivs' /proc/self/status; docker exec ee grep CapEff /proc/self/status; echo in | docker exec -i ee cat; echo lost | docker exec ee cat; docker exec -t ee tty; docker exec ee tty`,
    `api POST /containers/ee/exec '{}'; api POST /containers/ee/exec '{"Cmd":[]}'; id=$(api POST /containers/ee/exec '{"Cmd":["sh","-c","exit 3"],"AttachStdout":true}' | grep -oE '[0-9a-f]{64}'); api GET /exec/$id/json; api POST /exec/$id/start '{"Detach":true}'; wait_for sh -c "curl -s --unix-socket $DAEMON_SOCKET http://e/exec/$id/json | grep -q '\\"ExitCode\\":3'"; api GET /exec/$id/json | sed -E 's/"Pid":[0-9]+/"Pid":N/'; api GET /exec/nope/json; api POST /exec/nope/start '{}'`,
    `docker run -d --name n1 --network none --read-only ${SLEEP}; docker exec n1 touch /x; docker exec n1 ls /sys/class/net; docker pause n1 >/dev/null; docker exec -d n1 true; docker rm -f n1 >/dev/null; docker run --rm --gpus all busybox true; docker run --rm --gpus device=0,1 busybox true`,
  ),
  row(
    'names and values in any script',
    `docker run --name uni -e 'GRÜSSE=漢字 🐳' -e $'NL=a\\nb' --label 'schlüssel=wert ✓' --label 'q="x"<>&' --hostname höst busybox sh -c 'env | grep -A1 -E "GR|NL"; hostname'; docker inspect -f '{{json .Config.Labels}}' uni; docker ps -a --filter 'label=schlüssel=wert ✓' --format '{{.Names}} {{.Label "schlüssel"}}'`,
    "docker run --rm -w '/öäü dir' busybox pwd; docker run --rm -v 'völ:/d' busybox true; docker run --name 'ünï' busybox true",
    "A= docker run --rm -e A busybox env | grep ^A=; docker run --rm -e '' busybox true; docker run --rm -e '=x' busybox true; printf 'a b=c\\n' > $DIR/e; docker run --rm --env-file $DIR/e busybox true; docker run --rm -l '' busybox true; docker run --rm -l '=x' busybox true",
  ),
  row(
    'stopped and killed against a restart policy',
    `docker run -d --name st --stop-timeout 1 --restart always busybox sh -c 'trap "" TERM; echo up; sleep 1000' >/dev/null; wait_for sh -c 'docker logs st | grep -q up'; docker stop st; ${show('st', '.State.Status', '.State.ExitCode', '.RestartCount', '.State.Error')}; docker start st >/dev/null; docker kill st; wait_for is_state st exited; ${show('st', '.State.Status', '.RestartCount')}`,
    `docker run -d --name rs --restart on-failure:2 busybox false >/dev/null; wait_for sh -c "[ \\$(docker inspect -f '{{.RestartCount}}' rs) = 2 ]"; wait_for is_state rs exited; ${show('rs', '.State.ExitCode', '.RestartCount')}; docker stop -t -1 rs; docker stop -t x rs`,
  ),
]);
