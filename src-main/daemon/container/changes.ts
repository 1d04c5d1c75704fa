/** What a container changed in its file system (moby daemon/changes.go). */
import type { Container } from './container.ts';
import type { ContainerContext } from './container-context.ts';

/** Rows as the API has them; null for none. */
export async function changes(
  context: ContainerContext,
  container: Container,
): Promise<readonly { Path: string; Kind: 0 | 1 | 2 }[] | null> {
  const found = (await context.layers.getReadWrite(container.id)?.changes()) ?? [];
  if (found.length === 0) return null;
  return found.map(({ path, kind }) => ({ Path: path, Kind: kind }));
}
