/** What a log line carries beside its text: labels, variables and a tag the options name (moby daemon/logger/loginfo.go, log_tag.go). */
import { errorMessage, invalidArgument } from '../../../shared/errors.ts';
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
  Command: ({ command }) => command.join(' '),
  DaemonName: () => 'docker',
};

/** RE2's words for what the engine here says of a broken expression. */
const EXPRESSION_ERRORS: readonly (readonly [RegExp, (text: string) => string])[] = [
  [/Unterminated group/, (text) => `missing closing ): \`${text}\``],
  [/Unmatched '\)'/, (text) => `unexpected ): \`${text}\``],
  [
    /Unterminated character class/,
    (text) => `missing closing ]: \`${text.slice(text.lastIndexOf('['))}\``,
  ],
  [/Nothing to repeat/, (text) => `missing argument to repetition operator: \`${text[0]}\``],
];

function pattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    const reason = errorMessage(error);
    const words = EXPRESSION_ERRORS.find(([known]) => known.test(reason))?.[1](text) ?? text;
    throw invalidArgument(`error parsing regexp: ${words}`, { cause: error });
  }
}

function tagOf(context: LogContext): string {
  const template = context.options['tag'] ?? '';
  const filled = template.replace(
    /\{\{\s*(.*?)\s*\}\}/g,
    (action: string, expression: string, at: number) => {
      const field = TAG_FIELDS[expression.slice(1)];
      if (expression.startsWith('.') && field) return field(context);
      throw invalidArgument(
        /^\.\w+$/.test(expression)
          ? `template: log-tag:1:${at + action.indexOf('.')}: executing "log-tag" at <${expression}>: can't evaluate field ${expression.slice(1)} in type *logger.Info`
          : `template: log-tag:1: function "${expression.split(/\s/)[0]}" not defined`,
      );
    },
  );
  if (template.replace(/\{\{.*?\}\}/g, '').includes('{{'))
    throw invalidArgument('template: log-tag:1: unclosed action');
  return filled;
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
