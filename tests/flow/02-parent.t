#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Parents and workers, in a room without mail (tests/tools/room.c)."""

import pwd
import socket

from room import *
from stage import *

ID = "1k0rd6n4gmhrcjmg97"
SHARDS = 16


def one_of_each(room, count):
    """A session with each worker."""
    sessions = {}
    for _ in range(1000):
        s = Session(room.port)
        number = int(s.ask("who").split()[0])
        if number in sessions:
            s.close()
        else:
            sessions[number] = s
        if len(sessions) == count:
            return sessions
    raise Timeout("a session with each worker")


def starts_and_stops():
    port = free_port()
    room = Room(port, 3)
    lines = room.log.grep(r": (ready .*)$")
    is_([m[1] for m in lines], [f"ready workers=3 listen=127.0.0.1:{port}"], "ready")
    titles = sorted(title(pid) for pid in room.workers())
    is_(titles, [f"room: worker {i}" for i in range(3)], "workers have titles")
    helpers = sorted(title(pid) for w in room.workers() for pid in children(w))
    is_(helpers, [f"room: committer {i}" for i in range(3)], "and so have helpers")
    is_(room.ask("flush"), "ok", "a helper works")

    sessions = one_of_each(room, 3)
    held = [[int(x) for x in s.ask("shards").split()] for s in sessions.values()]
    is_(sorted(sum(held, [])), list(range(SHARDS)), "each shard has one holder")
    for number, s in sessions.items():
        want = " ".join(str(x) for x in range(number, SHARDS, 3))
        is_(s.ask("shards"), want, f"worker {number} has its own")
    for s in sessions.values():
        s.close()

    room.signal(signal.SIGHUP)
    is_(room.ask("hostname"), "a.example", "SIGHUP does no harm")
    handles = [os.pidfd_open(pid) for pid in descendants(room.pid)]
    is_(room.stop(), 0, "SIGTERM is a success")
    wait_ends(handles)
    like(room.log.text(), r"stopped$", "and logged")
    ok(not room.log.grep("killed by"), "nobody had to be killed")


def finishes_what_it_has_begun():
    room = Room(free_port(), 1)
    with Session(room.port) as s:
        s.ask("who")
        room.signal(signal.SIGTERM)
        room.log.wait_for("finishing sessions=1")
        refused = socket.socket().connect_ex(("127.0.0.1", room.port))
        ok(refused != 0, "a draining worker accepts nothing")
        is_(s.ask("sessions"), "1", "but serves who is there")
        ok(room.running(), "and is waited for")
    is_(room.wait(), 0, "then it ends")

    room = Room(free_port(), 1)
    with Session(room.port) as s:
        s.ask("who")
        room.signal(signal.SIGTERM)
        room.log.wait_for("finishing sessions=1")
        room.signal(signal.SIGTERM)
        is_(room.wait(), 1, "told twice it does not wait")


def restarts_workers():
    room = Room(free_port(), 1)
    for wait in (100, 200, 400):
        before = room.workers()
        os.kill(before[0], signal.SIGKILL)
        room.log.wait_for(f"worker 0 was killed by SIGKILL: again in {wait} ms")
        room.log.wait_for("took shard=15")
        ok(room.workers() != before, f"another worker after {wait} ms")
    is_(room.ask("hostname"), "a.example", "which works")

    with Session(room.port) as a, Session(room.port) as b:
        is_(a.ask("sessions") + b.ask("sessions"), "22", "two sessions")
        b.say("exit 3")
        room.log.wait_for("worker 0 ended with status 3")
        room.log.wait_for("took shard=15")
    is_(room.ask("sessions"), "1", "the dead have none")

    helper = children(room.workers()[0])[0]
    os.kill(helper, signal.SIGKILL)
    room.log.wait_for("helper committer 0 has died")
    room.log.wait_for("took shard=15")
    is_(room.ask("flush"), "ok", "a worker without helper is replaced, with helper")
    is_(room.stop(), 0, "and ends well")


def shares_connections():
    room = Room(free_port(), 2)

    def answers(n):
        sessions = [Session(room.port) for _ in range(n)]
        numbers = [s.ask("who").split()[0] for s in sessions]
        for s in sessions:
            s.close()
        return numbers

    numbers = answers(100)
    least = min(numbers.count("0"), numbers.count("1"))
    ok(least >= 20, f"connections are dealt out: {least} of 100 to one of two")
    rival = Room(room.port, 1, ready=False)
    rival.log.wait_for("trying again: Address already in use")
    rival.kill_all()
    for wait in (100, 200, 400, 800, 1600):
        second = next(p for p in room.workers() if title(p).endswith(" 1"))
        os.kill(second, signal.SIGKILL)
        room.log.wait_for(f"worker 1 was killed by SIGKILL: again in {wait} ms")
        if wait == 1600:
            is_(set(answers(50)), {"0"}, "the other gets those of one that is away")
        room.log.wait_for("took shard=15")
    while "1" not in answers(20):
        pass
    ok(True, "which has its share again when it is back")
    is_(room.stop(), 0, "and ends well")


