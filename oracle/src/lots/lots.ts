/**
 * From an open batch to a signed statement (oracle page §4): manifest by its hash, every named reading, the registry at
 * its height, judgeLot, then register and outbox row in one synced batch before the signature leaves the process.
 */
import { equalBytes, toHex, type Attest } from '@billcoin/protocol';
import type { Signer } from '@billcoin/sdk';
import { attestOf, judgeLot, type LotJudgement } from '../closing/judgeLot.ts';
import { readManifest } from '../closing/manifest.ts';
import type { OpenLot } from '../closing/openLot.ts';
import { signRound, signRowOf } from '../outbox/statement.ts';
import type { Reading } from '../reading/reading.ts';
import type { ChainReader } from '../registry/chainReader.ts';
import type { Bench } from '../rules/judgeReading.ts';
import { profileHash, type Profile } from '../rules/profile.ts';
import { forkKey, lotKey, outboxKey, signKey } from '../store/keys.ts';
import type { LotRow, SignRow } from '../store/rows.ts';
import type { Store } from '../store/store.ts';
import { gather } from './gather.ts';
import type { ManifestPool } from './manifestPool.ts';

/** Where a lot stands with this oracle. withheld and unknown_profile need the operator. */
export type Stage = 'waiting_manifest' | 'waiting_readings' | 'withheld' | 'unknown_profile' | 'stated';

export interface Progress {
  readonly batch: string;
  readonly attempt: number;
  readonly stage: Stage;
  /** Named readings that are not held; the first 64 of them. */
  readonly missing: number;
  readonly missingIds: readonly string[];
}

/** Missing ids shown in the status. */
const MISSING_SHOWN = 64;

export interface LotDesk {
  readonly store: Store;
  readonly chain: ChainReader;
  readonly manifests: ManifestPool;
  readonly bench: Bench;
  readonly oracle: Signer;
  /** Profiles this program knows; a batch names one by hash. */
  readonly profiles: readonly Profile[];
  readonly nowMs: () => number;
  readonly onStated: (lot: OpenLot, judgement: LotJudgement) => void;
  /** Once a stage: a lot cannot be stated without the operator or regulator. */
  readonly onAlarm: (lot: OpenLot, stage: Stage) => void;
}

const amounts = (terms: object): Record<string, string> => Object.fromEntries(Object.entries(terms).map(([name, value]) => [name, String(value)]));

function reportOf(lot: OpenLot, judgement: LotJudgement, readings: number, judgedAtMs: number): LotRow {
  const { volumeMl, reject, findings, why, terms } = judgement;
  return {
    batch: toHex(lot.batch), attempt: lot.attempt, judgedAtMs, volumeMl: volumeMl.toString(), reject, readings, findings,
    ...(why === undefined ? {} : { why }), ...(terms === undefined ? {} : { terms: amounts(terms) }),
  };
}

/** Register, outbox and report in one synced batch. The register is never overwritten. */
async function writeStatement({ store, chain, oracle, nowMs }: LotDesk, attest: Attest, report: LotRow): Promise<void> {
  const unit = store.begin();
  const key = signKey(report.batch, attest.attempt);
  if (unit.getJson<SignRow>(key) !== undefined) throw new Error(`A statement about ${report.batch}/${attest.attempt} is signed already.`);
  unit.putJson(key, signRowOf(attest, 'own'));
  unit.putJson(outboxKey(report.batch, attest.attempt), signRound(chain.genesisHash, oracle, attest, nowMs(), 1));
  unit.putJson(lotKey(report.batch, attest.attempt), report);
  await store.commit(unit);
}

/** Kill point 8, disk lost: our own statement is read back from the chain before anything is signed. */
async function readBack({ store, chain, oracle }: LotDesk, lot: OpenLot): Promise<boolean> {
  const held = await chain.attestation(lot.batch, lot.attempt, oracle.address);
  if (held === undefined) return false;
  const unit = store.begin();
  unit.putJson(signKey(toHex(lot.batch), lot.attempt), signRowOf({ batch: lot.batch, attempt: lot.attempt, ...held }, 'chain'));
  await store.commit(unit);
  return true;
}

