/** Everything by its name: pages, containers and what can be done with them. Ctrl+K or Cmd+K. */
import { Command } from 'cmdk';
import { useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import { useStore } from 'zustand';
import { act, canDo, nameOf, type Verb } from '../containers/container-actions.ts';
import { startPull } from '../engine/pulls-store.ts';
import { useHosts } from '../hosts/hosts-store.ts';
import { useApp, useLive } from './context.tsx';
import { palette } from './palette-store.ts';
import { SECTIONS } from './sections.ts';
import { useShortcuts } from './use-shortcuts.ts';

const VERBS: readonly Verb[] = ['start', 'stop', 'restart', 'pause', 'unpause', 'kill'];
/** A reference somebody might want to pull: no spaces, and not a command. */
const REFERENCE = /^[a-z0-9][a-z0-9._/:@-]*$/i;

const setIsOpen = (isOpen: boolean): void => palette.setState({ isOpen });

export function CommandPalette() {
  const { engine, chooseHost, host, settings, changeSettings } = useApp();
  const { isOpen } = useStore(palette);
  const [search, setSearch] = useState('');
  const [, navigate] = useLocation();
  const containers = useLive((state) => state.containers);
  const hosts = useHosts((state) => state.hosts);
  useShortcuts();
  useEffect(() => {
    if (!isOpen) setSearch('');
  }, [isOpen]);
  const doing = (what: () => void) => () => {
    setIsOpen(false);
    what();
  };
  const theme = settings.theme === 'dark' ? 'light' : 'dark';
  return (
    <Command.Dialog
      open={isOpen}
      onOpenChange={setIsOpen}
      label="Commands"
      className="palette"
      overlayClassName="overlay"
      contentClassName="palette-frame"
    >
      <Command.Input
        placeholder="Go to, do, find…"
        aria-label="Command"
        value={search}
        onValueChange={setSearch}
      />
      <Command.List>
        <Command.Empty>Nothing of that name.</Command.Empty>
        <Command.Group heading="Go to">
          {SECTIONS.map(({ path, label, keys }) => (
            <Command.Item key={path} value={`go ${label}`} onSelect={doing(() => navigate(path))}>
              {label} <kbd>{keys}</kbd>
            </Command.Item>
          ))}
          <Command.Item
            value="create a container new run"
            onSelect={doing(() => navigate('/create'))}
          >
            Create a container <kbd>c</kbd>
          </Command.Item>
        </Command.Group>
        <Command.Group heading="Containers">
          {(containers ?? []).map((container) => (
            <Command.Item
              key={container.Id}
              value={`open ${nameOf(container)} ${container.Image}`}
              onSelect={doing(() => navigate(`/containers/${container.Id}`))}
            >
              {nameOf(container)} <span className="muted">{container.Status}</span>
            </Command.Item>
          ))}
          {search !== '' &&
            (containers ?? []).flatMap((container) =>
              VERBS.filter((verb) => canDo(verb, container)).map((verb) => (
                <Command.Item
                  key={`${verb}${container.Id}`}
                  value={`${verb} ${nameOf(container)}`}
                  onSelect={doing(() => void act(engine, verb, [container]))}
                >
                  <span className="verb">{verb}</span> {nameOf(container)}
                </Command.Item>
              )),
            )}
        </Command.Group>
        {hosts.length > 1 && (
          <Command.Group heading="Hosts">
            {hosts
              .filter(({ id }) => id !== host?.id)
              .map(({ id, name }) => (
                <Command.Item
                  key={id}
                  value={`host ${name}`}
                  onSelect={doing(() => chooseHost(id))}
                >
                  Show {name}
                </Command.Item>
              ))}
          </Command.Group>
        )}
        <Command.Group heading="Do">
          <Command.Item value={`theme ${theme}`} onSelect={doing(() => changeSettings({ theme }))}>
            Use the {theme} theme
          </Command.Item>
          {REFERENCE.test(search) && (
            <Command.Item
              forceMount
              value={`pull ${search}`}
              onSelect={doing(() => {
                // The panel shows how it goes and how it ends.
                startPull(engine, search).catch(() => undefined);
              })}
            >
              Pull {search}
            </Command.Item>
          )}
        </Command.Group>
      </Command.List>
    </Command.Dialog>
  );
}