def suspects_what_kills():
    room = Room(free_port(), 2)

    def die(number, expected, note=ID):
        with Session(room.port) as s:
            s.ask(f"note {note}")
            s.say(f"raise {int(number)}")
            room.log.wait_for(f"{note}: worker . was killed by {expected} while at it")
            room.log.wait_for(r"took shard=1[45]")

    die(signal.SIGKILL, "SIGKILL")
    die(signal.SIGKILL, "SIGKILL")
    is_(room.ask(f"suspects {ID}"), "no", "whoever is killed has not crashed")
    die(signal.SIGSEGV, "SIGSEGV")
    is_(room.ask(f"suspects {ID}"), "no", "one crash may be chance")
    die(signal.SIGABRT, "SIGABRT", f"{ID}.2")
    is_(room.ask(f"suspects {ID}.2"), "no", "another's crash is not its own")
    die(signal.SIGBUS, "SIGBUS")
    is_(room.ask(f"suspects {ID}"), "yes", "two are not")
    is_(room.ask(f"suspects {ID}.2"), "no", "of that one only")
    room.ask(f"forget {ID}")
    is_(room.ask(f"suspects {ID}"), "no", "until it is forgotten")
    with Session(room.port) as s:
        s.ask(f"note {ID}")
        s.ask("note ")
        s.say(f"raise {int(signal.SIGSEGV)}")
        room.log.wait_for(r": worker . was killed by SIGSEGV: again")
    is_(room.stop(), 0, "and ends well")


def workers_outlive_no_parent():
    room = Room(free_port(), 1)
    handles = [os.pidfd_open(pid) for pid in descendants(room.pid)]
    with Session(room.port) as s:
        s.ask("who")
        room.signal(signal.SIGKILL)
        room.wait()
        room.log.wait_for("the parent has died: finishing")
        room.log.wait_for("finishing sessions=1")
        is_(s.ask("who").split()[0], "0", "the worker finishes without its parent")
        heir = Room(room.port, 2)
        with Session(heir.port) as t:
            is_(t.ask("shards"), "", "an heir has the port, but not yet the shards")
    wait_ends(handles)
    for _ in range(SHARDS):
        heir.log.wait_for("took shard=")
    ok(True, "it takes them when the last of the old ones has ended")
    is_(heir.stop(), 0, "and ends well")


def waits_for_its_port():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        room = Room(holder.getsockname()[1], 1, ready=False)
        room.log.wait_for("trying again: Address already in use")
    room.log.wait_for("ready")
    is_(room.stop(), 0, "a port that becomes free is taken")


def follows_the_map():
    room = Room(free_port(), 2)
    write_map(room.port, 2, "b.example")
    for _ in range(2):
        room.log.wait_for("remapped hostname=b.example")
    is_(room.ask("hostname"), "b.example", "a new map is seen by all workers")
    os.kill(room.workers()[0], signal.SIGKILL)
    room.log.wait_for(r"took shard=1[45]")
    for s in one_of_each(room, 2).values():
        is_(s.ask("hostname"), "b.example", "also by a new worker")
        s.close()
    is_(room.stop(), 0, "and ends well")


def fails_to_start():
    room = Room(free_port(), 2, hostname="broken.example", ready=False)
    is_(room.wait(), 1, "where no worker can start the daemon ends")
    like(room.log.text(), "start: refused, as the map says", "and says why")
    argv = [ROOM, "-s", os.path.join(DIR, "none")]
    done = subprocess.run(argv, stderr=subprocess.PIPE, text=True)
    is_(done.returncode, 1, "no spool")
    like(done.stderr, "open spool .*: No such file or directory", "is told")
    done = subprocess.run([ROOM, "-x"], stderr=subprocess.PIPE, text=True)
    is_(done.returncode, 2, "no such option")


def talks_to_systemd():
    path = os.path.join(DIR, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(20)
        room = Room(free_port(), 1, NOTIFY_SOCKET=path)
        is_(manager.recv(100), b"READY=1", "the service manager is told of the start")
        room.signal(signal.SIGTERM)
        is_(manager.recv(100), b"STOPPING=1", "and of the end")
        is_(room.wait(), 0, "which comes")
    st = os.stat(room.log.path)
    argv = [ROOM, "-s", os.path.join(DIR, "none")]
    env = {**os.environ, "JOURNAL_STREAM": f"{st.st_dev}:{st.st_ino}"}
    with open(room.log.path, "a") as stderr:
        subprocess.run(argv, stderr=stderr, env=env)
    like(room.log.lines()[-1], r"^<3>open spool", "lines for the journal have a priority")


def becomes_its_user():
    """Without -U root becomes stage-recv, or refuses when there is none."""
    if os.geteuid() != 0:
        return
    write_map(free_port(), 1)
    argv = [ROOM, "-s", SPOOL]
    try:
        user = pwd.getpwnam("stage-recv")
    except KeyError:
        done = subprocess.run(argv, stderr=subprocess.PIPE, text=True)
        is_(done.returncode, 1, "as root without the user: refused")
        like(done.stderr, "there is no user stage-recv: .*-U", "with the way out")
        return
    room = Process(argv, os.path.join(DIR, "log.user"))
    started.append(room)
    room.log.wait_for("ready")
    for pid in (room.pid, *descendants(room.pid)):
        with open(f"/proc/{pid}/status") as f:
            status = f.read()
        uid = user.pw_uid
        like(status, rf"\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n", "is stage-recv")
        like(status, r"\nGroups:\t *\n", "in no other group")
        like(status, r"\nNoNewPrivs:\t1\n", "and stays so")
    is_(room.stop(), 0, "and ends well")


run(
    starts_and_stops,
    finishes_what_it_has_begun,
    restarts_workers,
    shares_connections,
    suspects_what_kills,
    workers_outlive_no_parent,
    waits_for_its_port,
    follows_the_map,
    fails_to_start,
    talks_to_systemd,
    becomes_its_user,
)
