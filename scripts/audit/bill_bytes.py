"""Bytes of BillCoin as SPEC.md defines them: tagged hashes, strict protobuf, Merkle lists, the state tree, addresses.

Python 3 standard library only, written from SPEC.md and not from the TypeScript: what both agree on, the text says.
"""
import hashlib


def sha256(data):
    return hashlib.sha256(data).digest()


def tagged(tag, *parts):
    """SPEC §2: SHA-256(tag, 0x00, bytes)."""
    return sha256(tag.encode() + b"\x00" + b"".join(parts))


# ---- protobuf (SPEC §2) -------------------------------------------------------------------------------------------


def _varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a varint does not end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """The fields of a message as {number: [values]}, integers for varints and bytes for the rest; numbers ascend."""
    found, at, last = {}, 0, 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if number < last:
            raise ValueError(f"field {number} stands after field {last}")
        last = number
        if kind == 0:
            value, at = _varint(data, at)
        elif kind == 2:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise ValueError(f"field {number} ends after the message")
            value, at = data[at : at + size], at + size
        else:
            raise ValueError(f"field {number} has wire type {kind}")
        found.setdefault(number, []).append(value)
    return found


class Message:
    """A decoded message; an absent integer is 0 and absent bytes are None, as in proto3."""

    def __init__(self, data):
        self._fields = fields(data)

    def int(self, number):
        return self._fields.get(number, [0])[0]

    def bytes(self, number):
        return self._fields.get(number, [None])[0]

    def list(self, number):
        return self._fields.get(number, [])

    def sub(self, number):
        return Message(self.bytes(number) or b"")

    def subs(self, number):
        return [Message(data) for data in self.list(number)]

    def only(self, first):
        """Number and message of the one field at or above `first`: the member of a oneof."""
        [number] = [number for number in self._fields if number >= first]
        return number, self.sub(number)


def write_varint(number, value):
    """A varint field, absent where it is 0."""
    return b"" if value == 0 else _raw(number << 3) + _raw(value)


def write_bytes(number, data):
    return _raw(number << 3 | 2) + _raw(len(data)) + data


def _raw(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


# ---- roots --------------------------------------------------------------------------------------------------------


def merkle_root(leaves):
    """SPEC §2: RFC 6962, leaf prefix 0x00, inner prefix 0x01, the empty list is SHA-256 of nothing."""
    if not leaves:
        return sha256(b"")
    return _merkle([sha256(b"\x00" + leaf) for leaf in leaves])


def _merkle(hashes):
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return sha256(b"\x01" + _merkle(hashes[:split]) + _merkle(hashes[split:]))


def tree_leaf(key, value):
    """SPEC §8.2: where a row hangs in the state tree, and its leaf."""
    key_hash = sha256(key)
    return key_hash, sha256(b"\x00" + key_hash + sha256(value))


def tree_root(leaves, depth=0):
    """Root over (key hash, leaf) pairs: a subtree of one leaf is that leaf, an empty one 32 zero bytes."""
    if not leaves:
        return bytes(32)
    if len(leaves) == 1:
        return leaves[0][1]
    sides = [], []
    for leaf in leaves:
        sides[leaf[0][depth >> 3] >> (7 - (depth & 7)) & 1].append(leaf)
    return sha256(tree_root(sides[0], depth + 1) + tree_root(sides[1], depth + 1))


# ---- addresses (SPEC §3) ------------------------------------------------------------------------------------------

_CHARS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def address_of(public_key):
    return tagged("bill/address/1", public_key)[:20]


def _polymod(values):
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, factor in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            if top >> bit & 1:
                check ^= factor
    return check


def address_text(address):
    """Bech32m (BIP 350) with prefix bill."""
    number = int.from_bytes(address, "big")
    words = [number >> shift & 31 for shift in range(155, -1, -5)]
    prefix = [ord(char) >> 5 for char in "bill"] + [0] + [ord(char) & 31 for char in "bill"]
    check = _polymod(prefix + words + [0] * 6) ^ 0x2BC830A3
    return "bill1" + "".join(_CHARS[word] for word in words + [check >> 5 * (5 - i) & 31 for i in range(6)])


def address_bytes(text):
    """The 20 bytes of an address text."""
    words = [_CHARS.index(char) for char in text.removeprefix("bill1")]
    prefix = [ord(char) >> 5 for char in "bill"] + [0] + [ord(char) & 31 for char in "bill"]
    if not text.startswith("bill1") or len(words) != 38 or _polymod(prefix + words) != 0x2BC830A3:
        raise ValueError(f"{text} is not an address")
    number = 0
    for word in words[:32]:
        number = number << 5 | word
    return number.to_bytes(20, "big")
