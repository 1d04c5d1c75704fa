/** Volumes: every way to ask for one, what they hold, what is refused, and what removing and pruning spare. */
import { describeRows, row } from './both-daemons.ts';

const MOUNTS =
  "docker inspect -f '{{range .Mounts}}{{println .Type .Destination .Driver .Mode .RW .Propagation}}{{end}}' cc | sort";
/** Of a place in a container: read-only or not, and how mounts spread. */
const spread = (place: string): string =>
  `docker exec cc sh -c "grep ' ${place} ' /proc/self/mountinfo | cut -d' ' -f6- | sed 's/ - .*//; s/:[0-9]*/:N/g'"`;

const MODES = [
  ...['z', 'Z', 'ro,z', 'rw,Z', 'nocopy', 'ro,nocopy', 'z,nocopy'],
  ...['cached', 'delegated', 'consistent', 'default', 'ro,cached'],
];
const BIND_MODES = ['rprivate', 'slave', 'rshared', 'ro,rslave,z'];

describeRows('volumes', [
  row(
    'modes of a named volume',
    ...MODES.flatMap((mode) => [
      `docker create --name cc -v vol:/x:${mode} busybox true >/dev/null; ${MOUNTS}; docker rm cc`,
    ]),
    'docker create -v vol:/x:nocopy,nocopy busybox true',
    'docker create -v vol:/x:cached,delegated busybox true',
    'docker create -v vol:/x:rshared busybox true',
    'docker create -v vol:/x:ro,nope busybox true',
    'docker create -v vol:/x: busybox true >/dev/null && echo made',
    'docker create -v vol:/x:RO busybox true',
  ),
  row(
    'modes of a bind',
    'mkdir $DIR/b; inside mount --bind $DIR/b $DIR/b; inside mount --make-rshared $DIR/b',
    ...BIND_MODES.map(
      (mode) =>
        `docker run -d --name cc -v $DIR/b:/x:${mode} busybox sleep 100 >/dev/null && { ${MOUNTS}; ${spread('/x')}; docker rm -f cc; }`,
    ),
    ...['rshared', 'nope'].map(
      (propagation) =>
        `docker run -d --name cc --mount type=bind,src=$DIR/b,dst=/x,bind-propagation=${propagation},readonly busybox sleep 100 >/dev/null && { ${MOUNTS}; ${spread('/x')}; docker rm -f cc; }`,
    ),
    'docker create -v $DIR/b:/x:nocopy busybox true',
    'docker create -v $DIR/b:/x:shared,slave busybox true',
    'docker run --rm --mount type=bind,src=$DIR/b,dst=/x,bind-nonrecursive busybox grep -c " /x " /proc/self/mountinfo',
    'inside umount $DIR/b; inside mkdir $DIR/p; inside mount --bind $DIR/p $DIR/p; inside mount --make-private $DIR/p',
    'docker run --rm -v $DIR/p:/x:rshared busybox true; docker run --rm -v $DIR/p:/x:rslave busybox true',
    'inside umount $DIR/p',
  ),
  row(
    'what a bind makes of a missing source',
    'docker run --rm -v $DIR/new/deep:/x busybox ls -la /x | wc -l; stat -c "%a %u %F" $DIR/new/deep',
    'docker run --rm --mount type=bind,src=$DIR/missing,dst=/x busybox true',
    'echo text >$DIR/file; docker run --rm -v $DIR/file:/x busybox cat /x; docker run --rm -v $DIR/file:/etc busybox true 2>&1 | grep -o "not a directory" | head -1',
    'ln -s $DIR/file $DIR/link; docker run --rm -v $DIR/link:/x busybox cat /x',
  ),
  row(
    'copy-up',
    'docker run --rm -v vol:/etc busybox true; docker run --rm -v vol:/x busybox ls /x | head -3; docker run --rm -v vol:/x busybox stat -c "%a %u:%g" /x',
    'docker run --rm -v bare:/etc:nocopy busybox ls /etc; docker run --rm --mount type=volume,src=bare2,dst=/etc,volume-nocopy busybox ls /etc',
    'docker run --rm -v full:/x busybox sh -c "echo mine >/x/f"; docker run --rm -v full:/etc busybox ls /etc',
    'docker run --rm -v tmp:/tmp busybox stat -c "%a %u:%g" /tmp; docker run --rm -v tmp:/x busybox stat -c "%a %u:%g" /x',
    'docker run --rm -v over:/bin/busybox busybox true',
    'docker run --rm -v none:/not/there busybox stat -c "%a %u:%g" /not/there',
    'docker run --rm -v /etc busybox ls /etc | head -2',
    'docker run --rm --mount type=volume,dst=/etc,readonly -v vol2:/x busybox true; docker run --rm -v ro:/etc:ro busybox ls /etc | head -2',
  ),
  row(
    'volumes of others',
    'docker create --name from -v one:/one -v /two -v $DIR:/three:ro --tmpfs /four busybox true >/dev/null',
    ...['from', 'from:ro', 'from:rw', 'from:z', 'from:ro,Z'].map(
      (text) =>
        `docker create --name cc --volumes-from ${text} busybox true >/dev/null; ${MOUNTS}; docker rm cc`,
    ),
    `docker create --name cc --volumes-from from:ro -v other:/one busybox true >/dev/null; ${MOUNTS}; docker inspect -f '{{range .Mounts}}{{if eq .Destination "/one"}}{{.Name}}{{end}}{{end}}' cc; docker rm cc`,
    ...[
      'from:nope',
      'from:rshared',
      'from:nocopy',
      'from:cached',
      'from:ro,rw',
      'nosuch',
      ':ro',
    ].map((text) => `docker create --volumes-from ${text} busybox true >/dev/null`),
    'docker create --name heir --volumes-from from busybox true >/dev/null; docker rm -v from; docker volume ls -q | wc -l; docker rm -v heir; docker volume ls -q | wc -l',
  ),
  row(
    'driver options: tmpfs and bind',
    'docker volume create -o type=tmpfs -o device=tmpfs -o o=size=1m,uid=7,mode=700 tt; docker volume inspect -f "{{json .Options}} {{.Driver}} {{.Scope}}" tt',
    "docker run --rm -v tt:/x busybox sh -c 'stat -c %a,%u /x; df -k /x | tail -1 | cut -c1-30; echo a >/x/f'; docker run --rm -v tt:/x busybox ls /x",
    'mkdir $DIR/d; echo here >$DIR/d/f; docker volume create -o type=none -o o=bind -o device=$DIR/d bb; docker run --rm -v bb:/x busybox cat /x/f',
    'docker run --rm -v bb:/x:ro busybox touch /x/g; docker volume create -o type=none -o o=bind,ro -o device=$DIR/d rr; docker run --rm -v rr:/x busybox touch /x/g',
    'docker volume create -o type=none -o o=bind -o device=$DIR/missing mm; docker run --rm -v mm:/x busybox true',
    'docker volume create -o type=tmpfs -o device=tmpfs -o o=size=lamp ww; docker run --rm -v ww:/x busybox true',
    'docker run --rm --mount type=volume,src=made,dst=/x,volume-driver=local,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-opt=o=size=2m,volume-label=a=b busybox df -k /x | tail -1 | cut -c1-30; docker volume inspect -f "{{json .Options}} {{json .Labels}}" made',
    'docker run -d --name cc -v tt:/x busybox sleep 100 >/dev/null; docker rm -f cc; inside grep -c volumes/tt/ /proc/mounts',
  ),
  row(
    'driver options: nfs',
    'docker volume create -o type=nfs -o device=:/export -o o=addr=127.0.0.1,rw far; docker run --rm -v far:/x busybox true',
    'docker volume create -o type=nfs -o device=:/export -o o=addr=nosuch.invalid far2; docker run --rm -v far2:/x busybox true 2>&1 | grep -o "error resolving passed in network volume address: lookup nosuch.invalid" | tail -1',
    'docker volume create -o type=nfs -o device=:/export -o o=rw far3; docker run --rm -v far3:/x busybox true',
    'docker volume create -o type=nfs far4; docker volume create -o type=nfs -o device= far5; docker volume create -o lamp=on far6',
    'docker volume rm far far2 far3',
  ),
  row(
    'labels and the list',
    'docker volume create --label a=b one; docker volume create --label a=x two; docker create --name cc -v two:/x -v /y busybox true >/dev/null',
    ...[
      'label=a',
      'label=a=b',
      'name=^on',
      'name=w',
      'dangling=true',
      'dangling=0',
      'driver=local',
      'driver=x',
      'dangling=lamp',
      'lamp=x',
    ].map(
      (filter) =>
        `docker volume ls --filter ${filter} --format '{{.Name}} {{.Driver}} {{.Labels}}' | sed -E 's/[0-9a-f]{64}/ANON/' | sort`,
    ),
    'docker volume create --label n=m one; docker volume inspect -f "{{json .Labels}}" one',
    `api POST /volumes/create '{"Name":"three","Labels":{"z":"y"}}' | sed -E 's/"CreatedAt":"[^"]*",?//'`,
    `api POST /volumes/create '{}' | grep -o '→.*'; api POST /volumes/create '{"Name":"x"}'; api GET /volumes/nosuch; api GET '/volumes?filters=lamp'`,
  ),
  row(
    'what cannot be removed',
    'docker volume create vol >/dev/null; docker run -d --name cc -v vol:/x busybox sleep 100 >/dev/null',
    'docker volume rm vol 2>&1 | sed -E "s/[0-9a-f]{64}/ID/g"; docker volume rm -f vol 2>&1 | sed -E "s/[0-9a-f]{64}/ID/g"',
    'docker stop -t0 cc >/dev/null; docker volume rm vol 2>&1 | sed -E "s/[0-9a-f]{64}/ID/g"',
    'docker rm cc; docker volume rm vol vol nosuch; docker volume rm -f nosuch; docker volume inspect nosuch',
    'api DELETE /volumes/nosuch; api DELETE /volumes/nosuch?force=1',
  ),
  row(
    'prune',
    'docker volume create --label keep=yes named >/dev/null; docker volume create other >/dev/null; docker create --name cc -v used:/x -v /anon busybox true >/dev/null; docker create --name cd -v /left busybox true >/dev/null; docker rm cd',
    'docker volume prune -f --filter label!=keep=yes | sed -E "s/[0-9a-f]{64}/ANON/" | sort; docker volume ls -q | wc -l',
    'docker volume prune -f --filter label=nosuch; docker volume prune -f --filter lamp=x; docker volume prune -f --filter until=1h',
    'docker volume prune -f | sort; docker volume ls -q | wc -l; docker rm -v cc; docker volume ls -q',
  ),
  row(
    'a part of a volume is for newer clients',
    `api POST /containers/create '{"Image":"busybox","HostConfig":{"Mounts":[{"Type":"volume","Source":"vol","Target":"/x","VolumeOptions":{"Subpath":"deep"}}]}}' | sed -E 's/[0-9a-f]{64}/ID/'`,
  ),
]);
