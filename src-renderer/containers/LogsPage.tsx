import { ArrowLeft } from 'lucide-react';
import { useMemo } from 'react';
import { Link, useSearchParams } from 'wouter';
import { useLive } from '../app/context.tsx';
import { nameOf, projectOf } from './container-actions.ts';
import { LogsTab } from './LogsTab.tsx';

/** Logs of several containers in one: those of a Compose project, as they come and go, or chosen ones. */
export function LogsPage() {
  const [asked] = useSearchParams();
  const project = asked.get('project');
  const ids = asked.get('ids') ?? '';
  const containers = useLive((state) => state.containers);
  const sources = useMemo(
    () =>
      (containers ?? [])
        .filter((one) =>
          project === null ? ids.split(',').includes(one.Id ?? '') : projectOf(one) === project,
        )
        .map((one) => ({ id: one.Id ?? '', name: nameOf(one), state: one.State ?? '' }))
        .toSorted((a, b) => a.name.localeCompare(b.name)),
    [containers, project, ids],
  );
  return (
    <>
      <header className="bar one-line">
        <Link href="/" className="icon" aria-label="Back to the containers">
          <ArrowLeft size={18} aria-hidden />
        </Link>
        <h1>Logs of {project ?? `${sources.length} containers`}</h1>
      </header>
      {sources.length > 0 ? (
        <LogsTab name={project ?? 'containers'} sources={sources} />
      ) : (
        <p className="empty">{containers ? 'None of these containers is there.' : 'Loading…'}</p>
      )}
    </>
  );
}
