/**
 * The part of Electron that Windlass uses, without its binary: windows that load their page through the
 * registered protocol and run the real preload script, message ports that clone as real ones do, and Electron's
 * order of events around closing and quitting. Method types are Electron's own.
 */
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { compileFunction } from 'node:vm';
import type {
  App,
  BrowserWindow,
  BrowserWindowConstructorOptions,
  Dialog,
  MenuItemConstructorOptions,
  NativeTheme,
  Protocol,
  Rectangle,
  Screen,
  Session,
  Shell,
  Tray,
  WebContents,
  WindowOpenHandlerResponse,
} from 'electron';
import type { ElectronParts } from '../../src-main/shell/electron/electron-parts.ts';

/** What Electron's cancellable events look like to a listener. */
class StandInEvent {
  defaultPrevented = false;
  preventDefault(): void {
    this.defaultPrevented = true;
  }
}

/** Emits an event that can be prevented; answers whether it was. */
function emitCancellable(emitter: EventEmitter, name: string): boolean {
  const event = new StandInEvent();
  emitter.emit(name, event);
  return event.defaultPrevented;
}

const laterTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** `MessagePortMain` over a port of Node's, which clones as Chromium's does. */
class StandInPortMain extends EventEmitter {
  readonly #port: MessagePort;

  constructor(port: MessagePort) {
    super();
    this.#port = port;
    port.addEventListener('close', () => this.emit('close'));
  }
  start(): void {
    this.#port.addEventListener('message', ({ data }) => this.emit('message', { data, ports: [] }));
    this.#port.start();
  }
  postMessage(message: unknown): void {
    this.#port.postMessage(message);
  }
  close(): void {
    this.#port.close();
  }
}

/** The page's `window`, as far as the handshake sees it. */
export class StandInPage extends EventTarget {
  readonly location: { readonly protocol: string; readonly origin: string };

  constructor(address: string) {
    super();
    const [protocol = '', host = ''] = address.split('//');
    this.location = { protocol, origin: `${protocol}//${host.replace(/\/.*/, '')}` };
  }
  postMessage(data: unknown, _origin: string, ports: readonly MessagePort[] = []): void {
    setImmediate(() => {
      this.dispatchEvent(Object.assign(new Event('message'), { data, ports, source: this }));
    });
  }
}

type WindowOpenHandler = (details: { readonly url: string }) => WindowOpenHandlerResponse;

class StandInContents extends EventEmitter {
  mainFrame = { url: '' };
  windowOpenHandler: WindowOpenHandler | undefined;

  setWindowOpenHandler(handler: Parameters<WebContents['setWindowOpenHandler']>[0]): void {
    this.windowOpenHandler = handler as WindowOpenHandler;
  }
  /** True when the page was kept from going there. */
  tries(event: 'will-navigate' | 'will-frame-navigate' | 'will-redirect' | 'will-attach-webview') {
    return emitCancellable(this, event);
  }
}

type WindowMethods = Pick<
  BrowserWindow,
  | 'show'
  | 'hide'
  | 'focus'
  | 'maximize'
  | 'restore'
  | 'close'
  | 'isMaximized'
  | 'isMinimized'
  | 'isVisible'
  | 'getNormalBounds'
  | 'loadURL'
>;

export class StandInWindow extends EventEmitter implements WindowMethods {
  readonly options: BrowserWindowConstructorOptions;
  readonly webContents = new StandInContents();
  readonly #electron: ElectronStandIn;
  #isVisible: boolean;
  #isMaximized = false;
  isMinimizedNow = false;
  bounds: Rectangle;
  /** Set when the page has loaded. */
  page: StandInPage | undefined;
  html = '';

  constructor(electron: ElectronStandIn, options: BrowserWindowConstructorOptions = {}) {
    super();
    this.#electron = electron;
    this.options = options;
    this.#isVisible = options.show !== false;
    const { x = 10, y = 20, width = 800, height = 600 } = options;
    this.bounds = { x, y, width, height };
    electron.windows.push(this);
  }

