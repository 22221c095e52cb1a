"""Lanes: further generations of the official SDKs, each driven in an environment of its own."""

from conformance.lanes.installs import NotInstalledError, chosen, described, install_lane, installed_lane
from conformance.lanes.sdk import RemoteSdk
from conformance.lanes.table import MAIN, Lane, UnknownLaneError, generation, lane, lanes, main_lane
from conformance.lanes.workers import Workers

__all__ = [
    "MAIN",
    "Lane",
    "NotInstalledError",
    "RemoteSdk",
    "UnknownLaneError",
    "Workers",
    "chosen",
    "described",
    "generation",
    "install_lane",
    "installed_lane",
    "lane",
    "lanes",
    "main_lane",
]
