"""mmjit fills as the conformance cases say."""

import pytest

from tests.conformance_format import Case, differences, load_cases
from tests.conformance_runner import play


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case["name"])
def test_a_case_is_filled_as_it_says(case: Case) -> None:
    assert differences(case, play(case)) == []
