import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const project = fileURLToPath(new URL('../..', import.meta.url));

describe('the window in Electron', () => {
  let directory: string;
  let engine: Server;
  let app: ElectronApplication;
  let page: Page;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'windlass-electron-'));
    const socket = join(directory, 'engine.sock');
    engine = createServer((request, response) => {
      if (request.url === '/_ping') response.end('OK');
      else if (request.url?.startsWith('/events')) response.flushHeaders();
      else response.end('[]');
    }).listen(socket);
    await once(engine, 'listening');
    app = await _electron.launch({
      args: [
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        project,
        '--engine',
        `unix://${socket}`,
      ],
      env: { ...process.env, XDG_CONFIG_HOME: join(directory, 'config') },
    });
    page = await app.firstWindow();
  });
  afterAll(async () => {
    await app.close();
    engine.closeAllConnections();
    engine.close();
    rmSync(directory, { recursive: true });
  });

  it('shows the page of its own scheme, connected to its shell', async () => {
    expect(page.url()).toBe('app://windlass/');
    await page.getByRole('navigation').first().waitFor();
    expect(await page.getByText('Windlass cannot reach its shell').count()).toBe(0);
  });

  it('has nothing of Node and nothing of Electron in the page', async () => {
    const found = await page.evaluate(() =>
      ['require', 'process', 'module', 'Buffer', 'electron'].filter((name) => name in window),
    );
    expect(found).toEqual([]);
  });

  it('stays on its page and opens no other', async () => {
    await page.evaluate(() => {
      window.open('file:///etc/passwd');
      location.href = 'https://example.org/';
    });
    await page.waitForTimeout(500);
    expect(page.url()).toBe('app://windlass/');
    expect(app.windows()).toHaveLength(1);
  });
});
