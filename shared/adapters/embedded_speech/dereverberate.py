"""Late reverberation taken out of speech: weighted prediction error, for one microphone. Pure, no I/O.

What a room adds long after the direct sound can be predicted, frequency by frequency, from what was heard a little
earlier; the prediction is taken off. Frames count the less the louder they are, or loud speech would be taken for the
room. T. Nakatani et al., "Speech dereverberation based on variance-normalized delayed linear prediction", IEEE
Transactions on Audio, Speech, and Language Processing 18 (7), 2010.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.complex64]

FRAME = 512
"""Samples of a frame: 32 ms at 16 kHz."""
HOP = 128
"""Samples from one frame to the next: 8 ms."""
DELAY = 3
"""Frames left alone: reflections of the first 24 ms help who listens."""
TAPS = 30
"""Frames the prediction looks back: 240 ms, most of what the sound of a furnished room lasts."""
ROUNDS = 3
"""How often the loudness of the speech alone is estimated anew."""
AT_ONCE = 16
"""Frequencies worked on at once: half a minute takes about 50 MB."""

_WINDOW: Floats = np.hanning(FRAME + 1)[:-1].astype(np.float32)


def dereverberated(samples: Floats) -> Floats:
    """The speech in 16 kHz samples with less of the room: as many samples, each in its place."""
    spectrum = _spectrum(samples)
    for first in range(0, len(spectrum), AT_ONCE):
        spectrum[first : first + AT_ONCE] = _without_late_sound(spectrum[first : first + AT_ONCE])
    return _samples(spectrum)[: len(samples)]


def _without_late_sound(heard: Spectrum) -> Spectrum:
    """Of [frequencies, frames]."""
    past = np.zeros((len(heard), TAPS, heard.shape[1]), np.complex64)
    for tap in range(TAPS):
        lag = DELAY + tap
        past[:, tap, lag:] = heard[:, : max(heard.shape[1] - lag, 0)]
    dry = heard
    for _ in range(ROUNDS):
        weighted = past / _loudness(dry)[:, None]
        correlation = weighted @ past.conj().transpose(0, 2, 1)
        towards = weighted @ heard.conj()[:, :, None]
        steadied = 1e-6 * np.trace(correlation, axis1=1, axis2=2).real / TAPS + 1e-9
        weights = np.linalg.solve(correlation + steadied[:, None, None] * np.eye(TAPS, dtype=np.float32), towards)
        dry = np.asarray(heard - (weights.conj().transpose(0, 2, 1) @ past)[:, 0], np.complex64)
    return dry


def _loudness(dry: Spectrum) -> Floats:
    """Power by frequency and frame, over three frames; never nought, not even in silence."""
    power = np.abs(dry) ** 2
    around = (np.roll(power, 1, axis=1) + power + np.roll(power, -1, axis=1)) / 3
    return np.asarray(np.maximum(around, 1e-6 * around.max(axis=1, keepdims=True) + 1e-12), np.float32)


def _spectrum(samples: Floats) -> Spectrum:
    """[frequencies, frames]; the first sample is in as many frames as any other."""
    frames = -(-(FRAME + len(samples)) // HOP)
    padded = np.zeros((frames - 1) * HOP + FRAME, np.float32)
    padded[FRAME - HOP : FRAME - HOP + len(samples)] = samples
    cut = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    return np.fft.rfft(cut * _WINDOW, axis=1).astype(np.complex64).T.copy()


def _samples(spectrum: Spectrum) -> Floats:
    """Frames added where they overlap; what stands before the first sample is left out."""
    frames = np.fft.irfft(spectrum.T, FRAME, axis=1) * _WINDOW
    added = np.zeros((len(frames) - 1) * HOP + FRAME)
    weight = np.zeros_like(added)
    for n, frame in enumerate(frames):
        added[n * HOP : n * HOP + FRAME] += frame
        weight[n * HOP : n * HOP + FRAME] += _WINDOW**2
    return (added / np.maximum(weight, 1e-3))[FRAME - HOP :].astype(np.float32)
