# SPDX-License-Identifier: Apache-2.0
"""thunderbird: Thunderbird without a display, driven over its remote protocol (Marionette) with its own functions."""
import base64
import contextlib
import json
import os
import re
import socket
import subprocess
import time

from interop.programs import NESTED_WIRE, check, client, fill, listing, mail, need
from lib.server import PASSWORD, free_ports

PREFS = """user_pref("mail.accountmanager.accounts", "account1,account2");
user_pref("mail.accountmanager.defaultaccount", "account1");
user_pref("mail.accountmanager.localfoldersserver", "server2");
user_pref("mail.account.account1.identities", "id1");
user_pref("mail.account.account1.server", "server1");
user_pref("mail.account.account2.server", "server2");
user_pref("mail.identity.id1.fullName", "Test");
user_pref("mail.identity.id1.useremail", "{user}@example.org");
user_pref("mail.identity.id1.valid", true);
user_pref("mail.identity.id1.fcc_folder", "imap://{user}@127.0.0.1/Sent");
user_pref("mail.identity.id1.draft_folder", "imap://{user}@127.0.0.1/Drafts");
user_pref("mail.server.server1.type", "imap");
user_pref("mail.server.server1.name", "Mansio");
user_pref("mail.server.server1.hostname", "127.0.0.1");
user_pref("mail.server.server1.port", {port});
user_pref("mail.server.server1.userName", "{user}");
user_pref("mail.server.server1.socketType", {socket});
user_pref("mail.server.server1.authMethod", 3);
user_pref("mail.server.server1.login_at_startup", false);
user_pref("mail.server.server1.check_new_mail", false);
user_pref("mail.server.server1.timeout", 29);
user_pref("mail.server.server1.max_cached_connections", 5);
user_pref("mail.server.server1.use_condstore", true);
user_pref("mail.server.server1.use_compress_deflate", true);
user_pref("mail.server.server2.type", "none");
user_pref("mail.server.server2.name", "Local Folders");
user_pref("mail.server.server2.hostname", "Local Folders");
user_pref("mail.server.server2.userName", "nobody");
user_pref("mailnews.start_page.enabled", false);
user_pref("mail.provider.suppress_dialog_on_startup", true);
user_pref("mail.spotlight.firstRunDone", true);
user_pref("mail.shell.checkDefaultClient", false);
user_pref("mail.rights.version", 1);
user_pref("mailnews.database.global.indexer.enabled", false);
user_pref("mail.biff.show_alert", false);
user_pref("app.update.enabled", false);
user_pref("app.donation.eoy.version.viewed", 999);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("datareporting.healthreport.uploadEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("marionette.port", {marionette});
"""

# Runs before every script: what they share.
PRELUDE = """
const done = arguments[arguments.length - 1];
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const server = MailServices.accounts.getAccount("account1").incomingServer;
const root = server.rootFolder;
const folder = path => path.split("/").reduce((f, name) => f.getChildNamed(name), root);
const wait = ms => new Promise(r => setTimeout(r, ms));
const listener = () => {
  let resolve, reject;
  const promise = new Promise((a, b) => { resolve = a; reject = b; });
  return { promise, OnStartRunningUrl() {}, OnStopRunningUrl(url, status) { Components.isSuccessCode(status) ? resolve() : reject("status " + status.toString(16)); },
    onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() { return null; },
    onStopCopy(status) { Components.isSuccessCode(status) ? resolve() : reject("copy status " + status.toString(16)); },
    QueryInterface: ChromeUtils.generateQI(["nsIUrlListener", "nsIMsgCopyServiceListener"]) };
};
const update = async path => {
  const l = listener(), f = folder(path);
  f.QueryInterface(Ci.nsIMsgImapMailFolder).updateFolderWithListener(null, l);
  await l.promise;
  return [...f.messages];
};
const until = async (what, test) => {
  for (let i = 0; i < 150; i++) { const v = await test(); if (v) return v; await wait(100); }
  throw new Error("waited in vain for " + what);
};
(async () => { %s })().then(v => done({ value: v === undefined ? null : v }), e => done({ error: String(e) + " " + (e.stack || "") }));
"""


