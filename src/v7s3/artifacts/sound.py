"""Sound of a video: AAC for the HLS segments, and the peaks that V7 draws below the player."""

from __future__ import annotations

import zlib
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
from av.audio.resampler import AudioResampler

from v7s3.artifacts.hls import CLOCK
from v7s3.artifacts.renditions import SoundPacket

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.packet import Packet

PEAKS_A_SECOND = 1000
_RATES = (48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)  # what AAC in MPEG-TS is played at everywhere
_GZIP = 31  # zlib's window bits for a gzip header


class Sound:
    """Takes the decoded frames of one audio track; mono stays mono, everything else becomes stereo."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        rate = max((one for one in _RATES if one <= sample_rate), default=_RATES[-1])
        self.encoder = av.CodecContext.create("aac", "w")
        self.encoder.sample_rate, self.encoder.format = rate, "fltp"
        self.encoder.layout = "mono" if channels == 1 else "stereo"
        self.encoder.bit_rate, self.encoder.time_base = 128_000, Fraction(1, rate)
        self.encoder.open()
        self._for_aac = AudioResampler("fltp", self.encoder.layout.name, rate, frame_size=self.encoder.frame_size)
        self._for_peaks = AudioResampler("u8", "mono", PEAKS_A_SECOND)
        self._gzip = zlib.compressobj(wbits=_GZIP)
        self._peaks = bytearray()

    def take(self, frame: AudioFrame | None, origin: int) -> list[SoundPacket]:
        """The AAC that `frame` completes; None for the end. `origin`: the container's start in ticks."""
        for resampled in self._for_peaks.resample(frame):
            self._peaks += self._gzip.compress(bytes(resampled.planes[0])[: resampled.samples])
        packets = []
        for resampled in self._for_aac.resample(frame):
            packets += self.encoder.encode(resampled)
        if frame is None:
            packets += self.encoder.encode(None)
        return [_in_ticks(packet, origin) for packet in packets]

    def peaks(self) -> bytes:
        """All of it as gzip: one unsigned byte for each millisecond, 128 is silence. Call it once, at the end."""
        return bytes(self._peaks + self._gzip.flush())


def _in_ticks(packet: Packet[Any], origin: int) -> SoundPacket:
    scale = packet.time_base * CLOCK
    return SoundPacket(round((packet.pts or 0) * scale) - origin, round((packet.duration or 0) * scale), bytes(packet))
