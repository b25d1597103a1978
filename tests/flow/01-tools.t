#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""The tools that watch the others: does smtp-sink see what smtp-load says?"""

import os
import shutil
import ssl
import subprocess
import tempfile

from secure import Authority
from stage import *

DIR = tempfile.mkdtemp(prefix="stagepost-test.")


def load(sink, *args):
    """Run smtp-load; its exit status and its log as lists of words."""
    log = os.path.join(DIR, "load.log")
    argv = [program("smtp-load"), "-T", "20", "-o", log, *args]
    argv.append(f"127.0.0.1:{sink.port}")
    rc = subprocess.run(argv, stdout=subprocess.DEVNULL).returncode
    with open(log) as f:
        return rc, [line.split() for line in f]


def every_message_is_seen():
    for options in ("", "-d", "-p", "-d -p"):
        sink = Sink(DIR)
        rc, log = load(sink, "-s", "7", "-m", "100", *options.split())
        ids = [word[1] for word in log if word[0] == "acked"]
        ok(rc == 0 and len(set(ids)) == 100, f"smtp-load {options}: 100 taken")
        is_(sorted(sink.accepted(100)), sorted(ids), "the sink has the same ids")
        is_(len(sink.letters()), 100, "and a file for each")
        sink.stop()


def the_log_tells_end_and_answer():
    sink = Sink(DIR, rules="delay eod 100ms\ndelay greeting 10ms")
    load(sink, "-s", "2", "-m", "2")
    sink.accepted(2)
    times = {}
    for match in sink.log.grep(r"^(eod|ok) (\S+) (\S+)"):
        times[match.group(1), match.group(2)] = float(match.group(3))
    held = [times["ok", i] - times["eod", i] for k, i in times if k == "ok"]
    ok(len(held) == 2 and min(held) > 0.09, "an answer held back by script")
    sink.stop()


def refusals():
    script = "rcpt *@late.example 451 4.3.0 later\neod *@full.example 552 5.2.2 full"
    sink = Sink(DIR, rules=script)
    for pipeline in ((), ("-p",)):
        rc, log = load(sink, "-t", "a@late.example", "-m", "3", *pipeline)
        is_((rc, [w[0] + w[3] for w in log]), (1, ["refused451"] * 3), "by rcpt")
        rc, log = load(sink, "-t", "a@full.example", "-m", "3", "-d", *pipeline)
        is_((rc, [w[0] + w[3] for w in log]), (1, ["refused552"] * 3), "by eod")
    is_(sink.letters(), [], "what was refused is not kept")
    sink.rules("close-at eod")
    rc, log = load(sink, "-m", "2")
    is_([w[0] + w[3] for w in log], ["lostcontent"] * 2, "closed at the dot")
    is_(len(sink.log.grep("^eod")), 8, "the sink has seen these ends of data")
    sink.rules("greeting 554 no")
    rc, log = load(sink, "-m", "2")
    is_([w[0] + w[3] for w in log], ["refused554"] * 2, "no service")
    sink.rules("close-after 2")
    rc, log = load(sink, "-m", "6", "-d", "-r")
    is_(len([w for w in log if w[0] == "acked"]), 6, "-r comes back until taken")
    sink.stop()
    rc, log = load(sink, "-m", "2")
    is_([w[0] + w[3] for w in log], ["lostconnect"] * 2, "nobody listens")


def conversation():
    body = b"Subject: x\r\nX-Test-Id: b.1\r\n\r\n.\r\n..a\r\n.b\r\n\rc\nd\xff\r\n\r\r\n"
    sink = Sink(DIR, rules="ehlo 500 what\nno-size")
    with Conversation(sink.port) as c:
        c.gets(220)
        c.asks("EHLO x", 500)
        c.asks("HELO x", 250)
        c.asks("DATA", 503)
        c.asks("NONSENSE", 500)
        c.says("MAIL FROM:<a@a.example> BODY=8BITMIME", "RCPT TO:<b@b.example>")
        c.gets(250)
        c.gets(250)
        c.asks("DATA", 354)
        for octet in stuffed(body):
            c.sends(bytes([octet]))
        c.gets(250, "one octet at a time")
        c.asks("QUIT", 221)
        c.ends()
    letter = sink.letters()[0]
    is_(letter.content, body, "dots, bare CR and LF, eight bits: as they were")
    is_(letter.mail, "MAIL FROM:<a@a.example> BODY=8BITMIME", "MAIL as it came")
    is_(letter.recipients, ["b@b.example"], "the recipient")
    is_(letter.header("subject"), ["x"], "a header field")
    is_(sink.accepted(), ["b.1"], "the id")
    sink.stop()


