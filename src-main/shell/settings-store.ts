/** The window's settings in the user's configuration directory (XDG). A broken file is set aside, never lost. */
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Settings, settingsSchema } from '../../shared/shell/contract.ts';

export class SettingsStore {
  readonly #path: string;
  #settings: Settings;

  constructor(
    path = join(
      process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'),
      'windlass/settings.json',
    ),
  ) {
    this.#path = path;
    this.#settings = this.#load();
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

  read(): Settings {
    return this.#settings;
  }

  async write(change: Partial<Settings>): Promise<Settings> {
    this.#settings = settingsSchema.parse({ ...this.#settings, ...change });
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    const temporary = `${this.#path}.tmp`;
    await writeFile(temporary, JSON.stringify(this.#settings, null, 2), {
      mode: 0o600,
      flush: true,
    });
    await rename(temporary, this.#path);
    return this.#settings;
  }
}
