"""Pace, gate and retries, on a clock that the test turns."""

from __future__ import annotations

import threading
from collections import deque
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from v7s3.errors import InterruptedRunError, StoppedError
from v7s3.sandbox import SandboxDarwin
from v7s3.transport import (
    LAGS,
    LATEST,
    LEAST_MARGIN,
    MARGIN,
    Clock,
    Gate,
    Pace,
    PacedTransport,
    RetryTransport,
    Traffic,
    TransportEach,
    retry_after,
)

URL = "https://server.test/work"
TODAY = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


class TurnedClock(Clock):
    """Waiting turns it; nothing else takes time. A deterministic lateness stands for threads that wake up late."""

    def __init__(self, lateness: float = 0.0) -> None:
        super().__init__()
        self.time = 0.0
        self.waits: list[float] = []
        self._lateness = lateness

    def now(self) -> float:
        return self.time

    def date(self) -> datetime:
        return TODAY + timedelta(seconds=self.time)

    def wait(self, seconds: float) -> None:
        super().wait(0)
        self.waits.append(seconds)
        self.time += max(seconds, 0) + self._lateness * (len(self.waits) % 3)


def bucket(clock: TurnedClock, per_minute: float, burst: float = 1):
    """A token bucket; gives the seconds until a request may pass, 0 when it passes."""
    tokens, filled = burst, 0.0

    def ask() -> float:
        nonlocal tokens, filled
        tokens = min(burst, tokens + (clock.time - filled) * per_minute / 60)
        filled = clock.time
        if tokens < 1:
            return (1 - tokens) * 60 / per_minute
        tokens -= 1
        return 0.0

    return ask


def fixed_window(clock: TurnedClock, per_minute: float, offset: float = 17.0):
    """So many in each minute of the server's clock."""
    window, count = -1.0, 0

    def ask() -> float:
        nonlocal window, count
        minute, second = divmod(clock.time + offset, 60)
        if minute != window:
            window, count = minute, 0
        if count >= per_minute:
            return 60 - second
        count += 1
        return 0.0

    return ask


def sliding_window(clock: TurnedClock, per_minute: float):
    """So many in any sixty seconds."""
    passed: deque[float] = deque()

    def ask() -> float:
        while passed and clock.time - passed[0] >= 60:
            passed.popleft()
        if len(passed) >= per_minute:
            return passed[0] + 60 - clock.time
        passed.append(clock.time)
        return 0.0

    return ask


LIMITERS = {"token bucket": bucket, "fixed window": fixed_window, "sliding window": sliding_window}


def limited_server(ask, *, says_when: bool) -> httpx.MockTransport:
    def answer(_request: httpx.Request) -> httpx.Response:
        wait = ask()
        if not wait:
            return httpx.Response(200)
        return httpx.Response(429, headers={"Retry-After": str(int(wait) + 1)} if says_when else {})

    return httpx.MockTransport(answer)


def paced(inner: httpx.BaseTransport, clock: Clock, per_minute: float = 100, **options) -> tuple[httpx.Client, Traffic]:
    traffic = Traffic()
    gate = Gate(per_minute, clock, traffic)
    return httpx.Client(transport=PacedTransport(inner, lambda _request: gate, clock, **options)), traffic


def scripted(*answers: int | httpx.Response | Exception):
    """A transport that gives these answers in turn, the last one for ever, and remembers the bodies it was sent."""
    bodies: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        given = answers[min(len(bodies), len(answers)) - 1]
        if isinstance(given, Exception):
            raise given
        return httpx.Response(given) if isinstance(given, int) else given

    return httpx.MockTransport(answer), bodies


def retried(inner: httpx.BaseTransport, clock: Clock, **options) -> tuple[httpx.Client, Traffic]:
    traffic = Traffic()
    return httpx.Client(transport=RetryTransport(inner, clock, traffic, jitter=lambda: 1.0, **options)), traffic


