"""`apply` killed and failed at some of its calls; `scripts/sweep --command apply` does it at every one."""

import pytest

from tests.crash import apply_rig, store_rig

pytestmark = pytest.mark.crash


def test_no_fault_loses_a_request_or_does_it_twice() -> None:
    """After any fault the queue reads, and going on ends with the login delivered and nothing asked too often."""
    with apply_rig.ApplyBench("apply") as bench:
        chosen = store_rig.sample(bench.calls, every=16)
        found = {str(each): bench.try_one(each, turn=turn)[1] for turn, each in enumerate(chosen)}

    assert {where: findings for where, findings in found.items() if findings} == {}
    assert len(found) > 4
