#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""What profiles ask of TLS, and what becomes of mail when a host lacks it."""

from nameserver import Nameserver
from put import put
from secure import Authority, Host
from stage import *

PROFILES = """
default        retry 1s  retries 50
clear          tls none
required       tls required
verify         tls verify
pin            tls pin tls-pin {pin}
pin-cert       tls pin tls-pin sha256:{zeros} cert:host.pem
pin-path       tls pin tls-pin cert:{path}
pin-key        tls pin tls-pin sha256:{zeros} {key}
pin-other      tls pin tls-pin sha256:{zeros}
"""


def delivered(stage, name, how, recipient):
    (id,) = put(stage, recipient)
    line = stage.sender.log.wait_for(f"{id}: (delivered|deferred) .*").group(0)
    return like(line, f"delivered .*{how}$", name)


def deferred(stage, host, name, why, recipient):
    """It stays, for this reason, and the host got nothing of it."""
    (id,) = put(stage, recipient)
    line = stage.sender.log.wait_for(f"{id}: (delivered|deferred|bounced) .*").group(0)
    like(line, f'deferred .*reply="{why}"', name)
    ok(not host.log.grep("MAIL|message"), "  and nothing was said of the message")
    stage.tool("delete", id)


with Stage() as stage:
    authority = Authority(stage.dir)
    good = authority.certificate("DNS:good.hosts.test,IP:127.0.0.1")
    PROFILES = PROFILES.format(
        pin=authority.pin_of_certificate(good[0]),
        key=authority.pin_of_key(good[0]),
        zeros="00" * 32,
        path=good[0],
    )
    host = Host(stage.dir, good)
    named = Host(stage.dir, good)
    certificates = {
        "wrong": authority.certificate("DNS:good.hosts.test,IP:127.0.0.2"),
        "expired": authority.certificate("IP:127.0.0.1", days=-1),
        "foreign": Authority(stage.dir, "other").certificate("IP:127.0.0.1"),
    }
    bad = {name: Host(stage.dir, c) for name, c in certificates.items()}
    lame = {s: Host(stage.dir, good, s) for s in ("no", "refuse", "garbage", "inject", "early")}
    nsd = Nameserver({"hosts.test": "good A 127.0.0.1\nevil A 127.0.0.1\n@ MX 10 good"})
    profiles = re.findall(r"(?m)^(\S+) ", PROFILES)
    installed = os.path.join(stage.tables, "host.pem")
    shutil.copy(good[0], installed)
    hosts = {"host": host, **bad, **lame}
    routes = [
        f"{p}.{name}.example {h.route} {p}" for p in profiles for name, h in hosts.items()
    ]
    routes += [
        f"good.example smtp good.hosts.test:{named.port} verify",
        f"evil.example smtp evil.hosts.test:{named.port} verify",
        f"hosts.test mx port={named.port} verify",
    ]
    stage.write(
        settings=f"hostname mx.example\nlisten 127.0.0.1:{stage.port}\n"
        f"force-filesystem yes\ntls-ca-file {authority.file}\n"
        f"resolver {nsd.address}\nsender-workers 1\nidle-timeout 1s\n",
        profiles=PROFILES,
        routes="\n".join(routes),
    )
    stage.start("sender")
    workers = stage.sender.workers()
    tls = r"tls=TLSv1\.3 cipher=TLS_AES_256_GCM_SHA384"

    # what the default does
    delivered(stage, "STARTTLS is used where it is offered", f"{tls} verified=yes", "x@default.host.example")
    delivered(stage, "whoever the host is", f"{tls} verified=no", "x@default.wrong.example")
    delivered(stage, "and in clear where it is not", r"size=\d+", "x@default.no.example")
    delivered(stage, "or refused", r"size=\d+", "x@default.refuse.example")
    delivered(stage, "or does not work", r"size=\d+", "x@default.garbage.example")
    ok(stage.sender.log.grep("no TLS for 15 minutes: wrong version"), "which is logged")
    lame["garbage"].log.mark()
    (id,) = put(stage, "y@default.garbage.example")
    stage.sender.log.wait_for(f"{id}: delivered")
    is_(len(lame["garbage"].log.grep("STARTTLS")), 1, "and remembered: it is not asked again")
    delivered(stage, "tls none never asks", r"size=\d+", "x@clear.host.example")

    # what is asked for and given
    delivered(stage, "tls required", f"{tls} verified=yes", "x@required.host.example")
    delivered(stage, "tls verify, by the address", f"{tls} verified=yes", "x@verify.host.example")
    delivered(stage, "tls verify, by the name", f"{tls} verified=yes", "x@good.example")
    ok(named.log.grep("sni good.hosts.test"), "which is asked for (SNI)")
    delivered(stage, "tls verify, by the name of the MX host", f"{tls} verified=yes", "x@hosts.test")
    delivered(stage, "tls pin, a certificate", f"{tls} verified=yes", "x@pin.host.example")
    delivered(stage, "tls pin, an installed certificate", f"{tls} verified=yes", "x@pin-cert.host.example")
    delivered(stage, "tls pin, one installed elsewhere", f"{tls} verified=yes", "x@pin-path.host.example")
    delivered(stage, "tls pin, a public key", f"{tls} verified=yes", "x@pin-key.host.example")

    # resumption
    ok(host.log.grep("^resumed$"), "sessions are resumed")

    # what is asked for and not given
    for h in [*bad.values(), *lame.values(), host, named]:
        open(h.log.path, "w").close()
    for level in ("required", "verify", "pin"):
        reason = rf"4\.7\.4 tls {level} \(profile {level}\): STARTTLS is not offered"
        deferred(stage, lame["no"], f"tls {level}: a host without TLS", reason, f"x@{level}.no.example")
    reason = r"4\.7\.5 tls required \(profile required\): 454 4\.7\.0 TLS is out of order"
    deferred(stage, lame["refuse"], "STARTTLS is refused", reason, "x@required.refuse.example")
    reason = r"4\.7\.5 tls required \(profile required\): wrong version number"
    deferred(stage, lame["garbage"], "the handshake fails", reason, "x@required.garbage.example")
    for name, profile in ("required", "required"), ("opportunistic", "default"):
        # RFC 3207, 6: somebody between us; nor is that a reason to go in clear
        prefix = rf"4\.7\.5 tls {name} \(profile {profile}\): "
        reason = prefix + "bytes in clear after STARTTLS"
        deferred(stage, lame["inject"], f"tls {name}: replies are injected", reason, f"x@{profile}.inject.example")
        reason = prefix + r"4\.5\.0 it answers STARTTLS before that is said"
        deferred(stage, lame["early"], f"tls {name}: they come early", reason, f"x@{profile}.early.example")
    is_(stage.sender.workers(), workers, "no worker dies of it")
    for name, why in {
        "wrong": "IP address mismatch",
        "expired": "certificate has expired",
        "foreign": "unable to get local issuer certificate",
    }.items():
        reason = rf"4\.7\.5 tls verify \(profile verify\): {why}"
        deferred(stage, bad[name], f"tls verify: a certificate that is {name}", reason, f"x@verify.{name}.example")
    reason = r"4\.7\.5 tls verify \(profile verify\): hostname mismatch"
    deferred(stage, named, "tls verify: another name", reason, "x@evil.example")
    reason = r"4\.7\.5 tls pin \(profile pin-other\): neither certificate nor key is one of those pinned"
    deferred(stage, host, "tls pin: another certificate", reason, "x@pin-other.host.example")

    # installed certificates
    reason = r"4\.7\.5 tls pin \(profile pin-cert\): neither certificate nor key is one of those pinned"
    deferred(stage, bad["wrong"], "tls pin: not the one installed", reason, "x@pin-cert.wrong.example")
    shutil.copy(certificates["wrong"][0], installed)
    stage.compile()
    delivered(stage, "but it is, once that one is", f"{tls} verified=no", "x@pin-cert.wrong.example")
    for text, what in {
        None: "expected a file that can be read: .*host.pem: No such file",
        "": 'expected a file with a certificate in PEM, not "cert:host.pem"',
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n": "expected a file with a certificate",
    }.items():
        if text is None:
            os.unlink(installed)
        else:
            with open(installed, "w") as f:
                f.write(text)
        like(stage.compile(check=False).stdout, rf"profiles:7:104: {what}", f"a mistake: {what[:30]}")
    shutil.copy(good[0], installed)
    with open(os.path.join(stage.tables, "profiles"), "a") as f:
        f.write("many tls pin tls-pin" + " cert:host.pem" * 5 + "\n")
    many = r'profiles:\d+:78: expected at most 4 pins, not "cert:host.pem"'
    like(stage.compile(check=False).stdout, many, "nor are there more than four")
    stage.write(profiles=PROFILES)
    stage.compile()

    # a host that mends itself
    (id,) = put(stage, "x@required.refuse.example")
    stage.sender.log.wait_for(f"{id}: deferred")
    lame["refuse"].starttls = "yes"
    like(
        stage.sender.log.wait_for(f"{id}: delivered .*", 60).group(0),
        tls,
        "what was deferred goes once the host is in order again",
    )
    nsd.stop()

done_testing()
