/** One round of engine operations from the window's side, over every way there and to every kind of engine: the same results. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FrameParser } from '../../shared/framing.ts';
import type { HostWay } from '../../shared/shell/contract.ts';
import { makeCertificates } from '../support/certificates.ts';
import { TestDaemon } from '../support/daemon.ts';
import {
  busyboxImage,
  dockerArchive,
  makeImage,
  makeLayer,
  makeTar,
  realisticBytes,
} from '../support/fixture-images.ts';
import { ForeignEngine } from '../support/foreign-engine.ts';
import { HostWindow } from '../support/host-window.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';
import { pushImage } from '../support/push-image.ts';
import { freePort, startRegistry, type TestRegistry } from '../support/registry.ts';
import { makeKey, TestSshd } from '../support/sshd.ts';

const WAYS = [
  'local socket',
  'SSH to windlassd',
  'SSH to dockerd',
  'SSH to Podman',
  'TCP with TLS',
] as const;

const closing = new AsyncDisposableStack();
const ways = new Map<string, HostWay>();
let window: HostWindow;
let registry: TestRegistry;
let ours: TestDaemon;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'windlass-ways-'));
  closing.defer(() => rmSync(directory, { recursive: true, force: true }));
  const certificates = join(directory, 'certificates');
  mkdirSync(certificates);
  makeCertificates(certificates, 'windlass');
  const pem = (name: string): string => join(certificates, `${name}.pem`);
  const port = await freePort();
  registry = closing.use(await startRegistry());
  await pushImage(registry.url, 'library/tool', await busyboxImage(), { tag: 'v1' });
  const [windlassd, dockerd, podman, sshd] = await Promise.all([
    TestDaemon.start([
      ...['-H', `tcp://127.0.0.1:${port}`, '--tlsverify', '--tlscacert', pem('ca')],
      ...['--tlscert', pem('server'), '--tlskey', pem('server-key')],
    ]),
    ForeignEngine.start('dockerd'),
    ForeignEngine.start('podman'),
    TestSshd.start(),
  ]);
  ours = closing.use(windlassd);
  for (const one of [dockerd, podman, sshd]) closing.use(one);
  const key = makeKey(join(directory, 'key'));
  sshd.authorize(key);
  const lines = ['HostName 127.0.0.1', `Port ${sshd.port}`, 'User root', `IdentityFile ${key}`];
  window = closing.use(new HostWindow(`Host box\n  ${lines.join('\n  ')}\n`));
  window.know(`[127.0.0.1]:${sshd.port} ${sshd.hostKey}`);
  const overSsh = (engineSocket: string): HostWay => ({
    kind: 'ssh',
    destination: 'box',
    engineSocket,
  });
  ways.set('local socket', { kind: 'socket', path: ours.socket });
  ways.set('SSH to windlassd', overSsh(ours.socket));
  ways.set('SSH to dockerd', overSsh(dockerd.socket));
  ways.set('SSH to Podman', overSsh(podman.socket));
  const tls = { ca: pem('ca'), cert: pem('client'), key: pem('client-key') };
  ways.set('TCP with TLS', { kind: 'tcp', host: '127.0.0.1', port, tls });
}, 180_000);
afterAll(async () => {
  if (ours) {
    await ours.stop();
    expect(ours.leaks()).toEqual(NO_LEAKS);
  }
  await closing.disposeAsync();
}, 120_000);

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';

/** What one engine does for the window. */
class Engine {
  readonly #host: string;

  constructor(host: string) {
    this.#host = host;
  }

  open(method: Method, path: string, type = 'application/json') {
    const headers = { 'Content-Type': type };
    return window.client.duplex('engine.request', { host: this.#host, method, path, headers });
  }

  async send(method: Method, path: string, body?: unknown) {
    const isTar = Buffer.isBuffer(body);
    const channel = this.open(method, path, isTar ? 'application/x-tar' : 'application/json');
    if (body !== undefined) await channel.write(isTar ? body : Buffer.from(JSON.stringify(body)));
    await channel.end();
    const { status, headers } = await channel.head;
    const bytes = Buffer.concat(await Array.fromAsync(channel.readable));
    return { status, headers, bytes, text: bytes.toString() };
  }

  async json<T>(path: string): Promise<T> {
    return JSON.parse((await this.send('GET', path)).text) as T;
  }

  /** A connection taken over: sends, half-closes, and answers what came, by stream. */
  async hijack(path: string, input: string, body?: object): Promise<Record<string, string>> {
    const channel = window.client.duplex('engine.request', {
      host: this.#host,
      method: 'POST',
      path,
      headers: {},
      upgrade: true,
      ...(body && { body: JSON.stringify(body) }),
    });
    const { status } = await channel.head;
    expect(status).toBe(101);
    if (input !== '') await channel.write(Buffer.from(input));
    await channel.end();
    return unframe(Buffer.concat(await Array.fromAsync(channel.readable)));
  }
}

function unframe(bytes: Uint8Array): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const { source, bytes: piece } of new FrameParser().push(bytes))
    texts[source] = (texts[source] ?? '') + Buffer.from(piece).toString();
  return texts;
}

