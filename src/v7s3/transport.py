"""Pace and retries as wrappers of httpx transports. Nothing here knows of V7.

    RetryTransport              sends again what was dropped, timed out or met a 5xx
      └── PacedTransport        sends at the pace of the request's gate, and again what was refused with 429
            └── TransportEach   a connection for each thread
                  └── …         the real transport

A `Gate` is one limit of the server, shared by all threads. It spaces the requests at the documented rate from the
start: workers that back off alone are refused more often than they are served, paced ones hardly ever. When the
server refuses all the same, the gate closes for all, one request probes, and the pace is slowed to what was served.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx

from v7s3.errors import InterruptedRunError, StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable

# The timetable has the requests this much further apart than the limit asks for. Who left late is followed sooner than
# the timetable says until all is caught up, but never closer than by the smaller margin: that much the network may
# shake the distances before even a server that takes no two requests at once refuses one.
MARGIN = 0.0175
LEAST_MARGIN = 0.01
# More than half a request behind the timetable the small margin is not enough to catch up: half the distance is taken,
# until the server refuses for the first time; then it counts more strictly than by the minute.
BEHIND = 0.5
HURRIED = 0.5
# Later than by so many requests was not late: there was nothing to send.
LATEST = 5
# What every request takes to go out is known after so many; until then connections are opened, which takes longer.
LAGS = 32

# A gate never slows below this share of its limit: below it, waiting for the gate to open is the better brake.
SLOWEST = 1 / 16
# How much faster with each request served: a minute's worth of a hundred requests wins back a tenth. What is
# left is won back by this share of it at most, so that a server that counts strictly refuses one in hundreds.
RECOVERY = 0.001
LAST_RECOVERY = 0.003
LEAST_BELIEF = 0.02  # how much slower after a refusal that the first probe could not repeat
# Seconds between two probes when the server does not say; they double from the present pace.
SHORTEST_CLOSED = 0.05
LONGEST_CLOSED = 60.0
# Retry-After counts whole seconds. What is shorter asks for nothing, or names a moment that a local clock that is ahead
# has passed already: the server is not done refusing all the same.
LEAST_ASKED = 1.0
EVER = 1e12  # seconds: longer than anybody waits, and still a number that can be told and counted with

RETRIED_STATUSES = frozenset({500, 502, 503, 504})


class Clock:
    """Time, and waiting that ends when the run is to stop."""

    def __init__(self, stop: threading.Event | None = None) -> None:
        self.stop = stop or threading.Event()

    def now(self) -> float:
        """Seconds that only go forward."""
        return time.monotonic()

    def date(self) -> datetime:
        """What the calendar says, in UTC."""
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        """Wait. Raises InterruptedRunError at once when the run is to stop, also without anything to wait for."""
        if self.stop.wait(max(seconds, 0)):
            raise InterruptedRunError("stopped while a request waited to be sent; it was not sent")


@dataclass
class Traffic:
    """What went over the wire so far, for the progress display. Read freely; written under the lock."""

    requests: int = 0  # sent, each attempt counted
    refused: int = 0  # of these answered with 429
    retried: int = 0  # sent again after a fault
    closed_until: float = -math.inf  # on the clock's scale; in the future while the server's refusal is waited out

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def count(self, *, requests: int = 0, refused: int = 0, retried: int = 0, closed_until: float = -math.inf) -> None:
        with self._lock:
            self.requests += requests
            self.refused += refused
            self.retried += retried
            self.closed_until = max(self.closed_until, closed_until)


class Pace:
    """When the next request may leave: the arithmetic of a gate, without clock or threads.

    `per_minute` is the limit, math.inf for none. Times are seconds on any one scale. Requests leave by a timetable; one
    that leaves late does not delay those after it, but they keep a distance (the constants say which). So a server is
    never asked for more than its limit and `LATEST` requests, and, as long as nobody is late by half a request, not
    for two requests closer than its limit. A *cycle* reaches from one opening of the gate to the next; what was served
    in it tells the server's real limit.
    """

    def __init__(self, per_minute: float, jitter: Callable[[], float] = random.random) -> None:
        self._shortest = 60 / per_minute * (1 + MARGIN)
        self._jitter = jitter
        self.interval = self._shortest  # seconds between two requests at present
        self.next_at = -math.inf
        self._timetable = -math.inf  # when the next request would leave had none been late
        self._closest = self.interval  # seconds that the next request has to stay behind the one before, however late
        self._may_hurry = True
        self._lags: deque[float] = deque(maxlen=LAGS)  # seconds that the last requests took to go out
        self.closed = False
        self._closed_at = -math.inf
        self._refused_in_a_row = 0
        self._refused_until = -math.inf  # the server surely refused until then
        self._cycle_start = math.nan
        self._served = 0  # in this cycle
        self._belief = LEAST_BELIEF / 2

    def sent(self, now: float) -> None:
        """A request leaves now."""
        if math.isnan(self._cycle_start):
            self._cycle_start = now
        behind = (now - self._timetable) / self.interval if self.interval else math.inf
        if behind > LATEST:
            self._timetable, behind = now, 0.0
        hurried = self._may_hurry and behind > BEHIND
        self._closest = self.interval * (HURRIED if hurried else (1 + LEAST_MARGIN) / (1 + MARGIN))
        self._timetable += self.interval
        self.next_at = max(self._timetable, now + self._closest)

    def went_out(self, sent: float, now: float) -> None:
        """The request that left at `sent` is on the wire now: the next one keeps its distance there.

        It may leave sooner by what every request takes to go out. What the first ones take is not caught up with.
        """
        self._lags.append(now - sent)
        is_known = len(self._lags) == LAGS
        usual = min(self._lags) if is_known else 0.0
        self.next_at = max(self.next_at, now - usual + self._closest)
        if not is_known:
            self._timetable = max(self._timetable, self.next_at)

    def served(self, sent: float, *, probe: bool = False) -> None:
        """The server let the request that left at `sent` through."""
        if probe:
            self._learn()
            self.closed = False
            self._cycle_start, self._served = sent, 0
        self._served += 1
        self.interval -= min(self.interval * RECOVERY, (self.interval - self._shortest) * LAST_RECOVERY)

    def refused(self, sent: float, now: float, retry_after: float | None) -> None:
        """The request that left at `sent` was refused; the server asked for `retry_after` seconds, or did not say.

        It is taken at its word, but for less than `LEAST_ASKED`: then the waits double as if it had said nothing.
        """
        if self.closed and sent < self._closed_at:
            return  # it was under way when the gate closed: the same event
        if not self.closed:
            self.closed, self._closed_at, self._refused_in_a_row = True, now, 0
            self._may_hurry = False
        wait = retry_after or 0.0
        if wait < LEAST_ASKED:
            wait = max(wait, self._backoff())
        self.next_at = self._timetable = now + wait
        self._refused_in_a_row += 1
        # Retry-After is in whole seconds, rounded up: up to one of them was not necessary.
        self._refused_until = sent + max((retry_after or 0) - 1, 0)

    def _backoff(self) -> float:
        wait = max(self.interval, SHORTEST_CLOSED) * 2**self._refused_in_a_row
        return float(min(wait, LONGEST_CLOSED) * (0.75 + self._jitter() / 2))

    def _learn(self) -> None:
        """Slow the pace to what was served in the cycle that ends.

        A refusal that lasted tells of a real limit: believe it up to a factor of two. One that was gone at the first
        probe may be an accident: believe little of it, and twice as much each time another follows on its heels.
        """
        lasting = self._refused_until > self._closed_at
        self._belief = 2.0 if lasting else self._belief * 2 if self._served < 10 else LEAST_BELIEF
        cycle = self._refused_until - self._cycle_start + self.interval
        learned = cycle / self._served if self._served else math.inf
        most = self.interval * (1 + min(self._belief, 1.0)) or SHORTEST_CLOSED
        slowest = self._shortest / SLOWEST or math.inf
        self.interval = min(max(learned, self.interval * 1.01), most, slowest)


class Gate:
    """One limit of the server, shared by all threads that send under it."""

    def __init__(self, per_minute: float, clock: Clock, traffic: Traffic) -> None:
        self._clock = clock
        self._traffic = traffic
        self._pace = Pace(per_minute)
        self._turn = threading.Lock()  # held by the thread that is next, while it waits and while it probes
        self._state = threading.Lock()  # guards the pace

    def send(
        self,
        send: Callable[[float], httpx.Response],
        is_refusal: Callable[[httpx.Response], bool],
        patience: float = math.inf,
    ) -> httpx.Response:
        """Wait for this thread's turn, then send. While the gate is closed one request probes and the others wait.

        `send` is given the time at which the request leaves; where the gate `keeps_distance`, it should call `went_out`
        with it when the request is on the wire. Raises InterruptedRunError when the run is to stop before the request
        has left, StoppedError when the server has asked to wait longer than `patience` seconds.
        """
        with self._turn:
            probe, sent = self._depart(patience)
            if probe:
                return self._note(send(sent), is_refusal, sent, probe=True)
        return self._note(send(sent), is_refusal, sent)

    @property
    def keeps_distance(self) -> bool:
        """Whether requests have to be apart from each other, so that it counts when one has gone out."""
        return self._pace.interval > 0

    def went_out(self, sent: float) -> None:
        with self._state:
            if not self._pace.closed:
                self._pace.went_out(sent, self._clock.now())

    def _depart(self, patience: float) -> tuple[bool, float]:
        while True:
            with self._state:
                now = self._clock.now()
                wait = self._pace.next_at - now
                if wait <= 0 and not self._clock.stop.is_set():
                    self._pace.sent(now)
                    self._traffic.count(requests=1)
                    return self._pace.closed, now
                if self._pace.closed and wait > patience:
                    raise StoppedError(
                        f"the server refuses requests for another {wait:,.0f} s", hint="run the same command again then"
                    )
            self._clock.wait(wait)

    def _note(
        self,
        response: httpx.Response,
        is_refusal: Callable[[httpx.Response], bool],
        sent: float,
        *,
        probe: bool = False,
    ) -> httpx.Response:
        refusal = is_refusal(response)
        with self._state:
            if refusal:
                now = self._clock.now()
                self._pace.refused(sent, now, retry_after(response, self._clock.date()))
                self._traffic.count(refused=1, closed_until=self._pace.next_at)
            else:
                self._pace.served(sent, probe=probe)
        return response


class TransportEach(httpx.BaseTransport):
    """A transport of its own, with one connection, for each thread that sends.

    A pool that threads share polls each of its idle connections before and after every request. The first transport is
    made at once, so that `make` raises here what is wrong with the settings.
    """

    def __init__(self, make: Callable[[], httpx.BaseTransport]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._mine = threading.local()
        self._spare = [make()]
        self._all = self._spare.copy()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            transport: httpx.BaseTransport = self._mine.transport
        except AttributeError:
            transport = self._mine.transport = self._open()
        return transport.handle_request(request)

    def _open(self) -> httpx.BaseTransport:
        with self._lock:
            if self._spare:
                return self._spare.pop()
            made = self._make()
            self._all.append(made)
            return made

    def close(self) -> None:
        with self._lock:
            for transport in self._all:
                transport.close()


class PacedTransport(httpx.BaseTransport):
    """Sends each request when its gate lets it, and again when the server says 429.

    `gate_for` picks the gate of a request. `is_permanent` tells a 429 that no waiting will mend (a quota): it is
    returned as it is, as is a refusal when the same request has been refused for `patience` seconds or would be.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        gate_for: Callable[[httpx.Request], Gate],
        clock: Clock,
        *,
        is_permanent: Callable[[httpx.Response], bool] = lambda _response: False,
        patience: float = 900.0,
    ) -> None:
        self._inner = inner
        self._gate_for = gate_for
        self._clock = clock
        self._is_permanent = is_permanent
        self._patience = patience

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()  # so that the body can be sent again
        gate = self._gate_for(request)
        give_up = math.inf
        while True:
            response = gate.send(lambda sent: self._read(request, gate, sent), self._is_refusal, self._patience)
            if not self._is_refusal(response):
                return response
            now = self._clock.now()
            give_up = min(give_up, now + self._patience)
            if now + (retry_after(response, self._clock.date()) or 0) >= give_up:
                return response

    def _read(self, request: httpx.Request, gate: Gate, sent: float) -> httpx.Response:
        def trace(event: str, _info: object) -> None:  # httpcore's events; a new connection or a busy machine delays
            if event.endswith("send_request_body.complete"):
                gate.went_out(sent)

        if gate.keeps_distance:
            request.extensions["trace"] = trace
        response = self._inner.handle_request(request)
        response.read()  # whether a refusal is permanent stands in its body
        return response

    def _is_refusal(self, response: httpx.Response) -> bool:
        return response.status_code == 429 and not self._is_permanent(response)

    def close(self) -> None:
        self._inner.close()


