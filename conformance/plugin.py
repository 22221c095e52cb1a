"""The pytest plugin: `pytest --pyargs conformance.suites --target=TARGET`.

Inert, and light to import, unless one of its options is given. All but `--target` carry our name: every pytest run in
an environment with this package has them.
"""

from __future__ import annotations

import pytest

from conformance.lasting import lasting


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance", "conformance of an LLM gateway")
    group.addoption("--target", dest="conformance_target", help="built-in target or path to a target file")
    group.addoption(
        "--conformance-profile", dest="conformance_profiles", action="append", default=[], help="only this profile"
    )
    group.addoption(
        "--conformance-check", dest="conformance_checks", action="append", default=[], help="only this check"
    )
    group.addoption(
        "--conformance-lane", dest="conformance_lanes", action="append", default=[], help="also drive this SDK"
    )
    group.addoption("--conformance-out", dest="conformance_out", help="directory of the report")
    group.addoption("--conformance-waivers", dest="conformance_waivers", help="file of waivers")
    group.addoption(
        "--conformance-selftest", dest="conformance_selftest", action="store_true", help="judge the checks themselves"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("conformance_target") or config.getoption("conformance_selftest"):
        with lasting():
            _set_up(config)


def _set_up(config: pytest.Config) -> None:
    from conformance.run import fixtures  # noqa: PLC0415 - the SDKs are slow to import
    from conformance.run.session import WRONG_USAGE, Run  # noqa: PLC0415

    try:
        run = Run(config)
    except WRONG_USAGE as error:
        raise pytest.UsageError(str(error)) from error
    config.pluginmanager.register(fixtures, "conformance-fixtures")
    config.pluginmanager.register(run, "conformance-run")
