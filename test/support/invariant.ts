/**
 * What must hold of a daemon whenever it serves, whatever it went through: its answers agree with the
 * kernel and with its disk, and nothing is on the machine that no container, image, network or volume needs.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestDaemon } from './daemon.ts';
import { linksBelow, tableOf } from './leak-guard.ts';

/** Work in the background (deleting files, filling the pool of shims) may need so long on a busy machine. */
const SETTLE_LIMIT_MS = 15_000;
/** Lines of the daemon's log that are told with a violation. */
const COMPLAINTS = 25;
const CONTROLLER = '/sys/fs/cgroup';

interface Endpoint {
  readonly EndpointID: string;
  readonly NetworkID: string;
  readonly IPAddress: string;
}

interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly Image: string;
  readonly State: { readonly Status: string; readonly Running: boolean; readonly Pid: number };
  readonly HostConfig: { readonly NetworkMode: string; readonly IpcMode: string };
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, Endpoint>>;
    readonly Ports: Readonly<
      Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>
    >;
  };
  readonly Mounts: readonly { readonly Type: string; readonly Name?: string }[];
}

/** What the API tells. */
interface Told {
  readonly containers: readonly Inspected[];
  readonly live: readonly Inspected[];
  readonly images: readonly { readonly Id: string; readonly layers: readonly string[] }[];
  readonly networks: readonly {
    readonly Id: string;
    readonly Name: string;
    readonly Driver: string;
  }[];
  readonly volumes: readonly string[];
  /** Volumes with something mounted by their options. */
  readonly mountedVolumes: readonly string[];
}

const namesIn = (directory: string): string[] =>
  existsSync(directory) ? readdirSync(directory) : [];

/** Every violation, each a sentence; `cgroupParent` is the daemon's own. Waits for work in the background to end. */
export async function violations(
  daemon: TestDaemon,
  cgroupParent: string,
): Promise<readonly string[]> {
  const limit = Date.now() + SETTLE_LIMIT_MS;
  for (;;) {
    const found = await violationsNow(daemon, cgroupParent);
    if (found.length === 0) return found;
    if (Date.now() > limit) return [...found, ...complaints(daemon)];
    await delay(100);
  }
}

/** What the daemon itself said last about things that went wrong. */
function complaints({ root }: TestDaemon): string[] {
  return readFileSync(join(root, 'daemon.log'), 'utf8')
    .split('\n')
    .filter((line) => /level=(warning|error)/.test(line))
    .slice(-COMPLAINTS);
}

async function violationsNow(daemon: TestDaemon, cgroupParent: string): Promise<readonly string[]> {
  const told = await ask(daemon);
  return [
    ...namesAndIds(told),
    ...onDisk(daemon, told),
    ...inKernel(daemon, told),
    ...differences(
      'control group',
      controlGroups(cgroupParent),
      told.live.map(({ Id }) => Id),
    ),
    ...links(daemon, told),
    ...ports(daemon, told),
    ...shims(daemon, told),
    ...layers(daemon, told),
    ...leftovers(daemon),
  ];
}

async function ask(daemon: TestDaemon): Promise<Told> {
  const get = async <T>(path: string): Promise<T> => {
    const { status, body } = await daemon.api('GET', path);
    if (status !== 200) throw new Error(`GET ${path}: ${String(status)} ${body}`);
    return JSON.parse(body) as T;
  };
  const listed = await get<{ Id: string }[]>('/containers/json?all=1');
  const containers = await Promise.all(
    listed.map(({ Id }) => get<Inspected>(`/containers/${Id}/json`)),
  );
  const images = await get<{ Id: string }[]>('/images/json?all=1');
  const volumes = await get<{
    Volumes: { Name: string; Options: { type?: string } | null }[] | null;
  }>('/volumes');
  return {
    containers,
    live: containers.filter(({ State }) => State.Status === 'running' || State.Status === 'paused'),
    images: await Promise.all(
      images.map(async ({ Id }) => {
        const { RootFS } = await get<{ RootFS: { Layers?: string[] } }>(`/images/${Id}/json`);
        return { Id, layers: RootFS.Layers ?? [] };
      }),
    ),
    networks: await get('/networks'),
    volumes: (volumes.Volumes ?? []).map(({ Name }) => Name),
    mountedVolumes: (volumes.Volumes ?? []).flatMap(({ Name, Options }) =>
      Options?.type === undefined ? [] : [Name],
    ),
  };
}

