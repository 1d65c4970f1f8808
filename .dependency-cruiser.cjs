/** Who may import whom: the "Import rules" of ARCHITECTURE.md, checked with `npm run imports`. */

/** Inside a package: files of `from` may import, of the package's own files, only `to`. */
function only(name, comment, from, to) {
  const root = from.match(/^\^(\w+\/src)/)[1]

  return { name, comment, severity: 'error', from: { path: from }, to: { path: `^${root}/`, pathNot: to } }
}

function never(name, comment, from, to) {
  return { name, comment, severity: 'error', from, to }
}

const LIB = '^protocol/src/(lib/|params\\.ts$)'
const WIRE = '^protocol/src/wire/'
/** What consensus agrees by and others check afterwards: pure tables and checks, not the round machine. */
const SHARED_WITH_CONSENSUS = '^protocol/src/consensus/(certificate|proposer|validators|evidence)\\.ts$'
const ADAPTERS = 'storage|network|mempool|crypto|api|campus'

const protocolRules = [
  only('protocol-lib', 'lib is the ground: it knows bytes and numbers, nothing of BillCoin’s messages.', '^protocol/src/(lib/|params\\.ts$)', LIB),
  only('protocol-wire', 'wire says how things look as bytes, not what they mean.', '^protocol/src/wire/', [LIB, WIRE]),
  only('protocol-state', 'state and tx are the middle floor: they may use each other, never the ledger; the tree makes what proof verifies.', '^protocol/src/state/', [LIB, WIRE, '^protocol/src/(state|tx|proof)/']),
  only('protocol-tx', 'A transaction kind is one file; it never reaches into block rules.', '^protocol/src/tx/', [LIB, WIRE, '^protocol/src/(state|tx)/']),
  only('protocol-ledger', 'The ledger checks a block’s certificate and proposer, and knows nothing of rounds or of clients.', '^protocol/src/ledger/', [LIB, WIRE, SHARED_WITH_CONSENSUS, '^protocol/src/(state|tx|ledger)/']),
  only('protocol-consensus', 'A block is opaque to consensus.', '^protocol/src/consensus/', [LIB, WIRE, '^protocol/src/consensus/']),
  only('protocol-proof', 'A proof is checked by whoever holds a root: of the state it shares the tree’s formulas and the key layout.', '^protocol/src/proof/', [LIB, WIRE, SHARED_WITH_CONSENSUS, '^protocol/src/(proof/|state/(tree|layout))']),
  only('protocol-light', 'A light client trusts headers, certificates and proofs only.', '^protocol/src/light/', [LIB, WIRE, SHARED_WITH_CONSENSUS, '^protocol/src/(light|proof)/']),
  never('protocol-packages', 'The law runs anywhere: these audited packages and nothing else.',
    { path: '^protocol/src/' },
    { couldNotResolve: false, pathNot: '^protocol/src/|^node_modules/(@noble/(curves|hashes)|@scure/base|protobufjs)/' }),
  never('protobuf-minimal', 'Only the static runtime of protobufjs: reflection generates code at run time.',
    { path: '^protocol/src/' },
    { path: '^node_modules/protobufjs/', pathNot: '^node_modules/protobufjs/minimal\\.(js|d\\.ts)$' }),
]

const nodeRules = [
  never('node-adapters', 'Adapters never import each other: they meet in node.ts, behind ports.',
    { path: `^node/src/(${ADAPTERS})/` },
    { path: `^node/src/(${ADAPTERS})/`, pathNot: '^node/src/$1/' }),
  never('node-adapters-down', 'An adapter is built by node.ts and never looks up to it.',
    { path: `^node/src/(${ADAPTERS})/` },
    { path: '^node/src/(node|engine|main|driver|index)\\.ts$|^node/src/(cli|sim)/' }),
  never('node-composition', 'engine.ts joins storage, pool and consensus, node.ts the engine with files and HTTP; no other file imports the adapters.',
    { path: '^node/src/[^/]+\\.ts$', pathNot: '^node/src/(node|engine|index)\\.ts$' },
    { path: `^node/src/(${ADAPTERS})/` }),
  never('node-simulator', 'The simulator runs the node; nothing of the node knows that it is simulated.',
    { path: '^node/src/', pathNot: '^node/src/(sim/|index\\.ts$)' },
    { path: '^node/src/sim/' }),
  never('node-cli', 'The command line uses node.ts and config.ts, never the parts inside.',
    { path: '^node/src/cli/' },
    { path: `^node/src/((${ADAPTERS})/|driver\\.ts$)` }),
]

const packageRules = [
  never('public-surface', 'Packages import each other by name; what index.ts does not export is private. The naive model of the law judges whoever executes it: tests of all packages may ask it.',
    { path: '^(protocol|sdk|genesis|node|oracle|scripts)/' },
    { path: '^(protocol|sdk|genesis|node|oracle|scripts)/', pathNot: '^$1/|^(protocol|sdk|genesis|node|oracle)/(src/index\\.ts|dist/index\\.(js|d\\.ts))$|^sdk/(src/node/index\\.ts|dist/node/index\\.(js|d\\.ts))$|^protocol/test/model/|\\.json$' }),
  never('sdk-imports', 'sdk stands on protocol alone.', { path: '^sdk/src/' }, { path: '^(genesis|node|oracle|scripts)/' }),
  never('sdk-in-browser', 'Wallets and tills run in a browser: no Node built-ins, but in the entry for Node.', { path: '^sdk/src/', pathNot: '^sdk/src/node/' }, { dependencyTypes: ['core'] }),
  never('sdk-node-entry', 'What is for Node alone has an entry of its own.', { path: '^sdk/src/', pathNot: '^sdk/src/node/' }, { path: '^sdk/src/node/' }),
  never('genesis-imports', 'genesis stands on protocol alone.', { path: '^genesis/src/' }, { path: '^(sdk|node|oracle|scripts)/' }),
  never('oracle-imports', 'An oracle is a client of the chain, not a part of a node.', { path: '^oracle/src/' }, { path: '^(genesis|node|scripts)/' }),
  never('node-imports', 'The node serves what sdk declares and knows no oracle.', { path: '^node/src/' }, { path: '^(genesis|oracle|scripts)/' }),
  never('source-without-tests', 'Source never imports a test.', { path: '^[^/]+/src/' }, { path: '^[^/]+/test/' }),
]

const generalRules = [
  never('no-cycles', 'Two files that need each other are one file, or three.', {}, { circular: true }),
  never('no-orphans', 'A file nobody imports and that imports nobody is dead.',
    { orphan: true, pathNot: '\\.d\\.ts$|/(index|main)\\.ts$' }, {}),
  never('resolvable', 'Every import must exist.', {}, { couldNotResolve: true }),
  never('declared', 'Every imported package is in the package.json of its importer.',
    { path: '^(protocol|sdk|genesis|node|oracle)/src/' },
    { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] }),
]

module.exports = {
  forbidden: [...protocolRules, ...nodeRules, ...packageRules, ...generalRules],
  options: {
    doNotFollow: { path: 'node_modules|/dist/' },
    exclude: { path: '(^|/)dist/' },
    combinedDependencies: true,
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      conditionNames: ['development', 'import', 'node', 'default', 'types'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.d.ts', '.json'],
    },
  },
}