/** Contrary evidence that is held but not named: a fork of a named reading. Purity binds what is said, not whether. */
function isForked(store: Store, readings: ReadonlyMap<string, Reading>): boolean {
  return [...readings.values()].some(({ body }) => body !== undefined && store.getBytes(forkKey(toHex(body.device), body.epoch, body.seq)) !== undefined);
}

async function advance(desk: LotDesk, lot: OpenLot): Promise<Progress> {
  const { store, chain, manifests, bench } = desk;
  const base = { batch: toHex(lot.batch), attempt: lot.attempt, missing: 0, missingIds: [] };
  if (store.getJson<SignRow>(signKey(base.batch, lot.attempt)) !== undefined) return { ...base, stage: 'stated' };
  const profile = desk.profiles.find((known) => equalBytes(profileHash(known), lot.profileHash));
  if (profile === undefined) return { ...base, stage: 'unknown_profile' };
  const bytes = manifests.find(lot.manifestHash);
  if (bytes === undefined) return { ...base, stage: 'waiting_manifest' };
  const manifest = readManifest(bytes);
  const registry = manifest === undefined ? undefined : await chain.registryAt(manifest.height);
  const { readings, missing } = gather(store, manifest, registry, bench.signedBy);
  if (missing.length > 0) return { ...base, stage: 'waiting_readings', missing: missing.length, missingIds: missing.slice(0, MISSING_SHOWN) };
  const judgement = judgeLot(bench, { lot, manifest, readings, registry, profile });
  if (judgement.reject === 0 && isForked(store, readings)) return { ...base, stage: 'withheld' };
  if (await readBack(desk, lot)) return { ...base, stage: 'stated' };
  await writeStatement(desk, attestOf(lot, judgement), reportOf(lot, judgement, readings.size, desk.nowMs()));
  desk.onStated(lot, judgement);
  return { ...base, stage: 'stated' };
}

export interface Lots {
  /** One pass over the open batches. Rejects when the node cannot be reached. */
  run(): Promise<void>;
  progress(): readonly Progress[];
  /** True where a lot waits for one of these readings: worth a pass now. */
  isWaitingFor(ids: readonly string[]): boolean;
}

export function makeLots(desk: LotDesk): Lots {
  let progress: readonly Progress[] = [];
  const alarmed = new Set<string>();

  function alarm(lot: OpenLot, { batch, attempt, stage }: Progress): void {
    const key = `${batch}/${attempt}/${stage}`;
    if ((stage !== 'withheld' && stage !== 'unknown_profile') || alarmed.has(key)) return;
    alarmed.add(key);
    desk.onAlarm(lot, stage);
  }
  return {
    async run() {
      const lots = await desk.chain.openBatches();
      desk.manifests.protect(lots.map((lot) => lot.manifestHash));
      const next: Progress[] = [];
      const failures: unknown[] = [];
      // One lot that cannot be advanced must not stop those behind it.
      for (const lot of lots) {
        try {
          const step = await advance(desk, lot);
          alarm(lot, step);
          next.push(step);
        } catch (error) {
          failures.push(error);
        }
      }
      const open = new Set(next.map(({ batch, attempt, stage }) => `${batch}/${attempt}/${stage}`));
      for (const key of alarmed) if (!open.has(key)) alarmed.delete(key);
      progress = next;
      if (failures.length > 0) throw failures[0] instanceof Error ? failures[0] : new Error('A lot could not be advanced.', { cause: failures[0] });
    },
    progress: () => progress,
    isWaitingFor(ids) {
      return progress.some(({ missing, missingIds }) => missing > missingIds.length || ids.some((id) => missingIds.includes(id)));
    },
  };
}