class Marionette:
    """Thunderbird's remote protocol: "length:[0, id, command, parameters]" and the answer "length:[1, id, error, result]"."""

    def __init__(self, port, process, timeout=90):
        end = time.monotonic() + timeout
        while True:
            check(process.poll() is None, "Thunderbird has ended")
            try:
                self.sock = socket.create_connection(("127.0.0.1", port), timeout=120)
                break
            except OSError:
                check(time.monotonic() < end, "Thunderbird does not listen for Marionette")
                time.sleep(0.3)
        self.file, self.id = self.sock.makefile("rb"), 0
        self.read()
        self("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {}}})
        self("WebDriver:SetTimeouts", {"script": 90000})
        self("Marionette:SetContext", {"value": "chrome"})

    def read(self):
        size = b""
        while not size.endswith(b":"):
            c = self.file.read(1)
            check(c, "Thunderbird closed the connection")
            size += c
        return json.loads(self.file.read(int(size[:-1])))

    def __call__(self, command, parameters=None):
        self.id += 1
        data = json.dumps([0, self.id, command, parameters or {}]).encode()
        self.sock.sendall(str(len(data)).encode() + b":" + data)
        _, _, error, result = self.read()
        check(not error, f"{command}: {json.dumps(error)[:1500]}")
        return result.get("value") if isinstance(result, dict) else result

    def run(self, script, *args):
        got = self("WebDriver:ExecuteAsyncScript", {"script": PRELUDE % script, "args": list(args), "newSandbox": True})
        check("error" not in got, f"Thunderbird: {got.get('error')}\n{script[:400]}")
        return got["value"]

    def screenshot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self("WebDriver:TakeScreenshot", {"full": False})))


@contextlib.contextmanager
def running(server, user, folder, prefix=(), env=None):
    """Thunderbird with a new profile in the folder, and the way to tell it what to do. prefix: words before its command."""
    profile = os.path.join(folder, "profile")
    os.mkdir(profile)
    port, = free_ports(1)
    with open(os.path.join(profile, "prefs.js"), "w") as f:
        f.write(PREFS.format(user=user, port=server.imap, socket=0, marionette=port))
    with open(os.path.join(folder, "thunderbird.log"), "wb") as log:
        process = subprocess.Popen([*prefix, "thunderbird", "--headless", "--no-remote", "--profile", profile, "--marionette", "--remote-allow-system-access"],
                                   stdout=log, stderr=log, start_new_session=True,
                                   env=dict({**os.environ, **(env or {})}, HOME=folder, MOZ_HEADLESS="1", MOZ_HEADLESS_WIDTH="1280", MOZ_HEADLESS_HEIGHT="800",
                                            MOZ_LOG="IMAP:4,timestamp", MOZ_LOG_FILE=os.path.join(folder, "imap.log")))
    try:
        yield Marionette(port, process)
    finally:
        os.killpg(process.pid, 15)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()


def scenario_thunderbird(server, user, folder):
    """Headers and bodies, flags, keywords, copy, move, delete, search, folders, and what others change meanwhile, by IDLE."""
    need("thunderbird")
    fill(server, user, 0, 120)
    with client(server, user) as c:
        c.ok(f'CREATE "{NESTED_WIRE}"')
        c.ok(f'SUBSCRIBE "{NESTED_WIRE}"')
        c.ok("SUBSCRIBE Archiv")
    with running(server, user, folder) as m:
        drive(server, user, m, os.environ.get("MANSIO_SCREENSHOT", os.path.join(folder, "screen.png")))
    text = ""
    for name in os.listdir(folder):
        if name.startswith("imap.log"):
            with open(os.path.join(folder, name), errors="replace") as f:
                text += f.read()
    refused = re.findall(r"CreateNewLineFromSocket: \d+ (?:BAD|NO) .*", text)
    check(not refused, f"Thunderbird was told: {refused[:5]}")
    for used in ("COMPRESS DEFLATE", "ENABLE UTF8=ACCEPT", "IDLE", "uid move", "(CHANGEDSINCE"):
        check(f" {used}" in text, f"Thunderbird did not use {used}")


