/** Types, lint, format, arrows (tested on a fixture that breaks them), unused code. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pinnedNode, root } from './setup.mjs';

const env = { ...process.env, PATH: `${join(pinnedNode, '..')}:${process.env.PATH}` };
const bin = (name) => join(root, 'node_modules/.bin', name);

function step(name, command, args) {
  const started = Date.now();
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env });
  process.stdout.write(
    `${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`,
  );
  if (status !== 0) process.exit(1);
}

/** The arrow rules must bite: the fixture breaks one on purpose, and the product must have been read. */
function checkArrows() {
  const cruise = (paths) =>
    JSON.parse(
      spawnSync(
        bin('depcruise'),
        [...paths, '--config', '.dependency-cruiser.cjs', '--output-type', 'json'],
        {
          cwd: root,
          env,
          maxBuffer: 256 * 1024 * 1024,
        },
      ).stdout.toString(),
    ).summary;
  const fixture = cruise(['test/fixtures/lint/src-main']);
  const names = fixture.violations.map((violation) => violation.rule.name);
  if (!names.includes('fixture-must-fail')) {
    process.stdout.write('FAIL arrows: the deliberately wrong fixture was not noticed\n');
    process.exit(1);
  }
  const product = cruise(['shared', 'src-main', 'src-renderer']);
  for (const { from, to, rule } of product.violations)
    process.stdout.write(`${rule.name}: ${from} → ${to}\n`);
  const isRead = product.totalCruised > 100;
  const isClean = product.violations.length === 0;
  process.stdout.write(
    `${isRead && isClean ? 'ok  ' : 'FAIL'} arrows (${product.totalCruised} modules)\n`,
  );
  if (!isRead || !isClean) process.exit(1);
}

step('types', bin('tsc'), ['-b']);
step('types of tests', bin('tsc'), ['-p', 'test', '--noEmit']);
step('lint', bin('oxlint'), [
  '--type-aware',
  '--quiet',
  'shared',
  'src-main',
  'src-renderer',
  'test',
  'scripts',
]);
step('format', bin('biome'), ['check', '--error-on-warnings', '.']);
checkArrows();
step('unused code', bin('knip'), []);
