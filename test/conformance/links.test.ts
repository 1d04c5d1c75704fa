/** `--link`: names, variables and hosts on the default bridge, aliases on networks of the user's own. */
import { describeRows, row } from './both-daemons.ts';

const SLEEP = 'busybox sleep 1000 >/dev/null';
const IDS = "sed -E 's/[0-9a-f]{12}/ID/g'";
const hosts = (name: string, count: number): string =>
  `docker exec ${name} tail -n ${count} /etc/hosts | ${IDS}`;
/** The address `web` knows db by is the one it has. */
const IS_THERE =
  "[ $(docker exec web sed -n 's/\\tdb .*//p' /etc/hosts) = $(docker inspect -f '{{.NetworkSettings.IPAddress}}' db) ] && echo there";
const NAMES = "docker ps -a --no-trunc --format '{{.Names}}' | sort";
const links = (name: string): string => `docker inspect -f '{{json .HostConfig.Links}}' ${name}`;

describeRows('links', [
  row(
    'what a linked container is told',
    `docker run -d --name db -e SECRET=1 -e A=b=c --expose 80 --expose 81 --expose 82 --expose 82/udp --expose 84/udp --expose 443 ${SLEEP}; docker run -d --name cache --hostname kvhost -p 6379 ${SLEEP}`,
    `docker run -d --name web --link db --link cache:my-kv.x --add-host z:1.2.3.4 ${SLEEP}; docker exec web env | grep -E '^(DB|MY)' | sort`,
    `${hosts('web', 4)} | sort`,
    `docker inspect -f '{{range .HostConfig.Links}}{{println .}}{{end}}' web | sort; ${links('db')}; ${NAMES}`,
  ),
  row(
    'a linked container that comes back elsewhere',
    `docker run -d --name db ${SLEEP}; docker run -d --name web --link db ${SLEEP}`,
    `docker restart -t 0 db >/dev/null; ${hosts('web', 2)}; ${IS_THERE}`,
    `docker stop -t 0 db >/dev/null; docker exec web true; docker run -d --name filler ${SLEEP}; docker start db >/dev/null; ${hosts('web', 2)}; ${IS_THERE}`,
    `docker restart -t 0 web >/dev/null; ${hosts('web', 2)}; ${IS_THERE}; docker exec web env | grep DB_`,
    'docker rm -f db >/dev/null; docker restart -t 0 web; docker start web; docker inspect -f "{{.State.Status}} {{json .HostConfig.Links}}" web',
  ),
  row(
    'a link is a name of the container',
    `docker run -d --name db ${SLEEP}; docker create --name web --link db:data busybox sleep 1000 >/dev/null`,
    "docker inspect -f '{{.Name}}' web/data /web/data; docker exec web/data echo hi; docker logs web/data; docker top web/data -o comm",
    `docker rename db dbx; ${links('web')}; docker start web >/dev/null; docker exec web env | grep DATA_NAME`,
    `docker rename web webx; ${links('webx')}; ${NAMES}; docker inspect -f '{{.Name}}' webx/data web/data`,
    `docker rm -f dbx; ${NAMES}; ${links('webx')}`,
  ),
  row(
    'a link is removed',
    `docker run -d --name db ${SLEEP}; docker run -d --name web --link db --link db:two ${SLEEP}`,
    'docker rm --link web/db; docker rm --link web/nope; docker rm --link nope/db; docker rm --link web',
    `${links('web')}; ${hosts('web', 3)}; docker exec web env | grep -c DB_; ${NAMES}`,
    `docker rm --link /web/two; ${links('web')}; docker restart -t 0 web >/dev/null; ${hosts('web', 2)}`,
  ),
  row(
    'links that cannot be',
    'docker create --link nope busybox; docker create --link a:b:c busybox; docker create --link "" busybox; docker create --link :x busybox',
    'docker create --name stopped busybox true >/dev/null; docker run --name one --link stopped busybox true; docker rm one',
    `docker network create net >/dev/null; docker run -d --name other --network net ${SLEEP}; docker run --rm --link other busybox true`,
    `docker run --rm --network host --link other busybox true; docker run --rm --network none --link other busybox true; docker run --rm --network container:other --link stopped busybox true`,
    `docker run -d --name db ${SLEEP}; docker run --name dup --link db:x --link stopped:x busybox true; ${links('dup')}`,
  ),
  row(
    'links on a network of the user',
    `docker network create --subnet 10.77.0.0/24 net >/dev/null; docker run -d --name db --network net --network-alias pg --ip 10.77.0.10 ${SLEEP}`,
    `docker run -d --name web --network net --link db:data ${SLEEP}; docker exec web env | grep -c DATA; ${hosts('web', 2)}`,
    `docker inspect -f '{{json .HostConfig.Links}} {{json .NetworkSettings.Networks.net.Links}} {{json .NetworkSettings.Networks.net.Aliases}}' web | ${IDS}`,
    `for n in data db pg data.net; do docker exec web nslookup $n 2>&1 | grep 'Address: 10'; done`,
    'docker run --rm --network net --link nope:x busybox echo hi; docker rm --link web/data',
  ),
]);
