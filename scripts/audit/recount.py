#!/usr/bin/env python3
"""Recounts a BillCoin chain from the raw export (SPEC §14) without a line of BillCoin's own code.

    billcoin export-blocks --out chain.jsonl
    python3 scripts/audit/recount.py chain.jsonl [--balance bill1…] [--without-signatures]

Checks genesis hash, block ids, links, roots of transactions and results, certificates, transaction ids and signatures,
the root of the whole state, the reserve equation, and every balance from the events. Prints a JSON summary with the
sales of each month in sen; exits 1 and names the place where something does not come out.
"""
import argparse
import collections
import json
import sys
import time

from bill_bytes import Message, address_of, address_text, merkle_root, sha256, tagged, tree_leaf, tree_root, write_bytes, write_varint
from books import Books
from ed25519 import verify


# A node writes its state at most some hundred blocks behind its blocks.
ROOTS_KEPT = 1_024


class Wrong(Exception):
    """Something in the export does not come out; the text names the place."""


def expect(is_so, what):
    if not is_so:
        raise Wrong(what)


def signers_of(certificate):
    bits = certificate.bytes(5)
    return [i for i in range(len(bits) * 8) if bits[i >> 3] & 0x80 >> (i & 7)]


class Recount:
    def __init__(self, with_signatures):
        self.with_signatures = with_signatures
        self.genesis_hash = b""
        self.validators = []
        self.validators_hash = b""
        self.block = None  # the header that waits for its transactions
        self.first = self.height = 0
        self.time_ms = 0
        self.block_id = bytes(32)
        self.certificate = None
        self.signers = []  # keys in the commit of the block before
        self.txs, self.results = [], []
        self.blocks = self.transactions = self.signatures = 0
        self.books = Books()
        self.roots = collections.deque(maxlen=ROOTS_KEPT)
        self.state = None  # height and root of the state section
        self.leaves, self.rows = [], []
        self.ended = False

    # ---- lines, by their name ------------------------------------------------------------------------------------

    def genesis(self, line):
        expect(line["format"] == 1, "the format is 1")
        text = line["text"].encode()
        self.genesis_hash = tagged("bill/genesis/1", text)
        expect(self.genesis_hash.hex() == line["genesisHash"], "the genesis hash is the hash of its text")
        spec = json.loads(text)
        self.books.open(spec)
        data = bytes.fromhex(line["validators"])
        self.validators = [(one.bytes(1), one.int(2)) for one in Message(data).subs(1)]
        active = [(bytes.fromhex(one["publicKey"]), 1) for one in spec["validators"] if one["active"]]
        expect(self.validators == sorted(active, key=lambda one: address_of(one[0])), "the first set are the active validators by address")
        self.validators_hash = tagged("bill/validators/1", data)

    def block_line(self, line):
        self.close_block()
        data = bytes.fromhex(line["header"])
        header = Message(data)
        height, where = header.int(2), f"block {header.int(2)}"
        block_id = tagged("bill/header/1", self.genesis_hash, data)
        expect(block_id.hex() == line["blockId"] and height == line["height"], f"{where}: id and height are the header's")
        if self.height == 0:
            self.first = height
        else:
            expect(height == self.height + 1, f"{where} follows block {self.height}")
            expect(header.int(3) > self.time_ms, f"{where}: time moves on")
        prev_commit = bytes.fromhex(line["prevCommit"]) if "prevCommit" in line else None
        expect((prev_commit is None) == (height == 1), f"{where}: every block but the first carries the commit before it")
        if self.height != 0 or height == 1:
            expect(header.bytes(4) == self.block_id, f"{where}: it names the block before")
        expect(header.bytes(5) == (bytes(32) if prev_commit is None else tagged("bill/commit/1", prev_commit)), f"{where}: hash of the commit before")
        if prev_commit is not None:
            self.commit(prev_commit, height - 1, header.bytes(4), f"{where}, the commit inside")
            self.signers = [self.validators[index][0] for index in signers_of(Message(prev_commit))]
        if self.first == 1:
            keys, self.validators_hash = self.books.stake.set_at(height)
            self.validators = [(key, 1) for key in keys]
        self.commit(bytes.fromhex(line["certificate"]), height, block_id, where)
        expect(header.bytes(10) == self.validators_hash, f"{where}: validator set{'' if self.first == 1 else ' (its changes are followed from block 1 on only)'}")
        expect(header.bytes(12) == merkle_root([bytes.fromhex(one) for one in line["evidence"]]), f"{where}: evidence root")
        self.block, self.height, self.time_ms, self.block_id = header, height, header.int(3), block_id
        self.txs, self.results = [], []
        try:
            self.books.begin_block(self.time_ms)
            if self.first == 1:
                self.books.stake.begin_block(height, self.time_ms, [bytes.fromhex(one) for one in line["evidence"]])
        except ValueError as error:
            raise Wrong(f"{where}: {error}") from error
        self.blocks += 1

    def commit(self, data, height, block_id, where):
        """SPEC §9: a quorum of precommits over VoteBody {type 2, height, round, block id}."""
        if data == self.certificate:
            return
        certificate = Message(data)
        expect((certificate.int(1), certificate.int(2), certificate.bytes(4)) == (2, height, block_id), f"{where}: the certificate names the block")
        signers = signers_of(certificate)
        signatures = certificate.list(6)
        expect(len(signers) == len(signatures) and signers[-1] < len(self.validators), f"{where}: a signature for each bit")
        power = sum(self.validators[i][1] for i in signers)
        expect(3 * power > 2 * sum(one[1] for one in self.validators), f"{where}: more than two thirds of the power")
        body = write_varint(1, 2) + write_varint(2, height) + write_varint(3, certificate.int(3)) + write_bytes(4, block_id)
        for index, signature in zip(signers, signatures):
            self.check(self.validators[index][0], "bill/vote/1", body, signature, f"{where}: vote of validator {index}")
        self.certificate = data

    def check(self, public_key, tag, data, signature, where):
        if self.with_signatures:
            expect(verify(public_key, tag.encode() + b"\x00" + self.genesis_hash + data, signature), f"{where}: the signature holds")
            self.signatures += 1

    def tx(self, line):
        where = f"transaction {line['index']} of block {line['height']}"
        expect(self.block is not None and (line["height"], line["index"]) == (self.height, len(self.txs)), f"{where} stands in its place")
        data, result_data, events = (bytes.fromhex(line[name]) for name in ("tx", "result", "events"))
        envelope, result = Message(data), Message(result_data)
        body = envelope.bytes(1)
        tx_id = tagged("bill/tx-id/1", self.genesis_hash, body)
        expect(tx_id.hex() == line["txId"] and result.bytes(1) == tx_id, f"{where}: the id is the hash of its body")
        expect(result.int(2) == line["code"] and result.bytes(3) == sha256(events), f"{where}: code and events are those of its result")
        for sig in envelope.subs(2):
            self.check(sig.bytes(1), "bill/tx/1", body, sig.bytes(2), where)
        try:
            self.books.book(tx_id, Message(body), result.int(2), Message(events), self.time_ms)
        except (KeyError, ValueError) as error:
            raise Wrong(f"{where}: {error!r}") from error
        self.txs.append(data)
        self.results.append(result_data)
        self.transactions += 1

    def close_block(self):
        if self.block is None:
            return
        header, where = self.block, f"block {self.height}"
        expect(header.int(7) == len(self.txs), f"{where} has {header.int(7)} transactions")
        expect(header.bytes(6) == merkle_root(self.txs), f"{where}: transaction root")
        expect(header.bytes(8) == merkle_root(self.results), f"{where}: result root")
        self.roots.append((self.height, header.bytes(9)))
        self.books.end_block()
        if self.first == 1:
            self.books.stake.end_block(self.signers)
            expect(header.bytes(11) == self.books.stake.set_at(self.height + 1)[1], f"{where}: the next validator set")
        self.block = None

    def state_line(self, line):
        self.close_block()
        self.state = line["height"], bytes.fromhex(line["stateRoot"])
        expect(self.state in self.roots or self.blocks == 0, f"the header of block {self.state[0]} names this state")

    def row(self, line):
        key, value = bytes.fromhex(line["key"]), bytes.fromhex(line["value"])
        self.leaves.append(tree_leaf(key, value))
        self.rows.append((key, value))

    def end(self, line):
        self.close_block()
        expect((line["blocks"], line["transactions"]) == (self.blocks, self.transactions), "the export is whole")
        expect(line.get("rows") == (None if self.state is None else len(self.rows)), "the state is whole")
        self.ended = True

    # ---- the state against the books -----------------------------------------------------------------------------

    def compare(self):
        expect(self.ended, "the export ends with its end line")
        if self.state is None:
            return
        expect(tree_root(self.leaves) == self.state[1], "the rows give the state root")
        problem = self.books.compare_rows(self.rows, whole=self.first <= 1 and self.state[0] == self.height)
        expect(problem is None, problem)

    def summary(self):
        books = self.books
        whole = self.first <= 1
        return {
            "genesisHash": self.genesis_hash.hex(), "from": self.first, "to": self.height, "blockId": self.block_id.hex(), "transactions": self.transactions, "signatures": self.signatures,
            "stateRows": len(self.rows), "supplyMl": str(books.supply) if whole else None, "gapMl": str(sum(books.owed.values())) if whole else None, "mintedMl": str(books.minted), "redeemedMl": str(books.redeemed), "endedMl": str(books.ended),
            "sales": {month: {address_text(merchant): sums for merchant, sums in merchants.items()} for month, merchants in sorted(books.sales.items())},
        }


def main():
    parser = argparse.ArgumentParser(description="Recounts a BillCoin chain from its raw export.")
    parser.add_argument("export")
    parser.add_argument("--balance", help="an address whose balance is printed, mL")
    parser.add_argument("--without-signatures", action="store_true", help="skip signatures, the slow part")
    options = parser.parse_args()
    recount = Recount(not options.without_signatures)
    lines = {"genesis": recount.genesis, "block": recount.block_line, "tx": recount.tx, "state": recount.state_line, "row": recount.row, "end": recount.end}
    began = time.monotonic()
    try:
        with open(options.export, encoding="utf-8") as export:
            for text in export:
                line = json.loads(text)
                lines[line["line"]](line)
        recount.compare()
    except Wrong as wrong:
        print(f"WRONG {wrong}", file=sys.stderr)
        return 1
    summary = recount.summary()
    if options.balance is not None:
        balances = {address_text(address): balance for address, balance in recount.books.balances.items()}
        summary["balanceMl"] = str(balances.get(options.balance, 0))
    print(json.dumps(summary, indent=2))
    print(f"Everything comes out, in {time.monotonic() - began:.1f} s.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
