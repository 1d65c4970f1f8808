/** A node without API and campus: the engine of production on real folders, for tests that start it hundreds of times. */
import { StateTree, genesisTip, makeChain, type FlatState } from '@billcoin/protocol';
import { systemClock, systemTimers } from '../../src/clock.ts';
import { nativeSigner } from '../../src/crypto/nativeSigner.ts';
import { openSignGuard } from '../../src/crypto/signGuard.ts';
import { verifyEd25519Native } from '../../src/crypto/verifier.ts';
import { openEngine, type Engine } from '../../src/engine.ts';
import { makeLog } from '../../src/log.ts';
import { singleValidatorNetwork } from '../../src/network/singleValidator.ts';
import type { ChainPort, Clock, Timers } from '../../src/ports.ts';
import { openDataFolder } from '../../src/storage/dataFolder.ts';
import { KEYS, type TestFolders } from './testNetwork.ts';

export interface BareNode {
  readonly port: ChainPort;
  readonly state: () => FlatState;
  readonly progress: Engine['progress'];
  /** Resolves when the node has halted of itself. */
  readonly halted: Promise<Error>;
  stop(): Promise<void>;
}

/** Starts the only validator. Throws what a start throws; everything is closed again then. */
export async function startBare({ config, genesis }: Pick<TestFolders, 'config' | 'genesis'>, time: { readonly clock: Clock; readonly timers: Timers } = { clock: systemClock, timers: systemTimers }): Promise<BareNode> {
  let tell: (error: Error) => void = () => undefined;
  const halted = new Promise<Error>((resolve) => {
    tell = resolve;
  });
  let isRunning = false; // before that the start itself throws what it cannot mend
  const halt = (error: Error): void => {
    if (isRunning) tell(error);
  };
  const folder = await openDataFolder(config.dataDir, genesis.genesisHash, halt);
  const chain = makeChain(genesis, verifyEd25519Native, new StateTree());
  let engine: Engine;
  try {
    engine = await openEngine({
      genesis, chain, genesisTip: () => genesisTip(chain, genesis), stores: folder, network: singleValidatorNetwork, ...time,
      log: makeLog({ level: 'silent', nodeName: 'test' }), halt,
      validator: { publicKey: KEYS.validator.publicKey, sign: nativeSigner(KEYS.validator), openGuard: () => openSignGuard(config.keyDir, { publicKey: KEYS.validator.publicKey, genesisHash: genesis.genesisHash }, halt) },
      verifySignatures: async (items) => items.map(({ publicKey, message, signature }) => verifyEd25519Native(publicKey, message, signature)),
      measures: { timed: (_what, write) => write, committed: () => undefined, evidence: () => undefined },
    });
  } catch (error) {
    await folder.close();
    throw error;
  }
  isRunning = true;
  engine.start();
  return {
    port: engine.port,
    state: () => engine.port.state(),
    progress: engine.progress,
    halted,
    async stop() {
      await engine.stop();
      try {
        await engine.close();
      } finally {
        await folder.close();
      }
    },
  };
}