class RetryTransport(httpx.BaseTransport):
    """Sends again what was dropped, timed out or met a 500, 502, 503 or 504, with jittered exponential backoff.

    At most `attempts` times and for `patience` seconds; then the last answer is returned or the last exception
    raised. Every request must be safe to repeat: V7 answers a repeated registration with ALREADY_EXISTS. As long as
    the server has never answered at all, three attempts are enough: its address is probably wrong. `is_hopeless` tells
    an exception that will not go away (a certificate that is not trusted).
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        clock: Clock,
        traffic: Traffic,
        *,
        is_hopeless: Callable[[httpx.TransportError], bool] = lambda _error: False,
        attempts: int = 10,
        patience: float = 300.0,
        first_wait: float = 0.25,
        longest_wait: float = 60.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._traffic = traffic
        self._is_hopeless = is_hopeless
        self._attempts = attempts
        self._patience = patience
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._jitter = jitter
        self._has_answered = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()  # so that the body can be sent again
        give_up = self._clock.now() + self._patience
        attempt = 0
        while True:
            attempt += 1
            try:
                response = self._inner.handle_request(request)
                response.read()  # a body that breaks off is a dropped connection too
            except httpx.TransportError as error:
                wait = self._wait(attempt)
                if self._is_last(attempt, give_up, wait) or self._is_hopeless(error):
                    raise
            else:
                self._has_answered = True
                if response.status_code not in RETRIED_STATUSES:
                    return response
                wait = max(self._wait(attempt), retry_after(response, self._clock.date()) or 0)
                if self._is_last(attempt, give_up, wait):
                    return response
            self._clock.wait(wait)
            self._traffic.count(retried=1)

    def _is_last(self, attempt: int, give_up: float, wait: float) -> bool:
        attempts = self._attempts if self._has_answered else min(self._attempts, 3)
        return attempt >= attempts or self._clock.now() + wait > give_up

    def _wait(self, attempt: int) -> float:
        return float(min(self._first_wait * 2 ** (attempt - 1), self._longest_wait) * (0.5 + self._jitter() / 2))

    def close(self) -> None:
        self._inner.close()


def retry_after(response: httpx.Response, now: datetime) -> float | None:
    """The seconds a `Retry-After` header asks for, from seconds or an HTTP date; None when it is absent or nonsense.

    RFC 9110 §10.2.3.
    """
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), EVER)
    try:
        date = parsedate_to_datetime(value)
        if date.tzinfo is None:  # "-0000", which RFC 5322 reads as UTC of unknown origin
            date = date.replace(tzinfo=UTC)
        return max((date - now).total_seconds(), 0.0)
    except (ValueError, OverflowError):  # a zone of a thousand years
        return None
