"""The books of a chain, kept from transactions and events alone (SPEC §5–§7), and compared with the rows of its state."""
import time

from bill_bytes import Message, address_bytes
from stake import Stake, UNBONDING_POOL, VALIDATOR

# Numbers of kinds (SPEC §5): whose balance the flat fee leaves. A RevokeTill by the authority has none.
FEE_OF_SENDER = {1, 5, 10, 19, 20, 21, 22, 23, 24, 25, 45}
VOID_INVOICE, REFUND, REGISTER_TILL, REGISTER_PLANT, OPEN_BATCH = 3, 4, 9, 12, 6
FEE_FREE = {2, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 27, 44}

REVOKED = 3
# Batches that expire in one block (SPEC §8.1).
EXPIRIES_MAX = 64

# Prefixes of rows (SPEC §8.1).
ACCOUNT, PLANT, BATCH, SUPPLY, POOLS = 0x01, 0x09, 0x10, 0x21, 0x22


class Books:
    """Balances, bonds and sums in mL, sales in sen."""

    def __init__(self):
        self.balances, self.bonds, self.owed = {}, {}, {}
        self.fees = self.insurance = self.supply = self.minted = self.redeemed = self.ended = 0
        self.tills, self.revoked_plants = {}, set()
        self.paid_to = {}  # (till number, ref) → merchant
        self.live = {}  # batch key → [expiry, plant, litres in custody] of batches that are open or minted
        self.lapsed = []  # of those, what the end of this block may expire: found in the state before the block
        self.sales = {}
        self.stake = None

    def open(self, spec):
        """Genesis: supply is zero, all plants are active."""
        for till in spec["tills"]:
            self.tills[till["tillNo"]] = address_bytes(till["merchant"])
        self.stake = Stake(self, spec)

    def begin_block(self, time_ms):
        self.lapsed = sorted((expiry, batch) for batch, (expiry, _, _) in self.live.items() if expiry < time_ms)[:EXPIRIES_MAX]

    def book(self, tx_id, body, code, events, time_ms):
        field, kind = body.only(16)
        number = field - 15
        self._flat_fee(number, body, kind)
        if code != 0:
            return
        if number == REGISTER_TILL:
            self.tills[kind.int(1)] = kind.bytes(2)
        elif number == REGISTER_PLANT:
            (self.revoked_plants.add if kind.int(3) == REVOKED else self.revoked_plants.discard)(kind.bytes(1))
        for event in events.subs(1):
            if number == OPEN_BATCH and event.only(1)[0] == 9:
                self.live[event.sub(9).bytes(1)] = [kind.int(3), body.bytes(2), 0]
            self._event(*event.only(1), time_ms)

    def _flat_fee(self, number, body, kind):
        fee = body.int(5)
        if number in FEE_OF_SENDER:
            self._move(body.bytes(2), -fee)
        elif number == REFUND:
            self._move(self.paid_to[kind.int(1), kind.bytes(2)], -fee)
        elif number == VOID_INVOICE:
            self._move(self.tills[int.from_bytes(kind.bytes(1)[3:7], "big")], -fee)
        elif number not in FEE_FREE:
            raise ValueError(f"kind {number} is not one of SPEC §5")
        elif fee != 0:
            raise ValueError(f"kind {number} has no flat fee")
        self.fees += fee

    def _event(self, number, event, time_ms):
        if number == 1:  # transferred
            self._move(event.bytes(1), -event.int(3))
            self._move(event.bytes(2), event.int(3))
        elif number == 2:
            self._paid(event, time_ms)
        elif number == 5:  # refunded
            payer, merchant, amount = event.bytes(3), event.bytes(4), event.int(5)
            self._move(merchant, -amount)
            self._move(payer, amount)
            self._sales(time_ms, merchant)["refundedSen"] += event.int(6)
        elif number == 8:  # redeemed
            self._move(event.bytes(2), -event.int(3))
            self.supply -= event.int(3)
            self.redeemed += event.int(3)
            self._take(event.bytes(1), event.int(3))
        elif number == 11:
            self._minted(event)
        elif number == 12:  # batch rejected
            del self.live[event.bytes(1)]
        elif number == 19:
            self._custody_ended(event)
        elif number == 20:  # bond deposited: what is owed first
            plant, repaid, bonded = event.bytes(1), event.int(2), event.int(3)
            self._move(plant, -repaid - bonded)
            self._bond(plant, bonded)
            self._owe(plant, -repaid)
            self.supply -= repaid
        elif 22 <= number <= 25:
            self.stake.event(number, event)
        elif number == 21:  # bond withdrawn
            self._bond(event.bytes(1), -event.int(2))
            self._move(event.bytes(1), event.int(2))

    def _paid(self, event, time_ms):
        payer, merchant, amount, own, sen, fee = event.bytes(3), event.bytes(4), event.int(5), event.int(6), event.int(7), event.int(8)
        self._move(payer, -own)
        self._move(merchant, own - fee)
        self.fees += fee
        self.paid_to[event.int(1), event.bytes(2)] = merchant
        sums = self._sales(time_ms, merchant)
        sums["payments"] += 1
        sums["sen"] += sen
        sums["ownSen"] += (2 * sen * own + amount) // (2 * amount)  # half up: what the wallet itself paid

    def _minted(self, event):
        plant, volume, toll, repaid, bonded = event.bytes(2), event.int(3), event.int(4), event.int(5), event.int(6)
        farms = [(share.bytes(1), share.int(2)) for share in event.subs(7)]
        if toll + sum(amount for _, amount in farms) != volume:
            raise ValueError("toll and credits of the farms are not the volume")
        self._move(plant, toll - repaid - bonded)
        self._bond(plant, bonded)
        self._owe(plant, -repaid)
        self.live[event.bytes(1)][2] = volume
        for farm, amount in farms:
            self._move(farm, amount)
        self.supply += volume - repaid
        self.minted += volume

    def _custody_ended(self, event):
        """Recall or write-off: the event must say what the law gives (SPEC §7.4)."""
        batch, plant, out = event.bytes(1), event.bytes(2), event.int(4)
        held = self.live.pop(batch, [0, plant, 0])[2]
        if out != held:
            raise ValueError(f"{out} mL left custody, {held} were there")
        if self._settle(plant, out) != tuple(event.int(number) for number in (5, 6, 7, 8)):
            raise ValueError("what left custody was not settled from bond, balance, insurance and debt in turn")

    def _settle(self, plant, out):
        """Burns what a plant owes from its bond, its balance, and, once it is revoked, the insurance; the rest stays owed."""
        from_bond = min(out, self.bonds.get(plant, 0))
        from_balance = min(out - from_bond, self.balances.get(plant, 0))
        from_insurance = min(out - from_bond - from_balance, self.insurance) if plant in self.revoked_plants else 0
        owed = out - from_bond - from_balance - from_insurance
        self._bond(plant, -from_bond)
        self._move(plant, -from_balance)
        self.insurance -= from_insurance
        self._owe(plant, owed)
        self.supply -= out - owed
        self.ended += out
        return from_bond, from_balance, from_insurance, owed

    def end_block(self):
        """Expiry (SPEC §8.1): batches whose time had passed, oldest first, then by key; those that ended meanwhile are over."""
        for _, batch in self.lapsed:
            if batch in self.live:
                _, plant, out = self.live.pop(batch)
                self._settle(plant, out)

    def _take(self, batch, amount):
        self.live[batch][2] -= amount
        if self.live[batch][2] == 0:
            del self.live[batch]  # closed: all of it was delivered

    def _bond(self, plant, amount):
        self.bonds[plant] = self.bonds.get(plant, 0) + amount

    def _owe(self, plant, amount):
        self.owed[plant] = self.owed.get(plant, 0) + amount

    def _move(self, account, amount):
        self.balances[account] = self.balances.get(account, 0) + amount

    def _sales(self, time_ms, merchant):
        month = time.strftime("%Y-%m", time.gmtime(time_ms // 1000))
        return self.sales.setdefault(month, {}).setdefault(merchant, {"payments": 0, "sen": 0, "ownSen": 0, "refundedSen": 0})

    # ---- against the state ---------------------------------------------------------------------------------------

    def compare_rows(self, rows, whole):
        """The first difference in words, or None. `whole`: the books began at genesis and end at the state's block."""
        accounts, bonds, owed = {}, {}, {}
        custody = supply = owed_row = fees = insurance = pools = stakes = 0
        for key, value in rows:
            row = Message(value)
            if key[0] == ACCOUNT:
                accounts[key[1:]] = row.int(1)
            elif key[0] == PLANT:
                bonds[key[1:]], owed[key[1:]] = row.int(8), row.int(9)
            elif key[0] == BATCH:
                issued, available, held, redeemed, owed_out = (row.int(number) for number in range(16, 21))
                if issued != available + held + redeemed + owed_out:
                    return f"batch {key[1:].hex()}: issued is not available + held + redeemed + owed-out"
                custody += available + held
            elif key[0] == VALIDATOR:
                stakes += row.int(6)
            elif key[0] == UNBONDING_POOL:
                stakes += row.int(1)
            elif key[0] == SUPPLY:
                supply, owed_row = row.int(1), row.int(2)
            elif key[0] == POOLS:
                fees, insurance, pools = row.int(1), row.int(2), row.int(1) + row.int(2) + row.int(3)
        gap = sum(owed.values())
        if not supply == custody + gap == sum(accounts.values()) + sum(bonds.values()) + stakes + pools or gap != owed_row:
            return f"the reserve equation does not hold: supply {supply}, custody {custody}, owed {gap}"
        if whole and (custody, supply, fees, insurance) != (self.minted - self.redeemed - self.ended, self.supply, self.fees, self.insurance):
            return f"custody, supply, fees: the books have {self.minted - self.redeemed - self.ended}, {self.supply}, {self.fees}, the state {custody}, {supply}, {fees}"
        return self._compare(accounts, bonds, owed) or self.stake.compare_rows(rows) if whole else None

    def _compare(self, accounts, bonds, owed):
        for name, books, state in (("balance", self.balances, accounts), ("bond", self.bonds, bonds), ("owed", self.owed, owed)):
            for key in sorted(set(books) | set(state)):
                if books.get(key, 0) != state.get(key, 0):
                    return f"{name} of {key.hex()}: the books have {books.get(key, 0)}, the state {state.get(key, 0)}"
        return None
