/** What is wrong with a plan, field by field, as it is typed. */
import { hostPortsOf, portProblem } from './ports.ts';
import { RUN_OPTIONS } from './run-options.ts';
import type { RunPlan } from './run-plan.ts';
import { splitWords } from './words.ts';

interface Taken {
  readonly names: ReadonlySet<string>;
  /** `tcp/8080` → who has it. */
  readonly hostPorts: ReadonlyMap<string, string>;
  readonly networks: ReadonlySet<string>;
}

/** Field (`image`, `memory`, `publish.0`) → what is wrong. */
export type PlanProblems = Readonly<Record<string, string>>;

const LEAST_MEMORY_MB = 6;

function volumeProblem(word: string): string | undefined {
  const parts = word.split(':');
  const target = parts.length > 1 ? parts[1] : parts[0];
  if (parts.length > 1 && parts[0] === '') return 'A host directory (/…) or a volume name.';
  return target?.startsWith('/') && target !== '/'
    ? undefined
    : 'The path in the container begins with / and is not / itself.';
}

export function findProblems(plan: RunPlan, taken: Taken): PlanProblems {
  const problems: Record<string, string> = {};
  const { image, name, options } = plan;
  if (image.trim() === '') problems['image'] = 'Choose an image.';
  else if (
    !/^[a-z0-9][a-z0-9._/:@-]*$/.test(image.replace(/:[\w.-]+$/, (tag) => tag.toLowerCase()))
  )
    problems['image'] = 'An image name is lower-case letters, digits and . _ - / :';
  if (name !== '' && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name))
    problems['name'] = 'Two or more letters, digits, _ . or -, beginning with a letter or digit.';
  else if (taken.names.has(name)) problems['name'] = 'Another container has this name.';
  if (splitWords(plan.command) === undefined) problems['command'] = 'A quote is not closed.';

  for (const { name: option, codec, kind } of RUN_OPTIONS) {
    (options[option] ?? []).forEach((word, index) => {
      const problem =
        kind === 'ports'
          ? portProblem(word)
          : kind === 'volumes'
            ? volumeProblem(word)
            : word === '' && kind === 'list'
              ? 'Fill in, or remove the row.'
              : codec.check?.(word);
      const isRow = kind !== 'text' && kind !== 'choice';
      if (problem) problems[isRow ? `${option}.${index}` : option] = problem;
    });
  }
  const seen = new Set<string>();
  (options['publish'] ?? []).forEach((word, index) => {
    for (const port of hostPortsOf(word)) {
      const holder = taken.hostPorts.get(port);
      if (holder !== undefined) problems[`publish.${index}`] ??= `${holder} uses this host port.`;
      else if (seen.has(port)) problems[`publish.${index}`] ??= 'This host port is used twice.';
      seen.add(port);
    }
  });
  (options['network'] ?? []).forEach((network, index) => {
    if (!taken.networks.has(network) && !/^(default|none|host|bridge|container:.+)$/.test(network))
      problems[`network.${index}`] = 'There is no such network here.';
  });
  const memory = options['memory']?.at(-1);
  if (memory && !problems['memory'] && !isEnough(memory))
    problems['memory'] = `At least ${LEAST_MEMORY_MB} MB.`;
  if (options['rm']?.at(-1) === 'true' && options['restart']?.at(-1))
    problems['restart'] = 'A container that is removed when it ends cannot be restarted.';
  return problems;
}

function isEnough(memory: string): boolean {
  const option = RUN_OPTIONS.find(({ name }) => name === 'memory');
  return Number(option?.codec.write([memory])) >= LEAST_MEMORY_MB * 1024 * 1024;
}
