# SPDX-License-Identifier: Apache-2.0
"""setup: what a run needs before it starts: the load clients, Mansio, a certificate, mails."""
import os
import subprocess
import sys

from corpus import crlf, spam_assassin

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


def build_clients(folder):
    for name in ("load", "mix"):
        subprocess.run(["cc", "-std=gnu17", "-O2", "-o", os.path.join(folder, name), os.path.join(HERE, name + ".c"),
                        os.path.join(HERE, "client.c"), "-lssl", "-lcrypto", "-lz"], check=True)


def build_mansio(build):
    binary = os.path.join(ROOT, build, "src", "cli", "mansio")
    if not os.path.exists(os.path.join(ROOT, build, "build.ninja")):
        subprocess.run(["meson", "setup", os.path.join(ROOT, build), ROOT, "--buildtype=release", "-Dtests=disabled"], check=True,
                       stdout=subprocess.DEVNULL)
    if build == "build-release":
        subprocess.run(["ninja", "-C", os.path.join(ROOT, build), "src/cli/mansio"], check=True, stdout=subprocess.DEVNULL)
    return binary


def install_tools():
    subprocess.run([os.path.join(ROOT, "tools", "install"), "build"], check=True, stdout=subprocess.DEVNULL)


def certificate(folder):
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
                    "-days", "30", "-subj", "/CN=localhost"], check=True, capture_output=True)
    os.chmod(key, 0o644)
    return cert, key


def real_mails():
    # NUL is not allowed in a plain APPEND; everything else goes in as it is.
    return [crlf(text.replace(b"\0", b"")) for _, text in spam_assassin()]


def write_mails(folder, wanted):
    """Real mails as files, and the one of five kilobytes that is appended and delivered."""
    place = os.path.join(folder, "mails")
    os.mkdir(place)
    mails = real_mails()[:wanted] or made_up(wanted)
    names = []
    for i, text in enumerate(mails):
        names.append(os.path.join(place, f"{i:05}.eml"))
        with open(names[-1], "wb") as f:
            f.write(text)
    bodies = [m.partition(b"\r\n\r\n")[2] for m in mails if 4500 < len(m) < 6500]
    lines = [line.strip(b".@") for line in b"\r\n".join(bodies).split(b"\r\n")]
    return names, sample(folder, lines, 5000, "5k.eml"), sample(folder, lines * 40, 1 << 20, "1m.eml")


def made_up(wanted):
    """Where the npm registry cannot be reached: mails of words, so that something is measured; the table says so."""
    print("the real mails cannot be fetched: made-up ones are used", file=sys.stderr)
    return [b"".join([b"From: Someone %d <a%d@example.org>\r\nTo: b@example.org\r\nSubject: perhaps the %dth of them\r\n" % (i, i % 97, i),
                      b"Date: Sat, 21 Nov 2026 10:%02d:%02d +0000\r\nMessage-ID: <%d@example.org>\r\n\r\n" % (i // 60 % 60, i % 60, i),
                      b"".join(b"line %d of the mail numbered %d, which says nothing\r\n" % (k, i * k) for k in range(80))]) for i in range(wanted)]


def sample(folder, lines, size, name):
    """A mail of real text; the runs of @ become a number at each use, in Message-ID and text."""
    head = (b"From: Anna Example <anna@example.org>\r\nTo: Bert Example <bert@example.org>\r\nSubject: a message of some kilobytes, @@@@@@@@\r\n"
            b"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <@@@@@@@@.bench@example.org>\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nNumber @@@@@@@@\r\n")
    body = b""
    parts = []
    left = size - len(head)
    for line in lines:
        if left < len(line) + 2:
            break
        parts.append(line + b"\r\n")
        left -= len(line) + 2
    body = b"".join(parts)
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(head + body)
    return path