/** Creates a container without a network, which none of the foreign engines has here. */
async function create(engine: Engine, name: string, command: string[], more: object = {}) {
  const { status, text } = await engine.send('POST', `/containers/create?name=${name}`, {
    Image: `${registry.host}/library/tool:v1`,
    Cmd: command,
    HostConfig: { NetworkMode: 'none' },
    ...more,
  });
  expect([status, text]).toEqual([201, expect.stringContaining('"Id"')]);
}

const waitFor = async (engine: Engine, name: string): Promise<number> =>
  (
    JSON.parse((await engine.send('POST', `/containers/${name}/wait`)).text) as {
      StatusCode: number;
    }
  ).StatusCode;

/** Words of engines differ where an operation has no defined order; these all of them say. */
const ACTIONS = ['create', 'start', 'die'];

async function followEvents(engine: Engine, name: string, into: string[]) {
  const filters = encodeURIComponent(JSON.stringify({ type: ['container'], container: [name] }));
  const channel = engine.open('GET', `/events?filters=${filters}`);
  await channel.end();
  expect((await channel.head).status).toBe(200);
  const reading = (async () => {
    let rest = '';
    for await (const bytes of channel.readable) {
      const lines = (rest + Buffer.from(bytes).toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines.filter(Boolean))
        into.push((JSON.parse(line) as { Action: string }).Action);
    }
  })().catch(() => undefined);
  return {
    [Symbol.asyncDispose]: async () => {
      channel.abort();
      await reading;
    },
  };
}

describe('an image', () => {
  it('goes from host to host without a registry, and says why when it cannot', async () => {
    const [from, to] = await Promise.all([
      window.add('Source', ways.get('SSH to dockerd') as HostWay),
      window.add('Target', ways.get('SSH to windlassd') as HostWay),
    ]);
    for (const id of [from, to]) await window.until(id, 'up', 'slow');
    const content = realisticBytes(12_000_000, 5);
    const image = makeImage([await makeLayer([{ path: 'big', content }])]);
    const archive = await dockerArchive([{ image, tags: ['copied:v1'] }]);
    const source = new Engine(from);
    expect((await source.send('POST', '/images/load', archive)).status).toBe(200);
    const copy = (name: string) =>
      Array.fromAsync(window.client.stream('images.copy', { from, to, image: name }));
    const progress = await copy('copied:v1');
    expect(progress.length).toBeGreaterThan(5);
    expect(progress.at(-1)?.done).toBeGreaterThan(content.length);
    expect(progress.map(({ done }) => done)).toEqual(
      progress.map(({ done }) => done).toSorted((a, b) => a - b),
    );
    const { Id } = await new Engine(to).json<{ Id: string }>('/images/copied:v1/json');
    expect(Id).toBe(image.id);
    await expect(copy('nobody:v1')).rejects.toMatchObject({
      code: 'notFound',
      message: expect.stringContaining('nobody:v1'),
    });
    await window.client.call('hosts.remove', { id: to });
    await expect(copy('copied:v1')).rejects.toMatchObject({ code: 'notFound' });
    await window.client.call('hosts.remove', { id: from });
  });
});

