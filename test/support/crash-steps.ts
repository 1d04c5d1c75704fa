/** For each failpoint of the daemon: what brings it about, and what must work again afterwards. */
import { request } from 'node:http';
import type { TestDaemon } from './daemon.ts';
import type { EngineAnswer } from './engine-request.ts';

/** Where an operation works: the daemon, a network with fixed addresses, images to be had. */
export interface Scene {
  readonly daemon: TestDaemon;
  /** `127.0.0.1:5000/pulled`, a tag `latest` of it. */
  readonly remoteImage: string;
  readonly archive: Buffer;
  /** A port of this machine nobody uses. */
  readonly port: number;
}

/** What an operation works on; the first word of its failpoints tells it. */
type Realm = 'container' | 'image' | 'volume' | 'network';

/** `prepare` and `repeat` must succeed, `run` meets the failpoint. */
export interface CrashStep {
  /** The daemon passes it as it starts: `run` is its start. */
  readonly isStart?: true;
  /** No failpoint of another realm is met by it. */
  readonly touches: readonly Realm[];
  prepare(scene: Scene): Promise<void>;
  run(scene: Scene): Promise<unknown>;
  /** The same operation after the restart, whatever is left of the first; cleans up after itself. */
  repeat(scene: Scene): Promise<void>;
}

const NETWORK = 'fixed';
const NAME = 'subject';

/** Throws for an answer outside `allowed`. */
async function ask(
  { daemon }: Scene,
  request: readonly [method: string, path: string, body?: unknown],
  allowed: readonly number[] = [],
): Promise<EngineAnswer> {
  const answer = await daemon.api(...request);
  if (answer.status >= 400 && !allowed.includes(answer.status))
    throw new Error(`${request[0]} ${request[1]}: ${String(answer.status)} ${answer.body}`);
  return answer;
}

/** The daemon dies in it. */
async function lastWords(work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined);
}

export async function prepareScene(scene: Scene): Promise<void> {
  await ask(scene, [
    'POST',
    '/networks/create',
    { Name: NETWORK, IPAM: { Config: [{ Subnet: '10.251.7.0/24' }] } },
  ]);
  await liveAgain(scene);
}

/** Whatever a step that failed has left goes. */
export async function clearScene(scene: Scene): Promise<void> {
  for (const name of [NAME, 'other']) await remove(scene, name);
  await ask(scene, ['DELETE', '/networks/fresh'], [404]);
  await ask(scene, ['DELETE', '/volumes/fresh'], [404]);
  for (const image of [
    'loaded:latest',
    'again:one',
    'committed:one',
    `${scene.remoteImage}:latest`,
  ])
    await removeImage(scene, image);
}

const create = (scene: Scene): Promise<EngineAnswer> =>
  ask(scene, [
    'POST',
    `/containers/create?name=${NAME}`,
    {
      Image: 'busybox',
      Cmd: ['sleep', '3600'],
      StopSignal: 'SIGKILL',
      Volumes: { '/scratch': {} },
      ExposedPorts: { '80/tcp': {} },
      HostConfig: {
        Binds: ['kept:/kept'],
        NetworkMode: NETWORK,
        IpcMode: 'shareable',
        PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: String(scene.port) }] },
        Mounts: [
          {
            Type: 'volume',
            Source: 'memory',
            Target: '/memory',
            VolumeOptions: { DriverConfig: { Options: { type: 'tmpfs', device: 'tmpfs' } } },
          },
        ],
      },
      NetworkingConfig: {
        EndpointsConfig: { [NETWORK]: { IPAMConfig: { IPv4Address: '10.251.7.9' } } },
      },
    },
  ]);
const start = (scene: Scene): Promise<EngineAnswer> =>
  ask(scene, ['POST', `/containers/${NAME}/start`]);
const stop = (scene: Scene): Promise<EngineAnswer> =>
  ask(scene, ['POST', `/containers/${NAME}/stop?t=0`]);
