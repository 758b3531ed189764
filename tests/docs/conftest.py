"""What fails in the helpers of these tests says with which values, as in the tests themselves."""

import pytest

pytest.register_assert_rewrite("tests.docs.elsewhere", "tests.docs.needs", "tests.docs.readers", "tests.docs.serving")
