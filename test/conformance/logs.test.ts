/** Log drivers: options, files, what `docker logs` reads back. */
import { describeRows, row } from './both-daemons.ts';

const DATA_ROOT = "$(docker info -f '{{.DockerRootDir}}')";
/** A command in the directory of a container's files. */
const inFiles = (name: string, words: string): string =>
  `inside sh -c 'cd '${DATA_ROOT}/containers/$(docker inspect -f '{{.Id}}' ${name})'; ${words}'`;

/** Each is refused at start or at create, or prints `hi`. */
const opened = (name: string, driver: string, ...options: readonly string[]) =>
  row(
    name,
    ...options.map(
      (words) =>
        `docker run --rm --log-driver ${driver} --log-opt ${words} busybox echo hi; docker container prune -f >/dev/null`,
    ),
  );

/** 300 lines of 100 bytes: more than three files of 5 kB hold. */
const LINES = `sh -c 'for i in $(seq 300); do printf "%0100d\\n" $i; done'`;
const rotated = (name: string, ...options: readonly string[]) =>
  row(
    name,
    `docker run --name one ${options.join(' ')} --log-opt max-size=5k --log-opt max-file=3 busybox ${LINES} | tail -1`,
    'docker logs one | wc -l | sed -E "s/^([5-9][0-9]|1[01][0-9])$/two files and more/"',
    'docker logs --tail 3 one; docker logs --tail 45 one | head -1; docker logs --tail 0 one',
    'docker logs one > $DIR/all; docker logs --tail 500 one | cmp - $DIR/all; sort $DIR/all | uniq -d | wc -l; sort -c $DIR/all',
    'docker start one >/dev/null; docker wait one; docker logs -f --tail 2 one',
    inFiles('one', 'find . -name "*log*" -printf "%P %m\\n"').concat(
      ' | sed -E "s/[0-9a-f]{64}/ID/g" | sort',
    ),
  );

describeRows('logs', [
  row(
    'local, written and read',
    "docker run --name one --log-driver local busybox sh -c 'echo one; echo; printf part'",
    'docker logs one; docker logs -t one | sed "s/ .*//"; docker logs --tail 1 one',
    "docker inspect -f '{{.LogPath}} {{json .HostConfig.LogConfig}}' one",
    "docker run --name two --log-driver local -t busybox echo 'grüße 🐳' | od -c; docker logs two | od -c",
    "docker run --name err --log-driver local busybox sh -c 'echo lost >&2' 2>&1; docker logs err 2>/dev/null; docker logs err 2>&1 >/dev/null",
  ),
  row(
    "local, byte for byte in dockerd's format",
    `docker run --name one --log-driver local busybox sh -c 'echo one; head -c 40000 /dev/zero | tr "\\0" x; echo; printf part' | sha256sum`,
    inFiles(
      'one',
      'wc -c < local-logs/container.log; head -c 66 local-logs/container.log | od -An -v -tx1',
    ).concat(" | tr -d '\\n' | sed -E 's/ 10( ..){9} 1a/ TIME 1a/g'"),
    'docker logs one | sha256sum',
  ),
  rotated('local, rotated and compressed', '--log-driver local'),
  rotated('json-file, rotated'),
  rotated('json-file, rotated and compressed', '--log-opt compress=true'),
  row(
    'a period, and the tail of it',
    "docker run --name one busybox sh -c 'for i in 1 2 3 4 5 6; do echo $i; sleep 0.03; done' >/dev/null",
    `t() { docker logs -t one | sed -n "$1p" | cut -d' ' -f1; }
     docker logs --since $(t 3) one; echo; docker logs --until $(t 3) one; echo; docker logs --since $(t 2) --until $(t 4) one
     docker logs --tail 2 --until $(t 3) one; echo; docker logs --tail 4 --since $(t 5) one; docker logs --follow --until $(t 2) one`,
  ),
  row(
    'non-blocking',
    'docker run --name one --log-opt mode=non-blocking --log-opt max-buffer-size=4m busybox seq 20000 | sha256sum; docker logs one | sha256sum',
    'docker run --name two --log-driver local --log-opt mode=non-blocking busybox seq 20000 | sha256sum; docker logs two | sha256sum',
    "docker inspect -f '{{json .HostConfig.LogConfig}}' one",
    'docker run -d --name three --log-opt mode=non-blocking busybox sh -c "seq 3; sleep 0.2; seq 4 6" >/dev/null; docker logs -f three',
  ),
  opened(
    'options of local',
    'local',
    ...['nope=1', 'labels=a', 'tag=x', 'env=A'],
    ...['max-size=x', 'max-size=-1', 'max-file=x', 'max-file=0', 'max-file=1', 'compress=maybe'],
    'max-file=-1 --log-opt compress=false',
    'max-file=1 --log-opt compress=false',
  ),
  opened(
    'options of json-file',
    'json-file',
    ...['max-size=0', 'max-file=x', 'compress=maybe', 'cache-disabled=maybe', 'cache-max-size=1'],
  ),
  opened(
    'tags and expressions that are none',
    'json-file',
    ...[
      "tag='{{.Nope}}'",
      "tag='a {{.Nope}}'",
      "tag='{{.Name'",
      "env-regex='('",
      "labels-regex='['",
    ],
  ),
  row(
    'a tag with details',
    "docker run --name one --log-opt tag='{{.Name}} {{.ImageName}} {{.DaemonName}}:{{.Command}}' busybox echo hi",
    'docker logs --details one',
    `docker run --name two --log-opt labels=a,b --log-opt env-regex=^X -l a='1 2' -l b=ü -e X1=y busybox echo hi; docker logs --details two`,
  ),
]);
