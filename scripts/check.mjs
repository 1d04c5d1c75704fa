/** Types, lint, format, arrows (tested on a fixture that breaks them), unused code. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
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

const arrowConfig = join(root, '.dependency-cruiser.cjs');

/** What dependency-cruiser says of the rooms under a directory. */
function cruise(cwd, rooms) {
  const args = [...rooms, '--config', arrowConfig, '--output-type', 'json'];
  const { stdout } = spawnSync(bin('depcruise'), args, { cwd, env, maxBuffer: 256 * 1024 * 1024 });
  return JSON.parse(stdout.toString()).summary;
}

function report(isGood, text) {
  process.stdout.write(`${isGood ? 'ok  ' : 'FAIL'} ${text}\n`);
  if (!isGood) process.exit(1);
}

/** Every rule must bite where it is broken on purpose, none in the product, which must have been read. */
function checkArrows() {
  const fixture = cruise(join(root, 'test/fixtures/lint'), ['shared', 'src-main', 'src-renderer']);
  const bitten = new Set(fixture.violations.map((violation) => violation.rule.name));
  const { forbidden } = createRequire(import.meta.url)(arrowConfig);
  const asleep = forbidden.map(({ name }) => name).filter((name) => !bitten.has(name));
  report(asleep.length === 0, `arrow rules bite${asleep.map((name) => `, not: ${name}`).join('')}`);
  const product = cruise(root, ['shared', 'src-main', 'src-renderer']);
  for (const { from, to, rule } of product.violations)
    process.stdout.write(`${rule.name}: ${from} → ${to}\n`);
  const isRead = product.totalCruised > 100;
  report(isRead && product.violations.length === 0, `arrows (${product.totalCruised} modules)`);
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
