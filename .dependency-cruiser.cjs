/** The arrows of the house (ARCHITECTURE.md). `npm run check` also runs this file on test/fixtures/lint, where every rule is broken on purpose. */
const { join } = require('node:path');

const rooms = 'src-main/(?!main\\.ts|windlassd\\.ts|headless\\.ts)';
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '\\?(url|raw|inline)$' } },
    { name: 'shared-is-pure', severity: 'error', from: { path: '^shared/', pathNot: '\\.test\\.ts$' }, to: { pathNot: '^(shared/|node_modules/zod/)' } },
    { name: 'renderer-imports-only-shared', severity: 'error', from: { path: '^src-renderer/' }, to: { path: '^(src-main|test|scripts)/' } },
    { name: 'renderer-has-no-node', severity: 'error', from: { path: '^src-renderer/', pathNot: '(\\.test\\.tsx?|vite\\.config\\.ts)$' }, to: { dependencyTypes: ['core'] } },
    { name: 'main-does-not-import-renderer', severity: 'error', from: { path: '^src-main/' }, to: { path: '^src-renderer/' } },
    { name: 'daemon-stands-alone', severity: 'error', from: { path: '^src-main/daemon/' }, to: { path: '^src-main/(shell|hosts|main\\.ts|(windlassd|headless)\\.ts)' } },
    { name: 'daemon-only-from-entries', severity: 'error', from: { path: `^${rooms}`, pathNot: '^src-main/daemon/' }, to: { path: '^src-main/daemon/' } },
    { name: 'hosts-do-not-import-shell', severity: 'error', from: { path: '^src-main/hosts/' }, to: { path: '^src-main/shell/' } },
    { name: 'electron-only-in-its-room', severity: 'error', from: { path: '^(shared|src-main|src-renderer)/', pathNot: '^src-main/(shell/electron/|main\\.ts)' }, to: { path: '(^electron$|(^|/)node_modules/electron/)' } },
    { name: 'koffi-only-in-platform', severity: 'error', from: { path: '^src-main/', pathNot: '^src-main/daemon/platform/' }, to: { path: '(^|/)node_modules/koffi/' } },
    { name: 'stores-below-services', severity: 'error', from: { path: '^src-main/daemon/(archive|layer|graphdriver|runtime|network|log|event|platform|plugin)/' }, to: { path: '^src-main/daemon/(api|container|image|volume|distribution|config)/|^src-main/daemon/daemon\\.ts' } },
    { name: 'services-below-api', severity: 'error', from: { path: '^src-main/daemon/(container|image|volume|distribution|config)/' }, to: { path: '^src-main/daemon/(api/|daemon\\.ts)' } },
    { name: 'platform-is-ground', severity: 'error', from: { path: '^src-main/daemon/platform/', pathNot: '\\.test\\.ts$' }, to: { path: '^src-main/daemon/(?!platform/)' } },
    { name: 'no-test-in-product', severity: 'error', from: { path: '^(shared|src-main|src-renderer)/', pathNot: '\\.test\\.tsx?$' }, to: { path: '(^test/|\\.test\\.tsx?$)' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: join(__dirname, 'tsconfig.base.json') },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.js', '.mjs', '.cjs', '.json'], exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
};