# --- pace -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("says_when", [True, False])
@pytest.mark.parametrize("limiter", LIMITERS.values(), ids=LIMITERS)
def test_paced_at_the_servers_limit_nearly_all_of_it_is_used_and_nothing_refused(limiter, says_when):
    clock = TurnedClock(lateness=0.002)
    client, traffic = paced(limited_server(limiter(clock, 100), says_when=says_when), clock)
    for _ in range(500):
        assert client.get(URL).status_code == 200
    assert (traffic.requests, traffic.refused) == (500, 0)
    assert 500 / (clock.time / 60) >= 0.97 * 100


@pytest.mark.parametrize("says_when", [True, False])
@pytest.mark.parametrize("limiter", LIMITERS.values(), ids=LIMITERS)
def test_when_the_servers_limit_is_lower_the_pace_adapts_and_refusals_stay_few(limiter, says_when):
    clock = TurnedClock(lateness=0.002)
    client, traffic = paced(limited_server(limiter(clock, 60), says_when=says_when), clock)
    for _ in range(1000):
        assert client.get(URL).status_code == 200
    assert traffic.requests == 1000 + traffic.refused
    assert traffic.refused <= 50
    assert 1000 / (clock.time / 60) >= 0.75 * 60


def test_after_an_accident_the_pace_recovers():
    clock = TurnedClock()
    answers = iter([200] * 50 + [429] + [200] * 1000)
    client, _ = paced(httpx.MockTransport(lambda _request: httpx.Response(next(answers))), clock)
    for _ in range(900):
        client.get(URL)
    began = clock.time
    for _ in range(100):
        client.get(URL)
    assert clock.time - began <= 62


def test_without_a_limit_nothing_waits_until_the_server_refuses():
    clock = TurnedClock()
    transport, _ = scripted(*[200] * 30, 429, 200)
    client, traffic = paced(transport, clock, per_minute=float("inf"))
    for _ in range(30):
        client.get(URL)
    assert clock.time == 0
    assert client.get(URL).status_code == 200
    assert traffic.refused == 1
    assert clock.time > 0


def departures(pace: Pace, lateness: list[float], began: float = 0.0) -> list[float]:
    """When requests leave that are due one after another and leave so much too late."""
    times, now = [], began
    for late in lateness:
        now = max(now, pace.next_at) + late
        pace.sent(now)
        times.append(now)
    return times


def tokens_are_enough(arrivals: list[float], burst: float) -> bool:
    """Whether a token bucket of 100 a minute lets all of them through."""
    tokens, filled = burst, 0.0
    for arrival in sorted(arrivals):
        tokens, filled = min(burst, tokens + (arrival - filled) * 100 / 60) - 1, arrival
        if tokens < -1e-9:
            return False
    return True


def shaken(times: list[float], random, most: float) -> list[float]:
    return [one + random.uniform(0, most) for one in times]


@given(st.lists(st.floats(0, 2), max_size=80), st.randoms(use_true_random=False))
def test_however_late_the_threads_are_a_bucket_that_takes_a_few_at_once_refuses_nothing(lateness, random):
    arrivals = shaken(departures(Pace(100), lateness), random, 0.6)
    assert tokens_are_enough(arrivals, burst=1 + LATEST + 1)


@given(st.lists(st.floats(0, 0.003), max_size=80), st.randoms(use_true_random=False))
def test_a_server_that_takes_no_two_at_once_refuses_nothing_while_the_network_shakes_less_than_the_margin(late, random):
    arrivals = shaken(departures(Pace(100), late), random, LEAST_MARGIN * 0.6)
    assert tokens_are_enough(arrivals, burst=1)


@given(st.lists(st.floats(0, 2), max_size=80))
def test_once_refused_no_two_requests_are_closer_than_the_limit_however_late_they_are(lateness):
    pace = Pace(100)
    pace.sent(0.0)
    pace.refused(0.0, 0.1, 1.0)
    assert all(two - one >= 0.6 for one, two in pairwise(departures(pace, lateness)))


@given(st.lists(st.floats(0, (MARGIN - LEAST_MARGIN) * 0.6), min_size=2, max_size=80))
def test_who_is_a_little_late_delays_nobody(lateness):
    *_, last = departures(Pace(100), lateness)
    assert last <= (len(lateness) - 1) * 0.6 * (1 + MARGIN) + lateness[0] + 2 * (MARGIN - LEAST_MARGIN) * 0.6


