/** `docker commit` and `docker diff`. */
import { describeRows, type Row } from './both-daemons.ts';

/** An image's config without what is each run's own. */
const SHOW =
  "docker image inspect made --format '{{json .Config}} {{json .ContainerConfig}} {{.Author}} {{.Comment}} {{.Os}} {{.Architecture}} {{.DockerVersion}} {{len .RootFS.Layers}} {{.Parent}}'";
/** The stored config's keys, in order, with its history. */
const RAW =
  'docker save -o "$DIR/made.tar" made && python3 -c \'import json,sys,tarfile; t=tarfile.open(sys.argv[1]); m=json.load(t.extractfile("manifest.json")); d=json.load(t.extractfile(m[0]["Config"])); d["created"]=""; d["history"]=[{k:v for k,v in h.items() if k!="created"} for h in d["history"]]; d["rootfs"]["diff_ids"]=len(d["rootfs"]["diff_ids"]); print(json.dumps(d))\' "$DIR/made.tar"';
const CLEAN = 'docker rmi made >/dev/null';

/** Debian's word after dockerd's version. */
const withoutBuild = (text: string): string => text.replaceAll('+dfsg1', '');

const rows: readonly Row[] = [
  {
    name: 'a changed container',
    steps: [
      "docker run --name box -e A=1 -l x=y -w /root --hostname box busybox sh -c 'echo 1 > /new'",
      "docker commit -a 'Me <me@x>' -m 'a message' box made | cut -c1-7",
      SHOW,
      RAW,
      'docker run --rm made cat /new',
      "docker history --no-trunc --format '{{.CreatedBy}}|{{.Comment}}' made | head -1",
      CLEAN,
    ],
  },
  {
    name: 'nothing changed',
    steps: [
      'docker create --name box busybox true >/dev/null; docker commit box made | cut -c1-7',
      SHOW,
      CLEAN,
    ],
  },
  {
    name: 'changes',
    steps: [
      'docker create --name box busybox sh -c "echo hi" >/dev/null',
      `docker commit -c 'ENV B=2 C="3 4"' -c 'EXPOSE 80 90/udp' -c 'WORKDIR /tmp' -c 'USER daemon' -c 'LABEL k=v' -c 'VOLUME /v' -c 'ENTRYPOINT ["/bin/echo"]' -c 'ONBUILD RUN x' -c 'STOPSIGNAL SIGINT' -c 'HEALTHCHECK --interval=5s CMD true' box made | cut -c1-7`,
      SHOW,
      CLEAN,
      `docker commit -c 'CMD ["a","b"]' -c 'ENTRYPOINT x y' box made | cut -c1-7`,
      SHOW,
      CLEAN,
      `docker commit -c 'FROM x' box made`,
    ],
  },
  {
    name: 'what is not there',
    steps: [
      'docker commit nope made',
      'docker diff nope',
      'docker create --name box busybox true >/dev/null; docker commit box Made',
    ],
  },
  {
    name: 'the running one goes on, paused or not',
    steps: [
      'docker run -d --name box busybox sleep 1000 >/dev/null',
      "docker commit box made >/dev/null; docker inspect -f '{{.State.Status}}' box",
      CLEAN,
      "docker commit --pause=false box made >/dev/null; docker inspect -f '{{.State.Status}}' box",
      CLEAN,
      "docker pause box; docker commit box made >/dev/null; docker inspect -f '{{.State.Status}}' box; docker unpause box",
      CLEAN,
    ],
  },
  {
    name: 'what was deleted, replaced and linked is so in the image',
    steps: [
      "docker run --name first busybox sh -c 'mkdir -p /d/e /gone; echo 1 > /d/e/f; echo 2 > /d/g; echo 3 > /gone/x; ln /d/g /d/h'",
      'docker commit first base >/dev/null',
      "docker run --name box base sh -c 'rm -r /gone; rm -r /d/e; mkdir /d/e; echo new > /d/e/n; rm /d/g; ln -s h /d/g; chmod 700 /d; mkdir /only; mkfifo /only/p'",
      'docker diff box | sort',
      'docker commit box made >/dev/null',
      "docker run --rm made sh -c 'ls -ln /d /d/e /only | grep -v total | cut -c1-10; readlink /d/g; ls -d /gone; cat /d/h'",
      'docker rm first box >/dev/null; docker rmi made base >/dev/null',
    ],
  },
  {
    name: 'diff',
    steps: [
      "docker run --name box busybox sh -c 'touch /etc/passwd /a; rm /etc/group; mkdir -p /x/y; chmod 700 /home; rm /root/../home -r'",
      'docker diff box | sort',
      'docker create --name still busybox true >/dev/null; docker diff still',
    ],
  },
];

describeRows(
  'docker commit and diff',
  rows.map((row) => ({ ...row, normalise: withoutBuild })),
);
