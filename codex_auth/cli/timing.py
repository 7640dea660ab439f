"""What `keep --install`, `--uninstall` and `--status` do and say."""

import os
from datetime import datetime, timedelta

from codex_auth.core.schedule import EVERY_MINUTES, TIMER, cron_line
from codex_auth.edge import timers
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.notes.rounds import read_last
from codex_auth.views import show as words
from codex_auth.views.document import print_document


def print_installed(places: Places, world: World, *, hook: str, auth_path: str, as_json: bool) -> int:
    """Install the timer; where no systemd answers, change nothing and print the line for cron."""
    command = [*timers.own_command(), "keep", "--once", "--quiet"]
    command += ["--hook", hook] if hook else []
    command += ["--auth-path", os.path.abspath(auth_path)] if auth_path else []
    line = cron_line(command, timers.carried(world.env))
    if timers.is_reachable(world.env):
        timers.install(command, places, world.env)
        if as_json:
            print_document(world, installed=True, timer=TIMER, cron=None)
            return 0
        world.out(f"Installed: {TIMER} renews your logins every {EVERY_MINUTES} minutes, if they are due.")
        world.tell("On a machine that you log out of: `loginctl enable-linger` lets it run on without you.")
    elif as_json:
        print_document(world, installed=False, timer=None, cron=line)
    else:
        world.tell("There is no systemd here that runs timers for you, so nothing was installed.")
        world.tell("Add this line with `crontab -e`, or let `codex-auth keep` run:")
        world.out(line)
    return 0


def print_uninstalled(places: Places, world: World, *, as_json: bool) -> int:
    """Remove the timer."""
    was_there = timers.uninstall(places, world.env)
    if as_json:
        print_document(world, removed=was_there)
    else:
        world.out(f"Removed: {TIMER}." if was_there else "No timer of ours was installed.")
    return 0


def print_state(places: Places, world: World, *, as_json: bool) -> int:
    """Say whether the timer is there and runs, and when the last round was and the next will be."""
    timer = timers.look(places, world.env)
    last = read_last(places)
    now = world.now()
    next_run = _next_run(now) if timer.is_installed and timer.is_active else None
    if as_json:
        print_document(
            world,
            installed=timer.is_installed,
            active=timer.is_active,
            last_run_at=words.stamp(last.at) if last else None,
            refreshed=last.refreshed if last else [],
            failed=last.failed if last else {},
            next_run_at=words.stamp(next_run),
            next_due_at=words.stamp(last.next_due) if last else None,
        )
        return 0
    runs = {True: "and runs", False: "but does not run", None: "but no systemd answers"}[timer.is_active]
    world.out(f"timer: installed, {runs}" if timer.is_installed else "timer: not installed")
    if last:
        failed = "".join(f"; {profile} failed ({code})" for profile, code in last.failed.items())
        world.out(f"last round: {words.duration(now - last.at)} ago, {len(last.refreshed)} renewed{failed}")
    else:
        world.out("last round: none yet")
    if next_run:
        world.out(f"next round: in {words.duration(next_run - now)}")
    if last and last.next_due:
        due = f"in {words.duration(last.next_due - now)}" if last.next_due > now else "now"
        world.out(f"next login due: {due}")
    return 0


def _next_run(now: datetime) -> datetime:
    """Return when the timer starts the next round: at the next full five minutes, or half a minute later at most."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    return hour + ((now - hour) // timedelta(minutes=EVERY_MINUTES) + 1) * timedelta(minutes=EVERY_MINUTES)
