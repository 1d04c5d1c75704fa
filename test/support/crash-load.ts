/** Much going on at once in a daemon that may die at any moment, and what it has promised until then. */
import { request } from 'node:http';
import type { TestDaemon } from './daemon.ts';
import { dockerArchive, layeredImage } from './fixture-images.ts';
import { pushImage } from './push-image.ts';
import type { SeededRandom } from './random.ts';
import type { TestRegistry } from './registry.ts';

const NAMES = 8;
const IMAGES = 3;

interface Answer {
  readonly status: number;
  readonly body: string;
}

const DIED: Answer = { status: 0, body: '' };

/** What the daemon has answered for. A thing whose fate was asked for, but not answered, may be either way. */
class Promises {
  readonly #there = new Set<string>();
  readonly #gone = new Set<string>();

  made(name: string): void {
    this.#gone.delete(name);
    this.#there.add(name);
  }

  /** From now until the answer nothing is promised. */
  asked(name: string): void {
    this.#there.delete(name);
    this.#gone.delete(name);
  }

  removed(name: string): void {
    this.#gone.add(name);
  }

  broken(found: ReadonlySet<string>): string[] {
    return [
      ...[...this.#there].filter((one) => !found.has(one)).map((one) => `${one} was lost`),
      ...[...this.#gone].filter((one) => found.has(one)).map((one) => `${one} has come back`),
    ];
  }
}

export class CrashLoad {
  readonly #daemon: TestDaemon;
  readonly #registry: TestRegistry;
  readonly #archives: readonly Buffer[];
  /** Container ids; a worker only promises about containers it made itself. */
  #containers = new Promises();
  readonly #volumes = new Promises();
  readonly #networks = new Promises();
  #isRunning = true;
  #serial = 0;

  private constructor(daemon: TestDaemon, registry: TestRegistry, archives: readonly Buffer[]) {
    this.#daemon = daemon;
    this.#registry = registry;
    this.#archives = archives;
  }

  static async open(daemon: TestDaemon, registry: TestRegistry): Promise<CrashLoad> {
    const archives: Buffer[] = [];
    for (let at = 0; at < IMAGES; at++) {
      await pushImage(
        registry.url,
        `pulled${String(at)}`,
        await layeredImage(`pulled ${String(at)}`),
        {
          tag: 'latest',
        },
      );
      const image = await layeredImage(`loaded ${String(at)}`);
      archives.push(await dockerArchive([{ image, tags: [`loaded${String(at)}:latest`] }]));
    }
    return new CrashLoad(daemon, registry, archives);
  }

  /** Works until the daemon does not answer any more. */
  async run(randoms: readonly SeededRandom[]): Promise<void> {
    this.#isRunning = true;
    await Promise.all(randoms.map((random) => this.#work(random)));
  }

  stop(): void {
    this.#isRunning = false;
  }

  /** Somebody else has removed every container: nothing is promised of them any more. */
  forgetContainers(): void {
    this.#containers = new Promises();
  }

  /** Promises that were broken, each a sentence. */
  async brokenPromises(): Promise<readonly string[]> {
    const listed = async <T>(path: string): Promise<T> =>
      JSON.parse((await this.#daemon.api('GET', path)).body) as T;
    const containers = await listed<{ Id: string }[]>('/containers/json?all=1');
    const volumes = await listed<{ Volumes: { Name: string }[] | null }>('/volumes');
    const networks = await listed<{ Id: string }[]>('/networks');
    return [
      ...this.#containers
        .broken(new Set(containers.map(({ Id }) => Id)))
        .map((one) => `container ${one}`),
      ...this.#volumes
        .broken(new Set((volumes.Volumes ?? []).map(({ Name }) => Name)))
        .map((one) => `volume ${one}`),
      ...this.#networks
        .broken(new Set(networks.map(({ Id }) => Id)))
        .map((one) => `network ${one}`),
    ];
  }

  async #work(random: SeededRandom): Promise<void> {
    const own: string[] = [];
    const works = [
      () => this.#launch(random, own),
      () => this.#launch(random, own),
      () => this.#launch(random, own),
      () => this.#exec(random, own),
      () => this.#stop(random, own),
      () => this.#remove(random, own),
      () => this.#remove(random, own),
      () => this.#change(random, own),
      () => this.#pull(random),
      () => this.#load(random),
      () => this.#untag(random),
      () => this.#volume(random),
      () => this.#network(random, own),
    ];
    while (this.#isRunning) await random.pick(works)();
  }

  async #ask(method: string, path: string, body?: unknown): Promise<Answer> {
    try {
      return await this.#daemon.api(method, path, body);
    } catch {
      this.#isRunning = false;
      return DIED;
    }
  }

  async #launch(random: SeededRandom, own: string[]): Promise<void> {
    const name = `c${String(this.#serial++)}`;
    const isBrief = random.below(3) === 0;
    const network = `n${String(random.below(NAMES))}`;
    const isNetworked = random.below(3) === 0;
    const removesItself = random.below(4) === 0;
    const { status, body } = await this.#ask('POST', `/containers/create?name=${name}`, {
      Image: 'busybox',
      Cmd: isBrief ? ['sh', '-c', 'echo brief; exit 3'] : ['sleep', '3600'],
      StopSignal: 'SIGKILL',
      Volumes: random.below(3) === 0 ? { '/scratch': {} } : {},
      ExposedPorts: { '80/tcp': {} },
      HostConfig: {
        AutoRemove: removesItself,
        Binds: random.below(3) === 0 ? [`v${String(random.below(NAMES))}:/data`] : [],
        PortBindings: random.below(3) === 0 ? { '80/tcp': [{ HostPort: '' }] } : {},
        IpcMode: random.below(4) === 0 ? 'shareable' : 'private',
        ...(isNetworked ? { NetworkMode: network } : {}),
      },
    });
    if (status !== 201) return;
    const { Id } = JSON.parse(body) as { Id: string };
    own.push(Id);
    if (!removesItself) this.#containers.made(Id);
    await this.#ask('POST', `/containers/${Id}/start`);
  }

  async #exec(random: SeededRandom, own: readonly string[]): Promise<void> {
    if (own.length === 0) return;
    const created = await this.#ask('POST', `/containers/${random.pick(own)}/exec`, {
      Cmd: ['sh', '-c', random.below(2) === 0 ? 'echo out' : 'sleep 60'],
      AttachStdout: true,
    });
    if (created.status !== 201) return;
    const { Id } = JSON.parse(created.body) as { Id: string };
    await this.#ask('POST', `/exec/${Id}/start`, { Detach: true });
  }

  async #stop(random: SeededRandom, own: readonly string[]): Promise<void> {
    if (own.length === 0) return;
    const verb = random.pick(['stop?t=0', 'kill', 'restart?t=0', 'pause', 'unpause']);
    await this.#ask('POST', `/containers/${random.pick(own)}/${verb}`);
  }

  async #remove(random: SeededRandom, own: string[]): Promise<void> {
    const [id] = own.splice(random.below(own.length), 1);
    if (id === undefined) return;
    this.#containers.asked(id);
    const { status } = await this.#ask('DELETE', `/containers/${id}?force=1&v=1`);
    if (status === 204) this.#containers.removed(id);
  }

  async #change(random: SeededRandom, own: readonly string[]): Promise<void> {
    if (own.length === 0) return;
    const id = random.pick(own);
    if (random.below(2) === 0)
      await this.#ask('POST', `/containers/${id}/rename?name=r${String(this.#serial++)}`);
    else await this.#ask('POST', `/containers/${id}/update`, { Memory: 64 << 20, MemorySwap: -1 });
  }

  async #pull(random: SeededRandom): Promise<void> {
    const image = `${this.#registry.host}/pulled${String(random.below(IMAGES))}`;
    await this.#ask('POST', `/images/create?fromImage=${encodeURIComponent(image)}&tag=latest`);
  }

  #load(random: SeededRandom): Promise<void> {
    const archive = random.pick(this.#archives);
    return new Promise((resolve) => {
      const end = (): void => resolve();
      const upload = request(
        { socketPath: this.#daemon.socket, method: 'POST', path: '/images/load?quiet=1' },
        (response) => response.resume().once('close', end),
      );
      upload.once('error', () => {
        this.#isRunning = false;
        end();
      });
      upload.end(archive);
    });
  }

  async #untag(random: SeededRandom): Promise<void> {
    const at = String(random.below(IMAGES));
    const image = random.pick([`loaded${at}:latest`, `${this.#registry.host}/pulled${at}:latest`]);
    if (random.below(3) === 0)
      await this.#ask('POST', `/images/${image}/tag?repo=tagged&tag=t${at}`);
    else await this.#ask('DELETE', `/images/${image}?force=1`);
  }

  async #volume(random: SeededRandom): Promise<void> {
    const name = `w${String(this.#serial++)}`;
    const made = await this.#ask('POST', '/volumes/create', { Name: name });
    if (made.status !== 201) return;
    this.#volumes.made(name);
    if (random.below(2) === 0) return;
    this.#volumes.asked(name);
    const { status } = await this.#ask('DELETE', `/volumes/${name}`);
    if (status === 204) this.#volumes.removed(name);
  }

  async #network(random: SeededRandom, own: readonly string[]): Promise<void> {
    const name = `n${String(random.below(NAMES))}`;
    const made = await this.#ask('POST', '/networks/create', { Name: name, CheckDuplicate: true });
    if (made.status === 201) {
      this.#networks.made((JSON.parse(made.body) as { Id: string }).Id);
      return;
    }
    if (own.length > 0 && random.below(2) === 0) {
      const verb = random.pick(['connect', 'disconnect']);
      await this.#ask('POST', `/networks/${name}/${verb}`, { Container: random.pick(own) });
      return;
    }
    const found = await this.#ask('GET', `/networks/${name}`);
    if (found.status !== 200) return;
    const { Id } = JSON.parse(found.body) as { Id: string };
    this.#networks.asked(Id);
    const { status } = await this.#ask('DELETE', `/networks/${Id}`);
    if (status === 204) this.#networks.removed(Id);
  }
}
