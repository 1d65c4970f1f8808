/**
 * The state tree: a compact binary sparse Merkle tree with leaf shortcut over the rows of the state (protocol.md §9).
 * A subtree of no leaves is EMPTY, of one leaf that leaf's hash at whatever depth, else the inner hash of its halves by
 * bit d of the key hash: the root depends on the set of rows alone.
 *
 * Versions are immutable and share nodes. A proposal is executed speculatively with `update` on the tip's version and
 * is abandoned with `release`; recent versions serve proofs until they are released.
 */
import { assert } from '../lib/assert.ts';
import { sha256 } from '../lib/hash.ts';
import type { StateProof } from '../proof/stateProof.ts';
import { RowHashes, type RowChange } from './treeChanges.ts';
import { hashPairsPortable, type HashPairs } from './treeHash.ts';
import { proveKey } from './treeProof.ts';
import { EMPTY_REF, TreeStore } from './treeStore.ts';
import { TreeUpdater } from './treeUpdate.ts';

/**
 * Most versions alive at once. A node has at most one parent in each version, so its one-byte reference count cannot
 * overflow; the ledger keeps fewer (undo lists reach back 128 heights).
 */
export const TREE_VERSIONS_MAX = 250;

/** Rows that a builder puts in at once: 17 MB beside the tree; fewer would hash the upper nodes again and again. */
const BUILD_CHUNK_ROWS = 2 ** 18;

/** Immutable handle of one state of the tree, valid until it is released to the tree that made it. */
export interface TreeVersion {
  /** Number of rows. */
  readonly leafCount: number;
  /** Where the root is in the packed nodes; of no meaning outside. */
  readonly rootRef: number;
}

/** What the tree holds, for metrics and for the byte limit of recent versions. */
export interface TreeMemory {
  readonly versions: number;
  readonly innerNodes: number;
  readonly leaves: number;
  /** Bytes of the nodes that live versions refer to. */
  readonly usedBytes: number;
  /** Bytes of all pages: the peak of usedBytes, rounded up; free nodes are used again, pages are not given back. */
  readonly allocatedBytes: number;
}

export class StateTree {
  readonly #store = new TreeStore();
  readonly #updater: TreeUpdater;
  readonly #live = new Set<TreeVersion>();

  /** The portable hasher of pairs runs everywhere, a native one is many times faster. */
  constructor(hashPairs: HashPairs = hashPairsPortable) {
    this.#updater = new TreeUpdater(this.#store, hashPairs);
  }

  /** The version without rows; its root is 32 zero bytes. */
  empty(): TreeVersion {
    return this.#track(EMPTY_REF, 0);
  }

  /** Root hash of a version, 32 bytes, a copy. */
  root(version: TreeVersion): Uint8Array {
    this.#assertLive(version);
    return this.#store.hashOf(version.rootRef);
  }

  /**
   * A new version with the changes; `version` stays alive. A row changed twice, more than TREE_CHANGES_MAX changes or
   * more than TREE_VERSIONS_MAX live versions are bugs of the caller. Deleting an absent row changes nothing.
   * PERF: once per block; about log2(rows) − log2(changes) + 2 new nodes a change.
   */
  update(version: TreeVersion, changes: readonly RowChange[]): TreeVersion {
    const rows = new RowHashes(changes.length);
    for (const change of changes) rows.add(change);
    return this.updateHashed(version, rows);
  }

  /** The same with changes that are hashed already. */
  updateHashed(version: TreeVersion, rows: RowHashes): TreeVersion {
    this.#assertLive(version);
    this.#assertRoom();
    const { rootRef, leafDelta } = this.#updater.update(version.rootRef, rows.sorted());
    return this.#track(rootRef, version.leafCount + leafDelta);
  }

  /** Proof of inclusion of the row where it exists in this version, else of its absence. */
  prove(version: TreeVersion, rowKey: Uint8Array): StateProof {
    this.#assertLive(version);
    return proveKey(this.#store, version.rootRef, sha256(rowKey));
  }

  /** Gives the version up, once; nodes that no other version shares are free at once. Any order of versions is fine. */
  release(version: TreeVersion): void {
    this.#assertLive(version);
    this.#live.delete(version);
    this.#store.release(version.rootRef);
  }

  memory(): TreeMemory {
    return {
      versions: this.#live.size,
      innerNodes: this.#store.innerCount,
      leaves: this.#store.leafCount,
      usedBytes: this.#store.usedBytes,
      allocatedBytes: this.#store.allocatedBytes,
    };
  }

  #track(rootRef: number, leafCount: number): TreeVersion {
    this.#assertRoom();
    const version: TreeVersion = { rootRef, leafCount };
    this.#live.add(version);
    return version;
  }

  #assertLive(version: TreeVersion): void {
    assert(this.#live.has(version), 'a tree version is used until it is released, by the tree that made it');
  }

  #assertRoom(): void {
    assert(this.#live.size < TREE_VERSIONS_MAX, 'at most 250 tree versions are alive: release older ones');
  }
}

/**
 * Builds a tree row by row from the whole flat state (boot, snapshots). Rows come in any order, each once; the caller
 * compares the root with the header's, which is also the check that no stored row has rotted.
 */
export class TreeBuilder {
  readonly #tree: StateTree;
  #version: TreeVersion;
  #rows = new RowHashes(BUILD_CHUNK_ROWS);

  constructor(tree: StateTree) {
    this.#tree = tree;
    this.#version = tree.empty();
  }

  add(row: { readonly key: Uint8Array; readonly value: Uint8Array }): void {
    if (this.#rows.isFull) this.#put();
    this.#rows.add(row);
  }

  /** The version of all rows; the builder is used up. */
  finish(): TreeVersion {
    this.#put();
    return this.#version;
  }

  /** Gives up half-way. */
  discard(): void {
    this.#tree.release(this.#version);
  }

  #put(): void {
    const next = this.#tree.updateHashed(this.#version, this.#rows);
    this.#tree.release(this.#version);
    this.#version = next;
    this.#rows = new RowHashes(BUILD_CHUNK_ROWS);
  }
}

/** A tree of these rows alone, and its one version. */
export function buildTree(
  rows: Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>,
  hashPairs?: HashPairs,
): { readonly tree: StateTree; readonly version: TreeVersion } {
  const tree = new StateTree(hashPairs);
  const builder = new TreeBuilder(tree);
  for (const row of rows) builder.add(row);
  return { tree, version: builder.finish() };
}
