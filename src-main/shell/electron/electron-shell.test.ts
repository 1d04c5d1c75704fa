import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SHELL_PORT_CHANNEL } from '../../../shared/shell/electron-handshake.ts';
import type { ShellHandlers } from '../../../shared/shell/server.ts';
import { ElectronStandIn, type StandInWindow } from '../../../test/support/electron-stand-in.ts';
import { SettingsStore } from '../settings-store.ts';
import { ElectronShell } from './electron-shell.ts';

const handlers = { 'hosts.list': async () => [] } as unknown as ShellHandlers;

describe('Electron shell', () => {
  let directory: string;
  let electron: ElectronStandIn;
  let settings: SettingsStore;
  let closed: number;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'windlass-shell-'));
    writeFileSync(join(directory, 'index.html'), 'the window');
    writeFileSync(join(directory, 'preload.cjs'), '');
    electron = new ElectronStandIn();
    settings = new SettingsStore(join(directory, 'settings.json'));
    closed = 0;
  });
  afterEach(async () => {
    electron.app.quit();
    rmSync(directory, { recursive: true });
  });

  const makeShell = () =>
    new ElectronShell(electron.parts, {
      directory,
      preload: join(directory, 'preload.cjs'),
      icon: 'icon.png',
      trayIcon: 'tray.png',
      stateFile: join(directory, 'window.json'),
      settings,
      platform: 'linux',
    });
  /** Starts it and answers its window. */
  const start = async (): Promise<StandInWindow> => {
    const shell = makeShell();
    expect(shell.claimInstance()).toBe(true);
    void shell.run(handlers, async () => {
      closed += 1;
    });
    await expect.poll(() => electron.windows[0]?.page).toBeDefined();
    return electron.windows.at(0) as StandInWindow;
  };

  it('opens one confined window on its own origin and shows it when it has painted', async () => {
    const window = await start();
    expect(window.options.webPreferences).toMatchObject({
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
    });
    expect(window.options.show).toBe(false);
    expect(window.isVisible()).toBe(true);
    expect(window.webContents.mainFrame.url).toBe('app://windlass/');
    expect(window.html).toBe('the window');
    expect(electron.privileged).toEqual(['app']);
  });

  it('serves its files with the strict policy, to its own host name only', async () => {
    await start();
    const serve = electron.schemes.get('app');
    const page = await serve?.(new Request('app://windlass/containers/x'));
    expect(page?.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await page?.text()).toBe('the window');
    for (const address of [
      'app://other/',
      'app://windlass/%2e%2e/secret.js',
      'app://windlass/x.js',
    ])
      expect((await serve?.(new Request(address)))?.status).toBe(404);
    const posted = await serve?.(new Request('app://windlass/', { method: 'POST' }));
    expect(posted?.status).toBe(404);
  });

  it('keeps the page where it is and hands links to the browser', async () => {
    const { webContents } = await start();
    for (const event of [
      'will-navigate',
      'will-frame-navigate',
      'will-redirect',
      'will-attach-webview',
    ] as const)
      expect(webContents.tries(event), event).toBe(true);
    for (const url of ['https://example.org/x', 'file:///etc/passwd', 'javascript:1', 'app://x/'])
      expect(webContents.windowOpenHandler?.({ url })).toEqual({ action: 'deny' });
    expect(electron.opened).toEqual(['https://example.org/x']);
  });

  it('grants the page to copy, and nothing else to anyone', async () => {
    await start();
    const ask = (permission: string, requestingUrl: string): boolean => {
      let granted = false;
      const details = { isMainFrame: true, requestingUrl } as never;
      const answer = (isGranted: boolean): void => {
        granted = isGranted;
      };
      electron.session.request?.({} as never, permission as never, answer, details);
      expect(electron.session.check?.(null, permission as never, '', details)).toBe(granted);
      return granted;
    };
    expect(ask('clipboard-sanitized-write', 'app://windlass/')).toBe(true);
    expect(ask('clipboard-sanitized-write', 'https://example.org/')).toBe(false);
    for (const permission of ['clipboard-read', 'media', 'notifications', 'openExternal', 'usb'])
      expect(ask(permission, 'app://windlass/'), permission).toBe(false);
    expect(electron.session.device?.({} as never)).toBe(false);
  });

  it('gives a port to the top frame of its own page, and to no other', async () => {
    const window = await start();
    /** Whether somebody answers at the other end. */
    const isServed = async (send: (port: MessagePort) => void): Promise<boolean> => {
      const { port1, port2 } = new MessageChannel();
      const answered = new Promise<boolean>((resolve) => {
        port1.addEventListener('message', () => resolve(true));
        port1.addEventListener('close', () => resolve(false));
      });
      port1.start();
      port1.postMessage({ t: 'open', id: 1, name: 'hosts.list', input: {} });
      send(port2);
      const isAnswered = await answered;
      port1.close();
      return isAnswered;
    };
    const sendAs = (frame?: object) => (port: MessagePort) =>
      window.sendPorts(SHELL_PORT_CHANNEL, [port], frame);
    expect(await isServed(sendAs())).toBe(true);
    expect(await isServed(sendAs({ url: 'app://windlass/' }))).toBe(false);
    window.webContents.mainFrame = { url: 'https://example.org/' };
    expect(await isServed(sendAs())).toBe(false);
  });

  it('hangs up on a page that does not speak the contract', async () => {
    const window = await start();
    const { port1, port2 } = new MessageChannel();
    const hungUp = new Promise((resolve) => port1.addEventListener('close', resolve));
    port1.start();
    window.sendPorts(SHELL_PORT_CHANNEL, [port2]);
    port1.postMessage({ t: 'open', id: 'one' });
    await hungUp;
  });

  it('hides into the tray when the window is closed, and comes back', async () => {
    const window = await start();
    window.close();
    expect(window.isVisible()).toBe(false);
    expect(closed).toBe(0);
    electron.trays[0]?.choose('Open');
    expect(window.isVisible()).toBe(true);
    window.close();
    electron.app.emit('second-instance');
    expect(window.isVisible()).toBe(true);
    window.isMinimizedNow = true;
    electron.app.emit('second-instance');
    expect(window.isMinimized()).toBe(false);
  });

  it('quits with the window when the user chose so in the tray, closing all first', async () => {
    const window = await start();
    electron.trays[0]?.choose('Keep running', false);
    expect(settings.read().keepRunningInTray).toBe(false);
    window.close();
    expect(await electron.app.exited.promise).toBe(0);
    expect(closed).toBe(1);
    expect(electron.trays[0]?.isDestroyed).toBe(true);
  });

  it('quits with the window on a desktop without a tray', async () => {
    electron.refusesTray = true;
    const window = await start();
    window.close();
    expect(await electron.app.exited.promise).toBe(0);
  });

  it('quits from the tray although it would keep running', async () => {
    await start();
    electron.trays[0]?.choose('Quit');
    expect(await electron.app.exited.promise).toBe(0);
    expect(closed).toBe(1);
  });

  it('leaves it to its caller to tell when closing fails', async () => {
    const shell = makeShell();
    shell.claimInstance();
    const run = shell.run(handlers, () => Promise.reject(new Error('stuck')));
    await expect.poll(() => electron.windows.length).toBe(1);
    electron.app.quit();
    await expect(run).rejects.toThrow('stuck');
  });

  it('yields to the instance that runs already', () => {
    electron.app.isSecond = true;
    expect(makeShell().claimInstance()).toBe(false);
  });

  it('opens where it was closed, unless that screen is gone', async () => {
    const first = await start();
    first.bounds = { x: 300, y: 200, width: 1000, height: 700 };
    first.maximize();
    electron.app.quit();
    expect(JSON.parse(readFileSync(join(directory, 'window.json'), 'utf8'))).toEqual({
      bounds: { x: 300, y: 200, width: 1000, height: 700 },
      isMaximized: true,
    });
    electron = new ElectronStandIn();
    const second = await start();
    expect(second.options).toMatchObject({ x: 300, y: 200, width: 1000, height: 700 });
    expect(second.isMaximized()).toBe(true);
    electron = new ElectronStandIn();
    electron.displays = [{ x: 0, y: 0, width: 320, height: 200 }];
    const third = await start();
    expect(third.options).toMatchObject({ width: 1280, height: 800 });
    expect(third.options.x).toBeUndefined();
  });

  it('has a menu whose roles bring the keys for editing', async () => {
    await start();
    expect(electron.menu.map((item) => item.role)).toContain('editMenu');
    expect(electron.menu.map((item) => item.label)).toEqual(
      expect.arrayContaining(['&File', '&View']),
    );
    const help = electron.menu.find((item) => item.role === 'help');
    const [first] = (help?.submenu ?? []) as { click?: () => void }[];
    first?.click?.();
    expect(electron.opened[0]).toMatch(/^https:/);
  });
});
