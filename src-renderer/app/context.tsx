/** What every screen works with: the shell, the chosen engine, its live state. */
import { createContext, useContext } from 'react';
import { useStore } from 'zustand';
import type { AppInfo, HostRow, Settings, ShellClient } from '../../shared/shell/contract.ts';
import type { EngineClient } from '../engine/engine-client.ts';
import type { LiveState, LiveStore } from '../engine/live-store.ts';

export interface AppContext {
  readonly shell: ShellClient;
  readonly info: AppInfo;
  readonly engine: EngineClient;
  /** The host the screens show, as it is now. */
  readonly host: HostRow | undefined;
  readonly chooseHost: (id: string) => void;
  readonly live: LiveStore;
  readonly settings: Settings;
  readonly changeSettings: (change: Partial<Settings>) => void;
}

const Context = createContext<AppContext | undefined>(undefined);
export const AppProvider = Context.Provider;

export function useApp(): AppContext {
  const context = useContext(Context);
  if (!context) throw new Error('outside the app');
  return context;
}

export function useLive<T>(select: (state: LiveState) => T): T {
  return useStore(useApp().live.store, select);
}