describe.each(WAYS)('%s', (way) => {
  const name = `ways-${WAYS.indexOf(way)}`;
  let engine: Engine;

  beforeAll(async () => {
    const id = await window.add(way, ways.get(way) as HostWay);
    await window.until(id, 'up', 'slow');
    engine = new Engine(id);
  });

  it('loads, pulls and lists images', async () => {
    const archive = await dockerArchive([
      { image: await busyboxImage(), tags: ['busybox:latest'] },
    ]);
    const loaded = await engine.send('POST', '/images/load?quiet=1', archive);
    expect([loaded.status, loaded.text]).toEqual([
      200,
      expect.stringMatching(/Loaded image: .*busybox:latest/),
    ]);
    const image = encodeURIComponent(`${registry.host}/library/tool`);
    const pulled = await engine.send('POST', `/images/create?fromImage=${image}&tag=v1`);
    expect([pulled.status, pulled.text]).toEqual([200, expect.not.stringContaining('error')]);
    const images = await engine.json<{ Id: string; RepoTags: string[] }[]>('/images/json');
    const { id } = await busyboxImage();
    const tags = images.flatMap((one) => (one.Id === id ? one.RepoTags : []));
    expect(
      tags.map((tag) => tag.replace(/^(docker\.io\/library|localhost)\//, '')).toSorted(),
    ).toEqual([`${registry.host}/library/tool:v1`, 'busybox:latest'].toSorted());
  });

  it('runs a container from its creation to its removal, and tells of it', async () => {
    const actions: string[] = [];
    await using _events = await followEvents(engine, name, actions);
    await create(engine, name, ['sh', '-c', 'echo out; echo err >&2; exec sleep 1000']);
    expect((await engine.send('POST', `/containers/${name}/start`)).status).toBe(204);
    expect((await engine.send('POST', `/containers/${name}/start`)).status).toBe(304);
    const logs = `/containers/${name}/logs?stdout=1&stderr=1`;
    await expect
      .poll(async () => unframe((await engine.send('GET', logs)).bytes), { timeout: 20_000 })
      .toEqual({ stdout: 'out\n', stderr: 'err\n' });
    const running = await engine.json<{ Names: string[]; State: string }[]>('/containers/json');
    expect(running.filter(({ Names }) => Names.includes(`/${name}`))).toMatchObject([
      { State: 'running' },
    ]);
    expect((await engine.send('POST', `/containers/${name}/stop?t=0`)).status).toBe(204);
    expect(await waitFor(engine, name)).toBe(137);
    expect((await engine.send('DELETE', `/containers/${name}`)).status).toBe(204);
    const missing = await engine.send('GET', `/containers/${name}/json`);
    expect([missing.status, missing.text]).toEqual([
      404,
      expect.stringMatching(/no such container/i),
    ]);
    await expect
      .poll(
        () =>
          actions.map((one) => one.replace('died', 'die')).filter((one) => ACTIONS.includes(one)),
        {
          timeout: 20_000,
        },
      )
      .toEqual(ACTIONS);
  });

  it('runs commands in a container, with input to its end', async () => {
    await create(engine, name, ['sleep', '1000']);
    await engine.send('POST', `/containers/${name}/start`);
    const made = await engine.send('POST', `/containers/${name}/exec`, {
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Cmd: ['sh', '-c', 'cat; echo oops >&2; exit 7'],
    });
    expect(made.status).toBe(201);
    const { Id } = JSON.parse(made.text) as { Id: string };
    const start = { Detach: false, Tty: false };
    expect(await engine.hijack(`/exec/${Id}/start`, 'through and back\n', start)).toEqual({
      stdout: 'through and back\n',
      stderr: 'oops\n',
    });
    expect(await engine.json(`/exec/${Id}/json`)).toMatchObject({ Running: false, ExitCode: 7 });
    expect((await engine.send('DELETE', `/containers/${name}?force=1`)).status).toBeLessThan(205);
  });

  it('attaches to a container that waits for input', async () => {
    const streams = { OpenStdin: true, StdinOnce: true, AttachStdin: true };
    await create(engine, name, ['sh', '-c', 'tr a-z A-Z; exit 3'], streams);
    const attach = `/containers/${name}/attach?stream=1&stdin=1&stdout=1&stderr=1`;
    // Podman attaches to what runs only.
    await engine.send('POST', `/containers/${name}/start`);
    expect(await engine.hijack(attach, 'hello\n')).toEqual({ stdout: 'HELLO\n' });
    expect(await waitFor(engine, name)).toBe(3);
    expect((await engine.send('DELETE', `/containers/${name}`)).status).toBe(204);
  });

  it('takes files into a container and out of it', async () => {
    await create(engine, name, ['true']);
    const content = Buffer.alloc(300_000, 'windlass ');
    const tar = await makeTar([{ path: 'note.txt', content }]);
    const archive = `/containers/${name}/archive?path=`;
    expect((await engine.send('PUT', `${archive}/tmp`, tar)).status).toBe(200);
    const out = await engine.send('GET', `${archive}/tmp/note.txt`);
    expect(out.status).toBe(200);
    expect(out.bytes.includes(content)).toBe(true);
    const stat = out.headers['x-docker-container-path-stat'] ?? '';
    expect(JSON.parse(Buffer.from(stat, 'base64').toString())).toMatchObject({
      name: 'note.txt',
      size: content.length,
    });
    expect((await engine.send('GET', `${archive}/nowhere`)).status).toBe(404);
    expect((await engine.send('DELETE', `/containers/${name}`)).status).toBe(204);
  });
});
