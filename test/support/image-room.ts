/** An image service on a fake layer store and a directory of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RegistryConfig } from '../../src-main/daemon/distribution/registry-endpoints.ts';
import {
  createImageService,
  type LocalImageService,
} from '../../src-main/daemon/image/create-image-service.ts';
import type { ProgressMessage } from '../../src-main/daemon/image/image-service.ts';
import { createLog } from '../../src-main/daemon/log/log.ts';
import { createFakeLayerStore, type FakeLayerStore } from './fake-layer-store.ts';

export interface ImageRoom extends AsyncDisposable {
  readonly root: string;
  readonly images: LocalImageService;
  readonly layers: FakeLayerStore;
  /** `action name` of every event. */
  readonly events: string[];
  readonly lines: ProgressMessage[];
  readonly logged: string[];
  readonly onProgress: (line: ProgressMessage) => void;
  /** A second service on the same directory and layers. */
  reopen(): Promise<LocalImageService>;
}

export async function openImageRoom(registry: Partial<RegistryConfig> = {}): Promise<ImageRoom> {
  const root = await mkdtemp(join(tmpdir(), 'windlass-images-'));
  const layers = createFakeLayerStore();
  const events: string[] = [];
  const lines: ProgressMessage[] = [];
  const logged: string[] = [];
  const log = createLog({ level: 'debug', format: 'text', write: (line) => logged.push(line) });
  const open = (): Promise<LocalImageService> =>
    createImageService({
      root,
      driverName: 'fake',
      layers,
      log,
      events: {
        publish: (_type, action, { attributes }) => {
          events.push(`${action} ${attributes['name'] ?? ''}`.trim());
        },
      },
      registry: {
        mirrors: [],
        insecureRegistries: [],
        maxConcurrentDownloads: 3,
        maxDownloadAttempts: 5,
        maxConcurrentUploads: 5,
        retryUnitMs: 1,
        ...registry,
      },
    });
  return {
    root,
    images: await open(),
    layers,
    events,
    lines,
    logged,
    onProgress: (line) => void lines.push(line),
    reopen: open,
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}
