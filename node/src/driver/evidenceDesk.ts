/** Proofs of lies on their way into a block (consensus page §1.12): seen here, handed in by anybody, or told by a peer. */
import { Evidence, encode, isUnpunishedAttack, offencesIn, toHex, type Certificate, type Effect, type Tip } from '@billcoin/protocol';
import type { DriverDeps } from './driverDeps.ts';
import type { EvidencePool } from './evidencePool.ts';
import { forkAt } from './fork.ts';

export class EvidenceDesk {
  readonly #deps: Pick<DriverDeps, 'chain' | 'log' | 'network' | 'onEvidence'>;
  readonly #pool: EvidencePool;

  constructor(deps: Pick<DriverDeps, 'chain' | 'log' | 'network' | 'onEvidence'>, pool: EvidencePool) {
    this.#deps = deps;
    this.#pool = pool;
  }

  /** The core has seen a validator sign twice. */
  async report({ evidence, offender, own }: Extract<Effect, { readonly kind: 'reportEvidence' }>): Promise<void> {
    await this.keep(encode(Evidence, evidence));
    this.#deps.log.error({ offender, own }, own ? 'The own key signed twice: another process runs it. Signing has stopped' : 'A validator signed twice');
  }

  /** Stored before anything else happens: a fork stops the node right after. False: it is there already, or nothing more fits. */
  async keep(bytes: Uint8Array): Promise<boolean> {
    this.#deps.onEvidence(bytes);
    return this.#pool.add(bytes);
  }

  /** Nobody goes back below a final block: where a peer's certificate of the tip names another one, this says who signed two, and throws. */
  async mustNotFork(tip: Tip, from: string, theirs: Certificate | undefined): Promise<void> {
    const fork = theirs === undefined ? undefined : forkAt(this.#deps.chain, tip, theirs);
    if (fork === undefined) return;
    for (const evidence of fork.evidence) await this.keep(evidence);
    throw new Error(`The chain has forked at height ${fork.height}: peer ${from} has another final block. Validators that signed both: ${fork.offenders.length === 0 ? 'none in one round' : fork.offenders.join(', ')}.`);
  }

  /**
   * Tells all peers what the block after `tip` may hold, until one does: whoever saw an offence need not come to propose. The owner of
   * a key that somebody else runs has stopped signing, and a full node never signs.
   */
  tell(tip: Tip): void {
    for (const evidence of this.#pool.offer(tip)) this.#deps.network.sendAll({ kind: 'evidence', evidence });
  }

  /**
   * Judges what somebody brings; undefined: it proves nothing. What is new here is told to all peers, so that it reaches whoever
   * proposes next; what proves nothing here may prove something elsewhere, or did before: nobody is blamed for it.
   */
  async offer(tip: Tip, bytes: Uint8Array): Promise<'kept' | 'recorded' | 'known' | undefined> {
    const { chain, log, network } = this.#deps;
    if (offencesIn(chain, tip, bytes).length > 0) {
      if (!(await this.keep(bytes))) return 'known';
      network.sendAll({ kind: 'evidence', evidence: bytes });
      return 'kept';
    }
    if (!isUnpunishedAttack(chain, tip, bytes)) return undefined;
    if (!this.#pool.recordAttack(bytes)) return 'known';
    network.sendAll({ kind: 'evidence', evidence: bytes });
    log.error({ evidence: toHex(bytes) }, 'Headers signed by validators of this chain deceived a light client, and none of them can be blamed for sure: the institutions must look');
    return 'recorded';
  }
}
