#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_oracle: the oracle must accept what is well-formed, name what is not, and have no rule that nothing breaks."""
import os
import random
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from oracle import Context, Session, Splitter, parse_response  # noqa: E402
from oracle.lex import Bad, mutf7_fault  # noqa: E402
from oracle import pop3  # noqa: E402

BODY = b'("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 3 1)'
BS = b'("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 3 1 NIL NIL NIL NIL)'
IMG = b'("IMAGE" "PNG" NIL "<id>" "a picture" "BASE64" 300 NIL ("attachment" ("FILENAME" "x.png")) ("de" "en") "loc")'
ADR = b'(("A B" NIL "a" "example.org"))'
ENV = b'("date" "hi" ' + b" ".join([ADR] * 3) + b' NIL NIL NIL NIL "<id@x>")'
GROUP = b'((NIL NIL "team" NIL)(NIL NIL "a" "example.org")(NIL NIL NIL NIL))'


def f(items):
    return b"* 1 FETCH (" + items + b")"


GOOD = [
    b"* OK hello", b"* OK [ALERT] power cut at noon", b"* PREAUTH [CAPABILITY IMAP4rev1] hi", b"* BYE bye",
    b"* NO [BADCHARSET (UTF-8 US-ASCII)] try these", b"* NO [BADCHARSET] no", b"a1 OK done", b"a.1 NO [TRYCREATE] no such mailbox",
    b"x BAD what", b"+ ", b"+ idling", b"+ AGFsaWNl", b"+ [ALERT] go on", b"+ YQ==",
    b"* CAPABILITY IMAP4rev1 LITERAL+ AUTH=PLAIN", b"* CAPABILITY IMAP4rev2", b"* ENABLED CONDSTORE", b"* ENABLED",
    b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded)", b"* FLAGS ()",
    b'* LIST (\\HasNoChildren) "/" INBOX', b'* LIST () NIL "a b"', b'* LIST (\\Noselect) "/" ""', b'* LIST () "/" "NIL"',
    b'* LIST (\\Subscribed) "/" &AOQ- ("CHILDINFO" ("SUBSCRIBED"))', b'* LIST () "\\\\" x', b'* LIST () "/" b (OLDNAME ("a"))',
    b'* LIST () "/" &2D3cAw-', b'* LIST () "/" {3}\r\na"b', b'* LSUB () "/" a]b',
    b"* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3 UNSEEN 0 RECENT 0)", b"* STATUS x (HIGHESTMODSEQ 0 SIZE 9223372036854775807)",
    b"* STATUS x (MAILBOXID (F2212ea87) APPENDLIMIT NIL DELETED 1)", b"* STATUS x ()", b"* STATUS x (APPENDLIMIT 5)",
    b"* SEARCH", b"* SEARCH 1 2 4294967295", b"* SEARCH 2 5 (MODSEQ 917162500)", b"* SORT 5 2", b"* SORT",
    b'* ESEARCH (TAG "a1") UID COUNT 2 ALL 1,5:7', b'* ESEARCH (TAG "a1")', b"* ESEARCH COUNT 0",
    b'* ESEARCH (TAG "a") MIN 2 MAX 9 MODSEQ 5', b'* ESEARCH (TAG "a") UID PARTIAL (1:10 NIL)', b'* ESEARCH (TAG "a") PARTIAL (-1:-5 4,3)',
    b'* ESEARCH (TAG "a" MAILBOX x UIDVALIDITY 5) UID ALL 1', b'* ESEARCH (TAG "a") ADDTO (0 1:2 4 9) REMOVEFROM (1 4)',
    b'* ESEARCH (TAG "a") ALL 1,5 RELEVANCY (4 99)', b'* ESEARCH (TAG "a") COUNT 1 RELEVANCY ()',
    b"* THREAD", b"* THREAD (2)(3 6 (4 23)(44 7 96))", b"* THREAD ((3)(5))", b"* THREAD (1 (2)(3 (4)(5)))",
    b'* NAMESPACE (("" "/")) NIL NIL', b'* NAMESPACE (("" "/")("#news." ".")) (("~" "/" "X-PARAM" ("A" "B"))) NIL',
    b"* ID NIL", b'* ID ("name" "Mansio" "version" NIL)', b'* QUOTA "" (STORAGE 10 512)', b'* QUOTA r ()', b'* QUOTAROOT INBOX ""',
    b"* QUOTAROOT x", b"* ACL INBOX alice lrs bob \"\"", b"* MYRIGHTS INBOX rwiptsldaex", b"* LISTRIGHTS x bob \"\" l r s",
    b"* LISTRIGHTS x bob lr", b'* METADATA INBOX (/shared/comment "x" /private/y NIL)', b'* METADATA "" /shared/comment /shared/x',
    b'* METADATA x (/shared/b ~{3}\r\na\0b)',
    b"* VANISHED 1:3,9", b"* VANISHED (EARLIER) 41", b'* LANGUAGE ("de" "i-default")', b"* LANGUAGE (EN DE IT i-default)", b"* LANGUAGE (DE-IT)",
    b'* NAMESPACE (("" "/")) (("Other Users/" "/" "TRANSLATION" ("Andere Ben&APw-tzer/"))) NIL', b"* CAPABILITY IMAP4rev1 UTF8=ONLY",
    b"* COMPARATOR i;octet", b'* COMPARATOR -i;octet (i;octet "de;x;v=1.2")', b"a NO [BADCOMPARATOR] x",
    b'* GENURLAUTH "imap://x"', b'* URLFETCH "imap://x" NIL', b'* URLFETCH "u" (BODY "x") (BODYPARTSTRUCTURE ' + BS + b")",
    b'* URLFETCH "u" (BINARY ~{2}\r\na\0)', b'* UIDBATCHES (TAG "a") 50:38,37:28', b'* UIDBATCHES (TAG "a")',
    b'* JMAPACCESS "https://x"',
    b"* 5 EXISTS", b"* 0 EXISTS", b"* 0 RECENT", b"* 3 EXPUNGE", f(b"FLAGS ()"), f(b"UID 5 FLAGS (\\Seen \\Recent $x)"),
    f(b'UID 1 INTERNALDATE " 4-Aug-2018 10:00:00 +0200" RFC822.SIZE 44'), f(b'INTERNALDATE "14-Aug-2018 10:00:60 -0000"'),
    f(b"MODSEQ (65402)"), f(b"EMAILID (M6d99ac3275bb4e) THREADID (T64b)"), f(b"THREADID NIL"), f(b"SAVEDATE NIL PREVIEW NIL"),
    f(b'SAVEDATE "01-Jan-2024 00:00:00 +0000"').replace(b"01-", b" 1-"), f(b'PREVIEW "hello"'),
    f(b"BODY[] {3}\r\na\r\n"), f(b"BODY[]<0> NIL"), f(b'BODY[1.2.HEADER] ""'), f(b'BODY[1.MIME] "x"'), f(b"BODY[TEXT]<5> {0}\r\n"),
    f(b"BODY[HEADER.FIELDS (SUBJECT \"FROM\")] {13}\r\nSubject: x\r\n\r\n".replace(b"{13}", b"{14}")),
    f(b"BODY[HEADER.FIELDS (DATE)] {2}\r\n\r\n"), f(b"BODY[HEADER.FIELDS.NOT (TO)] {8}\r\nA: b\r\n\r\n"), f(b'RFC822 NIL RFC822.TEXT "x"'),
    f(b"BINARY[1] ~{3}\r\na\0b"), f(b'BINARY[1.2]<3> "x" BINARY.SIZE[1] 5'), f(b"BINARY[] NIL"), f(b'BODY[1] NIL'),
    f(b"ANNOTATION (/comment (value.priv \"x\" value.shared NIL))"), f(b"ANNOTATION (/a /b)"),
    f(b"ENVELOPE " + ENV), f(b"ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"),
    f(b"ENVELOPE (NIL NIL " + b" ".join([ADR] * 3) + b" " + GROUP + b" NIL NIL NIL NIL)"),
    f(b"BODY " + BODY), f(b"BODYSTRUCTURE " + BS), f(b"BODYSTRUCTURE " + IMG),
    f(b"BODYSTRUCTURE (" + BS + IMG + b' "MIXED" ("BOUNDARY" "x") NIL NIL NIL)'), f(b"BODY (" + BODY + b' "MIXED")'),
    f(b'BODYSTRUCTURE ("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 30 ' + ENV + b" (" + BS + BS + b' "ALTERNATIVE" NIL NIL NIL NIL) 5 NIL NIL NIL NIL)'),
    f(b'BODYSTRUCTURE ("MESSAGE" "DELIVERY-STATUS" NIL NIL NIL "7BIT" 30 NIL NIL NIL NIL)'),
    f(b'BODYSTRUCTURE ("APPLICATION" "X" NIL NIL NIL "7BIT" 0 "md5" NIL "en" NIL)'),
    b"* 7 UIDFETCH (FLAGS ())",
    b"a OK [APPENDUID 38505 3955] done", b"a OK [APPENDUID 1 3:4] done", b"a OK [COPYUID 1 304,319:320 3956:3958] ok",
    b"* OK [UNSEEN 12] first", b"* OK [PERMANENTFLAGS (\\Deleted \\*)] ok", b"* OK [PERMANENTFLAGS ()] none", b"* OK [HIGHESTMODSEQ 1] x",
    b"* OK [NOMODSEQ] x", b"a OK [MODIFIED 7,9] x", b"a OK [MAILBOXID (F1)] x", b"a NO [METADATA MAXSIZE 1024] x", b"a NO [METADATA TOOMANY] x",
    b"a OK [METADATA LONGENTRIES 2199] x", b"* OK [INPROGRESS] x", b'* OK [INPROGRESS ("A1" 5 10)] x', b"* OK [INPROGRESS (NIL 5 NIL)] x",
    b"* OK [INPROGRESS (NIL NIL NIL)] x", b"a NO [MESSAGELIMIT 1000 23] x", b"a NO [MESSAGELIMIT 1000] x", b"a NO [ANNOTATE TOOBIG] x",
    b"* OK [ANNOTATIONS 20480 NOPRIVATE] x", b"* OK [ANNOTATIONS NONE] x", b"* OK [ANNOTATIONS READ-ONLY] x", b'a NO [BADURL "/x"] y',
    b"a NO [REFERRAL imap://x/] y", b"a NO [UNDEFINED-FILTER f] x", b"a NO [BADEVENT (MessageNew FlagChange)] x",
    b'* OK [NOUPDATE "a"] x', b"* OK [CLOSED] bye", b"a OK [SAVELIMIT 5] x", b"a NO [EXPUNGEISSUED] x",
]

