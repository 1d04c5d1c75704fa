import { ArrowLeft } from 'lucide-react';
import { Tabs } from 'radix-ui';
import { useState } from 'react';
import { Link, useLocation, useSearchParams } from 'wouter';
import { useApp, useLive } from '../app/context.tsx';
import { FileBrowser } from '../files/FileBrowser.tsx';
import { ContainerTerminals } from '../terminal/ContainerTerminals.tsx';
import { Confirm } from '../ui/Confirm.tsx';
import { ChangesTab } from './ChangesTab.tsx';
import { ContainerMenu } from './ContainerMenu.tsx';
import { act, canDo, nameOf, type Verb } from './container-actions.ts';
import { InspectTab } from './InspectTab.tsx';
import { LaunchTab } from './LaunchTab.tsx';
import { LogsTab } from './LogsTab.tsx';
import { PortLinks } from './PortLinks.tsx';
import { ProcessesTab } from './ProcessesTab.tsx';
import { StatsTab } from './StatsTab.tsx';

const TABS = [
  'logs',
  'terminal',
  'files',
  'stats',
  'processes',
  'changes',
  'inspect',
  'launch',
] as const;
const VERBS: readonly Verb[] = ['start', 'stop', 'restart', 'pause', 'unpause', 'kill', 'remove'];

export function ContainerDetail({ id }: { readonly id: string }) {
  const { engine } = useApp();
  const container = useLive((state) => state.containers?.find((one) => one.Id === id));
  const isLoaded = useLive((state) => state.containers !== undefined);
  const [, navigate] = useLocation();
  const [asked] = useSearchParams();
  const [asksRemoval, setAsksRemoval] = useState(false);
  if (!container)
    return (
      <div className="empty">
        <h2>{isLoaded ? 'This container is gone' : 'Loading…'}</h2>
        {isLoaded && <Link href="/">Back to the containers</Link>}
      </div>
    );
  const run = (verb: Verb): void => {
    if (verb === 'remove') setAsksRemoval(true);
    else void act(engine, verb, [container]);
  };
  return (
    <>
      <header className="bar one-line">
        <Link href="/" className="icon" aria-label="Back to the containers">
          <ArrowLeft size={18} aria-hidden />
        </Link>
        <div className="two-lines">
          <h1>{nameOf(container)}</h1>
          <span className="muted">
            <span className={`dot dot-${container.State}`} aria-hidden /> {container.Status} ·{' '}
            {container.Image} · <code>{id.slice(0, 12)}</code> ·{' '}
            <PortLinks ports={container.Ports ?? []} />
          </span>
        </div>
        <div className="spacer" />
        {VERBS.filter((verb) => canDo(verb, container)).map((verb) => (
          <button
            key={verb}
            type="button"
            className={verb === 'remove' ? 'danger' : ''}
            onClick={() => run(verb)}
          >
            {verb}
          </button>
        ))}
        <ContainerMenu container={container} />
      </header>
      <Tabs.Root
        // Asked for anew, it is another page.
        key={asked.get('tab')}
        defaultValue={asked.get('tab') ?? 'logs'}
        className="tabs"
      >
        <Tabs.List aria-label="Container">
          {TABS.map((tab) => (
            <Tabs.Trigger key={tab} value={tab}>
              {tab}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <Tabs.Content value="logs">
          <LogsTab
            name={nameOf(container)}
            sources={[{ id, name: nameOf(container), state: container.State ?? '' }]}
          />
        </Tabs.Content>
        <Tabs.Content value="terminal">
          <ContainerTerminals container={container} />
        </Tabs.Content>
        <Tabs.Content value="files">
          <FileBrowser id={id} />
        </Tabs.Content>
        <Tabs.Content value="stats">
          <StatsTab id={id} state={container.State ?? ''} />
        </Tabs.Content>
        <Tabs.Content value="processes">
          <ProcessesTab id={id} state={container.State ?? ''} />
        </Tabs.Content>
        <Tabs.Content value="changes">
          <ChangesTab id={id} state={container.State ?? ''} />
        </Tabs.Content>
        <Tabs.Content value="inspect">
          <InspectTab id={id} state={container.State ?? ''} />
        </Tabs.Content>
        <Tabs.Content value="launch">
          <LaunchTab id={id} state={container.State ?? ''} />
        </Tabs.Content>
      </Tabs.Root>
      {asksRemoval && (
        <Confirm
          title={`Remove ${nameOf(container)}?`}
          action="Remove"
          onConfirm={() => void act(engine, 'remove', [container]).then(() => navigate('/'))}
          onClose={() => setAsksRemoval(false)}
        >
          <p>Its own files and anonymous volumes are deleted; named volumes stay.</p>
        </Confirm>
      )}
    </>
  );
}