@given(st.floats(0, 2.9), st.booleans())
def test_who_is_late_once_is_caught_up_with(late, refused_before):
    pace, began = Pace(100), 0.0
    if refused_before:
        pace.sent(0.0)
        pace.refused(0.0, 0.1, 1.0)
        began = 1.1
    *_, last = departures(pace, [0.0, late, *[0.0] * 700], began)
    assert last == pytest.approx(began + 701 * 0.6 * (1 + MARGIN))


@given(
    st.lists(st.floats(0, 0.3), max_size=8),
    st.floats(0, 0.3),
    st.lists(st.floats(0, LEAST_MARGIN * 0.6), min_size=LAGS, max_size=80),
)
def test_requests_that_take_a_while_to_go_out_keep_their_distance_on_the_wire(opening, usual, shaking):
    """The first ones open connections; what all of them take does not bring two of them closer together."""
    lags = [usual + more for more in (*opening, *shaking)]
    pace, arrivals, now = Pace(100), [], 0.0
    for lag in lags:
        now = max(now, pace.next_at)
        pace.sent(now)
        pace.went_out(now, now + lag)
        arrivals.append(now + lag)
    assert tokens_are_enough(arrivals, burst=1)


@given(st.floats(0, 0.3))
def test_what_every_request_takes_to_go_out_does_not_slow_the_pace(lag):
    pace, now = Pace(100), 0.0
    for _ in range(1000):
        now = max(now, pace.next_at)
        pace.sent(now)
        pace.went_out(now, now + lag)
    assert now <= LAGS * lag + 999 * 0.6 * (1 + MARGIN) + 1e-6


def test_time_without_anything_to_send_is_not_caught_up():
    pace = Pace(100)
    departures(pace, [0.0])
    arrivals = departures(pace, [0.0] * 100, began=3600.0)
    assert all(two - one == pytest.approx(0.6 * (1 + MARGIN)) for one, two in pairwise(arrivals))


def test_each_request_waits_at_its_own_gate():
    clock, traffic = TurnedClock(), Traffic()
    slow, fast = Gate(60, clock, traffic), Gate(6000, clock, traffic)
    transport, _ = scripted(200)
    client = httpx.Client(
        transport=PacedTransport(transport, lambda request: slow if request.method == "POST" else fast, clock)
    )
    for _ in range(50):
        client.get(URL)
    assert clock.time < 0.6
    client.post(URL)
    assert clock.time < 0.6
    client.post(URL)
    assert clock.time > 1


