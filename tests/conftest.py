"""What every test shares: where recorded markets are, and how long hypothesis looks."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile(
    "default", deadline=None, max_examples=50, suppress_health_check=SLOW_IS_FINE
)
settings.register_profile("brief", parent=settings.get_profile("default"), max_examples=25)
settings.register_profile("ci", parent=settings.get_profile("default"), max_examples=100)
settings.register_profile("long", parent=settings.get_profile("default"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of recorded markets."""
    place = os.environ.get("MMJIT_DATA")
    if not place:
        pytest.skip("needs recorded markets: set MMJIT_DATA to their folder")
    return Path(place)
