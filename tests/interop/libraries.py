# SPDX-License-Identifier: Apache-2.0
"""libraries: what other programs are built on: c-client (PHP's imap functions), Perl's Mail::IMAPClient, Ruby's Net::IMAP."""
import os
import subprocess

from interop.programs import NESTED, NESTED_WIRE, Skip, check, fill, listing, need, run
from lib.server import PASSWORD


def program(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def loads(*args):
    need(args[0])
    if subprocess.run(args, capture_output=True).returncode:
        raise Skip(f"{' '.join(args[1:])} does not load")


PHP = r"""<?php
[$_, $port, $imaps, $user, $password, $nested] = $argv;
function want($what, $ok) { if (!$ok) { fwrite(STDERR, "$what: " . json_encode(imap_errors()) . "\n"); exit(1); } }
// over STARTTLS c-client offers TLS 1.0 only, which is refused
foreach (["$imaps/imap/ssl/novalidate-cert", "$port/imap/notls"] as $how) {
    $h = "{127.0.0.1:$how/user=$user}";
    $m = imap_open($h . "INBOX", $user, $password, 0, 1);
    want("open $how", $m);
    want("count", imap_num_msg($m) == 60);
    $list = imap_list($m, $h, "*");
    want("list", in_array($h . "INBOX", $list) && in_array($h . "Sent", $list));
    imap_close($m);
}
$m = imap_open($h . "INBOX", $user, $password);
want("search", count(imap_search($m, 'SUBJECT "Invoice"', SE_UID)) == 10);
want("search body", count(imap_search($m, 'BODY "Line 37 of"')) == 3);
$sorted = imap_sort($m, SORTSUBJECT, 0, SE_UID, 'FROM "s"', "UTF-8");
want("sort", count($sorted) == 60);
want("thread", count(imap_thread($m, SE_UID)) > 60);
$o = imap_fetch_overview($m, "1:60", 0);
want("overview", count($o) == 60 && $o[0]->uid == 1 && strpos($o[2]->subject, "=?UTF-8?B?") === 0);
$s = imap_fetchstructure($m, 7);
want("structure", $s->type == 0 && $s->subtype == "PLAIN");
want("body", strpos(imap_fetchbody($m, 7, "1"), "Line 0 of mail 6\r\n") === 0);
want("header", strpos(imap_fetchheader($m, 7), "Message-ID: <n6@example.org>") !== false);
want("flags", imap_setflag_full($m, "1:5", "\\Seen \\Flagged") && imap_clearflag_full($m, "5", "\\Flagged"));
want("create", imap_createmailbox($m, $h . imap_utf7_encode(mb_convert_encoding("Archiv", "ISO-8859-1"))) && imap_createmailbox($m, $h . $nested));
want("subscribe", imap_subscribe($m, $h . $nested) && in_array($h . $nested, imap_lsub($m, $h, "*")));
want("copy", imap_mail_copy($m, "10:19", $nested));
want("move", imap_mail_move($m, "20:24", $nested) && imap_expunge($m));
want("append", imap_append($m, $h . $nested, "Subject: neu\r\nMessage-ID: <neu@x>\r\n\r\nx\r\n", "\\Draft", "01-Jan-2020 10:00:00 +0100"));
$st = imap_status($m, $h . $nested, SA_ALL);
want("status", $st->messages == 16);
want("delete", imap_delete($m, "1:2") && imap_undelete($m, "2") && imap_expunge($m) && imap_num_msg($m) == 54);
want("rename", imap_renamemailbox($m, $h . "Archiv", $h . "Ablage"));
want("reopen", imap_reopen($m, $h . str_replace("Archiv/", "Ablage/", $nested)) && imap_num_msg($m) == 16);
want("gc", imap_gc($m, IMAP_GC_ELT) && imap_ping($m));
want("errors", !array_filter(imap_errors() ?: [], fn($e) => strpos($e, "SECURITY PROBLEM") === false));
imap_close($m);
"""


def scenario_cclient(server, user, folder):
    loads("php", "-r", "exit(function_exists('imap_open') && function_exists('mb_convert_encoding') ? 0 : 1);")
    fill(server, user, 0, 60)
    run(["php", program(folder, "t.php", PHP), str(server.imap), str(server.imaps), user, PASSWORD, NESTED_WIRE], cwd=folder)
    there = listing(server, user, "INBOX")
    check(len(there) == 54 and sum("\\Flagged" in f for f in there.values()) == 3, f"{len(there)} left by c-client")
    check(len(listing(server, user, NESTED_WIRE.replace("Archiv", "Ablage"))) == 16, "filed by c-client")


PERL = r"""use strict; use Mail::IMAPClient;
my ($port, $user, $password, $nested) = @ARGV;
sub n { scalar @_ }
sub want { my ($what, $ok) = @_; die "$what: " . ($@ // "") unless $ok }
my $m = Mail::IMAPClient->new(Server => "127.0.0.1", Port => $port, User => $user, Password => $password, Uid => 1, Peek => 1, Compress => 1, Fast_io => 1) or die $@;
want("capability", $m->has_capability("IDLE") && $m->has_capability("UIDPLUS"));
want("separator", $m->separator eq "/");
want("select", $m->select("INBOX"));
want("count", $m->message_count == 60 && n($m->messages) == 60);
want("search", n($m->search('SUBJECT "Invoice"')) == 10);
want("since", n($m->since(time - 86400)) == 60);
my $h = $m->parse_headers([1 .. 3], "Subject", "Message-ID");
want("headers", $h->{1}{"Message-ID"}[0] eq "<n0\@example.org>");
my $f = $m->fetch_hash("1:60", "FLAGS", "RFC822.SIZE", "INTERNALDATE", "ENVELOPE");
want("fetch_hash", keys %$f == 60 && $f->{60}{"RFC822.SIZE"} == $m->size(60));
want("body", $m->body_string(7) =~ /^Line 0 of mail 6\r/);
want("structure", $m->get_bodystructure(7)->bodytype =~ /text/i);
want("create", $m->create($nested) && $m->exists($nested));
my $uid = $m->append_string($nested, "Subject: a\r\n\r\nx\r\n", "\\Seen", " 1-Jan-2020 10:00:00 +0100");
want("append", $uid == 1);
want("copy", $m->copy($nested, 1 .. 10));
want("move", $m->move($nested, 11 .. 15));
want("expunge", $m->expunge && $m->message_count == 55);
want("flag", $m->set_flag("Flagged", 20 .. 29) && n($m->search("FLAGGED")) == 10 && $m->see(30));
want("unseen", $m->unseen_count("INBOX") == 54);
my $idle = $m->idle; want("idle", $idle && $m->done($idle));
want("status", $m->status($nested, "MESSAGES") && $m->message_count($nested) == 16);
want("rename", $m->rename($nested, "Perl") && $m->delete("Perl"));
want("logout", $m->logout);
"""


def scenario_perl(server, user, folder):
    """Mail::IMAPClient, which imapsync stands on; compressed."""
    loads("perl", "-MMail::IMAPClient", "-MCompress::Zlib", "-MIO::Socket", "-e1")
    fill(server, user, 0, 60)
    run(["perl", program(folder, "t.pl", PERL), str(server.imap), user, PASSWORD, NESTED_WIRE], cwd=folder)
    check(sum("\\Flagged" in f for f in listing(server, user, "INBOX").values()) == 10, "flags by Perl")


RUBY = r"""require "net/imap"
port, user, password, nested = ARGV
def want(what, ok) raise what unless ok end
m = Net::IMAP.new("127.0.0.1", port: port.to_i)
m.starttls({ verify_mode: OpenSSL::SSL::VERIFY_NONE }, false)
m.authenticate("PLAIN", user, password)
want "create", m.create(Net::IMAP.encode_utf7(nested))
m.select("INBOX")
want "exists", m.responses["EXISTS"][-1] == 60
want "search", m.search(["SUBJECT", "Invoice"]).size == 10
want "charset", m.uid_search(["SUBJECT", "Grüße".b], "UTF-8").size == 10
want "sort", m.uid_sort(["SUBJECT"], ["ALL"], "UTF-8").size == 60
want "thread", m.uid_thread("REFERENCES", ["ALL"], "UTF-8").size > 0
all = m.uid_fetch(1..60, ["UID", "FLAGS", "ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE", "INTERNALDATE"])
want "fetch", all.size == 60 && all[0].attr["ENVELOPE"].from[0].mailbox == "s0"
want "body", m.uid_fetch(7, "BODY[]")[0].attr["BODY[]"].include?("Line 0 of mail 6\r\n")
m.uid_store(1..5, "+FLAGS", [:Seen, :Flagged, "$Label1"])
m.uid_copy(1..10, Net::IMAP.encode_utf7(nested))
m.uid_move(11..15, Net::IMAP.encode_utf7(nested))
m.uid_store(16, "+FLAGS.SILENT", [:Deleted])
m.expunge
want "status", m.status(Net::IMAP.encode_utf7(nested), ["MESSAGES", "UIDNEXT"])["MESSAGES"] == 15
m.append("INBOX", "Subject: ruby\r\n\r\nx\r\n", [:Draft], Time.at(1577869200))
want "list", m.list("", "*").map { |x| Net::IMAP.decode_utf7(x.name) }.include?(nested)
seen = nil
Thread.new { n = Net::IMAP.new("127.0.0.1", port: port.to_i); n.login(user, password); sleep 0.3; n.append("INBOX", "Subject: x\r\n\r\nx\r\n"); n.logout }
m.idle(10) { |r| if r.is_a?(Net::IMAP::UntaggedResponse) && r.name == "EXISTS" then seen = r.data; m.idle_done end }
want "idle", seen == 56
m.logout
m.disconnect
"""


def scenario_ruby(server, user, folder):
    loads("ruby", "-rnet/imap", "-e", "")
    fill(server, user, 0, 60)
    run(["ruby", program(folder, "t.rb", RUBY), str(server.imap), user, PASSWORD, NESTED], cwd=folder)
    check(sum("$Label1" in f for f in listing(server, user, "INBOX").values()) == 5, "keywords by Ruby")
