/** The three network files of a container: what the host's say, what users edit, what each start makes of it. */
import { describeRows, type Row, row } from './both-daemons.ts';

/** Puts a file of the row over the host's. */
const HOST_FILE = 'touch $DIR/resolv; inside mount --bind $DIR/resolv /etc/resolv.conf';
const GONE = 'inside umount /etc/resolv.conf';
const show = (container: string): string =>
  `docker exec ${container} sh -c 'cat /etc/resolv.conf; echo; cat /etc/hosts; cat /etc/hostname'`;

/** Addresses are the point here, but for a container's own: dockerd gives the lowest, we the next. */
const files = (name: string, ...steps: readonly string[]): Row => ({
  ...row(name, HOST_FILE, ...steps, GONE),
  keepAddresses: true,
  normalise: (text) => text.replace(/^(172\.31\.0|10\.8\d\.0|fd00:83::)[.\d]+\t/gm, '$1<own>\t'),
});

const HOST_TEXTS = [
  String.raw`# a comment\nnameserver 127.0.0.1\nnameserver 10.1.1.1 # mine\nnameserver fd00::7\ndomain deck.example\n`,
  String.raw`nameserver 127.0.0.53\n`,
  String.raw`nameserver ::1\nsearch .\n`,
  String.raw`  nameserver\t10.1.1.1\noptions a:1\noptions b\nsearch one\nsearch two\nnameserver 10.1.1.2`,
  String.raw`;nameserver 10.1.1.1\nsortlist 10.0.0.0\nnameserver fe80::1%%eth0\nnameserver lamp\n`,
];

describeRows('network files', [
  files(
    'the host changes: seen at the next start, not before',
    String.raw`printf 'nameserver 10.1.1.1\nsearch one.example\n' >$DIR/resolv`,
    'docker network create --subnet 10.81.0.0/24 lan >/dev/null',
    'docker run -d --name ca --hostname ca busybox sleep 100 >/dev/null; docker run -d --name cb --hostname cb --network lan busybox sleep 100 >/dev/null',
    show('ca'),
    show('cb'),
    String.raw`printf 'nameserver 10.2.2.2\nsearch two.example\n' >$DIR/resolv`,
    show('ca'),
    show('cb'),
    'docker restart -t0 ca cb',
    show('ca'),
    show('cb'),
  ),
  files(
    'edits of a running container',
    String.raw`printf 'nameserver 10.1.1.1\n' >$DIR/resolv`,
    'docker network create --subnet 10.82.0.0/24 lan >/dev/null; docker network create --subnet 10.83.0.0/24 --ipv6 --subnet fd00:83::/64 six >/dev/null',
    'docker run -d --name ca --hostname ca busybox sleep 100 >/dev/null; docker run -d --name cb --hostname cb --network lan busybox sleep 100 >/dev/null',
    ...['ca', 'cb'].flatMap((name) => [
      `docker exec ${name} sh -c 'echo nameserver 10.9.9.9 >>/etc/resolv.conf; echo 10.3.3.3 mine >>/etc/hosts; echo other >/etc/hostname'`,
      `docker network connect six ${name}`,
      show(name),
      // dockerd leaves the lines of the network it left in hosts.
      `docker network disconnect six ${name}; docker exec ${name} sh -c 'cat /etc/resolv.conf /etc/hostname; grep mine /etc/hosts'`,
      `docker restart -t0 ${name}`,
      show(name),
    ]),
  ),
  files(
    'edits while it does not run',
    String.raw`printf 'nameserver 10.1.1.1\n' >$DIR/resolv; for f in resolv.conf hosts hostname; do echo edited >$DIR/$f; done`,
    'docker create --name cc --hostname cc busybox sleep 100 >/dev/null',
    'for f in resolv.conf hosts hostname; do docker cp $DIR/$f cc:/etc/$f; docker cp cc:/etc/$f - | wc -c; done; docker start cc',
    show('cc'),
    'docker stop -t0 cc; for f in resolv.conf hosts hostname; do docker cp $DIR/$f cc:/etc/$f; docker cp cc:/etc/$f - | tar -xO; done; docker start cc',
    show('cc'),
  ),
  files(
    'what is asked for stays',
    String.raw`printf 'nameserver 10.1.1.1\nsearch one.example\noptions timeout:1\n' >$DIR/resolv`,
    'docker network create --subnet 10.84.0.0/24 lan >/dev/null',
    'docker run -d --name ca --hostname ca.example --add-host b:10.3.3.3 --dns 10.7.7.7 busybox sleep 100 >/dev/null; docker run -d --name cb --hostname cb --domainname example --network lan --dns-search deck.example --dns-option ndots:3 busybox sleep 100 >/dev/null',
    show('ca'),
    show('cb'),
    String.raw`printf 'nameserver 10.2.2.2\nsearch two.example\noptions timeout:2\n' >$DIR/resolv`,
    'docker restart -t0 ca cb',
    show('ca'),
    show('cb'),
    'docker network connect lan ca; docker network connect bridge cb',
    show('ca'),
    show('cb'),
  ),
  files(
    'networks without resolver',
    String.raw`printf '# kept\nnameserver 127.0.0.1\nnameserver 10.1.1.1\n' >$DIR/resolv`,
    'for n in host none; do docker run -d --name c$n --hostname c$n --network $n busybox sleep 100 >/dev/null; done; docker run -d --name shared --network container:cnone busybox sleep 100 >/dev/null',
    'docker exec chost cat /etc/resolv.conf /etc/hostname',
    show('cnone'),
    show('shared'),
    String.raw`printf 'nameserver 10.2.2.2\n' >$DIR/resolv; docker exec cnone sh -c 'echo edited >/etc/resolv.conf'`,
    show('shared'),
    'docker exec chost cat /etc/resolv.conf',
    'docker restart -t0 chost cnone',
    'docker exec chost cat /etc/resolv.conf',
    show('cnone'),
    "docker run --rm --network host --dns 10.7.7.7 --add-host b:10.3.3.3 busybox sh -c 'cat /etc/resolv.conf; grep 10.3 /etc/hosts'",
    'docker run --rm --network none --dns 10.7.7.7 --add-host b:10.3.3.3 busybox cat /etc/resolv.conf /etc/hosts',
  ),
  files(
    'texts of the host',
    'docker network create --subnet 10.85.0.0/24 lan >/dev/null; docker network create --ipv6 --subnet 10.86.0.0/24 --subnet fd00:86::/64 six >/dev/null',
    ...HOST_TEXTS.flatMap((text) => [
      `printf '${text}' >$DIR/resolv`,
      'for n in bridge lan six; do docker run --rm --network $n busybox cat /etc/resolv.conf >$DIR/out.$n & done; wait; cat $DIR/out.*',
    ]),
  ),
]);
