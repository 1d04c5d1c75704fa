/** `docker cp` and `docker export`. */
import { describeRows } from './both-daemons.ts';

/** Names, types, modes, owners and links of an archive; times are each run's own. */
const LIST = 'tar --numeric-owner -tvf - | awk \'{$4=""; $5=""; print}\'';

describeRows('docker cp and export', [
  {
    name: 'a file out of a created container',
    steps: [
      'docker create --name box busybox true >/dev/null',
      `docker cp box:/etc/passwd - | ${LIST}`,
      'docker cp box:/etc/passwd "$DIR/x" && wc -l < "$DIR/x"',
    ],
  },
  {
    name: 'directories, with and without slash and dot',
    steps: [
      "docker run --name box busybox sh -c 'mkdir -p /d/e && echo 1 > /d/e/f && ln -s e /d/l && ln /d/e/f /d/hard && mkfifo /d/p && chmod 4711 /d/e/f && chown 7:8 /d/e'",
      `docker cp box:/d - | ${LIST}`,
      `docker cp box:/d/ - | ${LIST}`,
      `docker cp box:/d/. - | ${LIST}`,
      `docker cp box:/d/l - | ${LIST}`,
      `docker cp -L box:/d/l - | ${LIST}`,
      `docker cp box:/d/l/ - | ${LIST}`,
      `docker cp box:d/../d/e/. - | ${LIST}`,
    ],
  },
  {
    name: 'the root',
    steps: [
      'docker create --name box busybox true >/dev/null',
      'docker cp box:/ - | tar -tf - | grep -c "^/\\?bin/"',
      'docker cp box:/. - | tar -tf - | head -2',
    ],
  },
  {
    name: 'what is not there',
    steps: [
      'docker create --name box busybox true >/dev/null',
      'docker cp box:/nope "$DIR/x"',
      'docker cp box:/etc/passwd/x "$DIR/x"',
      'docker cp box:/etc/passwd/ "$DIR/x"',
      'echo hi > "$DIR/f"; docker cp "$DIR/f" box:/nope/x',
      'docker cp "$DIR/f" box:/etc/passwd/',
      'docker cp "$DIR/nope" box:/',
      'docker cp nope:/x "$DIR/x"',
      'docker cp box:/x crate:/x',
    ],
  },
  {
    name: 'into a stopped container and out of a running one',
    steps: [
      'mkdir -p "$DIR/a/b"; echo 1 > "$DIR/a/b/f"; ln -s b "$DIR/a/l"; chmod 1770 "$DIR/a/b"',
      'docker create --name box busybox sleep 1000 >/dev/null',
      'docker cp "$DIR/a" box:/new',
      'docker cp "$DIR/a" box:/new',
      'docker cp "$DIR/a/." box:/etc',
      'docker start box',
      "docker exec box sh -c 'ls -lnR /new | grep -v total | cut -c1-24; cat /etc/b/f'",
      'docker cp "$DIR/a/b/f" box:/tmp/renamed && docker exec box cat /tmp/renamed',
      'docker pause box && docker cp "$DIR/a/b/f" box:/tmp/paused && docker unpause box && docker exec box cat /tmp/paused',
      'docker rm -f box',
    ],
  },
  {
    name: 'a directory and a file never take each other’s place',
    steps: [
      'mkdir "$DIR/d"; echo 1 > "$DIR/d/x"; echo 2 > "$DIR/x"',
      "docker run --name box busybox sh -c 'mkdir -p /t/x; echo 3 > /t/d'",
      'docker cp "$DIR/x" box:/t/ ',
      'docker cp "$DIR/d" box:/t/',
      'docker cp "$DIR/d" box:/t/d',
    ],
  },
  {
    name: 'links lead where they lead inside',
    steps: [
      "docker run --name box busybox sh -c 'mkdir /real; ln -s /real /abs; ln -s ../../../../real /rel; ln -s /etc/passwd /file; ln -s /nowhere /dangling'",
      'echo 1 > "$DIR/f"',
      'docker cp "$DIR/f" box:/abs/a; docker cp "$DIR/f" box:/rel/b; docker cp "$DIR/f" box:/rel',
      `docker cp box:/real - | ${LIST}`,
      `docker cp box:/file - | ${LIST}`,
      `docker cp -L box:/file - | ${LIST}`,
      `docker cp box:/dangling - | ${LIST}`,
      'docker cp -L box:/dangling - ',
      'docker cp "$DIR/f" box:/dangling; docker cp box:/nowhere - | tar -xO',
    ],
  },
  {
    name: 'volumes and binds, stopped and running, read-only ones refused',
    steps: [
      'mkdir "$DIR/b"; echo bound > "$DIR/b/f"; echo 1 > "$DIR/x"',
      'docker create --name box -v vol:/v -v "$DIR/b:/b" -v "$DIR/b:/ro:ro" busybox sleep 1000 >/dev/null',
      'docker cp "$DIR/x" box:/v/x; docker cp box:/b/f - | tar -xO; docker cp "$DIR/x" box:/ro/x',
      'docker run --rm -v vol:/w busybox cat /w/x',
      'docker start box; docker cp "$DIR/x" box:/b/y; cat "$DIR/b/y"; docker cp box:/v/x - | tar -xO',
      'docker cp "$DIR/x" box:/v/../ro/x',
      'docker cp box:/etc/hostname - | tar -xO | wc -c',
      'docker rm -f box',
    ],
  },
  {
    name: 'a read-only root',
    steps: [
      'echo 1 > "$DIR/x"',
      'docker create --name box --read-only -v vol:/v busybox true >/dev/null',
      'docker cp "$DIR/x" box:/x; docker cp "$DIR/x" box:/v/x; docker cp box:/v/x - | tar -xO',
    ],
  },
  {
    name: 'ownership: the archive’s, or the container’s user',
    steps: [
      'echo 1 > "$DIR/x"; chown 12:34 "$DIR/x"',
      'docker create --name box --user daemon busybox true >/dev/null',
      `docker cp "$DIR/x" box:/tmp/plain; docker cp box:/tmp/plain - | ${LIST}`,
      `docker cp -a "$DIR/x" box:/tmp/kept; docker cp box:/tmp/kept - | ${LIST}`,
    ],
  },
  {
    name: 'compressed archives on stdin',
    steps: [
      'mkdir "$DIR/d"; echo packed > "$DIR/d/f"; docker create --name box busybox true >/dev/null',
      ...['cat', 'gzip', 'bzip2', 'xz'].map(
        (program) =>
          `tar -C "$DIR" -c d | ${program} | docker cp - box:/tmp; docker cp box:/tmp/d/f - | tar -xO`,
      ),
      'docker rm box >/dev/null; docker create --name box busybox true >/dev/null',
      'tar -C "$DIR" -c d | xz | head -c 150 | docker cp - box:/tmp',
    ],
  },
  {
    name: 'sparse files, and names in no encoding',
    steps: [
      'docker create --name box busybox true >/dev/null; truncate -s 3M "$DIR/s"; printf end >> "$DIR/s"; printf start | dd of="$DIR/s" conv=notrunc status=none',
      ...[
        'posix --sparse-version=0.0',
        'posix --sparse-version=0.1',
        'posix --sparse-version=1.0',
      ].map(
        (format) =>
          `tar --format=${format} -S -C "$DIR" -c s | docker cp - box:/tmp; docker cp box:/tmp/s - | tar -xO | md5sum`,
      ),
      'mkdir "$DIR/n"; touch "$DIR/n/$(printf \'a\\377b\')" "$DIR/n/ü"; docker cp "$DIR/n" box:/tmp; docker cp box:/tmp/n - | tar -t --quoting-style=escape',
      'docker cp box:/tmp/n "$DIR/back"; ls --quoting-style=escape "$DIR/back"',
    ],
  },
  {
    name: 'archives that are none',
    steps: [
      'docker create --name box busybox true >/dev/null',
      'printf "not a tar, not a tar" | docker cp - box:/tmp',
      'head -c 700 /dev/zero | tr "\\0" x | docker cp - box:/tmp',
      'docker cp - box:/tmp < /dev/null; echo $?',
      'mkdir "$DIR/d"; echo 1 > "$DIR/d/f"; tar -C "$DIR" -c d | head -c 800 | docker cp - box:/tmp',
      'ln -s ../../../../x "$DIR/d/out"; tar -C "$DIR" -c d | docker cp - box:/tmp',
      'tar -C "$DIR/d" -P -c --transform "s,f,../../../../escaped," f | docker cp - box:/tmp',
    ],
  },
  {
    name: 'export',
    steps: [
      "docker run --name box -v vol:/v busybox sh -c 'echo 1 > /new; rm -r /etc/init.d 2>/dev/null; echo 2 > /v/x; ln -s new /link'",
      `docker export box | ${LIST} | grep -v bin/`,
      'docker export -o "$DIR/x.tar" box && tar -tf "$DIR/x.tar" | sort | tail -3',
      'docker export nope',
    ],
  },
  {
    name: 'events',
    steps: [
      'date +%s > "$DIR/t"; docker create --name noticed busybox true >/dev/null',
      'echo 1 > "$DIR/x"; docker cp "$DIR/x" noticed:/tmp/; docker cp noticed:/tmp/x - >/dev/null; docker export noticed >/dev/null; sleep 1.1',
      'docker events --since $(cat "$DIR/t") --until $(date +%s) --filter container=noticed --format \'{{.Action}}\' | sort',
    ],
  },
]);