/** Sentences about members of either side that the other lacks. */
function differences(what: string, found: Iterable<string>, expected: Iterable<string>): string[] {
  const [left, right] = [new Set(found), new Set(expected)];
  return [
    ...[...left].filter((one) => !right.has(one)).map((one) => `${what}: ${one} is left over`),
    ...[...right].filter((one) => !left.has(one)).map((one) => `${what}: ${one} is missing`),
  ];
}

function doubled(what: string, names: readonly string[]): string[] {
  return names
    .filter((name, at) => names.indexOf(name) !== at)
    .map((name) => `${what}: ${name} is there twice`);
}

function namesAndIds({ containers, networks, volumes, live }: Told): string[] {
  const addresses = live.flatMap(({ NetworkSettings }) =>
    Object.values(NetworkSettings.Networks)
      .filter(({ IPAddress }) => IPAddress !== '')
      .map(({ NetworkID, IPAddress }) => `${IPAddress} on ${NetworkID}`),
  );
  return [
    ...doubled(
      'container id',
      containers.map(({ Id }) => Id),
    ),
    ...doubled(
      'container name',
      containers.map(({ Name }) => Name),
    ),
    ...doubled(
      'network name',
      networks.map(({ Name }) => Name),
    ),
    ...doubled('volume name', volumes),
    ...doubled('address', addresses),
  ];
}

const volumesOf = (containers: readonly Inspected[]): Set<string> =>
  new Set(
    containers.flatMap(({ Mounts }) =>
      Mounts.flatMap(({ Type, Name }) => (Type === 'volume' && Name ? [Name] : [])),
    ),
  );

function onDisk(daemon: TestDaemon, told: Told): string[] {
  const { dataRoot } = daemon;
  const used = volumesOf(told.containers);
  const networkFiles = namesIn(join(dataRoot, 'network/files'));
  return [
    ...differences(
      'container directory',
      namesIn(join(dataRoot, 'containers')),
      told.containers.map(({ Id }) => Id),
    ),
    ...differences('container set aside', namesIn(join(dataRoot, 'containers-quarantine')), []),
    ...differences(
      'network file',
      networkFiles,
      told.networks.map(({ Id }) => `${Id}.json`),
    ),
    ...differences('volume directory', namesIn(join(dataRoot, 'volumes')), told.volumes),
    ...told.volumes
      .filter((name) => !existsSync(join(dataRoot, 'volumes', name, 'volume.json')))
      .map((name) => `volume ${name} has no record`),
    ...told.volumes
      .filter((name) => /^[0-9a-f]{64}$/.test(name) && !used.has(name))
      .map((name) => `anonymous volume ${name} is nobody's`),
    ...told.containers.flatMap(({ Id, Mounts }) =>
      Mounts.filter(({ Type, Name = '' }) => Type === 'volume' && !told.volumes.includes(Name)).map(
        ({ Name }) => `container ${Id} has lost its volume ${String(Name)}`,
      ),
    ),
  ];
}

/** Tasks, processes, control groups, mounts, namespaces, FIFOs. */
function inKernel(daemon: TestDaemon, told: Told): string[] {
  const { dataRoot, execRoot, root } = daemon;
  const liveIds = told.live.map(({ Id }) => Id);
  const own = told.live.filter(
    ({ HostConfig }) =>
      HostConfig.NetworkMode !== 'host' && !HostConfig.NetworkMode.startsWith('container:'),
  );
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(`${root}/`))
    .map((line) => line.split(' ')[1] ?? '');
  const isOverlay = (path: string): boolean => path.endsWith('/merged');
  const isNamespace = (path: string): boolean => path.startsWith(join(execRoot, 'netns/'));
  const namespaces = namesIn(join(execRoot, 'netns'));
  return [
    ...told.live.flatMap(deadOrElsewhere),
    ...differences('task', bundles(execRoot), liveIds),
    ...doubled('mount', mounts),
    ...count('mounted layers', mounts.filter(isOverlay).length, liveIds.length),
    ...count('mounted namespaces', mounts.filter(isNamespace).length, own.length),
    ...count('namespace files', namespaces.length, own.length),
    ...differences(
      'mount',
      mounts.filter((path) => !isOverlay(path) && !isNamespace(path)),
      [
        ...told.live
          .filter(({ HostConfig }) => HostConfig.IpcMode === 'shareable')
          .map(({ Id }) => join(dataRoot, 'containers', Id, 'mounts/shm')),
        ...told.mountedVolumes
          .filter((name) => volumesOf(told.live).has(name))
          .map((name) => join(dataRoot, 'volumes', name, '_data')),
      ],
    ),
    ...differences('FIFOs', namesIn(join(execRoot, 'stdio')), liveIds),
  ];
}

