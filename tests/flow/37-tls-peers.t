#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
Each level of TLS with each of these servers: Postfix with Dovecot's SASL,
Dovecot's submission, Exim, OpenSMTPD, openssl s_server with certificates that
are good, wrong or old, and hosts whose TLS is out of order or not there.

OpenSMTPD offers STARTTLS and, as Debian 12 builds it, cannot do it with OpenSSL
3: openssl s_client is asked whether that is still so.

What is promised, and where it is seen:

    none, opportunistic, required, verify, pin      TABLE, a column each
    in clear when not offered, or when it fails     opportunistic: plain, old, broken, opensmtpd
    a failed requirement defers and names it        TABLE, the reasons
    never in clear                                  "on the wire", for each server
    a client certificate is asked for               broken: in TLS 1.3 it fails afterwards
    TLS 1.2 is the least                            old
    name, CA bundle, expiry                         wrong, untrusted, expired
    an installed certificate or a key's digest      pin; pin-key; pin of another
    session resumption, SNI                         "seen by the server"
    AUTH PLAIN, LOGIN, SCRAM-SHA-256                "by Postfix", "by Dovecot"
    only under TLS, unless the profile says so      none: postfix, dovecot; 38-auth.t
    one delivery with each of Debian's servers      "it goes on"

Beside this: replies in clear around STARTTLS and installed certificates in
37-tls.t; credentials, who can read them, and SCRAM's rounds in 38-auth.t; no log
shows them in 38-auth-echo.t; what hosts must not do in 38-hostile.t; TLS 1.2
sessions, names and digests in tests/unit/tls.c, as far as it goes without SMTP.
"""

from nameserver import Nameserver
from put import put
from secure import Authority
from peer import Dovecot, Exim, OpenSMTPD, Postfix
from stage import *
from wire import OpensslServer, Wire

SECRET = "tOp+s3cr3t=#"
LEVELS = ("none", "opportunistic", "required", "verify", "pin")

# What becomes of a message; a word that is no key of OUTCOMES is a reason.
TABLE = """
             none   opportunistic required  verify     pin
