import { useApp } from '../app/context.tsx';
import { Facts } from '../ui/Facts.tsx';
import { EngineFacts } from './EngineFacts.tsx';

const THEMES = ['system', 'light', 'dark'] as const;
const LEAST_FONT = 8;
const LARGEST_FONT = 32;

/** What a person can choose about the window; each choice holds at once. */
export function SettingsPage() {
  const { settings, changeSettings, info } = useApp();
  return (
    <>
      <header className="bar">
        <h1>Settings</h1>
      </header>
      <div className="page settings">
        <section>
          <h2>Look</h2>
          <div className="segments" role="group" aria-label="Theme">
            {THEMES.map((theme) => (
              <button
                key={theme}
                type="button"
                aria-pressed={settings.theme === theme}
                onClick={() => changeSettings({ theme })}
              >
                {theme}
              </button>
            ))}
          </div>
        </section>
        <section>
          <h2>Terminal</h2>
          <label className="check">
            Font size
            <input
              type="number"
              min={LEAST_FONT}
              max={LARGEST_FONT}
              value={settings.terminalFontSize}
              onChange={({ target }) => {
                const terminalFontSize = target.valueAsNumber;
                if (terminalFontSize >= LEAST_FONT && terminalFontSize <= LARGEST_FONT)
                  changeSettings({ terminalFontSize });
              }}
            />
          </label>
          <label className="check">
            <input
              type="checkbox"
              checked={settings.terminalTheme === 'dark'}
              onChange={(event) =>
                changeSettings({ terminalTheme: event.target.checked ? 'dark' : 'app' })
              }
            />
            Always dark, whatever the theme of the window
          </label>
        </section>
        {info.shell === 'electron' && (
          <section>
            <h2>When the window is closed</h2>
            <label className="check">
              <input
                type="checkbox"
                checked={settings.keepRunningInTray}
                onChange={(event) => changeSettings({ keepRunningInTray: event.target.checked })}
              />
              Stay in the tray. Containers go on either way.
            </label>
          </section>
        )}
        <section>
          <h2>The engine</h2>
          <EngineFacts />
        </section>
        <section>
          <h2>Privacy</h2>
          <p>
            Windlass sends nothing about you or your containers to anyone. It speaks to registries
            you pull from and to hosts you add, and to nobody else.
          </p>
        </section>
        <section>
          <h2>About</h2>
          <Facts
            rows={[
              ['Windlass', info.version],
              ['Window', info.shell === 'electron' ? 'Electron' : 'browser'],
              ['Platform', info.platform],
            ]}
          />
        </section>
      </div>
    </>
  );
}