const remove = (scene: Scene, name: string = NAME): Promise<EngineAnswer> =>
  ask(scene, ['DELETE', `/containers/${name}?force=1&v=1`], [404]);
const removeImage = (scene: Scene, image: string): Promise<EngineAnswer> =>
  ask(scene, ['DELETE', `/images/${image}?force=1`], [404]);

async function createStarted(scene: Scene): Promise<void> {
  await create(scene);
  await start(scene);
}

/** The whole life again, under the same name, address and port. */
async function liveAgain(scene: Scene): Promise<void> {
  await remove(scene);
  await createStarted(scene);
  await stop(scene);
  await remove(scene);
}

async function pull(scene: Scene): Promise<void> {
  const name = encodeURIComponent(scene.remoteImage);
  const { body } = await ask(scene, ['POST', `/images/create?fromImage=${name}&tag=latest`]);
  if (body.includes('errorDetail')) throw new Error(body);
}

function load({ daemon, archive }: Scene): Promise<void> {
  return new Promise((resolve, reject) => {
    const path = '/images/load?quiet=1';
    const upload = request({ socketPath: daemon.socket, method: 'POST', path }, (response) => {
      response.resume();
      response.once('error', reject);
      response.once('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(String(response.statusCode))),
      );
    });
    upload.once('error', reject);
    upload.end(archive);
  });
}

const nothing = async (): Promise<void> => undefined;

export const restoring: CrashStep = {
  isStart: true,
  touches: ['container'],
  prepare: createStarted,
  run: nothing,
  repeat: liveAgain,
};

export const creating: CrashStep = {
  touches: ['container'],
  prepare: nothing,
  run: (scene) => lastWords(create(scene)),
  repeat: liveAgain,
};

export const starting: CrashStep = {
  touches: ['container'],
  prepare: async (scene) => void (await create(scene)),
  run: (scene) => lastWords(start(scene)),
  repeat: async (scene) => {
    // Begun or not, it can be started: 304 when the start went through.
    await start(scene);
    await liveAgain(scene);
  },
};

export const stopping: CrashStep = {
  touches: ['container'],
  prepare: createStarted,
  run: (scene) => lastWords(stop(scene)),
  repeat: async (scene) => {
    await stop(scene);
    await start(scene);
    await liveAgain(scene);
  },
};

export const removing: CrashStep = {
  touches: ['container'],
  prepare: createStarted,
  run: (scene) => lastWords(remove(scene)),
  repeat: liveAgain,
};

export const pulling: CrashStep = {
  touches: ['image'],
  prepare: nothing,
  run: (scene) => lastWords(pull(scene)),
  repeat: async (scene) => {
    await pull(scene);
    await removeImage(scene, `${scene.remoteImage}:latest`);
  },
};

export const loading: CrashStep = {
  touches: ['image'],
  prepare: nothing,
  run: (scene) => lastWords(load(scene)),
  repeat: async (scene) => {
    await load(scene);
    await removeImage(scene, 'loaded:latest');
  },
};

const commit = (scene: Scene): Promise<EngineAnswer> =>
  ask(scene, ['POST', `/commit?container=${NAME}&repo=committed&tag=one`, {}]);

export const tagging: CrashStep = {
  touches: ['image'],
  prepare: nothing,
  run: (scene) => lastWords(ask(scene, ['POST', '/images/busybox/tag?repo=again&tag=one'])),
  repeat: async (scene) => {
    await ask(scene, ['POST', '/images/busybox/tag?repo=again&tag=one']);
    await removeImage(scene, 'again:one');
  },
};

export const committing: CrashStep = {
  touches: ['image', 'container'],
  prepare: createStarted,
  run: (scene) => lastWords(commit(scene)),
  repeat: async (scene) => {
    await commit(scene);
    await removeImage(scene, 'committed:one');
    await liveAgain(scene);
  },
};