# line, part of what the oracle must say. The comments name who sent it.
BAD = [
    (b"* OK [HIGHESTMODSEQ 5]", "no text after"),                                   # Gmail (T02)
    (b"* OK [HIGHESTMODSEQ 5] ", "without text"), (b"* OK ", "without text"), (b"* OK", "expected one space"),
    (b"* OK  two", "more than one space"), (b"* OK end ", "a space at the end of the text"), (b"* OK a\0b", "NUL, CR or LF in the text"),
    (b"* OK [FOO] x", "not registered"), (b"* OK [UNSEEN 0] x", "0 where"),          # MailKit #34
    (b"* OK [UIDVALIDITY 0] x", "0 where"), (b"* OK [UIDNEXT 4294967296] x", "a number above"),   # defects #52
    (b"* OK [UIDNEXT x] x", "expected a number"), (b"* OK [UIDNEXT 01] x", "a number with a leading zero"),
    (b"* OK [UIDNEXT 5 x", "the end of the response code"), (b"* OK \xc3\xa4", "8-bit octets in a text"), (b"* OK [(] x", "expected an atom"),
    (b"+", "plus and space"), (b"+\r", "plus and space"), (b"+idling", "plus and space"),   # Android Gmail (T03)
    (b"hello there", "expected one of OK, NO, BAD"), (b"(x OK y", "neither *, + nor a tag"),
    (b"* FOO bar", "unknown untagged"), (b"* (", "expected a keyword"), (b"* 5 FOO", "expected one of EXISTS"),
    (b"* CAPABILITY LITERAL+ IMAP4", "CAPABILITY without IMAP4rev1"), (b"* CAPABILITY IMAP4rev1 LITERAL +  X", "more than one space"),
    (b"* CAPABILITY IMAP4rev1 X X", "a capability twice"), (b"* CAPABILITY IMAP4rev1 IMAP4", "not the first capability"),
    (b"* CAPABILITY IMAP4rev1 ", "expected an atom"),                                # trailing space
    (b"* FLAGS (\\Seen \\*)", "does not belong here"), (b"* FLAGS (\\Recent)", "does not belong"),   # net-imap #228
    (b"* FLAGS (\\Seen \\seen)", "a flag twice"), (b"* FLAGS (\\Seen", "expected one space"),
    (b"* FLAGS (a  b)", "more than one space"), (b"* FLAGS \\Seen", "expected '('"),
    (b'* LIST () "/" Inbox', "INBOX printed as"), (b'* LIST () "/" NIL', "named NIL"), (b'* LIST () "/" a b', "expected '('"),
    (b'* LIST (Marked) "/" a', "expected '\\\\'"), (b'* LIST (\\Sent \\sent) "/" a', "a LIST attribute twice"), (b'* LIST (\\Draft) "/" a', "not registered"),  # mox 8c2814d
    (b'* LIST (\\Noselect \\Marked) "/" a', "more than one of"), (b'* LIST (\\HasChildren \\HasNoChildren) "/" a', "contradicts"),
    (b'* LIST () "//" a', "one character"), (b"* LIST () / a", "expected a quoted string"), (b'* LIST () "/" a&b', "a shift without end"),
    (b'* LIST () "/" &-&AOQ-&AOQ-', "two shifts"), (b'* LIST () "/" "\xc3\xa4"', "8-bit octets"), (b'* LIST () "/" "a\tb"', "outside of printable"),
    (b'* LIST () "/" &!-', "not base64"), (b'* LIST () "/" &AOR-', "left-over bits"), (b'* LIST () "/" &2D0-', "invalid UTF-16"),
    (b'* LIST () "/" &AGE-', "printable US-ASCII in a shift"), (b'* LIST () "/" "a', "expected a quoted string"),
    (b'* LIST () "/" a (FOO (x))', "is not known"), (b'* LIST () "/" a (CHILDINFO ("X"))', "unknown selection option"),
    (b'* LIST () "/" a (OLDNAME (x y))', "OLDNAME holds one name"), (b'* LIST () "/" a (OLDNAME (x) OLDNAME (y))', "extended LIST item twice"),
    (b'* LIST () "/" a ', "expected '('"), (b'* LIST () "/" (', "expected an astring"), (b'* LIST () "/" "a\\b"', "a backslash before"),
    (b"* STATUS x (MESSAGES)", "expected one space"), (b"* STATUS x (FOO 1)", "STATUS item"), (b"* STATUS x (UIDNEXT 0)", "0 where"),
    (b"* STATUS x (UNSEEN 1 UNSEEN 1)", "STATUS item twice"), (b"* STATUS x (MESSAGES 1) ", "a space at the end of the line"),   # Exchange, go-imap #540
    (b"* STATUS x (MAILBOXID (a b))", "expected an object id"),
    (b"* SEARCH 1 ", "expected a number"), (b"* SEARCH 0", "0 where"), (b"* SEARCH 1 1", "a number twice"), (b"* SEARCH (MODSEQ 5)", "MODSEQ in an empty"),
    (b"* SEARCH 1 x", "expected a number"), (b"* SEARCH  1", "more than one space"),
    (b"* ESEARCH (TAG a1) COUNT 1", "not quoted"),                                   # Outlook (T71)
    (b'* ESEARCH (TAG "a") ALL', "expected one space"), (b'* ESEARCH (TAG "a") MIN 0', "0 where"), (b'* ESEARCH (TAG "a") FOO 1', "ESEARCH item"),
    (b'* ESEARCH (TAG "a") COUNT 1 COUNT 1', "ESEARCH item twice"), (b'* ESEARCH (TAG "a" TAG "b") COUNT 1', "a correlator twice"),
    (b'* ESEARCH (TAG "a") ALL 1,', "expected a number"), (b'* ESEARCH (TAG "a") ALL 1:*', "expected a number"),
    (b'* ESEARCH (TAG "a") RELEVANCY (0)', "a relevancy outside"), (b'* ESEARCH (TAG "a") PARTIAL (1:-5 NIL)', "expected a number"),
    (b"* THREAD ()", "an empty thread"), (b"* THREAD (1 (2))", "one thread only"), (b"* THREAD (1(2)(3))", "needs a space"), (b"* THREAD 1", "number that does not belong"),
    (b"* THREAD (1 ", "an empty"[:0] or "expected a number"), (b"* THREAD ((1) 2)", "a space that does not belong"), (b"* THREAD (1))", "parenthesis too many"), (b"* THREAD (1 )", "before its end"),
    (b"* LANGUAGE ()", "expected an astring"), (b"* LANGUAGE de", "expected '('"), (b"* LANGUAGE (de_DE)", "not a language tag"),
    (b"* LANGUAGE (de-)", "not a language tag"), (b"* LANGUAGE (deutschland)", "not a language tag"), (b"* LANGUAGE (de DE i-default)", "a language twice"),
    (b"* LANGUAGE (de en)", "i-default is not among"), (b'* LANGUAGE ("")', "not a language tag"),
    (b'* NAMESPACE (("" "/")) (("O/" "/" "TRANSLATION" ("Ben&tzer/"))) NIL', "TRANSLATION is not one string"),
    (b'* NAMESPACE (("" "/")) (("O/" "/" "TRANSLATION" ("a/" "b/"))) NIL', "TRANSLATION is not one string"),
    (b"* CAPABILITY IMAP4rev1 UTF8=ACCEPT UTF8=ONLY", "both UTF8=ACCEPT and UTF8=ONLY"), (b"* ENABLED UTF8=ONLY", "UTF8=ONLY is never enabled"),
    (b'* NAMESPACE () NIL NIL', "an empty namespace"), (b'* NAMESPACE (("" "/")) NIL', "expected one space"),
    (b"* ID ()", "expected a string"), (b'* ID ("a")', "expected one space"), (b'* ID ("a" "1" "A" "2")', "an ID field twice"),   # Roundcube #7392
    (b'* ID ("' + b"a" * 31 + b'" "x")', "longer than 30"), (b'* ID ("a" "' + b"a" * 1025 + b'")', "longer than 1024"),
    (b"* ID (" + b" ".join(b'"k%d" "v"' % i for i in range(31)) + b")", "more than 30 ID"),
    (b"* ACL x alice", "without rights"), (b"* LISTRIGHTS x bob", "something is missing"), (b"* QUOTA x (STORAGE 1)", "expected one space"),
    (b"* METADATA x (comment NIL)", "the entry name"), (b"* VANISHED 1:*", "expected a number"), (b"* VANISHED", "expected one space"),
    (b"* COMPARATOR octet", "is no collation id"), (b"* COMPARATOR i;octet (i;octet)", "a list of one comparator"), (b"* COMPARATOR", "expected one space"),
    (b"* COMPARATOR i;octet (-i;octet i;x)", "is no collation id"), (b"* COMPARATOR i;octet ()", "expected an astring"), (b"* COMPARATOR i;*", "is no collation id"),
    (b"* URLFETCH", "URLFETCH without data"), (b'* UIDBATCHES (TAG "a") 5:9', "from the highest"),
    (b"* 0 EXPUNGE", "message number 0"), (b"* 0 FETCH (FLAGS ())", "message number 0"), (b"* 1 FETCH ()", "FETCH item"), (b"* 1 FETCH FLAGS ()", "expected '('"),
    (f(b"FLAGS () UID 5"), "not the first item"), (f(b"FLAGS () FLAGS ()"), "FETCH item twice"), (f(b"FOO 1"), "FETCH item"),    # proton-bridge #204
    (f(b"FLAGS (\\*)"), "does not belong"), (f(b"FLAGS ())"), "expected CRLF"), (f(b"FLAGS () "), "FETCH item"), (f(b"UID 0"), "0 where"), (f(b"MODSEQ 5"), "expected '('"), (f(b"MODSEQ (0)"), "0 where"),
    (f(b'INTERNALDATE "4-Aug-2018 10:00:00 +0200"'), "expected a date-time"), (f(b'INTERNALDATE "04-Aug-2018 10:00:00 +0200"'), "padded with a zero"),   # T59
    (f(b'INTERNALDATE "32-Aug-2018 10:00:00 +0200"'), "out of range"), (f(b'INTERNALDATE "31-Feb-2018 10:00:00 +0200"'), "the month does not have"),
    (f(b'INTERNALDATE "14-Aug-2018 24:00:00 +0200"'), "out of range"), (f(b'INTERNALDATE " 1-Aug-2018 10:00:00 GMT"'), "expected a date-time"),
    (f(b"RFC822.SIZE -1"), "expected a number"), (f(b"RFC822.SIZE 1e5"), "FETCH item" if False else "expected one space"),
    (f(b"BODY[ {0}\r\n"), "expected ']'"), (f(b"BODY[MIME] NIL"), "a malformed section"), (f(b"BODY[1HEADER] NIL"), "a malformed section"), (f(b"BODY[0] NIL"), "expected ']'"),
    (f(b"BODY[] {50}\r\nabc"), "cut off"), (f(b"BODY[] {x}"), "expected a literal"), (f(b"BODY[] {2}\r\nabc"), "expected one space"), (f(b"BODY[] {3+}\r\nabc"), "non-synchronising"),
    (f(b"BODY[] {03}\r\nabc"), "leading zero"), (f(b"BODY[] ~{3}\r\nabc"), "literal8 where"), (f(b"BODY[] {3}\r\na\0b"), "NUL in a literal"), (f(b'BODY[] "a\0b"'), "NUL in a quoted"),
    (f(b"BODY[] abc"), "expected a string or NIL"), (f(b'BODY[] "a\r\nb"'), "CR or LF in a quoted"), (f(b'BODY[] "\xe4"'), "8-bit octets in a quoted"),   # ProtonBridge, defects #38
    (f(b"BODY[HEADER.FIELDS (SUBJECT)] {12}\r\nSubject: x\r\n"), "empty line"), (f(b"BODY[HEADER.FIELDS (SUBJECT)] {9}\r\nFrom: x\r\n\r\n".replace(b"{9}", b"{11}")), "not asked for"),   # T51
    (f(b"BODY[HEADER.FIELDS ()] NIL"), "expected an astring"), (f(b"EMAILID M1"), "expected '('"),
    (f(b"ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL)"), "expected one space"),     # nine fields: MailKit #669
    (f(b"ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"), "after ten fields"), (f(b"ENVELOPE (NIL NIL () NIL NIL NIL NIL NIL NIL NIL)"), "empty address list"),   # rust-imap #166
    (f(b"ENVELOPE (NIL NIL " + ADR + b" NIL NIL NIL NIL NIL NIL NIL)"), "must default to From"),
    (f(b'ENVELOPE (NIL NIL NIL NIL NIL ((NIL NIL "a" "b") (NIL NIL "c" "d")) NIL NIL NIL NIL)'), "expected '('"),
    (f(b'ENVELOPE (NIL NIL NIL NIL NIL ((NIL NIL "g" NIL)) NIL NIL NIL NIL)'), "a group without end"),
    (f(b'ENVELOPE (NIL NIL NIL NIL NIL ((NIL NIL NIL NIL)) NIL NIL NIL NIL)'), "not begun"),
    (f(b'ENVELOPE (NIL NIL NIL NIL NIL ((NIL NIL "g" NIL)(NIL NIL "h" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)'), "a group inside"),
    (f(b'ENVELOPE (NIL NIL NIL NIL NIL ((NIL NIL NIL "host")) NIL NIL NIL NIL)'), "NIL mailbox"), (f(b"ENVELOPE (NIL hi NIL NIL NIL NIL NIL NIL NIL NIL)"), "expected a string or NIL"),
    (f(b'BODYSTRUCTURE ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 3 1)'), "without all extension"),   # mox 8fa197b (T62)
    (f(b"BODY " + BS), "extension data in a BODY"), (f(b'BODYSTRUCTURE ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 3 NIL NIL NIL NIL)'), "expected a number"),
    (f(b'BODYSTRUCTURE ("IMAGE" "PNG" NIL NIL NIL "7BIT" 3 1 NIL NIL NIL NIL)'), "neither text nor message"),
    (f(b'BODYSTRUCTURE ("TEXT" "PLAIN" () NIL NIL "7BIT" 3 1 NIL NIL NIL NIL)'), "expected a string"), (f(b'BODYSTRUCTURE ("TEXT" "PLAIN" ("A") NIL NIL "7BIT" 3 1 NIL NIL NIL NIL)'), "expected one space"),
    (f(b'BODYSTRUCTURE ("TEXT" "PLAIN" NIL NIL NIL NIL 3 1 NIL NIL NIL NIL)'), "expected a string"),   # NIL encoding: defects #41
    (f(b'BODYSTRUCTURE ("TEXT" "" NIL NIL NIL "7BIT" 3 1 NIL NIL NIL NIL)'), "an empty media type"),   # Dovecot
    (f(b'BODYSTRUCTURE ("TEXT" "PLAIN" NIL NIL NIL "7BIT" -1 1 NIL NIL NIL NIL)'), "expected a number"),
    (f(b'BODYSTRUCTURE ("MULTIPART" "MIXED" NIL NIL NIL "7BIT" 3 NIL NIL NIL NIL)'), "multipart without parts"),
    (f(b'BODYSTRUCTURE ("MIXED" ("BOUNDARY" "x") NIL NIL NIL)'), "expected a string"),   # multipart without children: Gmail, MailKit #1841
    (f(b'BODYSTRUCTURE (' + BS + b" " + BS + b' "MIXED" NIL NIL NIL NIL)'), "a space between the parts"), (f(b"BODYSTRUCTURE NIL"), "expected a body part"),
    (f(b"BODYSTRUCTURE (" + BS + b' "MIXED" NIL NIL NIL NIL "x")'), "a body-extension"), (f(b"BODYSTRUCTURE (" + BS + b' "MIXED" NIL NIL NIL NIL))'), "expected CRLF"),
    (f(b'BODYSTRUCTURE ("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 30 NIL NIL NIL NIL)'), "expected '('"), (f(b'BODYSTRUCTURE ("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 30 ' + ENV + b" NIL 5 NIL NIL NIL NIL)"), "expected the body of a message"),
    (f(b"BODYSTRUCTURE (" + BS + b' "MIXED" NIL NIL NIL NIL')[:-1], "the end of a body part"), (f(b'BODYSTRUCTURE ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 3 1 NIL NIL () NIL)'), "expected a string"),
    (b"a OK [COPYUID 1 1:3 5:6] x", "differ in size"), (b"a OK [COPYUID 1  ] x", "more than one space"), (b"* COPYUID 1 1 1", "unknown untagged"),   # Exchange 2013
    (b"a OK [APPENDUID 0 1] x", "0 where"), (b"* OK [INPROGRESS (NIL NIL 5)] x", "a goal without progress"), (b"a NO [REFERRAL ] x", "response code's value"),
    (b"* BAD\xc3", "expected one space"), (b'* LSUB () "/" a\x7fb', "expected"), (b"* OK [PERMANENTFLAGS (\\Seen \\Recent)] x", "does not belong"),
    (b"* LIST () NIL \"\xff\"", "8-bit"),
]


