"""Let pytest explain failed assertions of the contract too."""

import pytest

pytest.register_assert_rewrite("tests.contract.store_contract")
