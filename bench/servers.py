# SPDX-License-Identifier: Apache-2.0
"""servers: Mansio, Debian's Dovecot and Debian's Cyrus, each started in a folder of its own on ports of 127.0.0.1, with the same users."""
import glob
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time

from account import Group

PASSWORD = "secret"
OWNER = "mail"          # the peers' files belong to this user, who is on every Debian
CYRUS_PACKAGES = ["cyrus-imapd", "cyrus-common", "cyrus-pop3d", "libclamav12", "libical3", "libxapian30", "libzephyr4", "libmspack0", "db5.3-util"]


def free_ports(n, first=None):
    """Ports nobody listens on; from FIRST upwards when it is given."""
    out, at = [], first or 0
    while len(out) < n:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", at))
                port = s.getsockname()[1]
                if port not in out:
                    out.append(port)
            except OSError:
                pass
        at += 1 if first else 0
    return out


class Server:
    """What the benchmark knows of a server. A subclass says how it is configured and started."""

    name = title = version = None
    settings = ""               # what was set, for the documentation
    mechanisms = "PLAIN"        # of a peer: what AUTHENTICATE is told to offer

    def __init__(self, folder, users, certificate, first_port=None):
        self.folder = os.path.join(folder, self.name)
        self.users, self.certificate, self.key = users, *certificate
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        self.imap, self.imaps, self.lmtp, self.pop3 = free_ports(4, first_port)
        self.group = Group(self.name)
        self.process = None
        self.log = os.path.join(self.folder, "log")

    def command(self):
        raise NotImplementedError

    def environment(self):
        return None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment(),
                                            preexec_fn=self.group.enter)
        self.group.started(self.process.pid)
        for port in (self.imap, self.imaps, self.lmtp, self.pop3):
            self.await_port(port)

    def await_port(self, port, limit=30):
        end = time.monotonic() + limit
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), 2) as s:
                    s.settimeout(10)
                    if port == self.imaps or s.recv(1):
                        return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.title} does not start (nothing answers on port {port}): {self.tail()}")
            time.sleep(0.05)

    def tail(self):
        with open(self.log, errors="replace") as f:
            return f.read()[-800:]

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        self.end_rest()

    def end_rest(self):
        """Processes of the group that outlived their master; only with a control group is it known whose they are."""
        for number, limit in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            end = time.monotonic() + limit
            while self.group.folder and (pids := self.group.pids()) and time.monotonic() < end:
                for pid in pids:
                    try:
                        os.kill(pid, number)
                    except ProcessLookupError:
                        pass
                time.sleep(0.1)

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        self.stop()
        self.group.remove()

    def disk_kb(self):
        out = subprocess.run(["du", "-sk", self.folder], capture_output=True, text=True, check=False).stdout
        return int(out.split()[0]) if out else 0


