"""Recorded traffic: real providers' through a target, and cassettes of the official SDKs."""

from conformance.recordings.recording import (
    NoRecordingsError,
    Recording,
    RecordingsInvalidError,
    read_recordings,
)
from conformance.recordings.session import replay_report

__all__ = ["NoRecordingsError", "Recording", "RecordingsInvalidError", "read_recordings", "replay_report"]