postfix      auth   verified      verified  verified   verified
dovecot      auth   verified      verified  verified   verified
exim         clear  verified      verified  verified   verified
opensmtpd    clear  clear         unable    unable     unable
good         clear  verified      verified  verified   verified
wrong        clear  tls           tls       wrong      tls
expired      clear  tls           tls       expired    tls
untrusted    clear  tls           tls       untrusted  tls
selfsigned   clear  tls           tls       selfsigned tls
pin-key      clear  verified      verified  verified   verified
pin-other    clear  verified      verified  verified   pin
old          clear  clear         old       old        old
broken       clear  clear         broken    broken     broken
plain        clear  clear         plain     plain      plain
"""
OUTCOMES = {
    "clear": r"delivered .*size=\d+$",
    "tls": r"delivered .* tls=TLSv1\.[23] cipher=\S+ verified=no$",
    "verified": r"delivered .* tls=TLSv1\.[23] cipher=\S+ verified=yes$",
}
REASONS = {
    "auth": r"4\.7\.4 auth relay \(profile {p}\): no mechanism that we know is offered",
    "wrong": r"4\.7\.5 tls {l} \(profile {p}\): IP address mismatch",
    "expired": r"4\.7\.5 tls {l} \(profile {p}\): certificate has expired",
    "untrusted": r"4\.7\.5 tls {l} \(profile {p}\): unable to get local issuer certificate",
    "selfsigned": r"4\.7\.5 tls {l} \(profile {p}\): self-signed certificate",
    "pin": r"4\.7\.5 tls {l} \(profile {p}\): neither certificate nor key is one of those pinned",
    "old": r"4\.7\.5 tls {l} \(profile {p}\): .*(alert|version|connection closed).*",
    "broken": r"4\.7\.5 tls {l} \(profile {p}\): .*certificate required",
    "unable": r"4\.7\.5 tls {l} \(profile {p}\): .*alert internal error",
    "plain": r"4\.7\.4 tls {l} \(profile {p}\): STARTTLS is not offered",
}


def can_do_tls(port):
    argv = ["openssl", "s_client", "-starttls", "smtp", "-connect", f"127.0.0.1:{port}"]
    return subprocess.run(argv, input=b"QUIT\n", capture_output=True).returncode == 0


def rows():
    lines = TABLE.strip().splitlines()
    assert tuple(lines[0].split()) == LEVELS
    for line in lines[1:]:
        server, *outcomes = line.split()
        yield server, dict(zip(LEVELS, outcomes))


def settle(stage, id_):
    """The line of what became of a message."""
    stage.sender.log.position = 0
    return stage.sender.log.wait_for(f"{id_}: (delivered|deferred|bounced) .*").group(0)


if os.geteuid() != 0:
    skip("other people's mail servers", "they need root")
    done_testing()
    sys.exit()

with Stage() as stage:
    authority = Authority(stage.dir)
    good = authority.certificate("DNS:good.hosts.test,IP:127.0.0.1")
    certificates = {
        "good": good,
        "wrong": authority.certificate("DNS:good.hosts.test,IP:127.0.0.2"),
        "expired": authority.certificate("IP:127.0.0.1", days=-1),
        "untrusted": Authority(stage.dir, "other").certificate("IP:127.0.0.1"),
        "selfsigned": authority.certificate("IP:127.0.0.1", signed=False),
    }
    sink = stage.sink()

    def s_server(name, *args):
        cert, key = certificates[name]
        server = OpensslServer(stage.dir, "-cert", cert, "-key", key, *args)
        stage.peers.append(server)
        return server

    def peer(kind, *args, **options):
        stage.peers.append(kind(stage.dir, sink.port, *args, **options))
        return stage.peers[-1]

    dovecot = peer(Dovecot, good, SECRET)
    postfix = peer(
        Postfix,
        main=f"""