export const removingImage: CrashStep = {
  // A container's layers pass some of its failpoints too.
  touches: ['image', 'container'],
  prepare: load,
  run: (scene) => lastWords(removeImage(scene, 'loaded:latest')),
  repeat: async (scene) => {
    await ask(scene, ['POST', '/images/prune']);
    await loading.repeat(scene);
  },
};

export const creatingVolume: CrashStep = {
  // A container's volumes pass its failpoints too.
  touches: ['volume', 'container'],
  prepare: nothing,
  run: (scene) => lastWords(ask(scene, ['POST', '/volumes/create', { Name: 'fresh' }])),
  repeat: async (scene) => {
    await ask(scene, ['POST', '/volumes/create', { Name: 'fresh' }]);
    await ask(scene, ['DELETE', '/volumes/fresh']);
  },
};

export const removingVolume: CrashStep = {
  touches: ['volume', 'container'],
  prepare: async (scene) => void (await ask(scene, ['POST', '/volumes/create', { Name: 'fresh' }])),
  run: (scene) => lastWords(ask(scene, ['DELETE', '/volumes/fresh'])),
  repeat: creatingVolume.repeat,
};

const makeNetwork = (scene: Scene): Promise<EngineAnswer> =>
  ask(scene, [
    'POST',
    '/networks/create',
    { Name: 'fresh', IPAM: { Config: [{ Subnet: '10.251.8.0/24' }] } },
  ]);

export const creatingNetwork: CrashStep = {
  touches: ['network'],
  prepare: nothing,
  run: (scene) => lastWords(makeNetwork(scene)),
  repeat: async (scene) => {
    await ask(scene, ['DELETE', '/networks/fresh'], [404]);
    await makeNetwork(scene);
    await ask(scene, ['DELETE', '/networks/fresh']);
  },
};

export const removingNetwork: CrashStep = {
  touches: ['network'],
  prepare: async (scene) => void (await makeNetwork(scene)),
  run: (scene) => lastWords(ask(scene, ['DELETE', '/networks/fresh'])),
  repeat: creatingNetwork.repeat,
};

const connect = (scene: Scene): Promise<EngineAnswer> =>
  ask(scene, ['POST', '/networks/fresh/connect', { Container: NAME }], [403]);

export const connecting: CrashStep = {
  touches: ['container', 'network'],
  prepare: async (scene) => {
    await createStarted(scene);
    await makeNetwork(scene);
  },
  run: (scene) => lastWords(connect(scene)),
  repeat: async (scene) => {
    await connect(scene);
    await liveAgain(scene);
    await ask(scene, ['DELETE', '/networks/fresh']);
  },
};

const disconnect = (scene: Scene, allowed: readonly number[] = []): Promise<EngineAnswer> =>
  ask(scene, ['POST', '/networks/fresh/disconnect', { Container: NAME }], allowed);

export const disconnecting: CrashStep = {
  touches: ['container', 'network'],
  prepare: async (scene) => {
    await connecting.prepare(scene);
    await connect(scene);
  },
  run: (scene) => lastWords(disconnect(scene)),
  repeat: async (scene) => {
    // Gone through or not; it can be connected in any case.
    await disconnect(scene, [500]);
    await connect(scene);
    await connecting.repeat(scene);
  },
};

export const renaming: CrashStep = {
  touches: ['container'],
  prepare: async (scene) => void (await create(scene)),
  run: (scene) => lastWords(ask(scene, ['POST', `/containers/${NAME}/rename?name=other`])),
  repeat: async (scene) => {
    await remove(scene, 'other');
    await liveAgain(scene);
  },
};

export const updating: CrashStep = {
  touches: ['container'],
  prepare: createStarted,
  run: (scene) => lastWords(ask(scene, ['POST', `/containers/${NAME}/update`, { CpuShares: 512 }])),
  repeat: async (scene) => {
    await ask(scene, ['POST', `/containers/${NAME}/update`, { CpuShares: 256 }]);
    await liveAgain(scene);
  },
};
