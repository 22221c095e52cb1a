"""Recorded traffic: real providers' through a target, and cassettes of the official SDKs."""

from conformance.recordings.cassettes import (
    CassetteExistsError,
    CassetteInvalidError,
    CredentialCapturedError,
    Provenance,
    UnplayedInteractionsError,
    played,
    read_provenance,
)
from conformance.recordings.live import RecordingFailedError, record
from conformance.recordings.recording import (
    PROTOCOLS,
    NoRecordingsError,
    Recording,
    RecordingsInvalidError,
    read_recordings,
)
from conformance.recordings.scenarios import SCENARIOS, Scenario
from conformance.recordings.session import replay_report

__all__ = [
    "PROTOCOLS",
    "SCENARIOS",
    "CassetteExistsError",
    "CassetteInvalidError",
    "CredentialCapturedError",
    "NoRecordingsError",
    "Provenance",
    "Recording",
    "RecordingFailedError",
    "RecordingsInvalidError",
    "Scenario",
    "UnplayedInteractionsError",
    "played",
    "read_provenance",
    "read_recordings",
    "record",
    "replay_report",
]