smtpd_tls_cert_file = {good[0]}
smtpd_tls_key_file = {good[1]}
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{dovecot.second_port}
smtpd_relay_restrictions = permit_sasl_authenticated, reject
""",
        master="".join(
            f"127.0.0.{n}:PORT inet n - n - - smtpd -o smtpd_sasl_mechanism_filter={m}\n"
            for n, m in ((3, "plain"), (4, "login"))
        ),
    )
    servers = {
        "postfix": postfix,
        "dovecot": dovecot,
        "exim": peer(Exim, good),
        "opensmtpd": peer(OpenSMTPD, good),
        **{name: s_server(name) for name in certificates},
        "pin-key": s_server("good"),
        "pin-other": s_server("good"),
        "old": s_server("good", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
        "broken": s_server("good", "-Verify", "1", "-verify_return_error"),
        "plain": sink,
    }
    wires = {
        name: Wire(server.port, getattr(server, "host", "127.0.0.1"))
        for name, server in servers.items()
    }
    pins = {name: authority.pin_of_certificate(c[0]) for name, c in certificates.items()}
    pins["pin-key"] = authority.pin_of_key(good[0])
    pins["pin-other"] = pins["wrong"]
    table = dict(rows())
    if can_do_tls(servers["opensmtpd"].port):  # it has been mended
        table["opensmtpd"] = table["exim"]
    ok(can_do_tls(servers["exim"].port), "openssl s_client can talk to a server")
    profiles = ["default  retry 1h  retries 5  messages-per-connection 1"]
    routes = []
    for name, levels in table.items():
        for level in levels:
            auth = "auth relay" if name in ("postfix", "dovecot") else ""
            if auth and level == "none":
                auth += " auth-in-clear yes"  # and they offer it in TLS only
            pin = f"tls-pin {pins.get(name, pins['good'])}" if level == "pin" else ""
            profiles.append(f"{level}-{name}  tls {level} {pin} {auth}")
            routes.append(f"{level}.{name}.example {wires[name].route} {level}-{name}")
    sni = OpensslServer(
        *(stage.dir, "-cert", certificates["wrong"][0], "-key", certificates["wrong"][1]),
        *("-servername", "good.hosts.test", "-cert2", good[0], "-key2", good[1]),
    )
    stage.peers.append(sni)
    nsd = Nameserver({"hosts.test": "good A 127.0.0.1"})
    routes += [
        f"plain.example smtp [127.0.0.3]:{postfix.port} required-postfix",
        f"login.example smtp [127.0.0.4]:{postfix.port} required-postfix",
        f"sni.example smtp good.hosts.test:{sni.port} verify-good",
    ]
    stage.write(
        settings=f"hostname mx.example\nlisten 127.0.0.1:{stage.port}\n"
        f"force-filesystem yes\ntls-ca-file {authority.file}\nsender-workers 1\n"
        f"resolver {nsd.address}\n",
        profiles="\n".join(profiles),
        credentials=f"relay  user  {SECRET}",
        routes="\n".join(routes),
    )
    os.chmod(os.path.join(stage.tables, "credentials"), 0o600)
    stage.start("sender")
    workers = stage.sender.workers()

    # the table
    ids = {(l, n): put(stage, f"x@{l}.{n}.example")[0] for n in table for l in LEVELS}
    for name, levels in table.items():
        for level, outcome in levels.items():
            line = settle(stage, ids[level, name])
            reason = REASONS.get(outcome, "").format(l=level, p=f"{level}-{name}")
            pattern = OUTCOMES.get(outcome) or f'deferred .*reply="{reason}"'
            like(line, pattern, f"{level} with {name}: {outcome}")

    # what others could see
    for name, levels in table.items():
        seen = [w.decode() for w in wires[name].saw(rb"RCPT TO:<x@(\w+)\.")]
        clear = [l for l, outcome in levels.items() if outcome == "clear"]
        is_(sorted(seen), sorted(clear), f"on the wire to {name}: in clear what may be")
        ok(not wires[name].saw(rb"(?i)AUTH|user"), "  and no AUTH")

    # seen by the server
    for name, outcome in ("plain", "tls"), ("login", "tls"), ("sni", "verified"):
        line = settle(stage, put(stage, f"x@{name}.example")[0])
        like(line, OUTCOMES[outcome], f"{name}: {outcome}")
    said = 'Hostname in TLS extension: "good.hosts.test"'
    ok(sni.log.grep(said), "by openssl: the host's name is asked for (SNI)")
    for name in "good", "exim", "postfix":
        settle(stage, put(stage, f"y@verify.{name}.example")[0])
    servers["good"].log.wait_for("Reused session-id")
    ok(True, "by openssl: a session is resumed")
    servers["exim"].log.wait_for(r"<= sender.* X=TLS1\.3\S*\* ")
    ok(True, "by Exim: a session is resumed")
    for method in "PLAIN", "LOGIN", "SCRAM-SHA-256":
        postfix.log.position = 0
        postfix.log.wait_for(f"sasl_method={method}, sasl_username=user")
        ok(True, f"by Postfix: AUTH {method}")
    dovecot.log.wait_for("Login: user=<user>, method=SCRAM-SHA-256, .*TLS")
    ok(True, "by Dovecot: AUTH SCRAM-SHA-256")

    # that it arrives
    arrives = {f"x@{name}.example" for name in ("plain", "login")}
    arrives |= {f"y@verify.{name}.example" for name in ("exim", "postfix")}
    arrives |= {
        f"x@{l}.{n}.example"
        for n, levels in table.items()
        for l, outcome in levels.items()
        if outcome in OUTCOMES and not isinstance(servers[n], OpensslServer)
    }
    letters = sink.wait_letters(len(arrives))
    got = sorted(r for letter in letters for r in letter.recipients)
    is_(got, sorted(arrives), "through Postfix, Dovecot, Exim and OpenSMTPD it goes on")
    is_(stage.sender.workers(), workers, "no worker has died of any of it")
    nsd.stop()

done_testing()