class Mansio(Server):
    name, title = "mansio", "Mansio"
    settings = "defaults; `auth.plaintext=loopback`, no limit of connections per account; password scheme `plain`"

    def __init__(self, folder, users, certificate, first_port=None, binary=None):
        super().__init__(folder, users, certificate, first_port)
        self.extra = []             # more settings, as words of the command line
        self.binary, self.data = binary, os.path.join(self.folder, "data")
        version = subprocess.run([binary, "version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
        self.version = version.replace("mansio", "").strip() or "this tree"
        names = "\n".join(f"{u}:{PASSWORD}" for u in users)
        subprocess.run([binary, "--data", self.data, "user", "add", "--file", "-", "--scheme", "plain"], check=True,
                       capture_output=True, input=names.encode())

    def command(self):
        return [self.binary, "serve", "--data", self.data, "--set", f"imap.listen=127.0.0.1:{self.imap}",
                "--set", f"imaps.listen=127.0.0.1:{self.imaps}", "--set", f"lmtp.listen=127.0.0.1:{self.lmtp}",
                "--set", f"listener.pop3.address=127.0.0.1:{self.pop3}",
                "--set", "auth.plaintext=loopback", "--set", "limits.connections_per_account=0",
                "--set", f"tls.certificate={self.certificate}", "--set", f"tls.key={self.key}", *self.extra]


class Before(Mansio):
    """Another build of Mansio, from before a change: what the change costs."""
    name, title = "before", "Mansio before"


class Dovecot(Server):
    name, title = "dovecot", "Dovecot"
    settings = ("sdbox; `service imap`: `service_count=0`, `process_min_avail` = cores, `client_limit=1`; `imap-login`: "
                "`service_count=0`, `process_min_avail` = cores; `lmtp`: `process_min_avail` = cores; `pop3-login` and `pop3` as for IMAP; `mail_fsync` at its default; "
                "plain-text passwd-file; caches filled by one run of each command before it is measured")
    packages = ["dovecot-imapd", "dovecot-lmtpd", "dovecot-pop3d"]

    def __init__(self, folder, users, certificate, first_port=None, hibernate=0):
        super().__init__(folder, users, certificate, first_port)
        self.version = subprocess.run(["dovecot", "--version"], capture_output=True, text=True, check=True).stdout.split()[0]
        if not self.version.startswith("2.3."):
            raise RuntimeError(f"the benchmark knows the configuration of Dovecot 2.3, this is {self.version}")
        self.hibernate, self.compress, self.fsync = hibernate, False, "optimized"   # its default
        os.makedirs(os.path.join(self.folder, "mail"))
        shutil.chown(os.path.join(self.folder, "mail"), OWNER, OWNER)
        with open(os.path.join(self.folder, "users"), "w") as f:
            f.writelines(f"{u}:{{PLAIN}}{PASSWORD}::::::\n" for u in users)
        self.configure()

    def configure(self):
        cores = os.cpu_count()
        with open(os.path.join(self.folder, "conf"), "w") as f:
            f.write(f"""
protocols = imap lmtp pop3
listen = 127.0.0.1
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.folder}/log.dovecot
ssl = yes
ssl_cert = <{self.certificate}
ssl_key = <{self.key}
disable_plaintext_auth = no
auth_mechanisms = {self.mechanisms.lower()}
first_valid_uid = 1
first_valid_gid = 1
mail_uid = {OWNER}
mail_gid = {OWNER}
mail_home = {self.folder}/mail/%u
mail_location = sdbox:{self.folder}/mail/%u
mail_max_userip_connections = 100000
default_client_limit = 60000
default_process_limit = 20000
default_vsz_limit = 4G
imap_hibernate_timeout = {self.hibernate} s
mail_fsync = {self.fsync}
mail_plugins = {"zlib" if self.compress else ""}
protocol imap {{
  mail_plugins = {"zlib imap_zlib" if self.compress else ""}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%n {self.folder}/users
}}
userdb {{
  driver = static
  args = uid={OWNER} gid={OWNER} home={self.folder}/mail/%u allow_all_users=yes
}}
service imap-login {{
  service_count = 0
  process_min_avail = {cores}
  process_limit = {cores}
  client_limit = 30000
  inet_listener imap {{
    port = {self.imap}
  }}
  inet_listener imaps {{
    port = {self.imaps}
    ssl = yes
  }}
}}
service imap {{
  # A process that is kept for the next client would hide what hibernation saves.
  service_count = {1 if self.hibernate else 0}
  process_min_avail = {cores}
  process_limit = 20000
  client_limit = 1
  unix_listener imap-master {{
    user = dovecot
  }}
}}
service pop3-login {{
  service_count = 0
  process_min_avail = {cores}
  process_limit = {cores}
  client_limit = 30000
  inet_listener pop3 {{
    port = {self.pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service pop3 {{
  service_count = 0
  process_min_avail = {cores}
  client_limit = 1
}}
service imap-hibernate {{
  unix_listener imap-hibernate {{
    mode = 0660
    group = {OWNER}
    user = dovecot
  }}
}}
service lmtp {{
  process_min_avail = {cores}
  inet_listener lmtp {{
    port = {self.lmtp}
  }}
}}
""")

    def command(self):
        return ["dovecot", "-F", "-c", os.path.join(self.folder, "conf")]

    def set_compress(self):
        """Starts it again with the plugin that COMPRESS needs, which is off by default."""
        self.set_hibernate(0, compress=True)

    def set_fsync(self, how):
        """Starts it again with that mail_fsync."""
        self.set_hibernate(0, fsync=how)

    def set_hibernate(self, seconds, compress=False, fsync="optimized"):
        """Starts it again with hibernation after so many seconds (0: without)."""
        self.stop()
        self.hibernate, self.compress, self.fsync = seconds, compress, fsync
        self.configure()
        self.start()

    def tail(self):
        path = os.path.join(self.folder, "log.dovecot")
        if not os.path.exists(path):
            return super().tail()
        with open(path, errors="replace") as f:
            return f.read()[-800:]


class Cyrus(Server):
    name, title = "cyrus", "Cyrus"
    settings = ("Debian's `imapd.conf` where it matters (`hashimapspool`, locks and process files below /run, durability at its defaults); "
                "sasldb; `imapd`, `lmtpd`, `pop3d` preforked (= cores) and reused without end; `idled` for IDLE; users made by autocreate")

    def __init__(self, folder, users, certificate, first_port=None, unpacked=None):
        super().__init__(folder, users, certificate, first_port)
        self.root, self.bin = unpacked, os.path.join(unpacked, "usr/lib/cyrus/bin")
        self.libraries = os.path.join(unpacked, "usr/lib/x86_64-linux-gnu")
        if not os.path.isdir(self.libraries):
            self.libraries = os.path.dirname(glob.glob(os.path.join(unpacked, "usr/lib/*/libcyrus.so.0"))[0])
        self.version = open(os.path.join(unpacked, "version")).read().strip()
        base = "/run" if os.access("/run", os.W_OK) else self.folder
        self.run = os.path.join(base, f"mansio-bench-{os.getpid()}")
        # idled's clients make their sockets below conf.
        for sub in ("conf/socket", "conf/db", "conf/proc", "conf/lock", "spool", "sieve"):
            os.makedirs(os.path.join(self.folder, sub))
        for sub in ("proc", "lock", "socket"):
            os.makedirs(os.path.join(self.run, sub))
        self.configure()
        self.add_users()
        for top in (self.folder, self.run):
            subprocess.run(["chown", "-R", f"{OWNER}:{OWNER}", top], check=True)

    def configure(self):
        cores = os.cpu_count()
        with open(os.path.join(self.folder, "imapd.conf"), "w") as f:
            f.write(f"""
configdirectory: {self.folder}/conf
partition-default: {self.folder}/spool
defaultpartition: default
sievedir: {self.folder}/sieve
proc_path: {self.run}/proc
mboxname_lockpath: {self.run}/lock
lmtpsocket: {self.run}/socket/lmtp
idlesocket: {self.run}/socket/idle
notifysocket: {self.run}/socket/notify
cyrus_user: {OWNER}
cyrus_group: {OWNER}
admins: cyrus
servername: localhost
altnamespace: yes
unixhierarchysep: yes
hashimapspool: true
lmtp_downcase_rcpt: yes
umask: 077
allowplaintext: yes
autocreate_quota: 0
autocreate_post: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {self.folder}/sasldb2
sasl_mech_list: {self.mechanisms}
tls_server_cert: {self.certificate}
tls_server_key: {self.key}
""")
        with open(os.path.join(self.folder, "cyrus.conf"), "w") as f:
            daemon = lambda name: f"{self.bin}/{name} -C {self.folder}/imapd.conf"       # noqa: E731
            f.write(f"""
START {{
  recover cmd="{self.bin}/ctl_cyrusdb -C {self.folder}/imapd.conf -r"
  idled cmd="{daemon('idled')}"
}}
SERVICES {{
  imap cmd="{daemon('imapd')} -U 1000000" listen="127.0.0.1:{self.imap}" prefork={cores} maxchild=-1
  imaps cmd="{daemon('imapd')} -s -U 1000000" listen="127.0.0.1:{self.imaps}" prefork={cores} maxchild=-1
  pop3 cmd="{daemon('pop3d')} -U 1000000" listen="127.0.0.1:{self.pop3}" prefork={cores} maxchild=-1
  lmtp cmd="{daemon('lmtpd')} -a -U 1000000" listen="127.0.0.1:{self.lmtp}" prefork={cores} maxchild=-1
}}
EVENTS {{
  checkpoint cmd="{self.bin}/ctl_cyrusdb -C {self.folder}/imapd.conf -c" period=30
}}
""")

    def add_users(self):
        """saslpasswd2 takes one user a call; its database is filled at once instead."""
        lines = "".join(f"{u}\\00localhost\\00userPassword\n{PASSWORD}\n" for u in self.users)
        subprocess.run([os.path.join(self.root, "usr/bin/db5.3_load"), "-T", "-t", "hash", os.path.join(self.folder, "sasldb2")],
                       input=lines.encode(), check=True, env=self.environment())

    def environment(self):
        return {**os.environ, "LD_LIBRARY_PATH": self.libraries}

    def command(self):
        return [os.path.join(self.bin, "master"), "-C", os.path.join(self.folder, "imapd.conf"), "-M", os.path.join(self.folder, "cyrus.conf"),
                "-p", os.path.join(self.run, "master.pid"), "-l", "1024"]

    def close(self):
        super().close()
        shutil.rmtree(self.run, ignore_errors=True)


def allow_watching(instances=20000):
    """Dovecot's IDLE needs an inotify instance a process, the system's limit is 128 a user. Returns what it was, or None."""
    path = "/proc/sys/fs/inotify/max_user_instances"
    try:
        with open(path) as f:
            was = int(f.read())
        if was < instances:
            with open(path, "w") as f:
                f.write(str(instances))
        return was
    except OSError:
        return None


def forbid_watching(was):
    if was is not None:
        with open("/proc/sys/fs/inotify/max_user_instances", "w") as f:
            f.write(str(was))


# -- what is installed --

def install_dovecot():
    if shutil.which("dovecot") and os.path.exists("/usr/lib/dovecot/lmtp"):
        return
    print("installing " + " ".join(Dovecot.packages), flush=True)
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-qq"]
    subprocess.run([*apt, "update"], check=False)
    subprocess.run([*apt, "install", "-y", "--no-install-recommends", *Dovecot.packages], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def unpack_cyrus(folder):
    """Cyrus and Dovecot do not install beside each other: Cyrus is unpacked into FOLDER, with those libraries it needs and the system lacks."""
    if os.path.exists(os.path.join(folder, "version")):
        return folder
    print("unpacking cyrus-imapd", flush=True)
    debs = os.path.join(folder, "debs")
    os.makedirs(debs, exist_ok=True)
    os.chmod(debs, 0o777)
    subprocess.run(["apt-get", "-qq", "update"], check=False)
    have = [p for p in CYRUS_PACKAGES if subprocess.run(["apt-cache", "show", p], capture_output=True, check=False).returncode == 0]
    subprocess.run(["apt-get", "download", "-qq", *have], cwd=debs, check=True)
    for deb in glob.glob(os.path.join(debs, "*.deb")):
        subprocess.run(["dpkg-deb", "-x", deb, folder], check=True)
    fetch_libraries(folder, debs)
    package = glob.glob(os.path.join(debs, "cyrus-imapd_*.deb"))[0]
    version = subprocess.run(["dpkg-deb", "-f", package, "Version"], capture_output=True, text=True, check=True).stdout.strip()
    with open(os.path.join(folder, "version"), "w") as f:
        f.write(version)
    return folder


def fetch_libraries(folder, debs):
    """Installs, as ordinary packages, the dependencies of the unpacked ones that are still missing."""
    missing = lost_libraries(folder)
    if not missing:
        return
    depends = set()
    for deb in glob.glob(os.path.join(debs, "*.deb")):
        text = subprocess.run(["dpkg-deb", "-f", deb, "Depends"], capture_output=True, text=True, check=True).stdout
        depends |= {name for name in re.findall(r"(?:^|, )(lib[a-z0-9.+-]+)", text) if name not in CYRUS_PACKAGES}
    subprocess.run(["apt-get", "-o", "DPkg::Lock::Timeout=300", "-qq", "install", "-y", "--no-install-recommends", *sorted(depends)],
                   check=True, stdout=subprocess.DEVNULL, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    if missing := lost_libraries(folder):
        raise RuntimeError("Cyrus lacks " + ", ".join(missing))


def lost_libraries(folder):
    path = os.path.dirname(glob.glob(os.path.join(folder, "usr/lib/*/libcyrus.so.0"))[0])
    lost = set()
    for binary in ("imapd", "lmtpd", "master", "idled", "ctl_cyrusdb"):
        out = subprocess.run(["ldd", os.path.join(folder, "usr/lib/cyrus/bin", binary)], capture_output=True, text=True, check=True,
                             env={**os.environ, "LD_LIBRARY_PATH": path}).stdout
        lost |= set(re.findall(r"(\S+) => not found", out))
    return sorted(lost)


def owner_exists():
    try:
        return pwd.getpwnam(OWNER) is not None
    except KeyError:
        return False