def drive(server, user, m, screen):
    m.run("server.password = arguments[0]; await until('the window', () => Services.wm.getMostRecentWindow('mail:3pane'));", PASSWORD)
    # folders and headers
    m.run("root.QueryInterface(Ci.nsIMsgImapMailFolder); server.performExpand(null); await until('folders', () => root.containsChildNamed('Drafts') && root.containsChildNamed('Archiv'));")
    names = m.run("return root.descendants.map(f => f.URI.split('127.0.0.1/')[1]);")
    check({"INBOX", "Drafts", "Sent", "Trash"} <= set(names) and any("Archiv/" in n for n in names), f"folders: {names}")
    flags = m.run("const F = Ci.nsMsgFolderFlags; return ['Drafts', 'Sent', 'Trash', 'Junk'].map(n => [n, folder(n).flags & (F.Drafts | F.SentMail | F.Trash | F.Junk)]);")
    check(all(v for _, v in flags), f"special folders (T26): {flags}")
    heads = m.run("const all = await update('INBOX'); return all.map(h => [h.messageKey, h.messageId, h.mime2DecodedSubject, h.isRead, h.messageSize]);")
    check(len(heads) == 120 and {h[1] for h in heads} == {f"n{n}@example.org" for n in range(120)}, f"{len(heads)} headers")
    check(all(h[2] in ("Grüße", "写真", "Häufige Fragen", "Lunch on Friday", "the report") or h[2].startswith("Invoice") for h in heads), "subjects")
    check(all(h[4] == len(mail(int(h[1][1:].split("@")[0]))) for h in heads), "sizes")
    # bodies, for offline use
    m.run("""const f = folder('INBOX'); f.setFlag(Ci.nsMsgFolderFlags.Offline); const l = listener(); f.downloadAllForOffline(l, null); await l.promise;
        await until('bodies', () => [...f.messages].every(h => h.flags & Ci.nsMsgMessageFlags.Offline));""")
    text = m.run("""const f = folder('INBOX'); const h = [...f.messages].find(x => x.messageId == 'n39@example.org');
        const uri = f.getUriForMsg(h); const service = MailServices.messageServiceFromURI(uri); const data = [];
        await new Promise(r => service.streamMessage(uri, { onStartRequest() {}, onStopRequest() { r(); }, onDataAvailable(q, s, o, c) {
            const n = Cc['@mozilla.org/scriptableinputstream;1'].createInstance(Ci.nsIScriptableInputStream); n.init(s); data.push(n.read(c)); },
            QueryInterface: ChromeUtils.generateQI(['nsIStreamListener']) }, null, null, false, '')); return data.join('');""")
    check(mail(39).decode().replace("\r\n", "\n").split("\n\n", 1)[1] in text.replace("\r\n", "\n"), f"the body: {text[-300:]}")
    # flags and keywords
    m.run("""const f = folder('INBOX'); const all = [...f.messages]; const by = n => all.find(x => x.messageId == 'n' + n + '@example.org');
        f.markMessagesRead([by(10), by(11), by(12)], true); f.markMessagesFlagged([by(13), by(14)], true);
        f.addKeywordsToMessages([by(15)], '$label1'); f.addKeywordsToMessages([by(16)], 'urgent'); """)
    wait_for(server, user, "flags by Thunderbird", lambda there: all("\\Seen" in there[f"<n{n}@example.org>"] for n in (10, 11, 12))
             and all("\\Flagged" in there[f"<n{n}@example.org>"] for n in (13, 14))
             and "$label1" in lower(there["<n15@example.org>"]) and "urgent" in lower(there["<n16@example.org>"]))
    # move, copy, delete
    m.run("""const f = folder('INBOX'); const all = [...f.messages]; const by = n => all.find(x => x.messageId == 'n' + n + '@example.org');
        const target = root.getChildNamed('Archiv').subFolders[0];
        let l = listener(); MailServices.copy.copyMessages(f, [by(20), by(21), by(22)], target, true, l, null, false); await l.promise;
        l = listener(); MailServices.copy.copyMessages(f, [by(30), by(31)], root.getChildNamed('Archive'), false, l, null, false); await l.promise;
        f.deleteMessages([by(40), by(41)], null, false, false, null, false);""")
    gone = {f"<n{n}@example.org>" for n in (20, 21, 22, 40, 41)}
    wait_for(server, user, "moved and deleted", lambda there: not gone & set(there))
    wait_for(server, user, "moved", lambda there: len(there) == 3, NESTED_WIRE)
    wait_for(server, user, "copied", lambda there: len(there) == 2, "Archive")
    wait_for(server, user, "deleted into Trash", lambda there: len(there) == 2, "Trash")
    # what others do: new mail, flags and deletions
    fill(server, user, 300, 4)
    with client(server, user) as c:
        c.ok("SELECT INBOX")
        c.ok("UID STORE 60:62 +FLAGS.SILENT (\\Deleted)")
        c.ok("UID STORE 70 +FLAGS.SILENT (\\Flagged \\Answered)")
        c.ok("EXPUNGE")
    # Thunderbird is in IDLE: it hears of it
    m.run("""const f = folder('INBOX'); await until('news by IDLE', () => { const all = [...f.messages];
        return all.length == 116 && all.some(x => x.messageId == 'n303@example.org') && !all.some(x => x.messageId == 'n60@example.org')
            && all.find(x => x.messageId == 'n69@example.org').isFlagged; });""")
    # a folder of its own, with an umlaut; renamed; a draft stored
    m.run("root.createSubfolder('Ablage Ä', null); await until('the new folder', () => root.containsChildNamed('Ablage Ä'));")
    m.run("folder('Ablage Ä').rename('Älteres & mehr', null); await until('the new name', () => root.containsChildNamed('Älteres & mehr'));")
    with client(server, user) as c:
        found = {r.data["name"] for r in c.ok('LIST "" "*"').all("LIST")}
        check(b"&AMQ-lteres &- mehr" in found and b"Ablage &AMQ-" not in found, f"folders: {found}")
    m.run("""const file = Services.dirsvc.get('TmpD', Ci.nsIFile); file.append('draft.eml'); file.createUnique(0, 0o600);
        await IOUtils.writeUTF8(file.path, 'From: t@example.org\\r\\nSubject: Entwurf\\r\\nMessage-ID: <draft@example.org>\\r\\n\\r\\nnoch nicht\\r\\n');
        const l = listener(); MailServices.copy.copyFileMessage(file, folder('Drafts'), null, true, Ci.nsMsgMessageFlags.Read, '', l, null); await l.promise; file.remove(false);""")
    wait_for(server, user, "the draft", lambda there: "\\Draft" in there.get("<draft@example.org>", ()), "Drafts")
    # search at the server, in bodies
    hits = m.run("""const f = folder('INBOX'); const session = Cc['@mozilla.org/messenger/searchSession;1'].createInstance(Ci.nsIMsgSearchSession);
        session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, f); const term = session.createTerm(); term.attrib = Ci.nsMsgSearchAttrib.Body; term.op = Ci.nsMsgSearchOp.Contains;
        const v = term.value; v.attrib = term.attrib; v.str = 'Line 37 of'; term.value = v; session.appendTerm(term); let n = 0;
        await new Promise(r => { session.registerListener({ onSearchHit() { n++; }, onSearchDone() { r(); }, onNewSearch() {}, QueryInterface: ChromeUtils.generateQI(['nsIMsgSearchNotify']) }); session.search(null); });
        return n;""")
    check(hits == 9, f"the search found {hits}")
    m.run("""const w = Services.wm.getMostRecentWindow('mail:3pane'); const tab = w.document.getElementById('tabmail').currentAbout3Pane;
        tab.displayFolder(folder('INBOX').URI); await wait(1500); tab.threadTree.selectedIndex = 3; await wait(1500);""")
    m.screenshot(screen)
    check(os.path.getsize(screen) > 5000, "no screenshot")
    m("Marionette:Quit", {"flags": ["eAttemptQuit"]})


def lower(flags):
    return {f.lower() for f in flags}


def wait_for(server, user, what, test, mailbox="INBOX"):
    end = time.monotonic() + 20
    while True:
        there = listing(server, user, mailbox)
        try:
            if test(there):
                return
        except KeyError:
            pass
        check(time.monotonic() < end, f"{what}: {str(there)[:600]}")
        time.sleep(0.2)
