import { Boxes, Container, Layers, Moon, Sun, SunMoon } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';
import { errorMessage } from '../../shared/errors.ts';
import type { HostRow, Settings, ShellClient } from '../../shared/shell/contract.ts';
import { Activity } from '../activity/Activity.tsx';
import { ContainerDetail } from '../containers/ContainerDetail.tsx';
import { ContainerList } from '../containers/ContainerList.tsx';
import { CreateWizard } from '../containers/CreateWizard.tsx';
import { EngineClient } from '../engine/engine-client.ts';
import { createLiveStore } from '../engine/live-store.ts';
import { ImageList } from '../images/ImageList.tsx';
import { PullPanel } from '../images/PullPanel.tsx';
import { Toasts } from '../ui/Toasts.tsx';
import { showToast } from '../ui/toasts.ts';
import { AppProvider, useLive } from './context.tsx';

const SECTIONS = [
  { path: '/', label: 'Containers', icon: Container },
  { path: '/images', label: 'Images', icon: Layers },
  { path: '/activity', label: 'Activity', icon: Boxes },
] as const;

const THEMES = ['system', 'light', 'dark'] as const;
const THEME_ICON = { system: SunMoon, light: Sun, dark: Moon } as const;

interface AppProps {
  readonly shell: ShellClient;
  readonly hosts: readonly HostRow[];
  readonly initialSettings: Settings;
}

export function App({ shell, hosts, initialSettings }: AppProps) {
  const [settings, setSettings] = useState(initialSettings);
  const host = hosts[0];
  const engine = useMemo(() => new EngineClient(shell, host?.id ?? 'embedded'), [shell, host]);
  const [live, setLive] = useState<ReturnType<typeof createLiveStore>>();
  useEffect(() => {
    const store = createLiveStore(engine);
    setLive(store);
    return store.close;
  }, [engine]);
  useEffect(() => {
    document.documentElement.dataset['theme'] = settings.theme;
  }, [settings.theme]);
  const changeSettings = (change: Partial<Settings>): void => {
    setSettings({ ...settings, ...change });
    shell
      .call('settings.write', change)
      .catch((error: unknown) =>
        showToast('error', `Settings were not saved: ${errorMessage(error)}`),
      );
  };
  if (!live) return null;
  return (
    <AppProvider value={{ shell, engine, live, settings, changeSettings }}>
      <div className="app">
        <Sidebar
          host={host}
          theme={settings.theme}
          onTheme={(theme) => changeSettings({ theme })}
        />
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
            <Route path="/images">
              <ImageList />
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
  readonly host: HostRow | undefined;
  readonly theme: Settings['theme'];
  readonly onTheme: (theme: Settings['theme']) => void;
}

function Sidebar({ host, theme, onTheme }: SidebarProps) {
  const [location] = useLocation();
  const ThemeIcon = THEME_ICON[theme];
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system';
  const isHere = (path: string): boolean =>
    path === '/'
      ? location === '/' || /^\/(containers|create)/.test(location)
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
      <div className="host" title={host?.dockerHost}>
        <span className="dot dot-running" aria-hidden /> {host?.name ?? 'no host'}
        <code>{host?.dockerHost}</code>
      </div>
      <button type="button" className="nav" onClick={() => onTheme(next)}>
        <ThemeIcon size={17} aria-hidden /> Theme: {theme}
      </button>
    </nav>
  );
}
