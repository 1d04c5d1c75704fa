/** The window's settings in the user's configuration directory (XDG). A broken file is set aside, never lost. */
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Settings, settingsSchema } from '../../shared/shell/contract.ts';
import { writeOwnFile } from '../hosts/write-file.ts';

/** `$XDG_CONFIG_HOME/windlass`, by default `~/.config/windlass`. */
export function configDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'windlass');
}

/** What can be made again. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'windlass');
}

/** A change of settings: what is named and defined. */
export type SettingsChange = { readonly [K in keyof Settings]?: Settings[K] | undefined };

export class SettingsStore {
  readonly #path: string;
  #settings: Settings;
  #written: Promise<void> = Promise.resolve();

  constructor(path = join(configDirectory(), 'settings.json')) {
    this.#path = path;
    this.#settings = this.#load();
  }

  read(): Settings {
    return this.#settings;
  }

  /** Resolves when the change is on disk; changes are written one after another. */
  async write(change: SettingsChange): Promise<Settings> {
    const named = Object.entries(change).filter(([, value]) => value !== undefined);
    const settings = settingsSchema.parse({ ...this.#settings, ...Object.fromEntries(named) });
    this.#settings = settings;
    const writing = this.#written.then(() =>
      writeOwnFile(this.#path, `${JSON.stringify(settings, null, 2)}\n`),
    );
    // The next write goes on; this one's caller learns of its failure.
    this.#written = writing.catch(() => undefined);
    await writing;
    return settings;
  }

  #load(): Settings {
    if (!existsSync(this.#path)) return settingsSchema.parse({});
    try {
      return settingsSchema.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
    } catch {
      renameSync(this.#path, `${this.#path}.broken`);
      return settingsSchema.parse({});
    }
  }
}