  /** Fetches the page by its scheme, runs the preload script, paints. */
  async loadURL(address: string): Promise<void> {
    const scheme = new URL(address).protocol.replace(':', '');
    const serve = this.#electron.schemes.get(scheme);
    if (!serve) throw new Error(`ERR_UNKNOWN_URL_SCHEME ${address}`);
    const response = await serve(new Request(address));
    this.html = await response.text();
    this.webContents.mainFrame = { url: address };
    const page = new StandInPage(address);
    this.#runPreload(page);
    this.page = page;
    this.emit('ready-to-show');
  }

  #runPreload(page: StandInPage): void {
    const path = this.options.webPreferences?.preload ?? '';
    const ipcRenderer = {
      postMessage: (channel: string, _message: unknown, ports: MessagePort[]) =>
        this.sendPorts(channel, ports),
    };
    // A sandboxed preload script sees no more than this of Node and Electron.
    const run = compileFunction(readFileSync(path, 'utf8'), ['require', 'window', 'exports']);
    const load = (name: string): object => {
      if (name === 'electron') return { ipcRenderer };
      throw new Error(`module not found: ${name}`);
    };
    run(load, page, {});
  }

  /** What `ipcRenderer.postMessage` brings to the main process; `frame` other than the top one is a trespasser. */
  sendPorts(channel: string, ports: MessagePort[], frame: object = this.webContents.mainFrame) {
    this.#electron.ipcMain.emit(channel, {
      sender: this.webContents,
      senderFrame: frame,
      ports: ports.map((port) => new StandInPortMain(port)),
    });
  }

  show(): void {
    this.#isVisible = true;
    this.isMinimizedNow = false;
  }
  hide(): void {
    this.#isVisible = false;
  }
  focus(): void {
    this.emit('focus');
  }
  maximize(): void {
    this.#isMaximized = true;
  }
  restore(): void {
    this.isMinimizedNow = false;
  }
  isMaximized(): boolean {
    return this.#isMaximized;
  }
  isMinimized(): boolean {
    return this.isMinimizedNow;
  }
  isVisible(): boolean {
    return this.#isVisible;
  }
  getNormalBounds(): Rectangle {
    return this.bounds;
  }
  close(): void {
    this.closeUnlessPrevented();
    if (this.#electron.windows.length === 0) this.#electron.app.emit('window-all-closed');
  }
  closeUnlessPrevented(): boolean {
    if (emitCancellable(this, 'close')) return false;
    this.#electron.windows.splice(this.#electron.windows.indexOf(this), 1);
    this.emit('closed');
    return true;
  }
}

type AppMethods = Pick<App, 'isReady' | 'whenReady' | 'quit' | 'requestSingleInstanceLock'>;

class StandInApp extends EventEmitter implements AppMethods {
  readonly #electron: ElectronStandIn;
  #isReady = false;
  /** Set when another Windlass runs. */
  isSecond = false;
  readonly exited = Promise.withResolvers<number>();