def sessions():
    """(name, [(client line or None, server bytes)], part of the fault or None, strict)."""
    hi = (None, b"* OK [CAPABILITY IMAP4rev1 UIDPLUS] hi\r\n")
    hi_language = (None, b"* OK [CAPABILITY IMAP4rev1 LANGUAGE] hi\r\n")
    login = (b"l LOGIN a b\r\n", b"l OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n")
    data = (b"* FLAGS (\\Seen \\Deleted k)\r\n* OK [PERMANENTFLAGS (\\Seen \\Deleted k \\*)] x\r\n* 3 EXISTS\r\n* 0 RECENT\r\n"
            b"* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 10] x\r\n* OK [HIGHESTMODSEQ 5] x\r\n")
    sel = (b"s SELECT INBOX\r\n", data + b"s OK [READ-WRITE] in\r\n")
    start = [hi, login, sel]
    bye = (b"z LOGOUT\r\n", b"* BYE x\r\nz OK x\r\n")
    ok = b"a OK x\r\n"

    def after(line, server):
        return start + [(line, server)]
    up = after(b"a SEARCH RETURN (UPDATE ALL) ALL\r\n", b'* ESEARCH (TAG "a") ALL 2:3\r\n' + ok)
    sortup = after(b"a UID SORT RETURN (ALL UPDATE) (DATE) UTF-8 ALL\r\n", b'* ESEARCH (TAG "a") UID ALL 2734,2735\r\n' + ok)
    good = [
        ("a plain session", start + [(b"a NOOP\r\n", b"* 1 EXPUNGE\r\n* 5 EXISTS\r\n* 1 RECENT\r\na OK x\r\n"),
                                     (b"a UID FETCH 1:* FLAGS\r\n", b"* 1 FETCH (UID 3 FLAGS (k))\r\n* 5 FETCH (UID 10 FLAGS ())\r\na OK x\r\n"), bye]),
        ("IDLE", start + [(b"a IDLE\r\n", b"+ idling\r\n* 4 EXISTS\r\n"), (b"DONE\r\n", ok)]),
        ("a literal", start + [(b"a APPEND x {3}\r\n", b"+ go\r\n"), (b"abc\r\n", b"a OK [APPENDUID 1 5] x\r\n")]),
        ("a literal refused", start + [(b"a APPEND x {300}\r\n", b"a NO [TOOBIG] x\r\n"), (b"b NOOP\r\n", b"b OK x\r\n")]),
        ("reselect", start + [(b"t EXAMINE y\r\n", b"* OK [CLOSED] x\r\n" + data + b"t OK [READ-ONLY] x\r\n")]),
        ("authenticate", [hi, (b"a AUTHENTICATE PLAIN\r\n", b"+ \r\n"), (b"AGEAYg==\r\n", b"a OK [CAPABILITY IMAP4rev1] x\r\n")]),
        ("QRESYNC", start + [(b"e ENABLE QRESYNC\r\n", b"* ENABLED QRESYNC\r\ne OK x\r\n"), (b"a NOOP\r\n", b"* VANISHED 3\r\na OK x\r\n"),
                             (b"a UID FETCH 1:5 (FLAGS) (CHANGEDSINCE 4 VANISHED)\r\n", b"* VANISHED (EARLIER) 1:2\r\n* 1 FETCH (UID 5 FLAGS () MODSEQ (6))\r\na OK x\r\n")]),
        ("ESEARCH", after(b"a SEARCH RETURN (COUNT) ALL\r\n", b'* ESEARCH (TAG "a") COUNT 3\r\n' + ok)),
        # RFC 7377 3
        ("MULTISEARCH", start + [(b"tag1 ESEARCH IN (mailboxes \"folder1\" subtree \"folder2\") unseen\r\ntag2 ESEARCH IN (mailboxes \"folder1\" subtree-one \"folder2\") subject \"chad\"\r\n",
            b'* ESEARCH (TAG "tag1" MAILBOX "folder1" UIDVALIDITY 1) UID ALL 4001,4003,4005,4007,4009\r\n* ESEARCH (TAG "tag2" MAILBOX "folder1" UIDVALIDITY 1) UID ALL 3001:3004,3788\r\n'
            b'* ESEARCH (TAG "tag1" MAILBOX "folder2/banana" UIDVALIDITY 503) UID ALL 3002,4004\r\n* ESEARCH (TAG "tag1" MAILBOX "folder2/peach" UIDVALIDITY 3) UID ALL 921691\r\n'
            b'tag1 OK done\r\n* ESEARCH (TAG "tag2" MAILBOX "folder2/salmon" UIDVALIDITY 1111111) UID ALL 50003,50006,50009,50012\r\ntag2 OK done\r\n')]),
        ("SEARCH SAVE", after(b"a SEARCH RETURN (SAVE) ALL\r\n", ok)),
        ("sizes", after(b"a FETCH 1 RFC822\r\n", b"* 1 FETCH (UID 3 RFC822.SIZE 5 BODY[] {5}\r\n\r\nabc BODY[HEADER] {2}\r\n\r\n BODY[TEXT] {3}\r\nabc)\r\n" + ok)),
        ("pieces", after(b"a FETCH 1,1 BODY[]<1.9>\r\n", b"* 1 FETCH (UID 3 BODY[]<1> {4}\r\nabcd)\r\n* 1 FETCH (UID 3 BODY[]<1> {2}\r\nab)\r\n" + ok)),
        ("UTF-8", [hi, login, (b"e ENABLE UTF8=ACCEPT\r\n", b"* ENABLED UTF8=ACCEPT\r\ne OK x\r\n"), (b'a LIST "" *\r\n', '* LIST () "/" "ä&b"\r\na OK x\r\n'.encode())]),
        ("LANGUAGE", [hi_language, (b"a LANGUAGE\r\n", b"* LANGUAGE (EN DE i-default)\r\na OK x\r\n"),
                      (b"b LANGUAGE DE\r\n", b"* LANGUAGE (DE)\r\n" + 'b OK ausgeführt\r\n'.encode()), (b"c NOOP\r\n", 'c OK [ALERT] ä\r\n'.encode()),
                      (b"d LANGUAGE FR\r\n", "d NO [CANNOT] unterstützt\r\n".encode()), (b'e LANGUAGE "i-default"\r\n', b"* LANGUAGE (i-default)\r\ne OK x\r\n")]),
        ("LANGUAGE and NAMESPACE", start + [(b"a LANGUAGE DE\r\n", b'* LANGUAGE (DE)\r\n* NAMESPACE (("" "/")) NIL NIL\r\na OK x\r\n')]),
        ("SORT in UTF-8", after(b"e ENABLE UTF8=ACCEPT\r\n", b"* ENABLED UTF8=ACCEPT\r\ne OK x\r\n") + [(b"a SORT (DATE) UTF-8 ALL\r\n", b"* SORT\r\n" + ok)]),
        ("UPDATE", up + [(b"n NOOP\r\n", b'* ESEARCH (TAG "a") REMOVEFROM (0 2)\r\n* 2 EXPUNGE\r\n* 4 EXISTS\r\n* ESEARCH (TAG "a") ADDTO (0 4)\r\nn OK x\r\n'),
                         (b'c CANCELUPDATE "a"\r\n', b"c OK x\r\n")]),
        ("NOTIFY NONE", start + [(b"a NOTIFY SET (PERSONAL (MessageNew MessageExpunge))\r\n", ok), (b"b NOTIFY NONE\r\n", b"* STATUS y (MESSAGES 3)\r\nb OK x\r\n")]),
        # RFC 5267 4.3.3: three ways to say the same
        ("UPDATE of SORT", sortup + [(b"", b'* ESEARCH (TAG "a") UID ADDTO (1 2733 1 2732 1 2731)\r\n* ESEARCH (TAG "a") UID REMOVEFROM (1 2731:2733)\r\n'
                                            b'* ESEARCH (TAG "a") UID ADDTO (1 2733) ADDTO (1 2731:2732)\r\n* ESEARCH (TAG "a") UID REMOVEFROM (5 2735 1 2731,2732)\r\n')]),
        ("bad tag line", [hi, (b"xyz\r\n", b"xyz BAD what\r\n")]),
    ]
    german = [hi_language, (b"b LANGUAGE DE\r\n", b"* LANGUAGE (DE)\r\nb OK x\r\n")]
    bad = [
        ("LANGUAGE before its response", [hi_language, (b"b LANGUAGE DE\r\n", 'b OK ausgeführt\r\n'.encode())], "8-bit octets in a text"),
        ("LANGUAGE unasked", [hi_language, (b"", b"* LANGUAGE (DE)\r\n")], "LANGUAGE that was not asked for"),
        ("LANGUAGE without a response", [hi_language, (b"b LANGUAGE DE\r\n", b"b OK x\r\n")], "without a LANGUAGE response"),
        ("LANGUAGE list for a choice", [hi_language, (b"b LANGUAGE DE\r\n", b"* LANGUAGE (DE i-default)\r\nb OK x\r\n")], "one LANGUAGE for a choice"),
        ("LANGUAGE choice for a list", [hi_language, (b"b LANGUAGE\r\n", b"* LANGUAGE (DE)\r\nb OK x\r\n")], "one LANGUAGE for a choice"),
        ("LANGUAGE and i-default", german + [(b"e LANGUAGE i-default\r\n", b"* LANGUAGE (i-default)\r\n" + 'e OK ä\r\n'.encode())], "8-bit octets in a text"),
        ("LANGUAGE in Latin-1", german + [(b"c NOOP\r\n", b"c OK \xe4\r\n")], "a localised text is not UTF-8"),
        ("LANGUAGE and brackets", german + [(b"c NOOP\r\n", b"c OK [ALERT] [x\r\n")], "begins with a bracket"),
        ("LANGUAGE and UNAUTHENTICATE", german + [login, (b"c UNAUTHENTICATE\r\n", b"c OK x\r\n"), (b"d NOOP\r\n", 'd OK ä\r\n'.encode())], "8-bit octets in a text"),
        ("LANGUAGE too late", [hi, (b"a LOGIN x y\r\n", b"a OK [CAPABILITY IMAP4rev1 LANGUAGE] x\r\n")], "LANGUAGE is missing in the first"),
        ("CHARSET in UTF-8", after(b"e ENABLE UTF8=ACCEPT\r\n", b"* ENABLED UTF8=ACCEPT\r\ne OK x\r\n") + [(b"a UID SEARCH RETURN (ALL) CHARSET UTF-8 ALL\r\n", b'* ESEARCH (TAG "a") UID\r\n' + ok)], "SEARCH with CHARSET after"),
        ("EXISTS shrinks", after(b"a NOOP\r\n", b"* 1 EXPUNGE\r\n* 1 EXISTS\r\n" + ok), "EXISTS shrinks"),
        ("EXISTS 0 after EXPUNGE", after(b"a EXPUNGE\r\n", b"* 1 EXPUNGE\r\n* 0 EXISTS\r\n" + ok), "EXISTS shrinks"),   # wildduck #241
        ("EXISTS again", after(b"a NOOP\r\n", b"* 3 EXISTS\r\n" + ok), "EXISTS again"),
        ("EXPUNGE in FETCH", after(b"a FETCH 1 FLAGS\r\n", b"* 1 EXPUNGE\r\n" + ok), "EXPUNGE during FETCH"),
        ("EXPUNGE in STORE", after(b"a STORE 1 FLAGS ()\r\n", b"* 1 EXPUNGE\r\n" + ok), "EXPUNGE during STORE"),
        ("EXPUNGE in CLOSE", after(b"a CLOSE\r\n", b"* 1 EXPUNGE\r\n" + ok), "CLOSE is not silent"),
        ("EXPUNGE unasked", after(b"", b"* 1 EXPUNGE\r\n"), "while no command is in progress"),
        ("EXPUNGE too high", after(b"a NOOP\r\n", b"* 4 EXPUNGE\r\n" + ok), "EXPUNGE 4 with 3"),
        ("FETCH too high", after(b"a NOOP\r\n", b"* 4 FETCH (FLAGS ())\r\n" + ok), "FETCH 4 with 3"),
        ("FETCH unasked", after(b"a NOOP\r\n", b"* 1 FETCH (RFC822.SIZE 3)\r\n" + ok), "was not asked for"),
        ("no UID", after(b"a UID FETCH 1 FLAGS\r\n", b"* 1 FETCH (FLAGS ())\r\n" + ok), "no UID in"),
        ("UID changes", after(b"a FETCH 1 UID\r\n", b"* 1 FETCH (UID 5)\r\n* 1 FETCH (UID 6)\r\n" + ok), "and now has"),
        ("UIDs fall", after(b"a FETCH 1 UID\r\n", b"* 1 FETCH (UID 5)\r\n* 2 FETCH (UID 5)\r\n" + ok), "UIDs do not rise"),
        ("UID above UIDNEXT", after(b"a FETCH 1 UID\r\n", b"* 1 FETCH (UID 10)\r\n" + ok), "was there at SELECT"),
        ("a new UID below", after(b"a FETCH 4 UID\r\n", b"* 4 EXISTS\r\n* 4 FETCH (UID 9)\r\n" + ok), "below the UIDNEXT"),
        ("MODSEQ", after(b"a FETCH 1 FLAGS\r\n", b"* 1 FETCH (FLAGS () MODSEQ (3))\r\n" + ok), "did not ask for CONDSTORE"),
        ("new keyword", after(b"a FETCH 1 FLAGS\r\n", b"* 1 FETCH (FLAGS (zz))\r\n" + ok), "no FLAGS response announced"),
        ("size", after(b"a FETCH 1 RFC822\r\n", b"* 1 FETCH (UID 3 RFC822.SIZE 4 BODY[] {5}\r\n\r\nabc)\r\n" + ok), "RFC822.SIZE 4 but"),
        ("header plus text", after(b"a FETCH 1 RFC822\r\n", b"* 1 FETCH (UID 3 BODY[] {5}\r\n\r\nabc BODY[HEADER] {2}\r\n\r\n BODY[TEXT] {2}\r\nab)\r\n" + ok), "HEADER] plus"),
        ("octets", after(b"a FETCH 1 RFC822\r\n", b"* 1 FETCH (UID 3 BODY[TEXT] {2}\r\nab BODYSTRUCTURE " + BS + b")\r\n" + ok), "BODYSTRUCTURE says"),
        ("changed", after(b"a FETCH 1 RFC822.SIZE\r\n", b"* 1 FETCH (UID 3 RFC822.SIZE 4)\r\n* 1 FETCH (UID 3 RFC822.SIZE 5)\r\n" + ok), "has changed"),
        ("piece changed", after(b"a FETCH 1,1 BODY[]<1.9>\r\n", b"* 1 FETCH (UID 3 BODY[]<1> {4}\r\nabcd)\r\n* 1 FETCH (UID 3 BODY[]<1> {2}\r\nax)\r\n" + ok), "has changed"),
        ("RECENT above", after(b"a NOOP\r\n", b"* 4 RECENT\r\n" + ok), "RECENT above EXISTS"),
        ("STATUS unasked", after(b"a NOOP\r\n", b"* STATUS INBOX (MESSAGES 3)\r\n" + ok), "was not asked for"),      # stalwart #234
        ("STATUS items", after(b"a STATUS INBOX (MESSAGES UNSEEN)\r\n", b"* STATUS INBOX (MESSAGES 3)\r\n" + ok), "was asked for"),
        ("no STATUS", after(b"a STATUS INBOX (MESSAGES)\r\n", ok), "without a STATUS"),
        ("no SEARCH", after(b"a SEARCH ALL\r\n", ok), "without SEARCH"),                                            # imapfilter #11
        ("no ESEARCH", after(b"a SEARCH RETURN () ALL\r\n", b"* SEARCH 1\r\n" + ok), "without ESEARCH"),
        ("SEARCH above", after(b"a SEARCH ALL\r\n", b"* SEARCH 4\r\n" + ok), "above EXISTS"),
        ("THREAD twice", after(b"a THREAD REFERENCES UTF-8 ALL\r\n", b"* THREAD (1)(1)\r\n" + ok), "a message twice"),
        ("SEARCH unselected", [hi, login, (b"a SEARCH ALL\r\n", b"* SEARCH\r\n" + ok)], "SEARCH while no mailbox"),
        ("ESEARCH tag", after(b"a SEARCH RETURN (COUNT) ALL\r\n", b'* ESEARCH (TAG "b") COUNT 1\r\n' + ok), "which is not under way"),
        ("ESEARCH UID", after(b"a SEARCH RETURN (COUNT) ALL\r\n", b'* ESEARCH (TAG "a") UID COUNT 1\r\n' + ok), "UID mark"),
        ("an update too many", after(b"a SEARCH RETURN (ALL) ALL\r\n", b'* ESEARCH (TAG "a") ALL 1\r\n' + ok + b'* ESEARCH (TAG "a") ADDTO (0 2)\r\n'), "which asked for no updates"),
        ("STATUS after NOTIFY NONE", start + [(b"a NOTIFY SET (PERSONAL (MessageNew MessageExpunge))\r\n", ok), (b"b NOTIFY NONE\r\n", b"b OK x\r\n"),
                                              (b"c NOOP\r\n", b"* STATUS y (MESSAGES 3)\r\nc OK x\r\n")], "was not asked for"),
        ("an update cancelled", up + [(b'c CANCELUPDATE "a"\r\n', b'c OK x\r\n* ESEARCH (TAG "a") ADDTO (0 1)\r\n')], "which asked for no updates"),
        ("an update refused", up + [(b"", b'* NO [NOUPDATE "a"] x\r\n* ESEARCH (TAG "a") ADDTO (0 1)\r\n')], "which asked for no updates"),
        ("an update of UIDs", up + [(b"", b'* ESEARCH (TAG "a") UID ADDTO (0 1)\r\n')], "the UID mark does not fit the search"),
        ("ADDTO twice", up + [(b"", b'* ESEARCH (TAG "a") ADDTO (0 2)\r\n')], "which is there already"),
        ("ADDTO before EXISTS", up + [(b"n NOOP\r\n", b'* ESEARCH (TAG "a") ADDTO (0 4)\r\n')], "before its EXISTS"),
        ("ADDTO past the end", sortup + [(b"", b'* ESEARCH (TAG "a") UID ADDTO (4 7)\r\n')], "past the end"),
        ("ADDTO at 0", sortup + [(b"", b'* ESEARCH (TAG "a") UID ADDTO (0 7)\r\n')], "position 0 in the results"),
        ("REMOVEFROM what is not there", up + [(b"", b'* ESEARCH (TAG "a") REMOVEFROM (0 1)\r\n')], "which is not in the results"),
        ("REMOVEFROM elsewhere", sortup + [(b"", b'* ESEARCH (TAG "a") UID REMOVEFROM (1 2735)\r\n')], "where it is not"),
        ("EXPUNGE before REMOVEFROM", up + [(b"n NOOP\r\n", b"* 2 EXPUNGE\r\n")], "is expunged while it is in the results"),
        ("VANISHED before REMOVEFROM", [hi, login, (b"e ENABLE QRESYNC\r\n", b"* ENABLED QRESYNC\r\ne OK x\r\n")] + sortup[2:] + [(b"n NOOP\r\n", b"* VANISHED 2734\r\nn OK x\r\n")], "vanishes while it is in the results"),
        ("ESEARCH without MAILBOX", after(b"a ESEARCH IN (personal) ALL\r\n", b'* ESEARCH (TAG "a" UIDVALIDITY 1) UID ALL 1\r\n' + ok), "without TAG, MAILBOX"),
        ("ESEARCH without UID", after(b"a ESEARCH IN (personal) ALL\r\n", b'* ESEARCH (TAG "a" MAILBOX x UIDVALIDITY 1) ALL 1\r\n' + ok), "without TAG, MAILBOX"),
        ("ESEARCH of nothing", after(b"a ESEARCH IN (personal) RETURN (COUNT) ALL\r\n", b'* ESEARCH (TAG "a" MAILBOX x UIDVALIDITY 1) UID COUNT 0\r\n' + ok), "where nothing was found"),
        ("SEARCH with MAILBOX", after(b"a SEARCH RETURN () ALL\r\n", b'* ESEARCH (TAG "a" MAILBOX x UIDVALIDITY 1) ALL 1\r\n' + ok), "that is not of ESEARCH"),
        ("BYE twice", start + [(b"z LOGOUT\r\n", b"* BYE x\r\n* BYE x\r\nz OK x\r\n")], "BYE twice"),                  # Yandex
        ("no BYE", start + [(b"z LOGOUT\r\n", b"z OK x\r\n")], "LOGOUT without BYE"),
        ("after the end", start + [bye, (b"a NOOP\r\n", ok)], "after the end"),
        ("after BYE", start + [(b"", b"* BYE x\r\n* 4 EXISTS\r\n")], "a response after BYE"),
        ("answer after BYE", start + [(b"a NOOP\r\n", b"* BYE x\r\na OK x\r\n")], "a tagged answer after BYE"),
        ("plus after BYE", start + [(b"a IDLE\r\n", b"* BYE x\r\n+ x\r\n")], "a continuation after BYE"),
        ("wrong tag", start + [(b"a NOOP\r\n", b"b OK x\r\n")], "which is not under way"),
        ("out of order", start + [(b"a NOOP\r\nb NOOP\r\n", b"b OK x\r\na OK x\r\n")], "out of order"),
        ("plus unasked", start + [(b"a NOOP\r\n", b"+ x\r\n" + ok)], "nobody waits"),
        ("NO without code", start + [(b"a SELECT x\r\n", b"a NO x\r\n")], "NO without"),
        ("NO to a literal", start + [(b"a APPEND x {9}\r\n", b"a NO x\r\n")], "NO without"),
        ("no APPENDUID", start + [(b"a APPEND x {1+}\r\na\r\n", ok)], "without APPENDUID"),
        ("no CLOSED", start + [(b"t SELECT y\r\n", data + b"t OK [READ-WRITE] x\r\n")], "without CLOSED"),
        ("CLOSED at first", [hi, login, (b"s SELECT x\r\n", b"* OK [CLOSED] x\r\n" + sel[1])], "CLOSED although"),
        ("no greeting", [(None, b"+ x\r\n")], "not a greeting"), ("greeting without caps", [(None, b"* OK x\r\n")], "greeting has no"),
        ("no caps at login", [hi, (b"l LOGIN a b\r\n", b"l OK x\r\n")], "no CAPABILITY with"),
        ("LIST before login", [hi, (b'a LIST "" *\r\n', b'* LIST () "/" x\r\n')], "before login"),
        ("EXISTS unselected", [hi, login, (b"a NOOP\r\n", b"* 3 EXISTS\r\n" + ok)], "while no mailbox is selected"),
        ("UNSEEN unselected", [hi, login, (b"a NOOP\r\n", b"* OK [UNSEEN 1] x\r\n" + ok)], "UNSEEN while no mailbox"),
        ("UNSEEN above", [hi, login, (b"s SELECT x\r\n", data + b"* OK [UNSEEN 4] x\r\ns OK [READ-WRITE] x\r\n")], "UNSEEN above"),
        ("no UIDNEXT", [hi, login, (b"s SELECT x\r\n", data.replace(b"UIDNEXT 10", b"NOMODSEQ") + b"s OK [READ-WRITE] x\r\n")], "without UIDNEXT"),
        ("no FLAGS", [hi, login, (b"s SELECT x\r\n", data.partition(b"\r\n")[2] + b"s OK [READ-WRITE] x\r\n")], "without FLAGS"),
        ("no data", [hi, login, (b"s SELECT x\r\n", b"s OK [READ-WRITE] x\r\n")], "SELECT without any data"),
        ("no READ-WRITE", [hi, login, (b"s SELECT x\r\n", data + b"s OK x\r\n")], "without READ-WRITE"),
        ("EXAMINE", [hi, login, (b"s EXAMINE x\r\n", data + b"s OK [READ-WRITE] x\r\n")], "not READ-ONLY"),
        ("PERMANENTFLAGS", [hi, login, (b"s SELECT x\r\n", data.replace(b"(\\Seen \\Deleted k)\r", b"(\\Seen \\Deleted)\r") + b"s OK [READ-WRITE] x\r\n")], "that FLAGS lacks"),
        ("HIGHESTMODSEQ", after(b"a NOOP\r\n", b"* OK [HIGHESTMODSEQ 4] x\r\n" + ok), "goes back"),
        ("COPYUID late", after(b"a MOVE 1 x\r\n", b"* 1 EXPUNGE\r\n* OK [COPYUID 1 1 1] x\r\n" + ok), "COPYUID after"),
        ("MOVE without EXPUNGE", start + [(b"a UID MOVE 1 x\r\nb NOOP\r\n", b"* OK [COPYUID 1 1 1] x\r\n" + ok + b"b OK x\r\n")], "not even in the next"),
        ("COPYUID twice", after(b"a COPY 1 x\r\n", b"a OK [COPYUID 1 1,1 1:2] x\r\n"), "COPYUID names"),
        ("EXPUNGE with QRESYNC", start + [(b"e ENABLE QRESYNC\r\n", b"* ENABLED QRESYNC\r\ne OK x\r\n"), (b"a NOOP\r\n", b"* 1 EXPUNGE\r\n" + ok)], "instead of VANISHED"),
        ("VANISHED", after(b"a NOOP\r\n", b"* VANISHED 1\r\n" + ok), "without ENABLE QRESYNC"),
        ("VANISHED too many", start + [(b"e ENABLE QRESYNC\r\n", b"* ENABLED QRESYNC\r\ne OK x\r\n"), (b"a NOOP\r\n", b"* VANISHED 1:9\r\n" + ok)], "more messages than"),
        ("EARLIER", start + [(b"e ENABLE QRESYNC\r\n", b"* ENABLED QRESYNC\r\ne OK x\r\n"), (b"a NOOP\r\n", b"* VANISHED (EARLIER) 1\r\n" + ok)], "outside of SELECT"),
        ("UIDFETCH", after(b"a NOOP\r\n", b"* 1 UIDFETCH (FLAGS ())\r\n" + ok), "without ENABLE UIDONLY"),
        ("UIDONLY", start + [(b"e ENABLE UIDONLY\r\n", b"* ENABLED UIDONLY\r\ne OK x\r\n"), (b"a NOOP\r\n", b"* 1 FETCH (FLAGS ())\r\n" + ok)], "in a UIDONLY session"),
        ("rev2 RECENT", [hi, login, (b"e ENABLE IMAP4rev2\r\n", b"* ENABLED IMAP4rev2\r\ne OK x\r\n"), (b"s SELECT x\r\n", data + b"s OK [READ-WRITE] x\r\n")], "RECENT in an IMAP4rev2"),
        ("rev2 LIST", [hi, login, (b"e ENABLE IMAP4rev2\r\n", b"* ENABLED IMAP4rev2\r\ne OK x\r\n"), (b"s SELECT x\r\n", data.replace(b"* 0 RECENT\r\n", b"") + b"s OK [READ-WRITE] x\r\n")], "session without LIST"),
        ("rev2 SEARCH", [hi, login, (b"e ENABLE IMAP4rev2\r\n", b"* ENABLED IMAP4rev2\r\ne OK x\r\n"), sel, (b"a SEARCH 1\r\n", b"* SEARCH 1\r\n" + ok)], "instead of ESEARCH"),
        ("rev2 \\Recent", [hi, login, (b"e ENABLE IMAP4rev2\r\n", b"* ENABLED IMAP4rev2\r\ne OK x\r\n"), sel, (b"a FETCH 1 FLAGS\r\n", b"* 1 FETCH (FLAGS (\\Recent))\r\n" + ok)], "\\Recent in an IMAP4rev2"),
        ("bare LF", [(None, b"* OK [CAPABILITY IMAP4rev1] x\n")], "bare LF"), ("bare CR", [(None, b"* OK [CAPABILITY IMAP4rev1] x\ry\r\n")], "bare CR"),
        ("cut off", start + [(b"a FETCH 1 BODY[]\r\n", b"* 1 FETCH (BODY[] {10}\r\nabc")], "ends inside a response"),
        ("PREAUTH again", start + [(b"", b"* PREAUTH x\r\n")], "PREAUTH after"),
        ("LIST root", [hi, login, (b'a LIST "" ""\r\n', ok)], "gives nothing"),                                       # ProtonBridge
        ("ill-formed", start + [(b"", b"* FOO\r\n")], "grammar: "), ("STARTTLS after login", [hi, (b"l LOGIN a b\r\n", b"l OK [CAPABILITY IMAP4rev1 STARTTLS] x\r\n"), (b"a CAPABILITY\r\n", b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\na OK x\r\n")], "offered after login"),
    ]
    return [(n, s, None) for n, s in good] + bad


# Answers of POP3: the command, its status line, its lines; a word of the fault, "" for none.
POP3 = [
    (b"STAT", b"+OK 2 320", None, ""), (b"STAT", b"+OK two", None, "not an answer to STAT"), (b"NOOP", b"+OK", None, ""), (b"NOOP", b"+ok", None, "status line"),
    (b"NOOP", b"-ERR [SYS/TEMP] later", None, ""), (b"NOOP", b"-ERR [WHAT] x", None, "unknown response code"), (b"NOOP", b"+OK [AUTH] x", None, "with +OK"),
    (b"NOOP", b"-ERR \xc3\xa9", None, "nobody asked for"), (b"LANG fr", b"+OK fr \xc3\xa9", None, ""), (b"LANG fr", b"+OK fr \xe9", None, "nobody asked for"),
    (b"LANG fr", b"+OK", None, "without the language"), (b"LANG", b"+OK", [b"en", b"fr fran\xc3\xa7ais"], ""), (b"LANG", b"+OK", [b"fr \xe9"], "not a language"),
    (b"RETR 1", b"+OK", [b"A: b", b"", b"\xe9"], ""), (b"RETR 1", b"+OK", [b"A: \xc3\xa9", b"", b"x"], "without UTF8"), (b"TOP 1 0", b"+OK", [b"A: \xc3\xa9"], "without UTF8"),
    (b"CAPA", b"+OK", [b"UTF8 USER", b"LANG"], ""), (b"RETR 1", b"-ERR [UTF8] x", None, ""), (b"NOOP", b"+OK " + b"x" * 600, None, "over 512"), (b"LIST", b"+OK", [b"1 120", b"3 200"], ""),
    (b"LIST", b"+OK", [b"3 120", b"1 200"], "do not rise"), (b"LIST", b"+OK", [b"1 x"], "not a listing"), (b"LIST 1", b"+OK 1 120", None, ""),
    (b"LIST 1", b"+OK here", None, "not an answer to LIST"), (b"UIDL", b"+OK", [b"1 a", b"2 b"], ""), (b"UIDL", b"+OK", [b"1 a", b"2 a"], "one UIDL"),
    (b"UIDL", b"+OK", [b"1 " + b"x" * 71], "not a listing"), (b"UIDL 2", b"+OK 2 QhdPYR:00WBw1Ph7x7", None, ""), (b"CAPA", b"+OK", [b"TOP", b"SASL PLAIN", b"EXPIRE NEVER"], ""),
    (b"CAPA", b"+OK", [b"TOP 1"], "not a capability"), (b"CAPA", b"+OK", [b"XYZ"], "not a capability"), (b"AUTH", b"+OK", [b"PLAIN"], ""), (b"AUTH", b"+OK", [b"a b"], "not a mechanism"),
]


def run_session(exchange, pieces=None):
    s = Session(strict=True)
    for client, server in exchange:
        if client:
            s.sent(client)
        if pieces == "bytes":
            for i in range(len(server)):
                s.received(server[i:i + 1])
        elif pieces:
            at = 0
            while at < len(server):
                n = pieces.randint(1, 40)
                s.received(server[at:at + n])
                at += n
        else:
            s.received(server)
    s.eof()
    return s.faults


def rules():
    """Every message of the oracle, as far as it is a constant, with the file that holds it."""
    out = {}
    for name in ("lex.py", "words.py", "codes.py", "lists.py", "fetch.py", "grammar.py", "body.py", "session.py", "client.py", "untagged.py", "tagged.py", "live.py"):
        with open(os.path.join(HERE, name), encoding="utf-8") as fh:
            text = fh.read()
        for m in re.finditer(r'(?:\.bad|\.fault|\.strictly|\bfault)\(\s*(?:f?"((?:[^"\\]|\\.)*)")', text):
            body = m.group(1).replace('\\"', '"').replace("\\\\", "\\")
            parts = [p for p in re.split(r"\{[^{}]*\}", body) if len(p) > 3]
            if parts:
                out[body] = (name, parts)
    return out


# Rules that only a broken oracle or Python's limits could reach.
UNREACHABLE = {"grammar: ", "grammar: nested too deeply for the oracle", "expected the end of a literal"}


def main():
    failed = 0
    said = []

    def fail(text):
        nonlocal failed
        failed += 1
        print("FAIL " + text)

    for line in GOOD:
        try:
            parse_response(line + b"\r\n")
        except Bad as e:
            fail(f"good line refused: {line!r}: {e.message}")
        if Splitter().feed(line + b"\r\n") != [line + b"\r\n"]:
            fail(f"good line cut wrongly: {line!r}")
    for line, want in BAD:
        try:
            parse_response(line + b"\r\n")
            fail(f"bad line accepted: {line!r} (wanted: {want})")
        except Bad as e:
            said.append(e.message)
            if want not in e.message:
                fail(f"{line!r}: wanted {want!r}, got {e.message!r}")
    utf8 = Context()
    utf8.utf8 = True
    parse_response('* OK grüß\r\n'.encode(), utf8)
    for line, want in ((b'* OK \xff\r\n', "invalid UTF-8"), (b"* OK x", "does not end in CRLF"), (b"* LIST () NIL x", "does not end in CRLF")):
        try:
            parse_response(line, utf8)
            fail(f"accepted: {line!r}")
        except Bad as e:
            said.append(e.message)
            if want not in e.message:
                fail(f"{line!r}: wanted {want!r}, got {e.message!r}")
    deep = b"(" * 5000 + BS[1:-1] + b")" + b' "MIXED" NIL NIL NIL NIL)' * 4999
    parse_response(b"* 1 FETCH (BODYSTRUCTURE " + deep + b")\r\n")
    rng = random.Random(1)
    for name, exchange, want in sessions():
        for pieces in (None, "bytes", rng):
            faults = run_session(exchange, pieces)
            said += faults
            if want is None and faults:
                fail(f"session {name}: {faults}")
            if want is not None and not any(want in x for x in faults):
                fail(f"session {name}: wanted {want!r}, got {faults}")
    tls = Session(tls=True)
    tls.received(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] x\r\n")
    tls.tls_started()
    said += tls.faults
    spoken = Session()
    spoken.known_text = lambda r: r.text == "ja"
    for line in (b"* OK [CAPABILITY IMAP4rev1 LANGUAGE] hi\r\n", b"* OK not yet\r\n", b"* LANGUAGE (de)\r\n", b"* OK ja\r\n", b"* OK yes\r\n"):
        spoken.received(line)
    said += spoken.faults
    if sum("catalogue" in x for x in spoken.faults) != 1:
        fail("texts of the catalogue")
    allowed = Session(allow=["bare LF"])
    allowed.received(b"* OK [CAPABILITY IMAP4rev1] x\n")
    if not tls.faults or any("bare LF" in x for x in allowed.faults):
        fail("tls or allow")
    unbroken = [r for r, (_, parts) in rules().items() if r not in UNREACHABLE and not any(all(p in s for p in parts) for s in said)]
    for r in unbroken:
        fail(f"no test breaks the rule {r!r} of {rules()[r][0]}")
    for command, line, lines, want in POP3:
        got = pop3.faults(command, line, lines)
        if bool(got) != bool(want) or (want and not any(want in x for x in got)):
            fail(f"POP3 {command}: wanted {want!r}, got {got}")
    heard = pop3.Heard()
    if pop3.faults(b"UTF8", b"+OK", None, heard) or pop3.faults(b"RETR 1", b"+OK", [b"A: \xc3\xa9", b""], heard):
        fail("POP3 with UTF8")
    if not pop3.faults(b"RETR 1", b"+OK", [b"A: \xe9", b""], heard):
        fail("POP3 with UTF8: a header that is no UTF-8")
    for good in (b"a&-b", b"&AOQ-", b"&2D3cAw-", b""):
        if mutf7_fault(good):
            fail(f"mutf7 {good!r}: {mutf7_fault(good)}")
    print(f"oracle: {len(GOOD)} good lines, {len(BAD)} bad lines, {len(sessions())} sessions, {len(rules())} rules; {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
