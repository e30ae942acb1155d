"""The values that a policy's conditions compare with, and for each type sample values that tell them apart.

`covers(text)` says whether a value of the request matches. A text that is not of the operand's type does not match.
`samples` lists values of the request such that every other value behaves like one of them towards all of the operands.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import operator
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, Protocol

from v7s3.access.logic import Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Family = Literal["String", "Arn", "Numeric", "Date", "Bool", "Binary", "IpAddress", "Null"]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Place = tuple[int, int]  # an address as its version and its number


class Operand(Protocol):
    def covers(self, text: str) -> Truth: ...


RELATIONS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Ordered:
    """A number or an instant (microseconds since 1970), and the relation that the request's value must have to it."""

    relation: str
    bound: Fraction
    read: Callable[[str], Fraction | None]

    def covers(self, text: str) -> Truth:
        found = self.read(text)
        return Truth.of(found is not None and RELATIONS[self.relation](found, self.bound))


@dataclass(frozen=True, slots=True)
class Word:
    """`true` or `false`, in any case."""

    word: str

    def covers(self, text: str) -> Truth:
        return Truth.of(text.lower() == self.word)


@dataclass(frozen=True, slots=True)
class Bytes:
    data: bytes

    def covers(self, text: str) -> Truth:
        return Truth.of(read_bytes(text) == self.data)


@dataclass(frozen=True, slots=True)
class Range:
    """Addresses of one version: a v4 address is never in a v6 network.

    `first` and `last` are compared as numbers: a policy of 20 KB holds 900 ranges, and 3,000 addresses tell them apart.
    """

    network: Network
    first: Place
    last: Place

    @classmethod
    def of(cls, network: Network) -> Range:
        return cls(network, _place(network[0]), _place(network[-1]))

    def covers(self, text: str) -> Truth:
        place = read_place(text)
        return Truth.TRUE if place is not None and self.first <= place <= self.last else Truth.FALSE


def read_operand(family: Family, relation: str, text: str) -> Operand | None:
    """The operand that `text` stands for in a policy; None when the text is not of the family's type."""
    match family:
        case "Numeric" | "Date":
            read = read_number if family == "Numeric" else read_instant
            bound = read(text) if len(text) <= _LONGEST_BOUND else None
            return None if bound is None else Ordered(relation, bound, read)
        case "Bool" | "Null":
            return Word(text.lower()) if text.lower() in ("true", "false") else None
        case "Binary":
            data = read_bytes(text)
            return None if data is None else Bytes(data)
        case "IpAddress":
            network = read_network(text)
            return None if network is None else Range.of(network)
    raise AssertionError(family)


def has_type(family: Family, text: str) -> bool:
    """Whether a value of the request can be compared by operators of this family at all."""
    match family:
        case "Arn":
            return text.count(":") >= 5
        case "IpAddress":
            return read_place(text) is not None
        case "String":
            return True
    return read_operand(family, "Equals", text) is not None


# ------------------------------------------------------------------------------------------------------------ reading

_NUMBER = re.compile(r"[+-]?(\d{1,500}(\.\d{0,500})?|\.\d{1,500})([eE][+-]?\d{1,2})?", re.ASCII)
_LONGEST_BOUND = 100  # characters; so that numbers between two bounds can be written out and read again
_MONTH = re.compile(r"\d{4}-\d{2}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].+)?|\d{8}T.+", re.ASCII | re.DOTALL)
_PREFIX_LENGTH = re.compile(r"\d{1,3}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_DIGITS = 4


@lru_cache(maxsize=4096)
def read_number(text: str) -> Fraction | None:
    return Fraction(text) if _NUMBER.fullmatch(text) else None


@lru_cache(maxsize=4096)
def read_instant(text: str) -> Fraction | None:
    """Microseconds since 1970 of an ISO 8601 date or of epoch seconds; UTC where no zone is given."""
    if _MONTH.fullmatch(text):
        text += "-01"
    if _DATE.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return Fraction((zoned - _EPOCH) // timedelta(microseconds=1))
    if text.isdigit() and len(text) == _YEAR_DIGITS:
        return None  # a year or seconds after midnight of 1970: AWS does not say
    seconds = read_number(text)
    return None if seconds is None else Fraction(int(seconds * 1_000_000))


def read_bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def read_network(text: str) -> Network | None:
    """A CIDR range, or one address as a range of itself. Ranges written with a mask are no CIDR."""
    _, slash, length = text.partition("/")
    if slash and not _PREFIX_LENGTH.fullmatch(length):
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def read_place(text: str) -> Place | None:
    try:
        return _place(ipaddress.ip_address(text))
    except ValueError:
        return None


def _place(address: Address) -> Place:
    return address.version, int(address)


# ------------------------------------------------------------------------------------------------------------ samples


def samples(family: Family, operands: Sequence[Operand]) -> list[str]:
    """Well-typed values of the request that stand for all others. Not for texts and ARNs: see `globs.regions`."""
    match family:
        case "Bool" | "Null":
            return ["true", "false"]
        case "Numeric" | "Date":
            bounds = sorted({operand.bound for operand in operands if isinstance(operand, Ordered)})
            return [_spelled(family, number) for number in _between(bounds, family)]
        case "Binary":
            known = [operand.data for operand in operands if isinstance(operand, Bytes)]
            other = max(known, key=len, default=b"") + b"\0"
            return [base64.b64encode(data).decode() for data in (*known, other)]
        case "IpAddress":
            networks = [operand.network for operand in operands if isinstance(operand, Range)]
            return [str(address) for address in _edges(networks)]
    raise AssertionError(family)


def _between(bounds: Sequence[Fraction], family: Family) -> Iterator[Fraction]:
    """The bounds, one number between each two, one below and one above. Instants are whole microseconds."""
    step = Fraction(1 if family == "Numeric" else 1_000_000)
    if bounds:
        yield bounds[0] - step
    for lower, upper in pairwise(bounds):
        middle = (lower + upper) / 2
        yield lower
        yield middle if family == "Numeric" else Fraction(int(middle))
    if bounds:
        yield bounds[-1]
        yield bounds[-1] + step


def _spelled(family: Family, number: Fraction) -> str:
    if family == "Date":
        try:
            return (_EPOCH + timedelta(microseconds=int(number))).isoformat().replace("+00:00", "Z")
        except OverflowError:
            number /= 1_000_000
    with localcontext(prec=1000):
        return format((Decimal(number.numerator) / Decimal(number.denominator)).normalize(), "f")


def _edges(networks: Sequence[Network]) -> Iterator[Address]:
    """First and last address of each network and their neighbours outside, and one address of each version beside.

    Networks lie inside of or beside one another, so between two neighbouring edges nothing changes.
    """
    yield ipaddress.IPv4Address("203.0.113.1")
    yield ipaddress.IPv6Address("2001:db8::1")
    for network in networks:
        first, last = network[0], network[-1]
        yield first
        yield last
        if int(first):
            yield first - 1
        if int(last) + 1 < 1 << last.max_prefixlen:
            yield last + 1
