/** The window's entry: connects to the shell, then draws. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { errorMessage } from '../../shared/errors.ts';
import { App } from './App.tsx';
import { connectShell } from './connect-shell.ts';
import './theme.css';
import './layout.css';
import './pages.css';
import '@xterm/xterm/css/xterm.css';
import '../terminal/terminal.css';
import '../files/files.css';

const element = document.getElementById('root');
if (!element) throw new Error('no root element');
const root = createRoot(element);

try {
  const shell = await connectShell();
  const [info, hosts, settings] = await Promise.all([
    shell.call('app.info', {}),
    shell.call('hosts.list', {}),
    shell.call('settings.read', {}),
  ]);
  root.render(
    <StrictMode>
      <App shell={shell} info={info} initialHosts={hosts} initialSettings={settings} />
    </StrictMode>,
  );
} catch (error) {
  root.render(
    <main className="fatal">
      <h1>Windlass cannot reach its shell</h1>
      <p>{errorMessage(error)}</p>
      <p>Start it again and open the address it prints.</p>
    </main>,
  );
}
