/** Images and a registry: pushed, pulled, told by digest, of several platforms, by many at once. */
import { dockerArchive, layeredImage } from '../support/fixture-images.ts';
import { describeRows, type Row, row } from './both-daemons.ts';

const REGISTRY = '127.0.0.1:5000';
const NAME = `${REGISTRY}/deck/one`;

async function archive(): Promise<Buffer> {
  return dockerArchive([
    { image: await layeredImage('one'), tags: ['one:1'] },
    { image: await layeredImage('two', { created: '2021-01-01T00:00:00Z' }), tags: ['two:1'] },
    { image: await layeredImage('arm', { architecture: 'arm64' }), tags: ['arm:1'] },
  ]);
}

/** What comes last of a push or pull; the lines of layers come in any order. */
const LAST = "2>&1 | grep -Ev '^[0-9a-f]{12}: |^The push refers'";
const list = `docker images --digests --format '{{.Repository}}:{{.Tag}} {{.Digest}} {{.ID}}' | grep 127 | sort`;
const digestOf = (name: string): string =>
  `$(docker image inspect -f '{{index .RepoDigests 0}}' ${name})`;
const clean = `docker rmi -f $(docker images --format '{{.Repository}}:{{.Tag}}' | grep 127) >/dev/null 2>&1; docker images -q | sort -u | wc -l`;

/** Whoever compresses the layers has digests of his own. */
const digests = (text: string): string => text.replace(/sha256:[0-9a-f]{3,}/g, 'sha256:<digest>');

const registryRow = (name: string, ...steps: readonly string[]): Row => ({
  ...row(name, ...steps),
  normalise: digests,
});

describeRows(
  'a registry',
  [
    registryRow(
      'takes and gives',
      `docker tag one:1 ${NAME}:1; docker push ${NAME}:1 ${LAST}; docker push -q ${NAME}:1; docker push ${NAME} ${LAST}`,
      `docker tag two:1 ${NAME}:2; docker tag two:1 ${NAME}:3; docker push -a ${NAME} ${LAST} | sort`,
      list,
      `docker rmi ${NAME}:1 ${NAME}:2 ${NAME}:3 | sort; docker pull ${NAME}:1 ${LAST}; docker pull ${NAME}:1 ${LAST}; docker pull -q ${NAME}:2`,
      `docker pull ${NAME} ${LAST}; docker pull -a ${NAME} ${LAST} | sort`,
      list,
      clean,
    ),
    registryRow(
      'does not have everything',
      `docker push ${NAME}:none; docker push -a ${NAME}x; docker push nope/x ${LAST}`,
      `docker pull ${NAME}:none; docker pull ${REGISTRY}/none; docker pull -a ${REGISTRY}/none`,
      `docker pull ${NAME}@sha256:${'0'.repeat(64)}; docker pull ${NAME}:1@sha256:${'0'.repeat(64)}`,
      `docker pull ${NAME}@sha256:00`,
      `docker run --rm ${NAME}:none true ${LAST}; docker create --pull always ${NAME}:none`,
    ),
    registryRow(
      'knows images by digest',
      `docker pull -q ${NAME}:1; D=${digestOf(`${NAME}:1`)}; docker rmi ${NAME}:1 ${LAST}; docker pull $D ${LAST}; docker pull -q $D`,
      list,
      `D=$(docker images --digests --format '{{.Repository}}@{{.Digest}}' | grep 127 | head -1); docker image inspect -f '{{json .RepoTags}} {{json .RepoDigests}} {{.Id}}' $D; docker tag $D ${NAME}:again; docker rmi $D; docker rmi ${NAME}:again one:1 | sort; docker load -qi $DIR/../images.tar >/dev/null`,
      `docker pull -q ${NAME}:1; docker tag ${NAME}:1 other; docker rmi $(docker images -q other); docker rmi -f $(docker images -q other) | sort | head -3; docker load -qi $DIR/../images.tar >/dev/null`,
      `docker pull -q ${NAME}:2; docker rmi two:1; D=${digestOf(`${NAME}:2`)}; docker create --name cc $D true >/dev/null; docker inspect -f '{{.Config.Image}}' cc; docker rmi $D; docker rm cc; docker load -qi $DIR/../images.tar >/dev/null`,
      `docker pull -q ${NAME}:1; docker save ${digestOf(`${NAME}:1`)} ${NAME}:1 two:1 | tar -xO manifest.json | tr ',' '\\n' | grep -o '"RepoTags.*\\|two:1\\|/one:[0-9]' | sort`,
      clean,
    ),
    registryRow(
      'keeps images of several platforms under one name',
      `docker tag one:1 ${NAME}:amd64; docker tag arm:1 ${NAME}:arm64; docker push -q ${NAME}:amd64; docker push -q ${NAME}:arm64`,
      `inside docker manifest create --insecure ${NAME}:both ${NAME}:amd64 ${NAME}:arm64; inside docker manifest push --insecure ${NAME}:both | cut -c1-10`,
      `inside docker manifest inspect --insecure ${NAME}:both | grep -E 'mediaType|architecture'`,
      ...[
        '',
        '--platform linux/arm64',
        '--platform linux/amd64',
        '--platform linux/s390x',
        '--platform windows',
        '--platform arm64',
      ].map(
        (platform) =>
          `docker rmi -f ${NAME}:both >/dev/null 2>&1; docker pull -q ${platform} ${NAME}:both; docker image inspect -f '{{.Os}}/{{.Architecture}}' ${NAME}:both`,
      ),
      `docker rmi -f ${NAME}:arm64 ${NAME}:both >/dev/null 2>&1; docker pull -q --platform linux/amd64 ${NAME}:arm64; docker image inspect -f '{{.Architecture}}' ${NAME}:arm64`,
      `docker create --platform linux/amd64 ${NAME}:arm64 x 2>&1 | tail -1; docker create --name cc ${NAME}:arm64 x`,
      `api GET /distribution/${NAME}:both/json | sed -E 's/"size":[0-9]+/"size":N/'`,
      `api GET /distribution/${NAME}:none/json; api GET /distribution/UPPER/json`,
      clean,
    ),
    registryRow(
      'is asked by many at once',
      `docker rmi one:1 two:1 >/dev/null; for i in 1 2 3 4 5 6; do docker pull -q ${NAME}:$((i % 3 + 1)) >$DIR/out.$i 2>&1 & done; wait; cat $DIR/out.* | sort`,
      `for i in 1 2 3; do docker rmi -f ${NAME}:$i >/dev/null 2>&1 & docker pull -q ${NAME}:$i >/dev/null 2>&1 & done; wait; for i in 1 2 3; do docker pull -q ${NAME}:$i; done; docker save ${NAME}:1 ${NAME}:2 ${NAME}:3 >/dev/null && echo whole`,
      `${clean}; docker load -qi $DIR/../images.tar >/dev/null`,
    ),
  ],
  {
    archive,
    prepare: [
      `docker save one:1 two:1 arm:1 -o $DIR/../images.tar; mkdir $DIR/../registry
      printf 'version: 0.1\\nlog: {level: error}\\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\\nhttp: {addr: ${REGISTRY}}\\n' $DIR/../registry >$DIR/../registry.yml
      inside sh -c "docker-registry serve $DIR/../registry.yml >/dev/null 2>&1 &"
      wait_for inside curl -sf http://${REGISTRY}/v2/`,
    ],
  },
);
