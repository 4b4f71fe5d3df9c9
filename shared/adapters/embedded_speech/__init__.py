"""Speech to text with speakers told apart, on this machine: Whisper, CAM++ voiceprints, no account and no network."""

from shared.adapters.embedded_speech.engine import EmbeddedSpeechEngine

__all__ = ["EmbeddedSpeechEngine"]
