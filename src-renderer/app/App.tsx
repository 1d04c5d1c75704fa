import { Command, Moon, Sun, SunMoon } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';
import { errorMessage } from '../../shared/errors.ts';
import type { AppInfo, HostRow, Settings, ShellClient } from '../../shared/shell/contract.ts';
import { Activity } from '../activity/Activity.tsx';
import { ContainerDetail } from '../containers/ContainerDetail.tsx';
import { ContainerList } from '../containers/ContainerList.tsx';
import { LogsPage } from '../containers/LogsPage.tsx';
import { CreateWizard } from '../create/CreateWizard.tsx';
import { DiskUse } from '../disk/DiskUse.tsx';
import { EngineClient } from '../engine/engine-client.ts';
import { createLiveStore } from '../engine/live-store.ts';
import { HostList } from '../hosts/HostList.tsx';
import { HostQuestions } from '../hosts/HostQuestions.tsx';
import { HostShell } from '../hosts/HostShell.tsx';
import { HostSwitch } from '../hosts/HostSwitch.tsx';
import { followHosts, useHosts } from '../hosts/hosts-store.ts';
import { ImageDetail } from '../images/ImageDetail.tsx';
import { ImageList } from '../images/ImageList.tsx';
import { PullPanel } from '../images/PullPanel.tsx';
import { NetworkDetail } from '../networks/NetworkDetail.tsx';
import { NetworkList } from '../networks/NetworkList.tsx';
import { RegistriesPage } from '../registries/RegistriesPage.tsx';
import { SettingsPage } from '../settings/SettingsPage.tsx';
import { TerminalsPage } from '../terminal/TerminalsPage.tsx';
import { lookOf } from '../terminal/terminal-look.ts';
import { followTerminals, setTerminalLook } from '../terminal/terminals-store.ts';
import { TroubleshootingPage } from '../troubleshooting/TroubleshootingPage.tsx';
import { Toasts } from '../ui/Toasts.tsx';
import { showToast } from '../ui/toasts.ts';
import { VolumeDetail } from '../volumes/VolumeDetail.tsx';
import { VolumeList } from '../volumes/VolumeList.tsx';
import { CommandPalette } from './CommandPalette.tsx';
import { AppProvider, useLive } from './context.tsx';
import { palette } from './palette-store.ts';
import { SECTIONS } from './sections.ts';

const THEMES = ['system', 'light', 'dark'] as const;
const THEME_ICON = { system: SunMoon, light: Sun, dark: Moon } as const;

/** Which host was shown last; a convenience of this browser, nothing more. */
const LAST_HOST = 'windlass.host';

interface AppProps {
  readonly shell: ShellClient;
  readonly info: AppInfo;
  readonly initialHosts: readonly HostRow[];
  readonly initialSettings: Settings;
}

