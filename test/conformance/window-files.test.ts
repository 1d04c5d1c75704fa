/** The window's file browser on an engine that knows nothing of Windlass: a real dockerd, the container stopped. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { socketDialer } from '../../src-main/hosts/engine-dialer.ts';
import { EngineClient } from '../../src-renderer/engine/engine-client.ts';
import { ContainerFiles } from '../../src-renderer/files/container-files.ts';
import { ConfinedDaemon } from '../support/confined-daemon.ts';
import { command } from '../support/daemon.ts';
import { busyboxImage, dockerArchive } from '../support/fixture-images.ts';
import { HostWindow } from '../support/host-window.ts';

const closing = new AsyncDisposableStack();
let engine: EngineClient;
let files: ContainerFiles;
let docker: (...args: string[]) => Promise<string>;

beforeAll(async () => {
  const daemon = closing.use(await ConfinedDaemon.start('dockerd', ['dockerd']));
  const env = { DOCKER_HOST: `unix://${daemon.socket}` };
  docker = async (...args) => (await command('docker', args, { env })).stdout;
  const archive = await dockerArchive([{ image: await busyboxImage(), tags: ['busybox:latest'] }]);
  await command('docker', ['load'], { env, input: archive });
  const make = 'mkdir /srv; echo hello > /srv/greeting; chown 7:8 /srv/greeting; ln -s / /srv/top';
  await docker('run', '--name', 'still', 'busybox', 'sh', '-c', make);
  const dialer = socketDialer(daemon.socket);
  const host = { id: 'dockerd', name: 'dockerd', kind: 'socket', dialer } as const;
  const window = closing.use(new HostWindow('', [host]));
  engine = new EngineClient(window.client, 'dockerd');
  files = new ContainerFiles(engine, 'still');
}, 120_000);
afterAll(() => closing.disposeAsync());

describe('files on dockerd', () => {
  it('are listed, read, written and brought in while the container is stopped', async () => {
    const { entries, isWhole } = await files.list('/srv');
    expect(isWhole).toBe(true);
    expect(entries.map(({ name, size, uid, linkTarget }) => [name, size, uid, linkTarget])).toEqual(
      [
        ['greeting', 6, 7, undefined],
        ['top', 0, 0, '/'],
      ],
    );
    const { header, text } = await files.read('/srv/greeting');
    expect(text).toBe('hello\n');
    await files.write('/srv/greeting', header, 'changed\n');
    await files.makeDirectory('/srv', 'new');
    await files.upload('/srv/new', new File(['brought'], 'thing'));
    const copied = await docker('cp', 'still:/srv', '-');
    expect(copied).toContain('changed\n');
    expect(copied).toContain('brought');
    await expect(files.list('/nowhere')).rejects.toMatchObject({ code: 'notFound' });
  });

  it('are removed by a running container, and the reason told when it does not run', async () => {
    await expect(files.remove('/srv/new')).rejects.toMatchObject({ code: 'conflict' });
    await docker('run', '-d', '--name', 'going', 'busybox', 'sleep', '1000');
    const living = new ContainerFiles(engine, 'going');
    await living.makeDirectory('/tmp', 'doomed');
    await living.remove('/tmp/doomed');
    expect(await docker('exec', 'going', 'ls', '/tmp')).toBe('');
  });
});
