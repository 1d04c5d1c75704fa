/** What a log line carries beside its text: labels, variables and a tag the options name (moby daemon/logger/loginfo.go, log_tag.go). */
import { invalidArgument } from '../../../shared/errors.ts';
import type { LogContext } from './log-driver.ts';

/** What a tag's `{{.Name}}` may be. */
const TAG_FIELDS: Readonly<Record<string, (context: LogContext) => string>> = {
  ID: ({ containerId }) => containerId.slice(0, 12),
  FullID: ({ containerId }) => containerId,
  ContainerID: ({ containerId }) => containerId,
  Name: ({ containerName }) => containerName,
  ContainerName: ({ containerName }) => `/${containerName}`,
  ImageName: ({ imageName }) => imageName,
  ContainerImageName: ({ imageName }) => imageName,
  ImageID: ({ imageId }) => imageId.slice(0, 12),
  ImageFullID: ({ imageId }) => imageId,
  ContainerImageID: ({ imageId }) => imageId,
  DaemonName: () => 'docker',
};

function pattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw invalidArgument(`error parsing regexp: ${text}`, { cause: error });
  }
}

function tagOf(context: LogContext): string {
  const template = context.options['tag'] ?? '';
  return template.replace(/\{\{\s*\.(\w+)\s*\}\}/g, (_, name: string) => {
    const field = TAG_FIELDS[name];
    if (!field)
      throw invalidArgument(
        `template: log-tag:1: can't evaluate field ${name} in type *logger.Info`,
      );
    return field(context);
  });
}

/** Those of `all` that the list or the expression of an option names. */
function chosen(
  all: Readonly<Record<string, string>>,
  names: string | undefined,
  expression: string | undefined,
): [string, string][] {
  const listed = new Set((names ?? '').split(',').filter(Boolean));
  const matches = expression ? pattern(expression) : undefined;
  return Object.entries(all).filter(([name]) => listed.has(name) || matches?.test(name));
}

/** Name → value, sorted by name as Go writes maps. Throws invalidArgument for a broken expression or tag. */
export function logAttributes(context: LogContext): Readonly<Record<string, string>> {
  const { options, labels, env } = context;
  const variables = Object.fromEntries(
    env
      .filter((entry) => entry.includes('='))
      .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
  const tag = tagOf(context);
  const found = new Map([
    ...chosen(labels, options['labels'], options['labels-regex']),
    ...chosen(variables, options['env'], options['env-regex']),
    ...(tag === '' ? [] : ([['tag', tag]] as const)),
  ]);
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}
