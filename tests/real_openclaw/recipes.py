"""What of the real OpenClaw has to be shown, and the tests that show it; `tests/pure/test_recipes.py` looks for them.

Those that are marked `long_openclaw` are run by `scripts/openclaw`, the others by `scripts/test` too.
"""

RECIPES: dict[str, tuple[str, ...]] = {
    "1. the era, told from files, is what OpenClaw says of itself": ("test_lease.py::test_a_lease_lives",),
    "2. what our own writer wrote into JSON is a login that is well": (
        "test_lease.py::test_what_our_own_writer_wrote_is_a_login",
    ),
    "3. either waits for the other's lock, nobody for a dead one's, and no write is lost": (
        "test_races.py::test_openclaw_waits_for_our_lock",
        "test_races.py::test_openclaw_takes_the_lock_of_one_of_us_who_was_killed",
        "test_races.py::test_no_write_is_lost_in_the_json_era",
        "test_races.py::test_no_write_is_lost_in_the_sqlite_era",
    ),
    "4. a delivery into SQLite is listed with its address, and no JSON file is there": (
        "test_lease.py::test_a_lease_lives",
    ),
    "5. where the SDK cannot be run, JSON is not written beside SQLite": (
        "test_lease.py::test_without_the_sdk_its_own_command_takes_the_token",
        "../story/test_deliver_openclaw.py::test_the_sqlite_era_is_never_written_as_json",
    ),
    "6. the next turn of a running gateway carries the new token after a reload": (
        "test_skill.py::test_a_whole_life_in_a_chat",
        "test_apply.py::test_the_next_turn_uses_it",
    ),
    "7. a login with another refresh token takes the place of the one that is there": (
        "test_hand_over.py::test_a_newer_login_takes_the_place_of_the_one_it_has",
    ),
    "8. the mark of a refresh that failed is not imported, and a new delivery ends it": (
        "test_routes.py::test_a_refresh_that_failed_is_never_imported",
        "test_hand_over.py::test_a_fence_is_never_imported",
    ),
    "9. a lease is spent at ChatGPT, for the account that is in it": (
        "test_routes.py::test_a_lease_goes_to_chatgpt_and_nowhere_else",
        "test_skill.py::test_a_whole_life_in_a_chat",
    ),
    "10. OpenClaw asks us for the token by a SecretRef": ("test_secret_ref.py::test_openclaw_asks_for_the_token",),
    "11. a busy gateway restarts once, after its work, and never twice in half a minute": (
        "test_apply.py::test_a_busy_gateway_restarts_once_when_its_work_is_done",
        "../story/test_apply.py::test_restarts_keep_their_distance",
    ),
    "12. the skill is eligible and has its command": (
        "test_skill.py::test_the_skill_is_eligible_where_its_command_is",
        "test_skill.py::test_a_whole_life_in_a_chat",
    ),
    "gateways: behind TLS, another user's, crashing, busy, with another port or token, with too few rights": (
        "test_gateways.py::test_tls",
        "test_gateways.py::test_another_users_gateway",
        "test_gateways.py::test_one_that_crashes_as_it_starts",
        "test_apply.py::test_a_busy_gateway_restarts_once_when_its_work_is_done",
        "test_apply.py::test_a_configuration_that_is_not_the_gateways",
        "test_apply.py::test_the_first_call_fixes_the_rights",
    ),
    "gateways that are shown by small programs alone: systemd, launchd, a Windows task, one that never answers": (
        "../edge/test_gateway.py::test_who_starts_it_again",
        "../edge/test_gateway.py::test_nobody_and_somebody_silent",
        "../edge/test_gateway.py::test_one_that_is_slow",
        "../story/test_apply.py::test_a_gateway_that_does_not_come_back",
    ),
}
