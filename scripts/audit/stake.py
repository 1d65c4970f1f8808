"""Stake (SPEC §17): who votes at each height, what stands behind them, what they earn and lose. Kept from genesis on."""
from bill_bytes import Message, address_bytes, address_of, tagged, write_bytes, write_varint

RELEASES_MAX = 256
GRACE_MS = 30 * 86_400_000
GOOD, ABSENT, TOMBSTONED = 1, 2, 3
# Prefixes of rows (SPEC §8.1).
VALIDATOR, UNBONDING_POOL = 0x14, 0x17


def set_bytes(keys):
    """ValidatorSet: one vote each, by address of the key."""
    return b"".join(write_bytes(1, write_bytes(1, key) + write_varint(2, 1)) for key in keys)


class Validator:
    def __init__(self, key, account, due):
        self.key, self.account, self.due = key, account, due
        self.stake = self.shares = self.commission = 0
        self.standing = GOOD


class Epoch:
    def __init__(self, since, since_ms, length, set_since, members):
        self.since, self.since_ms, self.set_since = since, since_ms, set_since
        self.end = since_ms - since_ms % length + length
        self.members = members  # [address, stake, commission, seen ms, seen height], in the order of the set


class Stake:
    def __init__(self, books, spec):
        self.books = books
        params = spec["params"]
        names = ("maxValidators", "stakeMinMl", "stakeMaxMl", "stakeEpochMs", "unbondingMs", "slashBps", "downtimeMs", "downtimeBlocks")
        self.params = {name: int(params[name]) for name in names}
        self.validators = {}
        for entry in spec["validators"]:
            key = bytes.fromhex(entry["publicKey"])
            self.validators[address_of(key)] = Validator(key, address_bytes(entry["account"]), spec["timeMs"] + GRACE_MS if entry["active"] else 0)
        first = sorted(address_of(bytes.fromhex(entry["publicKey"])) for entry in spec["validators"] if entry["active"])
        self.epochs = [Epoch(1, spec["timeMs"], self.params["stakeEpochMs"], 1, [[one, 0, 0, spec["timeMs"], 0] for one in first])]
        self.delegations, self.unbonding, self.pools = {}, {}, {}
        self.seen, self.due = set(), []
        self.height = self.time_ms = 0

    # ---- sets ----------------------------------------------------------------------------------------------------

    def epoch_at(self, height):
        return max(no for no, epoch in enumerate(self.epochs) if epoch.since <= height)

    def set_at(self, height):
        """Keys of the set that votes at a height, and its hash."""
        keys = [self.validators[member[0]].key for member in self.epochs[self.epoch_at(height)].members]
        return keys, tagged("bill/validators/1", set_bytes(keys))

    def _proposer(self, height, round_no):
        epoch = self.epochs[self.epoch_at(height)]
        _, set_hash = self.set_at(height)
        seed = tagged("bill/schedule/1", epoch.set_since.to_bytes(8, "big"), set_hash)
        count = len(epoch.members)
        return (int.from_bytes(seed[:4], "big") % count + height - epoch.set_since + round_no) % count

    # ---- a block -------------------------------------------------------------------------------------------------

    def begin_block(self, height, time_ms, evidence):
        self.height, self.time_ms = height, time_ms
        self.due = [key for key, (_, at) in self.unbonding.items() if at < time_ms]
        for data in evidence:
            number, proof = Message(data).only(1)
            if number == 3:
                raise ValueError("evidence of a forged header is not recounted by this program yet")
            signed = proof.sub(1)
            body = Message(signed.bytes(1))
            at, round_no = (body.int(2), body.int(3)) if number == 1 else (body.int(1), body.int(2))
            self._slash(at, signed.int(2) if number == 1 else self._proposer(at, round_no))

    def _slash(self, height, index):
        first = self.epoch_at(height)
        address, stake = self.epochs[first].members[index][:2]
        validator = self.validators[address]
        if validator.standing == TOMBSTONED:
            raise ValueError(f"validator {address.hex()} is punished twice")
        target = left = stake * self.params["slashBps"] // 10_000
        for no in range(first, len(self.epochs)):
            pool = self.pools.get((address, no))
            if pool is not None:
                part = min(pool[0] * self.params["slashBps"] // 10_000, left)
                pool[0] -= part
                left -= part
        bonded = min(left, validator.stake)
        validator.stake -= bonded
        validator.standing = TOMBSTONED
        self.books.insurance += target - left + bonded

    def event(self, number, event):
        validator = self.validators[event.bytes(1)]
        if number == 22:
            address, account, amount, shares = event.bytes(1), event.bytes(2), event.int(3), event.int(4)
            if shares != (amount if validator.shares == 0 else amount * validator.shares // validator.stake):
                raise ValueError(f"{amount} mL do not buy {shares} shares")
            self.books._move(account, -amount)
            validator.stake += amount
            validator.shares += shares
            self.delegations[address, account] = self.delegations.get((address, account), 0) + shares
        elif number == 23:
            self._unstaked(validator, event.bytes(1), event.bytes(2), event.int(3), event.int(4), event.int(5))
        elif number == 24:
            validator.commission = event.int(3)
        elif number == 25:
            validator.standing = GOOD

    def _unstaked(self, validator, address, account, shares, amount, release_at):
        no = len(self.epochs) - 1
        if amount != shares * validator.stake // validator.shares or shares > self.delegations.get((address, account), 0):
            raise ValueError(f"{shares} shares are not worth {amount} mL")
        self.delegations[address, account] -= shares
        validator.stake -= amount
        validator.shares -= shares
        pool = self.pools.setdefault((address, no), [0, 0])
        joined = amount if pool[1] == 0 else amount * pool[1] // pool[0]
        pool[0] += amount
        pool[1] += joined
        before, at = self.unbonding.get((address, no, account), (0, 0))
        at = max(at, max(self.time_ms, self.epochs[-1].end) + self.params["unbondingMs"])
        if at != release_at:
            raise ValueError(f"the stake is released at {at}, the event says {release_at}")
        self.unbonding[address, no, account] = (before + joined, at)

    def end_block(self, signers):
        """`signers`: keys in the commit of the block before."""
        due = sorted((self.unbonding[key][1], key) for key in self.due if self.unbonding[key][1] < self.time_ms)
        for _, (address, no, account) in due[:RELEASES_MAX]:
            shares, _ = self.unbonding.pop((address, no, account))
            pool = self.pools[address, no]
            amount = shares * pool[0] // pool[1]
            pool[0] -= amount
            pool[1] -= shares
            self.books._move(account, amount)
            if pool[1] == 0:
                del self.pools[address, no]
        members = {member[0] for member in self.epochs[-1].members}
        self.seen |= {address_of(key) for key in signers} & members
        if self.time_ms >= self.epochs[-1].end:
            self._end_epoch()

    def _end_epoch(self):
        epoch, params = self.epochs[-1], self.params
        active = [member for member in epoch.members if self.validators[member[0]].standing != TOMBSTONED]
        part = self.books.fees // len(active) if active else 0
        for address, _, commission, _, _ in active:
            validator = self.validators[address]
            if validator.shares > 0 and validator.stake >= params["stakeMinMl"]:
                own = part * commission // 10_000
                self.books._move(validator.account, own)
                validator.stake += part - own
                self.books.fees -= part
        for member in epoch.members:
            if member[0] in self.seen:
                member[3:] = [self.time_ms, self.height]
            elif self.time_ms - member[3] >= params["downtimeMs"] and self.height - member[4] >= params["downtimeBlocks"] and self.validators[member[0]].standing == GOOD:
                self.validators[member[0]].standing = ABSENT
        before = [member[0] for member in epoch.members]
        after = self._next(before)
        last = {member[0]: member[3:] for member in epoch.members}
        members = [[one, self.validators[one].stake, self.validators[one].commission, *last.get(one, [self.time_ms, self.height])] for one in after]
        self.epochs.append(Epoch(self.height + 1, self.time_ms, params["stakeEpochMs"], epoch.set_since if after == before else self.height + 1, members))
        self.seen = set()

    def _next(self, current):
        params = self.params
        electable = [(min(one.stake, params["stakeMaxMl"]), address) for address, one in self.validators.items()
                     if one.standing == GOOD and (one.stake >= params["stakeMinMl"] or self.time_ms < one.due)]
        wanted = [address for _, address in sorted(electable, key=lambda one: (-one[0], one[1]))][:params["maxValidators"]]
        most = max(1, (len(current) - 1) // 3)
        leaving = sorted(set(current) - set(wanted))[:min(most, len(current) - 1)]
        staying = [one for one in current if one not in leaving]
        joining = [one for one in wanted if one not in current][:max(0, min(most, params["maxValidators"] - len(staying)))]
        return sorted(staying + joining)

    # ---- against the state ---------------------------------------------------------------------------------------

    def compare_rows(self, rows):
        """The first difference in words, or None."""
        stakes = {address: (one.commission, one.stake, one.shares, one.standing) for address, one in self.validators.items()}
        pools = {address + no.to_bytes(4, "big"): tuple(pool) for (address, no), pool in self.pools.items()}
        for key, value in rows:
            row = Message(value)
            if key[0] == VALIDATOR and stakes.pop(key[1:], None) != tuple(row.int(number) for number in (5, 6, 7, 8)):
                return f"the stake of validator {key[1:].hex()} is not that of the books"
            if key[0] == UNBONDING_POOL and pools.pop(key[1:], None) != (row.int(1), row.int(2)):
                return f"the unbonding pool {key[1:].hex()} is not that of the books"
        return f"{len(stakes)} validators and {len(pools)} unbonding pools are not in the state" if stakes or pools else None
