"""Gateways under test: their target files, how they are started and stopped, and where they are installed."""

from conformance.target.catalogue import BuiltIn, builtin
from conformance.target.claims import FEATURES, PROFILES, known_features, known_profiles
from conformance.target.hooks import HookFailedError, Hooks
from conformance.target.installs import InstallFailedError, Missing, install, installed
from conformance.target.loading import TargetInvalidError, asked_name, load
from conformance.target.process import TargetNotStartedError
from conformance.target.running import Running, launch
from conformance.target.schema import LIMITS, Auth, Model, Observability, Observed, Routing, Target
from conformance.target.supervision import Pulse
from conformance.target.templates import SECRETS

__all__ = [
    "FEATURES",
    "LIMITS",
    "PROFILES",
    "SECRETS",
    "Auth",
    "BuiltIn",
    "HookFailedError",
    "Hooks",
    "InstallFailedError",
    "Missing",
    "Model",
    "Observability",
    "Observed",
    "Pulse",
    "Routing",
    "Running",
    "Target",
    "TargetInvalidError",
    "TargetNotStartedError",
    "asked_name",
    "builtin",
    "install",
    "installed",
    "known_features",
    "known_profiles",
    "launch",
    "load",
]