  constructor(electron: ElectronStandIn) {
    super();
    this.#electron = electron;
  }
  requestSingleInstanceLock(): boolean {
    return !this.isSecond;
  }
  isReady(): boolean {
    return this.#isReady;
  }
  async whenReady(): Promise<void> {
    await laterTurn();
    this.#isReady = true;
  }
  /** before-quit, then each window's close, then will-quit; each can stop it. */
  quit(): void {
    if (emitCancellable(this, 'before-quit')) return;
    for (const window of [...this.#electron.windows]) if (!window.closeUnlessPrevented()) return;
    if (!emitCancellable(this, 'will-quit')) this.exit(0);
  }
  exit(code = 0): void {
    this.exited.resolve(code);
  }
}

type TrayMethods = Pick<Tray, 'setToolTip' | 'destroy'>;

export class StandInTray extends EventEmitter implements TrayMethods {
  isDestroyed = false;
  template: MenuItemConstructorOptions[] = [];
  setToolTip(): void {}
  setContextMenu(menu: { readonly template: MenuItemConstructorOptions[] }): void {
    this.template = menu.template;
  }
  destroy(): void {
    this.isDestroyed = true;
  }
  /** Clicks the entry whose label begins so. */
  choose(label: string, checked = false): void {
    const item = this.template.find((one) => one.label?.startsWith(label));
    (item?.click as ((item: { checked: boolean }) => void) | undefined)?.({ checked });
  }
}

type SessionMethods = Pick<
  Session,
  'setPermissionRequestHandler' | 'setPermissionCheckHandler' | 'setDevicePermissionHandler'
>;

class StandInSession implements SessionMethods {
  request: Parameters<Session['setPermissionRequestHandler']>[0] = null;
  check: Parameters<Session['setPermissionCheckHandler']>[0] = null;
  device: Parameters<Session['setDevicePermissionHandler']>[0] = null;
  setPermissionRequestHandler(handler: StandInSession['request']): void {
    this.request = handler;
  }
  setPermissionCheckHandler(handler: StandInSession['check']): void {
    this.check = handler;
  }
  setDevicePermissionHandler(handler: StandInSession['device']): void {
    this.device = handler;
  }
}

/** One Electron. `parts` is what the product is handed; the rest is for the test to look at and push. */
export class ElectronStandIn {
  readonly app = new StandInApp(this);
  readonly ipcMain = new EventEmitter();
  readonly session = new StandInSession();
  readonly schemes = new Map<string, (request: Request) => Response | Promise<Response>>();
  readonly privileged: string[] = [];
  readonly windows: StandInWindow[] = [];
  readonly trays: StandInTray[] = [];
  readonly opened: string[] = [];
  readonly errors: string[] = [];
  displays: Rectangle[] = [{ x: 0, y: 0, width: 1920, height: 1080 }];
  menu: MenuItemConstructorOptions[] = [];
  /** A desktop without a place for tray icons. */
  refusesTray = false;

  readonly parts: ElectronParts = makeParts(this);
}

function makeParts(electron: ElectronStandIn): ElectronParts {
  const protocol: Pick<Protocol, 'registerSchemesAsPrivileged' | 'handle'> = {
    registerSchemesAsPrivileged: (schemes) => {
      if (electron.app.isReady()) throw new Error('too late to register schemes');
      electron.privileged.push(...schemes.map(({ scheme }) => scheme));
    },
    handle: (scheme, serve) => void electron.schemes.set(scheme, serve),
  };
  const screen = { getAllDisplays: () => electron.displays.map((workArea) => ({ workArea })) };
  const shell: Pick<Shell, 'openExternal'> = {
    openExternal: async (address) => void electron.opened.push(address),
  };
  const dialog: Pick<Dialog, 'showErrorBox'> = {
    showErrorBox: (_title, text) => void electron.errors.push(text),
  };
  const parts = {
    app: electron.app,
    ipcMain: electron.ipcMain,
    protocol,
    session: { defaultSession: electron.session },
    screen: screen as unknown as Screen,
    shell,
    dialog,
    nativeTheme: { shouldUseDarkColors: true } as NativeTheme,
    Menu: {
      buildFromTemplate: (template: MenuItemConstructorOptions[]) => ({ template }),
      setApplicationMenu: ({ template }: { template: MenuItemConstructorOptions[] }) => {
        electron.menu = template;
      },
    },
    BrowserWindow: class extends StandInWindow {
      constructor(options: BrowserWindowConstructorOptions) {
        super(electron, options);
      }
    },
    Tray: class extends StandInTray {
      constructor() {
        super();
        if (electron.refusesTray) throw new Error('no tray here');
        electron.trays.push(this);
      }
    },
  };
  return parts as unknown as ElectronParts;
}