def lmtp():
    sink = Sink(DIR, lmtp=True, rules="eod bad@* 550 5.1.1 no\nextension X-SMILE")
    with Conversation(sink.port) as c:
        c.gets(220)
        c.asks("EHLO x", 500)
        like(c.asks("LHLO x", 250), "SMILE", "a scripted extension")
        c.asks("MAIL FROM:<>", 250)
        for name in ("good", "bad", "better"):
            c.asks(f"RCPT TO:<{name}@b.example>", 250)
        c.asks("DATA", 354)
        c.sends(b".\r\n")
        for code in (250, 550, 250):
            c.gets(code, "an answer for each recipient")
    sink.accepted(2)
    taken = [m.group(1) for m in sink.log.grep(r"^ok - \S+ (\S+)")]
    is_(taken, ["good@b.example", "better@b.example"], "in the log by recipient")
    is_(sink.letters()[0].content, b"", "an empty message")
    sink.stop()


def counts(sink):
    argv = [program("sink-count"), "show", sink.counters]
    words = subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout.split()
    names = "messages octets connections first last secured handshakes resumed"
    return dict(zip(names.split(), map(float, words)))


def secured(c, version, earlier=None):
    """The conversation goes on in TLS; its session, for another one."""
    c.asks("STARTTLS", 220)
    context, session = earlier or (ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), None)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    c.socket = context.wrap_socket(c.socket, session=session)
    c.file = c.socket.makefile("rb")
    ok("STARTTLS" not in c.asks("EHLO x", 250), "not offered again")
    c.asks("DATA", 503)  # with this reply the session is here, too
    return context, c.socket.session


def tls():
    pem = Authority(DIR).certificate_and_key("DNS:sink.example")
    sink = Sink(DIR, tls=pem, rules="delay rcpt 10ms")
    body = b"Subject: x\r\nX-Test-Id: t.1\r\n\r\n" + b"x" * 70 + b"\r\n" * 50000
    kept = None
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for again in (False, True):
            with Conversation(sink.port) as c:
                like(c.hello(), "STARTTLS", "offered")
                kept = secured(c, version, kept if again else None)
                reply = c.sends_message("a@a.example", ["b@b.example"], body)
                like(reply, "^250", "a message in TLS, of many records")
                c.says("MAIL FROM:<a@a.example>", "RCPT TO:<b@b.example>", "DATA")
                for code in (250, 250, 354):
                    c.gets(code, "pipelined, with a delay in between")
                c.sends(stuffed(body))
                c.gets(250)
                c.asks("QUIT", 221)
                c.ends()
    with Conversation(sink.port) as c:
        c.hello()
        like(c.sends_message("a@a.example", ["b@b.example"], body), "^250", "in clear")
    with Conversation(sink.port) as c:
        c.hello()
        c.sends(b"STARTTLS\r\nX")
        c.gets(220, "STARTTLS")
        is_(c.socket.recv(1), b"", "what was said in clear behind it ends it")
    with Conversation(sink.port) as c:
        c.hello()
        c.asks("STARTTLS", 220)
        c.says("this is no handshake")
        ok("250" not in c.reply(), "no handshake, no service")
    n = counts(sink)
    is_((n["messages"], n["secured"]), (9, 8), "it counts what came in TLS")
    is_((n["handshakes"], n["resumed"]), (4, 2), "and handshakes, and resumed ones")
    is_(
        [m.group(1) for m in sink.log.grep(r"^tls - \S+ \d+ (.*)")],
        ["new TLSv1.2", "resumed TLSv1.2", "new TLSv1.3", "resumed TLSv1.3"],
        "the log has them",
    )
    is_([l.content for l in sink.letters()], [body] * 9, "all complete")
    sink.stop()
    sink = Sink(DIR)
    with Conversation(sink.port) as c:
        ok("STARTTLS" not in c.hello(), "without a certificate it is not offered")
        c.asks("STARTTLS", 500)
    sink.stop()


def disk_ceiling():
    directory = tempfile.mkdtemp(dir=DIR)

    def words(*args):
        argv = [program("disk-ceiling"), "-d", "-l", "5000", *args, directory]
        done = subprocess.run(argv, check=True, stdout=subprocess.PIPE)
        return [float(word) for word in done.stdout.split()]

    times = words("-n", "7")
    ok(len(times) == 7 and min(times) > 0, "disk-ceiling -n: a time for each file")
    files, seconds = words("-t", "0.1", "-p", "2")
    ok(files >= 2 and seconds >= 0.1, "for so long, by two processes")
    is_(os.listdir(directory), [], "nothing is left")


try:
    every_message_is_seen()
    the_log_tells_end_and_answer()
    refusals()
    conversation()
    lmtp()
    tls()
    disk_ceiling()
finally:
    shutil.rmtree(DIR)
done_testing()