const count = (what: string, found: number, expected: number): string[] =>
  found === expected ? [] : [`${String(found)} ${what} instead of ${String(expected)}`];

function deadOrElsewhere({ Id, State }: Inspected): string[] {
  try {
    return readFileSync(`/proc/${String(State.Pid)}/cgroup`, 'utf8').includes(Id)
      ? []
      : [`container ${Id}: process ${String(State.Pid)} is not in its control group`];
  } catch {
    return [`container ${Id} is told to run, but process ${String(State.Pid)} is gone`];
  }
}

function bundles(execRoot: string): string[] {
  const tasks = join(execRoot, 'containerd/daemon/io.containerd.runtime.v2.task');
  return namesIn(tasks).flatMap((namespace) => namesIn(join(tasks, namespace)));
}

/** Of containers below the parent, in every hierarchy. */
function controlGroups(parent: string): string[] {
  const hierarchies = [CONTROLLER, ...namesIn(CONTROLLER).map((name) => join(CONTROLLER, name))];
  return hierarchies
    .flatMap((hierarchy) => namesIn(join(hierarchy, parent)))
    .filter((name) => /^[0-9a-f]{64}$/.test(name));
}

function links(daemon: TestDaemon, { live, networks }: Told): string[] {
  const bridges = networks.filter(({ Driver }) => Driver === 'bridge');
  const bridgeIds = new Set(bridges.map(({ Id }) => Id));
  const endpoints = live.flatMap(({ NetworkSettings }) =>
    Object.values(NetworkSettings.Networks).filter(({ NetworkID }) => bridgeIds.has(NetworkID)),
  );
  const found = linksBelow(daemon.root);
  return [
    ...differences(
      'veth',
      found.filter((name) => name.startsWith('veth')),
      endpoints.map(({ EndpointID }) => `veth${EndpointID.slice(0, 7)}`),
    ),
    ...count('bridges', found.filter((name) => !name.startsWith('veth')).length, bridges.length),
  ];
}

/** The rules translate exactly the ports that are told. */
function ports(daemon: TestDaemon, { live }: Told): string[] {
  const told = live.flatMap(({ NetworkSettings }) =>
    Object.entries(NetworkSettings.Ports).flatMap(([port, hosts]) =>
      (hosts ?? [])
        .filter(({ HostIp }) => !HostIp.includes(':'))
        .map(({ HostPort }) => `${port.split('/')[1] ?? ''} ${HostPort}`),
    ),
  );
  const table = tableOf(daemon.dataRoot);
  const listed = execFileSync('nft', ['-n', '-j', 'list', 'table', 'ip', table]).toString();
  const { nftables } = JSON.parse(listed) as {
    nftables: { map?: { elem?: [{ concat: (string | number)[] }, unknown][] } }[];
  };
  const protocols: Readonly<Record<string, string>> = { 6: 'tcp', 17: 'udp', 132: 'sctp' };
  const found = nftables.flatMap(({ map }) =>
    (map?.elem ?? []).map(([{ concat }]) => {
      const [protocol, port] = concat.slice(-2).map(String);
      return `${protocols[protocol ?? ''] ?? protocol ?? ''} ${port ?? ''}`;
    }),
  );
  return differences('published port', found, told);
}

/** Each serves a container that lives, or is a warm one of the daemon that runs now. */
function shims(daemon: TestDaemon, { live }: Told): string[] {
  const { execRoot, pid } = daemon;
  const tasks = join(execRoot, 'containerd/daemon/io.containerd.runtime.v2.task');
  const served = new Set(
    namesIn(tasks)
      .flatMap((namespace) => namesIn(join(tasks, namespace)).map((id) => join(namespace, id)))
      .flatMap((bundle) => {
        try {
          return [readFileSync(join(tasks, bundle, 'address'), 'utf8').replace('unix://', '')];
        } catch {
          // It has just gone.
          return [];
        }
      }),
  );
  const ids = new Set(live.map(({ Id }) => Id));
  return namesIn('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((shimPid) => {
      const words = wordsOf(shimPid);
      if (!words.some((word) => word.endsWith('containerd-shim-runc-v2'))) return [];
      if (!words.some((word) => word.includes(execRoot))) return [];
      const id = words[words.indexOf('-id') + 1] ?? '';
      const socket = words[words.indexOf('-socket') + 1] ?? '';
      const isOurs = parentOf(shimPid) === pid || served.has(socket) || ids.has(id);
      return isOurs ? [] : [`shim ${shimPid} serves nobody: ${words.join(' ')}`];
    });
}

function wordsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

/** Every image is whole, and no layer is there that nobody needs. */
function layers(daemon: TestDaemon, { images, containers }: Told): string[] {
  const { dataRoot } = daemon;
  const database = join(dataRoot, 'image/overlay2/layerdb');
  const read = (kind: string, name: string, file: string): string => {
    const path = join(database, kind, name, file);
    return existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  };
  const chains = new Set(images.flatMap((image) => chainsOf(image.layers)));
  for (const name of namesIn(join(database, 'mounts'))) {
    for (let chain = read('mounts', name, 'parent'); chain !== ''; ) {
      chains.add(chain.slice('sha256:'.length));
      chain = read('sha256', chain.slice('sha256:'.length), 'parent');
    }
  }
  const records = namesIn(join(database, 'sha256'));
  const mounts = namesIn(join(database, 'mounts'));
  const caches = records.map((name) => read('sha256', name, 'cache-id'));
  const needed = new Set([
    ...caches,
    ...mounts.map((name) => read('mounts', name, 'mount-id')),
    ...namesIn(join(database, 'init')),
  ]);
  const driver = join(dataRoot, 'overlay2');
  const shortLinks = namesIn(join(driver, 'l'));
  return [
    ...differences('layer', records, chains),
    ...records
      .filter((name) => !existsSync(join(database, 'sha256', name, 'tar-split.gz')))
      .map((name) => `layer ${name} cannot be given back`),
    ...differences(
      'layer of a container',
      mounts,
      containers.map(({ Id }) => Id),
    ),
    ...mounts
      .map((name) => read('mounts', name, 'init-id'))
      .filter((id) => id !== '' && !needed.has(id))
      .map((id) => `init layer ${id} has no note`),
    ...differences('layer under construction', namesIn(join(database, 'tmp')), []),
    ...differences('layer set aside', namesIn(join(database, 'quarantine')), []),
    ...differences(
      'layer directory',
      namesIn(driver).filter((name) => name !== 'l'),
      needed,
    ),
    ...shortLinks
      .filter((name) => !existsSync(join(driver, 'l', readlinkSync(join(driver, 'l', name)))))
      .map((name) => `short link ${name} leads nowhere`),
    ...count('short links', shortLinks.length, needed.size),
    ...differences(
      'image config',
      namesIn(join(dataRoot, 'image/overlay2/imagedb/content/sha256')),
      images.map(({ Id }) => Id.slice('sha256:'.length)),
    ),
    ...namesIn(join(dataRoot, 'image/overlay2/imagedb/metadata/sha256'))
      .filter((name) => !images.some(({ Id }) => Id.endsWith(name)))
      .map((name) => `metadata of no image: ${name}`),
  ];
}

/** ChainIDs, without their algorithm, of a stack of layers. */
function chainsOf(diffIds: readonly string[]): string[] {
  let parent: string | undefined;
  return diffIds.map((diffId) => {
    const text = parent === undefined ? undefined : `sha256:${parent} ${diffId}`;
    parent =
      text === undefined
        ? diffId.slice('sha256:'.length)
        : createHash('sha256').update(text).digest('hex');
    return parent;
  });
}

/** Files under a temporary name, and what was set aside. */
function leftovers({ dataRoot, execRoot }: TestDaemon): string[] {
  const isLeft = (name: string): boolean =>
    /\.tmp-|\.broken-|\.corrupt-|^\.probe-|^\.removing-|^\.creating-/.test(name);
  const walk = (directory: string, depth: number): string[] =>
    namesIn(directory).flatMap((name) => {
      const path = join(directory, name);
      if (isLeft(name)) return [`temporary file: ${path}`];
      const isDirectory = lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
      // Inside layers and volumes the user's names rule.
      const isOurs = name !== 'diff' && name !== 'merged' && name !== '_data' && name !== 'root';
      return isDirectory && isOurs && depth < 6 ? walk(path, depth + 1) : [];
    });
  return [
    ...walk(dataRoot, 0),
    ...walk(execRoot, 0),
    ...differences('transfer', namesIn(join(dataRoot, 'tmp/images')), []),
  ];
}