# --- gate -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "header, seconds",
    [
        ("7", 7.0),
        ("0", 0.0),
        (format_datetime(TODAY + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(TODAY - timedelta(seconds=90), usegmt=True), 0.0),
        ("Fri, 01 May 2026 12:00:30 -0000", 30.0),
        ("Friday, 01-May-26 12:00:05 GMT", 5.0),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
        ("1" * 400, 1e12),
        ("Mon, 01 Jan 2026 00:00:00 +9999999999999999999", None),
        ("Mon, 01 Jan 2026 00:00:00 +9999", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    response = httpx.Response(429, headers={"Retry-After": header.encode()})
    assert retry_after(response, TODAY) == seconds


@pytest.mark.parametrize("header", ["42", format_datetime(TODAY + timedelta(seconds=42), usegmt=True)])
def test_a_refused_request_is_sent_again_when_the_server_said(header):
    clock = TurnedClock()
    transport, bodies = scripted(httpx.Response(429, headers={"Retry-After": header}), 200)
    client, traffic = paced(transport, clock)
    assert client.post(URL, content=b"items").status_code == 200
    assert clock.time == 42
    assert bodies == [b"items", b"items"]
    assert (traffic.requests, traffic.refused, traffic.closed_until) == (2, 1, 42)


def test_without_retry_after_the_waits_double_up_to_a_minute():
    clock = TurnedClock()
    transport, _ = scripted(*[429] * 12, 200)
    client, _ = paced(transport, clock)
    assert client.get(URL).status_code == 200
    waits = [wait for wait in clock.waits if wait > 0]
    assert len(waits) == 12
    assert all(one * 0.75 / 1.25 <= two / 2 <= one * 1.25 / 0.75 for one, two in pairwise(waits[:7]))
    assert all(45 <= wait <= 75 for wait in waits[-4:])


@pytest.mark.parametrize("header", ["0", format_datetime(TODAY - timedelta(days=1), usegmt=True)])
@pytest.mark.parametrize("per_minute", [100, float("inf")])
def test_a_retry_after_that_asks_for_no_wait_is_no_leave_to_storm(header, per_minute):
    """A local clock that is a minute ahead makes every date one that has passed."""
    clock = TurnedClock()
    transport, bodies = scripted(*[httpx.Response(429, headers={"Retry-After": header})] * 50, 200)
    client, _ = paced(transport, clock, per_minute=per_minute, patience=600)
    assert client.get(URL).status_code == 429
    assert 540 <= clock.time <= 700
    assert len(bodies) < 30


def test_a_second_that_was_asked_for_is_one_second_however_often():
    clock = TurnedClock()
    transport, _ = scripted(*[httpx.Response(429, headers={"Retry-After": "1"})] * 8, 200)
    client, _ = paced(transport, clock)
    assert client.get(URL).status_code == 200
    assert [wait for wait in clock.waits if wait > 0] == [1] * 8


@pytest.mark.parametrize("header", ["7200", "99999999999"])
def test_who_is_to_wait_longer_than_anybody_will_is_told_so_at_once(header):
    clock = TurnedClock()
    transport, bodies = scripted(httpx.Response(429, headers={"Retry-After": header}), 200)
    client, _ = paced(transport, clock, patience=600)
    assert client.get(URL).status_code == 429
    with pytest.raises(StoppedError, match="refuses requests for another"):
        client.get(URL)
    assert (len(bodies), clock.time) == (1, 0)


def test_a_quota_is_not_waited_out():
    clock = TurnedClock()
    transport, bodies = scripted(httpx.Response(429, json={"errors": {"code": "QUOTA"}}))
    client, traffic = paced(transport, clock, is_permanent=lambda response: b"QUOTA" in response.content)
    assert client.get(URL).status_code == 429
    assert (len(bodies), clock.time, traffic.refused) == (1, 0, 0)


def test_a_request_that_is_refused_for_too_long_is_given_up():
    clock = TurnedClock()
    transport, bodies = scripted(429)
    client, _ = paced(transport, clock, patience=600)
    assert client.get(URL).status_code == 429
    assert 540 <= clock.time <= 700
    assert len(bodies) < 30


def test_a_server_that_asks_for_more_patience_than_there_is_is_not_waited_for():
    clock = TurnedClock()
    transport, bodies = scripted(httpx.Response(429, headers={"Retry-After": "86400"}))
    client, _ = paced(transport, clock, patience=600)
    assert client.get(URL).status_code == 429
    assert (len(bodies), clock.time) == (1, 0)


def test_while_the_gate_is_closed_one_request_probes_and_the_others_wait():
    """Four threads; the first request is refused, the probe is held up: nobody else gets through meanwhile."""
    lock, probing, answered = threading.Lock(), threading.Event(), threading.Event()
    sent = 0

    def answer(_request: httpx.Request) -> httpx.Response:
        nonlocal sent
        with lock:
            sent += 1
            number = sent
        if number == 1:
            return httpx.Response(429, headers={"Retry-After": "0"})
        if number == 2:
            probing.set()
            assert answered.wait(30)
        return httpx.Response(200)

    client, traffic = paced(httpx.MockTransport(answer), Clock(), per_minute=float("inf"))
    assert_probe = threading.Thread(target=client.get, args=(URL,))
    assert_probe.start()
    assert probing.wait(30)
    others = [threading.Thread(target=client.get, args=(URL,)) for _ in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join(0.02)
        assert other.is_alive()
    assert (traffic.requests, traffic.refused) == (2, 1)
    answered.set()
    for thread in (assert_probe, *others):
        thread.join(30)
    assert (traffic.requests, traffic.refused) == (5, 1)


def test_refusals_that_were_under_way_when_the_gate_closed_are_one_event():
    pace = Pace(60, jitter=lambda: 0.5)
    for departure in (0.0, 2.0, 4.0):
        pace.sent(departure)
    pace.refused(2.0, 10.0, None)
    reopening = pace.next_at
    pace.refused(4.0, 10.2, None)
    assert pace.next_at == reopening
    pace.refused(reopening, reopening + 0.1, None)
    assert pace.next_at > reopening + 1


def test_a_probe_that_gets_no_answer_leaves_the_gate_to_the_next():
    clock = TurnedClock()
    transport, _ = scripted(429, httpx.ConnectError("gone"), 200)
    client, traffic = paced(transport, clock)
    with pytest.raises(httpx.ConnectError):
        client.get(URL)
    assert client.get(URL).status_code == 200
    assert traffic.requests == 3


# --- stop -----------------------------------------------------------------------------------------------------------
def test_a_stop_ends_a_wait_at_once_and_nothing_is_sent():
    stop = threading.Event()
    transport, bodies = scripted(httpx.Response(429, headers={"Retry-After": "600"}))
    client, _ = paced(transport, Clock(stop))
    ended = threading.Event()

    def send() -> None:
        with pytest.raises(InterruptedRunError, match="it was not sent"):
            client.get(URL)
        ended.set()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    while not bodies:
        pass
    stop.set()
    for thread in threads:
        thread.join(10)
    assert ended.is_set()
    assert len(bodies) == 1


def test_after_a_stop_nothing_leaves_even_without_a_wait():
    stop = threading.Event()
    stop.set()
    transport, bodies = scripted(200)
    client, _ = paced(transport, Clock(stop), per_minute=float("inf"))
    with pytest.raises(InterruptedRunError):
        client.get(URL)
    assert bodies == []


def test_a_stop_ends_the_wait_before_another_attempt():
    clock = Clock()
    transport, bodies = scripted(200, 500)
    client, _ = retried(transport, clock, first_wait=600, patience=9999)
    client.get(URL)
    clock.stop.set()
    with pytest.raises(InterruptedRunError):
        client.get(URL)
    assert len(bodies) == 2


# --- retries --------------------------------------------------------------------------------------------------------
FAULTS = [
    500,
    502,
    503,
    504,
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("slow"),
    httpx.ReadError("reset"),
    httpx.ReadTimeout("slow"),
    httpx.WriteError("reset"),
    httpx.RemoteProtocolError("Server disconnected without sending a response."),
    httpx.ProxyError("502"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_what_may_go_away_is_sent_again_with_the_same_body(fault):
    clock = TurnedClock()
    transport, bodies = scripted(fault, fault, 200)
    client, traffic = retried(transport, clock)
    assert client.post(URL, content=iter([b"one ", b"two"])).status_code == 200
    assert bodies == [b"one two"] * 3
    assert clock.waits == [0.25, 0.5]
    assert traffic.retried == 2


@pytest.mark.parametrize("status", [200, 201, 301, 400, 401, 403, 404, 409, 413, 422, 429, 501])
def test_what_will_not_go_away_is_returned_at_once(status):
    transport, bodies = scripted(status)
    client, traffic = retried(transport, TurnedClock())
    assert client.get(URL).status_code == status
    assert (len(bodies), traffic.retried) == (1, 0)


def test_an_answer_that_breaks_off_is_a_fault_too():
    class Broken(httpx.SyncByteStream):
        def __iter__(self):
            yield b'{"items'
            raise httpx.ReadError("reset")

    transport, bodies = scripted(httpx.Response(200, stream=Broken()), httpx.Response(200, content=b"whole"))
    client, _ = retried(transport, TurnedClock())
    assert client.get(URL).content == b"whole"
    assert len(bodies) == 2


def test_attempts_are_bounded_and_the_last_answer_stands():
    clock = TurnedClock()
    transport, bodies = scripted(502, 502, 502, 503)
    client, _ = retried(transport, clock, attempts=4)
    assert client.get(URL).status_code == 503
    assert len(bodies) == 4
    assert clock.waits == [0.25, 0.5, 1.0]


def test_waits_have_an_upper_bound_and_so_has_the_whole():
    clock = TurnedClock()
    transport, _ = scripted(500)
    client, _ = retried(transport, clock, attempts=1000, longest_wait=60, patience=300)
    client.get(URL)
    assert max(clock.waits) == 60
    assert clock.time <= 300


def test_a_503_that_says_when_is_believed():
    clock = TurnedClock()
    transport, _ = scripted(httpx.Response(503, headers={"Retry-After": "20"}), 200)
    client, _ = retried(transport, clock)
    assert client.get(URL).status_code == 200
    assert clock.waits == [20]


def test_a_server_that_never_answered_is_given_up_soon():
    clock = TurnedClock()
    transport, bodies = scripted(httpx.ConnectError("refused"))
    client, _ = retried(transport, clock)
    with pytest.raises(httpx.ConnectError, match="refused"):
        client.get(URL)
    assert len(bodies) == 3
    assert clock.time < 1


def test_a_server_that_answered_before_is_tried_for_minutes():
    clock = TurnedClock()
    transport, bodies = scripted(200, httpx.ConnectError("refused"))
    client, _ = retried(transport, clock)
    client.get(URL)
    with pytest.raises(httpx.ConnectError):
        client.get(URL)
    assert len(bodies) == 11
    assert 100 < clock.time <= 300


def test_what_is_hopeless_is_not_tried_again():
    transport, bodies = scripted(httpx.ConnectError("certificate"))
    client, _ = retried(transport, TurnedClock(), is_hopeless=lambda error: "certificate" in str(error))
    with pytest.raises(httpx.ConnectError):
        client.get(URL)
    assert len(bodies) == 1


def test_a_bug_in_the_transport_is_not_mistaken_for_a_fault():
    transport, bodies = scripted(ZeroDivisionError())
    client, _ = retried(transport, TurnedClock())
    with pytest.raises(ZeroDivisionError):
        client.get(URL)
    assert len(bodies) == 1


def test_each_thread_has_a_transport_of_its_own_and_all_are_closed():
    made: list[Counting] = []
    ready = threading.Barrier(4)

    class Counting(httpx.BaseTransport):
        def __init__(self) -> None:
            self.threads: list[int] = []
            self.closed = False
            made.append(self)

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            self.threads.append(threading.get_ident())
            return httpx.Response(200)

        def close(self) -> None:
            self.closed = True

    transport = TransportEach(Counting)
    assert len(made) == 1  # what is wrong with the settings is found before the first request

    def send() -> None:
        ready.wait()  # so that no thread ends before another begins, and gives it its number
        for _ in range(3):
            transport.handle_request(httpx.Request("GET", "http://127.0.0.1/"))
        ready.wait()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    transport.close()
    assert [len(one.threads) for one in made] == [3, 3, 3, 3]
    assert len({number for one in made for number in one.threads}) == 4
    assert all(len(set(one.threads)) == 1 and one.closed for one in made)


class CountingGate(Gate):
    def __init__(self, per_minute: float) -> None:
        super().__init__(per_minute, Clock(), Traffic())
        self.lags: list[float] = []

    def went_out(self, sent: float) -> None:
        self.lags.append(Clock().now() - sent)
        super().went_out(sent)


@pytest.mark.parametrize(("per_minute", "told"), [(60_000, 3), (float("inf"), 0)])
def test_the_network_tells_when_a_request_has_gone_out(per_minute, told):
    """By httpcore's name of an event: should it change, requests would be spaced where they leave, not on the wire."""
    gate = CountingGate(per_minute)
    with SandboxDarwin() as darwin, httpx.HTTPTransport() as network:
        transport = PacedTransport(network, lambda _request: gate, Clock())
        for _ in range(3):
            transport.handle_request(httpx.Request("POST", darwin.url, content=b"items"))
    assert len(gate.lags) == told
    assert all(0 <= lag < 10 for lag in gate.lags)
