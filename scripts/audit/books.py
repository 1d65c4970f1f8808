"""The books of a chain, kept from transactions and events alone (SPEC §5–§7), and compared with the rows of its state."""
import time

from bill_bytes import Message

# Numbers of kinds (SPEC §5) whose flat fee somebody pays, and who.
FEE_OF_SENDER = {1, 5}
FEE_OF_MERCHANT = {4}
FEE_FREE = {2, 6, 7}

# Prefixes of rows (SPEC §8.1).
ACCOUNT, PLANT, BATCH, SUPPLY, POOLS = 0x01, 0x09, 0x10, 0x21, 0x22


class Books:
    """Balances, bonds and sums in mL, sales in sen."""

    def __init__(self):
        self.balances, self.bonds, self.owed = {}, {}, {}
        self.fees = self.supply = self.minted = self.redeemed = 0
        self.paid_to = {}  # (till number, ref) → merchant
        self.sales = {}

    def open(self, spec):
        """Genesis: supply is zero."""

    def book(self, tx_id, body, code, events, time_ms):
        number, kind = body.only(16)
        self._flat_fee(number - 15, body, kind)
        if code != 0:
            return
        for event in events.subs(1):
            self._event(*event.only(1), time_ms)

    def _flat_fee(self, number, body, kind):
        fee = body.int(5)
        if number in FEE_OF_SENDER:
            self._move(body.bytes(2), -fee)
        elif number in FEE_OF_MERCHANT:
            self._move(self.paid_to[kind.int(1), kind.bytes(2)], -fee)
        elif number not in FEE_FREE:
            raise ValueError(f"kind {number} is not one of SPEC §5")
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
        elif number == 11:
            self._minted(event)

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
        self.bonds[plant] = self.bonds.get(plant, 0) + bonded
        self.owed[plant] = self.owed.get(plant, 0) - repaid
        for farm, amount in farms:
            self._move(farm, amount)
        self.supply += volume - repaid
        self.minted += volume

    def end_block(self, time_ms):
        """What a block does after its transactions moves nothing yet."""

    def _move(self, account, amount):
        self.balances[account] = self.balances.get(account, 0) + amount

    def _sales(self, time_ms, merchant):
        month = time.strftime("%Y-%m", time.gmtime(time_ms // 1000))
        return self.sales.setdefault(month, {}).setdefault(merchant, {"payments": 0, "sen": 0, "ownSen": 0, "refundedSen": 0})

    # ---- against the state ---------------------------------------------------------------------------------------

    def compare_rows(self, rows, whole):
        """The first difference in words, or None. `whole`: the books began at genesis and end at the state's block."""
        accounts, bonds, owed = {}, {}, {}
        custody = supply = owed_row = fees = pools = 0
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
            elif key[0] == SUPPLY:
                supply, owed_row = row.int(1), row.int(2)
            elif key[0] == POOLS:
                fees, pools = row.int(1), row.int(1) + row.int(2) + row.int(3)
        gap = sum(owed.values())
        if not supply == custody + gap == sum(accounts.values()) + sum(bonds.values()) + pools or gap != owed_row:
            return f"the reserve equation does not hold: supply {supply}, custody {custody}, owed {gap}"
        return self._compare(accounts, bonds, owed, supply, fees) if whole else None

    def _compare(self, accounts, bonds, owed, supply, fees):
        if (supply, fees) != (self.supply, self.fees):
            return f"supply and fees: the books have {self.supply} and {self.fees}, the state {supply} and {fees}"
        for name, books, state in (("balance", self.balances, accounts), ("bond", self.bonds, bonds), ("owed", self.owed, owed)):
            for key in sorted(set(books) | set(state)):
                if books.get(key, 0) != state.get(key, 0):
                    return f"{name} of {key.hex()}: the books have {books.get(key, 0)}, the state {state.get(key, 0)}"
        return None