export function App({ shell, info, initialHosts, initialSettings }: AppProps) {
  const [settings, setSettings] = useState(initialSettings);
  const [hostId, setHostId] = useState(localStorage.getItem(LAST_HOST) ?? '');
  useEffect(() => {
    const stop = new AbortController();
    followHosts(shell, initialHosts, stop.signal);
    void followTerminals(shell, stop.signal);
    return () => stop.abort();
  }, [shell, initialHosts]);
  const hosts = useHosts((state) => state.hosts);
  const host = hosts.find(({ id }) => id === hostId) ?? hosts[0];
  const chooseHost = (id: string): void => {
    localStorage.setItem(LAST_HOST, id);
    setHostId(id);
  };
  const engineHost = host?.id;
  const engine = useMemo(
    () => engineHost && new EngineClient(shell, engineHost),
    [shell, engineHost],
  );
  const [live, setLive] = useState<ReturnType<typeof createLiveStore>>();
  useEffect(() => {
    if (!engine) return undefined;
    const store = createLiveStore(engine);
    setLive(store);
    return () => {
      store.close();
      setLive(undefined);
    };
  }, [engine]);
  useEffect(() => {
    document.documentElement.dataset['theme'] = settings.theme;
    const system = matchMedia('(prefers-color-scheme: dark)');
    const show = (): void => setTerminalLook(lookOf(settings));
    show();
    system.addEventListener('change', show);
    return () => system.removeEventListener('change', show);
  }, [settings]);
  const changeSettings = (change: Partial<Settings>): void => {
    setSettings({ ...settings, ...change });
    shell
      .call('settings.write', change)
      .catch((error: unknown) =>
        showToast('error', `Settings were not saved: ${errorMessage(error)}`),
      );
  };
  if (!live || !engine) return null;
  const context = { shell, info, engine, live, host, chooseHost, settings, changeSettings };
  return (
    <AppProvider value={context}>
      <div className="app">
        <Sidebar theme={settings.theme} onTheme={(theme) => changeSettings({ theme })} />
        <main className="content">
          <Problem />
          <Switch>
            <Route path="/">
              <ContainerList />
            </Route>
            <Route path="/create">
              <CreateWizard />
            </Route>
            <Route path="/containers/:id">{({ id }) => <ContainerDetail key={id} id={id} />}</Route>
            <Route path="/logs">
              <LogsPage />
            </Route>
            <Route path="/images">
              <ImageList />
            </Route>
            <Route path="/images/:id">{({ id }) => <ImageDetail key={id} id={id} />}</Route>
            <Route path="/volumes">
              <VolumeList />
            </Route>
            <Route path="/volumes/:name">
              {({ name }) => <VolumeDetail key={name} name={decodeURIComponent(name)} />}
            </Route>
            <Route path="/networks">
              <NetworkList />
            </Route>
            <Route path="/networks/:id">{({ id }) => <NetworkDetail key={id} id={id} />}</Route>
            <Route path="/terminals">
              <TerminalsPage />
            </Route>
            <Route path="/disk">
              <DiskUse />
            </Route>
            <Route path="/hosts">
              <HostList />
            </Route>
            <Route path="/hosts/:id/shell">{({ id }) => <HostShell key={id} id={id} />}</Route>
            <Route path="/registries">
              <RegistriesPage />
            </Route>
            <Route path="/troubleshooting">
              <TroubleshootingPage />
            </Route>
            <Route path="/settings">
              <SettingsPage />
            </Route>
            <Route path="/activity">
              <Activity />
            </Route>
            <Route>
              <p className="empty">There is nothing at this address.</p>
            </Route>
          </Switch>
        </main>
        <PullPanel />
        <Toasts />
        <HostQuestions />
        <CommandPalette />
      </div>
    </AppProvider>
  );
}

function Problem() {
  const problem = useLive((state) => state.problem);
  if (problem === undefined) return null;
  return (
    <div className="banner" role="alert">
      The engine does not answer; trying again. <span className="muted">{problem}</span>
    </div>
  );
}

interface SidebarProps {
  readonly theme: Settings['theme'];
  readonly onTheme: (theme: Settings['theme']) => void;
}

function Sidebar({ theme, onTheme }: SidebarProps) {
  const [location] = useLocation();
  const ThemeIcon = THEME_ICON[theme];
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system';
  const isHere = (path: string): boolean =>
    path === '/'
      ? location === '/' || /^\/(containers|create|logs)/.test(location)
      : location.startsWith(path);
  return (
    <nav className="sidebar" aria-label="Sections">
      <div className="brand">
        <img src={new URL('./icon.svg', import.meta.url).href} alt="" width="26" height="26" />
        <span>Windlass</span>
      </div>
      {SECTIONS.map(({ path, label, icon: Icon }) => (
        <Link
          key={path}
          href={path}
          className="nav"
          aria-current={isHere(path) ? 'page' : undefined}
        >
          <Icon size={17} aria-hidden /> {label}
        </Link>
      ))}
      <div className="spacer" />
      <HostSwitch />
      <button type="button" className="nav" onClick={() => palette.setState({ isOpen: true })}>
        <Command size={17} aria-hidden /> Commands <kbd>Ctrl K</kbd>
      </button>
      <button type="button" className="nav" onClick={() => onTheme(next)}>
        <ThemeIcon size={17} aria-hidden /> Theme: {theme}
      </button>
    </nav>
  );
}
