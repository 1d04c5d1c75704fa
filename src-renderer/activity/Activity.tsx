import { useLive } from '../app/context.tsx';

/** What happened on the host, newest first. */
export function Activity() {
  const events = useLive((state) => state.events);
  return (
    <>
      <header className="bar">
        <h1>Activity</h1>
        <span className="muted">events of this host since the window opened</span>
      </header>
      {events.length === 0 ? (
        <p className="empty">Nothing has happened yet. Start a container and it shows here.</p>
      ) : (
        <ol className="events" aria-label="Events">
          {events.map((event) => (
            <li key={`${event.timeNano}${event.Action}`}>
              <time className="muted">
                {new Date((event.time ?? 0) * 1000).toLocaleTimeString()}
              </time>
              <span className="tag">{event.Type}</span>
              <b>{event.Action}</b>
              <span className="clip">{event.Actor?.Attributes?.['name'] ?? event.Actor?.ID}</span>
            </li>
          ))}
        </ol>
      )}
    </>
  );
}
